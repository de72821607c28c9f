/// \file host_process.h
/// The audio host of a program that runs, as the system sees it.
#pragma once

#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace lowleg::test {

/// The child of this process that moves its audio. /proc names the children of a process.
inline std::optional<int> host_of(int parent)
{
    const auto id = std::to_string(parent);
    std::ifstream children{"/proc/" + id + "/task/" + id + "/children"};
    for (int child = 0; children >> child;) {
        std::ifstream line{"/proc/" + std::to_string(child) + "/cmdline"};
        const std::string words{std::istreambuf_iterator<char>{line}, {}};
        if (words.find("audio-host") != std::string::npos) return child;
    }
    return std::nullopt;
}

/// Not ended, or ended and not yet waited for.
inline bool is_there(int process)
{
    std::ifstream status{"/proc/" + std::to_string(process) + "/stat"};
    const std::string text{std::istreambuf_iterator<char>{status}, {}};
    const auto state = text.find(") ");
    return state != std::string::npos && text.at(state + 2) != 'Z';
}

}  // namespace lowleg::test
