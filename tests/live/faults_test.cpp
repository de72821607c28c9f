// What goes wrong in a workshop. Each case: the program ends in bounded time, with the right exit status, one line that says
// why, and no result on stdout.

#include "live/program.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <csignal>
#include <thread>

using namespace lowleg::test;
using Catch::Matchers::ContainsSubstring;
using namespace std::chrono_literals;

namespace {

constexpr auto bounded = 60s;  // far beyond what noticing takes; a hang is one however slow the machine is

Words identify(const Program& program)
{
    return {"identify", "--device", "lowleg-bench", "--switch", program.switch_command(), "--json"};
}

/// \param lines  on standard error: of what happened, and why it ended.
void check_refused(const Outcome& outcome, int status, std::size_t lines = 1)
{
    INFO("stdout: " << outcome.output << "\nstderr: " << outcome.error);
    CHECK(describe(outcome.ending) == "exit status " + std::to_string(status));
    CHECK(lines_of(outcome.error).size() == lines);
}

/// How a running measurement ended.
Outcome end_of(Process& measurement)
{
    const auto ending = measurement.wait_for(bounded);
    REQUIRE(ending);
    return {*ending, measurement.standard_output(), measurement.standard_error()};
}

}  // namespace

TEST_CASE("the device goes away while it measures", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("inverter");
    const auto measurement = program.start(identify(program) + Words{"--wait", "1"});
    REQUIRE(program.wait_for_state("through"));
    std::this_thread::sleep_for(700ms);  // into a period
    REQUIRE(measurement->is_running());
    SECTION("the interface is unplugged") { bench->send_signal(SIGKILL); }
    SECTION("the JACK server is killed") { server.crash(); }
    // That it is gone and looked for; that it did not come back.
    check_refused(end_of(*measurement), 4, 2);
}

TEST_CASE("a JACK server that stands still is given up, and that is said", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    server.freeze(true);
    const auto outcome = program.run({"devices"}, bounded);
    server.freeze(false);
    check_refused(outcome, 4);
    CHECK(outcome.output.empty());
    CHECK_THAT(outcome.error, ContainsSubstring("does not answer"));
}

TEST_CASE("the measurement is stopped by hand", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("inverter");
    const auto measurement = program.start(identify(program));
    REQUIRE(program.wait_for_state("through"));
    std::this_thread::sleep_for(700ms);
    REQUIRE(measurement->is_running());
    measurement->send_signal(SIGINT);
    check_refused(end_of(*measurement), 4);
    CHECK(bench->is_running());
}

TEST_CASE("the served bench ends in good order, and when its server goes", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("inverter");
    CHECK(lines_of(bench->standard_output()).size() == 1);
    SECTION("stopped by hand")
    {
        bench->send_signal(SIGINT);
        const auto outcome = end_of(*bench);
        CHECK(describe(outcome.ending) == "exit status 0");
        CHECK(outcome.error.empty());
    }
    SECTION("the JACK server is killed")
    {
        server.crash();
        check_refused(end_of(*bench), 4);
    }
    check_refused(program.run({"bench", "switch", "loaded"}, bounded), 1);
}

TEST_CASE("a switch that does not move is an error, not a verdict", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    const auto bench = program.serve("inverter");
    const auto outcome = program.run({"identify", "--device", "lowleg-bench", "--switch", "false", "--json"});
    check_refused(outcome, 1);
    CHECK(outcome.output.empty());
    CHECK_THAT(outcome.error, ContainsSubstring("false"));
}

TEST_CASE("what is connected wrongly is an error that names it, or stands in the result", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    struct Case { std::string fault; std::string says; };
    const auto [fault, says] = GENERATE(Case{"rp3-open", "Rp3"}, Case{"rp2-open,rp3-open", "neither input hears the probe"}, Case{"feedback", "comes back"},
                                        Case{"same-channel", "the same samples"}, Case{"muted", R"("wrong_move":{"id":"muted")"});
    const auto bench = program.serve("inverter", {"--fault", fault});
    const auto outcome = program.run(identify(program));
    CAPTURE(fault);
    if (fault == "muted") {
        INFO("stderr: " << outcome.error);
        CHECK(describe(outcome.ending) == "exit status 0");
        auto compact = outcome.output;
        std::erase_if(compact, [](char c) { return c == ' ' || c == '\n'; });
        CHECK_THAT(compact, ContainsSubstring(says));
        return;
    }
    check_refused(outcome, 1);
    CHECK(outcome.output.empty());
    CHECK_THAT(outcome.error, ContainsSubstring(says));
}

TEST_CASE("the switch is moved often, from two processes at a time", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("transformer");
    for (int i = 0; i < 10; ++i) {
        const auto one = program.start({"bench", "switch", i % 2 == 0 ? "loaded" : "through"});
        const auto other = program.start({"bench", "switch", i % 2 == 0 ? "lifted" : "grounded"});
        for (auto* asked : {one.get(), other.get()}) {
            const auto outcome = end_of(*asked);
            CHECK(outcome.error.empty());
            CHECK(describe(outcome.ending) == "exit status 0");
        }
    }
    CHECK(bench->is_running());
    check_refused(program.run({"bench", "switch", "sideways"}, bounded), 2);
}
