/// \file jack_block.h
/// One block of the served bench, between the buffers that JACK gives.
#pragma once

#include "core/realtime.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lowleg::bench::rt {

/// Passes a block of any length through a bench: drive, probe → i2, i3.
///
/// The block goes through buffers of our own. JACK's may overlap (whoever connects i2 to drive gets one buffer for both),
/// and what strangers play may be NaN, which a filter would keep for ever; it counts as 0.
template <class Bench>
class JackBlock {
public:
    explicit JackBlock(Bench& bench) noexcept : bench_{&bench} {}

    void run(const float* drive, const float* probe, float* i2, float* i3, std::uint32_t frames) LOWLEG_REALTIME
    {
        for (std::uint32_t at = 0; at < frames;) {
            const std::uint32_t n = std::min(frames - at, chunk);
            for (std::uint32_t i = 0; i < n; ++i) {
                drive_[i] = finite(drive[at + i]);
                probe_[i] = finite(probe[at + i]);
            }
            bench_->process(drive_.data(), probe_.data(), i2_.data(), i3_.data(), n);
            std::copy_n(i2_.data(), n, i2 + at);
            std::copy_n(i3_.data(), n, i3 + at);
            at += n;
        }
    }

private:
    static constexpr std::uint32_t chunk = 256;

    static float finite(float x) LOWLEG_REALTIME { return std::isfinite(x) ? x : 0.0F; }

    Bench* bench_;
    std::array<float, chunk> drive_{}, probe_{}, i2_{}, i3_{};
};

}  // namespace lowleg::bench::rt
