#include "report/predict_json.h"
#include "report/predict_text.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace lowleg;
using namespace lowleg::topology;
using nlohmann::json;

namespace {

PredictedLevel level(double db, double least, double most) { return {GainDb{db}, GainDb{least}, GainDb{most}}; }

procedure::Prediction servo_into_600()
{
    procedure::Prediction p;
    p.verdict = "cross-coupled";
    p.probability = 0.998;
    p.is_virtual_bench = true;
    p.input.resistance = Ohms{600.0};
    p.input.capacitance = Farads{10e-9};
    p.levels.push_back({Hertz{22.0}, level(-0.61, -0.63, -0.59), level(-0.6, -0.62, -0.58), level(-0.62, -0.64, -0.6), EntryStatus::measured});
    p.levels.push_back({Hertz{5000.0}, level(-2.0, -6.1, 0.0), level(-2.0, -6.1, 0.0), std::nullopt, EntryStatus::assumed});
    p.levels.push_back({Hertz{9000.0}, std::nullopt, std::nullopt, std::nullopt, EntryStatus::unknown});
    p.at_1khz = p.levels.front();
    p.at_1khz.frequency = Hertz{1000.0};
    p.costs = {"Nothing can be said at 1 of 3 frequencies."};
    return p;
}

}  // namespace

TEST_CASE("predicted levels are read at a glance", "[report][predict]")
{
    const auto text = report::predict_text(servo_into_600(), {.width = 120});
    for (const auto* part : {"VIRTUAL BENCH", "cross-coupled output (servo), 99.8 %", "balanced, 600 Ω and 10 nF from each leg to ground", "10 kΩ per leg, with the probe resistors of 10 kΩ",
                             "−0.61 ± 0.02 dB", "−6.1 … 0.0 dB", "Nothing can be said at 1 of 3 frequencies."}) {
        CAPTURE(part, text);
        CHECK(text.find(part) != std::string::npos);
    }
    auto p = servo_into_600();
    p.pin3 = FarEnd::Pin3::grounded;
    CHECK(report::predict_text(p, {.width = 120}).find("pin 3 on ground as advised") != std::string::npos);
    p.is_virtual_bench = false;
    CHECK(report::predict_text(p, {}).find("VIRTUAL") == std::string::npos);
}

TEST_CASE("predicted levels as JSON", "[report][predict][json]")
{
    const auto j = json::parse(report::predict_json(servo_into_600()));
    CHECK(j["schema"] == "lowleg.predict/1");
    CHECK(j["verdict"] == "cross-coupled");
    CHECK(j["load"] == json::parse(R"({"kind": "balanced", "ohm": 600.0, "farad": 1e-8, "pin3": "loaded"})"));
    CHECK(j["reference"]["state"] == "through");
    CHECK(j["levels"].size() == 3);
    CHECK(j["levels"][0]["input"]["db"] == -0.61);
    CHECK(j["levels"][0]["status"] == "measured");
    CHECK(j["levels"][1]["pin3"].is_null());
    CHECK(j["levels"][1]["input"]["least_db"] == -6.1);
    CHECK(j["levels"][2]["input"].is_null());
    CHECK(j["levels"][2]["status"] == "unknown");
    CHECK(j["at_1khz"]["frequency_hz"] == 1000.0);
    CHECK(j["costs"].size() == 1);
    CHECK(j["source"] == "virtual-bench");
}
