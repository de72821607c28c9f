#include "procedure/input_legs.h"

#include "analysis/multitone.h"
#include "core/text.h"
#include "dsp/linear_fit.h"
#include "procedure/averaging.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::ComplexEstimate;
using analysis::MultitoneReading;
using topology::InputAdmittances;

constexpr double normal_95 = 1.96;
/// Of a reading: what differs between states and inputs and is no noise.
constexpr double reading_error = 1e-4;
/// Contacts of plugs and of the switch, Ω: what is below stands on ground.
constexpr double short_ohms = 2.0;
/// S: far more than any input draws.
constexpr double widest_admittance = 1e3;
constexpr Dbfs softly{-34.0};

/// What both inputs read of the probe in the states taken, over what was played.
struct ProbeAt {
    Hertz frequency{};
    std::map<SwitchState, std::array<ComplexEstimate, 2>> reading;
};

/// Volts at the pins, amperes into them.
struct Flow {
    Complex v2, v3, i2, i3;
    double sigma2{}, sigma3{};
};

class FixtureAt {
public:
    FixtureAt(const ProbeAt& at, const Fixture& fixture) : at_{at}, f_{fixture}
    {
        y2_ = f_.input_admittance_2(at.frequency);
        y3_ = f_.input_admittance_3(at.frequency);
        gp2_ = 1.0 / f_.probe->rp2.value();
        gp3_ = 1.0 / f_.probe->rp3.value();
        const auto [i2, i3] = volts(SwitchState::lifted);
        const Complex z = i3 * (1.0 + y3_ / gp3_);
        probe_ = z + f_.rs.value() * ((z - i2) * gp2_ + (z - i3) * gp3_);
    }

    /// Not of `lifted`, where pin 3's voltage is unknown.
    [[nodiscard]] Flow flow(SwitchState state) const
    {
        const auto [i2, i3] = volts(state);
        const Complex z = node(i2, i3);
        Flow out{i2, i3, (z - i2) * gp2_ - i2 * y2_, (z - i3) * gp3_ - i3 * y3_, sigma(state, 0), sigma(state, 1)};
        if (state == SwitchState::loaded) out.i3 -= i3 / f_.rg.value();
        return out;
    }
    [[nodiscard]] Complex lifted_current() const
    {
        const auto [i2, i3] = volts(SwitchState::lifted);
        return (node(i2, i3) - i2) * gp2_ - i2 * y2_;
    }
    [[nodiscard]] Complex lifted_volts() const { return volts(SwitchState::lifted).first; }
    [[nodiscard]] double load2() const { return std::abs(y2_) + gp2_; }
    [[nodiscard]] double load3(SwitchState state) const { return std::abs(y3_) + gp3_ + (state == SwitchState::loaded ? 1.0 / f_.rg.value() : 0.0); }
    [[nodiscard]] Complex probe() const { return probe_; }

private:
    [[nodiscard]] std::pair<Complex, Complex> volts(SwitchState state) const
    {
        const auto& r = at_.reading.at(state);
        return {r[0].value, r[1].value / f_.gain_ratio};
    }
    [[nodiscard]] double sigma(SwitchState state, std::size_t leg) const { return at_.reading.at(state)[leg].sigma; }
    [[nodiscard]] Complex node(Complex i2, Complex i3) const
    {
        if (f_.rs.value() == 0.0) return probe_;
        const double gs = 1.0 / f_.rs.value();
        return (probe_ * gs + i2 * gp2_ + i3 * gp3_) / (gs + gp2_ + gp3_);
    }

    const ProbeAt& at_;
    const Fixture& f_;
    Complex y2_, y3_, probe_;
    double gp2_{}, gp3_{};
};

struct Solved {
    InputAdmittances y;
    bool knows_column2{true};  ///< y22, y32; not where pin 2 is at 0 V.
    bool knows_column3{true};
    bool pin2_is_grounded{false}, pin3_is_grounded{false};
};

Solved solve(const ProbeAt& at, const Fixture& fixture)
{
    const FixtureAt here{at, fixture};
    const auto through = here.flow(SwitchState::through);
    const auto loaded = here.flow(SwitchState::loaded);
    Solved out;
    const auto is_short = [](Complex v, Complex i, double sigma) { return std::abs(v) < short_ohms * std::abs(i) || std::abs(v) < 6.0 * sigma; };
    out.pin2_is_grounded = is_short(through.v2, through.i2, through.sigma2);
    out.pin3_is_grounded = is_short(through.v3, through.i3, through.sigma3);
    out.knows_column2 = !out.pin2_is_grounded;
    out.knows_column3 = !out.pin3_is_grounded;
    // A pin at 0 V tells nothing of its column: the rest then follows from `through`.
    if (out.pin2_is_grounded || out.pin3_is_grounded) {
        if (out.knows_column2) out.y.y22 = through.i2 / through.v2;
        if (out.knows_column3) out.y.y33 = through.i3 / through.v3;
        return out;
    }
    const auto row = [&](Complex Flow::*current, bool is_row2) {
        std::vector<dsp::LinearEquation> equations;
        for (const auto& [state, flow] : {std::pair{SwitchState::through, &through}, std::pair{SwitchState::loaded, &loaded}}) {
            const double sigma = is_row2 ? flow->sigma2 * here.load2() : flow->sigma3 * here.load3(state);
            equations.push_back({{flow->v2, flow->v3}, flow->*current, sigma + 1e-15});
        }
        return dsp::fit_linear(equations, std::array{widest_admittance, widest_admittance});
    };
    const auto row2 = row(&Flow::i2, true);
    const auto row3 = row(&Flow::i3, false);
    out.y = {row2.x[0], row2.x[1], row3.x[0], row3.x[1]};
    return out;
}

/// What is derived, in this order.
enum : std::size_t { d_own2, d_into2, d_into3, d_own3, d_common2, d_common3, d_common, d_unequal, d_between, d_equal_source, d_more2, d_more3, d_count };

/// Volts between the pins for a volt between the grounds. What is idle in y is taken as nothing.
Complex conversion_of(const InputAdmittances& y, Ohms leg2, Ohms leg3)
{
    const double g2 = 1.0 / leg2.value(), g3 = 1.0 / leg3.value();
    const auto answer = topology::solve_connection({g2, 0.0, 0.0, g3, 0.0, 0.0}, {}, y, Hertz{});
    return answer ? answer->ground.v2 - answer->ground.v3 : Complex{};
}

std::array<Complex, d_count> derive(const InputAdmittances& y)
{
    const auto common2 = y.common2(), common3 = y.common3();
    return {y.y22, y.y23, y.y32, y.y33, common2, common3, common2 + common3, common2 - common3, y.between(),
            conversion_of(y, told_source, told_source), conversion_of(y, told_source + told_imbalance, told_source), conversion_of(y, told_source, told_source + told_imbalance)};
}

/// Solves all frequencies again with each reading, and each part of the fixture, moved by what it is uncertain by.
std::vector<InputLegs> legs_of(const std::vector<ProbeAt>& readings, const Fixture& fixture, const Tolerances& tolerances, double gain_95)
{
    std::vector<InputLegs> out;
    for (const auto& at : readings) {
        const auto base = solve(at, fixture);
        const auto values = derive(base.y);
        std::array<double, d_count> squares{};
        const auto add = [&](const ProbeAt& moved, const Fixture& f, double weight) {
            const auto now = derive(solve(moved, f).y);
            for (std::size_t k = 0; k < d_count; ++k) squares[k] += weight * weight * std::norm(now[k] - values[k]);
        };
        for (const auto& [state, unused] : at.reading)
            for (const std::size_t leg : {0U, 1U})
                for (const Complex part : {Complex{1.0, 0.0}, Complex{0.0, 1.0}}) {
                    auto moved = at;
                    auto& e = moved.reading.at(state)[leg];
                    // Half a degree of freedom more or less is no matter; few of them are: the interval is Student's.
                    const double noise_95 = e.amplitude_interval_95();
                    e.value += part * std::hypot(noise_95, normal_95 * reading_error * std::abs(e.value));
                    // Either part of a reading moves a magnitude by half of what both do.
                    add(moved, fixture, 1.0 / std::sqrt(2.0));
                }
        const auto change = [&](double relative, void (*apply)(Fixture&, double)) {
            if (relative == 0.0) return;
            auto moved = fixture;
            apply(moved, 1.0 + relative);
            add(at, moved, 1.0);
        };
        change(tolerances.rp, [](Fixture& f, double k) { f.probe->rp2 = k * f.probe->rp2; });
        change(tolerances.rin, [](Fixture& f, double k) { f.rin2 = k * f.rin2; });
        change(tolerances.rin, [](Fixture& f, double k) { f.rin3 = k * f.rin3; });
        change(tolerances.cin, [](Fixture& f, double k) { f.cin = k * f.cin; });
        change(tolerances.rg, [](Fixture& f, double k) { f.rg = k * f.rg; });
        change(tolerances.rs, [](Fixture& f, double k) { f.rs = k * f.rs; });
        change(gain_95, [](Fixture& f, double k) { f.gain_ratio *= k; });

        InputLegs legs;
        legs.frequency = at.frequency;
        legs.y = base.y;
        legs.pin2_is_grounded = base.pin2_is_grounded;
        legs.pin3_is_grounded = base.pin3_is_grounded;
        const auto told = [&](std::size_t k) -> std::optional<Measured> {
            const Measured m{values[k], std::sqrt(squares[k])};
            if (!std::isfinite(m.uncertainty) || !std::isfinite(std::abs(m.value))) return std::nullopt;
            return m;
        };
        if (base.knows_column2) legs.own2 = told(d_own2);
        if (base.knows_column3) legs.own3 = told(d_own3);
        if (base.knows_column2 && base.knows_column3) {
            legs.into2 = told(d_into2);
            legs.into3 = told(d_into3);
            legs.common2 = told(d_common2);
            legs.common3 = told(d_common3);
            legs.common = told(d_common);
            legs.unequal = told(d_unequal);
            legs.between = told(d_between);
            legs.equal_source = told(d_equal_source);
            legs.more_in_leg2 = told(d_more2);
            legs.more_in_leg3 = told(d_more3);
        }
        out.push_back(legs);
    }
    return out;
}

/// The probe's tones, and the drive's below them.
Result<TonePlan> plan_of(const SourceRun& run)
{
    stimulus::MultitoneOptions options;
    options.drive_peak = softly;
    if (run.options.level) options.probe_peak = *run.options.level;
    return stimulus::design_multitone(run.sample_rate_hz(), options);
}

/// Level of one signal's tones at an input over the probe's own, and how much of that is noise.
struct Heard {
    double rms{}, noise{};
};
Heard heard(const MultitoneReading& reading, Signal signal, std::size_t leg)
{
    double power = 0.0, noise = 0.0;
    std::size_t count = 0;
    for (const auto& tone : reading.tones) {
        if (tone.signal != signal || tone.frequency > Hertz{2000.0}) continue;
        power += std::norm(tone.leg.at(leg).value);
        noise += 2.0 * tone.leg.at(leg).sigma * tone.leg.at(leg).sigma;
        ++count;
    }
    const double n = static_cast<double>(std::max<std::size_t>(count, 1));
    return {std::sqrt(power / n), std::sqrt(noise / n)};
}

constexpr auto on_the_fixture = "put the input under test in the place of the output: pin 2 on i2, pin 3 behind the switch, pin 1 on ground";

class InputReader {
public:
    explicit InputReader(const SourceRun& run) : run_{run} {}

    Result<InputReading> read()
    {
        if (!run_.options.fixture.probe)
            return Error{"without the probe resistors nothing drives the input: fit Rp2 and Rp3 (docs/fixture.md) and leave out --rp none", ErrorKind::usage};
        auto plan = plan_of(run_);
        if (!plan) return plan.error();
        plan_ = std::move(plan).value();
        samples_ = stimulus::render(plan_);
        out_.gain_tolerance_95 = gain_tolerance_of(run_.options);
        // Lifting harms nothing, and tells before pin 3 is loaded whether an output is connected.
        for (const auto state : {SwitchState::through, SwitchState::lifted}) {
            if (auto ok = take(state); !ok) return ok.error();
            if (auto ok = check(state); !ok) return ok.error();
        }
        if (auto ok = take(SwitchState::loaded); !ok) return ok.error();

        std::vector<ProbeAt> at;
        for (std::size_t i = 0; i < plan_.tones.size(); ++i) {
            if (plan_.tones[i].signal != Signal::probe) continue;
            ProbeAt one{plan_.frequency_of(plan_.tones[i].bin), {}};
            for (const auto& [state, reading] : readings_) one.reading.emplace(state, reading.tones[i].leg);
            at.push_back(std::move(one));
        }
        out_.at = legs_of(at, run_.options.fixture, tolerances_of(run_.options.source), out_.gain_tolerance_95);
        if (auto ok = check_result(at); !ok) return ok.error();
        return std::move(out_);
    }

private:
    [[nodiscard]] Averaging averaging_of_one() const
    {
        Averaging out;
        out.usual = Seconds{1.0};
        constexpr double states = 3.0;
        if (run_.options.averaging.at_most) out.at_most = Seconds{std::max(run_.options.averaging.at_most->value() / states, 1.0)};
        return out;
    }

    Status take(SwitchState state)
    {
        if (auto moved = run_.fixture_switch(state); !moved) return moved.error();
        const AveragedSignal signal{samples_, Seconds{0.25}, "\"" + std::string{name_of(state)} + "\"", &plan_, std::string{name_of(state)}, true};
        auto averaged = average(run_.source, signal, averaging_of_one(), {}, run_.observer, run_.should_stop);
        if (!averaged) return averaged.error();
        auto reading = analysis::read_multitone(averaged.value().record, plan_);
        if (!reading) return reading.error();
        describe(averaged.value(), reading.value(), out_.quality);
        readings_.emplace(state, std::move(reading).value());
        if (run_.options.keeps_captures) out_.captures.push_back({std::string{name_of(state)}, std::move(averaged.value().record)});
        return Done{};
    }

    /// What is seen before anything is solved.
    [[nodiscard]] Status check(SwitchState state) const
    {
        const auto& reading = readings_.at(state);
        const auto probe2 = heard(reading, Signal::probe, 0);
        const auto probe3 = heard(reading, Signal::probe, 1);
        constexpr double next_to_nothing = 1e-5;
        const auto is_silent = [&](const Heard& h) { return h.rms < std::max(6.0 * h.noise, next_to_nothing); };
        if (state == SwitchState::lifted) {
            if (is_silent(probe2) && is_silent(probe3))
                return Error{"neither input hears the probe, whatever the switch does: see that output 2 feeds the probe resistors and that it is not muted"};
            if (is_silent(probe3))
                return Error{"input 2 hears no probe with pin 3 lifted, when Rp3 alone feeds it: see that Rp3 and input 2 (--in) are connected"};
            const auto& tones = reading.tones;
            // With pin 3 lifted input 2 has nothing but Rp3.
            if (std::ranges::all_of(tones, [](const analysis::ToneReading& t) { return t.leg[0].value == t.leg[1].value; }))
                return Error{"both inputs deliver the same samples: choose the channels of pin 2 and pin 3 (--in)"};
        }
        // Through the probe resistors the drive cannot come back; it does only from an output, or by a mixer in the interface.
        const double floor = 1e-3;
        for (const std::size_t leg : {0U, 1U}) {
            const auto drive = heard(reading, Signal::drive, leg);
            if (drive.rms < std::max(8.0 * drive.noise, floor)) continue;
            return Error{"the drive comes back at pin " + std::to_string(leg + 2) + " (" + format_db(gain_of(drive.rms), 1) +
                         "): this is an output, or the interface mixes its outputs into it; an input is measured with nothing on output 1: " + on_the_fixture +
                         " (\"lowleg measure impedance\" measures outputs)"};
        }
        constexpr double loud = 0.01;
        if (const double noise = std::max(reading.residue[0].noise_rms, reading.residue[1].noise_rms); noise > loud)
            return Error{"what is connected has a signal of its own (" + format_dbfs(dbfs_of_rms(noise), 0) + " beside the probe): an input has none; see that no output is connected, and " +
                         on_the_fixture};
        return Done{};
    }

    /// The states must fit one input, and it must be one.
    [[nodiscard]] Status check_result(const std::vector<ProbeAt>& at)
    {
        std::size_t nothing = 0, both_low = 0, apart = 0;
        for (std::size_t i = 0; i < at.size(); ++i) {
            const auto& legs = out_.at[i];
            if (legs.pin2_is_grounded && legs.pin3_is_grounded) ++both_low;
            constexpr double least = 1.0 / 50e6;
            const auto is_nothing = [&](const std::optional<Measured>& m) { return m && std::abs(m->value) < std::max(1.5 * m->uncertainty, least); };
            if (is_nothing(legs.own2) && is_nothing(legs.own3)) ++nothing;
            // To ground and not between the legs, where old inputs have as little.
            if (legs.common2 && std::abs(legs.common2->value) > lowest_input && std::abs(legs.common3->value) > lowest_input) ++both_low;
            if (!agrees_with_lifted(at[i], legs)) ++apart;
        }
        if (2 * nothing > at.size())
            return Error{"both legs are on nothing: what is connected draws no current that could be told; " + std::string{on_the_fixture} +
                         ", and switch the gear on, since some inputs float without power"};
        if (2 * both_low > at.size()) {
            const bool is_wire = out_.at.front().pin2_is_grounded;
            if (is_wire) return Error{"both legs are on ground: a short, or an input that a relay or a switch mutes; see that the leads are right and the input is on"};
            return Error{"both legs have less than " + format_ohms(Ohms{1.0 / lowest_input}) + " to ground, as outputs have and inputs have not: this is an output that nothing drives, or a cable with a load; " +
                         on_the_fixture + " (\"lowleg measure impedance\" measures outputs)"};
        }
        if (3 * apart > at.size())
            return Error{"the states contradict each other: with pin 3 lifted pin 2 does not read what \"through\" and \"loaded\" say that it must; see that the switch does what it is told"};
        return Done{};
    }

    static constexpr double lowest_input = 1.0 / 500.0;

    /// In `lifted` pin 3 takes the voltage at which no current flows.
    [[nodiscard]] bool agrees_with_lifted(const ProbeAt& at, const InputLegs& legs) const
    {
        if (legs.pin2_is_grounded || legs.pin3_is_grounded || !legs.own3) return true;
        if (std::abs(legs.own3->value) < 3.0 * legs.own3->uncertainty) return true;  // on nothing before, too
        const FixtureAt here{at, run_.options.fixture};
        const auto& y = legs.y;
        const Complex expected = (y.y22 - y.y23 * y.y32 / y.y33) * here.lifted_volts();
        const double wide = 3.0 * (legs.own2->uncertainty + legs.into2->uncertainty + legs.into3->uncertainty) * std::abs(here.lifted_volts());
        constexpr double of_load = 0.03;
        return std::abs(here.lifted_current() - expected) < wide + of_load * (here.load2() * std::abs(here.lifted_volts()) + std::abs(expected));
    }

    const SourceRun& run_;
    TonePlan plan_;
    std::vector<float> samples_;
    std::map<SwitchState, MultitoneReading> readings_;
    InputReading out_;
};

}  // namespace

const InputLegs* InputReading::nearest(Hertz frequency, std::optional<Measured> InputLegs::*what) const
{
    const InputLegs* best = nullptr;
    for (const auto& legs : at) {
        if (!(legs.*what)) continue;
        if (best == nullptr || std::abs(std::log(legs.frequency / frequency)) < std::abs(std::log(best->frequency / frequency))) best = &legs;
    }
    return best;
}

Result<InputReading> read_input(const SourceRun& run) { return InputReader{run}.read(); }

}  // namespace lowleg::procedure
