/// \file bench_backend.h
/// The virtual bench as a backend of the engine: in-process, free-running, far faster than real time.
#pragma once

#include "bench/virtual_bench.h"
#include "engine/backend.h"

#include <memory>

namespace lowleg::bench {

/// A thread of its own feeds the bench with what the engine plays, and waits only when the capture ring is full. The switch
/// moves then, too. What is captured is one block (256 frames) and VirtualBench::delay() later than what was played.
/// StreamRequest::device is ignored; the stream runs at the bench's rate. `bench` outlives the backend by shared ownership.
[[nodiscard]] std::unique_ptr<engine::Backend> make_bench_backend(std::shared_ptr<VirtualBench> bench, double sample_rate_hz);

}  // namespace lowleg::bench
