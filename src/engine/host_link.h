/// \file host_link.h
/// What lies in the memory that the program and its audio host share, before the rings: plain data.
#pragma once

#include "core/error.h"
#include "engine/audio_storage.h"
#include "engine/backend.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lowleg::engine {

/// Program → host.
struct HostRequest {
    enum class Kind : std::uint32_t { list_devices, open, start, quit };
    Kind kind{};
    StreamRequest stream;
    std::uint64_t capture_frames{}, slot_frames{};
    std::uint32_t slots{};
};

struct PlainDevice {
    std::int32_t number{}, inputs{}, outputs{};
    double default_rate_hz{};
    std::array<char, 256> name{};
    std::array<char, 64> host_api{};
    std::array<char, 192> note{};
    std::array<std::array<double, 16>, 3> rates_hz{};  ///< Duplex, inputs, outputs; ends with a 0.
};

/// Host → program.
struct HostAnswer {
    std::uint32_t is_ok{};
    ErrorKind kind{};
    std::array<char, 1024> message{};  ///< Of an error, ends with a 0.
    StreamFacts facts;
    std::uint32_t devices{};           ///< How many of HostLink::devices.
};

struct HostLink {
    /// Of a program and a host that were made from the same sources.
    static constexpr std::uint64_t the_layout = 0x6C6F'776C'6567'0001ULL;
    static constexpr std::size_t most_devices = 256;

    std::uint64_t layout{the_layout};
    std::atomic<std::uint64_t> beats{0};          ///< Of the host's own thread, which waits for nothing.
    std::atomic<std::uint32_t> asked{0};          ///< Counts requests; `request` is whole.
    std::atomic<std::uint32_t> answered{0};       ///< The request that `answer` belongs to.
    std::atomic<std::uint32_t> device_is_gone{0};
    HostRequest request;
    HostAnswer answer;
    std::array<PlainDevice, most_devices> devices{};

    static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

    /// Where the rings begin in the shared memory.
    static constexpr std::size_t size() noexcept;
};

constexpr std::size_t HostLink::size() noexcept
{
    return (sizeof(HostLink) + AudioStorage::alignment - 1) / AudioStorage::alignment * AudioStorage::alignment;
}

/// The host's beat, and how long it may be silent while it could run.
inline constexpr int host_beat_ms = 10;
inline constexpr int host_silence_ms = 500;

}  // namespace lowleg::engine
