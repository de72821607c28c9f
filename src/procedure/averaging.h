/// \file averaging.h
/// Plays one periodic signal and gathers whole periods of it until a figure is known well enough.
#pragma once

#include "core/record.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "engine/engine.h"
#include "procedure/measurement.h"
#include "procedure/period_source.h"

#include <functional>
#include <optional>
#include <span>
#include <string>

namespace lowleg::procedure {

/// What is played while it is averaged.
struct AveragedSignal {
    std::span<const float> samples;   ///< One period, interleaved (drive, probe), full scale = 1.
    Seconds settling{0.15};           ///< Of signal, before anything counts.
    std::string step;                 ///< For the progress line.
    /// Where it is of tones: periods that do not continue the others are found and left out, and a capture on another clock than the player's is put
    /// back on it (up to largest_clock_offset_ppm).
    const TonePlan* plan{nullptr};
    std::string capture{"through"};   ///< What its capture is called: the file's name without ".wav".
    bool needs_one_clock{false};      ///< Its phase is compared with that of other captures: two clocks are refused (two_clocks_error).
};

struct Averaged {
    Record record;                    ///< Periods without faults, beginning where the played period begins; ≥ 2.
    std::size_t voided{};
    Faults void_reasons;
    Ending ending{Ending::settled};
    std::string lost_because;         ///< See MeasurementQuality.
    double clock_ppm{0.0};            ///< By how much the recorder's clock is faster than the player's; corrected in the record. 0: one clock.
    [[nodiscard]] Seconds signal() const noexcept
    {
        return Seconds{static_cast<double>(record.periods.size()) * static_cast<double>(record.period_frames) / record.sample_rate_hz};
    }
};

/// Crystals stay within 100 ppm of each other; beyond this somebody resamples, or the rate is another.
inline constexpr double largest_clock_offset_ppm = 300.0;

/// From the tones' own frequencies, which no whole number of turns from period to period can hide: by how much the recorder's clock is faster than the player's.
/// 0: one clock, or no tone to be heard. \param in_a_row  three periods or more without a gap.
[[nodiscard]] double clock_offset_ppm(const Record& in_a_row, const TonePlan& plan);
/// That clocks this far apart cannot be corrected here.
[[nodiscard]] Error two_clocks_error(double ppm);

/// Periods that follow on each other without a gap, as they would be on the player's clock: one less, and where they begin is lost.
/// \param ppm  by how much the recorder's clock is faster.
[[nodiscard]] Record on_players_clock(const Record& captured, double ppm);

/// The leading figure of what was gathered so far; none: not to be told yet.
using LeadingFigure = std::function<std::optional<Figure>(const Record&)>;

/// Averages until `leading` gives a figure in dB whose uncertainty is small enough, time is up, or somebody stops it; with a figure of another
/// unit until time is up; a recording until it ends. Leaves the signal playing.
/// \param leading  asked after 2, 3, 4, 6, 8, 12, … periods. May be empty.
/// \param should_stop  asked between periods. Before two periods are whole it ends the measurement as interrupted, from then on with what there is.
/// \return what the source refuses; interrupted when the device goes away before two periods are whole; failure when an input stays digitally silent, clips, periods keep breaking, or
///         two clocks are too far apart.
Result<Averaged> average(PeriodSource& source, const AveragedSignal& signal, const Averaging& averaging, const LeadingFigure& leading, const MeasurementObserver& observer,
                         const std::function<bool()>& should_stop);
Result<Averaged> average(engine::Engine& engine, const AveragedSignal& signal, const Averaging& averaging, const LeadingFigure& leading,
                         const MeasurementObserver& observer, const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
