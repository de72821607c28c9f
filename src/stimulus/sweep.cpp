#include "stimulus/sweep.h"

#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace lowleg::stimulus {
namespace {

constexpr double highest_part_of_rate = 0.48;
// Harmonics of what is measured lie clear of where they begin.
constexpr double margin_below = 1.5;
constexpr double margin_above = 1.26;
constexpr double part_of_period = 0.98;

}  // namespace

Result<SweepPlan> design_sweep(double sample_rate_hz, std::int64_t period_frames, const SweepOptions& o)
{
    const auto refused = [](std::string what) { return Error{std::move(what), ErrorKind::usage}; };
    if (!(sample_rate_hz > 0.0) || period_frames < 2 || period_frames % 2 != 0) return refused("A sweep needs a sample rate and an even period.");
    if (!(o.lowest.value() > 0.0) || !(o.highest > o.lowest)) return refused("A sweep cannot go from " + format_hertz(o.lowest) + " to " + format_hertz(o.highest) + ": give a higher end.");
    const Hertz end{std::min(margin_above * o.highest.value(), highest_part_of_rate * sample_rate_hz)};
    if (!(o.lowest < end)) return refused("A sweep from " + format_hertz(o.lowest) + " does not fit this sample rate: begin below 0.48 of it.");
    const double seconds = part_of_period * static_cast<double>(period_frames) / sample_rate_hz;
    // The lowest frequency that the period has room for: f₁·L is a whole number, at least one.
    Hertz begin{o.lowest.value() / margin_below};
    double growth = seconds / std::log(end / begin);
    const double cycles = std::max(1.0, std::floor(begin.value() * growth));
    begin = Hertz{cycles / growth};
    growth = seconds / std::log(end / begin);
    begin = Hertz{cycles / growth};
    if (begin > o.lowest)
        return refused("A period of " + format_fixed(static_cast<double>(period_frames) / sample_rate_hz, 2) + " s is too short for a sweep from " + format_hertz(o.lowest) +
                       ": begin higher, or take a longer one.");
    const double last = std::floor(end.value() * growth);
    return SweepPlan{sample_rate_hz, period_frames, begin, Hertz{last / growth}, Seconds{growth}, sine_peak(o.peak)};
}

std::vector<float> render(const SweepPlan& plan)
{
    std::vector<float> out(2 * static_cast<std::size_t>(plan.period_frames), 0.0F);
    const double growth = plan.growth.value();
    const double cycles = plan.lowest.value() * growth;
    for (std::int64_t i = 0; i < plan.period_frames; ++i) {
        const double t = static_cast<double>(i) / plan.sample_rate_hz;
        if (t > plan.length().value()) break;
        const double turns = cycles * std::exp(t / growth);
        out[2 * static_cast<std::size_t>(i)] = static_cast<float>(plan.amplitude * plan.envelope(Seconds{t}) * std::sin(2.0 * std::numbers::pi * (turns - std::floor(turns))));
    }
    return out;
}

}  // namespace lowleg::stimulus
