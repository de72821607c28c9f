#include "procedure/fixture_switch.h"

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

namespace lowleg::procedure {
namespace {

std::string with_state(std::string command, SwitchState state)
{
    static constexpr std::string_view hook = "{state}";
    for (auto at = command.find(hook); at != std::string::npos; at = command.find(hook, at))
        command.replace(at, hook.size(), name_of(state));
    return command;
}

}  // namespace

FixtureSwitch command_switch(std::string command)
{
    return [command = std::move(command)](SwitchState state) -> Status {
        const auto line = with_state(command, state);
        // A result goes to stdout, so the command may not: its output is sent where messages go.
        const int status = std::system(("{ " + line + "\n} 1>&2").c_str());  // NOLINT(concurrency-mt-unsafe): the hook is a shell command
        if (status == 0) return Done{};
        if (status == -1) return Error{"the switch command could not be started: there is no shell; use the fixture by hand without --switch"};
        if (WIFSIGNALED(status))
            return Error{"the switch command was stopped by signal " + std::to_string(WTERMSIG(status)) + ": " + line,
                         WTERMSIG(status) == SIGINT ? ErrorKind::interrupted : ErrorKind::failure};
        // How a shell tells that what it ran was stopped with Ctrl-C.
        if (WEXITSTATUS(status) == 128 + SIGINT) return Error{"the switch command was stopped by hand: " + line, ErrorKind::interrupted};
        return Error{"the switch command did not set the state \"" + std::string{name_of(state)} + "\" (exit status " +
                     std::to_string(WEXITSTATUS(status)) + "): check that it works by hand: " + line};
    };
}

}  // namespace lowleg::procedure
