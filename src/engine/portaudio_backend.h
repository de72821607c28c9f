/// \file portaudio_backend.h
/// Real devices, through PortAudio, in the process that calls: an audio host's (audio_host.h).
///
/// PortAudio is used from a single thread of its own, and whoever calls waits for that thread for a limited time only. When
/// an audio system dies or hangs under it, PortAudio can neither stop nor close nor terminate: it waits for ten minutes and then
/// aborts. So from then on nothing of it is called any more in this process: everything here answers with an error, and the
/// process may leave by returning from main.
#pragma once

#include "engine/backend.h"
#include "engine/devices.h"

#include <memory>
#include <vector>

namespace lowleg::engine {

/// StreamRequest::device is a number or a name, see find_device().
[[nodiscard]] std::unique_ptr<Backend> make_portaudio_backend();

/// Asks every audio system anew. \return none when there are no devices; failure when no audio system answers at all.
Result<std::vector<DeviceInfo>> portaudio_devices();

/// Any thread: true for good once an audio system was lost in this process. A program that goes on measuring starts itself anew.
[[nodiscard]] bool portaudio_is_lost() noexcept;

}  // namespace lowleg::engine
