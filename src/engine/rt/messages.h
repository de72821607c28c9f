/// \file messages.h
/// What crosses between the control thread and the audio thread. Plain data, all of it.
#pragma once

#include "core/record.h"
#include "engine/rt/load_counts.h"

#include <atomic>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lowleg::engine::rt {

/// Control → audio.
struct Command {
    enum class Kind : std::uint32_t { play, silence };
    Kind kind{Kind::silence};
    std::uint32_t slot{};     ///< play: of the arena. Its samples do not change until its Retired comes back.
    std::uint64_t frames{};   ///< play: length of the period, 1 … Arena::slot_frames.
    std::uint64_t play_id{};  ///< play: counts from 1; 0 means that nothing plays.
};

/// Audio → control: nothing of this play sounds any more, and its slot is free.
struct Retired {
    std::uint32_t slot{};
    std::uint64_t play_id{};
    std::uint64_t at_frame{};  ///< First frame of the stream without it.
};

/// Audio → control: one captured block. Its samples (pin 2 and pin 3, interleaved) cross in the ring beside it.
struct BlockHeader {
    std::uint64_t first_frame{};  ///< In the stream's own count of frames handled, dropped ones included.
    std::uint64_t play_id{};      ///< What plays at the end of the block; 0: nothing.
    std::uint64_t play_start{};   ///< The frame at which that play began (position 0); may lie inside the block.
    std::int64_t steady_ns{};     ///< The steady clock as the block came.
    std::uint32_t frames{};
    Faults faults;                ///< Fault::lost: blocks between this one and the one before were dropped.
};

/// The signals to play: `slots` periods of up to `slot_frames` frames of 2 samples (drive, probe) each.
struct Arena {
    const float* samples{nullptr};
    std::uint64_t slot_frames{};
    std::uint32_t slots{};
};

/// The latest state, each word for itself. The audio thread writes, but for is_hushed; it takes part in `peak` with the one thread that takes it.
struct StreamState {
    using Count = std::atomic<std::uint64_t>;
    Count blocks{0}, frames{0}, flagged{0}, dropped{0}, late{0}, size_changes{0}, repeated{0}, zeros{0};
    Count not_finite{0}, clipped{0};                ///< Samples.
    std::array<std::atomic<float>, 2> peak{};       ///< Highest |x| of each input since it was last set to 0.
    LoadCounts load;                                ///< Of the callback; a backend without a clock of its own counts nothing.
    /// Set by whoever moves the blocks when nobody commands any more: what sounds fades out, and commands are left where they are.
    std::atomic<bool> is_hushed{false};
    static_assert(Count::is_always_lock_free && std::atomic<float>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);
};

}  // namespace lowleg::engine::rt
