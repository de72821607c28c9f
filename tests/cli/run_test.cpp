#include "cli/run.h"

#include "cli/hand_switch.h"
#include "support/temporary_folder.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

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

using Folder = test::TemporaryFolder;

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
             {"devices"}, {"identify"}, {"stimulus"}, {"bench"}, {"bench", "list"}, {"bench", "show"}, {"bench", "spread"}, {"bench", "serve"}, {"bench", "switch"}, {"bench", "set"}}) {
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
             {"window", "--bench", "transformer", "--device", "0"},
             {"window", "--rate", "1"},
             {"window", "stray"},
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
             {"stimulus", "--player", "--out", "x.wav", "--periods", "1201"},
             {"identify", "--bench", "inverter", "--player", "--no-drive"},
             {"identify", "--bench", "inverter", "--player", "--rp", "none"},
             {"identify", "--bench", "inverter", "--no-drive", "--rp", "none"},
             {"identify", "--bench", "inverter", "--player", "--headroom"},
             {"identify", "--bench", "inverter", "--no-drive", "--headroom"},
             {"identify", "--bench", "inverter", "--player-clock", "10"},
             {"identify", "--captures", ".", "--player"},
             {"bench"},
             {"bench", "frobnicate"},
             {"bench", "show"},
             {"bench", "switch"},
             {"bench", "switch", "sideways"},
             {"bench", "set"},
             {"bench", "set", "rin"},
             {"bench", "set", "rin=0"},
             {"bench", "set", "rate=48000"},
             {"bench", "set", "rin=1meg", "nonsense=1"},
             {"bench", "spread"},
             {"bench", "spread", "inverter", "--n", "0"},
             {"bench", "spread", "inverter", "--n", "100001"},
             {"bench", "spread", "inverter", "--n", "-5"},
             {"bench", "spread", "inverter", "--n", "many"},
             {"bench", "spread", "inverter", "--seed", "-1"},
             {"bench", "spread", "inverter", "--noise", "-90"},
             {"bench", "show", "inverter", "--noise", "-90"},
             {"bench", "serve", "inverter", "--noise", "1"},
             {"identify", "--bench", "inverter", "--clock", "1001"},
             {"identify", "--device", "0", "--noise", "-90"},
             {"identify", "--device", "0", "--gain-mismatch", "0.1"},
             {"identify", "--captures", ".", "--hum", "-60"},
         }) {
        CAPTURE(arguments);
        check_error(lowleg_run(arguments), cli::ExitStatus::wrong_usage);
    }
    CHECK_THAT(lowleg_run({"frobnicate"}).err, ContainsSubstring("no command \"frobnicate\"") && ContainsSubstring("identify"));
    CHECK_THAT(lowleg_run({"bench", "frobnicate"}).err,
               ContainsSubstring("no command \"bench frobnicate\"") && ContainsSubstring("list, show, spread, serve, switch, set (lowleg bench --help)"));
    CHECK_THAT(lowleg_run({"bench"}).err, ContainsSubstring("\"lowleg bench\" needs a command: use one of list"));
    CHECK_THAT(lowleg_run({"bench", "switch", "sideways"}).err, ContainsSubstring("lifted") && ContainsSubstring("common-leg-3"));
    CHECK_THAT(lowleg_run({"bench", "set", "rin"}).err, ContainsSubstring("KEY=VALUE"));
    CHECK_THAT(lowleg_run({"bench", "set", "nonsense=1"}).err, ContainsSubstring("\"nonsense\"") && ContainsSubstring("rin, cin"));
    CHECK_THAT(lowleg_run({"identify", "--device", "0", "--noise", "-90"}).err, ContainsSubstring("--noise belongs to the simulated interface"));
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
    check_error(lowleg_run({"bench", "switch", "common-leg-2", "--name", "lowleg-no-such-bench"}), cli::ExitStatus::error);
    check_error(lowleg_run({"bench", "set", "rin=1meg", "--name", "lowleg-no-such-bench"}), cli::ExitStatus::error);
    check_error(lowleg_run({"bench", "spread", "nothing-like-it"}), cli::ExitStatus::error);
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

TEST_CASE("without a source every output of the collection is told", "[cli][numbers]")
{
    auto list = json::parse(lowleg_run({"bench", "list", "--json"}).out)["circuits"];
    list.erase(std::remove_if(list.begin(), list.end(), [](const json& circuit) { return circuit["kind"] != "output"; }), list.end());
    const auto all = lowleg_run({"identify", "--states", "through,lifted", "--periods", "2", "--json"});
    const auto j = json::parse(all.out);
    CHECK(j["schema"] == "lowleg.identify-all/1");
    REQUIRE(j["results"].size() == list.size());
    bool is_open = false;
    for (std::size_t i = 0; i < j["results"].size(); ++i) {
        CHECK(j["results"][i]["name"] == list[i]["name"]);
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

TEST_CASE("gear without an input: its file, and what it takes", "[cli]")
{
    const Folder folder;
    const auto path = (folder.path / "player.wav").string();
    const auto written = lowleg_run({"stimulus", "--player", "--out", path, "--rate", "44100", "--periods", "2"});
    CHECK(written.status == 0);
    CHECK_THAT(written.out, ContainsSubstring("1 s at 44100 Hz, 16 bits") && ContainsSubstring("identify --player"));
    // 44 bytes of header, then 2 periods of 22,050 frames of 2 samples of 2 bytes.
    CHECK(fs::file_size(path) == 44 + 2 * 22'050 * 4);
    std::ifstream file{path, std::ios::binary};
    file.seekg(44);
    std::vector<std::int16_t> samples(std::size_t{2} * 2 * 22'050);
    file.read(reinterpret_cast<char*>(samples.data()), static_cast<std::streamsize>(2 * samples.size()));
    bool is_same = true;
    int peak = 0;
    for (std::size_t i = 0; i < samples.size(); i += 2) {
        is_same = is_same && samples[i] == samples[i + 1] && samples[i] == samples[(i + 44'100) % samples.size()];
        peak = std::max(peak, std::abs(static_cast<int>(samples[i])));
    }
    CHECK(is_same);
    // −14 dBFS of a sine's peak, in steps of 2⁻¹⁵.
    CHECK(std::abs(peak - 6538) <= 2);

    const auto help = lowleg_run({"identify", "--help"});
    CHECK_THAT(help.out, ContainsSubstring("--player") && ContainsSubstring("--no-drive") && ContainsSubstring("--player-clock"));
    const auto alone = lowleg_run({"identify", "--bench", "inverter", "--no-drive"});
    CHECK(alone.status == cli::ExitStatus::inconclusive);
    CHECK_THAT(alone.out, ContainsSubstring("by the probe alone") && ContainsSubstring("stimulus --player") && !ContainsSubstring("pin 2 hot"));
    const auto played = lowleg_run({"identify", "--bench", "inverter", "--player", "--player-clock", "80", "--json"});
    CHECK(played.status == 0);
    const auto j = json::parse(played.out);
    CHECK(j["verdict"] == "inverter");
    CHECK(j["quality"]["drive"] == "player");
    CHECK(std::abs(j["quality"]["clock_ppm"].get<double>() + 79.99) < 0.02);
}

TEST_CASE("a circuit is shown", "[cli]")
{
    const auto shown = lowleg_run({"bench", "show", "transformer", "--rin", "1meg", "--rp", "none"});
    CHECK(shown.status == 0);
    CHECK_THAT(shown.out, ContainsSubstring("VIRTUAL BENCH") && ContainsSubstring("drv") && ContainsSubstring("lifted"));
    CHECK(json::parse(lowleg_run({"bench", "show", "transformer", "--json"}).out)["schema"] == "lowleg.bench-show/1");
}

TEST_CASE("receivers and connections are shown, and no outputs to identify", "[cli]")
{
    const Folder folder;
    const auto receiver = (folder.path / "receiver.cir").string();
    std::ofstream{receiver} << "* four resistors\nR1 p3 n 10k\nR2 n out 10k\nR3 p2 p 10k\nR4 p 0 10k\nE1 out 0 p n 1e6\n";
    const auto connection = (folder.path / "connection.cir").string();
    std::ofstream{connection} << "* a line\nR2 drv p2 100\nR3 p3 0 110\nG2 0 p2 noise 0 1m\nG3 0 p3 noise 0 1m\nE1 out 0 p2 p3 1\n";

    const auto shown = json::parse(lowleg_run({"bench", "show", receiver, "--rs", "0", "--json"}).out);
    CHECK(shown["kind"] == "receiver");
    // 10 Ω before 20 kΩ: 20·lg(20.01k/10), to the 20 mΩ of a contact and the 1e6 of the amplifier's gain.
    CHECK(std::abs(shown["readings"][1]["cmrr_leg2_db"].get<double>() - 66.025) < 0.01);
    CHECK(std::abs(shown["input_impedance"][1]["pin3_ohm"][0].get<double>() - 10e3) < 1.0);
    CHECK_THAT(lowleg_run({"bench", "show", connection}).out, ContainsSubstring("rejection"));
    for (const auto& [file, kind] : {std::pair{receiver, "receiver"}, {connection, "connection"}}) {
        const auto refused = lowleg_run({"identify", "--bench", file});
        check_error(refused, cli::ExitStatus::wrong_usage);
        CHECK_THAT(refused.err, ContainsSubstring(std::string{"is a "} + kind) && ContainsSubstring("lowleg bench show"));
    }
}

TEST_CASE("a spread is drawn, the same from the same seed", "[cli]")
{
    const auto table = lowleg_run({"bench", "spread", "inverter", "--n", "50"});
    CHECK(table.status == 0);
    CHECK_THAT(table.out, ContainsSubstring("VIRTUAL BENCH") && ContainsSubstring("50 draws (seed 1)") && ContainsSubstring("ground step") && ContainsSubstring("At 1 kHz"));
    const auto first = lowleg_run({"bench", "spread", "inverter", "--n", "20", "--seed", "9", "--rp", "none", "--json"});
    CHECK(first.status == 0);
    CHECK(lowleg_run({"bench", "spread", "inverter", "--n", "20", "--seed", "9", "--rp", "none", "--json"}).out == first.out);
    const auto j = json::parse(first.out);
    CHECK(j["schema"] == "lowleg.bench-spread/1");
    REQUIRE(j["draws"].size() == 20);
    CHECK(j["draws"][19]["readings"].size() == 5);
    check_error(lowleg_run({"bench", "spread", "inverter"}, true), cli::ExitStatus::interrupted);
}

TEST_CASE("the simulated interface has the faults that it is given", "[cli]")
{
    const auto j = json::parse(lowleg_run({"identify", "--bench", "inverter", "--hum", "-50", "--gain-mismatch", "-0.2", "--json"}).out);
    CHECK(j["verdict"] == "inverter");
    // The fundamental is given, all of it is read: orders k to 10 with 1/k each, 10·lg Σ 1/k² = 1.90 dB more.
    CHECK(std::abs(j["quality"]["hum_dbfs"].get<double>() + 48.1) < 0.1);
}

TEST_CASE("gear that latches up is no gear that is silent", "[cli]")
{
    const Folder folder;
    const auto latching = (folder.path / "latching.cir").string();
    std::ofstream{latching} << "* each leg drives the other, with more than 1\nRin drv 0 10k\nB2 a 0 V=12*tanh((2*v(drv)+1.05*v(p3))/12)\nR2 a p2 50\n"
                               "B3 b 0 V=12*tanh((-2*v(drv)+1.05*v(p2))/12)\nR3 b p3 50\nC2 p2 0 1n\nC3 p3 0 1n\n";
    const auto refused = lowleg_run({"identify", "--bench", latching});
    check_error(refused, cli::ExitStatus::error);
    CHECK_THAT(refused.err, ContainsSubstring("latch"));
    CHECK_THAT(lowleg_run({"bench", "show", latching}).out, ContainsSubstring("Nonlinear") && ContainsSubstring("Note"));
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
