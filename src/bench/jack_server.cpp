#include "bench/jack_server.h"

#include "bench/rt/jack_block.h"
#include "bench/switch_control.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <jack/jack.h>

namespace lowleg::bench {
namespace {

constexpr std::chrono::milliseconds stop_interval{20};  // between two questions whether to stop

/// Of the interface's outputs 1 and 2 and inputs 1 and 2.
using Ports = std::array<jack_port_t*, 4>;

/// What JACK's threads see.
struct Served {
    Ports ports;
    rt::JackBlock<VirtualBench> block;
    std::atomic<bool> server_is_gone{false};
};

// Whoever speaks to the user says what is wrong in a sentence of their own; libjack's lines would come on top of it.
void say_nothing(const char*) {}

const float* read_end(jack_port_t* port, jack_nframes_t frames) noexcept
{
    return static_cast<const float*>(jack_port_get_buffer(port, frames));
}
float* write_end(jack_port_t* port, jack_nframes_t frames) noexcept
{
    return static_cast<float*>(jack_port_get_buffer(port, frames));
}

int on_process(jack_nframes_t frames, void* self) noexcept
{
    auto& served = *static_cast<Served*>(self);
    const Ports& ports = served.ports;
    served.block.run(read_end(ports[0], frames), read_end(ports[1], frames), write_end(ports[2], frames), write_end(ports[3], frames), frames);
    return 0;
}

void on_shutdown(void* self) noexcept { static_cast<Served*>(self)->server_is_gone.store(true); }

struct CloseClient {
    void operator()(jack_client_t* client) const noexcept { jack_client_close(client); }
};
using Client = std::unique_ptr<jack_client_t, CloseClient>;

Result<Client> open_client(const BenchAddress& address)
{
    jack_set_error_function(say_nothing);
    jack_set_info_function(say_nothing);
    // Not JackUseExactName: JACK 2 then refuses a name that is taken with the same status as any other failure. It gives
    // another name instead, and that can be seen.
    jack_status_t status{};
    Client client{jack_client_open(address.client.c_str(), JackNoStartServer, &status)};
    if (client && address.client != jack_get_client_name(client.get()))
        return Error{"the JACK server \"" + address.jack_server + "\" has a client named \"" + address.client +
                     "\" already: stop that one, or give another --name"};
    if (client) return client;
    if ((status & JackServerFailed) != 0)
        return Error{"no JACK server named \"" + address.jack_server +
                     "\" can be reached: start one (\"jackd -d dummy\" needs no sound card), or name it in JACK_DEFAULT_SERVER"};
    return Error{"the JACK server \"" + address.jack_server + "\" does not take the bench as a client: restart the server"};
}

Result<Ports> register_ports(jack_client_t* client, CircuitKind kind)
{
    Ports ports{};
    for (std::size_t p = 0; p < ports.size(); ++p) {
        const auto name = std::string{port_names(kind)[p]};
        const auto direction = p < 2 ? JackPortIsInput : JackPortIsOutput;  // what the interface plays comes in
        ports[p] = jack_port_register(client, name.c_str(), JACK_DEFAULT_AUDIO_TYPE, static_cast<unsigned long>(direction), 0);
        if (ports[p] == nullptr)
            return Error{"the JACK server has no ports left for the bench: stop other clients, or raise its limit (jackd -p)"};
    }
    return ports;
}

SwitchEnds control_ends(VirtualBench& bench, const ServeOptions& options)
{
    SwitchEnds ends;
    switch (bench.kind()) {
    case CircuitKind::output:
        for (const auto state : all_switch_states) ends.positions.emplace_back(name_of(state));
        ends.request = [&](std::size_t position) { bench.request_state(all_switch_states[position]); };
        ends.position = [&] { return static_cast<std::size_t>(bench.state()); };
        break;
    case CircuitKind::receiver:
        for (const auto feed : all_feeds) ends.positions.emplace_back(name_of(feed));
        ends.request = [&](std::size_t position) { bench.request_feed(all_feeds[position]); };
        ends.position = [&] { return static_cast<std::size_t>(bench.feed()); };
        break;
    case CircuitKind::connection: break;
    }
    if (options.apply)
        ends.set = [&](const Settings& settings) -> Status {
            auto fixture = bench.fixture();
            auto interface = bench.interface();
            for (const auto& [key, value] : settings)
                if (auto applied = options.apply(key, value, fixture, interface); !applied) return applied.error();
            return bench.set_surroundings(fixture, interface);
        };
    return ends;
}

}  // namespace

std::array<std::string_view, 4> port_names(CircuitKind kind) noexcept
{
    switch (kind) {
    case CircuitKind::output: break;
    case CircuitKind::receiver: return {"feed1", "feed2", "out", "fed"};
    case CircuitKind::connection: return {"drive", "noise", "out", "p2"};
    }
    return {"drive", "probe", "i2", "i3"};
}

Status serve(const ServeOptions& options, const std::function<void(double sample_rate_hz)>& ready,
             const std::function<bool()>& should_stop)
{
    if (const auto checked = check_client_name(options.client_name); !checked) return checked.error();
    const BenchAddress address{jack_server_name(), options.client_name};

    // Made first and gone last: JACK's threads use it until the client is closed.
    std::unique_ptr<VirtualBench> bench;
    std::unique_ptr<Served> served;
    auto client = open_client(address);
    if (!client) return client.error();
    jack_client_t* jack = client.value().get();
    const double rate = jack_get_sample_rate(jack);

    auto built = VirtualBench::build(options.circuit, options.fixture, options.interface, rate);
    if (!built) return built.error();
    bench = std::move(built).value();
    const auto ports = register_ports(jack, bench->kind());
    if (!ports) return ports.error();
    served = std::make_unique<Served>(ports.value(), rt::JackBlock<VirtualBench>{*bench});

    // The control comes after the client: JACK has proved by then that the name is ours.
    const auto control = SwitchControl::open(address, control_ends(*bench, options));
    if (!control) return control.error();

    jack_on_shutdown(jack, on_shutdown, served.get());
    const auto server_went_away = [&] {
        return Error{"the JACK server \"" + address.jack_server + "\" went away while the bench was served: start it, then the bench again",
                     ErrorKind::interrupted};
    };
    if (jack_set_process_callback(jack, on_process, served.get()) != 0 ||
        jack_activate(jack) != 0) {
        if (served->server_is_gone.load()) return server_went_away();
        return Error{"the JACK server \"" + address.jack_server + "\" does not run the bench: restart the server"};
    }
    ready(rate);
    std::optional<std::string> told;
    while (!should_stop()) {
        if (served->server_is_gone.load()) return server_went_away();
        if (auto trouble = bench->trouble(); trouble != told) {
            if (trouble && options.on_trouble) options.on_trouble(*trouble);
            told = std::move(trouble);
        }
        std::this_thread::sleep_for(stop_interval);
    }
    return Done{};
}

Status switch_served(const std::string& client_name, SwitchState state) { return move_switch({jack_server_name(), client_name}, name_of(state)); }
Status switch_served(const std::string& client_name, Feed feed) { return move_switch({jack_server_name(), client_name}, name_of(feed)); }
Status set_served(const std::string& client_name, const Settings& settings) { return change_settings({jack_server_name(), client_name}, settings); }

}  // namespace lowleg::bench
