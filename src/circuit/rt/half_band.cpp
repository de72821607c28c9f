#include "circuit/rt/half_band.h"

#include <algorithm>

namespace lowleg::circuit::rt {
namespace {

/// What a filter will need again moves to the front: the last `kept` of kept + frames samples.
void slide(double* history, std::size_t kept, std::size_t frames) LOWLEG_REALTIME { std::copy_n(history + frames, kept, history); }

}  // namespace

void Doubler::process(const double* in, double* out, std::size_t frames) LOWLEG_REALTIME
{
    const auto half = taps_.size() / 2;
    const auto kept = taps_.size() - 1;
    double* history = history_.data();
    for (std::size_t n = 0; n < frames; ++n) history[kept + n] = in[n];
    for (std::size_t done = 0; done < frames; done += chunk_frames) {
        double midway[chunk_frames]{};
        add_filtered(taps_.data(), taps_.size(), history + done, midway);
        const auto now = std::min(chunk_frames, frames - done);
        for (std::size_t n = 0; n < now; ++n) {
            out[2 * (done + n)] = history[done + n + half - 1];
            out[2 * (done + n) + 1] = midway[n];
        }
    }
    slide(history, kept, frames);
}

void Halver::process(const double* in, double* out, std::size_t frames) LOWLEG_REALTIME
{
    const auto kept_odd = taps_.size() - 1;
    const auto kept_even = taps_.size() / 2 - 1;
    for (std::size_t n = 0; n < frames; ++n) {
        even_[kept_even + n] = in[2 * n];
        odd_[kept_odd + n] = in[2 * n + 1];
    }
    for (std::size_t done = 0; done < frames; done += chunk_frames) {
        double sum[chunk_frames]{};
        add_filtered(taps_.data(), taps_.size(), odd_.data() + done, sum);
        const auto now = std::min(chunk_frames, frames - done);
        for (std::size_t n = 0; n < now; ++n) out[done + n] = 0.5 * (even_[done + n] + sum[n]);
    }
    slide(even_.data(), kept_even, frames);
    slide(odd_.data(), kept_odd, frames);
}

}  // namespace lowleg::circuit::rt
