/// \file callback_time.h
/// What the audio callback takes of its block's time.
#pragma once

#include <cstdint>
#include <vector>

namespace lowleg::benchmarks {

/// Of a block of 64 frames while a period plays, driven in a loop; parts of the block's own time. Time of this thread's processor: what other programs take does not count.
struct CallbackTime {
    double sample_rate_hz{};
    std::uint32_t channels{};  ///< Of the device, interleaved, of which two are used each way.
    double median{};
    double p999{};
    double worst{};
};

/// 2 and 8 channels at 48 and 192 kHz.
std::vector<CallbackTime> time_callback();

}  // namespace lowleg::benchmarks
