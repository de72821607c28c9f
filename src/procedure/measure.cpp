#include "procedure/measure.h"

#include "core/text.h"
#include "procedure/identify_captures.h"
#include "procedure/measure_captures.h"
#include "procedure/measure_kinds.h"
#include "procedure/period_source.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace lowleg::procedure {
namespace {

constexpr std::int64_t bins_from_mains = 4;
/// Of two clocks: less is what noise makes of one.
constexpr double least_told_ppm = 0.005;

bool is_clear_of_mains(Hertz f, double bin_hz)
{
    for (const double mains : {50.0, 60.0}) {
        const double nearest = mains * std::max(1.0, std::round(f.value() / mains));
        if (std::abs(f.value() - nearest) < static_cast<double>(bins_from_mains) * bin_hz) return false;
    }
    return true;
}

}  // namespace

std::string_view name_of(MeasureKind kind) noexcept
{
    switch (kind) {
    case MeasureKind::level: return "level";
    case MeasureKind::response: return "response";
    case MeasureKind::distortion: return "distortion";
    case MeasureKind::noise: return "noise";
    case MeasureKind::hum: return "hum";
    case MeasureKind::crosstalk: return "crosstalk";
    case MeasureKind::impedance: return "impedance";
    case MeasureKind::headroom: return "headroom";
    case MeasureKind::latency: return "latency";
    case MeasureKind::polarity: return "polarity";
    case MeasureKind::balance: return "balance";
    case MeasureKind::input: return "input";
    }
    return "?";
}

std::string_view words_for(MeasureKind kind) noexcept
{
    switch (kind) {
    case MeasureKind::level: return "level of a tone at both legs, in dBFS, volts, dBu and dBV";
    case MeasureKind::response: return "level and phase over frequency";
    case MeasureKind::distortion: return "harmonics, THD, THD+N and intermodulation";
    case MeasureKind::noise: return "noise, flat and A-weighted, and what it leaves below the signal";
    case MeasureKind::hum: return "lines of the mains";
    case MeasureKind::crosstalk: return "what one leg picks up of the other";
    case MeasureKind::impedance: return "output impedance of both legs over frequency";
    case MeasureKind::headroom: return "highest level before it distorts by 1 %";
    case MeasureKind::latency: return "delay from output to input";
    case MeasureKind::polarity: return "whether the output follows its input or inverts it";
    case MeasureKind::balance: return "leg impedances, their imbalance, and what it costs; symmetry of the signal";
    case MeasureKind::input: return "impedances of an input, and what it does to an output";
    }
    return "?";
}

Measurement SourceRun::begin(MeasureKind kind) const
{
    Measurement out;
    out.kind = name_of(kind);
    out.device_under_test = options.device_under_test;
    out.sample_rate_hz = sample_rate_hz();
    out.fixture = options.fixture;
    out.quality.source = options.source;
    out.calibration = options.scales.use;
    return out;
}

Result<TonePlan> plan_tone(double sample_rate_hz, Hertz wanted, Dbfs level, Signal signal)
{
    stimulus::MultitoneOptions one;
    auto grid = stimulus::design_multitone(sample_rate_hz, one);
    if (!grid) return grid.error();
    TonePlan plan{sample_rate_hz, grid.value().period_frames, {}};
    const double bin_hz = plan.frequency_of(1).value();
    if (!(wanted.value() < 0.45 * sample_rate_hz))
        return Error{"a tone of " + std::to_string(std::llround(wanted.value())) + " Hz does not fit a sample rate of " + std::to_string(std::llround(sample_rate_hz)) +
                         " Hz: give --tone below 0.45 of the rate",
                     ErrorKind::usage};
    const auto middle = std::max<std::int64_t>(1, std::llround(wanted.value() / bin_hz));
    for (std::int64_t away = 0; away < 64; ++away)
        for (const auto bin : {middle - away, middle + away})
            if (bin > 0 && bin % 2 == 1 && is_clear_of_mains(plan.frequency_of(bin), bin_hz)) {
                plan.tones.push_back({signal, bin, sine_peak(level), 0.0});
                return plan;
            }
    return Error{"there is no bin for a tone of " + std::to_string(std::llround(wanted.value())) + " Hz that is clear of the mains: give another --tone", ErrorKind::usage};
}

std::int64_t longest_signal_frames(double sample_rate_hz, bool sweep)
{
    constexpr double multitone_s = 0.5;
    const auto multitone = static_cast<std::int64_t>(multitone_s * sample_rate_hz) + 1;
    return sweep ? std::max(multitone, longest_sweep_frames(sample_rate_hz)) : multitone;
}

void describe(const Averaged& averaged, const analysis::MultitoneReading& reading, MeasurementQuality& quality)
{
    quality.periods += averaged.record.periods.size();
    quality.voided += averaged.voided;
    quality.void_reasons.add(averaged.void_reasons);
    quality.signal = quality.signal + averaged.signal();
    if (averaged.clock_ppm != 0.0) quality.clock_ppm = averaged.clock_ppm;
    if (averaged.ending != Ending::settled) quality.ending = averaged.ending;
    if (!averaged.lost_because.empty()) quality.lost_because = averaged.lost_because;
    if (reading.hum) {
        quality.hum = dbfs_of_rms(std::max(reading.hum->rms[0], reading.hum->rms[1]));
        quality.hum_frequency = reading.hum->fundamental;
    }
    if (const double noise = std::max(reading.residue[0].noise_rms, reading.residue[1].noise_rms); noise > 0.0) quality.noise = dbfs_of_rms(noise);
}

Error nothing_heard_of(const std::string& what, const std::array<double, 2>& peak)
{
    return Error{"neither leg carries " + what + " (both inputs together stay below " + format_dbfs(dbfs_of_peak(std::max({peak[0], peak[1], 1e-9})), 0) +
                 "): see that output 1 feeds the gear, that the gear is on and not muted, and that its output is on the fixture"};
}

double uncertainty_db(double relative_95, const std::optional<CalibratedValue>& volts)
{
    const double of_scale = volts ? volts->uncertainty / volts->value : 0.0;
    return db_per_neper * std::hypot(relative_95, of_scale);
}

void add_level(std::vector<Figure>& figures, const std::string& name, const std::string& words, double peak, double relative_95, std::optional<Hertz> frequency,
               const std::optional<CalibratedValue>& full_scale_volts, const std::string& definition)
{
    const auto add = [&](const std::string& unit_id, const std::string& unit, double value, double uncertainty) {
        figures.push_back({name + "_" + unit_id, words, value, unit, uncertainty, Figure::Bound::value, frequency, definition});
    };
    if (full_scale_volts) {
        const VoltsRms volts{peak * full_scale_volts->value};
        const double of_volts = uncertainty_db(relative_95, full_scale_volts);
        add("dbu", "dBu", Dbu::of(volts).value(), of_volts);
        add("dbv", "dBV", Dbv::of(volts).value(), of_volts);
        add("v", "V", volts.value(), volts.value() * of_volts / db_per_neper);
    }
    add("dbfs", "dBFS", dbfs_of_peak(peak).value(), uncertainty_db(relative_95));
}

Result<Measurement> measure(engine::Engine& engine, FixtureSwitch& fixture_switch, MeasureKind kind, const MeasureOptions& options,
                            const MeasurementObserver& observer, const std::function<bool()>& should_stop)
{
    if (auto ok = options.fixture.check(); !ok) return ok.error();
    EngineSource source{engine};
    const Identifier on_engine = [&](const IdentifyOptions& how, const std::function<void(const IdentifyProgress&)>& progress) { return identify(engine, fixture_switch, how, progress, should_stop); };
    const MeasureRun run{{{source, fixture_switch, options, observer, should_stop}, on_engine}, engine};
    const auto measured = [&] {
        switch (kind) {
        case MeasureKind::level: return measure_level(run);
        case MeasureKind::response: return measure_response(run);
        case MeasureKind::distortion: return measure_distortion(run);
        case MeasureKind::noise: return measure_noise(run);
        case MeasureKind::hum: return measure_hum(run);
        case MeasureKind::crosstalk: return measure_crosstalk(run);
        case MeasureKind::impedance: return measure_impedance(run);
        case MeasureKind::headroom: return measure_headroom(run);
        case MeasureKind::latency: return measure_latency(run);
        case MeasureKind::polarity: return measure_polarity(run);
        case MeasureKind::balance: return measure_balance(run);
        case MeasureKind::input: return measure_input(run);
        }
        return Result<Measurement>{Error{"there is no such measurement", ErrorKind::usage}};
    };
    auto result = measured();
    engine.silence();
    if (result && result.value().played.empty()) result.value().played = source.played();
    if (result && !options.keeps_captures) result.value().captures.clear();
    return result;
}

Result<Measurement> measure_captures(const std::filesystem::path& path, MeasureKind kind, MeasureOptions options, const MeasurementObserver& observer,
                                     const std::function<bool()>& should_stop)
{
    if (auto ok = options.fixture.check(); !ok) return ok.error();
    using enum MeasureKind;
    auto source = RecordingSource::open(path);
    if (!source) return source.error();
    if ((kind == latency || kind == polarity || kind == input) && !source.value()->begins_with_signal())
        return Error{"--captures: nothing tells when what " + path.string() + " holds was played, and " + std::string{name_of(kind)} +
                         " follows from that: give a folder that --wav wrote, or measure it with --device",
                     ErrorKind::usage};
    options.source = Source::captures;
    if (options.device_under_test.empty()) options.device_under_test = path.lexically_normal().string();
    // As much as tells, unless another time is wanted.
    if (!options.averaging.until && !options.averaging.at_most) options.averaging.usual = Seconds{20.0};
    FixtureSwitch nothing_moves = [](SwitchState) -> Status { return Done{}; };
    const Identifier of_files = [&](const IdentifyOptions& how, const std::function<void(const IdentifyProgress&)>&) { return identify_captures(path, how); };
    const StatesRun run{{*source.value(), nothing_moves, options, observer, should_stop}, of_files};
    auto result = [&] {
        switch (kind) {
        case level: return measure_level(run);
        case response: return measure_response(run);
        case distortion: return measure_distortion(run);
        case noise: return measure_noise(run);
        case hum: return measure_hum(run);
        case crosstalk: return measure_crosstalk(run);
        case impedance: return measure_impedance(run);
        case balance: return measure_balance(run);
        case latency: return measure_latency(run);
        case headroom: return read_headroom_captures(run, *source.value());
        case input: return measure_input(run);
        case polarity: break;
        }
        return measure_polarity(run);
    }();
    if (!result) return result;
    if (std::abs(result.value().quality.clock_ppm) >= least_told_ppm)
        result.value().notes.push_back("The recorder's clock runs " + format_fixed(result.value().quality.clock_ppm, 2) + " ppm off the player's; corrected.");
    if (!source.value()->begins_with_signal() && kind == response)
        result.value().notes.emplace_back("Where in the signal the recording begins is unknown: half a period (180° for all tones) may be in the phase.");
    if (!options.keeps_captures) result.value().captures.clear();
    return result;
}

}  // namespace lowleg::procedure
