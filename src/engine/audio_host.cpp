#include "engine/audio_host.h"

#include "engine/devices.h"
#include "engine/host_link.h"
#include "engine/portaudio_backend.h"
#include "engine/shared_memory.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <thread>

namespace lowleg::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds beat{host_beat_ms};
constexpr auto look_for_requests = 10ms;
/// The fade-out, and the blocks that are on their way.
constexpr auto until_silent = 150ms;

std::atomic<bool> is_told_to_end{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler writes it

template <std::size_t size>
void copy_text(std::array<char, size>& to, std::string_view from)
{
    to.fill(0);
    from.copy(to.data(), size - 1);
}

void copy_rates(std::array<double, 16>& to, const std::vector<double>& from)
{
    to.fill(0.0);
    std::copy_n(from.begin(), std::min(from.size(), to.size() - 1), to.begin());
}

/// All but the beat.
class Host {
public:
    explicit Host(SharedMemory memory) : memory_{std::move(memory)}, link_{*std::launder(reinterpret_cast<HostLink*>(memory_.bytes().data()))} {}

    /// \return whether it is to go on.
    bool serve_one()
    {
        const auto asked = link_.asked.load(std::memory_order_acquire);
        if (asked == link_.answered.load(std::memory_order_relaxed)) return true;
        const auto kind = link_.request.kind;
        link_.answer = {};
        const auto done = serve(kind);
        link_.answer.is_ok = done ? 1 : 0;
        if (!done) {
            link_.answer.kind = done.error().kind;
            copy_text(link_.answer.message, done.error().message);
        }
        link_.answered.store(asked, std::memory_order_release);
        return kind != HostRequest::Kind::quit;
    }

    [[nodiscard]] HostLink& link() const noexcept { return link_; }

    /// Any thread.
    void look_at_device() noexcept
    {
        if (const auto* backend = streaming_.load(); backend != nullptr && !backend->is_alive()) link_.device_is_gone.store(1, std::memory_order_release);
    }

    void fade_out()
    {
        if (backend_ == nullptr) return;
        ends_.state->is_hushed.store(true, std::memory_order_relaxed);
        std::this_thread::sleep_for(until_silent);
        stop();
    }

private:
    void stop()
    {
        streaming_ = nullptr;
        if (backend_ != nullptr) backend_->stop();
    }

    Status serve(HostRequest::Kind kind)
    {
        switch (kind) {
        case HostRequest::Kind::list_devices: return list();
        case HostRequest::Kind::open: return open();
        case HostRequest::Kind::start: {
            if (backend_ == nullptr) return Error{"there is no stream to start"};
            auto started = backend_->start();
            if (started) streaming_ = backend_.get();
            return started;
        }
        case HostRequest::Kind::quit: stop(); return Done{};
        }
        return Error{"there is no such request"};
    }

    Status open()
    {
        const auto& request = link_.request;
        const StorageSizes sizes{request.capture_frames, request.slot_frames, request.slots};
        const auto rings = memory_.bytes().subspan(HostLink::size());
        if (rings.size() < AudioStorage::bytes_needed(sizes)) return Error{"the shared memory is too small for the stream"};
        ends_ = AudioStorage::attached_to(rings, sizes).audio_ends();
        backend_ = make_portaudio_backend();
        const auto facts = backend_->open(request.stream, ends_);
        if (!facts) return facts.error();
        link_.answer.facts = facts.value();
        return Done{};
    }

    Status list()
    {
        const auto devices = portaudio_devices();
        if (!devices) return devices.error();
        std::size_t n = 0;
        for (const auto& device : devices.value()) {
            if (n == link_.devices.size()) break;
            auto& to = link_.devices.at(n++);
            to = {.number = device.number, .inputs = device.inputs, .outputs = device.outputs, .default_rate_hz = device.default_rate_hz, .name = {}, .host_api = {}, .note = {}, .rates_hz = {}};
            copy_text(to.name, device.name);
            copy_text(to.host_api, device.host_api);
            copy_text(to.note, device.note);
            copy_rates(to.rates_hz[0], device.duplex_rates_hz);
            copy_rates(to.rates_hz[1], device.input_rates_hz);
            copy_rates(to.rates_hz[2], device.output_rates_hz);
        }
        link_.answer.devices = static_cast<std::uint32_t>(n);
        return Done{};
    }

    SharedMemory memory_;
    HostLink& link_;
    rt::AudioEnds ends_;
    std::unique_ptr<Backend> backend_;
    std::atomic<Backend*> streaming_{nullptr};
};

}  // namespace

Status run_audio_host(const std::string& shared_memory)
{
    // Ctrl-C reaches all programs of a terminal: what is to be done about it the one that measures knows.
    std::signal(SIGINT, SIG_IGN);
#ifdef SIGHUP
    std::signal(SIGHUP, SIG_IGN);
#endif
    std::signal(SIGTERM, [](int) { is_told_to_end = true; });

    auto memory = SharedMemory::open(shared_memory);
    if (!memory) return memory.error();
    const auto bytes = memory.value().bytes();
    if (bytes.size() < HostLink::size() || std::launder(reinterpret_cast<HostLink*>(bytes.data()))->layout != HostLink::the_layout)
        return Error{"the shared memory \"" + shared_memory + "\" is of another version of lowleg: install one version only", ErrorKind::usage};

    // Never torn down: a thread of the audio system's may still come back to it.
    auto& host = *new Host{std::move(memory).value()};
    static Host* const reachable = &host;
    (void)reachable;
    std::thread{[] {
        while (std::getchar() != EOF) {}
        is_told_to_end = true;
    }}.detach();
    // A call into the audio system may take long; the beat does not wait for it.
    std::thread{[&host] {
        for (;;) {
            host.link().beats.fetch_add(1, std::memory_order_release);
            host.look_at_device();
            std::this_thread::sleep_for(beat);
        }
    }}.detach();
    while (host.serve_one()) {
        if (is_told_to_end) {
            host.fade_out();
            break;
        }
        std::this_thread::sleep_for(look_for_requests);
    }
    return Done{};
}

}  // namespace lowleg::engine
