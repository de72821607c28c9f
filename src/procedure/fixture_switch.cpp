#include "procedure/fixture_switch.h"

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

namespace lowleg::procedure {

Status run_hook(const std::string& command, std::string_view hook, std::string_view word, std::string_view what)
{
    auto line = command;
    for (auto at = line.find(hook); at != std::string::npos; at = line.find(hook, at + word.size())) line.replace(at, hook.size(), word);
    // A result goes to stdout, so the command may not: its output is sent where messages go.
    const int status = std::system(("{ " + line + "\n} 1>&2").c_str());  // NOLINT(concurrency-mt-unsafe): the hook is a shell command
    if (status == 0) return Done{};
    if (status == -1) return Error{"the switch command could not be started: there is no shell; use the fixture by hand without --switch"};
    if (WIFSIGNALED(status))
        return Error{"the switch command was stopped by signal " + std::to_string(WTERMSIG(status)) + ": " + line,
                     WTERMSIG(status) == SIGINT ? ErrorKind::interrupted : ErrorKind::failure};
    // How a shell tells that what it ran was stopped with Ctrl-C.
    if (WEXITSTATUS(status) == 128 + SIGINT) return Error{"the switch command was stopped by hand: " + line, ErrorKind::interrupted};
    return Error{"the switch command did not set the " + std::string{what} + " \"" + std::string{word} + "\" (exit status " +
                 std::to_string(WEXITSTATUS(status)) + "): check that it works by hand: " + line};
}

FixtureSwitch command_switch(std::string command)
{
    return [command = std::move(command)](SwitchState state) { return run_hook(command, "{state}", name_of(state), "state"); };
}

}  // namespace lowleg::procedure
