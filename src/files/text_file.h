/// \file text_file.h
/// Texts on the disk: whole or not at all.
#pragma once

#include "core/result.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace lowleg::files {

/// Writes `text` as the whole content of `path`, replacing what stood there. \return failure naming the file and why.
Status write_text(const std::filesystem::path& path, std::string_view text);

/// Reads the whole of `path`. \param most_bytes  more than that is refused. \return failure naming the file and why.
Result<std::string> read_text(const std::filesystem::path& path, std::size_t most_bytes = std::size_t{64} << 20U);

}  // namespace lowleg::files
