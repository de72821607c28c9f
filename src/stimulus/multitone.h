/// \file multitone.h
/// Designs and renders the test signal of `identify`.
#pragma once

#include "core/result.h"
#include "core/tone_plan.h"
#include "core/units.h"

#include <cstdint>
#include <vector>

namespace lowleg::stimulus {

struct MultitoneOptions {
    int drive_tones{12};             ///< Log-spaced; as many probe tones stand beside them. 1 to 32. Where they do not fit, fewer,
                                     ///< down to half (12 fit from 22.05 kHz up).
    Hertz lowest{21.0};              ///< The tones lie between these two …
    Hertz highest{19'500.0};         ///< … and below 0.45 of the rate.
    Dbfs drive_peak{-14.0};          ///< Peak of each channel's signal, a sample value; at most the engine's ceiling.
    Dbfs probe_peak{-14.0};
};

/// A coherent multitone of drive and probe tones for this rate.
///
/// The period is the longest whole number of frames ≤ 0.5 s whose factors are 2, 3, 5 and 7 (0.5 s at all usual rates). All tones sit on odd bins, so no
/// second-order product falls on a tone; none is a third-order product of others (f₁ ± f₂ ± f₃); none lies within three bins
/// of a multiple of 50 or 60 Hz; each probe tone stands a few bins from its drive tone, with a distance of its own. One drive
/// tone lies within 1.5 % of 1 kHz. Where they fit (12 tones do from 16 kHz up), the third harmonics of the two lowest drive tones and of all,
/// at least two, between 150 and 400 Hz are as clear of the mains, and no other product of drive tones. Phases: seeded random start and local
/// search for a low crest factor, the same on every machine.
/// \param sample_rate_hz  8,000 to 768,000. \return usage error outside, or when no such set of tones exists.
Result<TonePlan> design_multitone(double sample_rate_hz, const MultitoneOptions& options = {});

/// One period, interleaved (drive, probe): shape [period_frames × 2]. Full scale = 1.
[[nodiscard]] std::vector<float> render(const TonePlan& plan);

/// Peak over rms of one channel of a rendered signal, dB.
[[nodiscard]] GainDb crest_factor(const std::vector<float>& interleaved, Signal channel);

}  // namespace lowleg::stimulus
