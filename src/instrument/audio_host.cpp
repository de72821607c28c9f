#include "instrument/audio_host.h"

#include "engine/audio_host.h"

namespace lowleg::instrument {

Status run_audio_host(const std::string& shared_memory) { return engine::run_audio_host(shared_memory); }

}  // namespace lowleg::instrument
