#include "analysis/noise_level.h"

#include "core/text.h"
#include "dsp/fft.h"
#include "dsp/statistics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>

namespace lowleg::analysis {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;
constexpr double highest_part_of_rate = 0.45;

/// Mean squares of the stretches in all bands, one leg.
class Meter {
public:
    Meter(const dsp::RealFft& fft, std::span<const std::vector<double>> weights)
        : fft_{fft}, weights_{weights}, window_(fft.size()), power_(fft.bins(), 0.0), of_stretch_(weights.size()), windowed_(fft.size()), spectrum_(fft.bins()), now_(fft.bins())
    {
        const auto n = static_cast<double>(fft.size());
        for (std::size_t i = 0; i < window_.size(); ++i) {
            window_[i] = 0.5 - 0.5 * std::cos(two_pi * static_cast<double>(i) / n);
            window_power_ += window_[i] * window_[i];
        }
    }

    /// One stretch of a period's length: `first`, and where it has ended `second`.
    void add(std::span<const double> first, std::span<const double> second = {})
    {
        for (std::size_t i = 0; i < window_.size(); ++i) windowed_[i] = window_[i] * (i < first.size() ? first[i] : second[i - first.size()]);
        fft_.transform(windowed_, spectrum_);
        // A sine's mean square a²/2 comes out whole, spread over the bins around it: Σ 2·|X|²/(N·Σw²) over positive bins.
        const double scale = 2.0 / (static_cast<double>(fft_.size()) * window_power_);
        for (std::size_t b = 0; b < spectrum_.size(); ++b) {
            now_[b] = scale * std::norm(spectrum_[b]);
            power_[b] += now_[b];
        }
        for (std::size_t w = 0; w < weights_.size(); ++w) {
            double sum = 0.0;
            for (std::size_t b = 0; b < now_.size(); ++b) sum += weights_[w][b] * now_[b];
            of_stretch_[w].push_back(sum);
        }
    }

    /// \param evenness  N·Σv²/(Σv)² of the weight v that each sample of the record has in the sum.
    [[nodiscard]] NoisePower power_in(std::size_t w, double evenness) const
    {
        const auto& each = of_stretch_[w];
        const auto count = static_cast<double>(each.size());
        double mean = 0.0;
        for (const double p : each) mean += p / count;
        if (!(mean > 0.0)) return {};
        // Var ΣwP = Σw²P²·evenness for Gaussian noise; neighbouring bins go together, so one bin alone varies by 18/35 of that. The square of what was found
        // is larger than P² by one plus that variance.
        constexpr double of_one_bin = 18.0 / 35.0;
        double squares = 0.0;
        for (std::size_t b = 0; b < power_.size(); ++b) {
            const double p = weights_[w][b] * power_[b] / count;
            squares += p * p;
        }
        const double expected = squares / (mean * mean) * evenness / (1.0 + of_one_bin * evenness);
        NoisePower out{mean, std::sqrt(expected), 2.0 / expected};
        if (each.size() < 3) return out;
        double scatter = 0.0;
        for (const double p : each) scatter += (p - mean) * (p - mean);
        const double found = scatter / (count * (count - 1.0)) / (mean * mean);
        constexpr double improbable = 0.001;
        if (dsp::f_exceedance(found / expected, count - 1.0, out.degrees_of_freedom) < improbable) out = {mean, std::sqrt(found), count - 1.0};
        return out;
    }

    [[nodiscard]] const std::vector<double>& window() const noexcept { return window_; }

private:
    const dsp::RealFft& fft_;
    std::span<const std::vector<double>> weights_;
    std::vector<double> window_;
    double window_power_{};
    std::vector<double> power_;                   // Σ over the stretches
    std::vector<std::vector<double>> of_stretch_; // [band]
    std::vector<double> windowed_;
    std::vector<Complex> spectrum_;
    std::vector<double> now_;                     // mean square per bin of the last stretch
};

/// N·Σv²/(Σv)²: v is the sum of the squared windows that lie over a sample.
double evenness_of(std::span<const PeriodView> periods, const std::vector<double>& window)
{
    const auto n = window.size();
    const auto half = n / 2;
    double sum = 0.0;
    double squares = 0.0;
    for (std::size_t m = 0; m < periods.size(); ++m) {
        const bool after = m + 1 < periods.size() && periods[m + 1].first_frame - periods[m].first_frame == static_cast<std::int64_t>(n);
        const bool before = m > 0 && periods[m].first_frame - periods[m - 1].first_frame == static_cast<std::int64_t>(n);
        for (std::size_t i = 0; i < n; ++i) {
            double v = window[i] * window[i];
            const double across = window[(i + half) % n] * window[(i + half) % n];
            if (i >= half ? after : before) v += across;
            sum += v;
            squares += v * v;
        }
    }
    return static_cast<double>(n) * squares / (sum * sum);
}

TonePlan silence(double sample_rate_hz, std::span<const PeriodView> periods)
{
    return {sample_rate_hz, static_cast<std::int64_t>(periods.front().leg[0].size()), {}};
}

/// What the first ten lines of either mains could hold: 95 % bound of the power in the two bins to either side of each, the larger of 50 and 60 Hz.
double hum_limit(const Spectra& spectra, std::size_t leg, double bin_hz)
{
    constexpr int lines = 10;
    constexpr std::int64_t aside = 2;
    const auto count = static_cast<double>(spectra.periods());
    double highest = 0.0;
    for (const double mains : {50.0, 60.0}) {
        double sum = 0.0;
        double values = 0.0;
        for (int h = 1; h <= lines; ++h) {
            const auto middle = static_cast<std::int64_t>(std::llround(h * mains / bin_hz));
            for (auto bin = middle - aside; bin <= middle + aside; ++bin) {
                if (bin < 1 || bin >= spectra.period_frames / 2) continue;
                for (const auto& period : spectra.bins[leg]) sum += 0.5 * std::norm(period[static_cast<std::size_t>(bin)]);
                values += count;
            }
        }
        // Powers of complex values: the sum of n of them scatters by 1/√n.
        if (values > 0.0) highest = std::max(highest, sum / count * (1.0 + 2.0 / std::sqrt(values)));
    }
    return std::sqrt(highest);
}

}  // namespace

NoiseBand fitting(NoiseBand band, double sample_rate_hz) noexcept
{
    band.highest = std::min(band.highest, Hertz{highest_part_of_rate * sample_rate_hz});
    return band;
}

double NoisePower::rms() const noexcept { return std::sqrt(mean_square); }
double NoisePower::relative_interval_95() const
{
    return degrees_of_freedom > 0.0 ? 0.5 * dsp::student_t_quantile(0.975, std::min(degrees_of_freedom, 1e5)) * relative_sigma : 0.0;
}

std::vector<double> weights_of(const NoiseBand& band, double sample_rate_hz, std::int64_t period_frames)
{
    std::vector<double> out(static_cast<std::size_t>(period_frames / 2 + 1), 0.0);
    const double bin_hz = sample_rate_hz / static_cast<double>(period_frames);
    for (std::size_t b = 1; b < out.size(); ++b) {
        const auto middle = static_cast<double>(b);
        const double from = std::max(middle - 0.5, band.lowest.value() / bin_hz);
        const double to = std::min(middle + 0.5, band.highest.value() / bin_hz);
        if (to <= from) continue;
        const double weight = weight_at(band.weighting, Hertz{middle * bin_hz});
        out[b] = (to - from) * weight * weight;
    }
    return out;
}

Result<std::vector<std::array<NoisePower, 2>>> mean_squares(std::span<const PeriodView> periods, std::span<const std::vector<double>> weights)
{
    const auto n = periods.front().leg[0].size();
    const auto fft = dsp::RealFft::create(n);
    if (!fft) return fft.error();
    std::vector<std::array<NoisePower, 2>> out(weights.size());
    for (std::size_t leg = 0; leg < 2; ++leg) {
        Meter meter{fft.value(), weights};
        for (std::size_t m = 0; m < periods.size(); ++m) {
            const auto x = periods[m].leg[leg];
            meter.add(x);
            if (m + 1 < periods.size() && periods[m + 1].first_frame - periods[m].first_frame == static_cast<std::int64_t>(n))
                meter.add(x.subspan(n / 2), periods[m + 1].leg[leg].first(n / 2));
        }
        const double evenness = evenness_of(periods, meter.window());
        for (std::size_t w = 0; w < weights.size(); ++w) out[w][leg] = meter.power_in(w, evenness);
    }
    return out;
}

double MainsReading::mean_square(std::size_t leg, const NoiseBand& band) const
{
    double sum = 0.0;
    for (const auto& line : lines) {
        if (line.frequency < band.lowest || line.frequency > band.highest) continue;
        const double weight = weight_at(band.weighting, line.frequency);
        sum += weight * weight * line.mean_square[leg];
    }
    return sum;
}

std::optional<MainsReading> mains_of(std::span<const HumFit> fits, double bin_hz)
{
    if (fits.empty()) return std::nullopt;
    struct Sum {
        std::array<double, 2> power{}, seen{}, variance{};
    };
    std::map<int, Sum> sums;
    double total = 0.0;
    double fundamental = 0.0;
    double variance = 0.0;
    for (const auto& fit : fits) {
        const auto weight = static_cast<double>(fit.count);
        total += weight;
        fundamental += weight * fit.fundamental_bins;
        variance += weight * weight * fit.fundamental_variance;
        for (std::size_t h = 1; h <= fit.lines.size(); ++h)
            for (std::size_t leg = 0; leg < 2; ++leg) {
                const auto& line = fit.lines[h - 1][leg];
                if (line.amplitude == Complex{}) continue;
                auto& sum = sums[static_cast<int>(h)];
                sum.power[leg] += weight * 0.5 * std::norm(line.amplitude);
                sum.seen[leg] += weight;
                // Of the amplitude itself: half of E|error|², and what the fundamental's own error pulls it by.
                sum.variance[leg] += weight * weight * (0.5 * line.variance + std::norm(line.frequency_pull) * fit.fundamental_variance) / std::norm(line.amplitude);
            }
    }
    MainsReading out{Hertz{fundamental / total * bin_hz}, std::sqrt(variance) / total * bin_hz, {}};
    for (const auto& [harmonic, sum] : sums) {
        MainsLine line{.harmonic = harmonic, .frequency = static_cast<double>(harmonic) * out.fundamental, .mean_square = {}, .relative_sigma = {}};
        for (std::size_t leg = 0; leg < 2; ++leg) {
            if (!(2.0 * sum.seen[leg] >= total)) continue;
            line.mean_square[leg] = sum.power[leg] / total;
            line.relative_sigma[leg] = std::sqrt(sum.variance[leg]) / sum.seen[leg];
        }
        if (line.mean_square[0] > 0.0 || line.mean_square[1] > 0.0) out.lines.push_back(line);
    }
    return out;
}

Result<NoiseReading> read_noise(std::span<const PeriodView> periods, double sample_rate_hz, std::span<const NoiseBand> bands)
{
    if (periods.empty()) return Error{"there is no period to read: capture at least one without faults"};
    const auto plan = silence(sample_rate_hz, periods);
    auto transformed = transform(periods, plan);
    if (!transformed) return transformed.error();
    auto& spectra = transformed.value();
    const double bin_hz = plan.frequency_of(1).value();
    BinMap map{plan};

    NoiseReading out{.sample_rate_hz = sample_rate_hz, .periods = periods.size(), .bands = {}, .without_hum = {}, .with_hum = {}, .hum = {}, .dc = {}, .hum_limit = {}};
    std::vector<std::vector<double>> weights;
    for (const auto& band : bands) {
        out.bands.push_back(fitting(band, sample_rate_hz));
        if (!(out.bands.back().lowest < out.bands.back().highest))
            return Error{"there is no band from " + format_hertz(band.lowest) + " to " + format_hertz(out.bands.back().highest) + " at this sample rate: give a lower one",
                         ErrorKind::usage};
        weights.push_back(weights_of(out.bands.back(), sample_rate_hz, plan.period_frames));
    }
    for (const auto& period : periods)
        for (std::size_t leg = 0; leg < 2; ++leg)
            for (const double x : period.leg[leg]) out.dc[leg] += x / (static_cast<double>(periods.size()) * static_cast<double>(plan.period_frames));

    const auto fits = remove_hum(spectra, map, bin_hz);
    Residual rest{periods};
    for (const auto& fit : fits) rest.take_out(fit, spectra);
    out.hum = mains_of(fits, bin_hz);
    for (std::size_t leg = 0; leg < 2; ++leg)
        if (!out.hum || !(out.hum->mean_square(leg, {Hertz{0.0}, Hertz{sample_rate_hz}, Weighting::flat}) > 0.0)) out.hum_limit[leg] = hum_limit(spectra, leg, bin_hz);

    auto measured = mean_squares(rest.views(), weights);
    if (!measured) return measured.error();
    out.without_hum = std::move(measured).value();
    out.with_hum = out.without_hum;
    for (std::size_t w = 0; w < out.bands.size() && out.hum; ++w)
        for (std::size_t leg = 0; leg < 2; ++leg) {
            auto& power = out.with_hum[w][leg];
            const double noise = power.mean_square;
            double of_hum = 0.0;
            double variance = std::pow(noise * power.relative_sigma, 2);
            for (const auto& line : out.hum->lines) {
                if (line.frequency < out.bands[w].lowest || line.frequency > out.bands[w].highest) continue;
                const double weight = weight_at(out.bands[w].weighting, line.frequency);
                const double p = weight * weight * line.mean_square[leg];
                of_hum += p;
                variance += std::pow(2.0 * line.relative_sigma[leg] * p, 2);
            }
            power.mean_square += of_hum;
            if (power.mean_square > 0.0) power.relative_sigma = std::sqrt(variance) / power.mean_square;
        }
    return out;
}

Result<NoiseReading> read_noise(const Record& record, std::span<const NoiseBand> bands)
{
    for (const auto& period : record.periods)
        if (!period.faults.none()) return Error{"a captured period is void (" + describe(period.faults) + "): leave it out and measure it again"};
    const DoublePeriods samples{record};
    return read_noise(samples.views(), record.sample_rate_hz, bands);
}

}  // namespace lowleg::analysis
