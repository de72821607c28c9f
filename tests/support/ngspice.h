/// \file ngspice.h
/// Runs ngspice, the independent witness, on a deck and reads back what it wrote.
#pragma once

#include "support/ngspice_process.h"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace lowleg::testing {

/// Runs `ngspice -b` on `deck` in a directory of its own. A missing ngspice fails the test.
/// \param libraries  a directory whose .lib files the deck may include.
/// \return the rows of each of the `files` that its .control block writes with wrdata.
inline std::vector<std::vector<std::vector<double>>> run_ngspice(const std::string& deck, const std::vector<std::string>& files,
                                                                  const std::filesystem::path& libraries = {})
{
    const NgspiceProcess ngspice{deck, libraries};
    INFO("deck:\n" << deck << "\nngspice said (exit status word " << ngspice.status() << "):\n" << ngspice.log());

    std::vector<std::vector<std::vector<double>>> tables;
    for (const auto& name : files) {
        std::ifstream file{ngspice.file(name)};
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
