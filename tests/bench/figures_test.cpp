// What circuits read, from closed forms.
#include "bench/figures.h"
#include "bench/wiring.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <string>

using namespace lowleg;
using namespace lowleg::bench;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

circuit::Netlist netlist_of(const std::string& lines)
{
    auto netlist = read_circuit({"t.cir", "t", "* t\n" + lines});
    if (!netlist) FAIL(netlist.error().message);
    return netlist.value();
}

SolvedCircuit solved(const std::string& lines, const Fixture& fixture)
{
    const auto netlist = netlist_of(lines);
    auto out = SolvedCircuit::build(netlist, kind_of(netlist).value(), fixture);
    if (!out) FAIL(out.error().message);
    return out.value();
}

double value(const SolvedCircuit& circuit, std::string_view id, Hertz frequency = Hertz{1e3})
{
    const auto values = circuit.read(frequency);
    if (!values) FAIL(values.error().message);
    REQUIRE(values.value().size() == circuit.figures().size());
    const auto at = std::ranges::find(circuit.figures(), id, &Figure::id);
    CAPTURE(id);
    REQUIRE(at != circuit.figures().end());
    return values.value()[static_cast<std::size_t>(at - circuit.figures().begin())];
}

double db(double ratio) { return gain_of(ratio).value(); }

Fixture without_capacitance()
{
    Fixture f;
    f.cin = Farads{0.0};
    return f;
}

// A contact has 20 mΩ, which in 10 kΩ is 2e-6 of a reading, or 2e-5 dB; so much of a level may differ from its closed form.
constexpr double contact_db = 1e-4;

}  // namespace

TEST_CASE("the kinds are told by their nodes", "[bench][figures]")
{
    const auto kind = [](const std::string& lines) { return kind_of(netlist_of(lines)); };
    CHECK(kind("R1 drv p2 1\nR2 p3 0 1\n").value() == CircuitKind::output);
    CHECK(kind("R1 drv out 1\nR3 out p2 1\nR2 p3 0 1\n").value() == CircuitKind::output);  // a node may be called so
    CHECK(kind("R1 p2 out 1\nR2 p3 0 1\n").value() == CircuitKind::receiver);
    CHECK(kind("R1 drv p2 1\nR2 p3 out 1\nR3 noise 0 1\n").value() == CircuitKind::connection);
    CHECK_THAT(kind("R1 drv p2 1\nR2 out noise 1\n").error().message, ContainsSubstring("no node \"p3\""));
    CHECK_THAT(kind("R1 out p2 1\n").error().message, ContainsSubstring("no node \"p3\"") && ContainsSubstring("receiver"));
    CHECK_THAT(kind("R1 a p2 1\nR2 p3 0 1\n").error().message, ContainsSubstring("no node \"drv\"") && ContainsSubstring("receiver"));
    CHECK_THAT(kind("R1 out p2 1\nV1 p3 0 0\n").error().message, ContainsSubstring("line 3: V1 is a source at p3"));
    CHECK_THAT(kind("R1 drv p2 1\nR2 p3 out 1\nV1 0 noise 0\n").error().message, ContainsSubstring("line 4: V1 is a source at noise"));
    CHECK(kind("R1 drv p2 1\nV1 p3 0 1\n").value() == CircuitKind::output);  // an output may hold its pins
}

TEST_CASE("an output's figures are those of its dividers", "[bench][figures]")
{
    // Two op amps with 100 Ω and 50 Ω: unequal loads and gains, no probe.
    auto f = without_capacitance();
    f.probe.reset();
    f.rin2 = Ohms{10e3};
    f.rin3 = Ohms{20e3};
    f.rg = Ohms{1e3};
    f.gain_ratio = 1.1;
    const auto c = solved("E2 a 0 drv 0 0.5\nR2 a p2 100\nE3 b 0 drv 0 -0.5\nR3 b p3 50\n", f);
    CHECK(c.is_linear());
    const double v2 = 0.5 * 10e3 / 10.1e3;
    const double v3 = 0.5 * 20e3 / 20.05e3;
    const double load = 1.0 / (1.0 / 20e3 + 1.0 / 1e3);
    CHECK_THAT(value(c, "i2_through_db"), WithinAbs(db(v2), contact_db));
    CHECK_THAT(value(c, "i3_through_db"), WithinAbs(db(1.1 * v3), contact_db));
    CHECK_THAT(value(c, "i3_loaded_db"), WithinAbs(db(1.1 * 0.5 * load / (load + 50.0)), contact_db));
    CHECK_THAT(value(c, "i3_grounded_db"), WithinAbs(db(1.1 * 0.5 * 0.02 / 50.02), 0.001));
    CHECK_THAT(value(c, "leg_ratio_db"), WithinAbs(db(1.1 * v3 / v2), contact_db));
    CHECK_THAT(value(c, "leg_angle_deg"), WithinAbs(180.0, 1e-6));
    for (const auto* step : {"load_step_db", "ground_step_db", "lift_step_db"}) CHECK_THAT(value(c, step), WithinAbs(0.0, contact_db));
    CHECK(std::ranges::none_of(c.figures(), [](const Figure& figure) { return figure.id.starts_with("probe"); }));
}

TEST_CASE("a floating source steps as its loads say", "[bench][figures]")
{
    // Ideal float of 100 Ω: 2 Rin + Zd share the voltage; with pin 3 on Rg ‖ Rin or on ground, less does.
    auto f = without_capacitance();
    f.probe.reset();
    const auto c = solved("Rd drv 0 1k\nE1 a b drv 0 1\nR2 a p2 50\nR3 b p3 50\nRbias p3 0 1g\n", f);
    const double rg = 1.0 / (1.0 / 1e3 + 1.0 / 10e3);
    CHECK_THAT(value(c, "load_step_db"), WithinAbs(db(20.1e3 / (10.1e3 + rg)), 0.001));
    CHECK_THAT(value(c, "ground_step_db"), WithinAbs(db(20.1e3 / 10.1e3), 0.001));
    // 1 GΩ, and two open contacts of 1 TΩ each, are all that brings current back through 10 kΩ.
    CHECK_THAT(value(c, "lift_step_db"), WithinAbs(db(10e3 * (1e-9 + 2e-12) / (10e3 / 20.1e3)), 0.001));
}

TEST_CASE("the probe's figures are those of its dividers", "[bench][figures]")
{
    auto f = without_capacitance();
    f.rs = Ohms{0.0};
    const auto c = solved("Rd drv 0 1k\nR2 p2 0 100\nR3 p3 0 50\n", f);
    const auto divided = [](double ohms) { return ohms / (ohms + 10e3); };
    const auto beside = [](double a, double b) { return a * b / (a + b); };
    CHECK_THAT(value(c, "probe_i2_through_db"), WithinAbs(db(divided(beside(100.0, 10e3))), contact_db));
    CHECK_THAT(value(c, "probe_i3_through_db"), WithinAbs(db(divided(beside(50.0, 10e3))), 0.005));  // 20 mΩ in 50 Ω
    CHECK_THAT(value(c, "probe_i3_lifted_db"), WithinAbs(db(0.5), contact_db));
    const auto lifted = c.probe_response(static_cast<std::size_t>(SwitchState::lifted), Hertz{1e3});
    REQUIRE(lifted);
    CHECK_THAT(lifted.value()[0].real(), WithinAbs(divided(beside(100.0, 10e3)), 1e-6));
    CHECK_THAT(lifted.value()[1].real(), WithinAbs(0.5 * f.gain_ratio, 1e-6));
    CHECK(std::isnan(value(c, "leg_ratio_db")));  // the drive reaches neither
    CHECK(std::isnan(value(c, "leg_angle_deg")));
    CHECK(std::isnan(value(c, "ground_step_db")));
}

TEST_CASE("a difference amplifier's rejection is that of its resistors", "[bench][figures]")
{
    // physics of four equal resistors: Zcm per leg 20 kΩ, 10 Ω in a leg cost 20·lg(20k/10), as long as the source has no resistance.
    const std::string four = "R1 p3 n 10k\nR2 n out 10k\nR3 p2 p 10k\nR4 p 0 10k\nE1 out 0 p n 1e9\n";
    auto f = without_capacitance();
    f.rs = Ohms{0.0};
    const auto c = solved(four, f);
    CHECK(c.kind() == CircuitKind::receiver);
    CHECK_THAT(value(c, "gain_db"), WithinAbs(0.0, contact_db));
    CHECK_THAT(value(c, "cmrr_leg2_db"), WithinAbs(db(20.01e3 / 10.0), 0.001));
    CHECK_THAT(value(c, "cmrr_leg3_db"), WithinAbs(db(20.02e3 / 10.0), 0.001));
    CHECK(value(c, "cmrr_iec_db") == value(c, "cmrr_leg2_db"));
    CHECK_THAT(value(c, "leg2_gain_db"), WithinAbs(-db(20.01e3 / 10.0), 0.001));

    // One resistor 1 % off: out = V·(½·(1 + 1.01) − 1.01) in common, (½ + ½·½·2.01…) per differential volt.
    const auto off = solved("R1 p3 n 10k\nR2 n out 10.1k\nR3 p2 p 10k\nR4 p 0 10k\nE1 out 0 p n 1e9\n", f);
    const double common = 0.5 * 2.01 - 1.01;
    const double normal = 0.5 * (0.5 * 2.01 + 1.01);
    CHECK_THAT(value(off, "common_gain_db"), WithinAbs(db(std::abs(common)), 0.001));
    CHECK_THAT(value(off, "gain_db"), WithinAbs(db(normal), 0.001));
    CHECK_THAT(value(off, "cmrr_common_db"), WithinAbs(db(normal / std::abs(common)), 0.001));

    // The plus input shows 20 kΩ, the minus input 10 kΩ while the other is on ground, and both 20 kΩ in common.
    const auto z = input_impedance(netlist_of(four), f, Hertz{1e3});
    REQUIRE(z);
    CHECK_THAT(z.value().pin2.real(), WithinRel(20e3, 1e-6));
    CHECK_THAT(z.value().pin3.real(), WithinRel(10e3, 1e-6));
    CHECK_THAT(z.value().common2.real(), WithinRel(20e3, 1e-6));
    CHECK_THAT(z.value().common3.real(), WithinRel(20e3, 1e-6));
}

TEST_CASE("a pin that takes no current has no impedance", "[bench][figures]")
{
    const auto z = input_impedance(netlist_of("E1 out 0 p2 0 1\nR3 p3 0 1k\n"), {}, Hertz{1e3});
    REQUIRE(z);
    CHECK(std::isinf(z.value().pin2.real()));
    CHECK_THAT(z.value().pin3.real(), WithinRel(1e3, 1e-9));
}

TEST_CASE("a connection rejects as its legs are alike", "[bench][figures]")
{
    // 1 mA per volt into both wires; legs of 100 Ω and 110 Ω: 0.1 V and 0.11 V, of which an ideal receiver takes the difference.
    auto f = without_capacitance();
    f.rin2 = Ohms{10e3};
    const auto c = solved("R2 drv p2 100\nR3 p3 0 110\nG2 0 p2 noise 0 1m\nG3 0 p3 noise 0 1m\nRn noise 0 1k\nE1 out 0 p2 p3 2\n", f);
    CHECK(c.kind() == CircuitKind::connection);
    CHECK_THAT(value(c, "gain_db"), WithinAbs(db(2.0), 1e-9));
    CHECK_THAT(value(c, "noise_out_db"), WithinAbs(db(0.02), 1e-9));
    CHECK_THAT(value(c, "noise_differential_db"), WithinAbs(db(0.01), 1e-9));
    CHECK_THAT(value(c, "noise_common_db"), WithinAbs(db(0.105), 1e-9));
    CHECK_THAT(value(c, "rejection_db"), WithinAbs(db(2.0 / (0.02 / 0.105)), 1e-9));
}

TEST_CASE("direct current at rest is told, and small signals are read about it", "[bench][figures]")
{
    // 2 V through 1 kΩ onto 10 kΩ; a square law doubles about 1 V what goes in, and gives 1 V at rest.
    auto f = without_capacitance();
    f.probe.reset();
    const auto c = solved("V1 d 0 2\nR1 d p2 1k\nB1 p3 0 V=(1+v(drv))^2\nRd drv 0 1k\n", f);
    CHECK_FALSE(c.is_linear());
    CHECK_THAT(c.rest_volts(0)[0], WithinAbs(2.0 * 10.0 / 11.0, 1e-9));
    CHECK_THAT(c.rest_volts(0)[1], WithinAbs(1.0, 1e-5));
    CHECK_THAT(value(c, "i3_through_db"), WithinAbs(db(2.0), contact_db));
}

TEST_CASE("a circuit that has no figures says why", "[bench][figures]")
{
    const auto build = [](const std::string& lines, const Fixture& f = {}) {
        const auto netlist = netlist_of(lines);
        const auto out = SolvedCircuit::build(netlist, kind_of(netlist).value(), f);
        REQUIRE_FALSE(out);
        return out.error().message;
    };
    CHECK_THAT(build("R1 drv p2 1k\nR2 p3 0 1k\nE1 drv 0 p2 0 1\n"), ContainsSubstring("loop of voltage sources"));
    Fixture f;
    f.rg = Ohms{-1.0};
    CHECK_THAT(build("R1 drv p2 1k\nR2 p3 0 1k\n", f), ContainsSubstring("Rg"));
    const auto loose = solved("R1 drv p2 1k\nE1 a 0 p3 0 1.003\nR2 a p3 50\nC1 p3 0 1n\n", without_capacitance());
    // With 10 kΩ to ground, 50 Ω take 0.5 % of the feedback; lifted, nothing does.
    CHECK(loose.check_stable(static_cast<std::size_t>(SwitchState::through)));
    CHECK_THAT(loose.check_stable(static_cast<std::size_t>(SwitchState::lifted)).error().message, ContainsSubstring("(pin 3 lifted)"));
    CHECK_FALSE(loose.read(Hertz{-1.0}));
}
