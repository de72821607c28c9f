/// \file fixture_switch.h
/// Whatever moves the fixture's switch: a person, a program, the virtual bench.
#pragma once

#include "core/fixture.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "engine/engine.h"
#include "procedure/state_recognition.h"

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace lowleg::procedure {

/// What is known while the switch is moved, for one that looks at the signals.
struct MoveContext {
    engine::Engine& engine;    ///< That plays `playing`.
    const TonePlan& playing;
    const Readings& taken;     ///< The states measured so far; none before `through`.
};

/// Sets a state and returns when it is set. \return failure or interrupted when it is not.
class FixtureSwitch {
public:
    FixtureSwitch() = default;
    /// One that looks at nothing: callable with a SwitchState.
    template <class F>
        requires std::is_invocable_r_v<Status, F&, SwitchState> && (!std::same_as<F, FixtureSwitch>)
    FixtureSwitch(F set)  // NOLINT(google-explicit-constructor)
        : set_{[set = std::move(set)](SwitchState state, const MoveContext*) mutable { return set(state); }}
    {
    }
    /// One that looks at the signals where it can: `context` is null when nothing plays.
    template <class F>
        requires std::is_invocable_r_v<Status, F&, SwitchState, const MoveContext*>
    FixtureSwitch(F set) : set_{std::move(set)}  // NOLINT(google-explicit-constructor)
    {
    }

    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(set_); }
    Status operator()(SwitchState state) { return set_(state, nullptr); }
    Status operator()(SwitchState state, const MoveContext& context) { return set_(state, &context); }

private:
    std::function<Status(SwitchState, const MoveContext*)> set_;
};

/// Runs `command` through the shell with every "{state}" replaced by the state's name, and waits for it: exit status 0 means
/// that the state is set. Its output goes to stderr.
/// \return a switch that fails with the command and its exit status.
[[nodiscard]] FixtureSwitch command_switch(std::string command);

/// Runs `command` through the shell with every `hook` in it replaced by `word`, and waits for it. \param what  "state": what it sets, for messages.
/// \return failure with the command and its exit status; interrupted where it was stopped with Ctrl-C.
Status run_hook(const std::string& command, std::string_view hook, std::string_view word, std::string_view what);

}  // namespace lowleg::procedure
