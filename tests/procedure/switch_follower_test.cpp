// Hands-free: the switch moves at some frame, and the program finds out by itself.
#include "procedure/switch_follower.h"

#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "procedure/identify.h"
#include "support/output_circuits.h"
#include "support/scripted_backend.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using lowleg::testing::output_circuits;
using Catch::Matchers::ContainsSubstring;
using lowleg::testing::ScriptedBackend;
using procedure::UserWord;
using enum SwitchState;

namespace {

constexpr double rate = 48e3;
constexpr std::int64_t way_in = 2048;  // of the scripted backend, from the device to the engine

/// A bench whose switch moves when its turn has come, in the middle of what plays.
class Rig {
public:
    explicit Rig(const std::string& circuit, const Fixture& fixture = {}, const bench::InterfaceModel& interface = {})
    {
        options.fixture = fixture;
        options.source = procedure::Source::device;
        options.line_output = true;
        auto built = bench::VirtualBench::build(bench::find_circuit(circuit).value(), fixture, interface, rate);
        REQUIRE(built);
        bench_ = std::move(built).value();
        ScriptedBackend::Script script;
        script.device = [this](const float* drive, const float* probe, float* i2, float* i3, std::uint32_t n) {
            if (const auto at = move_at_.load(); at >= 0 && frames_ >= at) {
                bench_->request_state(move_to_.load());
                moved_at_.store(frames_ + way_in + bench_->delay().value());
                move_at_.store(-1);
            }
            bench_->process(drive, probe, i2, i3, n);
            frames_ += n;
        };
        auto opened = engine::Engine::open(std::make_unique<ScriptedBackend>(std::move(script)), {}, 24'000);
        REQUIRE(opened);
        engine_ = std::move(opened).value();

        follow.fixture = fixture;
        follow.ask = [this](SwitchState state) -> Status {
            asked.push_back(state);
            if (state == through) return Done{};
            move_after(does.contains(state) ? does.at(state) : state, std::uniform_int_distribution{5'000, 60'000}(random_));
            return Done{};
        };
        follow.say = [this](const std::string& sentence) { said.push_back(sentence); };
        follow.word = [this] { return word(); };
        follow.followed = [this](const procedure::Followed& f) { followed[f.state] = {f, f.at_frame - moved_at_.load()}; };
    }

    void move_after(SwitchState state, int frames)
    {
        move_to_.store(state);
        move_at_.store(static_cast<std::int64_t>(engine_->frames_handled()) + frames);
    }
    [[nodiscard]] bool has_moved() const { return move_at_.load() < 0; }

    Result<procedure::Identification> identify()
    {
        auto fixture_switch = procedure::following_switch(follow);
        return procedure::identify(*engine_, fixture_switch, options, {}, [this] { return should_stop; });
    }

    procedure::IdentifyOptions options;
    procedure::FollowOptions follow;
    std::function<UserWord()> word{[] { return UserWord::none; }};
    std::map<SwitchState, SwitchState> does;  ///< What the person does instead of what it is asked for.
    std::vector<SwitchState> asked;
    std::vector<std::string> said;
    std::map<SwitchState, std::pair<procedure::Followed, std::int64_t>> followed;  ///< And the frames since the switch moved.
    bool should_stop{false};

private:
    std::shared_ptr<bench::VirtualBench> bench_;
    std::mt19937 random_{5};
    std::int64_t frames_{0};
    std::atomic<std::int64_t> move_at_{-1};
    std::atomic<std::int64_t> moved_at_{0};
    std::atomic<SwitchState> move_to_{through};
    std::unique_ptr<engine::Engine> engine_;  // last: its thread uses the others
};

}  // namespace

TEST_CASE("with the probe every state of every output is recognised within 300 ms, and nobody is asked for a word", "[procedure][follow][numbers]")
{
    for (const auto& circuit : output_circuits()) {
        // Pin 3 on ground or on nothing: two states read the same, and only a word can tell.
        if (circuit == "unbalanced" || circuit == "unbalanced-open") continue;
        Rig rig{circuit};
        const auto run = rig.identify();
        CAPTURE(circuit);
        if (!run) FAIL_CHECK(run.error().message);
        if (!run) continue;
        CHECK(rig.said.empty());
        for (const auto& [state, found] : rig.followed) {
            CAPTURE(name_of(state), found.second);
            CHECK(found.first.by_signals);
            CHECK(found.second > 0);
            CHECK(found.second <= static_cast<std::int64_t>(0.3 * rate));
        }
    }
}

TEST_CASE("without the probe the states of balanced outputs are recognised within 300 ms", "[procedure][follow][numbers]")
{
    const std::string circuit = GENERATE("transformer", "cross-coupled", "inverter", "dual-unbalanced");
    Fixture fixture;
    fixture.probe.reset();
    fixture.rin2 = fixture.rin3 = GENERATE(Ohms{10e3}, Ohms{1e6});
    Rig rig{circuit, fixture};
    const auto run = rig.identify();
    CAPTURE(circuit, fixture.rin2.value());
    if (!run) FAIL(run.error().message);
    CHECK(rig.followed.size() >= 2);
    for (const auto& [state, found] : rig.followed) {
        CAPTURE(name_of(state), found.second);
        CHECK(found.first.by_signals);
        CHECK((found.second > 0 && found.second <= static_cast<std::int64_t>(0.3 * rate)));
    }
}

TEST_CASE("noise, hum and a mismatch of the channels do not hide the switch", "[procedure][follow][numbers]")
{
    const std::string circuit = GENERATE("transformer", "inverter", "impedance-balanced", "cross-coupled");
    bench::InterfaceModel interface;
    interface.noise = Dbfs{-90.0};
    interface.hum = Dbfs{-50.0};
    Rig rig{circuit, {}, interface};
    const auto run = rig.identify();
    CAPTURE(circuit);
    if (!run) FAIL(run.error().message);
    for (const auto& [state, found] : rig.followed) {
        CAPTURE(name_of(state), found.second);
        CHECK((found.second > 0 && found.second <= static_cast<std::int64_t>(0.3 * rate)));
    }
}

TEST_CASE("where states read the same the user's word is asked for, taken, and said to have been", "[procedure][follow]")
{
    Rig rig{"unbalanced"};
    rig.word = [&] { return rig.asked.back() == lifted || rig.said.empty() || !rig.has_moved() ? UserWord::none : UserWord::given; };
    const auto run = rig.identify();
    if (!run) FAIL(run.error().message);
    REQUIRE_FALSE(rig.said.empty());
    CHECK_THAT(rig.said.front(), ContainsSubstring("press Enter"));
    REQUIRE(rig.followed.contains(loaded));
    CHECK_FALSE(rig.followed.at(loaded).first.by_signals);
    CHECK(rig.followed.at(lifted).first.by_signals);
}

TEST_CASE("nobody to ask where a word is needed is an error", "[procedure][follow]")
{
    Rig rig{"unbalanced"};
    rig.word = [] { return UserWord::never; };
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK_THAT(run.error().message, ContainsSubstring("--switch"));
}

TEST_CASE("another state than the one asked for is named, and the right one still recognised", "[procedure][follow]")
{
    Rig rig{"cross-coupled"};
    rig.does[loaded] = lifted;
    rig.follow.say = [&](const std::string& sentence) {
        rig.said.push_back(sentence);
        rig.does.clear();
        rig.move_after(loaded, 10'000);
    };
    const auto run = rig.identify();
    if (!run) FAIL(run.error().message);
    REQUIRE(rig.said.size() == 1);
    CHECK_THAT(rig.said.front(), ContainsSubstring("on \"lifted\"") && ContainsSubstring("\"loaded\""));
    CHECK(run.value().verdict.id() == "cross-coupled");
}

TEST_CASE("a word against what is seen counts when it is repeated", "[procedure][follow]")
{
    Rig rig{"inverter"};
    rig.options.states = {through, lifted};
    rig.does[lifted] = through;
    int words = 0;
    rig.word = [&] { return rig.has_moved() && std::cmp_equal(rig.said.size(), words) && words < 2 ? (++words, UserWord::given) : UserWord::none; };
    const auto run = rig.identify();
    // It is believed for the moment, and what was measured then shows that the switch stood still.
    REQUIRE_FALSE(run);
    CHECK_THAT(run.error().message, ContainsSubstring("the switch did not move"));
    CHECK(words == 2);
    REQUIRE(rig.said.size() == 1);
    CHECK_THAT(rig.said.front(), ContainsSubstring("\"through\"") && ContainsSubstring("insist"));
}

TEST_CASE("a program that sets another state than it says is told, with both", "[procedure][follow]")
{
    const auto stuck = GENERATE(grounded, lifted);
    Rig rig{"cross-coupled"};
    rig.follow.mover = [&](SwitchState state) -> Status {
        rig.move_after(state == loaded ? stuck : state, 0);
        return Done{};
    };
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::failure);
    CHECK_THAT(run.error().message, ContainsSubstring("\"loaded\"") && ContainsSubstring("\"" + std::string{name_of(stuck)} + "\""));
}

TEST_CASE("a program that moves the switch is believed where nothing can tell", "[procedure][follow]")
{
    const std::string circuit = GENERATE("unbalanced", "unbalanced-open", "impedance-balanced", "inverter");
    const bool has_probe = GENERATE(true, false);
    Fixture fixture;
    if (!has_probe) fixture.probe.reset();
    Rig rig{circuit, fixture};
    rig.follow.mover = [&](SwitchState state) -> Status {
        rig.move_after(state, 0);
        return Done{};
    };
    const auto run = rig.identify();
    CAPTURE(circuit, has_probe);
    if (!run) FAIL_CHECK(run.error().message);
}

TEST_CASE("waiting for the switch can be stopped", "[procedure][follow]")
{
    Rig rig{"inverter"};
    rig.does[loaded] = through;
    int looks = 0;
    rig.word = [&] { rig.should_stop = ++looks > 20; return UserWord::none; };
    rig.follow.should_stop = [&] { return rig.should_stop; };
    const auto run = rig.identify();
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::interrupted);
}
