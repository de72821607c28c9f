/// \file command.h
/// What the commands share: how they are offered, how settings become options, how errors are told.
#pragma once

#include "cli/run.h"
#include "core/error.h"
#include "core/result.h"
#include "instrument/settings.h"

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace CLI {
class App;
class Option;
}

namespace lowleg::cli {

/// Filled in by the command that was chosen, run after all arguments were understood.
using Action = std::function<int()>;

// Each offers a command; `terminal` and `action` outlive the application.
void add_window(CLI::App& app, const Terminal& terminal, Action& action);
void add_audio_host(CLI::App& app, const Terminal& terminal, Action& action);
void add_devices(CLI::App& app, const Terminal& terminal, Action& action);
void add_identify(CLI::App& app, const Terminal& terminal, Action& action);
void add_measure(CLI::App& app, const Terminal& terminal, Action& action);
void add_cmrr(CLI::App& app, const Terminal& terminal, Action& action);
void add_calibrate(CLI::App& app, const Terminal& terminal, Action& action);
void add_predict(CLI::App& app, const Terminal& terminal, Action& action);
void add_stimulus(CLI::App& app, const Terminal& terminal, Action& action);
void add_bench(CLI::App& app, const Terminal& terminal, Action& action);

/// \return when it was closed, with the status.
int open_window(const Terminal& terminal, const WindowWish& wish);

/// Prints "lowleg: what, why, what to do" on one line. \return the status that belongs to the error.
int fail(const Terminal& terminal, const Error& error);

/// Tells what happens to a device while it measures: a line of its own, in the place of the progress.
[[nodiscard]] std::function<void(const std::string&)> teller(const Terminal& terminal);

/// The options of a command that are settings, made from the table of the instrument.
class SettingOptions {
public:
    /// Adds an option for every setting of these groups.
    void add_to(CLI::App& command, std::initializer_list<instrument::SettingGroup> groups);
    /// Adds an option for one setting. \pre the table has it.
    CLI::Option* add_to(CLI::App& command, std::string_view name);
    [[nodiscard]] CLI::Option* option(std::string_view name) const;

    /// Names and what was given.
    [[nodiscard]] std::map<std::string, std::string> texts() const;
    /// What was given, on top of the defaults. \return usage error of the first that cannot be.
    [[nodiscard]] Result<instrument::Settings> settings() const;

private:
    struct Given {
        CLI::Option* option{nullptr};
        std::string text;
    };
    std::map<std::string, Given, std::less<>> given_;
};

}  // namespace lowleg::cli
