// Single measurements through PortAudio and JACK, to the end and stopped by hand.

#include "live/program.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

using namespace lowleg::test;
using nlohmann::json;
using Catch::Matchers::WithinAbs;
using namespace std::chrono_literals;

namespace {

Words measure(const Program& program, const std::string& kind, const Words& more = {})
{
    return Words{"measure", kind, "--device", "lowleg-bench", "--switch", program.switch_command(), "--json"} + more;
}

json measurement_in(const Outcome& outcome, int status, const std::string& calibration = "none")
{
    INFO("stdout: " << outcome.output << "\nstderr: " << outcome.error);
    REQUIRE(describe(outcome.ending) == "exit status " + std::to_string(status));
    CHECK(outcome.error.empty());  // which is no terminal: no progress is shown
    auto result = json::parse(outcome.output, nullptr, false);
    REQUIRE(result.is_object());
    CHECK(result.at("schema") == "lowleg.measure/1");
    CHECK(result.at("quality").at("source") == "device");
    CHECK(result.at("calibration").at("kind") == calibration);
    return result;
}

json figure(const json& measurement, const std::string& name)
{
    const auto& figures = measurement.at("figures");
    const auto found = std::ranges::find_if(figures, [&](const json& one) { return one.at("name") == name; });
    INFO("figure " << name);
    REQUIRE(found != figures.end());
    return *found;
}

}  // namespace

TEST_CASE("a level that is stopped by hand is told as far as it is known", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    // Two periods take 1 s; where the machine loses time they are taken again and again, and a second attempt has more.
    json level;
    for (const auto patience : {5s, 40s}) {
        std::filesystem::remove(program.scratch() / "through");
        const auto running = program.start(measure(program, "level", {"--level", "-20", "--for", "100"}));
        REQUIRE(program.wait_for_state("through"));
        std::this_thread::sleep_for(patience);
        running->send_signal(SIGINT);
        const auto ending = running->wait_for(60s);
        REQUIRE(ending);
        if (running->standard_output().empty() && patience == 5s) continue;
        level = measurement_in({*ending, running->standard_output(), running->standard_error()}, 4);
        break;
    }
    CHECK(level.at("quality").at("ending") == "stopped");
    CHECK(level.at("quality").at("periods").get<int>() >= 2);
    // 75 Ω of the output and 10 kΩ of the input, beside the probe resistor, take 0.1 dB.
    CHECK_THAT(figure(level, "pin2_dbfs").at("value").get<double>(), WithinAbs(-20.1, 0.15));
    CHECK(describe(bench->stop()) == "exit status 0");
}

TEST_CASE("distortion through a device, and the same again from what it captured", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    const auto bench = program.serve("transformer-small");
    const auto folder = (program.scratch() / "captures").string();
    const auto live = measurement_in(program.run(measure(program, "distortion", {"--tone", "40", "--level", "-6", "--for", "2", "--wav", folder})), 0);
    CHECK(describe(bench->stop()) == "exit status 0");
    // Iron at 40 Hz and +18 dBu: far above what the chain of converters adds.
    const auto thd = figure(live, "pin2_thd_db");
    CHECK(thd.at("value").get<double>() > -70.0);
    const auto again = program.run({"measure", "distortion", "--captures", folder, "--tone", "40", "--level", "-6", "--for", "2", "--json"});
    INFO(again.error);
    REQUIRE(describe(again.ending) == "exit status 0");
    const auto read = json::parse(again.output, nullptr, false);
    REQUIRE(read.is_object());
    // The same samples in the same order: rounding.
    CHECK_THAT(figure(read, "pin2_thd_db").at("value").get<double>(), WithinAbs(thd.at("value").get<double>(), 1e-9));
}

TEST_CASE("a calibration is stored for the device, and levels are told in volts from then on", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    // Through an unbalanced output input 1 hears output 1 as through a lead, but for 0.1 dB that its loads take.
    const auto bench = program.serve("unbalanced");
    const auto calibrate = [&](const Words& words) {
        const auto outcome = program.run(Words{"calibrate"} + words + Words{"--device", "lowleg-bench", "--switch", "true"});
        INFO("stdout: " << outcome.output << "\nstderr: " << outcome.error);
        REQUIRE(describe(outcome.ending) == "exit status 0");
    };
    const Words quickly{"--level", "-20", "--for", "2"};
    const auto without = measurement_in(program.run(measure(program, "level", quickly)), 0);
    const auto has_volts = [](const json& m) { return std::ranges::any_of(m.at("figures"), [](const json& f) { return f.at("unit") == "dBu" || f.at("unit") == "V"; }); };
    CHECK_FALSE(has_volts(without));
    // Full scale is +24 dBu, 12.277 V; the meter is asked at −6 dBFS.
    calibrate({"output", "--volts", "6.153", "--volts-low", "0.6153"});
    calibrate({"inputs", "--which", "1"});
    const auto with = measurement_in(program.run(measure(program, "level", quickly)), 0, "stored");
    CHECK(describe(bench->stop()) == "exit status 0");
    const auto dbu = figure(with, "pin2_dbu");
    // −20 dBFS of +24 dBu; what the output takes is in the calibration, too, and drops out within 0.15 dB.
    CHECK_THAT(dbu.at("value").get<double>(), WithinAbs(4.0, 0.15));
    CHECK(dbu.at("uncertainty").get<double>() > 0.08);  // 1 % of the meter
    CHECK(std::filesystem::exists(program.scratch() / "config" / "lowleg" / "calibration"));
}

TEST_CASE("one device plays and another one records", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    // What is played goes into the first, and from it into the second, which is recorded.
    const auto first = program.serve("unbalanced", {"--name", "first"});
    const auto second = program.serve("unbalanced", {"--name", "second"});
    server.connect("first:i2", "second:drive");
    const Words words{"measure", "level", "--device", "second", "--switch", "true", "--json", "--level", "-20", "--for", "2"};
    const auto level = measurement_in(program.run(words + Words{"--output-device", "first"}), 0);
    CHECK(level.at("device") == "second, played by first");
    // 0.1 dB of each output into its loads.
    CHECK_THAT(figure(level, "pin2_dbfs").at("value").get<double>(), WithinAbs(-20.2, 0.2));
    // One server, one clock.
    CHECK(level.at("quality").at("clock_ppm").get<double>() == 0.0);
    const auto& signals = level.at("settings").at("signals");
    REQUIRE(signals.size() == 1);
    CHECK_THAT(signals.front().at("drive_peak_dbfs").get<double>(), WithinAbs(-20.0, 1e-3));
    CHECK(signals.front().at("probe_peak_dbfs").is_null());

    const auto unknown = program.run(words + Words{"--output-device", "no such thing"});
    CHECK(describe(unknown.ending) == "exit status 1");
    CHECK(unknown.error.find("no audio device “no such thing”") != std::string::npos);
    CHECK(describe(first->stop()) == "exit status 0");
    CHECK(describe(second->stop()) == "exit status 0");
}

TEST_CASE("the rejection of an input is measured through a device", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    const auto bench = program.serve("receiver-resistors-0p1pct");
    auto wiring = program.switch_command();
    for (auto at = wiring.find("{state}"); at != std::string::npos; at = wiring.find("{state}")) wiring.replace(at, 7, "{feed}");
    const auto outcome = program.run({"cmrr", "--device", "lowleg-bench", "--switch", wiring, "--json"}, 300s);
    INFO("stdout: " << outcome.output << "\nstderr: " << outcome.error);
    REQUIRE(describe(outcome.ending) == "exit status 0");
    const auto live = json::parse(outcome.output, nullptr, false);
    REQUIRE(live.is_object());
    CHECK(live.at("quality").at("source") == "device");
    // The same on the virtual bench in process, whose figures are held against the circuit's own equations elsewhere.
    const auto alone = program.run({"cmrr", "--bench", "receiver-resistors-0p1pct", "--json"});
    REQUIRE(describe(alone.ending) == "exit status 0");
    const auto in_process = json::parse(alone.output, nullptr, false);
    const auto db = [](const json& j) { return j.at("cmrr_iec_db").get<double>(); };
    const auto wide = [](const json& j) { return j.at("uncertainty_db").get<double>(); };
    CHECK_THAT(db(live), WithinAbs(db(in_process), 0.3 + wide(live) + wide(in_process)));
    CHECK(live.at("worse_leg") == in_process.at("worse_leg"));
    CHECK(describe(bench->stop()) == "exit status 0");
}

TEST_CASE("the balance of an output is measured through a device", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    server.set_freewheel(true);
    const Program program{server};
    const auto bench = program.serve("inverter");
    const auto balance = measurement_in(program.run(measure(program, "balance"), 300s), 0);
    CHECK(describe(bench->stop()) == "exit status 0");
    // The circuit's build-outs: 47 Ω in each leg, and what little its op amps add.
    const auto pin2 = figure(balance, "pin2_ohm");
    CHECK_THAT(pin2.at("value").get<double>(), WithinAbs(47.0, pin2.at("uncertainty").get<double>() + 0.1));
}
