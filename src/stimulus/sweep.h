/// \file sweep.h
/// Designs and renders the synchronized exponential sweep.
#pragma once

#include "core/result.h"
#include "core/sweep_plan.h"
#include "core/units.h"

#include <cstdint>
#include <vector>

namespace lowleg::stimulus {

struct SweepOptions {
    Hertz lowest{20.0};        ///< What is to be measured; the sweep begins below, by half an octave, and ends above, by a third where the rate allows.
    Hertz highest{20'000.0};   ///< At most 0.45 of the rate.
    Dbfs peak{-14.0};
};

/// A sweep that fills a period but for its last fiftieth.
/// \param period_frames  even; long enough for the lowest frequency: f₁·L ≥ 1, 0.34 s for 20 Hz to 20 kHz.
/// \return usage error when the range is none, the period too short for it or the rate too low.
Result<SweepPlan> design_sweep(double sample_rate_hz, std::int64_t period_frames, const SweepOptions& options = {});

/// One period, interleaved (drive, probe): shape [period_frames × 2]; the probe is silent.
[[nodiscard]] std::vector<float> render(const SweepPlan& plan);

}  // namespace lowleg::stimulus
