/// \file sweep_plan.h
/// A synchronized exponential sweep: what is played, and what its analysis needs to know of it.
#pragma once

#include "core/units.h"

#include <cmath>
#include <cstdint>
#include <numbers>

namespace lowleg {

/// e(t)·sin(2π·f₁·L·e^(t/L)), 0 ≤ t ≤ T = L·ln(f₂/f₁), then silence up to the end of the period; f₁·L and f₂·L are whole numbers, so that it begins and ends with a whole cycle and
/// its m-th harmonic is the sweep itself, L·ln m early (A. Novák, P. Lotton, L. Simon, "Synchronized Swept-Sine: Theory, Application, and Implementation",
/// J. Audio Eng. Soc. 63 (10), 2015). e(t) falls at the end, as a raised cosine: what ends
/// abruptly, the direct voltage of a second harmonic for one, is heard at all frequencies.
struct SweepPlan {
    double sample_rate_hz{};
    std::int64_t period_frames{};
    Hertz lowest{};      ///< f₁
    Hertz highest{};     ///< f₂
    Seconds growth{};    ///< L: the time in which the frequency grows by e.
    double amplitude{};  ///< Peak, full scale = 1.

    static constexpr double fall_part = 0.05;  ///< Of L: how long e(t) falls.

    [[nodiscard]] Seconds length() const noexcept { return std::log(highest / lowest) * growth; }
    /// The last that is played in full.
    [[nodiscard]] Hertz highest_full() const noexcept { return std::exp(-fall_part) * highest; }
    /// e(t), 0 ≤ e ≤ 1.
    [[nodiscard]] double envelope(Seconds t) const noexcept
    {
        const double part = std::fmin(1.0, (length() - t) / growth / fall_part);
        return part <= 0.0 ? 0.0 : 0.5 - 0.5 * std::cos(std::numbers::pi * part);
    }
    /// How much earlier than the response to the sweep its m-th harmonic's response comes.
    [[nodiscard]] Seconds lead_of(int harmonic) const noexcept { return std::log(static_cast<double>(harmonic)) * growth; }
};

}  // namespace lowleg
