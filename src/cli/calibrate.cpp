#include "cli/command.h"
#include "cli/progress_line.h"
#include "core/text.h"
#include "instrument/instrument.h"
#include "report/calibration_text.h"
#include "report/measurement_json.h"
#include "report/measurement_text.h"

#include <CLI/CLI.hpp>

#include <chrono>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

namespace lowleg::cli {
namespace {

using instrument::CalibrationHands;
using instrument::CalibrationRequest;
using instrument::Instrument;
using instrument::SettingGroup;
using procedure::CalibrationStep;
using procedure::CalibrationWiring;
using procedure::Measurement;
using procedure::MeterReading;

struct CalibrateArguments {
    std::string device;
    bool bench{false};
    std::string switch_command;
    std::string folder;
    std::string resistor;
    std::string volts;
    std::string volts_low;
    int which{0};
    double resistor_percent{1.0};
    double meter_percent{1.0};
    double meter_hz{1000.0};
    bool json{false};
    bool explain{false};
    SettingOptions settings;
    CLI::Option* device_option{nullptr};
};

/// A line of the terminal's input. \param before  what was to happen first: "the leads were connected".
Result<std::string> answer(const Terminal& terminal, const std::string& before)
{
    std::string line;
    const bool was_read = static_cast<bool>(std::getline(terminal.in, line));
    if (terminal.should_stop()) return Error{"stopped by hand before " + before + ", so nothing was stored", ErrorKind::interrupted};
    if (was_read) return line;
    terminal.err << '\n';
    return Error{"standard input ended before " + before + ", so nothing was stored: run lowleg on a terminal, or let a program wire with --switch CMD and give --volts and --volts-low"};
}

/// Who wires and reads the multimeter: a command, or whoever sits at the terminal.
CalibrationHands hands_of(const Terminal& terminal, const ProgressLine& line, const CalibrateArguments& arguments)
{
    CalibrationHands hands;
    // Both readings given: nobody is asked, and nothing needs to be connected.
    const bool is_read = !arguments.volts.empty() && !arguments.volts_low.empty();
    const auto command = arguments.switch_command;
    hands.wire = [&terminal, &line, command, is_read, count = 0](const CalibrationWiring& wiring) mutable -> Status {
        if (!command.empty()) return procedure::run_wiring_command(command, wiring);
        if (is_read && wiring.kind == CalibrationWiring::Kind::meter) return Done{};
        line.clear();
        terminal.err << '\n' << ++count << ". Connect:\n" << drawing_of(wiring) << "   then press Enter: " << std::flush;
        const auto enter = answer(terminal, "\"" + name_of(wiring) + "\" was connected");
        if (!enter) return enter.error();
        return Done{};
    };
    if (arguments.bench && arguments.volts.empty()) return hands;
    hands.read_meter = [&terminal, &line, volts = arguments.volts, volts_low = arguments.volts_low](Dbfs level, Hertz frequency, bool is_lower) -> Result<MeterReading> {
        const auto& given = is_lower ? volts_low : volts;
        if (!given.empty()) return procedure::parse_meter_reading(given);
        for (int attempt = 0;; ++attempt) {
            line.clear();
            terminal.err << (is_lower ? "   Now it plays 20 dB lower, for proof." : "   It plays " + format_hertz(frequency) + " at " + format_dbfs(level, 0) + ".")
                         << " What does the multimeter show, in volts? " << std::flush;
            const auto typed = answer(terminal, "the multimeter was read");
            if (!typed) return typed.error();
            auto reading = procedure::parse_meter_reading(typed.value());
            if (reading || attempt == 2) return reading;
            terminal.err << "   " << reading.error().message << '\n';
        }
    };
    return hands;
}

Result<CalibrationRequest> request_of(const CalibrateArguments& arguments, CalibrationStep step)
{
    CalibrationRequest request;
    request.step = step;
    if (arguments.which > 0) request.only = static_cast<std::size_t>(arguments.which - 1);
    request.meter_frequency = Hertz{arguments.meter_hz};
    request.meter_95 = arguments.meter_percent / 100.0;
    request.resistor_95 = arguments.resistor_percent / 100.0;
    request.folder = arguments.folder;
    if (!arguments.resistor.empty()) {
        double ohms{};
        if (!parse_engineering(arguments.resistor, ohms) || !(ohms >= 1.0 && ohms <= 100e6))
            return Error{"--resistor cannot be \"" + arguments.resistor + "\": give 1 Ω to 100 MΩ, as 10k or 4.7k", ErrorKind::usage};
        request.resistor = Ohms{ohms};
    }
    // What was typed wrongly is said before anything sounds.
    for (const auto& volts : {arguments.volts, arguments.volts_low})
        if (!volts.empty())
            if (const auto reading = procedure::parse_meter_reading(volts); !reading) return reading.error();
    return request;
}

int calibrate(const Terminal& terminal, const CalibrateArguments& arguments, CalibrationStep step)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const auto request = request_of(arguments, step);
    if (!request) return fail(terminal, request.error());
    if (!arguments.bench && arguments.device_option->count() == 0)
        return fail(terminal, {"there is nothing to calibrate: give --device ID (\"lowleg devices\" lists them), or --bench for the simulated interface", ErrorKind::usage});
    const Instrument instrument{std::move(settings).value(), terminal.should_stop, teller(terminal)};
    const ProgressLine line{terminal};
    const auto observer = [&](const procedure::MeasurementProgress& p) { line.show(report::progress_words(p)); };
    const auto hands = hands_of(terminal, line, arguments);
    const auto result = arguments.bench ? instrument.calibrate_bench(request.value(), hands, observer)
                                        : instrument.calibrate_device(request.value(), arguments.device, hands, observer);
    line.clear();
    if (!result) return fail(terminal, result.error());
    terminal.out << (arguments.json ? report::measurement_json(result.value()) : report::measurement_text(result.value(), terminal.style, arguments.explain));
    return ExitStatus::result;
}

int show(const Terminal& terminal, const CalibrateArguments& arguments)
{
    const auto all = Instrument::list_calibrations(arguments.folder, arguments.device);
    if (!all) return fail(terminal, all.error());
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    terminal.out << (arguments.json ? report::calibrations_json(all.value(), today) : report::calibrations_text(all.value(), today, terminal.style));
    return ExitStatus::result;
}

int forget(const Terminal& terminal, const CalibrateArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const auto gone = Instrument{std::move(settings).value()}.forget_calibrations(arguments.folder, arguments.device);
    if (!gone) return fail(terminal, gone.error());
    for (const auto& path : gone.value()) terminal.out << "removed " << path.string() << '\n';
    return ExitStatus::result;
}

void add_step(CLI::App& command, CalibrationStep step, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<CalibrateArguments>();
    auto& a = *arguments;
    auto* one = command.add_subcommand(std::string{name_of(step)}, std::string{words_for(step)});
    a.device_option = one->add_option("--device", a.device, "audio device, an id of \"lowleg devices\"")->type_name("ID");
    auto* bench = one->add_flag("--bench", a.bench, "the simulated interface, wired to itself; stored nowhere unless --folder says where");
    a.device_option->excludes(bench);
    auto* wire = one->add_option("--switch", a.switch_command, "command that wires; {wiring} is replaced by output-1, output-1-input-2, output-1-input-2-series, …")->type_name("CMD");
    wire->needs(a.device_option);
    if (step == CalibrationStep::output) {
        one->add_option("--volts", a.volts, "what the multimeter showed, in place of being asked")->type_name("VOLTS");
        one->add_option("--volts-low", a.volts_low, "what it showed for the tone 20 dB lower")->type_name("VOLTS");
        one->add_option("--meter-hz", a.meter_hz, "frequency of the tone: 60 for meters made for the mains (default 1000)")->type_name("HZ")->check(CLI::Range(20.0, 2000.0));
        one->add_option("--meter-percent", a.meter_percent, "what the multimeter may be off by (default 1)")->type_name("PERCENT")->check(CLI::Range(0.001, 20.0));
    }
    if (step == CalibrationStep::rin || step == CalibrationStep::rs) {
        one->add_option("--resistor", a.resistor, step == CalibrationStep::rin ? "the series resistor (default 10k)" : "the load (default 1k)")->type_name("OHM");
        one->add_option("--resistor-percent", a.resistor_percent, "what it may be off by (default 1)")->type_name("PERCENT")->check(CLI::Range(0.001, 20.0));
    }
    if (step != CalibrationStep::pair) {
        const bool is_output = step == CalibrationStep::output || step == CalibrationStep::rs;
        one->add_option("--which", a.which, std::string{"only this one of the two channels of --"} + (is_output ? "out" : "in") + (step == CalibrationStep::output ? " (default 1)" : " (default: both)"))
            ->type_name("1|2")
            ->check(CLI::IsMember({1, 2}));
    }
    one->add_option("--folder", a.folder, "where it is stored, in place of the user's own folder")->type_name("DIR");
    one->add_flag("--json", a.json, "one JSON object on standard output");
    one->add_flag("--explain", a.explain, "say how every figure is defined");
    a.settings.add_to(*one, {SettingGroup::averaging, SettingGroup::calibration, SettingGroup::device, SettingGroup::rate, SettingGroup::simulation});
    for (const auto* name : {"level", "rin", "cin", "rs", "gain-ratio"}) a.settings.add_to(*one, name);
    one->footer(step == CalibrationStep::output ? "By hand, it says what to connect, plays a tone, and asks for the volts; then once more 20 dB lower, which proves that they are volts.\n"
                                                  "Examples:\n  lowleg calibrate output --device 3\n  lowleg calibrate output --device 3 --which 2 --meter-hz 60"
                                                : "By hand, each wiring is drawn before anything plays.\nExample:\n  lowleg calibrate " + std::string{name_of(step)} + " --device 3");
    one->callback([arguments, step, &terminal, &action] { action = [arguments, step, &terminal] { return calibrate(terminal, *arguments, step); }; });
}

}  // namespace

void add_calibrate(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto* command = app.add_subcommand("calibrate", "give an interface its volts, ohms and dB");
    command->description("Calibrates an interface, so that levels are told in volts: with a multimeter, a lead and two resistors, step by step.\n"
                         "In this order each step finds what it needs: output, inputs; for impedances also rs, rin and pair; for responses loop.\n"
                         "It is stored for this device, sample rate and --setting, and used from then on. Do not touch the gain controls between and after.");
    command->require_subcommand(1);
    for (const auto step : procedure::all_calibration_steps) add_step(*command, step, terminal, action);

    auto shown = std::make_shared<CalibrateArguments>();
    auto* list = command->add_subcommand("show", "what is stored, how uncertain it is, and since when");
    list->add_option("--device", shown->device, "of this device alone")->type_name("ID");
    list->add_option("--folder", shown->folder, "in this folder, in place of the user's own")->type_name("DIR");
    list->add_flag("--json", shown->json, "one JSON object on standard output");
    list->callback([shown, &terminal, &action] { action = [shown, &terminal] { return show(terminal, *shown); }; });

    auto forgotten = std::make_shared<CalibrateArguments>();
    auto* remove = command->add_subcommand("forget", "remove what is stored of a device");
    remove->add_option("--device", forgotten->device, "whose")->type_name("ID")->required();
    remove->add_option("--folder", forgotten->folder, "in this folder, in place of the user's own")->type_name("DIR");
    forgotten->settings.add_to(*remove, {SettingGroup::rate, SettingGroup::calibration});
    remove->footer("Without --rate and --setting, all that is stored of this device goes.");
    remove->callback([forgotten, &terminal, &action] { action = [forgotten, &terminal] { return forget(terminal, *forgotten); }; });
}

}  // namespace lowleg::cli
