/// \file capture_watch.h
/// Captures whole periods in short pieces, and sees in each whether the drive must stop.
#pragma once

#include "core/record.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "engine/engine.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lowleg::procedure {

/// Looks at what is captured while one signal plays in one state of the switch, piece by piece, 25 ms each.
///
/// All tones of the test signal sit on odd bins, so that half a period later it comes again with the opposite sign: a piece is held
/// against the one half a period before it. The difference from sample to sample is what is compared, in which what still settles
/// after the switch has moved (offsets, flux) weighs nothing.
class CaptureWatch {
public:
    static constexpr std::int64_t pieces_per_period = 20;

    /// \param leg  shape [frames], both alike. \return why the drive must stop, a part of a sentence ("the level at pin 2 fell by 12 dB").
    std::optional<std::string> look_at(const std::array<std::span<const float>, 2>& leg, Faults faults);
    /// The next piece does not follow on the last one.
    void forget();

private:
    std::vector<std::optional<std::array<double, 2>>> levels_;  ///< Of the pieces so far; none: it was broken.
    std::array<std::size_t, 2> low_in_a_row_{};
    std::array<std::size_t, 2> clipped_{};
};

/// Gives whole periods of what plays, from wherever in it the capture begins, so that nothing waits for the period's start.
class PeriodCapture {
public:
    /// \param not_before  frame of the stream before which nothing counts; what plays must have begun.
    /// \param settle_frames  captured and watched for clipping before the first period.
    PeriodCapture(engine::Engine& engine, std::int64_t period_frames, std::uint64_t not_before, std::int64_t settle_frames);

    /// \return the next period, good or bad; interrupted when the drive must stop (then unsafe() says why), or the device is gone.
    /// \param should_stop  asked between pieces. \return a period with faults at once when it turns true.
    Result<Period> next(const std::function<bool()>& should_stop);

    /// Moves consecutive periods, of which the last was captured last, a quarter of a period on: for a DUT that has not settled at their beginning.
    /// What plays repeats, so that it does not matter where a period begins. \return false, with the record as it was, when the audio
    /// broke meanwhile; else as next().
    Result<bool> slide(Record& record, const std::function<bool()>& should_stop);

    [[nodiscard]] const std::optional<std::string>& unsafe() const noexcept { return unsafe_; }
    /// Where in the playing signal the periods begin, in frames; known after the first one.
    [[nodiscard]] std::int64_t position() const noexcept { return position_; }
    /// Frames from `not_before`, or from the start of what plays, to the last one that was used.
    [[nodiscard]] std::int64_t frames_used() const noexcept { return next_ - begin_; }

private:
    Status settle();
    /// Pieces `from` to `to` of a period, one after another, until frames are lost. \return interrupted as next().
    Result<Period> capture(std::int64_t from, std::int64_t to, const std::function<bool()>& should_stop);
    [[nodiscard]] std::int64_t begin_of(std::int64_t piece) const { return piece * period_frames_ / CaptureWatch::pieces_per_period; }

    engine::Engine& engine_;
    std::int64_t period_frames_;
    std::uint64_t not_before_;
    std::int64_t settle_frames_;
    bool is_settled_{false};
    std::int64_t begin_{0};
    std::int64_t next_{0};        ///< Where the next piece begins.
    std::int64_t first_{-1};      ///< Of the first period.
    std::int64_t position_{0};
    std::optional<std::string> unsafe_;
    CaptureWatch watch_;
};

/// The same signal as it is met by who begins `position` frames into it.
[[nodiscard]] TonePlan plan_from(const TonePlan& plan, std::int64_t position);

}  // namespace lowleg::procedure
