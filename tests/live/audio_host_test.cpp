// The process that the audio runs in ends, hangs or loses its device, and the measurement lives on; or its parent ends, and it goes, too.

#include "live/host_process.h"
#include "live/program.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

using namespace lowleg::test;
using nlohmann::json;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace std::chrono_literals;

namespace {

constexpr auto bounded = 90s;  // far beyond what anything here takes; a hang is one however slow the machine is

bool comes_true(const std::function<bool()>& condition)
{
    for (const auto deadline = std::chrono::steady_clock::now() + bounded; std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(5ms))
        if (condition()) return true;
    return false;
}

/// Level of the served bench, measured while something happens to it after the first second.
struct Run {
    json result;
    std::string error;
    lowleg::test::Ending ending;
};
Run level_while(const Program& program, const std::function<void(int host)>& something, const Words& more = {"--for", "4"})
{
    std::filesystem::remove(program.scratch() / "through");
    const auto running = program.start(Words{"measure", "level", "--device", "lowleg-bench", "--switch", program.switch_command(), "--json", "--level", "-20"} + more);
    REQUIRE(program.wait_for_state("through"));
    std::this_thread::sleep_for(1500ms);
    const auto host = host_of(running->id());
    REQUIRE(host);
    something(*host);
    const auto ending = running->wait_for(bounded);
    REQUIRE(ending);
    INFO(running->standard_error());
    CHECK_FALSE(is_there(*host));
    return {json::parse(running->standard_output(), nullptr, false), running->standard_error(), *ending};
}

double level_in(const json& result)
{
    for (const auto& figure : result.at("figures"))
        if (figure.at("name") == "pin2_dbfs") return figure.at("value").get<double>();
    return 0.0;
}

void check_went_on(const Run& run)
{
    INFO(run.error);
    REQUIRE(describe(run.ending) == "exit status 0");
    CHECK(lines_of(run.error).size() == 2);
    CHECK_THAT(run.error, ContainsSubstring("it is looked for") && ContainsSubstring("is back"));
    REQUIRE(run.result.is_object());
    // 4 s of signal, whatever was lost; 0.1 dB goes into the output's own resistance.
    CHECK(run.result.at("quality").at("periods") == 8);
    CHECK(run.result.at("quality").at("voided").get<int>() >= 1);
    CHECK_THAT(level_in(run.result), WithinAbs(-20.1, 0.1));
}

}  // namespace

TEST_CASE("an audio host that ends or hangs is replaced, and the measurement goes on", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    const auto signal = GENERATE(SIGKILL, SIGSTOP);
    CAPTURE(signal);
    check_went_on(level_while(program, [&](int host) { ::kill(host, signal); }));
}

TEST_CASE("a verdict begins anew where the audio was lost in the middle of it", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("transformer");
    const auto running = program.start({"identify", "--device", "lowleg-bench", "--switch", program.switch_command(), "--json"});
    REQUIRE(program.wait_for_state("loaded"));
    const auto host = host_of(running->id());
    REQUIRE(host);
    ::kill(*host, SIGKILL);
    const auto ending = running->wait_for(bounded);
    REQUIRE(ending);
    INFO(running->standard_error());
    REQUIRE(describe(*ending) == "exit status 0");
    const auto result = json::parse(running->standard_output(), nullptr, false);
    REQUIRE(result.is_object());
    CHECK(result.at("verdict") == "transformer");
    CHECK_THAT(running->standard_error(), ContainsSubstring("everything is measured again"));
}

TEST_CASE("a JACK server that is killed and started again, and one that stands still for a while", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    auto bench = program.serve("unbalanced");
    SECTION("killed")
    {
        check_went_on(level_while(program,
                                  [&](int) {
                                      server.crash();
                                      bench.reset();
                                      server.restart();
                                      bench = program.serve("unbalanced");
                                  },
                                  {"--for", "4", "--wait", "60"}));
    }
    SECTION("standing still for 2 s is no loss")
    {
        const auto run = level_while(program, [&](int) {
            server.freeze(true);
            std::this_thread::sleep_for(2s);
            server.freeze(false);
        });
        INFO(run.error);
        REQUIRE(describe(run.ending) == "exit status 0");
        CHECK(run.error.empty());
        CHECK(run.result.at("quality").at("periods") == 8);
        CHECK_THAT(level_in(run.result), WithinAbs(-20.1, 0.1));
    }
}

TEST_CASE("a device that goes away behind its audio system is found again", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    auto bench = program.serve("unbalanced");
    // JACK goes on giving zeros in its place.
    check_went_on(level_while(program,
                              [&](int) {
                                  bench->stop();
                                  bench = program.serve("unbalanced");
                              },
                              {"--for", "4", "--wait", "60"}));
}

TEST_CASE("being stopped and continued again and again costs nothing but time", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    const auto running = program.start({"measure", "level", "--device", "lowleg-bench", "--switch", program.switch_command(), "--json", "--level", "-20", "--for", "2"});
    REQUIRE(program.wait_for_state("through"));
    for (int i = 0; i < 20; ++i) {
        running->send_signal(SIGSTOP);  // its host, too
        std::this_thread::sleep_for(50ms);
        running->send_signal(SIGCONT);
        std::this_thread::sleep_for(50ms);
    }
    const auto ending = running->wait_for(bounded);
    REQUIRE(ending);
    INFO(running->standard_error());
    REQUIRE(describe(*ending) == "exit status 0");
    const auto result = json::parse(running->standard_output(), nullptr, false);
    REQUIRE(result.is_object());
    CHECK(result.at("quality").at("periods") == 4);
    CHECK_THAT(level_in(result), WithinAbs(-20.1, 0.1));
}

TEST_CASE("ports that somebody disconnects are connected again", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    check_went_on(level_while(program, [&](int host) {
        const auto client = "lowleg-audio-" + std::to_string(host);
        server.disconnect("lowleg-bench:i2", client + ":in_0");
        server.disconnect("lowleg-bench:i3", client + ":in_1");
    }));
}

TEST_CASE("a rate that the server does not run at is refused with those there are", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server{44'100};
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    const auto refused = program.run({"measure", "level", "--device", "lowleg-bench", "--switch", "true", "--rate", "48000"});
    CHECK(describe(refused.ending) == "exit status 1");
    CHECK(refused.output.empty());
    CHECK(lines_of(refused.error).size() == 1);
    CHECK_THAT(refused.error, ContainsSubstring("does not run at 48000 Hz: choose from 44100 Hz"));
}

TEST_CASE("what was measured is told when a device does not come back", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    // Two periods are whole by then, unless the machine lost time.
    const auto run = level_while(program, [&](int) {
        std::this_thread::sleep_for(1s);
        server.crash();
    }, {"--wait", "0.5", "--for", "100"});
    INFO(run.error);
    REQUIRE(describe(run.ending) == "exit status 4");
    CHECK_THAT(run.error, ContainsSubstring("did not come back within 0.5 s"));
    if (run.result.is_object()) {
        CHECK(run.result.at("quality").at("ending") == "lost");
        CHECK_THAT(level_in(run.result), WithinAbs(-20.1, 0.1));
    }
}

TEST_CASE("a device is tested for what it is fit for", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    const auto bench = program.serve("unbalanced", {"--noise", "-100", "--delay", "480"});
    const auto tested = program.run({"devices", "--test", "lowleg-bench", "--json"});
    INFO(tested.error);
    REQUIRE(describe(tested.ending) == "exit status 0");
    const auto result = json::parse(tested.output, nullptr, false);
    REQUIRE(result.is_object());
    const auto figure = [&](const std::string& name) {
        for (const auto& one : result.at("figures"))
            if (one.at("name") == name) return one.at("value").get<double>();
        return std::nan("");
    };
    // 20 Hz to 20 kHz is what --noise means.
    CHECK_THAT(figure("input1_noise_dbfs"), WithinAbs(-100.0, 0.2));
    CHECK_THAT(figure("input2_noise_dbfs"), WithinAbs(-100.0, 0.2));
    // 10 ms of the converters, and a JACK period of 256 frames there or one there and one back.
    CHECK(figure("round_trip_ms") > 10.0);
    CHECK(figure("round_trip_ms") < 10.0 + 3.0 * 1e3 * 256.0 / 48e3);
    CHECK_THAT(figure("clock_ppm"), WithinAbs(0.0, 0.01));
    CHECK(figure("callback_load_median_percent") > 0.0);
    CHECK(figure("callback_load_worst_percent") >= figure("callback_load_p999_percent"));
    CHECK(result.at("quality").at("signal_s").get<double>() > 5.0);
}

TEST_CASE("an audio host goes when the program goes that it works for", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    const auto running = program.start({"measure", "level", "--device", "lowleg-bench", "--switch", program.switch_command(), "--for", "100"});
    REQUIRE(program.wait_for_state("through"));
    std::this_thread::sleep_for(500ms);
    const auto host = host_of(running->id());
    REQUIRE(host);
    ::kill(running->id(), SIGKILL);  // it alone, not its group
    CHECK(comes_true([&] { return !is_there(*host); }));
    // Nothing of it is left where shared memory lies: names are forgotten as soon as both have it.
    for (const auto& entry : std::filesystem::directory_iterator{"/dev/shm"}) {
        const auto name = entry.path().filename().string();
        CHECK_FALSE((name.starts_with("lowleg-") && name.find("test") == std::string::npos));
    }
}
