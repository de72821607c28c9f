#include "procedure/switch_check.h"

#include "core/text.h"
#include "procedure/fixture_levels.h"
#include "procedure/state_recognition.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>

namespace lowleg::procedure {
namespace {

using analysis::MultitoneReading;
using analysis::ToneReading;

bool is_heard(const ToneReading& tone, std::size_t leg)
{
    // Noise alone does this to one tone in about 10⁸.
    return std::abs(tone.leg.at(leg).value) > 3.0 * tone.leg.at(leg).amplitude_interval_95();
}

bool counts(const ToneReading& tone, Signal signal) { return tone.signal == signal && tone.frequency < highest_resistive; }

/// Two tones, because one can be a whistle of something else.
bool hears(const MultitoneReading& reading, Signal signal, std::size_t leg)
{
    return std::ranges::count_if(reading.tones, [&](const ToneReading& t) { return counts(t, signal) && is_heard(t, leg); }) >= 2;
}

/// How many times louder input 2 hears the probe in `lifted` than in `loaded`, at the least: a floating output ties the other
/// leg's input and probe resistor to pin 3, which makes Rg weigh least.
double least_drop(const Fixture& fixture)
{
    const double legs = conductance(fixture.rin2) + conductance(fixture.rin3) + conductance(fixture.probe->rp2) + conductance(fixture.probe->rp3);
    return 1.0 + conductance(fixture.rg) / legs;
}

/// By what part `loaded` lowers what `through` has at pin 3, at the least, both signals alike: Zt/Rg, where Zt is pin 3 beside what the fixture
/// hangs on it. Of Zt the probe tells Zs·P(through)/P(lifted), Zs being the fixture's alone. Where the output brings pin 2's share of
/// the probe to pin 3, too, that is too much: twice, where it floats.
double expected_drop(const MultitoneReading& through, const MultitoneReading& lifted, const Fixture& fixture)
{
    const double zs = 1.0 / (conductance(fixture.rin3) + conductance(fixture.probe->rp3 + fixture.rs));
    const auto part = power_of(through.tones, Signal::probe, 1).at_least() / power_of(lifted.tones, Signal::probe, 1).at_most();
    return 0.5 * std::sqrt(std::min(part, 1.0)) * zs / fixture.rg.value();
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
    const double before = rms_transfer(*through, Signal::drive, 1);
    if (hears(*through, Signal::drive, 1) && before > (0.03 + 8.0 * way_round(fixture)) * rms_transfer(*through, Signal::drive, 0)) {
        for (const auto state : {SwitchState::grounded, SwitchState::lifted}) {
            const auto* reading = at(state);
            if (reading != nullptr && rms_transfer(*reading, Signal::drive, 1) > 0.25 * before)
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
        if (rms_transfer(*lifted, Signal::probe, 1) < least * rms_transfer(*reading, Signal::probe, 1))
            return stood_still(state, SwitchState::lifted, "input 2 hears the probe the same in both");
    }
    if (const auto* loaded = at(SwitchState::loaded)) {
        const double drop = expected_drop(*through, *lifted, fixture);
        const auto before_rg = power_of(through->tones, Signal::probe, 1);
        const auto behind_rg = power_of(loaded->tones, Signal::probe, 1);
        const double left = 1.0 / (1.0 + 0.5 * drop);
        if (drop > 0.01 && behind_rg.at_least() > left * left * before_rg.at_most() && read_alike(loaded->tones, through->tones))
            return stood_still(SwitchState::through, SwitchState::loaded, "Rg changes nothing at input 2, where it takes at least " + format_fixed(100.0 * drop, 0) + " %");
    }
    return Done{};
}

}  // namespace lowleg::procedure
