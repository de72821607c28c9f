#include "report/identify_json.h"
#include "report/identify_text.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <clocale>
#include <cmath>
#include <limits>

using namespace lowleg;
using namespace lowleg::topology;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

procedure::Identification servo()
{
    procedure::Identification r;
    r.device_under_test = "cross-coupled";
    r.sample_rate_hz = 48'000.0;
    r.period_frames = 24'000;
    auto& v = r.verdict;
    v.outcome = Outcome::named;
    v.topology = Topology::cross_coupled;
    v.probability = 0.9971234567890123;
    v.polarity = Polarity::normal;
    v.probe = true;
    v.alternatives = {{Topology::transformer, 0.0028}};
    v.evidence.push_back({"ground_step", Hertz{20.0}, 5.0, "dB", 0.02, true, "Low."});
    v.evidence.push_back({"ground_step", Hertz{990.0}, 5.94, "dB", 0.01, true, "Pin 2 rose 5.94 dB when pin 3 was grounded"});
    v.evidence.push_back({"lift_step", std::nullopt, -1.28, "dB", 0.01, true, "Pin 2 fell flat."});
    v.legs = {Hertz{990.0}, {1613.0, 0.0}, {1612.5, 0.0}, {0.5, 0.0}, 0.2, EntryStatus::measured};
    TwoPort t;
    t.frequency = Hertz{990.0};
    t.e2 = {{0.1, -0.0}, 1e-6, EntryStatus::measured};
    t.z22 = {{1613.0, std::numeric_limits<double>::infinity()}, 1.0, EntryStatus::measured};
    t.z33 = {{1.0 / 3.0, 0.0}, 0.0, EntryStatus::assumed};
    v.two_port.push_back(t);
    v.why = "Pin 2 rose, and fell flat: a servo";
    v.advice.summary = "Ground pin 3.";
    v.advice.unbalanced_input = UnbalancedWiring::ground_pin3;
    v.advice.balanced_input = "Pin 2 to hot.";
    v.advice.level_change = GainDb{-0.07};
    v.advice.cable = "  a ●──● b\n  c ●──● d";
    r.quality.states = {SwitchState::through, SwitchState::lifted};
    r.quality.periods = 8;
    r.quality.noise = Dbfs{-108.4};
    r.quality.round_trip = Seconds{0.00579};
    r.quality.source = procedure::Source::virtual_bench;
    return r;
}

bool has_no_escapes(const std::string& text) { return text.find('\x1b') == std::string::npos; }

}  // namespace

TEST_CASE("a share is never certain and never impossible", "[report]")
{
    CHECK(report::percent(0.997) == "99.7 %");
    CHECK(report::percent(1.0) == "> 99.9 %");
    CHECK(report::percent(0.9995) == "> 99.9 %");
    CHECK(report::percent(0.99949) == "99.9 %");
    CHECK(report::percent(0.0) == "< 0.1 %");
    CHECK(report::percent(0.0005) == "0.1 %");  // 0.05 % rounds up: printf rounds the exact value of 0.0005, which lies above
    CHECK(report::percent(std::nan("")) == "unknown");
}

TEST_CASE("text is wrapped by what is seen, not by bytes", "[report][layout]")
{
    CHECK(report::columns("Ω ±−") == 4);
    CHECK(report::padded("Ω", 3) == "Ω  ");
    CHECK(report::wrapped("ΩΩΩΩ ΩΩΩΩ ΩΩ", 9) == "ΩΩΩΩ ΩΩΩΩ\nΩΩ\n");
    CHECK(report::wrapped("one two three", 9, "• ") == "• one two\n  three\n");
    CHECK(report::wrapped("unbreakable words", 4) == "unbreakable\nwords\n");
    CHECK(report::wrapped("a\nb", 9, "> ") == "> a\n  b\n");
    CHECK(report::wrapped("", 9).empty());
    CHECK(report::wrapped("about 5.94 dB, flat", 11) == "about\n5.94 dB,\nflat\n");
    CHECK(report::indented("x\n\ny", 2) == "  x\n\n  y\n");
    CHECK(report::inked("x", report::Ink::good, {}) == "x");
    CHECK(report::inked("x", report::Ink::good, {.colour = true}) == "\x1b[1;32mx\x1b[0m");
}

TEST_CASE("the report says what, how sure, why, and how to wire it", "[report][text]")
{
    const auto text = report::identify_text(servo(), {});
    const auto unbroken = report::identify_text(servo(), {.width = 300});
    CHECK(has_no_escapes(text));
    for (const auto* part : {"cross-coupled", "VIRTUAL BENCH", "99.7 %", "+5.94 ± 0.01 dB at 990 Hz", "Pin 2 when pin 3 was grounded: +5.00 ± 0.02 dB at 20 Hz, +5.94 ± 0.01 dB at 990 Hz.",
                             "Pin 2 fell flat.", "Pin 2 rose, and fell flat: a servo.", "1.61 kΩ", "ground pin 3", "−0.07 dB", "●──●", "through, lifted: 8 periods", "none voided", "no hum found",
                             "noise −108.4 dBFS", "round trip 5.79 ms", "in phase with the drive"}) {
        CAPTURE(part, text);
        CHECK(unbroken.find(part) != std::string::npos);
    }
    CHECK(text.ends_with(".\n"));
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        CHECK(report::columns(std::string_view{text}.substr(at, end - at)) <= 80);
        at = end + 1;
    }
    // Colours add nothing that the text does not say.
    auto coloured = report::identify_text(servo(), {.colour = true});
    CHECK(coloured.find("\x1b[") != std::string::npos);
    for (auto at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b')) coloured.erase(at, coloured.find('m', at) - at + 1);
    CHECK(coloured == text);
}

TEST_CASE("all is told to who asks for it", "[report][text]")
{
    auto r = servo();
    r.verdict.evidence.push_back({"leg_angle", Hertz{20.0}, 180.0, "°", 0.1, true, "The legs are 180.0° apart at 20 Hz."});
    auto& a = r.verdict.advice;
    a.level_reason = "as read";
    a.unbalanced_maximum = Dbu{18.0};
    a.maximum_reason = "one amplifier has to give all";
    a.plug = "A TS plug will do.";
    a.xlr = "Pin 2 to tip.";
    a.loses = {"rejection of noise", "6.0 dB of headroom"};
    a.unbalanced_source = "Tip to pin 2.";
    a.headphone_test = "First click (ring only): soft (29 dB softer).";
    a.balanced_cable = "  e ●──● f";
    a.unbalanced_source_cable = "  g ●──● h";
    const auto usual = report::identify_text(r, {.width = 300});
    const auto all = report::identify_text(r, {.width = 300}, report::Detail::all);
    for (const auto* part : {"The legs are 180.0° apart", "Level: as read.", "Maximum: one amplifier has to give all.", "Pin 2 to tip.", "rejection of noise; 6.0 dB of headroom.",
                             "Tip to pin 2.", "29 dB softer", "e ●──● f", "g ●──● h"}) {
        CAPTURE(part, all);
        CHECK(all.find(part) != std::string::npos);
        CHECK(usual.find(part) == std::string::npos);
    }
    for (const auto* part : {"A TS plug will do.", "a ●──● b"}) {
        CHECK(all.find(part) != std::string::npos);
        CHECK(usual.find(part) != std::string::npos);
    }
}

TEST_CASE("only the virtual bench has its badge", "[report][text]")
{
    auto r = servo();
    CHECK_THAT(report::identify_paragraph(r, {}), ContainsSubstring("VIRTUAL BENCH"));
    for (const auto source : {procedure::Source::device, procedure::Source::captures}) {
        r.quality.source = source;
        CHECK(report::identify_text(r, {}).find("VIRTUAL BENCH") == std::string::npos);
        CHECK(report::identify_paragraph(r, {}).find("VIRTUAL BENCH") == std::string::npos);
    }
}

TEST_CASE("what stays open is said, with the step that would settle it", "[report][text]")
{
    auto r = servo();
    r.verdict.outcome = Outcome::inconclusive;
    r.verdict.topology.reset();
    r.verdict.alternatives = {{Topology::transformer, 0.62}, {Topology::cross_coupled, 0.3}};
    r.verdict.next_step = NextStep{"lifted", "Measure with pin 3 lifted"};
    r.verdict.legs = {};
    r.verdict.odd = "nothing fits";
    r.stopped_early = "the device went away";
    r.notes = {"one line was skipped"};
    const auto text = report::identify_text(r, {});
    for (const auto* part : {"inconclusive", "62.0 %", "30.0 %", "Measure with pin 3 lifted.", "nothing fits.", "the device went away.", "one line was skipped."}) {
        CAPTURE(part, text);
        CHECK(text.find(part) != std::string::npos);
    }
    CHECK_THAT(report::identify_paragraph(r, {.width = 200}), ContainsSubstring("Measure with pin 3 lifted."));
    r.verdict.outcome = Outcome::no_signal;
    r.verdict.next_step.reset();
    CHECK_THAT(report::identify_text(r, {}), ContainsSubstring("no signal"));
    r.verdict.outcome = Outcome::single_ended;
    CHECK_THAT(report::identify_text(r, {}), ContainsSubstring("single-ended") && ContainsSubstring("pin 3 is silent"));
    r.verdict.pin3_hot = true;
    CHECK_THAT(report::identify_text(r, {}), ContainsSubstring("pin 2 is silent") && !ContainsSubstring("pin 3 is silent"));
    r.verdict.pin3_hot = false;
}

TEST_CASE("JSON holds exactly what the schema names", "[report][json]")
{
    const auto j = json::parse(report::identify_json(servo()));
    CHECK(j["schema"] == "lowleg.identify/1");
    CHECK(j["verdict"] == "cross-coupled");
    CHECK(j["probability"] == 0.9971234567890123);
    CHECK(j["variant"].is_null());
    CHECK(j["pin3_hot"] == false);
    CHECK(j["polarity"] == "normal");
    CHECK(j["probe"] == true);
    CHECK(j["odd"].is_null());
    CHECK(j["alternatives"] == json::parse(R"([{"topology": "transformer", "probability": 0.0028}])"));
    CHECK(j["evidence"].size() == 3);
    CHECK(j["evidence"][1]["frequency_hz"] == 990.0);
    CHECK(j["evidence"][2]["frequency_hz"].is_null());
    CHECK(j["evidence"][2]["value"] == -1.28);
    CHECK(j["legs"]["pin2_ohm"] == 1613.0);
    CHECK(j["legs"]["imbalance_ohm"] == 0.5);
    CHECK(j["legs"]["status"] == "measured");
    const auto& t = j["two_port"][0];
    CHECK(t["e2"] == json::parse("[0.1, -0.0]"));
    CHECK(t["e3"].is_null());
    CHECK(t["z22"][1].is_null());  // ∞ has no number in JSON
    CHECK(t["z33"][0] == 1.0 / 3.0);
    CHECK(t["status"]["z33"] == "assumed");
    CHECK(t["status"]["z23"] == "unknown");
    CHECK(j["advice"]["unbalanced_input"] == "ground-pin-3");
    CHECK(j["advice"]["level_change_db"] == -0.07);
    CHECK(j["advice"]["level_status"] == "assumed");
    CHECK(j["advice"]["maximum_dbu"]["balanced"].is_null());
    CHECK(j["advice"]["loses"].is_array());
    CHECK(j["advice"]["cables"]["unbalanced_input"] == j["advice"]["cable"]);
    CHECK(j["evidence"][0]["status"] == "measured");
    CHECK(j["why"] == "Pin 2 rose, and fell flat: a servo");
    CHECK(j["fixture"]["rin_ohm"] == json::parse("[10000.0, 10000.0]"));
    CHECK(j["load_points"].is_array());
    CHECK(j["next_step"].is_null());
    CHECK(j["quality"]["states"] == json::parse(R"(["through", "lifted"])"));
    CHECK(j["quality"]["hum_dbfs"].is_null());
    CHECK(j["quality"]["source"] == "virtual-bench");
    CHECK(j["quality"]["wrong_move"].is_null());

    auto r = servo();
    r.wrong_move = procedure::FoundMove{procedure::WrongMove::muted, "neither leg carries the drive", false};
    r.verdict.legs = {};
    r.verdict.variant = Variant::pin3_not_connected;
    r.verdict.next_step = NextStep{"probe", "Fit the probe."};
    r.quality.hum = Dbfs{-82.1};
    const auto k = json::parse(report::identify_json(r));
    CHECK(k["legs"]["pin2_ohm"].is_null());
    CHECK(k["legs"]["status"] == "unknown");
    CHECK(k["variant"] == "pin-3-not-connected");
    CHECK(k["next_step"]["id"] == "probe");
    CHECK(k["quality"]["hum_dbfs"] == -82.1);
    CHECK(k["quality"]["wrong_move"] == json::parse(R"({"id": "muted", "text": "neither leg carries the drive"})"));
    CHECK(k["headroom"] == json::array());

    r.headroom.push_back({.state = SwitchState::grounded,
                          .maximum = {.pin2 = Dbfs{-2.75}, .is_reached = true},
                          .end = procedure::HeadroomEnd::distortion,
                          .frequency = Hertz{1000.0},
                          .resolution = GainDb{0.25}});
    const auto h = json::parse(report::identify_json(r))["headroom"];
    CHECK(h == json::parse(R"([{"state": "grounded", "pin2_dbfs": -2.75, "reached": true, "ended_by": "distortion"}])"));

    const std::array two{servo(), r};
    const auto all = json::parse(report::identify_all_json(two));
    CHECK(all["schema"] == "lowleg.identify-all/1");
    REQUIRE(all["results"].size() == 2);
    CHECK(all["results"][0]["name"] == "cross-coupled");
    CHECK(all["results"][1]["schema"] == "lowleg.identify/1");
}

TEST_CASE("a decimal comma in the locale changes nothing", "[report]")
{
    const auto text = report::identify_text(servo(), {});
    const auto as_json = report::identify_json(servo());
    const char* found = nullptr;
    for (const auto* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"})
        if (found == nullptr) found = std::setlocale(LC_ALL, name);
    if (found == nullptr) SKIP("no locale with a decimal comma is installed");
    CHECK(report::identify_text(servo(), {}) == text);
    CHECK(report::identify_json(servo()) == as_json);
    std::setlocale(LC_ALL, "C");
}
