#include "topology/model_output.h"

#include "topology/two_port.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

using namespace lowleg;
using namespace lowleg::topology;
using Catch::Matchers::WithinAbs;

namespace {

const std::vector<SwitchState> no_short{SwitchState::through, SwitchState::loaded, SwitchState::lifted};

std::vector<TwoPort> solve(const test::OutputModel& model, const std::vector<SwitchState>& states, double noise = 1e-8)
{
    test::ReadingOptions reading;
    reading.noise_sigma = noise;
    const auto o = observe(test::read_all(model, Fixture{}, states, reading), Fixture{}, {});
    REQUIRE(o);
    return solve_two_ports(o.value());
}

const TwoPort& near_1k(const std::vector<TwoPort>& t)
{
    return *std::find_if(t.begin(), t.end(), [](const TwoPort& p) { return p.frequency.value() > 900.0; });
}

}  // namespace

TEST_CASE("probe, through, loaded and lifted determine the whole two-port", "[topology][two_port]")
{
    struct Truth { test::OutputModel model; double e2, z22, z23, z32, z33; };
    const double c = 63.0 / 64.0;
    const auto truth = GENERATE_COPY(
        Truth{test::two_sources(1.0, 47.0, -1.0, 51.0), 1.0, 47.0, 0.0, 0.0, 51.0},
        // V = Y⁻¹(J − I) with Y = (1/50)·[[1, −c], [−c, 1]]: Z22 = 50/(1 − c²), Z23 = c·Z22, E = ±(1 + c)/(1 + c) = ±1.
        Truth{test::servo(c), 1.0, 50.0 / (1 - c * c), c * 50.0 / (1 - c * c), c * 50.0 / (1 - c * c), 50.0 / (1 - c * c)},
        Truth{test::center_tapped(50.0, 50.0), 0.5, 37.5, -12.5, -12.5, 37.5});
    const auto t = near_1k(solve(truth.model, no_short));
    // The probe's level is interpolated between tones to 3e-4 at worst, taken as the model error; impedances scale with it.
    const double tolerance = 3.0 * 3e-4 * truth.z22 + 0.1;
    for (const auto* e : {&t.e2, &t.z22, &t.z23, &t.z32, &t.z33}) CHECK(e->status == EntryStatus::measured);
    CHECK_THAT(t.z22.value.real(), WithinAbs(truth.z22, tolerance));
    CHECK_THAT(t.z22.value.imag(), WithinAbs(0.0, tolerance));
    CHECK_THAT(t.z23.value.real(), WithinAbs(truth.z23, tolerance));
    CHECK_THAT(t.z32.value.real(), WithinAbs(truth.z32, tolerance));
    CHECK_THAT(t.z33.value.real(), WithinAbs(truth.z33, tolerance));
    CHECK_THAT(t.e2.value.real(), WithinAbs(truth.e2, 1e-3));
}

TEST_CASE("the truth lies within the stated uncertainty", "[topology][two_port]")
{
    // 300 noisy readings of one inverter: the error of Re Z22 over its sigma has a spread of 1. The states share the model error
    // only where it is present (none here beyond interpolation), so a spread from 0.3 to 1.3 is allowed: never far over-confident.
    double sum = 0.0;
    constexpr int trials = 300;
    for (unsigned seed = 1; seed <= trials; ++seed) {
        test::ReadingOptions reading;
        reading.noise_sigma = 3e-6;
        reading.seed = seed;
        const auto o = observe(test::read_all(test::two_sources(1.0, 47.0, -1.0, 47.0), Fixture{}, no_short, reading), Fixture{}, {});
        REQUIRE(o);
        const auto t = near_1k(solve_two_ports(o.value()));
        sum += std::pow((t.z22.value.real() - 47.0) / t.z22.sigma, 2);
    }
    CHECK(std::sqrt(sum / trials) < 1.3);
    CHECK(std::sqrt(sum / trials) > 0.3);
}

TEST_CASE("what the states cannot tell is not called measured", "[topology][two_port]")
{
    // Two amplifiers, pin 3 grounded instead of loaded: the row of pin 3 is one equation short.
    const auto t = near_1k(solve(test::two_sources(1.0, 47.0, -1.0, 51.0), {SwitchState::through, SwitchState::grounded, SwitchState::lifted}));
    CHECK(t.z22.status == EntryStatus::measured);
    CHECK(t.z32.status == EntryStatus::assumed);
    // A floating output tells the current of the short, and with it the rest.
    const auto f = near_1k(solve(test::servo(63.0 / 64.0), {SwitchState::through, SwitchState::grounded, SwitchState::lifted}));
    CHECK(f.z33.status == EntryStatus::measured);
    // 0.1 %: the residual model error times the servo's amplification of it.
    CHECK_THAT(f.z33.value.real(), WithinAbs(50.0 / (1 - std::pow(63.0 / 64.0, 2)), 30.0));
}

TEST_CASE("balance is the difference of the row sums", "[topology][two_port]")
{
    // Build-outs of 50 and 51 Ω in a servo: Z22 − Z33 differs by 32 Ω, the row sums by about 0.5 Ω per Ω of build-out.
    const double c = 63.0 / 64.0;
    const test::OutputModel unequal = [=](Hertz) {
        return test::OutputNetwork{{{{1.0 / 50, -c / 50}, {-c / 51, 1.0 / 51}}}, {(1 + c) / 50, -(1 + c) / 51}};
    };
    // Truth from Z = Y⁻¹ directly.
    Eigen::Matrix2d y;
    y << 1.0 / 50, -c / 50, -c / 51, 1.0 / 51;
    const Eigen::Matrix2d z = y.inverse();
    const double imbalance = (z(0, 0) + z(0, 1)) - (z(1, 1) + z(1, 0));
    const auto legs = leg_impedances(solve(unequal, no_short));
    CHECK(legs.status == EntryStatus::measured);
    CHECK_THAT(legs.imbalance.real(), WithinAbs(imbalance, std::max(legs.uncertainty_ohm, 0.5)));
    CHECK(std::abs(legs.imbalance) < 0.2 * std::abs(z(0, 0) - z(1, 1)) + legs.uncertainty_ohm);
}

TEST_CASE("a winding with much capacitance is not taken for a lost frame", "[topology][two_port]")
{
    // 5 nF from pin 2 to the driven end and as much from pin 3 to ground turn the phases of `lifted` as a frame at 48 kHz would.
    const test::OutputModel bifilar = [](Hertz f) {
        const double yd = 1.0 / 90.0;
        const Complex c = test::jw(f) * 5e-9;
        return test::OutputNetwork{{{{yd + c, -yd}, {-yd, yd + c}}}, {yd + c, -yd}};
    };
    for (const auto& t : solve(bifilar, no_short)) {
        CAPTURE(t.frequency.value());
        // The stated uncertainty, thrice: interpolation and noise are in it.
        if (t.e2.status == EntryStatus::measured) CHECK_THAT(std::abs(t.e2.value), WithinAbs(1.0, 3.0 * t.e2.sigma + 1e-3));
    }
}

TEST_CASE("coupling capacitors are solved within the stated uncertainty at the lowest tone too", "[topology][two_port]")
{
    // 47 uF in 47 ohm: 150 ohm of reactance at 22 Hz, beyond the last probe tone, whose curve must be continued there.
    const test::OutputModel coupled = [](Hertz f) {
        const Complex z = 47.0 + 1.0 / (test::jw(f) * 47e-6);
        return test::OutputNetwork{{{{1.0 / z, 0.0}, {0.0, 1.0 / z}}}, {1.0 / z, -1.0 / z}};
    };
    for (const auto& t : solve(coupled, no_short)) {
        const Complex truth = 47.0 + 1.0 / (test::jw(t.frequency) * 47e-6);
        CAPTURE(t.frequency.value(), t.z22.value, truth, t.z22.sigma);
        REQUIRE(t.z22.status == EntryStatus::measured);
        CHECK(std::abs(t.z22.value - truth) < 4.5 * t.z22.sigma + 0.05);
    }
}

TEST_CASE("levels alone do not yield the impedance that cancels the load", "[topology][two_port]")
{
    // Without the probe a floating winding fits E = 0, Z22 = -Rin exactly.
    Fixture plain;
    plain.probe.reset();
    const auto o = observe(test::read_all(test::floating(90.0, 330e-12, 330e-12), plain, no_short), plain, {});
    REQUIRE(o);
    for (const auto& t : solve_two_ports(o.value())) CHECK(t.z22.status != EntryStatus::measured);
}
