// The prediction against the virtual bench itself: identified on inputs of 10 kΩ, compared at other inputs.
#include "cli/run.h"
#include "support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Outcome { int status{}; std::string out, err; };
Outcome lowleg_run(std::vector<std::string> arguments)
{
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const int status = cli::run(std::move(arguments), {.in = in, .out = out, .err = err, .style = {}, .should_stop = [] { return false; }});
    return {status, out.str(), err.str()};
}

struct Folder : test::TemporaryFolder {
    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const
    {
        std::ofstream{path / name} << text;
        return (path / name).string();
    }
};

std::complex<double> complex_of(const json& j) { return {j[0].get<double>(), j[1].get<double>()}; }

}  // namespace

TEST_CASE("what is predicted for 600 ohm and 2 kohm is what the bench reads there", "[cli][predict]")
{
    const std::string circuit = GENERATE("transformer", "transformer-bifilar", "cross-coupled", "inverter", "transformer-center-tapped", "impedance-balanced", "insert");
    const bool probe = GENERATE(true, false);
    const std::string rp = probe ? "10k" : "none";
    const Folder folder;
    const auto identified = lowleg_run({"identify", "--bench", circuit, "--rp", rp, "--json"});
    const auto result = json::parse(identified.out);
    const auto file = folder.write("result.json", identified.out);
    for (const double rin : {600.0, 2000.0}) {
        const auto there = json::parse(lowleg_run({"identify", "--bench", circuit, "--rp", rp, "--rin", std::to_string(rin), "--json"}).out);
        // The probe resistors stand beside the input there, too; their common node is at 0 V but for the 100 Ω that it comes from (at 600 Ω: a
        // thousandth of the load's current, 0.01 dB of what 100 Ω of source lose).
        const double load = probe ? 1.0 / (1.0 / rin + 1.0 / 10e3) : rin;
        const auto predicted = lowleg_run({"predict", "--from", file, "--load", std::to_string(load) + ",200", "--json"});
        CAPTURE(circuit, probe, rin, predicted.err);
        REQUIRE(predicted.status == 0);
        const auto levels = json::parse(predicted.out)["levels"];
        REQUIRE(levels.size() == result["load_points"].size());
        for (std::size_t i = 0; i < levels.size(); ++i) {
            const auto& before = result["load_points"][i];
            const auto& after = there["load_points"][i];
            const auto taken = [](const json& p) { return std::abs(complex_of(p["v2"]) - complex_of(p["v3"])); };
            const double truth = 20.0 * std::log10(taken(after) / taken(before));
            const auto& input = levels[i]["input"];
            CAPTURE(levels[i].dump(), truth);
            REQUIRE(input.is_object());
            CHECK(input["least_db"].get<double>() <= truth + 0.02);
            CHECK(input["most_db"].get<double>() >= truth - 0.02);
            if (levels[i]["status"] == "measured") CHECK_THAT(input["db"].get<double>(), WithinAbs(truth, 0.05));
            else CHECK_FALSE(json::parse(predicted.out)["costs"].empty());
            // With the probe, all that matters is measured, save where a return takes part of the probe's current.
            if (probe && circuit != "insert") CHECK(levels[i]["status"] == "measured");
        }
    }
}

TEST_CASE("predict says what it cannot use", "[cli][predict]")
{
    const Folder folder;
    const auto fine = folder.write("fine.json", lowleg_run({"identify", "--bench", "inverter", "--json"}).out);
    CHECK(lowleg_run({"predict", "--from", fine, "--load", "10k"}).status == 0);
    CHECK(json::parse(lowleg_run({"predict", "--from", fine, "--load", "10k", "--unbalanced", "--json"}).out)["load"]["pin3"] == "open");
    const auto error = [&](const std::vector<std::string>& arguments, int status, const std::string& why) {
        const auto outcome = lowleg_run(arguments);
        CAPTURE(outcome.out, outcome.err);
        CHECK(outcome.status == status);
        CHECK(outcome.out.empty());
        CHECK(std::ranges::count(outcome.err, '\n') == 1);
        CHECK_THAT(outcome.err, ContainsSubstring(why));
    };
    for (const auto* load : {"0", "nan", "-600", "many", "600,-1n"}) error({"predict", "--from", fine, "--load=" + std::string{load}}, 2, "load");
    error({"predict", "--from", fine}, 2, "--load");
    error({"predict", "--load", "600"}, 2, "--from");
    error({"predict", "--from", (folder.path / "none.json").string(), "--load", "600"}, 1, "none.json");
    error({"predict", "--from", folder.path.string(), "--load", "600"}, 1, "folder");
    error({"predict", "--from", folder.write("text.json", "hello"), "--load", "600"}, 1, "no JSON");
    error({"predict", "--from", folder.write("other.json", R"({"schema": "lowleg.stimulus/1"})"), "--load", "600"}, 1, "lowleg.stimulus/1");
    CHECK_THAT(lowleg_run({"predict", "--help"}).out, ContainsSubstring("Examples"));
}
