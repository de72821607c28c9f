// What surrounds the gear changes while it runs: without a click, to where a bench built afresh would be.
#include "bench/bench_run.h"
#include "support/realtime_guard.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>

using namespace lowleg;
using namespace lowleg::bench;
using namespace lowleg::testing;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double rate = 48e3;
constexpr double amplitude = 0.25;
constexpr std::size_t second = 48'000;
constexpr double drive_hz = 997.0;
constexpr double probe_hz = 401.0;
constexpr double glide_frames = 480.0;  // 10 ms

double sine(double hz, std::int64_t n) { return amplitude * std::sin(2.0 * pi * std::fmod(hz * static_cast<double>(n), rate) / rate); }
constexpr auto drive = [](std::int64_t n) { return sine(drive_hz, n); };
constexpr auto probe = [](std::int64_t n) { return sine(probe_hz, n); };

const CircuitText linear_inverter{"linear.cir", "", "title\nE2 a 0 drv 0 0.5\nR2 a p2 47\nC2 p2 0 100p\nE3 b 0 drv 0 -0.5\nR3 b p3 47\nC3 p3 0 100p\n"};
const CircuitText clipping_inverter{"clipping.cir", "",
                                    "title\nRin drv 0 10k\nB2 a 0 V=0.5*v(drv)+1e-9*uramp(v(drv)-20)\nR2 a p2 47\nC2 p2 0 100p\n"
                                    "B3 b 0 V=-0.5*v(drv)-1e-9*uramp(v(drv)-20)\nR3 b p3 47\nC3 p3 0 100p\n"};

struct Surroundings {
    Fixture fixture{};
    InterfaceModel interface = noiseless();
};

/// Largest amplitude at each input of each of the two tones.
std::array<std::array<double, 2>, 2> amplitudes(const VirtualBench& bench)
{
    std::array<std::array<double, 2>, 2> out{};
    for (const bool to_probe : {false, true}) {
        const auto h = bench.response(Hertz{to_probe ? probe_hz : drive_hz}, to_probe);
        for (std::size_t leg = 0; leg < 2; ++leg) out[leg][to_probe ? 1 : 0] = amplitude * std::abs(h[leg]);
    }
    return out;
}

void set_both(VirtualBench& bench, const Surroundings& to) { REQUIRE(bench.set_surroundings(to.fixture, to.interface)); }

/// Both tones, in a second of capture, against the closed form and against a bench built afresh.
void check_reading(VirtualBench& bench, const Surroundings& now, std::int64_t& played, const CircuitText& circuit)
{
    const auto fresh = build(circuit, now.fixture, now.interface);
    CHECK(bench.delay() == fresh->delay());
    const auto capture = run(bench, played, second, drive, probe);
    const auto turn = [&](double hz) {  // from the first frame of the capture back to what was played there
        return std::polar(1.0, 2.0 * pi * std::fmod(hz * static_cast<double>(played - bench.delay().value()), rate) / rate - pi / 2.0);
    };
    for (const bool to_probe : {false, true}) {
        const double hz = to_probe ? probe_hz : drive_hz;
        const auto want = bench.response(Hertz{hz}, to_probe);
        CHECK(want == fresh->response(bench.state(), Hertz{hz}, to_probe));
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto got = tone_in(leg == 0 ? capture.i2 : capture.i3, hz) / amplitude / turn(hz);
            CAPTURE(to_probe, leg, want[leg], got);
            // The solver's 0.002 dB and 0.02 degrees, 4e-4 together; a high-pass of 20 Hz as it is simulated has 3e-6 more.
            CHECK_THAT(std::abs(got - want[leg]), WithinAbs(0.0, 5e-4 * std::abs(want[leg]) + 1e-7));
        }
    }
    played += static_cast<std::int64_t>(second);
}

}  // namespace

TEST_CASE("whatever changes while a signal plays, nothing steps further than the level itself", "[bench][surroundings]")
{
    struct Step {
        const char* name;
        std::function<void(Surroundings&)> change;
        double spread = 0.0;  ///< What it adds to every difference between two samples.
        bool bends = false;   ///< Clipping has corners.
    };
    // Mains at its loudest here, −40 dBFS: ten harmonics of equal slope; and while it glides the sum of all of them.
    const double hum = sine_peak(Dbfs{-40.0});
    const double hum_slope = 10.0 * hum * 2.0 * pi * 60.0 / rate + 2.93 * hum / glide_frames;
    const std::array<Step, 29> steps{{
        {"Rin 1 MΩ", [](Surroundings& s) { s.fixture.rin2 = Ohms{1e6}; }},
        {"Rin 600 Ω", [](Surroundings& s) { s.fixture.rin2 = s.fixture.rin3 = Ohms{600.0}; }},
        {"Cin 0", [](Surroundings& s) { s.fixture.cin = Farads{0.0}; }},
        {"Cin 10 nF", [](Surroundings& s) { s.fixture.cin = Farads{10e-9}; }},
        {"Cin 200 pF", [](Surroundings& s) { s.fixture.cin = Farads{200e-12}; }},
        {"no probe", [](Surroundings& s) { s.fixture.probe.reset(); }},
        {"probe of 1 kΩ", [](Surroundings& s) { s.fixture.probe = ProbeResistors{Ohms{1e3}, Ohms{1.1e3}}; }},
        {"Rs 0", [](Surroundings& s) { s.fixture.rs = Ohms{0.0}; }},
        {"Rs 1 kΩ", [](Surroundings& s) { s.fixture.rs = Ohms{1e3}; }},
        {"Rg", [](Surroundings& s) { s.fixture.rg = Ohms{100.0}; }},
        {"gain ratio", [](Surroundings& s) { s.fixture.gain_ratio = 0.7; }},
        {"full scale", [](Surroundings& s) { s.interface.full_scale = Dbu{18.0}; }},
        {"hum", [](Surroundings& s) { s.interface.hum = Dbfs{-40.0}; }, hum_slope},
        {"60 Hz", [](Surroundings& s) { s.interface.hum_frequency = Hertz{60.0}; }, hum_slope},
        {"no hum", [](Surroundings& s) { s.interface.hum.reset(); }, hum_slope},
        {"AC coupling", [](Surroundings& s) { s.interface.ac_coupling = {Hertz{20.0}, Hertz{3.0}}; }},
        {"another corner", [](Surroundings& s) { s.interface.ac_coupling = {Hertz{5.0}, Hertz{0.0}}; }},
        {"DC coupling", [](Surroundings& s) { s.interface.ac_coupling = {}; }},
        {"37 frames later", [](Surroundings& s) { s.interface.delay_frames = 37; }},
        {"5000 frames later", [](Surroundings& s) { s.interface.delay_frames = 5000; }},
        {"12 frames later", [](Surroundings& s) { s.interface.delay_frames = 12; }},
        {"no later", [](Surroundings& s) { s.interface.delay_frames = 0; }},
        {"seed", [](Surroundings& s) { s.interface.seed = 17; }},
        {"noise", [](Surroundings& s) { s.interface.noise = Dbfs{-200.0}; }, 1e-9},
        {"slips to come", [](Surroundings& s) { s.interface.dropouts = {1e-12, 3000, Dropouts::Kind::slip}; }, 1e-9},
        {"no slips", [](Surroundings& s) { s.interface.dropouts = {}; }, 1e-9},
        {"many at once", [](Surroundings& s) {
             s.fixture = {};
             s.fixture.cin = Farads{0.0};
             s.fixture.rin3 = Ohms{20e3};
             s.interface = noiseless();
             s.interface.delay_frames = 3;
             s.interface.ac_coupling = {Hertz{1.0}, Hertz{1.0}};
         }, 1e-9},
        {"clipping", [](Surroundings& s) { s.interface.clipping = Dbfs{-20.0}; }, 0.9 / glide_frames, true},
        {"no clipping", [](Surroundings& s) { s.interface.clipping = Dbfs{0.0}; }, 0.9 / glide_frames, true},
    }};
    // Linear, where a step in the circuit stands between two samples; and nonlinear, where it is as steep as its band allows.
    const auto circuit = GENERATE(linear_inverter, clipping_inverter);
    const auto state = GENERATE(SwitchState::through, SwitchState::loaded);
    Surroundings now;
    const auto bench = build(circuit, now.fixture, now.interface);
    const std::size_t edge = bench->is_linear() ? 1 : 64;
    bench->request_state(state);
    std::int64_t played = 0;
    auto captured = run(*bench, played, second, drive, probe);
    played += static_cast<std::int64_t>(second);

    for (const auto& step : steps) {
        CAPTURE(circuit.name, name_of(state), step.name);
        const auto before = amplitudes(*bench);
        const double volts_before = now.interface.full_scale.volts().value();
        step.change(now);
        set_both(*bench, now);
        const auto after = amplitudes(*bench);
        // While the full scale glides, what was played under one is captured under the other; the circuit's delay lies between.
        const double ratio = now.interface.full_scale.volts().value() / volts_before;
        const double swell = 1.0 + static_cast<double>(bench->delay().value()) / glide_frames * (std::max(ratio, 1.0 / ratio) - 1.0);

        const auto end = captured.i2.size();
        captured.append(run(*bench, played, second, drive, probe));
        played += static_cast<std::int64_t>(second);
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto& x = leg == 0 ? captured.i2 : captured.i3;
            double slope = step.spread, bend = 2.0 * step.spread, jump = 0.0;
            for (std::size_t tone = 0; tone < 2; ++tone) {
                const double w = 2.0 * pi * (tone == 0 ? drive_hz : probe_hz) / rate;
                const double larger = std::max(before[leg][tone], after[leg][tone]) * swell;
                // A glide, or a fade from one delay to another, moves by twice the amplitude at most, and has two corners.
                slope += larger * w + 2.0 * larger / glide_frames;
                bend += larger * w * w + 4.0 * larger * w / glide_frames + 2.0 * larger / glide_frames;
                jump += before[leg][tone] + after[leg][tone];  // in resistances: from one level and phase to another, at once
            }
            double steepest = 0.0, most_bent = 0.0;
            const auto difference = [&](std::size_t n) { return static_cast<double>(x[n]) - static_cast<double>(x[n - 1]); };
            for (std::size_t n = end - 100; n + 1 < x.size(); ++n) {
                if (n >= end && n < end + edge) CHECK(std::abs(difference(n)) <= slope + jump);
                else steepest = std::max(steepest, std::abs(difference(n)));
                if (n + 1 < end || n >= end + edge) most_bent = std::max(most_bent, std::abs(difference(n + 1) - difference(n)));
            }
            CAPTURE(leg);
            constexpr double rounding = 1e-7;
            CHECK(steepest <= slope + rounding);
            if (!step.bends) CHECK(most_bent <= bend + 4.0 * rounding);
        }
        captured = run(*bench, played, second, drive, probe);  // 1 s: AC coupling of 1 Hz settles to 2e-3 of what it held off, 0 V
        played += static_cast<std::int64_t>(second);
        if (!now.interface.hum && now.interface.clipping == Dbfs{0.0}) check_reading(*bench, now, played, circuit);
    }
}

TEST_CASE("a resistor steps the level by what it divides, and no further", "[bench][surroundings]")
{
    // 47 Ω into 10 kΩ, then into 1 MΩ, DC: the level steps between two samples from one division to the other.
    const CircuitText leg{"leg.cir", "", "title\nR2 drv p2 47\nR3 drv p3 47\n"};
    Fixture f;
    f.cin = Farads{0.0};
    f.probe.reset();
    const auto bench = build(leg, f);
    const auto dc = [](std::int64_t) { return 0.5; };
    const auto before = run(*bench, 0, 1000, dc, silence);
    f.rin2 = Ohms{1e6};
    REQUIRE(bench->set_fixture(f));
    const auto after = run(*bench, 0, 1000, dc, silence);
    for (const float x : after.i2) REQUIRE_THAT(x, WithinAbs(0.5 / (1.0 + 47e-6), 1e-6));
    CHECK_THAT(before.i2.back(), WithinAbs(0.5 / (1.0 + 4.7e-3), 1e-6));
    CHECK(after.i3 == std::vector<float>(after.i3.size(), before.i3.back()));  // the other leg does not notice
}

TEST_CASE("charges stay where they are when surroundings change", "[bench][surroundings]")
{
    // 10 µF on pin 3, charged through 10 kΩ into 1 MΩ; then into 1 kΩ: V goes on from where it was, exponentially.
    const CircuitText rc{"rc.cir", "", "title\nR1 drv p2 1k\nR3 drv p3 10k\nC3 p3 0 10u\n"};
    Fixture f;
    f.rin2 = f.rin3 = Ohms{1e6};
    f.cin = Farads{0.0};
    f.probe.reset();
    const auto bench = build(rc, f);
    const auto dc = [](std::int64_t) { return 0.5; };
    const auto before = run(*bench, 0, 96'000, dc, silence);
    const double v0 = 0.5 * 1e6 / 1.01e6;
    CHECK_THAT(before.i3.back(), WithinAbs(v0, 1e-6));  // 20 time constants: 2e-9

    // With a capacitor that was not there before: another number of states. 10 nF on 10 µF, and empty on pin 2.
    const bool adds_states = GENERATE(false, true);
    f.rin3 = Ohms{1e3};
    if (adds_states) f.cin = Farads{10e-9};
    REQUIRE(bench->set_fixture(f));
    const auto after = run(*bench, 0, 2000, dc, silence);
    const double g = 1e-4 + 1e-3;
    const double c = 10e-6 + f.cin.value();
    const double v_end = 0.5 * 1e-4 / g;
    for (std::size_t n = 0; n < after.i3.size(); ++n) {
        const double t = static_cast<double>(n + 1) / rate;
        // The capacitor that comes is taken as charged as the one that is there: 1e-3 of 0.5 otherwise. The contact of 20 mΩ
        // takes 2e-5 of what flows into 1 kΩ, and keeps both capacitors apart for 0.2 ns.
        CAPTURE(adds_states, n);
        REQUIRE_THAT(after.i3[n], WithinAbs(v_end + (v0 - v_end) * std::exp(-t * g / c), adds_states ? 6e-4 : 2e-5));
    }
    CHECK_THAT(after.i2.back(), WithinAbs(0.5 / (1.0 + 1e-3), 1e-6));
}

TEST_CASE("flux stays where it is when surroundings change", "[bench][surroundings]")
{
    // 10 H at pin 2 under 1 V DC through 1 kΩ: 1 mA, that Rin alone takes over when the source's side is made to matter less.
    const CircuitText rl{"rl.cir", "", "title\nR1 drv p2 1k\nL1 p2 0 10\nR3 drv p3 1k\n"};
    Fixture f;
    f.cin = Farads{0.0};
    f.probe.reset();
    const auto bench = build(rl, f);
    const double volts = std::numbers::sqrt2 * InterfaceModel{}.full_scale.volts().value();
    const auto dc = [](std::int64_t) { return 0.1; };
    run(*bench, 0, second, dc, silence);  // L/R ≈ 11 ms: 87 time constants
    const double amperes = 0.1 * volts / 1e3;
    f.rin2 = Ohms{2e3};
    REQUIRE(bench->set_fixture(f));
    // The drive goes as the resistor comes; what was played is the circuit's delay under way.
    const auto delay = static_cast<std::size_t>(bench->delay().value());
    const auto after = run(*bench, 0, 2000, silence, silence);
    const double ohms = 1.0 / (1.0 / 1e3 + 1.0 / 2e3);
    for (std::size_t n = delay + 40; n < after.i2.size(); ++n) {  // 40 frames on, the band-limited edge has rung out
        const double t = (static_cast<double>(n) - static_cast<double>(delay) + 0.5) / rate;
        CAPTURE(n);
        // V = −I·R·exp(−tR/L). The edge is at half a frame before the first sample of silence, as far as 1 % of a frame.
        REQUIRE_THAT(static_cast<double>(after.i2[n]) * volts, WithinAbs(-amperes * ohms * std::exp(-t * ohms / 10.0), 1e-3 * amperes * ohms));
    }
}

TEST_CASE("changes that nobody took in between, and many of them, end where the last one says", "[bench][surroundings]")
{
    const auto circuit = shipped("transformer");
    Surroundings now;
    const auto bench = build(circuit, now.fixture, now.interface);
    std::int64_t played = 0;
    const auto go_on = [&](std::size_t frames) {
        const auto c = run(*bench, played, frames, drive, probe);
        played += static_cast<std::int64_t>(frames);
        for (const auto* leg : {&c.i2, &c.i3})
            for (const float x : *leg) REQUIRE(std::abs(x) < 1.0F);
    };
    for (int i = 0; i < 300; ++i) {
        now.fixture.rin2 = Ohms{1e3 * (1 + i % 7)};
        now.fixture.cin = Farads{i % 3 == 0 ? 0.0 : 100e-12};
        now.interface.delay_frames = i % 5 * 700;
        now.interface.clock_ppm = i % 4 == 1 ? 100.0 : 0.0;
        now.interface.dropouts = {i % 6 == 2 ? 6000.0 : 0.0, 500, Dropouts::Kind::slip};
        if (i % 2 == 0) REQUIRE(bench->set_fixture(now.fixture));
        set_both(*bench, now);
        if (i % 11 == 0) bench->request_state(all_switch_states[static_cast<std::size_t>(i) % 4]);
        if (i % 3 != 0) go_on(static_cast<std::size_t>(i * i % 1777));
    }
    now = {};
    set_both(*bench, now);
    bench->request_state(SwitchState::through);
    go_on(4 * second);  // 2 · 2800 frames of an older delay, and 12 time constants of the transformer
    check_reading(*bench, now, played, circuit);
}

TEST_CASE("what cannot be set is refused, and everything is as before", "[bench][surroundings]")
{
    // V(p2) holds itself up unless its load is heavy enough: stable with 1 kΩ, not with 1 MΩ.
    const CircuitText feedback{"feedback.cir", "", "title\nR1 drv p2 10k\nE1 a 0 p2 0 1.02\nR2 a p2 50\nC1 p2 0 1n\nR3 p3 0 50\n"};
    Fixture f;
    f.rin2 = Ohms{1e3};
    const auto bench = build(feedback, f);
    const auto undisturbed = build(feedback, f);
    run(*bench, 0, 1000, drive, probe);
    run(*undisturbed, 0, 1000, drive, probe);

    auto other = f;
    other.rin2 = Ohms{1e6};
    const auto refused = bench->set_fixture(other);
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, ContainsSubstring("feedback.cir is unstable") && ContainsSubstring("(pin 3 through)"));
    CHECK(refused.error().kind == ErrorKind::failure);
    other.rin2 = Ohms{-1.0};
    const auto wrong = bench->set_fixture(other);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().kind == ErrorKind::usage);
    auto interface = noiseless();
    interface.clock_ppm = 1e6;
    const auto impossible = bench->set_surroundings(f, interface);
    REQUIRE_FALSE(impossible);
    CHECK(impossible.error().kind == ErrorKind::usage);
    CHECK(bench->fixture().rin2 == Ohms{1e3});
    CHECK(bench->interface().clock_ppm == 0.0);

    // What is set again as it is changes nothing either, not even the last bit.
    REQUIRE(bench->set_interface(noiseless()));
    REQUIRE(bench->set_fixture(f));
    const auto a = run(*bench, 1000, 4000, drive, probe);
    const auto b = run(*undisturbed, 1000, 4000, drive, probe);
    CHECK(a.i2 == b.i2);
    CHECK(a.i3 == b.i3);
}

TEST_CASE("taking a change over calls nothing that waits", "[bench][surroundings][realtime]")
{
    const auto bench = build(shipped("transformer"));
    std::array<float, 64> in{}, i2{}, i3{};
    static_cast<void>(testing::take_caught());
    Surroundings now;
    for (int i = 0; i < 40; ++i) {
        now.fixture.cin = Farads{i % 2 == 0 ? 0.0 : 200e-12};
        now.interface.delay_frames = 20 * i;
        now.interface.clock_ppm = i % 3 == 0 ? -50.0 : 0.0;
        now.interface.dropouts = {6000.0, 100, i % 5 < 2 ? Dropouts::Kind::slip : Dropouts::Kind::silence};
        now.interface.ac_coupling = {Hertz{0.1 * i}, Hertz{0.0}};
        now.interface.hum = i % 2 == 0 ? std::optional{Dbfs{-60.0}} : std::nullopt;
        set_both(*bench, now);
        for (int block = 0; block < 20 + 10 * i; ++block) {
            const testing::RealtimeScope scope;
            bench->process(in.data(), in.data(), i2.data(), i3.data(), 64);
        }
    }
    const auto caught = testing::take_caught();
    CAPTURE(caught.first);
    CHECK(caught.calls == 0);
}
