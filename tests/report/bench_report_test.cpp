#include "report/bench_report.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// The line of a text that begins with `name`.
std::string line_of(const std::string& text, const std::string& name)
{
    const auto at = text.find("\n  " + name);
    REQUIRE(at != std::string::npos);
    return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

report::CircuitReport output_report()
{
    report::CircuitReport r;
    r.circuit = {"x", "A title", "output", {"inverter"}};
    r.story = "What it is.\n  a = b\nMore.";
    r.netlist = "* A title\n* What it is.\nR1 drv p2 47\n";
    r.netlist_after_story = "* A title\nR1 drv p2 47\n";
    r.notes = {"line 3 was skipped"};
    report::CircuitReading at{Hertz{1000.0}, {}};
    at.inputs[SwitchState::through] = {Complex{0.5, 0.0}, Complex{-0.5, 0.0}};
    at.inputs[SwitchState::loaded] = {Complex{0.9, 0.0}, Complex{-0.1, 0.0}};
    at.inputs[SwitchState::grounded] = {Complex{1.0, 0.0}, Complex{}};
    at.inputs[SwitchState::lifted] = {Complex{0.05, 0.0}, Complex{}};
    r.readings.push_back(at);
    return r;
}

report::CircuitReport receiver_report()
{
    report::CircuitReport r;
    r.circuit = {"r", "A receiver", "receiver", {}};
    r.netlist = r.netlist_after_story = "* A receiver\n";
    r.figures = {{"gain_db", "gain", "dB"}, {"cmrr_common_db", "CMRR", "dB"}};
    r.figure_readings = {{Hertz{50.0}, {-0.004, 91.25}}, {Hertz{1000.0}, {-6.02, nothing}}};
    r.impedances = {{Hertz{50.0}, {20e3, 0.0}, {10e3, 0.0}, {20e3, 0.0}, {std::numeric_limits<double>::infinity(), 0.0}},
                    {Hertz{1000.0}, {20e3, 0.0}, {0.0, -10e3}, {20e3, 0.0}, {20e3, 0.0}}};
    return r;
}

report::SpreadReport spread_report()
{
    report::SpreadReport r;
    r.circuit = {"s", "A circuit", "output", {"insert"}};
    r.seed = 7;
    r.parts = {{"R1", 47.0, 0.01, true}, {"X1.C2", 1e-9, 0.1, false}};
    r.figures = {{"i2_through_db", "i2 through", "dB"}, {"leg_angle_deg", "leg angle i3/i2", "°"}};
    r.frequencies = {Hertz{20.0}, Hertz{1000.0}};
    r.nominal = {-6.0, 180.0, -6.1, nothing};
    r.scatter = {{2, -6.0, 0.25, -6.2, -6.19, -6.0, -5.81, -5.8}, {2, 180.0, 0.1, 179.9, 179.9, 180.0, 180.1, 180.1},
                 {2, -170.0, 0.0, -170.0, -170.0, -170.0, -170.0, -170.0}, {0, nothing, nothing, nothing, nothing, nothing, nothing, nothing}};
    r.draws = {{"solved", "", {47.1, 1.01e-9}, {-6.2, 179.9, -170.0, nothing}},
               {"unstable", "it latches", {46.9, 0.99e-9}, {}},
               {"solved", "", {47.2, 1.02e-9}, {-5.8, 180.1, -170.0, nothing}},
               {"no-solution", "no sum of them", {46.8, 0.98e-9}, {}}};
    return r;
}

}  // namespace

TEST_CASE("circuits are listed by their kind, whole", "[report][bench]")
{
    const std::string long_title = "A title that is so long that it has to go on in the next line, and in the one after that, too, until it ends";
    const std::vector<report::CircuitEntry> list{
        {"a", "First", "output", {"inverter"}}, {"longer", long_title, "output", {"insert", "unbalanced"}}, {"r", "Third", "receiver", {}}};
    const auto text = report::bench_list_text(list, {});
    CHECK_THAT(text, ContainsSubstring("Outputs of the virtual bench\n  a       First\n  longer  A title") &&
                         ContainsSubstring("\nReceivers of the virtual bench\n  r  Third\n"));
    std::string joined;
    std::ranges::unique_copy(text, std::back_inserter(joined), [](char x, char y) { return (x == ' ' || x == '\n') && (y == ' ' || y == '\n'); });
    std::ranges::replace(joined, '\n', ' ');
    CHECK_THAT(joined, ContainsSubstring(long_title));
    const auto j = json::parse(report::bench_list_json(list));
    CHECK(j["schema"] == "lowleg.bench-list/1");
    CHECK(j["circuits"][1] == json({{"name", "longer"}, {"title", long_title}, {"kind", "output"}, {"topologies", {"insert", "unbalanced"}}}));
    CHECK(j["circuits"][2]["topologies"].empty());
}

TEST_CASE("an output is shown with its story, its netlist and its steps", "[report][bench]")
{
    auto r = output_report();
    const auto text = report::bench_show_text(r, {});
    CHECK_THAT(text, ContainsSubstring("VIRTUAL BENCH") && ContainsSubstring("  What it is.\n    a = b\n  More.\n") &&
                         ContainsSubstring("    * A title\n    R1 drv p2 47\n") && ContainsSubstring("line 3 was skipped"));
    // 20·lg 0.5, 20·lg(0.9/0.5), 20·lg(1/0.5), 20·lg(0.05/0.5).
    const auto row = line_of(text, "1 kHz");
    CHECK_THAT(row, ContainsSubstring("−6.02    −6.02       0.00   180°") && ContainsSubstring("+5.11") && ContainsSubstring("+6.02") && ContainsSubstring("−20.00"));
    CHECK(text.find("onlinear") == std::string::npos);
    CHECK(text.find("Direct current") == std::string::npos);
    for (std::size_t at = 0; at < text.size();) {  // nothing is wider than a terminal
        const auto end = text.find('\n', at);
        CHECK(report::columns(std::string_view{text}.substr(at, end - at)) <= 80);
        at = end + 1;
    }

    const auto j = json::parse(report::bench_show_json(r));
    CHECK(j["schema"] == "lowleg.bench-show/1");
    CHECK(j["kind"] == "output");
    CHECK(j["topologies"] == json({"inverter"}));
    CHECK(j["netlist"] == r.netlist);
    CHECK(j["linear"] == true);
    CHECK(std::abs(j["readings"][0]["ground_step_db"].get<double>() - 6.020599913) < 1e-8);
    CHECK(std::abs(j["readings"][0]["lift_step_db"].get<double>() + 20.0) < 1e-8);
    CHECK(j["readings"][0]["states"]["lifted"]["i2"] == json::parse("[0.05, 0.0]"));
    CHECK(std::abs(j["readings"][0]["leg_angle_deg"].get<double>()) == 180.0);

    // No signal on pin 2: no ratio and no step can be told.
    r.readings[0].inputs[SwitchState::through] = {Complex{}, Complex{1.0, 0.0}};
    CHECK_THAT(report::bench_show_text(r, {}), ContainsSubstring("silent") && ContainsSubstring("–"));
    CHECK(json::parse(report::bench_show_json(r))["readings"][0]["ground_step_db"].is_null());
}

TEST_CASE("what bends and what stands at direct current is said", "[report][bench]")
{
    auto r = output_report();
    r.is_linear = false;
    r.rest_volts = {{"through", {0.0123, -2.5}}};
    const auto text = report::bench_show_text(r, {});
    CHECK_THAT(text, ContainsSubstring("Nonlinear: small-signal readings") && ContainsSubstring("through: pin 2 12.3 mV, input 2 −2.50 V"));
    const auto j = json::parse(report::bench_show_json(r));
    CHECK(j["linear"] == false);
    CHECK(j["rest"][0] == json::parse(R"({"position": "through", "input_1_v": 0.0123, "input_2_v": -2.5})"));
}

TEST_CASE("a receiver is shown with its rejection and its impedances", "[report][bench]")
{
    const auto r = receiver_report();
    const auto text = report::bench_show_text(r, {});
    CHECK_THAT(line_of(text, "gain"), ContainsSubstring(" 0.00") && ContainsSubstring("−6.02"));
    CHECK_THAT(line_of(text, "CMRR"), ContainsSubstring("91.25") && ContainsSubstring("–"));
    CHECK_THAT(line_of(text, "pin 2, pin 3 on ground"), ContainsSubstring("20 kΩ"));
    CHECK_THAT(line_of(text, "pin 3, both driven alike"), ContainsSubstring("none") && ContainsSubstring("20 kΩ"));
    const auto j = json::parse(report::bench_show_json(r));
    CHECK(j["readings"][0] == json::parse(R"({"frequency_hz": 50.0, "gain_db": -0.004, "cmrr_common_db": 91.25})"));
    CHECK(j["readings"][1]["cmrr_common_db"].is_null());
    CHECK(j["input_impedance"][1]["pin3_ohm"] == json::parse("[0.0, -10000.0]"));
    auto connection = r;
    connection.circuit.kind = "connection";
    connection.impedances.clear();
    CHECK_THAT(report::bench_show_text(connection, {}), ContainsSubstring("Rejection") && !ContainsSubstring("Input impedance"));
    CHECK_FALSE(json::parse(report::bench_show_json(connection)).contains("input_impedance"));
}

TEST_CASE("a spread is a table, and what failed is said first", "[report][bench]")
{
    const auto r = spread_report();
    const auto text = report::bench_spread_text(r, {});
    CHECK_THAT(text, ContainsSubstring("4 draws (seed 7) of 2 values, each anywhere within its tolerance: 1 as") && ContainsSubstring("2 draws of 4 without readings") &&
                         ContainsSubstring("1 unstable, the first of them draw 1: it latches") && ContainsSubstring("1 no-solution, the first of them draw 3"));
    CHECK_THAT(text, ContainsSubstring("At 20 Hz, dB") && ContainsSubstring("At 1 kHz, dB"));
    CHECK_THAT(line_of(text, "i2 through"), ContainsSubstring("−6.000    0.250   −6.190   −5.810   −6.200   −5.800"));
    CHECK_THAT(line_of(text, "leg angle i3/i2, °"), ContainsSubstring("180.000"));
    const auto late = text.substr(text.find("At 1 kHz"));
    CHECK_THAT(line_of(late, "i2 through"), ContainsSubstring("silent"));
    CHECK_THAT(line_of(late, "leg angle"), ContainsSubstring("–"));
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        CHECK(report::columns(std::string_view{text}.substr(at, end - at)) <= 80);
        at = end + 1;
    }
}

TEST_CASE("a spread's JSON has every draw on a line of its own", "[report][bench]")
{
    const auto r = spread_report();
    std::ostringstream out;
    report::write_bench_spread_json(out, r);
    const auto j = json::parse(out.str());
    CHECK(j["schema"] == "lowleg.bench-spread/1");
    CHECK(j["n"] == 4);
    CHECK(j["seed"] == 7);
    CHECK(j["solved"] == 2);
    CHECK(j["unstable"] == 1);
    CHECK(j["no_solution"] == 1);
    CHECK(j["tolerances"]["R1"] == json::parse(R"({"nominal": 47.0, "tolerance": 0.01, "stated": true})"));
    CHECK(j["figures"][1] == json::parse(R"({"id": "leg_angle_deg", "words": "leg angle i3/i2", "unit": "°"})"));
    CHECK(j["nominal"][1]["i2_through_db"] == -6.1);
    CHECK(j["nominal"][1]["leg_angle_deg"].is_null());
    CHECK(j["summary"][0]["i2_through_db"]["q95"] == -5.81);
    CHECK(j["summary"][1]["leg_angle_deg"]["count"] == 0);
    REQUIRE(j["draws"].size() == 4);
    CHECK(j["draws"][0]["parts"] == json::parse(R"({"R1": 47.1, "X1.C2": 1.01e-9})"));
    CHECK(j["draws"][0]["readings"][0] == json::parse(R"({"frequency_hz": 20.0, "i2_through_db": -6.2, "leg_angle_deg": 179.9})"));
    CHECK(j["draws"][1]["fate"] == "unstable");
    CHECK(j["draws"][1]["reason"] == "it latches");
    CHECK(j["draws"][1]["parts"]["R1"] == 46.9);
    CHECK(j["draws"][1]["readings"].is_null());
    CHECK_THAT(out.str(), ContainsSubstring("\n    {\"draw\":2,"));
}
