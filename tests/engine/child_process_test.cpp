// What the audio host is made of: a child that ends with its parent's interest in it, and memory that both see.
#include "engine/child_process.h"
#include "engine/host_backend.h"
#include "engine/shared_memory.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace lowleg;
using namespace lowleg::engine;
using Catch::Matchers::ContainsSubstring;
using namespace std::chrono_literals;

namespace {

bool ends(ChildProcess& child)
{
    for (const auto deadline = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(2ms))
        if (!child.is_running()) return true;
    return false;
}

}  // namespace

TEST_CASE("a child runs until it is ended by its id", "[engine][host]")
{
    auto child = ChildProcess::start("/bin/sleep", {"1000"});
    REQUIRE(child);
    CHECK(child.value().is_running());
    CHECK(child.value().id() > 0);
    child.value().end_now();
    CHECK(ends(child.value()));
}

TEST_CASE("a child that goes of itself, or cannot be started, is told", "[engine][host]")
{
    auto gone = ChildProcess::start("/bin/true", {});
    REQUIRE(gone);
    CHECK(ends(gone.value()));
    const auto none = ChildProcess::start("/no/such/program", {});
    REQUIRE_FALSE(none);
    CHECK_THAT(none.error().message, ContainsSubstring("/no/such/program cannot be started"));
}

TEST_CASE("shared memory is empty at first, is seen by both, and outlives its name", "[engine][host]")
{
    auto made = SharedMemory::create(100'000);
    REQUIRE(made);
    auto bytes = made.value().bytes();
    REQUIRE(bytes.size() == 100'000);
    CHECK(bytes[99'999] == std::byte{0});
    auto seen = SharedMemory::open(made.value().name());
    REQUIRE(seen);
    made.value().forget_name();
    CHECK_FALSE(SharedMemory::open(made.value().name()));
    bytes[12'345] = std::byte{42};
    CHECK(seen.value().bytes()[12'345] == std::byte{42});
}

TEST_CASE("a host that is none is an error at once, not a wait", "[engine][host]")
{
    const auto none = list_devices({.program = "/bin/true", .should_stop = {}});
    REQUIRE_FALSE(none);
    CHECK_THAT(none.error().message, ContainsSubstring("ended as soon as it was started"));
    auto backend = make_host_backend({.program = "/bin/false", .should_stop = {}});
    CHECK_FALSE(backend->storage({.capture_frames = 1024, .slot_frames = 1024}));
    CHECK_FALSE(backend->is_alive());
    backend->stop();
}
