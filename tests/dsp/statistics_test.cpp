#include "dsp/statistics.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <numbers>

using namespace lowleg::dsp;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("Student's t has its closed forms for one and two degrees of freedom", "[dsp][statistics]")
{
    const double t = GENERATE(-50.0, -3.0, -0.2, 0.0, 0.01, 0.7, 1.0, 12.7, 1e4);
    // 1e-12: the logarithms of Γ and a few roundings.
    CHECK_THAT(student_t_cdf(t, 1.0), WithinAbs(0.5 + std::atan(t) / std::numbers::pi, 1e-12));
    CHECK_THAT(student_t_cdf(t, 2.0), WithinAbs(0.5 + t / (2.0 * std::sqrt(2.0 + t * t)), 1e-12));

    const double p = GENERATE(0.001, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9995);
    CHECK_THAT(student_t_quantile(p, 1.0), WithinRel(std::tan(std::numbers::pi * (p - 0.5)), 1e-9) || WithinAbs(0.0, 1e-12));
    CHECK_THAT(student_t_quantile(p, 2.0),
               WithinRel((2.0 * p - 1.0) * std::sqrt(2.0 / (4.0 * p * (1.0 - p))), 1e-9) || WithinAbs(0.0, 1e-12));
}

TEST_CASE("Student's t meets the published table", "[dsp][statistics]")
{
    // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2: three digits after the point.
    struct Row { double dof, p95, p975, p99, p999; };
    for (const auto& row : {Row{3, 2.353, 3.182, 4.541, 10.215}, Row{5, 2.015, 2.571, 3.365, 5.894}, Row{10, 1.812, 2.228, 2.764, 4.144},
                            Row{30, 1.697, 2.042, 2.457, 3.385}, Row{100, 1.660, 1.984, 2.364, 3.174}}) {
        CHECK_THAT(student_t_quantile(0.95, row.dof), WithinAbs(row.p95, 6e-4));
        CHECK_THAT(student_t_quantile(0.975, row.dof), WithinAbs(row.p975, 6e-4));
        CHECK_THAT(student_t_quantile(0.99, row.dof), WithinAbs(row.p99, 6e-4));
        // The table's last column is 10.215 for three degrees of freedom; others round as the rest.
        CHECK_THAT(student_t_quantile(0.999, row.dof), WithinAbs(row.p999, 6e-4));
    }
    CHECK_THAT(student_t_quantile(0.975, 1e6), WithinAbs(1.959964, 1e-5));  // the normal distribution, + 2.4e-6
}

TEST_CASE("the quantile inverts the distribution for any degrees of freedom", "[dsp][statistics]")
{
    const double dof = GENERATE(0.5, 1.0, 2.7, 16.0, 144.0, 5'000.0);
    const double p = GENERATE(1e-6, 0.01, 0.4, 0.6, 0.975, 0.999999);
    CHECK_THAT(student_t_cdf(student_t_quantile(p, dof), dof), WithinRel(p, 1e-8));
}

TEST_CASE("Fisher's F has its closed form for two degrees of freedom", "[dsp][statistics]")
{
    const double nu = GENERATE(1.0, 6.0, 16.0, 200.0);
    const double x = GENERATE(0.01, 1.0, 7.5, 40.0);
    CHECK_THAT(f_exceedance(x, 2.0, nu), WithinRel(std::pow(1.0 + 2.0 * x / nu, -0.5 * nu), 1e-9));
    CHECK_THAT(f_exceedance(f_quantile_of_power(1e-5, nu), 2.0, nu), WithinRel(1e-5, 1e-8));
    // F with (1, ν) is the square of t with ν.
    CHECK_THAT(f_exceedance(x, 1.0, nu), WithinRel(2.0 * (1.0 - student_t_cdf(std::sqrt(x), nu)), 1e-6));
    CHECK(f_exceedance(0.0, 2.0, nu) == 1.0);
    CHECK(f_exceedance(HUGE_VAL, 2.0, nu) == 0.0);
}

TEST_CASE("what has no value is not a number", "[dsp][statistics]")
{
    CHECK(std::isnan(student_t_quantile(0.0, 5.0)));
    CHECK(std::isnan(student_t_quantile(1.0, 5.0)));
    CHECK(std::isnan(student_t_quantile(std::nan(""), 5.0)));
    CHECK(std::isnan(student_t_quantile(0.9, 0.0)));
    CHECK(std::isnan(student_t_quantile(0.9, -1.0)));
    CHECK(std::isnan(student_t_cdf(1.0, std::nan(""))));
    CHECK(std::isnan(f_exceedance(1.0, 0.0, 5.0)));
    CHECK(std::isnan(incomplete_beta(1.0, 1.0, 1.5)));
    CHECK(incomplete_beta(1.0, 1.0, 0.25) == 0.25);  // the uniform distribution
}
