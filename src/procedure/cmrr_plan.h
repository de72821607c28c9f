/// \file cmrr_plan.h
/// The test signal of a CMRR measurement: one channel of tones, loud where the figures are.
#pragma once

#include "core/result.h"
#include "core/tone_plan.h"
#include "core/units.h"

#include <array>

namespace lowleg::procedure {

/// Where CMRR is told as a figure.
inline constexpr std::array cmrr_figures{Hertz{50.0}, Hertz{60.0}, Hertz{1000.0}, Hertz{10e3}};

/// A coherent multitone on output 1, about two tones per octave from 22 Hz to 20 kHz, from 88.2 kHz on to 40 kHz, all below 0.45 of the rate.
///
/// All tones sit on odd bins, four bins or more from every multiple of 50 and 60 Hz; none is a third-order product of others. Those that the
/// figures rest on, beside 50 and 60 Hz (one below both, one above both), 1 kHz and 10 kHz, are louder than the others by deep_tone_gain.
/// Phases: seeded search for a low peak.
/// \param peak  of the signal, a sample value. \param sample_rate_hz  8,000 to 768,000. \return usage error outside.
Result<TonePlan> design_cmrr_signal(double sample_rate_hz, Dbfs peak);

inline constexpr GainDb deep_tone_gain{9.0};

/// The same tones and phases, played at another peak. \pre plan is of design_cmrr_signal with the peak `from`.
[[nodiscard]] TonePlan at_level(TonePlan plan, Dbfs from, Dbfs to);

}  // namespace lowleg::procedure
