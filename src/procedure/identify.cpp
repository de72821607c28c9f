#include "procedure/identify.h"

#include "analysis/decay.h"
#include "analysis/estimator.h"
#include "analysis/multitone.h"
#include "core/text.h"
#include "procedure/averaging.h"
#include "procedure/capture_watch.h"
#include "procedure/fixture_levels.h"
#include "procedure/headroom.h"
#include "procedure/no_drive.h"
#include "procedure/player_reading.h"
#include "procedure/switch_check.h"
#include "stimulus/multitone.h"
#include "topology/observation.h"
#include "topology/two_port.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <span>
#include <thread>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::MultitoneReading;

/// The first sound that the DUT hears, to see what it does with it.
constexpr GainDb first_reduction{-20.0};
/// Grounding pin 3 is done at this level below the others: an op amp that is shorted by it then stays far from its limits.
constexpr GainDb grounded_reduction{-12.0};

/// Nothing of a state is used before this much signal after the switch has moved: contacts bounce, coupling capacitors settle.
constexpr Seconds settling{0.15};

/// The first sounds only tell what may follow.
constexpr Seconds settling_of_first{0.05};

/// Direct voltage at an input from which on nothing is loaded: half of a single supply is several times as much, and so is phantom
/// power; what is below drives less than 1 mA through Rg into or out of any line output (0 dBFS being +24 dBu).
constexpr double largest_direct_voltage = 0.05;
/// The crest of the test signal's sum, some of it for the phases that a DUT turns.
constexpr double crest = 4.0;
/// A short at pin 3 may draw so much at its peaks, with 0 dBFS taken for +24 dBu where nobody knows better.
constexpr double largest_short_ampere = 0.010;
constexpr Dbu assumed_full_scale{24.0};
/// Below this at both legs, the probe alone cannot exclude that they are a power amplifier's. (20 Ω; a level that is 8 dB off included.)
constexpr GainDb stiff_probe{-54.0};
constexpr Ohms power_amplifier{1.0};

/// Exactly zero on both inputs for so many periods in a row is no accident.
constexpr std::size_t hopeless_periods = 4;
/// After so many broken periods the clocks are compared, from so many that follow on each other.
constexpr std::size_t voided_before_clocks = 12;
constexpr std::size_t periods_for_clock = 3;

struct Playing {
    TonePlan plan;
    std::vector<float> samples;
};

/// What of the plan the interface plays.
std::vector<float> render_own(TonePlan plan, DriveFrom drive)
{
    if (drive != DriveFrom::interface) std::erase_if(plan.tones, [](const Tone& t) { return t.signal == Signal::drive; });
    return stimulus::render(plan);
}

Playing at_level(const Playing& full, GainDb gain, DriveFrom drive)
{
    Playing out = full;
    const double factor = amplitude_ratio(gain);
    for (auto& tone : out.plan.tones)
        if (drive == DriveFrom::interface || tone.signal == Signal::probe) tone.amplitude *= factor;
    out.samples = render_own(out.plan, drive);
    return out;
}

enum class Loudness : std::uint8_t { silent, first, reduced, full };

struct StateCapture {
    MultitoneReading reading{};
    std::size_t voided{};
    Faults void_reasons;
};

class Identifier {
public:
    Identifier(engine::Engine& engine, FixtureSwitch& fixture_switch, const IdentifyOptions& options,
               const std::function<void(const IdentifyProgress&)>& progress, const std::function<bool()>& should_stop)
        : engine_{engine}, switch_{fixture_switch}, options_{options}, progress_{progress}, should_stop_{should_stop}
    {
    }

    Result<Identification> run()
    {
        if (auto status = prepare(); !status) return status.error();
        auto taken = take_states();
        if (taken && options_.headroom && may_load_ && !readings_.empty()) taken = look_for_headroom();
        engine_.silence();
        if (!taken && !(stopped_for_safety_ && readings_.contains(SwitchState::through))) return taken.error();
        return conclude();
    }

private:
    Status prepare()
    {
        if (auto ok = options_.fixture.check(); !ok) return ok.error();
        if (std::find(options_.states.begin(), options_.states.end(), SwitchState::through) == options_.states.end())
            return Error{"the states lack \"through\": every verdict starts from it, add it to --states", ErrorKind::usage};
        if (auto ok = check_drive(options_); !ok) return ok;
        if (options_.periods < 2) return Error{"at least 2 periods of each state are needed: raise --periods", ErrorKind::usage};
        auto plan = stimulus::design_multitone(engine_.facts().sample_rate_hz);
        if (!plan) return plan.error();
        full_.plan = std::move(plan).value();
        if (!options_.fixture.probe)
            std::erase_if(full_.plan.tones, [](const Tone& t) { return t.signal == Signal::probe; });
        full_.samples = render_own(full_.plan, options_.drive);
        return Done{};
    }

    [[nodiscard]] bool is_wanted(SwitchState state) const { return std::ranges::find(options_.states, state) != options_.states.end(); }

    Status take_states()
    {
        if (auto status = take(SwitchState::through); !status) return status;
        if (!may_go_on()) return explain_end();
        check_direct_voltage();
        // What `lifted` tells of the probe decides whether stiff legs may be loaded, and whether there is a probe at all; lifting is always safe.
        const bool lift_first = may_load_ && is_wanted(SwitchState::lifted) && (legs_look_stiff() || misses_probe());
        if (lift_first)
            if (auto status = take(SwitchState::lifted); !status) return status;
        if (may_load_) check_power_amplifier();
        if (may_load_ && (is_wanted(SwitchState::loaded) || is_wanted(SwitchState::grounded))) check_line_output();
        for (const auto state : {SwitchState::loaded, SwitchState::grounded, SwitchState::lifted}) {
            if (!is_wanted(state) || readings_.contains(state)) continue;
            if (state != SwitchState::lifted && !may_load_) continue;
            if (state == SwitchState::grounded && !may_ground()) continue;
            if (auto status = take(state); !status) return status;
        }
        return Done{};
    }

    Status move_switch(SwitchState state)
    {
        // To the probe alone a floating output reads the same in "through" and "lifted": whoever moves the switch is believed.
        auto ok = playing_ == Loudness::silent || options_.drive == DriveFrom::nothing ? switch_(state)
                                               : switch_(state, {engine_, playing_ == Loudness::reduced ? reduced_.plan : full_.plan, readings_});
        // A stop reaches the command that moves the switch, too.
        if (!ok && ok.error().kind == ErrorKind::failure && is_stopped()) return stopped(state);
        return ok;
    }

    /// Plays, moves the switch, and measures one state.
    Status take(SwitchState state)
    {
        report({IdentifyProgress::Step::switching, state, 0, options_.periods, {}});
        // The level falls before pin 3 is shorted, and rises only after it is free again.
        const auto level = state == SwitchState::grounded ? Loudness::reduced : Loudness::full;
        const bool is_first = playing_ == Loudness::silent;
        if (level == Loudness::reduced)
            if (auto ok = play(level); !ok) return ok;
        // The first state is set in silence.
        if (auto ok = move_switch(state); !ok) return ok;
        // Frames of the state before do not count. What was captured of another play is left out by the engine.
        const auto not_before = is_first ? std::uint64_t{0} : engine_.frames_handled();
        // A player is as loud as it is set to be.
        if (is_first && options_.drive != DriveFrom::player) {
            if (auto ok = play(Loudness::first); !ok) return ok;
            auto low = measure(state, first_.plan, 1, not_before);
            if (!low) return low.error();
            if (auto ok = check_first(low.value().reading); !ok) return ok;
            first_reading_ = std::move(low.value().reading);
            note_faults(low.value());
        }
        if (playing_ != level)
            if (auto ok = play(level); !ok) return ok;

        auto capture = measure(state, level == Loudness::reduced ? reduced_.plan : full_.plan, options_.periods, not_before);
        if (!capture) {
            // What is known of the first state is what the first sounds told.
            if (stopped_for_safety_ && is_first && first_reading_) {
                quality_.states.push_back(state);
                quality_.periods = first_reading_->periods;
                readings_.emplace(state, std::move(*first_reading_));
            }
            return capture.error();
        }
        auto& c = capture.value();
        if (is_first)
            if (auto ok = check_howl(c.reading); !ok) return ok;
        quality_.states.push_back(state);
        played_.push_back(played_signal(std::string{name_of(state)}, level == Loudness::reduced ? reduced_.samples : full_.samples));
        note_faults(c);
        quality_.periods = quality_.periods == 0 ? c.reading.periods : std::min(quality_.periods, c.reading.periods);
        const auto periods = c.reading.periods;
        readings_.emplace(state, std::move(c.reading));
        report_taken(state, periods);
        wrong_move_ = find_wrong_move(options_.drive == DriveFrom::nothing ? without_drive(readings_) : readings_, options_.fixture, options_.source == Source::virtual_bench ? Ohms{0.0} : least_of_contacts);
        if (wrong_move_ && wrong_move_->spoils) return Error{wrong_move_->says};
        return Done{};
    }

    /// After `through` has ended it: what `lifted` tells of the probe may say why. Lifting is always safe.
    Status explain_end()
    {
        if (options_.fixture.probe && is_wanted(SwitchState::lifted) && may_be_open())
            if (auto status = take(SwitchState::lifted); !status) return status;
        if (wrong_move_) stopped_early_ = "Only " + std::string{readings_.contains(SwitchState::lifted) ? "\"through\" and \"lifted\" were" : "\"through\" was"} +
                                          " measured: " + wrong_move_->says + ".";
        return Done{};
    }

    /// Pin 2 may be on nothing, or carries no drive: nothing grounded tells so, of whatever level the probe is.
    [[nodiscard]] bool may_be_open() const
    {
        constexpr double least = 0.003;  // what 30 Ω leave of the probe
        const auto& through = readings_.at(SwitchState::through);
        const bool has_drive = rms_transfer(through, Signal::drive, 0) > least || rms_transfer(through, Signal::drive, 1) > least;
        return !has_drive || rms_transfer(through, Signal::probe, 0) > least;
    }

    [[nodiscard]] bool misses_probe() const { return options_.fixture.probe && !hears_probe(); }

    void note_faults(const StateCapture& capture)
    {
        quality_.voided += capture.voided;
        quality_.void_reasons.add(capture.void_reasons);
    }

    Status play(Loudness loudness)
    {
        if (loudness == Loudness::first && first_.samples.empty()) first_ = at_level(full_, first_reduction, options_.drive);
        if (loudness == Loudness::reduced && reduced_.samples.empty()) reduced_ = at_level(full_, grounded_reduction, options_.drive);
        const auto& signal = loudness == Loudness::first ? first_ : loudness == Loudness::reduced ? reduced_ : full_;
        if (auto ok = engine_.play(signal.samples); !ok) return ok;
        playing_ = loudness;
        return Done{};
    }

    /// An error where the user ends it, or the capture.
    Result<Period> next_period(PeriodCapture& capture, SwitchState state)
    {
        if (is_stopped()) return stopped(state);
        auto period = capture.next(should_stop_);
        if (is_stopped()) return stopped(state);
        if (!period && capture.unsafe()) return unsafe(state, *capture.unsafe());
        return period;
    }

    /// One sentence of a state in which too many periods broke.
    [[nodiscard]] Error kept_breaking(SwitchState state, const StateCapture& out, std::string_view advice) const
    {
        return Error{"the audio kept breaking in the state \"" + std::string{name_of(state)} + "\" (" + std::to_string(out.voided) + " periods: " +
                     describe(out.void_reasons) + "): " + std::string{advice} + "use a larger buffer in the audio system or a less busy machine"};
    }

    Result<StateCapture> measure(SwitchState state, const TonePlan& played, std::size_t wanted, std::uint64_t not_before)
    {
        if (options_.drive == DriveFrom::player) return measure_played(state, played, wanted, not_before);
        const double rate = engine_.facts().sample_rate_hz;
        report({IdentifyProgress::Step::settling, state, 0, wanted, {}});

        const auto settle = state == SwitchState::through && wanted == 1 ? settling_of_first : settling;
        PeriodCapture capture{engine_, played.period_frames, not_before, static_cast<std::int64_t>(settle.value() * rate)};
        StateCapture out;
        TonePlan plan = played;
        Record record{rate, plan.period_frames, {}};
        std::optional<Distortion> distortion_before;
        Record in_a_row{rate, plan.period_frames, {}};
        std::size_t silent_in_a_row = 0;
        while (true) {
            auto period = next_period(capture, state);
            if (!period) return period.error();
            plan = plan_from(played, capture.position());
            auto& p = period.value();

            if (!p.faults.none()) {
                void_period(out, state, record, wanted, p.faults);
                silent_in_a_row = p.faults.has(Fault::zeros) ? silent_in_a_row + 1 : 0;
                if (silent_in_a_row >= hopeless_periods) return silent_inputs();
            } else {
                silent_in_a_row = 0;
                add_in_a_row(in_a_row, p);
                const auto distortion = distortion_of(p, plan);
                if (distortion && distortion_before)
                    if (const auto reason = jump_between(*distortion_before, *distortion)) return unsafe(state, *reason);
                distortion_before = distortion;
                record.periods.push_back(std::move(p));
                if (auto settled = let_settle(capture, out, state, record, wanted, played); !settled) {
                    if (capture.unsafe()) return unsafe(state, *capture.unsafe());
                    return settled.error();
                }
                plan = plan_from(played, capture.position());
                drop_broken(out, state, record, wanted, plan);
                report({IdentifyProgress::Step::measuring, state, record.periods.size(), wanted, {}});
            }
            if (out.voided >= voided_before_clocks && out.void_reasons.has(Fault::phase_jump) && in_a_row.periods.size() == periods_for_clock)
                if (const double ppm = clock_offset_ppm(in_a_row, played); ppm != 0.0) return two_clocks_error(ppm);
            if (out.voided > options_.max_voided)
                return kept_breaking(state, out, "");
            if (record.periods.size() >= wanted) break;
        }
        quality_.signal = quality_.signal + Seconds{static_cast<double>(capture.frames_used()) / rate};
        if (auto ok = check_channels(record, state); !ok) return ok.error();
        auto reading = read(record, plan);
        if (!reading) return reading.error();
        out.reading = std::move(reading).value();
        keep(state, record, wanted);
        return out;
    }

    /// The last few that follow on each other without a gap: what tells two clocks from an accident.
    static void add_in_a_row(Record& in_a_row, const Period& p)
    {
        auto& periods = in_a_row.periods;
        if (!periods.empty() && periods.back().first_frame + in_a_row.period_frames != p.first_frame) periods.clear();
        if (periods.size() == periods_for_clock) periods.erase(periods.begin());
        periods.push_back(p);
    }

    /// The first sounds, one period, are not kept.
    void keep(SwitchState state, const Record& record, std::size_t wanted) const
    {
        if (options_.keep_capture && wanted > 1) options_.keep_capture(state, record);
    }

    /// A signal on pin 3 alone is gone where pin 3 is lifted or grounded.
    [[nodiscard]] bool must_hear_player() const
    {
        const auto through = readings_.find(SwitchState::through);
        if (through == readings_.end()) return true;
        return rms_transfer(through->second, Signal::drive, 0) > 0.05 * rms_transfer(through->second, Signal::drive, 1);
    }

    static Result<MultitoneReading> read(const Record& record, const TonePlan& plan)
    {
        auto reading = analysis::read_multitone(without_decay(record), plan);
        if (!reading) return reading;
        // A slow decay is direct voltage, too.
        for (const std::size_t leg : {0U, 1U}) {
            double sum = 0.0;
            for (const auto& period : record.periods)
                for (const float x : period.leg.at(leg)) sum += static_cast<double>(x);
            reading.value().dc.at(leg) = sum / static_cast<double>(record.periods.size() * static_cast<std::size_t>(plan.period_frames));
        }
        return reading;
    }

    /// As measure(), of what the DUT plays on its own clock: that shows in periods that follow on each other alone, so a broken one voids those before.
    Result<StateCapture> measure_played(SwitchState state, const TonePlan& played, std::size_t wanted, std::uint64_t not_before)
    {
        const double rate = engine_.facts().sample_rate_hz;
        report({IdentifyProgress::Step::settling, state, 0, wanted, {}});
        PeriodCapture capture{engine_, played.period_frames, not_before, static_cast<std::int64_t>(settling.value() * rate)};
        StateCapture out;
        Record record{rate, played.period_frames, {}};
        std::size_t silent_in_a_row = 0;
        while (true) {
            auto period = next_period(capture, state);
            if (!period) return period.error();
            if (out.voided > options_.max_voided)
                return kept_breaking(state, out, "see that the player plays without gaps, ");
            auto& p = period.value();
            if (!p.faults.none()) {
                record.periods.clear();
                void_period(out, state, record, wanted, p.faults);
                silent_in_a_row = p.faults.has(Fault::zeros) ? silent_in_a_row + 1 : 0;
                if (silent_in_a_row >= hopeless_periods) return silent_inputs();
                continue;
            }
            silent_in_a_row = 0;
            record.periods.push_back(std::move(p));
            report({IdentifyProgress::Step::measuring, state, record.periods.size(), wanted, {}});
            if (record.periods.size() < wanted) continue;

            const auto plan = plan_from(played, capture.position());
            const auto one_clock = onto_one_clock(record, plan);
            if (!one_clock) return one_clock.error();
            if (must_hear_player())
                if (auto ok = check_player(one_clock.value(), state, !readings_.empty()); !ok) return ok.error();
            const auto settled = without_decay(one_clock.value().record);
            if (!analysis::find_broken_periods(settled, plan).empty()) {
                const bool settles = is_settling(settled, plan);
                Faults jump;
                jump.add(Fault::phase_jump);
                if (settles && settling_quarters_ >= 4) {
                    settling_quarters_ -= 4;
                    record.periods.erase(record.periods.begin());
                    void_period(out, state, record, wanted, jump);
                    continue;
                }
                // What still settles then shows in the scatter of the periods. All else is a break, of which only one side has this clock.
                if (!settles) {
                    record.periods.clear();
                    void_period(out, state, record, wanted, jump);
                    continue;
                }
            }
            quality_.signal = quality_.signal + Seconds{static_cast<double>(capture.frames_used()) / rate};
            if (auto ok = check_channels(record, state); !ok) return ok.error();
            auto reading = read(one_clock.value().record, plan);
            if (!reading) return reading.error();
            out.reading = std::move(reading).value();
            widen(out.reading, one_clock.value());
            played_at_[state] = {one_clock.value().middle_frame, record.periods.front().first_frame - capture.position(), one_clock.value().clock_ppm};
            if (state == SwitchState::through) quality_.clock_ppm = one_clock.value().clock_ppm;
            keep(state, record, wanted);
            return out;
        }
    }

    /// What one period holds beside the tones, at both legs, full scale = 1.
    struct Distortion {
        std::array<double, 2> products;  ///< On bins where products of the tones fall.
        std::array<double, 2> noise;
        std::array<double, 2> tones;
    };

    /// \return none when a single period of this signal does not show it.
    static std::optional<Distortion> distortion_of(const Period& period, const TonePlan& plan)
    {
        const analysis::DoublePeriods samples{Record{plan.sample_rate_hz, plan.period_frames, {period}}};
        const auto reading = analysis::read_multitone(samples.views(), plan, analysis::HumRemoval::off);
        if (!reading) return std::nullopt;
        Distortion out{};
        for (const std::size_t leg : {0U, 1U}) {
            out.products.at(leg) = reading.value().residue.at(leg).distortion_rms;
            out.noise.at(leg) = reading.value().residue.at(leg).noise_rms;
            double power = 0.0;
            for (std::size_t i = 0; i < plan.tones.size(); ++i) power += 0.5 * std::norm(plan.tones[i].amplitude * reading.value().tones[i].leg.at(leg).value);
            out.tones.at(leg) = std::sqrt(power);
        }
        return out;
    }

    /// A break of the audio spills over all bins, a signal that bends over the products of the tones.
    static std::optional<std::string> jump_between(const Distortion& before, const Distortion& now)
    {
        for (const std::size_t leg : {0U, 1U}) {
            const double more = now.products.at(leg) - before.products.at(leg);
            if (now.products.at(leg) > 4.0 * before.products.at(leg) && more > 0.003 * now.tones.at(leg) && now.products.at(leg) > now.noise.at(leg))
                return "the distortion at pin " + std::to_string(leg + 2) + " jumped to " + format_fixed(100.0 * now.products.at(leg) / now.tones.at(leg), 1) + " %";
        }
        return std::nullopt;
    }

    /// The drive is to stop. \return the error that stands where there is no result.
    Error unsafe(SwitchState state, const std::string& reason)
    {
        engine_.silence();
        stopped_for_safety_ = true;
        may_load_ = false;
        if (is_loud_by_itself()) return howls("the drive was stopped in the state \"" + std::string{name_of(state)} + "\", because " + reason + ", and");
        const auto sentence = "the drive was stopped in the state \"" + std::string{name_of(state)} + "\", because " + reason +
                              (options_.drive == DriveFrom::player ? ": let the player play the test signal, and nothing else, in a loop, or " : ": ") +
                              "lower the input gain or the DUT's output level, see whether the DUT is overloaded or protects itself, and measure again";
        stopped_early_ = "T" + sentence.substr(1) + ".";
        return Error{sentence, ErrorKind::interrupted};
    }

    /// What neither repeats nor was played, and is louder than the signal, may be howling.
    Status check_howl(const MultitoneReading& reading)
    {
        constexpr Dbfs loud{-40.0};
        const bool is_suspected = std::ranges::any_of(std::array{0U, 1U}, [&](std::size_t leg) {
            const auto noise = reading.residue.at(leg).noise_rms;
            return noise > rms_of_drive(reading, leg) && dbfs_of_rms(noise) > loud;
        });
        if (!is_suspected) return Done{};
        const auto playing = playing_;
        engine_.silence();
        playing_ = Loudness::silent;
        if (!is_loud_by_itself()) return play(playing);
        stopped_for_safety_ = true;
        may_load_ = false;
        return howls("the drive was stopped, because");
    }

    /// \param because  the beginning of the sentence.
    Error howls(const std::string& because)
    {
        wrong_move_ = FoundMove{WrongMove::feedback,
                                because + " the inputs are loud with nothing played: the output comes back into the device under test (a mixer's return, direct "
                                          "monitoring of the interface), or it plays something of its own; end that, and measure again"};
        stopped_early_ = as_sentence(wrong_move_->says);
        return Error{wrong_move_->says, ErrorKind::interrupted};
    }

    /// Whether an input is loud while nothing is played: what howls goes on. \pre the engine is silent.
    [[nodiscard]] bool is_loud_by_itself()
    {
        if (options_.drive == DriveFrom::player) return false;  // goes on playing
        constexpr Seconds dies_away{0.25};  // of any gear but reverberation
        constexpr Seconds listened_to{0.1};
        const auto wait_for = [&](Seconds signal) {
            const auto until = engine_.frames_handled() + static_cast<std::uint64_t>(signal.value() * engine_.facts().sample_rate_hz);
            const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{2};
            while (engine_.frames_handled() < until) {
                if (std::chrono::steady_clock::now() > deadline || is_stopped()) return false;
                std::this_thread::sleep_for(std::chrono::milliseconds{1});
            }
            return true;
        };
        if (!wait_for(dies_away)) return false;
        (void)engine_.take_input_peaks();
        if (!wait_for(listened_to)) return false;
        const auto peaks = engine_.take_input_peaks();
        return std::max(peaks[0], peaks[1]) > static_cast<float>(amplitude_ratio(GainDb{-30.0}));
    }

    /// What the first sounds tell of full level.
    Status check_first(const MultitoneReading& reading)
    {
        for (const std::size_t leg : {0U, 1U}) {
            double power = 0.0;
            for (std::size_t i = 0; i < reading.tones.size(); ++i) power += 0.5 * std::norm(full_.plan.tones[i].amplitude * reading.tones[i].leg.at(leg).value);
            const double predicted = std::abs(reading.dc.at(leg)) + crest * std::sqrt(power);
            if (predicted < 1.0) continue;
            return unsafe(SwitchState::through, "input " + std::to_string(leg + 1) + " (pin " + std::to_string(leg + 2) +
                                                    ") would be at full scale at the level of the measurement");
        }
        return Done{};
    }

    [[nodiscard]] bool is_stopped() const { return should_stop_ && should_stop_(); }

    static Error stopped(SwitchState state)
    {
        return Error{"stopped by hand while measuring \"" + std::string{name_of(state)} + "\": nothing was decided", ErrorKind::interrupted};
    }

    void void_period(StateCapture& out, SwitchState state, const Record& record, std::size_t wanted, Faults faults) const
    {
        ++out.voided;
        out.void_reasons.add(faults);
        report({IdentifyProgress::Step::voided, state, record.periods.size(), wanted, faults});
    }

    /// Whether what is not steady is so at the lowest frequencies, and next to nothing above: a DUT that settles. A break of the audio turns
    /// the highest tones most.
    static bool is_settling(const Record& record, const TonePlan& plan)
    {
        constexpr Hertz highest_of_settling{150.0};
        constexpr double next_to_nothing = 1e-3;  // of a tone; one frame turns it by 0.02 at 150 Hz
        const analysis::DoublePeriods samples{record};
        std::optional<MultitoneReading> first;
        double strongest = 0.0;
        for (const auto& period : samples.views()) {
            auto reading = analysis::read_multitone(std::span{&period, 1}, plan, analysis::HumRemoval::off);
            if (!reading) return false;
            if (!first) {
                first = std::move(reading).value();
                for (const auto& tone : first->tones) strongest = std::max({strongest, std::abs(tone.leg[0].value), std::abs(tone.leg[1].value)});
                continue;
            }
            for (std::size_t i = 0; i < plan.tones.size(); ++i)
                for (const std::size_t leg : {0U, 1U}) {
                    const auto now = reading.value().tones[i].leg.at(leg).value;
                    const auto then = first->tones[i].leg.at(leg).value;
                    if (first->tones[i].frequency < highest_of_settling || std::abs(then) < 0.1 * strongest) continue;
                    if (std::abs(now - then) > next_to_nothing * std::abs(then)) return false;
                }
        }
        return true;
    }

    static Record without_decay(Record record)
    {
        analysis::remove_decay(record);
        return record;
    }

    /// What still settles is waited for, a quarter of a period at a time, as long as the verdict may take. What then is left of it shows in the
    /// scatter of the periods, and so in the uncertainty.
    Status let_settle(PeriodCapture& capture, StateCapture& out, SwitchState state, Record& record, std::size_t wanted, const TonePlan& played)
    {
        if (record.periods.size() < std::max<std::size_t>(wanted, 2)) return Done{};
        for (bool is_told = false; settling_quarters_ > 0; --settling_quarters_) {
            const auto plan = plan_from(played, capture.position());
            const auto settled = without_decay(record);
            if (analysis::find_broken_periods(settled, plan).empty() || !is_settling(settled, plan)) break;
            Faults jump;
            jump.add(Fault::phase_jump);
            if (!std::exchange(is_told, true)) void_period(out, state, record, wanted, jump);
            const auto slid = capture.slide(record, should_stop_);
            if (!slid) return slid.error();
            if (!slid.value()) break;
        }
        return Done{};
    }

    /// Throws out the periods that do not continue the others, unless the DUT still settles.
    void drop_broken(StateCapture& out, SwitchState state, Record& record, std::size_t wanted, const TonePlan& plan) const
    {
        if (record.periods.size() < wanted) return;
        const auto settled = without_decay(record);
        const auto broken = analysis::find_broken_periods(settled, plan);
        if (broken.empty() || is_settling(settled, plan)) return;
        for (auto index = broken.rbegin(); index != broken.rend(); ++index) {
            record.periods.erase(record.periods.begin() + static_cast<std::ptrdiff_t>(*index));
            Faults jump;
            jump.add(Fault::phase_jump);
            void_period(out, state, record, wanted, jump);
        }
    }

    [[nodiscard]] Error silent_inputs() const
    {
        if (!readings_.empty())
            return Error{"both inputs turned exactly zero after " + std::to_string(readings_.size()) +
                         " state(s) were measured: the device or what it is connected to went away; reconnect it and measure again",
                         ErrorKind::interrupted};
        return Error{"both inputs are exactly zero: the device delivers no signal at all; check that the right inputs are chosen (--in) and connected"};
    }

    [[nodiscard]] Status check_channels(const Record& record, SwitchState state) const
    {
        // Each input has noise of its own; gear that is simulated without any gives the same on both legs, but not when one of them is taken away.
        const bool can_be_same = options_.source == Source::virtual_bench && (state == SwitchState::through || state == SwitchState::loaded);
        const auto is_same = [](const Period& p) { return p.leg[0] == p.leg[1]; };
        if (!can_be_same && !record.periods.empty() && std::ranges::all_of(record.periods, is_same))
            return Error{"both inputs deliver the same samples, noise and all: choose the channels of pin 2 and pin 3 (--in), and see that nothing in the audio system "
                         "makes one of two"};
        for (const std::size_t leg : {0U, 1U}) {
            const bool alive = std::any_of(record.periods.begin(), record.periods.end(), [&](const Period& p) {
                return std::any_of(p.leg.at(leg).begin(), p.leg.at(leg).end(), [](float x) { return x != 0.0F; });
            });
            if (!alive)
                return Error{"input " + std::to_string(leg + 1) + " (pin " + std::to_string(leg + 2) +
                             ") is exactly zero while the other is not: choose the right inputs with --in, or unmute it"};
        }
        return Done{};
    }

    [[nodiscard]] Result<topology::Observations> observe_so_far() const
    {
        topology::ObserveOptions o;
        // The bench has what its fixture says.
        o.gain_tolerance = options_.gain_tolerance.value_or(options_.source == Source::virtual_bench ? 0.0 : topology::uncalibrated_gain_tolerance);
        o.has_drive = options_.drive != DriveFrom::nothing;
        if (options_.drive == DriveFrom::player) return observe_played(readings_, played_at_, options_.fixture, o);
        return topology::observe(readings_, options_.fixture, o);
    }

    /// After `through`: with the legs exchanged, or without a signal, nothing may be loaded or can be learnt from it.
    bool may_go_on()
    {
        const auto o = observe_so_far();
        if (!o) return false;
        const auto v = topology::judge(o.value());
        if (v.pin3_hot) {
            stopped_early_ = "Only \"through\" was measured: the signal is on pin 3, so nothing was grounded.";
            return false;
        }
        if (v.outcome == topology::Outcome::no_signal) {
            stopped_early_ = "Only \"through\" was measured: neither leg carries the drive.";
            return false;
        }
        return true;
    }

    void stop_loading(std::string why, bool for_safety)
    {
        may_load_ = false;
        stopped_for_safety_ = stopped_for_safety_ || for_safety;
        stopped_early_ = std::move(why);
    }

    void check_direct_voltage()
    {
        const auto& dc = readings_.at(SwitchState::through).dc;
        const std::size_t leg = std::abs(dc[1]) > std::abs(dc[0]) ? 1 : 0;
        const double most = std::abs(dc.at(leg));
        if (most < topology::least_direct_voltage) return;
        const auto found = "pin " + std::to_string(leg + 2) + " carries a direct voltage of " + format_fixed(100.0 * most, 1) + " % of the input's full scale";
        if (most < largest_direct_voltage) {
            notes_.push_back("P" + found.substr(1) + ": an offset of the DUT, or of the interface itself.");
            return;
        }
        stop_loading("Nothing was loaded or grounded, because " + found +
                         ": a bridged or single-supply output, phantom power, or a servo that has latched up; find out which before anything is connected to it.",
                     true);
    }

    [[nodiscard]] bool hears_probe() const
    {
        const auto& tones = readings_.at(SwitchState::through).tones;
        return options_.fixture.probe && std::ranges::any_of(tones, [](const analysis::ToneReading& t) {
            return t.signal == Signal::probe && (std::abs(t.leg[0].value) > 6.0 * t.leg[0].sigma || std::abs(t.leg[1].value) > 6.0 * t.leg[1].sigma);
        });
    }

    /// Both legs carry the drive, in opposite phase.
    [[nodiscard]] bool is_antiphase() const
    {
        const auto& through = readings_.at(SwitchState::through);
        double together = 0.0;
        for (const auto& tone : through.tones)
            if (tone.signal == Signal::drive && tone.frequency < highest_resistive) together += (tone.leg[0].value * std::conj(tone.leg[1].value)).real();
        const double pin2 = rms_transfer(through, Signal::drive, 0);
        const double pin3 = rms_transfer(through, Signal::drive, 1);
        return together < 0.0 && std::min(pin2, pin3) > std::max(pin2, pin3) * amplitude_ratio(GainDb{-30.0});
    }

    [[nodiscard]] bool legs_look_stiff() const
    {
        // Without drive their phase is not known: two legs that nothing moves are enough.
        if (!hears_probe() || (options_.drive != DriveFrom::nothing && !is_antiphase())) return false;
        const auto& through = readings_.at(SwitchState::through);
        const double limit = amplitude_ratio(stiff_probe);
        return rms_transfer(through, Signal::probe, 0) < limit && rms_transfer(through, Signal::probe, 1) < limit;
    }

    /// A bridged power amplifier: two legs that nothing moves. With `lifted` their impedance is known, without it suspicion is enough.
    void check_power_amplifier()
    {
        if (!legs_look_stiff()) return;
        std::string impedance = "a few ohms or less";
        if (readings_.contains(SwitchState::lifted)) {
            const auto o = observe_so_far();
            if (!o) return;
            const auto legs = topology::leg_impedances(topology::solve_two_ports(o.value()));
            // What is assumed of the legs' influence on each other makes no difference where the probe sees next to nothing at both.
            if (legs.status != topology::EntryStatus::unknown) {
                const double most = std::max(std::abs(legs.pin2), std::abs(legs.pin3));
                if (most > power_amplifier.value()) return;
                impedance = "less than 1 Ω";
            }
        }
        if (options_.drive == DriveFrom::nothing) {
            stop_loading("Nothing was loaded or grounded, because both legs have " + impedance +
                             ": that may be a bridged power amplifier, whose terminals must not be grounded; only line outputs are measured.",
                         true);
            return;
        }
        stop_loading("Nothing was loaded or grounded, because both legs carry the signal, in opposite phase, from " + impedance +
                         ": that is a bridged power amplifier, whose terminals must not be grounded; only line outputs are measured.",
                     true);
    }

    /// Without the probe nothing tells a line output from a power amplifier but who has connected it.
    void check_line_output()
    {
        if (options_.source != Source::device || options_.line_output || hears_probe()) return;
        if (!options_.confirm_line_output) {
            stop_loading("Nothing was loaded or grounded: without the probe a line output cannot be told from a power amplifier's; "
                         "say --line-output if it is one.",
                         false);
            return;
        }
        if (!options_.confirm_line_output()) stop_loading("Nothing was loaded or grounded, because this is not known to be a line output.", false);
    }

    /// `grounded` only where `loaded` did not show a signal at pin 3 that a short would strain.
    bool may_ground()
    {
        if (options_.drive == DriveFrom::nothing) {
            notes_.emplace_back("\"grounded\" was left out: without a signal nothing tells what a short at pin 3 would strain once there is one.");
            return false;
        }
        const auto loaded = readings_.find(SwitchState::loaded);
        if (loaded == readings_.end()) return true;
        const auto& through = readings_.at(SwitchState::through);
        const double pin2 = rms_transfer(through, Signal::drive, 0);
        const double before = rms_transfer(through, Signal::drive, 1);
        const double after = rms_transfer(loaded->second, Signal::drive, 1);
        if (before <= pin2 * amplitude_ratio(GainDb{-30.0})) return true;
        // Below a source impedance of Rg/4 the short would draw more than five times what the load drew.
        if (after > 0.8 * before) {
            notes_.push_back("\"grounded\" was left out: \"loaded\" showed an amplifier at pin 3, which a short would strain. The ground step is computed.");
            return false;
        }
        if (const auto& d = loaded->second.residue; d[0].distortion_rms > 4.0 * through.residue[0].distortion_rms + 0.003 * rms_of_drive(loaded->second, 0)) {
            notes_.push_back("\"grounded\" was left out: \"loaded\" already distorts what is at pin 2. The ground step is computed.");
            return false;
        }
        // Thévenin's source at pin 3: what Rg made of the voltage tells its impedance, and so what a short draws from it.
        const double source_ohms = (before / std::max(after, 1e-6 * before) - 1.0) * options_.fixture.rg.value();
        const double peak_volts = crest * rms_of_drive(through, 1) * std::sqrt(2.0) * assumed_full_scale.volts().value() *
                                  (options_.drive == DriveFrom::player ? 1.0 : amplitude_ratio(grounded_reduction));
        if (peak_volts > largest_short_ampere * source_ohms) {
            notes_.push_back("\"grounded\" was left out: a short at pin 3 would draw " + format_fixed(1e3 * peak_volts / source_ohms, 0) +
                             " mA at its peaks. The ground step is computed.");
            return false;
        }
        return true;
    }

    /// At full level, full scale = 1.
    [[nodiscard]] double rms_of_drive(const MultitoneReading& reading, std::size_t leg) const
    {
        double power = 0.0;
        for (std::size_t i = 0; i < reading.tones.size(); ++i)
            if (reading.tones[i].signal == Signal::drive) power += 0.5 * std::norm(full_.plan.tones[i].amplitude * reading.tones[i].leg.at(leg).value);
        return std::sqrt(power);
    }

    /// Pin 2 rises when pin 3 is loaded: what floats can be grounded at any level without strain.
    [[nodiscard]] bool floats() const
    {
        for (const auto state : {SwitchState::grounded, SwitchState::loaded}) {
            const auto reading = readings_.find(state);
            if (reading == readings_.end()) continue;
            const double rise = rms_transfer(reading->second, Signal::drive, 0) / std::max(rms_transfer(readings_.at(SwitchState::through), Signal::drive, 0), 1e-12);
            return rise > amplitude_ratio(GainDb{state == SwitchState::grounded ? 0.8 : 0.4});
        }
        return false;
    }

    Status look_for_headroom()
    {
        std::vector<SwitchState> states{SwitchState::through};
        if (floats()) states.push_back(readings_.contains(SwitchState::grounded) ? SwitchState::grounded : SwitchState::loaded);
        for (const auto state : states) {
            // What moves the switch may follow the test signal.
            if (auto ok = play(state == SwitchState::grounded ? Loudness::reduced : Loudness::full); !ok) return ok;
            report({IdentifyProgress::Step::switching, state, 0, 0, {}});
            if (auto ok = move_switch(state); !ok) return ok;
            report({IdentifyProgress::Step::settling, state, 0, 0, {}});
            auto reading = sweep_headroom(engine_, state, should_stop_);
            if (!reading) return reading.error();
            if (reading.value().end == HeadroomEnd::stopped) return Error{"stopped by hand while the highest level was looked for", ErrorKind::interrupted};
            if (reading.value().end == HeadroomEnd::collapse)
                return unsafe(state, "the level at pin 2 fell by " + format_fixed(reading.value().fell_by.value(), 1) + " dB as the drive rose");
            headroom_.push_back(reading.value());
        }
        return Done{};
    }

    Result<Identification> conclude()
    {
        // The bench's switch confirms its moves, and its circuits may do what no gear does.
        if (options_.source != Source::virtual_bench && !stopped_for_safety_)
            if (auto ok = check_switch(readings_, options_.fixture); !ok) return ok.error();
        if (options_.source == Source::device)
            for (auto& sentence : describe_sameness(readings_)) notes_.push_back(std::move(sentence));
        auto o = observe_so_far();
        if (!o) return o.error();
        for (const auto& h : headroom_) o.value().maximum_levels[h.state] = h.maximum;
        Identification out;
        out.device_under_test = options_.device_under_test;
        out.sample_rate_hz = engine_.facts().sample_rate_hz;
        out.period_frames = full_.plan.period_frames;
        out.fixture = options_.fixture;
        out.verdict = topology::judge(o.value());
        if (options_.drive == DriveFrom::nothing) say_what_the_probe_cannot_tell(out);
        out.stopped_early = stopped_early_;
        out.stopped_for_safety = stopped_for_safety_;
        if (wrong_move_ && !stopped_early_) notes_.push_back(as_sentence(wrong_move_->says));
        out.wrong_move = wrong_move_;
        out.headroom = std::move(headroom_);
        out.played = std::move(played_);
        out.notes.insert(out.notes.end(), std::make_move_iterator(notes_.begin()), std::make_move_iterator(notes_.end()));
        describe_signal(readings_.at(SwitchState::through), quality_);
        quality_.source = options_.source;
        quality_.drive = options_.drive;
        if (o.value().delay) quality_.round_trip = o.value().delay->delay;
        out.quality = quality_;
        out.observations = std::move(o).value();
        return out;
    }

    void report_taken(SwitchState state, std::size_t periods) const
    {
        IdentifyProgress taken{IdentifyProgress::Step::taken, state, periods, options_.periods, {}};
        const auto observed = options_.judges_each && progress_ ? std::optional{observe_so_far()} : std::nullopt;
        const auto verdict = observed && *observed ? std::optional{topology::judge(observed->value())} : std::nullopt;
        if (verdict) taken.so_far = &*verdict;
        report(taken);
    }

    void report(const IdentifyProgress& p) const
    {
        if (progress_) progress_(p);
    }

    engine::Engine& engine_;
    FixtureSwitch& switch_;
    const IdentifyOptions& options_;
    const std::function<void(const IdentifyProgress&)>& progress_;
    const std::function<bool()>& should_stop_;

    Playing full_;
    Playing reduced_;
    Playing first_;
    Loudness playing_{Loudness::silent};
    bool may_load_{true};
    int settling_quarters_{5};  ///< That the verdict may still take for a DUT that settles.
    bool stopped_for_safety_{false};
    std::optional<MultitoneReading> first_reading_;
    std::map<SwitchState, MultitoneReading> readings_;
    std::map<SwitchState, PlayedAt> played_at_;  ///< With a player.
    std::vector<HeadroomReading> headroom_;
    std::vector<PlayedSignal> played_;
    Quality quality_;
    std::vector<std::string> notes_;
    std::optional<std::string> stopped_early_;
    std::optional<FoundMove> wrong_move_;
};

}  // namespace

std::string_view id_of(Source source) noexcept
{
    switch (source) {
    case Source::virtual_bench: return "virtual-bench";
    case Source::device: return "device";
    case Source::captures: return "captures";
    }
    return "?";
}

std::string_view id_of(DriveFrom drive) noexcept
{
    switch (drive) {
    case DriveFrom::interface: return "interface";
    case DriveFrom::player: return "player";
    case DriveFrom::nothing: return "nothing";
    }
    return "?";
}

void describe_signal(const analysis::MultitoneReading& through, Quality& quality)
{
    if (through.hum) {
        quality.hum = dbfs_of_rms(std::max(through.hum->rms[0], through.hum->rms[1]));
        quality.hum_frequency = through.hum->fundamental;
    }
    quality.noise = dbfs_of_rms(std::max(through.residue[0].noise_rms, through.residue[1].noise_rms));
}

Result<Identification> identify(engine::Engine& engine, FixtureSwitch& fixture_switch, const IdentifyOptions& options,
                                const std::function<void(const IdentifyProgress&)>& progress, const std::function<bool()>& should_stop)
{
    return Identifier{engine, fixture_switch, options, progress, should_stop}.run();
}

}  // namespace lowleg::procedure
