/// \file bench_backend.h
/// The virtual bench as a backend of the engine: in-process, far faster than real time where nobody watches.
#pragma once

#include "bench/virtual_bench.h"
#include "engine/backend.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace lowleg::bench {

/// What gear plays of its own, full scale = 1, in place of what output 1 gives it: fills `samples`, of which the first is this frame of the stream.
/// Called on the backend's thread, frame after frame.
using OwnSignal = std::function<void(std::uint64_t first_frame, std::span<float> samples)>;

enum class Pace : std::uint8_t {
    free,       ///< As fast as the circuit can be computed.
    real_time,  ///< As an interface would: for who looks on. What a busy machine keeps it from is caught up with.
};

/// A thread of its own feeds the bench with what the engine plays, and waits only when the capture ring is full. The switch
/// moves then, too. What is captured is one block (256 frames) and VirtualBench::delay() later than what was played.
/// \param own  of gear that plays of itself; empty: output 1 drives it.
/// StreamRequest::device is ignored; the stream runs at the bench's rate. `bench` outlives the backend by shared ownership.
[[nodiscard]] std::unique_ptr<engine::Backend> make_bench_backend(std::shared_ptr<VirtualBench> bench, double sample_rate_hz, OwnSignal own = {},
                                                                 Pace pace = Pace::free);

}  // namespace lowleg::bench
