#include "bench/rt/line.h"

#include <cmath>

namespace lowleg::bench::rt {
namespace {

constexpr std::size_t lanes = 4;

/// Σ w[t] · x[t], with w between two rows of the table. In four sums, so that it need not wait for each addition.
double interpolated(const double* row, const double* next_row, double part, const float* x, std::size_t taps) LOWLEG_REALTIME
{
    double sums[lanes]{};
    for (std::size_t t = 0; t < taps; t += lanes)
        for (std::size_t k = 0; k < lanes; ++k)
            sums[k] += (row[t + k] + part * (next_row[t + k] - row[t + k])) * static_cast<double>(x[t + k]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

void Line::write(float a, float b) LOWLEG_REALTIME
{
    newest_ = newest_ + 1 == setup_.length ? 0 : newest_ + 1;
    setup_.samples[0][newest_] = a;
    setup_.samples[1][newest_] = b;
    if (newest_ < setup_.table.taps) {  // the ring's beginning again at its end: taps lie side by side everywhere
        setup_.samples[0][newest_ + setup_.length] = a;
        setup_.samples[1][newest_ + setup_.length] = b;
    }
    if (written_ < setup_.length) ++written_;
}

std::array<double, 2> Line::read() LOWLEG_REALTIME
{
    const auto whole = setup_.delay + (has_slipped_ ? setup_.slip : 0);
    const auto& table = setup_.table;
    if (table.taps == 0) {
        const auto at = back_from_newest(whole);
        return {static_cast<double>(setup_.samples[0][at]), static_cast<double>(setup_.samples[1][at])};
    }
    // What is read lies `drift` frames back from the middle of the newest taps: between two samples, `behind` and one less.
    const double behind = std::ceil(drift_);
    const double phase = (behind - drift_) * static_cast<double>(table.phases);
    const auto row = static_cast<std::size_t>(phase);
    const double* weights = table.weights.data() + row * table.taps;
    const auto first = back_from_newest(whole + static_cast<std::size_t>(behind) + table.taps - 1);
    std::array<double, 2> out;
    for (std::size_t c = 0; c < 2; ++c)
        out[c] = interpolated(weights, weights + table.taps, phase - static_cast<double>(row), setup_.samples[c].data() + first, table.taps);

    drift_ += drift_per_frame_;
    if (drift_ >= setup_.most_drift_frames) drift_ -= setup_.most_drift_frames;
    else if (drift_ < 0.0) drift_ += setup_.most_drift_frames;
    return out;
}

void Path::change_to(Line* next) LOWLEG_REALTIME
{
    if (next_ != nullptr) next_->is_spent.store(true, std::memory_order_release);
    next_ = next;
    change_ = Change::filling;
    faded_frames_ = 0;
}

void Path::set_drift(double frames_per_frame) LOWLEG_REALTIME
{
    for (auto* line : {line_, next_})
        if (line != nullptr) line->set_drift(frames_per_frame);
}

void Path::pass(double* a, double* b, std::size_t frames, std::uint32_t slips) LOWLEG_REALTIME
{
    for (std::size_t n = 0; n < frames; ++n) {
        const std::array<double, 2> in{a[n], b[n]};
        const auto through = [&](Line* line) LOWLEG_REALTIME { return line != nullptr ? line->read() : in; };
        for (auto* line : {line_, next_}) {
            if (line == nullptr) continue;
            if ((slips >> n & 1U) != 0) line->slip();
            line->write(static_cast<float>(in[0]), static_cast<float>(in[1]));
        }
        if (change_ == Change::filling && (next_ == nullptr || next_->is_full())) change_ = Change::fading;

        auto out = through(line_);
        if (change_ == Change::fading) {
            const auto later = through(next_);
            const double part = static_cast<double>(++faded_frames_) / static_cast<double>(fade_frames_);
            for (std::size_t c = 0; c < 2; ++c) out[c] += part * (later[c] - out[c]);
            if (faded_frames_ == fade_frames_) {
                if (line_ != nullptr) line_->is_spent.store(true, std::memory_order_release);
                line_ = next_;
                next_ = nullptr;
                change_ = Change::none;
            }
        }
        a[n] = out[0];
        b[n] = out[1];
    }
}

}  // namespace lowleg::bench::rt
