/// \file listings.h
/// Devices, test signals and the circuits of the virtual bench, as text and as JSON.
#pragma once

#include "core/fixture.h"
#include "core/tone_plan.h"
#include "core/units.h"
#include "report/layout.h"

#include <array>
#include <map>
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
[[nodiscard]] std::string stimulus_text(const TonePlan& plan, const std::string& path, int periods, const TextStyle& style);
/// Schema lowleg.stimulus/1.
[[nodiscard]] std::string stimulus_json(const TonePlan& plan);

struct CircuitEntry {
    std::string name;
    std::string title;
};
[[nodiscard]] std::string bench_list_text(std::span<const CircuitEntry> circuits, const TextStyle& style);
/// Schema lowleg.bench-list/1.
[[nodiscard]] std::string bench_list_json(std::span<const CircuitEntry> circuits);

/// What the interface reads at one frequency, over the played drive: [0] i2, [1] i3.
struct CircuitReading {
    Hertz frequency{};
    std::map<SwitchState, std::array<Complex, 2>> inputs;  ///< All four states.
};
struct CircuitReport {
    std::string name;
    std::string title;
    std::string netlist;
    std::vector<std::string> notes;   ///< What was skipped when it was read: sentences.
    std::vector<CircuitReading> readings;
};
[[nodiscard]] std::string bench_show_text(const CircuitReport& circuit, const TextStyle& style);
/// Schema lowleg.bench-show/1.
[[nodiscard]] std::string bench_show_json(const CircuitReport& circuit);

}  // namespace lowleg::report
