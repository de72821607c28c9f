/// \file fixture_switch.h
/// Whatever moves the fixture's switch: a person, a program, the virtual bench.
#pragma once

#include "core/fixture.h"
#include "core/result.h"

#include <functional>
#include <string>

namespace lowleg::procedure {

/// Sets a state and returns when it is set. \return failure or interrupted when it is not.
using FixtureSwitch = std::function<Status(SwitchState)>;

/// Runs `command` through the shell with every "{state}" replaced by the state's name, and waits for it: exit status 0 means
/// that the state is set. Its output goes to stderr.
/// \return a switch that fails with the command and its exit status.
[[nodiscard]] FixtureSwitch command_switch(std::string command);

}  // namespace lowleg::procedure
