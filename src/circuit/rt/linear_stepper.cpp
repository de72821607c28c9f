#include "circuit/rt/linear_stepper.h"

namespace lowleg::circuit::rt {
namespace {

/// acc[n] += Σ_t h[t] · x[t + n] for one chunk. The chunk's length is a constant, so that the sums stay in registers.
void add_filtered(const double* h, std::size_t taps, const double* x, double* acc) LOWLEG_REALTIME
{
    double sum[chunk_frames];
    for (std::size_t n = 0; n < chunk_frames; ++n) sum[n] = acc[n];
    for (std::size_t t = 0; t < taps; ++t) {
        const double weight = h[t];
        for (std::size_t n = 0; n < chunk_frames; ++n) sum[n] += weight * x[t + n];
    }
    for (std::size_t n = 0; n < chunk_frames; ++n) acc[n] = sum[n];
}

/// A charge this small is 200 dB below anything that is heard; flushed, it never becomes a slow denormal number.
double flushed(double charge) LOWLEG_REALTIME { return charge < 1e-40 && charge > -1e-40 ? 0.0 : charge; }

}  // namespace

LinearStepper::LinearStepper(const StepShape& shape, std::span<double> storage) LOWLEG_REALTIME
    : shape_{shape}, state_{storage.data()}, history_{state_ + shape.states},
      forcing_{history_ + shape.inputs * (shape.taps - 1 + chunk_frames)}, next_{forcing_ + shape.rows() * chunk_frames}
{
}

void LinearStepper::step(const StepMatrices& m, const double* in, double* out, std::size_t frames) LOWLEG_REALTIME
{
    const auto rows = shape_.rows();
    const auto length = shape_.taps - 1 + chunk_frames;

    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        double* newest = history_ + i * length + shape_.taps - 1;
        for (std::size_t n = 0; n < chunk_frames; ++n) newest[n] = n < frames ? in[i * chunk_frames + n] : 0.0;
    }
    for (std::size_t r = 0; r < rows; ++r) {
        double* force = forcing_ + r * chunk_frames;
        for (std::size_t n = 0; n < chunk_frames; ++n) force[n] = m.constant[r];
        for (std::size_t i = 0; i < shape_.inputs; ++i)
            add_filtered(m.from_input + (r * shape_.inputs + i) * shape_.taps, shape_.taps, history_ + i * length, force);
    }
    for (std::size_t n = 0; n < frames; ++n) {
        for (std::size_t r = 0; r < rows; ++r) next_[r] = forcing_[r * chunk_frames + n];
        for (std::size_t s = 0; s < shape_.states; ++s) {
            const double* column = m.from_state + s * rows;
            const double z = state_[s];
            for (std::size_t r = 0; r < rows; ++r) next_[r] += column[r] * z;
        }
        for (std::size_t s = 0; s < shape_.states; ++s) state_[s] = flushed(next_[s]);
        for (std::size_t o = 0; o < shape_.outputs; ++o) out[o * chunk_frames + n] = next_[shape_.states + o];
    }
    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        double* h = history_ + i * length;
        for (std::size_t t = 0; t + 1 < shape_.taps; ++t) h[t] = h[t + frames];
    }
}

}  // namespace lowleg::circuit::rt
