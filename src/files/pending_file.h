/// \file pending_file.h
/// A file that is there whole or not at all.
#pragma once

#include "core/result.h"

#include <filesystem>
#include <string>

namespace lowleg::files {

/// A new file under a temporary name beside `path`. commit() flushes it to the disk and renames it over `path`; a file that is
/// not committed disappears, and what stood at `path` before stays as it was. What a killed program left of an earlier attempt goes with the next one.
class PendingFile {
public:
    /// \return failure when the folder is missing or not writable, or `path` exists and is no regular file.
    static Result<PendingFile> create(const std::filesystem::path& path);
    PendingFile(PendingFile&&) noexcept;
    PendingFile& operator=(PendingFile&&) = delete;
    ~PendingFile();

    /// Open for reading and writing; stays owned by this object.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    /// Once, after the last byte. \return failure when the disk is full or the rename is refused; the file is then gone.
    Status commit();

private:
    PendingFile(int descriptor, std::filesystem::path path, std::string temporary);

    int descriptor_;
    std::filesystem::path path_;
    std::string temporary_;  ///< Empty when there is nothing to remove.
};

}  // namespace lowleg::files
