#include "report/listings.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

TEST_CASE("devices are listed by their audio system", "[report][devices]")
{
    const std::vector<report::DeviceEntry> devices{{"0", "hw:0", "ALSA", 2, 2, 44'100.0, {44'100.0, 48'000.0}, ""},
                                                   {"3", "DUT (sim)", "JACK", 0, 0, 48'000.0, {}, "its name hides its channels"}};
    const auto text = report::devices_text(devices, {});
    CHECK_THAT(text, ContainsSubstring("ALSA\n") && ContainsSubstring("2 in, 2 out, 44.1 kHz") && ContainsSubstring("takes 44.1 kHz, 48 kHz") &&
                         ContainsSubstring("its name hides its"));
    const auto j = json::parse(report::devices_json(devices));
    CHECK(j["schema"] == "lowleg.devices/1");
    CHECK(j["devices"][0]["id"] == "0");
    CHECK(j["devices"][0]["rates_hz"] == json::parse("[44100.0, 48000.0]"));
    CHECK(j["devices"][0]["remark"].is_null());
    CHECK(j["devices"][1]["name"] == "DUT (sim)");
    CHECK(json::parse(report::devices_json({}))["devices"].empty());
    CHECK_THAT(report::devices_text({}, {}), ContainsSubstring("No audio device"));
}

TEST_CASE("the stimulus is told by its tones", "[report][stimulus]")
{
    const TonePlan plan{48'000.0, 24'000, {{Signal::drive, 11, 0.1, 0.0}, {Signal::probe, 15, 0.1, 0.0}, {Signal::drive, 501, 0.1, 0.0}}};
    const auto j = json::parse(report::stimulus_json(plan));
    CHECK(j == json::parse(R"({"schema": "lowleg.stimulus/1", "sample_rate": 48000.0, "period_frames": 24000, "drive_hz": [22.0, 1002.0], "probe_hz": [30.0]})"));
    CHECK_THAT(report::stimulus_text(plan, "a.wav", 20, {}), ContainsSubstring("20 periods of 0.5 s") && ContainsSubstring("drive, 2 tones"));
    const TonePlan odd{12'345.0, 6'144, {}};  // 0.49769… s
    CHECK_THAT(report::stimulus_text(odd, "a.wav", 20, {}), ContainsSubstring("20 periods of 0.4977 s"));
}

TEST_CASE("a circuit is shown with its steps", "[report][bench]")
{
    report::CircuitReport circuit{"x", "A title", "* A title\nR1 drv p2 47\n", {"line 3 was skipped"}, {}};
    report::CircuitReading at{Hertz{1000.0}, {}};
    at.inputs[SwitchState::through] = {Complex{0.5, 0.0}, Complex{-0.5, 0.0}};
    at.inputs[SwitchState::loaded] = {Complex{0.9, 0.0}, Complex{-0.1, 0.0}};
    at.inputs[SwitchState::grounded] = {Complex{1.0, 0.0}, Complex{}};
    at.inputs[SwitchState::lifted] = {Complex{0.05, 0.0}, Complex{}};
    circuit.readings.push_back(at);
    const auto text = report::bench_show_text(circuit, {});
    // 20·lg(1/0.5) and 20·lg(0.05/0.5).
    CHECK_THAT(text, ContainsSubstring("VIRTUAL BENCH") && ContainsSubstring("R1 drv p2 47") && ContainsSubstring("+6.02 dB") &&
                         ContainsSubstring("−20.00 dB") && ContainsSubstring("180°") && ContainsSubstring("line 3 was skipped"));
    const auto j = json::parse(report::bench_show_json(circuit));
    CHECK(std::abs(j["readings"][0]["ground_step_db"].get<double>() - 6.020599913) < 1e-8);
    CHECK(j["readings"][0]["states"]["lifted"]["i2"] == json::parse("[0.05, 0.0]"));

    // No signal on pin 2: no step can be told.
    circuit.readings[0].inputs[SwitchState::through] = {Complex{}, Complex{1.0, 0.0}};
    CHECK_THAT(report::bench_show_text(circuit, {}), ContainsSubstring("silent"));
    CHECK_NOTHROW(json::parse(report::bench_show_json(circuit)));

    const std::vector<report::CircuitEntry> list{{"a", "First"}, {"longer", "Second"}};
    CHECK_THAT(report::bench_list_text(list, {}), ContainsSubstring("  a       First\n  longer  Second\n"));
    CHECK(json::parse(report::bench_list_json(list))["circuits"][1]["name"] == "longer");
}
