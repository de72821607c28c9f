#include "files/text_file.h"

#include "files/pending_file.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace lowleg::files {

Status write_text(const std::filesystem::path& path, std::string_view text)
{
    auto file = PendingFile::create(path);
    if (!file) return file.error();
    while (!text.empty()) {
        const auto written = ::write(file.value().descriptor(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0)
            return Error{"cannot write " + path.string() + ": " + std::generic_category().message(errno) +
                         "; make room or choose another place"};
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return file.value().commit();
}

}  // namespace lowleg::files
