#include "analysis/multitone.h"

#include "analysis/estimator.h"
#include "analysis/hum.h"
#include "core/text.h"
#include "dsp/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace lowleg::analysis {
namespace {

constexpr std::size_t bins_in_pool = 8;

/// Mean and scatter of every bin of one leg over the periods.
struct Scatter {
    std::vector<Complex> mean;
    std::vector<double> power;  ///< Σ|x − mean|² over the periods; for one period |x|².
};

Scatter scatter_of(const std::vector<std::vector<Complex>>& periods)
{
    Scatter s{periods.front(), std::vector<double>(periods.front().size(), 0.0)};
    const auto count = static_cast<double>(periods.size());
    if (periods.size() == 1) {
        for (std::size_t b = 0; b < s.mean.size(); ++b) s.power[b] = std::norm(s.mean[b]);
        return s;
    }
    for (std::size_t m = 1; m < periods.size(); ++m)
        for (std::size_t b = 0; b < s.mean.size(); ++b) s.mean[b] += periods[m][b];
    for (auto& mean : s.mean) mean /= count;
    for (const auto& period : periods)
        for (std::size_t b = 0; b < s.mean.size(); ++b) s.power[b] += std::norm(period[b] - s.mean[b]);
    return s;
}

/// E|noise|² of one bin in one period, and the degrees of freedom of that figure.
struct Noise {
    double variance;
    double degrees_of_freedom;
};

/// From the tone's own bin and the clean bins beside it; from its own alone when it is less steady than they are.
/// \return failure for one period without clean bins beside the tone.
Result<Noise> noise_of(std::int64_t bin, const Scatter& s, const BinMap& map, std::size_t periods)
{
    const auto beside = map.clean_bins_beside(bin, bins_in_pool);
    double pool = 0.0;
    for (const auto b : beside) pool += s.power[static_cast<std::size_t>(b)];
    const auto pool_values = static_cast<double>(beside.size());  // complex ones, per period that counts

    if (periods == 1) {
        if (beside.empty())
            return Error{"one period of a test signal that leaves no bins free does not show its own noise: capture at least two "
                         "periods"};
        return Noise{pool / pool_values, 2.0 * pool_values};
    }
    const auto free_periods = static_cast<double>(periods - 1);
    const double own = s.power[static_cast<std::size_t>(bin)];
    const Noise own_alone{own / free_periods, 2.0 * free_periods};
    if (beside.empty()) return own_alone;

    constexpr double improbable = 0.001;
    const double pool_variance = pool / (pool_values * free_periods);
    const double ratio = pool_variance > 0.0 ? own_alone.variance / pool_variance : own > 0.0 ? HUGE_VAL : 0.0;
    if (dsp::f_exceedance(ratio, own_alone.degrees_of_freedom, 2.0 * pool_values * free_periods) < improbable) return own_alone;
    return Noise{(own + pool) / ((1.0 + pool_values) * free_periods), 2.0 * (1.0 + pool_values) * free_periods};
}

/// Noise and distortion of a leg in the band. Bins that are left out (tones, hum) are taken to hold as much noise as the others.
Residue residue_of(const Scatter& s, const BinMap& map, std::size_t periods, const TonePlan& plan)
{
    constexpr double lowest_hz = 20.0;
    const double highest_hz = std::min(20'000.0, 0.45 * plan.sample_rate_hz);
    const double bin_hz = plan.frequency_of(1).value();
    const auto first = std::max<std::int64_t>(1, std::llround(std::ceil(lowest_hz / bin_hz)));
    const auto last = std::min<std::int64_t>(map.size() - 2, std::llround(std::floor(highest_hz / bin_hz)));
    const auto count = static_cast<double>(periods);

    double noise = 0.0;  // Σ E|noise|² of one period
    double noise_bins = 0.0;
    double coherent = 0.0;  // Σ|mean|²
    double coherent_bins = 0.0;
    for (auto bin = first; bin <= last; ++bin) {
        if (map.is_tone(bin) || map.is_excluded(bin)) continue;
        const auto b = static_cast<std::size_t>(bin);
        // One period shows no scatter: there, what is on no product is noise.
        if (periods > 1 || map.is_clean(bin)) {
            noise += periods > 1 ? s.power[b] / (count - 1.0) : s.power[b];
            noise_bins += 1.0;
        }
        if (periods > 1 || !map.is_clean(bin)) {
            coherent += std::norm(s.mean[b]);
            coherent_bins += 1.0;
        }
    }
    if (noise_bins == 0.0) return {};
    const double per_bin = noise / noise_bins;
    const double expected = coherent_bins * per_bin / count;
    // The sum of n exponentially distributed powers scatters by 1/√n, as does its expectation: below three times that there is
    // nothing to be seen.
    const double excess = coherent - expected;
    const double uncertain = expected * std::sqrt(1.0 / std::max(coherent_bins, 1.0) + 1.0 / noise_bins);
    const double all_bins = static_cast<double>(last - first + 1);
    return {std::sqrt(0.5 * per_bin * all_bins), excess > 3.0 * uncertain ? std::sqrt(0.5 * excess) : 0.0};
}

constexpr Hertz highest_fundamental_of_harmonics{400.0};

/// Whether `bin` is f₁ + f₂ + f₃ or f₁ + f₂ − f₃ of drive tones in another way than as three times `fundamental`. (The probe is weak at
/// what distorts, so that its products do not count.)
bool is_another_product(std::int64_t bin, std::int64_t fundamental, const TonePlan& plan)
{
    std::vector<std::int64_t> drive;
    for (const auto& tone : plan.tones)
        if (tone.signal == Signal::drive) drive.push_back(tone.bin);
    for (std::size_t i = 0; i < drive.size(); ++i)
        for (std::size_t k = i; k < drive.size(); ++k) {
            const bool is_twice_itself = drive[i] == fundamental && drive[k] == fundamental;
            const auto third = bin - drive[i] - drive[k];  // added, or taken away where it is negative
            if (third != 0 && !(is_twice_itself && third == fundamental) && std::ranges::binary_search(drive, std::abs(third))) return true;
            // f₁ − f₂ − f₃, where that is on `bin` when turned about.
            if (std::ranges::binary_search(drive, bin + drive[i] + drive[k])) return true;
        }
    return false;
}

ThirdHarmonic third_harmonic_of(const Tone& tone, const std::array<Scatter, 2>& scatter, const std::array<Noise, 2>& at_tone,
                                const std::array<Noise, 2>& at_harmonic, const TonePlan& plan)
{
    ThirdHarmonic out{plan.frequency_of(tone.bin), {}};
    for (std::size_t leg = 0; leg < 2; ++leg) {
        const Complex fundamental = scatter[leg].mean[static_cast<std::size_t>(tone.bin)];
        const Complex harmonic = scatter[leg].mean[static_cast<std::size_t>(3 * tone.bin)];
        const double level = std::abs(fundamental);
        if (level * level <= 36.0 * 0.5 * at_tone[leg].variance) {  // six of its standard uncertainties
            out.ratio[leg] = {{}, 1.0, at_harmonic[leg].degrees_of_freedom};
            continue;
        }
        const Complex unit = fundamental / level;
        const Complex ratio = harmonic * std::conj(unit * unit * unit) / level;
        // The fundamental's phase counts three times.
        out.ratio[leg] = {ratio, std::sqrt(0.5 * (at_harmonic[leg].variance + 9.0 * std::norm(ratio) * at_tone[leg].variance)) / level,
                          at_harmonic[leg].degrees_of_freedom};
    }
    return out;
}

}  // namespace

double ComplexEstimate::amplitude_interval_95() const { return dsp::student_t_quantile(0.975, degrees_of_freedom) * sigma; }

double ComplexEstimate::phase_interval_95_rad() const
{
    const double amplitude = std::abs(value);
    return amplitude > 0.0 ? std::min(std::numbers::pi, amplitude_interval_95() / amplitude) : std::numbers::pi;
}

Result<MultitoneReading> read_multitone(std::span<const PeriodView> periods, const TonePlan& plan, HumRemoval hum)
{
    if (periods.empty()) return Error{"there is no period to read: capture at least one without faults"};
    auto transformed = transform(periods, plan);
    if (!transformed) return transformed.error();
    auto& spectra = transformed.value();
    const double bin_hz = plan.frequency_of(1).value();
    BinMap map{plan};

    MultitoneReading reading;
    reading.sample_rate_hz = plan.sample_rate_hz;
    reading.periods = periods.size();
    for (const auto& period : periods)
        for (std::size_t leg = 0; leg < 2; ++leg)
            for (const double x : period.leg[leg]) {
                reading.peak[leg] = std::max(reading.peak[leg], std::abs(x));
                reading.dc[leg] += x;
            }
    for (auto& dc : reading.dc) dc /= static_cast<double>(periods.size()) * static_cast<double>(plan.period_frames);

    std::vector<HumFit> fits;
    if (hum == HumRemoval::on) fits = remove_hum(spectra, map, bin_hz);
    if (!fits.empty()) {
        HumReading found;
        double fundamental = 0.0;
        double fitted = 0.0;
        for (const auto& fit : fits) {
            const auto weight = static_cast<double>(fit.count);
            fundamental += weight * fit.fundamental_bins * bin_hz;
            fitted += weight;
            for (std::size_t leg = 0; leg < 2; ++leg) found.rms[leg] += weight * fit.rms(leg) * fit.rms(leg);
        }
        found.fundamental = Hertz{fundamental / fitted};
        for (auto& rms : found.rms) rms = std::sqrt(rms / fitted);
        reading.hum = found;
    }

    const std::array<Scatter, 2> scatter{scatter_of(spectra.bins[0]), scatter_of(spectra.bins[1])};
    const auto count = static_cast<double>(periods.size());
    // E|error|² of the mean of a bin, per leg.
    const auto noise_in = [&](std::int64_t bin) -> Result<std::array<Noise, 2>> {
        std::array<Noise, 2> out{};
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto noise = noise_of(bin, scatter[leg], map, periods.size());
            if (!noise) return noise.error();
            out[leg] = {noise.value().variance / count, noise.value().degrees_of_freedom};
            for (const auto& fit : fits) out[leg].variance += fit.variance_in(bin, leg, spectra);
        }
        return out;
    };
    for (const auto& tone : plan.tones) {
        ToneReading out{tone.signal, tone.bin, plan.frequency_of(tone.bin), {}};
        const Complex played = std::polar(tone.amplitude, tone.phase_rad);
        const auto noise = noise_in(tone.bin);
        if (!noise) return noise.error();
        // Half of E|error|² is the variance of either part.
        for (std::size_t leg = 0; leg < 2; ++leg)
            out.leg[leg] = {scatter[leg].mean[static_cast<std::size_t>(tone.bin)] / played,
                            std::sqrt(0.5 * noise.value()[leg].variance) / tone.amplitude, noise.value()[leg].degrees_of_freedom};
        reading.tones.push_back(out);

        if (tone.signal != Signal::drive || out.frequency > highest_fundamental_of_harmonics) continue;
        const auto harmonic = 3 * tone.bin;
        if (harmonic >= map.size() - 1 || map.is_tone(harmonic) || map.is_excluded(harmonic) || is_another_product(harmonic, tone.bin, plan)) continue;
        if (const auto at_harmonic = noise_in(harmonic))
            reading.third_harmonics.push_back(third_harmonic_of(tone, scatter, noise.value(), at_harmonic.value(), plan));
    }
    for (std::size_t leg = 0; leg < 2; ++leg) reading.residue[leg] = residue_of(scatter[leg], map, periods.size(), plan);
    return reading;
}

Result<MultitoneReading> read_multitone(const Record& record, const TonePlan& plan)
{
    if (record.periods.empty()) return Error{"there is no period to read: capture at least one without faults"};
    if (!(std::abs(record.sample_rate_hz - plan.sample_rate_hz) <= 1e-9 * plan.sample_rate_hz) ||
        record.period_frames != plan.period_frames)
        return Error{"the capture (" + format_number(record.sample_rate_hz) + " Hz, periods of " +
                     std::to_string(record.period_frames) + " frames) does not fit the test signal (" +
                     format_number(plan.sample_rate_hz) + " Hz, " + std::to_string(plan.period_frames) +
                     " frames): capture with the signal that is played"};
    for (const auto& period : record.periods)
        if (!period.faults.none())
            return Error{"a captured period is void (" + describe(period.faults) + "): leave it out and measure it again"};
    const DoublePeriods samples{record};
    return read_multitone(samples.views(), plan);
}

}  // namespace lowleg::analysis
