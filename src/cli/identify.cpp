#include "cli/command.h"
#include "cli/hand_switch.h"
#include "cli/progress_line.h"
#include "core/record.h"
#include "instrument/instrument.h"
#include "report/identify_json.h"
#include "report/identify_text.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <istream>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace lowleg::cli {
namespace {

using instrument::Instrument;
using instrument::SettingGroup;
using procedure::Identification;

struct IdentifyArguments {
    std::string device;
    std::string bench;
    std::string captures;
    std::string switch_command;
    bool json{false};
    bool explain{false};
    SettingOptions settings;
    CLI::Option* device_option{nullptr};
    CLI::Option* switch_option{nullptr};
    CLI::Option* bench_option{nullptr};
    CLI::Option* captures_option{nullptr};
};

int status_of(const Identification& result)
{
    if (result.stopped_for_safety) return ExitStatus::interrupted;
    return result.verdict.outcome == topology::Outcome::inconclusive ? ExitStatus::inconclusive : ExitStatus::result;
}

/// Nothing while the switch moves: whoever moves it may want the line.
std::string words_for(const procedure::IdentifyProgress& p)
{
    using Step = procedure::IdentifyProgress::Step;
    const auto state = std::string{name_of(p.state)} + ": ";
    switch (p.step) {
    case Step::switching: return "";
    case Step::settling: return state + "settling";
    case Step::measuring:
    case Step::taken: return state + std::to_string(p.periods_taken) + " of " + std::to_string(p.periods_wanted) + " periods";
    case Step::voided: return state + "measuring again, because " + describe(p.faults);
    }
    return "";
}

int show_one(const Terminal& terminal, const IdentifyArguments& arguments, const Result<Identification>& result)
{
    if (!result) return fail(terminal, result.error());
    const auto detail = arguments.explain ? report::Detail::all : report::Detail::usual;
    terminal.out << (arguments.json ? report::identify_json(result.value()) : report::identify_text(result.value(), terminal.style, detail));
    return status_of(result.value());
}

/// Every output that ships, one verdict each.
int show_collection(const Terminal& terminal, const IdentifyArguments& arguments, const Instrument& instrument)
{
    std::vector<Identification> results;
    int status = ExitStatus::result;
    for (const auto& circuit : Instrument::list_circuits()) {
        if (circuit.kind != "output") continue;
        const ProgressLine line{terminal};
        auto result = instrument.identify_bench(circuit.name, [&](const auto& p) { line.show(words_for(p)); });
        line.clear();
        if (!result) {
            auto error = result.error();
            error.message = circuit.name + ": " + error.message;
            return fail(terminal, error);
        }
        if (!arguments.json) {
            terminal.out << (results.empty() ? "" : "\n") << report::identify_paragraph(result.value(), terminal.style) << std::flush;
        }
        status = std::max(status, status_of(result.value()));
        results.push_back(std::move(result).value());
    }
    if (arguments.json) terminal.out << report::identify_all_json(results);
    else
        terminal.out << "\nOne circuit in full: lowleg identify --bench NAME.\nA device of your own: lowleg devices, then lowleg identify --device ID.\n";
    return status;
}

/// What simulates an interface has no say where a real one is, or was.
Status check_simulation(const IdentifyArguments& arguments)
{
    const bool is_device = arguments.device_option->count() > 0;
    if (!is_device && arguments.captures_option->count() == 0) return Done{};
    for (const auto& row : instrument::settings_table())
        if ((row.group == SettingGroup::simulation || row.group == SettingGroup::player) && arguments.settings.option(row.name)->count() > 0)
            return Error{"--" + std::string{row.name} + " belongs to the simulated interface of the virtual bench, and " +
                             (is_device ? "--device measures through a real one" : "--captures were recorded through a real one") + ": leave it out",
                         ErrorKind::usage};
    return Done{};
}

/// What gear without an input needs before it is measured; empty for all other.
std::string_view advice_for(procedure::DriveFrom drive)
{
    switch (drive) {
    case procedure::DriveFrom::interface: break;
    case procedure::DriveFrom::player:
        return "Output 1 stays silent: let the gear play the file of \"lowleg stimulus --player\" in a loop, turned up to a moderate level. Lowleg cannot lower it: begin low,\n"
               "and see that the inputs stay below full scale.\n\n";
    case procedure::DriveFrom::nothing: return "Output 1 stays silent, and so should the gear: only the probe plays.\n\n";
    }
    return "";
}

/// Whether Enter was pressed since this was asked last.
procedure::UserWord word_of(const Terminal& terminal)
{
    if (!terminal.has_line()) return procedure::UserWord::none;
    std::string line;
    return std::getline(terminal.in, line) ? procedure::UserWord::given : procedure::UserWord::never;
}

int identify(const Terminal& terminal, const IdentifyArguments& arguments)
{
    if (const auto fits = check_simulation(arguments); !fits) return fail(terminal, fits.error());
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const auto fixture = settings.value().fixture;
    const auto drive = settings.value().drive;
    const Instrument instrument{std::move(settings).value(), terminal.should_stop, teller(terminal)};
    const ProgressLine line{terminal};
    const auto progress = [&](const procedure::IdentifyProgress& p) { line.show(words_for(p)); };
    const auto shown = [&](const Result<Identification>& result) {
        line.clear();
        return show_one(terminal, arguments, result);
    };

    if (arguments.bench_option->count() > 0) return shown(instrument.identify_bench(arguments.bench, progress));
    if (arguments.captures_option->count() > 0) return shown(instrument.identify_captures(arguments.captures));
    if (arguments.device_option->count() > 0) {
        procedure::FollowOptions follow;
        follow.fixture = fixture;
        follow.should_stop = terminal.should_stop;
        if (arguments.switch_option->count() > 0) {
            follow.mover = instrument::command_switch(arguments.switch_command);
            return shown(instrument.identify_device(arguments.device, instrument::followed(std::move(follow)), progress));
        }
        // Everything is connected, and the switch where it belongs, before anything sounds.
        if (const auto known = instrument.check_device(arguments.device); !known) return fail(terminal, known.error());
        terminal.err << fixture_drawing(fixture) << '\n' << advice_for(drive);
        auto by_hand = hand_switch(terminal.in, terminal.err, fixture, terminal.should_stop);
        if (const auto set = by_hand(SwitchState::through); !set) return fail(terminal, set.error());
        const auto confirm = [&] {
            line.clear();
            return is_line_output(terminal.in, terminal.err);
        };
        follow.ask = [&](SwitchState state) -> Status {
            line.clear();
            return state == SwitchState::through || drive == procedure::DriveFrom::nothing ? by_hand(state) : announce(terminal.err, state, fixture);
        };
        follow.word = [&] { return word_of(terminal); };
        follow.say = [&](const std::string& sentence) {
            line.clear();
            terminal.err << sentence << std::endl;
        };
        return shown(instrument.identify_device(arguments.device, instrument::followed(std::move(follow)), progress, confirm));
    }
    return show_collection(terminal, arguments, instrument);
}

}  // namespace

void add_identify(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<IdentifyArguments>();
    auto& a = *arguments;
    auto* command = app.add_subcommand("identify", "name what kind of output a device has");
    command->description("Names what kind of output a device has, how sure that is, why, and how to wire it.\n"
                         "Without a source: every output of the virtual bench, one verdict each.");
    a.device_option = command->add_option("--device", a.device, "audio device, an id of \"lowleg devices\"")->type_name("ID");
    a.bench_option = command->add_option("--bench", a.bench, "circuit of the virtual bench, or a netlist file")->type_name("NAME|FILE.cir");
    a.captures_option =
        command->add_option("--captures", a.captures, "folder with through.wav and any of loaded.wav, grounded.wav, lifted.wav")->type_name("DIR");
    a.switch_option =
        command->add_option("--switch", a.switch_command, "command that moves the fixture's switch; {state} is replaced by the state")->type_name("CMD");
    command->add_flag("--json", a.json, "one JSON object on standard output");
    command->add_flag("--explain", a.explain, "say more: every cable and plug, what an unbalanced connection loses, what headphones would let hear");
    a.settings.add_to(*command, {SettingGroup::measurement, SettingGroup::device, SettingGroup::rate, SettingGroup::fixture, SettingGroup::simulation, SettingGroup::player});

    a.device_option->excludes(a.bench_option);
    a.device_option->excludes(a.captures_option);
    a.bench_option->excludes(a.captures_option);
    a.switch_option->needs(a.device_option);
    a.settings.option("in")->needs(a.device_option);
    a.settings.option("out")->needs(a.device_option);
    a.settings.option("output-device")->needs(a.device_option);
    a.settings.option("wait")->needs(a.device_option);
    a.settings.option("rate")->excludes(a.captures_option);
    a.settings.option("periods")->excludes(a.captures_option);
    a.settings.option("headroom")->excludes(a.captures_option);
    a.settings.option("line-output")->needs(a.device_option);
    auto* player = a.settings.option("player");
    player->excludes(a.captures_option);
    player->excludes(a.settings.option("no-drive"));
    a.settings.option("player-clock")->needs(player);
    command->footer("By hand, the switch is followed by the signals: set what is asked for, and nothing more; Enter tells what no signal can.\n"
                    "Examples:\n"
                    "  lowleg identify --bench transformer\n"
                    "  lowleg identify --bench inverter --noise -90 --hum -60 --gain-mismatch 0.1\n"
                    "  lowleg identify --device 3 --in 3,4 --out 3,4 --switch \"./relay {state}\"\n"
                    "  lowleg identify --captures ./recordings --rp none --json\n"
                    "Exit status: 0 a result, 1 an error, 2 wrong usage, 3 inconclusive, 4 interrupted.");
    command->callback([arguments, &terminal, &action] { action = [arguments, &terminal] { return identify(terminal, *arguments); }; });
}

}  // namespace lowleg::cli
