// The shipped nonlinear circuits, outputs, receivers and connections, play tones: levels and harmonics are those of ngspice on the very same files.
#include "bench/collection.h"
#include "bench/virtual_bench.h"
#include "core/text.h"
#include "support/fixture_deck.h"
#include "support/ngspice.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

using namespace lowleg;
using namespace lowleg::bench;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double pi = std::numbers::pi;
constexpr std::size_t harmonics = 5;
/// By input of the interface and harmonic.
using Harmonics = std::array<std::array<Complex, harmonics + 1>, 2>;

struct Tone {
    double hz, peak_volts;
    SwitchState state;  ///< Of an output.
    int periods;  ///< That are read, after three of soft start and some settling: the same stretch from the same beginning in both.
    double rate_hz;  ///< A period is a whole number of frames, or five are; the fifth harmonic is in the band.

    [[nodiscard]] double begin_s() const { return 3.0 / hz; }
    [[nodiscard]] double soft_s() const { return 2.0 / hz; }
    [[nodiscard]] double at(double t) const
    {
        return peak_volts * std::sin(2.0 * pi * hz * t) * (t < soft_s() ? 0.5 - 0.5 * std::cos(pi / soft_s() * t) : 1.0);
    }
    /// Of the i-th of `count` samples that are read. What iron still settles would leak into weak harmonics: several periods are
    /// read through a Hann window.
    [[nodiscard]] double weight(std::size_t i, std::size_t count) const
    {
        const double phase = 2.0 * pi * static_cast<double>(i) / static_cast<double>(count);
        return 2.0 / static_cast<double>(count) * (periods > 1 ? 1.0 - std::cos(phase) : 1.0);
    }
    [[nodiscard]] std::string as_expression() const
    {
        const auto n = [](double x) { return format_number(x); };
        return n(peak_volts) + "*sin(" + n(2.0 * pi * hz) + "*time)*(time<" + n(soft_s()) + "?0.5-0.5*cos(" + n(pi / soft_s()) + "*time):1)";
    }
};

// Ngspice's points per period; its own error falls with their square and is then below 1e-5 of the fundamental.
constexpr double points = 2400.0;

/// An output and a connection have the tone at drv, a receiver has it between its legs.
std::string deck_of(const CircuitText& circuit, CircuitKind kind, const Fixture& fixture, const Tone& tone)
{
    const auto source = [&](const std::string& name, const std::string& factor) { return name + " 0 V=" + factor + "*" + tone.as_expression() + "\n"; };
    switch (kind) {
    case CircuitKind::receiver: return testing::with_feed(circuit.netlist, fixture, Feed::separate, source("Bfxone fxe1", "0.5") + source("Bfxtwo fxe2", "(-0.5)"));
    case CircuitKind::connection: return testing::with_listener(circuit.netlist, fixture, source("Bfxdrive drv", "1") + "Vfxnoise noise 0 0\n");
    case CircuitKind::output: break;
    }
    return testing::with_fixture(circuit.netlist, fixture, tone.state, source("Bfxdrive drv", "1") + "Vfxprobe fxp 0 0\n");
}

Harmonics in_ngspice(const CircuitText& circuit, CircuitKind kind, const Fixture& fixture, const Tone& tone)
{
    const double step_s = 1.0 / (tone.hz * points);
    const auto n = [](double x) { return format_number(x); };
    const std::string read = kind == CircuitKind::output ? "v(p2) v(fx3)" : kind == CircuitKind::receiver ? "v(out) v(fx1)" : "v(out) v(p2)";
    const auto deck = deck_of(circuit, kind, fixture, tone) + ".options reltol=1e-6 abstol=1e-12 vntol=1e-8 chgtol=1e-18\n.control\nset numdgt=12\ntran " +
                      n(step_s) + " " + n(tone.begin_s() + tone.periods / tone.hz) + " 0 " + n(step_s) + "\nlinearize " + read + "\nwrdata out.txt " + read +
                      "\n.endc\n.end\n";
    const auto table = testing::run_ngspice(deck, {"out.txt"}, LOWLEG_SOURCE_DIR "/src/bench/circuits")[0];
    const auto first = static_cast<std::size_t>(std::round(tone.begin_s() / step_s));
    const auto count = static_cast<std::size_t>(std::round(tone.periods * points));
    REQUIRE(table.size() >= first + count);
    Harmonics sum{};
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t input = 0; input < 2; ++input)
            for (std::size_t h = 1; h <= harmonics; ++h) {
                const auto& row = table[first + i];
                sum[input][h] += row[2 * input + 1] * std::polar(tone.weight(i, count), -2.0 * pi * tone.hz * static_cast<double>(h) * row[0]);
            }
    return sum;
}

Harmonics on_bench(const CircuitText& circuit, const Fixture& fixture, const Tone& tone)
{
    InterfaceModel interface;
    interface.full_scale = Dbu{32.0};  // nothing but the gear clips
    interface.noise = Dbfs{-300.0};
    const auto built = VirtualBench::build(circuit, fixture, interface, tone.rate_hz);
    if (!built) FAIL(built.error().message);
    auto& bench = *built.value();
    bench.request_state(tone.state);
    const double volts = std::numbers::sqrt2 * interface.full_scale.volts().value();
    const auto delay = static_cast<std::size_t>(bench.delay().value());
    const auto first = delay + static_cast<std::size_t>(std::round(tone.begin_s() * tone.rate_hz));
    const auto count = static_cast<std::size_t>(std::round(tone.periods * tone.rate_hz / tone.hz));
    std::vector<float> one(first + count), two(one.size()), i2(one.size()), i3(one.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        const double played = tone.at(static_cast<double>(i) / tone.rate_hz) / volts;
        one[i] = static_cast<float>(bench.kind() == CircuitKind::receiver ? 0.5 * played : played);
        two[i] = bench.kind() == CircuitKind::receiver ? -one[i] : 0.0F;
    }
    bench.process(one.data(), two.data(), i2.data(), i3.data(), static_cast<std::uint32_t>(one.size()));
    CHECK_FALSE(bench.trouble());
    Harmonics sum{};
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t h = 1; h <= harmonics; ++h) {
            const double t = static_cast<double>(first + i - delay) / tone.rate_hz;
            const auto turn = volts * std::polar(tone.weight(i, count), -2.0 * pi * tone.hz * static_cast<double>(h) * t);
            sum[0][h] += static_cast<double>(i2[first + i]) * turn;
            sum[1][h] += static_cast<double>(i3[first + i]) * turn;
        }
    return sum;
}

}  // namespace

TEST_CASE("nonlinear circuits play tones as in ngspice", "[bench][ngspice][tones]")
{
    Fixture fixture;
    fixture.probe.reset();
    std::map<CircuitKind, int> compared;
    for (const auto& shipped : shipped_circuits()) {
        const auto circuit = find_circuit(shipped.name).value();
        const auto probed = VirtualBench::build(circuit, fixture, InterfaceModel{}, 48e3);
        if (!probed) FAIL(probed.error().message);
        if (probed.value()->is_linear()) continue;
        const auto kind = probed.value()->kind();
        ++compared[kind];
        std::vector<Tone> tones;
        for (const double dbu : {4.0, 22.0}) {
            const double peak = std::numbers::sqrt2 * Dbu{dbu}.volts().value();
            tones.insert(tones.end(), {{30.0, peak, SwitchState::through, 1, 48e3}, {1e3, peak, SwitchState::through, 6, 48e3}, {5e3, peak, SwitchState::through, 10, 96e3}});
            if (dbu > 20.0 && kind == CircuitKind::output) tones.push_back({1e3, peak, SwitchState::grounded, 6, 48e3});
        }
        // At +28 dBu whatever has rails clips.
        tones.push_back({1e3, std::numbers::sqrt2 * Dbu{28.0}.volts().value(), SwitchState::through, 6, 48e3});
        for (const auto& tone : tones) {
            const auto want = in_ngspice(circuit, kind, fixture, tone);
            const auto got = on_bench(circuit, fixture, tone);
            for (std::size_t input = 0; input < 2; ++input) {
                if (std::abs(want[input][1]) < 1e-4 * tone.peak_volts) continue;  // a silent or grounded leg
                for (std::size_t h = 1; h <= harmonics; ++h) {
                    const double below_first = gain_of(want[input][h] / want[input][1]).value();
                    CAPTURE(shipped.name, tone.peak_volts, tone.hz, name_of(tone.state), input, h, below_first, want[input][h], got[input][h]);
                    if (below_first < -100.0) CHECK(gain_of(got[input][h] / want[input][1]).value() < -99.0);
                    else CHECK_THAT(gain_of(got[input][h] / want[input][h]).value(), WithinAbs(0.0, h == 1 ? 0.05 : 0.5));
                }
            }
        }
    }
    // Those with iron or with op amps that have limits.
    CHECK(compared[CircuitKind::output] >= 15);
    CHECK(compared[CircuitKind::receiver] == 5);
}

TEST_CASE("for small signals nonlinear outputs respond as their equations do", "[bench][numbers]")
{
    // 0.05 dB, at a level where no limiter limits and iron is far from its knee (−40 dBu: the flux of 20 Hz is 1e-3 of it).
    Fixture fixture;
    for (const auto& shipped : shipped_circuits()) {
        InterfaceModel interface;
        interface.noise = Dbfs{-300.0};
        const auto built = VirtualBench::build(find_circuit(shipped.name).value(), fixture, interface, 48e3);
        if (!built) FAIL(built.error().message);
        auto& bench = *built.value();
        if (bench.is_linear() || bench.kind() != CircuitKind::output) continue;
        for (const auto state : {SwitchState::through, SwitchState::lifted}) {
            bench.request_state(state);
            for (const double hz : {100.0, 1e3, 10e3, 20e3}) {
                constexpr std::size_t settle = 24'000, count = 4'800;
                constexpr double amplitude = 6e-4;
                std::vector<float> drive(settle + count), silence(drive.size()), i2(drive.size()), i3(drive.size());
                for (std::size_t i = 0; i < drive.size(); ++i) drive[i] = static_cast<float>(amplitude * std::sin(2.0 * pi * hz * static_cast<double>(i) / 48e3));
                bench.process(drive.data(), silence.data(), i2.data(), i3.data(), static_cast<std::uint32_t>(drive.size()));
                Complex sum2{}, sum3{}, played{};
                for (std::size_t i = settle; i < drive.size(); ++i) {
                    const auto turn = std::polar(1.0, -2.0 * pi * hz * static_cast<double>(i) / 48e3);
                    sum2 += static_cast<double>(i2[i]) * turn;
                    sum3 += static_cast<double>(i3[i]) * turn;
                    played += static_cast<double>(drive[i]) * turn;
                }
                const auto want = bench.response(state, Hertz{hz}, false);
                const auto late = std::polar(1.0, 2.0 * pi * hz * static_cast<double>(bench.delay().value()) / 48e3);
                for (const auto& [got, expected] : {std::pair{sum2 / played * late, want[0]}, std::pair{sum3 / played * late, want[1]}}) {
                    if (gain_of(expected).value() < -60.0) continue;  // below it the rounding of 32-bit samples counts
                    CAPTURE(shipped.name, name_of(state), hz, expected, got);
                    CHECK_THAT(gain_of(got / expected).value(), WithinAbs(0.0, 0.05));
                    CHECK_THAT(std::arg(got / expected) * 180.0 / pi, WithinAbs(0.0, 0.3));
                }
            }
        }
    }
}
