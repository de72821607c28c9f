#include "files/pending_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace lowleg::files {
namespace {

Error cannot_write(const std::filesystem::path& path, const std::string& why)
{
    return Error{"cannot write " + path.string() + ": " + why + "; choose another place or name"};
}

std::string reason(int error) { return std::generic_category().message(error); }

/// What a file made by open() would be allowed, which mkstemp() does not grant. The mask can only be read by setting it.
mode_t usual_permissions()
{
    const auto mask = ::umask(0);
    ::umask(mask);
    return static_cast<mode_t>(0666) & ~mask;
}

constexpr const char* mark = ".part-";

/// Files of programs that were killed while they wrote: nobody holds a lock on them. Whoever still writes does.
void remove_abandoned(const std::filesystem::path& target)
{
    const auto begin = target.filename().string() + mark;
    const auto folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path{"."};
    std::error_code none;
    for (std::filesystem::directory_iterator at{folder, none}, end; !none && at != end; at.increment(none)) {
        if (!at->path().filename().string().starts_with(begin)) continue;
        const int descriptor = ::open(at->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (descriptor < 0) continue;
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(at->path().c_str());
        ::close(descriptor);
    }
}

}  // namespace

PendingFile::PendingFile(int descriptor, std::filesystem::path path, std::string temporary)
    : descriptor_{descriptor}, path_{std::move(path)}, temporary_{std::move(temporary)}
{
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)},
      path_{std::move(other.path_)},
      temporary_{std::exchange(other.temporary_, {})}
{
}

PendingFile::~PendingFile()
{
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<PendingFile> PendingFile::create(const std::filesystem::path& path)
{
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (std::filesystem::is_directory(status)) return cannot_write(path, "it is a folder");
    // Renaming over a device or a pipe would put a file in its place.
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        return cannot_write(path, "it is not a regular file");
    // A link stays a link: the file that it names is replaced.
    auto target = std::filesystem::exists(status) ? std::filesystem::canonical(path, error) : path;
    if (error && std::filesystem::exists(status)) return cannot_write(path, error.message());

    remove_abandoned(target);
    auto temporary = target.string() + mark + "XXXXXX";
    const int descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor < 0) return cannot_write(path, reason(errno));
    (void)::flock(descriptor, LOCK_EX | LOCK_NB);
    PendingFile file{descriptor, std::move(target), std::move(temporary)};
    if (::fchmod(descriptor, usual_permissions()) != 0) return cannot_write(path, reason(errno));
    return file;
}

Status PendingFile::commit()
{
    if (::fsync(descriptor_) != 0) return cannot_write(path_, reason(errno));
    if (::close(std::exchange(descriptor_, -1)) != 0) return cannot_write(path_, reason(errno));
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return cannot_write(path_, reason(errno));
    temporary_.clear();
    return Done{};
}

}  // namespace lowleg::files
