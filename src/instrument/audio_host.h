/// \file audio_host.h
/// The other half of an instrument that measures on devices: the process that the audio runs in.
#pragma once

#include "core/result.h"

#include <string>

namespace lowleg::instrument {

/// See engine::run_audio_host().
Status run_audio_host(const std::string& shared_memory);

}  // namespace lowleg::instrument
