#include "live/jack_interface.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <thread>

#include <jack/jack.h>

namespace lowleg::test {

using Complex = std::complex<double>;

struct JackInterface::Impl {
    std::string bench;
    jack_client_t* client{nullptr};
    std::array<jack_port_t*, 2> out{};  // drive, probe
    std::array<jack_port_t*, 2> in{};   // i2, i3

    // Set while `running` is false, read by the callback while it is true.
    double radians_per_frame{};
    float amplitude{};
    std::size_t channel{};
    std::int64_t settling{};
    std::int64_t frames{};
    std::atomic<bool> running{false};
    std::atomic<std::int64_t> position{0};
    std::atomic<std::uint64_t> blocks{0};
    std::array<Complex, 2> sum{};  // Σ x · e^(−jωn)
    bool is_finite{true};

    static int on_process(jack_nframes_t n, void* self)
    {
        auto& me = *static_cast<Impl*>(self);
        me.process(n);
        me.blocks.fetch_add(1);
        return 0;
    }

    void process(jack_nframes_t n)
    {
        std::array<float*, 2> played{}, heard{};
        for (std::size_t c = 0; c < 2; ++c) {
            played[c] = static_cast<float*>(jack_port_get_buffer(out[c], n));
            heard[c] = static_cast<float*>(jack_port_get_buffer(in[c], n));
            std::fill_n(played[c], n, 0.0F);
        }
        if (!running.load()) return;
        auto at = position.load();
        for (jack_nframes_t i = 0; i < n; ++i, ++at) {
            const double phase = radians_per_frame * static_cast<double>(at);
            played[channel][i] = amplitude * static_cast<float>(std::cos(phase));
            if (at < settling || at >= settling + frames) continue;
            for (std::size_t c = 0; c < 2; ++c) {
                is_finite &= std::isfinite(heard[c][i]);
                sum[c] += static_cast<double>(heard[c][i]) * std::polar(1.0, -phase);
            }
        }
        position.store(at);
    }
};

JackInterface::JackInterface(const std::string& bench_client, const std::array<std::string_view, 4>& ports) : impl_{std::make_unique<Impl>()}
{
    auto& me = *impl_;
    me.bench = bench_client;
    me.client = jack_client_open("interface", JackNoStartServer, nullptr);
    if (me.client == nullptr) throw std::runtime_error{"no JACK server"};
    const auto add = [&](const char* name, JackPortFlags direction) {
        return jack_port_register(me.client, name, JACK_DEFAULT_AUDIO_TYPE, static_cast<unsigned long>(direction), 0);
    };
    me.out = {add("drive", JackPortIsOutput), add("probe", JackPortIsOutput)};
    me.in = {add("i2", JackPortIsInput), add("i3", JackPortIsInput)};
    jack_set_process_callback(me.client, Impl::on_process, &me);
    bool connected = jack_activate(me.client) == 0;
    const std::string here = jack_get_client_name(me.client);
    constexpr std::array own{"drive", "probe", "i2", "i3"};
    for (std::size_t p = 0; p < ports.size(); ++p) {
        const auto ours = here + ":" + own[p];
        const auto theirs = bench_client + ":" + std::string{ports[p]};
        connected &= jack_connect(me.client, (p < 2 ? ours : theirs).c_str(), (p < 2 ? theirs : ours).c_str()) == 0;
    }
    if (!connected) {
        jack_client_close(me.client);
        throw std::runtime_error{"no bench \"" + bench_client + "\" to connect to"};
    }
}

JackInterface::~JackInterface() { jack_client_close(impl_->client); }

JackInterface::Heard JackInterface::play(const Tone& tone, std::int64_t settling, std::int64_t frames)
{
    auto& me = *impl_;
    const double cycles = std::round(tone.frequency_hz * static_cast<double>(frames) / sample_rate_hz());
    me.radians_per_frame = 2.0 * std::numbers::pi * tone.frequency_hz / sample_rate_hz();
    me.settling = settling;
    me.frames = std::llround(cycles * sample_rate_hz() / tone.frequency_hz);
    me.amplitude = tone.amplitude;
    me.channel = tone.to_probe ? 1 : 0;
    me.sum = {};
    me.is_finite = true;
    me.position.store(0);
    me.running.store(true);
    const auto wait_until = [](const auto& condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error{"no audio"};
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
    };
    wait_until([&] { return me.position.load() >= me.settling + me.frames; });
    // The sums are complete, and stay so: beyond the last frame the callback adds nothing.
    const auto over_played = [&](Complex sum) {
        return 2.0 * sum / static_cast<double>(me.frames) / static_cast<double>(tone.amplitude);
    };
    const Heard heard{over_played(me.sum[0]), over_played(me.sum[1]), me.is_finite};
    me.running.store(false);
    // A block that began before this store may still use the settings; the one after it does not.
    const auto seen = me.blocks.load();
    wait_until([&] { return me.blocks.load() >= seen + 2; });
    return heard;
}

double JackInterface::sample_rate_hz() const { return jack_get_sample_rate(impl_->client); }

std::vector<std::string> JackInterface::bench_ports() const
{
    std::vector<std::string> result;
    const char** names = jack_get_ports(impl_->client, (impl_->bench + ":").c_str(), nullptr, 0);
    for (const char** name = names; name != nullptr && *name != nullptr; ++name) {
        const bool takes = (jack_port_flags(jack_port_by_name(impl_->client, *name)) & JackPortIsInput) != 0;
        result.push_back((takes ? "<" : ">") + std::string{*name}.substr(impl_->bench.size() + 1));
    }
    jack_free(names);
    return result;
}

}  // namespace lowleg::test
