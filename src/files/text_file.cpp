#include "files/text_file.h"

#include "files/pending_file.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

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

Result<std::string> read_text(const std::filesystem::path& path, std::size_t most_bytes)
{
    const auto refuse = [&](const std::string& why) { return Error{"cannot read " + path.string() + ": " + why}; };
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return refuse("it is a folder");
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    if (!file) return refuse(std::generic_category().message(errno == 0 ? ENOENT : errno));
    std::string text;
    std::vector<char> block(std::size_t{1} << 16U);
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
        text.append(block.data(), static_cast<std::size_t>(file.gcount()));
        if (text.size() > most_bytes) return refuse("it is larger than anything that was written here");
    }
    if (file.bad()) return refuse("reading broke off");
    return text;
}

}  // namespace lowleg::files
