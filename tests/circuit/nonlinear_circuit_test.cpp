// Nonlinear circuits: against closed forms, and against ngspice on the same text.
#include "circuit/affine_range.h"
#include "circuit/circuit.h"
#include "circuit/running_circuit.h"
#include "core/text.h"
#include "support/ngspice.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

using namespace lowleg;
using namespace lowleg::circuit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double pi = std::numbers::pi;

Circuit build(const std::string& body)
{
    auto netlist = parse_netlist("test\n" + body, "t.cir");
    if (!netlist) FAIL(netlist.error().message);
    constexpr std::array<std::string_view, 1> sources{"V1"};
    constexpr std::array<std::string_view, 1> outputs{"out"};
    auto circuit = Circuit::build(netlist.value(), sources, outputs);
    if (!circuit) FAIL(circuit.error().message);
    return std::move(circuit).value();
}

SampledModel sampled(const std::string& body, double rate_hz = 48e3)
{
    auto model = build(body).sampled(rate_hz);
    if (!model) FAIL(model.error().message);
    return std::move(model).value();
}

// An op amp: 100 dB, 10 MHz, which limits at 12 V and 40 mA; the form in which limiters are cheap.
const std::string opamp = ".subckt opamp p m out\nG1 0 u p m 10m\nR1 u 0 10meg\nC1 u 0 159p\nE1 o 0 u 0 1\nVs o out 0\n"
                          "B1 u 0 I=0.01*(uramp(v(u)-12)*uramp(v(u)-12)-uramp(-12-v(u))*uramp(-12-v(u)))"
                          "+1000*(uramp(i(Vs)-0.04)*uramp(i(Vs)-0.04)-uramp(-0.04-i(Vs))*uramp(-0.04-i(Vs)))\n.ends\n";
// 20 H whose current grows with the third and ninth power of the flux, as iron's does.
const std::string iron = "R1 in a 50\nL1 a 0 20\nGf 0 f a 0 1\nCf f 0 1\nRf f 0 1meg\nBm a 0 I=1e-2*v(f)*v(f)*v(f)+2e4*pwr(v(f),9)\nR2 a out 1k\nR3 out 0 10k\n";

}  // namespace

TEST_CASE("for small signals a nonlinear model has the circuit's response", "[circuit][nonlinear]")
{
    // The promise of sample_nonlinear, 0.04 dB and 0.3°; at 1 V the laws here do not bend, or only slightly (0.2 mV at the diodes).
    struct Case { const char* what; std::string body; double volts, settle; };
    const auto c = GENERATE(Catch::Generators::values<Case>({
        {"follower with 100 ohm and a cable", opamp + "V1 in 0 0\nX1 in o o opamp\nR1 o out 100\nC1 out 0 10n\nR2 out 0 10k\n", 1.0, 0.01},
        {"inverter", opamp + "V1 in 0 0\nR1 in n 10k\nR2 n o 20k\nX1 0 n o opamp\nR3 o out 47\nC1 out 0 1n\nR4 out 0 600\n", 1.0, 0.01},
        {"diodes", "V1 in 0 0\nR1 in out 1k\nC1 out 0 3.3n\nD1 out 0 dd\nD2 0 out dd\n.model dd d(is=1e-14)\n", 2e-4, 0.01},
        {"biased diode", "V1 in 0 0\nVb b 0 5\nRb b x 10k\nD1 x out dd\nR2 out 0 1k\nC2 in out 1u\nC3 x 0 100p\n.model dd d(is=1e-14 n=1.8)\n", 1e-5, 0.05},
        {"rising 6 dB per octave", "V1 in 0 0\nC1 in out 10p\nR1 out 0 10k\nB1 out 0 I=1m*uramp(v(out)-5)\n", 1.0, 0.01},
    }));
    const double rate = GENERATE(44.1e3, 48e3, 96e3, 192e3);
    const auto circuit = build(c.body);
    CHECK_FALSE(circuit.is_linear());
    const auto model = circuit.sampled(rate);
    REQUIRE(model);
    CAPTURE(c.what, rate);
    for (const double want_hz : {20.0, 1e3, 10e3, 20e3}) {
        const double hz = nearest_tone(model.value(), want_hz);
        const auto want = circuit.response(Hertz{hz}).value()[0];
        const auto got = run_harmonics(model.value(), hz, c.volts, c.settle, 1)[0][1] / c.volts;
        CAPTURE(hz, want, got);
        CHECK_THAT(gain_of(got / want).value(), WithinAbs(0.0, 0.04));
        CHECK_THAT(std::arg(got / want) * 180.0 / pi, WithinAbs(0.0, 0.3));
    }
}

TEST_CASE("laws without memory distort by closed forms", "[circuit][nonlinear]")
{
    // cos² = ½ + ½·cos 2φ; cos³ = ¾·cos φ + ¼·cos 3φ. What the half bands add lies 110 dB below.
    const auto square = run_harmonics(sampled("V1 in 0 0\nB1 out 0 V=0.1*v(in)*v(in)+v(in)\nR1 out 0 1k\n"), 1000.0, 2.0, 0.01, 3)[0];
    CHECK_THAT(square[0].real(), WithinAbs(0.2, 1e-5));
    CHECK(std::abs(square[1] - 2.0) < 2e-5);
    CHECK(std::abs(square[2] - 0.2) < 1e-5);
    CHECK(std::abs(square[3]) < 1e-5);
    const auto cube = run_harmonics(sampled("V1 in 0 0\nB1 0 out I=1m*v(in)*v(in)*v(in)\nR1 out 0 1k\n"), 1000.0, 1.0, 0.01, 3)[0];
    CHECK(std::abs(cube[1] - 0.75) < 1e-5);
    CHECK(std::abs(cube[3] - 0.25) < 1e-5);

    // Ideal clipping of A·cos at ±1: with θ = acos(1/A) the first harmonic is A·(1 − (2θ − sin 2θ)/π), the third
    // (2A/π)·(sin 2θ/2 + sin 4θ/4)·… by ∫ over the clipped part; here by a fine sum of the same integral. The corners lie between the samples
    // of the inner rate, 192 kHz, which see each of the four a period by a part of a step too wide or too narrow: (2πfh)²/12 of A each.
    constexpr double a = 2.0;
    std::array<double, 6> want{};
    constexpr int points = 200'000;
    for (int i = 0; i < points; ++i) {
        const double phase = 2.0 * pi * i / points;
        const double v = std::clamp(a * std::cos(phase), -1.0, 1.0);
        for (std::size_t h = 1; h < want.size(); ++h) want[h] += 2.0 * v * std::cos(static_cast<double>(h) * phase) / points;
    }
    const auto clipped = run_harmonics(sampled("V1 in 0 0\nB1 out 0 V=max(-1,min(1,v(in)))\nR1 out 0 1k\n"), 1000.0, a, 0.01, 5)[0];
    for (std::size_t h = 1; h < want.size(); ++h) {
        CAPTURE(h, want[h], clipped[h]);
        CHECK(std::abs(clipped[h] - want[h]) < 4.0 * a * std::pow(2.0 * pi * 1000.0 / 192e3, 2.0) / 12.0);
    }
}

TEST_CASE("what clipping makes above the audible does not fold back", "[circuit][nonlinear]")
{
    // 5.2 kHz clipped hard at 48 kHz: its ninth harmonic, 46.8 kHz, would fold to 1.2 kHz at −22 dB. At the inner rate of
    // 192 kHz the 111th harmonic folds there, 577.2 − 3 · 192 kHz, of a wave whose corners are round by a hundredth of a period: below −50 dB.
    const auto model = sampled("V1 in 0 0\nB1 out 0 V=max(-1,min(1,v(in)))\nR1 out 0 1k\n");
    constexpr double hz = 5200.0;
    RunningCircuit running{model};
    Complex folded{};
    constexpr int frames = 12'000;
    for (int n = 0; n < 2 * frames; ++n) {
        const double v = running.next({10.0 * std::cos(2.0 * pi * hz * n / 48e3)})[0];
        if (n >= frames) folded += v * std::polar(2.0 / frames, -2.0 * pi * 1200.0 * n / 48e3);
    }
    CHECK(gain_of(folded).value() < -50.0);
}

TEST_CASE("harmonics are those of ngspice", "[circuit][nonlinear][ngspice]")
{
    struct Case { const char* what; std::string body; double volts, hz; };
    const auto c = GENERATE(Catch::Generators::values<Case>({
        {"diode clipper", "R1 in out 2.2k\nC1 out 0 10n\nD1 out 0 dd\nD2 0 out dd\n.model dd d(is=2.52n n=1.752 rs=0.568)\n", 2.0, 1e3},
        {"diode clipper", "R1 in out 2.2k\nC1 out 0 10n\nD1 out 0 dd\nD2 0 out dd\n.model dd d(is=2.52n n=1.752 rs=0.568)\n", 2.0, 5e3},
        {"one diode, no capacitor", "R1 in out 1k\nD1 out 0 dd\n.model dd d(is=1e-14)\n", 3.0, 1e3},
        {"op amp at its rails", opamp + "X1 in o o opamp\nR1 o out 100\nC1 out 0 10n\nR2 out 0 10k\n", 15.0, 1e3},
        {"op amp at its rails", opamp + "X1 in o o opamp\nR1 o out 100\nC1 out 0 10n\nR2 out 0 10k\n", 15.0, 5e3},
        {"op amp at its current limit", opamp + "X1 in o o opamp\nR1 o out 47\nC1 out 0 1n\nR2 out 0 1\n", 5.0, 1e3},
        {"iron", iron, 10.0, 30.0},
        {"iron far beyond its knee", iron, 30.0, 30.0},
    }));
    // Both start from rest with the same soft start, and are read over the same whole periods.
    const double soft_s = 2.0 / c.hz;
    const int periods = c.hz < 100.0 ? 2 : 5;
    const double begin_s = 3.0 / c.hz;
    const double end_s = begin_s + periods / c.hz;
    const double step_s = 1.0 / (c.hz * 4000.0);
    const auto n = [](double x) { return format_number(x); };
    const std::string drive = n(c.volts) + "*sin(" + n(2.0 * pi * c.hz) + "*time)*(time<" + n(soft_s) + "?0.5-0.5*cos(" + n(pi / soft_s) + "*time):1)";
    const auto table = testing::run_ngspice("test\nB1drive in 0 V=" + drive + "\n" + c.body + ".options reltol=1e-6 abstol=1e-13 vntol=1e-9\n.control\n"
                                            "set numdgt=12\ntran " + n(step_s) + " " + n(end_s) + " 0 " + n(step_s) + "\nlinearize v(out)\nwrdata out.txt v(out)\n.endc\n.end\n",
                                            {"out.txt"})[0];
    std::array<Complex, 6> want{}, got{};
    const auto first = static_cast<std::size_t>(std::round(begin_s / step_s));
    const auto count = static_cast<std::size_t>(std::round(periods * 4000.0));
    REQUIRE(table.size() >= first + count);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t h = 1; h < want.size(); ++h)
            want[h] += table[first + i][1] * std::polar(2.0 / static_cast<double>(count), -2.0 * pi * c.hz * static_cast<double>(h) * table[first + i][0]);

    constexpr double rate = 192e3;  // so that the fifth harmonic of 5 kHz is in the band, and a period is a whole number of frames
    const auto model = sampled("V1 in 0 0\n" + c.body, rate);
    RunningCircuit running{model};
    const auto delay = static_cast<std::size_t>(model.delay_frames());
    const auto start = static_cast<std::size_t>(std::round(begin_s * rate));
    const auto frames = static_cast<std::size_t>(std::round(periods * rate / c.hz));
    for (std::size_t i = 0; i < delay + start + frames; ++i) {
        const double t = static_cast<double>(i) / rate;
        const double v = running.next({c.volts * std::sin(2.0 * pi * c.hz * t) * (t < soft_s ? 0.5 - 0.5 * std::cos(pi / soft_s * t) : 1.0)})[0];
        if (i < delay + start) continue;
        const double at = static_cast<double>(i - delay) / rate;
        for (std::size_t h = 1; h < got.size(); ++h)
            got[h] += v * std::polar(2.0 / static_cast<double>(frames), -2.0 * pi * c.hz * static_cast<double>(h) * at);
    }
    CHECK(running.stepper().condition() == rt::Condition::runs);
    for (std::size_t h = 1; h < want.size(); ++h) {
        const double below_first = gain_of(want[h] / want[1]).value();
        CAPTURE(c.what, c.hz, h, below_first, want[h], got[h]);
        if (below_first < -100.0) {
            CHECK(gain_of(got[h] / want[1]).value() < -95.0);
            continue;
        }
        CHECK_THAT(gain_of(got[h] / want[h]).value(), WithinAbs(0.0, h == 1 ? 0.05 : 0.5));
    }
}

TEST_CASE("a nonlinear circuit rests where its laws agree", "[circuit][nonlinear]")
{
    // 5 V through 1 kΩ into a diode of 1e-14 A at 27 °C: I = Is·(exp(V/Vt) − 1) = (5 − V)/R, solved here by bisection.
    constexpr double vt = 1.380649e-23 * 300.15 / 1.602176634e-19;
    double low = 0.0, high = 1.0;
    for (int i = 0; i < 100; ++i) (1e-14 * std::expm1((low + high) / 2 / vt) + 1e-12 * (low + high) / 2 < (5.0 - (low + high) / 2) / 1e3 ? low : high) = (low + high) / 2;
    const std::string body = "V1 in 0 0\nVdc b 0 5\nR1 b out 1k\nC1 in out 1u\nD1 out 0 dd\n.model dd d(is=1e-14)\n";
    CHECK_THAT(build(body).rest_volts()[0], WithinAbs(low, 1e-6));
    const auto model = sampled(body);
    RunningCircuit running{model};
    for (int i = 0; i < 400; ++i) REQUIRE_THAT(running.next({0.0})[0], WithinAbs(low, 1e-5));  // the half band's gain at 0 Hz to 1e-6
}

TEST_CASE("no operating point and too many laws are said", "[circuit][nonlinear]")
{
    const auto message = [](const std::string& body) {
        auto netlist = parse_netlist("test\n" + body, "t.cir");
        if (!netlist) FAIL(netlist.error().message);
        constexpr std::array<std::string_view, 1> sources{"V1"};
        constexpr std::array<std::string_view, 1> outputs{"out"};
        const auto circuit = Circuit::build(netlist.value(), sources, outputs);
        if (!circuit) return circuit.error().message;
        const auto model = circuit.value().sampled(48e3);
        return model ? std::string{} : model.error().message;
    };
    // exp(v) = v − 1 has no real solution.
    CHECK_THAT(message("V1 in 0 0\nR1 in out 1\nB1 x 0 V=v(x)+exp(v(x))+1\nR2 x 0 1\n"), ContainsSubstring("does not converge"));
    CHECK_THAT(message("V1 in 0 0\nR1 in out 1k\nB1 0 out I=2m*v(out)+1m*uramp(v(out)-1)\nC1 out 0 1n\nRx out 0 2k\n"), ContainsSubstring("unstable"));
    std::string many = "V1 in 0 0\nR1 in out 1k\n";
    for (int i = 0; i < 40; ++i) many += "R" + std::to_string(i + 2) + " in n" + std::to_string(i) + " 1k\nB" + std::to_string(i) + " n" + std::to_string(i) + " 0 I=1m*v(n" + std::to_string(i) + ")**3\n";
    CHECK_THAT(message(many), ContainsSubstring("more than the 32"));
}

TEST_CASE("a step without a solution mutes the circuit, until it is started anew", "[circuit][nonlinear]")
{
    // A negative resistance that is steeper than the load: beyond 1 V the voltage has nowhere to go.
    const auto model = sampled("V1 in 0 0\nR1 in out 1k\nB1 0 out I=1*uramp(v(out)-1)**2\n");
    RunningCircuit running{model};
    for (int i = 0; i < 200; ++i) running.next({0.8});
    CHECK_THAT(running.next({0.8})[0], WithinAbs(0.8, 1e-4));
    CHECK(running.stepper().condition() == rt::Condition::runs);
    double largest = 0.0;
    for (int i = 0; i < 400; ++i) {
        const double v = running.next({5.0})[0];
        REQUIRE(std::isfinite(v));
        largest = std::max(largest, std::abs(v));
    }
    CHECK(largest < 1e4);
    CHECK(running.stepper().condition() != rt::Condition::runs);
    CHECK(running.next({0.5})[0] == 0.0);
    running.stepper().restart(model.matrices());
    for (int i = 0; i < 200; ++i) running.next({0.5});
    CHECK_THAT(running.next({0.5})[0], WithinAbs(0.5, 1e-4));
    CHECK(running.stepper().condition() == rt::Condition::runs);
}

TEST_CASE("blocks of any length give the same samples of a nonlinear circuit", "[circuit][nonlinear]")
{
    const auto model = sampled("V1 in 0 0\n" + opamp + "X1 in o o opamp\nR1 o out 100\nC1 out 0 10n\nR2 out 0 600\n");
    CHECK(run_in_blocks(model, 15.0, {8}) == run_in_blocks(model, 15.0, {1, 7, 3, 5, 2}));
}

TEST_CASE("where a limiter does not limit is found and proven", "[circuit][nonlinear]")
{
    const auto range = [](const std::string& expression) {
        auto netlist = parse_netlist("t\nR1 a 0 1\nR2 b 0 1\nB1 a 0 I=" + expression + "\n", "t");
        if (!netlist) FAIL(netlist.error().message);
        const auto& law = std::get<Behavioural>(netlist.value().elements.back().part);
        return affine_range(law.function, std::vector<double>(law.inputs.size()));
    };
    const auto limiter = range("2*uramp(v(a)-12)*uramp(v(a)-12)-uramp(-11-v(a))**2+uramp(abs(v(b))-0.04)");
    REQUIRE(limiter);
    CHECK_THAT(limiter->lowest[0], WithinAbs(-11.0, 1e-3));
    CHECK_THAT(limiter->highest[0], WithinAbs(12.0, 1e-3));
    CHECK_THAT(limiter->lowest[1], WithinAbs(-0.04, 1e-6));
    CHECK(limiter->highest[0] < 12.0);
    const auto clamp = range("max(-3,min(2,5*v(a)))+v(b)");
    REQUIRE(clamp);
    CHECK_THAT(clamp->lowest[0], WithinAbs(-0.6, 1e-4));
    CHECK_THAT(clamp->highest[0], WithinAbs(0.4, 1e-4));
    CHECK(clamp->highest[1] > 1e6);
    CHECK_FALSE(range("v(a)**3"));
    CHECK_FALSE(range("exp(v(a))"));
    CHECK_FALSE(range("abs(v(a))"));  // the kink is at the place itself
    CHECK(range("v(a) > 1 ? v(a)*v(a) : 3*v(a)"));
}
