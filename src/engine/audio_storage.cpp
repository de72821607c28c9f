#include "engine/audio_storage.h"

#include <bit>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>

namespace lowleg::engine {
namespace {

// A block of one frame needs a header as a block of a thousand does. This many headers hold the whole capture ring in blocks of
// 16 frames, the smallest in use; with still smaller ones the headers run out first, which loses blocks but nothing else.
constexpr std::size_t frames_per_header = 16;
constexpr std::size_t command_places = 16;

/// Gives out stretches of memory one after another; without memory it only counts.
class Layout {
public:
    /// \param constructs  objects begin there; else they are there already.
    explicit Layout(std::byte* memory, bool constructs = true) noexcept : memory_{memory}, constructs_{constructs} {}

    template <class T>
    T* place(std::size_t count)
    {
        static_assert(alignof(T) <= AudioStorage::alignment);
        std::byte* const at = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += (count * sizeof(T) + AudioStorage::alignment - 1) / AudioStorage::alignment * AudioStorage::alignment;
        if (at == nullptr) return nullptr;
        T* const first = std::launder(reinterpret_cast<T*>(at));
        // Samples are written before they are read: to write zeros here would claim all pages at once.
        if (constructs_ && std::is_same_v<T, float>) std::uninitialized_default_construct_n(first, count);
        else if (constructs_) std::uninitialized_value_construct_n(first, count);
        return first;
    }
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    std::byte* memory_;
    bool constructs_;
    std::size_t used_{0};
};

template <class T>
struct Ring {
    rt::RingCounters* counters;
    T* items;
    std::size_t capacity;

    Ring(Layout& layout, std::size_t at_least)
        : counters{layout.place<rt::RingCounters>(1)}, items{nullptr}, capacity{std::bit_ceil(at_least)}
    {
        items = layout.place<T>(capacity);
    }
    [[nodiscard]] rt::RingWriter<T> writer() const { return {*counters, items, capacity}; }
    [[nodiscard]] rt::RingReader<T> reader() const { return {*counters, items, capacity}; }
};

struct Parts {
    rt::StreamState* state;
    Ring<rt::Command> commands;
    Ring<rt::Retired> retired;
    Ring<rt::BlockHeader> blocks;
    Ring<float> samples;
    float* arena;

    Parts(Layout& layout, const StorageSizes& sizes)
        : state{layout.place<rt::StreamState>(1)},
          commands{layout, command_places},
          retired{layout, sizes.slots},
          blocks{layout, sizes.capture_frames / frames_per_header + 1},
          samples{layout, 2 * sizes.capture_frames},
          arena{layout.place<float>(2 * sizes.slot_frames * sizes.slots)}
    {
    }
};

}  // namespace

std::size_t AudioStorage::bytes_needed(const StorageSizes& sizes) noexcept
{
    Layout layout{nullptr};
    const Parts parts{layout, sizes};
    return layout.used();
}

AudioStorage::AudioStorage(std::span<std::byte> memory, const StorageSizes& sizes, Begin begin)
{
    void* start = memory.data();
    std::size_t space = memory.size();
    if (std::align(alignment, bytes_needed(sizes), start, space) != memory.data()) {
        throw std::invalid_argument{"AudioStorage: the memory is too small or not aligned"};
    }
    Layout layout{memory.data(), begin == Begin::empty};
    const Parts parts{layout, sizes};
    audio_ = {.commands = parts.commands.reader(),
              .retired = parts.retired.writer(),
              .blocks = parts.blocks.writer(),
              .samples = parts.samples.writer(),
              .arena = {.samples = parts.arena, .slot_frames = sizes.slot_frames, .slots = sizes.slots},
              .state = parts.state};
    control_ = {.commands = parts.commands.writer(),
                .retired = parts.retired.reader(),
                .blocks = parts.blocks.reader(),
                .samples = parts.samples.reader(),
                .arena = {parts.arena, 2 * sizes.slot_frames * sizes.slots},
                .state = parts.state};
}

}  // namespace lowleg::engine
