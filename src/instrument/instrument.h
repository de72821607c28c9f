/// \file instrument.h
/// The whole instrument as one object without a face: jobs in, results out.
#pragma once

#include "core/result.h"
#include "core/tone_plan.h"
#include "instrument/settings.h"
#include "procedure/fixture_switch.h"
#include "procedure/identify.h"
#include "procedure/predict.h"
#include "report/bench_report.h"
#include "report/listings.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
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

    /// Identifies an output on the virtual bench: a circuit that ships, or a netlist file of the user's own.
    /// \return usage error for a receiver or a connection; failure, too, when the simulated gear latched up or could not be solved.
    [[nodiscard]] Result<procedure::Identification> identify_bench(const std::string& name_or_file, const Progress& progress = {}) const;
    /// \param id  of a device of list_devices(). \param fixture_switch  whatever moves the switch.
    /// \param confirm_line_output  see procedure::IdentifyOptions; may be empty.
    [[nodiscard]] Result<procedure::Identification> identify_device(const std::string& id, procedure::FixtureSwitch fixture_switch,
                                                                    const Progress& progress = {}, std::function<bool()> confirm_line_output = {}) const;
    [[nodiscard]] Result<procedure::Identification> identify_captures(const std::filesystem::path& folder) const;

    /// Levels at another input. \param result  file with what identify printed as JSON. \param load  ohms, and a capacitance: "10k,1n".
    [[nodiscard]] static Result<procedure::Prediction> predict(const std::filesystem::path& result, const std::string& load, bool unbalanced);

    /// Writes what identify would play: a float WAV, channel 1 drive, channel 2 probe, `periods` times the period.
    [[nodiscard]] Result<TonePlan> write_stimulus(const std::filesystem::path& path, int periods) const;

    [[nodiscard]] static std::vector<report::CircuitEntry> list_circuits();
    [[nodiscard]] Result<report::CircuitReport> show_circuit(const std::string& name_or_file) const;
    /// Solves the circuit with parts drawn within their tolerances, from the settings' seed on. \param draws  1 to 100,000.
    [[nodiscard]] Result<report::SpreadReport> spread_circuit(const std::string& name_or_file, std::size_t draws) const;
    /// Serves a circuit as a JACK client until it is told to stop. \param ready  called when it can be used.
    /// \param on_trouble  called with a sentence whenever the gear's outputs had to be muted.
    Status serve_circuit(const std::string& name_or_file, const std::string& client_name, const std::function<void(double sample_rate_hz)>& ready,
                         const std::function<void(const std::string&)>& on_trouble) const;
    /// Moves the switch of a served circuit. \param position  a state for an output, a feed for a receiver.
    /// \return usage error when it is neither.
    static Status switch_circuit(const std::string& client_name, const std::string& position);
    /// Changes what surrounds a served circuit, all at once or not at all. \param settings  names of the groups fixture and
    /// simulation, and what a user wrote. \return usage error of the first that cannot be.
    static Status set_circuit(const std::string& client_name, const std::vector<std::pair<std::string, std::string>>& settings);

private:
    Settings settings_;
    std::function<bool()> should_stop_;
};

/// A switch that runs a command, see procedure::command_switch.
[[nodiscard]] procedure::FixtureSwitch command_switch(std::string command);

/// The name that a served circuit has unless it is given another.
[[nodiscard]] std::string default_client_name();

}  // namespace lowleg::instrument
