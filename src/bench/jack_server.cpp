#include "bench/jack_server.h"

#include "bench/rt/jack_block.h"
#include "bench/switch_control.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include <jack/jack.h>

namespace lowleg::bench {
namespace {

constexpr std::chrono::milliseconds stop_interval{20};  // between two questions whether to stop

struct Ports {
    jack_port_t* drive{};
    jack_port_t* probe{};
    jack_port_t* i2{};
    jack_port_t* i3{};
};

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
    served.block.run(read_end(ports.drive, frames), read_end(ports.probe, frames), write_end(ports.i2, frames),
                     write_end(ports.i3, frames), frames);
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

Result<Ports> register_ports(jack_client_t* client)
{
    // The order is that of the interface's channels: output 1 and 2, input 1 and 2.
    const auto add = [&](const char* name, JackPortFlags direction) {
        return jack_port_register(client, name, JACK_DEFAULT_AUDIO_TYPE, static_cast<unsigned long>(direction), 0);
    };
    const Ports ports{add("drive", JackPortIsInput), add("probe", JackPortIsInput), add("i2", JackPortIsOutput),
                      add("i3", JackPortIsOutput)};
    if (ports.drive == nullptr || ports.probe == nullptr || ports.i2 == nullptr || ports.i3 == nullptr)
        return Error{"the JACK server has no ports left for the bench: stop other clients, or raise its limit (jackd -p)"};
    return ports;
}

}  // namespace

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
    const auto ports = register_ports(jack);
    if (!ports) return ports.error();
    served = std::make_unique<Served>(ports.value(), rt::JackBlock<VirtualBench>{*bench});

    // The control comes after the client: JACK has proved by then that the name is ours.
    const auto control = SwitchControl::open(
        address, {[&](SwitchState state) { bench->request_state(state); }, [&] { return bench->state(); }});
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
    while (!should_stop()) {
        if (served->server_is_gone.load()) return server_went_away();
        std::this_thread::sleep_for(stop_interval);
    }
    return Done{};
}

Status switch_served(const std::string& client_name, SwitchState state)
{
    return move_switch({jack_server_name(), client_name}, state);
}

}  // namespace lowleg::bench
