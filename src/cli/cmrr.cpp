#include "cli/command.h"
#include "cli/progress_line.h"
#include "instrument/instrument.h"
#include "report/cmrr_json.h"
#include "report/cmrr_text.h"
#include "report/measurement_text.h"

#include <CLI/CLI.hpp>

#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

namespace lowleg::cli {
namespace {

using instrument::Instrument;
using instrument::SettingGroup;
using procedure::Cmrr;
using procedure::CmrrFeed;
using procedure::CmrrMethod;

struct CmrrArguments {
    std::string device;
    std::string bench;
    std::string switch_command;
    std::string csv;
    std::string wav;
    bool own_input{false};
    bool exchange{false};
    bool json{false};
    bool explain{false};
    SettingOptions settings;
    CLI::Option* device_option{nullptr};
    CLI::Option* bench_option{nullptr};
    CLI::Option* switch_option{nullptr};
};

/// Draws what is to be connected and waits for Enter; nothing plays meanwhile.
procedure::FeedSwitch hand_feed(const Terminal& terminal, const ProgressLine& line, bool own_input)
{
    return [&terminal, &line, own_input](CmrrFeed feed) -> Status {
        line.clear();
        terminal.err << "\nConnect (" << name_of(feed) << "):\n" << procedure::drawing_of(feed, own_input) << "then press Enter: " << std::flush;
        std::string answer;
        const bool was_read = static_cast<bool>(std::getline(terminal.in, answer));
        if (terminal.should_stop()) return Error{"stopped by hand before \"" + std::string{name_of(feed)} + "\" was connected", ErrorKind::interrupted};
        if (was_read) return Done{};
        terminal.err << '\n';
        return Error{"standard input ended before \"" + std::string{name_of(feed)} + "\" was connected: run lowleg on a terminal, or let a program wire the input with --switch CMD"};
    };
}

int show(const Terminal& terminal, const CmrrArguments& arguments, const Result<Cmrr>& result)
{
    if (!result) return fail(terminal, result.error());
    const auto& cmrr = result.value();
    if (const auto written = Instrument::export_cmrr(cmrr, arguments.csv, arguments.wav); !written) return fail(terminal, written.error());
    terminal.out << (arguments.json ? report::cmrr_json(cmrr) : report::cmrr_text(cmrr, terminal.style, arguments.explain));
    if (!cmrr.quality.lost_because.empty()) terminal.err << "lowleg: " << cmrr.quality.lost_because << "; this is what was measured until then" << std::endl;
    return is_cut_short(cmrr.quality.ending) ? ExitStatus::interrupted : ExitStatus::result;
}

int cmrr(const Terminal& terminal, const CmrrArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    settings.value().keeps_captures = !arguments.wav.empty();
    const Instrument instrument{std::move(settings).value(), terminal.should_stop, teller(terminal)};
    const ProgressLine line{terminal};
    const auto observer = [&](const procedure::MeasurementProgress& p) { line.show(report::progress_words(p)); };
    const auto shown = [&](const Result<Cmrr>& result) {
        line.clear();
        return show(terminal, arguments, result);
    };
    const auto method = arguments.exchange ? CmrrMethod::exchanged : CmrrMethod::tied;
    if (arguments.bench_option->count() > 0) return shown(instrument.cmrr_bench(arguments.bench, method, arguments.own_input, observer));
    if (arguments.device_option->count() == 0)
        return fail(terminal, {"there is nothing to measure: give --device ID (\"lowleg devices\" lists them), or --bench NAME for a simulated input", ErrorKind::usage});
    if (arguments.switch_option->count() > 0)
        return shown(instrument.cmrr_device(arguments.device, method, arguments.own_input, procedure::command_feed(arguments.switch_command), observer));
    // Everything is connected before anything sounds.
    if (const auto known = Instrument::check_device(arguments.device); !known) return fail(terminal, known.error());
    return shown(instrument.cmrr_device(arguments.device, method, arguments.own_input, hand_feed(terminal, line, arguments.own_input), observer));
}

}  // namespace

void add_cmrr(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<CmrrArguments>();
    auto& a = *arguments;
    auto* command = app.add_subcommand("cmrr", "measure the real common-mode rejection of an input");
    command->description("Measures how much less an input takes of what both legs carry than of what differs between them: with its legs tied, and with 10 Ω in either leg\n"
                         "(IEC 60268-3). Outputs 1 and 2 feed the input, input 1 records what comes out of it, input 2 what output 1 has.");
    a.device_option = command->add_option("--device", a.device, "audio device, an id of \"lowleg devices\"")->type_name("ID");
    a.bench_option = command->add_option("--bench", a.bench, "receiver of the virtual bench, or a netlist file")->type_name("NAME|FILE.cir");
    a.switch_option = command->add_option("--switch", a.switch_command,
                                          "command that wires the input; {feed} is replaced by separate, common, common-leg-2, common-leg-3 or exchanged")
                          ->type_name("CMD");
    command->add_flag("--own-input", a.own_input, "the interface's own balanced input 1 is what is measured; nothing is on input 2");
    command->add_flag("--exchange", a.exchange, "no tie: each leg on an output of its own, then the leads exchanged, so that the outputs' difference drops out");
    command->add_flag("--json", a.json, "one JSON object on standard output");
    command->add_flag("--explain", a.explain, "say how everything is defined");
    command->add_option("--csv", a.csv, "write figures and curve to this file, too")->type_name("FILE");
    command->add_option("--wav", a.wav, "write what was captured into this folder, float WAV files, one for each step")->type_name("DIR");
    a.settings.add_to(*command, {SettingGroup::averaging, SettingGroup::calibration, SettingGroup::device, SettingGroup::rate, SettingGroup::simulation});
    a.settings.add_to(*command, "level");
    a.settings.add_to(*command, "rs");
    a.settings.add_to(*command, "gain-ratio");
    a.settings.add_to(*command, "rin");
    a.settings.add_to(*command, "cin");
    a.device_option->excludes(a.bench_option);
    a.switch_option->needs(a.device_option);
    a.settings.option("in")->needs(a.device_option);
    a.settings.option("out")->needs(a.device_option);
    a.settings.option("output-device")->needs(a.device_option);
    a.settings.option("wait")->needs(a.device_option);
    a.settings.option("setting")->needs(a.device_option);
    command->footer("By hand, each wiring is drawn before anything plays.\n"
                    "Examples:\n"
                    "  lowleg cmrr --bench receiver-ina134\n"
                    "  lowleg cmrr --bench receiver-ingenius --noise -110 --hum -60 --json\n"
                    "  lowleg cmrr --device 3 --switch \"./relay {feed}\"\n"
                    "Ctrl-C ends the averaging with the result so far. Exit status: 0 a result, 1 an error, 2 wrong usage, 4 interrupted.");
    command->callback([arguments, &terminal, &action] { action = [arguments, &terminal] { return cmrr(terminal, *arguments); }; });
}

}  // namespace lowleg::cli
