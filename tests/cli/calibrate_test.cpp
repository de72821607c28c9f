// What is stored of a calibration, and what is not, as users see it: the simulated interface wired to itself.
#include "cli/run.h"
#include "support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

struct Outcome {
    int status{};
    std::string out;
    std::string err;
};

Outcome calibrate(const test::TemporaryFolder& folder, const Words& words)
{
    Words all{"calibrate"};
    all.insert(all.end(), words.begin(), words.end());
    for (const auto* more : {"--bench", "--folder"}) all.emplace_back(more);
    all.push_back((folder.path / "store").string());
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const int status = cli::run(std::move(all), {.in = in, .out = out, .err = err, .style = {}, .err_is_terminal = false, .should_stop = {}});
    return {status, out.str(), err.str()};
}

/// Each file and what is in it.
std::map<std::string, std::string> stored(const test::TemporaryFolder& folder)
{
    std::map<std::string, std::string> out;
    if (!std::filesystem::exists(folder.path / "store")) return out;
    for (const auto& entry : std::filesystem::directory_iterator{folder.path / "store"}) {
        std::ifstream in{entry.path(), std::ios::binary};
        out[entry.path().filename().string()] = {std::istreambuf_iterator<char>{in}, {}};
    }
    return out;
}

// Full scale of the simulated interface is +24 dBu, 12.277 V; −6 dBFS of it are 6.153 V.
const Words good_volts{"output", "--volts", "6.153", "--volts-low", "0.6153"};

}  // namespace

TEST_CASE("what was calibrated is stored as JSON with date and conditions, each step beside the others", "[cli][calibrate]")
{
    const test::TemporaryFolder folder;
    for (const auto& words : {good_volts, Words{"inputs"}}) {
        const auto outcome = calibrate(folder, words);
        INFO(outcome.err);
        REQUIRE(outcome.status == 0);
    }
    const auto files = stored(folder);
    REQUIRE(files.size() == 1);
    const auto c = json::parse(files.begin()->second);
    CHECK(c.at("schema") == "lowleg.calibration/1");
    CHECK(c.at("sample_rate_hz") == 48000.0);
    CHECK(c.at("conditions").size() == 3);  // one output, two inputs
    const auto& volts = c.at("outputs").at(0).at("full_scale_volts");
    CHECK(volts.at("date").get<std::string>().size() == std::string_view{"2026-11-23"}.size());
    // 0 dBu is √0.6 V. The meter may be off by 1 %, and says so.
    const double truth = std::sqrt(0.6) * std::pow(10.0, 24.0 / 20.0);
    CHECK(std::abs(volts.at("value").get<double>() - truth) <= volts.at("uncertainty").get<double>());
    CHECK(volts.at("uncertainty").get<double>() >= 0.01 * 0.99 * truth);
    for (const auto& input : c.at("inputs")) {
        const auto& v = input.at("full_scale_volts");
        CHECK(std::abs(v.at("value").get<double>() - truth) <= v.at("uncertainty").get<double>());
        // What the output is uncertain by, the inputs are at the least.
        CHECK(v.at("uncertainty").get<double>() >= volts.at("uncertainty").get<double>());
    }
}

TEST_CASE("what is no calibration leaves the store as it was", "[cli][calibrate]")
{
    const test::TemporaryFolder folder;
    const bool has_volts = GENERATE(false, true);
    if (has_volts) REQUIRE(calibrate(folder, good_volts).status == 0);
    const auto before = stored(folder);
    CHECK(before.size() == (has_volts ? 1U : 0U));
    const auto refused = [&](const Words& words, const std::string& part) {
        const auto outcome = calibrate(folder, words);
        CAPTURE(words, outcome.out, outcome.err);
        CHECK(outcome.status != 0);
        CHECK(outcome.out.empty());
        CHECK(outcome.err.starts_with("lowleg: "));
        CHECK(std::ranges::count(outcome.err, '\n') == 1);
        CHECK_THAT(outcome.err, ContainsSubstring(part));
        CHECK(stored(folder) == before);
    };
    refused({"output", "--volts", "20", "--volts-low", "2.00"}, "0.2 to 14 V");
    refused({"output", "--volts", "0.0500", "--volts-low", "0.00500"}, "0.2 to 14 V");
    refused({"output", "--volts", "3.000", "--volts-low", "0.2500"}, "do not belong together");
    refused({"output", "--volts", "3.000", "--volts-low", "3.000"}, "does not follow the tone");
    refused({"output", "--volts", "6.153", "--volts-low", "0.6"}, "too coarse");
    refused({"output", "--volts", "-3", "--volts-low", "1"}, "no reading");
    refused({"rin", "--fault", "muted"}, "nothing arrives at input 1");
    refused({"rin", "--fault", "muted", "--hum", "-40"}, "carries only hum");
    refused({"rs", "--clip", "-20"}, "full scale");
    refused({"pair", "--fault", "muted"}, "nothing arrives at input");
    if (has_volts) refused({"inputs", "--fault", "muted"}, "nothing arrives at input 1");
    else refused({"inputs"}, "calibrate output");
}
