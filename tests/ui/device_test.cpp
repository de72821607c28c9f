// The window on an audio device: a served circuit on a JACK server, chosen by mouse, its switch moved by somebody else, its server killed.
#include "live/program.h"
#include "ui/driven_window.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <GLFW/glfw3.h>

#include <cstdlib>
#include <memory>
#include <string>

using namespace lowleg;
using test::DrivenWindow;
using test::need_display;
using test::Program;
using Catch::Matchers::ContainsSubstring;
using Phase = instrument::JobState::Phase;
using PromptKind = instrument::Prompt::Kind;

namespace {

/// Answers what the window asks: moves the served switch, and presses Enter where a word is needed.
void move_switch(DrivenWindow& window, const Program& program)
{
    const auto& prompt = window.now().job.prompt;
    REQUIRE(prompt.state);
    const auto state = std::string{name_of(*prompt.state)};
    REQUIRE(program.run({"bench", "switch", state}).ending == test::exited(0));
    if (state == "through") window.press(GLFW_KEY_ENTER);
}

}  // namespace

TEST_CASE("a device is chosen by mouse, followed hands-free, lost, and found again", "[window][device]")
{
    need_display();
    test::JackServer server;
    for (const auto& [name, value] : server.environment()) setenv(name.c_str(), value.c_str(), 1);
    const Program program{server};
    setenv("XDG_CONFIG_HOME", program.scratch().c_str(), 1);
    auto bench = program.serve("cross-coupled");
    DrivenWindow::Options options;
    options.settings = {{"wait", "2"}};
    DrivenWindow window{options};
    window.press(GLFW_KEY_5);
    REQUIRE(window.wait_for_text("[button] lowleg-bench"));
    window.click("lowleg-bench");
    REQUIRE(window.wait_until([](const auto& s) { return s.stream.is_open && !s.stream.place.is_bench && s.live.number > 0; }));
    // Nobody knows what hangs on a device: it stays silent until somebody wants to hear it.
    CHECK(window.now().stream.signal.kind == instrument::TestSignal::Kind::silence);
    CHECK_FALSE(window.shows("VIRTUAL BENCH"));
    CHECK(window.now().stream.load.blocks > 0);

    window.press(GLFW_KEY_I);
    std::optional<SwitchState> asked;
    REQUIRE(window.wait_until([&](const auto& s) {
        if (s.job.phase == Phase::running && s.job.prompt.kind == PromptKind::set_switch && s.job.prompt.state != asked) {
            asked = s.job.prompt.state;
            move_switch(window, program);
        }
        return s.job.phase == Phase::done || s.job.phase == Phase::failed;
    }));
    window.draw(2);
    INFO((window.now().job.error ? window.now().job.error->message : ""));
    REQUIRE(window.now().job.identification);
    CHECK(window.now().job.identification->verdict.id() == "cross-coupled");
    CHECK(window.now().stream.round_trip);

    // A calibration asks for what only a person can do and read; what is no voltage is asked for again.
    window.press(GLFW_KEY_4);
    window.press(GLFW_KEY_F5);
    REQUIRE(window.wait_until([](const auto& s) { return s.job.prompt.kind == PromptKind::connect; }));
    window.draw(2);
    window.click("It is connected");
    REQUIRE(window.wait_until([](const auto& s) { return s.job.prompt.kind == PromptKind::meter; }));
    window.draw(2);
    window.type("Volts", "a lot");
    REQUIRE(window.wait_until([](const auto& s) { return !s.job.prompt.complaint.empty(); }));
    window.type("Volts", "1.000");
    REQUIRE(window.wait_for_text("20 dB lower"));
    window.type("Volts", "0.100");
    REQUIRE(window.wait_for_end());
    INFO((window.now().job.error ? window.now().job.error->message : ""));
    REQUIRE(window.now().job.measurement);
    CHECK(window.shows("Copy as text"));

    // The server dies in the middle of the next measurement: the window stays, says so, and offers the bench.
    REQUIRE(program.run({"bench", "switch", "through"}).ending == test::exited(0));
    window.press(GLFW_KEY_I);
    REQUIRE(window.wait_until([](const auto& s) { return s.job.phase == Phase::running && s.job.prompt.kind == PromptKind::set_switch; }));
    window.press(GLFW_KEY_ENTER);
    REQUIRE(window.wait_until([](const auto& s) { return !s.job.taken.empty(); }));
    server.crash();
    REQUIRE(window.wait_for_end());
    REQUIRE(window.now().job.error);
    CHECK(window.now().job.error->kind == ErrorKind::interrupted);
    REQUIRE(window.wait_for_text("Use the virtual bench"));
    bench.reset();
    // Back again, it is taken up by itself.
    server.restart();
    bench = program.serve("cross-coupled");
    REQUIRE(window.wait_until([](const auto& s) { return s.stream.is_open && s.stream.trouble.empty(); }));
    CHECK(window.now().stream.signal.kind == instrument::TestSignal::Kind::silence);
    window.press(GLFW_KEY_B);
    REQUIRE(window.wait_until([](const auto& s) { return s.stream.is_open && s.stream.place.is_bench; }));
}
