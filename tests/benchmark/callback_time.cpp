#include "callback_time.h"

#include "engine/audio_storage.h"
#include "engine/rt/duplex_processor.h"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <random>
#include <span>

namespace lowleg::benchmarks {
namespace {

constexpr std::uint32_t block_frames = 64;
constexpr std::size_t blocks = 200'000;

struct alignas(engine::AudioStorage::alignment) Line {
    std::byte bytes[engine::AudioStorage::alignment];
};

/// Of this thread.
double processor_ns()
{
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

CallbackTime time_one(double rate, std::uint32_t channels)
{
    const engine::StorageSizes sizes{.capture_frames = 65'536, .slot_frames = 24'000, .slots = 4};
    std::vector<Line> memory(engine::AudioStorage::bytes_needed(sizes) / sizeof(Line) + 1);
    const engine::AudioStorage storage{std::as_writable_bytes(std::span{memory}), sizes};
    auto control = storage.control_ends();
    engine::rt::DuplexProcessor processor{storage.audio_ends(), rate};

    std::mt19937 random{1};
    std::uniform_real_distribution<float> uniform{-0.3F, 0.3F};
    std::ranges::generate(control.arena.first(2 * sizes.slot_frames), [&] { return uniform(random); });
    (void)control.commands.push({.kind = engine::rt::Command::Kind::play, .slot = 0, .frames = sizes.slot_frames, .play_id = 1});
    std::vector<float> in(std::size_t{block_frames} * channels), out(in.size());
    std::ranges::generate(in, [&] { return uniform(random); });
    const engine::rt::InputView from{{in.data(), in.data() + 1}, channels};
    const engine::rt::OutputView to{{out.data(), out.data() + 1}, channels};

    const double block_ns = 1e9 * block_frames / rate;
    std::vector<double> taken;
    for (std::size_t i = 0; i < blocks; ++i) {
        in[i % in.size()] = uniform(random);  // no two blocks are the same
        const double before = processor_ns();
        std::ranges::fill(out, 0.0F);  // as the callback does for the channels that nobody asked for
        processor.process(from, to, block_frames, false, static_cast<std::int64_t>(block_ns * static_cast<double>(i)));
        taken.push_back((processor_ns() - before) / block_ns);
        control.samples.release(control.samples.available());
        engine::rt::BlockHeader header;
        while (control.blocks.pop(header)) {}
    }
    std::ranges::sort(taken);
    return {rate, channels, taken[taken.size() / 2], taken[taken.size() - 1 - taken.size() / 1000], taken.back()};
}

}  // namespace

std::vector<CallbackTime> time_callback()
{
    std::vector<CallbackTime> out;
    for (const double rate : {48e3, 192e3})
        for (const std::uint32_t channels : {2U, 8U}) out.push_back(time_one(rate, channels));
    return out;
}

}  // namespace lowleg::benchmarks
