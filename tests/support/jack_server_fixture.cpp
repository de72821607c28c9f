#include "support/jack_server_fixture.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace lowleg::test {
namespace {

using namespace std::chrono_literals;

std::string unique_name()
{
    static std::atomic<int> count{0};
    return "lowleg-test-" + std::to_string(getpid()) + "-" + std::to_string(count.fetch_add(1));
}

}  // namespace

bool JackServer::is_installed()
{
    for (const auto* program : {"jackd", "jack_wait", "jack_freewheel", "jack_bufsize", "jack_connect", "jack_disconnect"})
        if (!test::is_installed(program)) return false;
    return true;
}

JackServer::JackServer(int sample_rate_hz, int period_frames, int channels)
    : name_{unique_name()}, sample_rate_hz_{sample_rate_hz}, period_frames_{period_frames}, channels_{channels}
{
    launch();
}

void JackServer::launch()
{
    // Few ports, the device's own twice among them: the default of 2048 takes 107 MB of shared memory.
    process_ = std::make_unique<Process>(
        std::vector<std::string>{"jackd", "-n", name_, "-r", "-S", "-p", std::to_string(128 + 4 * channels_), "-d", "dummy", "-r",
                                 std::to_string(sample_rate_hz_), "-p", std::to_string(period_frames_), "-C", std::to_string(channels_), "-P", std::to_string(channels_)},
        environment());
    const auto waited = run({"jack_wait", "-s", name_, "-w", "-t", "20"}, environment(), 30s);
    if (waited.ending != exited(0) || !process_->is_running())
        throw std::runtime_error{"jackd did not start: " + process_->standard_output() + process_->standard_error()};
}

JackServer::~JackServer()
{
    // A server whose client was killed does not end on SIGTERM (jackd 1.9.21: every time), so it is killed in its turn.
    if (process_->stop(2s).signal) crashed_ = true;
    if (!crashed_) return;
    // A killed server leaves its entry in the registry (which has room for eight servers) and its segments in /dev/shm.
    // The next one of the same name clears them away, and leaves nothing when it ends in good order.
    try {
        launch();
        process_->stop();
    } catch (const std::exception&) {  // nothing more can be done for the machine, and the test has its result
    }
    // Semaphores of clients that were connected: they bear the server's name.
    std::error_code ignored;
    std::vector<std::filesystem::path> leftovers;
    for (const auto& entry : std::filesystem::directory_iterator{"/dev/shm", ignored})
        if (entry.path().filename().string().find("_" + name_ + "_") != std::string::npos) leftovers.push_back(entry.path());
    for (const auto& path : leftovers) std::filesystem::remove(path, ignored);
}

Process::Environment JackServer::environment() const
{
    return {{"JACK_DEFAULT_SERVER", name_}, {"JACK_NO_AUDIO_RESERVATION", "1"}, {"JACK_NO_START_SERVER", "1"}};
}

void JackServer::set_freewheel(bool on)
{
    if (run({"jack_freewheel", on ? "y" : "n"}, environment(), 20s).ending != exited(0))
        throw std::runtime_error{"jack_freewheel failed"};
}

void JackServer::set_period(int frames)
{
    if (run({"jack_bufsize", std::to_string(frames)}, environment(), 20s).ending != exited(0))
        throw std::runtime_error{"jack_bufsize failed"};
}

void JackServer::connect(const std::string& from, const std::string& to)
{
    if (run({"jack_connect", from, to}, environment(), 20s).ending != exited(0)) throw std::runtime_error{"jack_connect " + from + " " + to + " failed"};
}

void JackServer::disconnect(const std::string& from, const std::string& to)
{
    if (run({"jack_disconnect", from, to}, environment(), 20s).ending != exited(0)) throw std::runtime_error{"jack_disconnect " + from + " " + to + " failed"};
}

void JackServer::crash()
{
    crashed_ = true;
    process_->send_signal(SIGKILL);
    (void)process_->wait_for(10s);
}

void JackServer::restart()
{
    launch();
    crashed_ = false;
}

void JackServer::freeze(bool on) { process_->send_signal(on ? SIGSTOP : SIGCONT); }

}  // namespace lowleg::test
