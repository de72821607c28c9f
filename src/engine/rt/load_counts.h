/// \file load_counts.h
/// How much of its block's time the audio callback takes, counted as it happens.
#pragma once

#include "core/realtime.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lowleg::engine::rt {

/// A histogram with eight bins an octave: what is read from it is within 6 % of the truth. One thread adds; any thread reads.
struct LoadCounts {
    static constexpr std::size_t bins_per_octave = 8;
    static constexpr int lowest_octave = -16;  ///< From 1/65536 of the block …
    static constexpr std::size_t octaves = 20; ///< … to 16 times its length; what is beyond counts at the ends.
    std::array<std::atomic<std::uint64_t>, bins_per_octave * octaves> blocks{};
    std::atomic<float> worst{0.0F};

    /// \param load  time taken over the block's own, ≥ 0.
    void add(float load) LOWLEG_REALTIME
    {
        constexpr std::uint32_t bias = 127;
        constexpr float least = 1.0F / 65536.0F;
        constexpr float most = 15.9F;
        const auto bits = std::bit_cast<std::uint32_t>(std::clamp(load, least, most));
        // A float's exponent and the first three bits of its mantissa: octave, and eighth of it.
        const std::size_t bin = (bits >> 20U) - ((bias - 16U) << 3U);
        auto& count = blocks[bin];
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        if (load > worst.load(std::memory_order_relaxed)) worst.store(load, std::memory_order_relaxed);
    }
};

}  // namespace lowleg::engine::rt
