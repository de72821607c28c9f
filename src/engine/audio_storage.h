/// \file audio_storage.h
/// Where everything lies that the audio thread and the control thread share.
#pragma once

#include "engine/rt/duplex_processor.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace lowleg::engine {

/// The control side's ends; see rt::AudioEnds.
struct ControlEnds {
    rt::RingWriter<rt::Command> commands;
    rt::RingReader<rt::Retired> retired;
    rt::RingReader<rt::BlockHeader> blocks;
    rt::RingReader<float> samples;
    std::span<float> arena;  ///< rt::Arena, to be written where a slot is free.
    rt::StreamState* state{nullptr};
};

struct StorageSizes {
    std::size_t capture_frames{};  ///< What the capture ring holds at least.
    std::size_t slot_frames{};     ///< The longest signal.
    std::uint32_t slots{4};        ///< One plays, one waits for its fade-out, and the control side may write two more.
};

/// Lays the rings, the arena and the state out in one piece of memory, which it does not own: a process' own, or shared with
/// another one that lays out the same sizes. Offsets depend on the sizes alone.
class AudioStorage {
public:
    static constexpr std::size_t alignment = 64;

    [[nodiscard]] static std::size_t bytes_needed(const StorageSizes& sizes) noexcept;

    /// Starts everything off empty. \param memory  bytes_needed(), aligned to `alignment`, all 0 where it is new; outlives all ends.
    /// \throws std::invalid_argument otherwise.
    AudioStorage(std::span<std::byte> memory, const StorageSizes& sizes) : AudioStorage{memory, sizes, Begin::empty} {}
    /// The other process' view of memory that one with the same sizes has started off.
    static AudioStorage attached_to(std::span<std::byte> memory, const StorageSizes& sizes) { return {memory, sizes, Begin::as_it_is}; }

    [[nodiscard]] const rt::AudioEnds& audio_ends() const noexcept { return audio_; }
    [[nodiscard]] const ControlEnds& control_ends() const noexcept { return control_; }

private:
    enum class Begin : std::uint8_t { empty, as_it_is };
    AudioStorage(std::span<std::byte> memory, const StorageSizes& sizes, Begin begin);
    rt::AudioEnds audio_;
    ControlEnds control_;
};

}  // namespace lowleg::engine
