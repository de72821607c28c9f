#include "instrument/instrument.h"

#include "bench/collection.h"
#include "bench/figures.h"
#include "bench/jack_server.h"
#include "bench/spread.h"
#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "core/text.h"
#include "engine/devices.h"
#include "engine/engine.h"
#include "engine/host_backend.h"
#include "files/audio_file.h"
#include "files/text_file.h"
#include "instrument/named_input.h"
#include "instrument/sources.h"
#include "procedure/calibration.h"
#include "procedure/device_check.h"
#include "procedure/identify_captures.h"
#include "procedure/measure.h"
#include "procedure/measure_captures.h"
#include "procedure/period_source.h"
#include "report/measurement_json.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numbers>
#include <span>
#include <system_error>
#include <utility>

namespace lowleg::instrument {
namespace {

using procedure::Identification;

procedure::IdentifyOptions options_of(const Settings& settings, procedure::Source source, std::string device_under_test)
{
    procedure::IdentifyOptions options;
    options.fixture = settings.fixture;
    options.states = settings.states;
    options.periods = settings.periods;
    options.headroom = settings.headroom;
    options.line_output = settings.line_output;
    options.drive = settings.drive;
    options.source = source;
    options.device_under_test = std::move(device_under_test);
    return options;
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

procedure::MeasureOptions measure_options_of(const Settings& settings, procedure::Source source, std::string device_under_test)
{
    procedure::MeasureOptions options;
    options.fixture = settings.fixture;
    options.averaging = settings.averaging;
    options.level = settings.level;
    options.tone = settings.tone;
    options.sweep = settings.sweep;
    options.periods = settings.periods;
    options.line_output = settings.line_output;
    options.keeps_captures = settings.keeps_captures;
    options.source = source;
    options.device_under_test = std::move(device_under_test);
    return options;
}

/// What a balance is told for beside itself, and what an exchange of leads told of the inputs.
Status complete_balance(procedure::MeasureOptions& options, const Settings& settings, procedure::MeasureKind kind)
{
    if (kind != procedure::MeasureKind::balance) return Done{};
    if (settings.compared_inputs) options.scales.gain_ratio_db = settings.compared_inputs;
    if (settings.into.empty()) return Done{};
    auto input = named_input(settings, settings.into);
    if (!input) return input.error();
    options.into = std::move(input).value();
    return Done{};
}

/// Float WAV files that identify --captures takes again: one for each step, all periods in a row.
Status write_captures(const std::vector<procedure::CapturedStep>& steps, const std::filesystem::path& folder)
{
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) return Error{"the folder " + folder.string() + " cannot be made (" + failed.message() + "): give --wav another"};
    for (const auto& step : steps) {
        std::vector<float> interleaved;
        for (const auto& period : step.record.periods)
            for (std::size_t i = 0; i < period.leg[0].size(); ++i) {
                interleaved.push_back(period.leg[0][i]);
                interleaved.push_back(period.leg[1][i]);
            }
        if (auto written = files::write_wav(folder / (step.name + ".wav"), step.record.sample_rate_hz, interleaved, 2); !written) return written;
    }
    return Done{};
}

/// Gear that plays the test signal of this rate by itself, from somewhere in it on, on a clock that is this much faster than the interface's.
Result<bench::OwnSignal> player_of(double sample_rate_hz, double clock_ppm)
{
    auto plan = stimulus::design_multitone(sample_rate_hz);
    if (!plan) return plan.error();
    std::erase_if(plan.value().tones, [](const Tone& tone) { return tone.signal == Signal::probe; });
    constexpr double begin = 7919.37;  // frames into it, and no whole number of them
    return bench::OwnSignal{[plan = std::move(plan).value(), clock_ppm](std::uint64_t first_frame, std::span<float> samples) {
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const double n = begin + (1.0 + 1e-6 * clock_ppm) * static_cast<double>(first_frame + i);
            double sum = 0.0;
            for (const auto& tone : plan.tones) {
                const double turns = static_cast<double>(tone.bin) * n / static_cast<double>(plan.period_frames);
                sum += tone.amplitude * std::cos(2.0 * std::numbers::pi * (turns - std::floor(turns)) + tone.phase_rad);
            }
            samples[i] = static_cast<float>(sum);
        }
    }};
}

/// Silence of gear that the bench had to mute is no reading, and no other reason of a failure.
template <class T>
Result<T> with_bench_notes(Result<T> result, const bench::VirtualBench& bench)
{
    if (auto trouble = bench.trouble(); trouble && (result || result.error().kind == ErrorKind::failure)) return Error{std::move(*trouble)};
    if (result)
        for (const auto& note : bench.notes()) result.value().notes.push_back(note);
    return result;
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

Instrument::Instrument(Settings settings, std::function<bool()> should_stop, std::function<void(const std::string&)> tell)
    : settings_{std::move(settings)}
{
    hooks_.should_stop = should_stop ? std::move(should_stop) : [] { return false; };
    hooks_.tell = std::move(tell);
}

void Instrument::be_watched(Onlooker onlooker)
{
    onlooker_ = std::move(onlooker);
    hooks_.hear = onlooker_.hear;
}

Result<Identification> Instrument::identify_bench(const std::string& name_or_file, const Progress& progress) const
{
    bench::OwnSignal own;
    if (settings_.drive == procedure::DriveFrom::player) {
        auto player = player_of(settings_.sample_rate_hz.value_or(bench_rate_hz), settings_.player_clock_ppm);
        if (!player) return player.error();
        own = std::move(player).value();
    }
    auto opened = open_bench(settings_, name_or_file, bench::CircuitKind::output, "identify names outputs", hooks_, std::move(own));
    if (!opened) return opened.error();
    const auto& [bench, engine, rate, name] = opened.value();
    auto fixture_switch = switch_of(bench);
    auto options = options_of(settings_, procedure::Source::virtual_bench, name);
    options.judges_each = static_cast<bool>(onlooker_.hear);
    auto result = procedure::identify(*engine, fixture_switch, options, progress, hooks_.should_stop);
    return with_bench_notes(std::move(result), *bench);
}

Result<procedure::Measurement> Instrument::measure_bench(procedure::MeasureKind kind, const std::string& name_or_file, const procedure::MeasurementObserver& observer) const
{
    auto opened = kind == procedure::MeasureKind::input ? open_bench_input(settings_, name_or_file, hooks_)
                                                        : open_bench(settings_, name_or_file, bench::CircuitKind::output, "this measures outputs", hooks_);
    if (!opened) return opened.error();
    const auto& [bench, engine, rate, name] = opened.value();
    auto options = measure_options_of(settings_, procedure::Source::virtual_bench, name);
    options.scales = procedure::scales_of_bench(settings_.interface.full_scale, settings_.fixture.gain_ratio);
    // Inputs that differ by what nobody knows are not calibrated.
    if (settings_.gain_mismatch != GainDb{0.0}) options.scales.gain_ratio_db.reset();
    if (auto ok = complete_balance(options, settings_, kind); !ok) return ok.error();
    auto fixture_switch = switch_of(bench);
    return with_bench_notes(procedure::measure(*engine, fixture_switch, kind, options, observer, hooks_.should_stop), *bench);
}

Result<procedure::Measurement> Instrument::measure_device(procedure::MeasureKind kind, const std::string& id, procedure::FixtureSwitch fixture_switch,
                                                          const procedure::MeasurementObserver& observer, std::function<bool()> confirm_line_output) const
{
    auto engine = open_device(settings_, id, hooks_);
    if (!engine) return engine.error();
    const auto& facts = engine.value()->facts();
    auto options = measure_options_of(settings_, procedure::Source::device, facts.device.data());
    const auto found = calibration_of(settings_, facts);
    if (!found) return found.error();
    options.scales = procedure::scales_of(found.value(), settings_.inputs, settings_.outputs);
    options.fixture = procedure::calibrated_fixture(options.fixture, found.value(), settings_.inputs, settings_.outputs, settings_.given);
    if (auto ok = complete_balance(options, settings_, kind); !ok) return ok.error();
    options.confirm_line_output = std::move(confirm_line_output);
    const auto measured = [&] { return procedure::measure(*engine.value(), fixture_switch, kind, options, observer, hooks_.should_stop); };
    using enum procedure::MeasureKind;
    const bool compares = kind == impedance || kind == balance || kind == input;
    return compares ? measured_in_one_piece(*engine.value(), hooks_, measured) : measured();
}

Status Instrument::check_export(const std::filesystem::path& csv, const std::filesystem::path& wav_folder)
{
    std::error_code failed;
    if (const auto folder = csv.parent_path(); !folder.empty() && !std::filesystem::is_directory(folder, failed))
        return Error{"there is no folder " + folder.string() + " for --csv: make it, or give another"};
    if (std::filesystem::is_directory(csv, failed)) return Error{csv.string() + " is a folder: give --csv a file"};
    if (!wav_folder.empty() && std::filesystem::exists(wav_folder, failed) && !std::filesystem::is_directory(wav_folder, failed))
        return Error{wav_folder.string() + " is a file: give --wav a folder"};
    return Done{};
}

Status Instrument::export_measurement(const procedure::Measurement& measurement, const std::filesystem::path& csv, const std::filesystem::path& wav_folder)
{
    if (!csv.empty())
        if (auto written = files::write_text(csv, report::measurement_csv(measurement)); !written) return written;
    if (wav_folder.empty()) return Done{};
    if (auto written = write_captures(measurement.captures, wav_folder); !written) return written;
    // Where clocks were put together, the beginning was lost; another measurement may have had it.
    if (measurement.quality.clock_ppm != 0.0) {
        std::error_code ignored;
        std::filesystem::remove(wav_folder / procedure::captures_note, ignored);
        return Done{};
    }
    return files::write_text(wav_folder / procedure::captures_note, report::captures_json(measurement));
}

Result<procedure::Measurement> Instrument::measure_captures(procedure::MeasureKind kind, const std::filesystem::path& path, const procedure::MeasurementObserver& observer) const
{
    return procedure::measure_captures(path, kind, measure_options_of(settings_, procedure::Source::captures, {}), observer, hooks_.should_stop);
}

Result<std::vector<report::DeviceEntry>> Instrument::list_devices() const
{
    auto devices = engine::list_devices({.program = {}, .should_stop = hooks_.should_stop});
    if (!devices) return devices.error();
    std::vector<report::DeviceEntry> out;
    for (auto& device : devices.value())
        out.push_back({std::to_string(device.number), std::move(device.name), std::move(device.host_api), device.inputs, device.outputs,
                       device.default_rate_hz, std::move(device.duplex_rates_hz), std::move(device.note)});
    return out;
}

Result<procedure::Measurement> Instrument::test_device(const std::string& id, const procedure::MeasurementObserver& observer) const
{
    auto engine = open_device(settings_, id, hooks_);
    if (!engine) return engine.error();
    procedure::DeviceCheckOptions options;
    options.device = engine.value()->facts().device.data();
    if (settings_.level) options.level = *settings_.level;
    return procedure::check_device(*engine.value(), options, observer, hooks_.should_stop);
}

Status Instrument::check_device(const std::string& id)
{
    const auto device = find_device(id);
    if (!device) return device.error();
    return Done{};
}

Result<Identification> Instrument::identify_device(const std::string& id, procedure::FixtureSwitch fixture_switch, const Progress& progress,
                                                   std::function<bool()> confirm_line_output) const
{
    auto engine = open_device(settings_, id, hooks_);
    if (!engine) return engine.error();
    const auto& facts = engine.value()->facts();
    auto options = options_of(settings_, procedure::Source::device, facts.device.data());
    options.judges_each = static_cast<bool>(onlooker_.hear);
    const auto found = calibration_of(settings_, facts);
    if (!found) return found.error();
    options.fixture = procedure::calibrated_fixture(options.fixture, found.value(), settings_.inputs, settings_.outputs, settings_.given);
    // A ratio that its user gave is as sure as he is of it: that of inputs which nobody has compared.
    const auto scales = procedure::scales_of(found.value(), settings_.inputs, settings_.outputs);
    constexpr double normal_95 = 1.96;
    if (scales.gain_ratio_db && std::ranges::find(settings_.given, "gain-ratio") == settings_.given.end())
        options.gain_tolerance = scales.gain_ratio_db->uncertainty / db_per_neper / normal_95;
    options.confirm_line_output = std::move(confirm_line_output);
    return measured_in_one_piece(*engine.value(), hooks_, [&] { return procedure::identify(*engine.value(), fixture_switch, options, progress, hooks_.should_stop); });
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

Result<TonePlan> Instrument::write_player_stimulus(const std::filesystem::path& path, int periods) const
{
    if (periods < 1 || periods > 1200)
        return Error{"a player's file cannot hold " + std::to_string(periods) + " periods: give --periods 1 to 1200", ErrorKind::usage};
    auto plan = stimulus::design_multitone(settings_.sample_rate_hz.value_or(bench_rate_hz));
    if (!plan) return plan.error();
    std::erase_if(plan.value().tones, [](const Tone& tone) { return tone.signal == Signal::probe; });
    auto one = stimulus::render(plan.value());
    for (std::size_t i = 0; i < one.size(); i += 2) one[i + 1] = one[i];
    std::vector<float> all;
    all.reserve(one.size() * static_cast<std::size_t>(periods));
    for (int i = 0; i < periods; ++i) all.insert(all.end(), one.begin(), one.end());
    if (auto written = files::write_wav(path, plan.value().sample_rate_hz, all, 2, files::WavFormat::pcm16); !written) return written.error();
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
    auto spread = bench::spread_of(circuit.value(), settings_.bench_fixture(), options, hooks_.should_stop);
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
    return bench::serve(options, ready, hooks_.should_stop);
}

Status Instrument::switch_circuit(const std::string& client_name, const std::string& position)
{
    if (const auto state = switch_state_of(position)) return bench::switch_served(client_name, state.value());
    if (const auto feed = bench::feed_of(position)) return bench::switch_served(client_name, feed.value());
    return Error{"the switch cannot stand on \"" + position +
                     "\": use through, loaded, grounded or lifted for an output; separate, common, common-leg-2, common-leg-3 or exchanged for a receiver",
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

procedure::FixtureSwitch followed(procedure::FollowOptions options) { return procedure::following_switch(std::move(options)); }

std::string default_client_name() { return bench::ServeOptions{}.client_name; }

}  // namespace lowleg::instrument
