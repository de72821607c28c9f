/// \file remembered.h
/// What the window takes up again when it is opened the next time.
#pragma once

#include "core/result.h"
#include "instrument/session.h"

#include <filesystem>
#include <map>
#include <string>

namespace lowleg::instrument {

struct Remembered {
    Place place;                                  ///< Devices by their names: numbers change.
    std::map<std::string, std::string> settings;  ///< What the user wrote, by the setting's name.
    std::map<std::string, std::string> window;    ///< What belongs to the window alone: "theme", "scale", …
};

/// "window.json" beside the calibrations. \return failure where nothing says where the user's files are.
[[nodiscard]] Result<std::filesystem::path> remembered_path();
/// \return failure when there is none, or when it cannot be read.
[[nodiscard]] Result<Remembered> recall(const std::filesystem::path& path);
/// Whole or not at all; makes the folder.
Status remember(const std::filesystem::path& path, const Remembered& remembered);

}  // namespace lowleg::instrument
