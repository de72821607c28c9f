// Every output that ships, identified from what its simulated interface records, against the truth that its netlist states.
#include "bench/collection.h"
#include "instrument/instrument.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

using namespace lowleg;
using topology::Outcome;
using Catch::Matchers::WithinAbs;

namespace {

bool is_reference(std::string_view name)
{
    constexpr std::array<std::string_view, 6> references{"transformer", "cross-coupled", "inverter", "impedance-balanced", "unbalanced", "dual-unbalanced"};
    return std::ranges::find(references, name) != references.end();
}

bool is_single_ended_id(const std::string& id)
{
    return std::ranges::any_of(topology::all_topologies, [&](topology::Topology t) { return is_single_ended(t) && id_of(t) == id; });
}

/// Named right, or left open among candidates; never something else.
void check_truth(const report::CircuitEntry& circuit, const topology::Verdict& verdict)
{
    const auto& truth = circuit.topologies;
    REQUIRE_FALSE(truth.empty());
    const auto is_true = [&](std::string_view id) { return std::ranges::find(truth, id) != truth.end(); };
    switch (verdict.outcome) {
    case Outcome::named:
    case Outcome::no_signal: CHECK(is_true(verdict.id())); break;
    case Outcome::single_ended: CHECK(std::ranges::any_of(truth, is_single_ended_id)); break;
    case Outcome::inconclusive: CHECK(verdict.probability < 0.9); return;
    }
    if (bench::is_stated_pin3_hot(bench::find_circuit(circuit.name).value().netlist)) CHECK(verdict.pin3_hot);
}

}  // namespace

TEST_CASE("every output that ships is named right, or left open", "[instrument][identify][numbers]")
{
    const bool has_probe = GENERATE(true, false);
    instrument::Settings settings;
    if (!has_probe) settings.fixture.probe.reset();
    const instrument::Instrument instrument{settings};
    for (const auto& circuit : instrument::Instrument::list_circuits()) {
        if (circuit.kind != "output") continue;
        CAPTURE(circuit.name, has_probe);
        const auto result = instrument.identify_bench(circuit.name);
        if (!result) FAIL(result.error().message);
        const auto& verdict = result.value().verdict;
        CAPTURE(verdict.id(), verdict.probability);
        check_truth(circuit, verdict);
        // With the probe the six that stand for their kinds are named outright.
        if (has_probe && is_reference(circuit.name)) {
            CHECK(verdict.outcome == Outcome::named);
            CHECK(verdict.id() == circuit.name);
            CHECK(verdict.probability >= 0.9);
        }
    }
}

TEST_CASE("the faults of the simulated interface are found again", "[instrument][identify]")
{
    instrument::Settings settings;
    for (const auto& [name, text] : {std::pair{"noise", "-90"}, {"hum", "-50"}, {"hum-hz", "59.97"}, {"delay", "1000"}}) REQUIRE(instrument::apply_setting(settings, name, text));
    const auto result = instrument::Instrument{settings}.identify_bench("inverter");
    if (!result) FAIL(result.error().message);
    const auto& quality = result.value().quality;
    CHECK(result.value().verdict.id() == "inverter");
    // The noise of 4 periods' free bins, thousands of them, scatters by less than 0.2 dB; whatever hum leaves of itself comes on top.
    CHECK_THAT(quality.noise.value(), WithinAbs(-90.0, 1.0));
    REQUIRE(quality.hum);
    // The fundamental is given, all of it is read: orders k to 10 with 1/k each, 10·lg Σ 1/k² = 1.90 dB more.
    CHECK_THAT(quality.hum->value(), WithinAbs(-50.0 + 1.90, 0.1));
    CHECK_THAT(quality.hum_frequency->value(), WithinAbs(59.97, 0.01));
    // 1000 frames of 48 kHz, more than without.
    const auto prompt = instrument::Instrument{{}}.identify_bench("inverter");
    REQUIRE(prompt);
    CHECK_THAT((*quality.round_trip - *prompt.value().quality.round_trip).value(), WithinAbs(1000.0 / 48e3, 0.5 / 48e3));
}

TEST_CASE("a mismatch of the inputs that nobody knows of shows as unequal legs", "[instrument][identify]")
{
    // The fixture's ratio is known and taken out; the simulation's mismatch is not.
    const auto leg_ratio = [](const char* known, const char* unknown) {
        instrument::Settings settings;
        REQUIRE(instrument::apply_setting(settings, "gain-ratio", known));
        REQUIRE(instrument::apply_setting(settings, "gain-mismatch", unknown));
        const auto result = instrument::Instrument{settings}.identify_bench("inverter");
        if (!result) FAIL(result.error().message);
        const auto& two_port = result.value().verdict.two_port;
        REQUIRE_FALSE(two_port.empty());
        return gain_of(two_port.front().e3.value / two_port.front().e2.value).value();
    };
    const double equal = leg_ratio("1", "0");
    CHECK_THAT(leg_ratio("1.05", "0") - equal, WithinAbs(0.0, 0.02));
    CHECK_THAT(leg_ratio("1", "0.3") - equal, WithinAbs(0.3, 0.05));
}

TEST_CASE("every circuit that ships can be shown", "[instrument]")
{
    const instrument::Instrument instrument{{}};
    for (const auto& circuit : instrument::Instrument::list_circuits()) {
        CAPTURE(circuit.name);
        const auto shown = instrument.show_circuit(circuit.name);
        if (!shown) FAIL(shown.error().message);
        CHECK(shown.value().circuit.kind == circuit.kind);
        CHECK(shown.value().readings.empty() == (circuit.kind != "output"));
        CHECK(shown.value().impedances.empty() == (circuit.kind != "receiver"));
    }
}
