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
