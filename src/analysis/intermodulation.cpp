#include "analysis/intermodulation.h"

#include "core/text.h"
#include "dsp/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <span>
#include <string>

namespace lowleg::analysis {
namespace {

constexpr double audible = 10.0;

struct Product { int low, high; };
constexpr std::array<Product, 4> sidebands{{{-2, 1}, {-1, 1}, {1, 1}, {2, 1}}};
constexpr std::array<Product, 3> differences{{{-1, 1}, {2, -1}, {-1, 2}}};

std::span<const Product> products_of(Intermodulation kind)
{
    if (kind == Intermodulation::modulation) return sidebands;
    return differences;
}

/// Σ|part| over `reference`. Each amplitude is freed of the noise's share; where the parts together do not stand out, the bound.
Ratio sum_of(const std::vector<ComplexEstimate>& parts, double reference)
{
    double sum = 0.0;
    double variance = 0.0;
    double most = 0.0;  // that noise leaves open
    double dof = 1e5;
    for (const auto& part : parts) {
        const double power = std::max(0.0, std::norm(part.value) - part.sigma * part.sigma);
        sum += std::sqrt(power);
        variance += part.sigma * part.sigma;
        most += std::abs(part.value);
        dof = std::min(dof, part.degrees_of_freedom);
    }
    const double half_width = dsp::student_t_quantile(0.975, dof) * std::sqrt(variance);
    // The mean amplitude of noise alone is 1.25 σ a part.
    if (sum <= 2.0 * half_width) return {(most + half_width) / reference, 0.0, true};
    return {sum / reference, half_width / reference, false};
}

Ratio together(const Ratio& a, const Ratio& b)
{
    const double value = std::hypot(a.value, b.value);
    if (a.is_bound && b.is_bound) return {value, 0.0, true};
    // A bound beside a value leaves it open between 0 and the bound.
    if (a.is_bound || b.is_bound) {
        const auto& known = a.is_bound ? b : a;
        return {known.value, std::max(known.interval_95, value - known.value + known.interval_95), false};
    }
    return {value, value > 0.0 ? std::hypot(a.value * a.interval_95, b.value * b.interval_95) / value : 0.0, false};
}

}  // namespace

bool IntermodulationReading::is_heard(std::size_t leg) const
{
    return std::ranges::all_of(tones, [&](const auto& tone) { return std::abs(tone[leg].value) > audible * tone[leg].sigma; });
}

Result<IntermodulationReading> read_intermodulation(std::span<const PeriodView> periods, const TonePlan& plan, Intermodulation kind)
{
    if (plan.tones.size() != 2) return Error{"intermodulation is that of two tones, and the test signal has " + std::to_string(plan.tones.size()) + ": play two"};
    const auto f1 = plan.tones[0].bin;
    const auto f2 = plan.tones[1].bin;
    std::map<std::int64_t, Product> at{{f1, {1, 0}}, {f2, {0, 1}}};
    for (const auto& p : products_of(kind)) {
        const auto bin = std::abs(p.low * f1 + p.high * f2);
        if (bin < 1 || 2 * bin >= plan.period_frames || !at.emplace(bin, p).second)
            return Error{"two products of " + format_hertz(plan.frequency_of(f1)) + " and " + format_hertz(plan.frequency_of(f2)) + " fall on one frequency, or beyond half the rate: choose other tones"};
    }
    std::vector<std::int64_t> bins;
    for (const auto& [bin, product] : at) bins.push_back(bin);
    auto read = read_bins(periods, plan.sample_rate_hz, bins);
    if (!read) return read.error();
    IntermodulationReading out;
    out.kind = kind;
    out.record = std::move(read).value();
    for (const auto& tone : out.record.tones) {
        const auto& p = at.at(tone.bin);
        if (std::abs(p.low) + std::abs(p.high) == 1) {
            const std::size_t which = p.high != 0 ? 1 : 0;
            out.frequencies[which] = tone.frequency;
            out.tones[which] = tone.leg;
            continue;
        }
        out.products.push_back({p.low, p.high, std::abs(p.low) + std::abs(p.high), tone.frequency, tone.leg});
    }
    for (std::size_t leg = 0; leg < 2; ++leg) {
        if (!out.is_heard(leg)) continue;
        const double reference = std::abs(out.tones[1][leg].value) + (kind == Intermodulation::difference ? std::abs(out.tones[0][leg].value) : 0.0);
        std::array<std::vector<ComplexEstimate>, 2> of_order;
        for (const auto& product : out.products) of_order[static_cast<std::size_t>(product.order - 2)].push_back(product.leg[leg]);
        out.second[leg] = sum_of(of_order[0], reference);
        out.third[leg] = sum_of(of_order[1], reference);
        out.total[leg] = together(out.second[leg], out.third[leg]);
    }
    return out;
}

Result<IntermodulationReading> read_intermodulation(const Record& record, const TonePlan& plan, Intermodulation kind)
{
    for (const auto& period : record.periods)
        if (!period.faults.none()) return Error{"a captured period is void (" + describe(period.faults) + "): leave it out and measure it again"};
    const DoublePeriods samples{record};
    return read_intermodulation(samples.views(), plan, kind);
}

}  // namespace lowleg::analysis
