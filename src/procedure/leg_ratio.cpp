#include "procedure/leg_ratio.h"

#include "analysis/multitone.h"
#include "core/text.h"
#include "procedure/averaging.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace lowleg::procedure {

Result<std::vector<LegRatio>> read_leg_ratios(engine::Engine& engine, FixtureSwitch& fixture_switch, const MeasureOptions& options, const MeasurementObserver& observer,
                                              const std::function<bool()>& should_stop)
{
    if (!options.fixture.probe) return Error{"without the probe resistors there is nothing that drives both legs alike: fit Rp2 and Rp3 (docs/fixture.md)", ErrorKind::usage};
    auto plan = stimulus::design_multitone(engine.facts().sample_rate_hz);
    if (!plan) return plan.error();
    // The drive would tell of the legs, and of what loads them.
    std::erase_if(plan.value().tones, [](const Tone& t) { return t.signal == Signal::drive; });
    if (auto moved = fixture_switch(SwitchState::through); !moved) return moved.error();
    const auto samples = stimulus::render(plan.value());
    const AveragedSignal signal{samples, Seconds{0.25}, "inputs compared", &plan.value()};
    Averaging averaging;
    averaging.usual = Seconds{2.0};
    auto averaged = average(engine, signal, averaging, {}, observer, should_stop);
    engine.silence();
    if (!averaged) return averaged.error();
    const auto reading = analysis::read_multitone(averaged.value().record, plan.value());
    if (!reading) return reading.error();
    std::vector<LegRatio> out;
    for (const auto& tone : reading.value().tones) {
        const auto relative = [](const analysis::ComplexEstimate& e) { return e.amplitude_interval_95() / std::abs(e.value); };
        constexpr double audible = 8.0;
        if (std::ranges::any_of(tone.leg, [](const analysis::ComplexEstimate& e) { return !(std::abs(e.value) > audible * e.sigma); })) continue;
        out.push_back({tone.frequency, tone.leg[1].value / tone.leg[0].value, std::hypot(relative(tone.leg[0]), relative(tone.leg[1]))});
    }
    if (out.empty())
        return Error{"a leg carries nothing of the probe, so that exchanging the leads tells nothing: it stands on ground, or the probe resistors are not connected; \"lowleg calibrate\" compares the inputs instead"};
    return out;
}

Result<CalibratedValue> gain_ratio_now(const std::vector<LegRatio>& before, const std::vector<LegRatio>& now)
{
    double sum = 0.0, weights = 0.0;
    std::vector<std::pair<double, double>> each;  // dB, 95 %
    for (const auto& a : before) {
        const auto b = std::ranges::find(now, a.frequency, &LegRatio::frequency);
        if (b == now.end()) continue;
        const double db = 0.5 * (gain_of(std::abs(b->ratio)) - gain_of(std::abs(a.ratio))).value();
        const double wide = std::max(0.5 * db_per_neper * std::hypot(a.relative_uncertainty, b->relative_uncertainty), 1e-5);
        each.emplace_back(db, wide);
        sum += db / (wide * wide);
        weights += 1.0 / (wide * wide);
    }
    if (each.empty()) return Error{"before and after the exchange no common tone was heard at both legs: see that the leads are connected, and measure again"};
    const double mean = sum / weights;
    double spread = 0.0;
    for (const auto& [db, wide] : each) spread = std::max(spread, std::abs(db - mean) - wide);
    constexpr double most = 3.0, most_spread = 0.5;
    if (std::abs(mean) > most || spread > most_spread)
        return Error{"after the exchange the legs read as no exchange makes them (the inputs would differ by " + format_db(GainDb{mean}, 1) + ", " + format_fixed(spread, 1) +
                     " dB apart over frequency): exchange both leads at the interface's inputs, and nothing else"};
    // Loads that differ by a few per cent, and contacts, leave so much where the legs are of tens of ohms.
    constexpr double floor_db = 0.002;
    return CalibratedValue{mean, std::sqrt(1.0 / weights + floor_db * floor_db + spread * spread), {}};
}

}  // namespace lowleg::procedure
