// States told by levels, against what every output that ships reads in closed form.
#include "procedure/state_recognition.h"

#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "stimulus/multitone.h"
#include "support/output_circuits.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace lowleg;
using lowleg::testing::output_circuits;
using procedure::Readings;
using enum SwitchState;

namespace {

constexpr double rate = 48e3;

/// Noise of a tone that is read from `seconds` of a −110 dBFS input: σ = rms·√(2/frames)/amplitude.
double sigma_of(const Tone& tone, double seconds) { return 2.2e-6 * std::sqrt(2.0 / (seconds * rate)) / tone.amplitude; }

class Output {
public:
    Output(const std::string& circuit, const Fixture& fixture) : plan_{stimulus::design_multitone(rate).value()}
    {
        auto built = bench::VirtualBench::build(bench::find_circuit(circuit).value(), fixture, {}, rate);
        REQUIRE(built);
        bench_ = std::move(built).value();
        if (!fixture.probe) std::erase_if(plan_.tones, [](const Tone& t) { return t.signal == Signal::probe; });
    }

    analysis::MultitoneReading read(SwitchState state, double seconds)
    {
        analysis::MultitoneReading out;
        for (const auto& tone : plan_.tones) {
            const auto f = plan_.frequency_of(tone.bin);
            const auto exact = bench_->response(state, f, tone.signal == Signal::probe);
            const double sigma = sigma_of(tone, seconds);
            analysis::ToneReading reading{tone.signal, tone.bin, f, {}};
            for (const std::size_t leg : {0U, 1U})
                reading.leg.at(leg) = {exact.at(leg) + sigma * Complex{normal_(random_), normal_(random_)}, sigma, 50.0};
            out.tones.push_back(reading);
        }
        return out;
    }

private:
    TonePlan plan_;
    std::unique_ptr<bench::VirtualBench> bench_;
    std::mt19937 random_{11};
    std::normal_distribution<double> normal_;
};

std::string names_of(const std::vector<SwitchState>& states)
{
    std::string out;
    for (const auto s : states) out += std::string{name_of(s)} + " ";
    return out;
}

}  // namespace

TEST_CASE("no state is ever taken for impossible that the switch is in", "[procedure][recognition][numbers]")
{
    Fixture fixture;
    fixture.rin2 = fixture.rin3 = Ohms{GENERATE(600.0, 2e3, 10e3, 47e3, 1e6)};
    const bool has_probe = GENERATE(true, false);
    if (!has_probe) fixture.probe.reset();
    for (const auto& circuit : output_circuits()) {
        Output output{circuit, fixture};
        Readings taken;
        for (const auto last : {through, loaded, grounded}) {
            taken.emplace(last, output.read(last, 2.0));
            for (const auto now : all_switch_states) {
                const auto possible = procedure::possible_states(output.read(now, 0.15).tones, taken, fixture);
                CAPTURE(circuit, fixture.rin2.value(), has_probe, name_of(last), name_of(now), names_of(possible));
                CHECK(std::ranges::find(possible, now) != possible.end());
            }
        }
    }
}

TEST_CASE("the state that was asked for is told from every other that does not read the same", "[procedure][recognition][numbers]")
{
    // With the probe for any input; without it where pin 3 has a signal of its own.
    Fixture fixture;
    fixture.rin2 = fixture.rin3 = Ohms{GENERATE(2e3, 10e3, 1e6)};
    const bool has_probe = GENERATE(true, false);
    if (!has_probe) fixture.probe.reset();
    for (const auto& circuit : output_circuits()) {
        Output output{circuit, fixture};
        std::map<SwitchState, analysis::MultitoneReading> readings;
        for (const auto state : all_switch_states) readings.emplace(state, output.read(state, 2.0));
        Readings taken{{through, readings.at(through)}};
        for (const auto asked : {loaded, grounded, lifted}) {
            for (const auto now : all_switch_states) {
                const auto possible = procedure::possible_states(output.read(now, 0.15).tones, taken, fixture);
                const bool is_believed = std::ranges::find(possible, asked) != possible.end();
                // What reads as a state that was measured is never new.
                const bool is_known = std::ranges::any_of(possible, [&](SwitchState s) { return taken.contains(s); });
                CAPTURE(circuit, fixture.rin2.value(), has_probe, name_of(asked), name_of(now), names_of(possible));
                // Lifted instead of grounded leaves nothing on input 2 either, and a stiff pin 2 tells nothing of pin 3.
                const bool is_silent = !has_probe && asked == grounded && now == lifted;
                const bool is_same = is_silent || procedure::read_alike(readings.at(now).tones, readings.at(asked).tones);
                if (now != asked && !is_same) CHECK_FALSE((is_believed && !is_known));
                if (now == asked && !is_same) CHECK(is_believed);
            }
            taken.emplace(asked, readings.at(asked));
        }
    }
}

TEST_CASE("what reads the same is said to", "[procedure][recognition]")
{
    const Fixture fixture;
    Output grounded_pin3{"unbalanced", fixture};
    const Readings taken{{through, grounded_pin3.read(through, 2.0)}, {loaded, grounded_pin3.read(loaded, 2.0)}, {lifted, grounded_pin3.read(lifted, 2.0)}};
    const auto same = procedure::describe_sameness(taken);
    REQUIRE(same.size() == 1);
    CHECK(same.front().starts_with("\"through\" and \"loaded\" read the same"));
    CHECK(procedure::is_told_by_nothing(loaded, taken, fixture));
    CHECK_FALSE(procedure::is_told_by_nothing(lifted, taken, fixture));

    Output servo{"cross-coupled", fixture};
    CHECK(procedure::describe_sameness({{through, servo.read(through, 2.0)}, {loaded, servo.read(loaded, 2.0)}}).empty());
}
