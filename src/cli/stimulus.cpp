#include "cli/command.h"
#include "instrument/instrument.h"
#include "report/listings.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace lowleg::cli {
namespace {

struct StimulusArguments {
    std::string path;
    int periods{20};
    bool json{false};
    SettingOptions settings;
};

int write(const Terminal& terminal, const StimulusArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const auto plan = instrument::Instrument{std::move(settings).value()}.write_stimulus(arguments.path, arguments.periods);
    if (!plan) return fail(terminal, plan.error());
    terminal.out << (arguments.json ? report::stimulus_json(plan.value())
                                    : report::stimulus_text(plan.value(), arguments.path, arguments.periods, terminal.style));
    return ExitStatus::result;
}

}  // namespace

void add_stimulus(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<StimulusArguments>();
    auto& a = *arguments;
    auto* command = app.add_subcommand("stimulus", "write what identify would play, as a WAV file");
    command->add_option("--out", a.path, "file to write: 32-bit float, channel 1 drive, channel 2 probe")->type_name("FILE.wav")->required();
    command->add_option("--periods", a.periods, "periods of the test signal in it (1 to 120; default 20)")->type_name("N");
    command->add_flag("--json", a.json, "one JSON object on standard output");
    a.settings.add_to(*command, "rate");
    command->footer("Example:\n  lowleg stimulus --out stimulus.wav --rate 48000");
    command->callback([arguments, &terminal, &action] { action = [arguments, &terminal] { return write(terminal, *arguments); }; });
}

}  // namespace lowleg::cli
