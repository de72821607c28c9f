// The latest state, handed from thread to thread: never torn, never older than before, the last one always there.
#include "core/triple_buffer.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

using lowleg::TripleBuffer;

TEST_CASE("a reader sees the newest state only, and keeps it", "[triple-buffer]")
{
    TripleBuffer<int> buffer{7};
    CHECK(buffer.latest() == 7);
    CHECK_FALSE(buffer.update());
    for (const int value : {1, 2, 3}) {
        buffer.to_write() = value;
        buffer.publish();
    }
    CHECK(buffer.latest() == 7);
    CHECK(buffer.update());
    CHECK(buffer.latest() == 3);
    CHECK_FALSE(buffer.update());
    buffer.to_write() = 4;
    CHECK(buffer.latest() == 3);
}

TEST_CASE("states that threads hand over are whole and never go back", "[triple-buffer][thread]")
{
    constexpr std::uint32_t last = 20'000;
    TripleBuffer<std::vector<std::uint32_t>> buffer;
    std::thread writer{[&] {
        for (std::uint32_t n = 1; n <= last; ++n) {
            buffer.to_write().assign(std::size_t{1} + n % 97, n);
            buffer.publish();
        }
    }};
    std::uint32_t before = 0;
    bool is_whole = true;
    bool is_forward = true;
    while (before < last) {
        if (!buffer.update()) continue;
        const auto& state = buffer.latest();
        const auto n = state.front();
        is_whole = is_whole && state.size() == std::size_t{1} + n % 97 && std::ranges::all_of(state, [&](auto x) { return x == n; });
        is_forward = is_forward && n > before;
        before = n;
    }
    writer.join();
    CHECK(is_whole);
    CHECK(is_forward);
}
