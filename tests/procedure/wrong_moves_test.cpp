// Wrong moves told by levels: never on gear that is connected as it should be, always where nothing else can be meant.
#include "procedure/wrong_moves.h"

#include "bench/bench_backend.h"
#include "bench/collection.h"
#include "bench/wiring.h"
#include "circuit/circuit.h"
#include "engine/engine.h"
#include "procedure/identify.h"
#include "procedure/switch_check.h"
#include "stimulus/multitone.h"
#include "support/output_circuits.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numbers>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace lowleg;
using lowleg::testing::output_circuits;
using Catch::Matchers::ContainsSubstring;
using procedure::find_wrong_move;
using procedure::Readings;
using procedure::WrongMove;
using enum SwitchState;

namespace {

constexpr double rate = 48e3;

/// What the inputs read of a circuit, in closed form, with the noise of two periods.
class Output {
public:
    Output(const std::string& circuit, const Fixture& fixture, const bench::WrongMoves& wrong = {}) : plan_{stimulus::design_multitone(rate).value()}
    {
        if (!fixture.probe) std::erase_if(plan_.tones, [](const Tone& t) { return t.signal == Signal::probe; });
        const auto netlist = bench::read_circuit(bench::find_circuit(circuit).value());
        for (const auto state : all_switch_states) {
            const auto wiring = bench::wired(netlist.value(), bench::CircuitKind::output, fixture, static_cast<std::size_t>(state), wrong);
            const auto solved = circuit::Circuit::build(wiring.netlist, wiring.sources, wiring.nodes);
            for (const auto& tone : plan_.tones) {
                const auto response = solved.value().response(plan_.frequency_of(tone.bin)).value();
                const std::size_t source = tone.signal == Signal::probe ? 1 : 0;
                const bool is_silent = wrong.muted && tone.signal == Signal::drive;
                exact_[state].push_back(is_silent ? Legs{} : Legs{response[source], fixture.gain_ratio * response[2 + source]});
            }
        }
    }

    using Legs = std::array<Complex, 2>;
    /// Of the exact transfers of both inputs.
    using Change = std::function<void(Signal, Hertz, Legs&)>;

    Readings read(const std::vector<SwitchState>& states, Dbfs noise = Dbfs{-110.0}, const Change& change = {})
    {
        Readings out;
        for (const auto state : states) {
            analysis::MultitoneReading reading;
            for (std::size_t i = 0; i < plan_.tones.size(); ++i) {
                const auto& tone = plan_.tones[i];
                const auto f = plan_.frequency_of(tone.bin);
                auto legs = exact_.at(state).at(i);
                if (change) change(tone.signal, f, legs);
                // Of one second: σ = rms·√(2/frames)/amplitude.
                const double sigma = sine_peak(noise) / std::sqrt(2.0) * std::sqrt(2.0 / rate) / tone.amplitude;
                reading.tones.push_back({tone.signal, tone.bin, f, {}});
                for (const std::size_t leg : {0U, 1U}) reading.tones.back().leg.at(leg) = {legs.at(leg) + sigma * Complex{normal_(random_), normal_(random_)}, sigma, 50.0};
            }
            out.emplace(state, std::move(reading));
        }
        return out;
    }

private:
    TonePlan plan_;
    std::map<SwitchState, std::vector<Legs>> exact_;
    std::mt19937 random_{11};
    std::normal_distribution<double> normal_;
};

const std::vector all_states(all_switch_states.begin(), all_switch_states.end());

}  // namespace

TEST_CASE("gear that is connected as it should be raises no alarm", "[procedure][wrong][numbers]")
{
    struct Around { double rin; double rs; };
    const auto [rin, rs] = GENERATE(Around{600.0, 100.0}, Around{10e3, 0.0}, Around{10e3, 100.0}, Around{10e3, 10e3}, Around{1e6, 100.0});
    Fixture fixture;
    fixture.rin2 = fixture.rin3 = Ohms{rin};
    fixture.rs = Ohms{rs};
    const bool has_probe = GENERATE(true, false);
    if (!has_probe) fixture.probe.reset();
    for (const auto& circuit : output_circuits()) {
        Output output{circuit, fixture};
        for (const double noise : {-120.0, -95.0, -75.0})
            for (const auto& states : {std::vector{through}, std::vector{through, lifted}, all_states}) {
                const auto found = find_wrong_move(output.read(states, Dbfs{noise}), fixture);
                CAPTURE(circuit, rin, rs, has_probe, noise, states.size());
                const bool is_silent = circuit == "no-signal" && found && found->move == WrongMove::muted;
                if (found && !is_silent) FAIL_CHECK(found->says);
            }
    }
}

TEST_CASE("a missing probe resistor is named on every output", "[procedure][wrong][numbers]")
{
    bench::WrongMoves wrong;
    const int missing = GENERATE(2, 3, 23);
    wrong.rp2_open = missing != 3;
    wrong.rp3_open = missing != 2;
    for (const auto& circuit : output_circuits()) {
        Output output{circuit, {}, wrong};
        const auto found = find_wrong_move(output.read(all_states), {});
        CAPTURE(circuit, missing);
        // Without Rp2 a silent pin 2 reads as one on ground by a wire, and one that is has no use for Rp2.
        const bool is_silent_anyway = circuit == "unbalanced-pin3-hot";
        const bool is_pin2_silent = circuit.ends_with("pin3-hot") || circuit == "insert-ring-send" || circuit == "no-signal";
        if (missing == 2 && is_pin2_silent) {
            CHECK((!found || found->move == WrongMove::muted));
            continue;
        }
        REQUIRE(found);
        INFO(found->says);
        CHECK(found->spoils);
        if (is_silent_anyway) {
            CHECK(found->move == WrongMove::no_probe);
            continue;
        }
        CHECK(found->move == (missing == 2 ? WrongMove::rp2_missing : missing == 3 ? WrongMove::rp3_missing : WrongMove::no_probe));
    }
}

TEST_CASE("pin 2 without its lead is told from gear that is muted, and from nothing at all", "[procedure][wrong][numbers]")
{
    const bool is_open = GENERATE(true, false);
    const bool is_muted = GENERATE(true, false);
    bench::WrongMoves wrong;
    wrong.pin2_open = is_open;
    wrong.muted = is_muted;
    if (!is_open && !is_muted) return;
    for (const auto& circuit : output_circuits()) {
        Output output{circuit, {}, wrong};
        const auto found = find_wrong_move(output.read({through, lifted}), {});
        CAPTURE(circuit, is_open, is_muted);
        REQUIRE(found);
        INFO(found->says);
        CHECK_FALSE(found->spoils);
        // What floats is nothing to the probe, and so is what is connected by pin 3 alone and has nothing there.
        if (found->move == WrongMove::not_connected) {
            CHECK((circuit.starts_with("transformer") || circuit == "unbalanced-open"));
            continue;
        }
        CHECK(found->move == (is_open ? WrongMove::pin2_not_connected : WrongMove::muted));
    }
}

TEST_CASE("what only feedback, one channel twice or a loopback can read is named", "[procedure][wrong]")
{
    Output output{"inverter", {}};
    const auto find = [&](const Output::Change& change) {
        const auto found = find_wrong_move(output.read(all_states, Dbfs{-100.0}, change), {});
        REQUIRE(found);
        INFO(found->says);
        CHECK(found->spoils);
        return found->move;
    };
    const auto late = [](Hertz f, double seconds) { return std::polar(1.0, -2.0 * std::numbers::pi * f.value() * seconds); };
    // Pin 2 comes back into the drive, at −9 dB, 5.3 ms late.
    CHECK(find([&](Signal, Hertz f, Output::Legs& legs) { legs[0] /= 1.0 - 0.35 * late(f, 5.3e-3); }) == WrongMove::feedback);
    // Input 2 comes back out of output 2.
    CHECK(find([&](Signal signal, Hertz f, Output::Legs& legs) {
              if (signal == Signal::probe) legs[1] /= 1.0 - 0.4 * legs[1] * late(f, 1.1e-3);
          }) == WrongMove::feedback);
    // What input 2 hears of the probe goes into the gear, and comes out of pin 2.
    CHECK(find([&](Signal signal, Hertz f, Output::Legs& legs) {
              if (signal == Signal::probe) legs[0] += 0.5 * legs[1] * late(f, 3.0e-3);
          }) == WrongMove::feedback);
    CHECK(find([](Signal, Hertz, Output::Legs& legs) { legs[1] = 0.98 * legs[0]; }) == WrongMove::same_channel);
    CHECK(find([](Signal signal, Hertz, Output::Legs& legs) { legs = signal == Signal::drive ? Output::Legs{0.9, 0.0} : Output::Legs{0.0, 0.9}; }) == WrongMove::loopback);
}

TEST_CASE("an input of the wrong polarity, or of more gain, is no feedback", "[procedure][wrong]")
{
    Output output{"inverter", {}};
    CHECK_FALSE(find_wrong_move(output.read(all_states, Dbfs{-100.0}, [](Signal, Hertz, Output::Legs& legs) { legs[1] *= -1.0; }), {}));
    CHECK_FALSE(find_wrong_move(output.read(all_states, Dbfs{-100.0}, [](Signal, Hertz, Output::Legs& legs) { legs[0] *= 2.0; }), {}));
}

namespace {

/// The whole procedure on the virtual bench, taken for a real device.
struct Rig {
    std::shared_ptr<bench::VirtualBench> bench;
    std::unique_ptr<engine::Engine> engine;
    procedure::IdentifyOptions options;
    procedure::FixtureSwitch fixture_switch;

    explicit Rig(const std::string& circuit, const bench::WrongMoves& wrong)
    {
        bench::InterfaceModel interface;
        interface.wrong_moves = wrong;
        bench = bench::VirtualBench::build(bench::find_circuit(circuit).value(), {}, interface, rate).value();
        engine::StreamRequest request;
        request.sample_rate_hz = rate;
        engine = engine::Engine::open(bench::make_bench_backend(bench, rate), request, 24'000).value();
        options.source = procedure::Source::device;
        fixture_switch = [to = bench](SwitchState state) -> Status {
            to->request_state(state);
            while (to->state() != state) std::this_thread::yield();
            return Done{};
        };
    }
    Result<procedure::Identification> identify() { return procedure::identify(*engine, fixture_switch, options, {}, {}); }
};

bench::WrongMoves with(bool bench::WrongMoves::*what, GainDb returned = GainDb{-6.0})
{
    bench::WrongMoves wrong;
    wrong.*what = true;
    wrong.return_gain = returned;
    return wrong;
}

}  // namespace

TEST_CASE("a wrong move that spoils the verdict ends the measurement, named", "[procedure][wrong][numbers]")
{
    struct Case { bool bench::WrongMoves::*what; std::string says; };
    using Wrong = bench::WrongMoves;
    const auto [what, says] = GENERATE(Case{&Wrong::rp2_open, "Rp2"}, Case{&Wrong::rp3_open, "Rp3"}, Case{&Wrong::same_channel, "the same samples"},
                                       Case{&Wrong::feedback, "comes back"}, Case{&Wrong::monitoring, "comes back"});
    const std::string circuit = GENERATE("inverter", "impedance-balanced", "cross-coupled", "transformer");
    Rig rig{circuit, with(what)};
    const auto result = rig.identify();
    CAPTURE(circuit, says);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::failure);
    CHECK_THAT(result.error().message, ContainsSubstring(says));
}

TEST_CASE("silence is explained by what the probe finds, and nothing is loaded", "[procedure][wrong]")
{
    struct Case { bool bench::WrongMoves::*what; WrongMove found; std::string id; };
    using Wrong = bench::WrongMoves;
    const auto [what, found, id] = GENERATE(Case{&Wrong::muted, WrongMove::muted, "no-signal"}, Case{&Wrong::pin2_open, WrongMove::pin2_not_connected, "inconclusive"});
    Rig rig{"inverter", with(what)};
    const auto result = rig.identify();
    REQUIRE(result);
    CHECK(result.value().verdict.id() == id);
    CHECK(result.value().quality.states == std::vector{through, lifted});
    REQUIRE(result.value().wrong_move);
    CHECK(result.value().wrong_move->move == found);
    REQUIRE(result.value().stopped_early);
    CHECK_THAT(*result.value().stopped_early, ContainsSubstring(result.value().wrong_move->says));
}

TEST_CASE("what howls is silenced, heard to go on, and named", "[procedure][wrong]")
{
    const std::string circuit = GENERATE("unbalanced", "dual-unbalanced", "insert");
    Rig rig{circuit, with(&bench::WrongMoves::feedback, GainDb{6.0})};
    const auto result = rig.identify();
    CAPTURE(circuit);
    if (result) {
        CHECK(result.value().stopped_for_safety);
        REQUIRE(result.value().wrong_move);
        CHECK(result.value().wrong_move->move == WrongMove::feedback);
    } else {
        CHECK(result.error().kind == ErrorKind::interrupted);
        CHECK_THAT(result.error().message, ContainsSubstring("loud with nothing played"));
    }
}

TEST_CASE("a switch that stays on through when it is asked for loaded is told wherever Rg would show", "[procedure][wrong]")
{
    // The inverter's legs of 47 Ω lose 4 % through Rg; a pin 3 on nothing, nearly all; one on ground, nothing.
    struct Case { std::string circuit; bool is_told; };
    const auto [circuit, is_told] = GENERATE(Case{"inverter", true}, Case{"impedance-balanced", true}, Case{"cross-coupled", true}, Case{"unbalanced-open", true},
                                             Case{"unbalanced", false});
    Rig rig{circuit, {}};
    rig.options.states = {through, loaded, lifted};
    rig.fixture_switch = [to = rig.bench](SwitchState state) -> Status {
        const auto reached = state == loaded ? through : state;
        to->request_state(reached);
        while (to->state() != reached) std::this_thread::yield();
        return Done{};
    };
    const auto result = rig.identify();
    CAPTURE(circuit);
    if (is_told) {
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, ContainsSubstring("the switch did not move between"));
        CHECK_THAT(result.error().message, ContainsSubstring("\"loaded\""));
        return;
    }
    REQUIRE(result);
    CHECK(std::ranges::any_of(result.value().notes, [](const std::string& note) { return note.find("read the same") != std::string::npos; }));
}
