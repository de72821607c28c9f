/// \file instrument.h
/// The whole instrument as one object without a face: jobs in, results out.
#pragma once

#include "core/result.h"
#include "core/tone_plan.h"
#include "instrument/settings.h"
#include "procedure/fixture_switch.h"
#include "procedure/identify.h"
#include "report/listings.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lowleg::instrument {

using Progress = std::function<void(const procedure::IdentifyProgress&)>;

/// Does one job at a time, on the thread that calls. Every job is given what it needs and leaves nothing open.
class Instrument {
public:
    /// \param should_stop  asked again and again while a job runs, on its thread; true ends the job as interrupted. May be empty.
    explicit Instrument(Settings settings, std::function<bool()> should_stop = {});

    [[nodiscard]] Result<std::vector<report::DeviceEntry>> list_devices() const;

    /// \return failure when no device fits this id, or several do.
    static Status check_device(const std::string& id);

    /// Identifies a circuit of the virtual bench: one that ships, or a netlist file of the user's own.
    [[nodiscard]] Result<procedure::Identification> identify_bench(const std::string& name_or_file, const Progress& progress = {}) const;
    /// \param id  of a device of list_devices(). \param fixture_switch  whatever moves the switch.
    [[nodiscard]] Result<procedure::Identification> identify_device(const std::string& id, procedure::FixtureSwitch fixture_switch,
                                                                    const Progress& progress = {}) const;
    [[nodiscard]] Result<procedure::Identification> identify_captures(const std::filesystem::path& folder) const;

    /// Writes what identify would play: a float WAV, channel 1 drive, channel 2 probe, `periods` times the period.
    [[nodiscard]] Result<TonePlan> write_stimulus(const std::filesystem::path& path, int periods) const;

    [[nodiscard]] std::vector<report::CircuitEntry> list_circuits() const;
    [[nodiscard]] Result<report::CircuitReport> show_circuit(const std::string& name_or_file) const;
    /// Serves a circuit as a JACK client until it is told to stop. \param ready  called when it can be used.
    Status serve_circuit(const std::string& name_or_file, const std::string& client_name,
                         const std::function<void(double sample_rate_hz)>& ready) const;
    /// Moves the switch of a served circuit.
    static Status switch_circuit(const std::string& client_name, SwitchState state);

private:
    Settings settings_;
    std::function<bool()> should_stop_;
};

/// A switch that runs a command, see procedure::command_switch.
[[nodiscard]] procedure::FixtureSwitch command_switch(std::string command);

/// The name that a served circuit has unless it is given another.
[[nodiscard]] std::string default_client_name();

}  // namespace lowleg::instrument
