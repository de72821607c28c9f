#include "core/units.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <limits>
#include <type_traits>

using namespace lowleg;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

// Wrong code does not compile.
template <class A, class B>
concept can_add = requires(A a, B b) { a + b; };
static_assert(can_add<Dbv, GainDb>);
static_assert(!can_add<Dbv, Dbv>, "two levels have no sum: combine them as powers or as voltages");
static_assert(!can_add<Dbv, double>);
static_assert(!can_add<VoltsRms, VoltsPeak>);
static_assert(!std::is_convertible_v<double, Hertz> && !std::is_convertible_v<Hertz, double>);
static_assert(Dbv{-20.0} - Dbv{-26.0} == GainDb{6.0});

TEST_CASE("levels follow their definitions", "[core][units]")
{
    // 1e-12 relative: a handful of roundings of 1.1e-16 each, and the logarithm's.
    CHECK_THAT(Dbu::of(VoltsRms{std::sqrt(0.6)}).value(), WithinAbs(0.0, 1e-12));
    CHECK_THAT(level_cast<Dbv>(Dbu{4.0}).value(), WithinAbs(4.0 + 10.0 * std::log10(0.6), 1e-12));  // +1.78 dBV
    CHECK_THAT(Dbu{24.0}.volts().value(), WithinRel(std::sqrt(0.6) * std::pow(10.0, 1.2), 1e-12));
    CHECK_THAT(dbfs_of_rms(1.0 / std::sqrt(2.0)).value(), WithinAbs(0.0, 1e-12));
    CHECK_THAT(sine_peak(Dbfs{-20.0}), WithinRel(0.1, 1e-12));
    CHECK(gain_of(0.0).value() == -std::numeric_limits<double>::infinity());
}

TEST_CASE("log spacing meets both ends", "[core][units]")
{
    CHECK_THAT(log_spaced(Hertz{20.0}, Hertz{20'000.0}, 0, 4).value(), WithinRel(20.0, 1e-12));
    CHECK_THAT(log_spaced(Hertz{20.0}, Hertz{20'000.0}, 1, 4).value(), WithinRel(200.0, 1e-12));
    CHECK_THAT(log_spaced(Hertz{20.0}, Hertz{20'000.0}, 3, 4).value(), WithinRel(20'000.0, 1e-12));
    CHECK(log_spaced(Hertz{20.0}, Hertz{20'000.0}, 0, 1) == Hertz{20.0});
}
