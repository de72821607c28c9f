/// Level, polarity and latency: what one tone, or the multitone, tells of both legs in `through`.
#include "analysis/multitone.h"
#include "core/text.h"
#include "procedure/measure_kinds.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::ComplexEstimate;
using analysis::MultitoneReading;
using analysis::ToneReading;

constexpr Dbfs usual_level{-20.0};
/// Below so many standard uncertainties a leg carries nothing of the tone.
constexpr double audible = 5.0;
constexpr std::array<const char*, 2> leg_names{"pin2", "pin3"};
constexpr std::array<const char*, 2> leg_words{"Pin 2", "Pin 3"};
constexpr double degrees = 180.0 / std::numbers::pi;

bool is_heard(const ComplexEstimate& e) { return std::abs(e.value) > audible * e.sigma; }

double relative_95(const ComplexEstimate& e) { return e.amplitude_interval_95() / std::abs(e.value); }

struct Reading {
    Averaged averaged;
    MultitoneReading tones;
};

/// Drive alone: the multitone at its usual level, or where the user wants it.
Result<TonePlan> drive_plan(const SourceRun& run)
{
    stimulus::MultitoneOptions options;
    if (run.options.level) options.drive_peak = *run.options.level;
    auto plan = stimulus::design_multitone(run.sample_rate_hz(), options);
    if (plan) std::erase_if(plan.value().tones, [](const Tone& t) { return t.signal == Signal::probe; });
    return plan;
}

/// Plays and averages a plan in `through`. \param leading  from what was read so far.
Result<Reading> read_plan(const SourceRun& run, const TonePlan& plan, const std::string& step, const std::function<std::optional<Figure>(const MultitoneReading&)>& leading)
{
    if (auto moved = run.fixture_switch(SwitchState::through); !moved) return moved.error();
    const auto samples = stimulus::render(plan);
    const AveragedSignal signal{samples, Seconds{0.25}, step, &plan};
    const auto figure = [&](const Record& record) -> std::optional<Figure> {
        const auto reading = analysis::read_multitone(record, plan);
        return reading ? leading(reading.value()) : std::nullopt;
    };
    auto averaged = average(run.source, signal, run.options.averaging, figure, run.observer, run.should_stop);
    if (!averaged) return averaged.error();
    auto reading = analysis::read_multitone(averaged.value().record, plan);
    if (!reading) return reading.error();
    return Reading{std::move(averaged).value(), std::move(reading).value()};
}

Error nothing_heard(const Reading& reading) { return nothing_heard_of("the test signal", reading.tones.peak); }

/// The leg that carries more.
std::size_t louder(const ToneReading& tone) { return std::abs(tone.leg[1].value) > std::abs(tone.leg[0].value) ? 1 : 0; }

void keep(Measurement& out, Reading& reading)
{
    describe(reading.averaged, reading.tones, out.quality);
    out.captures.push_back({"through", std::move(reading.averaged.record)});
}

const char* level_definition = "Level of the tone alone, by a coherent fit over whole periods: neither noise nor hum nor distortion is in it. 0 dBFS is a sine whose peaks are at full "
                               "scale; 0 dBu is 0.7746 V, 0 dBV is 1 V, rms (IEC 60268-17 practice).";

}  // namespace

Result<Measurement> measure_level(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::level);
    const auto plan = plan_tone(run.sample_rate_hz(), run.options.tone, run.options.level.value_or(usual_level));
    if (!plan) return plan.error();
    const double played = plan.value().tones.front().amplitude;
    const auto figures_of = [&](const MultitoneReading& reading) {
        std::vector<Figure> figures;
        const auto& tone = reading.tones.front();
        for (const auto leg : {0U, 1U})
            if (is_heard(tone.leg[leg]))
                add_level(figures, leg_names[leg], leg_words[leg], played * std::abs(tone.leg[leg].value), relative_95(tone.leg[leg]), tone.frequency,
                          run.options.scales.input_volts[leg], level_definition);
        return figures;
    };
    auto reading = read_plan(run, plan.value(), "level", [&](const MultitoneReading& r) -> std::optional<Figure> {
        auto figures = figures_of(r);
        if (figures.empty()) return std::nullopt;
        auto leading = figures.back().unit == "dBFS" ? figures.back() : figures.front();
        leading.unit = "dB";  // its uncertainty is
        return leading;
    });
    if (!reading) return reading.error();
    out.figures = figures_of(reading.value().tones);
    if (out.figures.empty()) return nothing_heard(reading.value());
    const auto& tone = reading.value().tones.tones.front();
    for (const auto leg : {0U, 1U})
        if (!is_heard(tone.leg[leg])) out.notes.push_back(std::string{leg_words[leg]} + " carries nothing of the tone.");
    if (is_heard(tone.leg[0]) && is_heard(tone.leg[1])) {
        // Input 2 may have another gain than input 1: what is known of it is in the fixture.
        const auto v3 = tone.leg[1].value / run.options.fixture.gain_ratio;
        const auto differential = std::abs(tone.leg[0].value - v3);
        const double sigma = std::hypot(tone.leg[0].amplitude_interval_95(), tone.leg[1].amplitude_interval_95());
        if (differential > 3.0 * sigma)
            add_level(out.figures, "differential", "Pin 2 against pin 3", played * differential, sigma / differential, tone.frequency, run.options.scales.input_volts[0],
                      "Voltage between the pins, from both legs as phasors.");
    }
    keep(out, reading.value());
    return out;
}

Result<Measurement> measure_response(const SourceRun& run)
{
    if (run.options.sweep) return measure_response_by_sweep(run);
    auto out = run.begin(MeasureKind::response);
    const auto plan = drive_plan(run);
    if (!plan) return plan.error();
    const auto reference = [](const MultitoneReading& r) {
        return std::ranges::min_element(r.tones, {}, [](const ToneReading& t) { return std::abs(std::log(t.frequency / Hertz{1000.0})); });
    };
    auto reading = read_plan(run, plan.value(), "response", [&](const MultitoneReading& r) -> std::optional<Figure> {
        const auto at = reference(r);
        const auto& e = at->leg[louder(*at)];
        if (!is_heard(e)) return std::nullopt;
        return Figure{"gain_db", "gain", gain_of(std::abs(e.value)).value(), "dB", uncertainty_db(relative_95(e)), Figure::Bound::value, at->frequency, ""};
    });
    if (!reading) return reading.error();
    const auto& r = reading.value().tones;
    const auto at_1khz = reference(r);
    const auto delay = analysis::measure_delay(r, Signal::drive, louder(*at_1khz));
    const auto& loops = run.options.scales.loops;
    bool any = false;
    for (const auto leg : {0U, 1U}) {
        if (!is_heard(at_1khz->leg[leg])) continue;
        any = true;
        const auto reference_gain = std::abs(at_1khz->leg[leg].value);
        out.figures.push_back({std::string{leg_names[leg]} + "_gain_db", std::string{leg_words[leg]} + ", gain", gain_of(reference_gain).value(), "dB",
                               uncertainty_db(relative_95(at_1khz->leg[leg])), Figure::Bound::value, at_1khz->frequency,
                               "Captured over played, full scale over full scale: converters and gear together."});
        Curve curve{std::string{leg_names[leg]} + "_response", std::string{leg_words[leg]} + ", against 1 kHz",
                    {{"frequency_hz", "Hz"}, {"gain_db", "dB"}, {"phase_deg", "°"}, {"uncertainty_db", "dB"}}, {}};
        for (const auto& tone : r.tones) {
            const auto& e = tone.leg[leg];
            if (!is_heard(e)) continue;
            Complex h = e.value;
            // What the loop does of itself is taken off; then what remains of the delay.
            if (loops[leg] && !loops[leg]->points.empty()) h /= response_at(*loops[leg], tone.frequency);
            const double turns = delay ? delay.value().delay.value() * tone.frequency.value() : 0.0;
            const double phase = std::arg(h * std::polar(1.0, 2.0 * std::numbers::pi * (turns - std::floor(turns))));
            curve.rows.push_back({tone.frequency.value(), gain_of(std::abs(h) / reference_gain).value(), degrees * phase,
                                  std::hypot(uncertainty_db(relative_95(e)), loops[leg] ? loops[leg]->uncertainty_db.uncertainty : 0.0)});
        }
        out.curves.push_back(std::move(curve));
    }
    if (!any) return nothing_heard(reading.value());
    out.notes.push_back(loops[0] ? "What the interface does of itself is taken off, as it was calibrated." : "What the interface does of itself is in it: \"lowleg calibrate loop\" takes it off.");
    if (delay) out.notes.push_back("Phase is told after taking off " + format_fixed(1e3 * delay.value().delay.value(), 3) + " ms of delay.");
    keep(out, reading.value());
    return out;
}

Result<Measurement> measure_latency(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::latency);
    const auto plan = drive_plan(run);
    if (!plan) return plan.error();
    auto reading = read_plan(run, plan.value(), "latency", [](const MultitoneReading&) { return std::optional<Figure>{}; });
    if (!reading) return reading.error();
    const auto leg = louder(reading.value().tones.tones[reading.value().tones.tones.size() / 2]);
    const auto delay = analysis::measure_delay(reading.value().tones, Signal::drive, leg);
    if (!delay) return nothing_heard(reading.value());
    constexpr double least_coherence = 0.8;
    if (delay.value().coherence < least_coherence)
        return Error{"the tones' phases fit no delay (coherence " + format_fixed(delay.value().coherence, 2) +
                     "): an effect or a filter is in the path; switch it off, or measure the response"};
    const double frame_ms = 1e3 / run.sample_rate_hz();
    out.figures.push_back({"latency_ms", "Output to input", 1e3 * delay.value().delay.value(), "ms", 0.05 * frame_ms, Figure::Bound::value, {},
                           "The delay for which the phases of all tones agree best; less than half a period (0.25 s) can be told."});
    out.figures.push_back({"latency_frames", "The same in frames", delay.value().delay.value() * run.sample_rate_hz(), "", 0.05, Figure::Bound::value, {},
                           "Frames of the sample rate; not whole where analogue filters delay, too."});
    out.figures.push_back({"coherence", "Coherence", delay.value().coherence, "", 0.0, Figure::Bound::value, {}, "How much of the tones' level adds up at this delay; 1: a pure delay."});
    keep(out, reading.value());
    return out;
}

Result<Measurement> measure_polarity(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::polarity);
    const auto plan = drive_plan(run);
    if (!plan) return plan.error();
    auto reading = read_plan(run, plan.value(), "polarity", [](const MultitoneReading&) { return std::optional<Figure>{}; });
    if (!reading) return reading.error();
    bool any = false;
    for (const auto leg : {0U, 1U}) {
        const auto delay = analysis::measure_delay(reading.value().tones, Signal::drive, leg);
        if (!delay) continue;
        any = true;
        out.figures.push_back({std::string{leg_names[leg]} + "_sign", std::string{leg_words[leg]} + ", sign", delay.value().inverted ? -1.0 : 1.0, "", 0.0, Figure::Bound::value, {},
                               "+1: a positive swing at output 1 is positive at this pin; −1: it is inverted. From the phases of all tones after the delay."});
        out.says.push_back(std::string{leg_words[leg]} + (delay.value().inverted ? " is inverted against the drive." : " follows the drive."));
    }
    if (!any) return nothing_heard(reading.value());
    out.notes.emplace_back("A path that inverts and delays by half a period (0.25 s) more reads as one that does neither.");
    keep(out, reading.value());
    return out;
}

Result<Measurement> measure_crosstalk(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::crosstalk);
    const auto plan = drive_plan(run);
    if (!plan) return plan.error();
    const auto ratio = [&](const ToneReading& tone) {
        // From the leg that carries the signal into the other one; channels of different gain are evened out first.
        const auto from = louder(tone);
        const double even = from == 0 ? 1.0 / run.options.fixture.gain_ratio : run.options.fixture.gain_ratio;
        const double loud = std::abs(tone.leg[from].value);
        return std::pair{even * std::abs(tone.leg[1 - from].value) / loud, even * tone.leg[1 - from].amplitude_interval_95() / loud};
    };
    const auto leading = [&](const MultitoneReading& r) -> std::optional<Figure> {
        const auto at = std::ranges::min_element(r.tones, {}, [](const ToneReading& t) { return std::abs(std::log(t.frequency / Hertz{1000.0})); });
        if (!is_heard(at->leg[louder(*at)])) return std::nullopt;
        const auto [value, interval] = ratio(*at);
        const bool at_floor = value < interval;
        return Figure{"crosstalk_db", "Crosstalk", gain_of(at_floor ? value + interval : value).value(), "dB", at_floor ? 0.0 : uncertainty_db(interval / value),
                      at_floor ? Figure::Bound::at_most : Figure::Bound::value, at->frequency,
                      "Level on the leg that carries less over that on the leg that carries more, both from the drive alone. Of an output with two channels, drive one of them; of a "
                      "balanced output it is the leg ratio."};
    };
    auto reading = read_plan(run, plan.value(), "crosstalk", leading);
    if (!reading) return reading.error();
    auto at_1khz = leading(reading.value().tones);
    if (!at_1khz) return nothing_heard(reading.value());
    out.figures.push_back(*at_1khz);
    Curve curve{"crosstalk", "Crosstalk", {{"frequency_hz", "Hz"}, {"crosstalk_db", "dB"}, {"floor_db", "dB"}}, {}};
    for (const auto& tone : reading.value().tones.tones) {
        if (!is_heard(tone.leg[louder(tone)])) continue;
        const auto [value, interval] = ratio(tone);
        curve.rows.push_back({tone.frequency.value(), gain_of(std::max(value, interval)).value(), gain_of(interval).value()});
    }
    out.curves.push_back(std::move(curve));
    if (at_1khz->bound == Figure::Bound::value && at_1khz->value > -6.0)
        out.says.emplace_back("Both legs carry the signal: this is one balanced output, or two channels that are both driven. \"lowleg identify\" tells which.");
    keep(out, reading.value());
    return out;
}

}  // namespace lowleg::procedure
