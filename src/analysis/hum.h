/// \file hum.h
/// Mains hum in periods that are not coherent with it: fitted in the bins around its lines, and subtracted.
#pragma once

#include "analysis/spectra.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace lowleg::analysis {

/// One line of the mains on one leg.
struct HumLine {
    Complex amplitude{};      ///< Peak phasor at the start of the stretch; 0 where the line does not stand out.
    double variance{};        ///< E|error|² of the amplitude at a fixed fundamental.
    Complex frequency_pull{}; ///< ∂amplitude/∂fundamental of the fit, per bin: both errors go together.
};

/// The hum of a stretch of periods. Harmonic h = 1 … lines.size() stands at lines[h − 1].
struct HumFit {
    std::size_t first{};          ///< Periods first … first + count − 1 of the spectra.
    std::size_t count{};
    double fundamental_bins{};
    double fundamental_variance{};
    std::vector<std::array<HumLine, 2>> lines;

    /// Variance E|error|² that this fit puts on the mean, over all `periods` periods, of the bin.
    [[nodiscard]] double variance_in(std::int64_t bin, std::size_t leg, const Spectra& spectra) const;
    /// Rms of all lines of a leg, full scale = 1.
    [[nodiscard]] double rms(std::size_t leg) const;
};

/// Finds the mains in one stretch of periods, which should span no more than some seconds: the mains wander.
///
/// Each line h is a sine of h times the fundamental through all periods of the stretch, fitted to the free bins within three of
/// it; the fundamental is the one that fits all lines of both legs best (search, then Gauss–Newton). Up to 40 harmonics, only
/// those that stand out. A product of the test tones that falls exactly on a mains line counts as hum: nothing tells them apart
/// when the mains is exact, and no tone suffers, since a line on a bin leaks nowhere.
/// \return nothing when no mains line stands out of the noise and the distortion around it.
[[nodiscard]] std::optional<HumFit> fit_hum(const Spectra& spectra, std::size_t first, std::size_t count, const BinMap& bins,
                                            double bin_hz);

/// Takes the fitted lines out of all bins of the periods they were fitted to.
void subtract(const HumFit& fit, Spectra& spectra);

/// fit_hum and subtract for all periods, in stretches of at most 8 periods' span; the bins of the lines are excluded.
[[nodiscard]] std::vector<HumFit> remove_hum(Spectra& spectra, BinMap& bins, double bin_hz);

}  // namespace lowleg::analysis
