// Which devices there are, and what is said when there are none.

#include "live/program.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

using namespace lowleg::test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// One line that names a cause, and nothing of what audio libraries mutter.
void check_one_error_line(const Outcome& outcome)
{
    INFO("stdout: " << outcome.output << "\nstderr: " << outcome.error);
    CHECK(describe(outcome.ending) == "exit status 1");
    CHECK(outcome.output.empty());
    CHECK(lines_of(outcome.error).size() == 1);
}

const std::string no_server{"lowleg-test-no-such-server"};

}  // namespace

TEST_CASE("a served bench is listed as a device, and nothing else is said", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server{44'100, 512};
    const Program program{server};
    const auto bench = program.serve("inverter");

    const auto listed = program.run({"devices"});
    CHECK(describe(listed.ending) == "exit status 0");
    CHECK(listed.error.empty());
    const auto lines = lines_of(listed.output);
    const auto line = std::find_if(lines.begin(), lines.end(), [](const auto& text) { return text.find("lowleg-bench") != std::string::npos; });
    INFO(listed.output);
    REQUIRE(line != lines.end());
    CHECK_THAT(listed.output, ContainsSubstring("JACK"));
    CHECK_THAT(listed.output, ContainsSubstring("44100") || ContainsSubstring("44.1"));

    const auto as_json = program.run({"devices", "--json"});
    CHECK(describe(as_json.ending) == "exit status 0");
    CHECK(as_json.error.empty());
    CHECK(nlohmann::json::accept(as_json.output));
}

TEST_CASE("a device that is not there is answered with those that are", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("inverter", {"--name", "desk-1"});
    const auto outcome = program.run({"identify", "--device", "no such thing", "--switch", "true", "--json"});
    check_one_error_line(outcome);
    CHECK_THAT(outcome.error, ContainsSubstring("no such thing") && ContainsSubstring("desk-1"));
}

TEST_CASE("a device may have 64 channels, of which any are taken, and no more", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server{48'000, 256, 64};
    const Program program{server};
    const auto listed = program.run({"devices"});
    CHECK_THAT(listed.output, ContainsSubstring("64 in, 64 out"));
    const auto high = program.run({"devices", "--test", "system", "--in", "63,64", "--out", "1,64", "--json"});
    INFO(high.error);
    CHECK(describe(high.ending) == "exit status 0");
    const auto beyond = program.run({"devices", "--test", "system", "--in", "63,65"});
    check_one_error_line(beyond);
    CHECK_THAT(beyond.error, ContainsSubstring("has 64 inputs, and input 65 was asked for"));
}

TEST_CASE("without a JACK server every command says what is missing, in one line", "[live]")
{
    const Program program{no_server};
    const auto listed = program.run({"devices"});
    INFO("stdout: " << listed.output << "\nstderr: " << listed.error);
    CHECK((listed.ending == exited(0) || listed.ending == exited(1)));
    CHECK(lines_of(listed.error).size() <= 1);
    CHECK_FALSE((listed.output + listed.error).empty());

    check_one_error_line(program.run({"identify", "--device", "lowleg-bench", "--switch", "true", "--json"}));
    const auto served = program.run({"bench", "serve", "inverter"});
    check_one_error_line(served);
    CHECK_THAT(served.error, ContainsSubstring(no_server));
    const auto switched = program.run({"bench", "switch", "loaded"});
    check_one_error_line(switched);
    CHECK_THAT(switched.error, ContainsSubstring("lowleg bench serve"));
}

TEST_CASE("a bench with a circuit that does not exist is not served", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    JackServer server;
    const Program program{server};
    const auto outcome = program.run({"bench", "serve", "no-such-circuit"});
    CHECK((outcome.ending == exited(1) || outcome.ending == exited(2)));
    CHECK(lines_of(outcome.error).size() == 1);
    CHECK_THAT(outcome.error, ContainsSubstring("no-such-circuit") && ContainsSubstring("lowleg bench list"));
}
