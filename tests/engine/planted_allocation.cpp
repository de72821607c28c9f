// A callback that allocates, for the sanitizer to find while it runs; the compiler, which finds it too, is told to be quiet.
#include "core/realtime.h"

#include <cstddef>
#include <vector>

#pragma clang diagnostic ignored "-Wfunction-effects"

static std::size_t callback(std::size_t frames) LOWLEG_REALTIME
{
    const std::vector<float> scratch(frames);
    return scratch.size();
}

int main(int argc, char**) { return callback(static_cast<std::size_t>(argc) * 100) > 0 ? 0 : 1; }
