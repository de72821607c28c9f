#include "circuit/rt/linear_stepper.h"

#include <algorithm>

namespace lowleg::circuit::rt {
namespace {

/// A charge this small is 200 dB below anything that is heard; flushed, it never becomes a slow denormal number.
double flushed(double charge) LOWLEG_REALTIME { return charge < 1e-40 && charge > -1e-40 ? 0.0 : charge; }

}  // namespace

LinearStepper::LinearStepper(const LinearShape& shape, std::span<double> storage) LOWLEG_REALTIME
    : shape_{shape}, frames_{storage.data()}, history_{frames_ + shape.rows() * (1 + chunk_frames)},
      doubled_{history_ + shape.inputs * Doubler::storage_for(shape.half_band_taps, chunk_frames)}
{
}

void LinearStepper::take_inputs_of(const LinearStepper& other) LOWLEG_REALTIME
{
    std::copy_n(other.history_, shape_.inputs * Doubler::storage_for(shape_.half_band_taps, chunk_frames), history_);
    std::copy_n(other.doubled_, shape_.inputs * doubled_length(shape_), doubled_);
}

void LinearStepper::step(const LinearMatrices& m, const double* in, double* out, std::size_t frames) LOWLEG_REALTIME
{
    const auto rows = shape_.rows();
    const auto history_length = Doubler::storage_for(shape_.half_band_taps, chunk_frames);

    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        Doubler doubler{{m.half_band, shape_.half_band_taps}, {history_ + i * history_length, history_length}};
        doubler.process(in + i * chunk_frames, doubled_ + i * doubled_length(shape_) + shape_.taps - 2, frames);
    }
    set_forcing(m.constant, m.from_input, rows, shape_.inputs, shape_.taps, doubled_, doubled_length(shape_), 2, frames_ + rows);
    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        double* doubled = doubled_ + i * doubled_length(shape_);
        std::copy_n(doubled + 2 * frames, shape_.taps - 2, doubled);
    }
    add_recursion(m.from_state, rows, shape_.states, frames_, frames);

    for (std::size_t o = 0; o < shape_.outputs; ++o)
        for (std::size_t n = 0; n < frames; ++n) out[o * chunk_frames + n] = frames_[(n + 1) * rows + shape_.states + o];
    const double* last = frames_ + frames * rows;
    for (std::size_t s = 0; s < shape_.states; ++s) frames_[s] = flushed(last[s]);
}

}  // namespace lowleg::circuit::rt
