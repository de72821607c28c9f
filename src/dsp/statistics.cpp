#include "dsp/statistics.h"

#include <cmath>
#include <limits>

namespace lowleg::dsp {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The continued fraction of I_x(a, b); converges fast for x < (a+1)/(a+b+2).
double beta_fraction(double a, double b, double x) noexcept
{
    constexpr double tiny = 1e-300;
    const auto away_from_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
    double c = 1.0;
    double d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    double sum = d;
    // O(√max(a, b)) terms are needed: 10,000 is ample for 1e6.
    for (int i = 1; i < 10'000; ++i) {
        const double m = i;
        const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        sum *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        sum *= d * c;
        if (std::abs(d * c - 1.0) < 1e-15) break;
    }
    return sum;
}

/// I_x(a, b) with 1 − x given beside x, so that neither end loses digits.
double incomplete_beta(double a, double b, double x, double one_minus_x) noexcept
{
    if (x <= 0.0) return 0.0;
    if (one_minus_x <= 0.0) return 1.0;
    const double front =
        std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log(one_minus_x));
    if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
    return 1.0 - front * beta_fraction(b, a, one_minus_x) / b;
}

/// P(T > t), t ≥ 0.
double student_t_tail(double t, double dof) noexcept
{
    const double t2 = t * t;
    return std::isinf(t2) ? 0.0 : 0.5 * incomplete_beta(0.5 * dof, 0.5, dof / (dof + t2), t2 / (dof + t2));
}

}  // namespace

double incomplete_beta(double a, double b, double x) noexcept
{
    if (!(a > 0.0) || !(b > 0.0) || !(x >= 0.0) || !(x <= 1.0)) return not_a_number;
    return incomplete_beta(a, b, x, 1.0 - x);
}

double student_t_cdf(double t, double dof) noexcept
{
    if (!(dof > 0.0) || std::isnan(t)) return not_a_number;
    return t < 0.0 ? student_t_tail(-t, dof) : 1.0 - student_t_tail(t, dof);
}

double student_t_quantile(double p, double dof) noexcept
{
    if (!(p > 0.0) || !(p < 1.0) || !(dof >= 0.1)) return not_a_number;
    if (p == 0.5) return 0.0;
    if (p < 0.5) return -student_t_quantile(1.0 - p, dof);
    const double tail = 1.0 - p;

    double low = 0.0;
    double high = 1.0;
    while (student_t_tail(high, dof) > tail) {
        low = high;
        high *= 2.0;
        if (std::isinf(high)) return high;
    }
    // Bisection: the tail is monotone, 60 halvings reach the last digit.
    for (int i = 0; i < 60; ++i) {
        const double middle = 0.5 * (low + high);
        (student_t_tail(middle, dof) > tail ? low : high) = middle;
    }
    return 0.5 * (low + high);
}

double f_exceedance(double x, double dof1, double dof2) noexcept
{
    if (!(dof1 > 0.0) || !(dof2 > 0.0) || std::isnan(x)) return not_a_number;
    if (x <= 0.0) return 1.0;
    if (std::isinf(x)) return 0.0;
    const double total = dof2 + dof1 * x;
    return incomplete_beta(0.5 * dof2, 0.5 * dof1, dof2 / total, dof1 * x / total);
}

double f_quantile_of_power(double p, double dof2) noexcept { return 0.5 * dof2 * (std::pow(p, -2.0 / dof2) - 1.0); }

}  // namespace lowleg::dsp
