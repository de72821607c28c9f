// The whole chain: program, PortAudio, JACK, the served bench, and back to a verdict.

#include "bench/collection.h"
#include "live/program.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

using namespace lowleg;
using namespace lowleg::test;
using nlohmann::json;
using Catch::Matchers::ContainsSubstring;

namespace {

/// The circuits that stand for their kinds.
constexpr std::array<std::string_view, 6> references{"transformer", "cross-coupled", "inverter", "impedance-balanced", "unbalanced", "dual-unbalanced"};

Words identify(const Program& program, const Words& more = {})
{
    return Words{"identify", "--device", "lowleg-bench", "--switch", program.switch_command(), "--json"} + more;
}

/// The object that a measurement printed, after checking what holds for every good one.
json result_of(const Outcome& outcome)
{
    INFO("stdout: " << outcome.output << "\nstderr: " << outcome.error);
    REQUIRE(describe(outcome.ending) == "exit status 0");
    const auto result = json::parse(outcome.output, nullptr, false);
    REQUIRE(result.is_object());
    CHECK(result.at("schema") == "lowleg.identify/1");
    CHECK(result.at("quality").at("source") == "device");
    CHECK(result.at("quality").at("periods").get<int>() >= 2);
    return result;
}

/// Serves a circuit behind a fixture, identifies it, and says what came out.
/// \param more  for identify alone.
json identify_served(const Program& program, const std::string& circuit, const Words& fixture = {}, const Words& more = {})
{
    const auto bench = program.serve(circuit, fixture);
    const auto result = result_of(program.run(identify(program, fixture + more)));
    CHECK(describe(bench->stop()) == "exit status 0");
    return result;
}

}  // namespace

TEST_CASE("every kind of output is named through an audio device, in freewheel", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    for (const auto circuit : references) {
        INFO("circuit " << circuit);
        const auto truth = bench::stated_topologies(bench::find_circuit(circuit).value().netlist);
        REQUIRE(truth.size() == 1);
        const auto result = identify_served(program, std::string{circuit});
        CHECK(result.at("verdict") == truth.front());
        CHECK(result.at("probability").get<double>() >= 0.9);
        CHECK(result.at("probe") == true);
    }
}

TEST_CASE("circuits are named through an audio device in real time", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    const auto [circuit, rate, period] = GENERATE(table<std::string, int, int>(
        {{"transformer", 48'000, 256}, {"cross-coupled", 44'100, 1024}, {"inverter", 48'000, 128}}));
    JackServer server{rate, period};
    const Program program{server};
    const auto result = identify_served(program, circuit);
    CHECK(result.at("verdict") == circuit);
}

TEST_CASE("without the probe the balanced outputs are named, and the single-ended ones as a family", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    for (const auto& [circuit, verdict] : {std::pair{"transformer", "transformer"}, {"cross-coupled", "cross-coupled"},
                                           {"inverter", "inverter"}, {"dual-unbalanced", "dual-unbalanced"},
                                           {"impedance-balanced", "single-ended"}, {"unbalanced", "single-ended"}}) {
        INFO("circuit " << circuit);
        const auto bench = program.serve(circuit, {"--rp", "none"});
        const auto outcome = program.run(identify(program, {"--rp", "none", "--line-output"}));
        CHECK(describe(bench->stop()) == "exit status 0");
        INFO("stdout: " << outcome.output << "\nstderr: " << outcome.error);
        const auto result = json::parse(outcome.output, nullptr, false);
        REQUIRE(result.is_object());
        CHECK(result.at("probe") == false);
        // To levels a servo and a bled winding without iron are near each other: it is named, or comes first among what is left.
        if (circuit == std::string_view{"cross-coupled"} && result.at("verdict") == "inconclusive") {
            CHECK(describe(outcome.ending) == "exit status 3");
            CHECK(result.at("alternatives").at(0).at("topology") == circuit);
            CHECK(result.at("probability").get<double>() > 0.8);
            continue;
        }
        CHECK(describe(outcome.ending) == "exit status 0");
        CHECK(result.at("verdict") == verdict);
    }
}

TEST_CASE("other rates, periods and fixtures give the same names", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    const auto [rate, period] = GENERATE(table<int, int>({{44'100, 1024}, {96'000, 512}}));
    JackServer server{rate, period};
    server.set_freewheel(true);
    const Program program{server};
    CHECK(identify_served(program, "cross-coupled").at("verdict") == "cross-coupled");
    const Words studio_interface{"--rin", "20k,20.2k", "--cin", "350", "--rg", "1.2k", "--rp", "4.7k,4.7k", "--rs", "75"};
    CHECK(identify_served(program, "transformer", studio_interface).at("verdict") == "transformer");
}

TEST_CASE("what surrounds a served bench is changed by its user while it runs", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    const auto bench = program.serve("inverter");
    CHECK(result_of(program.run(identify(program))).at("quality").at("hum_dbfs").is_null());
    const auto set = program.run({"bench", "set", "hum=-50", "noise=-95", "rin=20k,20k"});
    INFO(set.error);
    REQUIRE(describe(set.ending) == "exit status 0");
    // Orders 1 to 10 with 1/k each: 1.90 dB above the fundamental.
    const auto hum = result_of(program.run(identify(program, {"--rin", "20k"}))).at("quality").at("hum_dbfs").get<double>();
    CHECK(std::abs(hum + 48.1) < 0.1);

    for (const auto& words : {Words{"bench", "set", "rin=0"}, {"bench", "set", "hum=none", "clock=5000"}, {"bench", "set", "delay"}}) {
        const auto refused = program.run(words);
        CHECK(describe(refused.ending) == "exit status 2");
        CHECK(refused.error.starts_with("lowleg: "));
    }
    // All or nothing: the hum is still there.
    CHECK_FALSE(result_of(program.run(identify(program, {"--rin", "20k"}))).at("quality").at("hum_dbfs").is_null());
    CHECK(describe(bench->stop()) == "exit status 0");
}

TEST_CASE("the switch of a served receiver moves between its feeds", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("receiver-ina134");
    for (const auto* feed : {"common", "common-leg-2", "common-leg-3", "separate"}) {
        const auto moved = program.run({"bench", "switch", feed});
        INFO(feed << ": " << moved.error);
        CHECK(describe(moved.ending) == "exit status 0");
    }
    const auto refused = program.run({"bench", "switch", "loaded"});
    CHECK(describe(refused.ending) != "exit status 0");
    CHECK(refused.error.starts_with("lowleg: "));
    CHECK(describe(bench->stop()) == "exit status 0");
}

TEST_CASE("JACK's buffer size changes while the device measures, and the verdict stands", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("inverter");
    const auto measurement = program.start(identify(program));
    // Where the machine loses time, periods are taken again and again before it gets there.
    const bool is_loaded = program.wait_for_state("loaded", std::chrono::seconds{80});
    INFO("stdout: " << measurement->standard_output() << "\nstderr: " << measurement->standard_error());
    REQUIRE(is_loaded);
    std::this_thread::sleep_for(std::chrono::milliseconds{700});  // into a period
    server.set_period(1024);
    const auto ending = measurement->wait_for(std::chrono::seconds{80});
    REQUIRE(ending);
    const auto result = result_of({*ending, measurement->standard_output(), measurement->standard_error()});
    CHECK(result.at("verdict") == "inverter");
}

TEST_CASE("the same DUT is named a second time by a second run on the same bench", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    const auto bench = program.serve("impedance-balanced", {"--name", "desk-2"});
    for (int run = 0; run < 2; ++run) {
        const auto result = result_of(program.run(
            {"identify", "--device", "desk-2", "--switch", program.switch_command("desk-2"), "--json", "--states", "through,loaded,lifted"}));
        CHECK(result.at("verdict") == "impedance-balanced");
        CHECK(result.at("quality").at("states") == json({"through", "loaded", "lifted"}));
    }
}

TEST_CASE("hands-free: one Enter begins, and from then on the program sees by itself what is set", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("cross-coupled");
    // The line ends after one Enter: whatever a word were needed for would be an error.
    const auto measurement = program.start_shell(std::string{"echo | '"} + LOWLEG_BINARY + "' identify --device lowleg-bench --json");
    for (const auto* state : {"loaded", "grounded", "lifted"}) {
        std::string asked{"Now set the switch to "};
        for (const char* c = state; *c != '\0'; ++c) asked += static_cast<char>(*c - 'a' + 'A');
        for (int i = 0; i < 6000 && measurement->is_running() && measurement->standard_error().find(asked) == std::string::npos; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        INFO(measurement->standard_error());
        REQUIRE(measurement->standard_error().find(asked) != std::string::npos);
        REQUIRE(describe(program.run({"bench", "switch", state}).ending) == "exit status 0");
    }
    const auto ending = measurement->wait_for(std::chrono::seconds{60});
    REQUIRE(ending);
    const auto result = result_of({*ending, measurement->standard_output(), measurement->standard_error()});
    CHECK(result.at("verdict") == "cross-coupled");
    CHECK(result.at("quality").at("states") == json({"through", "loaded", "grounded", "lifted"}));
}
