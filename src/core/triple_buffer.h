/// \file triple_buffer.h
/// The latest state of one thread, for another one: neither waits for the other, ever.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace lowleg {

/// One thread writes, one thread reads. What the reader has not looked at in time is replaced by what is newer; what it looks at stays as it is until it asks
/// for the next. Wait-free on both sides: three copies, of which each side holds one and an atomic names the third.
template <class T>
class TripleBuffer {
public:
    TripleBuffer() = default;
    /// All three copies begin like this one.
    explicit TripleBuffer(const T& initial) : copies_{initial, initial, initial} {}
    TripleBuffer(const TripleBuffer&) = delete;
    TripleBuffer& operator=(const TripleBuffer&) = delete;

    /// Writer: what is to be filled. It holds what was written two or three times ago, so that its memory can be used again.
    [[nodiscard]] T& to_write() noexcept { return copies_[writing_]; }
    /// Writer: gives what was filled to the reader.
    void publish() noexcept
    {
        writing_ = static_cast<std::uint8_t>(between_.exchange(static_cast<std::uint8_t>(writing_ | fresh), std::memory_order_acq_rel) & index);
    }

    /// Reader: takes what was published last. \return whether it is news.
    bool update() noexcept
    {
        if ((between_.load(std::memory_order_relaxed) & fresh) == 0) return false;
        reading_ = static_cast<std::uint8_t>(between_.exchange(reading_, std::memory_order_acq_rel) & index);
        return true;
    }
    /// Reader: what update() took.
    [[nodiscard]] const T& latest() const noexcept { return copies_[reading_]; }

private:
    static constexpr std::uint8_t index = 3;
    static constexpr std::uint8_t fresh = 4;
    std::array<T, 3> copies_{};
    std::uint8_t writing_{0};
    alignas(64) std::atomic<std::uint8_t> between_{1};
    alignas(64) std::uint8_t reading_{2};
};

}  // namespace lowleg
