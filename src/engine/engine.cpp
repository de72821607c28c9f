#include "engine/engine.h"

#include "core/text.h"
#include "engine/audio_storage.h"
#include "engine/period_assembly.h"

#include <algorithm>
#include <bitset>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lowleg::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// No block for so long, and the device is given up; whatever is shorter is only waited for. (A JACK server that changes its
// buffer size, or a system under load, stands still for a second.)
constexpr Clock::duration patience = 3s;
constexpr Clock::duration poll_interval = 2ms;
// Longer than the round trip of any interface that is fit to measure: mixing audio systems reach 60 ms.
constexpr double aftermath_s = 0.1;

constexpr std::uint32_t slot_count = 4;
// 5.5 s at 48 kHz: longer than the control thread is away while the fixture is switched.
constexpr std::size_t least_capture_frames = 262'144;
constexpr std::int64_t longest_period_frames = 1 << 24;

struct alignas(AudioStorage::alignment) Line {
    std::byte bytes[AudioStorage::alignment];
};

/// Waiting for a device: how long nothing has happened. Time in which this process itself was stopped does not count, because
/// each step counts for little.
class Patience {
public:
    /// \param sign_of_life  any number that changes while blocks arrive.
    [[nodiscard]] bool is_over(std::uint64_t sign_of_life)
    {
        const Clock::time_point now = Clock::now();
        waited_ = sign_of_life == seen_ ? waited_ + std::min(now - before_, longest_step) : Clock::duration{0};
        seen_ = sign_of_life;
        before_ = now;
        return waited_ > patience;
    }

private:
    static constexpr Clock::duration longest_step = 100ms;
    std::uint64_t seen_{~std::uint64_t{0}};
    Clock::time_point before_{Clock::now()};
    Clock::duration waited_{0};
};

[[nodiscard]] Error failure(std::string message) { return {std::move(message), ErrorKind::failure}; }
[[nodiscard]] Error interrupted(std::string message) { return {std::move(message), ErrorKind::interrupted}; }

}  // namespace

struct Engine::Impl {
    std::vector<Line> memory;
    AudioStorage storage;
    ControlEnds ends;
    StreamFacts facts;
    PeriodAssembly assembly;
    Playing playing;
    std::uint64_t last_play_id{0};
    std::bitset<slot_count> in_use;         // slots that the audio side may still read
    bool given_up{false};                   // the device stood still for too long: not waited for again
    std::unique_ptr<Backend> backend;       // last: gone before the storage that it uses

    Impl(std::vector<Line> lines, const StorageSizes& sizes)
        : memory{std::move(lines)},
          storage{std::as_writable_bytes(std::span{memory}), sizes},
          ends{storage.control_ends()},
          assembly{ends.blocks, ends.samples, 0}
    {
    }

    [[nodiscard]] std::string device() const { return std::string{"the audio device “"} + facts.device.data() + "”"; }
    [[nodiscard]] std::uint64_t signs_of_life() const noexcept
    {
        return ends.state->blocks.load(std::memory_order_relaxed);
    }

    void collect_retired() noexcept
    {
        rt::Retired gone;
        while (ends.retired.pop(gone)) in_use.reset(gone.slot);
    }

    /// Waits until `done()`, throwing captured audio away meanwhile: a backend that waits for room would wait forever.
    template <class Done>
    Status wait_discarding(Done done)
    {
        Patience patience_left;
        while (!done()) {
            if (Status alive = check_alive(patience_left); !alive) return alive;
            assembly.discard();
            std::this_thread::sleep_for(poll_interval);
        }
        return lowleg::Done{};
    }

    Status check_alive(Patience& patience_left)
    {
        if (!backend->is_alive()) {
            return interrupted(device() + " is gone: connect it, or start its audio system, and measure again");
        }
        if (patience_left.is_over(signs_of_life())) {
            given_up = true;
            return interrupted(device() + " has delivered nothing for " +
                               std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience).count()) +
                               " s: see whether it or its audio system hangs, and measure again");
        }
        return Done{};
    }

    /// What the assembly cuts out next: waits for it. \param advance  asks the assembly.
    template <class Advance>
    auto wait_for_frames(std::uint64_t not_before, Advance advance) -> Result<typename decltype(advance())::value_type>
    {
        if (playing.play_id == 0) return failure("no period can be captured, because nothing plays: play a signal first");
        constexpr double farthest_s = 3600.0;
        if (not_before > ends.state->frames.load(std::memory_order_acquire) + static_cast<std::uint64_t>(farthest_s * facts.sample_rate_hz)) {
            return failure("a period was asked for that begins more than an hour from now: ask for an earlier one");
        }
        Patience patience_left;
        for (;;) {
            if (auto captured = advance()) return std::move(*captured);
            if (Status alive = check_alive(patience_left); !alive) return alive.error();
            std::this_thread::sleep_for(poll_interval);
        }
    }

    Status send(const rt::Command& command)
    {
        return wait_discarding([&] { return ends.commands.push(command); });
    }
};

Engine::Engine(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}

Result<std::unique_ptr<Engine>> Engine::open(std::unique_ptr<Backend> backend, const StreamRequest& request,
                                             std::int64_t max_period_frames)
{
    if (max_period_frames < 1 || max_period_frames > longest_period_frames) {
        return failure("a period of " + std::to_string(max_period_frames) + " frames cannot be played: it must have 1 to " +
                       std::to_string(longest_period_frames));
    }
    const auto slot_frames = static_cast<std::size_t>(max_period_frames);
    const StorageSizes sizes{.capture_frames = std::max(least_capture_frames, 4 * slot_frames),
                             .slot_frames = slot_frames,
                             .slots = slot_count};
    std::vector<Line> memory((AudioStorage::bytes_needed(sizes) + sizeof(Line) - 1) / sizeof(Line));
    auto impl = std::make_unique<Impl>(std::move(memory), sizes);
    impl->backend = std::move(backend);

    Result<StreamFacts> facts = impl->backend->open(request, impl->storage.audio_ends());
    if (!facts) return facts.error();
    impl->facts = facts.value();
    const double rate = impl->facts.sample_rate_hz;
    if (!std::isfinite(rate) || rate < 1'000.0 || rate > 10e6) {
        return failure(impl->device() + " reports a sample rate of " + format_number(rate) +
                       " Hz, which cannot be: choose another device or audio system");
    }
    impl->assembly = PeriodAssembly{impl->ends.blocks, impl->ends.samples, static_cast<std::uint64_t>(aftermath_s * rate)};
    if (Status started = impl->backend->start(); !started) return started.error();

    auto engine = std::unique_ptr<Engine>{new Engine{std::move(impl)}};
    // A device that opens and then stays dumb is found here, not in the middle of a measurement.
    if (Status first = engine->impl_->wait_discarding([&] { return engine->frames_handled() > 0; }); !first) return first.error();
    return engine;
}

Engine::~Engine()
{
    if (!impl_) return;
    if (impl_->backend->is_alive() && !impl_->given_up) silence();
    impl_->backend->stop();
}

const StreamFacts& Engine::facts() const noexcept { return impl_->facts; }

Status Engine::play(std::span<const float> interleaved)
{
    Impl& m = *impl_;
    const std::size_t frames = interleaved.size() / 2;
    const std::size_t slot_frames = m.ends.arena.size() / 2 / slot_count;
    if (interleaved.size() % 2 != 0 || frames < 1 || frames > slot_frames) {
        return failure("a signal of " + std::to_string(interleaved.size()) + " samples cannot be played: it must have 1 to " +
                       std::to_string(slot_frames) + " frames of 2 samples");
    }
    for (const float x : interleaved) {
        if (!std::isfinite(x)) return failure("the signal to play has samples that are not numbers, and was not played");
        if (std::abs(x) > rt::level_ceiling) {
            return failure("the signal to play peaks at " + format_number(double{x}) + ", above the ceiling of " +
                           format_number(double{rt::level_ceiling}) + " of full scale, and was not played: lower its level");
        }
    }

    std::size_t slot = slot_count;
    const auto find_slot = [&] {
        m.collect_retired();
        for (slot = 0; slot < slot_count && m.in_use.test(slot);) ++slot;
        return slot < slot_count;
    };
    if (Status found = m.wait_discarding(find_slot); !found) return found;

    std::ranges::copy(interleaved, m.ends.arena.subspan(2 * slot_frames * slot).begin());
    const std::uint64_t play_id = m.last_play_id + 1;
    if (Status sent = m.send({.kind = rt::Command::Kind::play,
                              .slot = static_cast<std::uint32_t>(slot),
                              .frames = frames,
                              .play_id = play_id});
        !sent) {
        return sent;
    }
    m.in_use.set(slot);
    m.last_play_id = play_id;
    m.playing = {.play_id = play_id, .period_frames = frames, .fade_frames = rt::fade_frames(m.facts.sample_rate_hz)};
    return Done{};
}

void Engine::silence()
{
    Impl& m = *impl_;
    m.playing = {};
    m.collect_retired();
    if (m.in_use.none()) return;
    if (!m.send({.kind = rt::Command::Kind::silence})) return;  // gone: nothing sounds
    (void)m.wait_discarding([&] {
        m.collect_retired();
        return m.in_use.none();
    });
}

std::uint64_t Engine::frames_handled() const noexcept { return impl_->ends.state->frames.load(std::memory_order_acquire); }

Result<Period> Engine::next_period(std::uint64_t not_before)
{
    Impl& m = *impl_;
    return m.wait_for_frames(not_before, [&] { return m.assembly.advance(m.playing, not_before); });
}

Result<Stretch> Engine::next_stretch(std::uint64_t not_before, std::int64_t frames)
{
    Impl& m = *impl_;
    if (frames < 1 || static_cast<double>(frames) > m.facts.sample_rate_hz)
        return failure("a stretch of " + std::to_string(frames) + " frames cannot be captured: ask for 1 frame up to a second's");
    return m.wait_for_frames(not_before, [&] { return m.assembly.advance(m.playing, not_before, static_cast<std::uint64_t>(frames)); });
}

std::array<float, 2> Engine::take_input_peaks() noexcept
{
    auto& peak = impl_->ends.state->peak;
    return {peak[0].exchange(0.0F, std::memory_order_relaxed), peak[1].exchange(0.0F, std::memory_order_relaxed)};
}

EngineCounters Engine::counters() const noexcept
{
    const rt::StreamState& s = *impl_->ends.state;
    const auto get = [](const rt::StreamState::Count& count) { return count.load(std::memory_order_relaxed); };
    return {.blocks = get(s.blocks),
            .frames = get(s.frames),
            .flagged = get(s.flagged),
            .dropped = get(s.dropped),
            .late = get(s.late),
            .size_changes = get(s.size_changes),
            .repeated = get(s.repeated),
            .zeros = get(s.zeros),
            .not_finite = get(s.not_finite),
            .clipped = get(s.clipped)};
}

}  // namespace lowleg::engine
