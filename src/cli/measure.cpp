#include "cli/command.h"
#include "cli/hand_switch.h"
#include "cli/input_wiring.h"
#include "cli/progress_line.h"
#include "instrument/exchange.h"
#include "instrument/instrument.h"
#include "report/measurement_json.h"
#include "report/measurement_text.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>
#include <utility>

namespace lowleg::cli {
namespace {

using instrument::Instrument;
using instrument::SettingGroup;
using procedure::MeasureKind;
using procedure::Measurement;

struct MeasureArguments {
    std::string device;
    std::string bench;
    std::string captures;
    std::string switch_command;
    std::string csv;
    std::string wav;
    bool json{false};
    bool explain{false};
    SettingOptions settings;
    CLI::Option* device_option{nullptr};
    CLI::Option* bench_option{nullptr};
    CLI::Option* captures_option{nullptr};
    CLI::Option* switch_option{nullptr};
};

int show(const Terminal& terminal, const MeasureArguments& arguments, const Result<Measurement>& result)
{
    if (!result) return fail(terminal, result.error());
    const auto& measurement = result.value();
    if (const auto written = Instrument::export_measurement(measurement, arguments.csv, arguments.wav); !written) return fail(terminal, written.error());
    terminal.out << (arguments.json ? report::measurement_json(measurement) : report::measurement_text(measurement, terminal.style, arguments.explain));
    if (!measurement.quality.lost_because.empty()) terminal.err << "lowleg: " << measurement.quality.lost_because << "; this is what was measured until then" << std::endl;
    return is_cut_short(measurement.quality.ending) ? ExitStatus::interrupted : ExitStatus::result;
}

int measure(const Terminal& terminal, const MeasureArguments& arguments, MeasureKind kind)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    if (const auto writable = Instrument::check_export(arguments.csv, arguments.wav); !writable) return fail(terminal, writable.error());
    const auto fixture = settings.value().fixture;
    settings.value().keeps_captures = !arguments.wav.empty();
    const auto given = settings.value();
    const bool exchanges = kind == MeasureKind::balance && given.exchange;
    const Instrument instrument{std::move(settings).value(), terminal.should_stop, teller(terminal)};
    const ProgressLine line{terminal};
    const auto observer = [&](const procedure::MeasurementProgress& p) { line.show(report::progress_words(p)); };
    const auto shown = [&](const Result<Measurement>& result) {
        line.clear();
        return show(terminal, arguments, result);
    };
    if (exchanges && arguments.bench_option->count() > 0) return shown(instrument::balance_exchanged_bench(given, arguments.bench, observer, terminal.should_stop));
    if (arguments.bench_option->count() > 0) return shown(instrument.measure_bench(kind, arguments.bench, observer));
    if (arguments.captures_option->count() > 0) return shown(instrument.measure_captures(kind, arguments.captures, observer));
    if (arguments.device_option->count() == 0)
        return fail(terminal, {"there is nothing to measure: give --device ID (\"lowleg devices\" lists them), --bench NAME for simulated gear, or --captures for a recording", ErrorKind::usage});
    engine::EngineHooks hooks;
    hooks.should_stop = terminal.should_stop;
    hooks.tell = teller(terminal);
    const auto exchange = [&] {
        line.clear();
        return ask_for_exchange(terminal.in, terminal.err, terminal.should_stop);
    };
    if (exchanges && arguments.switch_option->count() > 0)
        return shown(instrument::balance_exchanged_device(given, arguments.device, instrument::command_switch(arguments.switch_command), exchange, observer, {}, hooks));
    if (arguments.switch_option->count() > 0)
        return shown(instrument.measure_device(kind, arguments.device, instrument::command_switch(arguments.switch_command), observer));
    if (const auto known = Instrument::check_device(arguments.device); !known) return fail(terminal, known.error());
    terminal.err << (kind == MeasureKind::input ? input_drawing(fixture) : fixture_drawing(fixture)) << '\n';
    auto by_hand = hand_switch(terminal.in, terminal.err, fixture, terminal.should_stop);
    const auto confirm = [&] {
        line.clear();
        return is_line_output(terminal.in, terminal.err);
    };
    if (exchanges)
        return shown(instrument::balance_exchanged_device(given, arguments.device, std::move(by_hand), exchange, observer, confirm, hooks));
    return shown(instrument.measure_device(kind, arguments.device, std::move(by_hand), observer, confirm));
}

}  // namespace

void add_measure(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto* command = app.add_subcommand("measure", "measure level, response, distortion, noise and their like");
    command->description("Measures one thing, with its uncertainty, and says what the numbers rest on.");
    command->require_subcommand(1);
    for (const auto kind : procedure::all_measure_kinds) {
        auto arguments = std::make_shared<MeasureArguments>();
        auto& a = *arguments;
        auto* one = command->add_subcommand(std::string{name_of(kind)}, std::string{words_for(kind)});
        a.device_option = one->add_option("--device", a.device, "audio device, an id of \"lowleg devices\"")->type_name("ID");
        a.bench_option = one->add_option("--bench", a.bench, "circuit of the virtual bench, or a netlist file")->type_name("NAME|FILE.cir");
        a.captures_option = one->add_option("--captures", a.captures, "recordings of the test signal: a folder that --wav wrote, or a file")->type_name("DIR|FILE.wav");
        a.switch_option =
            one->add_option("--switch", a.switch_command, "command that moves the fixture's switch; {state} is replaced by the state")->type_name("CMD");
        one->add_flag("--json", a.json, "one JSON object on standard output");
        one->add_flag("--explain", a.explain, "say how every figure is defined");
        one->add_option("--csv", a.csv, "write figures and curves to this file, too")->type_name("FILE");
        one->add_option("--wav", a.wav, "write what was captured into this folder, float WAV files that --captures takes")->type_name("DIR");
        a.settings.add_to(*one, {SettingGroup::averaging, SettingGroup::tone, SettingGroup::calibration, SettingGroup::device, SettingGroup::rate, SettingGroup::fixture,
                                 SettingGroup::simulation});
        if (kind == MeasureKind::balance) a.settings.add_to(*one, {SettingGroup::balance});
        if (kind == MeasureKind::response) a.settings.add_to(*one, {SettingGroup::response});
        a.device_option->excludes(a.bench_option);
        a.captures_option->excludes(a.bench_option);
        a.captures_option->excludes(a.device_option);
        a.switch_option->needs(a.device_option);
        a.settings.option("in")->needs(a.device_option);
        a.settings.option("out")->needs(a.device_option);
        a.settings.option("output-device")->needs(a.device_option);
        a.settings.option("wait")->needs(a.device_option);
        a.settings.option("setting")->needs(a.device_option);
        one->footer("Example:\n  lowleg measure " + std::string{name_of(kind)} + " --bench " + (kind == MeasureKind::input ? "receiver-ina134" : "inverter") +
                    "\nCtrl-C ends the averaging with the result so far. Exit status: 0 a result, 1 an error, 2 wrong usage, 4 interrupted.");
        one->callback([arguments, kind, &terminal, &action] { action = [arguments, kind, &terminal] { return measure(terminal, *arguments, kind); }; });
    }
}

}  // namespace lowleg::cli
