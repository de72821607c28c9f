#include "engine/portaudio_thread.h"

#include <optional>
#include <thread>
#include <utility>

#if __has_include(<unistd.h>)
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>
#define LOWLEG_POSIX
#endif

namespace lowleg::engine {
namespace {

#ifdef LOWLEG_POSIX
/// The standard error stream, while it is turned off.
std::atomic<int> stderr_before{-1};

/// Turns it on again. Any thread; the first to come does it.
void restore_stderr() noexcept
{
    const int before = stderr_before.exchange(-1);
    if (before < 0) return;
    ::dup2(before, STDERR_FILENO);
    ::close(before);
}

/// While it lives, file descriptor 2 leads nowhere, for the whole process: keep it short.
class QuietStderr {
public:
    QuietStderr() noexcept
    {
        const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (nowhere < 0) return;
        const int before = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        if (before >= 0) ::dup2(nowhere, STDERR_FILENO);
        ::close(nowhere);
        stderr_before = before;
    }
    QuietStderr(const QuietStderr&) = delete;
    QuietStderr& operator=(const QuietStderr&) = delete;
    ~QuietStderr() { restore_stderr(); }
};

void print_nothing_for_jack(const char*) {}
void print_nothing_for_alsa(const char*, int, const char*, int, const char*, ...) {}

/// JACK and ALSA print from threads of their own, too, whenever they like. Both take a function to print with; they are found at
/// run time, because they are there only if PortAudio uses them.
void quiet_libraries() noexcept
{
    using SetJack = void (*)(decltype(&print_nothing_for_jack));
    using SetAlsa = int (*)(decltype(&print_nothing_for_alsa));
    for (const char* const name : {"jack_set_error_function", "jack_set_info_function"}) {
        if (void* const f = ::dlsym(RTLD_DEFAULT, name)) reinterpret_cast<SetJack>(f)(&print_nothing_for_jack);
    }
    if (void* const f = ::dlsym(RTLD_DEFAULT, "snd_lib_error_set_handler")) reinterpret_cast<SetAlsa>(f)(&print_nothing_for_alsa);
}
#else
struct QuietStderr {
    QuietStderr() noexcept {}
    ~QuietStderr() {}
};
void quiet_libraries() noexcept {}
void restore_stderr() noexcept {}
#endif

constexpr std::chrono::milliseconds watch_interval{20};

[[nodiscard]] Error lost_error()
{
    return {"the audio system was lost or does not answer, and cannot be used again in this run: restart it (or the JACK server), "
            "then start Lowleg again",
            ErrorKind::interrupted};
}

}  // namespace

struct PortAudioThread::Job {
    std::function<Status()> task;
    std::optional<Status> result;
};

PortAudioThread& PortAudioThread::instance()
{
    static PortAudioThread* const one = new PortAudioThread;
    return *one;
}

PortAudioThread::PortAudioThread()
{
    quiet_libraries();
    std::thread{[this] { loop(); }}.detach();
}

Status PortAudioThread::run(std::function<Status()> task, std::chrono::milliseconds limit)
{
    if (is_lost()) return lost_error();
    const auto job = std::make_shared<Job>(Job{std::move(task), std::nullopt});
    std::unique_lock lock{mutex_};
    jobs_.push_back(job);
    wake_.notify_all();
    if (wake_.wait_for(lock, limit, [&] { return job->result.has_value(); })) return *job->result;
    mark_lost();
    restore_stderr();  // the call that hangs will not, and there is something to say
    return lost_error();
}

void PortAudioThread::set_watch(std::function<void()> watch)
{
    const std::lock_guard lock{mutex_};
    watch_ = std::move(watch);
}

void PortAudioThread::loop()
{
    std::unique_lock lock{mutex_};
    for (;;) {
        wake_.wait_for(lock, watch_interval, [&] { return !jobs_.empty(); });
        if (is_lost()) return;  // whatever waits has a limit
        if (jobs_.empty()) {
            if (watch_) watch_();  // under the lock: when set_watch() returns, the old one is not running
            continue;
        }
        const auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        std::optional<Status> result;
        {
            const QuietStderr quiet;
            result = job->task();
        }
        lock.lock();
        job->result = std::move(result);
        wake_.notify_all();
    }
}

}  // namespace lowleg::engine
