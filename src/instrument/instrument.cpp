#include "instrument/instrument.h"

#include "bench/bench_backend.h"
#include "bench/collection.h"
#include "bench/jack_server.h"
#include "bench/virtual_bench.h"
#include "core/text.h"
#include "engine/devices.h"
#include "engine/engine.h"
#include "engine/portaudio_backend.h"
#include "files/audio_file.h"
#include "procedure/identify_captures.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

namespace lowleg::instrument {
namespace {

using namespace std::chrono_literals;
using procedure::Identification;

constexpr double bench_rate_hz = 48'000.0;
constexpr double highest_rate_hz = 768'000.0;  // that the test signal exists for
// Room for the longest period of any rate that the test signal exists for.
constexpr double longest_period_s = 0.5;

std::int64_t longest_period(double sample_rate_hz) { return static_cast<std::int64_t>(longest_period_s * sample_rate_hz) + 1; }

procedure::IdentifyOptions options_of(const Settings& settings, procedure::Source source, std::string device_under_test)
{
    procedure::IdentifyOptions options;
    options.fixture = settings.fixture;
    options.states = settings.states;
    options.periods = settings.periods;
    options.source = source;
    options.device_under_test = std::move(device_under_test);
    return options;
}

/// The bench's audio thread takes a new state over between two blocks.
procedure::FixtureSwitch switch_of(std::shared_ptr<bench::VirtualBench> bench)
{
    return [bench = std::move(bench)](SwitchState state) -> Status {
        bench->request_state(state);
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (bench->state() != state) {
            if (std::chrono::steady_clock::now() > deadline)
                return Error{"the virtual bench did not move its switch to " + std::string{name_of(state)} + " within 10 s: the machine is too busy; try again"};
            std::this_thread::sleep_for(200us);
        }
        return Done{};
    };
}

}  // namespace

Instrument::Instrument(Settings settings, std::function<bool()> should_stop)
    : settings_{std::move(settings)}, should_stop_{should_stop ? std::move(should_stop) : [] { return false; }}
{
}

Result<Identification> Instrument::identify_bench(const std::string& name_or_file, const Progress& progress) const
{
    auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    const double rate = settings_.sample_rate_hz.value_or(bench_rate_hz);
    auto built = bench::VirtualBench::build(circuit.value(), settings_.fixture, {}, rate);
    if (!built) return built.error();
    const std::shared_ptr<bench::VirtualBench> bench{std::move(built).value()};

    engine::StreamRequest request;
    request.sample_rate_hz = rate;
    auto engine = engine::Engine::open(bench::make_bench_backend(bench, rate), request, longest_period(rate));
    if (!engine) return engine.error();

    auto fixture_switch = switch_of(bench);
    auto result = procedure::identify(*engine.value(), fixture_switch,
                                      options_of(settings_, procedure::Source::virtual_bench, circuit.value().name), progress, should_stop_);
    if (result)
        for (const auto& note : bench->notes()) result.value().notes.push_back(note);
    return result;
}

Result<std::vector<report::DeviceEntry>> Instrument::list_devices() const
{
    auto devices = engine::list_devices();
    if (!devices) return devices.error();
    std::vector<report::DeviceEntry> out;
    for (auto& device : devices.value())
        out.push_back({std::to_string(device.number), std::move(device.name), std::move(device.host_api), device.inputs, device.outputs,
                       device.default_rate_hz, std::move(device.duplex_rates_hz), std::move(device.note)});
    return out;
}

Status Instrument::check_device(const std::string& id)
{
    const auto device = engine::find_device(id);
    if (!device) return device.error();
    return Done{};
}

Result<Identification> Instrument::identify_device(const std::string& id, procedure::FixtureSwitch fixture_switch, const Progress& progress) const
{
    engine::StreamRequest request;
    // A name cut short would be another device's; no device has one as long as this.
    if (id.size() >= request.device.size())
        return Error{"the device's name is too long: give --device its number or name from \"lowleg devices\"", ErrorKind::usage};
    std::ranges::copy(id, request.device.begin());
    request.sample_rate_hz = settings_.sample_rate_hz.value_or(0.0);
    request.inputs = settings_.inputs;
    request.outputs = settings_.outputs;
    auto engine = engine::Engine::open(engine::make_portaudio_backend(), request, longest_period(settings_.sample_rate_hz.value_or(highest_rate_hz)));
    if (!engine) return engine.error();
    return procedure::identify(*engine.value(), fixture_switch,
                               options_of(settings_, procedure::Source::device, engine.value()->facts().device.data()), progress, should_stop_);
}

Result<Identification> Instrument::identify_captures(const std::filesystem::path& folder) const
{
    return procedure::identify_captures(folder, options_of(settings_, procedure::Source::captures, {}));
}

Result<TonePlan> Instrument::write_stimulus(const std::filesystem::path& path, int periods) const
{
    if (periods < 1 || periods > 120)
        return Error{"a stimulus file cannot hold " + std::to_string(periods) + " periods: give --periods 1 to 120", ErrorKind::usage};
    auto plan = stimulus::design_multitone(settings_.sample_rate_hz.value_or(bench_rate_hz));
    if (!plan) return plan.error();
    const auto one = stimulus::render(plan.value());
    std::vector<float> all;
    all.reserve(one.size() * static_cast<std::size_t>(periods));
    for (int i = 0; i < periods; ++i) all.insert(all.end(), one.begin(), one.end());
    if (auto written = files::write_wav(path, plan.value().sample_rate_hz, all, 2); !written) return written.error();
    return plan;
}

std::vector<report::CircuitEntry> Instrument::list_circuits() const
{
    std::vector<report::CircuitEntry> out;
    for (const auto& circuit : bench::shipped_circuits()) out.push_back({std::string{circuit.name}, std::string{circuit.title}});
    return out;
}

Result<report::CircuitReport> Instrument::show_circuit(const std::string& name_or_file) const
{
    auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    auto& [name, title, netlist] = circuit.value();
    auto bench = bench::VirtualBench::build({name, title, netlist}, settings_.fixture, {}, settings_.sample_rate_hz.value_or(bench_rate_hz));
    if (!bench) return bench.error();

    report::CircuitReport out{std::move(name), std::move(title), std::move(netlist), bench.value()->notes(), {}};
    for (const double f : {31.5, 100.0, 1000.0, 10e3, 16e3}) {
        report::CircuitReading reading{Hertz{f}, {}};
        for (const auto state : all_switch_states) reading.inputs[state] = bench.value()->response(state, Hertz{f}, false);
        out.readings.push_back(std::move(reading));
    }
    return out;
}

Status Instrument::serve_circuit(const std::string& name_or_file, const std::string& client_name,
                                 const std::function<void(double sample_rate_hz)>& ready) const
{
    auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    bench::ServeOptions options;
    options.client_name = client_name;
    options.circuit = std::move(circuit).value();
    options.fixture = settings_.fixture;
    return bench::serve(options, ready, should_stop_);
}

Status Instrument::switch_circuit(const std::string& client_name, SwitchState state) { return bench::switch_served(client_name, state); }

procedure::FixtureSwitch command_switch(std::string command) { return procedure::command_switch(std::move(command)); }

std::string default_client_name() { return bench::ServeOptions{}.client_name; }

}  // namespace lowleg::instrument
