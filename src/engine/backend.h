/// \file backend.h
/// The seam between the engine and whatever moves the audio: PortAudio, the virtual bench, a test's scripted device.
///
/// Only plain data crosses it: stream parameters in, stream facts out, and the audio side's ends of the rings. A backend
/// makes one rt::DuplexProcessor from the ends that it is given and calls it for every block; it adds nothing of its own.
/// Everything that the ends refer to is storage given by the engine, so that it may live in memory shared with another process.
#pragma once

#include "core/result.h"
#include "engine/audio_storage.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lowleg::engine {

/// What to open. Plain data.
struct StreamRequest {
    std::array<char, 256> device{};     ///< The backend's own name or number for the device, ends with a 0.
    std::array<char, 256> output_device{};  ///< Of the device that plays, where that is another one, with a clock of its own; else empty.
    std::array<char, 64> host_api{};    ///< Only devices of this audio system, ends with a 0; empty: of any.
    double sample_rate_hz{0.0};         ///< 0: the device's own rate.
    std::array<std::int32_t, 2> inputs{1, 2};   ///< Channels for pin 2 and pin 3, counted from 1.
    std::array<std::int32_t, 2> outputs{1, 2};  ///< Channels for drive and probe, counted from 1.
};

/// What was opened. Plain data.
struct StreamFacts {
    double sample_rate_hz{};            ///< The rate that the device really runs at.
    std::array<char, 520> device{};     ///< Name for people, ends with a 0; of two devices "IN, played by OUT".
    std::array<char, 64> host_api{};    ///< "JACK Audio Connection Kit", "virtual bench", …
    /// What StreamRequest finds the same devices by again, ends with a 0; empty where there is nothing to find.
    std::array<char, 256> capture_name{}, playback_name{};
};

class Backend {
public:
    Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;
    virtual ~Backend() = default;

    /// Control thread, once, before open(): where the stream's memory is to be. Another process may share it.
    /// \return bytes_needed(sizes), aligned, all 0, valid until the backend is destroyed; failure when there is not so much.
    virtual Result<std::span<std::byte>> storage(const StorageSizes& sizes);

    /// Control thread, once. The ends lie in storage().
    virtual Result<StreamFacts> open(const StreamRequest& request, const rt::AudioEnds& ends) = 0;
    /// Control thread. Blocks arrive from here on.
    virtual Status start() = 0;
    /// Control thread. No block arrives after it has returned. Returns in bounded time whatever the device does: a
    /// backend whose device is lost abandons it.
    virtual void stop() noexcept = 0;
    /// Any thread. False when the device is known to be gone: no further block will come.
    [[nodiscard]] virtual bool is_alive() const noexcept = 0;
    /// Any thread, once it is not alive: what happened, half a sentence; empty where nothing is known.
    [[nodiscard]] virtual std::string_view loss() const noexcept { return {}; }

private:
    struct alignas(AudioStorage::alignment) Line {
        std::byte bytes[AudioStorage::alignment];
    };
    std::vector<Line> memory_;
};

}  // namespace lowleg::engine
