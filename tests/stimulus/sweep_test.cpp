// The synchronized sweep: begins and ends with a whole cycle, and its harmonics are itself, earlier.
#include "stimulus/sweep.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

using namespace lowleg;
using namespace lowleg::stimulus;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

TEST_CASE("a sweep begins and ends with a whole cycle, around what is to be measured", "[stimulus][sweep]")
{
    const double rate = GENERATE(8'000.0, 44'100.0, 48'000.0, 96'000.0, 192'000.0);
    const double seconds = GENERATE(0.5, 2.0);
    CAPTURE(rate, seconds);
    const auto period = static_cast<std::int64_t>(seconds * rate);
    const SweepOptions options{Hertz{20.0}, Hertz{std::min(20e3, 0.45 * rate)}, Dbfs{-14.0}};
    const auto designed = design_sweep(rate, period, options);
    REQUIRE(designed);
    const auto& plan = designed.value();
    CHECK(plan.lowest <= Hertz{20.0});
    CHECK(plan.lowest >= Hertz{5.0});
    CHECK(plan.highest.value() <= 0.48 * rate + 1e-6);
    CHECK(plan.highest_full() >= options.highest);
    const double first = plan.lowest.value() * plan.growth.value();
    const double last = plan.highest.value() * plan.growth.value();
    // Whole numbers but for rounding: up to 10⁴ in double.
    CHECK_THAT(first - std::round(first), WithinAbs(0.0, 1e-9));
    CHECK_THAT(last - std::round(last), WithinAbs(0.0, 1e-8));
    CHECK(plan.length().value() <= seconds);
    CHECK(plan.length().value() > 0.95 * seconds);
    // The m-th harmonic: the phase at t + L·ln m is m times that at t.
    for (int m = 2; m <= 9; ++m) {
        const double t = 0.3 * seconds;
        const double cycles = first * std::exp(t / plan.growth.value());
        CHECK_THAT(first * std::exp((t + plan.lead_of(m).value()) / plan.growth.value()) / cycles, WithinAbs(m, 1e-12));
    }
}

TEST_CASE("a sweep is rendered as its formula says", "[stimulus][sweep]")
{
    const auto plan = design_sweep(48e3, 24'000).value();
    const auto samples = render(plan);
    REQUIRE(samples.size() == 48'000);
    double most = 0.0;
    double worst = 0.0;
    for (std::size_t i = 0; i < 24'000; ++i) {
        CHECK(samples[2 * i + 1] == 0.0F);
        const auto drive = static_cast<double>(samples[2 * i]);
        most = std::max(most, std::abs(drive));
        const double t = static_cast<double>(i) / 48e3;
        const double fall = std::min(1.0, (plan.length().value() - t) / (0.05 * plan.growth.value()));
        const double envelope = std::pow(std::sin(0.5 * std::numbers::pi * fall), 2);
        const double turns = plan.lowest.value() * plan.growth.value() * std::exp(t / plan.growth.value());
        const double truth = t > plan.length().value() ? 0.0 : plan.amplitude * envelope * std::sin(2.0 * std::numbers::pi * turns);
        worst = std::max(worst, std::abs(drive - truth));
    }
    // Rounded to float: half a step of 2⁻²⁶ at 0.2; the phase of up to 10⁴ radians rounds by 1e-12.
    CHECK(worst < 0.8e-8);
    CHECK_THAT(most, WithinAbs(plan.amplitude, 1e-3 * plan.amplitude));
    CHECK(most <= plan.amplitude * (1.0 + 1e-7));
}

TEST_CASE("sweeps that cannot be are refused with the reason", "[stimulus][sweep]")
{
    const auto refused = [](double rate, std::int64_t period, Hertz lowest, Hertz highest) {
        const auto plan = design_sweep(rate, period, {lowest, highest, Dbfs{-20.0}});
        REQUIRE_FALSE(plan);
        CHECK(plan.error().kind == ErrorKind::usage);
        return plan.error().message;
    };
    CHECK_THAT(refused(48e3, 24'000, Hertz{2'000.0}, Hertz{200.0}), ContainsSubstring("higher end"));
    CHECK_THAT(refused(48e3, 24'000, Hertz{1.0}, Hertz{20e3}), ContainsSubstring("too short"));
    CHECK_THAT(refused(8e3, 4'000, Hertz{5e3}, Hertz{20e3}), ContainsSubstring("sample rate"));
    refused(0.0, 24'000, Hertz{20.0}, Hertz{20e3});
    refused(48e3, 24'001, Hertz{20.0}, Hertz{20e3});
}
