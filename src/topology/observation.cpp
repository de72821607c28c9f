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

/// What the phases of a circuit can imitate of a delay between two states (a lifted transformer: 8 µs).
constexpr Seconds largest_natural_delay_change{20e-6};

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
    Complex log_ratio{};
    for (std::ptrdiff_t k = first; k < first + count; ++k) {
        double weight = 1.0;  // Lagrange's, over ln f
        for (std::ptrdiff_t j = first; j < first + count; ++j) {
            if (j == k) continue;
            const auto fj = curve.frequency[static_cast<std::size_t>(j)];
            weight *= std::log(f / fj) / std::log(curve.frequency[static_cast<std::size_t>(k)] / fj);
        }
        log_ratio += weight * std::log(curve.value[static_cast<std::size_t>(k)].value / reference);
    }
    out.value = reference * std::exp(log_ratio);
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

/// How far one state lags behind another that was cut from the same periodic signal, by the drive at pin 2. Between two states a
/// circuit turns the phase (a lifted winding by 90°), so a constant turn counts for nothing here.
struct Lag {
    Seconds lag{};
    double agreement{};          ///< 0 … 1, of the tones' phases at this lag.
    double agreement_in_step{};  ///< The best for a lag that is none.
};

Lag lag_between(const MultitoneReading& state, const MultitoneReading& reference, Seconds window, bool always_search)
{
    std::vector<std::pair<double, Complex>> turn;  // ω, weight·e^{jφ}
    double total = 0.0;
    for (std::size_t i = 0; i < state.tones.size(); ++i) {
        const auto& a = state.tones[i].leg[0];
        const auto& b = reference.tones[i].leg[0];
        if (state.tones[i].signal != Signal::drive || !stands_out(a) || !stands_out(b)) continue;
        const Complex ratio = a.value / b.value;
        turn.emplace_back(2.0 * std::numbers::pi * state.tones[i].frequency.value(), ratio / std::abs(ratio));
        total += 1.0;
    }
    Lag out;
    if (turn.empty()) return out;
    const auto agreement = [&](Seconds lag) {
        Complex sum{};
        for (const auto& [omega, unit] : turn) sum += unit * std::polar(1.0, omega * lag.value());
        return std::abs(sum) / total;
    };
    // An eighth of a cycle of the highest tone is fine enough to find every peak.
    const double step = std::numbers::pi / 4.0 / turn.back().first;
    const auto search = [&](Seconds reach) {
        const auto steps = static_cast<std::int64_t>(reach.value() / step);
        for (std::int64_t i = -steps; i <= steps; ++i) {
            const Seconds lag{static_cast<double>(i) * step};
            if (const double here = agreement(lag); here > out.agreement) { out.agreement = here; out.lag = lag; }
        }
    };
    search(largest_natural_delay_change);
    out.agreement_in_step = out.agreement;
    // More than this is not to be had by any other lag to a degree that would count.
    constexpr double in_step = 0.8;
    if (out.agreement_in_step < in_step || always_search) search(window);
    for (double width = 0.5 * step; width > 1e-9; width *= 0.5) {
        for (const double side : {-1.0, 1.0}) {
            const Seconds lag = out.lag + Seconds{side * width};
            if (const double here = agreement(lag); here > out.agreement) { out.agreement = here; out.lag = lag; }
        }
    }
    return out;
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

/// Brings a state whose start is unknown into step with `through`: the delay for which both describe the same two-port best.
void align_state(Observations& o, SwitchState state, Seconds reach)
{
    const auto misfit = [&](Seconds shift) {
        Observations pair = o;
        for (auto& at : pair.at)
            for (auto* readings : {&at.drive, &at.probe})
                std::erase_if(*readings, [&](const auto& entry) {
                    return entry.first != SwitchState::through && entry.first != state;
                });
        advance_state(pair, state, shift);
        return two_port_misfit(pair);
    };
    // A coarse grid first: the misfit repeats with the period of the highest tone that matters.
    constexpr int steps = 40;
    Seconds best{0.0};
    double least = misfit(best);
    for (int i = -steps; i <= steps; ++i) {
        const Seconds shift{reach.value() * i / steps};
        if (const double m = misfit(shift); m < least) { least = m; best = shift; }
    }
    double width = reach.value() / steps;
    for (int i = 0; i < 24; ++i, width *= 0.6) {
        for (const double side : {-1.0, 1.0}) {
            const Seconds shift = best + Seconds{side * width};
            if (const double m = misfit(shift); m < least) { least = m; best = shift; }
        }
    }
    advance_state(o, state, best);
}

}  // namespace

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

    for (const auto* tone : tones_of(reference, Signal::drive)) o.at.push_back({tone->frequency, {}, {}});
    for (const auto& [state, reading] : readings) {
        Seconds lag{0.0};
        if (state != SwitchState::through) {
            const auto found = lag_between(reading, reference, 0.5 * period_of(reading), !options.same_clock_start);
            // In one stream the states are in step unless frames were lost on the way, which turns all but the lowest tones about.
            const bool slipped = found.agreement > found.agreement_in_step + 0.2;
            if (!options.same_clock_start || slipped) {
                lag = found.lag;
                o.phases_agree = false;
            }
        }
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

    if (!o.phases_agree && o.has_probe) {
        // The phases brought each state near; the two-port that it has in common with `through` does the rest.
        for (const auto& [state, reading] : readings)
            if (state != SwitchState::through) align_state(o, state, 2.0 * largest_natural_delay_change);
        o.phases_agree = true;
    }
    return o;
}

}  // namespace lowleg::topology
