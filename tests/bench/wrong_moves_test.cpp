// What is connected wrongly on the bench: what the inputs then read.
#include "bench/bench_run.h"
#include "bench/interface_model.h"
#include "bench/virtual_bench.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <complex>

using namespace lowleg;
using namespace lowleg::testing;

namespace {

InterfaceModel with(bool bench::WrongMoves::*what)
{
    auto model = noiseless();
    model.wrong_moves.*what = true;
    return model;
}

constexpr Hertz kilohertz{1000.0};
/// 96 dB below what is there without.
constexpr double nothing = 2e-5;

}  // namespace

TEST_CASE("a probe resistor that is missing brings nothing", "[bench][wrong]")
{
    using enum SwitchState;
    const auto sound = build(shipped("impedance-balanced"));
    const auto without_rp3 = build(shipped("impedance-balanced"), {}, with(&bench::WrongMoves::rp3_open));
    CHECK(std::abs(without_rp3->response(lifted, kilohertz, true)[1]) < nothing);
    const auto at2 = sound->response(lifted, kilohertz, true)[0];
    // Without Rp3 more is left behind Rs: 100 Ω over 20 kΩ.
    CHECK(std::abs(without_rp3->response(lifted, kilohertz, true)[0] / at2 - 1.0) < 0.01);
    const auto without_rp2 = build(shipped("impedance-balanced"), {}, with(&bench::WrongMoves::rp2_open));
    CHECK(std::abs(without_rp2->response(lifted, kilohertz, true)[0]) < nothing * std::abs(at2));
    CHECK(std::abs(without_rp2->response(lifted, kilohertz, true)[1]) > 0.4);
}

TEST_CASE("a broken lead of pin 2 leaves input 1 with the probe alone, and comes and goes while the bench runs", "[bench][wrong]")
{
    const auto bench = build(shipped("inverter"));
    const auto drive = [](std::int64_t n) { return 0.1 * std::sin(2.0 * pi * 1000.0 * static_cast<double>(n) / 48e3); };
    const auto level = [&](std::int64_t first) {
        const auto captured = run(*bench, first, 4800, drive, silence);
        double power = 0.0;
        for (std::size_t n = 2400; n < 4800; ++n) power += static_cast<double>(captured.i2[n]) * static_cast<double>(captured.i2[n]);
        return std::sqrt(power / 2400.0);
    };
    CHECK(level(0) > 0.03);
    auto model = with(&bench::WrongMoves::pin2_open);
    REQUIRE(bench->set_interface(model));
    // Pin 3's signal comes round by Rp3, Rs and Rp2: 10 kΩ against 100 Ω, and half of that.
    CHECK(level(4800) < 0.007 * 0.1);
    const auto probe = bench->response(SwitchState::through, kilohertz, true)[0];
    CHECK(std::abs(std::abs(probe) - 0.5) < 0.01);
    REQUIRE(bench->set_interface(noiseless()));
    CHECK(level(9600) > 0.03);
}

TEST_CASE("the same channel twice is the same to the last bit, noise and all", "[bench][wrong]")
{
    auto model = with(&bench::WrongMoves::same_channel);
    model.noise = Dbfs{-80.0};
    const auto bench = build(shipped("inverter"), {}, model);
    const auto captured = run(*bench, 0, 4800, [](std::int64_t n) { return 0.01 * static_cast<double>(n % 7); }, [](std::int64_t) { return 0.0; });
    CHECK(captured.i2 == captured.i3);
    CHECK(*std::ranges::max_element(captured.i2) > 0.0F);
}

TEST_CASE("gear that is muted gets no drive", "[bench][wrong]")
{
    const auto bench = build(shipped("inverter"), {}, with(&bench::WrongMoves::muted));
    const auto captured = run(*bench, 0, 4800, [](std::int64_t n) { return 0.01 * static_cast<double>(n % 7); }, [](std::int64_t) { return 0.0; });
    // An operating point is solved to some microvolts of 17 V.
    CHECK(*std::ranges::max_element(captured.i2) < 1e-6F);
    CHECK(std::abs(bench->response(SwitchState::through, kilohertz, false)[0]) == 0.0);
}

TEST_CASE("what is fed back is the closed form of a loop", "[bench][wrong]")
{
    auto model = with(&bench::WrongMoves::feedback);
    model.wrong_moves.return_gain = GainDb{-12.0};
    const auto bench = build(shipped("unbalanced"), {}, model);
    // Whole cycles in a second, where a reflection adds and where it takes away: late by 2 ms and the simulation's own delay.
    for (const double f : {1000.0, 1250.0, 1100.0}) {
        constexpr std::size_t frames = 48'000;
        const auto captured = run(*bench, 0, 2 * frames, [&](std::int64_t n) { return 0.05 * std::cos(2.0 * pi * f * static_cast<double>(n) / 48e3); },
                                  [](std::int64_t) { return 0.0; });
        Complex phasor{};
        for (std::size_t n = frames; n < 2 * frames; ++n)
            phasor += static_cast<double>(captured.i2[n]) * std::polar(2.0 / frames / 0.05, -2.0 * pi * f * static_cast<double>(n) / 48e3);
        const auto delayed = [&](double seconds) { return std::polar(1.0, -2.0 * pi * f * seconds); };
        const auto open = bench->response(SwitchState::through, Hertz{f}, false)[0] * delayed(static_cast<double>(bench->delay().value()) / 48e3);
        const auto closed = open / (1.0 - open * amplitude_ratio(GainDb{-12.0}) * delayed(2e-3));
        // The simulation is as good as 5e-4 in time and level; the loop doubles that at the most.
        CHECK(std::abs(phasor - closed) < 2e-3 * std::abs(closed));
    }
}
