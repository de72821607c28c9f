// The shipped circuits: against the readings that physics expects, and against ngspice on the very same files.
#include "bench/collection.h"
#include "bench/virtual_bench.h"
#include "circuit/linear_circuit.h"
#include "core/text.h"
#include "support/ngspice.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <cmath>
#include <numbers>
#include <string>

using namespace lowleg;
using namespace lowleg::bench;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double degrees = 180.0 / std::numbers::pi;

CircuitText circuit_named(std::string_view name)
{
    auto found = find_circuit(name);
    if (!found) FAIL(found.error().message);
    return found.value();
}

std::unique_ptr<VirtualBench> bench_of(const CircuitText& circuit, const Fixture& fixture)
{
    auto built = VirtualBench::build(circuit, fixture, InterfaceModel{}, 48e3);
    if (!built) FAIL(built.error().message);
    return std::move(built).value();
}

/// The circuit's file with the fixture drawn around it, as one would by hand; two AC analyses, drive and probe.
std::string deck_of(const CircuitText& circuit, const Fixture& f, SwitchState state)
{
    auto deck = circuit.netlist.substr(0, circuit.netlist.find("\n.end") + 1);
    const auto line = [&](const std::string& text, double value) { deck += text + " " + format_number(value) + "\n"; };
    deck += "Vfxdrive drv 0 dc 0 ac 1\nVfxprobe fxp 0 dc 0 ac 0\n";
    line("Rfxs fxp fxz", f.rs.value());
    if (f.probe) {
        line("Rfxp2 fxz p2", f.probe->rp2.value());
        line("Rfxp3 fxz fx3", f.probe->rp3.value());
    }
    line("Rfxin2 p2 0", f.rin2.value());
    line("Rfxin3 fx3 0", f.rin3.value());
    line("Cfxin2 p2 0", f.cin.value());
    line("Cfxin3 fx3 0", f.cin.value());
    line("Rfxsw p3 fx3", state == SwitchState::lifted ? 1e12 : 0.02);
    line("Rfxg p3 0", state == SwitchState::loaded ? f.rg.value() : state == SwitchState::grounded ? 0.02 : 1e12);
    deck += ".control\nset numdgt=12\nac dec 6 20 20k\nwrdata drive.txt v(p2) v(fx3)\n"
            "alter @vfxdrive[acmag] = 0\nalter @vfxprobe[acmag] = 1\nac dec 6 20 20k\nwrdata probe.txt v(p2) v(fx3)\n.endc\n.end\n";
    return deck;
}

}  // namespace

TEST_CASE("every shipped circuit responds as in ngspice", "[bench][ngspice]")
{
    const auto shipped = GENERATE(Catch::Generators::from_range(shipped_circuits().begin(), shipped_circuits().end()));
    const bool with_probe = GENERATE(true, false);
    Fixture fixture;
    fixture.rin3 = Ohms{9.9e3};  // unequal on purpose: a mix-up of the legs shows
    fixture.probe = with_probe ? std::optional{ProbeResistors{Ohms{10e3}, Ohms{10.1e3}}} : std::nullopt;
    const auto circuit = circuit_named(shipped.name);
    const auto bench = bench_of(circuit, fixture);
    for (const auto state : all_switch_states) {
        const auto tables = testing::run_ngspice(deck_of(circuit, fixture, state), {"drive.txt", "probe.txt"});
        for (const bool to_probe : {false, true}) {
            const auto& rows = tables[to_probe ? 1 : 0];
            REQUIRE(rows.size() == 19);  // three decades, six points each, and the last
            for (const auto& row : rows) {
                REQUIRE(row.size() == 6);  // frequency, real, imaginary; twice
                const auto got = bench->response(state, Hertz{row[0]}, to_probe);
                for (std::size_t leg = 0; leg < 2; ++leg) {
                    const Complex want{row[3 * leg + 1], row[3 * leg + 2]};
                    const auto level = gain_of(want).value();
                    CAPTURE(shipped.name, name_of(state), with_probe, to_probe, leg, row[0], want, got[leg], level);
                    // Below −80 dB the two need only agree that there is nothing: ngspice adds 1 pS from each node of its own.
                    if (level < -80.0) {
                        CHECK(gain_of(got[leg]).value() < -79.9);
                        continue;
                    }
                    CHECK_THAT(gain_of(got[leg] / want).value(), WithinAbs(0.0, 0.01));
                    CHECK_THAT(std::arg(got[leg] / want) * degrees, WithinAbs(0.0, 0.1));
                }
            }
        }
    }
}

TEST_CASE("the shipped circuits read as their topologies do", "[bench]")
{
    // Expected levels relative to the open-circuit differential voltage, 10 kohm and 100 pF per leg, no probe resistors. Levels
    // and steps of resistive circuits are given to 0.01 dB and met to 0.03 dB (their two figures and the 0.2 % of the
    // inverter's resistors); the lift of the transformer rests on some hundred pF known to 2 %: 0.3 dB.
    constexpr double silent = -99.0;
    struct Reading { const char* name; double hz, v2, v3, angle, ground_step, lift_step, lift_tolerance, v3_with_pin2_grounded; };
    const auto r = GENERATE(Catch::Generators::values<Reading>({
        {"transformer", 20.0, -6.06, -6.06, 180.0, 5.98, -60.6, 0.3, -0.09},
        {"transformer", 1e3, -6.06, -6.06, 180.0, 5.98, -26.6, 0.3, -0.09},
        {"transformer", 20e3, -6.06, -6.06, 180.0, 5.88, -3.6, 0.3, -0.09},
        {"cross-coupled", 1e3, -6.04, -6.04, 180.0, 5.93, -1.28, 0.03, -0.11},
        {"cross-coupled", 20e3, -6.04, -6.04, 180.0, 5.93, -1.28, 0.03, -0.11},
        {"inverter", 1e3, -6.06, -6.06, 180.0, 0.0, 0.0, 0.03, -6.06},
        {"impedance-balanced", 1e3, -0.06, silent, 0.0, 0.0, 0.0, 0.03, silent},
        {"unbalanced", 1e3, -0.09, silent, 0.0, 0.0, 0.0, 0.03, silent},
        {"dual-unbalanced", 1e3, -0.09, -0.09, 0.0, 0.0, 0.0, 0.03, -0.09},
    }));
    Fixture fixture;
    fixture.cin = Farads{100e-12};
    fixture.probe.reset();
    const auto circuit = circuit_named(r.name);
    const auto bench = bench_of(circuit, fixture);
    const auto reading = [&](SwitchState state) { return bench->response(state, Hertz{r.hz}, false); };
    const auto through = reading(SwitchState::through);
    const auto v2 = gain_of(through[0]);
    const auto v3 = gain_of(through[1]);
    // At 20 kHz the transformer's strays and the op amp's bandwidth take or add a tenth of a dB.
    const double tolerance = r.hz > 10e3 ? 0.15 : 0.03;
    CAPTURE(r.name, r.hz, v2.value(), v3.value());
    CHECK_THAT(v2.value(), WithinAbs(r.v2, tolerance));
    if (r.v3 > silent) {
        CHECK_THAT(v3.value(), WithinAbs(r.v3, tolerance));
        const double angle = std::abs(std::arg(through[1] / through[0])) * degrees;
        CHECK_THAT(angle, WithinAbs(r.angle, r.hz > 10e3 ? 2.0 : 0.5));
    } else {
        CHECK(v3.value() < silent);
    }
    CHECK_THAT((gain_of(reading(SwitchState::grounded)[0]) - v2).value(), WithinAbs(r.ground_step, tolerance));
    CHECK_THAT((gain_of(reading(SwitchState::lifted)[0]) - v2).value(), WithinAbs(r.lift_step, r.lift_tolerance));

    // Pin 2 grounded instead: no state of the switch, so drawn by hand.
    auto netlist = circuit::parse_netlist(circuit.netlist, circuit.name);
    REQUIRE(netlist);
    auto& n = netlist.value();
    const auto p3 = *n.find_node("p3");
    n.elements.push_back({"x drive", 0, circuit::VoltageSource{*n.find_node("drv"), 0, 0.0, {}}});
    n.elements.push_back({"x short", 0, circuit::Resistor{*n.find_node("p2"), 0, 1e-3}});
    n.elements.push_back({"x Rin3", 0, circuit::Resistor{p3, 0, 10e3}});
    n.elements.push_back({"x Cin3", 0, circuit::Capacitor{p3, 0, 100e-12}});
    constexpr std::array<std::string_view, 1> sources{"x drive"};
    constexpr std::array<std::string_view, 1> outputs{"p3"};
    const auto grounded2 = circuit::LinearCircuit::build(n, sources, outputs);
    REQUIRE(grounded2);
    const auto lone3 = gain_of(grounded2.value().response(Hertz{r.hz}).value()[0]).value();
    if (r.v3_with_pin2_grounded > silent)
        CHECK_THAT(lone3, WithinAbs(r.v3_with_pin2_grounded, tolerance));
    else
        CHECK(lone3 < silent);
}

TEST_CASE("the transformer's leg impedance is that of a part with leakage", "[bench]")
{
    // 100 ohm, 105 ohm at 17 degrees at 10 kHz, pin 3 grounded: from the probe's division with pin 2, by V = Z·I.
    const auto impedance = [](double hz) {
        Fixture f;
        f.cin = Farads{0.0};
        const auto bench = bench_of(circuit_named("transformer"), f);
        const auto v2 = bench->response(SwitchState::grounded, Hertz{hz}, true)[0];
        // Node z from Kirchhoff at z, i3 = 0: (1 − z)/Rs = (z − v2)/Rp2 + z/Rp3.
        const auto z = (1.0 / 100.0 + v2 / 10e3) / (1.0 / 100.0 + 2.0 / 10e3);
        return v2 / ((z - v2) / 10e3 - v2 / 10e3);
    };
    CHECK_THAT(std::abs(impedance(1e3)), WithinAbs(100.0, 1.0));
    CHECK_THAT(std::abs(impedance(10e3)), WithinAbs(105.0, 1.5));
    CHECK_THAT(std::arg(impedance(10e3)) * degrees, WithinAbs(17.0, 1.5));
}

TEST_CASE("circuits are found by name or file, and guessed at", "[bench]")
{
    REQUIRE(shipped_circuits().size() == 6);
    for (const auto& c : shipped_circuits()) {
        const auto found = find_circuit(c.name);
        REQUIRE(found);
        CHECK(found.value().netlist == c.netlist);
        CHECK(found.value().netlist == testing::read_all(std::string{LOWLEG_SOURCE_DIR} + "/src/bench/circuits/" + std::string{c.name} + ".cir"));
        CHECK(found.value().netlist.starts_with("* " + found.value().title + "\n"));
        const auto file = find_circuit(std::string{LOWLEG_SOURCE_DIR} + "/src/bench/circuits/" + std::string{c.name} + ".cir");
        REQUIRE(file);
        CHECK(file.value().title == c.title);
        CHECK(file.value().netlist == c.netlist);
    }
    const auto says = [](std::string_view name) {
        const auto found = find_circuit(name);
        REQUIRE_FALSE(found);
        return found.error().message;
    };
    CHECK_THAT(says("transfomer"), ContainsSubstring("no circuit \"transfomer\" (did you mean transformer?): there are transformer, cross-coupled"));
    CHECK_THAT(says("invertor"), ContainsSubstring("did you mean inverter?"));
    CHECK_THAT(says("xyzzy"), !ContainsSubstring("did you mean") && ContainsSubstring("there are transformer"));
    CHECK_THAT(says(""), ContainsSubstring("there are transformer"));
    CHECK_THAT(says(std::string(100'000, 't')), ContainsSubstring("there are transformer"));
    CHECK_THAT(says("nowhere.cir"), ContainsSubstring("netlist nowhere.cir cannot be read: there is no such file"));
    CHECK_THAT(says("/"), ContainsSubstring("it is a directory"));
    CHECK_THAT(says("/dev/null"), ContainsSubstring("not an ordinary file"));
}
