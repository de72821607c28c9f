/// \file linear_fit.h
/// Complex linear least squares with prior knowledge: what the data do not determine shows in its uncertainty.
#pragma once

#include "core/units.h"

#include <span>
#include <vector>

namespace lowleg::dsp {

struct LinearFit {
    std::vector<Complex> x;      ///< The unknowns.
    std::vector<double> sigma;   ///< Standard uncertainty of the real part, and of the imaginary part, of each.
    double chi_square{};         ///< Σ (residual/sigma)² over both parts of all equations.
};

/// One equation Σ a_j·x_j = b, b known to ±sigma (each part).
struct LinearEquation {
    std::vector<Complex> a;
    Complex b;
    double sigma;  ///< > 0
};

/// Finds the x that maximises the probability of the equations, each unknown being 0 ± prior_sigma beforehand (zero-mean
/// complex Gaussians: the Bayesian linear model, S. Kay, Fundamentals of Statistical Signal Processing I, ch. 15.8).
/// \param prior_sigma  one per unknown, > 0. Make it far larger than anything expected: where the posterior sigma comes out
///                     near it, the data say nothing.
[[nodiscard]] LinearFit fit_linear(std::span<const LinearEquation> equations, std::span<const double> prior_sigma);

}  // namespace lowleg::dsp
