/// \file leg_ratio.h
/// What the interface's two inputs differ by, from reading one output twice, its leads exchanged at the inputs between.
#pragma once

#include "core/result.h"
#include "engine/engine.h"
#include "procedure/calibration.h"
#include "procedure/fixture_switch.h"
#include "procedure/measure.h"

#include <functional>
#include <vector>

namespace lowleg::procedure {

/// What the input on pin 3 reads of the probe over what the one on pin 2 does, in `through`, tone by tone; not corrected by any known gain ratio.
struct LegRatio {
    Hertz frequency{};
    Complex ratio;
    double relative_uncertainty{};  ///< Half width of the 95 % interval.
};

/// Reads the probe in `through`. \return failure where a leg carries nothing of it: then there is nothing to compare.
Result<std::vector<LegRatio>> read_leg_ratios(engine::Engine& engine, FixtureSwitch& fixture_switch, const MeasureOptions& options, const MeasurementObserver& observer,
                                              const std::function<bool()>& should_stop);

/// Gain of the input that is on pin 3 now over that of the one on pin 2, dB. The legs' own ratio drops out of both readings, because the probe drives both legs
/// alike, whatever stands behind them: (before: x·g, now: x/g).
/// \return failure where both readings share no tones, or disagree about the gain by more than it can change over frequency.
[[nodiscard]] Result<CalibratedValue> gain_ratio_now(const std::vector<LegRatio>& before, const std::vector<LegRatio>& now);

}  // namespace lowleg::procedure
