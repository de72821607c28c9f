// What is stored of an interface: there and back, found again, and said where it does not fit.
#include "procedure/calibration.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>

using namespace lowleg;
using namespace lowleg::procedure;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;

namespace {

constexpr std::array<std::int32_t, 2> channels{1, 2};
const auto today = *parse_date("2026-11-23");

Calibration example()
{
    Calibration c;
    c.device = "Scarlett 2i2: USB Audio (hw:1,0)";
    c.host_api = "ALSA";
    c.sample_rate_hz = 48'000.0;
    c.setting = "line";
    c.conditions = {"output 1: multimeter, 1 %", "input 1: by loopback"};
    c.inputs[1] = {CalibratedValue{12.2767, 0.13, "2026-11-20"}, CalibratedValue{10'012.5, 40.0, "2026-11-20"}};
    c.inputs[2] = {CalibratedValue{12.0, 0.12, "2026-11-20"}, std::nullopt};
    c.outputs[1] = {CalibratedValue{1.0 / 3.0, 0.1 / 3.0, "2026-11-19"}, CalibratedValue{0.0, 0.2, "2026-11-20"}};
    c.outputs[2] = {std::nullopt, CalibratedValue{102.0, 1.5, "2026-11-20"}};
    c.pairs.push_back({1, 2, {0.21, 0.002, "2026-11-20"}, {-1.25e-6, 2e-8, "2026-11-20"}});
    c.loops.push_back({1, 1, {{Hertz{20.0}, {0.9, 0.1}}, {Hertz{1000.0}, {1.0, 0.0}}, {Hertz{20'000.0}, {0.98, -0.03}}}, {0.0, 0.001, "2026-11-20"}});
    return c;
}

FoundCalibration found(const Calibration& calibration) { return {calibration, {CalibrationUse::Kind::stored, "2026-11-19", "line", false, ""}, today}; }

/// A variable of the environment as it was before, afterwards.
class Variable {
public:
    Variable(const char* name, const char* value) : name_{name}
    {
        if (const char* before = std::getenv(name)) before_ = before;
        value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
    }
    ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("a calibration comes back from its text as it was", "[calibration]")
{
    const auto text = calibration_json(example());
    const auto again = parse_calibration(text);
    REQUIRE(again);
    CHECK(calibration_json(again.value()) == text);  // every digit
    CHECK(again.value().outputs.at(1).full_scale_volts->value == 1.0 / 3.0);
    CHECK(again.value().inputs.at(2).resistance_ohm == std::nullopt);
    CHECK(again.value().loops.front().points.at(2).response == Complex{0.98, -0.03});
    CHECK(again.value().conditions == example().conditions);
}

TEST_CASE("what no calibration can say is refused, with what is wrong", "[calibration]")
{
    const auto refused = [](const std::string& what, const std::string& by, const std::string& says) {
        auto text = calibration_json(example());
        const auto at = text.find(what);
        REQUIRE(at != std::string::npos);
        text.replace(at, what.size(), by);
        const auto parsed = parse_calibration(text);
        INFO(by);
        REQUIRE_FALSE(parsed);
        CHECK_THAT(parsed.error().message, ContainsSubstring(says));
    };
    refused("lowleg.calibration/1", "lowleg.calibration/2", "schema");
    refused("12.2767", "15", "full_scale_volts");
    refused("12.2767", "0.1", "between 0.2 and 14");
    refused("12.2767", "null", "full_scale_volts");
    refused("10012.5", "-5", "resistance_ohm");
    refused("0.13", "-0.13", "uncertainty");
    refused("2026-11-20", "2026-02-30", "no date");
    refused("2026-11-20", "yesterday", "no date");
    refused("\"channel\": 1", "\"channel\": 1.5", "no channel");
    refused("\"channel\": 1", "\"channel\": 2", "twice");
    refused("\"second\": 2", "\"second\": 1", "one channel");
    refused("\"frequency_hz\": 1000", "\"frequency_hz\": 10", "ascend");
    refused("\"pairs\"", "\"pears\"", "pairs");
    refused("48000.0", "\"fast\"", "sample_rate_hz");
    CHECK_FALSE(parse_calibration(""));
    CHECK_FALSE(parse_calibration("[]"));
    CHECK_FALSE(parse_calibration("{}"));
    CHECK_FALSE(parse_calibration(calibration_json(example()).substr(0, 400)));
}

TEST_CASE("every device, rate and setting has a file of its own, whatever the names", "[calibration]")
{
    const std::string longer(250, 'x');
    const std::string names[] = {"", "a", "A", "_a", "%41", "a~b", "a/b", "../../a", "a\\b", "CON", "ü", "a b", "a.b", ".", longer, longer + "y", "hw:1,0", std::string("a\0b", 3)};
    std::set<std::string> seen;
    std::size_t count = 0;
    for (const auto& device : names)
        for (const auto& other : names)
            for (const auto rate : {44'100.0, 48'000.0, 44'100.5}) {
                const auto path = calibration_path("/folder", device, "ALSA", rate, other);
                CHECK(path.parent_path() == "/folder");
                CHECK(path.filename().string().size() <= 255);
                // What differs in case alone would be one file where the file system does not tell them apart.
                for (const char c : path.filename().string()) CHECK_FALSE((c >= 'A' && c <= 'Z'));
                seen.insert(path.string());
                ++count;
            }
    CHECK(seen.size() == count);
    CHECK(calibration_path("/f", "a~b", "c", 1e3, "") != calibration_path("/f", "a", "b~c", 1e3, ""));
}

TEST_CASE("a calibration is found again, for this device, rate and setting alone", "[calibration]")
{
    const test::TemporaryFolder folder;
    const auto at = folder.path / "not" / "yet" / "there";
    REQUIRE(store_calibration(at, example()));
    const auto search = [&](const char* device, double rate, const char* setting, std::chrono::sys_days day = today) {
        auto result = find_calibration(at, device, "ALSA", rate, setting, day);
        REQUIRE(result);
        return std::move(result).value();
    };
    const auto* name = "Scarlett 2i2: USB Audio (hw:1,0)";

    const auto exact = search(name, 48'000.0, "line");
    REQUIRE(exact.calibration);
    CHECK(exact.use.kind == CalibrationUse::Kind::stored);
    CHECK(exact.use.date == "2026-11-19");  // the oldest part
    CHECK(exact.use.setting == "line");
    CHECK_FALSE(exact.use.is_stale);
    CHECK(exact.use.says.empty());

    for (const auto& other : {search(name, 48'000.0, ""), search(name, 48'000.0, "mic"), search(name, 96'000.0, "line")}) {
        CHECK_FALSE(other.calibration);
        CHECK(other.use.kind == CalibrationUse::Kind::none);
        CHECK_THAT(other.use.says, ContainsSubstring("setting \"line\" at 48000 Hz of 2026-11-19"));
        CHECK_THAT(other.use.says, ContainsSubstring("no volts"));
        CHECK_FALSE(scales_of(other, channels, channels).input_volts[0]);
    }
    CHECK_THAT(search("Scarlett 2i2: USB Audio (hw:2,0)", 48'000.0, "line").use.says, ContainsSubstring("plugged in elsewhere"));
    const auto none = search("another device", 48'000.0, "line");
    CHECK_FALSE(none.calibration);
    CHECK(none.use.says.empty());

    // 90 days are not yet more than 90 days.
    CHECK_FALSE(search(name, 48'000.0, "line", *parse_date("2027-02-17")).use.is_stale);
    const auto stale = search(name, 48'000.0, "line", *parse_date("2027-02-18"));
    CHECK(stale.use.is_stale);
    CHECK(stale.calibration);
    CHECK_THAT(stale.use.says, ContainsSubstring("91 days"));
}

TEST_CASE("a damaged file is an error that names it, never silently none", "[calibration]")
{
    const test::TemporaryFolder folder;
    REQUIRE(store_calibration(folder.path, example()));
    const auto& c = example();
    const auto path = calibration_path(folder.path, c.device, c.host_api, c.sample_rate_hz, c.setting);
    REQUIRE(std::filesystem::exists(path));
    for (const std::string damage : {"", "{", "{\"schema\": \"lowleg.calibration/1\"}", "\xff\xfe"}) {
        std::ofstream{path, std::ios::trunc} << damage;
        const auto result = find_calibration(folder.path, c.device, c.host_api, c.sample_rate_hz, c.setting, today);
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, ContainsSubstring(path.string()));
    }
    // A file that was copied to where another belongs.
    auto other = c;
    other.setting = "mic";
    std::ofstream{path, std::ios::trunc} << calibration_json(other);
    const auto copied = find_calibration(folder.path, c.device, c.host_api, c.sample_rate_hz, c.setting, today);
    REQUIRE_FALSE(copied);
    CHECK_THAT(copied.error().message, ContainsSubstring("mic"));
}

TEST_CASE("what could not be read again is not stored, and what stood there stays", "[calibration]")
{
    const test::TemporaryFolder folder;
    REQUIRE(store_calibration(folder.path, example()));
    auto bad = example();
    bad.inputs[1].full_scale_volts->value = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(store_calibration(folder.path, bad));
    bad = example();
    bad.inputs[1].full_scale_volts->value = 20.0;
    CHECK_FALSE(store_calibration(folder.path, bad));
    const auto c = example();
    const auto stored = load_calibration(folder.path, c.device, c.host_api, c.sample_rate_hz, c.setting);
    REQUIRE(stored);
    REQUIRE(stored.value());
    CHECK(calibration_json(*stored.value()) == calibration_json(c));
    CHECK(list_calibrations(folder.path).size() == 1);
    CHECK(list_calibrations(folder.path / "missing").empty());
    std::ofstream{folder.path / "file"} << "";
    CHECK_FALSE(store_calibration(folder.path / "file", c));
}

TEST_CASE("the folder follows XDG_CONFIG_HOME, HOME, APPDATA", "[calibration]")
{
    const Variable data{"APPDATA", "/data"};
    {
        const Variable config{"XDG_CONFIG_HOME", "/config"};
        const Variable home{"HOME", "/home/me"};
        CHECK(calibration_folder().value() == "/config/lowleg/calibration");
    }
    const Variable config{"XDG_CONFIG_HOME", ""};
    {
        const Variable home{"HOME", "/home/me"};
        CHECK(calibration_folder().value() == "/home/me/.config/lowleg/calibration");
    }
    const Variable home{"HOME", nullptr};
    CHECK(calibration_folder().value() == "/data/lowleg/calibration");
    const Variable no_data{"APPDATA", nullptr};
    CHECK_FALSE(calibration_folder());
}

TEST_CASE("a measurement gets what its channels have", "[calibration]")
{
    const auto scales = scales_of(found(example()), channels, channels);
    CHECK(scales.input_volts[0]->value == 12.2767);
    CHECK(scales.input_volts[1]->value == 12.0);
    CHECK(scales.output_volts[0]->value == 1.0 / 3.0);
    CHECK_FALSE(scales.output_volts[1]);
    CHECK(scales.gain_ratio_db->value == 0.21);
    CHECK(scales.gain_delay_s->value == -1.25e-6);
    CHECK(scales.loops[0]);
    CHECK_FALSE(scales.loops[1]);
    CHECK(scales.use.says.empty());
    CHECK_FALSE(scales.rin_95);  // input 2's is not known
    CHECK_THAT(*scales.rs_95, WithinRel(1.5 / 102.0, 1e-12));

    // Exchanged, the pair is the reverse.
    const auto exchanged = scales_of(found(example()), {2, 1}, {2, 1});
    CHECK(exchanged.input_volts[0]->value == 12.0);
    CHECK(exchanged.gain_ratio_db->value == -0.21);
    CHECK(exchanged.gain_delay_s->value == 1.25e-6);

    const auto elsewhere = scales_of(found(example()), {3, 1}, channels);
    CHECK_FALSE(elsewhere.input_volts[0]);
    CHECK_FALSE(elsewhere.gain_ratio_db);
    CHECK_THAT(elsewhere.use.says, ContainsSubstring("input 3 has no volts"));

    const auto nothing = scales_of({{}, {}, today}, channels, channels);
    CHECK_FALSE(nothing.input_volts[0]);
    CHECK(nothing.use.kind == CalibrationUse::Kind::none);
}

TEST_CASE("what follows from the rest is derived, with both uncertainties", "[calibration]")
{
    // Input 2 has 0.21 dB more gain: full scale there is as much less.
    auto c = example();
    c.inputs.erase(2);
    const double ratio = std::pow(10.0, 0.21 / 20.0);
    const auto second = scales_of(found(c), channels, channels).input_volts[1];
    REQUIRE(second);
    CHECK_THAT(second->value, WithinRel(12.2767 / ratio, 1e-12));
    CHECK_THAT(second->uncertainty / second->value, WithinRel(std::hypot(0.13 / 12.2767, 0.002 * std::log(10.0) / 20.0), 1e-9));
    CHECK(second->date == "2026-11-20");

    c = example();
    c.pairs.clear();
    const auto gain = scales_of(found(c), channels, channels).gain_ratio_db;
    REQUIRE(gain);
    CHECK_THAT(gain->value, WithinRel(20.0 * std::log10(12.2767 / 12.0), 1e-9));
    CHECK(gain->uncertainty > 0.1);  // of two multimeter readings of 1 %
}

TEST_CASE("the fixture takes what is calibrated, but keeps what its user gave", "[calibration]")
{
    auto c = example();
    c.inputs[2].resistance_ohm = CalibratedValue{20e3, 10.0, "2026-11-20"};
    const auto all = calibrated_fixture({}, found(c), channels, channels, {});
    CHECK(all.rin2 == Ohms{10'012.5});
    CHECK(all.rin3 == Ohms{20e3});
    CHECK(all.rs == Ohms{102.0});  // of output 2, which probes
    CHECK_THAT(all.gain_ratio, WithinRel(std::pow(10.0, 0.21 / 20.0), 1e-12));
    CHECK(all.check());
    const auto kept = calibrated_fixture({}, found(c), channels, channels, {"rin", "rs", "gain-ratio"});
    CHECK(kept.rin2 == Fixture{}.rin2);
    CHECK(kept.rs == Fixture{}.rs);
    CHECK(kept.gain_ratio == 1.0);
    CHECK(calibrated_fixture({}, {{}, {}, today}, channels, channels, {}).rin2 == Fixture{}.rin2);
}

TEST_CASE("the loop's response is a line between its points and goes on at its ends", "[calibration]")
{
    const auto loop = example().loops.front();
    CHECK(response_at(loop, Hertz{5.0}) == Complex{0.9, 0.1});
    CHECK(response_at(loop, Hertz{20.0}) == Complex{0.9, 0.1});
    CHECK(response_at(loop, Hertz{40'000.0}) == Complex{0.98, -0.03});
    const auto middle = response_at(loop, Hertz{std::sqrt(20.0 * 1000.0)});  // half way on a logarithmic axis
    CHECK(std::abs(middle - Complex{0.95, 0.05}) < 1e-12);
}

TEST_CASE("dates are days of the calendar", "[calibration]")
{
    CHECK(date_text(*parse_date("2028-02-29")) == "2028-02-29");
    for (const auto* wrong : {"", "2026-2-3", "2027-02-29", "2026-13-01", "2026-00-10", "2026-11-23T", "20261123", "2026-11-+3"}) CHECK_FALSE(parse_date(wrong));
}
