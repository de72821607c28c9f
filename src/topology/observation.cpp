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

/// A jump of the delay between two states that no circuit makes: the phases of a lifted transformer imitate at most 8 µs.
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

/// The leg on which the drive is strongest: there the delay shows best.
std::size_t stronger_leg(const std::vector<const ToneReading*>& tones)
{
    std::array<double, 2> power{};
    for (const auto* tone : tones)
        for (const std::size_t leg : {0U, 1U}) power.at(leg) += std::norm(tone->leg.at(leg).value);
    return power[1] > power[0] ? 1 : 0;
}

std::optional<analysis::DelayReading> delay_of(const MultitoneReading& reading, Signal signal)
{
    const auto tones = tones_of(reading, signal);
    if (tones.empty()) return std::nullopt;
    const auto delay = analysis::measure_delay(reading, signal, stronger_leg(tones));
    if (!delay || delay.value().coherence < 0.8) return std::nullopt;
    return delay.value();
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
        Seconds drive_off = drive_shift;
        Seconds probe_off = common_probe_shift;
        bool in_step = options.same_clock_start;
        if (const auto own = delay_of(reading, Signal::drive); own && drive_delay) {
            const double change = (own->delay - drive_delay->delay).value();
            if (!in_step || std::abs(change) > largest_natural_delay_change.value()) {
                drive_off = drive_off + Seconds{change};
                probe_off = probe_off + Seconds{change};
                in_step = false;
            }
        }
        if (state != SwitchState::through && !in_step) o.phases_agree = false;

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
        // Within half a cycle of the highest tone there is one best delay; the phases brought it near.
        for (const auto& [state, reading] : readings)
            if (state != SwitchState::through) align_state(o, state, largest_natural_delay_change);
        o.phases_agree = true;
    }
    return o;
}

}  // namespace lowleg::topology
