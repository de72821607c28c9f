/// \file served_bench.h
/// A bench served by a thread of the test itself.
#pragma once

#include "bench/jack_server.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

namespace lowleg::test {

class ServedBench {
public:
    explicit ServedBench(bench::ServeOptions options)
        : thread_{[this, options = std::move(options)] {
              const auto status = bench::serve(options, [this](double rate) { rate_.store(rate); }, [this] { return stop_.load(); });
              if (!status) error_ = status.error();
              ended_.store(true);
          }}
    {
    }
    ServedBench(const ServedBench&) = delete;
    ServedBench& operator=(const ServedBench&) = delete;
    ~ServedBench() { (void)stop(); }

    /// \return whether it is ready; false when it ended instead, or is not after 20 s.
    [[nodiscard]] bool is_ready() const
    {
        return wait_until([&] { return rate_.load() > 0.0 || ended_.load(); }) && !ended_.load();
    }
    /// \return whether it ended by itself within 20 s.
    [[nodiscard]] bool ends_by_itself() const
    {
        return wait_until([&] { return ended_.load(); });
    }
    [[nodiscard]] double rate() const { return rate_.load(); }

    /// Ends it. \return the error with which it ended.
    std::optional<Error> stop()
    {
        stop_.store(true);
        if (thread_.joinable()) thread_.join();
        return error_;
    }

private:
    template <class Condition>
    static bool wait_until(const Condition& condition)
    {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        return true;
    }

    std::atomic<double> rate_{0.0};
    std::atomic<bool> ended_{false};
    std::atomic<bool> stop_{false};
    std::optional<Error> error_;  // read after the thread has ended
    std::thread thread_;
};

}  // namespace lowleg::test
