#include "instrument/instrument.h"

#include "bench/bench_backend.h"
#include "bench/collection.h"
#include "bench/figures.h"
#include "bench/jack_server.h"
#include "bench/spread.h"
#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "core/text.h"
#include "engine/devices.h"
#include "engine/engine.h"
#include "engine/portaudio_backend.h"
#include "files/audio_file.h"
#include "files/text_file.h"
#include "procedure/identify_captures.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
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
    options.headroom = settings.headroom;
    options.line_output = settings.line_output;
    options.source = source;
    options.device_under_test = std::move(device_under_test);
    return options;
}

/// The bench's audio thread takes a new state over between two blocks. Gear that is muted starts anew then, so whether it was
/// is asked before.
procedure::FixtureSwitch switch_of(std::shared_ptr<bench::VirtualBench> bench)
{
    return [bench = std::move(bench)](SwitchState state) -> Status {
        if (auto trouble = bench->trouble()) return Error{std::move(*trouble)};
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

report::CircuitEntry entry_of(const bench::CircuitText& circuit, bench::CircuitKind kind)
{
    return {circuit.name, circuit.title, std::string{name_of(kind)}, bench::stated_topologies(circuit.netlist)};
}

std::vector<report::FigureName> names_of(const std::vector<bench::Figure>& figures)
{
    std::vector<report::FigureName> out;
    for (const auto& figure : figures) out.push_back({figure.id, figure.words, figure.unit});
    return out;
}

std::string_view id_of(bench::Draw::Fate fate)
{
    switch (fate) {
    case bench::Draw::Fate::solved: return "solved";
    case bench::Draw::Fate::no_solution: return "no-solution";
    case bench::Draw::Fate::unstable: return "unstable";
    }
    return "?";
}

/// Readings in all positions of the switch. \return failure of the position in which a linear circuit does not stay where it rests.
Status read_into(report::CircuitReport& out, const bench::SolvedCircuit& solved)
{
    using bench::CircuitKind;
    const auto kind = solved.kind();
    for (std::size_t position = 0; position < bench::positions_of(kind); ++position) {
        if (const auto stable = solved.check_stable(position); !stable) {
            if (solved.is_linear()) return stable.error();
            out.notes.push_back(stable.error().message + ": the bench mutes it there, and the readings are those of a point where it does not stay");
        }
        constexpr double least_volts = 1e-6;
        if (const auto volts = solved.rest_volts(position); std::abs(volts[0]) > least_volts || std::abs(volts[1]) > least_volts)
            out.rest_volts.emplace_back(kind == CircuitKind::output ? std::string{name_of(static_cast<SwitchState>(position))} : bench::words_for(kind, position), volts);
    }
    if (kind == CircuitKind::output) {
        for (const double f : {31.5, 100.0, 1000.0, 10e3, 16e3}) {
            report::CircuitReading reading{Hertz{f}, {}};
            for (const auto state : all_switch_states) {
                const auto inputs = solved.response(static_cast<std::size_t>(state), Hertz{f});
                if (!inputs) return inputs.error();
                reading.inputs[state] = inputs.value();
            }
            out.readings.push_back(std::move(reading));
        }
        return Done{};
    }
    out.figures = names_of(solved.figures());
    for (const double f : {50.0, 1000.0, 10e3}) {
        auto values = solved.read(Hertz{f});
        if (!values) return values.error();
        out.figure_readings.emplace_back(Hertz{f}, std::move(values).value());
    }
    return Done{};
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
    auto built = bench::VirtualBench::build(circuit.value(), settings_.bench_fixture(), settings_.interface, rate);
    if (!built) return built.error();
    const std::shared_ptr<bench::VirtualBench> bench{std::move(built).value()};
    if (bench->kind() != bench::CircuitKind::output)
        return Error{circuit.value().name + " is a " + std::string{name_of(bench->kind())} + ", and identify names outputs: \"lowleg bench show " + circuit.value().name +
                         "\" tells what it does",
                     ErrorKind::usage};

    engine::StreamRequest request;
    request.sample_rate_hz = rate;
    auto engine = engine::Engine::open(bench::make_bench_backend(bench, rate), request, longest_period(rate));
    if (!engine) return engine.error();

    auto fixture_switch = switch_of(bench);
    auto result = procedure::identify(*engine.value(), fixture_switch,
                                      options_of(settings_, procedure::Source::virtual_bench, circuit.value().name), progress, should_stop_);
    // Silence of gear that the bench had to mute is no reading, and no other reason of a failure.
    if (auto trouble = bench->trouble(); trouble && (result || result.error().kind == ErrorKind::failure)) return Error{std::move(*trouble)};
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

Result<Identification> Instrument::identify_device(const std::string& id, procedure::FixtureSwitch fixture_switch, const Progress& progress,
                                                   std::function<bool()> confirm_line_output) const
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
    auto options = options_of(settings_, procedure::Source::device, engine.value()->facts().device.data());
    options.confirm_line_output = std::move(confirm_line_output);
    return procedure::identify(*engine.value(), fixture_switch, options, progress, should_stop_);
}

Result<Identification> Instrument::identify_captures(const std::filesystem::path& folder) const
{
    return procedure::identify_captures(folder, options_of(settings_, procedure::Source::captures, {}));
}

Result<procedure::Prediction> Instrument::predict(const std::filesystem::path& result, const std::string& load, bool unbalanced)
{
    auto input = procedure::predicted_input_of(load);
    if (!input) return input.error();
    input.value().unbalanced = unbalanced;
    const auto text = files::read_text(result);
    if (!text) return text.error();
    auto prediction = procedure::predict(text.value(), input.value());
    if (!prediction) return Error{result.string() + ": " + prediction.error().message, prediction.error().kind};
    return prediction;
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

std::vector<report::CircuitEntry> Instrument::list_circuits()
{
    std::vector<report::CircuitEntry> out;
    for (const auto& shipped : bench::shipped_circuits()) {
        const auto circuit = bench::find_circuit(shipped.name);
        const auto netlist = bench::read_circuit(circuit.value());
        const auto kind = netlist ? bench::kind_of(netlist.value()) : Result<bench::CircuitKind>{netlist.error()};
        if (kind) out.push_back(entry_of(circuit.value(), kind.value()));
    }
    return out;
}

Result<report::CircuitReport> Instrument::show_circuit(const std::string& name_or_file) const
{
    const auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    const auto netlist = bench::read_circuit(circuit.value());
    if (!netlist) return netlist.error();
    const auto kind = bench::kind_of(netlist.value());
    if (!kind) return kind.error();
    const auto fixture = settings_.bench_fixture();
    const auto solved = bench::SolvedCircuit::build(netlist.value(), kind.value(), fixture);
    if (!solved) return solved.error();

    report::CircuitReport out;
    out.circuit = entry_of(circuit.value(), kind.value());
    out.netlist = circuit.value().netlist;
    out.story = bench::story_of(out.netlist);
    out.netlist_after_story = bench::without_story(out.netlist);
    out.notes = bench::notes_of(netlist.value());
    out.is_linear = solved.value().is_linear();
    if (const auto read = read_into(out, solved.value()); !read) return read.error();
    if (kind.value() == bench::CircuitKind::receiver) {
        for (const auto& [frequency, values] : out.figure_readings) {
            const auto z = bench::input_impedance(netlist.value(), fixture, frequency);
            if (!z) return z.error();
            out.impedances.push_back({frequency, z.value().pin2, z.value().pin3, z.value().common2, z.value().common3});
        }
    }
    return out;
}

Result<report::SpreadReport> Instrument::spread_circuit(const std::string& name_or_file, std::size_t draws) const
{
    const auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    bench::SpreadOptions options;
    options.draws = draws;
    options.seed = settings_.interface.seed;
    auto spread = bench::spread_of(circuit.value(), settings_.bench_fixture(), options, should_stop_);
    if (!spread) return spread.error();
    auto& s = spread.value();

    report::SpreadReport out;
    out.circuit = entry_of(circuit.value(), s.kind);
    out.seed = options.seed;
    out.notes = std::move(s.notes);
    for (auto& part : s.parts) out.parts.push_back({part.name, part.nominal, part.tolerance, part.is_stated});
    out.figures = names_of(s.figures);
    out.frequencies = s.options.frequencies;
    out.nominal = s.nominal;
    for (std::size_t f = 0; f < out.frequencies.size(); ++f)
        for (std::size_t i = 0; i < out.figures.size(); ++i) {
            const auto d = bench::distribution_of(s, f, i);
            out.scatter.push_back({d.count, d.mean, d.deviation, d.lowest, d.q05, d.median, d.q95, d.highest});
        }
    for (auto& draw : s.draws) out.draws.push_back({id_of(draw.fate), std::move(draw.reason), std::move(draw.parts), std::move(draw.figures)});
    return out;
}

Status Instrument::serve_circuit(const std::string& name_or_file, const std::string& client_name, const std::function<void(double sample_rate_hz)>& ready,
                                 const std::function<void(const std::string&)>& on_trouble) const
{
    auto circuit = bench::find_circuit(name_or_file);
    if (!circuit) return circuit.error();
    bench::ServeOptions options;
    options.client_name = client_name;
    options.circuit = std::move(circuit).value();
    options.fixture = settings_.bench_fixture();
    options.interface = settings_.interface;
    options.apply = apply_to_bench;
    options.on_trouble = on_trouble;
    return bench::serve(options, ready, should_stop_);
}

Status Instrument::switch_circuit(const std::string& client_name, const std::string& position)
{
    if (const auto state = switch_state_of(position)) return bench::switch_served(client_name, state.value());
    if (const auto feed = bench::feed_of(position)) return bench::switch_served(client_name, feed.value());
    return Error{"the switch cannot stand on \"" + position +
                     "\": use through, loaded, grounded or lifted for an output; separate, common, common-leg-2 or common-leg-3 for a receiver",
                 ErrorKind::usage};
}

Status Instrument::set_circuit(const std::string& client_name, const std::vector<std::pair<std::string, std::string>>& settings)
{
    // What cannot be is said here, where it was written; the bench looks at it again.
    Fixture fixture;
    bench::InterfaceModel interface;
    for (const auto& [name, text] : settings)
        if (auto applied = apply_to_bench(name, text, fixture, interface); !applied) return applied;
    return bench::set_served(client_name, settings);
}

procedure::FixtureSwitch command_switch(std::string command) { return procedure::command_switch(std::move(command)); }

std::string default_client_name() { return bench::ServeOptions{}.client_name; }

}  // namespace lowleg::instrument
