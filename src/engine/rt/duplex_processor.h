/// \file duplex_processor.h
/// The root of everything that runs in the audio callback.
#pragma once

#include "core/realtime.h"
#include "engine/rt/messages.h"
#include "engine/rt/spsc_ring.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace lowleg::engine::rt {

/// The audio side's ends, on storage that the engine gives. Plain handles: copying them copies no storage.
struct AudioEnds {
    RingReader<Command> commands;
    RingWriter<Retired> retired;
    RingWriter<BlockHeader> blocks;
    RingWriter<float> samples;
    Arena arena;
    StreamState* state{nullptr};
};

/// No output sample is beyond ± this (−0.009 dBFS), whatever is played.
inline constexpr float level_ceiling = 0.999F;

/// Length of the soft start and of the soft stop: 20 ms.
[[nodiscard]] constexpr std::uint32_t fade_frames(double sample_rate_hz) noexcept
{
    return static_cast<std::uint32_t>(0.02 * sample_rate_hz);
}

/// Where the two inputs of a block lie: sample i of leg k is leg[k][i · stride]. Null pointers: no input, taken as zeros.
struct InputView {
    std::array<const float*, 2> leg{};
    std::size_t stride{2};
};
/// Where the two outputs of a block go: [0] drive, [1] probe.
struct OutputView {
    std::array<float*, 2> out{};
    std::size_t stride{2};
};

/// Plays, captures and watches one duplex stream, block by block. It knows nothing of what moves the blocks.
///
/// Made on the control thread, then used by one thread at a time, for every block in order.
class DuplexProcessor {
public:
    DuplexProcessor(const AudioEnds& ends, double sample_rate_hz) noexcept;

    /// One block of any size, 0 included, different from call to call or not.
    /// \param flagged    the audio system reported an overflow or underflow since the block before.
    /// \param steady_ns  the steady clock now. A backend that runs free of the clock passes the time that its frames so far
    ///                   would have taken: then nothing is ever late.
    void process(const InputView& in, const OutputView& out, std::uint32_t frames, bool flagged,
                 std::int64_t steady_ns) LOWLEG_REALTIME;

    /// The same for interleaved buffers of two channels. \param in_or_null  null: no input.
    void process(const float* in_or_null, float* out, std::uint32_t frames, bool flagged,
                 std::int64_t steady_ns) LOWLEG_REALTIME;

    /// Frames that can be captured now without loss in one block. A backend that runs free of a clock waits until its block
    /// fits; a device does not wait, and the block is dropped.
    [[nodiscard]] std::size_t capture_space_frames() LOWLEG_REALTIME;

private:
    struct Play {  // a period in the arena
        const float* samples{nullptr};
        std::uint64_t frames{0};
        std::uint64_t id{0};
        std::uint32_t slot{0};
    };
    enum class Motion : std::uint8_t { steady, rising, falling };

    void take_commands() LOWLEG_REALTIME;
    void retire(const Play& play, std::uint64_t at_frame) LOWLEG_REALTIME;
    void render(const OutputView& out, std::uint32_t frames) LOWLEG_REALTIME;
    void begin(std::uint64_t at_frame) LOWLEG_REALTIME;
    [[nodiscard]] float move_gain(std::uint64_t at_frame) LOWLEG_REALTIME;
    void capture(const InputView& in, std::uint32_t frames, Faults faults, std::int64_t steady_ns) LOWLEG_REALTIME;
    [[nodiscard]] bool is_late(std::uint32_t frames, std::int64_t steady_ns) LOWLEG_REALTIME;

    AudioEnds ends_;
    double ns_per_frame_;

    // Playing.
    Play current_, next_;
    std::uint64_t position_{0};    // in the current period
    std::uint64_t play_start_{0};
    Motion motion_{Motion::steady};
    std::uint32_t fade_length_;
    std::uint32_t fade_at_{0};     // 0: silent, fade_length_: full level
    double cos_step_, sin_step_;   // the fade's phase advances by π/fade_length_ per frame
    double cos_{1.0}, sin_{0.0};   // of that phase

    // Watching.
    std::uint64_t frame_{0};       // frames handled before this block
    std::uint32_t usual_frames_{0};
    bool clock_is_known_{false};
    std::int64_t last_ns_{0};
    double slack_ns_{0.0};         // how far the clock may have run ahead without being late; see is_late()
    std::uint64_t input_print_{0}, output_print_{0};  // fingerprints of the block before
    std::uint32_t print_frames_{0};
    std::uint64_t zero_run_{0};
    std::array<std::uint64_t, 2> clip_run_{};
    Faults pending_;               // of what was not handed over: an empty or dropped block
};

}  // namespace lowleg::engine::rt
