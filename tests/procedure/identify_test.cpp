// The whole procedure on a device whose misfortunes are scripted: none may reach a result.
#include "procedure/identify.h"

#include "bench/virtual_bench.h"
#include "support/scripted_backend.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>

using namespace lowleg;
using lowleg::testing::Injection;
using lowleg::testing::ScriptedBackend;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

struct Rig {
    std::shared_ptr<bench::VirtualBench> bench;
    ScriptedBackend* backend{};
    std::unique_ptr<engine::Engine> engine;
    procedure::FixtureSwitch fixture_switch;
    procedure::IdentifyOptions options;

    Result<procedure::Identification> identify()
    {
        return procedure::identify(*engine, fixture_switch, options, {}, {});
    }
};

Rig make_rig(const std::string& circuit, std::vector<Injection> injections, std::vector<std::uint32_t> blocks = {256}, const Fixture& fixture = {})
{
    Rig rig;
    rig.options.fixture = fixture;
    auto built = bench::VirtualBench::build(bench::find_circuit(circuit).value(), rig.options.fixture, {}, 48e3);
    REQUIRE(built);
    rig.bench = std::move(built).value();
    ScriptedBackend::Script script;
    script.device = [bench = rig.bench](const float* drive, const float* probe, float* i2, float* i3, std::uint32_t n) {
        bench->process(drive, probe, i2, i3, n);
    };
    script.block_frames = std::move(blocks);
    script.injections = std::move(injections);
    auto backend = std::make_unique<ScriptedBackend>(std::move(script));
    rig.backend = backend.get();
    auto opened = engine::Engine::open(std::move(backend), {}, 24'000);
    REQUIRE(opened);
    rig.engine = std::move(opened).value();
    rig.fixture_switch = [bench = rig.bench](SwitchState state) -> Status {
        bench->request_state(state);
        return Done{};
    };
    rig.options.source = procedure::Source::virtual_bench;
    return rig;
}

const topology::Evidence* find(const topology::Verdict& v, std::string_view name)
{
    const auto at = std::find_if(v.evidence.begin(), v.evidence.end(), [&](const auto& e) { return e.name == name; });
    return at == v.evidence.end() ? nullptr : &*at;
}

/// What a user would compare: steps and impedances agree within what both runs state, and a floor for their noise's difference.
void check_same_figures(const procedure::Identification& run, const procedure::Identification& calm)
{
    CHECK(run.verdict.id() == calm.verdict.id());
    CHECK(run.verdict.polarity == calm.verdict.polarity);
    for (const auto name : {"ground_step", "lift_step", "servo_invariant", "leg_ratio"}) {
        const auto* a = find(run.verdict, name);
        const auto* b = find(calm.verdict, name);
        CAPTURE(name);
        REQUIRE((a == nullptr) == (b == nullptr));
        // Twice the sum of two 95 % intervals: exceeded by chance in less than one of 10⁴ comparisons.
        if (a != nullptr) CHECK_THAT(a->value, WithinAbs(b->value, 2.0 * (a->uncertainty + b->uncertainty) + 1e-6));
    }
    if (calm.verdict.legs.status != topology::EntryStatus::unknown) {
        CHECK(run.verdict.legs.status == calm.verdict.legs.status);
        CHECK_THAT(std::abs(run.verdict.legs.imbalance), WithinAbs(std::abs(calm.verdict.legs.imbalance),
                                                                   run.verdict.legs.uncertainty_ohm + calm.verdict.legs.uncertainty_ohm));
    }
}

/// A run in which nothing happened, once per circuit.
const procedure::Identification& calm_run(const std::string& circuit)
{
    static std::map<std::string, procedure::Identification> runs;
    const auto known = runs.find(circuit);
    if (known != runs.end()) return known->second;
    auto rig = make_rig(circuit, {});
    auto run = rig.identify();
    REQUIRE(run);
    REQUIRE(run.value().verdict.id() == circuit);
    return runs.emplace(circuit, std::move(run).value()).first->second;
}

struct Fate {
    std::string name;
    Injection injection;
    bool seen;  ///< A period must have been voided for it (a stall without loss voids nothing).
};

const std::vector<Fate>& all_fates()
{
    using Kind = Injection::Kind;
    static const std::vector<Fate> all{
        {"256 frames dropped, unannounced", {Kind::drop, 0, 1, 256}, true},
        {"1 frame dropped, unannounced", {Kind::drop, 0, 1, 1}, true},
        {"37 frames slipped in", {Kind::insert, 0, 1, 37}, true},
        {"a block twice", {Kind::repeat, 0, 1, 1}, true},
        {"300 frames zero", {Kind::zero, 0, 1, 300}, true},
        {"10 frames not finite", {Kind::nan, 0, 1, 10}, true},
        {"5 frames clipped", {Kind::clip, 0, 1, 5}, true},
        {"a flag without loss", {Kind::flag, 0, 1, 1}, true},
        {"the clock ahead by 100 ms", {Kind::late, 0, 1, 4800}, true},
        {"another block size", {Kind::block_size, 0, 1, 1024}, true},
        {"200 ms without a block", {Kind::stall, 0, 1, 200}, false},
    };
    return all;
}

/// \param at  frame of the second play, which is the one at full level: 40,000 lies in the middle of a period of "through" that is
///            measured, 100,003 in a later state.
void check_fate(const Fate& fate, const std::string& circuit, std::uint64_t at)
{
    const auto& calm = calm_run(circuit);
    CHECK(calm.quality.voided == 0);

    auto injection = fate.injection;
    injection.frame = at;
    injection.play = 2;
    auto rig = make_rig(circuit, {injection});
    const auto run = rig.identify();
    CAPTURE(fate.name, at, circuit);
    REQUIRE(run);
    REQUIRE(rig.backend->landed().size() == 1);
    CHECK(run.value().verdict.id() == circuit);
    CHECK(run.value().quality.periods >= 2);
    CHECK_FALSE(run.value().stopped_for_safety);
    if (fate.seen && at == 40'000) CHECK(run.value().quality.voided >= 1);
    check_same_figures(run.value(), calm);
    CHECK(rig.backend->caught().calls == 0);
}

}  // namespace

TEST_CASE("no fault of the audio reaches a result", "[procedure][identify]") { check_fate(GENERATE(from_range(all_fates())), "dual-unbalanced", 40'000); }

TEST_CASE("no fault of the audio reaches a result, whatever the circuit and the state", "[procedure][identify][numbers]")
{
    const auto [circuit, at] = GENERATE(table<std::string, std::uint64_t>({{"cross-coupled", 40'000}, {"impedance-balanced", 100'003}}));
    check_fate(GENERATE(from_range(all_fates())), circuit, at);
}

TEST_CASE("any and changing block sizes give the same figures", "[procedure][identify]")
{
    const std::string circuit = "cross-coupled";
    auto rig = make_rig(circuit, {}, {509});
    const auto run = rig.identify();
    REQUIRE(run);
    check_same_figures(run.value(), calm_run(circuit));
}

TEST_CASE("a storm of faults is given up with the reason, not with a number", "[procedure][identify]")
{
    std::vector<Injection> storm;
    for (std::uint64_t frame = 0; frame < 2'000'000; frame += 12'000) storm.push_back({Injection::Kind::flag, frame, 1, 1});
    auto rig = make_rig("inverter", storm);
    rig.options.max_voided = 20;
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::failure);
    CHECK_THAT(run.error().message, ContainsSubstring("the audio system reported a dropout"));
}

TEST_CASE("a device that goes away interrupts", "[procedure][identify]")
{
    SECTION("said to be gone")
    {
        auto rig = make_rig("inverter", {{Injection::Kind::die, 90'000, 1, 1}});
        const auto run = rig.identify();
        REQUIRE_FALSE(run);
        CHECK(run.error().kind == ErrorKind::interrupted);
    }
    SECTION("its inputs turn exactly zero for good, as when the peer behind a sound server vanishes")
    {
        auto rig = make_rig("inverter", {{Injection::Kind::zero, 200'000, 1, 100'000'000}});
        const auto run = rig.identify();
        REQUIRE_FALSE(run);
        CHECK(run.error().kind == ErrorKind::interrupted);
        CHECK_THAT(run.error().message, ContainsSubstring("exactly zero"));
    }
    SECTION("it never delivered anything but zeros")
    {
        auto rig = make_rig("inverter", {{Injection::Kind::zero, 0, 0, 100'000'000}});
        const auto run = rig.identify();
        REQUIRE_FALSE(run);
        CHECK(run.error().kind == ErrorKind::failure);
    }
}

TEST_CASE("an input at full scale is an error, not a verdict", "[procedure][identify]")
{
    auto rig = make_rig("inverter", {{Injection::Kind::clip, 0, 1, 100'000'000}});
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::interrupted);
    CHECK_THAT(run.error().message, ContainsSubstring("full scale"));
}

TEST_CASE("states are taken in the safe order, and a stiff pin 3 is not grounded", "[procedure][identify]")
{
    std::vector<SwitchState> moves;
    const auto watch = [&](Rig& rig) {
        rig.fixture_switch = [&moves, inner = rig.fixture_switch](SwitchState state) mutable {
            moves.push_back(state);
            return inner(state);
        };
    };
    using enum SwitchState;
    SECTION("a servo floats: all states")
    {
        auto rig = make_rig("cross-coupled", {});
        rig.options.states = {lifted, grounded, through, loaded};
        watch(rig);
        REQUIRE(rig.identify());
        CHECK(moves == std::vector{through, loaded, grounded, lifted});
    }
    SECTION("an inverter would be shorted: grounded is left out, and the ground step computed")
    {
        auto rig = make_rig("inverter", {});
        watch(rig);
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK(moves == std::vector{through, loaded, lifted});
        REQUIRE(find(run.value().verdict, "ground_step") != nullptr);
        CHECK_FALSE(find(run.value().verdict, "ground_step")->measured);
        CHECK(run.value().notes.size() == 1);
    }
}

TEST_CASE("a switch that fails ends the run with its reason", "[procedure][identify]")
{
    auto rig = make_rig("inverter", {});
    rig.fixture_switch = procedure::command_switch("test {state} = through");
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::failure);
    CHECK_THAT(run.error().message, ContainsSubstring("\"loaded\"") && ContainsSubstring("exit status 1"));
}

TEST_CASE("states without through are wrong usage", "[procedure][identify]")
{
    auto rig = make_rig("inverter", {});
    rig.options.states = {SwitchState::lifted};
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::usage);
}

TEST_CASE("a switch that stands still is told, whatever it stands on", "[procedure][identify][numbers]")
{
    // Standing on "lifted", a servo looks exactly like an unbalanced output whose pin 3 is not connected; on "grounded", like one
    // with pin 3 on ground; on "through", like two op amps.
    const auto stuck = GENERATE(SwitchState::through, SwitchState::loaded, SwitchState::grounded, SwitchState::lifted);
    const std::string circuit = GENERATE("cross-coupled", "transformer", "inverter", "impedance-balanced", "dual-unbalanced");
    auto rig = make_rig(circuit, {});
    rig.options.source = procedure::Source::device;
    rig.fixture_switch = [bench = rig.bench, stuck](SwitchState) -> Status {
        bench->request_state(stuck);
        return Done{};
    };
    const auto run = rig.identify();
    CAPTURE(circuit, name_of(stuck));
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::failure);
    CHECK_THAT(run.error().message, ContainsSubstring("the switch did not move"));
}

TEST_CASE("without a probe a switch that stands still is told by pin 3's signal", "[procedure][identify]")
{
    const std::string circuit = GENERATE("cross-coupled", "inverter");
    auto rig = make_rig(circuit, {});
    rig.options.source = procedure::Source::device;
    rig.options.fixture.probe.reset();
    rig.options.line_output = true;
    rig.fixture_switch = [](SwitchState) -> Status { return Done{}; };
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK_THAT(run.error().message, ContainsSubstring("the switch did not move"));
}

TEST_CASE("a switch that moves is believed on every circuit and fixture", "[procedure][identify][numbers]")
{
    const std::string circuit =
        GENERATE("cross-coupled", "transformer", "inverter", "impedance-balanced", "unbalanced", "dual-unbalanced");
    Fixture fixture;
    fixture.rin2 = fixture.rin3 = GENERATE(Ohms{2e3}, Ohms{10e3}, Ohms{1e6});
    fixture.rs = GENERATE(Ohms{0.0}, Ohms{10e3});
    auto rig = make_rig(circuit, {}, {256}, fixture);
    rig.options.source = procedure::Source::device;
    const auto run = rig.identify();
    CAPTURE(circuit, fixture.rin2.value(), fixture.rs.value());
    if (!run) FAIL_CHECK(run.error().message);
}

TEST_CASE("a stop that ends the switch's command is an interruption", "[procedure][identify]")
{
    auto rig = make_rig("cross-coupled", {});
    rig.fixture_switch = [](SwitchState) -> Status { return Error{"the switch command was stopped by signal 15"}; };
    const auto run = procedure::identify(*rig.engine, rig.fixture_switch, rig.options, {}, [] { return true; });
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::interrupted);
}
