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
#include <tuple>
#include <utility>
#include <vector>

namespace lowleg::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// No block for so long, and the device is given up; whatever is shorter is only waited for. (A JACK server that changes its
// buffer size, or a system under load, stands still for a second.)
constexpr Clock::duration patience = 5s;
constexpr Clock::duration poll_interval = 2ms;
// A device that was lost is looked for so often.
constexpr Clock::duration search_interval = 250ms;
constexpr const char* advice_for_lost = ": connect it, or start its audio system, and measure again";
// Both inputs exactly zero for so long, when they had noise before: who gave the samples is gone.
constexpr double zeros_of_loss_s = 1.2;
// Longer than the round trip of any interface that is fit to measure: mixing audio systems reach 60 ms.
constexpr double aftermath_s = 0.1;

constexpr std::uint32_t slot_count = 4;
// 5.5 s at 48 kHz: longer than the control thread is away while the fixture is switched.
constexpr std::size_t least_capture_frames = 262'144;
constexpr std::int64_t longest_period_frames = 1 << 24;

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
    StorageSizes sizes;
    BackendFactory factory;                 // empty: what is lost is lost
    EngineHooks hooks;
    StreamRequest request;
    std::unique_ptr<Backend> backend;       // holds the memory that the ends lie in
    ControlEnds ends;
    StreamFacts facts;
    PeriodAssembly assembly{{}, {}, 0};
    Playing playing;
    std::vector<float> signal;              // that plays, to be played again
    std::uint64_t last_play_id{0};
    std::bitset<slot_count> in_use;         // slots that the audio side may still read
    bool given_up{false};                   // the device stood still for too long: not waited for again
    std::uint64_t frames_before{0};         // of the streams that were lost
    std::size_t restarts{0};
    bool is_first_since_restart{false};
    bool has_heard{false};                  // something else than exact zeros
    Engine* engine{nullptr};                // whose this is, once it is open
    std::size_t zero_frames{0};

    [[nodiscard]] std::string device() const { return std::string{"the audio device “"} + facts.device.data() + "”"; }
    [[nodiscard]] std::uint64_t signs_of_life() const noexcept
    {
        return ends.state == nullptr ? 0 : ends.state->blocks.load(std::memory_order_relaxed);
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

    /// Opens and starts what is in `backend`, with rings of its own.
    Status connect(const StreamRequest& wanted)
    {
        const auto memory = backend->storage(sizes);
        if (!memory) return memory.error();
        const AudioStorage storage{memory.value(), sizes};
        ends = storage.control_ends();
        in_use.reset();
        given_up = false;
        Result<StreamFacts> opened = backend->open(wanted, storage.audio_ends());
        if (!opened) return opened.error();
        const double rate = opened.value().sample_rate_hz;
        if (restarts == 0 && last_play_id == 0) facts = opened.value();
        if (!std::isfinite(rate) || rate < 1'000.0 || rate > 10e6) {
            return failure(device() + " reports a sample rate of " + format_number(rate) + " Hz, which cannot be: choose another device or audio system");
        }
        if (rate != facts.sample_rate_hz) return failure(device() + " came back at " + format_number(rate) + " Hz");
        assembly = PeriodAssembly{ends.blocks, ends.samples, static_cast<std::uint64_t>(aftermath_s * rate)};
        if (hooks.hear)
            assembly.listen([this](std::span<const float> captured) {
                if (engine != nullptr) hooks.hear(*engine, captured);
            });
        if (Status started = backend->start(); !started) return started;
        // A device that opens and then stays dumb is found here, not in the middle of a measurement.
        return wait_discarding([&] { return frames_here() > 0; });
    }

    [[nodiscard]] std::uint64_t frames_here() const noexcept { return ends.state == nullptr ? 0 : ends.state->frames.load(std::memory_order_acquire); }
    [[nodiscard]] bool is_hushed() const noexcept { return ends.state != nullptr && ends.state->is_hushed.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t here(std::uint64_t frame) const noexcept { return frame > frames_before ? frame - frames_before : 0; }

    /// What was lost is looked for by its name, and goes on where it comes back.
    Status revive(const Error& lost)
    {
        if (!factory || hooks.search_time <= 0ms || lost.kind != ErrorKind::interrupted) return lost;
        const auto seconds = format_number(1e-3 * static_cast<double>(hooks.search_time.count()));
        const auto what = lost.message.substr(0, lost.message.find(advice_for_lost));
        if (hooks.tell) hooks.tell(what + "; it is looked for, for " + seconds + " s");
        frames_before += frames_here();
        backend->stop();
        StreamRequest again = request;
        again.sample_rate_hz = facts.sample_rate_hz;
        // The same name may stand in several audio systems.
        if (facts.capture_name.front() != 0) {
            again.device = facts.capture_name;
            again.host_api = facts.host_api;
        }
        if (facts.playback_name.front() != 0) again.output_device = facts.playback_name;
        std::string last_reason;
        for (const auto deadline = Clock::now() + hooks.search_time; Clock::now() < deadline; std::this_thread::sleep_for(search_interval)) {
            if (hooks.should_stop && hooks.should_stop()) return interrupted("stopped by hand while " + device() + " was looked for");
            ends = {};  // before the memory that they lie in
            backend = factory();
            if (Status connected = connect(again); !connected) {
                last_reason = connected.error().message;
                continue;
            }
            ++restarts;
            is_first_since_restart = true;
            has_heard = false;
            zero_frames = 0;
            if (hooks.tell) hooks.tell(device() + " is back, and is measured on");
            if (playing.play_id == 0) return Done{};
            return put_on();
        }
        return interrupted(what + " and did not come back within " + seconds + " s (" + last_reason + ")" + advice_for_lost);
    }

    /// Hands `signal` to the audio side.
    Status put_on()
    {
        Patience patience_left;
        if (Status alive = check_alive(patience_left); !alive) return alive;
        std::size_t slot = slot_count;
        const auto find_slot = [&] {
            collect_retired();
            for (slot = 0; slot < slot_count && in_use.test(slot);) ++slot;
            return slot < slot_count || is_hushed();
        };
        if (Status found = wait_discarding(find_slot); !found) return found;
        if (is_hushed()) return interrupted("stopped by hand");
        std::ranges::copy(signal, ends.arena.subspan(2 * sizes.slot_frames * slot).begin());
        const std::uint64_t play_id = last_play_id + 1;
        const std::size_t frames = signal.size() / 2;
        if (Status sent = send({.kind = rt::Command::Kind::play, .slot = static_cast<std::uint32_t>(slot), .frames = frames, .play_id = play_id}); !sent) return sent;
        in_use.set(slot);
        last_play_id = play_id;
        playing = {.play_id = play_id, .period_frames = frames, .fade_frames = rt::fade_frames(facts.sample_rate_hz)};
        return Done{};
    }

    /// Whether the samples stopped coming from anything, as when a device goes away behind an audio system that does not say so.
    [[nodiscard]] bool has_fallen_silent(Faults faults, std::size_t frames)
    {
        const bool is_silent = faults.has(Fault::zeros);
        has_heard = has_heard || !is_silent;
        zero_frames = is_silent ? zero_frames + frames : 0;
        return factory && hooks.search_time > 0ms && has_heard && static_cast<double>(zero_frames) > zeros_of_loss_s * facts.sample_rate_hz;
    }

    /// In the engine's own count, and with what happened before it.
    template <class Captured>
    Captured as_told(Captured captured)
    {
        captured.first_frame += static_cast<std::int64_t>(frames_before);
        if (std::exchange(is_first_since_restart, false)) captured.faults.add(Fault::restarted);
        return captured;
    }

    Status check_alive(Patience& patience_left)
    {
        if (!backend->is_alive()) {
            const auto loss = backend->loss();
            return interrupted(device() + " is gone" + (loss.empty() ? "" : " (" + std::string{loss} + ")") + advice_for_lost);
        }
        if (patience_left.is_over(signs_of_life())) {
            given_up = true;
            return interrupted(device() + " has delivered nothing for " +
                               std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience).count()) +
                               " s" + advice_for_lost);
        }
        return Done{};
    }

    /// What the assembly cuts out next: waits for it. \param advance  asks the assembly.
    template <class Advance>
    auto wait_for_frames(std::uint64_t not_before, Advance advance) -> Result<typename decltype(advance())::value_type>
    {
        if (playing.play_id == 0) return failure("no period can be captured, because nothing plays: play a signal first");
        constexpr double farthest_s = 3600.0;
        if (not_before > frames_before + frames_here() + static_cast<std::uint64_t>(farthest_s * facts.sample_rate_hz)) {
            return failure("a period was asked for that begins more than an hour from now: ask for an earlier one");
        }
        Patience patience_left;
        for (;;) {
            auto captured = advance();  // by which it may be hushed
            if (is_hushed()) return interrupted("stopped by hand");
            if (captured) {
                const bool is_lost = has_fallen_silent(captured->faults, captured->leg[0].size());
                auto told = as_told(std::move(*captured));
                if (!is_lost) return told;
                if (Status revived = revive(interrupted(device() + " gives nothing but zeros any more")); !revived) return revived.error();
                return told;
            }
            if (Status alive = check_alive(patience_left); !alive) {
                if (Status revived = revive(alive.error()); !revived) return revived.error();
                patience_left = {};
            }
            std::this_thread::sleep_for(poll_interval);
        }
    }

    Status send(const rt::Command& command)
    {
        return wait_discarding([&] { return ends.commands.push(command) || is_hushed(); });
    }
};

Engine::Engine(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}

Result<std::unique_ptr<Engine>> Engine::open(std::unique_ptr<Backend> backend, const StreamRequest& request, std::int64_t max_period_frames, EngineHooks hooks)
{
    auto impl = std::make_unique<Impl>();
    impl->backend = std::move(backend);
    impl->hooks = std::move(hooks);
    return begin(std::move(impl), request, max_period_frames);
}

Result<std::unique_ptr<Engine>> Engine::open(BackendFactory factory, const StreamRequest& request, std::int64_t max_period_frames, EngineHooks hooks)
{
    auto impl = std::make_unique<Impl>();
    impl->backend = factory();
    impl->factory = std::move(factory);
    impl->hooks = std::move(hooks);
    return begin(std::move(impl), request, max_period_frames);
}

Result<std::unique_ptr<Engine>> Engine::begin(std::unique_ptr<Impl> impl, const StreamRequest& request, std::int64_t max_period_frames)
{
    if (max_period_frames < 1 || max_period_frames > longest_period_frames) {
        return failure("a period of " + std::to_string(max_period_frames) + " frames cannot be played: it must have 1 to " +
                       std::to_string(longest_period_frames));
    }
    const auto slot_frames = static_cast<std::size_t>(max_period_frames);
    impl->sizes = {.capture_frames = std::max(least_capture_frames, 4 * slot_frames), .slot_frames = slot_frames, .slots = slot_count};
    impl->request = request;
    if (Status connected = impl->connect(request); !connected) return connected.error();
    auto engine = std::unique_ptr<Engine>{new Engine{std::move(impl)}};
    engine->impl_->engine = engine.get();
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
    if (m.is_hushed()) return interrupted("stopped by hand");
    const std::size_t frames = interleaved.size() / 2;
    const std::size_t slot_frames = m.sizes.slot_frames;
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

    m.signal.assign(interleaved.begin(), interleaved.end());
    for (;;) {
        const Status put = m.put_on();
        if (put || put.error().kind != ErrorKind::interrupted) return put;
        m.playing = {};  // what is given back plays nothing yet
        if (Status revived = m.revive(put.error()); !revived) return revived;
    }
}

void Engine::silence()
{
    Impl& m = *impl_;
    m.playing = {};
    m.collect_retired();
    if (m.in_use.none()) return;
    if (!m.is_hushed() && !m.send({.kind = rt::Command::Kind::silence})) return;  // gone: nothing sounds
    (void)m.wait_discarding([&] {
        m.collect_retired();
        return m.in_use.none() || m.is_hushed();
    });
    if (!m.is_hushed()) return;
    // It takes no commands any more, and fades out by itself.
    const auto faded = m.frames_here() + rt::fade_frames(m.facts.sample_rate_hz);
    (void)m.wait_discarding([&] { return m.frames_here() > faded; });
}

std::uint64_t Engine::frames_handled() const noexcept { return impl_->frames_before + impl_->frames_here(); }

void Engine::hush() noexcept
{
    if (impl_->ends.state != nullptr) impl_->ends.state->is_hushed.store(true, std::memory_order_relaxed);
}

std::size_t Engine::restarts() const noexcept { return impl_->restarts; }

Result<Period> Engine::next_period(std::uint64_t not_before)
{
    Impl& m = *impl_;
    return m.wait_for_frames(not_before, [&] { return m.assembly.advance(m.playing, m.here(not_before)); });
}

Result<Stretch> Engine::next_stretch(std::uint64_t not_before, std::int64_t frames)
{
    Impl& m = *impl_;
    if (frames < 1 || static_cast<double>(frames) > m.facts.sample_rate_hz)
        return failure("a stretch of " + std::to_string(frames) + " frames cannot be captured: ask for 1 frame up to a second's");
    return m.wait_for_frames(not_before, [&] { return m.assembly.advance(m.playing, m.here(not_before), static_cast<std::uint64_t>(frames)); });
}

std::array<float, 2> Engine::take_input_peaks() noexcept
{
    if (impl_->ends.state == nullptr) return {};
    auto& peak = impl_->ends.state->peak;
    return {peak[0].exchange(0.0F, std::memory_order_relaxed), peak[1].exchange(0.0F, std::memory_order_relaxed)};
}

EngineCounters Engine::counters() const noexcept
{
    if (impl_->ends.state == nullptr) return {};
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

CallbackLoad Engine::callback_load() const noexcept
{
    CallbackLoad out;
    if (impl_->ends.state == nullptr) return out;
    const rt::LoadCounts& load = impl_->ends.state->load;
    std::array<std::uint64_t, std::tuple_size_v<decltype(load.blocks)>> counts{};
    for (std::size_t i = 0; i < counts.size(); ++i) out.blocks += counts.at(i) = load.blocks.at(i).load(std::memory_order_relaxed);
    // The middle of the bin within which the count passes this part of all.
    const auto quantile = [&](double part) {
        const double wanted = part * static_cast<double>(out.blocks);
        std::uint64_t so_far = 0;
        std::size_t bin = 0;
        while (bin + 1 < counts.size() && static_cast<double>(so_far += counts.at(bin)) < wanted) ++bin;
        const auto eighth = static_cast<double>(bin % rt::LoadCounts::bins_per_octave);
        const int octave = rt::LoadCounts::lowest_octave + static_cast<int>(bin / rt::LoadCounts::bins_per_octave);
        return std::ldexp(1.0 + (eighth + 0.5) / static_cast<double>(rt::LoadCounts::bins_per_octave), octave);
    };
    if (out.blocks == 0) return out;
    out.worst = static_cast<double>(load.worst.load(std::memory_order_relaxed));
    out.median = std::min(quantile(0.5), out.worst);
    out.p999 = std::min(quantile(0.999), out.worst);
    return out;
}

}  // namespace lowleg::engine
