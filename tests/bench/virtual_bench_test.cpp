// The running bench: against its closed form, against ngspice's transient analysis, and its imperfections as ordered.
#include "bench/bench_run.h"
#include "support/ngspice.h"
#include "support/realtime_guard.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

using namespace lowleg;
using namespace lowleg::bench;
using namespace lowleg::testing;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

/// Whatever the kind: positions of its switch by number.
std::size_t positions_of(const VirtualBench& bench) { return bench.kind() == CircuitKind::connection ? 1 : 4; }
void request(VirtualBench& bench, std::size_t position)
{
    bench.request_state(all_switch_states[position]);
    bench.request_feed(all_feeds[position]);
}

}  // namespace

TEST_CASE("tones come back as the closed form says", "[bench][numbers]")
{
    // 0.01 dB and 0.1 degrees wherever there is signal to read, of nonlinear circuits half as much again: float samples around 0.1
    // carry 7e-9, over the half second summed 1e-10. Nonlinear circuits are read at a tenth, where they are as good as linear.
    const auto circuit = GENERATE(Catch::Generators::from_range(shipped_circuits().begin(), shipped_circuits().end()));
    Fixture fixture;
    fixture.gain_ratio = 1.03;
    auto model = noiseless();
    model.delay_frames = 37;
    const bool is_linear = build(shipped(circuit.name))->is_linear();
    for (const double rate : is_linear ? std::vector{44.1e3, 48e3, 96e3} : std::vector{48e3}) {
        const auto bench = build(shipped(circuit.name), fixture, model, rate);
        const double amplitude = is_linear ? 0.02 : 0.002;
        const double tolerance = is_linear ? 1.0 : 1.5;
        const auto frames = static_cast<std::size_t>(rate / 2.0);
        const std::array<double, 6> drive_cycles{10.0, 49.0, 301.0, 1009.0, 4001.0, 9999.0};  // 2 Hz each: 20 Hz … 20 kHz
        const std::array<double, 6> probe_cycles{11.0, 53.0, 307.0, 1013.0, 4003.0, 9998.0};
        std::array<double, 2> amplitudes{};  // of drive and probe
        const auto tones = [&](const std::array<double, 6>& cycles, const double& each) {
            return [&, w = 2.0 * pi / static_cast<double>(frames)](std::int64_t n) {
                double sum = 0.0;
                for (const double c : cycles) sum += each * std::cos(w * std::fmod(c * static_cast<double>(n), static_cast<double>(frames)));
                return sum;
            };
        };
        std::int64_t played = 0;
        const auto period = [&] {
            played += static_cast<std::int64_t>(frames);
            return run(*bench, played, frames, tones(drive_cycles, amplitudes[0]), tones(probe_cycles, amplitudes[1]));
        };
        for (std::size_t position = 0; position < positions_of(*bench); ++position) {
            request(*bench, position);
            run(*bench, 0, 1, silence, silence);
            for (const bool to_probe : {false, true}) {
                double largest = 1.0;
                for (const double cycles : to_probe ? probe_cycles : drive_cycles)
                    for (const auto& h : bench->response(Hertz{2.0 * cycles}, to_probe)) largest = std::max(largest, std::abs(h));
                amplitudes[to_probe ? 1 : 0] = amplitude / largest;
            }
            // Until a period is as the one before: windings and coupling capacitors take some seconds.
            auto capture = period();
            double change = inf;
            for (int settling = 0; settling < 40 && change > 2e-8; ++settling) {
                const auto next = period();
                change = 0.0;
                for (std::size_t n = 0; n < frames; ++n)
                    change = std::max({change, std::abs(static_cast<double>(next.i2[n]) - static_cast<double>(capture.i2[n])),
                                       std::abs(static_cast<double>(next.i3[n]) - static_cast<double>(capture.i3[n]))});
                capture = next;
            }
            CAPTURE(circuit.name, rate, position);
            CHECK(bench->trouble().value_or("none") == "none");
            CHECK(change <= 2e-8);
            for (const bool to_probe : {false, true})
                for (const double cycles : to_probe ? probe_cycles : drive_cycles) {
                    const auto want = bench->response(Hertz{2.0 * cycles}, to_probe);
                    for (std::size_t leg = 0; leg < 2; ++leg) {
                        const auto got = tone_in(leg == 0 ? capture.i2 : capture.i3, cycles) / amplitudes[to_probe ? 1 : 0] *
                                         std::polar(1.0, 2.0 * pi * cycles * static_cast<double>(bench->delay().value()) / static_cast<double>(frames));
                        CAPTURE(to_probe, 2.0 * cycles, leg, want[leg], got);
                        if (gain_of(want[leg]).value() < -80.0) {
                            CHECK(gain_of(got).value() < -79.9);
                            continue;
                        }
                        CHECK_THAT(gain_of(got / want[leg]).value(), WithinAbs(0.0, 0.01 * tolerance));
                        CHECK_THAT(std::arg(got / want[leg]) * 180.0 / pi, WithinAbs(0.0, 0.1 * tolerance));
                    }
                }
        }
    }
}

TEST_CASE("receivers are fed as asked, and read as their resistors say", "[bench]")
{
    // A four-resistor amplifier with an error: from out = a·p2 − b·p3, and 20 kΩ from each pin to ground.
    const CircuitText receiver{"receiver.cir", "", "title\nR2 p2 0 20k\nR3 p3 0 20k\nE2 a 0 p2 0 1\nE3 o a p3 0 -0.99\nRo o out 50\n"};
    Fixture f;
    f.cin = Farads{0.0};
    f.rin3 = Ohms{40e3};
    f.gain_ratio = 1.25;
    const auto bench = build(receiver, f);
    CHECK(bench->kind() == CircuitKind::receiver);
    CHECK(bench->feed() == Feed::separate);
    const double out = 10e3 / 10.05e3;
    const auto parallel = [](double a, double b) { return a * b / (a + b); };
    for (const auto feed : all_feeds) {
        bench->request_feed(feed);
        bench->request_state(SwitchState::grounded);  // not a receiver's
        const double leg2 = 20e3 + (feed == Feed::common_leg2 ? 10.0 : 0.0);
        const double leg3 = 20e3 + (feed == Feed::common_leg3 ? 10.0 : 0.0);
        const bool is_exchanged = feed == Feed::exchanged;
        const bool is_common = feed != Feed::separate && !is_exchanged;
        // Output 1 through 100 Ω on input 2's 40 kΩ and the legs it feeds; output 2 on pin 3, if at all.
        const double load = is_common ? parallel(40e3, parallel(leg2, leg3)) : parallel(40e3, leg2);
        const double fed = load / (100.0 + load);
        const double from_1 = is_exchanged ? -0.99 * out * fed : out * fed * (20e3 / leg2 - (is_common ? 0.99 * 20e3 / leg3 : 0.0));
        const double from_2 = is_common ? 0.0 : (is_exchanged ? 1.0 : -0.99) * out * 20e3 / 20.1e3;
        CAPTURE(name_of(feed));
        run(*bench, 0, 480, silence, silence);
        CHECK(bench->feed() == feed);
        CHECK(bench->state() == SwitchState::through);
        for (const bool to_2 : {false, true}) {
            const auto closed = bench->response(feed, Hertz{1e3}, to_2);
            // Contacts of 20 mΩ in 20 kΩ: 1e-6 of a leg, of which the difference may be all that is left.
            CHECK_THAT(std::abs(closed[0] - (to_2 ? from_2 : from_1)), WithinAbs(0.0, 3e-6));
            CHECK_THAT(std::abs(closed[1] - (to_2 ? 0.0 : 1.25 * fed)), WithinAbs(0.0, 3e-6));
            CHECK(closed == bench->response(Hertz{1e3}, to_2));
            CHECK(std::isnan(bench->response(SwitchState::through, Hertz{1e3}, to_2)[0].real()));
            const auto tone = [](std::int64_t n) { return 0.25 * std::cos(2.0 * pi * static_cast<double>(n % 48) / 48.0); };
            run(*bench, 0, 480, to_2 ? silence : tone, to_2 ? tone : silence);
            const auto c = run(*bench, 0, 480, to_2 ? silence : tone, to_2 ? tone : silence);
            const auto late = std::polar(1.0, 2.0 * pi * static_cast<double>(bench->delay().value()) / 48.0);
            CHECK_THAT(std::abs(tone_in(c.i2, 10.0) / 0.25 * late - closed[0]), WithinAbs(0.0, 1e-4));
            CHECK_THAT(std::abs(tone_in(c.i3, 10.0) / 0.25 * late - closed[1]), WithinAbs(0.0, 1e-4));
        }
    }
}

TEST_CASE("a connection is driven at its input and at its cable", "[bench]")
{
    const CircuitText connection{"connection.cir", "",
                                 "title\nE2 a 0 drv 0 0.5\nR2 a p2 50\nE3 b 0 drv 0 -0.5\nR3 b p3 60\nG2 0 p2 noise 0 1m\nG3 0 p3 noise 0 1m\n"
                                 "E1 o 0 p2 p3 1\nRo o out 50\n"};
    Fixture f;
    f.cin = Farads{0.0};
    const auto bench = build(connection, f);
    CHECK(bench->kind() == CircuitKind::connection);
    bench->request_state(SwitchState::grounded);
    bench->request_feed(Feed::common);
    run(*bench, 0, 480, silence, silence);
    CHECK(bench->state() == SwitchState::through);
    CHECK(bench->feed() == Feed::separate);
    const double out = 10e3 / 10.05e3;
    const auto drive = bench->response(Hertz{1e3}, false);
    const auto noise = bench->response(Hertz{1e3}, true);
    CHECK_THAT(std::abs(drive[0] - out), WithinAbs(0.0, 1e-9));
    CHECK_THAT(std::abs(drive[1] - 0.5), WithinAbs(0.0, 1e-9));  // input 2 loads nothing
    CHECK_THAT(std::abs(noise[0] + out * 1e-3 * 10.0), WithinAbs(0.0, 1e-9));
    CHECK_THAT(std::abs(noise[1] - 1e-3 * 50.0), WithinAbs(0.0, 1e-9));
    CHECK(std::isnan(bench->response(SwitchState::through, Hertz{1e3}, false)[0].real()));
    CHECK(std::isnan(bench->response(Feed::common, Hertz{1e3}, false)[0].real()));
}

TEST_CASE("charge stays where it is when the switch moves", "[bench]")
{
    // 10 uF on pin 3, charged through 10 kohm; `loaded` discharges it through 1 kohm: V goes on from where it was, exponentially.
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
    bench->request_state(SwitchState::loaded);
    const auto after = run(*bench, 0, 2000, dc, silence);
    const double g = 1e-4 + 1e-3 + 1e-6;
    const double v_end = 0.5 * 1e-4 / g;
    for (std::size_t n = 0; n < after.i3.size(); ++n) {
        const double t = static_cast<double>(n + 1) / 48e3;
        // The contact of 20 mohm to input 2 takes 1e-8 of it; float rounds to 3e-8.
        REQUIRE_THAT(after.i3[n], WithinAbs(v_end + (v0 - v_end) * std::exp(-t * g / 10e-6), 2e-7));
    }
}

TEST_CASE("a moving switch gives ngspice's transient", "[bench][ngspice]")
{
    // A transformer under 100 Hz, lifted, then pin 3 grounded at a crest, then lifted again: the whole transient. The one that
    // ships saturates, and what a nonlinear circuit gives is band-limited: its edges ring for a filter's length.
    constexpr double rate = 48e3;
    Fixture f;
    const CircuitText windings{"windings.cir", "",
                               "title\nRin drv 0 10k\nEdrive amp 0 drv 0 1\nRdrive amp pri 20\nRcu1 pri prim 40\nLpri prim 0 20\nRcore prim 0 100k\n"
                               "Lsec s2 p3 20\nKwind Lpri Lsec 0.999999\nLleak s2 s2l 450u\nRcu2 s2l p2 40\nC2 p2 0 355p\nC3 p3 0 355p\n.end\n"};
    const auto circuit = GENERATE_REF(windings, shipped("transformer"));
    const auto bench = build(circuit, f);
    const std::int64_t ringing = bench->is_linear() ? 0 : 60;
    const auto delay = static_cast<double>(bench->delay().value());
    // The bench moves its switch between two samples of the simulated circuit: that is 1 + delay frames before the block's start.
    constexpr std::int64_t ground_at = 1560, lift_at = 2880, end = 3900;
    const auto seconds = [&](std::int64_t block_start) { return (static_cast<double>(block_start) - delay - 1.0) / rate; };

    auto deck = circuit.netlist.substr(0, circuit.netlist.find("\n.end") + 1);
    deck += "Vfxdrive drv 0 dc 0 sin(0 1 100)\nRfxs 0 fxz 100\nRfxp2 fxz p2 10k\nRfxp3 fxz fx3 10k\n"
            "Rfxin2 p2 0 10k\nRfxin3 fx3 0 10k\nCfxin2 p2 0 200p\nCfxin3 fx3 0 200p\n"
            // The contacts close and open within 1 us, in equal ratios: ngspice's own switches are too sudden for its steps.
            "Vfxctl ctl 0 pulse(0 1 " + std::to_string(seconds(ground_at)) + " 1u 1u " + std::to_string(seconds(lift_at) - seconds(ground_at)) + " 1)\n"
            "Bfxsw p3 fx3 i=v(p3,fx3)*50*exp(-31.543*(1-v(ctl)))\nBfxg p3 0 i=v(p3)*50*exp(-31.543*(1-v(ctl)))\nRfxctl ctl 0 1k\n"
            ".options reltol=1e-6 abstol=1e-13 vntol=1e-9 method=gear\n"
            ".control\nset numdgt=12\ntran 1u 0.08 0 1u\nwrdata tran.txt v(p2) v(fx3)\n.endc\n.end\n";
    const auto rows = run_ngspice(deck, {"tran.txt"}, LOWLEG_SOURCE_DIR "/src/bench/circuits").front();

    Capture got;
    const auto sine = [](std::int64_t n) { return 0.25 * std::sin(2.0 * pi * 100.0 * static_cast<double>(n) / rate); };
    std::int64_t at = 0;
    for (const auto& [state, until] : {std::pair{SwitchState::lifted, ground_at}, {SwitchState::grounded, lift_at}, {SwitchState::lifted, end}}) {
        bench->request_state(state);
        const auto part = run(*bench, at, static_cast<std::size_t>(until - at), sine, silence);
        got.i2.insert(got.i2.end(), part.i2.begin(), part.i2.end());
        got.i3.insert(got.i3.end(), part.i3.begin(), part.i3.end());
        at = until;
    }
    // 1e-3 of the drive: ngspice's own tolerance, the 1 us of its contacts, the straight line between its points (1 us apart at most, in the 20 us that a
    // rise takes), and the band-limited kink where the sine begins.
    std::size_t row = 0;
    for (std::int64_t n = 100; n < end - 200; ++n) {
        // The sample that meets a step stands on a slope of 1 V in some us, where a time is as good as a level.
        if (std::abs(n - ground_at) <= ringing || std::abs(n - lift_at) <= ringing) continue;
        const double t = (static_cast<double>(n) - delay) / rate;
        while (row + 1 < rows.size() && rows[row + 1][0] < t) ++row;
        REQUIRE(row + 1 < rows.size());
        REQUIRE(rows[row].size() == 4);  // time, voltage; twice
        const double part = (t - rows[row][0]) / (rows[row + 1][0] - rows[row][0]);
        const auto at_t = [&](std::size_t column) { return 0.25 * ((1.0 - part) * rows[row][column] + part * rows[row + 1][column]); };
        CAPTURE(n, t);
        CHECK_THAT(got.i2[static_cast<std::size_t>(n)], WithinAbs(at_t(1), 0.25e-3));
        CHECK_THAT(got.i3[static_cast<std::size_t>(n)], WithinAbs(at_t(3), 0.25e-3));
    }
}

TEST_CASE("the switch never gives more than the circuit holds", "[bench]")
{
    // Every change of state under a strong signal: no reading exceeds twice what drive and probe together can put on a pin in
    // any state; twice, because a charge may meet the signal's other half.
    const auto circuit = GENERATE(Catch::Generators::from_range(shipped_circuits().begin(), shipped_circuits().end()));
    const auto bench = build(shipped(circuit.name));
    const auto tone = [](std::int64_t n) { return 0.2 * std::sin(0.1310 * static_cast<double>(n)); };
    double most = 0.0;
    for (std::size_t position = 0; position < positions_of(*bench); ++position) {
        request(*bench, position);
        run(*bench, 0, 1, silence, silence);
        for (std::size_t leg = 0; leg < 2; ++leg) {
            double sum = 0.0;
            for (const bool to_probe : {false, true}) sum += 0.2 * std::abs(bench->response(Hertz{0.1310 * 48e3 / (2.0 * pi)}, to_probe)[leg]);
            most = std::max(most, sum);
        }
    }
    std::int64_t n = 0;
    for (int round = 0; round < 60; ++round) {
        request(*bench, static_cast<std::size_t>(round * 7 + round / 4) % 4);
        const auto capture = run(*bench, n, 777, tone, tone);
        n += 777;
        for (const auto* leg : {&capture.i2, &capture.i3})
            for (const float x : *leg) REQUIRE(static_cast<double>(std::abs(x)) < 2.0 * most);
    }
}

TEST_CASE("noise is Gaussian, white, independent, at its level, and the seed's", "[bench]")
{
    auto model = InterfaceModel{};
    const auto rate = GENERATE(48e3, 96e3);
    const auto listen = [&](std::uint64_t seed) {
        model.seed = seed;
        const auto bench = build(shipped("unbalanced"), {}, model, rate);
        return run(*bench, 0, 480'000, silence, silence);
    };
    const auto a = listen(1);
    // 480,000 samples: the rms is known to 1/√(2N) = 0.1 %, 0.009 dB. Four of these.
    const double in_band = (20e3 - 20.0) / (rate / 2.0);
    for (const auto* leg : {&a.i2, &a.i3}) {
        CHECK_THAT(dbfs_of_rms(rms(*leg) * std::sqrt(in_band)).value(), WithinAbs(-110.0, 0.04));
        double lag1 = 0.0, fourth = 0.0, across = 0.0;
        std::array<double, 6> beyond{};
        const double variance = rms(*leg) * rms(*leg);
        for (std::size_t n = 1; n < leg->size(); ++n) {
            const double x = static_cast<double>((*leg)[n]);
            lag1 += x * static_cast<double>((*leg)[n - 1]);
            fourth += x * x * x * x;
            across += static_cast<double>(a.i2[n]) * static_cast<double>(a.i3[n]);
            for (std::size_t k = 0; k < beyond.size(); ++k) beyond[k] += std::abs(x) > 0.7 * static_cast<double>(k + 1) * std::sqrt(variance) ? 1.0 : 0.0;
        }
        const double count = static_cast<double>(leg->size());
        CHECK_THAT(lag1 / count / variance, WithinAbs(0.0, 4.0 / std::sqrt(count)));
        CHECK_THAT(fourth / count / variance / variance, WithinAbs(3.0, 4.0 * std::sqrt(24.0 / count)));
        // Beyond 0.7 … 4.2σ as many as in a normal distribution: binomial, and 3 % for the straight pieces of the table.
        for (std::size_t k = 0; k < beyond.size(); ++k) {
            const double expected = count * std::erfc(0.7 * static_cast<double>(k + 1) / std::numbers::sqrt2);
            CAPTURE(k);
            CHECK_THAT(beyond[k], WithinAbs(expected, 4.0 * std::sqrt(expected) + 0.03 * (k > 3 ? expected : 0.0)));
        }
        if (leg == &a.i3) CHECK_THAT(across / count / variance, WithinAbs(0.0, 4.0 / std::sqrt(count)));
    }
    CHECK(listen(1).i2 == a.i2);
    CHECK(listen(1).i3 == a.i3);
    CHECK(listen(2).i2 != a.i2);
}

TEST_CASE("hum has its level and falls off by order", "[bench]")
{
    auto model = noiseless();
    model.hum = Dbfs{-60.0};
    model.hum_frequency = Hertz{50.0};
    const auto bench = build(shipped("impedance-balanced"), {}, model);
    run(*bench, 0, 48'000, silence, silence);
    const auto c = run(*bench, 0, 48'000, silence, silence);  // 1 s: 50 cycles
    for (const auto* leg : {&c.i2, &c.i3})
        for (const int order : {1, 2, 3, 10}) {
            CAPTURE(order);
            CHECK_THAT(std::abs(tone_in(*leg, 50.0 * order)) * order / sine_peak(Dbfs{-60.0}), WithinAbs(1.0, 1e-5));  // float: 6e-8 of 2e-3
        }
    CHECK(std::abs(tone_in(c.i2, 550.0)) < 1e-8);
}

TEST_CASE("delay, clipping and bad samples", "[bench]")
{
    const auto noise = [](std::int64_t n) { return 0.3 * std::sin(0.7 * static_cast<double>(n * n % 1009)); };
    auto model = noiseless();
    const auto prompt = run(*build(shipped("inverter"), {}, model), 0, 4000, noise, noise);
    model.delay_frames = 123;
    const auto bench = build(shipped("inverter"), {}, model);
    CHECK(bench->delay().value() == build(shipped("inverter"))->delay().value() + 123);
    const auto late = run(*bench, 0, 4123, noise, noise);
    for (std::size_t n = 0; n < 4000; ++n) {
        REQUIRE(late.i2[n + 123] == prompt.i2[n]);
        REQUIRE(late.i3[n + 123] == prompt.i3[n]);
    }

    // Gain of 2 at DC: full scale in clips at full scale; twice full scale played is full scale played.
    const CircuitText gain{"gain.cir", "", "title\nE1 a 0 drv 0 2\nR1 a p2 1\nE2 b 0 drv 0 0.5\nR2 b p3 1\n"};
    const auto amplifier = build(gain);
    const auto loud = run(*amplifier, 0, 400, [](std::int64_t) { return 2.0; }, silence);
    CHECK(loud.i2.back() == 1.0F);
    CHECK_THAT(loud.i3.back(), WithinAbs(0.5, 2e-4));  // 1 ohm into 10 kohm and the probe resistors
    const auto down = run(*amplifier, 0, 400, [](std::int64_t) { return -inf; }, silence);
    CHECK(down.i2.back() == -1.0F);
    // What is no number is silence, and leaves no trace.
    const auto nothing = run(*amplifier, 0, 400, [](std::int64_t) { return std::nan(""); }, [](std::int64_t) { return std::nan(""); });
    CHECK(std::abs(nothing.i2.back()) < 1e-9F);
    CHECK(std::abs(nothing.i3.back()) < 1e-9F);
}

TEST_CASE("levels are volts: a source of the netlist's own appears on the converter's scale", "[bench]")
{
    const CircuitText offset{"offset.cir", "", "title\nRin drv 0 10k\nV1 a 0 1\nR1 a p2 1m\nR2 p3 0 75\n"};
    auto model = noiseless();
    model.full_scale = Dbu{4.0};  // a peak of 1.737 V
    const auto c = run(*build(offset, {}, model), 0, 10, silence, silence);
    CHECK_THAT(c.i2.front(), WithinAbs(1.0 / (std::numbers::sqrt2 * Dbu{4.0}.volts().value()), 1e-6));
}

TEST_CASE("the audio thread's part calls nothing that waits", "[bench][realtime]")
{
    InterfaceModel model;
    model.hum = Dbfs{-60.0};
    model.delay_frames = 100;
    const auto bench = build(shipped("transformer"), {}, model);
    std::array<float, 256> in{}, i2{}, i3{};
    static_cast<void>(testing::take_caught());
    for (const auto state : all_switch_states) {
        const testing::RealtimeScope scope;
        bench->request_state(state);
        bench->process(in.data(), in.data(), i2.data(), i3.data(), 256);
    }
    const auto caught = testing::take_caught();
    CAPTURE(caught.first);
    CHECK(caught.calls == 0);
}

TEST_CASE("what cannot be built is refused with its reason", "[bench]")
{
    const auto says = [](const std::string& body, const Fixture& f = {}, const InterfaceModel& m = {}, double rate = 48e3) {
        const auto built = try_build({"t.cir", "", "title\n" + body}, f, m, rate);
        REQUIRE_FALSE(built);
        CHECK(built.error().message.find('\n') == std::string::npos);
        return built.error().message;
    };
    const std::string good{"R1 drv p2 1k\nR2 p3 0 1k\n"};
    REQUIRE(try_build({"t.cir", "", "title\n" + good}));
    CHECK_THAT(says("R1 drv p2 1k\n"), ContainsSubstring("t.cir has no node \"p3\""));
    CHECK_THAT(says("R1 drive p2 1k\nR2 p3 0 1k\n"), ContainsSubstring("t.cir has no node \"drv\""));
    CHECK_THAT(says(good + "Vx drv 0 1\n"), ContainsSubstring("t.cir, line 4: Vx is a source at drv"));
    CHECK_THAT(says(good + "Ex drv 0 p2 0 1\n"), ContainsSubstring("loop of voltage sources"));
    CHECK_THAT(says(good + "R3 x y 1\n"), ContainsSubstring("t.cir, line 4: node \"x\""));
    CHECK_THAT(says("R1 drv p2 1k\nE1 a 0 p3 0 1.02\nR2 a p3 50\nC1 p3 0 1n\n"), ContainsSubstring("unstable"));
    CHECK_THAT(says("R1 drv p2 0\n"), ContainsSubstring("t.cir, line 2"));
    Fixture f;
    f.rin2 = Ohms{-1.0};
    CHECK_THAT(says(good, f), ContainsSubstring("Rin"));
    InterfaceModel m;
    m.noise = Dbfs{std::nan("")};
    CHECK_THAT(says(good, {}, m), ContainsSubstring("noise"));
    m = {};
    m.delay_frames = -1;
    CHECK_THAT(says(good, {}, m), ContainsSubstring("-1 frames late"));
    m = {};
    m.hum = Dbfs{3.0};
    CHECK_THAT(says(good, {}, m), ContainsSubstring("hum"));
    m = {};
    m.full_scale = Dbu{inf};
    CHECK_THAT(says(good, {}, m), ContainsSubstring("full scale"));
    CHECK_THAT(says(good, {}, {}, 0.0), ContainsSubstring("sample rate of 0 Hz"));

    // Off the scale at the edges of a fixture: still a bench.
    f = {};
    f.rs = Ohms{0.0};
    f.cin = Farads{0.0};
    REQUIRE(try_build({"t.cir", "", "title\n" + good}, f));
    const auto noted = build({"t.cir", "", "title\n" + good + ".ac dec 10 20 20k\n.end\n"});
    REQUIRE(noted->notes().size() == 1);
    CHECK(noted->notes()[0] == "t.cir, line 4: .ac is skipped");
    for (const double hz : {-1.0, std::nan(""), inf}) CHECK(std::isnan(noted->response(SwitchState::through, Hertz{hz}, false)[0].real()));
}
