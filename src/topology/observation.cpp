#include "topology/observation.h"

#include "topology/two_port.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <string>

namespace lowleg::topology {
namespace {

using analysis::MultitoneReading;
using analysis::ToneReading;

/// What the phases of a circuit can imitate of a delay (a lifted transformer: 8 µs).
constexpr Seconds largest_natural_delay_change{20e-6};

/// A slip below this could as well be the circuit's doing.
constexpr Seconds largest_imitated_slip{150e-6};

std::vector<const ToneReading*> tones_of(const MultitoneReading& reading, Signal signal)
{
    std::vector<const ToneReading*> out;
    for (const auto& tone : reading.tones)
        if (tone.signal == signal) out.push_back(&tone);
    return out;
}

bool stands_out(const ComplexEstimate& e) { return std::abs(e.value) > 6.0 * e.sigma; }

Complex advanced(Complex value, Hertz f, Seconds delay)
{
    return value * std::polar(1.0, 2.0 * std::numbers::pi * f.value() * delay.value());
}

/// One leg of one signal, delay taken off, as a function of frequency.
struct Curve {
    std::vector<Hertz> frequency;
    std::vector<ComplexEstimate> value;
};

/// ln H is nearly a straight line over ln f for everything that resistors and capacitors make, so it is interpolated there: a cubic
/// through the four nearest tones. Where a tone is not above the noise, the nearest tone stands for its neighbourhood.
ComplexEstimate at_frequency(const Curve& curve, Hertz f)
{
    const auto n = static_cast<std::ptrdiff_t>(curve.frequency.size());
    const auto above = std::lower_bound(curve.frequency.begin(), curve.frequency.end(), f) - curve.frequency.begin();
    const auto first = std::clamp<std::ptrdiff_t>(above - 2, 0, std::max<std::ptrdiff_t>(n - 4, 0));
    const auto count = std::min<std::ptrdiff_t>(4, n);

    std::ptrdiff_t nearest = first;
    bool all_stand_out = true;
    for (std::ptrdiff_t k = first; k < first + count; ++k) {
        const auto i = static_cast<std::size_t>(k);
        all_stand_out &= stands_out(curve.value[i]);
        const auto distance = [&](std::ptrdiff_t j) { return std::abs(std::log(curve.frequency[static_cast<std::size_t>(j)] / f)); };
        if (distance(k) < distance(nearest)) nearest = k;
    }
    auto out = curve.value[static_cast<std::size_t>(nearest)];
    if (!all_stand_out) return out;

    const Complex reference = out.value;
    const auto log_ratio_through = [&](std::ptrdiff_t from, std::ptrdiff_t points) {
        Complex sum{};
        for (std::ptrdiff_t k = from; k < from + points; ++k) {
            double weight = 1.0;  // Lagrange's, over ln f
            for (std::ptrdiff_t j = from; j < from + points; ++j) {
                if (j == k) continue;
                const auto fj = curve.frequency[static_cast<std::size_t>(j)];
                weight *= std::log(f / fj) / std::log(curve.frequency[static_cast<std::size_t>(k)] / fj);
            }
            sum += weight * std::log(curve.value[static_cast<std::size_t>(k)].value / reference);
        }
        return sum;
    };
    const Complex cubic = log_ratio_through(first, count);
    out.value = reference * std::exp(cubic);
    // The point farther away left out: what that changes is what the curve may still do between the points, and beyond the last of them.
    const bool last_is_nearer = std::abs(std::log(curve.frequency[static_cast<std::size_t>(first + count - 1)] / f)) <
                                std::abs(std::log(curve.frequency[static_cast<std::size_t>(first)] / f));
    const Complex parabola = log_ratio_through(last_is_nearer ? first + 1 : first, count - 1);
    out.sigma = std::hypot(out.sigma, std::abs(out.value) * std::min(std::abs(cubic - parabola), 1.0));
    return out;
}

Curve curve_of(const std::vector<const ToneReading*>& tones, std::size_t leg, Seconds delay, double gain)
{
    Curve curve;
    for (const auto* tone : tones) {
        auto e = tone->leg[leg];
        e.value = advanced(e.value, tone->frequency, delay) / gain;
        e.sigma /= gain;
        curve.frequency.push_back(tone->frequency);
        curve.value.push_back(e);
    }
    return curve;
}

/// Pin 2, whose polarity is asked for, unless only pin 3 carries the signal.
std::size_t telling_leg(const std::vector<const ToneReading*>& tones)
{
    std::array<double, 2> power{};
    for (const auto* tone : tones)
        for (const std::size_t leg : {0U, 1U}) power.at(leg) += std::norm(tone->leg.at(leg).value);
    return power[1] > 16.0 * power[0] ? 1 : 0;
}

std::optional<analysis::DelayReading> delay_of(const MultitoneReading& reading, Signal signal)
{
    const auto tones = tones_of(reading, signal);
    if (tones.empty()) return std::nullopt;
    const auto delay = analysis::measure_delay(reading, signal, telling_leg(tones));
    if (!delay || delay.value().coherence < 0.8) return std::nullopt;
    return delay.value();
}

/// Tones sit on bins, so that the signal repeats after the common period: the least that all frequencies are multiples of.
Seconds period_of(const MultitoneReading& reading)
{
    const auto& tone = reading.tones.front();
    return Seconds{static_cast<double>(tone.bin) / tone.frequency.value()};
}

/// The phases by which a signal at pin 2 is turned from one state to another. A circuit turns them (a lifted winding by 90°), so a
/// turn that all have in common counts for nothing here; a delay turns them in proportion to frequency.
class PhaseTurns {
public:
    PhaseTurns(const MultitoneReading& state, const MultitoneReading& reference, Signal signal)
    {
        for (std::size_t i = 0; i < state.tones.size(); ++i) {
            const auto& a = state.tones[i].leg[0];
            const auto& b = reference.tones[i].leg[0];
            if (state.tones[i].signal != signal || !stands_out(a) || !stands_out(b)) continue;
            const Complex ratio = a.value / b.value;
            turns_.emplace_back(2.0 * std::numbers::pi * state.tones[i].frequency.value(), ratio / std::abs(ratio));
        }
    }

    /// The mean of the turns when this lag is taken off: its size, 0 … 1, is how well they agree.
    [[nodiscard]] Complex mean(Seconds lag) const
    {
        Complex sum{};
        for (const auto& [omega, unit] : turns_) sum += unit * std::polar(1.0, omega * lag.value());
        return turns_.empty() ? Complex{} : sum / static_cast<double>(turns_.size());
    }
    [[nodiscard]] double agreement(Seconds lag) const { return std::abs(mean(lag)); }

    /// The lag within ± reach at which they agree best.
    [[nodiscard]] Seconds best_lag(Seconds reach) const
    {
        if (turns_.empty()) return Seconds{0.0};
        // An eighth of a cycle of the highest tone is fine enough to find every peak.
        const double step = std::numbers::pi / 4.0 / turns_.back().first;
        Seconds best{0.0};
        double most = agreement(best);
        const auto try_lag = [&](Seconds lag) {
            if (const double here = agreement(lag); here > most) { most = here; best = lag; }
        };
        const auto steps = static_cast<std::int64_t>(reach.value() / step);
        for (std::int64_t i = -steps; i <= steps; ++i) try_lag(Seconds{static_cast<double>(i) * step});
        for (double width = 0.5 * step; width > 1e-9; width *= 0.5)
            for (const double side : {-1.0, 1.0}) try_lag(best + Seconds{side * width});
        return best;
    }

    /// The best of all lags.
    [[nodiscard]] Seconds any_lag(Seconds period) const
    {
        const auto best = best_lag(0.5 * period);
        // Tones on odd bins all turn by 180° in half a period, and no circuit does that to a signal between two states.
        return mean(best).real() < 0.0 ? best + 0.5 * period : best;
    }

private:
    std::vector<std::pair<double, Complex>> turns_;  ///< ω, e^{jφ}
};

/// Frames that were lost or slipped in between two states of one stream, as a delay; 0 when none were.
Seconds slip_between(const MultitoneReading& state, const MultitoneReading& reference, Signal signal)
{
    const PhaseTurns turns{state, reference, signal};
    const double in_step = turns.agreement(Seconds{0.0});
    const auto whole_frames = [&](Seconds lag) { return Seconds{std::round(lag.value() * state.sample_rate_hz) / state.sample_rate_hz}; };
    // A few frames: at 48 kHz one alone costs 0.2 of the agreement. A circuit seldom imitates half of that within so short a reach.
    const auto near = turns.best_lag(largest_imitated_slip);
    if (turns.agreement(near) > std::max(in_step + 0.1, 0.9)) return whole_frames(near);
    // Many frames turn all but the lowest tones about; the search is long, and chance agreement along it is seldom, but not never, 0.8.
    if (in_step > 0.8) return Seconds{0.0};
    const auto far = turns.any_lag(period_of(state));
    return turns.agreement(far) > std::max(in_step + 0.2, 0.85) ? whole_frames(far) : Seconds{0.0};
}

/// How far a recording lags behind that of the reference state: by the drive or by the probe, whichever the circuit turns less.
Seconds lag_between(const MultitoneReading& state, const MultitoneReading& reference)
{
    Seconds lag{0.0};
    double most = 0.0;
    for (const auto signal : {Signal::drive, Signal::probe}) {
        const PhaseTurns turns{state, reference, signal};
        const auto best = turns.any_lag(period_of(state));
        if (const double here = turns.agreement(best); here > most) { most = here; lag = best; }
    }
    return lag;
}

void advance_state(Observations& o, SwitchState state, Seconds delay)
{
    for (auto& at : o.at) {
        for (auto* readings : {&at.drive, &at.probe}) {
            const auto found = readings->find(state);
            if (found == readings->end()) continue;
            found->second.i2.value = advanced(found->second.i2.value, at.frequency, delay);
            found->second.i3.value = advanced(found->second.i3.value, at.frequency, delay);
        }
    }
}

/// Brings a state whose start is unknown into step with those that are: the delay for which all describe the same two-port best.
void align_state(Observations& o, SwitchState state, const std::vector<SwitchState>& in_step)
{
    Observations subset = o;
    for (auto& at : subset.at)
        for (auto* readings : {&at.drive, &at.probe})
            std::erase_if(*readings, [&](const auto& entry) {
                return entry.first != state && std::find(in_step.begin(), in_step.end(), entry.first) == in_step.end();
            });
    const auto misfit = [&](Seconds shift) {
        auto moved = subset;
        advance_state(moved, state, shift);
        return two_port_misfit(moved);
    };
    Seconds best{0.0};
    double least = misfit(best);
    for (double width = largest_natural_delay_change.value(); width > 1e-9; width *= 0.7) {
        for (const double side : {-1.0, 1.0}) {
            const Seconds shift = best + Seconds{side * width};
            if (const double m = misfit(shift); m < least) { least = m; best = shift; }
        }
    }
    advance_state(o, state, best);
}

}  // namespace

Observations brought_into_step(Observations o, const std::map<SwitchState, Seconds>& late)
{
    for (const auto& [state, by] : late) advance_state(o, state, by);
    o.possible_slips.clear();
    return o;
}

Result<Observations> observe(const std::map<SwitchState, MultitoneReading>& readings, const Fixture& fixture,
                             const ObserveOptions& options)
{
    const auto through = readings.find(SwitchState::through);
    if (through == readings.end())
        return Error{"the state \"through\" was not measured: every verdict starts from it", ErrorKind::usage};
    const auto& reference = through->second;
    for (const auto& [state, reading] : readings) {
        const bool same = std::equal(reading.tones.begin(), reading.tones.end(), reference.tones.begin(), reference.tones.end(),
                                     [](const ToneReading& a, const ToneReading& b) { return a.bin == b.bin && a.signal == b.signal; });
        if (!same)
            return Error{"the state \"" + std::string{name_of(state)} + "\" was measured with other tones than \"through\": measure both alike"};
    }

    Observations o;
    o.fixture = fixture;
    o.relative_tolerance = options.gain_tolerance;
    o.hum = reference.hum;
    for (const auto& [state, reading] : readings) o.third_harmonics[state] = reading.third_harmonics;
    // A converter has an offset of its own, well below 1 %; inputs that block direct voltage show no more than that either.
    if (std::max(std::abs(reference.dc[0]), std::abs(reference.dc[1])) > least_direct_voltage) o.dc = reference.dc;
    o.has_drive = options.has_drive;
    const auto drive_delay = delay_of(reference, Signal::drive);
    const auto probe_delay = delay_of(reference, Signal::probe);
    if (options.same_clock_start) o.delay = drive_delay;

    const auto probe_tones = tones_of(reference, Signal::probe);
    o.has_probe = fixture.probe && std::any_of(probe_tones.begin(), probe_tones.end(), [](const ToneReading* tone) {
        return stands_out(tone->leg[0]) || stands_out(tone->leg[1]);
    });

    // Drive and probe leave the interface together, so one delay serves both; gear that delays (digital) delays the drive alone.
    const Seconds drive_shift = drive_delay ? drive_delay->delay : probe_delay ? probe_delay->delay : Seconds{0.0};
    const Seconds probe_shift = probe_delay ? probe_delay->delay : drive_shift;
    const bool gear_delays = std::abs((drive_shift - probe_shift).value()) > largest_natural_delay_change.value();
    const Seconds common_probe_shift = gear_delays ? probe_shift : drive_shift;

    const auto assemble = [&](const std::map<SwitchState, Seconds>& lags) {
        o.at.clear();
        for (const auto* tone : tones_of(reference, Signal::drive)) o.at.push_back({tone->frequency, {}, {}});
        for (const auto& [state, reading] : readings) {
            const auto found = lags.find(state);
            const Seconds lag = found == lags.end() ? Seconds{0.0} : found->second;
            const Seconds drive_off = drive_shift + lag;
            const Seconds probe_off = common_probe_shift + lag;

            const std::array drive{curve_of(tones_of(reading, Signal::drive), 0, drive_off, 1.0),
                                   curve_of(tones_of(reading, Signal::drive), 1, drive_off, fixture.gain_ratio)};
            const std::array probe{curve_of(tones_of(reading, Signal::probe), 0, probe_off, 1.0),
                                   curve_of(tones_of(reading, Signal::probe), 1, probe_off, fixture.gain_ratio)};
            for (std::size_t i = 0; i < o.at.size(); ++i) {
                o.at[i].drive[state] = {drive[0].value[i], drive[1].value[i]};
                if (o.has_probe)
                    o.at[i].probe[state] = {at_frequency(probe[0], o.at[i].frequency), at_frequency(probe[1], o.at[i].frequency)};
            }
        }
    };

    if (!options.same_clock_start) {
        std::map<SwitchState, Seconds> lags;
        for (const auto& [state, reading] : readings) {
            if (state == SwitchState::through) continue;
            lags[state] = lag_between(reading, reference);
            o.phases_agree = false;
        }
        assemble(lags);
    } else {
        // A winding with much capacitance turns the phases of `lifted` like a few frames that were lost: whoever explains all readings decides.
        std::map<SwitchState, Seconds> slips;
        for (const auto& [state, reading] : readings) {
            if (state == SwitchState::through) continue;
            const auto slip = slip_between(reading, reference, o.has_drive ? Signal::drive : Signal::probe);
            if (slip.value() == 0.0) continue;
            const bool could_be_the_circuit = std::abs(slip.value()) < largest_imitated_slip.value();
            (could_be_the_circuit ? o.possible_slips : slips).emplace(state, slip);
        }
        assemble(slips);
    }

    if (!o.phases_agree && o.has_probe) {
        // `lifted` first: it tells the probe's level, on which all else rests.
        std::vector<SwitchState> in_step{SwitchState::through};
        for (const auto state : {SwitchState::lifted, SwitchState::loaded, SwitchState::grounded}) {
            if (!readings.contains(state)) continue;
            align_state(o, state, in_step);
            in_step.push_back(state);
        }
        o.phases_agree = true;
        o.time_tolerance = Seconds{20e-6};
    }
    return o;
}

}  // namespace lowleg::topology
