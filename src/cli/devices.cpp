#include "cli/command.h"
#include "cli/progress_line.h"
#include "instrument/instrument.h"
#include "report/listings.h"
#include "report/measurement_json.h"
#include "report/measurement_text.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>

namespace lowleg::cli {
namespace {

struct DevicesArguments {
    std::string test;
    bool json{false};
    bool explain{false};
    SettingOptions settings;
    CLI::Option* test_option{nullptr};
};

int list(const Terminal& terminal, bool json)
{
    const auto devices = instrument::Instrument{{}, terminal.should_stop}.list_devices();
    if (!devices) return fail(terminal, devices.error());
    terminal.out << (json ? report::devices_json(devices.value()) : report::devices_text(devices.value(), terminal.style));
    return ExitStatus::result;
}

int test(const Terminal& terminal, const DevicesArguments& arguments)
{
    auto settings = arguments.settings.settings();
    if (!settings) return fail(terminal, settings.error());
    const instrument::Instrument instrument{std::move(settings).value(), terminal.should_stop, teller(terminal)};
    const ProgressLine line{terminal};
    const auto tested = instrument.test_device(arguments.test, [&](const procedure::MeasurementProgress& p) { line.show(report::progress_words(p)); });
    line.clear();
    if (!tested) return fail(terminal, tested.error());
    terminal.out << (arguments.json ? report::measurement_json(tested.value()) : report::measurement_text(tested.value(), terminal.style, arguments.explain));
    return ExitStatus::result;
}

}  // namespace

void add_devices(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<DevicesArguments>();
    auto& a = *arguments;
    auto* command = app.add_subcommand("devices", "the audio devices there are, and whether one is fit to measure with");
    a.test_option = command->add_option("--test", a.test, "run this device for 10 s, with soft tones, and tell what it is fit for")->type_name("ID");
    command->add_flag("--json", a.json, "one JSON object on standard output");
    command->add_flag("--explain", a.explain, "say how every figure is defined")->needs(a.test_option);
    a.settings.add_to(*command, {instrument::SettingGroup::device, instrument::SettingGroup::rate});
    a.settings.add_to(*command, "level");
    for (const auto* name : {"in", "out", "output-device", "wait", "rate", "level"}) a.settings.option(name)->needs(a.test_option);
    command->footer("Example:\n  lowleg devices\n  lowleg devices --test 3");
    command->callback([arguments, &terminal, &action] { action = [arguments, &terminal] { return arguments->test_option->count() > 0 ? test(terminal, *arguments) : list(terminal, arguments->json); }; });
}

}  // namespace lowleg::cli
