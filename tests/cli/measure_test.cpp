// The face of "measure": what is shown while it runs, how it ends by hand, and what it writes.
#include "cli/run.h"

#include "support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

struct Outcome {
    int status{};
    std::string out;
    std::string err;
};

using Words = std::vector<std::string>;

/// \param stops  told what stands on standard error so far.
Outcome run(Words all, bool on_terminal = false, const std::function<bool(const std::string&)>& stops = {})
{
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const int status = cli::run(std::move(all), {.in = in, .out = out, .err = err, .style = {}, .err_is_terminal = on_terminal, .should_stop = [&] { return stops && stops(err.str()); }});
    return {status, out.str(), err.str()};
}

Outcome measure(const Words& words, bool on_terminal = false, const std::function<bool(const std::string&)>& stops = {})
{
    Words all{"measure"};
    all.insert(all.end(), words.begin(), words.end());
    return run(std::move(all), on_terminal, stops);
}

std::string text_of(const std::filesystem::path& file)
{
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void check_error(const Outcome& outcome, int status, const std::string& part)
{
    CAPTURE(outcome.out, outcome.err);
    CHECK(outcome.status == status);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.starts_with("lowleg: "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
    CHECK_THAT(outcome.err, ContainsSubstring(part));
}

}  // namespace

TEST_CASE("progress is a line on a terminal, which is gone at the end, and nothing elsewhere", "[cli][measure]")
{
    const auto shown = measure({"level", "--bench", "inverter", "--for", "2"}, true);
    REQUIRE(shown.status == 0);
    CHECK_THAT(shown.err, ContainsSubstring("level: 1.0 s, Pin"));
    CHECK(shown.err.ends_with("\r\x1b[K"));
    CHECK(std::ranges::count(shown.err, '\n') == 0);
    const auto piped = measure({"level", "--bench", "inverter", "--for", "2"});
    REQUIRE(piped.status == 0);
    CHECK(piped.err.empty());
}

TEST_CASE("Ctrl-C ends the averaging with the result so far, and with a status of its own", "[cli][measure]")
{
    // Once two periods of half a second have been told.
    const auto stopped = measure({"level", "--bench", "inverter", "--for", "1000", "--json"}, true, [](const std::string& err) { return err.find("1.0 s") != std::string::npos; });
    CAPTURE(stopped.err);
    CHECK(stopped.status == 4);
    const auto j = json::parse(stopped.out);
    CHECK(j.at("quality").at("ending") == "stopped");
    CHECK(j.at("quality").at("periods") == 2);
    CHECK_FALSE(j.at("figures").empty());
    const auto too_early = measure({"level", "--bench", "inverter"}, false, [](const std::string&) { return true; });
    CHECK(too_early.status == 4);
    CHECK(too_early.out.empty());
}

TEST_CASE("a measurement leaves files that are whole, or none", "[cli][measure]")
{
    const test::TemporaryFolder folder;
    const auto csv = (folder.path / "level.csv").string();
    const auto wav = (folder.path / "level").string();
    const auto made = measure({"level", "--bench", "inverter", "--for", "1", "--csv", csv, "--wav", wav, "--json"});
    REQUIRE(made.status == 0);
    CHECK_THAT(text_of(csv), ContainsSubstring("pin2_dbfs,"));
    const auto again = measure({"level", "--captures", wav, "--json"});
    REQUIRE(again.status == 0);
    const auto value = [](const std::string& text) {
        const auto j = json::parse(text);
        for (const auto& one : j.at("figures"))
            if (one.at("name") == "pin2_dbfs") return one.at("value").get<double>();
        return 0.0;
    };
    CHECK(value(again.out) == value(made.out));
    CHECK(value(again.out) < -20.0);

    // Said before anything is measured.
    const auto started = [](const std::string& err) { return !err.empty(); };
    check_error(measure({"level", "--bench", "inverter", "--csv", (folder.path / "none" / "level.csv").string()}, false, started), 1, "none");
    check_error(measure({"level", "--bench", "inverter", "--wav", csv}, false, started), 1, "is a file");
}

TEST_CASE("captures that are none are refused in one line", "[cli][measure]")
{
    const test::TemporaryFolder folder;
    check_error(measure({"level", "--captures", (folder.path / "none").string()}), 1, "there is no such file");
    check_error(measure({"level", "--captures", folder.path.string()}), 1, "no .wav file");
    REQUIRE(measure({"noise", "--bench", "inverter", "--for", "1", "--wav", (folder.path / "noise").string()}).status == 0);
    check_error(measure({"level", "--captures", (folder.path / "noise").string()}), 1, "holds no through.wav");
    check_error(measure({"impedance", "--captures", (folder.path / "noise").string()}), 1, "through.wav");
    check_error(measure({"headroom", "--captures", (folder.path / "noise").string()}), 1, "sine-30.0-below.wav");
    check_error(measure({"level", "--captures", "x", "--bench", "inverter"}), 2, "--captures");
}

TEST_CASE("a rejection is exported whole, or not at all", "[cli][cmrr]")
{
    const test::TemporaryFolder folder;
    const auto csv = (folder.path / "cmrr.csv").string();
    const auto wav = (folder.path / "cmrr").string();
    const auto made = run({"cmrr", "--bench", "receiver-ina134", "--json", "--csv", csv, "--wav", wav});
    REQUIRE(made.status == 0);
    const auto j = json::parse(made.out);
    CHECK(j.at("schema") == "lowleg.cmrr/1");
    for (const auto* key : {"cmrr_iec_db", "worse_leg", "uncertainty_db", "at_floor", "at_hz", "common_db", "leg2_db", "leg3_db", "floor_db", "quality"}) CHECK(j.contains(key));
    for (const auto* at : {"50", "60", "1000", "10000"}) CHECK(j.at("figures").at(at).at("iec_db").is_number());
    CHECK(j.at("curve").size() >= 15);
    // A row of names, one of units, four figures and the curve, all of them as wide.
    std::istringstream lines{text_of(csv)};
    std::string line;
    std::size_t rows = 0, commas = 0;
    while (std::getline(lines, line)) {
        const auto here = static_cast<std::size_t>(std::ranges::count(line, ','));
        if (rows++ == 0) commas = here;
        CHECK(here == commas);
        CHECK(line.ends_with('\r'));
    }
    CHECK(rows == 2 + 4 + j.at("curve").size());
    for (const auto* name : {"separate.wav", "common.wav", "common-leg-2.wav", "common-leg-3.wav"}) CHECK(std::filesystem::exists(folder.path / "cmrr" / name));

    // Inputs that clip: an error, and no file.
    const auto none = (folder.path / "none.csv").string();
    const auto refused = run({"cmrr", "--bench", "receiver-ina134", "--clip", "-30", "--csv", none, "--wav", (folder.path / "none").string()});
    check_error(refused, 1, "clips");
    CHECK_FALSE(std::filesystem::exists(none));
    CHECK_FALSE(std::filesystem::exists(folder.path / "none"));
}
