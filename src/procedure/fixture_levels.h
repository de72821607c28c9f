/// \file fixture_levels.h
/// What the levels at the inputs say before anything is solved, and what the fixture itself makes of them.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"
#include "core/tone_plan.h"
#include "core/units.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace lowleg::procedure {

/// Above this, capacitance has a part in what the inputs read.
inline constexpr Hertz highest_resistive{2000.0};

/// S.
[[nodiscard]] constexpr double conductance(Ohms r) { return 1.0 / r.value(); }

/// rms of the transfers of a signal's tones up to highest_resistive to one input, noise and all; 0 where the plan has none.
/// \param leg  0 or 1.
[[nodiscard]] double rms_transfer(const analysis::MultitoneReading& reading, Signal signal, std::size_t leg);

// Nothing is left out or said on the strength of less than this many standard deviations.
inline constexpr double certain_sigmas = 4.0;

/// A power, summed over the tones of a signal up to highest_resistive, at an input, its noise taken off; and how well it is known.
struct Power {
    double value{};
    double sigma{};

    [[nodiscard]] bool is_heard() const { return value > 2.0 * certain_sigmas * sigma; }
    [[nodiscard]] double at_least() const { return std::max(value - certain_sigmas * sigma, 0.0); }
    [[nodiscard]] double at_most() const { return std::max(value, 0.0) + certain_sigmas * sigma; }
};

/// \param leg  0 or 1. \return 0 ± 0 where there are no such tones.
[[nodiscard]] Power power_of(std::span<const analysis::ToneReading> tones, Signal signal, std::size_t leg);

/// How loud input 2 hears the probe with nothing on i3, over how loud input 1 would with nothing on i2. A leg only makes it less.
/// \pre fixture.probe
[[nodiscard]] double open_ratio(const Fixture& fixture);

/// What pin 2 gives to input 2 by way of the probe resistors, over pin 2's voltage, while pin 3 is lifted; 0 without them.
[[nodiscard]] double way_round(const Fixture& fixture);

}  // namespace lowleg::procedure
