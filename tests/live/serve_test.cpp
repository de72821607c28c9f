// The served bench as JACK sees it: no engine, no analysis, a tone through a client of our own.

#include "bench/jack_server.h"
#include "live/jack_interface.h"
#include "live/served_bench.h"
#include "support/jack_server_fixture.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <tuple>

using namespace lowleg;
using namespace lowleg::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

/// A server that this process' own JACK clients find, too.
class Server : public JackServer {
public:
    explicit Server(int sample_rate_hz = 48'000, int period_frames = 256) : JackServer{sample_rate_hz, period_frames}
    {
        for (const auto& [name_of_variable, value] : environment()) setenv(name_of_variable.c_str(), value.c_str(), 1);
    }
};

bench::ServeOptions options_for(const std::string& circuit)
{
    auto text = bench::find_circuit(circuit);
    REQUIRE(text);
    bench::ServeOptions options;
    options.circuit = text.value();
    return options;
}

/// What comes back is what the circuit's equations say, in level and phase.
void check_response(JackInterface& interface, const bench::VirtualBench& truth, SwitchState state, bool to_probe)
{
    // 1 kHz, a second's eighth. Noise of −110 dBFS against a tone of −20 dBFS and 6000 frames: 90 + 35 dB, or 1e-6 of the
    // tone. What the sampled circuit may differ from its equations by at 1 kHz is the larger part; see below.
    const double f = 1000.0;
    const double rate = interface.sample_rate_hz();
    const auto heard = interface.play({f, 0.1F, to_probe}, std::llround(0.1 * rate), std::llround(0.125 * rate));
    const auto expected = truth.response(state, Hertz{f}, to_probe);
    INFO("state " << name_of(state) << ", to probe " << to_probe);
    REQUIRE(std::abs(expected[0]) > 1e-3);
    // The trapezoidal rule maps ω to (2/T)·tan(ωT/2): at 1 kHz and 44.1 kHz 0.17 % higher. A network of the first order,
    // 6 dB per octave at most, then differs by 0.17 % at most; a second-order one by twice that.
    const double tolerance = 2.0 * 0.0017;
    CHECK_THAT(std::abs(heard.i2) / std::abs(expected[0]), WithinAbs(1.0, tolerance));
    CHECK_THAT(std::abs(heard.i3 / heard.i2 - expected[1] / expected[0]), WithinAbs(0.0, tolerance * (1.0 + std::abs(expected[1] / expected[0]))));
}

}  // namespace

TEST_CASE("the served bench returns what its circuit's equations say, in every state of the switch", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    const auto [rate, period] = GENERATE(std::tuple{48'000, 256}, std::tuple{44'100, 1024});
    Server server{rate, period};
    const auto options = options_for("cross-coupled");
    ServedBench served{options};
    REQUIRE(served.is_ready());
    CHECK(served.rate() == rate);
    const auto truth = bench::VirtualBench::build(options.circuit, options.fixture, options.interface, rate);
    REQUIRE(truth);
    JackInterface interface{options.client_name};
    CHECK(interface.bench_ports() == std::vector<std::string>{"<drive", "<probe", ">i2", ">i3"});

    for (const bool freewheel : {false, true}) {
        server.set_freewheel(freewheel);
        for (const auto state : all_switch_states) {
            REQUIRE(bench::switch_served(options.client_name, state));
            check_response(interface, *truth.value(), state, false);
            check_response(interface, *truth.value(), state, true);
        }
    }
    CHECK_FALSE(served.stop());
}

TEST_CASE("the served bench follows JACK's buffer size, and forgets what is no number", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    Server server;
    const auto options = options_for("inverter");
    ServedBench served{options};
    REQUIRE(served.is_ready());
    const auto truth = bench::VirtualBench::build(options.circuit, options.fixture, options.interface, 48'000.0);
    REQUIRE(truth);
    JackInterface interface{options.client_name};
    check_response(interface, *truth.value(), SwitchState::through, false);
    for (const int frames : {1024, 64}) {
        server.set_period(frames);
        check_response(interface, *truth.value(), SwitchState::through, false);
    }

    const auto poisoned = interface.play({1000.0, std::numeric_limits<float>::quiet_NaN(), false}, 0, 4800);
    CHECK(poisoned.is_finite);
    check_response(interface, *truth.value(), SwitchState::through, false);
    CHECK_FALSE(served.stop());
}

TEST_CASE("what surrounds a served bench is set while it plays, all of it or nothing", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    Server server;
    auto options = options_for("inverter");
    options.apply = [](const std::string& key, const std::string& value, Fixture& fixture, bench::InterfaceModel& interface) -> Status {
        if (key == "rin") fixture.rin2 = fixture.rin3 = Ohms{std::stod(value)};
        else if (key == "clip") interface.clipping = Dbfs{std::stod(value)};
        else return Error{"there is no setting \"" + key + "\"", ErrorKind::usage};
        return Done{};
    };
    ServedBench served{options};
    REQUIRE(served.is_ready());
    JackInterface interface{options.client_name};
    const auto truth = bench::VirtualBench::build(options.circuit, options.fixture, options.interface, 48'000.0);
    REQUIRE(truth);
    check_response(interface, *truth.value(), SwitchState::through, false);

    auto fixture = options.fixture;
    fixture.rin2 = fixture.rin3 = Ohms{600.0};
    REQUIRE(bench::set_served(options.client_name, {{"rin", "600"}, {"clip", "-1"}}));
    REQUIRE(truth.value()->set_fixture(fixture));
    check_response(interface, *truth.value(), SwitchState::through, false);

    const auto unknown = bench::set_served(options.client_name, {{"rin", "50"}, {"colour", "red"}});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().message == "there is no setting \"colour\"");
    CHECK(unknown.error().kind == ErrorKind::usage);
    CHECK_FALSE(bench::set_served(options.client_name, {{"rin", "50"}, {"clip", "7"}}));
    check_response(interface, *truth.value(), SwitchState::through, false);
    CHECK_FALSE(served.stop());
}

TEST_CASE("a receiver is served with its feeds", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    Server server;
    const auto options = options_for("receiver-resistors-0p1pct");
    ServedBench served{options};
    REQUIRE(served.is_ready());
    JackInterface interface{options.client_name, bench::port_names(bench::CircuitKind::receiver)};
    CHECK(interface.bench_ports() == std::vector<std::string>{"<feed1", "<feed2", ">out", ">fed"});
    const auto truth = bench::VirtualBench::build(options.circuit, options.fixture, options.interface, 48'000.0);
    REQUIRE(truth);
    for (const auto feed : bench::all_feeds) {
        REQUIRE(bench::switch_served(options.client_name, feed));
        const auto heard = interface.play({1000.0, 0.5F, false}, 4800, 48'000);
        const auto expected = truth.value()->response(feed, Hertz{1000.0}, false);
        // Noise of −110 dBFS against a tone of −6 dBFS and 48,000 frames: 104 + 44 dB, also for what a receiver rejects.
        CAPTURE(name_of(feed), expected[0], expected[1]);
        CHECK_THAT(std::abs(heard.i2), WithinAbs(std::abs(expected[0]), 1e-6 + 1e-3 * std::abs(expected[0])));
        CHECK_THAT(std::abs(heard.i3), WithinAbs(std::abs(expected[1]), 1e-3));
    }
    const auto refused = bench::switch_served(options.client_name, SwitchState::grounded);
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, ContainsSubstring("common-leg-3"));
    CHECK_FALSE(served.stop());
}

TEST_CASE("gear that latches while it is served is told of, once", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    Server server;
    bench::ServeOptions options;
    // The loop over pin 3 has a gain of 1.2 open, 0.5 with 10 kΩ on it: lifted it latches up.
    options.circuit = {"loose.cir", "", "title\nR2 drv p2 47\nB3 a 0 V=8*tanh(0.15*v(p3))\nR3 a p3 10k\nC3 p3 0 1n\n"};
    std::vector<std::string> told;  // read when the bench has ended
    options.on_trouble = [&](const std::string& sentence) { told.push_back(sentence); };
    ServedBench served{options};
    REQUIRE(served.is_ready());
    JackInterface interface{options.client_name};
    REQUIRE(bench::switch_served(options.client_name, SwitchState::lifted));
    const auto muted = interface.play({1000.0, 0.1F, false}, 4800, 48'000);
    CHECK(std::abs(muted.i2) < 1e-5);
    REQUIRE(bench::switch_served(options.client_name, SwitchState::through));
    const auto back = interface.play({1000.0, 0.1F, false}, 4800, 4800);
    CHECK(std::abs(back.i2) > 0.9);
    CHECK_FALSE(served.stop());
    REQUIRE(told.size() == 1);
    CHECK_THAT(told[0], ContainsSubstring("loose.cir is muted (pin 3 lifted)"));
}

TEST_CASE("a bench is not served under a name that is taken, and other benches are told apart", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    Server server;
    ServedBench first{options_for("inverter")};
    REQUIRE(first.is_ready());

    ServedBench same_name{options_for("transformer")};
    CHECK_FALSE(same_name.is_ready());
    const auto error = same_name.stop();
    REQUIRE(error);
    CHECK_THAT(error->message, ContainsSubstring("lowleg-bench") && ContainsSubstring("--name"));
    CHECK(error->kind == ErrorKind::failure);

    auto options = options_for("transformer");
    options.client_name = "another";
    ServedBench second{options};
    if (!second.is_ready()) FAIL(second.stop().value_or(Error{}).message);
    CHECK(bench::switch_served("another", SwitchState::lifted));
    CHECK(bench::switch_served("lowleg-bench", SwitchState::loaded));
    const auto missing = bench::switch_served("third", SwitchState::loaded);
    REQUIRE_FALSE(missing);
    CHECK_THAT(missing.error().message, ContainsSubstring("another, lowleg-bench"));

    CHECK_FALSE(second.stop());
    CHECK_FALSE(bench::switch_served("another", SwitchState::through));
}

TEST_CASE("without a JACK server, and when it goes away, the served bench says so", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    Server server;
    ServedBench served{options_for("inverter")};
    REQUIRE(served.is_ready());
    server.crash();
    REQUIRE(served.ends_by_itself());
    const auto interrupted = served.stop();
    REQUIRE(interrupted);
    CHECK(interrupted->kind == ErrorKind::interrupted);
    CHECK_THAT(interrupted->message, ContainsSubstring("went away"));

    ServedBench again{options_for("inverter")};
    CHECK_FALSE(again.is_ready());
    const auto failed = again.stop();
    REQUIRE(failed);
    CHECK(failed->kind == ErrorKind::failure);
    CHECK_THAT(failed->message, ContainsSubstring(server.name()) && ContainsSubstring("JACK_DEFAULT_SERVER"));
}

TEST_CASE("a circuit or a name that cannot be served is an error before anything runs", "[live]")
{
    REQUIRE(JackServer::is_installed());  // scripts/setup --tests installs it
    Server server;
    auto options = options_for("inverter");
    SECTION("a netlist without the bench's nodes") { options.circuit.netlist = "* nothing\nR1 a b 1k\n.end\n"; }
    SECTION("a fixture that nobody can build") { options.fixture.rg = Ohms{-1.0}; }
    SECTION("a name that JACK would take for two") { options.client_name = "a:b"; }
    ServedBench served{options};
    CHECK_FALSE(served.is_ready());
    CHECK(served.stop());
}
