#include "window_time.h"

#include "support/process.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace lowleg::benchmarks {

using namespace std::chrono_literals;

std::vector<double> time_first_frames()
{
    constexpr int starts = 9;
    if (!test::is_installed("Xvfb")) return {};
    test::Process server{{"Xvfb", "-displayfd", "1", "-screen", "0", "1920x1200x24", "-nolisten", "tcp", "-noreset"}};
    if (!server.wait_for_output("\n", 30s)) return {};
    const test::Process::Environment environment{{"DISPLAY", ":" + test::lines_of(server.standard_output()).front()}};
    std::vector<double> out;
    for (int i = 0; i < starts; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        const auto ended = test::run({LOWLEG_BINARY, "window", "--fresh", "--first-frame"}, environment, 60s);
        if (ended.ending != test::exited(0)) return {};
        out.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace lowleg::benchmarks
