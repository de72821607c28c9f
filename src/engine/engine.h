/// \file engine.h
/// Duplex audio as a measurement needs it: play a periodic signal, get whole captured periods of which each says
/// whether it can be trusted.
#pragma once

#include "core/record.h"
#include "core/result.h"
#include "engine/backend.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace lowleg::engine {

/// Sums since the stream began. Each only grows.
struct EngineCounters {
    std::uint64_t blocks{};
    std::uint64_t frames{};
    std::uint64_t flagged{};      ///< Blocks that the audio system flagged.
    std::uint64_t dropped{};      ///< Blocks that found the capture ring full.
    std::uint64_t late{};         ///< Times the frame count fell behind the clock.
    std::uint64_t size_changes{};
    std::uint64_t repeated{};
    std::uint64_t zeros{};
    std::uint64_t not_finite{};   ///< Samples.
    std::uint64_t clipped{};      ///< Samples, both inputs together.
};

/// How much of its blocks' time the audio callback takes since the stream began: 1 is all of it. Of 0 blocks nothing is known.
struct CallbackLoad {
    std::uint64_t blocks{};
    double median{};
    double p999{};   ///< 99.9 % of all blocks take no more; the last two are known to 6 %.
    double worst{};
};

class Engine;

/// How a stream that was lost comes back: each call makes a backend that has not been opened.
using BackendFactory = std::function<std::unique_ptr<Backend>()>;

/// Who is asked and told while the engine waits for a device that was lost, and how long it does. The functions may be empty.
struct EngineHooks {
    std::function<bool()> should_stop;                 ///< Asked while a device that was lost is looked for.
    std::function<void(const std::string&)> tell;      ///< Given a sentence when a device is lost, and when it is back.
    std::chrono::milliseconds search_time{15'000};     ///< A cable that is put back, a server that is started again. 0: what is lost is lost.
    /// Given all that is captured, also what no period is made of, interleaved (pin 2, pin 3): for who shows what is to be heard. On the control
    /// thread, whenever that waits for audio; it may call hush() and ask for counters. May be empty.
    std::function<void(Engine&, std::span<const float>)> hear;
};

/// Control thread only, unless said otherwise. Holds one stream from open() to destruction.
///
/// With a factory it survives the loss of its device, or of the process that its device is moved by: it looks for the device by its name for some time, opens it, plays on
/// what played, and the next period has Fault::restarted. Frames go on counting. Delays may be others from then on.
///
/// Captured audio waits for next_period() for some seconds (5.5 s at 48 kHz); what comes after that is dropped and counted, and
/// the period asked for next tells whether it is concerned. A stall is not loss: a device that stands still is waited for, for 5 s.
class Engine {
public:
    /// Opens and starts the stream, silent.
    /// \param max_period_frames  longest signal that play() will be given.
    static Result<std::unique_ptr<Engine>> open(std::unique_ptr<Backend> backend, const StreamRequest& request, std::int64_t max_period_frames,
                                                EngineHooks hooks = {});
    /// The same of a device that may be lost and come back.
    static Result<std::unique_ptr<Engine>> open(BackendFactory factory, const StreamRequest& request, std::int64_t max_period_frames, EngineHooks hooks = {});
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();  ///< Soft stop where the device still lives.

    [[nodiscard]] const StreamFacts& facts() const noexcept;

    /// Plays one period over and over, from its start, faded in softly; what played before is faded out first.
    /// \param interleaved  frames × 2 (drive, probe), full scale = 1, copied. Frames ≤ max_period_frames.
    /// \return failure when a sample is not finite or above the level ceiling; the output is then unchanged.
    Status play(std::span<const float> interleaved);
    /// Fades out and returns when the output is silent (or the device gone). Audio captured so far is thrown away.
    void silence();
    /// For who cannot wait: fades out within 10 ms of the audio side's next block, for good. What is captured from then on is given to nobody, and whoever
    /// waits for it, or asks for it later, is told that it was stopped by hand (interrupted). Does not wait.
    void hush() noexcept;

    /// Frames that the audio side has handled so far. Any thread.
    [[nodiscard]] std::uint64_t frames_handled() const noexcept;

    /// The next whole period of the playing signal that begins at or after frame `not_before`, good or bad (see
    /// Period::faults), after the fade-in. Waits for it. What the audio system flagged, or what came late, voids 0.1 s more than its
    /// own block: a hole in the output comes back on the inputs one trip later. Periods that were lost from their first frame to
    /// their last are left out.
    /// \param not_before  no more than an hour ahead of frames_handled().
    /// \return failure when nothing plays; interrupted when the device is gone or stands still for too long.
    Result<Period> next_period(std::uint64_t not_before);

    /// The next `frames` captured frames that begin at or after frame `not_before`, wherever in the period: what next_period() is for whole
    /// ones. For who wants to know soon what happens at the inputs.
    /// \param frames  1 to a second's. \return as next_period(), and failure for another number of frames.
    Result<Stretch> next_stretch(std::uint64_t not_before, std::int64_t frames);

    /// How often the device was lost and came back. What compares captures from before and after is measured again.
    [[nodiscard]] std::size_t restarts() const noexcept;

    /// Highest absolute sample of each input since the last call, full scale = 1. Any one thread.
    [[nodiscard]] std::array<float, 2> take_input_peaks() noexcept;
    [[nodiscard]] EngineCounters counters() const noexcept;
    [[nodiscard]] CallbackLoad callback_load() const noexcept;

private:
    struct Impl;
    static Result<std::unique_ptr<Engine>> begin(std::unique_ptr<Impl> impl, const StreamRequest& request, std::int64_t max_period_frames);
    explicit Engine(std::unique_ptr<Impl>) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::engine
