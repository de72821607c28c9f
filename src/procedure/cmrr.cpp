#include "procedure/cmrr.h"

#include "analysis/multitone.h"
#include "core/text.h"
#include "procedure/averaging.h"
#include "procedure/cmrr_plan.h"
#include "procedure/cmrr_points.h"
#include "procedure/fixture_switch.h"
#include "procedure/measure_kinds.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::MultitoneReading;
using analysis::ToneReading;

constexpr Dbfs quiet_peak{-40.0};
constexpr Dbfs loudest_peak{-0.5};         // of the common mode
constexpr Dbfs loudest_normal_peak{-10.0};
/// Room that the receiver's output and the interface's inputs keep below full scale.
constexpr Dbfs wanted_output_peak{-9.0};
constexpr Dbfs highest_reference_peak{-0.5};
constexpr Seconds settling{0.4};
constexpr Seconds settling_of_iron{1.0};   // what normal mode left in a transformer dies away
constexpr Seconds quiet_time{1.0};
constexpr Seconds normal_time{1.0};
/// With the steps above and three of these, less than 30 s of signal.
constexpr Seconds longest_common{7.5};
constexpr GainDb usual_until{0.1};
/// What an output's level may differ from the other's where nobody calibrated it: half of 0.1 dB.
constexpr double unmatched_outputs = 0.006;

/// A leg that carries less than a tenth of what the other does is on nothing, or on ground.
constexpr double silent_leg = 0.1;
/// Below this CMRR an input is not balanced.
constexpr GainDb least_rejection{12.0};
/// Distortion against the tones, both rms at input 1.
constexpr double most_distortion = 0.03;
constexpr double most_common_distortion = 0.5;
constexpr Hertz middle_from{150.0};
constexpr Hertz middle_to{6000.0};

bool is_in_middle(const ToneReading& tone) { return tone.frequency >= middle_from && tone.frequency <= middle_to; }

/// rms over the tones of one signal in the middle of the band, and how much of it may be noise.
struct MeanGain {
    double gain{};
    double noise{};
    [[nodiscard]] bool is_heard() const { return gain > 4.0 * noise; }
};

MeanGain mean_gain(const MultitoneReading& reading, Signal signal, std::size_t leg)
{
    double power = 0.0;
    double noise = 0.0;
    double count = 0.0;
    for (const auto& tone : reading.tones) {
        if (tone.signal != signal || !is_in_middle(tone)) continue;
        power += std::norm(tone.leg[leg].value);
        noise += 2.0 * tone.leg[leg].sigma * tone.leg[leg].sigma;
        count += 1.0;
    }
    return {std::sqrt(power / count), std::sqrt(noise / count)};
}

/// What the tones together have at an input, rms.
double tones_rms(const MultitoneReading& reading, const TonePlan& plan, std::size_t leg)
{
    double power = 0.0;
    for (std::size_t i = 0; i < plan.tones.size(); ++i) power += 0.5 * std::norm(plan.tones[i].amplitude * reading.tones[i].leg[leg].value);
    return std::sqrt(power);
}

double loudest_gain(const MultitoneReading& reading, std::size_t leg)
{
    double out = 0.0;
    for (const auto& tone : reading.tones)
        if (is_in_middle(tone)) out = std::max(out, std::abs(tone.leg[leg].value));
    return out;
}

/// What plays on output 2 beside the plan on output 1.
enum class Second : std::uint8_t { silent, opposite, same };

std::vector<float> rendered(const TonePlan& plan, Second second)
{
    auto samples = stimulus::render(plan);
    if (second != Second::silent)
        for (std::size_t i = 0; i < samples.size(); i += 2) samples[i + 1] = second == Second::opposite ? -samples[i] : samples[i];
    return samples;
}

struct Taken {
    MultitoneReading reading;
    Ending ending{};
};

Dbfs lower_of(Dbfs a, Dbfs b) { return std::min(a, b); }

/// What one feed's wiring is called in messages and on the progress line.
std::string words_for(CmrrFeed feed)
{
    switch (feed) {
    case CmrrFeed::separate: return "normal mode";
    case CmrrFeed::common: return "common mode";
    case CmrrFeed::common_leg2: return "common mode, 10 Ω in leg 2";
    case CmrrFeed::common_leg3: return "common mode, 10 Ω in leg 3";
    case CmrrFeed::exchanged: return "leads exchanged";
    }
    return "?";
}

class CmrrRun {
public:
    CmrrRun(engine::Engine& engine, const FeedSwitch& feed_switch, const CmrrOptions& options, const MeasurementObserver& observer,
            const std::function<bool()>& should_stop)
        : engine_{engine}, feed_switch_{feed_switch}, options_{options}, observer_{observer}, should_stop_{should_stop}
    {
        out_.device_under_test = options.device_under_test;
        out_.method = options.method;
        out_.own_input = options.own_input;
        out_.sample_rate_hz = engine.facts().sample_rate_hz;
        out_.fixture = options.fixture;
        out_.quality.source = options.source;
        out_.calibration = options.calibration;
    }

    Result<Cmrr> run()
    {
        auto signal = design_cmrr_signal(out_.sample_rate_hz, loudest_peak);
        if (!signal) return signal.error();
        full_ = std::move(signal).value();
        if (auto done = look_at_legs(); !done) return done.error();
        if (auto done = take_normal(); !done) return done.error();
        auto done = options_.method == CmrrMethod::tied ? take_tied() : take_exchanged();
        if (!done) return done.error();
        return finished();
    }

private:
    Status wire(CmrrFeed feed)
    {
        if (feed == wired_) return Done{};
        // Nobody handles live wires.
        engine_.silence();
        wired_.reset();
        if (auto set = feed_switch_(feed); !set) return set;
        wired_ = feed;
        return Done{};
    }

    /// \param until  none: for all of `at_most`.
    Result<Taken> take(const TonePlan& plan, Second second, const std::string& step, Seconds at_most, std::optional<GainDb> until, const LeadingFigure& leading,
                       const std::string& capture)
    {
        const auto samples = rendered(plan, second);
        const AveragedSignal signal{samples, capture == "common" ? settling_of_iron : settling, step, &plan, capture, true};
        Averaging averaging;
        averaging.until = until;
        averaging.at_most = at_most;
        auto averaged = average(engine_, signal, averaging, leading, observer_, should_stop_);
        if (!averaged) return averaged.error();
        auto reading = analysis::read_multitone(averaged.value().record, plan);
        if (!reading) return reading.error();
        // Time that ran out is told where the user set it.
        const auto before = out_.quality.ending;
        const auto ending = averaged.value().ending;
        describe(averaged.value(), reading.value(), out_.quality);
        if (ending == Ending::time && !options_.averaging.at_most && !options_.averaging.until) out_.quality.ending = before;
        if (options_.keeps_captures) out_.captures.push_back({capture, std::move(averaged.value().record)});
        return Taken{std::move(reading).value(), ending};
    }

    /// Whether each leg reaches the output, and with which sign.
    Status look_at_legs()
    {
        if (auto wired = wire(CmrrFeed::separate); !wired) return wired;
        stimulus::MultitoneOptions quiet;
        quiet.drive_peak = quiet_peak;
        quiet.probe_peak = quiet_peak;
        const auto plan = stimulus::design_multitone(out_.sample_rate_hz, quiet);
        if (!plan) return plan.error();
        const auto taken = take(plan.value(), Second::silent, "both legs, quietly", quiet_time, {}, {}, "legs");
        if (!taken) return taken.error();
        const auto& reading = taken.value().reading;
        const auto leg2 = mean_gain(reading, Signal::drive, 0);
        const auto leg3 = mean_gain(reading, Signal::probe, 0);
        if (!leg2.is_heard() && !leg3.is_heard())
            return Error{"nothing of the test signal arrives at input 1 (less than " + format_fixed(gain_of(4.0 * std::max(leg2.noise, leg3.noise)).value(), 0) +
                         " dB of it): see that outputs 1 and 2 feed pins 2 and 3, that the gear is on, and that its output is on input 1"};
        // A leg on nothing leaves the other one alone, and so does an input that has only one.
        for (const bool third : {false, true}) {
            const auto& silent = third ? leg3 : leg2;
            const auto& other = third ? leg2 : leg3;
            if (silent.gain < silent_leg * other.gain)
                return Error{std::string{"what is on pin "} + (third ? "3" : "2") + " does not reach the output (" + format_db(gain_of(silent.gain / other.gain), 0) +
                             " against pin " + (third ? "2" : "3") + "): this leg's lead is open, or the input is unbalanced and rejects nothing; check the lead"};
        }
        const auto delay2 = analysis::measure_delay(reading, Signal::drive, 0);
        const auto delay3 = analysis::measure_delay(reading, Signal::probe, 0);
        constexpr double least_coherence = 0.8;
        if (delay2 && delay3 && std::min(delay2.value().coherence, delay3.value().coherence) >= least_coherence) {
            if (delay2.value().inverted == delay3.value().inverted)
                return Error{"both legs reach the output with the same sign: what is connected adds its legs and rejects no common mode; see that it is one balanced input, and that "
                             "outputs 1 and 2 are on its pins 2 and 3"};
            if (delay2.value().inverted)
                return Error{"the output is inverted against pin 2: the legs are exchanged between the outputs and the input; exchange the two leads (gear that inverts by "
                             "itself is measured with them exchanged, too)"};
        }
        quiet_normal_ = 0.5 * (loudest_gain(reading, 0) + leg2.gain);
        outputs_ = output_ratio_of(reading, middle_from, middle_to);
        find_reference(reading);
        return Done{};
    }

    /// Input 2 is one where it hears output 1 well.
    void find_reference(const MultitoneReading& reading)
    {
        if (options_.own_input) return;
        constexpr double least_gain = 0.03;
        const auto heard = mean_gain(reading, Signal::drive, 1);
        out_.has_reference = heard.is_heard() && heard.gain > least_gain;
        reference_gain_ = loudest_gain(reading, 1);
        if (!out_.has_reference)
            out_.notes.emplace_back("Input 2 hears nothing of output 1, so the outputs' own resistance is in the figures: connect it to output 1's lead, where it ends, and it is taken off.");
    }

    Status take_normal()
    {
        // ±1 on the legs are 2 between them.
        const double at_output = 2.0 * std::max(quiet_normal_, 1e-6);
        auto level = lower_of(loudest_normal_peak, dbfs_of_peak(sine_peak(wanted_output_peak) / at_output));
        if (out_.has_reference) level = lower_of(level, dbfs_of_peak(sine_peak(highest_reference_peak) / reference_gain_));
        const auto plan = at_level(full_, loudest_peak, level);
        auto taken = take(plan, Second::opposite, words_for(CmrrFeed::separate), normal_time, {}, {}, "separate");
        if (!taken) return taken.error();
        normal_ = std::move(taken.value().reading);
        const auto& residue = normal_.residue[0];
        const double distortion = residue.distortion_rms / tones_rms(normal_, plan, 0);
        if (distortion > most_distortion)
            return Error{std::string{options_.own_input ? "input 1" : "the input under test"} + " clips or distorts in normal mode (" + format_fixed(100.0 * distortion, 0) + " % at an output of " +
                         format_dbfs(dbfs_of_peak(std::max(normal_.peak[0], 1e-9)), 0) + "): turn its gain down, or input 1's, and try again"};
        return Done{};
    }

    /// How loud the common mode may be: quietly first, since what does not reject it would be driven into its limits.
    Status find_level(Second second)
    {
        const auto plan = at_level(full_, loudest_peak, quiet_peak);
        const auto taken = take(plan, second, "common mode, quietly", quiet_time, {}, {}, "quiet");
        if (!taken) return taken.error();
        const auto& reading = taken.value().reading;
        if (out_.has_reference) {
            const auto apart = mean_gain(normal_, Signal::drive, 1).gain;
            const auto tied = mean_gain(reading, Signal::drive, 1).gain;
            constexpr double shorted = 0.25;
            if (tied < shorted * apart)
                return Error{"with the legs tied only " + format_fixed(100.0 * tied / apart, 1) +
                             " % of the signal is left on them: a leg is on ground, and an unbalanced input rejects nothing; if it is a balanced one, look for a short in its lead"};
        }
        const auto ratios = curve_of(reading);
        double strongest = 0.0;
        for (const auto& ratio : ratios)
            if (ratio.frequency >= middle_from && ratio.frequency <= middle_to) strongest = std::max(strongest, std::abs(ratio.value));
        if (strongest * amplitude_ratio(least_rejection) > 1.0)
            return Error{"the common mode comes through (it is rejected by " + format_fixed(std::max(0.0, -gain_of(strongest).value()), 0) +
                         " dB): one leg is open, or the input is unbalanced and has no common-mode rejection to measure; check both leads"};
        // All tones, not only those in the middle: the highest may come through far louder.
        double through = 0.0;
        for (const auto& tone : reading.tones) through = std::max(through, std::abs(tone.leg[0].value) - tone.leg[0].amplitude_interval_95());
        level_ = loudest_peak;
        if (options_.level) level_ = *options_.level;
        else if (through > 0.0) level_ = lower_of(level_, dbfs_of_peak(sine_peak(wanted_output_peak) / through));
        if (out_.has_reference) {
            const auto highest = dbfs_of_peak(sine_peak(highest_reference_peak) / reference_gain_);
            if (highest < level_) out_.notes.emplace_back("Input 2 keeps the common mode below full scale: turn its gain down for more.");
            level_ = lower_of(level_, highest);
        }
        if (level_ > loudest_possible) return Error{"--level cannot be above −0.1 dBFS: its peaks would be cut; give less", ErrorKind::usage};
        return Done{};
    }

    /// Random uncertainty of all points of a curve, the worst; what is at its floor is known to nothing.
    static double worst_of(const RejectionCurve& curve)
    {
        double worst = 0.0;
        const auto look = [&](RejectionRatio ratio) {
            ratio.relative_95 = 0.0;
            const auto value = value_of(ratio);
            constexpr double unknown = 20.0;
            worst = std::max(worst, value.at_floor ? unknown : value.uncertainty_db);
        };
        for (const auto& ratio : curve) look(ratio);
        return worst;
    }

    [[nodiscard]] RejectionCurve curve_of(const MultitoneReading& reading) const
    {
        return rejection_of(reading, normal_, out_.has_reference, outputs_.value_or(OutputRatio{}), outputs_differ_by());
    }

    /// What is not known of the outputs' levels, relative.
    [[nodiscard]] double outputs_differ_by() const { return outputs_ || options_.outputs_match ? 0.0 : unmatched_outputs; }

    /// An input that rejects little takes its legs differently, and that was seen as a difference of the outputs.
    void know_outputs_better(const RejectionCurve& common)
    {
        if (!outputs_) return;
        Complex sum{};
        double count = 0.0;
        for (const auto& ratio : common) {
            if (ratio.frequency < middle_from || ratio.frequency > middle_to) continue;
            sum += ratio.value;
            count += 1.0;
        }
        outputs_ = with_rejection(*outputs_, sum / count);
    }

    /// The figure that settles: CMRR at 1 kHz. Where the user wants nothing in particular, all of the curve is to be known.
    [[nodiscard]] std::optional<Figure> leading_of(const RejectionCurve& curve) const
    {
        const auto at_1khz = between(curve, Hertz{1000.0});
        if (!at_1khz) return std::nullopt;
        const auto value = value_of(*at_1khz);
        Figure figure{"cmrr_db", "CMRR at 1 kHz", value.db, "dB", value.uncertainty_db, value.at_floor ? Figure::Bound::at_least : Figure::Bound::value, Hertz{1000.0}, ""};
        if (!options_.averaging.until) figure.uncertainty = worst_of(curve);
        else if (value.at_floor) figure.uncertainty = 20.0;
        return figure;
    }

    [[nodiscard]] Seconds time_of_each(double steps, double left_over) const
    {
        if (!options_.averaging.at_most) return options_.averaging.until ? Seconds{60.0} : longest_common;
        // What is taken quietly and in normal mode is of it.
        return Seconds{std::max(1.0, (options_.averaging.at_most->value() - left_over) / steps)};
    }

    /// \param curve  as it stands of the feed that is being taken.
    void show_so_far(CmrrFeed feed, const RejectionCurve& curve) const
    {
        if (!options_.curve_so_far || options_.method == CmrrMethod::exchanged) return;
        const auto of = [&](CmrrFeed other, const std::optional<RejectionCurve>& known) { return feed == other ? std::optional{curve} : known; };
        const auto common = of(CmrrFeed::common, common_);
        const auto leg2 = of(CmrrFeed::common_leg2, leg2_);
        const auto leg3 = of(CmrrFeed::common_leg3, leg3_);
        std::vector<CmrrPoint> points;
        for (std::size_t i = 0; i < curve.size(); ++i) points.push_back(point_of(tone_of(common, i), tone_of(leg2, i), tone_of(leg3, i)));
        options_.curve_so_far(points);
    }

    /// One feed at full level; again more quietly where the receiver cannot take it.
    Result<Taken> take_common(CmrrFeed feed, Second second, Seconds at_most, const std::string& capture)
    {
        constexpr int most_retries = 3;
        constexpr GainDb step_down{-10.0};
        for (int retry = 0;; ++retry) {
            const auto plan = at_level(full_, loudest_peak, level_);
            const LeadingFigure leading = [&](const Record& record) -> std::optional<Figure> {
                const auto reading = analysis::read_multitone(record, plan);
                if (!reading) return std::nullopt;
                const auto curve = curve_of(reading.value());
                show_so_far(feed, curve);
                return leading_of(curve);
            };
            auto taken = take(plan, second, words_for(feed), at_most, options_.averaging.until.value_or(usual_until), leading, capture);
            if (!taken) return taken;
            const double distortion = taken.value().reading.residue[0].distortion_rms;
            const double tones = tones_rms(taken.value().reading, plan, 0);
            if (!(distortion > most_common_distortion * tones)) return taken;
            if (options_.level || retry == most_retries)
                return Error{"in common mode the input distorts more (" + format_dbfs(dbfs_of_rms(distortion), 0) + ") than it lets through at " +
                             format_dbfs(level_, 0) + ": it clips; give a lower --level"};
            level_ = level_ + step_down;
            out_.notes.push_back("The input distorts in common mode at " + format_dbfs(level_ + GainDb{10.0}, 0) + ", so it was measured at " +
                                 format_dbfs(level_, 0) + ".");
        }
    }

    Status take_tied()
    {
        if (auto wired = wire(CmrrFeed::common); !wired) return wired;
        if (auto found = find_level(Second::silent); !found) return found;
        const auto each = time_of_each(3.0, 3.0);
        struct Step { CmrrFeed feed; std::optional<RejectionCurve>& curve; const char* capture; };
        for (const auto& step : {Step{CmrrFeed::common, common_, "common"}, Step{CmrrFeed::common_leg2, leg2_, "common-leg-2"}, Step{CmrrFeed::common_leg3, leg3_, "common-leg-3"}}) {
            auto taken = [&]() -> Result<Taken> {
                if (auto wired = wire(step.feed); !wired) return wired.error();
                return take_common(step.feed, Second::silent, each, step.capture);
            }();
            // What is known so far is a result.
            if (!taken && taken.error().kind == ErrorKind::interrupted && should_stop_ && should_stop_() && common_) {
                out_.quality.ending = Ending::stopped;
                return Done{};
            }
            if (!taken) return taken.error();
            if (step.feed == CmrrFeed::common) know_outputs_better(curve_of(taken.value().reading));
            step.curve = curve_of(taken.value().reading);
            if (auto holds = check_imbalance(step.feed); !holds) return holds;
            if (is_cut_short(taken.value().ending)) return Done{};
        }
        return Done{};
    }

    /// 10 Ω change little of a balanced input: what comes through now shows a lead that went off.
    [[nodiscard]] Status check_imbalance(CmrrFeed feed) const
    {
        const auto& curve = feed == CmrrFeed::common ? common_ : feed == CmrrFeed::common_leg2 ? leg2_ : leg3_;
        for (const auto& ratio : *curve)
            if (ratio.frequency >= middle_from && ratio.frequency <= middle_to && std::abs(ratio.value) * amplitude_ratio(least_rejection) > 1.0)
                return Error{"in the step \"" + words_for(feed) + "\" the common mode comes through (it is rejected by " +
                             format_fixed(std::max(0.0, -gain_of(ratio.value).value()), 0) + " dB): a leg came off; check both leads and begin again"};
        return Done{};
    }

    Status take_exchanged()
    {
        if (auto found = find_level(Second::same); !found) return found;
        const auto each = time_of_each(2.0, 3.0);
        auto first = take_common(CmrrFeed::separate, Second::same, each, "common-a");
        if (!first) return first.error();
        if (auto wired = wire(CmrrFeed::exchanged); !wired) return wired;
        auto second = take_common(CmrrFeed::exchanged, Second::same, each, "common-b");
        if (!second) return second.error();
        RejectionCurve of_outputs;
        common_ = exchanged_rejection_of(first.value().reading, second.value().reading, normal_, out_.has_reference, outputs_differ_by(), of_outputs);
        if (const auto source = between(of_outputs, Hertz{1000.0})) source_db_ = value_of(*source).db;
        return Done{};
    }

    static std::optional<RejectionRatio> at(const std::optional<RejectionCurve>& curve, Hertz frequency)
    {
        return curve ? between(*curve, frequency) : std::nullopt;
    }
    static std::optional<RejectionRatio> tone_of(const std::optional<RejectionCurve>& curve, std::size_t i)
    {
        return curve ? std::optional{(*curve)[i]} : std::nullopt;
    }

    Result<Cmrr> finished()
    {
        out_.level = level_;
        for (const auto f : cmrr_figures)
            if (at(common_, f)) out_.figures.push_back(point_of(at(common_, f), at(leg2_, f), at(leg3_, f)));
        for (std::size_t i = 0; i < common_->size(); ++i) out_.curve.push_back(point_of(tone_of(common_, i), tone_of(leg2_, i), tone_of(leg3_, i)));
        const Hertz middle{1000.0};
        const auto gain = std::ranges::min_element(normal_.tones, {}, [](const ToneReading& t) { return std::abs(std::log(t.frequency / Hertz{1000.0})); });
        out_.normal_gain_db = gain_of(0.5 * std::abs(gain->leg[0].value)).value();
        out_.limits = limits_of(out_.at_1khz(), at(common_, middle), at(leg2_, middle), at(leg3_, middle), source_db_);
        if (const auto& leading = procedure::leading_of(out_.at_1khz())) out_.grade = grade_of(leading->db);
        if (outputs_differ_by() > 0.0) out_.notes.emplace_back("The two outputs are taken to have the same level within 0.1 dB; that is 0.05 dB of the uncertainty.");
        if (options_.own_input) out_.notes.emplace_back("Input 1 itself is under test: nothing tells what arrives at the tie, so the outputs' own resistance is in the figures.");
        return std::move(out_);
    }

    static constexpr Dbfs loudest_possible{-0.1};

    engine::Engine& engine_;
    const FeedSwitch& feed_switch_;
    const CmrrOptions& options_;
    const MeasurementObserver& observer_;
    const std::function<bool()>& should_stop_;
    Cmrr out_;
    TonePlan full_;
    std::optional<CmrrFeed> wired_;
    double quiet_normal_{};     // gain of one leg, the highest in the middle of the band
    double reference_gain_{};
    MultitoneReading normal_;
    Dbfs level_{loudest_peak};
    std::optional<RejectionCurve> common_;
    std::optional<RejectionCurve> leg2_;
    std::optional<RejectionCurve> leg3_;
    std::optional<double> source_db_;
    std::optional<OutputRatio> outputs_;   // none: they could not be compared
};

}  // namespace

std::string_view name_of(CmrrFeed feed) noexcept
{
    switch (feed) {
    case CmrrFeed::separate: return "separate";
    case CmrrFeed::common: return "common";
    case CmrrFeed::common_leg2: return "common-leg-2";
    case CmrrFeed::common_leg3: return "common-leg-3";
    case CmrrFeed::exchanged: return "exchanged";
    }
    return "?";
}

std::string drawing_of(CmrrFeed feed, bool own_input)
{
    std::string out;
    switch (feed) {
    case CmrrFeed::separate:
        out = "interface out 1 --+----------> pin 2 of the input\n"
              "                  +----------> interface in 2 (reference)\n"
              "interface out 2 -------------> pin 3 of the input\n";
        break;
    case CmrrFeed::common:
        out = "interface out 1 --+----------> pin 2 of the input\n"
              "                  +----------> pin 3 of the input\n"
              "                  +----------> interface in 2 (reference)\n"
              "interface out 2     on nothing\n";
        break;
    case CmrrFeed::common_leg2:
        out = "interface out 1 --+-- 10 ohm --> pin 2 of the input\n"
              "                  +------------> pin 3 of the input\n"
              "                  +------------> interface in 2 (reference)\n"
              "interface out 2     on nothing\n";
        break;
    case CmrrFeed::common_leg3:
        out = "interface out 1 --+------------> pin 2 of the input\n"
              "                  +-- 10 ohm --> pin 3 of the input\n"
              "                  +------------> interface in 2 (reference)\n"
              "interface out 2     on nothing\n";
        break;
    case CmrrFeed::exchanged:
        out = "interface out 1 --+----------> pin 3 of the input\n"
              "                  +----------> interface in 2 (reference)\n"
              "interface out 2 -------------> pin 2 of the input\n";
        break;
    }
    if (own_input) {
        // The input under test is input 1 itself; there is no reference.
        for (auto at = out.find("(reference)"); at != std::string::npos; at = out.find("(reference)")) {
            const auto begin = out.rfind('\n', at) + 1;
            out.erase(begin, out.find('\n', at) - begin + 1);
        }
        for (auto at = out.find("of the input"); at != std::string::npos; at = out.find("of the input")) out.replace(at, std::string_view{"of the input"}.size(), "of interface in 1");
        return out + "grounds (pin 1) together\n";
    }
    return out + "output of the input's gear ---> interface in 1\ngrounds (pin 1) together\n";
}

FeedSwitch command_feed(std::string command)
{
    return [command = std::move(command)](CmrrFeed feed) { return run_hook(command, "{feed}", name_of(feed), "feed"); };
}

std::string_view id_of(CmrrLimit limit) noexcept
{
    switch (limit) {
    case CmrrLimit::common_mode_impedance: return "common-mode-impedance";
    case CmrrLimit::resistor_match: return "resistor-match";
    case CmrrLimit::source: return "source";
    case CmrrLimit::rig: return "rig";
    }
    return "?";
}

std::string_view words_for(CmrrGrade grade) noexcept
{
    switch (grade) {
    case CmrrGrade::poor: return "poor";
    case CmrrGrade::ordinary: return "ordinary";
    case CmrrGrade::good: return "good";
    case CmrrGrade::very_good: return "very good";
    case CmrrGrade::exceptional: return "exceptional";
    }
    return "?";
}

CmrrGrade grade_of(double db) noexcept
{
    return db < 40.0 ? CmrrGrade::poor : db < 60.0 ? CmrrGrade::ordinary : db < 80.0 ? CmrrGrade::good : db < 100.0 ? CmrrGrade::very_good : CmrrGrade::exceptional;
}

const CmrrPoint& Cmrr::at_1khz() const
{
    return *std::ranges::find(figures, Hertz{1000.0}, &CmrrPoint::frequency);
}

const std::optional<CmrrValue>& leading_of(const CmrrPoint& point) noexcept { return point.iec ? point.iec : point.leg2 ? point.leg2 : point.common; }

Result<Cmrr> measure_cmrr(engine::Engine& engine, const FeedSwitch& feed_switch, const CmrrOptions& options, const MeasurementObserver& observer,
                          const std::function<bool()>& should_stop)
{
    if (auto ok = options.fixture.check(); !ok) return ok.error();
    auto result = CmrrRun{engine, feed_switch, options, observer, should_stop}.run();
    engine.silence();
    return result;
}

}  // namespace lowleg::procedure
