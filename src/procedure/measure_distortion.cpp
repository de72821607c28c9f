/// Harmonics of a sine, and what two tones make of each other.
#include "analysis/harmonics.h"
#include "analysis/intermodulation.h"
#include "core/text.h"
#include "procedure/measure_kinds.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::HarmonicReading;
using analysis::Intermodulation;
using analysis::IntermodulationReading;
using analysis::Ratio;

/// High enough that noise does not hide what 0.001 % is, low enough for gear of +18 dBu on an interface of +24 dBu.
constexpr Dbfs usual_level{-12.0};
constexpr std::array<const char*, 2> leg_names{"pin2", "pin3"};
constexpr std::array<const char*, 2> leg_words{"Pin 2", "Pin 3"};

const char* thd_definition = "Root of the sum of squares of harmonics 2 to 9 over the fundamental (IEC 60268-3, total harmonic distortion of single harmonics); hum and noise are not in it.";
const char* thd_n_definition = "Everything in the band but the fundamental, rms, over everything in it (AES17 and IEC 60268-3, THD+N), but with a notch as wide as one bin of the analysis: only the "
                               "fundamental is taken out. Hum is in it.";
const char* without_hum_definition = "THD+N with the lines of the mains taken out, which the standards leave in.";
const char* smpte_definition = "Two tones, the lower four times as high (SMPTE RP 120; IEC 60268-3, modulation distortion): d2 = (U(f2−f1) + U(f2+f1))/U(f2), d3 the same with 2·f1; "
                               "the figure is √(d2² + d3²). The lower tone stands beside 60 Hz, clear of the mains.";
const char* ccif_definition = "Two equal tones near 19 and 20 kHz (CCIF, ITU-R; IEC 60268-3, difference-frequency distortion): d2 = U(f2−f1)/(U(f1)+U(f2)), "
                              "d3 = (U(2f1−f2) + U(2f2−f1))/(U(f1)+U(f2)); the total is √(d2² + d3²).";

/// A ratio as a figure in dB and one in per cent.
void add_ratio(std::vector<Figure>& out, const std::string& id, const std::string& words, const Ratio& ratio, Hertz frequency, const std::string& definition)
{
    if (!(ratio.value > 0.0)) return;
    const auto bound = ratio.is_bound ? Figure::Bound::at_most : Figure::Bound::value;
    out.push_back({id + "_db", words, gain_of(ratio.value).value(), "dB", uncertainty_db(ratio.relative_95()), bound, frequency, definition});
    out.push_back({id + "_percent", words, 100.0 * ratio.value, "%", 100.0 * ratio.interval_95, bound, frequency, definition});
}

bool is_clear_of_mains(double hz, double bin_hz)
{
    constexpr double bins_aside = 4.0;
    constexpr int most_lines = 40;  // that hum is looked for at
    return std::ranges::all_of(std::array{50.0, 60.0}, [&](double mains) {
        const double line = std::max(1.0, std::round(hz / mains));
        return line > most_lines || std::abs(hz - mains * line) >= bins_aside * bin_hz;
    });
}

/// The tone near `wanted` whose harmonics are clear of the mains, too; where there is none, the one that is clear itself. The bin has no factor in common with the period: no two
/// cycles meet the same steps of a converter.
Result<TonePlan> sine_plan(const SourceRun& run, Dbfs level)
{
    auto plan = plan_tone(run.sample_rate_hz(), run.options.tone, level);
    if (!plan) return plan.error();
    auto& p = plan.value();
    const double bin_hz = p.frequency_of(1).value();
    const auto middle = std::llround(run.options.tone.value() / bin_hz);
    for (std::int64_t away = 0; away <= std::max<std::int64_t>(8, middle / 20); ++away)
        for (const auto bin : {middle - away, middle + away}) {
            if (bin < 1 || !(p.frequency_of(bin).value() < 0.45 * p.sample_rate_hz) || std::gcd(bin, p.period_frames) != 1) continue;
            bool is_clear = true;
            for (int k = 1; k <= analysis::highest_harmonic && is_clear; ++k) is_clear = is_clear_of_mains(static_cast<double>(k * bin) * bin_hz, bin_hz);
            if (!is_clear) continue;
            p.tones.front().bin = bin;
            return plan;
        }
    return plan;
}

/// Two tones that peak together at `level`.
Result<TonePlan> two_tones(const SourceRun& run, Intermodulation kind, Dbfs level)
{
    const double rate = run.sample_rate_hz();
    const bool is_modulation = kind == Intermodulation::modulation;
    // The upper third-order product lies 1 kHz above the tones, and converters pass no more than 0.45 of the rate.
    const Hertz high{is_modulation ? std::min(7'000.0, 0.4 * rate) : std::min(20'000.0, 0.45 * rate - 1'000.0)};
    auto plan = plan_tone(rate, high, level);
    if (!plan) return plan.error();
    auto& p = plan.value();
    const double peak = sine_peak(level);
    auto upper = p.tones.front();
    if (is_modulation) {
        auto low = plan_tone(rate, Hertz{60.0}, level);
        if (!low) return low.error();
        auto lower = low.value().tones.front();
        lower.amplitude = 0.8 * peak;
        upper.amplitude = 0.2 * peak;
        p.tones = {lower, upper};
        return plan;
    }
    // Apart by what is clear of the mains.
    auto apart = plan_tone(rate, Hertz{1'000.0}, level);
    if (!apart) return apart.error();
    auto lower = upper;
    lower.bin -= apart.value().tones.front().bin;
    lower.amplitude = upper.amplitude = 0.5 * peak;
    p.tones = {lower, upper};
    return plan;
}

Result<Averaged> average_plan(const SourceRun& run, const TonePlan& plan, const std::string& capture, const std::string& step, const Averaging& averaging, const LeadingFigure& leading)
{
    const auto samples = stimulus::render(plan);
    const AveragedSignal signal{samples, Seconds{0.25}, step, &plan, capture};
    return average(run.source, signal, averaging, leading, run.observer, run.should_stop);
}

/// The leg whose tone is higher.
std::size_t louder(const HarmonicReading& reading)
{
    const auto& legs = reading.harmonics.front().leg;
    return std::abs(legs[1].value) > std::abs(legs[0].value) ? 1 : 0;
}

Error nothing_heard(const HarmonicReading& reading) { return nothing_heard_of("the test tone", reading.tones.peak); }

void add_harmonics(Measurement& out, const HarmonicReading& reading, const SourceRun& run)
{
    const auto& fundamental = reading.harmonics.front();
    const std::string band = " Band: " + format_hertz(reading.band.lowest) + " to " + format_hertz(reading.band.highest) + ".";
    for (const std::size_t leg : {0U, 1U}) {
        const std::string name = leg_names[leg];
        const std::string words = leg_words[leg];
        if (!reading.is_heard(leg)) {
            out.notes.push_back(words + " carries nothing of the tone.");
            continue;
        }
        const auto& of = reading.leg[leg];
        if (reading.harmonics.size() > 1) add_ratio(out.figures, name + "_thd", words + ", THD", of.thd, fundamental.frequency, thd_definition);
        add_ratio(out.figures, name + "_thd_n", words + ", THD+N", of.thd_n, fundamental.frequency, thd_n_definition + band);
        if (reading.tones.hum) add_ratio(out.figures, name + "_thd_n_without_hum", words + ", THD+N but hum", of.thd_n_without_hum, fundamental.frequency, without_hum_definition + band);
        const auto& tone = fundamental.leg[leg];
        add_level(out.figures, name, words + ", tone", std::abs(tone.value), tone.amplitude_interval_95() / std::abs(tone.value), fundamental.frequency,
                  run.options.scales.input_volts[leg], "Level of the fundamental alone.");
        Curve curve{name + "_harmonics", words + ", harmonics over the fundamental",
                    {{"order", ""}, {"frequency_hz", "Hz"}, {"level_db", "dB"}, {"level_percent", "%"}, {"floor_db", "dB"}, {"phase_deg", "°"}}, {}};
        for (const auto& harmonic : reading.harmonics) {
            if (harmonic.order == 1) continue;
            const auto& e = harmonic.leg[leg];
            const double floor = e.amplitude_interval_95() / std::abs(tone.value);
            const double level = std::abs(e.value) / std::abs(tone.value);
            // Its phase against that of the fundamental as often: no delay changes it.
            const double phase = std::arg(e.value * std::pow(std::conj(tone.value) / std::abs(tone.value), harmonic.order));
            curve.rows.push_back({static_cast<double>(harmonic.order), harmonic.frequency.value(), gain_of(std::max(level, floor)).value(), 100.0 * std::max(level, floor),
                                  gain_of(floor).value(), 180.0 / std::numbers::pi * phase});
        }
        if (!curve.rows.empty()) out.curves.push_back(std::move(curve));
    }
    if (reading.harmonics.size() < static_cast<std::size_t>(analysis::highest_harmonic))
        out.notes.push_back("Harmonics up to order " + std::to_string(reading.harmonics.size()) + " lie below half the sample rate: THD counts no others.");
}

void add_intermodulation(Measurement& out, const IntermodulationReading& reading)
{
    const bool is_modulation = reading.kind == Intermodulation::modulation;
    const std::string definition = std::string{is_modulation ? smpte_definition : ccif_definition} + " Played: " + format_fixed(reading.frequencies[0].value(), 0) + " and " +
                                   format_fixed(reading.frequencies[1].value(), 0) + " Hz.";
    const auto frequency = reading.frequencies[1];
    for (const std::size_t leg : {0U, 1U}) {
        if (!reading.is_heard(leg)) continue;
        const std::string name = std::string{leg_names[leg]} + (is_modulation ? "_imd_smpte" : "_imd_ccif");
        const std::string words = std::string{leg_words[leg]} + (is_modulation ? ", IMD SMPTE" : ", IMD CCIF");
        add_ratio(out.figures, name, words, reading.total[leg], frequency, definition);
        if (!is_modulation) {
            add_ratio(out.figures, name + "_d2", words + ", 2nd order", reading.second[leg], frequency, definition);
            add_ratio(out.figures, name + "_d3", words + ", 3rd order", reading.third[leg], frequency, definition);
        }
    }
}

}  // namespace

Result<Measurement> measure_distortion(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::distortion);
    const auto level = run.options.level.value_or(usual_level);
    const auto plan = sine_plan(run, level);
    if (!plan) return plan.error();
    if (auto moved = run.fixture_switch(SwitchState::through); !moved) return moved.error();

    const auto leading = [&](const Record& record) -> std::optional<Figure> {
        const auto reading = analysis::read_harmonics(record, plan.value());
        if (!reading) return std::nullopt;
        const auto leg = louder(reading.value());
        std::vector<Figure> figures;
        if (reading.value().is_heard(leg)) add_ratio(figures, "thd_n", "THD+N", reading.value().leg[leg].thd_n, reading.value().harmonics.front().frequency, "");
        return figures.empty() ? std::nullopt : std::optional{figures.front()};
    };
    auto sine = average_plan(run, plan.value(), "sine", "harmonics", run.options.averaging, leading);
    if (!sine) return sine.error();
    const auto harmonics = analysis::read_harmonics(sine.value().record, plan.value());
    if (!harmonics) return harmonics.error();
    if (!harmonics.value().is_heard(louder(harmonics.value()))) return nothing_heard(harmonics.value());
    add_harmonics(out, harmonics.value(), run);
    describe(sine.value(), harmonics.value().tones, out.quality);
    // The noise of this record beside its harmonics, which read_multitone() does not count as such.
    if (const double noise = std::max(harmonics.value().leg[0].rest_rms, harmonics.value().leg[1].rest_rms); noise > 0.0) out.quality.noise = dbfs_of_rms(noise);
    bool is_stopped = is_cut_short(sine.value().ending);
    out.captures.push_back({"sine", std::move(sine.value().record)});

    const auto noise = out.quality.noise;
    for (const auto kind : {Intermodulation::modulation, Intermodulation::difference}) {
        const bool is_modulation = kind == Intermodulation::modulation;
        if (is_stopped) {
            out.notes.push_back(std::string{"Stopped before "} + (is_modulation ? "SMPTE" : "CCIF") + " intermodulation was measured.");
            continue;
        }
        const auto tones = two_tones(run, kind, level);
        if (!tones) {
            out.notes.push_back(std::string{is_modulation ? "SMPTE" : "CCIF"} + " intermodulation: " + tones.error().message + ".");
            continue;
        }
        // What is wanted of the leading figure says nothing of these: they take the usual time, or what was given.
        Averaging usual = run.options.averaging;
        usual.until.reset();
        const std::string capture = is_modulation ? "two-tones-smpte" : "two-tones-ccif";
        auto averaged = average_plan(run, tones.value(), capture, is_modulation ? "two tones (SMPTE)" : "two tones (CCIF)", usual, {});
        if (!averaged) {
            if (averaged.error().kind == ErrorKind::interrupted && run.should_stop && run.should_stop()) {
                is_stopped = true;
                out.quality.ending = Ending::stopped;
                out.notes.push_back(std::string{"Stopped before "} + (is_modulation ? "SMPTE" : "CCIF") + " intermodulation was measured.");
                continue;
            }
            return averaged.error();
        }
        const auto reading = analysis::read_intermodulation(averaged.value().record, tones.value(), kind);
        if (!reading) return reading.error();
        add_intermodulation(out, reading.value());
        describe(averaged.value(), reading.value().record, out.quality);
        is_stopped = is_cut_short(averaged.value().ending);
        out.captures.push_back({capture, std::move(averaged.value().record)});
    }
    out.quality.noise = noise;
    out.notes.emplace_back("What the interface distorts of itself is in it: measure a cable from its output to its input for comparison.");
    return out;
}

}  // namespace lowleg::procedure
