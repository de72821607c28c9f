/// \file listings.h
/// Devices and test signals, as text and as JSON.
#pragma once

#include "core/tone_plan.h"
#include "report/layout.h"

#include <span>
#include <string>
#include <vector>

namespace lowleg::report {

/// An audio device as a user chooses it.
struct DeviceEntry {
    std::string id;            ///< What --device takes.
    std::string name;
    std::string host_api;
    int inputs{};
    int outputs{};
    double default_rate_hz{};
    std::vector<double> rates_hz;  ///< That a measurement can run at, ascending; empty: not known.
    std::string remark;        ///< Why it cannot be used, or what to mind; empty: nothing.
};

[[nodiscard]] std::string devices_text(std::span<const DeviceEntry> devices, const TextStyle& style);
/// Schema lowleg.devices/1.
[[nodiscard]] std::string devices_json(std::span<const DeviceEntry> devices);

/// \param path  of the file that was written. \param periods  in it.
/// Of a file that gear plays by itself.
[[nodiscard]] std::string player_stimulus_text(const TonePlan& plan, const std::string& path, int periods, const TextStyle& style);
[[nodiscard]] std::string stimulus_text(const TonePlan& plan, const std::string& path, int periods, const TextStyle& style);
/// Schema lowleg.stimulus/1.
[[nodiscard]] std::string stimulus_json(const TonePlan& plan);

}  // namespace lowleg::report
