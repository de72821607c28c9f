/// Response and harmonics over frequency, by a synchronized exponential sweep.
#include "analysis/sweep_response.h"
#include "core/text.h"
#include "dsp/fft.h"
#include "procedure/measure_kinds.h"
#include "stimulus/sweep.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::ComplexEstimate;
using analysis::SweepPoint;
using analysis::SweepReading;
using analysis::SweepResponse;

constexpr Dbfs usual_level{-14.0};
constexpr int orders = 9;
constexpr int points_told = 31;
constexpr Hertz lowest{20.0};
constexpr Hertz highest{20'000.0};
/// Long enough that harmonic 2 of 20 Hz comes some cycles before the response, and no line of the mains repeats with it.
constexpr double usual_period_s = 2.025;
constexpr double longest_period_s = 2.1;
constexpr std::int64_t most_frames = 400'000;
/// Two that are left where the clocks differ, one that the resampling takes, one for what it is shorter by.
constexpr std::size_t usual_periods = 4;
constexpr double audible = 5.0;
/// Of 400,000 frames of noise one is so high once in 10⁹ times.
constexpr double least_crest = 8.0;
constexpr std::array<const char*, 2> leg_names{"pin2", "pin3"};
constexpr std::array<const char*, 2> leg_words{"Pin 2", "Pin 3"};
/// Of all periods together: at 20 kHz an average over less loses below 0.001 dB.
constexpr double tolerated_drift_frames = 0.04;
/// What a clock is corrected to: less does not widen an interval at 20 kHz by 0.001 dB.
constexpr double settled_drift_frames = 1e-4;
/// Between any two periods, beside what the clocks explain.
constexpr double tolerated_jump_frames = 0.05;

bool is_heard(const ComplexEstimate& e) { return std::abs(e.value) > audible * e.sigma; }
double relative_95(const ComplexEstimate& e) { return e.amplitude_interval_95() / std::abs(e.value); }

/// An even length that has a transform, near the usual one, after which 50 and 60 Hz and twice that are as far as can be from where they were.
std::int64_t period_of(double rate)
{
    const double seconds = std::min(usual_period_s, static_cast<double>(most_frames) / rate);
    const auto from = std::llround((seconds - 0.025) * rate) / 2 * 2;
    const auto to = std::min(longest_sweep_frames(rate), static_cast<std::int64_t>(std::llround((seconds + 0.025) * rate)));
    std::int64_t best = 0;
    double farthest = -1.0;
    for (auto n = from; n <= to; n += 2) {
        if (!dsp::is_smooth(static_cast<std::size_t>(n))) continue;
        double nearest = 1.0;
        for (const double hz : {50.0, 60.0, 100.0, 120.0, 150.0, 180.0}) {
            const double cycles = hz * static_cast<double>(n) / rate;
            nearest = std::min(nearest, std::abs(cycles - std::round(cycles)));
        }
        if (nearest > farthest) {
            farthest = nearest;
            best = n;
        }
    }
    return best;
}

std::vector<Hertz> frequencies(double rate)
{
    std::vector<Hertz> out;
    const Hertz end{std::min(highest.value(), 0.45 * rate)};
    for (int i = 0; i < points_told; ++i) out.push_back(log_spaced(lowest, end, i, points_told));
    return out;
}

struct Sweep {
    SweepPlan plan;
    std::vector<float> samples;
    std::vector<double> drive;
};

Result<Sweep> sweep_of(const SourceRun& run)
{
    const double rate = run.sample_rate_hz();
    const auto plan = stimulus::design_sweep(rate, period_of(rate), {lowest, Hertz{std::min(highest.value(), 0.45 * rate)}, run.options.level.value_or(usual_level)});
    if (!plan) return plan.error();
    Sweep out{plan.value(), stimulus::render(plan.value()), {}};
    for (std::size_t i = 0; i < out.samples.size(); i += 2) out.drive.push_back(static_cast<double>(out.samples[i]));
    return out;
}

Result<SweepReading> read(const Record& record, const Sweep& sweep, std::span<const Hertz> wanted, int highest_order)
{
    const analysis::DoublePeriods periods{record};
    return analysis::read_sweep(periods.views(), sweep.plan, sweep.drive, wanted, highest_order);
}

const SweepPoint* near_1khz(const SweepReading& reading)
{
    const auto& points = reading.orders.front().points;
    const auto at = std::ranges::min_element(points, {}, [](const SweepPoint& p) { return std::abs(std::log(p.frequency / Hertz{1000.0})); });
    return at == points.end() ? nullptr : &*at;
}

std::size_t louder(const SweepPoint& point) { return std::abs(point.leg[1].value) > std::abs(point.leg[0].value) ? 1 : 0; }

/// Puts a capture on the player's clock where it has one of its own. \return failure where periods do not continue each other, or the clocks are too far apart.
Status put_on_one_clock(Averaged& averaged, const SweepPlan& plan)
{
    const auto captured = averaged.record;
    // A sweep that another clock stretches tells the clock a little wrong: look again at what was corrected.
    for (int pass = 0; pass < 3; ++pass) {
        const analysis::DoublePeriods periods{averaged.record};
        const auto advances = analysis::sweep_advances(periods.views(), plan);
        if (!advances) return advances.error();
        auto sorted = advances.value();
        std::ranges::sort(sorted);
        const double typical = sorted[sorted.size() / 2];
        const double jump = std::max(sorted.back() - typical, typical - sorted.front());
        if (jump > tolerated_jump_frames)
            return Error{"the periods of the sweep do not continue each other (" + format_fixed(jump, 1) +
                         " frames): samples were lost or repeated; use a larger buffer in the audio system, or record again"};
        if (std::abs(typical) * static_cast<double>(averaged.record.periods.size()) < (pass == 0 ? tolerated_drift_frames : settled_drift_frames)) return Done{};
        averaged.clock_ppm += 1e6 * typical / static_cast<double>(plan.period_frames);
        if (std::abs(averaged.clock_ppm) > largest_clock_offset_ppm)
            return Error{"the inputs' clock runs " + format_fixed(averaged.clock_ppm, 0) + " ppm off the outputs', more than two crystals do: choose one device for both, or lock the "
                         "devices to one clock"};
        const auto& p = captured.periods;
        for (std::size_t i = 1; i < p.size(); ++i)
            if (p[i].first_frame != p[i - 1].first_frame + plan.period_frames)
                return Error{"two clocks (" + format_fixed(averaged.clock_ppm, 1) + " ppm apart) and periods that broke: measure again, or by multitone"};
        averaged.record = on_players_clock(captured, averaged.clock_ppm);
        if (averaged.record.periods.size() < 2)
            return Error{"two clocks (" + format_fixed(averaged.clock_ppm, 1) + " ppm apart) need four periods of the sweep: measure, or record, for 10 s or more"};
    }
    return Done{};
}

Error nothing_heard(const SweepReading& reading) { return nothing_heard_of("the sweep", reading.peak); }

void add_harmonics(Measurement& out, const SweepReading& reading, std::size_t leg)
{
    const std::string name = leg_names[leg];
    const std::string words = leg_words[leg];
    const auto& linear = reading.orders.front().points;
    for (const auto& response : reading.orders) {
        if (response.order == 1) continue;
        Curve curve{name + "_h" + std::to_string(response.order), words + ", harmonic " + std::to_string(response.order) + " over the fundamental",
                    {{"frequency_hz", "Hz"}, {"level_db", "dB"}, {"floor_db", "dB"}}, {}};
        for (std::size_t i = 0; i < response.points.size(); ++i) {
            const double fundamental = std::abs(linear[i].leg[leg].value);
            if (!is_heard(linear[i].leg[leg])) continue;
            const auto& e = response.points[i].leg[leg];
            const double floor = e.amplitude_interval_95() / fundamental;
            if (!(floor > 0.0)) continue;
            curve.rows.push_back({response.points[i].frequency.value(), gain_of(std::max(std::abs(e.value) / fundamental, floor)).value(), gain_of(floor).value()});
        }
        if (!curve.rows.empty()) out.curves.push_back(std::move(curve));
    }
}

}  // namespace

std::int64_t longest_sweep_frames(double sample_rate_hz) { return std::min(most_frames, static_cast<std::int64_t>(std::llround(longest_period_s * sample_rate_hz))); }

Result<Measurement> measure_response_by_sweep(const SourceRun& run)
{
    auto out = run.begin(MeasureKind::response);
    if (auto moved = run.fixture_switch(SwitchState::through); !moved) return moved.error();
    const auto sweep = sweep_of(run);
    if (!sweep) return sweep.error();
    const auto& plan = sweep.value().plan;
    const double period_s = static_cast<double>(plan.period_frames) / plan.sample_rate_hz;
    const std::array one{Hertz{1000.0}};
    const auto leading = [&](const Record& record) -> std::optional<Figure> {
        const auto reading = read(record, sweep.value(), one, 1);
        const auto* point = reading ? near_1khz(reading.value()) : nullptr;
        if (point == nullptr) return std::nullopt;
        const auto& e = point->leg[louder(*point)];
        if (!is_heard(e)) return std::nullopt;
        return Figure{"gain_db", "gain", gain_of(std::abs(e.value)).value(), "dB", uncertainty_db(relative_95(e)), Figure::Bound::value, point->frequency, ""};
    };
    auto averaging = run.options.averaging;
    averaging.usual = Seconds{std::max(averaging.usual.value(), (static_cast<double>(usual_periods) - 0.5) * period_s)};
    auto averaged = average(run.source, {sweep.value().samples, Seconds{0.6}, "sweep", nullptr, "sweep"}, averaging, leading, run.observer, run.should_stop);
    if (!averaged) return averaged.error();
    const auto wanted = frequencies(run.sample_rate_hz());
    const auto as_captured = averaged.value().record;
    const auto first_look = read(averaged.value().record, sweep.value(), one, 1);
    if (!first_look) return first_look.error();
    if (first_look.value().crest < least_crest) return nothing_heard(first_look.value());
    if (auto one_clock = put_on_one_clock(averaged.value(), plan); !one_clock) return one_clock.error();
    const auto read_all = read(averaged.value().record, sweep.value(), wanted, orders);
    if (!read_all) return read_all.error();
    const auto& reading = read_all.value();
    const auto* reference = near_1khz(reading);
    if (reference == nullptr) return Error{"the sweep does not pass 1 kHz at this sample rate: use a higher one"};
    if (!is_heard(reference->leg[louder(*reference)])) return nothing_heard(reading);
    const auto& loops = run.options.scales.loops;
    for (const auto leg : {0U, 1U}) {
        const auto& at_reference = reference->leg[leg];
        if (!is_heard(at_reference)) {
            out.notes.push_back(std::string{leg_words[leg]} + " carries nothing of the sweep.");
            continue;
        }
        const bool has_loop = loops[leg] && !loops[leg]->points.empty();
        const double loop_uncertainty = has_loop ? loops[leg]->uncertainty_db.uncertainty : 0.0;
        const auto without_loop = [&](const SweepPoint& p) { return has_loop ? p.leg[leg].value / response_at(*loops[leg], p.frequency) : p.leg[leg].value; };
        const double reference_gain = std::abs(without_loop(*reference));
        out.figures.push_back({std::string{leg_names[leg]} + "_gain_db", std::string{leg_words[leg]} + ", gain", gain_of(std::abs(at_reference.value)).value(), "dB",
                               uncertainty_db(relative_95(at_reference)), Figure::Bound::value, reference->frequency,
                               "Captured over played, full scale over full scale: converters and gear together."});
        Curve curve{std::string{leg_names[leg]} + "_response", std::string{leg_words[leg]} + ", against 1 kHz",
                    {{"frequency_hz", "Hz"}, {"gain_db", "dB"}, {"phase_deg", "°"}, {"uncertainty_db", "dB"}}, {}};
        for (const auto& point : reading.orders.front().points) {
            if (!is_heard(point.leg[leg])) continue;
            const auto h = without_loop(point);
            const double turns = reading.delay.value() * point.frequency.value();
            const double phase = std::arg(h * std::polar(1.0, 2.0 * std::numbers::pi * (turns - std::floor(turns))));
            curve.rows.push_back({point.frequency.value(), gain_of(std::abs(h) / reference_gain).value(), 180.0 / std::numbers::pi * phase,
                                  std::hypot(uncertainty_db(relative_95(point.leg[leg])), loop_uncertainty)});
        }
        out.curves.push_back(std::move(curve));
    }
    for (const auto leg : {0U, 1U})
        if (is_heard(reference->leg[leg])) add_harmonics(out, reading, leg);
    out.notes.push_back(loops[0] ? "What the interface does of itself is taken off the response, as it was calibrated; what it distorts is in the harmonics."
                                 : "What the interface does of itself is in it: \"lowleg calibrate loop\" takes it off.");
    out.notes.push_back("Phase is told after taking off " + format_fixed(1e3 * reading.delay.value(), 3) + " ms of delay, where the impulse response peaks.");
    out.notes.emplace_back("Played: a synchronized exponential sweep; harmonics are told against the fundamental that they are of, down to what noise hides (95 %). Below 45 Hz they are told "
                           "apart from the greatest of them to 25 dB only.");
    analysis::MultitoneReading described;
    for (const std::size_t leg : {0U, 1U}) described.residue[leg].noise_rms = reading.noise_rms[leg];
    describe(averaged.value(), described, out.quality);
    out.captures.push_back({"sweep", as_captured});
    return out;
}

}  // namespace lowleg::procedure
