#include "engine/host_backend.h"

#include "engine/child_process.h"
#include "engine/host_link.h"
#include "engine/shared_memory.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace lowleg::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Longer than the host itself waits for the audio system.
constexpr Clock::duration longest_call = 25s;
constexpr Clock::duration poll_interval = 1ms;
constexpr Clock::duration look_interval = 10ms;
constexpr Clock::duration time_to_leave = 4s;

/// A child with what it shares. Any thread may look whether it lives; all else is the control thread's.
class Host {
public:
    static Result<std::unique_ptr<Host>> start(const HostOptions& options, std::size_t bytes_of_rings)
    {
        auto memory = SharedMemory::create(HostLink::size() + bytes_of_rings);
        if (!memory) return memory.error();
        std::unique_ptr<Host> out{new Host{options, std::move(memory).value()}};
        if (auto begun = out->begin(); !begun) return begun.error();
        return out;
    }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    ~Host()
    {
        if (!child_) return;
        if (is_alive()) (void)ask(HostRequest::Kind::quit, time_to_leave);
        const auto deadline = Clock::now() + 500ms;
        while (child_->is_running() && Clock::now() < deadline) std::this_thread::sleep_for(poll_interval);
        child_->end_now();
    }

    [[nodiscard]] std::span<std::byte> rings() const noexcept { return memory_.bytes().subspan(HostLink::size()); }
    [[nodiscard]] HostLink& link() noexcept { return *link_; }

    /// \return what the host answers; interrupted when it ends or is silent meanwhile, or is asked to stop.
    Status ask(HostRequest::Kind kind, Clock::duration limit = longest_call)
    {
        const std::lock_guard lock{asking_};
        link_->request.kind = kind;
        const auto number = link_->asked.load(std::memory_order_relaxed) + 1;
        link_->asked.store(number, std::memory_order_release);
        const auto deadline = Clock::now() + limit;
        while (link_->answered.load(std::memory_order_acquire) != number) {
            if (!is_alive()) return Error{"the audio system took its process down: see whether its driver or its server works, and try again", ErrorKind::interrupted};
            if (kind != HostRequest::Kind::quit && options_.should_stop && options_.should_stop())
                return Error{"stopped by hand while the audio system was waited for", ErrorKind::interrupted};
            if (Clock::now() > deadline) {
                give_up();
                return Error{"the audio system does not answer: restart it (or the JACK server), and try again", ErrorKind::interrupted};
            }
            std::this_thread::sleep_for(poll_interval);
        }
        const auto& answer = link_->answer;
        if (answer.is_ok != 0) return Done{};
        return Error{answer.message.data(), answer.kind};
    }

    [[nodiscard]] bool is_alive() noexcept
    {
        const std::lock_guard lock{looking_};
        const auto now = Clock::now();
        if (is_gone_ || now - looked_ < look_interval) return !is_gone_;
        // What this process itself was kept from running does not count, so each look counts for little.
        const auto passed = std::min(now - looked_, longest_step);
        looked_ = now;
        const auto beats = link_->beats.load(std::memory_order_acquire);
        silent_for_ = beats == beats_ ? silent_for_ + passed : Clock::duration{0};
        beats_ = beats;
        const bool is_silent = silent_for_ > std::chrono::milliseconds{host_silence_ms} && has_begun_;
        if (is_silent) loss_ = "its driver stood still, and was ended";
        else if (!child_->is_running()) loss_ = "its driver ended its process";
        if (is_silent || !child_->is_running()) end();
        return !is_gone_;
    }

    [[nodiscard]] std::string_view loss() noexcept
    {
        const std::lock_guard lock{looking_};
        return loss_;
    }

    /// Ends it by its id.
    void give_up() noexcept
    {
        const std::lock_guard lock{looking_};
        end();
    }

private:
    static constexpr Clock::duration longest_step = 50ms;

    Host(HostOptions options, SharedMemory memory)
        : options_{std::move(options)}, memory_{std::move(memory)}, link_{new (memory_.bytes().data()) HostLink}
    {
    }

    void end() noexcept
    {
        is_gone_ = true;
        child_->end_now();
    }

    Status begin()
    {
        auto child = ChildProcess::start(options_.program.empty() ? this_program() : options_.program, {"audio-host", memory_.name()});
        if (!child) return child.error();
        child_.emplace(std::move(child).value());
        const auto deadline = Clock::now() + longest_call;
        while (link_->beats.load(std::memory_order_acquire) == 0) {
            if (!child_->is_running()) return Error{"the audio host ended as soon as it was started: install lowleg anew, or run it where it was built"};
            if (Clock::now() > deadline) return Error{"the audio host was started and does nothing: the machine is too busy; try again", ErrorKind::interrupted};
            std::this_thread::sleep_for(poll_interval);
        }
        memory_.forget_name();
        const std::lock_guard lock{looking_};
        has_begun_ = true;
        return Done{};
    }

    HostOptions options_;
    SharedMemory memory_;
    HostLink* link_;
    std::optional<ChildProcess> child_;
    std::mutex asking_;
    std::mutex looking_;
    bool is_gone_{false};
    std::string_view loss_;
    bool has_begun_{false};
    Clock::time_point looked_{Clock::now()};
    Clock::duration silent_for_{0};
    std::uint64_t beats_{0};
};

class HostBackend final : public Backend {
public:
    explicit HostBackend(HostOptions options) : options_{std::move(options)} {}
    ~HostBackend() override { stop(); }

    Result<std::span<std::byte>> storage(const StorageSizes& sizes) override
    {
        auto host = Host::start(options_, AudioStorage::bytes_needed(sizes));
        if (!host) return host.error();
        host_ = std::move(host).value();
        auto& request = host_->link().request;
        request.capture_frames = sizes.capture_frames;
        request.slot_frames = sizes.slot_frames;
        request.slots = sizes.slots;
        return host_->rings();
    }

    Result<StreamFacts> open(const StreamRequest& request, const rt::AudioEnds&) override
    {
        host_->link().request.stream = request;
        if (auto opened = host_->ask(HostRequest::Kind::open); !opened) return opened.error();
        return host_->link().answer.facts;
    }

    Status start() override { return host_->ask(HostRequest::Kind::start); }

    void stop() noexcept override
    {
        if (host_ == nullptr || std::exchange(is_stopped_, true)) return;
        // A device that is gone is not asked to close: that could take ten minutes.
        if (!is_alive()) host_->give_up();
        else (void)host_->ask(HostRequest::Kind::quit, time_to_leave);
    }

    [[nodiscard]] bool is_alive() const noexcept override
    {
        return host_ != nullptr && host_->is_alive() && host_->link().device_is_gone.load(std::memory_order_acquire) == 0;
    }

    [[nodiscard]] std::string_view loss() const noexcept override
    {
        if (host_ == nullptr) return {};
        return host_->is_alive() ? "its audio system ended" : host_->loss();
    }

private:
    HostOptions options_;
    std::unique_ptr<Host> host_;
    bool is_stopped_{false};
};

std::vector<double> rates_of(const std::array<double, 16>& plain)
{
    return {plain.begin(), std::ranges::find(plain, 0.0)};
}

}  // namespace

std::unique_ptr<Backend> make_host_backend(HostOptions options) { return std::make_unique<HostBackend>(std::move(options)); }

Result<std::vector<DeviceInfo>> list_devices(const HostOptions& options)
{
    auto host = Host::start(options, 0);
    if (!host) return host.error();
    if (auto listed = host.value()->ask(HostRequest::Kind::list_devices); !listed) return listed.error();
    auto& link = host.value()->link();
    std::vector<DeviceInfo> out;
    for (const auto& plain : std::span{link.devices}.first(std::min<std::size_t>(link.answer.devices, link.devices.size())))
        out.push_back({.number = plain.number,
                       .name = plain.name.data(),
                       .host_api = plain.host_api.data(),
                       .inputs = plain.inputs,
                       .outputs = plain.outputs,
                       .default_rate_hz = plain.default_rate_hz,
                       .duplex_rates_hz = rates_of(plain.rates_hz[0]),
                       .input_rates_hz = rates_of(plain.rates_hz[1]),
                       .output_rates_hz = rates_of(plain.rates_hz[2]),
                       .note = plain.note.data()});
    return out;
}

}  // namespace lowleg::engine
