#include "engine/audio_storage.h"
#include "engine/rt/spsc_ring.h"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace lowleg::engine;

namespace {

// Bigger than any atomic, so that a torn item shows.
struct Item {
    std::uint64_t number;
    std::array<std::uint64_t, 5> copies;
};

template <class T>
concept can_push = requires(T end, Item item) { end.push(item); };
template <class T>
concept can_pop = requires(T end, Item item) { end.pop(item); };
static_assert(can_push<rt::RingWriter<Item>> && !can_pop<rt::RingWriter<Item>>, "the writer's end cannot read");
static_assert(can_pop<rt::RingReader<Item>> && !can_push<rt::RingReader<Item>>, "the reader's end cannot write");
static_assert(std::is_trivially_copyable_v<rt::AudioEnds> && std::is_trivially_copyable_v<rt::BlockHeader>);

}  // namespace

TEST_CASE("the ring hands every item over once, whole and in order", "[engine][concurrency]")
{
    constexpr std::uint64_t total = 200'000;
    rt::RingCounters counters;
    std::array<Item, 64> storage{};
    std::thread audio{[w = rt::RingWriter<Item>{counters, storage.data(), storage.size()}]() mutable {
        for (std::uint64_t n = 0; n < total;) {
            if (w.push({n, {n, n, n, n, n}})) ++n; else std::this_thread::yield();
        }
    }};
    rt::RingReader<Item> reader{counters, storage.data(), storage.size()};
    bool in_order = true;
    for (std::uint64_t n = 0; n < total;) {
        Item item{};
        if (!reader.pop(item)) { std::this_thread::yield(); continue; }
        in_order = in_order && item.number == n;
        for (const std::uint64_t copy : item.copies) in_order = in_order && copy == n;
        ++n;
    }
    audio.join();
    CHECK(in_order);
    CHECK_FALSE(reader.has(1));
}

TEST_CASE("stretches of the ring arrive in order across its end", "[engine][concurrency]")
{
    // 509 and 333 are no fractions of 4096: blocks are cut at every place sooner or later.
    constexpr std::uint64_t total = 509 * 4'000;
    rt::RingCounters counters;
    std::vector<float> storage(4096);
    std::thread audio{[w = rt::RingWriter<float>{counters, storage.data(), storage.size()}]() mutable {
        for (std::uint64_t n = 0; n < total;) {
            if (!w.has_space(509)) { std::this_thread::yield(); continue; }
            const auto slices = w.reserve(509);
            for (float& x : slices.first) x = static_cast<float>(n++);  // below 2^24: exact
            for (float& x : slices.second) x = static_cast<float>(n++);
            w.publish(509);
        }
    }};
    rt::RingReader<float> reader{counters, storage.data(), storage.size()};
    bool in_order = true;
    for (std::uint64_t n = 0; n < total;) {
        const std::size_t count = std::min<std::size_t>(333, reader.available());
        if (count == 0) { std::this_thread::yield(); continue; }
        const auto slices = reader.peek(count);
        for (const float x : slices.first) in_order = in_order && x == static_cast<float>(n++);
        for (const float x : slices.second) in_order = in_order && x == static_cast<float>(n++);
        reader.release(count);
    }
    audio.join();
    CHECK(in_order);
}

TEST_CASE("a full ring takes nothing, and no more than its capacity", "[engine]")
{
    rt::RingCounters counters;
    std::array<int, 4> storage{};
    rt::RingWriter<int> writer{counters, storage.data(), storage.size()};
    rt::RingReader<int> reader{counters, storage.data(), storage.size()};
    int out = -1;
    CHECK_FALSE(reader.pop(out));
    CHECK(out == -1);
    for (int i = 0; i < 4; ++i) CHECK(writer.push(i));
    CHECK_FALSE(writer.push(4));
    CHECK_FALSE(writer.has_space(1));
    REQUIRE(reader.pop(out));
    CHECK(out == 0);
    CHECK(writer.has_space(1));
    CHECK_FALSE(writer.has_space(2));
    CHECK(writer.push(4));
    CHECK(reader.available() == 4);
}

TEST_CASE("storage refuses memory that does not do", "[engine]")
{
    const StorageSizes sizes{.capture_frames = 100, .slot_frames = 10, .slots = 4};
    const std::size_t bytes = AudioStorage::bytes_needed(sizes);
    struct alignas(AudioStorage::alignment) Line { std::byte b[AudioStorage::alignment]; };
    std::vector<Line> lines(bytes / sizeof(Line) + 1);
    const auto memory = std::as_writable_bytes(std::span{lines});
    CHECK_NOTHROW(AudioStorage{memory.first(bytes), sizes});
    CHECK_THROWS_AS((AudioStorage{memory.first(bytes - 1), sizes}), std::invalid_argument);
    CHECK_THROWS_AS((AudioStorage{memory.subspan(8, bytes), sizes}), std::invalid_argument);
    CHECK(AudioStorage{memory, sizes}.audio_ends().samples.capacity() == 256);  // 100 frames × 2, next power of two
}
