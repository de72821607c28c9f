/// \file host_backend.h
/// Real devices, in an audio host that is started for each stream: PortAudio neither hangs nor aborts what measures.
#pragma once

#include "engine/backend.h"
#include "engine/devices.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

namespace lowleg::engine {

struct HostOptions {
    std::filesystem::path program;          ///< That is started with "audio-host NAME"; empty: the one that runs here.
    std::function<bool()> should_stop;      ///< Asked while a host is waited for; may be empty.
};

/// StreamRequest::device is a number or a name, see find_device(). A host that ends, or is silent for 500 ms while it could run, is ended by its id, and is_alive() is false
/// from then on.
[[nodiscard]] std::unique_ptr<Backend> make_host_backend(HostOptions options = {});

/// Asks every audio system anew, in a host of its own, which takes up to a second. Other runs of this program that stream are left out.
/// \return none when there are no devices; failure when no audio system answers at all.
Result<std::vector<DeviceInfo>> list_devices(const HostOptions& options = {});

}  // namespace lowleg::engine
