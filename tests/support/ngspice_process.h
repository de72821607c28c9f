/// \file ngspice_process.h
/// Runs ngspice on a deck, in a directory of its own.
#pragma once

#include <sys/resource.h>
#include <sys/time.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace lowleg::testing {

/// A directory of its own that goes when this goes.
class TemporaryDirectory {
public:
    TemporaryDirectory()
    {
        std::random_device random;
        path_ = std::filesystem::temp_directory_path() / ("lowleg-ngspice-" + std::to_string(random()) + std::to_string(random()));
        std::filesystem::create_directory(path_);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& path)
{
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// Processor time, user's and system's, of the processes that this one has started and waited for.
inline double seconds_of_children()
{
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// `ngspice -b` on a deck.
class NgspiceProcess {
public:
    /// \param libraries  a directory whose .lib files the deck may include.
    explicit NgspiceProcess(const std::string& deck, const std::filesystem::path& libraries = {})
    {
        if (!libraries.empty())
            for (const auto& entry : std::filesystem::directory_iterator{libraries})
                if (entry.path().extension() == ".lib") std::filesystem::copy_file(entry.path(), file(entry.path().filename().string()));
        std::ofstream{directory_.path() / "deck.cir"} << deck;
        const auto command = "cd '" + directory_.path().string() + "' && ngspice -b deck.cir > log 2>&1 < /dev/null";
        const double before = seconds_of_children();
        status_ = std::system(command.c_str());  // NOLINT(cert-env33-c)
        seconds_ = seconds_of_children() - before;
    }
    [[nodiscard]] int status() const noexcept { return status_; }  ///< The exit status word. ngspice -b may end with 1 although all went well.
    [[nodiscard]] std::string log() const { return read_all(file("log")); }
    [[nodiscard]] std::filesystem::path file(const std::string& name) const { return directory_.path() / name; }
    [[nodiscard]] double seconds() const noexcept { return seconds_; }  ///< Of processor time.

private:
    TemporaryDirectory directory_;
    int status_{};
    double seconds_{};
};

}  // namespace lowleg::testing
