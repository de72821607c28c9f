/// \file sweep_response.h
/// What a synchronized exponential sweep comes back with: the linear response, and that of each harmonic, told apart.
#pragma once

#include "analysis/multitone.h"
#include "analysis/spectra.h"
#include "core/record.h"
#include "core/result.h"
#include "core/sweep_plan.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace lowleg::analysis {

/// At one frequency, on both legs.
struct SweepPoint {
    Hertz frequency{};                     ///< Of what is played, on a bin of the period.
    std::array<ComplexEstimate, 2> leg;
};

/// Order 1: captured over played, with the delay of the path. Order m: the sine of m times the phase that comes back, over the sweep's amplitude when it passed `frequency`; found at m
/// times that frequency, with the delay of the path there.
struct SweepResponse {
    int order{};
    std::vector<SweepPoint> points;        ///< Ascending; for order m as far as m times the frequency is below 0.45 of the rate.
};

struct SweepReading {
    double sample_rate_hz{};
    std::size_t periods{};
    std::vector<SweepResponse> orders;     ///< From order 1.
    Seconds delay{};                       ///< Where the louder leg's impulse response peaks.
    double crest{};                        ///< Of the louder leg's impulse response, peak over rms: noise alone has 4 to 6, whatever clock the sweep comes on more.
    std::array<double, 2> noise_rms{};     ///< What changes from period to period, full scale = 1.
    std::array<double, 2> peak{};
};

/// Reads a sweep from whole periods of a capture on the player's clock.
///
/// The captured spectrum over that of what was played is the path's response, exactly; its impulse response, windowed from the gap before harmonic 2 to the end of the period, is the linear
/// one. That is taken out; the rest, over the spectrum of an endless sweep (Novák, Lotton and Simon 2015, eq. 42), is a row of impulse responses, that of harmonic m being
/// L·ln m early: each is windowed by itself. Windows have raised cosines at both ends and lie off each other. What has no end within its window (a resonance that rings for longer than
/// L·ln(m/(m − 1)), 188 ms for harmonic 2 of the usual sweep) is smoothed. A harmonic above half the rate that folds back is not told apart from others.
/// Uncertainty: from the scatter of the periods, pooled over neighbouring bins.
///
/// \param periods  ≥ 2 without faults, whole periods apart. \param played  the sweep's channel, one period. \param wanted  where points are wanted: the nearest bins are taken,
///                 those that the sweep does not play in full left out. \param orders  1 to 9.
/// \return failure when a period does not fit the plan, or has a sample that is not finite.
Result<SweepReading> read_sweep(std::span<const PeriodView> periods, const SweepPlan& plan, std::span<const double> played, std::span<const Hertz> wanted, int orders);

/// By how many frames later each period came than the one before, from the phases of all frequencies: one figure for each period but the first. What is lost or repeated shows, and two clocks.
/// \return failure as of read_sweep().
Result<std::vector<double>> sweep_advances(std::span<const PeriodView> periods, const SweepPlan& plan);

}  // namespace lowleg::analysis
