#include "procedure/switch_check.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>

namespace lowleg::procedure {
namespace {

using analysis::MultitoneReading;
using analysis::ToneReading;

// Above this, capacitance has a part in what input 2 reads.
constexpr Hertz highest{2000.0};

bool is_heard(const ToneReading& tone, std::size_t leg)
{
    // Noise alone does this to one tone in about 10⁸.
    return std::abs(tone.leg.at(leg).value) > 3.0 * tone.leg.at(leg).amplitude_interval_95();
}

bool counts(const ToneReading& tone, Signal signal) { return tone.signal == signal && tone.frequency < highest; }

/// rms of the transfers of a signal's tones to one input, noise and all.
double level(const MultitoneReading& reading, Signal signal, std::size_t leg)
{
    double power = 0.0;
    double tones = 0.0;
    for (const auto& tone : reading.tones) {
        if (!counts(tone, signal)) continue;
        power += std::norm(tone.leg.at(leg).value);
        tones += 1.0;
    }
    return tones > 0.0 ? std::sqrt(power / tones) : 0.0;
}

/// Two tones, because one can be a whistle of something else.
bool hears(const MultitoneReading& reading, Signal signal, std::size_t leg)
{
    return std::ranges::count_if(reading.tones, [&](const ToneReading& t) { return counts(t, signal) && is_heard(t, leg); }) >= 2;
}

double conductance(Ohms r) { return 1.0 / r.value(); }

/// How many times louder input 2 hears the probe in `lifted` than in `loaded`, at the least: a floating output ties the other
/// leg's input and probe resistor to pin 3, which makes Rg weigh least.
double least_drop(const Fixture& fixture)
{
    const double legs = conductance(fixture.rin2) + conductance(fixture.rin3) + conductance(fixture.probe->rp2) + conductance(fixture.probe->rp3);
    return 1.0 + conductance(fixture.rg) / legs;
}

/// What pin 2 gives to input 2 by way of the probe resistors, over pin 2's voltage, while pin 3 is lifted.
double way_round(const Fixture& fixture)
{
    if (!fixture.probe) return 0.0;
    const Ohms past_probe = fixture.probe->rp3 + fixture.rin3;
    const double to_ground = conductance(past_probe) + 1.0 / std::max(fixture.rs.value(), 1e-3);
    const double node = conductance(fixture.probe->rp2) / (conductance(fixture.probe->rp2) + to_ground);
    return node * fixture.rin3.value() / past_probe.value();
}

Error stood_still(SwitchState a, SwitchState b, const std::string& what)
{
    return Error{"the switch did not move between \"" + std::string{name_of(a)} + "\" and \"" + std::string{name_of(b)} + "\": " + what +
                 "; check the switch, what moves it, and the lead of input 2"};
}

}  // namespace

Status check_switch(const std::map<SwitchState, MultitoneReading>& readings, const Fixture& fixture)
{
    const auto at = [&](SwitchState state) {
        const auto found = readings.find(state);
        return found == readings.end() ? nullptr : &found->second;
    };
    const auto* through = at(SwitchState::through);
    const auto* lifted = at(SwitchState::lifted);
    if (through == nullptr) return Done{};

    // Pin 3's own signal, well above what comes round in lifted. In grounded a contact's resistance leaves some: a quarter of it
    // is neither.
    const double before = level(*through, Signal::drive, 1);
    if (hears(*through, Signal::drive, 1) && before > (0.03 + 8.0 * way_round(fixture)) * level(*through, Signal::drive, 0)) {
        for (const auto state : {SwitchState::grounded, SwitchState::lifted}) {
            const auto* reading = at(state);
            if (reading != nullptr && level(*reading, Signal::drive, 1) > 0.25 * before)
                return stood_still(SwitchState::through, state, "pin 3 is still heard on input 2");
        }
    }

    if (lifted == nullptr || !fixture.probe) return Done{};
    const bool is_played = hears(*lifted, Signal::probe, 0) || hears(*lifted, Signal::probe, 1);
    if (!is_played) return Done{};
    for (const auto state : {SwitchState::loaded, SwitchState::grounded}) {
        const auto* reading = at(state);
        if (reading == nullptr) continue;
        // Half of the least drop, in decibels, stands between a switch that moves and one that does not; grounded, all drops.
        const double least = state == SwitchState::grounded ? 3.0 : std::sqrt(least_drop(fixture));
        if (least < 1.2) continue;  // so large an Rg shows nothing
        if (level(*lifted, Signal::probe, 1) < least * level(*reading, Signal::probe, 1))
            return stood_still(state, SwitchState::lifted, "input 2 hears the probe the same in both");
    }
    return Done{};
}

}  // namespace lowleg::procedure
