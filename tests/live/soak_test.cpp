// Long runs, for scripts/soak alone: hours of audio, real time under load, kills and suspends by the hundred. What is counted is printed.

#include "engine/engine.h"
#include "engine/host_backend.h"
#include "live/host_process.h"
#include "live/program.h"
#include "stimulus/multitone.h"

#include <catch2/catch_test_macros.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace lowleg;
using namespace lowleg::test;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// Of resident memory, KiB.
long memory_of(int process)
{
    std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
    for (std::string word; status >> word;)
        if (word == "VmRSS:") {
            long kib = 0;
            status >> kib;
            return kib;
        }
    return 0;
}

struct Streamed {
    std::uint64_t whole{}, voided{}, missing{};
    double most_apart{};  ///< Of a whole period's samples from those of the first, full scale = 1.
    long grown_kib{};     ///< Of this process and the host, from a tenth of the run to its end.
};

/// Plays the multitone and holds every period against the first. Each frame is in a whole period, in one that is void, or in one that is missing.
Streamed stream(engine::Engine& engine, double seconds)
{
    const double rate = engine.facts().sample_rate_hz;
    const auto plan = stimulus::design_multitone(rate).value();
    REQUIRE(engine.play(stimulus::render(plan)));
    Streamed out;
    std::vector<float> first;
    const auto settled = engine.frames_handled() + static_cast<std::uint64_t>(2.0 * rate);
    auto next = engine.next_period(settled);
    REQUIRE(next);
    const auto begin = next.value().first_frame;
    const auto length = plan.period_frames;
    const auto wanted = static_cast<std::int64_t>(seconds * rate) / length;
    const auto host = host_of(static_cast<int>(getpid()));
    long at_first = 0;
    for (std::int64_t i = 0; i < wanted;) {
        auto& p = next.value();
        const auto at = (p.first_frame - begin) / length;
        REQUIRE((p.first_frame - begin) % length == 0);
        REQUIRE(at >= i);
        out.missing += static_cast<std::uint64_t>(at - i);
        i = at + 1;
        if (p.faults.none()) {
            ++out.whole;
            if (first.empty()) first = p.leg[0];
            for (std::size_t k = 0; k < first.size(); ++k) out.most_apart = std::max(out.most_apart, std::abs(static_cast<double>(p.leg[0][k]) - static_cast<double>(first[k])));
        } else {
            ++out.voided;
        }
        const auto now = [&] { return memory_of(static_cast<int>(getpid())) + (host ? memory_of(*host) : 0); };
        if (at_first == 0 && i > wanted / 10) at_first = now();
        if (i >= wanted) out.grown_kib = now() - at_first;
        next = engine.next_period(static_cast<std::uint64_t>(begin + i * length));
        REQUIRE(next);
    }
    engine.silence();
    return out;
}

void tell(const std::string& what, const Streamed& s)
{
    std::cout << what << ": " << s.whole << " periods of 0.5 s whole, " << s.voided << " void, " << s.missing << " missing; samples within " << s.most_apart << " of the first period's; memory "
              << (s.grown_kib >= 0 ? "+" : "") << s.grown_kib << " KiB" << std::endl;
}

/// This process on a server, as the program is.
class On {
public:
    explicit On(const JackServer& server)
    {
        for (const auto& [name, value] : server.environment()) setenv(name.c_str(), value.c_str(), 1);
    }
    static std::unique_ptr<engine::Engine> device()
    {
        engine::StreamRequest request;
        std::ranges::copy(std::string{"lowleg-bench"}, request.device.begin());
        auto opened = engine::Engine::open([] { return engine::make_host_backend({.program = LOWLEG_BINARY, .should_stop = {}}); }, request, 96'000);
        if (!opened) FAIL(opened.error().message);
        return std::move(opened).value();
    }
};

}  // namespace

TEST_CASE("an hour of audio in freewheel", "[.][soak]")
{
    JackServer server;
    server.set_freewheel(true);
    const On here{server};
    const Program program{server};
    const auto bench = program.serve("unbalanced", {"--noise", "-300"});
    auto engine = On::device();
    const auto s = stream(*engine, 3600.0);
    tell("one hour in freewheel", s);
    CHECK(s.whole + s.voided + s.missing == 7200);
    // Without noise what is whole is the same, but for the end of the coupling capacitors' settling.
    CHECK(s.most_apart < 1e-6);
    CHECK(s.grown_kib < 1024);
    CHECK(engine->restarts() == 0);
}

TEST_CASE("ten minutes in real time on a busy machine", "[.][soak]")
{
    JackServer server;
    const On here{server};
    const Program program{server};
    const auto bench = program.serve("unbalanced", {"--noise", "-300"});
    std::vector<std::unique_ptr<Process>> hogs;
    for (unsigned i = 0; i < std::max(2U, std::thread::hardware_concurrency()); ++i) hogs.push_back(std::make_unique<Process>(Words{"sh", "-c", "while :; do :; done"}));
    auto engine = On::device();
    const auto s = stream(*engine, 600.0);
    tell("ten minutes in real time under load", s);
    CHECK(s.whole + s.voided + s.missing == 1200);
    CHECK(s.whole > 0);
    CHECK(s.most_apart < 1e-6);
    CHECK(s.grown_kib < 1024);
}

TEST_CASE("a hundred hosts are killed", "[.][soak]")
{
    std::mt19937 random{1};
    int right = 0, interrupted = 0;
    double longest_s = 0.0;
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    for (int i = 0; i < 100; ++i) {
        const auto running = program.start({"measure", "level", "--device", "lowleg-bench", "--switch", "true", "--json", "--level", "-20", "--for", "2", "--wait", "60"});
        std::this_thread::sleep_for(std::chrono::milliseconds{std::uniform_int_distribution{100, 2500}(random)});
        if (const auto host = host_of(running->id())) ::kill(*host, SIGKILL);
        const auto killed = std::chrono::steady_clock::now();
        const auto ending = running->wait_for(180s);
        REQUIRE(ending);
        longest_s = std::max(longest_s, std::chrono::duration<double>(std::chrono::steady_clock::now() - killed).count());
        INFO(running->standard_error());
        // Killed while it was being opened it is an error that says so; later the measurement goes on.
        const auto status = describe(*ending);
        REQUIRE((status == "exit status 0" || status == "exit status 4"));
        if (status == "exit status 4") {
            ++interrupted;
            continue;
        }
        const auto result = json::parse(running->standard_output(), nullptr, false);
        REQUIRE(result.is_object());
        for (const auto& figure : result.at("figures"))
            if (figure.at("name") == "pin2_dbfs") CHECK(std::abs(figure.at("value").get<double>() + 20.1) < 0.1);
        ++right;
    }
    std::cout << "a hundred kills: " << right << " measurements went on and were right, " << interrupted << " were ended with the reason; longest " << longest_s << " s from kill to end" << std::endl;
}

TEST_CASE("the program is suspended for a minute", "[.][soak]")
{
    JackServer server;
    const Program program{server};
    const auto bench = program.serve("unbalanced");
    const auto running = program.start({"measure", "level", "--device", "lowleg-bench", "--switch", "true", "--json", "--level", "-20", "--for", "6"});
    std::this_thread::sleep_for(3s);
    running->send_signal(SIGSTOP);  // its host, too, as Ctrl-Z does
    std::this_thread::sleep_for(60s);
    running->send_signal(SIGCONT);
    const auto ending = running->wait_for(120s);
    REQUIRE(ending);
    INFO(running->standard_error());
    CHECK(describe(*ending) == "exit status 0");
    const auto result = json::parse(running->standard_output(), nullptr, false);
    REQUIRE(result.is_object());
    for (const auto& figure : result.at("figures"))
        if (figure.at("name") == "pin2_dbfs") CHECK(std::abs(figure.at("value").get<double>() + 20.1) < 0.1);
    std::cout << "suspended for 60 s: " << result.at("quality").at("periods") << " periods whole, " << result.at("quality").at("voided") << " void; " << lines_of(running->standard_error()).size()
              << " lines told" << std::endl;
}
