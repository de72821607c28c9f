/// \file text_file.h
/// Texts on the disk: whole or not at all.
#pragma once

#include "core/result.h"

#include <filesystem>
#include <string_view>

namespace lowleg::files {

/// Writes `text` as the whole content of `path`, replacing what stood there. \return failure naming the file and why.
Status write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace lowleg::files
