#include "cli/command.h"
#include "cli/progress_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>

namespace lowleg::cli {

std::function<void(const std::string&)> teller(const Terminal& terminal)
{
    return [&terminal](const std::string& sentence) {
        ProgressLine{terminal}.clear();
        terminal.err << "lowleg: " << sentence << std::endl;
    };
}

int fail(const Terminal& terminal, const Error& error)
{
    auto line = error.message;
    std::ranges::replace(line, '\n', ' ');
    terminal.err << "lowleg: " << line << std::endl;
    switch (error.kind) {
    case ErrorKind::failure: return ExitStatus::error;
    case ErrorKind::usage: return ExitStatus::wrong_usage;
    case ErrorKind::interrupted: return ExitStatus::interrupted;
    }
    return ExitStatus::error;
}

void SettingOptions::add_to(CLI::App& command, std::initializer_list<instrument::SettingGroup> groups)
{
    for (const auto& row : instrument::settings_table())
        if (std::ranges::find(groups, row.group) != groups.end()) add_to(command, row.name);
}

CLI::Option* SettingOptions::add_to(CLI::App& command, std::string_view name)
{
    const auto& row = *instrument::find_setting(name);
    if (row.is_flag) {
        const std::string what{row.help};  // CLI11 takes what can change for a variable to be set
        auto& given = given_[std::string{name}];
        given.text = "on";
        given.option = command.add_flag("--" + std::string{name}, what);
        return given.option;
    }
    auto help = std::string{row.help};
    // Words are their own range, and their default says which.
    if (row.most != 0) help += " (" + instrument::range_of(row) + (row.fallback.empty() ? ")" : "; default " + std::string{row.fallback} + ")");
    else if (!row.fallback.empty()) help += " (default: " + std::string{row.fallback} + ")";
    auto& given = given_[std::string{name}];
    given.option = command.add_option("--" + std::string{name}, given.text, help)->type_name(std::string{row.value});
    return given.option;
}

CLI::Option* SettingOptions::option(std::string_view name) const
{
    const auto found = given_.find(name);
    return found == given_.end() ? nullptr : found->second.option;
}

std::map<std::string, std::string> SettingOptions::texts() const
{
    std::map<std::string, std::string> out;
    for (const auto& [name, given] : given_)
        if (given.option->count() > 0) out.emplace(name, given.text);
    return out;
}

Result<instrument::Settings> SettingOptions::settings() const
{
    instrument::Settings settings;
    for (const auto& [name, given] : given_) {
        if (given.option->count() == 0) continue;
        if (const auto applied = instrument::apply_setting(settings, name, given.text); !applied) return applied.error();
    }
    return settings;
}

}  // namespace lowleg::cli
