// What third harmonics tell of iron and of op amps, on circuits of the virtual bench.
#include "analysis/multitone.h"
#include "bench/virtual_bench.h"
#include "stimulus/multitone.h"
#include "topology/observation.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace lowleg;

namespace {

/// The stimulus through a circuit in one position of the switch: two periods after a second of settling.
analysis::MultitoneReading read(const std::string& circuit, SwitchState state)
{
    constexpr double rate = 48e3;
    const auto plan = stimulus::design_multitone(rate).value();
    const auto signal = stimulus::render(plan);
    bench::InterfaceModel interface;
    interface.noise = Dbfs{-130.0};
    const std::shared_ptr<bench::VirtualBench> bench{bench::VirtualBench::build(bench::find_circuit(circuit).value(), {}, interface, rate).value()};
    bench->request_state(state);

    Record record{rate, plan.period_frames, {}};
    const auto frames = static_cast<std::size_t>(plan.period_frames);
    std::vector<float> drive(frames), probe(frames);
    for (std::size_t i = 0; i < frames; ++i) {
        drive[i] = signal[2 * i];
        probe[i] = signal[2 * i + 1];
    }
    for (std::int64_t p = 0; p < 4; ++p) {
        Period period{{std::vector<float>(frames), std::vector<float>(frames)}, p * plan.period_frames, {}};
        for (std::size_t at = 0; at < frames; at += 240)
            bench->process(&drive[at], &probe[at], &period.leg[0][at], &period.leg[1][at], 240);
        if (p >= 2) record.periods.push_back(std::move(period));
    }
    return analysis::read_multitone(record, plan).value();
}

}  // namespace

TEST_CASE("iron distorts at the bottom, alike on both legs", "[procedure][harmonics]")
{
    const std::string circuit = GENERATE("transformer", "transformer-small", "transformer-bifilar", "transformer-center-tapped", "transformer-bleeders");
    CAPTURE(circuit);
    const auto reading = read(circuit, SwitchState::through);
    REQUIRE(reading.third_harmonics.size() >= 4);
    const auto& lowest = reading.third_harmonics.front();
    const auto& highest = reading.third_harmonics.back();
    REQUIRE(lowest.fundamental < Hertz{32.0});
    REQUIRE(highest.fundamental > Hertz{150.0});
    for (const std::size_t leg : {0U, 1U}) {
        const double bottom = std::abs(lowest.ratio.at(leg).value);
        const double top = std::abs(highest.ratio.at(leg).value);
        CAPTURE(leg, bottom, top);
        CHECK(bottom > 10.0 * lowest.ratio.at(leg).sigma);
        CHECK(bottom > 10.0 * top);  // 20 dB
    }
    // The same waveform on both, opposite: the third against the fundamental is the same.
    CHECK(std::abs(lowest.ratio[0].value - lowest.ratio[1].value) < 0.1 * std::abs(lowest.ratio[0].value));
}

TEST_CASE("what has no iron does not distort at the bottom", "[procedure][harmonics]")
{
    const std::string circuit = GENERATE("cross-coupled", "cross-coupled-1646", "cross-coupled-discrete", "inverter", "impedance-balanced", "ground-sensing");
    CAPTURE(circuit);
    const auto reading = read(circuit, SwitchState::through);
    REQUIRE(reading.third_harmonics.size() >= 4);
    for (const auto& harmonic : reading.third_harmonics)
        CHECK(std::abs(harmonic.ratio[0].value) < 3e-6 + 4.0 * harmonic.ratio[0].sigma);  // −110 dB
}

TEST_CASE("observations carry the third harmonics of every state", "[procedure][harmonics]")
{
    std::map<SwitchState, analysis::MultitoneReading> readings;
    for (const auto state : {SwitchState::through, SwitchState::lifted}) readings.emplace(state, read("transformer", state));
    const auto observations = topology::observe(readings, {}, {}).value();
    REQUIRE(observations.third_harmonics.size() == 2);
    CHECK(observations.third_harmonics.at(SwitchState::lifted).size() == readings.at(SwitchState::lifted).third_harmonics.size());
}
