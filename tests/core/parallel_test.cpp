#include "core/parallel.h"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <stdexcept>
#include <vector>

using namespace lowleg;

TEST_CASE("every piece of work is done once, whatever the number of threads", "[core][parallel]")
{
    for (const std::size_t threads : {0U, 1U, 2U, 7U})
        for (const std::size_t count : {0U, 1U, 5U, 1000U}) {
            std::vector<std::atomic<int>> done(count);
            for_each_index(count, Threads{threads}, [&](std::size_t i) { ++done[i]; });
            for (const auto& d : done) REQUIRE(d == 1);
        }
}

TEST_CASE("what a piece of work throws reaches the caller, after all threads have ended", "[core][parallel]")
{
    std::atomic<int> running{0};
    const auto work = [&](std::size_t i) {
        ++running;
        struct Leave {
            std::atomic<int>& n;
            ~Leave() { --n; }
        } const leave{running};
        if (i == 13) throw std::runtime_error{"thirteen"};
    };
    CHECK_THROWS_AS(for_each_index(1000, Threads{4}, work), std::runtime_error);
    CHECK(running == 0);
}
