// The session's thread on the virtual bench, which runs in real time for it: commands in, snapshots out.
#include "instrument/session.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

using namespace lowleg;
using namespace lowleg::instrument;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Phase = JobState::Phase;

namespace {

constexpr TestSignal sine{TestSignal::Kind::sine, Dbfs{-20.0}, Hertz{1000.0}};

/// Bounded by patience, far beyond what it takes on any machine.
bool comes_true(Session& session, const std::function<bool(const Snapshot&)>& condition)
{
    for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{120}; std::chrono::steady_clock::now() < deadline;
         std::this_thread::sleep_for(std::chrono::milliseconds{5})) {
        (void)session.update();
        if (condition(session.latest())) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("a session listens to the bench, plays, and moves its switch", "[session]")
{
    std::atomic<int> news{0};
    Session session{Settings{}, {true, "inverter"}, sine, [&] { ++news; }};
    // Two legs, half of it each: −26 dBFS, less what 100 Ω lose into 10 kΩ and the probe.
    REQUIRE(comes_true(session, [](const auto& s) { return s.live.number > 10 && s.live.rms[0].value() > -27.0; }));
    CHECK_THAT(session.latest().live.rms[0].value(), WithinAbs(-20.0, 7.0));
    CHECK(session.latest().live.correlation < -0.99);
    CHECK(session.latest().stream.is_open);
    CHECK(session.latest().stream.full_scale[0]);
    CHECK(news > 5);
    session.set_bench_switch(SwitchState::grounded);
    CHECK(comes_true(session, [](const auto& s) { return s.live.rms[1].value() < -80.0; }));
    session.stop();
    CHECK(comes_true(session, [](const auto& s) { return s.stream.signal.kind == TestSignal::Kind::silence && s.live.rms[0].value() < -90.0; }));
    session.play(sine);
    CHECK(comes_true(session, [](const auto& s) { return s.live.rms[0].value() > -30.0; }));
}

TEST_CASE("what cannot be listened to or played is a sentence, and the session goes on", "[session]")
{
    Session session{Settings{}, {true, "no-such-circuit"}, sine};
    REQUIRE(comes_true(session, [](const auto& s) { return !s.stream.trouble.empty(); }));
    CHECK_THAT(session.latest().stream.trouble, ContainsSubstring("no-such-circuit"));
    CHECK_FALSE(session.latest().stream.is_open);
    session.start({});
    REQUIRE(comes_true(session, [](const auto& s) { return s.job.phase == Phase::failed; }));
    CHECK(session.latest().job.error);
    Job test;
    test.kind = JobKind::test_device;
    session.start(test);
    REQUIRE(comes_true(session, [](const auto& s) { return s.job.number == 2 && s.job.phase == Phase::failed; }));
    CHECK_THAT(session.latest().job.error->message, ContainsSubstring("choose an audio device"));
    session.choose({true, "unbalanced"});
    CHECK(comes_true(session, [](const auto& s) { return s.stream.is_open && s.stream.trouble.empty(); }));
    session.play({TestSignal::Kind::sine, Dbfs{-20.0}, Hertz{23e3}});
    CHECK(comes_true(session, [](const auto& s) { return s.stream.trouble.find("cannot be played") != std::string::npos; }));
}

TEST_CASE("a job is stopped in the middle of a period, and another one takes its place", "[session]")
{
    Session session{Settings{}, {true, "unbalanced"}, sine};
    session.start({});
    REQUIRE(comes_true(session, [](const auto& s) { return s.job.phase == Phase::running && s.job.state; }));
    Job level;
    level.kind = JobKind::measure;
    session.start(level);
    REQUIRE(comes_true(session, [](const auto& s) { return s.job.number == 2 && s.job.phase == Phase::done; }));
    REQUIRE(session.latest().job.measurement);
    CHECK(session.latest().job.measurement->kind == "level");
    session.start(level);
    REQUIRE(comes_true(session, [](const auto& s) { return s.job.number == 3 && s.job.phase == Phase::running; }));
    session.stop();
    REQUIRE(comes_true(session, [](const auto& s) { return s.job.phase != Phase::running; }));
    REQUIRE(session.latest().job.error);
    CHECK(session.latest().job.error->kind == ErrorKind::interrupted);
}

TEST_CASE("simulated gear that nobody looks at rests", "[session]")
{
    Session session{Settings{}, {true, "unbalanced"}, sine};
    REQUIRE(comes_true(session, [](const auto& s) { return s.live.number > 2; }));
    LiveOptions paused;
    paused.is_paused = true;
    session.set_live(paused);
    REQUIRE(comes_true(session, [](const auto& s) { return s.stream.rests && !s.stream.is_open; }));
    session.set_live({});
    CHECK(comes_true(session, [](const auto& s) { return !s.stream.rests && s.stream.is_open; }));
}

TEST_CASE("a session ends whatever it is doing", "[session]")
{
    {
        Session idle{Settings{}, {true, "unbalanced"}, sine};
    }
    Session busy{Settings{}, {true, "cross-coupled"}, sine};
    busy.start({});
    REQUIRE(comes_true(busy, [](const auto& s) { return s.job.phase == Phase::running; }));
}
