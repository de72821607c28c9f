#include "engine/engine.h"
#include "support/scripted_backend.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using namespace lowleg::engine;
using Catch::Matchers::ContainsSubstring;
using testing::Injection;
using testing::LoopDevice;
using testing::ScriptedBackend;

namespace {

constexpr std::int64_t period = 4801;             // a prime: it never lines up with the blocks
constexpr std::uint64_t settle = 4096;            // more than the loop's 2048 + 100 frames
constexpr std::uint64_t aftermath = 4800;         // 0.1 s

std::vector<float> noise_signal(std::size_t frames, std::uint32_t seed = 3)
{
    std::mt19937 random{seed};
    std::uniform_real_distribution<float> uniform{-0.5F, 0.5F};
    std::vector<float> x(2 * frames);
    std::ranges::generate(x, [&] { return uniform(random); });
    return x;
}

struct Open {
    ScriptedBackend* backend;  // the engine's
    std::unique_ptr<Engine> engine;
};
Open open(ScriptedBackend::Script script, std::int64_t max_period = period)
{
    auto backend = std::make_unique<ScriptedBackend>(std::move(script));
    ScriptedBackend* const raw = backend.get();
    auto engine = Engine::open(std::move(backend), {}, max_period);
    REQUIRE(engine);
    return {raw, std::move(engine).value()};
}

LoopDevice silent_loop(std::uint32_t delay = 100)  // no noise: what comes back is what was played, exactly
{
    return LoopDevice{{.gain = {{{1.0F, 0.0F}, {0.0F, -0.5F}}}, .delay = delay, .noise_rms = 0.0F}};
}

/// Whether this period is the signal that was played, `latency` frames late, sample for sample.
bool is_the_signal(const Period& p, const std::vector<float>& signal, std::uint64_t latency)
{
    const std::size_t n = signal.size() / 2;
    if (p.leg[0].size() != n || p.leg[1].size() != n) return false;
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t from = (i + n * 10 - static_cast<std::size_t>(latency)) % n;
        if (p.leg[0][i] != signal[2 * from] || p.leg[1][i] != -0.5F * signal[2 * from + 1]) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("periods come whole, aligned, in order and unchanged", "[engine]")
{
    const std::vector<std::uint32_t> blocks = GENERATE(std::vector<std::uint32_t>{256}, std::vector<std::uint32_t>{1, 700, 0, 33},
                                                       std::vector<std::uint32_t>{64}, std::vector<std::uint32_t>{2000});
    auto [backend, engine] = open({.device = silent_loop(), .block_frames = blocks});
    const auto signal = noise_signal(period);
    REQUIRE(engine->play(signal));
    const std::uint64_t not_before = engine->frames_handled() + settle;
    std::int64_t last = 0;
    for (int i = 0; i < 20; ++i) {
        const Result<Period> p = engine->next_period(not_before);
        REQUIRE(p);
        CHECK(p.value().faults.none());
        CHECK(is_the_signal(p.value(), signal, 2048 + 100));
        CHECK(p.value().first_frame >= static_cast<std::int64_t>(not_before));
        if (i > 0) CHECK(p.value().first_frame == last + period);
        last = p.value().first_frame;
    }
    engine->silence();
    INFO(backend->caught().first);
    CHECK(backend->caught().calls == 0);
    const EngineCounters c = engine->counters();
    CHECK(c.dropped + c.late + c.flagged + c.repeated + c.size_changes + c.not_finite + c.clipped == 0);
}

TEST_CASE("a period may be shorter than a block, or one frame long", "[engine]")
{
    const auto frames = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{97}, std::size_t{256});
    auto [backend, engine] = open({.device = LoopDevice{{}}});
    REQUIRE(engine->play(noise_signal(frames)));
    for (int i = 0; i < 50; ++i) {
        const auto p = engine->next_period(0);
        REQUIRE(p);
        CHECK(p.value().leg[0].size() == frames);
    }
}

TEST_CASE("stretches come from anywhere in the signal, in order, and periods after them", "[engine]")
{
    auto [backend, engine] = open({.device = silent_loop(), .block_frames = {1, 700, 0, 33}});
    const auto signal = noise_signal(period);
    REQUIRE(engine->play(signal));
    const auto frames = GENERATE(std::int64_t{1}, std::int64_t{1213}, std::int64_t{12'000});  // less than a block, and more than two periods
    std::uint64_t not_before = engine->frames_handled() + settle;
    const auto is_signal_from = [&](const Stretch& s) {
        constexpr std::int64_t latency = 2048 + 100;
        for (std::int64_t i = 0; i < frames; ++i) {
            const auto from = static_cast<std::size_t>((s.position + i + 10 * period - latency) % period);
            const auto at = static_cast<std::size_t>(i);
            if (s.leg[0][at] != signal[2 * from] || s.leg[1][at] != -0.5F * signal[2 * from + 1]) return false;
        }
        return true;
    };
    for (int i = 0; i < 10; ++i) {
        const Result<Stretch> s = engine->next_stretch(not_before, frames);
        REQUIRE(s);
        CHECK(s.value().first_frame >= static_cast<std::int64_t>(not_before));
        CHECK(std::ssize(s.value().leg[0]) == frames);
        CHECK(is_signal_from(s.value()));
        not_before = static_cast<std::uint64_t>(s.value().first_frame + frames);
    }
    // The first at once where the stream has reached it: nothing between two stretches is left out.
    const auto next = engine->next_stretch(not_before, frames);
    REQUIRE(next);
    CHECK(next.value().first_frame == static_cast<std::int64_t>(not_before));
    const auto p = engine->next_period(0);
    REQUIRE(p);
    CHECK(is_the_signal(p.value(), signal, 2048 + 100));
    CHECK((p.value().first_frame - (next.value().first_frame - next.value().position)) % period == 0);
    CHECK_FALSE(engine->next_stretch(0, 0));
    CHECK_FALSE(engine->next_stretch(0, 48'001));
}

TEST_CASE("a stretch tells what broke in it", "[engine]")
{
    auto [backend, engine] = open({.injections = {{Injection::Kind::zero, 30'000, 1, 3000}}});
    REQUIRE(engine->play(noise_signal(period)));
    bool was_told = false;
    std::uint64_t not_before = 0;
    for (int i = 0; i < 50; ++i) {  // 60,000 frames of what plays
        const auto s = engine->next_stretch(not_before, 1200);
        REQUIRE(s);
        was_told = was_told || s.value().faults.has(Fault::zeros);
        not_before = static_cast<std::uint64_t>(s.value().first_frame) + 1200;
    }
    CHECK(was_told);
}

TEST_CASE("the fade-in is in no period", "[engine]")
{
    // No latency but the backend's own, and ones: any fade would show as less than one.
    auto [backend, engine] = open({.device = LoopDevice{{.gain = {{{1.0F, 0.0F}, {1.0F, 0.0F}}}, .delay = 0, .noise_rms = 0.0F}}});
    REQUIRE(engine->play(std::vector<float>(200, 0.5F)));
    const auto p = engine->next_period(0);
    REQUIRE(p);
    // The play began at a multiple of its period before this one, and 960 frames of fade are over.
    const auto q = engine->next_period(static_cast<std::uint64_t>(p.value().first_frame) + 2048);
    REQUIRE(q);
    CHECK(std::ranges::all_of(q.value().leg[0], [](float x) { return x == 0.5F; }));
    CHECK((q.value().first_frame - p.value().first_frame) % 100 == 0);
}

TEST_CASE("a new play gives its own periods only", "[engine]")
{
    auto [backend, engine] = open({.device = silent_loop()});
    for (std::uint32_t round = 1; round <= 20; ++round) {
        const auto signal = noise_signal(period - round, round);
        REQUIRE(engine->play(signal));
        const auto p = engine->next_period(engine->frames_handled() + settle);
        REQUIRE(p);
        CHECK(is_the_signal(p.value(), signal, 2048 + 100));
    }
    engine->silence();
    CHECK_THAT(engine->next_period(0).error().message, ContainsSubstring("nothing plays"));
}

TEST_CASE("what may not be played is refused, and what plays goes on", "[engine]")
{
    auto [backend, engine] = open({.device = silent_loop()});
    const auto good = noise_signal(period);
    REQUIRE(engine->play(good));
    auto bad = good;
    SECTION("above the ceiling") { bad[5] = 1.0F; CHECK_THAT(engine->play(bad).error().message, ContainsSubstring("above the ceiling of 0.999")); }
    SECTION("not a number") { bad[5] = std::numeric_limits<float>::quiet_NaN(); CHECK_FALSE(engine->play(bad)); }
    SECTION("infinite") { bad[5] = -std::numeric_limits<float>::infinity(); CHECK_FALSE(engine->play(bad)); }
    SECTION("too long") { bad.resize(2 * (period + 1)); CHECK_FALSE(engine->play(bad)); }
    SECTION("half a frame") { bad.pop_back(); CHECK_FALSE(engine->play(bad)); }
    SECTION("empty") { CHECK_FALSE(engine->play({})); }
    const auto p = engine->next_period(engine->frames_handled() + settle);
    REQUIRE(p);
    CHECK(is_the_signal(p.value(), good, 2048 + 100));
    CHECK(backend->highest_output() <= 0.5F);
}

TEST_CASE("impossible requests are errors", "[engine]")
{
    CHECK_FALSE(Engine::open(std::make_unique<ScriptedBackend>(ScriptedBackend::Script{}), {}, 0));
    CHECK_FALSE(Engine::open(std::make_unique<ScriptedBackend>(ScriptedBackend::Script{}), {}, std::numeric_limits<std::int64_t>::max()));
    CHECK_FALSE(Engine::open(std::make_unique<ScriptedBackend>(ScriptedBackend::Script{.sample_rate_hz = 0.0}), {}, period));
    auto [backend, engine] = open({});
    REQUIRE(engine->play(noise_signal(100)));
    CHECK_FALSE(engine->next_period(std::numeric_limits<std::uint64_t>::max()));
    CHECK(engine->next_period(0));
}

TEST_CASE("a fault voids exactly the periods that it falls in", "[engine][faults]")
{
    using Kind = Injection::Kind;
    struct Case {
        Kind kind;
        std::uint32_t count;
        Fault fault;
        bool goes_on;  // what may be in the output too
    };
    const Case c = GENERATE(Case{Kind::zero, 100, Fault::zeros, false}, Case{Kind::nan, 3, Fault::not_finite, false},
                            Case{Kind::clip, 5, Fault::clipped, false}, Case{Kind::repeat, 1, Fault::repeated, false},
                            Case{Kind::block_size, 300, Fault::block_size, false}, Case{Kind::flag, 1, Fault::flagged, true},
                            Case{Kind::late, 3000, Fault::late, true}, Case{Kind::zero, 6000, Fault::zeros, false});
    // In the middle of a period, in one that a block shares with the next, and at several places.
    const std::uint64_t place = GENERATE(std::uint64_t{20'000}, std::uint64_t{5 * period - 30}, std::uint64_t{31'007});
    auto [backend, engine] = open({.injections = {{.kind = c.kind, .frame = place, .count = c.count}}});
    REQUIRE(engine->play(noise_signal(period)));
    const std::uint64_t not_before = engine->frames_handled() + settle;

    std::vector<Period> periods;
    for (int i = 0; i < 12; ++i) {
        auto p = engine->next_period(not_before);
        REQUIRE(p);
        periods.push_back(std::move(p).value());
    }
    const auto landed = backend->landed();
    REQUIRE(landed.size() == 1);
    // The fault lies on whole blocks of 256 frames; zeros are told from the 65th on.
    std::uint64_t begin = landed[0].block_begin;
    std::uint64_t end = std::max(landed[0].block_end, landed[0].begin + (landed[0].end - landed[0].begin));
    if (c.kind == Kind::zero) begin = (landed[0].begin + 64) / 256 * 256;
    if (landed[0].end > landed[0].block_end) end = (landed[0].end + 255) / 256 * 256;
    if (c.goes_on) end = (end + aftermath + 255) / 256 * 256;
    int faulty = 0;
    for (const Period& p : periods) {
        const auto first = static_cast<std::uint64_t>(p.first_frame);
        const bool hit = first < end && begin < first + period;
        CAPTURE(first, begin, end, describe(p.faults));
        Faults want;
        if (hit) want.add(c.fault);
        CHECK(p.faults == want);
        faulty += hit ? 1 : 0;
    }
    CHECK(faulty > 0);
    CHECK(faulty < 5);
}

TEST_CASE("losses without any sign leave no fault, but shift what follows: the analysis must see that", "[engine][faults]")
{
    const auto kind = GENERATE(Injection::Kind::drop, Injection::Kind::insert);
    auto [backend, engine] = open({.device = silent_loop(), .injections = {{.kind = kind, .frame = 20'000, .count = 17}}});
    const auto signal = noise_signal(period);
    REQUIRE(engine->play(signal));
    Period p;
    for (int i = 0; i < 12; ++i) {
        auto next = engine->next_period(settle);
        REQUIRE(next);
        p = std::move(next).value();
        CHECK(p.faults.none());
    }
    CHECK(is_the_signal(p, signal, kind == Injection::Kind::drop ? 2048 + 100 - 17 : 2048 + 100 + 17));
}

TEST_CASE("frames that the ring lost are told, and what follows is aligned again", "[engine][faults]")
{
    // The backend runs over a full ring for a while, as a device does when the control thread is away.
    auto [backend, engine] = open({.device = silent_loop(), .injections = {{.kind = Injection::Kind::overrun, .frame = 30'000, .count = 1'000'000}}});
    const auto signal = noise_signal(period);
    REQUIRE(engine->play(signal));
    const std::uint64_t not_before = engine->frames_handled() + settle;
    const auto first = engine->next_period(not_before);
    REQUIRE(first);
    CHECK(first.value().faults.none());
    while (engine->counters().dropped < 10) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    while (backend->landed().empty() || engine->frames_handled() < backend->landed()[0].end) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }

    int lost = 0;
    std::int64_t last = first.value().first_frame;
    for (int i = 0; i < 200; ++i) {
        const auto p = engine->next_period(not_before);
        REQUIRE(p);
        CHECK((p.value().first_frame - last) % period == 0);
        CHECK(p.value().first_frame > last);
        last = p.value().first_frame;
        if (p.value().faults.none()) CHECK(is_the_signal(p.value(), signal, 2048 + 100));
        else CHECK(p.value().faults.has(Fault::lost));
        lost += p.value().faults.has(Fault::lost) ? 1 : 0;
    }
    // One gap: the period in which it begins, and the one in which it ends.
    CHECK(lost >= 1);
    CHECK(lost <= 2);
    CHECK(engine->counters().dropped > 0);
    CHECK(engine->next_period(engine->frames_handled() + settle).value().faults.none());
}

TEST_CASE("denormals pass as they are", "[engine][faults]")
{
    auto [backend, engine] = open({.injections = {{.kind = Injection::Kind::denormal, .frame = 20'000, .count = 3 * period}}});
    REQUIRE(engine->play(noise_signal(period)));
    bool seen = false;
    for (int i = 0; i < 10; ++i) {
        const auto p = engine->next_period(settle);
        REQUIRE(p);
        CHECK(p.value().faults.none());
        seen = seen || p.value().leg[0][0] == 1e-40F;
    }
    CHECK(seen);
}

TEST_CASE("a stall is not loss", "[engine][faults]")
{
    auto [backend, engine] = open({.injections = {{.kind = Injection::Kind::stall, .frame = 20'000, .count = 700}}});
    REQUIRE(engine->play(noise_signal(period)));
    for (int i = 0; i < 12; ++i) {
        const auto p = engine->next_period(settle);
        REQUIRE(p);
        CHECK(p.value().faults.none());
    }
    CHECK(backend->landed().size() == 1);
}

TEST_CASE("a device that dies interrupts", "[engine][faults]")
{
    auto [backend, engine] = open({.injections = {{.kind = Injection::Kind::die, .frame = 20'000}}});
    REQUIRE(engine->play(noise_signal(period)));
    Result<Period> p = engine->next_period(settle);
    while (p) p = engine->next_period(settle);
    CHECK(p.error().kind == ErrorKind::interrupted);
    CHECK_THAT(p.error().message, ContainsSubstring("scripted device") && ContainsSubstring("is gone"));
    // Nothing waits for the dead.
    for (int i = 0; i < 20; ++i) (void)engine->play(noise_signal(period));
    CHECK_FALSE(engine->play(noise_signal(period)));
    engine->silence();
    CHECK(engine->next_period(0).error().kind != ErrorKind::usage);
}

TEST_CASE("a device that never answers again interrupts, and the end is not held up", "[engine][faults][slow]")
{
    auto [backend, engine] = open({.injections = {{.kind = Injection::Kind::freeze, .frame = 20'000}}});
    REQUIRE(engine->play(noise_signal(period)));
    Result<Period> p = engine->next_period(settle);
    while (p) p = engine->next_period(settle);
    CHECK(p.error().kind == ErrorKind::interrupted);
    CHECK_THAT(p.error().message, ContainsSubstring("delivered nothing for 5 s"));
}

TEST_CASE("a device that opens and stays dumb is an error", "[engine][faults][slow]")
{
    auto backend = std::make_unique<ScriptedBackend>(ScriptedBackend::Script{.injections = {{.kind = Injection::Kind::freeze, .play = 0}}});
    const auto engine = Engine::open(std::move(backend), {}, period);
    REQUIRE_FALSE(engine);
    CHECK_THAT(engine.error().message, ContainsSubstring("delivered nothing"));
}

TEST_CASE("a free-running device that waits for room is never waited for in turn", "[engine]")
{
    auto [backend, engine] = open({});
    // Nobody reads: the ring fills, the device waits; then a signal is to stop and another to start.
    REQUIRE(engine->play(noise_signal(period)));
    std::uint64_t before = 0;
    while (engine->frames_handled() != before) {
        before = engine->frames_handled();
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    engine->silence();
    for (std::uint32_t i = 0; i < 10; ++i) REQUIRE(engine->play(noise_signal(period, i)));
    CHECK(engine->next_period(engine->frames_handled() + settle));
    CHECK(engine->counters().dropped == 0);
}

TEST_CASE("peaks are those since the last look", "[engine]")
{
    auto [backend, engine] = open({.device = LoopDevice{{.gain = {{{1.0F, 0.0F}, {0.0F, 0.5F}}}, .noise_rms = 0.0F}}});
    auto signal = noise_signal(period);
    signal[2 * 99] = 0.75F;
    signal[2 * 99 + 1] = -0.9F;
    REQUIRE(engine->play(signal));
    REQUIRE(engine->next_period(settle));
    REQUIRE(engine->next_period(settle));
    CHECK(engine->take_input_peaks() == std::array{0.75F, 0.45F});
    engine->silence();
    const std::uint64_t quiet = engine->frames_handled();
    (void)engine->play(std::vector<float>(2, 0.0F));
    (void)engine->next_period(quiet + settle);
    (void)engine->take_input_peaks();
    (void)engine->next_period(quiet + 4 * settle);
    CHECK(engine->take_input_peaks() == std::array{0.0F, 0.0F});
}

TEST_CASE("an engine that is hushed is silent soon, and gives nothing more", "[engine][hush]")
{
    const auto signal = noise_signal(period);
    std::vector<float> heard;
    EngineHooks hooks;
    bool hushes = false;
    hooks.hear = [&](Engine& engine, std::span<const float> captured) {
        heard.insert(heard.end(), captured.begin(), captured.end());
        if (hushes) engine.hush();
    };
    auto opened = Engine::open(std::make_unique<ScriptedBackend>(ScriptedBackend::Script{.device = silent_loop()}), {}, period, hooks);
    REQUIRE(opened);
    auto& engine = *opened.value();
    REQUIRE(engine.play(signal));
    const auto first = engine.next_period(settle);
    REQUIRE(first);
    // All that was captured was heard, also what no period is made of.
    CHECK(heard.size() / 2 >= static_cast<std::size_t>(first.value().first_frame) + period);
    hushes = true;
    const auto refused = engine.next_period(0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::interrupted);
    REQUIRE_FALSE(engine.play(signal));
    CHECK_FALSE(engine.next_stretch(0, 100));
    engine.silence();
    const auto pass = [&](std::uint64_t frames) {
        for (const auto until = engine.frames_handled() + frames; engine.frames_handled() < until;) (void)engine.next_stretch(0, 100);
    };
    pass(settle);
    (void)engine.take_input_peaks();
    pass(4 * settle);
    CHECK(engine.take_input_peaks() == std::array{0.0F, 0.0F});
}

namespace {

/// Each call gives the next of these devices; after the last none can be opened.
struct Comings {
    std::vector<ScriptedBackend::Script> scripts;
    std::size_t next{0};
    std::vector<std::string> told{};

    class Absent final : public Backend {
    public:
        Result<StreamFacts> open(const StreamRequest&, const rt::AudioEnds&) override { return Error{"there is no such device"}; }
        Status start() override { return Done{}; }
        void stop() noexcept override {}
        [[nodiscard]] bool is_alive() const noexcept override { return false; }
    };

    std::unique_ptr<Engine> open(std::chrono::milliseconds search_time = std::chrono::seconds{60})
    {
        const BackendFactory factory = [this]() -> std::unique_ptr<Backend> {
            if (next == scripts.size()) return std::make_unique<Absent>();
            return std::make_unique<ScriptedBackend>(scripts[next++]);
        };
        EngineHooks hooks;
        hooks.tell = [this](const std::string& what) { told.push_back(what); };
        hooks.search_time = search_time;
        auto engine = Engine::open(factory, {}, period, hooks);
        REQUIRE(engine);
        return std::move(engine).value();
    }
};

}  // namespace

TEST_CASE("a device that is lost and comes back plays on what played, and that is told", "[engine][restart]")
{
    const auto signal = noise_signal(period);
    const std::uint32_t other_delay = 333;
    Comings comings{{{.device = silent_loop(), .injections = {{.kind = Injection::Kind::die, .frame = 40'000}}}, {.device = silent_loop(other_delay)}}};
    const auto engine = comings.open();
    REQUIRE(engine->play(signal));
    std::int64_t last = -1;
    bool is_after = false;
    for (int i = 0; i < 30; ++i) {
        const auto p = engine->next_period(settle);
        REQUIRE(p);
        CHECK(p.value().first_frame > last);
        last = p.value().first_frame;
        // Told once, with the first that is of the new stream.
        if (p.value().faults.has(Fault::restarted)) {
            CHECK_FALSE(is_after);
            is_after = true;
            continue;
        }
        if (p.value().faults.none()) CHECK(is_the_signal(p.value(), signal, 2048 + (is_after ? other_delay : 100)));
    }
    CHECK(is_after);
    CHECK(engine->restarts() == 1);
    CHECK(engine->frames_handled() >= static_cast<std::uint64_t>(last));
    REQUIRE(comings.told.size() == 2);
    CHECK_THAT(comings.told[0], ContainsSubstring("scripted device") && ContainsSubstring("is gone; it is looked for, for 60 s"));
    CHECK_THAT(comings.told[1], ContainsSubstring("is back"));
    // What is played from here on plays there.
    const auto other = noise_signal(period, 8);
    REQUIRE(engine->play(other));
    const auto p = engine->next_period(engine->frames_handled() + settle);
    REQUIRE(p);
    CHECK(is_the_signal(p.value(), other, 2048 + other_delay));
}

TEST_CASE("a device that is lost before it plays is looked for by who wants to play", "[engine][restart]")
{
    const auto signal = noise_signal(period);
    Comings comings{{{.injections = {{.kind = Injection::Kind::die, .frame = 3'000, .play = 0}}}, {.device = silent_loop()}}};
    const auto engine = comings.open();
    while (comings.next < 2) REQUIRE(engine->play(signal));
    const auto p = engine->next_period(engine->frames_handled() + settle);
    REQUIRE(p);
    CHECK(engine->restarts() == 1);
}

TEST_CASE("samples that stop coming from anything are a loss, once there were some", "[engine][restart]")
{
    // JACK goes on with zeros where a device was.
    Comings comings{{{.injections = {{.kind = Injection::Kind::zero, .frame = 20'000, .count = 10'000'000}}}, {}}};
    const auto engine = comings.open();
    REQUIRE(engine->play(noise_signal(period)));
    while (engine->restarts() == 0) REQUIRE(engine->next_period(settle));
    CHECK_THAT(comings.told.front(), ContainsSubstring("nothing but zeros"));
    // From the beginning they may be what the device gives.
    Comings silent{{{.injections = {{.kind = Injection::Kind::zero, .frame = 0, .play = 0, .count = 10'000'000}}}, {}}};
    const auto other = silent.open();
    REQUIRE(other->play(noise_signal(period)));
    for (int i = 0; i < 60; ++i) REQUIRE(other->next_period(settle));
    CHECK(other->restarts() == 0);
}

TEST_CASE("a device that does not come back is given up in time, and when somebody says so", "[engine][restart]")
{
    Comings comings{{{.injections = {{.kind = Injection::Kind::die, .frame = 20'000}}}}};
    const auto engine = comings.open(std::chrono::milliseconds{300});
    REQUIRE(engine->play(noise_signal(period)));
    auto p = engine->next_period(settle);
    while (p) p = engine->next_period(settle);
    CHECK(p.error().kind == ErrorKind::interrupted);
    CHECK_THAT(p.error().message, ContainsSubstring("did not come back within 0.3 s (there is no such device)"));
    CHECK(engine->counters().blocks == 0);  // of what could not be opened
    CHECK_FALSE(engine->play(noise_signal(period)));
}
