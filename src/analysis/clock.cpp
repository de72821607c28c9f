#include "analysis/multitone.h"
#include "analysis/spectra.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::analysis {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;
/// More periods add little that anyone needs (10⁻⁴ ppm), and cost time.
constexpr std::size_t most_periods = 16;
/// A tone counts when it is this many times above the bins beside it.
constexpr double least_ratio = 10.0;

/// The longest run of periods without a gap, at most most_periods of it.
std::span<const PeriodView> longest_run(std::span<const PeriodView> periods, std::int64_t frames)
{
    std::size_t best = 0;
    std::size_t best_length = 0;
    for (std::size_t begin = 0; begin < periods.size();) {
        std::size_t end = begin + 1;
        while (end < periods.size() && periods[end].first_frame - periods[end - 1].first_frame == frames) ++end;
        if (end - begin > best_length) {
            best = begin;
            best_length = end - begin;
        }
        begin = end;
    }
    return periods.subspan(best, std::min(best_length, most_periods));
}

std::vector<double> hann(std::int64_t n)
{
    std::vector<double> window;
    for (std::int64_t i = 0; i < n; ++i)
        window.push_back(1.0 - std::cos(two_pi * static_cast<double>(i) / static_cast<double>(n)));
    return window;
}

/// Σ w·x·e^{−j2π·f·n/N}: the phasor at any frequency. Hann, because tones off their bins leak into each other.
Complex phasor(std::span<const double> x, const std::vector<double>& window, double bins)
{
    const Complex step = std::polar(1.0, -two_pi * bins / static_cast<double>(x.size()));
    double re = 1.0;
    double im = 0.0;
    Complex sum{};
    constexpr std::size_t renew = 512;  // so that rounding does not add up
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (i % renew == 0) {
            const auto exact = std::polar(1.0, -two_pi * std::remainder(bins * static_cast<double>(i) / static_cast<double>(x.size()), 1.0));
            re = exact.real();
            im = exact.imag();
        }
        const double v = window[i] * x[i];
        sum += Complex{v * re, v * im};
        const double next = re * step.real() - im * step.imag();
        im = re * step.imag() + im * step.real();
        re = next;
    }
    return sum * (2.0 / static_cast<double>(x.size()));
}

/// Power of a tone over the mean of the bins beside it, Hann-weighted: the tone may lie a bin off its own, and fills three then.
/// An upper bound of the noise, since tones off their bins leak. 0 when there are no bins to compare with.
double power_over_noise(const std::vector<Complex>& bins, std::int64_t bin, const BinMap& map)
{
    const auto weighted = [&](std::int64_t b) {
        const auto i = static_cast<std::size_t>(b);
        return std::norm(bins[i] - 0.5 * (bins[i - 1] + bins[i + 1]));
    };
    if (bin < 1 || bin + 1 >= static_cast<std::int64_t>(bins.size())) return 0.0;
    double noise = 0.0;
    double count = 0.0;
    for (const auto b : map.clean_bins_beside(bin, 16)) {
        if (std::abs(b - bin) < 4 || b + 1 >= static_cast<std::int64_t>(bins.size())) continue;
        noise += weighted(b);
        count += 1.0;
    }
    if (count == 0.0) return 0.0;
    constexpr double rounding = 1e-30;
    return weighted(bin) / (noise / count + rounding * weighted(bin) + 1e-300);
}

}  // namespace

Result<ClockReading> measure_clock(const Record& record, const TonePlan& plan)
{
    if (auto status = check_plan(plan); !status) return status.error();
    const DoublePeriods samples{record};
    const auto periods = longest_run(samples.views(), plan.period_frames);
    if (periods.size() < 2)
        return Error{"the clocks cannot be compared within one period of the test signal: record at least two in a row"};
    const auto transformed = transform(periods, plan);
    if (!transformed) return transformed.error();
    const auto& spectra = transformed.value();
    const BinMap map{plan};
    const auto window = hann(plan.period_frames);
    const auto count = periods.size();

    // From the lowest tone to the highest: each turns faster per period, and what is known so far says how many whole turns.
    struct Drift { double offset; double weight; double sigma; };  // sigma from the bins beside the tone
    std::vector<Drift> drifts;
    double weighted = 0.0;
    double weight = 0.0;
    for (const auto& tone : plan.tones)
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const double ratio = power_over_noise(spectra.bins[leg].front(), tone.bin, map);
            if (!(ratio > least_ratio * least_ratio)) continue;
            const double known = weight > 0.0 ? weighted / weight : 0.0;
            const auto bin = static_cast<double>(tone.bin);
            const double f = bin / (1.0 + known);

            // Phase against the expected one, unwrapped from period to period, then its slope by least squares.
            std::vector<double> phase;
            double power = 0.0;
            double before = 0.0;
            for (std::size_t m = 0; m < count; ++m) {
                const auto v = phasor(periods[m].leg[leg], window, f) *
                               std::polar(1.0, -two_pi * std::remainder(f * static_cast<double>(m), 1.0));
                power += std::norm(v);
                const double turn = std::arg(v) / two_pi;
                before = m == 0 ? turn : before + std::remainder(turn - before, 1.0);
                phase.push_back(before);
            }
            const double middle = 0.5 * static_cast<double>(count - 1);
            double product = 0.0;
            double square = 0.0;
            for (std::size_t m = 0; m < count; ++m) {
                const double x = static_cast<double>(m) - middle;
                product += x * phase[m];
                square += x * x;
            }
            // The tone's true frequency in bins is f + slope = bin/(1 + offset).
            const double offset = bin / (f + product / square) - 1.0;
            // The same noise on every tone: the slope's variance goes with 1/power, the offset's with 1/(power·bin²).
            const double w = power * bin * bin;
            drifts.push_back({offset, w, std::sqrt(0.5 / (ratio * square)) / (two_pi * bin)});
            weighted += w * offset;
            weight += w;
        }
    if (drifts.empty() || !(weight > 0.0))
        return Error{"no tone stands out of the noise, so the clocks cannot be compared: check the cables and the level"};

    // How well the tones agree is how well the offset is known; one tone alone has nothing to agree with.
    const double offset = weighted / weight;
    double sigma = drifts.front().sigma;
    if (drifts.size() > 1) {
        double scatter = 0.0;
        for (const auto& d : drifts) scatter += d.weight * (d.offset - offset) * (d.offset - offset);
        sigma = std::sqrt(scatter / (weight * static_cast<double>(drifts.size() - 1)));
    }
    return ClockReading{1e6 * offset, 1e6 * sigma};
}

}  // namespace lowleg::analysis
