#include "instrument/sources.h"

#include "bench/collection.h"
#include "bench/wiring.h"
#include "engine/host_backend.h"
#include "procedure/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

namespace lowleg::instrument {
namespace {

using namespace std::chrono_literals;

constexpr double highest_rate_hz = 768'000.0;  // that the test signals exist for

/// Waits until the audio thread has taken over what was requested.
Status wait_for(const std::function<bool()>& is_there, std::string_view position)
{
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!is_there()) {
        if (std::chrono::steady_clock::now() > deadline)
            return Error{"the virtual bench did not move its switch to " + std::string{position} + " within 10 s: the machine is too busy; try again"};
        std::this_thread::sleep_for(200us);
    }
    return Done{};
}

Error wrong_kind(const std::string& name, bench::CircuitKind kind, const std::string& what_for)
{
    return {name + " is a" + (kind == bench::CircuitKind::output ? "n " : " ") + std::string{name_of(kind)} + ", and " + what_for + ": \"lowleg bench show " + name +
                "\" tells what it does",
            ErrorKind::usage};
}

Result<OpenBench> open_circuit(const Settings& settings, const bench::CircuitText& circuit, bench::CircuitKind wanted, const std::string& what_for,
                               const engine::EngineHooks& hooks, bench::OwnSignal own)
{
    OpenBench out;
    out.name = circuit.name;
    out.sample_rate_hz = settings.sample_rate_hz.value_or(bench_rate_hz);
    auto built = bench::VirtualBench::build(circuit, settings.bench_fixture(), settings.interface, out.sample_rate_hz);
    if (!built) return built.error();
    out.bench = std::move(built).value();
    if (out.bench->kind() != wanted) return wrong_kind(out.name, out.bench->kind(), what_for);
    engine::StreamRequest request;
    request.sample_rate_hz = out.sample_rate_hz;
    const auto pace = hooks.hear ? bench::Pace::real_time : bench::Pace::free;
    auto engine = engine::Engine::open(bench::make_bench_backend(out.bench, out.sample_rate_hz, std::move(own), pace), request,
                                       procedure::longest_signal_frames(out.sample_rate_hz, settings.sweep), hooks);
    if (!engine) return engine.error();
    out.engine = std::move(engine).value();
    return out;
}

}  // namespace

Result<OpenBench> open_bench(const Settings& settings, const std::string& name_or_file, bench::CircuitKind wanted, const std::string& what_for, const engine::EngineHooks& hooks,
                             bench::OwnSignal own)
{
    const auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    return open_circuit(settings, circuit.value(), wanted, what_for, hooks, std::move(own));
}

Result<OpenBench> open_bench(const Settings& settings, const bench::CircuitText& circuit, const engine::EngineHooks& hooks)
{
    return open_circuit(settings, circuit, bench::CircuitKind::output, "the bench takes it for one", hooks, {});
}

Result<OpenBench> open_bench_input(const Settings& settings, const std::string& name_or_file, const engine::EngineHooks& hooks)
{
    const auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    const auto netlist = bench::read_circuit(circuit.value());
    if (!netlist) return netlist.error();
    const auto kind = bench::kind_of(netlist.value());
    if (!kind) return kind.error();
    if (kind.value() != bench::CircuitKind::receiver) return wrong_kind(circuit.value().name, kind.value(), "this measures inputs");
    return open_circuit(settings, bench::on_fixture(circuit.value(), settings.bench_fixture()), bench::CircuitKind::output, "this measures inputs", hooks, {});
}

Result<std::unique_ptr<engine::Engine>> open_device(const Settings& settings, const std::string& id, const engine::EngineHooks& hooks)
{
    engine::StreamRequest request;
    // A name cut short would be another device's; no device has one as long as this.
    if (id.size() >= request.device.size() || settings.output_device.size() >= request.output_device.size())
        return Error{"the device's name is too long: give its number or name from \"lowleg devices\"", ErrorKind::usage};
    std::ranges::copy(id, request.device.begin());
    std::ranges::copy(settings.output_device, request.output_device.begin());
    request.sample_rate_hz = settings.sample_rate_hz.value_or(0.0);
    request.inputs = settings.inputs;
    request.outputs = settings.outputs;
    const engine::HostOptions host{{}, hooks.should_stop};
    auto with_time = hooks;
    with_time.search_time = std::chrono::milliseconds{std::llround(1e3 * settings.search_time.value())};
    return engine::Engine::open([host] { return engine::make_host_backend(host); }, request, procedure::longest_signal_frames(settings.sample_rate_hz.value_or(highest_rate_hz), settings.sweep),
                                std::move(with_time));
}

Result<engine::DeviceInfo> find_device(const std::string& id)
{
    const auto devices = engine::list_devices();
    if (!devices) return devices.error();
    return engine::find_device(devices.value(), id);
}

Result<procedure::FoundCalibration> calibration_of(const Settings& settings, const engine::StreamFacts& facts)
{
    const auto folder = procedure::calibration_folder();
    // Who has no home has no calibration either.
    if (!folder) return procedure::FoundCalibration{{}, {procedure::CalibrationUse::Kind::none, "", "", false, folder.error().message}};
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    return procedure::find_calibration(folder.value(), facts.device.data(), facts.host_api.data(), facts.sample_rate_hz, settings.gain_setting, today);
}

procedure::FixtureSwitch switch_of(std::shared_ptr<bench::VirtualBench> bench)
{
    return [bench = std::move(bench)](SwitchState state) -> Status {
        if (auto trouble = bench->trouble()) return Error{std::move(*trouble)};
        bench->request_state(state);
        return wait_for([&] { return bench->state() == state; }, name_of(state));
    };
}

Status feed(bench::VirtualBench& bench, bench::Feed feed)
{
    if (auto trouble = bench.trouble()) return Error{std::move(*trouble)};
    bench.request_feed(feed);
    return wait_for([&] { return bench.feed() == feed; }, name_of(feed));
}

}  // namespace lowleg::instrument
