// The simulated interface's imperfections: each as ordered, measured from outside.
#include "bench/bench_run.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <cmath>
#include <string>
#include <vector>

using namespace lowleg;
using namespace lowleg::bench;
using namespace lowleg::testing;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

/// Each output of the interface on an input: 1 mΩ into 10 kΩ is 1e-7 less.
const CircuitText wires{"wires.cir", "", "title\nR2 drv p2 1m\nR3 p3 0 1t\n"};
Fixture wires_only()
{
    Fixture f;
    f.cin = Farads{0.0};
    f.rs = Ohms{0.0};
    f.probe = ProbeResistors{Ohms{1e12}, Ohms{1e-3}};
    return f;
}

/// What remains of `x` beside c·exp(jωn), and c, by least squares. \param turns  of the tone, per frame.
struct Tone {
    Complex amplitude;
    double rest;  ///< Largest.
};
Tone tone_of(const std::vector<float>& x, double turns, std::size_t first)
{
    // Normal equations for cos and sin; long captures, so they are nearly orthogonal, but not taken to be.
    double cc = 0.0, cs = 0.0, ss = 0.0, xc = 0.0, xs = 0.0;
    const auto angle = [&](std::size_t n) { return 2.0 * pi * std::fmod(turns * static_cast<double>(n), 1.0); };
    for (std::size_t n = first; n < x.size(); ++n) {
        const double c = std::cos(angle(n)), s = std::sin(angle(n)), v = static_cast<double>(x[n]);
        cc += c * c;
        cs += c * s;
        ss += s * s;
        xc += v * c;
        xs += v * s;
    }
    const double det = cc * ss - cs * cs;
    const double a = (xc * ss - xs * cs) / det, b = (xs * cc - xc * cs) / det;
    double rest = 0.0;
    for (std::size_t n = first; n < x.size(); ++n)
        rest = std::max(rest, std::abs(static_cast<double>(x[n]) - a * std::cos(angle(n)) - b * std::sin(angle(n))));
    return {{a, -b}, rest};
}

auto cosine(double amplitude, double turns)
{
    return [=](std::int64_t n) { return amplitude * std::cos(2.0 * pi * std::fmod(turns * static_cast<double>(n), 1.0)); };
}

}  // namespace

TEST_CASE("inputs are AC-coupled as a capacitor does it, each with its own corner", "[bench][interface]")
{
    auto model = noiseless();
    model.ac_coupling = {Hertz{20.0}, Hertz{2.0}};
    const auto bench = build(wires, wires_only(), model);
    for (const double hz : {2.0, 20.0, 997.0, 5003.0, 20e3}) {
        const auto tone = cosine(0.5, hz / 48e3);
        run(*bench, 0, 96'000, tone, tone);  // 2 s: 25 time constants of 2 Hz
        const auto c = run(*bench, 0, 48'000, tone, tone);
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const double corner = model.ac_coupling[leg].value();
            const Complex want = Complex{0.0, hz} / Complex{corner, hz};
            const auto closed = bench->response(SwitchState::through, Hertz{hz}, leg == 1)[leg];
            const auto late = std::polar(1.0, 2.0 * pi * hz * static_cast<double>(bench->delay().value()) / 48e3);
            const auto got = tone_in(leg == 0 ? c.i2 : c.i3, hz) / 0.5 * late;
            CAPTURE(hz, leg, want, closed, got);
            CHECK_THAT(std::abs(closed - want), WithinAbs(0.0, 1e-6));
            // The trapezoidal rule, right at the corner: corner/f · (1 − x/tan x), x = πf/rate, and the solver's 4e-4.
            const double x = pi * hz / 48e3;
            const double warp = std::abs(hz - corner) < 1e-9 ? 0.0 : corner / hz * std::abs(1.0 - x / std::tan(x));
            CHECK_THAT(std::abs(got / want - 1.0), WithinAbs(0.0, 1.05 * warp + 5e-4));
        }
    }
    // DC at rest has been held off for long when the bench begins.
    const CircuitText offset{"offset.cir", "", "title\nRin drv 0 10k\nV1 a 0 1\nR1 a p2 1m\nR2 p3 0 75\n"};
    const auto blocked = run(*build(offset, {}, model), 0, 1000, silence, silence);
    for (const float x : blocked.i2) REQUIRE(std::abs(x) < 1e-7F);
}

TEST_CASE("inputs clip where they are told to", "[bench][interface]")
{
    auto model = noiseless();
    model.clipping = Dbfs{-6.0};
    const auto bench = build(wires, wires_only(), model);
    const auto c = run(*bench, 0, 4800, cosine(0.9, 0.01), cosine(0.4, 0.01));
    const auto limit = static_cast<float>(sine_peak(Dbfs{-6.0}));
    CHECK(*std::max_element(c.i2.begin(), c.i2.end()) == limit);
    CHECK(*std::min_element(c.i2.begin(), c.i2.end()) == -limit);
    CHECK_THAT(*std::max_element(c.i3.begin() + 100, c.i3.end()), WithinAbs(0.4, 1e-3));
}

TEST_CASE("a faster clock of the inputs takes more samples of the same signal, and nothing else", "[bench][interface]")
{
    const double rate = GENERATE(44.1e3, 48e3, 96e3);
    auto model = noiseless();
    model.clock_ppm = GENERATE(70.0, -70.0, 1000.0, -1000.0);
    const auto bench = build(wires, wires_only(), model, rate);
    const auto quarter = static_cast<std::size_t>(rate / 4.0);
    double flat = 0.0;
    for (const double hz : {19.0, 1009.0, 9973.0, 20e3}) {
        const auto tone = cosine(0.5, hz / rate);
        const auto c = run(*bench, 0, 3 * quarter, tone, silence);
        // Seen by a clock that is faster by ε the tone is lower by 1 + ε. A quarter of a second at the most is under way.
        const auto seen = tone_of(c.i2, hz / rate / (1.0 + model.clock_ppm * 1e-6), quarter + 400);
        CAPTURE(rate, model.clock_ppm, hz, std::abs(seen.amplitude), seen.rest);
        if (hz == 19.0) flat = std::abs(seen.amplitude);
        CHECK_THAT(gain_of(std::abs(seen.amplitude) / 0.5).value(), WithinAbs(0.0, 0.003));  // with the circuit's own 0.002 dB
        CHECK_THAT(gain_of(std::abs(seen.amplitude) / flat).value(), WithinAbs(0.0, 0.003));
        // Images and whatever else: −100 dB, and the rounding of floats, twice.
        CHECK(seen.rest < 0.5 * (1e-5 + 2.4e-7));
    }
}

TEST_CASE("a clock that has drifted by a quarter of a second jumps back by as much", "[bench][interface]")
{
    // 8 kHz, 1000 ppm: 2000 frames of drift within 2,002,000 frames. A ramp over all of it tells where the capture stands.
    constexpr std::int64_t end = 4'200'000;
    auto model = noiseless();
    model.clock_ppm = GENERATE(1000.0, -1000.0);
    const auto bench = build(wires, wires_only(), model, 8e3);
    const auto ramp = [](std::int64_t n) { return 2.0 * static_cast<double>(n) / static_cast<double>(end) - 1.0; };
    const auto c = run(*bench, 0, end, ramp, silence);
    const auto lateness = [&](std::size_t n) { return static_cast<double>(n) - (static_cast<double>(c.i2[n]) + 1.0) * static_cast<double>(end) / 2.0; };
    constexpr std::size_t first = 5000;  // the first quarter of a second may be silence
    int jumps = 0;
    for (std::size_t n = first + 1; n < c.i2.size(); ++n) {
        const double moved = lateness(n) - lateness(n - 1);
        if (std::abs(moved) < 10.0) continue;  // a float near 1 is known to 6e-8, a quarter of a frame
        ++jumps;
        CHECK_THAT(moved, WithinAbs(model.clock_ppm > 0.0 ? -2000.0 : 2000.0, 1.0));
    }
    CHECK(jumps == 2);
    const double faster = model.clock_ppm * 1e-6;
    const double drift = static_cast<double>(end - 1 - static_cast<std::int64_t>(first)) * faster / (1.0 + faster);
    const double jumped = model.clock_ppm > 0.0 ? -4000.0 : 4000.0;
    CHECK_THAT(lateness(c.i2.size() - 1) - lateness(first), WithinAbs(drift + jumped, 1.5));
}

TEST_CASE("lost samples are silence where they were, as often as ordered and where the seed puts them", "[bench][interface]")
{
    InterfaceModel model;
    const auto tone = cosine(0.3, 0.0137);
    constexpr std::size_t frames = 480'000;  // 10 s
    const auto whole = run(*build(wires, wires_only(), model), 0, frames, tone, tone);
    model.dropouts = {300.0, 37, Dropouts::Kind::silence};
    const auto listen = [&](std::uint64_t seed) {
        model.seed = seed;
        return run(*build(wires, wires_only(), model), 0, frames, tone, tone);
    };
    const auto lossy = listen(1);
    std::size_t zeros = 0, runs = 0;
    for (std::size_t n = 0; n < frames; ++n) {
        const bool is_lost = lossy.i2[n] == 0.0F && lossy.i3[n] == 0.0F;
        if (!is_lost) {
            REQUIRE(lossy.i2[n] == whole.i2[n]);  // what is not lost is as it would have been
            REQUIRE(lossy.i3[n] == whole.i3[n]);
            continue;
        }
        ++zeros;
        if (n == 0 || lossy.i2[n - 1] != 0.0F) ++runs;
    }
    // 50 on average, a Poisson process: σ = 7. Overlapping ones are longer than 37 frames.
    CHECK_THAT(static_cast<double>(runs), WithinAbs(50.0, 28.0));
    CHECK(zeros <= runs * 37 * 2);
    CHECK(zeros >= (runs - 1) * 37);
    CHECK(listen(1).i2 == lossy.i2);
    CHECK(listen(2).i2 != lossy.i2);
}

TEST_CASE("a slip lets the capture fall behind, and the next one makes up for it", "[bench][interface]")
{
    auto model = noiseless();
    const auto tone = cosine(0.3, 0.0137);
    constexpr std::size_t frames = 480'000;
    constexpr std::size_t lag = 741;
    const auto whole = run(*build(wires, wires_only(), model), 0, frames, tone, tone);
    model.dropouts = {300.0, static_cast<std::int64_t>(lag), Dropouts::Kind::slip};
    const auto slipping = run(*build(wires, wires_only(), model), 0, frames, tone, tone);
    std::size_t changes = 0;
    bool is_behind = false;
    for (std::size_t n = lag; n < frames; ++n) {
        // Sample for sample one or the other; where both are alike it goes on as before.
        const bool fits = slipping.i2[n] == whole.i2[is_behind ? n - lag : n];
        if (!fits) {
            is_behind = !is_behind;
            ++changes;
        }
        REQUIRE(slipping.i2[n] == whole.i2[is_behind ? n - lag : n]);
        REQUIRE(slipping.i3[n] == whole.i3[is_behind ? n - lag : n]);
    }
    CHECK_THAT(static_cast<double>(changes), WithinAbs(50.0, 28.0));
}

TEST_CASE("what no interface can be is refused", "[bench][interface]")
{
    const auto says = [](auto change) {
        InterfaceModel m;
        REQUIRE(m.check(48e3));
        change(m);
        const auto checked = m.check(48e3);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().kind == ErrorKind::usage);
        return checked.error().message;
    };
    for (const double bad : {std::nan(""), inf, -inf}) {
        CHECK_THAT(says([&](auto& m) { m.full_scale = Dbu{bad}; }), ContainsSubstring("full scale"));
        CHECK_THAT(says([&](auto& m) { m.ac_coupling[1] = Hertz{bad}; }), ContainsSubstring("AC-coupled"));
        CHECK_THAT(says([&](auto& m) { m.clipping = Dbfs{bad}; }), ContainsSubstring("clip"));
        CHECK_THAT(says([&](auto& m) { m.clock_ppm = bad; }), ContainsSubstring("clock"));
        CHECK_THAT(says([&](auto& m) { m.dropouts.per_minute = bad; }), ContainsSubstring("lose samples"));
    }
    for (const double bad : {std::nan(""), inf}) {
        CHECK_THAT(says([&](auto& m) { m.noise = Dbfs{bad}; }), ContainsSubstring("noise"));
        CHECK_THAT(says([&](auto& m) { m.hum = Dbfs{bad}; }), ContainsSubstring("hum"));
        CHECK_THAT(says([&](auto& m) { m.hum = Dbfs{-60.0}; m.hum_frequency = Hertz{bad}; }), ContainsSubstring("hum"));
    }
    CHECK_THAT(says([](auto& m) { m.ac_coupling[0] = Hertz{-1.0}; }), ContainsSubstring("AC-coupled at -1 Hz"));
    CHECK_THAT(says([](auto& m) { m.clipping = Dbfs{1.0}; }), ContainsSubstring("clip at 1 dBFS"));
    CHECK_THAT(says([](auto& m) { m.clock_ppm = -1001.0; }), ContainsSubstring("-1001 ppm"));
    CHECK_THAT(says([](auto& m) { m.dropouts.per_minute = -1.0; }), ContainsSubstring("0 to 6000"));
    CHECK_THAT(says([](auto& m) { m.dropouts.frames = 0; }), ContainsSubstring("lose 0 frames"));
    CHECK_THAT(says([](auto& m) { m.dropouts.frames = 48'001; }), ContainsSubstring("1 to 48000"));
    CHECK_THAT(says([](auto& m) { m.delay_frames = 480'001; }), ContainsSubstring("480001 frames late"));
}
