// Where the program runs: other locales, other time zones, odd paths, no home.

#include "support/process.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace lowleg::test;
using Catch::Matchers::ContainsSubstring;
using namespace std::chrono_literals;

namespace {

std::string text_of(const std::filesystem::path& file)
{
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

Outcome program(std::vector<std::string> words, const Process::Environment& changes)
{
    words.insert(words.begin(), LOWLEG_BINARY);
    return run(words, changes, 120s);
}

}  // namespace

TEST_CASE("a locale with a decimal comma, and another time zone, change no number", "[surroundings]")
{
    const TemporaryFolder folder;
    // Made here: few systems have it.
    const auto made = run({"localedef", "-i", "de_DE", "-f", "UTF-8", (folder.path / "de_DE.UTF-8").string()}, {}, 60s);
    INFO(made.error);
    REQUIRE(made.ending == exited(0));
    const Process::Environment german{{"LOCPATH", folder.path.string()}, {"LC_ALL", "de_DE.UTF-8"}, {"TZ", "Pacific/Kiritimati"}};
    const std::vector<std::string> words{"measure", "distortion", "--bench", "transformer-small", "--tone", "40", "--for", "1", "--json"};
    const auto there = program(words, german);
    const auto here = program(words, {{"LC_ALL", "C"}});
    INFO(there.error << here.error);
    REQUIRE(there.ending == exited(0));
    const auto thd = [](const std::string& text) {
        const auto result = nlohmann::json::parse(text);
        for (const auto& figure : result.at("figures"))
            if (figure.at("name") == "pin2_thd_db") return figure.at("value").get<double>();
        return 0.0;
    };
    CHECK(thd(there.output) < -20.0);
    // Two runs hear different noise.
    CHECK(std::abs(thd(there.output) - thd(here.output)) < 0.1);
    const auto csv = folder.path / "level.csv";
    REQUIRE(program({"measure", "level", "--bench", "inverter", "--for", "1", "--csv", csv.string()}, german).ending == exited(0));
    CHECK_THAT(text_of(csv), ContainsSubstring("pin2_dbfs,-26."));
}

TEST_CASE("paths may hold spaces, quotes and letters of any alphabet", "[surroundings]")
{
    const TemporaryFolder folder;
    const auto odd = folder.path / "mess ung \"ü\" 測定 'x'";
    std::filesystem::create_directory(odd);
    const auto made = program({"measure", "level", "--bench", "inverter", "--for", "1", "--wav", (odd / "wav files").string(), "--csv", (odd / "a b.csv").string(), "--json"}, {});
    INFO(made.error);
    REQUIRE(made.ending == exited(0));
    CHECK_THAT(text_of(odd / "a b.csv"), ContainsSubstring("pin2_dbfs"));
    CHECK(program({"measure", "level", "--captures", (odd / "wav files").string(), "--json"}, {}).ending == exited(0));
}

TEST_CASE("without a home, or with one that cannot be written, measuring goes on and storing says so", "[surroundings]")
{
    const TemporaryFolder folder;
    const Process::Environment homeless{{"HOME", ""}, {"XDG_CONFIG_HOME", ""}, {"APPDATA", ""}};
    CHECK(program({"measure", "level", "--bench", "inverter", "--for", "1"}, homeless).ending == exited(0));
    CHECK(program({"identify", "--bench", "inverter"}, homeless).ending == exited(0));
    const auto shown = program({"calibrate", "show"}, homeless);
    CHECK(shown.ending == exited(1));
    CHECK_THAT(shown.error, ContainsSubstring("HOME"));
    // A file where the folder should be: nobody can write there, whoever he is.
    std::ofstream{folder.path / "home"} << "no folder";
    const auto stored = program({"calibrate", "pair", "--bench", "--folder", (folder.path / "home" / "x").string()}, {});
    CHECK(stored.ending == exited(1));
    CHECK(lines_of(stored.error).size() == 1);
    CHECK_THAT(stored.error, ContainsSubstring("home"));
}
