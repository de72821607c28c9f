/// \file nonlinear_fit.h
/// Nonlinear least squares of few unknowns.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace lowleg::dsp {

struct NonlinearFit {
    std::vector<double> x;       ///< Where the sum of squares is least, as far as was found.
    double cost{};               ///< Σ residual² there.
    std::vector<double> normal;  ///< JᵀJ there, shape [unknowns × unknowns]; empty where it was not asked for.
};

/// Writes the residuals of `x` to `out`. Residuals that are not finite are never accepted.
using Residuals = std::function<void(std::span<const double> x, std::span<double> out)>;

struct NonlinearFitOptions {
    int iterations{20};     ///< At most.
    double enough{1e-3};    ///< Ends when a step gains less than this part of the cost.
    std::span<const double> lower{}, upper{};  ///< Bounds, one per unknown each; empty: none. The start lies within them.
    bool wants_normal{true};
};

/// Levenberg and Marquardt's method (D. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", SIAM J. 11, 1963)
/// with one-sided differences. An unknown that a bound holds back stays there until the slope turns.
/// \param residuals  thread of the caller; \param count  how many residuals; \param start  one value per unknown;
/// \param steps  one per unknown, ≠ 0: by which it is moved for a difference, and a hundredth of the longest step that is taken at once.
[[nodiscard]] NonlinearFit fit_nonlinear(const Residuals& residuals, std::size_t count, std::span<const double> start, std::span<const double> steps,
                                         const NonlinearFitOptions& options = {});

/// ln det of a symmetric, positive matrix of shape [n × n]. \return NaN when it is not positive.
[[nodiscard]] double log_determinant(std::span<const double> matrix, std::size_t n);

}  // namespace lowleg::dsp
