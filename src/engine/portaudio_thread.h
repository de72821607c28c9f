/// \file portaudio_thread.h
/// The one thread on which PortAudio is called. Inside the engine only.
#pragma once

#include "core/result.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace lowleg::engine {

/// Runs calls into PortAudio one after another, with the standard error stream turned off (it prints up to a hundred lines), and
/// gives the audio system up when one does not return.
class PortAudioThread {
public:
    /// Never destroyed: a call that hangs may outlive main.
    static PortAudioThread& instance();

    /// Any thread. \param task  must own all that it uses, since it may go on after its caller has given up.
    /// \return interrupted when the audio system is lost or does not answer within `limit`; else what `task` returns.
    Status run(std::function<Status()> task, std::chrono::milliseconds limit);

    /// Called on the thread, about every 20 ms, until it is replaced by another (or by none). It must not wait for anything.
    void set_watch(std::function<void()> watch);

    void mark_lost() noexcept { lost_ = true; }
    [[nodiscard]] bool is_lost() const noexcept { return lost_; }

private:
    struct Job;
    PortAudioThread();
    void loop();

    std::atomic<bool> lost_{false};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Job>> jobs_;
    std::function<void()> watch_;
};

}  // namespace lowleg::engine
