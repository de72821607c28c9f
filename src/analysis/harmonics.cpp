#include "analysis/harmonics.h"

#include "analysis/estimator.h"
#include "analysis/hum.h"
#include "analysis/residual.h"
#include "dsp/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace lowleg::analysis {
namespace {

constexpr double audible = 10.0;

TonePlan plan_of(double sample_rate_hz, std::int64_t period_frames, std::span<const std::int64_t> bins)
{
    TonePlan plan{sample_rate_hz, period_frames, {}};
    // Amplitude 1 and phase 0: a transfer over it is the captured phasor itself.
    for (const auto bin : bins) plan.tones.push_back({Signal::drive, bin, 1.0, 0.0});
    return plan;
}

/// Multiples of the fundamental up to `highest` and below half the period.
std::vector<std::int64_t> multiples(std::int64_t fundamental, std::int64_t period_frames, std::int64_t highest)
{
    std::vector<std::int64_t> out;
    for (std::int64_t k = 1; k <= highest && 2 * k * fundamental < period_frames; ++k) out.push_back(k * fundamental);
    return out;
}

/// The record without its fundamental, the harmonics up to the band's end and hum, and the powers of what was taken out.
struct TakenApart {
    Residual rest;
    std::array<double, 2> harmonics{};          ///< Mean square in the band, noise taken off.
    std::array<double, 2> harmonics_variance{};
    std::optional<MainsReading> hum;
};

Result<TakenApart> take_apart(std::span<const PeriodView> periods, const TonePlan& harmonics, const NoiseBand& band)
{
    auto transformed = transform(periods, harmonics);
    if (!transformed) return transformed.error();
    auto& spectra = transformed.value();
    BinMap map{harmonics};
    const double bin_hz = harmonics.frequency_of(1).value();
    const auto fits = remove_hum(spectra, map, bin_hz);
    TakenApart out{.rest = Residual{periods}, .hum = mains_of(fits, bin_hz)};
    for (const auto& fit : fits) out.rest.take_out(fit, spectra);

    const auto fundamental = harmonics.tones.front().bin;
    const auto count = static_cast<double>(spectra.periods());
    for (std::size_t leg = 0; leg < 2; ++leg) {
        for (std::size_t m = 0; m < spectra.periods(); ++m)
            out.rest.take_out(m, leg, spectra.bins[leg][m][static_cast<std::size_t>(fundamental)], static_cast<double>(fundamental));
        std::vector<double> waveform(static_cast<std::size_t>(spectra.period_frames), 0.0);
        for (const auto bin : multiples(fundamental, spectra.period_frames, spectra.period_frames)) {
            const Hertz f{static_cast<double>(bin) * bin_hz};
            if (bin == fundamental) continue;
            if (f > band.highest) break;
            const auto b = static_cast<std::size_t>(bin);
            Complex mean{};
            for (std::size_t m = 0; m < spectra.periods(); ++m) mean += spectra.bins[leg][m][b] / count;
            add_sine(waveform, mean, static_cast<double>(bin) / static_cast<double>(spectra.period_frames));
            if (f < band.lowest) continue;
            double scatter = 0.0;  // E|error|² of the mean
            for (std::size_t m = 0; m < spectra.periods() && spectra.periods() > 1; ++m) scatter += std::norm(spectra.bins[leg][m][b] - mean) / (count * (count - 1.0));
            out.harmonics[leg] += 0.5 * (std::norm(mean) - scatter);
            out.harmonics_variance[leg] += 0.5 * std::norm(mean) * scatter;
        }
        out.rest.take_out(leg, waveform);
        out.harmonics[leg] = std::max(0.0, out.harmonics[leg]);
    }
    return out;
}

/// √(rest/(rest + fundamental)) of mean squares. \param sigma  of rest.
Ratio over_all(double rest, double sigma, double dof, double fundamental)
{
    const double all = rest + fundamental;
    if (!(rest > 0.0) || !(all > 0.0)) return {};
    const double value = std::sqrt(rest / all);
    // d√(r/(r+f)) = ½·√(r/(r+f))·(1/r − 1/(r+f))·dr
    return {value, dsp::student_t_quantile(0.975, std::clamp(dof, 1.0, 1e5)) * 0.5 * value * (fundamental / (rest * all)) * sigma, false};
}

}  // namespace

bool HarmonicReading::is_heard(std::size_t which) const
{
    const auto& fundamental = harmonics.front().leg[which];
    return std::abs(fundamental.value) > audible * fundamental.sigma;
}

Ratio root_sum_square(std::span<const ComplexEstimate> parts, const ComplexEstimate& whole)
{
    double sum = 0.0;
    double variance = 0.0;
    double dof = 1e5;
    for (const auto& part : parts) {
        const double noise = 2.0 * part.sigma * part.sigma;  // E|error|²
        const double power = std::norm(part.value) - noise;
        sum += power;
        // Var|a + n|² = 2·|a|²·E|n|² + (E|n|²)²
        variance += 2.0 * std::max(0.0, power) * noise + noise * noise;
        dof = std::min(dof, part.degrees_of_freedom);
    }
    const double reference = std::abs(whole.value);
    if (parts.empty() || !(reference > 0.0)) return {};
    const double half_width = dsp::student_t_quantile(0.975, dof) * std::sqrt(variance);
    if (sum <= half_width) return {std::sqrt(std::max(0.0, sum) + half_width) / reference, 0.0, true};
    const double value = std::sqrt(sum) / reference;
    const double of_reference = dsp::student_t_quantile(0.975, std::clamp(whole.degrees_of_freedom, 1.0, 1e5)) * whole.sigma / reference;
    return {value, value * std::hypot(0.5 * half_width / sum, of_reference), false};
}

Result<MultitoneReading> read_bins(std::span<const PeriodView> periods, double sample_rate_hz, std::span<const std::int64_t> bins)
{
    if (periods.empty()) return Error{"there is no period to read: capture at least one without faults"};
    return read_multitone(periods, plan_of(sample_rate_hz, static_cast<std::int64_t>(periods.front().leg[0].size()), bins));
}

Result<HarmonicReading> read_harmonics(std::span<const PeriodView> periods, const TonePlan& plan, NoiseBand band)
{
    if (plan.tones.size() != 1) return Error{"harmonics are those of one tone, and the test signal has " + std::to_string(plan.tones.size()) + ": play a sine alone"};
    const auto bins = multiples(plan.tones.front().bin, plan.period_frames, highest_harmonic);
    const auto harmonics = plan_of(plan.sample_rate_hz, plan.period_frames, bins);
    auto tones = read_multitone(periods, harmonics);
    if (!tones) return tones.error();
    HarmonicReading out;
    out.band = fitting(band, plan.sample_rate_hz);
    out.tones = std::move(tones).value();
    for (std::size_t i = 0; i < bins.size(); ++i) out.harmonics.push_back({static_cast<int>(i + 1), out.tones.tones[i].frequency, out.tones.tones[i].leg});

    auto apart = take_apart(periods, harmonics, out.band);
    if (!apart) return apart.error();
    const std::vector<std::vector<double>> weights{weights_of(out.band, plan.sample_rate_hz, plan.period_frames)};
    const auto noise = mean_squares(apart.value().rest.views(), weights);
    if (!noise) return noise.error();
    for (std::size_t leg = 0; leg < 2; ++leg) {
        auto& of = out.leg[leg];
        const auto& rest = noise.value().front()[leg];
        of.rest_rms = rest.rms();
        if (!out.is_heard(leg)) continue;
        std::vector<ComplexEstimate> parts;
        for (std::size_t i = 1; i < out.harmonics.size(); ++i) parts.push_back(out.harmonics[i].leg[leg]);
        const auto& fundamental = out.harmonics.front().leg[leg];
        of.thd = root_sum_square(parts, fundamental);
        const double signal = 0.5 * std::norm(fundamental.value);
        const double without = rest.mean_square + apart.value().harmonics[leg];
        const double variance = std::pow(rest.mean_square * rest.relative_sigma, 2) + apart.value().harmonics_variance[leg];
        of.thd_n_without_hum = over_all(without, std::sqrt(variance), rest.degrees_of_freedom, signal);
        double hum = 0.0;
        double hum_variance = 0.0;
        if (apart.value().hum)
            for (const auto& line : apart.value().hum->lines) {
                if (line.frequency < out.band.lowest || line.frequency > out.band.highest) continue;
                hum += line.mean_square[leg];
                hum_variance += std::pow(2.0 * line.relative_sigma[leg] * line.mean_square[leg], 2);
            }
        of.thd_n = over_all(without + hum, std::sqrt(variance + hum_variance), rest.degrees_of_freedom, signal);
    }
    return out;
}

Result<HarmonicReading> read_harmonics(const Record& record, const TonePlan& plan, NoiseBand band)
{
    for (const auto& period : record.periods)
        if (!period.faults.none()) return Error{"a captured period is void (" + describe(period.faults) + "): leave it out and measure it again"};
    const DoublePeriods samples{record};
    return read_harmonics(samples.views(), plan, band);
}

}  // namespace lowleg::analysis
