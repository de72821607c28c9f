/// \file statistics.h
/// Distributions behind uncertainties: Student's t and Fisher's F.
#pragma once

namespace lowleg::dsp {

/// The regularised incomplete beta function I_x(a, b); a, b > 0, 0 ≤ x ≤ 1. Relative error below 1e-11
/// for a, b ≤ 100 and 1e-7 for a, b ≤ 1e6 (the logarithms of Γ cancel).
/// Continued fraction of DLMF 8.17.22, summed by the modified Lentz method.
/// \return NaN outside.
[[nodiscard]] double incomplete_beta(double a, double b, double x) noexcept;

/// P(T ≤ t) of Student's t with `dof` > 0 degrees of freedom. \return NaN when dof is not > 0.
[[nodiscard]] double student_t_cdf(double t, double dof) noexcept;

/// The t with P(T ≤ t) = p; 0 < p < 1, dof ≥ 0.1 (not necessarily whole). Relative error below 1e-9
/// for dof ≤ 200 and 1e-6 for dof ≤ 1e6.
/// student_t_quantile(0.975, ν) is the half width of a 95 % interval in standard uncertainties. \return NaN outside.
[[nodiscard]] double student_t_quantile(double p, double dof) noexcept;

/// P(F > x) of Fisher's F with dof1 and dof2 degrees of freedom, both > 0; 1 for x ≤ 0.
[[nodiscard]] double f_exceedance(double x, double dof1, double dof2) noexcept;

/// The x with P(F > x) = p, for dof1 = 2: (ν/2)·(p^(−2/ν) − 1), a closed form. A power of a complex amplitude has two degrees
/// of freedom. 0 < p ≤ 1, dof2 > 0.
[[nodiscard]] double f_quantile_of_power(double p, double dof2) noexcept;

}  // namespace lowleg::dsp
