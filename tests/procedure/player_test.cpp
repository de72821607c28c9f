// Gear without an input: it plays the drive itself, on a clock of its own, or nothing drives it. Truth: the same circuits with the drive, and what
// their netlists state.
#include "procedure/identify.h"

#include "bench/bench_backend.h"
#include "bench/collection.h"
#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "files/audio_file.h"
#include "procedure/identify_captures.h"
#include "procedure/switch_follower.h"
#include "stimulus/multitone.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using procedure::DriveFrom;

namespace {

constexpr double rate_hz = 48e3;

/// The sum of the drive's cosines, from somewhere in the file on.
bench::OwnSignal player(double clock_ppm, double gain = 1.0)
{
    const auto plan = stimulus::design_multitone(rate_hz).value();
    return [plan, clock_ppm, gain](std::uint64_t first, std::span<float> samples) {
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const double n = 5432.1 + (1.0 + 1e-6 * clock_ppm) * static_cast<double>(first + i);
            double sum = 0.0;
            for (const auto& tone : plan.tones)
                if (tone.signal == Signal::drive)
                    sum += tone.amplitude * std::cos(2.0 * std::numbers::pi * std::fmod(static_cast<double>(tone.bin) * n / static_cast<double>(plan.period_frames), 1.0) + tone.phase_rad);
            samples[i] = static_cast<float>(gain * sum);
        }
    };
}

Result<procedure::Identification> run(const bench::CircuitText& circuit, DriveFrom drive, bench::OwnSignal own = {}, procedure::IdentifyOptions options = {},
                                      std::vector<procedure::Followed>* followed = nullptr)
{
    auto built = bench::VirtualBench::build(circuit, options.fixture, {}, rate_hz);
    REQUIRE(built);
    const std::shared_ptr<bench::VirtualBench> bench{std::move(built).value()};
    engine::StreamRequest request;
    request.sample_rate_hz = rate_hz;
    auto engine = engine::Engine::open(bench::make_bench_backend(bench, rate_hz, std::move(own)), request, 24'000);
    REQUIRE(engine);
    procedure::FixtureSwitch fixture_switch = [bench](SwitchState state) -> Status {
        bench->request_state(state);
        while (bench->state() != state) std::this_thread::sleep_for(std::chrono::microseconds{200});
        return Done{};
    };
    options.source = procedure::Source::virtual_bench;
    options.drive = drive;
    if (followed != nullptr) {
        procedure::FollowOptions follow;
        follow.fixture = options.fixture;
        follow.mover = fixture_switch;
        follow.followed = [followed](const procedure::Followed& f) { followed->push_back(f); };
        fixture_switch = procedure::following_switch(std::move(follow));
    }
    return procedure::identify(*engine.value(), fixture_switch, options, {}, {});
}

Result<procedure::Identification> run(const std::string& name, DriveFrom drive, bench::OwnSignal own = {})
{
    return run(bench::find_circuit(name).value(), drive, std::move(own));
}

double probability_of(const topology::Verdict& v, const std::vector<std::string>& truths)
{
    double most = v.topology && std::ranges::find(truths, topology::id_of(*v.topology)) != truths.end() ? v.probability : 0.0;
    for (const auto& c : v.alternatives)
        if (std::ranges::find(truths, topology::id_of(c.topology)) != truths.end()) most = std::max(most, c.probability);
    return most;
}

}  // namespace

TEST_CASE("gear that plays the drive itself is judged as with the interface's drive", "[procedure][player][numbers]")
{
    struct Case { const char* circuit; double ppm; };
    const auto [circuit, ppm] = GENERATE(Case{"transformer", 100.0}, Case{"transformer", -250.0}, Case{"transformer-bifilar", -100.0}, Case{"transformer-bleeders", 100.0},
                                         Case{"transformer-center-tapped", -100.0}, Case{"cross-coupled", 100.0}, Case{"cross-coupled-unequal", -100.0},
                                         Case{"cross-coupled-unequal", 250.0}, Case{"inverter", 100.0}, Case{"impedance-balanced", -100.0}, Case{"unbalanced", 100.0},
                                         Case{"unbalanced-open", -100.0}, Case{"dual-unbalanced", 100.0}, Case{"insert", -100.0}, Case{"ground-sensing", 100.0});
    CAPTURE(circuit, ppm);
    const auto driven = run(circuit, DriveFrom::interface);
    const auto played = run(circuit, DriveFrom::player, player(ppm));
    REQUIRE(driven);
    REQUIRE(played);
    const auto& v = played.value().verdict;
    CHECK(v.id() == driven.value().verdict.id());
    const auto candidate = [](const topology::Verdict& verdict) { return verdict.topology ? verdict.topology : verdict.alternatives.empty() ? std::nullopt : std::optional{verdict.alternatives.front().topology}; };
    CHECK(candidate(v) == candidate(driven.value().verdict));
    // Nobody knows where in its file the player began.
    CHECK(v.polarity == topology::Polarity::unknown);
    CHECK(played.value().quality.drive == DriveFrom::player);
    // Noise of −110 dBFS beside tones of −36 dBFS over a second: below 0.001 ppm; what the circuit's iron adds beside its fundamental, far less than 0.02.
    CHECK_THAT(played.value().quality.clock_ppm, WithinAbs(1e6 * (1.0 / (1.0 + 1e-6 * ppm) - 1.0), 0.02));
    // Impedances rest on the probe, which is on the interface's clock: as with the drive.
    if (driven.value().verdict.legs.status == topology::EntryStatus::measured)
        CHECK_THAT(std::abs(v.legs.imbalance), WithinAbs(std::abs(driven.value().verdict.legs.imbalance), v.legs.uncertainty_ohm + driven.value().verdict.legs.uncertainty_ohm));
}

TEST_CASE("the probe alone is never confidently wrong, and leaves the truth its chance", "[procedure][player][numbers]")
{
    for (const auto& shipped : bench::shipped_circuits()) {
        const auto circuit = bench::find_circuit(shipped.name).value();
        const auto netlist = bench::read_circuit(circuit);
        REQUIRE(netlist);
        if (bench::kind_of(netlist.value()).value() != bench::CircuitKind::output) continue;
        CAPTURE(shipped.name);
        const auto result = run(circuit, DriveFrom::nothing);
        REQUIRE(result);
        const auto& v = result.value().verdict;
        CHECK(v.polarity == topology::Polarity::unknown);
        CHECK(v.outcome != topology::Outcome::single_ended);  // nobody has heard which leg is silent
        CHECK_FALSE(result.value().notes.empty());
        REQUIRE(v.next_step);
        CHECK(std::ranges::find(result.value().quality.states, SwitchState::grounded) == result.value().quality.states.end());
        const auto truths = bench::stated_topologies(circuit.netlist);
        if (v.outcome == topology::Outcome::named) {
            CHECK(std::ranges::find(truths, topology::id_of(*v.topology)) != truths.end());
        } else if (v.next_step->id != "exchange-legs" && std::ranges::find(truths, "no-signal") == truths.end()) {
            // Of three that are the same to the probe the rarest has a few percent.
            CHECK(probability_of(v, truths) > 0.02);
        }
    }
}

TEST_CASE("what two amplifiers and a winding show to the probe alone", "[procedure][player]")
{
    const auto inverter = run("inverter", DriveFrom::nothing);
    REQUIRE(inverter);
    CHECK(inverter.value().verdict.outcome == topology::Outcome::inconclusive);
    CHECK(inverter.value().verdict.next_step->id == "play-stimulus");
    CHECK_THAT(inverter.value().verdict.why, ContainsSubstring("47 Ω at pin 2"));
    CHECK(probability_of(inverter.value().verdict, {"dual-unbalanced"}) > 0.02);
    CHECK(probability_of(inverter.value().verdict, {"impedance-balanced"}) > 0.02);

    const auto winding = run("transformer", DriveFrom::nothing);
    REQUIRE(winding);
    CHECK(winding.value().verdict.topology == topology::Topology::transformer);
}

TEST_CASE("two stiff legs are not loaded where no drive tells what they are", "[procedure][player][safety]")
{
    bench::CircuitText circuit = bench::find_circuit("inverter").value();
    circuit.name = "bridge";
    circuit.netlist = "bridged power amplifier\nE2 a 0 drv 0 1\nE3 b 0 0 drv 1\nR2 a p2 0.1\nR3 b p3 0.1\nRd drv 0 10k\n.end\n";
    const auto result = run(circuit, DriveFrom::nothing);
    REQUIRE(result);
    CHECK(result.value().stopped_for_safety);
    const auto& states = result.value().quality.states;
    CHECK(std::ranges::find(states, SwitchState::loaded) == states.end());
    CHECK_THAT(*result.value().stopped_early, ContainsSubstring("power amplifier"));
}

TEST_CASE("a player that does not play, plays something else, or stops is named", "[procedure][player]")
{
    SECTION("silence")
    {
        const auto result = run("transformer", DriveFrom::player, [](std::uint64_t, std::span<float> x) { std::ranges::fill(x, 0.0F); });
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, ContainsSubstring("is not heard at either leg"));
    }
    SECTION("other music: chords that change four times a second")
    {
        const auto result = run("inverter", DriveFrom::player, [](std::uint64_t first, std::span<float> x) {
            for (std::size_t i = 0; i < x.size(); ++i) {
                const auto n = static_cast<double>(first + i);
                const double root = 110.0 * std::exp2(std::fmod(std::floor(n / 12e3) * 5.0, 12.0) / 12.0);
                double sum = 0.0;
                for (const double ratio : {1.0, 1.25, 1.5, 2.0, 4.0, 7.0}) sum += 0.03 * std::sin(2.0 * std::numbers::pi * root * ratio * n / rate_hz);
                x[i] = static_cast<float>(sum);
            }
        });
        REQUIRE_FALSE(result);
        CAPTURE(result.error().message);
        CHECK_THAT(result.error().message, ContainsSubstring("not the test signal") || ContainsSubstring("let the player play the test signal, and nothing else"));
    }
    SECTION("the right file at the wrong speed")
    {
        const auto result = run("inverter", DriveFrom::player, player(5000.0));
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, ContainsSubstring("not at its speed"));
    }
    SECTION("it stops between two states, or within one")
    {
        // `through` ends 1.2 s after it has begun; the second stop falls within it, the third before it.
        const std::uint64_t frames = GENERATE(86'400U, 40'000U, 100U);
        CAPTURE(frames);
        const auto result = run("inverter", DriveFrom::player, [frames, play = player(50.0)](std::uint64_t first, std::span<float> x) {
            play(first, x);
            if (first >= frames) std::ranges::fill(x, 0.0F);
        });
        if (result) {
            CHECK(result.value().stopped_for_safety);
            CHECK_THAT(*result.value().stopped_early, ContainsSubstring("collapsed") || ContainsSubstring("fell by"));
        } else {
            CHECK_THAT(result.error().message, ContainsSubstring("no longer heard") || ContainsSubstring("is not heard") || ContainsSubstring("collapsed") || ContainsSubstring("fell by") ||
                                                   ContainsSubstring("not the test signal"));
        }
    }
    SECTION("a quiet one is heard all the same")
    {
        const auto result = run("cross-coupled-unequal", DriveFrom::player, player(-30.0, 0.03));
        REQUIRE(result);
        CHECK(result.value().verdict.topology == topology::Topology::cross_coupled);
    }
}

TEST_CASE("gear without an input needs the probe, and has no headroom to be looked for", "[procedure][player]")
{
    const auto drive = GENERATE(DriveFrom::player, DriveFrom::nothing);
    const auto refused = [&](const procedure::IdentifyOptions& options) {
        const auto result = run(bench::find_circuit("inverter").value(), drive, {}, options);
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::usage);
        return result.error().message;
    };
    procedure::IdentifyOptions options;
    options.headroom = true;
    CHECK_THAT(refused(options), ContainsSubstring("--headroom"));
    options = {};
    options.fixture.probe.reset();
    CHECK_THAT(refused(options), ContainsSubstring("--rp none"));
}

TEST_CASE("the switch is followed with a player, and believed without drive", "[procedure][player][follow][numbers]")
{
    const auto drive = GENERATE(DriveFrom::player, DriveFrom::nothing);
    const auto* circuit = GENERATE("transformer", "inverter");
    CAPTURE(circuit, drive == DriveFrom::player);
    std::vector<procedure::Followed> followed;
    const auto result = run(bench::find_circuit(circuit).value(), drive, drive == DriveFrom::player ? player(100.0) : bench::OwnSignal{}, {}, &followed);
    CAPTURE(result ? "" : result.error().message);
    REQUIRE(result);
    // `through` begins it all, and nothing is known before. To the probe alone `lifted` may read as `through` does: the mover is believed.
    CHECK(followed.size() == (drive == DriveFrom::player ? result.value().quality.states.size() - 1 : 0));
    for (const auto& f : followed) {
        CAPTURE(name_of(f.state));
        CHECK(f.by_signals);
    }
}

TEST_CASE("recordings of gear that nothing drives are judged by the probe alone", "[procedure][player][captures]")
{
    const test::TemporaryFolder folder;
    const bool is_driven = GENERATE(false, true);
    const auto plan = stimulus::design_multitone(rate_hz).value();
    const auto samples = stimulus::render(plan);
    const auto bench = bench::VirtualBench::build(bench::find_circuit("cross-coupled-unequal").value(), {}, {}, rate_hz);
    REQUIRE(bench);
    for (const auto state : {SwitchState::through, SwitchState::loaded, SwitchState::lifted}) {
        bench.value()->request_state(state);
        std::vector<float> recorded;
        for (std::size_t n = 0; n < 120'000; ++n) {
            const auto at = 2 * (n % static_cast<std::size_t>(plan.period_frames));
            const float drive = is_driven ? samples[at] : 0.0F;
            float i2{};
            float i3{};
            bench.value()->process(&drive, &samples[at + 1], &i2, &i3, 1);
            if (n >= 48'000) recorded.insert(recorded.end(), {i2, i3});
        }
        REQUIRE(files::write_wav(folder.path / (std::string{name_of(state)} + ".wav"), rate_hz, recorded, 2));
    }
    procedure::IdentifyOptions options;
    options.drive = DriveFrom::nothing;
    const auto result = procedure::identify_captures(folder.path, options);
    if (is_driven) {
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, ContainsSubstring("holds the drive"));
        return;
    }
    REQUIRE(result);
    CHECK(probability_of(result.value().verdict, {"cross-coupled"}) > 0.3);
    CHECK(result.value().quality.drive == DriveFrom::nothing);
    CHECK(result.value().verdict.next_step->id == "play-stimulus");
}
