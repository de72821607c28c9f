/// \file devices.h
/// The audio devices of this computer.
#pragma once

#include "core/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::engine {

struct DeviceInfo {
    std::int32_t number{};        ///< The audio system's own; changes when devices come and go.
    std::string name;
    std::string host_api;         ///< "ALSA", "JACK Audio Connection Kit", …
    std::int32_t inputs{};        ///< Channels at most; 0: none.
    std::int32_t outputs{};
    double default_rate_hz{};
    /// Of the usual sample rates, those that it accepts, ascending: both ways at once, and each alone (two channels, or one where
    /// it has no more).
    std::vector<double> duplex_rates_hz, input_rates_hz, output_rates_hz;
    std::string note;             ///< What is odd about it, one sentence; mostly empty.
};

/// The device with this number, or with this name; upper and lower case are the same, and a part of the name will do that only
/// one device has. An empty text takes the only device that has inputs and outputs.
/// \return failure naming those that fit, when several do; or those that there are, with the nearest.
Result<DeviceInfo> find_device(std::span<const DeviceInfo> devices, std::string_view number_or_name);
}  // namespace lowleg::engine
