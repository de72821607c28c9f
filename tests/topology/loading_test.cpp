// Levels at another load, from readings on the fixture, against the network solved at that load directly.
#include "topology/loading.h"

#include "topology/model_output.h"
#include "topology/observation.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <string>

using namespace lowleg;
using namespace lowleg::topology;
using Catch::Matchers::WithinAbs;
using Pin3 = FarEnd::Pin3;

namespace {

struct Unit {
    std::string name;
    OutputBuild build;
    test::OutputModel model;
};
const std::vector<Unit>& units()
{
    static const std::vector<Unit> all{
        {"shielded transformer", OutputBuild::floating, test::floating(90.0, 330e-12, 330e-12, 0.0, 20e-12)},
        {"bifilar transformer", OutputBuild::floating, test::floating(85.0, 11e-9, 11e-9, 0.0, 11e-9)},
        {"transformer with bleeders", OutputBuild::floating, test::floating(100.0, 300e-12, 300e-12, 1e-4)},
        {"servo", OutputBuild::floating, test::servo(63.0 / 64.0)},
        {"servo, legs unequal", OutputBuild::floating, test::servo(63.0 / 64.0, 50.0, 0.01)},
        {"centre-tapped", OutputBuild::center_tapped, test::center_tapped(50.0, 50.0)},
        {"inverter 47/51", OutputBuild::amplifiers, test::two_sources(1.0, 47.0, -1.0, 51.0)},
        {"inverter 300", OutputBuild::amplifiers, test::two_sources(1.0, 300.0, -1.0, 300.0)},
        {"impedance-balanced 440", OutputBuild::amplifiers, test::two_sources(1.0, 440.0, 0.0, 440.0)},
        {"unbalanced", OutputBuild::amplifiers, test::two_sources(1.0, 100.0, 0.0, 0.03)},
        {"insert", OutputBuild::amplifiers, test::two_sources(1.0, 75.0, 0.0, 22e3)},
        {"headphones", OutputBuild::amplifiers, test::two_sources(1.0, 10.0, 0.5, 12.0)},
    };
    return all;
}

struct Pins { Complex v2, v3; };

/// The network with the far end's admittances at its pins, solved as nodes: nothing of the fixture, nothing of the code under test.
Pins at_far_end(const test::OutputModel& model, Hertz f, const FarEnd& far_end)
{
    const auto net = model(f);
    const Complex load{1.0 / far_end.resistance.value(), 2.0 * std::numbers::pi * f.value() * far_end.capacitance.value()};
    Eigen::Matrix2cd y;
    y << net.y[0][0] + load, net.y[0][1], net.y[1][0], net.y[1][1] + (far_end.pin3 == Pin3::loaded ? load : far_end.pin3 == Pin3::grounded ? Complex{1e7} : Complex{});
    const Eigen::Vector2cd v = y.partialPivLu().solve(Eigen::Vector2cd{net.j[0], net.j[1]});
    return {v(0), v(1)};
}

struct Measured {
    std::vector<TwoPort> two_ports;
    std::vector<LoadPoint> points;
};
Measured measure(const test::OutputModel& model, const Fixture& fixture, const std::vector<SwitchState>& states)
{
    const auto o = observe(test::read_all(model, fixture, states), fixture, {});
    REQUIRE(o);
    Measured m;
    m.two_ports = solve_two_ports(o.value());
    m.points = load_points(o.value(), m.two_ports);
    return m;
}

double decibels(Complex ratio) { return gain_of(ratio).value(); }

const std::vector<SwitchState> no_short{SwitchState::through, SwitchState::loaded, SwitchState::lifted};

}  // namespace

TEST_CASE("levels at another input follow from the measured two-port", "[topology][loading]")
{
    const auto& unit = GENERATE(from_range(units()));
    const auto pin3 = GENERATE(Pin3::loaded, Pin3::grounded, Pin3::open);
    const auto far_end = GENERATE_COPY(FarEnd{Ohms{600.0}, Farads{0.0}, pin3}, FarEnd{Ohms{2e3}, Farads{10e-9}, pin3}, FarEnd{Ohms{1e6}, Farads{1e-9}, pin3});
    const auto m = measure(unit.model, Fixture{}, no_short);
    REQUIRE(m.points.size() == 12);
    std::size_t measured = 0;
    for (std::size_t i = 0; i < m.points.size(); ++i) {
        const auto& at = m.points[i];
        const auto truth = at_far_end(unit.model, at.frequency, far_end);
        const auto p = predict_levels(at, &m.two_ports[i], unit.build, far_end);
        REQUIRE(p.differential);
        const Complex before = at.v2 - at.v3;
        const double expected = decibels((pin3 == Pin3::loaded ? truth.v2 - truth.v3 : truth.v2) / before);
        CAPTURE(unit.name, at.frequency.value(), far_end.resistance.value(), static_cast<int>(pin3), expected, p.differential->value.value());
        // A floating output whose far end leaves pin 3 open hangs on its capacitance to ground, which the fixture cannot see at low frequencies.
        if (p.status == EntryStatus::measured && !(unit.build == OutputBuild::floating && pin3 == Pin3::open)) {
            // The entries are good to a fraction of an ohm in the 600 Ω of the load (0.15 %: 0.013 dB); 0.05 dB is asked for.
            CHECK_THAT(p.differential->value.value(), WithinAbs(expected, 0.05));
            CHECK(p.differential->least.value() <= expected + 0.01);
            CHECK(p.differential->most.value() >= expected - 0.01);
        }
        if (p.status == EntryStatus::measured) ++measured;
        if (pin3 == Pin3::loaded) CHECK_THAT(p.pin2->value.value(), WithinAbs(decibels(truth.v2 / at.v2), p.status == EntryStatus::measured ? 0.05 : 1.0));
        else CHECK_FALSE(p.pin3);
    }
    CAPTURE(unit.name);
    // What rests on an assumption (which a return at pin 3 leaves) must be the exception.
    if (unit.name != "insert") CHECK(measured >= 10);
}

TEST_CASE("what was not measured is bounded, and the truth lies within", "[topology][loading]")
{
    const auto& unit = GENERATE(from_range(units()));
    Fixture plain;
    plain.probe.reset();
    const auto m = measure(unit.model, plain, no_short);
    for (const double ohms : {600.0, 2e3, 100e3}) {
        const FarEnd far_end{Ohms{ohms}, Farads{0.0}, Pin3::loaded};
        for (std::size_t i = 0; i < m.points.size(); ++i) {
            const auto& at = m.points[i];
            const auto p = predict_levels(at, &m.two_ports[i], unit.build, far_end);
            const auto truth = at_far_end(unit.model, at.frequency, far_end);
            const double expected = decibels((truth.v2 - truth.v3) / (at.v2 - at.v3));
            CAPTURE(unit.name, ohms, at.frequency.value(), expected);
            REQUIRE(p.differential);
            CAPTURE(p.differential->least.value(), p.differential->most.value());
            CHECK(p.status == EntryStatus::assumed);
            CHECK(p.differential->least.value() <= expected + 0.02);
            CHECK(p.differential->most.value() >= expected - 0.02);
            // Bounds that say nothing would hold everything: into 600 Ω no build-out up to 600 Ω costs more than 6 dB, nor does a winding of 1 kΩ.
            // (What two legs in phase leave between them is a small difference, which anything may upset.)
            if (unit.name != "headphones") CHECK(p.differential->most.value() - p.differential->least.value() < 7.0);
        }
    }
}

TEST_CASE("a two-port without its readings predicts as well, from the fixture that it names", "[topology][loading]")
{
    const auto model = test::two_sources(1.0, 150.0, -1.0, 150.0);
    const auto m = measure(model, Fixture{}, no_short);
    for (std::size_t i = 0; i < m.points.size(); ++i) {
        const auto rebuilt = load_point(m.two_ports[i], Fixture{});
        REQUIRE(rebuilt);
        CHECK_THAT(std::abs(rebuilt->v2 - m.points[i].v2), WithinAbs(0.0, 1e-3));
        CHECK_THAT(std::abs(rebuilt->v3 - m.points[i].v3), WithinAbs(0.0, 1e-3));
        CHECK_THAT(std::abs(rebuilt->i2 - m.points[i].i2), WithinAbs(0.0, 1e-6));
    }
    TwoPort unknown = m.two_ports.front();
    unknown.z33.status = EntryStatus::unknown;
    CHECK_FALSE(load_point(unknown, Fixture{}));
}
