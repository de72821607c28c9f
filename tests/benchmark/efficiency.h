/// \file efficiency.h
/// How much of what a capture holds about its tones the estimator gets out of it.
#pragma once

#include "core/result.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace lowleg::benchmarks {

/// An efficiency is the Cramér–Rao bound over the mean square of the errors about the truth (their bias included), of all tones and
/// both legs; 1 is what no unbiased estimator exceeds.
struct Efficiency {
    std::string_view what;   ///< "hum, fitted"
    std::size_t periods{};
    double amplitude{};
    double amplitude_error{};  ///< Standard error of that, from the scatter of the trials.
    double phase{};
    double phase_error{};
    double worst_tone{};       ///< The least of any tone, amplitude and phase together.
    double worst_tone_error{};
    bool is_required{true};    ///< False: a row that shows what the fit of the hum is good for.
};

/// Tones of `identify` at 48 kHz in white Gaussian noise of −100 dBFS (rms, 0 to 24 kHz), independent in every trial: the same seeds
/// give the same.
///
/// Samples x[n] = Σ Aₖ·cos(ωₖn + φₖ) + w[n] with known ωₖ, n = 0 … N−1, w of variance σ², are a linear model in Aₖ·cos φₖ and
/// Aₖ·sin φₖ, and where whole periods are taken its columns are orthogonal: var(Âₖ) ≥ 2σ²/N and var(φ̂ₖ) ≥ 2σ²/(Aₖ²N) (S. M. Kay,
/// Fundamentals of Statistical Signal Processing: Estimation Theory, 1993, ch. 3.7 and 4.4). With hum, the amplitudes and phases of its
/// lines at each leg and the fundamental that all share are unknown, too: then the bound is the tones' part of the inverse of the whole
/// Fisher matrix, JᵀJ/σ² with J the derivatives of all samples.
Result<std::vector<Efficiency>> measure_efficiency(std::size_t trials);

}  // namespace lowleg::benchmarks
