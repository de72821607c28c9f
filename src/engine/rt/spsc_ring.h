/// \file spsc_ring.h
/// The way on which everything but the latest state crosses between the audio thread and the control thread.
#pragma once

#include "core/realtime.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace lowleg::engine::rt {

/// The two words in which the threads of a ring meet. They only grow (2^64 samples at 192 kHz × 2 last 1.5 million years),
/// so full and empty never look alike. Each on its own cache line, so that the threads do not take it from each other.
struct RingCounters {
    alignas(64) std::atomic<std::uint64_t> written{0};  ///< Written by the writer only.
    alignas(64) std::atomic<std::uint64_t> read{0};     ///< Written by the reader only.
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
};

/// A stretch of a ring: it may be cut in two by the ring's end.
template <class T>
struct RingSlices {
    std::span<T> first;
    std::span<T> second;
};

/// The writing end of a single-producer single-consumer ring of plain items on storage that it does not own.
///
/// The two ends are two types, so that the wrong thread's call does not compile. An end is a plain handle, copied to hand
/// it over; of all its copies one may be in use. Progress: every function is wait-free.
template <class T>
class RingWriter {
    static_assert(std::is_trivially_copyable_v<T>, "items cross between threads, and later between processes, as bytes");

public:
    RingWriter() noexcept = default;
    /// \param items  `capacity` of them, a power of two. Storage and counters outlive the end.
    RingWriter(RingCounters& counters, T* items, std::size_t capacity) noexcept
        : counters_{&counters}, items_{items}, capacity_{capacity}
    {
    }

    /// Items that a push may have now; the reader can only make it more.
    [[nodiscard]] std::size_t space() LOWLEG_REALTIME
    {
        read_seen_ = counters_->read.load(std::memory_order_acquire);  // the reader is done with everything below
        return capacity_ - static_cast<std::size_t>(counters_->written.load(std::memory_order_relaxed) - read_seen_);
    }

    /// \return false, with nothing written, when the ring is full.
    [[nodiscard]] bool push(const T& item) LOWLEG_REALTIME
    {
        if (!has_space(1)) return false;
        items_[index(counters_->written.load(std::memory_order_relaxed))] = item;
        publish(1);
        return true;
    }

    /// The next `count` items, to be filled in place and then published. \pre has_space(count)
    [[nodiscard]] RingSlices<T> reserve(std::size_t count) LOWLEG_REALTIME
    {
        const std::size_t at = index(counters_->written.load(std::memory_order_relaxed));
        const std::size_t first = std::min(count, capacity_ - at);
        return {std::span<T>{items_ + at, first}, std::span<T>{items_, count - first}};
    }
    /// Hands `count` reserved items to the reader.
    void publish(std::size_t count) LOWLEG_REALTIME
    {
        counters_->written.store(counters_->written.load(std::memory_order_relaxed) + count, std::memory_order_release);
    }

    /// Asks the other thread's counter only when the answer of last time is not enough.
    [[nodiscard]] bool has_space(std::size_t count) LOWLEG_REALTIME
    {
        const std::uint64_t written = counters_->written.load(std::memory_order_relaxed);  // our own
        return count <= capacity_ - static_cast<std::size_t>(written - read_seen_) || count <= space();
    }
    [[nodiscard]] std::size_t capacity() const LOWLEG_REALTIME { return capacity_; }

private:
    [[nodiscard]] std::size_t index(std::uint64_t count) const LOWLEG_REALTIME
    {
        return static_cast<std::size_t>(count) & (capacity_ - 1);
    }

    RingCounters* counters_{nullptr};
    T* items_{nullptr};
    std::size_t capacity_{0};
    std::uint64_t read_seen_{0};  // never more than the reader's counter: an old value is safe
};

/// The reading end; see RingWriter.
template <class T>
class RingReader {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    RingReader() noexcept = default;
    RingReader(RingCounters& counters, const T* items, std::size_t capacity) noexcept
        : counters_{&counters}, items_{items}, capacity_{capacity}
    {
    }

    /// Items that wait; the writer can only make it more.
    [[nodiscard]] std::size_t available() LOWLEG_REALTIME
    {
        written_seen_ = counters_->written.load(std::memory_order_acquire);  // everything below is complete
        return static_cast<std::size_t>(written_seen_ - counters_->read.load(std::memory_order_relaxed));
    }

    /// \return false, with `out` untouched, when the ring is empty.
    [[nodiscard]] bool pop(T& out) LOWLEG_REALTIME
    {
        if (!has(1)) return false;
        out = items_[index(counters_->read.load(std::memory_order_relaxed))];
        release(1);
        return true;
    }

    /// The oldest `count` items, in place, until they are released. \pre has(count)
    [[nodiscard]] RingSlices<const T> peek(std::size_t count) LOWLEG_REALTIME
    {
        const std::size_t at = index(counters_->read.load(std::memory_order_relaxed));
        const std::size_t first = std::min(count, capacity_ - at);
        return {std::span<const T>{items_ + at, first}, std::span<const T>{items_, count - first}};
    }
    /// Gives the place of the oldest `count` items back to the writer.
    void release(std::size_t count) LOWLEG_REALTIME
    {
        counters_->read.store(counters_->read.load(std::memory_order_relaxed) + count, std::memory_order_release);
    }

    [[nodiscard]] bool has(std::size_t count) LOWLEG_REALTIME
    {
        const std::uint64_t read = counters_->read.load(std::memory_order_relaxed);  // our own
        return count <= static_cast<std::size_t>(written_seen_ - read) || count <= available();
    }

private:
    [[nodiscard]] std::size_t index(std::uint64_t count) const LOWLEG_REALTIME
    {
        return static_cast<std::size_t>(count) & (capacity_ - 1);
    }

    RingCounters* counters_{nullptr};
    const T* items_{nullptr};
    std::size_t capacity_{0};
    std::uint64_t written_seen_{0};  // never more than the writer's counter, never less than ours
};

}  // namespace lowleg::engine::rt
