/// \file instrument.h
/// The whole instrument as one object without a face: jobs in, results out.
#pragma once

#include "core/result.h"
#include "core/tone_plan.h"
#include "engine/engine.h"
#include "instrument/calibrate.h"
#include "instrument/settings.h"
#include "procedure/calibration.h"
#include "procedure/cmrr.h"
#include "procedure/fixture_switch.h"
#include "procedure/identify.h"
#include "procedure/measure.h"
#include "procedure/predict.h"
#include "procedure/switch_follower.h"
#include "report/bench_report.h"
#include "report/listings.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowleg::instrument {

using Progress = std::function<void(const procedure::IdentifyProgress&)>;

/// Who watches while a job runs. On the job's thread; each may be empty.
struct Onlooker {
    /// See engine::EngineHooks::hear. With it the virtual bench runs in real time, and identify tells a verdict after each state.
    std::function<void(engine::Engine&, std::span<const float>)> hear;
    std::function<void(const std::vector<procedure::CmrrPoint>&)> cmrr_so_far;  ///< See procedure::CmrrOptions::curve_so_far.
};

/// Does one job at a time, on the thread that calls. Every job is given what it needs and leaves nothing open.
class Instrument {
public:
    /// \param should_stop  asked again and again while a job runs, on its thread; true ends the job as interrupted. May be empty.
    /// \param tell  given a sentence when a device is lost while it measures, and when it is back. May be empty.
    explicit Instrument(Settings settings, std::function<bool()> should_stop = {}, std::function<void(const std::string&)> tell = {});

    void be_watched(Onlooker onlooker);

    [[nodiscard]] Result<std::vector<report::DeviceEntry>> list_devices() const;

    /// Runs a device for 10 s, softly, and tells whether it is fit to measure with. \param id  of a device of list_devices().
    [[nodiscard]] Result<procedure::Measurement> test_device(const std::string& id, const procedure::MeasurementObserver& observer = {}) const;

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

    /// Measures one thing on a circuit of the virtual bench: an output, or for MeasureKind::input a receiver.
    [[nodiscard]] Result<procedure::Measurement> measure_bench(procedure::MeasureKind kind, const std::string& name_or_file,
                                                               const procedure::MeasurementObserver& observer = {}) const;
    /// With the calibration that is stored of this device, rate and gain setting. Parameters as of identify_device().
    [[nodiscard]] Result<procedure::Measurement> measure_device(procedure::MeasureKind kind, const std::string& id, procedure::FixtureSwitch fixture_switch,
                                                                const procedure::MeasurementObserver& observer = {},
                                                                std::function<bool()> confirm_line_output = {}) const;
    /// The same from recordings. \param path  a folder that export_measurement() wrote captures into, or one like it; or a file, where one signal is enough.
    [[nodiscard]] Result<procedure::Measurement> measure_captures(procedure::MeasureKind kind, const std::filesystem::path& path,
                                                                  const procedure::MeasurementObserver& observer = {}) const;
    /// Measures the common-mode rejection of a receiver of the virtual bench.
    /// \param own_input  the receiver stands for the interface's own input: nothing tells what arrives at its legs.
    [[nodiscard]] Result<procedure::Cmrr> cmrr_bench(const std::string& name_or_file, procedure::CmrrMethod method, bool own_input,
                                                     const procedure::MeasurementObserver& observer = {}) const;
    /// \param id  of a device of list_devices(). \param feed_switch  whatever wires the input.
    [[nodiscard]] Result<procedure::Cmrr> cmrr_device(const std::string& id, procedure::CmrrMethod method, bool own_input, const procedure::FeedSwitch& feed_switch,
                                                      const procedure::MeasurementObserver& observer = {}) const;
    /// As export_measurement().
    static Status export_cmrr(const procedure::Cmrr& cmrr, const std::filesystem::path& csv, const std::filesystem::path& wav_folder);

    /// Whether export_measurement() has where to write to, before anything is measured.
    static Status check_export(const std::filesystem::path& csv, const std::filesystem::path& wav_folder);
    /// Each file whole or not at all. \param csv  empty: none. \param wav_folder  empty: none; made if it is not there.
    static Status export_measurement(const procedure::Measurement& measurement, const std::filesystem::path& csv, const std::filesystem::path& wav_folder);

    /// Does one step of a calibration and stores what came of it, with what was stored before, in the request's folder; nothing after an error.
    /// \param id  of a device of list_devices().
    [[nodiscard]] Result<procedure::Measurement> calibrate_device(const CalibrationRequest& request, const std::string& id, const CalibrationHands& hands,
                                                                  const procedure::MeasurementObserver& observer = {}) const;
    /// The same with the simulated interface, whose outputs and inputs are wired to each other: what the settings say of it is what is to be found.
    [[nodiscard]] Result<procedure::Measurement> calibrate_bench(const CalibrationRequest& request, const CalibrationHands& hands = {},
                                                                 const procedure::MeasurementObserver& observer = {}) const;
    /// What is stored. \param folder  empty: the user's own. \param device  its name, or its number today; empty: of all devices, damaged files, too.
    [[nodiscard]] static Result<std::vector<procedure::StoredCalibration>> list_calibrations(const std::filesystem::path& folder, const std::string& device);
    /// Removes what is stored of a device: at the settings' rate and gain setting where these are given, else at all.
    /// \return the files that are gone; failure when there was none.
    [[nodiscard]] Result<std::vector<std::filesystem::path>> forget_calibrations(const std::filesystem::path& folder, const std::string& device) const;

    /// Levels at another input. \param result  file with what identify printed as JSON. \param load  ohms, and a capacitance: "10k,1n".
    [[nodiscard]] static Result<procedure::Prediction> predict(const std::filesystem::path& result, const std::string& load, bool unbalanced);

    /// Writes what identify would play: a float WAV, channel 1 drive, channel 2 probe, `periods` times the period (1 to 120).
    [[nodiscard]] Result<TonePlan> write_stimulus(const std::filesystem::path& path, int periods) const;
    /// Writes what gear without an input is to play itself: a 16-bit WAV, the drive on both channels, `periods` times the period (1 to 1200).
    [[nodiscard]] Result<TonePlan> write_player_stimulus(const std::filesystem::path& path, int periods) const;

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
    engine::EngineHooks hooks_;
    Onlooker onlooker_;
};

/// A switch that runs a command, see procedure::command_switch.
[[nodiscard]] procedure::FixtureSwitch command_switch(std::string command);

/// A switch that is followed by the signals, see procedure::following_switch.
[[nodiscard]] procedure::FixtureSwitch followed(procedure::FollowOptions options);

/// The name that a served circuit has unless it is given another.
[[nodiscard]] std::string default_client_name();

}  // namespace lowleg::instrument
