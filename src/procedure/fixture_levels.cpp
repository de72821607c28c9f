#include "procedure/fixture_levels.h"

#include <algorithm>
#include <cmath>

namespace lowleg::procedure {

double rms_transfer(const analysis::MultitoneReading& reading, Signal signal, std::size_t leg)
{
    double power = 0.0;
    double tones = 0.0;
    for (const auto& tone : reading.tones) {
        if (tone.signal != signal || !(tone.frequency < highest_resistive)) continue;
        power += std::norm(tone.leg.at(leg).value);
        tones += 1.0;
    }
    return tones > 0.0 ? std::sqrt(power / tones) : 0.0;
}

Power power_of(std::span<const analysis::ToneReading> tones, Signal signal, std::size_t leg)
{
    Power out;
    double variance = 0.0;
    for (const auto& tone : tones) {
        if (tone.signal != signal || !(tone.frequency < highest_resistive)) continue;
        const double sigma2 = tone.leg.at(leg).sigma * tone.leg.at(leg).sigma;
        const double net = std::norm(tone.leg.at(leg).value) - 2.0 * sigma2;
        out.value += net;
        variance += 4.0 * sigma2 * std::max(net, 0.0) + 4.0 * sigma2 * sigma2;
    }
    out.sigma = std::sqrt(variance);
    return out;
}

double open_ratio(const Fixture& fixture)
{
    const auto divider = [](Ohms rin, Ohms rp) { return rin / (rin + rp); };
    return fixture.gain_ratio * divider(fixture.rin3, fixture.probe->rp3) / divider(fixture.rin2, fixture.probe->rp2);
}

double way_round(const Fixture& fixture)
{
    if (!fixture.probe) return 0.0;
    const Ohms past_probe = fixture.probe->rp3 + fixture.rin3;
    const double to_ground = conductance(past_probe) + 1.0 / std::max(fixture.rs.value(), 1e-3);
    const double node = conductance(fixture.probe->rp2) / (conductance(fixture.probe->rp2) + to_ground);
    return node * fixture.rin3.value() / past_probe.value();
}

}  // namespace lowleg::procedure
