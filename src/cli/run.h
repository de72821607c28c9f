/// \file run.h
/// The command line: arguments in, text or JSON out, an exit status back.
#pragma once

#include "core/result.h"
#include "report/layout.h"

#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace lowleg::cli {

/// A window that somebody asked for.
struct WindowWish {
    std::string device;                            ///< Or empty.
    std::string bench;                             ///< Circuit or netlist file, or empty. Both empty: where it was the last time.
    std::map<std::string, std::string> settings;   ///< By name, what the user wrote.
    bool remembers{true};
    bool first_frame_only{false};
};

/// What the program is connected to.
struct Terminal {
    std::istream& in;
    std::ostream& out;              ///< Results, nothing else.
    std::ostream& err;              ///< Errors, prompts, progress.
    report::TextStyle style;        ///< Of `out`.
    bool err_is_terminal{false};    ///< Progress is shown only there.
    std::function<bool()> should_stop{[] { return false; }};
    std::function<bool()> has_line{[] { return false; }};  ///< A line of `in` can be read without waiting, or it has ended.
    bool has_display{false};        ///< Without a command the window opens.
    std::function<Status(const WindowWish&)> open_window{};  ///< Returns when it was closed. Empty: this program has none.
};

enum ExitStatus : int {
    result = 0,
    error = 1,
    wrong_usage = 2,
    inconclusive = 3,
    interrupted = 4,
};

/// Runs one command. Never throws: whatever happens becomes one line on `err` and a status.
/// \param arguments  without the program's name.
[[nodiscard]] int run(std::vector<std::string> arguments, const Terminal& terminal);

}  // namespace lowleg::cli
