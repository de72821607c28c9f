// The engine on the virtual bench: what it captures is what the circuit's equations say.

#include "bench/bench_backend.h"
#include "engine/engine.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <numbers>
#include <string_view>
#include <thread>
#include <vector>

using namespace lowleg;
using Catch::Matchers::WithinAbs;
using namespace std::chrono_literals;

namespace {

constexpr double rate = 48'000.0;
constexpr std::int64_t period_frames = 9'600;  // 0.2 s: tones on multiples of 5 Hz
constexpr std::int64_t drive_bin = 203;        // 1015 Hz; no multiple of the block rate of 187.5 Hz
constexpr std::int64_t probe_bin = 61;         // 305 Hz
constexpr float amplitude = 0.1F;

std::shared_ptr<bench::VirtualBench> build_bench(std::string_view circuit)
{
    const auto text = bench::find_circuit(circuit);
    REQUIRE(text);
    auto built = bench::VirtualBench::build(text.value(), Fixture{}, bench::InterfaceModel{}, rate);
    if (!built) FAIL(built.error().message);
    return std::move(built).value();
}

std::unique_ptr<engine::Engine> open_engine(const std::shared_ptr<bench::VirtualBench>& bench)
{
    auto opened = engine::Engine::open(bench::make_bench_backend(bench, rate), {}, period_frames);
    if (!opened) FAIL(opened.error().message);
    return std::move(opened).value();
}

std::vector<float> test_signal()
{
    std::vector<float> samples(2 * static_cast<std::size_t>(period_frames));
    for (std::int64_t n = 0; n < period_frames; ++n) {
        const auto tone = [&](std::int64_t bin) {
            const auto cycles = static_cast<double>(bin * n % period_frames) / static_cast<double>(period_frames);
            return amplitude * static_cast<float>(std::cos(2.0 * std::numbers::pi * cycles));
        };
        samples[2 * static_cast<std::size_t>(n)] = tone(drive_bin);
        samples[2 * static_cast<std::size_t>(n) + 1] = tone(probe_bin);
    }
    return samples;
}

/// Over the played phasor.
Complex phasor(const std::vector<float>& leg, std::int64_t bin)
{
    Complex sum{};
    for (std::int64_t n = 0; n < period_frames; ++n) {
        const double cycles = static_cast<double>(bin * n % period_frames) / static_cast<double>(period_frames);
        sum += static_cast<double>(leg[static_cast<std::size_t>(n)]) * std::polar(1.0, -2.0 * std::numbers::pi * cycles);
    }
    return 2.0 * sum / static_cast<double>(period_frames) / static_cast<double>(amplitude);
}

Hertz frequency(std::int64_t bin) { return Hertz{static_cast<double>(bin) * rate / static_cast<double>(period_frames)}; }

/// Moves the switch as a procedure does: asks, and waits until the audio thread has it.
bool move_switch(bench::VirtualBench& bench, SwitchState state)
{
    bench.request_state(state);
    for (const auto deadline = std::chrono::steady_clock::now() + 20s; bench.state() != state; std::this_thread::sleep_for(1ms))
        if (std::chrono::steady_clock::now() > deadline) return false;
    return true;
}

}  // namespace

TEST_CASE("the engine captures from the virtual bench what its equations say, without a fault", "[bench][backend]")
{
    const auto bench = build_bench("cross-coupled");
    const auto engine = open_engine(bench);
    CHECK(engine->facts().sample_rate_hz == rate);
    CHECK(std::string_view{engine->facts().host_api.data()} == "virtual bench");
    REQUIRE(engine->play(test_signal()));

    for (const auto state : all_switch_states) {
        INFO("state " << name_of(state));
        REQUIRE(move_switch(*bench, state));
        const auto settled = engine->frames_handled() + static_cast<std::uint64_t>(0.5 * rate);
        for (int repeat = 0; repeat < 3; ++repeat) {
            const auto period = engine->next_period(settled);
            REQUIRE(period);
            CHECK(describe(period.value().faults) == "nothing");
            for (const auto& [bin, to_probe] : {std::pair{drive_bin, false}, {probe_bin, true}}) {
                const auto expected = bench->response(state, frequency(bin), to_probe);
                // Noise of −110 dBFS rms up to 20 kHz against 0.1: over 9600 frames a phasor has an rms error of
                // 3.2e-6 · √1.2 · √(2/9600) · √2 / 0.1 = 7e-7. Six of them are 4e-6; the sampled circuit has the same to
                // spare for its interpolation. The way through block and simulation turns the phase by a known delay.
                constexpr double tolerance = 1e-5;
                const double delay = static_cast<double>(256 + bench->delay().value());
                const auto turn = std::polar(1.0, -2.0 * std::numbers::pi * frequency(bin).value() * delay / rate);
                for (std::size_t leg = 0; leg < 2; ++leg)
                    CHECK_THAT(std::abs(phasor(period.value().leg[leg], bin) - expected[leg] * turn), WithinAbs(0.0, tolerance));
            }
        }
    }
    const auto counters = engine->counters();
    CHECK(counters.late == 0);
    CHECK(counters.dropped == 0);
    CHECK(counters.repeated == 0);
    CHECK(counters.zeros == 0);
}

TEST_CASE("with nobody reading, the bench waits, its switch moves, and it stops", "[bench][backend]")
{
    const auto bench = build_bench("inverter");
    {
        const auto engine = open_engine(bench);
        REQUIRE(engine->play(test_signal()));
        // Until the capture ring is full: no block has come for a while.
        for (std::uint64_t before = 0, now = 1; now != before;) {
            before = engine->frames_handled();
            std::this_thread::sleep_for(200ms);
            now = engine->frames_handled();
        }
        CHECK(move_switch(*bench, SwitchState::lifted));
        const auto period = engine->next_period(engine->frames_handled() + 4'800);
        REQUIRE(period);
        CHECK(describe(period.value().faults) == "nothing");
    }
    // The bench goes on under a new engine.
    const auto engine = open_engine(bench);
    REQUIRE(engine->play(test_signal()));
    CHECK(engine->next_period(0));
    CHECK(bench->state() == SwitchState::lifted);
}

TEST_CASE("surroundings change while the engine captures, and are what was asked for last", "[bench][backend]")
{
    const auto bench = build_bench("impedance-balanced");
    const auto engine = open_engine(bench);
    REQUIRE(engine->play(test_signal()));
    Fixture fixture;
    bench::InterfaceModel model;
    for (int i = 0; i < 50; ++i) {
        fixture.rin2 = Ohms{i % 2 == 0 ? 1e3 : 1e6};
        fixture.cin = Farads{i % 3 == 0 ? 0.0 : 1e-9};
        model.delay_frames = i % 4 * 100;
        model.dropouts = {i % 5 == 0 ? 6000.0 : 0.0, 50, bench::Dropouts::Kind::slip};
        REQUIRE(bench->set_surroundings(fixture, model));
        if (i % 7 == 0) bench->request_state(all_switch_states[static_cast<std::size_t>(i) % 4]);
        static_cast<void>(bench->response(frequency(drive_bin), false));
        static_cast<void>(bench->trouble());
        if (i % 3 == 0) REQUIRE(engine->next_period(0));
    }
    fixture = {};
    fixture.rin2 = Ohms{600.0};
    model = {};
    model.delay_frames = 50;
    REQUIRE(bench->set_surroundings(fixture, model));
    REQUIRE(move_switch(*bench, SwitchState::through));
    const auto period = engine->next_period(engine->frames_handled() + static_cast<std::uint64_t>(rate));
    REQUIRE(period);
    const double delay = static_cast<double>(256 + bench->delay().value());
    const auto turn = std::polar(1.0, -2.0 * std::numbers::pi * frequency(drive_bin).value() * delay / rate);
    const auto expected = bench->response(SwitchState::through, frequency(drive_bin), false);
    for (std::size_t leg = 0; leg < 2; ++leg)
        CHECK_THAT(std::abs(phasor(period.value().leg[leg], drive_bin) - expected[leg] * turn), WithinAbs(0.0, 1e-4));
}

TEST_CASE("a bench backend that is used out of order says so", "[bench][backend]")
{
    const auto backend = bench::make_bench_backend(build_bench("inverter"), rate);
    CHECK_FALSE(backend->start());
    backend->stop();
    CHECK(backend->is_alive());
}
