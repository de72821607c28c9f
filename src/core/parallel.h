/// \file parallel.h
/// Independent pieces of work on several processors.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lowleg {

/// How many threads a computation may take.
struct Threads {
    std::size_t count{std::max<std::size_t>(1, std::thread::hardware_concurrency())};
};

/// Calls work(0) … work(count − 1), each once, in any order, the calling thread being one of those that do. Returns when all are done; of
/// what was thrown it throws the first again, and begins no more work after it. Never for the audio thread.
/// \param work  must bear being called by several threads at once.
template <class Work>
void for_each_index(std::size_t count, Threads threads, Work&& work)
{
    std::atomic<std::size_t> next{0};
    std::mutex guard;
    std::exception_ptr thrown;
    const auto run = [&] {
        for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
            try {
                std::invoke(work, i);
            } catch (...) {
                const std::lock_guard lock{guard};
                if (!thrown) thrown = std::current_exception();
                next = count;
            }
        }
    };
    {
        std::vector<std::jthread> helpers;
        for (std::size_t i = 1; i < std::min(threads.count, count); ++i) helpers.emplace_back(run);
        run();
    }
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace lowleg
