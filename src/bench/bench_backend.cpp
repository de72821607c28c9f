#include "bench/bench_backend.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

namespace lowleg::bench {
namespace {

constexpr std::uint32_t block_frames = 256;
constexpr std::chrono::microseconds full_ring_pause{200};  // about what the control thread needs to make room

template <std::size_t N>
void copy_text(std::string_view text, std::array<char, N>& to)
{
    std::copy_n(text.begin(), std::min(text.size(), N - 1), to.begin());  // the rest is 0 already
}

class BenchBackend final : public engine::Backend {
public:
    BenchBackend(std::shared_ptr<VirtualBench> bench, double sample_rate_hz, OwnSignal own, Pace pace)
        : bench_{std::move(bench)}, sample_rate_hz_{sample_rate_hz}, own_{std::move(own)}, pace_{pace}
    {
    }
    ~BenchBackend() override { halt(); }

    Result<engine::StreamFacts> open(const engine::StreamRequest&, const engine::rt::AudioEnds& ends) override
    {
        if (processor_) return Error{"the virtual bench is open already: close the stream that uses it"};
        processor_.emplace(ends, sample_rate_hz_);
        engine::StreamFacts facts{};
        facts.sample_rate_hz = sample_rate_hz_;
        copy_text("virtual bench", facts.device);
        copy_text("virtual bench", facts.host_api);
        return facts;
    }

    Status start() override
    {
        if (!processor_) return Error{"the virtual bench is not open: open it before it is started"};
        if (thread_.joinable()) return Error{"the virtual bench is running already: stop it before it is started again"};
        should_stop_.store(false);
        thread_ = std::thread{[this] { run(); }};
        return Done{};
    }

    void stop() noexcept override { halt(); }

    [[nodiscard]] bool is_alive() const noexcept override { return true; }

private:
    void halt() noexcept
    {
        should_stop_.store(true);
        if (thread_.joinable()) thread_.join();
    }

    void run()
    {
        std::array<float, block_frames> drive{}, probe{}, i2{}, i3{};
        // The first block already brings the noise of the inputs: exact zeros would look like a dead device.
        bench_->process(drive.data(), probe.data(), i2.data(), i3.data(), block_frames);
        const engine::rt::InputView in{{i2.data(), i3.data()}, 1};
        const engine::rt::OutputView out{{drive.data(), probe.data()}, 1};
        const auto begin = std::chrono::steady_clock::now();
        while (!should_stop_.load()) {
            if (pace_ == Pace::real_time) wait_until(begin + std::chrono::nanoseconds{steady_ns()});
            if (processor_->capture_space_frames() < block_frames) {
                // Whoever moves the switch waits until it has moved, and reads nothing meanwhile: it moves between blocks, too.
                bench_->process(drive.data(), probe.data(), i2.data(), i3.data(), 0);
                std::this_thread::sleep_for(full_ring_pause);
                continue;
            }
            processor_->process(in, out, block_frames, false, steady_ns());
            if (own_) own_(frames_, drive);
            frames_ += block_frames;
            bench_->process(drive.data(), probe.data(), i2.data(), i3.data(), block_frames);
        }
    }

    /// Or until it is to stop. A few blocks at a time: waking up for each costs more than computing it.
    void wait_until(std::chrono::steady_clock::time_point time) const
    {
        constexpr std::chrono::milliseconds at_a_time{12};
        constexpr std::chrono::milliseconds longest_step{20};  // a slow rate makes long blocks
        auto now = std::chrono::steady_clock::now();
        if (now < time) time += at_a_time;
        for (; now < time && !should_stop_.load(); now = std::chrono::steady_clock::now())
            std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(time - now, longest_step));
    }

    /// The time that the frames so far would have taken.
    [[nodiscard]] std::int64_t steady_ns() const noexcept
    {
        return static_cast<std::int64_t>(static_cast<double>(frames_) * 1e9 / sample_rate_hz_);
    }

    std::shared_ptr<VirtualBench> bench_;
    double sample_rate_hz_;
    OwnSignal own_;
    Pace pace_;
    std::optional<engine::rt::DuplexProcessor> processor_;
    std::uint64_t frames_{0};
    std::atomic<bool> should_stop_{false};
    std::thread thread_;
};

}  // namespace

std::unique_ptr<engine::Backend> make_bench_backend(std::shared_ptr<VirtualBench> bench, double sample_rate_hz, OwnSignal own, Pace pace)
{
    return std::make_unique<BenchBackend>(std::move(bench), sample_rate_hz, std::move(own), pace);
}

}  // namespace lowleg::bench
