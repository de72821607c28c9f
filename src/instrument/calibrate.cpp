#include "instrument/calibrate.h"

#include "bench/virtual_bench.h"
#include "core/text.h"
#include "engine/devices.h"
#include "instrument/instrument.h"
#include "instrument/sources.h"
#include "procedure/calibration.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace lowleg::instrument {
namespace {

using procedure::Calibrated;
using procedure::CalibrationUse;
using procedure::CalibrationWiring;
using procedure::MeterReading;

constexpr std::string_view bench_device = "virtual bench";

std::chrono::sys_days today() { return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()); }

bool is_given(const Settings& settings, std::string_view name) { return std::ranges::find(settings.given, name) != settings.given.end(); }

procedure::CalibrateOptions options_of(const Settings& settings, const CalibrationRequest& request)
{
    procedure::CalibrateOptions options;
    options.inputs = settings.inputs;
    options.outputs = settings.outputs;
    options.only = request.only;
    options.averaging = settings.averaging;
    options.level = settings.level;
    options.meter_frequency = request.meter_frequency;
    options.meter_95 = request.meter_95;
    options.resistor = request.resistor;
    options.resistor_95 = request.resistor_95;
    options.date = procedure::date_text(today());
    return options;
}

/// Takes up what is stored, does the step, stores what came of it.
/// \param folder  none: nowhere.
Result<procedure::Measurement> calibrated(const procedure::CalibrationRig& rig, const CalibrationRequest& request, procedure::CalibrateOptions options,
                                          const std::optional<std::filesystem::path>& folder, const procedure::MeasurementObserver& observer,
                                          const std::function<bool()>& should_stop)
{
    const auto key = options.before;  // device, rate and setting
    if (folder) {
        // A damaged file is neither lost nor built upon.
        auto stored = procedure::load_calibration(*folder, key.device, key.host_api, key.sample_rate_hz, key.setting);
        if (!stored) return stored.error();
        if (stored.value()) options.before = std::move(*stored.value());
    }
    auto result = procedure::calibrate(rig, request.step, options, observer, should_stop);
    if (!result) return result.error();
    auto& [calibration, measurement] = result.value();
    if (!folder) {
        measurement.calibration = {CalibrationUse::Kind::none, "", "", false, "of the virtual bench, and stored nowhere: give --folder to keep it"};
        return std::move(measurement);
    }
    if (auto stored = procedure::store_calibration(*folder, calibration); !stored) return stored.error();
    auto found = procedure::find_calibration(*folder, key.device, key.host_api, key.sample_rate_hz, key.setting, today());
    if (!found) return found.error();
    measurement.calibration = std::move(found.value().use);
    measurement.notes.push_back("Stored in " + procedure::calibration_path(*folder, key.device, key.host_api, key.sample_rate_hz, key.setting).string() + ".");
    return std::move(measurement);
}

/// The interface's own leads, as a circuit in the place of the gear.
class LoopBench {
public:
    LoopBench(const Settings& settings, const engine::EngineHooks& hooks) : settings_{settings}, hooks_{hooks} {}

    Result<engine::Engine*> connect(const CalibrationWiring& wiring)
    {
        using Kind = CalibrationWiring::Kind;
        auto settings = settings_;
        const double rs = settings.fixture.rs.value();
        std::string netlist = "* an interface's output on its own inputs\n";
        const auto resistor = [&](const char* name, const char* a, const char* b, double ohms) {
            netlist += std::string{"R"} + name + " " + a + " " + b + " " + format_number(ohms) + "\n";
        };
        constexpr double open = 1e12;
        constexpr double good_lead = 0.05;
        constexpr double worse_lead = 0.35;
        const bool is_both = wiring.kind == Kind::both || wiring.kind == Kind::both_exchanged;
        const bool is_meter = wiring.kind == Kind::meter;
        const double load = wiring.kind == Kind::loaded ? wiring.resistor.value() : open;
        if (wiring.output == 0) {
            settings.fixture.probe.reset();
            resistor("s", "drv", "x", std::max(rs, 1e-6));
            resistor("load", "x", "0", load);
            const double lead = wiring.kind == Kind::series ? wiring.resistor.value() : good_lead;
            const auto to = [&](std::size_t input) {
                if (is_meter || (!is_both && input != wiring.input)) return open;
                if (is_both) return (wiring.kind == Kind::both) == (input == 0) ? good_lead : worse_lead;
                return lead;
            };
            resistor("a", "x", "p2", to(0));
            resistor("b", "x", "p3", to(1));
        } else {
            // Output 2 stands on the fixture as the probe does, with its Rs.
            const auto to = [&](std::size_t input) { return Ohms{is_meter || input != wiring.input ? open : good_lead}; };
            settings.fixture.probe = ProbeResistors{to(0), to(1)};
            resistor("d", "drv", "0", 1e6);
            resistor("load", wiring.input == 0 ? "p2" : "p3", "0", load);
        }
        resistor("p2", "p2", "0", open);
        resistor("p3", "p3", "0", open);
        auto opened = open_bench(settings, bench::CircuitText{"loop", "an interface's output on its own inputs", std::move(netlist), ""}, hooks_);
        if (!opened) return opened.error();
        open_ = std::move(opened).value();
        return open_.engine.get();
    }

    /// A multimeter of 10 MΩ and four digits.
    [[nodiscard]] MeterReading read(std::size_t output, Dbfs level) const
    {
        constexpr double meter_ohms = 10e6;
        const auto& interface = settings_.interface;
        if (interface.wrong_moves.muted && output == 0) return {0.0, 1e-3};
        const double volts = interface.full_scale.volts().value() * sine_peak(level) * meter_ohms / (meter_ohms + settings_.fixture.rs.value());
        double digit = 1e-3;
        while (volts < 999.9 * digit) digit /= 10.0;
        while (volts > 9999.0 * digit) digit *= 10.0;
        return {digit * std::round(volts / digit), digit};
    }

private:
    const Settings& settings_;
    const engine::EngineHooks& hooks_;
    OpenBench open_;
};

}  // namespace

Result<procedure::Measurement> Instrument::calibrate_device(const CalibrationRequest& request, const std::string& id, const CalibrationHands& hands,
                                                            const procedure::MeasurementObserver& observer) const
{
    auto folder = request.folder.empty() ? procedure::calibration_folder() : Result<std::filesystem::path>{request.folder};
    if (!folder) return Error{"there is nowhere to store a calibration: set HOME or XDG_CONFIG_HOME, or give --folder"};
    auto engine = open_device(settings_, id, hooks_);
    if (!engine) return engine.error();
    const auto& facts = engine.value()->facts();
    auto options = options_of(settings_, request);
    options.fixture = settings_.fixture;
    options.knows_rin = is_given(settings_, "rin");
    options.knows_rs = is_given(settings_, "rs");
    options.source = procedure::Source::device;
    options.before.device = facts.device.data();
    options.before.host_api = facts.host_api.data();
    options.before.sample_rate_hz = facts.sample_rate_hz;
    options.before.setting = settings_.gain_setting;
    const procedure::CalibrationRig rig{[&](const CalibrationWiring& wiring) -> Result<engine::Engine*> {
                                            if (auto wired = hands.wire(wiring); !wired) return wired.error();
                                            return engine.value().get();
                                        },
                                        hands.read_meter};
    return measured_in_one_piece(*engine.value(), hooks_, [&] { return calibrated(rig, request, options, folder.value(), observer, hooks_.should_stop); });
}

Result<procedure::Measurement> Instrument::calibrate_bench(const CalibrationRequest& request, const CalibrationHands& hands, const procedure::MeasurementObserver& observer) const
{
    auto options = options_of(settings_, request);
    // What the settings say of the simulated interface is the truth that is looked for: nothing of it is known.
    options.source = procedure::Source::virtual_bench;
    options.before.device = bench_device;
    options.before.host_api = bench_device;
    options.before.sample_rate_hz = settings_.sample_rate_hz.value_or(bench_rate_hz);
    options.before.setting = settings_.gain_setting;
    LoopBench loop{settings_, hooks_};
    std::size_t output = 0;
    const procedure::CalibrationRig rig{[&](const CalibrationWiring& wiring) {
                                            output = wiring.output;
                                            return loop.connect(wiring);
                                        },
                                        [&](Dbfs level, Hertz frequency, bool is_lower) -> Result<MeterReading> {
                                            if (hands.read_meter) return hands.read_meter(level, frequency, is_lower);
                                            return loop.read(output, level);
                                        }};
    const auto folder = request.folder.empty() ? std::nullopt : std::optional{request.folder};
    return calibrated(rig, request, std::move(options), folder, observer, hooks_.should_stop);
}

Result<std::vector<procedure::StoredCalibration>> Instrument::list_calibrations(const std::filesystem::path& folder, const std::string& device)
{
    auto where = folder.empty() ? procedure::calibration_folder() : Result<std::filesystem::path>{folder};
    if (!where) return where.error();
    auto all = procedure::list_calibrations(where.value());
    if (device.empty()) return all;
    // By the name that is stored, or by what the device is called today; it need not be connected.
    const auto is_named = [&](const std::string& name) {
        return std::ranges::any_of(all, [&](const auto& stored) { return stored.calibration && stored.calibration.value().device == name; });
    };
    auto name = device;
    if (!is_named(name)) {
        const auto found = find_device(device);
        if (!found) return Error{"nothing is stored of a device called \"" + device + "\", and none with this name or number is connected: \"lowleg calibrate show\" lists all"};
        name = found.value().name;
    }
    std::erase_if(all, [&](const auto& stored) { return !stored.calibration || stored.calibration.value().device != name; });
    return all;
}

Result<std::vector<std::filesystem::path>> Instrument::forget_calibrations(const std::filesystem::path& folder, const std::string& device) const
{
    auto listed = list_calibrations(folder, device);
    if (!listed) return listed.error();
    auto& all = listed.value();
    const auto is_meant = [&](const procedure::Calibration& c) {
        return (!settings_.sample_rate_hz || c.sample_rate_hz == *settings_.sample_rate_hz) && (!is_given(settings_, "setting") || c.setting == settings_.gain_setting);
    };
    std::erase_if(all, [&](const auto& stored) { return !is_meant(stored.calibration.value()); });
    if (all.empty()) return Error{"nothing like that is stored of \"" + device + "\": \"lowleg calibrate show\" lists what there is"};
    std::vector<std::filesystem::path> gone;
    for (const auto& stored : all) {
        std::error_code failed;
        if (!std::filesystem::remove(stored.path, failed) || failed) return Error{"cannot remove " + stored.path.string() + ": " + failed.message()};
        gone.push_back(stored.path);
    }
    return gone;
}

}  // namespace lowleg::instrument
