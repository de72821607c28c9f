#include "cli/run.h"

#include "cli/command.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>
#include <ostream>
#include <span>

namespace lowleg::cli {
namespace {

/// "lowleg bench serve": where to ask for help.
std::string path_of(const CLI::App& app)
{
    auto path = app.get_name();
    for (const auto* parsed = &app; !parsed->get_subcommands().empty();) {
        parsed = parsed->get_subcommands().front();
        path += " " + parsed->get_name();
    }
    return path;
}

const auto every_command = [](const CLI::App*) { return true; };

std::string commands_of(const CLI::App& app)
{
    std::string out;
    for (const auto* command : app.get_subcommands(every_command))
        if (!command->get_group().empty()) out += (out.empty() ? "" : ", ") + command->get_name();
    return out;
}

/// A word that stands where a command must, and is none; or no word.
Status check_commands(const CLI::App& app, std::span<const std::string> arguments, const std::string& path = "")
{
    const auto commands = app.get_subcommands(every_command);
    if (commands.empty()) return Done{};
    if (arguments.empty() && app.get_require_subcommand_min() > 0)
        return Error{"\"lowleg " + path.substr(0, path.size() - 1) + "\" needs a command: use one of " + commands_of(app) + " (lowleg " + path + "--help)", ErrorKind::usage};
    if (arguments.empty() || arguments.front().starts_with('-')) return Done{};
    const auto found = std::ranges::find(commands, arguments.front(), &CLI::App::get_name);
    if (found == commands.end())
        return Error{"there is no command \"" + path + arguments.front() + "\": use one of " + commands_of(app) + " (lowleg " + path + "--help)", ErrorKind::usage};
    return check_commands(**found, arguments.subspan(1), path + arguments.front() + " ");
}

int run_unguarded(std::vector<std::string> arguments, const Terminal& terminal)
{
    CLI::App app{"Names what kind of audio output a device has, how sure that is, why, and how to wire it.", "lowleg"};
    app.set_version_flag("--version", std::string{"lowleg "} + LOWLEG_VERSION);
    app.require_subcommand(0, 1);
    app.footer("\"lowleg COMMAND --help\" tells more. Example:\n  lowleg identify --bench transformer");
    Action action = [&] {
        if (terminal.has_display && terminal.open_window) return open_window(terminal, {});
        terminal.out << app.help();
        return static_cast<int>(ExitStatus::result);
    };
    add_window(app, terminal, action);
    add_devices(app, terminal, action);
    add_identify(app, terminal, action);
    add_measure(app, terminal, action);
    add_cmrr(app, terminal, action);
    add_calibrate(app, terminal, action);
    add_predict(app, terminal, action);
    add_stimulus(app, terminal, action);
    add_bench(app, terminal, action);
    add_audio_host(app, terminal, action);

    if (const auto known = check_commands(app, arguments); !known) return fail(terminal, known.error());
    try {
        std::ranges::reverse(arguments);  // as CLI11 wants them
        app.parse(std::move(arguments));
    } catch (const CLI::CallForVersion& version) {
        terminal.out << version.what() << '\n';
        return ExitStatus::result;
    } catch (const CLI::Success&) {
        terminal.out << app.help();
        return ExitStatus::result;
    } catch (const CLI::ParseError& wrong) {
        return fail(terminal, {std::string{wrong.what()} + ": see " + path_of(app) + " --help", ErrorKind::usage});
    }
    return action();
}

}  // namespace

int run(std::vector<std::string> arguments, const Terminal& terminal)
{
    try {
        return run_unguarded(std::move(arguments), terminal);
    } catch (const std::bad_alloc&) {
        return fail(terminal, {"there is not enough memory: close other programs and try again"});
    } catch (const std::exception& unexpected) {
        return fail(terminal, {std::string{"internal error ("} + unexpected.what() + "): please report it with the command that caused it"});
    }
}

}  // namespace lowleg::cli
