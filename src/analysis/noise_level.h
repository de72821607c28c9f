/// \file noise_level.h
/// Power of noise in a band, flat or weighted, with its uncertainty; hum told apart from it.
#pragma once

#include "analysis/multitone.h"
#include "analysis/residual.h"
#include "analysis/spectra.h"
#include "analysis/weighting.h"
#include "core/record.h"
#include "core/result.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace lowleg::analysis {

/// What is added up: everything between two frequencies, weighted.
struct NoiseBand {
    Hertz lowest{20.0};
    Hertz highest{20'000.0};
    Weighting weighting{Weighting::flat};
};

/// `band`, ending at 0.45 of the rate at most: converters pass no more.
[[nodiscard]] NoiseBand fitting(NoiseBand band, double sample_rate_hz) noexcept;

/// A mean square, full scale = 1, and how well it is known.
struct NoisePower {
    double mean_square{};
    double relative_sigma{};     ///< Standard uncertainty of the mean square over the mean square.
    double degrees_of_freedom{}; ///< Of relative_sigma.

    [[nodiscard]] double rms() const noexcept;
    /// Half width of the 95 % interval of the rms over the rms.
    [[nodiscard]] double relative_interval_95() const;
};

/// What each bin counts in a band: (its part within the band)·(weighting at its middle)². A bin reaches half a bin to either side, so that white noise is counted
/// over exactly highest − lowest; a bin of zero frequency never counts. Shape [period_frames/2 + 1].
[[nodiscard]] std::vector<double> weights_of(const NoiseBand& band, double sample_rate_hz, std::int64_t period_frames);

/// Mean square of both legs in some bands at once: shape [band][leg].
///
/// Nothing in noise is coherent with the period, so each stretch of one period is windowed (Hann: what is out of a band by 15 bins counts with −80 dB, a constant not at all
/// from the second bin on) and normalised by the window's own power, exact for what changes little over two bins. Stretches overlap by half where periods
/// follow one another, and their powers are averaged: that way every sample counts nearly alike, and the scatter is that of the best estimate but for 5 %.
/// The uncertainty is that of Gaussian noise with the spectrum that was found; where the stretches scatter more than that (probability below 0.001), it is theirs.
/// \param weights  of weights_of(), for periods of this length. \pre periods is not empty, all of one length, even and smooth.
[[nodiscard]] Result<std::vector<std::array<NoisePower, 2>>> mean_squares(std::span<const PeriodView> periods, std::span<const std::vector<double>> weights);

/// One line of the mains, on both legs.
struct MainsLine {
    int harmonic{};                          ///< Of the fundamental, from 1.
    Hertz frequency{};
    std::array<double, 2> mean_square{};     ///< Mean over the record; 0 where it does not stand out of the noise.
    std::array<double, 2> relative_sigma{};  ///< Of the amplitude; 0 with mean_square.
};

struct MainsReading {
    Hertz fundamental{};
    double fundamental_sigma_hz{};
    std::vector<MainsLine> lines;            ///< Ascending; those that stand out on a leg in half of the record at least.

    /// Mean square of all lines of a leg in a band, weighted.
    [[nodiscard]] double mean_square(std::size_t leg, const NoiseBand& band) const;
};

/// \return nothing when there is no fit.
[[nodiscard]] std::optional<MainsReading> mains_of(std::span<const HumFit> fits, double bin_hz);

struct NoiseReading {
    double sample_rate_hz{};
    std::size_t periods{};
    std::vector<NoiseBand> bands;                        ///< As asked for, ending below 0.45 of the rate.
    std::vector<std::array<NoisePower, 2>> without_hum;  ///< Per band and leg, the mains' lines taken out.
    std::vector<std::array<NoisePower, 2>> with_hum;     ///< The same with their power added: what a meter shows.
    std::optional<MainsReading> hum;                     ///< None: no line of the mains stands out.
    std::array<double, 2> dc{};                          ///< Mean of all samples, full scale = 1.
    /// Where a leg has no hum: what the lines of 50 or of 60 Hz up to the tenth could hold together at most (95 %), rms, full scale = 1.
    std::array<double, 2> hum_limit{};
};

/// Reads what the inputs hear while nothing is played. \param bands  ≥ 1.
/// \return failure when the record is empty, has faults, a sample that is not finite, or a length that has no transform.
Result<NoiseReading> read_noise(std::span<const PeriodView> periods, double sample_rate_hz, std::span<const NoiseBand> bands);
Result<NoiseReading> read_noise(const Record& record, std::span<const NoiseBand> bands);

}  // namespace lowleg::analysis
