#include "cli/run.h"

#include "cli/hand_switch.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Outcome {
    int status{};
    std::string out;
    std::string err;
};

Outcome lowleg_run(std::vector<std::string> arguments, bool stop = false)
{
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const int status = cli::run(std::move(arguments), {.in = in, .out = out, .err = err, .style = {}, .should_stop = [stop] { return stop; }});
    return {status, out.str(), err.str()};
}

/// What every error looks like: nothing on stdout, one line on stderr.
void check_error(const Outcome& outcome, int status)
{
    CAPTURE(outcome.out, outcome.err);
    CHECK(outcome.status == status);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.starts_with("lowleg: "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
}

struct Folder {
    fs::path path;
    Folder()
    {
        std::string name = (fs::temp_directory_path() / "lowleg-cli-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Folder()
    {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

}  // namespace

TEST_CASE("help and version are results", "[cli]")
{
    const auto bare = lowleg_run({});
    CHECK(bare.status == 0);
    CHECK(bare.err.empty());
    CHECK_THAT(bare.out, ContainsSubstring("identify") && ContainsSubstring("devices") && ContainsSubstring("stimulus") && ContainsSubstring("bench"));
    CHECK(lowleg_run({"--help"}).out == bare.out);
    CHECK_THAT(lowleg_run({"--version"}).out, ContainsSubstring("lowleg 0.1.0"));
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"devices"}, {"identify"}, {"stimulus"}, {"bench"}, {"bench", "list"}, {"bench", "show"}, {"bench", "serve"}, {"bench", "switch"}}) {
        auto arguments = command;
        arguments.push_back("--help");
        const auto help = lowleg_run(arguments);
        CAPTURE(command, help.out);
        CHECK(help.status == 0);
        CHECK(help.err.empty());
        CHECK_THAT(help.out, ContainsSubstring("Example") && ContainsSubstring("lowleg " + command.front()));
    }
    const auto help = lowleg_run({"identify", "--help"}).out;
    for (const auto* flag : {"--device", "--bench", "--captures", "--switch", "--json", "--rate", "--in", "--out", "--rin", "--cin", "--rg", "--rp",
                             "--rs", "--states", "--periods"})
        CHECK_THAT(help, ContainsSubstring(flag));
}

TEST_CASE("wrong usage is one line and status 2", "[cli]")
{
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"frobnicate"},
             {"window"},
             {"--frobnicate"},
             {"identify", "--frobnicate"},
             {"identify", "stray"},
             {"identify", "--bench"},
             {"identify", "--bench", "transformer", "--device", "0"},
             {"identify", "--bench", "transformer", "--captures", "."},
             {"identify", "--device", "0", "--captures", "."},
             {"identify", "--bench", "transformer", "--switch", "true"},
             {"identify", "--switch", "true"},
             {"identify", "--bench", "transformer", "--in", "1,2"},
             {"identify", "--captures", ".", "--rate", "48000"},
             {"identify", "--bench", "transformer", "--rin", "0"},
             {"identify", "--bench", "transformer", "--rin", "1M"},
             {"identify", "--bench", "transformer", "--rp", "nought"},
             {"identify", "--bench", "transformer", "--states", "loaded"},
             {"identify", "--bench", "transformer", "--states", "through,sideways"},
             {"identify", "--bench", "transformer", "--periods", "1"},
             {"identify", "--bench", "transformer", "--rate", "1"},
             {"stimulus"},
             {"stimulus", "--out"},
             {"stimulus", "--out", "x.wav", "--periods", "0"},
             {"stimulus", "--out", "x.wav", "--periods", "many"},
             {"bench"},
             {"bench", "frobnicate"},
             {"bench", "show"},
             {"bench", "switch"},
             {"bench", "switch", "sideways"},
         }) {
        CAPTURE(arguments);
        check_error(lowleg_run(arguments), cli::ExitStatus::wrong_usage);
    }
    CHECK_THAT(lowleg_run({"frobnicate"}).err, ContainsSubstring("no command \"frobnicate\"") && ContainsSubstring("identify"));
    CHECK_THAT(lowleg_run({"identify", "--bench", "x", "--rin", "0"}).err, ContainsSubstring("1 Ω to 100 MΩ"));
    CHECK_THAT(lowleg_run({"identify", "--bench", "transfromer"}).err, ContainsSubstring("did you mean transformer"));
    CHECK_FALSE(fs::exists("x.wav"));
}

TEST_CASE("what cannot be done is one line and status 1", "[cli]")
{
    const Folder folder;
    check_error(lowleg_run({"bench", "show", "nothing-like-it"}), cli::ExitStatus::error);
    check_error(lowleg_run({"identify", "--bench", "transfromer"}), cli::ExitStatus::error);
    check_error(lowleg_run({"identify", "--bench", (folder.path / "missing.cir").string()}), cli::ExitStatus::error);
    check_error(lowleg_run({"identify", "--captures", (folder.path / "missing").string()}), cli::ExitStatus::error);
    check_error(lowleg_run({"identify", "--captures", folder.path.string(), "--json"}), cli::ExitStatus::error);
    check_error(lowleg_run({"stimulus", "--out", (folder.path / "no" / "x.wav").string()}), cli::ExitStatus::error);
    check_error(lowleg_run({"bench", "switch", "loaded", "--name", "lowleg-no-such-bench"}), cli::ExitStatus::error);
    std::ofstream{folder.path / "broken.cir"} << "* broken\nR1 drv p2\n.end\n";
    check_error(lowleg_run({"identify", "--bench", (folder.path / "broken.cir").string()}), cli::ExitStatus::error);
}

TEST_CASE("a circuit is identified, as text and as JSON", "[cli]")
{
    const auto text = lowleg_run({"identify", "--bench", "inverter"});
    CHECK(text.status == 0);
    CHECK(text.err.empty());
    CHECK_THAT(text.out, ContainsSubstring("VIRTUAL BENCH") && ContainsSubstring("inverter") && ContainsSubstring("Ground step"));
    CHECK(text.out.find('\x1b') == std::string::npos);

    const auto as_json = lowleg_run({"identify", "--bench", "inverter", "--json"});
    CHECK(as_json.status == 0);
    CHECK(as_json.err.empty());
    const auto j = json::parse(as_json.out);
    CHECK(j["schema"] == "lowleg.identify/1");
    CHECK(j["verdict"] == "inverter");
    CHECK(j["quality"]["source"] == "virtual-bench");
}

TEST_CASE("an open verdict has its own status", "[cli]")
{
    // One state tells a floating output from no other.
    const auto open = lowleg_run({"identify", "--bench", "transformer", "--states", "through", "--rp", "none", "--json"});
    CHECK(open.status == cli::ExitStatus::inconclusive);
    const auto j = json::parse(open.out);
    CHECK(j["verdict"] == "inconclusive");
    CHECK(j["next_step"].is_object());
}

TEST_CASE("without a source the whole collection is told", "[cli]")
{
    const auto list = json::parse(lowleg_run({"bench", "list", "--json"}).out);
    const auto all = lowleg_run({"identify", "--json"});
    const auto j = json::parse(all.out);
    CHECK(j["schema"] == "lowleg.identify-all/1");
    REQUIRE(j["results"].size() == list["circuits"].size());
    bool is_open = false;
    for (std::size_t i = 0; i < j["results"].size(); ++i) {
        CHECK(j["results"][i]["name"] == list["circuits"][i]["name"]);
        is_open = is_open || j["results"][i]["verdict"] == "inconclusive";
    }
    CHECK(all.status == (is_open ? cli::ExitStatus::inconclusive : cli::ExitStatus::result));
}

TEST_CASE("a stop is an interruption", "[cli]")
{
    check_error(lowleg_run({"identify", "--bench", "transformer"}, true), cli::ExitStatus::interrupted);
    check_error(lowleg_run({"identify"}, true), cli::ExitStatus::interrupted);
}

TEST_CASE("the stimulus file and its summary agree", "[cli]")
{
    const Folder folder;
    const auto path = (folder.path / "s.wav").string();
    const auto written = lowleg_run({"stimulus", "--out", path, "--rate", "44100", "--periods", "2", "--json"});
    CHECK(written.status == 0);
    const auto j = json::parse(written.out);
    CHECK(j["schema"] == "lowleg.stimulus/1");
    CHECK(j["sample_rate"] == 44100.0);
    const auto frames = j["period_frames"].get<std::uintmax_t>();
    CHECK(frames <= 22'050);
    // Two periods of two channels of four bytes behind a header of less than 256.
    CHECK(fs::file_size(path) >= 2 * frames * 8);
    CHECK(fs::file_size(path) < 2 * frames * 8 + 256);
    CHECK(lowleg_run({"stimulus", "--out", path}).status == 0);
}

TEST_CASE("a circuit is shown", "[cli]")
{
    const auto shown = lowleg_run({"bench", "show", "transformer", "--rin", "1meg", "--rp", "none"});
    CHECK(shown.status == 0);
    CHECK_THAT(shown.out, ContainsSubstring("VIRTUAL BENCH") && ContainsSubstring("drv") && ContainsSubstring("lifted"));
    CHECK(json::parse(lowleg_run({"bench", "show", "transformer", "--json"}).out)["schema"] == "lowleg.bench-show/1");
}

TEST_CASE("the switch is moved by hand, or not at all", "[cli][hand]")
{
    Fixture fixture;
    fixture.rg = Ohms{470.0};
    std::istringstream in{"\n"};
    std::ostringstream err;
    bool stop = false;
    const auto move = cli::hand_switch(in, err, fixture, [&] { return stop; });
    CHECK(move(SwitchState::loaded));
    CHECK_THAT(err.str(), ContainsSubstring("LOADED (pin 3 also to pin 1 through 470 Ω)") && ContainsSubstring("press Enter"));
    CHECK(move(SwitchState::loaded));  // set already: nobody is asked twice
    const auto ended = move(SwitchState::grounded);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().kind == ErrorKind::failure);
    CHECK_THAT(ended.error().message, ContainsSubstring("--switch"));
    stop = true;
    CHECK(move(SwitchState::lifted).error().kind == ErrorKind::interrupted);
    CHECK_THAT(cli::fixture_drawing(fixture), ContainsSubstring("pin 3") && ContainsSubstring("Rp3 10 kΩ"));
    fixture.probe.reset();
    CHECK(cli::fixture_drawing(fixture).find("probe") == std::string::npos);
}
