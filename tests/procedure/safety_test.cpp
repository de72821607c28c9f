// What must stop the drive, and what must not be loaded.
#include "procedure/identify.h"

#include "bench/virtual_bench.h"
#include "procedure/capture_watch.h"
#include "stimulus/multitone.h"
#include "support/scripted_backend.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

using namespace lowleg;
using lowleg::testing::Device;
using lowleg::testing::ScriptedBackend;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Changes what the device records from frame `from` of the second play on: the play at full level.
using Mishap = std::function<void(std::uint64_t frame, float& leg2, float& leg3)>;

struct Rig {
    std::shared_ptr<bench::VirtualBench> bench;
    std::unique_ptr<engine::Engine> engine;
    procedure::FixtureSwitch fixture_switch;
    procedure::IdentifyOptions options;
    std::shared_ptr<std::vector<SwitchState>> moves = std::make_shared<std::vector<SwitchState>>();

    Result<procedure::Identification> identify() { return procedure::identify(*engine, fixture_switch, options, {}, {}); }
};

Rig make_rig(const bench::CircuitText& circuit, const Fixture& fixture = {}, Mishap mishap = {})
{
    Rig rig;
    rig.options.fixture = fixture;
    rig.options.source = procedure::Source::virtual_bench;
    auto built = bench::VirtualBench::build(circuit, fixture, {}, 48e3);
    REQUIRE(built);
    rig.bench = std::move(built).value();
    ScriptedBackend::Script script;
    script.device = [bench = rig.bench, mishap, loud = std::uint64_t{0}](const float* drive, const float* probe, float* i2, float* i3, std::uint32_t n) mutable {
        bench->process(drive, probe, i2, i3, n);
        for (std::uint32_t i = 0; i < n && mishap; ++i) {
            // The first sounds peak at 0.02, the drive at 0.2.
            if (loud > 0 || std::abs(drive[i]) > 0.03F) ++loud;
            if (loud > 0) mishap(loud, i2[i], i3[i]);
        }
    };
    auto opened = engine::Engine::open(std::make_unique<ScriptedBackend>(std::move(script)), {}, 24'000);
    REQUIRE(opened);
    rig.engine = std::move(opened).value();
    rig.fixture_switch = [bench = rig.bench, moves = rig.moves](SwitchState state) -> Status {
        moves->push_back(state);
        bench->request_state(state);
        return Done{};
    };
    return rig;
}

bench::CircuitText shipped(const std::string& name) { return bench::find_circuit(name).value(); }

bench::CircuitText text(const std::string& netlist)
{
    auto circuit = shipped("inverter");
    circuit.netlist = netlist;
    return circuit;
}

/// Two legs in opposite phase, with so much direct voltage on both, from so many ohms each.
bench::CircuitText two_legs(const std::string& volts, const std::string& ohms)
{
    return text("* two legs\n.subckt leg in out PARAMS: gain=1\nEsig a 0 in 0 {gain}\nVdc b a " + volts + "\nRout b out " + ohms +
                "\n.ends\nRin drv 0 10k\nXleg2 drv p2 leg PARAMS: gain=1\nXleg3 drv p3 leg PARAMS: gain=-1\n.end\n");
}

}  // namespace

TEST_CASE("a level that collapses is seen within 50 ms, and one that is there is left alone", "[procedure][safety]")
{
    const auto plan = stimulus::design_multitone(48e3).value();
    const auto signal = stimulus::render(plan);
    const auto frames = static_cast<std::size_t>(plan.period_frames);
    constexpr std::size_t piece = 1200;
    constexpr auto pieces = static_cast<std::size_t>(procedure::CaptureWatch::pieces_per_period);
    const auto run = [&](std::size_t broken_from, float factor, std::size_t leg) -> std::optional<std::size_t> {
        procedure::CaptureWatch watch;
        for (std::size_t p = 0; p < 3 * pieces; ++p) {
            std::array<std::vector<float>, 2> x{std::vector<float>(piece), std::vector<float>(piece)};
            for (std::size_t i = 0; i < piece; ++i) {
                const std::size_t at = (777 + p * piece + i) % frames;
                x[0][i] = 0.5F * signal[2 * at] + 0.2F * signal[2 * at + 1];
                x[1][i] = -0.4F * signal[2 * at] + 0.2F * signal[2 * at + 1];
                if (p >= broken_from) x.at(leg)[i] *= factor;
            }
            if (watch.look_at({x[0], x[1]}, {})) return p;
        }
        return std::nullopt;
    };
    CHECK_FALSE(run(1000, 1.0F, 0));
    const std::size_t leg = GENERATE(0U, 1U);
    const std::size_t from = GENERATE(10U, 17U, 31U);
    CHECK(run(from, 0.0F, leg) == from + 1);
    CHECK(run(from, 0.68F, leg) == from + 1);  // −3.35 dB
    CHECK_FALSE(run(from, 0.74F, leg));        // −2.6 dB
}

TEST_CASE("the drive stops on collapse, over-range and distortion that jumps", "[procedure][safety]")
{
    struct Case { std::string reason; Mishap mishap; };
    // Frame 60,000 of the drive lies in the first measured states.
    const auto c = GENERATE(values<Case>({
        {"the level at pin 2 fell by", [](std::uint64_t frame, float& leg2, float&) { if (frame > 40'000) leg2 *= 0.3F; }},
        {"full scale", [](std::uint64_t frame, float& leg2, float& leg3) {
             if (frame > 40'000) { leg2 = std::clamp(30.0F * leg2, -1.0F, 1.0F); leg3 = std::clamp(30.0F * leg3, -1.0F, 1.0F); }
         }},
        {"the distortion at pin", [](std::uint64_t frame, float& leg2, float& leg3) {
             if (frame > 33'000) { leg2 -= 30.0F * leg2 * leg2 * leg2; leg3 -= 30.0F * leg3 * leg3 * leg3; }
         }},
    }));
    auto rig = make_rig(shipped("inverter"), {}, c.mishap);
    const auto run = rig.identify();
    CAPTURE(c.reason);
    REQUIRE(run);
    CHECK(run.value().stopped_for_safety);
    REQUIRE(run.value().stopped_early);
    CHECK_THAT(*run.value().stopped_early, ContainsSubstring(c.reason));
    CHECK(run.value().quality.states == std::vector{SwitchState::through});
    CHECK(*rig.moves == std::vector{SwitchState::through});
}

TEST_CASE("what would be at full scale is not raised to it", "[procedure][safety]")
{
    auto rig = make_rig(shipped("inverter"));
    auto hot = text("* thirty times\nRin drv 0 10k\nE2 a 0 drv 0 30\nR2 a p2 47\nE3 b 0 drv 0 -30\nR3 b p3 47\n.end\n");
    auto loud = make_rig(hot);
    const auto run = loud.identify();
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::interrupted);
    CHECK_THAT(run.error().message, ContainsSubstring("full scale"));
}

TEST_CASE("direct voltage on the legs is told, and much of it forbids loading", "[procedure][safety]")
{
    // 0 dBFS is +24 dBu, 17.4 V at the peak.
    SECTION("half of a supply of 12 V")
    {
        auto rig = make_rig(two_legs("6", "47"));
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK(run.value().stopped_for_safety);
        REQUIRE(run.value().stopped_early);
        CHECK_THAT(*run.value().stopped_early, ContainsSubstring("direct voltage of 34.") && ContainsSubstring("latched"));
        CHECK(*rig.moves == std::vector{SwitchState::through, SwitchState::lifted});
    }
    SECTION("an offset of 0.4 V is told")
    {
        auto rig = make_rig(two_legs("0.4", "47"));
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK_FALSE(run.value().stopped_for_safety);
        CHECK(std::ranges::any_of(run.value().notes, [](const std::string& note) { return note.find("2.3 %") != std::string::npos; }));
        CHECK(std::ranges::find(*rig.moves, SwitchState::loaded) != rig.moves->end());
    }
    SECTION("none is not")
    {
        auto rig = make_rig(two_legs("0.1", "47"));
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK(std::ranges::none_of(run.value().notes, [](const std::string& note) { return note.find("direct voltage") != std::string::npos; }));
    }
}

TEST_CASE("a bridged power amplifier is refused", "[procedure][safety]")
{
    using enum SwitchState;
    SECTION("told by the probe, after lifting")
    {
        auto rig = make_rig(two_legs("0", "0.05"));
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK(run.value().stopped_for_safety);
        REQUIRE(run.value().stopped_early);
        CHECK_THAT(*run.value().stopped_early, ContainsSubstring("power amplifier") && ContainsSubstring("less than 1 Ω"));
        CHECK(*rig.moves == std::vector{through, lifted});
    }
    SECTION("suspected where it may not be lifted")
    {
        auto rig = make_rig(two_legs("0", "0.05"));
        rig.options.states = {through, loaded, grounded};
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK(run.value().stopped_for_safety);
        CHECK(*rig.moves == std::vector{through});
    }
    SECTION("line outputs of few ohms are not")
    {
        auto rig = make_rig(two_legs("0", "10"));
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK_FALSE(run.value().stopped_for_safety);
        CHECK(*rig.moves == std::vector{through, lifted, loaded});
    }
}

TEST_CASE("without the probe the user says that it is a line output", "[procedure][safety]")
{
    using enum SwitchState;
    Fixture plain;
    plain.probe.reset();
    auto rig = make_rig(shipped("cross-coupled"), plain);
    rig.options.source = procedure::Source::device;
    int asked = 0;
    SECTION("nobody can be asked")
    {
        const auto run = rig.identify();
        REQUIRE(run);
        CHECK(*rig.moves == std::vector{through, lifted});
        REQUIRE(run.value().stopped_early);
        CHECK_THAT(*run.value().stopped_early, ContainsSubstring("--line-output"));
        CHECK_FALSE(run.value().stopped_for_safety);
    }
    SECTION("yes, once, before anything is loaded")
    {
        rig.options.confirm_line_output = [&] {
            ++asked;
            CHECK(*rig.moves == std::vector{through});
            return true;
        };
        REQUIRE(rig.identify());
        CHECK(asked == 1);
        CHECK(*rig.moves == std::vector{through, loaded, grounded, lifted});
    }
    SECTION("no")
    {
        rig.options.confirm_line_output = [] { return false; };
        REQUIRE(rig.identify());
        CHECK(*rig.moves == std::vector{through, lifted});
    }
    SECTION("said before")
    {
        rig.options.line_output = true;
        rig.options.confirm_line_output = [&] { return ++asked == 0; };
        REQUIRE(rig.identify());
        CHECK(asked == 0);
        CHECK(rig.moves->size() == 4);
    }
}

TEST_CASE("a verdict takes no more than 6 s of signal", "[procedure][safety][numbers]")
{
    const std::string circuit = GENERATE("transformer", "transformer-bifilar", "cross-coupled", "impedance-balanced", "insert");
    auto rig = make_rig(shipped(circuit));
    const auto run = rig.identify();
    CAPTURE(circuit);
    REQUIRE(run);
    CHECK(run.value().quality.states.size() == 4);
    CAPTURE(run.value().quality.voided);
    CHECK(run.value().quality.signal < Seconds{6.0});
    CHECK(run.value().quality.signal > Seconds{4.0});
}

TEST_CASE("the highest levels, both legs loaded and pin 3 grounded", "[procedure][headroom][numbers]")
{
    const auto find = [](const procedure::Identification& run, SwitchState state) {
        const auto at = std::ranges::find(run.headroom, state, &procedure::HeadroomReading::state);
        REQUIRE(at != run.headroom.end());
        return *at;
    };
    using enum SwitchState;
    SECTION("a servo loses what grounding gained")
    {
        auto rig = make_rig(shipped("cross-coupled"));
        rig.options.headroom = true;
        const auto run = rig.identify();
        REQUIRE(run);
        const auto both = find(run.value(), through);
        const auto one = find(run.value(), grounded);
        // The drive ends at +24 dBu, below the +27.2 dBu of the circuit's story: pin 2 then carries 6.04 dB less.
        CHECK(both.end == procedure::HeadroomEnd::output_ceiling);
        CHECK(std::abs(both.maximum.pin2.value() + 6.06) < 0.1);
        // Clips from +21.3 dBu, at pin 2 0.1 dB less: −2.8 dBFS; 1 % comes within a decibel.
        CHECK(one.end == procedure::HeadroomEnd::distortion);
        CHECK(one.maximum.is_reached);
        CHECK(one.maximum.pin2 > Dbfs{-3.2});
        CHECK(one.maximum.pin2 < Dbfs{-1.8});
        const auto lines = std::ranges::count_if(run.value().verdict.evidence, [](const topology::Evidence& e) { return e.name == "maximum_level"; });
        CHECK(lines == 2);
    }
    SECTION("a winding keeps it")
    {
        auto rig = make_rig(shipped("transformer"));
        rig.options.headroom = true;
        const auto run = rig.identify();
        REQUIRE(run);
        const double gained = (find(run.value(), grounded).maximum.pin2 - find(run.value(), through).maximum.pin2).value();
        CHECK(std::abs(gained - 5.98) < 0.2);
    }
    SECTION("what does not float is not grounded for it")
    {
        auto rig = make_rig(shipped("inverter"));
        rig.options.headroom = true;
        const auto run = rig.identify();
        REQUIRE(run);
        REQUIRE(run.value().headroom.size() == 1);
        CHECK(run.value().headroom.front().state == through);
    }
}
