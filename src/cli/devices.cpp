#include "cli/command.h"
#include "instrument/instrument.h"
#include "report/listings.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace lowleg::cli {

void add_devices(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto json = std::make_shared<bool>(false);
    auto* command = app.add_subcommand("devices", "the audio devices there are");
    command->add_flag("--json", *json, "one JSON object on standard output");
    command->footer("Example:\n  lowleg devices");
    command->callback([json, &terminal, &action] {
        action = [json, &terminal] {
            const auto devices = instrument::Instrument{{}, terminal.should_stop}.list_devices();
            if (!devices) return fail(terminal, devices.error());
            terminal.out << (*json ? report::devices_json(devices.value()) : report::devices_text(devices.value(), terminal.style));
            return static_cast<int>(ExitStatus::result);
        };
    });
}

}  // namespace lowleg::cli
