/// \file multitone.h
/// What a capture of a multitone says: each tone's complex level with its uncertainty, hum, noise, distortion.
#pragma once

#include "core/record.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace lowleg::analysis {

/// A complex quantity and how well it is known. Its two parts are equally and independently uncertain.
struct ComplexEstimate {
    Complex value{};
    double sigma{};               ///< Standard uncertainty of the real part, and of the imaginary part; ≥ 0.
    double degrees_of_freedom{};  ///< Of sigma, ≥ 1.

    /// Half width of the 95 % interval of |value| (Student's t), in units of |value|. Meaningful for |value| ≫ sigma.
    [[nodiscard]] double amplitude_interval_95() const;
    /// The same for the phase, rad.
    [[nodiscard]] double phase_interval_95_rad() const;
};

/// One tone of the plan, on both legs.
struct ToneReading {
    Signal signal{};
    std::int64_t bin{};
    Hertz frequency{};
    /// Captured over played phasor, per leg ([0] pin 2, [1] pin 3): a dimensionless transfer, full scale over full scale.
    /// Its phase refers to the tone's own phase in the plan and includes the delay of the loop.
    std::array<ComplexEstimate, 2> leg;
};

struct HumReading {
    Hertz fundamental{};                    ///< Fitted, near 50 or 60 Hz.
    std::array<double, 2> rms{};            ///< All fitted lines of each leg together, full scale = 1.
};

/// What is neither a tone nor hum, 20 Hz to 20 kHz (or to 0.45 of the rate), per leg.
struct Residue {
    double noise_rms{};       ///< Changes from period to period; full scale = 1. One period: what is on no product of the tones.
    double distortion_rms{};  ///< The same in every period, on free bins, after the noise in it is taken away; full scale = 1.
                              ///< 0 when none stands out of the noise. One period: on second- and third-order products alone.
};

/// The third harmonic of one drive tone, at each leg over the fundamental at the same leg.
struct ThirdHarmonic {
    Hertz fundamental{};
    /// |third|/|fundamental|, at the angle of the third against three times the fundamental's: no delay changes it, and two legs that give
    /// the same waveform, in phase or opposite, show the same. A leg whose fundamental is in the noise shows 0 ± 1.
    std::array<ComplexEstimate, 2> ratio;
};

struct MultitoneReading {
    double sample_rate_hz{};
    std::size_t periods{};             ///< That entered the result.
    std::vector<ToneReading> tones;    ///< In the plan's order.
    /// Of the drive tones up to 400 Hz, ascending; left out are those whose third harmonic is on a tone, on a line of hum, or where another
    /// third-order product of drive tones falls, too.
    std::vector<ThirdHarmonic> third_harmonics;
    std::optional<HumReading> hum;     ///< None: no mains line stands out of the noise.
    std::array<Residue, 2> residue;
    std::array<double, 2> peak{};      ///< Largest absolute sample, full scale = 1.
    std::array<double, 2> dc{};        ///< Mean of all samples, full scale = 1: direct voltage and the input's own offset.
};

/// Reads a multitone from whole periods of a capture on the player's clock.
///
/// Mains hum (fundamental fitted within 49.5–50.5 or 59.5–60.5 Hz, and its harmonics) is estimated from the bins around the
/// lines, of all periods together, and subtracted before the tones are read; what its subtraction leaves uncertain is in
/// sigma. Each tone's value is the mean over the periods; sigma comes from the scatter of the periods about it, pooled with
/// that of the free bins beside the tone (one period: from the level of those free bins alone).
///
/// \param record  ≥ 1 period, every one without faults, of the plan's length and rate.
/// \param plan    what was played.
/// \return failure when the record is empty, does not fit the plan, has faults, or holds a sample that is not finite.
/// Thread-safe.
Result<MultitoneReading> read_multitone(const Record& record, const TonePlan& plan);

/// Finds the periods that do not continue the others: a tone whose phase or level in that period departs from the median of
/// all periods by more than noise explains (a lost, repeated or shifted block that nobody reported).
///
/// From a jump of the delay onward every period differs from those before: the larger group counts as good, the later one when equal.
/// \return indices into record.periods, ascending. Fewer than 2 periods: empty, nothing can be said.
std::vector<std::size_t> find_broken_periods(const Record& record, const TonePlan& plan);

/// The delay of a path from the phases of its tones: the τ for which H(f)·e^{+j2πfτ} adds up best over the tones, weighted by
/// how well each is known; a pure delay and a constant sign explain the phases. Where all tones stand on odd bins, half a period
/// more is the same as the opposite sign: then the delay is the one below half a period. A lead of up to 1 ms reads as no delay.
struct DelayReading {
    Seconds delay{};      ///< 0 ≤ delay < one period (half of it on odd bins): a repeating signal cannot tell more.
    bool inverted{};      ///< The constant sign is −1.
    double coherence{};   ///< 0 … 1: how much of the tones' level adds up. Below 0.8 the path is no delay.
};
/// \param leg  0 or 1. \return failure when no tone of this signal stands out of the noise.
Result<DelayReading> measure_delay(const MultitoneReading& reading, Signal signal, std::size_t leg);

/// How far the clock of a recording runs off the player's, from the advance of the tones' phases per period.
/// Positive: the recorder's clock is fast (it recorded more samples per second than were played).
struct ClockReading {
    double offset_ppm{};
    double sigma_ppm{};
};
/// \param record  ≥ 2 consecutive periods. \return failure when fewer, or no tone stands out of the noise.
Result<ClockReading> measure_clock(const Record& record, const TonePlan& plan);

}  // namespace lowleg::analysis
