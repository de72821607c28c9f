/// \file tone_plan.h
/// What a test signal contains, exactly: the one description that the player and the analysis share.
#pragma once

#include "core/units.h"

#include <cstdint>
#include <vector>

namespace lowleg {

/// Which of the two test signals a tone belongs to.
enum class Signal : std::uint8_t {
    drive,  ///< Channel 1, into the DUT's input.
    probe,  ///< Channel 2, into both legs through the probe resistors.
};

/// One sine of a test signal: amplitude · cos(2π·bin·n/period + phase), n = 0 at the start of the period.
struct Tone {
    Signal signal;
    std::int64_t bin;    ///< Whole cycles in one period; 0 < bin < period_frames/2.
    double amplitude;    ///< Peak, full scale = 1.
    double phase_rad;
};

/// A periodic two-channel test signal. Every tone sits exactly on a bin of the period.
struct TonePlan {
    double sample_rate_hz{};
    std::int64_t period_frames{};
    std::vector<Tone> tones;  ///< Ascending bins; no bin twice.

    [[nodiscard]] Hertz frequency_of(std::int64_t bin) const noexcept
    {
        return Hertz{static_cast<double>(bin) * sample_rate_hz / static_cast<double>(period_frames)};
    }
    [[nodiscard]] Seconds period() const noexcept { return Seconds{static_cast<double>(period_frames) / sample_rate_hz}; }
};

}  // namespace lowleg
