/// \file ngspice.h
/// Runs ngspice, the independent witness, on a deck and reads back what it wrote.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

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
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// Runs `ngspice -b` on `deck` in a directory of its own. A missing ngspice fails the test.
/// \return the rows of each of the `files` that its .control block writes with wrdata.
inline std::vector<std::vector<std::vector<double>>> run_ngspice(const std::string& deck, const std::vector<std::string>& files)
{
    const TemporaryDirectory directory;
    std::ofstream{directory.path() / "deck.cir"} << deck;
    const auto command = "cd '" + directory.path().string() + "' && ngspice -b deck.cir > log 2>&1 < /dev/null";
    const int status = std::system(command.c_str());  // NOLINT(cert-env33-c)
    INFO("deck:\n" << deck << "\nngspice said (exit status word " << status << "):\n" << read_all(directory.path() / "log"));

    std::vector<std::vector<std::vector<double>>> tables;
    for (const auto& name : files) {
        std::ifstream file{directory.path() / name};
        INFO("ngspice is needed and must have written " << name);
        REQUIRE(file);
        auto& rows = tables.emplace_back();
        for (std::string line; std::getline(file, line);) {
            std::istringstream numbers{line};
            auto& row = rows.emplace_back();
            for (double x{}; numbers >> x;) row.push_back(x);
            if (row.empty()) rows.pop_back();
        }
        REQUIRE_FALSE(rows.empty());
    }
    return tables;
}

}  // namespace lowleg::testing
