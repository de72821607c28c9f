/// \file residual.h
/// Captured periods with sines of known frequency, amplitude and phase taken out of their samples.
#pragma once

#include "analysis/hum.h"
#include "analysis/spectra.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace lowleg::analysis {

/// x[n] += Re(phasor·e^{j2π·cycles·n}), n = 0 … size − 1. Rounding below 1e-14 of the phasor.
void add_sine(std::span<double> x, Complex phasor, double cycles_per_frame);

/// A copy of periods, in double precision, of which lines are taken out.
class Residual {
public:
    explicit Residual(std::span<const PeriodView> periods);

    /// \param phasor  peak, at the period's first frame. \param bins  frequency in cycles per period.
    void take_out(std::size_t period, std::size_t leg, Complex phasor, double bins);
    /// The same waveform out of every period. \param waveform  one period.
    void take_out(std::size_t leg, std::span<const double> waveform);
    /// All lines of a fit. \param spectra  those that it was made from.
    void take_out(const HumFit& fit, const Spectra& spectra);

    [[nodiscard]] std::span<const PeriodView> views() const noexcept { return views_; }

private:
    std::vector<std::array<std::vector<double>, 2>> samples_;
    std::vector<PeriodView> views_;
};

}  // namespace lowleg::analysis
