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

/// Length of the soft start and of the soft stop: 20 ms, a raised cosine.
[[nodiscard]] constexpr std::uint32_t fade_frames(double sample_rate_hz) noexcept
{
    const auto frames = static_cast<std::uint32_t>(0.02 * sample_rate_hz);
    return frames > 0 ? frames : 1;
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
/// What it finds wrong with a block goes into the block's header; it needs no mathematics for that (what does is the
/// analysis' part). Made on the control thread, then used by one thread at a time, for every block in order.
class DuplexProcessor {
public:
    DuplexProcessor(const AudioEnds& ends, double sample_rate_hz) noexcept;

    /// One block of any size, 0 included, different from call to call or not. Inputs are read before outputs are written: they
    /// may share memory.
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
    struct Play {  // a period in the arena; id 0: none
        const float* samples{nullptr};
        std::uint64_t frames{0};
        std::uint64_t id{0};
        std::uint32_t slot{0};
    };
    enum class Motion : std::uint8_t { steady, rising, falling };
    using Slices = RingSlices<float>;

    /// What a block holds, cheap enough to compare: two blocks of equal content have equal prints.
    struct Print {
        std::uint64_t hash{0};
        std::uint32_t frames{0};
        bool constant{true};
        friend constexpr bool operator==(const Print&, const Print&) = default;
    };

    // Playing.
    void take_commands() LOWLEG_REALTIME;
    void take_next(const Play& play) LOWLEG_REALTIME;
    void stop_current() LOWLEG_REALTIME;
    void begin_next(std::uint64_t at_frame) LOWLEG_REALTIME;
    void finish_current(std::uint64_t at_frame) LOWLEG_REALTIME;
    void retire(const Play& play, std::uint64_t at_frame) LOWLEG_REALTIME;
    [[nodiscard]] std::array<float, 2> next_output(std::uint64_t at_frame) LOWLEG_REALTIME;
    Print render(const OutputView& out, std::uint32_t frames) LOWLEG_REALTIME;

    // Watching.
    Print scan(const InputView& in, std::uint32_t frames, bool keep, const Slices& ring, Faults& faults) LOWLEG_REALTIME;
    [[nodiscard]] bool is_late(std::uint32_t frames, std::int64_t steady_ns) LOWLEG_REALTIME;
    [[nodiscard]] bool size_changed(std::uint32_t frames) LOWLEG_REALTIME;
    [[nodiscard]] bool came_twice(const Print& input, const Print& output) LOWLEG_REALTIME;

    AudioEnds ends_;
    double ns_per_frame_;
    std::uint64_t frame_{0};  // frames handled before this block

    Play current_, next_;
    std::uint64_t position_{0};  // in the current period
    std::uint64_t play_start_{0};
    Motion motion_{Motion::steady};
    std::uint32_t fade_length_;
    std::uint32_t fade_at_{0};       // 0: silent, fade_length_: full level
    double cos_step_, sin_step_;     // the fade's phase advances by π/fade_length_ per frame
    double cos_{1.0}, sin_{0.0};     // of that phase

    std::uint32_t last_frames_{0};
    std::uint32_t same_size_blocks_{0};
    bool clock_is_known_{false};
    std::int64_t last_ns_{0};
    double behind_ns_{0.0};  // the frame count behind the clock, above the least that was seen
    Print last_input_, last_output_;
    std::uint64_t zero_run_{0};
    std::array<std::uint32_t, 2> clip_run_{};
    Faults pending_;  // for the next header: of blocks that were empty or dropped
};

}  // namespace lowleg::engine::rt
