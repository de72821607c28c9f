#include "circuit/circuit.h"
#include "circuit/running_circuit.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <string>
#include <vector>

using namespace lowleg;
using namespace lowleg::circuit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double pi = std::numbers::pi;

Result<Circuit> build(const std::string& body, std::vector<std::string_view> outputs = {"out"}, std::vector<std::string_view> sources = {"V1"})
{
    auto netlist = parse_netlist("test\n" + body, "t.cir");
    if (!netlist) return netlist.error();
    return Circuit::build(netlist.value(), sources, outputs);
}

Complex at(const std::string& body, double hz)
{
    const auto circuit = build(body);
    if (!circuit) FAIL(circuit.error().message);
    const auto response = circuit.value().response(Hertz{hz});
    if (!response) FAIL(response.error().message);
    return response.value().at(0);
}

// Relative: a few dozen roundings, and circuits whose matrices amplify them at most 1e3-fold.
void check_close(Complex got, Complex want, double relative = 1e-11)
{
    CAPTURE(got, want);
    CHECK(std::abs(got - want) <= relative * std::abs(want));
}

}  // namespace

TEST_CASE("responses are those of the closed forms", "[circuit]")
{
    for (const double hz : {0.0, 20.0, 1000.0, 20e3}) {
        const Complex s{0.0, 2.0 * pi * hz};
        CAPTURE(hz);
        check_close(at("V1 in 0 1\nR1 in out 10k\nC1 out 0 1n\n", hz), 1.0 / (1.0 + s * 1e-5));
        check_close(at("V1 in 0 1\nR1 in a 100\nL1 a out 10m\nC1 out 0 1u\nR2 out 0 1k\n", hz),
                    [&] { const Complex z = 1.0 / (s * 1e-6 + 1e-3); return z / (z + 100.0 + s * 10e-3); }());
        // A controlled source drives what its controlling nodes do not feel; an ammeter changes nothing.
        check_close(at("V1 in 0 1\nR1 in a 1k\nR2 a 0 1k\nE1 b 0 a 0 -4\nVmeter b c 0\nR3 c out 1k\nC3 out 0 10n\n", hz), -2.0 / (1.0 + s * 1e-5));
        // An op amp of gain A as an inverter of gain −R2/R1.
        const double a = 1e5;
        check_close(at("V1 in 0 1\nR1 in n 1k\nR2 n out 4.7k\nE1 out 0 0 n 100k\n", hz), -4.7 / (1.0 + 5.7 / a));
        // Coupled windings L1, L2, M between Rs and RL: V2 = jωM·I1·RL/(RL + jωL2), with the reflected impedance.
        const double l1 = 1.0, l2 = 0.25, rs = 50.0, rl = 600.0;
        for (const double k : {0.3, 0.999, 1.0}) {
            const Complex m = s * k * std::sqrt(l1 * l2);
            const Complex reflected = -m * m / (rl + s * l2);
            const Complex want = hz == 0.0 ? Complex{} : m * rl / (rl + s * l2) / (rs + s * l1 + reflected);
            const auto got = at("V1 in 0 1\nR1 in a 50\nL1 a 0 1\nL2 out 0 0.25\nK1 L1 L2 " + std::to_string(k) + "\nR2 out 0 600\n", hz);
            CHECK(std::abs(got - want) <= 1e-9 * std::abs(want));  // k = 1: differences of 1e-3 of ωL
        }
    }
    // Ideal: k = 1 and reactances far above the resistances. 2:1 down, loaded with RL: V = ½·RL/(RL + Rs/4); dots reversed: negative.
    const auto ideal = at("V1 in 0 1\nR1 in a 50\nL1 a 0 4000\nL2 out 0 1000\nK1 L1 L2 1\nR2 out 0 600\n", 1e4);
    CHECK_THAT(std::abs(ideal), WithinAbs(0.5 * 600.0 / 612.5, 1e-6));  // Rs/(ωL) = 2e-7
    const auto reversed = at("V1 in 0 1\nR1 in a 50\nL1 a 0 4000\nL2 0 out 1000\nK1 L1 L2 1\nR2 out 0 600\n", 1e4);
    CHECK_THAT(reversed.real(), WithinAbs(-0.5 * 600.0 / 612.5, 1e-6));
}

TEST_CASE("inputs and outputs keep their order", "[circuit]")
{
    const auto circuit = build("V1 a 0 0\nV2 b 0 0\nR1 a x 1k\nR2 b x 3k\nR3 x 0 1meg\n", {"x", "b", "0"}, {"V2", "v1"});
    REQUIRE(circuit);
    CHECK(circuit.value().inputs() == 2);
    CHECK(circuit.value().outputs() == 3);
    const auto r = circuit.value().response(Hertz{100.0}).value();
    const double g = 1e-3 + 1.0 / 3e3 + 1e-6;
    check_close(r[0], 1.0 / 3e3 / g);
    check_close(r[1], 1e-3 / g);
    check_close(r[2], 1.0);
    CHECK(r[3] == Complex{});
    CHECK(r[4] == Complex{});
}

TEST_CASE("a circuit without a solution is refused by name", "[circuit]")
{
    struct Case { const char* body; const char* says; };
    const auto c = GENERATE(Catch::Generators::values<Case>({
        {"V1 in 0 1\nR1 in out 1\nR2 x y 1\n", "line 4: node \"x\" (at R2) has no path to ground"},
        {"V1 in 0 1\nR1 in out 1\nE1 z 0 q 0 1\nR2 z 0 1\n", "node \"q\" (at E1) has no path to ground"},
        {"V1 in 0 1\nR1 in out 1\nL1 in 0 1\nL2 x y 1\nK1 L1 L2 1\nR2 x y 5\n", "node \"x\" (at L2) has no path to ground"},
        {"V1 in 0 1\nR1 in out 1\nVb in 0 1\n", "line 4: Vb closes a loop of voltage sources"},
        {"V1 in 0 1\nR1 in out 1\nVb in b 0\nE1 b 0 out 0 1\n", "E1 closes a loop of voltage sources"},
        {"V1 in 0 1\nR1 in out 1\nVb out out 0\n", "Vb closes a loop of voltage sources"},
        {"V1 in 0 1\nR1 in out 1\nE1 a 0 a 0 1\nR2 a 0 1\n", "nothing in the circuit decides"},
        {"V1 in 0 1\nR1 in out 1\nL1 out 0 1\nL2 out 0 1\nK1 L1 L2 1\n", "nothing in the circuit decides the current of L"},
        {"V1 in 0 1\nR1 in out 1\nL1 in 0 1\nL2 out 0 1\nL3 out 0 1\nK1 L1 L2 1\nK2 L1 L3 1\n", "cannot all be coupled"},
        {"V1 in 0 1\nR1 in out 1\nL1 in 0 1\nL2 out 0 1\nL3 out 0 1\nK1 L1 L2 .9\nK2 L1 L3 .9\nK3 L2 L3 -.9\n", "cannot all be coupled"},
        {"V2 in 0 1\nR1 in out 1\n", "no voltage source V1"},
        {"V1 in 0 1\nR1 in a 1\n", "no node \"out\""},
    }));
    const auto circuit = build(c.body);
    CAPTURE(c.body);
    REQUIRE_FALSE(circuit);
    CAPTURE(circuit.error().message);
    CHECK_THAT(circuit.error().message, ContainsSubstring("t.cir") && ContainsSubstring(c.says));

    std::string large{"V1 in 0 1\nR1 in out 1\n"};
    for (int i = 0; i < 300; ++i) large += "Ra" + std::to_string(i) + " in n" + std::to_string(i) + " 1\n";
    const auto refused = build(large);
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, ContainsSubstring("more than the 300"));
}

TEST_CASE("no frequency yields a number that is not the circuit's", "[circuit]")
{
    const auto circuit = build("V1 in 0 1\nC1 in out 1n\nC2 out 0 1n\n");
    REQUIRE(circuit);
    check_close(circuit.value().response(Hertz{1.0}).value()[0], 0.5);
    for (const double hz : {0.0, -1.0, std::nan(""), HUGE_VAL}) CHECK_FALSE(circuit.value().response(Hertz{hz}));  // at 0 Hz nothing holds "out"
    for (const double rate : {0.0, -48e3, 7999.0, 1e6, std::nan(""), HUGE_VAL}) CHECK_FALSE(circuit.value().sampled(rate));
}

TEST_CASE("a sampled model has the circuit's response", "[circuit][sampled]")
{
    // The promise of sample_linear: 0.002 dB and 0.02°. The error is that of the images (−110 dB, which a
    // differentiator raises by rate/f: 0.0001 dB at 1 kHz, 0.001 dB at 5 kHz of 48 kHz) and
    // that of the third-order behaviour of the method where a circuit differentiates: (ωh)³/80 with h a sixteenth sample.
    struct Case { const char* what; const char* body; double settle; };
    const auto c = GENERATE(Catch::Generators::values<Case>({
        {"low-pass 16 kHz", "V1 in 0 1\nR1 in out 10k\nC1 out 0 1n\n", 0.01},
        {"rising 6 dB per octave to 16 kHz", "V1 in 0 1\nC1 in out 1n\nR1 out 0 10k\n", 0.01},
        {"rising 6 dB per octave throughout", "V1 in 0 1\nC1 in out 1p\nR1 out 0 10k\n", 0.01},
        {"pure differentiator", "V1 in 0 1\nC1 in n 1n\nR1 n out 1k\nE1 out 0 0 n 1meg\n", 0.01},
        {"resonance at 19 kHz, Q 5", "V1 in 0 1\nR1 in a 240\nL1 a out 10m\nC1 out 0 7n\n", 0.02},
        {"transformer, k = 1", "V1 in 0 1\nR1 in a 50\nL1 a 0 2\nL2 out 0 2\nK1 L1 L2 1\nR2 out 0 600\nC2 out 0 2n\n", 1.0},
        {"capacitor on a source (index 2)", "V1 in 0 1\nC0 in 0 1u\nR1 in out 1k\nC1 out 0 10n\n", 0.01},
        {"no state at all", "V1 in 0 1\nR1 in out 1k\nR2 out 0 1k\n", 0.01},
    }));
    const double rate = GENERATE(44.1e3, 48e3, 96e3, 192e3);
    const auto circuit = build(c.body);
    REQUIRE(circuit);
    const auto model = circuit.value().sampled(rate);
    REQUIRE(model);
    CAPTURE(c.what, rate);
    for (const double want_hz : {20.0, 100.0, 1e3, 5e3, 10e3, 16e3, 20e3}) {
        const double hz = nearest_tone(model.value(), want_hz);
        const auto want = circuit.value().response(Hertz{hz}).value()[0];
        const auto got = run_tone(model.value(), hz, c.settle)[0];
        const auto ratio = got / want;
        CAPTURE(hz, want, got);
        CHECK_THAT(gain_of(ratio).value(), WithinAbs(0.0, 0.002));
        CHECK_THAT(std::arg(ratio) * 180.0 / pi, WithinAbs(0.0, 0.02));
    }
}

TEST_CASE("the netlist's own DC is there from the first sample", "[circuit][sampled]")
{
    const auto circuit = build("V1 in 0 0\nVdc b 0 9\nR1 in out 1k\nR2 b out 2k\nC1 out 0 100u\n");
    REQUIRE(circuit);
    const auto model = circuit.value().sampled(48e3);
    REQUIRE(model);
    RunningCircuit running{model.value()};
    for (int i = 0; i < 800; ++i) REQUIRE_THAT(running.next({0.0})[0], WithinAbs(3.0, 1e-9));
}

TEST_CASE("blocks of any length give the same samples", "[circuit][sampled]")
{
    const auto circuit = build("V1 in 0 1\nR1 in a 100\nL1 a out 10m\nC1 out 0 10n\nR2 out 0 1k\n");
    REQUIRE(circuit);
    const auto model = circuit.value().sampled(48e3);
    REQUIRE(model);
    CHECK(run_in_blocks(model.value(), 1.0, {8}) == run_in_blocks(model.value(), 1.0, {1, 7, 3, 5, 2}));
}

TEST_CASE("a circuit that latches up is refused", "[circuit][sampled]")
{
    // Positive feedback of 1.02 around 50 ohm, loaded with 10 kohm: it latches where the load is above 50/(c − 1) = 2.5 kohm.
    const std::string stage = "V1 in 0 0\nE1 a 0 out 0 1.02\nR1 a out 50\nC1 out 0 100p\nRin in out 1meg\n";
    const auto loaded = build(stage + "R2 out 0 2k\n");
    REQUIRE(loaded);
    CHECK(loaded.value().sampled(48e3));
    const auto unloaded = build(stage + "R2 out 0 10k\n");
    REQUIRE(unloaded);
    const auto model = unloaded.value().sampled(48e3);
    REQUIRE_FALSE(model);
    CHECK_THAT(model.error().message, ContainsSubstring("unstable"));
}

TEST_CASE("a lossless circuit is run, not refused", "[circuit][sampled]")
{
    const auto circuit = build("V1 in 0 0\nL1 in out 10m\nC1 out 0 10n\nC2 out x 10n\nC3 x 0 10n\nRx x 0 1t\n");
    REQUIRE(circuit);
    CHECK(circuit.value().sampled(48e3));
}
