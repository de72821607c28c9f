/// \file audio_host.h
/// The process in which PortAudio runs: whatever a driver does to it, the program that measures lives on.
#pragma once

#include "core/result.h"

#include <string>

namespace lowleg::engine {

/// Serves the program that has made this shared memory (host_link.h): opens the devices that it asks for, moves the blocks, and beats every 10 ms. Returns when it is told
/// to, or when that program is gone, which it sees from the end of standard input; what sounds then fades out first.
/// \return usage error when there is no such memory.
Status run_audio_host(const std::string& shared_memory);

}  // namespace lowleg::engine
