/// \file tone_watch.h
/// The plan's tones as they are now: read from the last moments of captured audio, again and again.
#pragma once

#include "analysis/multitone.h"
#include "core/record.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "dsp/tone_fit.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace lowleg::procedure {

/// Fits the plan's tones, and beside them the lines of the mains and the lower harmonics of the lower tones, to the last 150 ms. Whatever else
/// is in them (noise, a contact that bounces, a change in their middle) goes into the sigma of every tone.
class ToneWatch {
public:
    /// Frames of the stretches that push() is to be given: 25 ms.
    [[nodiscard]] static std::int64_t stretch_frames(double sample_rate_hz);

    /// Takes a tenth of a second of computing. \param mains  where it is known; 50 and 60 Hz otherwise.
    /// \return failure for a plan whose tones stand too close.
    static Result<ToneWatch> create(const TonePlan& plan, std::optional<Hertz> mains = {});

    /// Begins anew with the same tones at other levels. \return false for another plan.
    [[nodiscard]] bool restart(const TonePlan& plan);

    /// A stretch that does not follow the one before, or has a fault other than clipping, begins anew.
    void push(const Stretch& stretch);
    /// \return nothing until 150 ms without a break are there; then the tones in the plan's order, of amplitudes in the plan.
    [[nodiscard]] std::optional<std::vector<analysis::ToneReading>> read() const;

private:
    ToneWatch(TonePlan plan, dsp::ToneFit fit) : plan_{std::move(plan)}, fit_{std::move(fit)} {}

    TonePlan plan_;
    dsp::ToneFit fit_;
    std::deque<Stretch> stretches_;
};

}  // namespace lowleg::procedure
