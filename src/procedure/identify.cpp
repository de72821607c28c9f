#include "procedure/identify.h"

#include "analysis/multitone.h"
#include "procedure/switch_check.h"
#include "stimulus/multitone.h"
#include "topology/observation.h"

#include <algorithm>
#include <cmath>

namespace lowleg::procedure {
namespace {

using analysis::MultitoneReading;

/// Grounding pin 3 is done at this level below the others: an op amp that is shorted by it then stays far from its limits.
constexpr GainDb grounded_reduction{-12.0};

/// Nothing of a state is used before this much signal after the switch has moved: contacts bounce, coupling capacitors settle.
constexpr Seconds settling{0.15};

/// Exactly zero on both inputs for so many periods in a row is no accident.
constexpr std::size_t hopeless_periods = 4;

struct Playing {
    TonePlan plan;
    std::vector<float> samples;
};

Playing at_level(const Playing& full, GainDb gain)
{
    Playing out = full;
    const double factor = amplitude_ratio(gain);
    for (auto& tone : out.plan.tones) tone.amplitude *= factor;
    out.samples = stimulus::render(out.plan);
    return out;
}

struct StateCapture {
    MultitoneReading reading;
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
        for (const auto state : all_switch_states) {
            if (std::find(options_.states.begin(), options_.states.end(), state) == options_.states.end()) continue;
            if (state == SwitchState::grounded && !may_ground()) continue;
            if (auto status = take(state); !status) {
                engine_.silence();
                return status.error();
            }
            if (state == SwitchState::through && !may_go_on()) break;
        }
        engine_.silence();
        return conclude();
    }

private:
    Status prepare()
    {
        if (auto ok = options_.fixture.check(); !ok) return ok.error();
        if (std::find(options_.states.begin(), options_.states.end(), SwitchState::through) == options_.states.end())
            return Error{"the states lack \"through\": every verdict starts from it, add it to --states", ErrorKind::usage};
        if (options_.periods < 2) return Error{"at least 2 periods of each state are needed: raise --periods", ErrorKind::usage};
        auto plan = stimulus::design_multitone(engine_.facts().sample_rate_hz);
        if (!plan) return plan.error();
        full_.plan = std::move(plan).value();
        if (!options_.fixture.probe)
            std::erase_if(full_.plan.tones, [](const Tone& t) { return t.signal == Signal::probe; });
        full_.samples = stimulus::render(full_.plan);
        return Done{};
    }

    /// Plays, moves the switch, and measures one state.
    Status take(SwitchState state)
    {
        report({IdentifyProgress::Step::switching, state, 0, options_.periods, {}});
        const bool reduced = state == SwitchState::grounded;
        // The level falls before pin 3 is shorted, and rises only after it is free again.
        if (reduced || !playing_)
            if (auto ok = play(reduced); !ok) return ok;
        if (auto ok = switch_(state, {engine_, playing_reduced_ ? reduced_.plan : full_.plan, readings_}); !ok) {
            // A stop reaches the command that moves the switch, too.
            if (ok.error().kind == ErrorKind::failure && is_stopped()) return stopped(state);
            return ok;
        }
        if (!reduced && playing_reduced_)
            if (auto ok = play(false); !ok) return ok;

        auto capture = measure(state, reduced ? reduced_.plan : full_.plan);
        if (!capture) return capture.error();
        auto& c = capture.value();
        quality_.states.push_back(state);
        quality_.voided += c.voided;
        quality_.void_reasons.add(c.void_reasons);
        quality_.periods = quality_.periods == 0 ? c.reading.periods : std::min(quality_.periods, c.reading.periods);
        report({IdentifyProgress::Step::taken, state, c.reading.periods, options_.periods, {}});
        readings_.emplace(state, std::move(c.reading));
        return Done{};
    }

    Status play(bool reduced)
    {
        if (reduced && reduced_.samples.empty()) reduced_ = at_level(full_, grounded_reduction);
        if (auto ok = engine_.play(reduced ? reduced_.samples : full_.samples); !ok) return ok;
        playing_ = true;
        playing_reduced_ = reduced;
        return Done{};
    }

    Result<StateCapture> measure(SwitchState state, const TonePlan& plan)
    {
        const double rate = engine_.facts().sample_rate_hz;
        std::uint64_t not_before = engine_.frames_handled() + static_cast<std::uint64_t>(settling.value() * rate);
        report({IdentifyProgress::Step::settling, state, 0, options_.periods, {}});

        StateCapture out;
        Record record{rate, plan.period_frames, {}};
        std::size_t silent_in_a_row = 0;
        std::size_t clipped_in_a_row = 0;
        while (true) {
            if (is_stopped()) return stopped(state);
            auto period = engine_.next_period(not_before);
            if (!period) return period.error();
            auto& p = period.value();
            not_before = static_cast<std::uint64_t>(p.first_frame) + static_cast<std::uint64_t>(plan.period_frames);

            if (!p.faults.none()) {
                void_period(out, state, record, p.faults);
                silent_in_a_row = p.faults.has(Fault::zeros) ? silent_in_a_row + 1 : 0;
                clipped_in_a_row = p.faults.has(Fault::clipped) ? clipped_in_a_row + 1 : 0;
                if (silent_in_a_row >= hopeless_periods) return silent_inputs();
                if (clipped_in_a_row >= hopeless_periods)
                    return Error{"an input is at full scale in the state \"" + std::string{name_of(state)} +
                                 "\": lower the interface's input gain or the DUT's output level and measure again"};
            } else {
                silent_in_a_row = clipped_in_a_row = 0;
                record.periods.push_back(std::move(p));
                drop_broken(out, state, record, plan);
                report({IdentifyProgress::Step::measuring, state, record.periods.size(), options_.periods, {}});
            }
            if (out.voided > options_.max_voided)
                return Error{"the audio kept breaking in the state \"" + std::string{name_of(state)} + "\" (" + std::to_string(out.voided) +
                             " periods: " + describe(out.void_reasons) + "): use a larger buffer in the audio system or a less busy machine"};
            if (record.periods.size() >= options_.periods) break;
        }
        if (auto ok = check_channels(record); !ok) return ok.error();
        auto reading = analysis::read_multitone(record, plan);
        if (!reading) return reading.error();
        out.reading = std::move(reading).value();
        return out;
    }

    [[nodiscard]] bool is_stopped() const { return should_stop_ && should_stop_(); }

    static Error stopped(SwitchState state)
    {
        return Error{"stopped by hand while measuring \"" + std::string{name_of(state)} + "\": nothing was decided", ErrorKind::interrupted};
    }

    void void_period(StateCapture& out, SwitchState state, const Record& record, Faults faults)
    {
        ++out.voided;
        out.void_reasons.add(faults);
        report({IdentifyProgress::Step::voided, state, record.periods.size(), options_.periods, faults});
    }

    /// Throws out the periods that do not continue the others. What a circuit still settles from counts like a break.
    void drop_broken(StateCapture& out, SwitchState state, Record& record, const TonePlan& plan)
    {
        if (record.periods.size() < options_.periods) return;
        const auto broken = analysis::find_broken_periods(record, plan);
        for (auto index = broken.rbegin(); index != broken.rend(); ++index) {
            record.periods.erase(record.periods.begin() + static_cast<std::ptrdiff_t>(*index));
            Faults jump;
            jump.add(Fault::phase_jump);
            void_period(out, state, record, jump);
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

    [[nodiscard]] Status check_channels(const Record& record) const
    {
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
        // A tenth of a decibel is what two channels of an uncalibrated interface differ by; the bench has what its fixture says.
        if (options_.source != Source::virtual_bench) o.gain_tolerance = 0.1 / db_per_neper;
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

    /// `grounded` only where `loaded` did not show a stiff signal at pin 3: that would be a shorted amplifier.
    bool may_ground()
    {
        const auto loaded = readings_.find(SwitchState::loaded);
        if (loaded == readings_.end()) return true;
        const auto& through = readings_.at(SwitchState::through);
        double before = 0.0;
        double after = 0.0;
        double pin2 = 0.0;
        for (std::size_t i = 0; i < through.tones.size(); ++i) {
            if (through.tones[i].signal != Signal::drive) continue;
            before += std::norm(through.tones[i].leg[1].value);
            after += std::norm(loaded->second.tones[i].leg[1].value);
            pin2 += std::norm(through.tones[i].leg[0].value);
        }
        const bool signal_at_pin3 = before > pin2 * std::norm(amplitude_ratio(GainDb{-30.0}));
        // Below a source impedance of Rg/4 the short would draw more than five times what the load drew.
        const bool stiff = after > before * std::norm(0.8);
        if (!signal_at_pin3 || !stiff) return true;
        notes_.push_back("\"grounded\" was left out: \"loaded\" showed an amplifier at pin 3, which a short would strain. The ground step is computed.");
        return false;
    }

    Result<Identification> conclude()
    {
        // The bench's switch confirms its moves, and its circuits may do what no gear does.
        if (options_.source != Source::virtual_bench)
            if (auto ok = check_switch(readings_, options_.fixture); !ok) return ok.error();
        const auto o = observe_so_far();
        if (!o) return o.error();
        Identification out;
        out.device_under_test = options_.device_under_test;
        out.sample_rate_hz = engine_.facts().sample_rate_hz;
        out.period_frames = full_.plan.period_frames;
        out.fixture = options_.fixture;
        out.verdict = topology::judge(o.value());
        out.stopped_early = stopped_early_;
        out.notes = std::move(notes_);
        describe_signal(readings_.at(SwitchState::through), quality_);
        quality_.source = options_.source;
        if (o.value().delay) quality_.round_trip = o.value().delay->delay;
        out.quality = quality_;
        return out;
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
    bool playing_{false};
    bool playing_reduced_{false};
    std::map<SwitchState, MultitoneReading> readings_;
    Quality quality_;
    std::vector<std::string> notes_;
    std::optional<std::string> stopped_early_;
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
