/// \file run_window.h
/// The whole face: a session, its window, and what is remembered of both.
#pragma once

#include "core/result.h"
#include "instrument/session.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace lowleg::ui {

struct WindowRequest {
    std::optional<instrument::Place> place;        ///< None: where it was the last time, or the virtual bench.
    std::map<std::string, std::string> settings;   ///< On top of what is remembered.
    bool remembers{true};                          ///< False: nothing is read or written.
    bool first_frame_only{false};                  ///< Ends as soon as something useful was drawn: for who times it.
};

/// Opens the window and returns when it was closed. The program's first thread.
/// \param should_stop  asked again and again. \return failure where there is no display, or a setting cannot be.
Status run_window(const WindowRequest& request, const std::function<bool()>& should_stop);

}  // namespace lowleg::ui
