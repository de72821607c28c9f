/// \file progress_line.h
/// One line on a terminal that is written over again and again, and gone at the end.
#pragma once

#include "cli/run.h"

#include <ostream>
#include <string_view>

namespace lowleg::cli {

/// Nothing is written where standard error is no terminal.
class ProgressLine {
public:
    explicit ProgressLine(const Terminal& terminal) : terminal_{terminal} {}
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    ~ProgressLine() { clear(); }

    void clear() const
    {
        if (terminal_.err_is_terminal) terminal_.err << "\r\x1b[K" << std::flush;
    }

    void show(std::string_view text) const
    {
        if (!terminal_.err_is_terminal) return;
        clear();
        terminal_.err << text << std::flush;
    }

private:
    const Terminal& terminal_;
};

}  // namespace lowleg::cli
