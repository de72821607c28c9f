/// \file scripted_backend.h
/// A backend of the engine whose device, and whose misfortunes, a test writes. Its thread runs free of the clock, as fast as the
/// engine reads, and every call of the audio side is watched (support/realtime_guard.h).
#pragma once

#include "engine/backend.h"
#include "support/realtime_guard.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace lowleg::testing {

/// What records (pin 2, pin 3) while it plays (drive, probe): `frames` samples each. Called on the backend's thread.
/// bench::VirtualBench::process has this shape.
using Device = std::function<void(const float* drive, const float* probe, float* leg2, float* leg3, std::uint32_t frames)>;

/// A wire with gains: leg k = gain[k][0]·drive + gain[k][1]·probe, `delay` frames later, plus white noise.
class LoopDevice {
public:
    struct Settings {
        std::array<std::array<float, 2>, 2> gain{{{1.0F, 0.0F}, {-0.5F, 0.0F}}};
        std::uint32_t delay{100};
        float noise_rms{1e-5F};
        std::uint32_t seed{1};
    };
    explicit LoopDevice(const Settings& settings)
        : settings_{settings}, past_(settings.delay, std::array<float, 2>{}), random_{settings.seed}
    {
    }

    void operator()(const float* drive, const float* probe, float* leg2, float* leg3, std::uint32_t frames)
    {
        for (std::uint32_t i = 0; i < frames; ++i) {
            past_.push_back({drive[i], probe[i]});
            const auto [d, p] = past_.front();
            past_.pop_front();
            leg2[i] = settings_.gain[0][0] * d + settings_.gain[0][1] * p + settings_.noise_rms * normal_(random_);
            leg3[i] = settings_.gain[1][0] * d + settings_.gain[1][1] * p + settings_.noise_rms * normal_(random_);
        }
    }

private:
    Settings settings_;
    std::deque<std::array<float, 2>> past_;
    std::mt19937 random_;
    std::normal_distribution<float> normal_;
};

/// One misfortune. Its place is a frame of the captured stream; what concerns blocks happens to the block with this frame.
struct Injection {
    enum class Kind : std::uint8_t {
        drop,        ///< `count` captured frames vanish, unannounced: all that follow come early.
        insert,      ///< `count` zero frames slip in: all that follow come late.
        zero,        ///< `count` frames become exactly 0.
        nan,         ///< `count` frames become NaN on pin 2 and infinite on pin 3.
        denormal,    ///< `count` frames become denormal numbers.
        clip,        ///< `count` frames become ±1.
        repeat,      ///< The block is replaced by a copy of the one before.
        flag,        ///< The block is flagged; nothing is lost.
        late,        ///< The clock jumps ahead by `count` frames' time before the block.
        block_size,  ///< From this block on, blocks have `count` frames.
        stall,       ///< No block for `count` milliseconds of real time, then on as before.
        overrun,     ///< For `count` frames the backend does not wait for room, as a device does not.
        freeze,      ///< No block ever again, but the device is said to be alive.
        die,         ///< No block ever again, and the device is said to be gone.
    };
    Kind kind{};
    std::uint64_t frame{};    ///< Counted from …
    /// … the first sound of the n-th play, n = 1 …; 0: from the stream's first frame. A play is what follows silence, or becomes three
    /// times as loud as its first 20,000 frames were.
    std::uint32_t play{1};
    std::uint32_t count{1};
};

/// Where an injection came to lie: frames of the stream, in the engine's count.
struct Landed {
    Injection::Kind kind{};
    std::uint64_t begin{}, end{};              ///< The damaged frames; for what concerns blocks, the block.
    std::uint64_t block_begin{}, block_end{};  ///< The block (the first of them) in which it happened.
};

class ScriptedBackend final : public engine::Backend {
public:
    struct Script {
        Device device{LoopDevice{LoopDevice::Settings{}}};
        std::vector<std::uint32_t> block_frames{256};  ///< Taken in turn.
        double sample_rate_hz{48'000.0};
        std::vector<Injection> injections{};
    };
    explicit ScriptedBackend(Script script) : script_{std::move(script)}, done_(script_.injections.size(), false) {}
    ~ScriptedBackend() override { stop(); }

    Result<engine::StreamFacts> open(const engine::StreamRequest&, const engine::rt::AudioEnds& ends) override
    {
        ends_ = ends;
        engine::StreamFacts facts{.sample_rate_hz = script_.sample_rate_hz};
        std::strncpy(facts.device.data(), "scripted device", facts.device.size() - 1);
        std::strncpy(facts.host_api.data(), "test", facts.host_api.size() - 1);
        return facts;
    }
    Status start() override
    {
        thread_ = std::thread{[this] { run(); }};
        return Done{};
    }
    void stop() noexcept override
    {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
    }
    [[nodiscard]] bool is_alive() const noexcept override { return alive_; }

    /// Any thread.
    [[nodiscard]] std::vector<Landed> landed() const
    {
        const std::lock_guard lock{mutex_};
        return landed_;
    }
    /// Any thread: forbidden calls made by the audio side so far.
    [[nodiscard]] Caught caught() const
    {
        const std::lock_guard lock{mutex_};
        return caught_;
    }
    /// Any thread: highest |sample| played so far.
    [[nodiscard]] float highest_output() const noexcept { return highest_output_; }

private:
    using Frame = std::array<float, 2>;
    // Frames on the way from the device to the callback; a drop is taken from them.
    static constexpr std::size_t reserve = 2048;

    void run()
    {
        engine::rt::DuplexProcessor processor{ends_, script_.sample_rate_hz};
        std::deque<Frame> on_the_way(reserve);
        std::vector<float> in, out, last_in;
        std::size_t turn = 0;
        while (!stop_ && alive_) {
            std::uint32_t frames = fixed_frames_ > 0 ? fixed_frames_ : script_.block_frames[turn++ % script_.block_frames.size()];
            bool flagged = false;
            bool repeat = false;
            apply_to_stream(on_the_way, frames, flagged, repeat);
            if (stop_ || !alive_) return;

            while (frame_ >= overrun_end_ && processor.capture_space_frames() < frames && !stop_) {
                std::this_thread::sleep_for(std::chrono::microseconds{200});
            }
            in.resize(2 * std::size_t{frames});
            out.assign(2 * std::size_t{frames}, 0.0F);
            while (on_the_way.size() < frames) on_the_way.push_back({});
            for (std::size_t i = 0; i < frames; ++i) {
                in[2 * i] = on_the_way.front()[0];
                in[2 * i + 1] = on_the_way.front()[1];
                on_the_way.pop_front();
            }
            apply_to_samples(in, frames);
            if (repeat && last_in.size() == in.size()) in = last_in;
            last_in = in;

            const double now_s = static_cast<double>(frame_ + frames + clock_ahead_) / script_.sample_rate_hz;
            {
                const RealtimeScope watched;
                processor.process(in.data(), out.data(), frames, flagged, static_cast<std::int64_t>(1e9 * now_s));
            }
            if (const Caught more = take_caught(); more.calls > 0) {
                const std::lock_guard lock{mutex_};
                if (caught_.calls == 0) caught_.first = more.first;
                caught_.calls += more.calls;
            }
            listen(out, frames);
            feed_device(out, frames, on_the_way);
            frame_ += frames;
        }
    }

    /// The place of an injection in the stream, or far away while its play has not begun.
    [[nodiscard]] std::uint64_t place(const Injection& injection) const
    {
        if (injection.play == 0) return injection.frame;
        if (injection.play > play_starts_.size()) return std::numeric_limits<std::uint64_t>::max();
        return play_starts_[injection.play - 1] + injection.frame;
    }

    void land(std::size_t i, std::uint64_t begin, std::uint64_t end, std::uint32_t frames)
    {
        done_[i] = true;
        const std::lock_guard lock{mutex_};
        landed_.push_back({script_.injections[i].kind, begin, end, frame_, frame_ + frames});
    }

    void apply_to_stream(std::deque<Frame>& on_the_way, std::uint32_t& frames, bool& flagged, bool& repeat)
    {
        using Kind = Injection::Kind;
        for (std::size_t i = 0; i < script_.injections.size(); ++i) {
            const Injection& injection = script_.injections[i];
            const std::uint64_t at = place(injection);
            if (done_[i] || at >= frame_ + frames) continue;
            const auto offset = static_cast<std::ptrdiff_t>(at > frame_ ? at - frame_ : 0);
            switch (injection.kind) {
            case Kind::drop: {
                while (std::cmp_less(on_the_way.size(), offset + injection.count)) on_the_way.push_back({});
                on_the_way.erase(on_the_way.begin() + offset, on_the_way.begin() + offset + injection.count);
                land(i, at, at + 1, frames);
                break;
            }
            case Kind::insert:
                on_the_way.insert(on_the_way.begin() + std::min(offset, std::ssize(on_the_way)), injection.count, Frame{});
                land(i, at, at + injection.count, frames);
                break;
            case Kind::repeat: repeat = true; land(i, frame_, frame_ + frames, frames); break;
            case Kind::flag: flagged = true; land(i, frame_, frame_ + frames, frames); break;
            case Kind::late: clock_ahead_ += injection.count; land(i, frame_, frame_ + frames, frames); break;
            case Kind::block_size:
                frames = fixed_frames_ = injection.count;
                land(i, frame_, frame_ + frames, frames);
                break;
            case Kind::stall:
                land(i, frame_, frame_ + frames, frames);
                std::this_thread::sleep_for(std::chrono::milliseconds{injection.count});
                break;
            case Kind::overrun:
                overrun_end_ = frame_ + injection.count;
                land(i, frame_, overrun_end_, frames);
                break;
            case Kind::freeze:
                land(i, frame_, frame_, 0);
                while (!stop_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
                break;
            case Kind::die:
                land(i, frame_, frame_, 0);
                alive_ = false;
                break;
            case Kind::zero: case Kind::nan: case Kind::denormal: case Kind::clip: break;  // of the samples
            }
        }
    }

    void apply_to_samples(std::vector<float>& in, std::uint32_t frames)
    {
        using Kind = Injection::Kind;
        for (std::size_t i = 0; i < script_.injections.size(); ++i) {
            const Injection& injection = script_.injections[i];
            const std::uint64_t at = place(injection);
            if (at >= frame_ + frames || at + injection.count <= frame_) continue;
            Frame value{};
            switch (injection.kind) {
            case Kind::zero: break;
            case Kind::nan: value = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}; break;
            case Kind::denormal: value = {1e-40F, -1e-41F}; break;
            case Kind::clip: value = {1.0F, -1.0F}; break;
            default: continue;
            }
            for (std::uint64_t f = std::max(at, frame_); f < std::min(at + injection.count, frame_ + frames); ++f) {
                in[2 * static_cast<std::size_t>(f - frame_)] = value[0];
                in[2 * static_cast<std::size_t>(f - frame_) + 1] = value[1];
            }
            if (!done_[i]) land(i, at, at + injection.count, frames);
        }
    }

    /// Finds where plays begin: the first sound after silence of more than 1000 frames.
    void listen(const std::vector<float>& out, std::uint32_t frames)
    {
        for (std::uint32_t i = 0; i < frames; ++i) {
            const float height = std::max(std::abs(out[2 * i]), std::abs(out[2 * i + 1]));
            if (height > highest_output_) highest_output_ = height;
            if (height > 0.0F) {
                if (silent_frames_ > 1000 || play_starts_.empty()) {
                    play_starts_.push_back(frame_ + i);
                    loudest_ = 0.0F;
                }
                if (frame_ + i < play_starts_.back() + 20'000) {
                    loudest_ = std::max(loudest_, height);
                } else if (height > 3.0F * loudest_) {
                    play_starts_.push_back(frame_ + i);
                }
                silent_frames_ = 0;
            } else {
                ++silent_frames_;
            }
        }
    }

    void feed_device(const std::vector<float>& out, std::uint32_t frames, std::deque<Frame>& on_the_way)
    {
        std::vector<float> drive(frames), probe(frames), leg2(frames), leg3(frames);
        for (std::size_t i = 0; i < frames; ++i) {
            drive[i] = out[2 * i];
            probe[i] = out[2 * i + 1];
        }
        script_.device(drive.data(), probe.data(), leg2.data(), leg3.data(), frames);
        for (std::size_t i = 0; i < frames; ++i) on_the_way.push_back({leg2[i], leg3[i]});
    }

    Script script_;
    engine::rt::AudioEnds ends_;
    std::thread thread_;
    std::atomic<bool> stop_{false};
    std::atomic<bool> alive_{true};
    std::atomic<float> highest_output_{0.0F};

    // The thread's own.
    std::vector<bool> done_;
    std::uint64_t frame_{0};
    std::uint64_t clock_ahead_{0};  // frames' time
    std::uint64_t overrun_end_{0};
    std::uint64_t silent_frames_{0};
    float loudest_{0.0F};  // in the first frames of the play
    std::uint32_t fixed_frames_{0};
    std::vector<std::uint64_t> play_starts_;

    mutable std::mutex mutex_;
    std::vector<Landed> landed_;
    Caught caught_;
};

}  // namespace lowleg::testing
