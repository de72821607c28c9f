// What a verdict says of itself, how to wire what it names, and which step it asks for next.
#include "topology/advice.h"

#include "core/text.h"
#include "topology/model_output.h"
#include "topology/verdict.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <set>
#include <string>

using namespace lowleg;
using namespace lowleg::topology;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

const std::vector<SwitchState> every{all_switch_states.begin(), all_switch_states.end()};
const std::vector<SwitchState> no_short{SwitchState::through, SwitchState::loaded, SwitchState::lifted};

Verdict judge_model(const test::OutputModel& model, const std::vector<SwitchState>& states = every, bool probe = true)
{
    Fixture fixture;
    if (!probe) fixture.probe.reset();
    const auto o = observe(test::read_all(model, fixture, states), fixture, {});
    REQUIRE(o);
    return judge(o.value());
}

const test::OutputModel shielded = test::floating(90.0, 330e-12, 330e-12, 0.0, 20e-12);
const test::OutputModel servo = test::servo(63.0 / 64.0);

}  // namespace

TEST_CASE("the level at an unbalanced input is that of this output", "[topology][advice]")
{
    // Closed forms, 10 kΩ per leg against 10 kΩ at pin 2. Two sources: pin 2 keeps its own level, (10k/(10k+Zi)) each.
    struct Case { const char* name; test::OutputModel model; double change_db; double maximum_dbu; };
    const double both_47 = 1.0 / (1.0 + 47.0 / 10e3);
    const double both_300 = 1.0 / (1.0 + 300.0 / 10e3);
    const double floating_balanced = 20e3 / (20e3 + 90.0);
    const double floating_grounded = 10e3 / (10e3 + 90.0);
    const Case cases[] = {
        {"inverter", test::two_sources(1.0, 47.0, -1.0, 47.0), gain_of(both_47 / (2.0 * both_47)).value(), 17.98},
        {"inverter, softer inverted leg", test::two_sources(1.0, 300.0, -0.95, 300.0), gain_of(both_300 / (1.95 * both_300)).value(), 18.2},
        {"transformer", shielded, gain_of(floating_grounded / floating_balanced).value(), 24.0},
        // Servo: E = 2·(1+c)·Rb⁻¹ … between the legs 100/(1+c) = 50.4 Ω, and pin 3 grounded costs (1−c)/2 = 0.78 %.
        {"servo", servo, gain_of((1.0 - 1.0 / 128.0) * 10e3 / (10e3 + 50.0) / (20e3 / (20e3 + 50.4))).value(), 17.98},
        {"impedance-balanced", test::two_sources(1.0, 75.0, 0.0, 75.0), 0.0, 24.0},
        {"unbalanced", test::two_sources(1.0, 100.0, 0.0, 0.03), 0.0, 24.0},
    };
    for (const auto& c : cases) {
        const auto v = judge_model(c.model, no_short);
        CAPTURE(c.name, v.id());
        REQUIRE(v.outcome == Outcome::named);
        REQUIRE(v.advice.level_change);
        // Readings of 1e-4, in a difference of two of them; the servo's closed form neglects its common-mode impedance (1.6 kΩ beside 10 kΩ: none of it).
        CHECK_THAT(v.advice.level_change->value(), WithinAbs(c.change_db, 0.02));
        CHECK(v.advice.level_is_measured);
        REQUIRE(v.advice.unbalanced_maximum);
        CHECK_THAT(v.advice.unbalanced_maximum->value(), WithinAbs(c.maximum_dbu, 0.06));
        REQUIRE(v.advice.meter);
        CHECK_THAT(v.advice.meter->value(), WithinAbs(4.0 + c.change_db, 0.02));
    }
}

TEST_CASE("a measured maximum replaces the usual one", "[topology][advice]")
{
    Fixture fixture;
    auto o = observe(test::read_all(servo, fixture, every), fixture, {});
    REQUIRE(o);
    // Pin 2 clips at −9 dBFS balanced (both legs: −3), and at −7.5 dBFS with pin 3 grounded: 4.5 dB lost, not six.
    o.value().maximum_levels[SwitchState::through] = {Dbfs{-9.0}, true};
    o.value().maximum_levels[SwitchState::grounded] = {Dbfs{-7.5}, true};
    const auto v = judge(o.value());
    if (v.advice.unbalanced_maximum) CHECK_THAT(v.advice.unbalanced_maximum->value(), WithinAbs(24.0 - 4.5, 0.05));
    const auto says = std::ranges::find_if(v.evidence, [](const Evidence& e) { return e.name == "maximum_level" && e.says.find("less than both legs") != std::string::npos; });
    REQUIRE(says != v.evidence.end());
    CHECK_THAT(says->says, ContainsSubstring("4.5 dB"));
}

TEST_CASE("every kind has cables, plugs and words for all three ways", "[topology][advice]")
{
    const std::pair<const char*, test::OutputModel> units[] = {
        {"transformer", shielded}, {"cross-coupled", servo}, {"inverter", test::two_sources(1.0, 47.0, -1.0, 47.0)},
        {"transformer-center-tapped", test::center_tapped(50.0, 50.0)}, {"impedance-balanced", test::two_sources(1.0, 75.0, 0.0, 75.0)},
        {"unbalanced", test::two_sources(1.0, 100.0, 0.0, 0.03)}, {"unbalanced", test::pin3_open(150.0)},
        {"insert", test::two_sources(1.0, 75.0, 0.0, 22e3)}, {"ground-sensing", test::ground_sensing(75.0, 10e3)},
        {"dual-unbalanced", test::two_sources(1.0, 10.0, 1.0, 10.0)}};
    for (const auto& [expected, model] : units) {
        const auto v = judge_model(model, no_short);
        CAPTURE(expected, v.id());
        REQUIRE(v.id() == expected);
        const auto& a = v.advice;
        for (const auto* text : {&a.summary, &a.balanced_input, &a.cable, &a.balanced_cable, &a.unbalanced_source, &a.unbalanced_source_cable, &a.plug, &a.xlr, &a.headphone_test})
            CHECK_FALSE(text->empty());
        CHECK_THAT(a.headphone_test, ContainsSubstring("First click (ring only)"));
        CHECK(a.cable.find("●") != std::string::npos);
    }
}

TEST_CASE("headphones at the first click hear pin 3 alone", "[topology][advice]")
{
    // Two sources behind 47 Ω: the same 32 Ω at either pin, so as loud. The servo: E3/(Z33 + 32) against both loaded; 32/(1613 + 32) is −34 dB of the
    // open leg, and fully in each ear has 32/(2·32 + 50.4) of both: −28 or so between them.
    CHECK_THAT(judge_model(test::two_sources(1.0, 47.0, -1.0, 47.0), no_short).advice.headphone_test, ContainsSubstring("as loud as either ear"));
    const auto soft = judge_model(servo, no_short).advice.headphone_test;
    CHECK_THAT(soft, ContainsSubstring("29 dB softer") && ContainsSubstring("with all its bass"));
    const auto thin = judge_model(shielded, no_short).advice.headphone_test;
    CHECK_THAT(thin, ContainsSubstring("without bass") && ContainsSubstring("proves no unbalanced output"));
    const auto silent = judge_model(test::two_sources(1.0, 75.0, 0.0, 75.0), no_short).advice.headphone_test;
    CHECK_THAT(silent, ContainsSubstring("silence") && ContainsSubstring("says nothing against it"));
}

TEST_CASE("an impedance-balanced output is not called worse for its one signal", "[topology][advice]")
{
    const auto v = judge_model(test::two_sources(1.0, 75.0, 0.0, 75.0), no_short);
    std::string all = v.advice.summary + v.advice.balanced_input + v.advice.headphone_test + v.why;
    for (const auto* word : {"worse", "inferior", "not truly", "pseudo", "fake", "less than"}) CHECK(all.find(word) == std::string::npos);
    CHECK_THAT(v.advice.balanced_input, ContainsSubstring("as well as any"));
}

TEST_CASE("the summary joins what decided", "[topology][evidence]")
{
    const auto transformer = judge_model(shielded).why;
    CHECK_THAT(transformer, ContainsSubstring("Pin 2 rose 5.9") && ContainsSubstring("when pin 3 was grounded, and lost") && ContainsSubstring("bass first, when pin 3 was lifted") &&
                                ContainsSubstring(": a floating winding."));
    // The lift step of this winding near 1 kHz, as the nodes give it.
    const auto lifted = test::read_by_nodes(shielded, Fixture{}, SwitchState::lifted, Hertz{1010.0}, false)[0];
    const auto through = test::read_by_nodes(shielded, Fixture{}, SwitchState::through, Hertz{1010.0}, false)[0];
    const auto lost = format_fixed(-gain_of(lifted / through).value(), 1);
    CHECK_THAT(transformer, ContainsSubstring("lost " + lost));

    CHECK_THAT(judge_model(servo).why, ContainsSubstring("all frequencies alike") && ContainsSubstring("a servo"));
    CHECK_THAT(judge_model(test::two_sources(1.0, 47.0, -1.0, 47.0), no_short).why,
               ContainsSubstring("in antiphase") && ContainsSubstring("did not move when pin 3 was loaded or lifted") && ContainsSubstring("an amplifier of its own"));
    CHECK_THAT(judge_model(test::center_tapped(50.0, 50.0), no_short).why, ContainsSubstring("would fall") && ContainsSubstring("computed from \"loaded\""));
    CHECK_THAT(judge_model(test::two_sources(1.0, 10.0, 1.0, 10.0)).why, ContainsSubstring("in phase") && ContainsSubstring("two channels"));
    CHECK_THAT(judge_model(test::two_sources(1.0, 75.0, 0.0, 75.0)).why, ContainsSubstring("the probe sees 75 Ω there, the same as at pin 2"));
    CHECK_THAT(judge_model(test::two_sources(1.0, 75.0, 0.0, 75.0), every, false).why, ContainsSubstring("which of four kinds, levels cannot tell"));
    CHECK_THAT(judge_model(test::two_sources(0.0, 75.0, 1.0, 75.0), {SwitchState::through}).why, ContainsSubstring("pin 2 is silent"));
    CHECK_THAT(judge_model(test::two_sources(0.0, 75.0, 0.0, 75.0)).why, ContainsSubstring("no signal"));
}

TEST_CASE("every finding has a number, a frequency or a state, and is uncertain", "[topology][evidence]")
{
    const auto model = GENERATE(shielded, servo, test::two_sources(1.0, 47.0, -1.0, 47.0), test::two_sources(1.0, 75.0, 0.0, 75.0), test::pin3_open(150.0),
                                test::ground_sensing(75.0, 10e3), test::two_sources(0.0, 75.0, 1.0, 75.0), test::two_sources(0.0, 75.0, 0.0, 75.0));
    const bool probe = GENERATE(true, false);
    const auto v = judge_model(model, every, probe);
    CHECK_FALSE(v.evidence.empty());
    for (const auto& e : v.evidence) {
        CAPTURE(e.name, e.value, e.says);
        CHECK(std::isfinite(e.value));
        CHECK(e.uncertainty > 0.0);
        CHECK(std::isfinite(e.uncertainty));
        CHECK(e.says.ends_with("."));
        CHECK(e.says.find("nan") == std::string::npos);
        CHECK(e.frequency.has_value());
    }
}

TEST_CASE("states that read the same say what pin 3 is on", "[topology][evidence]")
{
    const auto same = [](const Verdict& v) {
        std::string all;
        for (const auto& e : v.evidence)
            if (e.name == "state_sameness") all += e.says;
        return all;
    };
    CHECK_THAT(same(judge_model(test::pin3_open(150.0))), ContainsSubstring("\"through\" and \"lifted\"") && ContainsSubstring("on nothing"));
    CHECK_THAT(same(judge_model(test::two_sources(1.0, 100.0, 0.0, 0.03))), ContainsSubstring("\"through\" and \"grounded\"") && ContainsSubstring("on ground"));
    CHECK(same(judge_model(test::two_sources(1.0, 75.0, 0.0, 75.0))).empty());
    CHECK(same(judge_model(servo)).empty());
}

TEST_CASE("iron shows in the bass, and is said", "[topology][evidence]")
{
    Fixture fixture;
    auto o = observe(test::read_all(shielded, fixture, every), fixture, {});
    REQUIRE(o);
    const auto third = [](double hertz, double ratio, double sigma) {
        return analysis::ThirdHarmonic{Hertz{hertz}, {analysis::ComplexEstimate{{ratio, 0.0}, sigma, 10.0}, analysis::ComplexEstimate{{-ratio, 0.0}, sigma, 10.0}}};
    };
    const auto says = [&] {
        for (const auto& e : judge(o.value()).evidence)
            if (e.name == "third_harmonic") return e.says;
        return std::string{};
    };
    o.value().third_harmonics[SwitchState::through] = {third(22.0, 1.2e-3, 1e-5), third(246.0, 2e-5, 1e-5)};
    CHECK_THAT(says(), ContainsSubstring("0.120 ± 0.002 %") && ContainsSubstring("at 22 Hz") && ContainsSubstring(": iron"));
    o.value().third_harmonics[SwitchState::through] = {third(22.0, 1.2e-3, 1e-5), third(246.0, 1.1e-3, 1e-5)};
    CHECK_THAT(says(), ContainsSubstring("no sign of iron"));
    o.value().third_harmonics[SwitchState::through] = {third(22.0, 1e-5, 1e-5), third(246.0, 1e-5, 1e-5)};
    CHECK_THAT(says(), ContainsSubstring("No third harmonic at 22 Hz"));
}

TEST_CASE("hum and direct voltage are told where they were seen", "[topology][evidence]")
{
    auto o = observe(test::read_all(servo, Fixture{}, every), Fixture{}, {});
    REQUIRE(o);
    const auto says = [&](std::string_view name) {
        for (const auto& e : judge(o.value()).evidence)
            if (e.name == name) return e.says;
        return std::string{};
    };
    CHECK(says("hum").empty());
    CHECK(says("direct_voltage").empty());
    // 1e-3 rms is −57 dB of a full-scale sine's 0.707.
    o.value().hum = analysis::HumReading{Hertz{50.02}, {1e-4, 1e-3}};
    o.value().dc = std::array{0.002, -0.05};
    CHECK_THAT(says("hum"), ContainsSubstring("50.02 Hz") && ContainsSubstring("−57.0 dBFS on pin 3"));
    CHECK_THAT(says("direct_voltage"), ContainsSubstring("2.0 ‰ of full scale at pin 2, −50.0 ‰ at pin 3"));
}

namespace {

struct Pair {
    Topology a, b;
    double rin;
    std::set<std::string> resolvers;  ///< The steps that separate the pair, by what is known of such outputs.
};

/// Which step tells which pair apart: measured tables of real outputs, not what the code under test expects.
const std::vector<Pair>& confusable()
{
    using enum Topology;
    static const std::vector<Pair> all{
        {transformer, cross_coupled, 10e3, {"lifted", "probe", "headroom", "more-level"}},
        {inverter, transformer_center_tapped, 10e3, {"loaded", "grounded", "probe", "more-level"}},
        {inverter, cross_coupled, 10e3, {"loaded", "grounded", "lifted", "probe", "headroom"}},
        {inverter, transformer, 10e3, {"loaded", "grounded", "lifted", "probe", "more-level"}},
        {impedance_balanced, unbalanced, 10e3, {"probe"}},
        {impedance_balanced, insert, 10e3, {"probe"}},
        {impedance_balanced, ground_sensing, 10e3, {"probe"}},
        {unbalanced, insert, 10e3, {"probe"}},
        {insert, ground_sensing, 10e3, {"probe"}},
        {transformer, impedance_balanced, 1e6, {"loaded", "grounded", "lifted", "lower-load", "probe"}},
        {cross_coupled, impedance_balanced, 1e6, {"loaded", "grounded", "lower-load", "probe"}},
        {transformer, cross_coupled, 1e6, {"lifted", "probe", "headroom", "more-level"}},
    };
    return all;
}

Observations states_taken(const std::vector<SwitchState>& states, bool probe, double rin)
{
    Observations o;
    if (!probe) o.fixture.probe.reset();
    o.has_probe = probe;
    o.fixture.rin2 = o.fixture.rin3 = Ohms{rin};
    FrequencyObservation at;
    at.frequency = Hertz{1000.0};
    for (const auto state : states) at.drive[state] = {};
    o.at.push_back(at);
    return o;
}

Verdict between(Topology a, Topology b, double share)
{
    Verdict v;
    v.alternatives = {{a, share}, {b, 0.97 - share}};
    return v;
}

}  // namespace

TEST_CASE("the step asked for separates the candidates and was not taken yet", "[topology][advice][next-step]")
{
    const auto& pair = GENERATE(from_range(confusable()));
    const double share = GENERATE(0.5, 0.75);
    for (unsigned taken = 0; taken < 16; ++taken) {
        std::vector<SwitchState> states{SwitchState::through};
        std::set<std::string> names;
        const auto take = [&](unsigned bit, SwitchState state) {
            if ((taken >> bit & 1U) == 0) return;
            states.push_back(state);
            names.insert(std::string{name_of(state)});
        };
        take(0, SwitchState::loaded);
        take(1, SwitchState::grounded);
        take(2, SwitchState::lifted);
        const bool probe = (taken >> 3 & 1U) != 0;
        if (probe) names.insert("probe");
        const auto step = next_step(between(pair.a, pair.b, share), {}, states_taken(states, probe, pair.rin));
        REQUIRE(step);
        CAPTURE(id_of(pair.a), id_of(pair.b), pair.rin, taken, step->id, step->text);
        CHECK_FALSE(step->text.empty());
        CHECK_FALSE(names.contains(std::string{step->id}));
        // `grounded` shows nothing that `loaded` did not.
        std::set<std::string> left;
        for (const auto& r : pair.resolvers)
            if (!names.contains(r) && !(r == "grounded" && names.contains("loaded"))) left.insert(r);
        if (left.empty()) CHECK(step->id == "inspect");
        else CHECK(left.contains(std::string{step->id}));
    }
}

TEST_CASE("a bled winding and a servo of high impedance need iron or headroom, whatever else was taken", "[topology][advice][next-step]")
{
    // 5 kΩ to ground, flat, with the probe and all states: nothing linear tells them apart.
    Features f;
    f.lift_step_low_db = Feature{-5.9, 0.01, Hertz{22.0}};
    f.lift_slope_db_per_octave = Feature{0.0, 0.01, Hertz{100.0}};
    f.common_mode_log_ohm = Feature{3.7, 0.01, Hertz{1000.0}};
    f.common_mode_slope = Feature{0.0, 0.01, Hertz{22.0}};
    for (const bool probe : {true, false}) {
        auto o = states_taken(every, probe, 10e3);
        const auto v = between(Topology::cross_coupled, Topology::transformer, 0.6);
        const auto first = next_step(v, f, o);
        REQUIRE(first);
        CHECK((first->id == "headroom" || first->id == "more-level"));
        o.maximum_levels[SwitchState::through] = {};
        const auto second = next_step(v, f, o);
        REQUIRE(second);
        CHECK(second->id == "more-level");
        o.third_harmonics[SwitchState::through] = {};
        REQUIRE(next_step(v, f, o));
        CHECK(next_step(v, f, o)->id == "inspect");
    }
}

TEST_CASE("what no step can settle is said to be so, and what is settled asks for none", "[topology][advice][next-step]")
{
    Verdict named;
    named.outcome = Outcome::named;
    named.topology = Topology::inverter;
    CHECK_FALSE(next_step(named, {}, states_taken(every, true, 10e3)));
    Verdict hot;
    hot.pin3_hot = true;
    CHECK(next_step(hot, {}, states_taken({SwitchState::through}, true, 10e3))->id == "exchange-legs");
    Verdict silent;
    silent.outcome = Outcome::no_signal;
    CHECK(next_step(silent, {}, states_taken(every, true, 10e3))->id == "check-drive");
    Verdict family;
    family.outcome = Outcome::single_ended;
    family.alternatives = {{Topology::impedance_balanced, 0.5}, {Topology::insert, 0.45}};
    const auto step = next_step(family, {}, states_taken(every, true, 10e3));
    CHECK(step->id == "inspect");
    CHECK_THAT(step->text, ContainsSubstring("Leaving pin 3 unconnected"));
    Verdict odd;
    odd.odd = "legs 90° apart";
    CHECK(next_step(odd, {}, states_taken({SwitchState::through}, false, 10e3))->id == "loaded");
    CHECK(next_step(odd, {}, states_taken(every, true, 10e3))->id == "inspect");
}
