/// \file harmonics.h
/// What a coherent sine comes back with: its harmonics, and everything else.
#pragma once

#include "analysis/multitone.h"
#include "analysis/noise_level.h"
#include "analysis/spectra.h"
#include "core/record.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace lowleg::analysis {

inline constexpr int highest_harmonic = 9;

/// A ratio of amplitudes ≥ 0 with the half width of its 95 % interval. Where noise alone explains it, `is_bound`: the truth lies below `value`.
struct Ratio {
    double value{};
    double interval_95{};
    bool is_bound{false};

    [[nodiscard]] double relative_95() const noexcept { return value > 0.0 ? interval_95 / value : 0.0; }
};

/// One harmonic on both legs.
struct Harmonic {
    int order{};          ///< 1: the fundamental.
    Hertz frequency{};
    /// Peak phasor of a cosine at the start of the period, full scale = 1.
    std::array<ComplexEstimate, 2> leg;
};

struct LegDistortion {
    Ratio thd;               ///< √(Σ harmonics 2–9 ²) over the fundamental.
    Ratio thd_n;             ///< All in the band but the fundamental, rms, over all in the band. Hum is in it.
    Ratio thd_n_without_hum;
    double rest_rms{};       ///< What is neither the fundamental nor any harmonic nor hum, in the band; full scale = 1.
};

struct HarmonicReading {
    std::vector<Harmonic> harmonics;      ///< Orders 1, 2, … as far as they are below half the rate, 9 at most.
    std::array<LegDistortion, 2> leg;     ///< Zero ratios where the fundamental does not stand out of the noise.
    NoiseBand band;                       ///< Of THD+N.
    MultitoneReading tones;               ///< The record in general: hum, peaks.

    /// Whether the fundamental stands out of the noise on a leg, by 10 of its standard uncertainties.
    [[nodiscard]] bool is_heard(std::size_t which) const;
};

/// Reads a sine that was played on a bin of the period.
///
/// Everything on multiples of the fundamental is coherent: harmonics are read by the estimator of read_multitone(), free of hum and without a window. For THD+N the
/// fundamental is taken out of each period as it is there (an exact notch, as wide as the bin), all harmonics as their mean, and the mains as fitted; what remains is measured as
/// noise (mean_squares()), and harmonics and hum in the band are added by their own powers.
/// \param plan  one drive tone. \param band  flat; it ends at 0.45 of the rate at most.
/// \return failure as of read_multitone(), and when the plan has not one tone.
Result<HarmonicReading> read_harmonics(std::span<const PeriodView> periods, const TonePlan& plan, NoiseBand band = {});
Result<HarmonicReading> read_harmonics(const Record& record, const TonePlan& plan, NoiseBand band = {});

/// Captured phasors on some bins as of read_multitone(), in the order given. \param bins  ascending, no bin twice, below half the period.
Result<MultitoneReading> read_bins(std::span<const PeriodView> periods, double sample_rate_hz, std::span<const std::int64_t> bins);

/// √(Σ|part|²) over `whole`, the noise's own share in the parts taken off.
[[nodiscard]] Ratio root_sum_square(std::span<const ComplexEstimate> parts, const ComplexEstimate& whole);

}  // namespace lowleg::analysis
