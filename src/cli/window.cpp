#include "cli/command.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>

namespace lowleg::cli {
namespace {

using instrument::SettingGroup;

struct WindowArguments {
    WindowWish wish;
    SettingOptions settings;
};

}  // namespace

int open_window(const Terminal& terminal, const WindowWish& wish)
{
    if (!terminal.open_window) return fail(terminal, {"this program was built without its window: use the command line, which does the same (lowleg --help)"});
    if (const auto closed = terminal.open_window(wish); !closed) return fail(terminal, closed.error());
    return ExitStatus::result;
}

void add_window(CLI::App& app, const Terminal& terminal, Action& action)
{
    auto arguments = std::make_shared<WindowArguments>();
    auto& a = *arguments;
    auto* command = app.add_subcommand("window", "the instrument in a window");
    command->description("Opens the window: live view, identify, CMRR, measure, calibrate. It opens, too, when lowleg is called without a command on a desktop.\n"
                         "Without a source it shows what it showed the last time; the first time the virtual bench.");
    auto* device = command->add_option("--device", a.wish.device, "audio device, an id of \"lowleg devices\"")->type_name("ID");
    auto* bench = command->add_option("--bench", a.wish.bench, "circuit of the virtual bench, or a netlist file")->type_name("NAME|FILE.cir");
    device->excludes(bench);
    command->add_flag_callback("--fresh", [&a] { a.wish.remembers = false; }, "as if it were opened for the first time; nothing is remembered");
    command->add_flag("--first-frame", a.wish.first_frame_only, "close it as soon as it shows something")->group("");
    a.settings.add_to(*command, {SettingGroup::device, SettingGroup::rate, SettingGroup::fixture, SettingGroup::simulation, SettingGroup::measurement, SettingGroup::averaging,
                                 SettingGroup::calibration});
    command->footer("F1 in the window lists its keys.\n"
                    "Examples:\n"
                    "  lowleg window --bench transformer\n"
                    "  lowleg window --device 3 --in 3,4 --out 3,4");
    command->callback([arguments, &terminal, &action] {
        arguments->wish.settings = arguments->settings.texts();
        action = [arguments, &terminal] {
            // What cannot be is said on the terminal, before a window opens.
            if (const auto settings = arguments->settings.settings(); !settings) return fail(terminal, settings.error());
            return open_window(terminal, arguments->wish);
        };
    });
}

}  // namespace lowleg::cli
