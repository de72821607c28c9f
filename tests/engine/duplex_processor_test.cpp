#include "engine/audio_storage.h"
#include "engine/rt/duplex_processor.h"
#include "support/realtime_guard.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <numbers>
#include <random>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace lowleg;
using namespace lowleg::engine;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double rate = 48'000.0;
constexpr std::uint32_t fade = rt::fade_frames(rate);
static_assert(fade == 960);

/// A processor with its storage, driven block by block by hand.
class Rig {
public:
    explicit Rig(StorageSizes with = {.capture_frames = 65'536, .slot_frames = 10'000, .slots = 4})
        : sizes{with},
          lines(AudioStorage::bytes_needed(with) / sizeof(Line) + 1),
          storage{std::as_writable_bytes(std::span{lines}), with},
          control{storage.control_ends()},
          processor{storage.audio_ends(), rate}
    {
    }

    void play(std::uint32_t slot, const std::vector<float>& interleaved, std::uint64_t id)
    {
        std::ranges::copy(interleaved, control.arena.subspan(2 * sizes.slot_frames * slot).begin());
        REQUIRE(control.commands.push({rt::Command::Kind::play, slot, interleaved.size() / 2, id}));
    }
    void silence() { REQUIRE(control.commands.push({})); }

    /// One block, watched. Its time is that of its frames, plus `ahead_ns`. \return the header's faults.
    Faults block(const std::vector<float>& in, std::uint32_t frames, bool flagged = false)
    {
        out.assign(2 * std::size_t{frames}, 9.0F);
        handled += frames;
        const auto now = static_cast<std::int64_t>(1e9 * static_cast<double>(handled) / rate) + ahead_ns;
        {
            const testing::RealtimeScope watched;
            processor.process(in.empty() ? nullptr : in.data(), out.data(), frames, flagged, now);
        }
        played.insert(played.end(), out.begin(), out.end());
        header = {};
        if (!control.blocks.pop(header)) return {};
        captured.resize(2 * std::size_t{header.frames});
        const auto slices = control.samples.peek(captured.size());
        std::ranges::copy(slices.second, std::ranges::copy(slices.first, captured.begin()).out);
        control.samples.release(captured.size());
        return header.faults;
    }
    /// Noise, so that no two blocks are equal.
    std::vector<float> noise(std::uint32_t frames, float peak = 0.1F)
    {
        std::vector<float> x(2 * std::size_t{frames});
        std::ranges::generate(x, [&] { return std::uniform_real_distribution<float>{-peak, peak}(random); });
        return x;
    }
    Faults run(std::uint32_t blocks, std::uint32_t frames = 256)
    {
        Faults all;
        for (std::uint32_t i = 0; i < blocks; ++i) all.add(block(noise(frames), frames));
        return all;
    }
    [[nodiscard]] const rt::StreamState& state() const { return *control.state; }

    struct alignas(AudioStorage::alignment) Line { std::byte b[AudioStorage::alignment]; };
    StorageSizes sizes;
    std::vector<Line> lines;
    AudioStorage storage;
    ControlEnds control;
    rt::DuplexProcessor processor;
    std::mt19937 random{7};
    std::uint64_t handled{0};
    std::int64_t ahead_ns{0};
    std::vector<float> out, played, captured;
    rt::BlockHeader header;
};

std::vector<float> constant(std::size_t frames, float drive, float probe)
{
    std::vector<float> x(2 * frames);
    for (std::size_t i = 0; i < frames; ++i) { x[2 * i] = drive; x[2 * i + 1] = probe; }
    return x;
}

double raised_cosine(double at) { return 0.5 * (1.0 - std::cos(std::numbers::pi * at / fade)); }

bool only(Faults faults, Fault fault)
{
    Faults want;
    want.add(fault);
    return faults == want;
}

}  // namespace

TEST_CASE("a play starts and stops as a raised cosine", "[engine][rt]")
{
    Rig rig;
    rig.run(1);
    rig.play(0, constant(700, 0.5F, -0.25F), 1);
    rig.run(10, 250);  // 2500 frames: the fade takes 960
    rig.silence();
    rig.run(10, 250);

    // A float of 0.5 has a step of 2^-25 = 3e-8; gain and product are rounded once each.
    constexpr double step = 1e-7;
    const auto at = [&](std::size_t frame, std::size_t k) { return double{rig.played[2 * frame + k]}; };
    double worst = 0.0;
    for (std::size_t i = 0; i < 256; ++i) worst = std::max({worst, std::abs(at(i, 0)), std::abs(at(i, 1))});
    for (std::size_t i = 0; i < 2500; ++i) {
        const double gain = i < fade ? raised_cosine(static_cast<double>(i)) : 1.0;
        worst = std::max({worst, std::abs(at(256 + i, 0) - 0.5 * gain), std::abs(at(256 + i, 1) + 0.25 * gain)});
    }
    for (std::size_t i = 0; i < 2500; ++i) {
        const double gain = i < fade ? raised_cosine(static_cast<double>(fade - i)) : 0.0;
        worst = std::max({worst, std::abs(at(2756 + i, 0) - 0.5 * gain), std::abs(at(2756 + i, 1) + 0.25 * gain)});
    }
    CHECK_THAT(worst, WithinAbs(0.0, step));

    rt::Retired gone;
    REQUIRE(rig.control.retired.pop(gone));
    CHECK(gone.slot == 0);
    CHECK(gone.play_id == 1);
    CHECK(gone.at_frame == 2756 + fade);
    CHECK_FALSE(rig.control.retired.pop(gone));
}

TEST_CASE("the period repeats without a seam, whatever the blocks", "[engine][rt]")
{
    const auto frames = GENERATE(1U, 17U, 256U, 4096U, 60'000U);
    Rig rig;
    std::vector<float> signal = rig.noise(701);  // a prime
    rig.play(1, signal, 5);
    while (rig.handled < 10'000) rig.run(1, frames);
    bool same = true;
    for (std::size_t i = fade; i < 10'000; ++i) {
        same = same && rig.played[2 * i] == signal[2 * (i % 701)] && rig.played[2 * i + 1] == signal[2 * (i % 701) + 1];
    }
    CHECK(same);
}

TEST_CASE("a new play waits for the fade-out of the old one, inside a block too", "[engine][rt]")
{
    Rig rig;
    rig.play(0, constant(100, 0.5F, 0.5F), 1);
    rig.run(20, 256);
    rig.play(1, constant(100, -0.25F, -0.25F), 2);
    const std::uint64_t change = rig.handled;
    std::uint64_t start = 0;
    for (int i = 0; i < 20; ++i) {
        rig.run(1, 256);
        if (rig.header.play_id == 2 && start == 0) {
            start = rig.header.play_start;
            CHECK(rig.header.first_frame < start);  // 960 is no multiple of 256: it began inside this block
        }
    }
    CHECK(start == change + fade);
    double worst = 0.0;
    for (std::size_t i = 0; i < 2 * fade; ++i) {
        const double want = i < fade ? 0.5 * raised_cosine(static_cast<double>(fade - i))
                                     : -0.25 * raised_cosine(static_cast<double>(i - fade));
        worst = std::max(worst, std::abs(double{rig.played[2 * (change + i)]} - want));
    }
    CHECK_THAT(worst, WithinAbs(0.0, 1e-7));
}

TEST_CASE("no step in the output is larger than the signal's own and the fade's, however plays come and go", "[engine][rt]")
{
    Rig rig;
    std::uint64_t id = 0;
    std::array<bool, 4> used{};
    std::uniform_int_distribution<int> dice{0, 5};
    const auto collect = [&] {
        rt::Retired gone;
        while (rig.control.retired.pop(gone)) { CHECK(used[gone.slot]); used[gone.slot] = false; }
    };
    for (int i = 0; i < 2000; ++i) {
        collect();
        const auto slot = static_cast<std::uint32_t>(std::ranges::find(used, false) - used.begin());
        const int roll = dice(rig.random);
        if (roll == 0) rig.silence();
        if (roll == 1 && slot < 4) {
            ++id;
            rig.play(slot, constant(50, 0.9F, id % 2 == 0 ? 0.9F : -0.9F), id);
            used[slot] = true;
        }
        rig.run(1, 64);
    }
    rig.silence();
    rig.run(40, 64);
    collect();
    CHECK(std::ranges::none_of(used, [](bool b) { return b; }));  // every slot came back
    float step = 0.0F;
    for (std::size_t i = 2; i < rig.played.size(); ++i) step = std::max(step, std::abs(rig.played[i] - rig.played[i - 2]));
    // Steepest: 0.9 · π/(2·960) = 1.5e-3 per frame.
    CHECK(step < 1.6e-3F);
    CHECK(step > 1.4e-3F);
}

TEST_CASE("nothing beyond the ceiling leaves, and nothing that is no number", "[engine][rt]")
{
    Rig rig;
    auto signal = constant(8, 1.5F, -3.0F);
    signal[2] = std::numeric_limits<float>::quiet_NaN();
    signal[4] = std::numeric_limits<float>::infinity();
    signal[7] = -std::numeric_limits<float>::infinity();
    rig.play(0, signal, 1);
    rig.run(20);
    rig.silence();
    rig.run(20);
    bool held = true;
    for (const float x : rig.played) held = held && std::abs(x) <= rt::level_ceiling;  // false for NaN
    CHECK(held);
    CHECK(std::ranges::max(rig.played) == rt::level_ceiling);
}

TEST_CASE("commands that make no sense are not followed", "[engine][rt]")
{
    Rig rig;
    rt::Command bad = GENERATE(rt::Command{rt::Command::Kind::play, 4, 100, 1}, rt::Command{rt::Command::Kind::play, 0, 0, 1},
                               rt::Command{rt::Command::Kind::play, 0, 10'001, 1}, rt::Command{rt::Command::Kind::play, 0, 100, 0});
    std::ranges::fill(rig.control.arena, 0.5F);
    REQUIRE(rig.control.commands.push(bad));
    rig.run(10);
    CHECK(std::ranges::all_of(rig.played, [](float x) { return x == 0.0F; }));
}

TEST_CASE("a clean stream has no faults and crosses unchanged", "[engine][rt]")
{
    Rig rig;
    std::vector<float> in = rig.noise(256);
    for (int i = 0; i < 100; ++i) {
        in = rig.noise(256);
        CHECK(rig.block(in, 256).none());
        CHECK(rig.captured == in);
        CHECK(rig.header.first_frame == 256U * static_cast<unsigned>(i));
    }
    CHECK(rig.state().frames == 25'600);
    CHECK(rig.state().blocks == 100);
}

TEST_CASE("what is wrong with samples is told, counted and put right", "[engine][rt]")
{
    Rig rig;
    rig.run(40);
    auto in = rig.noise(256);

    SECTION("not finite: 0 in its place")
    {
        in[10] = std::numeric_limits<float>::quiet_NaN();
        in[11] = -std::numeric_limits<float>::infinity();
        CHECK(only(rig.block(in, 256), Fault::not_finite));
        CHECK(rig.captured[10] == 0.0F);
        CHECK(rig.captured[11] == 0.0F);
        CHECK(rig.captured[12] == in[12]);
        CHECK(rig.state().not_finite == 2);
    }
    SECTION("full scale: three in a row are clipping, two are not")
    {
        in[20] = in[22] = 1.0F;
        CHECK(rig.block(in, 256).none());
        in = rig.noise(256);
        in[21] = in[23] = -0.9999F;
        in[25] = 0.99995F;
        in[27] = -2.0F;
        CHECK(only(rig.block(in, 256), Fault::clipped));
        CHECK(rig.state().clipped == 4);
    }
    SECTION("clipping across two blocks")
    {
        in[508] = in[510] = 1.0F;
        CHECK(rig.block(in, 256).none());
        in = rig.noise(256);
        in[0] = 1.0F;
        CHECK(only(rig.block(in, 256), Fault::clipped));
        CHECK(rig.state().clipped == 3);
    }
    SECTION("exact zeros: more than 64 frames, on both inputs")
    {
        std::fill_n(in.begin() + 100, 128, 0.0F);
        in[102] = -0.0F;
        CHECK(rig.block(in, 256).none());  // 64 frames
        in = rig.noise(256);
        std::fill_n(in.begin() + 100, 130, 0.0F);
        CHECK(only(rig.block(in, 256), Fault::zeros));
        in = rig.noise(256);
        for (std::size_t i = 0; i < 512; i += 2) in[i] = 0.0F;  // one input only, as an unused one
        CHECK(rig.block(in, 256).none());
        for (float& x : in) x = 1e-40F;  // denormal is not zero
        CHECK(rig.block(in, 256).none());
        CHECK(rig.block({}, 256).has(Fault::zeros));  // no input at all
    }
    SECTION("peaks")
    {
        in[6] = -0.75F;
        in[9] = 0.5F;
        rig.block(in, 256);
        CHECK(rig.state().peak[0] == 0.75F);
        CHECK(rig.state().peak[1] == 0.5F);
        rig.block(rig.noise(256), 256);
        CHECK(rig.state().peak[0] == 0.75F);
    }
}

TEST_CASE("a block that comes twice is told, unless that proves nothing", "[engine][rt]")
{
    Rig rig;
    rig.run(40);
    const auto in = rig.noise(256);
    rig.block(in, 256);

    SECTION("twice") { CHECK(only(rig.block(in, 256), Fault::repeated)); }
    SECTION("with one bit changed") { auto other = in; other[200] = std::nextafter(other[200], 1.0F); CHECK(rig.block(other, 256).none()); }
    SECTION("with two signs changed") { auto other = in; other[1] = -other[1]; other[3] = -other[3]; CHECK(rig.block(other, 256).none()); }
    SECTION("a constant, as of a quiet converter with an offset")
    {
        rig.block(constant(256, 0.01F, -0.01F), 256);
        CHECK(rig.block(constant(256, 0.01F, -0.01F), 256).none());
    }
    SECTION("a loop without noise, whose output repeats with the blocks")
    {
        rig.play(0, rig.noise(128), 1);
        rig.run(10);
        rig.block(in, 256);
        CHECK(rig.block(in, 256).none());
        rig.silence();
        rig.run(10);
        rig.block(in, 256);
        CHECK(only(rig.block(in, 256), Fault::repeated));
    }
    SECTION("while another output plays")
    {
        rig.play(0, rig.noise(701), 1);
        rig.run(10);
        rig.block(in, 256);
        CHECK(only(rig.block(in, 256), Fault::repeated));
    }
}

TEST_CASE("what is wrong with the time of a block is told", "[engine][rt]")
{
    Rig rig;
    rig.run(40);

    SECTION("flagged") { CHECK(only(rig.block(rig.noise(256), 256, true), Fault::flagged)); }
    SECTION("flagged without frames: the next block tells")
    {
        CHECK(rig.block({}, 0, true).none());
        CHECK(only(rig.block(rig.noise(256), 256), Fault::flagged));
        CHECK(rig.block(rig.noise(256), 256).none());
    }
    SECTION("another size after many equal ones, once")
    {
        CHECK(only(rig.block(rig.noise(1024), 1024), Fault::block_size));
        CHECK(rig.block(rig.noise(1024), 1024).none());
        CHECK(rig.block({}, 0).none());
        CHECK(rig.block(rig.noise(1024), 1024).none());
    }
    SECTION("sizes that never stay are the way of this system")
    {
        rig.run(1, 100);
        Faults all;
        for (int i = 0; i < 200; ++i) all.add(rig.run(1, i % 7 == 0 ? 241U : 256U));
        CHECK(all.none());
    }
}

TEST_CASE("the frame count is held against the clock", "[engine][rt]")
{
    Rig rig;
    rig.run(40);
    // Allowed: two blocks of 256 (10.67 ms) and 20 ms.
    SECTION("held up by less than what may wait in buffers")
    {
        rig.ahead_ns = 30'000'000;
        CHECK(rig.run(50).none());
    }
    SECTION("held up by more: once, then a new count")
    {
        rig.ahead_ns = 31'000'000;
        CHECK(only(rig.block(rig.noise(256), 256), Fault::late));
        CHECK(rig.run(50).none());
        rig.ahead_ns += 31'000'000;
        CHECK(only(rig.block(rig.noise(256), 256), Fault::late));
        CHECK(rig.state().late == 2);
    }
    SECTION("a stall that the blocks make good is none")
    {
        rig.ahead_ns = 25'000'000;
        CHECK(rig.run(1).none());
        rig.ahead_ns = 0;
        CHECK(rig.run(1).none());
        rig.ahead_ns = 25'000'000;
        CHECK(rig.run(1).none());
    }
    SECTION("a crystal that is 190 ppm slow is never late, one that loses 1000 ppm is")
    {
        const auto drift = [&](double ppm) {
            Faults all;
            for (int i = 0; i < 50'000; ++i) {
                rig.ahead_ns += static_cast<std::int64_t>(ppm * 1e-6 * 256e9 / rate);
                all.add(rig.block(rig.noise(256), 256));
            }
            return all;
        };
        CHECK(drift(190.0).none());  // 267 s
        CHECK(only(drift(1000.0), Fault::late));
    }
    SECTION("running ahead of the clock is none, and what follows is watched as before")
    {
        for (int i = 0; i < 1000; ++i) {
            rig.ahead_ns -= 5'000'000;
            CHECK(rig.block(rig.noise(256), 256).none());
        }
        rig.ahead_ns += 31'000'000;
        CHECK(only(rig.block(rig.noise(256), 256), Fault::late));
    }
}

TEST_CASE("a block that finds the ring full is dropped whole, and the next one tells", "[engine][rt]")
{
    Rig rig{{.capture_frames = 1024, .slot_frames = 16, .slots = 4}};
    std::vector<float> out(600);
    std::int64_t ns = 0;
    const auto push = [&](std::uint32_t frames) {
        const auto in = rig.noise(frames);
        rig.processor.process(in.data(), out.data(), frames, false, ns += static_cast<std::int64_t>(frames * 1e9 / rate));
    };
    push(300); push(300); push(300);
    CHECK(rig.processor.capture_space_frames() == 124);
    push(125);
    CHECK(rig.state().dropped == 1);
    CHECK(rig.processor.capture_space_frames() == 124);
    push(0);
    push(100);
    rt::BlockHeader header;
    for (int i = 0; i < 3; ++i) REQUIRE(rig.control.blocks.pop(header));
    CHECK(header.faults.none());
    REQUIRE(rig.control.blocks.pop(header));
    CHECK(only(header.faults, Fault::lost));
    CHECK(header.first_frame == 1025);  // dropped frames are counted
    CHECK(header.frames == 100);
    CHECK(rig.state().frames == 1125);
}

TEST_CASE("channels are taken from any interleaving, and inputs may lie where outputs go", "[engine][rt]")
{
    Rig rig;
    std::vector<float> wide(5 * 256);
    for (std::size_t i = 0; i < 256; ++i) { wide[5 * i + 3] = static_cast<float>(i) / 512.0F; wide[5 * i + 1] = -0.25F; }
    rig.play(0, constant(10, 0.5F, 0.25F), 1);
    rig.run(10);
    rig.processor.process({{wide.data() + 3, wide.data() + 1}, 5}, {{wide.data() + 3, wide.data() + 1}, 5}, 256, false, 60'000'000);
    REQUIRE(rig.control.blocks.pop(rig.header));
    const auto slices = rig.control.samples.peek(512);
    CHECK(slices.first[2 * 100] == 100.0F / 512.0F);
    CHECK(slices.first[2 * 100 + 1] == -0.25F);
    CHECK(wide[5 * 100 + 3] == 0.5F);
    CHECK(wide[5 * 100 + 1] == 0.25F);
    CHECK(wide[5 * 100 + 2] == 0.0F);
}

TEST_CASE("the thread's own treatment of denormals comes back", "[engine][rt]")
{
    volatile float denormal = 1e-40F;
    Rig rig;
    rig.run(1);
    CHECK(denormal * 2.0F > 0.0F);
#if defined(__x86_64__) || defined(__aarch64__)
    // And inside they are off: a signal of denormals leaves as silence while it fades.
    rig.play(0, constant(10, 1e-39F, 1e-39F), 1);
    rig.run(2);
    CHECK(std::ranges::all_of(rig.played, [](float x) { return x == 0.0F; }));
#endif
}

TEST_CASE("the audio side makes no forbidden call in anything that it does", "[engine][rt]")
{
    if (!testing::realtime_guard_works()) SKIP("a sanitizer has these functions for itself");
    (void)testing::take_caught();
    Rig rig{{.capture_frames = 4096, .slot_frames = 10'000, .slots = 4}};
    const std::vector<float> signal = rig.noise(701, 2.0F);
    for (const std::uint32_t frames : {0U, 1U, 64U, 256U, 5000U, 256U}) {
        rig.play(0, signal, frames + 1);
        rig.run(20, frames);
        rig.play(1, signal, frames + 2);
        rig.play(2, signal, frames + 3);
        rig.silence();
        rig.ahead_ns += 100'000'000;
        rig.block(std::vector<float>(2 * std::size_t{frames}, std::numeric_limits<float>::quiet_NaN()), frames, true);
        rig.block(std::vector<float>(2 * std::size_t{frames}, 1.0F), frames);
        rig.block({}, frames);
        rig.run(40, frames);
    }
    CHECK(rig.state().dropped > 0);
    const testing::Caught caught = testing::take_caught();
    INFO(caught.first);
    CHECK(caught.calls == 0);
}

TEST_CASE("the guard catches what is planted", "[engine][rt][guard]")
{
    if (!testing::realtime_guard_works()) SKIP("a sanitizer has these functions for itself");
    (void)testing::take_caught();
    std::vector<float> grown;
    std::mutex mutex;

    SECTION("an allocation") { { const testing::RealtimeScope watched; grown.resize(1000); } CHECK(testing::take_caught().first == "malloc"); }
    SECTION("a release") { grown.resize(1000); { const testing::RealtimeScope watched; std::vector<float>{}.swap(grown); } CHECK(testing::take_caught().first == "free"); }
    SECTION("a lock") { { const testing::RealtimeScope watched; const std::lock_guard lock{mutex}; } CHECK(testing::take_caught().first == "pthread_mutex_lock"); }
    SECTION("output") { { const testing::RealtimeScope watched; (void)!::write(STDERR_FILENO, "", 0); } CHECK(testing::take_caught().first == "write"); }
    SECTION("sleep")
    {
        { const testing::RealtimeScope watched; std::this_thread::sleep_for(std::chrono::nanoseconds{1}); }
        const std::string name = testing::take_caught().first;
        CHECK((name == "nanosleep" || name == "clock_nanosleep"));
    }
    SECTION("nothing outside") { grown.resize(1000); const std::lock_guard lock{mutex}; CHECK(testing::take_caught().calls == 0); }
}

TEST_CASE("where nobody commands any more, what sounds fades out and stays out", "[engine][rt]")
{
    Rig rig;
    rig.play(0, std::vector<float>(2 * 1000, 0.5F), 1);
    rig.run(10);
    CHECK(rig.played.back() == 0.5F);
    rig.played.clear();
    rig.control.state->is_hushed = true;
    // What is still in the ring is left there.
    rig.play(1, std::vector<float>(2 * 1000, 0.25F), 2);
    rig.run(10);
    // A raised cosine over the fade's length (DuplexProcessor::next_output), then nothing.
    for (std::uint32_t i = 0; i < fade; ++i)
        CHECK_THAT(rig.played[2 * std::size_t{i}], WithinAbs(0.5 * 0.5 * (1.0 + std::cos(std::numbers::pi * i / fade)), 1e-6));
    for (std::size_t i = 2 * std::size_t{fade}; i < rig.played.size(); ++i) REQUIRE(rig.played[i] == 0.0F);
}

TEST_CASE("a second view of the same memory continues what the first one holds", "[engine][rt]")
{
    Rig rig;
    const auto other = AudioStorage::attached_to(std::as_writable_bytes(std::span{rig.lines}), rig.sizes);
    rig.play(2, std::vector<float>(2 * 1000, 0.125F), 9);
    rt::Command command;
    auto commands = other.audio_ends().commands;
    REQUIRE(commands.pop(command));
    CHECK(command.play_id == 9);
    CHECK(command.slot == 2);
    CHECK(other.audio_ends().arena.samples[2 * rig.sizes.slot_frames * 2] == 0.125F);
    CHECK(other.audio_ends().state == rig.control.state);
}
