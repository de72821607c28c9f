#include "cli/command.h"
#include "instrument/instrument.h"
#include "report/listings.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <ostream>

namespace lowleg::cli {
namespace {

struct StimulusArguments {
    std::string path;
    std::optional<int> periods;
    bool player{false};
    bool json{false};
    SettingOptions settings;
};

int write(const Terminal& terminal, const StimulusArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const instrument::Instrument instrument{std::move(settings).value()};
    // Two minutes for a player: between two passes it may leave a gap.
    const int periods = arguments.periods.value_or(arguments.player ? 240 : 20);
    const auto plan = arguments.player ? instrument.write_player_stimulus(arguments.path, periods) : instrument.write_stimulus(arguments.path, periods);
    if (!plan) return fail(terminal, plan.error());
    if (arguments.json) terminal.out << report::stimulus_json(plan.value());
    else if (arguments.player) terminal.out << report::player_stimulus_text(plan.value(), arguments.path, periods, terminal.style);
    else terminal.out << report::stimulus_text(plan.value(), arguments.path, periods, terminal.style);
    return ExitStatus::result;
}

}  // namespace

void add_stimulus(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<StimulusArguments>();
    auto& a = *arguments;
    auto* command = app.add_subcommand("stimulus", "write what identify would play, as a WAV file");
    command->add_option("--out", a.path, "file to write: 32-bit float, channel 1 drive, channel 2 probe; with --player 16-bit, the drive on both")->type_name("FILE.wav")->required();
    command->add_option("--periods", a.periods, "periods of the test signal in it (1 to 120; default 20; with --player 1 to 1200, default 240)")->type_name("N");
    command->add_flag("--player", a.player, "for gear without an input that plays it itself (identify --player): the drive alone, on both channels");
    command->add_flag("--json", a.json, "one JSON object on standard output");
    a.settings.add_to(*command, "rate");
    command->footer("Examples:\n  lowleg stimulus --out stimulus.wav --rate 48000\n  lowleg stimulus --player --out player.wav --rate 44100");
    command->callback([arguments, &terminal, &action] { action = [arguments, &terminal] { return write(terminal, *arguments); }; });
}

}  // namespace lowleg::cli
