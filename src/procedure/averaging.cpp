#include "procedure/averaging.h"

#include "analysis/multitone.h"
#include "core/text.h"
#include "dsp/resample.h"
#include "dsp/two_clock_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numbers>
#include <string>
#include <utility>

namespace lowleg::procedure {
namespace {

constexpr std::size_t least_periods = 2;
/// Exactly zero on both inputs for so many periods in a row is no accident; neither is an input at full scale.
constexpr std::size_t hopeless_periods = 4;
/// Broken periods for each that is good, before it is given up; some are always forgiven.
constexpr std::size_t most_voided_per_good = 8;
constexpr std::size_t always_forgiven = 60;
constexpr Seconds longest_wait_for_a_figure{60.0};
/// So many periods in a row tell two clocks from an accident.
constexpr std::size_t periods_for_clock = 3;
/// So many periods in a row that do not continue those before, but each other, and something has changed for good.
constexpr std::size_t jumps_of_a_lasting_change = 3;
/// Less is no clock of its own: in a second 20 kHz turns by less than 4° for it, of which averaging over some seconds leaves 0.003 dB.
constexpr double least_clock_offset_ppm = 0.5e-3;

/// Of the tones' power, beside what one clock for all of them explains.
constexpr double most_unexplained = 0.01;

double square(double x) { return x * x; }

std::string during(const AveragedSignal& signal) { return signal.step.empty() ? std::string{} : " (" + signal.step + ")"; }

class Averager {
public:
    Averager(PeriodSource& source, const AveragedSignal& signal, const Averaging& averaging, const LeadingFigure& leading,
             const MeasurementObserver& observer, const std::function<bool()>& should_stop)
        : source_{source}, signal_{signal}, averaging_{averaging}, leading_{leading}, observer_{observer}, should_stop_{should_stop}
    {
    }

    Result<Averaged> run()
    {
        out_.record.sample_rate_hz = source_.sample_rate_hz();
        out_.record.period_frames = static_cast<std::int64_t>(signal_.samples.size() / 2);
        as_captured_ = {out_.record.sample_rate_hz, out_.record.period_frames, {}};
        const auto begin = source_.play(signal_.capture, signal_.samples, signal_.settling);
        if (!begin) return begin.error();
        not_before_ = begin.value();
        while (true) {
            if (is_stopped()) return stopped();
            if (auto taken = take_one(); !taken) {
                if (taken.error().kind == ErrorKind::interrupted && is_stopped()) return stopped();
                if (taken.error().kind != ErrorKind::interrupted || out_.record.periods.size() < least_periods) return taken.error();
                out_.lost_because = taken.error().message;
                return ended(Ending::lost);
            }
            if (is_at_end_) {
                if (out_.record.periods.size() >= least_periods) return ended(averaging_.until || averaging_.at_most ? Ending::time : Ending::settled);
                return Error{"the recording ends before two of its periods can be used" + during(signal_) +
                             (out_.void_reasons.none() ? std::string{} : " (" + describe(out_.void_reasons) + ")") + ": record longer, while the test signal plays in a loop"};
            }
            if (const auto ending = is_enough()) return ended(*ending);
        }
    }

private:
    [[nodiscard]] bool is_stopped() const { return should_stop_ && should_stop_(); }

    Result<Averaged> stopped()
    {
        if (out_.record.periods.size() < least_periods) return Error{"stopped by hand before two periods were whole" + during(signal_), ErrorKind::interrupted};
        return ended(Ending::stopped);
    }

    Averaged ended(Ending ending)
    {
        out_.ending = ending;
        return std::move(out_);
    }

    Status take_one()
    {
        auto period = source_.next_period(not_before_);
        if (!period) return period.error();
        is_at_end_ = !period.value();
        if (is_at_end_) return Done{};
        auto& p = *period.value();
        not_before_ = static_cast<std::uint64_t>(p.first_frame + out_.record.period_frames);
        if (p.faults.has(Fault::restarted)) begin_anew();
        if (!p.faults.none()) return void_one(p.faults);
        put_after_others(p);
        in_a_row_ = 0;
        if (signal_.plan == nullptr) {
            out_.record.periods.push_back(std::move(p));
            return Done{};
        }
        // Of two clocks only what follows on without a gap tells.
        if (!as_captured_.periods.empty() && as_captured_.periods.back().first_frame + out_.record.period_frames != p.first_frame) as_captured_.periods.clear();
        as_captured_.periods.push_back(p);
        if (has_two_clocks_) return put_on_one_clock();
        out_.record.periods.push_back(std::move(p));
        return drop_broken();
    }

    /// The audio was lost and came back: what was captured before is kept as long as what comes continues it.
    void begin_anew()
    {
        as_captured_.periods.clear();
        before_restart_ = out_.record.periods.size();
        is_placed_ = false;
        // Without tones nothing tells whether it does.
        if (signal_.plan == nullptr) drop_before_restart();
    }

    /// Frames were lost or slipped in, and what follows is of one piece again, with another delay: from then on it counts.
    bool adopt_change()
    {
        if (as_captured_.periods.size() < periods_for_clock || !analysis::find_broken_periods(as_captured_, *signal_.plan).empty()) return false;
        // All but the last of these were voided as they came.
        out_.voided += out_.record.periods.size() - as_captured_.periods.size();
        out_.record.periods = as_captured_.periods;
        jumps_in_a_row_ = 0;
        before_restart_ = 0;
        return true;
    }

    void drop_before_restart()
    {
        out_.record.periods.erase(out_.record.periods.begin(), out_.record.periods.begin() + static_cast<std::ptrdiff_t>(before_restart_));
        if (before_restart_ > 0) out_.void_reasons.add(Fault::restarted);
        out_.voided += std::exchange(before_restart_, 0);
    }

    /// A whole number of periods after those from before a restart, as a record wants them.
    void put_after_others(Period& p)
    {
        if (before_restart_ > 0 && !std::exchange(is_placed_, true)) {
            const auto beyond = (p.first_frame + shift_ - out_.record.periods.back().first_frame) % out_.record.period_frames;
            shift_ += (out_.record.period_frames - beyond) % out_.record.period_frames;
        }
        p.first_frame += shift_;
    }

    Status void_one(Faults faults)
    {
        ++out_.voided;
        out_.void_reasons.add(faults);
        in_a_row_ = faults == last_faults_ ? in_a_row_ + 1 : 1;
        last_faults_ = faults;
        if (observer_) observer_({signal_.step, out_.record.periods.size(), out_.signal(), leading_now_, faults});
        if (in_a_row_ >= hopeless_periods && faults.has(Fault::zeros))
            return Error{"both inputs are digitally silent" + during(signal_) + ": nothing is connected in the audio system, or the inputs are muted; connect them and try again"};
        if (in_a_row_ >= hopeless_periods && faults.has(Fault::clipped))
            return Error{"an input is at full scale" + during(signal_) + ": turn its gain down, or lower --level"};
        if (out_.voided > always_forgiven + most_voided_per_good * out_.record.periods.size())
            return Error{"the audio kept breaking" + during(signal_) + " (" + std::to_string(out_.voided) + " periods: " + describe(out_.void_reasons) +
                         "): use a larger buffer in the audio system or a less busy machine"};
        return Done{};
    }

    /// What does not continue the other periods goes, later ones too: they are measured again. Where the tones themselves run fast or slow, it is the clocks.
    Status drop_broken()
    {
        if (!knows_clocks_ && as_captured_.periods.size() == periods_for_clock) {
            knows_clocks_ = true;
            const double ppm = clock_offset_ppm(as_captured_, *signal_.plan);
            has_two_clocks_ = std::abs(ppm) > least_clock_offset_ppm;
            if (has_two_clocks_ && signal_.needs_one_clock) return two_clocks_error(ppm);
            if (has_two_clocks_) return put_on_one_clock();
        }
        if (as_captured_.periods.size() > periods_for_clock) as_captured_.periods.erase(as_captured_.periods.begin());
        auto broken = analysis::find_broken_periods(out_.record, *signal_.plan);
        if (!broken.empty() && before_restart_ > 0) {
            // Delays are others since: what is measured now counts.
            drop_before_restart();
            broken = analysis::find_broken_periods(out_.record, *signal_.plan);
        }
        if (broken.empty()) {
            jumps_in_a_row_ = 0;
            return Done{};
        }
        if (++jumps_in_a_row_ >= jumps_of_a_lasting_change && adopt_change()) return Done{};
        for (const auto i : std::vector<std::size_t>{broken.rbegin(), broken.rend()}) out_.record.periods.erase(out_.record.periods.begin() + static_cast<std::ptrdiff_t>(i));
        out_.voided += broken.size() - 1;
        Faults jump;
        jump.add(Fault::phase_jump);
        return void_one(jump);
    }

    /// All that was captured since the last gap, as it would be on the player's clock. The first period is given up for the resampling, and for where the
    /// others begin.
    Status put_on_one_clock()
    {
        out_.record.periods.clear();
        if (as_captured_.periods.size() < 3) return Done{};
        const double known_ppm = std::exchange(out_.clock_ppm, 0.0);
        Record corrected;
        // Tones off their bins leak into each other and falsify the clock a little: look again at what was corrected.
        for (int pass = 0; pass < 3; ++pass) {
            double rest_ppm = 0.0;
            if (pass == 0) {
                rest_ppm = known_ppm != 0.0 ? known_ppm : clock_offset_ppm(as_captured_, *signal_.plan);
            } else {
                const auto rest = analysis::measure_clock(corrected, *signal_.plan);
                if (!rest) return rest.error();
                rest_ppm = rest.value().offset_ppm;
            }
            out_.clock_ppm += rest_ppm;
            if (std::abs(out_.clock_ppm) > largest_clock_offset_ppm)
                return Error{"the inputs' clock runs " + format_fixed(out_.clock_ppm, 0) + " ppm off the outputs'" + during(signal_) +
                             ", more than two crystals do: choose one device for both, or lock the devices to one clock"};
            corrected = on_players_clock(as_captured_, out_.clock_ppm);
            if (corrected.periods.size() < 2 || std::abs(rest_ppm) < least_clock_offset_ppm) break;
        }
        const auto broken = analysis::find_broken_periods(corrected, *signal_.plan);
        if (broken.empty()) {
            out_.record.periods = std::move(corrected.periods);
            return Done{};
        }
        as_captured_.periods.clear();
        out_.clock_ppm = 0.0;
        Faults jump;
        jump.add(Fault::phase_jump);
        return void_one(jump);
    }

    std::optional<Ending> is_enough()
    {
        const auto periods = out_.record.periods.size();
        if (periods < least_periods) return std::nullopt;
        const auto limit = averaging_.at_most.value_or(averaging_.until ? longest_wait_for_a_figure : averaging_.usual);
        const bool is_over = out_.signal() >= limit;
        if (leading_ && (is_over || periods >= next_look_)) {
            next_look_ = periods < 4 ? periods + 1 : periods + periods / 2;
            leading_now_ = leading_(out_.record);
        }
        if (observer_) observer_({signal_.step, periods, out_.signal(), leading_now_, {}});
        if (averaging_.until && leading_now_ && leading_now_->unit == "dB" && leading_now_->uncertainty <= averaging_.until->value() &&
            periods > least_periods)
            return Ending::settled;
        if (is_over) return averaging_.until || averaging_.at_most ? Ending::time : Ending::settled;
        return std::nullopt;
    }

    PeriodSource& source_;
    const AveragedSignal& signal_;
    const Averaging& averaging_;
    const LeadingFigure& leading_;
    const MeasurementObserver& observer_;
    const std::function<bool()>& should_stop_;
    Averaged out_;
    std::uint64_t not_before_{0};
    bool is_at_end_{false};
    Record as_captured_;            ///< Periods that follow on each other, on the recorder's clock.
    std::size_t before_restart_{0}; ///< Periods of the record from before the audio was lost.
    bool is_placed_{true};
    std::size_t jumps_in_a_row_{0};
    std::int64_t shift_{0};         ///< Frames, of all that came after.
    bool knows_clocks_{false};
    bool has_two_clocks_{false};
    std::size_t in_a_row_{0};
    std::size_t next_look_{least_periods};
    Faults last_faults_;
    std::optional<Figure> leading_now_;
};

}  // namespace

double clock_offset_ppm(const Record& in_a_row, const TonePlan& plan)
{
    std::array<std::vector<double>, 2> legs;
    for (std::size_t leg = 0; leg < 2; ++leg)
        for (const auto& p : in_a_row.periods) legs[leg].insert(legs[leg].end(), p.leg[leg].begin(), p.leg[leg].end());
    dsp::TwoClockTones tones;
    for (const auto& tone : plan.tones) tones.theirs.push_back(static_cast<double>(tone.bin) / static_cast<double>(plan.period_frames));
    tones.largest_offset = 2e-6 * largest_clock_offset_ppm;
    const auto fit = dsp::fit_two_clocks({legs[0], legs[1]}, tones);
    if (!fit) return 0.0;
    // What the loudest tone tells of the offset, against white noise: Rife and Boorstyn's bound, IEEE Trans. Inf. Theory 20(5), 1974.
    const auto frames = static_cast<double>(legs[0].size());
    double most = 0.0;
    for (std::size_t leg = 0; leg < 2; ++leg) {
        const double rms = fit.value().residual_rms[leg];
        double power = 0.0;
        for (const auto& tone : fit.value().theirs[leg]) power += 0.5 * std::norm(tone);
        // Something lost or repeated leaves much more than another clock does; a leg without the tones leaves all.
        if (!(rms > 0.0) || square(rms) > most_unexplained * power) continue;
        for (std::size_t i = 0; i < tones.theirs.size(); ++i) {
            const double turns = 2.0 * std::numbers::pi * tones.theirs[i] * frames;
            most = std::max(most, std::abs(fit.value().theirs[leg][i]) / rms * turns * std::sqrt(frames / 24.0));
        }
    }
    constexpr double sure = 6.0;
    const double ppm = -1e6 * fit.value().offset;
    return most > 0.0 && std::abs(fit.value().offset) > sure / most ? ppm : 0.0;
}

Error two_clocks_error(double ppm)
{
    return Error{"the inputs' clock runs " + format_signed(ppm, 2) + " ppm off the outputs', and what compares several captures in phase needs one clock: choose one device for both, or lock "
                 "the devices to one clock"};
}

Record on_players_clock(const Record& captured, double ppm)
{
    const auto frames = static_cast<std::size_t>(captured.period_frames);
    Record out{captured.sample_rate_hz, captured.period_frames, {}};
    std::array<std::vector<float>, 2> legs;
    for (std::size_t leg = 0; leg < 2; ++leg) {
        std::vector<float> all;
        for (const auto& p : captured.periods) all.insert(all.end(), p.leg[leg].begin(), p.leg[leg].end());
        legs[leg] = dsp::resample(all, 1.0 + 1e-6 * ppm);
    }
    const std::size_t begin = frames - dsp::resample_reach;  // the second period's first frame
    for (std::size_t at = begin; at + frames <= legs[0].size(); at += frames) {
        Period p;
        for (std::size_t leg = 0; leg < 2; ++leg)
            p.leg[leg].assign(legs[leg].begin() + static_cast<std::ptrdiff_t>(at), legs[leg].begin() + static_cast<std::ptrdiff_t>(at + frames));
        p.first_frame = captured.periods.front().first_frame + static_cast<std::int64_t>(frames * (1 + out.periods.size()));
        out.periods.push_back(std::move(p));
    }
    return out;
}

std::string_view id_of(Ending ending) noexcept
{
    switch (ending) {
    case Ending::settled: return "settled";
    case Ending::time: return "time";
    case Ending::stopped: return "stopped";
    case Ending::lost: return "lost";
    }
    return "?";
}

Result<Averaged> average(engine::Engine& engine, const AveragedSignal& signal, const Averaging& averaging, const LeadingFigure& leading,
                         const MeasurementObserver& observer, const std::function<bool()>& should_stop)
{
    EngineSource source{engine};
    return average(source, signal, averaging, leading, observer, should_stop);
}

Result<Averaged> average(PeriodSource& source, const AveragedSignal& signal, const Averaging& averaging, const LeadingFigure& leading, const MeasurementObserver& observer,
                         const std::function<bool()>& should_stop)
{
    return Averager{source, signal, averaging, leading, observer, should_stop}.run();
}

}  // namespace lowleg::procedure
