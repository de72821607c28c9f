#include "analysis/hum.h"

#include "dsp/leakage.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>

namespace lowleg::analysis {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;
constexpr int most_harmonics = 40;
constexpr int harmonics_for_search = 10;
constexpr std::int64_t bins_aside = 3;
constexpr int least_bins = 4;  // of the seven, after those that hold tones
constexpr double search_half_width_hz = 0.5;
constexpr std::int64_t longest_stretch = 8;  // periods: 4 s, in which the mains moves by less than the fit resolves

/// A line counts for its family by how improbable it is in noise, −ln p, above a threshold that keeps 80 lines of noise quiet.
constexpr double line_threshold = 5.0;
/// A family of lines must make this much together: less than once in 10,000 records of noise.
constexpr double family_threshold = 20.0;
/// A further line of a family that is known, −ln p of noise.
constexpr double further_line_threshold = 9.0;


/// from[i] −= amplitude·direct[i] + conj(amplitude)·image[i]. Written out: it is the inner loop of everything here, and the
/// standard product of complex numbers stops to look for infinities.
void take_out(Complex amplitude, std::span<const Complex> direct, std::span<const Complex> image, std::span<Complex> from)
{
    const double re = amplitude.real();
    const double im = amplitude.imag();
    for (std::size_t i = 0; i < from.size(); ++i)
        from[i] -= Complex{re * (direct[i].real() + image[i].real()) - im * (direct[i].imag() - image[i].imag()),
                           re * (direct[i].imag() + image[i].imag()) + im * (direct[i].real() - image[i].real())};
}

/// One harmonic at one frequency: kernel values in its bins, phases in its periods.
struct Probe {
    std::vector<std::int64_t> bins;
    std::vector<Complex> kernel;  // per bin
    std::vector<Complex> phase;   // per period
    double norm{};                // Σ over bins and periods of |kernel|²
};

class Fitter {
public:
    Fitter(const Spectra& spectra, std::size_t first, std::size_t count, const BinMap& map, double bin_hz)
        : spectra_{spectra}, first_{first}, count_{count}, map_{map}, bin_hz_{bin_hz}, line_spectrum_{spectra.period_frames}
    {
        for (std::size_t leg = 0; leg < 2; ++leg) {
            double strongest = 0.0;
            for (std::size_t m = 0; m < count_; ++m)
                for (const auto& x : spectra_.bins[leg][first_ + m]) strongest = std::max(strongest, std::norm(x));
            rounding_[leg] = 1e-28 * strongest;
        }
    }

    std::optional<HumFit> run()
    {
        double best = 0.0;
        double fundamental = 0.0;
        const auto scan = [&](double centre_hz, double half_width_hz, double step_hz, int harmonics) {
            const auto steps = static_cast<int>(std::lround(half_width_hz / step_hz));
            for (int i = -steps; i <= steps; ++i) {
                const double f = (centre_hz + i * step_hz) / bin_hz_;
                const double score = family_score(f, harmonics);
                if (score > best) {
                    best = score;
                    fundamental = f;
                }
            }
        };
        // A line through T seconds is 1/T wide. The coarse step keeps the tenth harmonic within a fifth of that at 4 s.
        for (const double mains_hz : {50.0, 60.0}) scan(mains_hz, search_half_width_hz, 0.005, harmonics_for_search);
        if (best <= 0.0) return std::nullopt;
        scan(fundamental * bin_hz_, 0.01, 0.0005, most_harmonics);
        if (best < family_threshold) return std::nullopt;
        return refine(fundamental);
    }

private:
    [[nodiscard]] const Complex& value(std::size_t leg, std::size_t m, std::int64_t bin) const
    {
        return spectra_.bins[leg][first_ + m][static_cast<std::size_t>(bin)];
    }
    [[nodiscard]] double periods_after_first(std::size_t m) const
    {
        return static_cast<double>(spectra_.whole_periods[first_ + m] - spectra_.whole_periods[first_]);
    }

    /// Phase of a line at the start of period m. Only the fraction of a cycle per period matters: whole cycles drop out exactly.
    [[nodiscard]] Complex phase_in(double line_bins, std::size_t m) const
    {
        const double cycles = std::remainder(line_bins, 1.0) * periods_after_first(m);
        return std::polar(1.0, two_pi * std::remainder(cycles, 1.0));
    }

    [[nodiscard]] Probe probe(double line_bins) const
    {
        Probe p;
        const auto centre = static_cast<std::int64_t>(std::llround(line_bins));
        double kernel_power = 0.0;
        for (auto bin = std::max<std::int64_t>(1, centre - bins_aside); bin <= centre + bins_aside; ++bin) {
            if (bin >= map_.size() - 1 || map_.is_tone(bin)) continue;
            p.bins.push_back(bin);
            p.kernel.push_back(dsp::leakage(line_bins - static_cast<double>(bin), spectra_.period_frames));
            kernel_power += std::norm(p.kernel.back());
        }
        for (std::size_t m = 0; m < count_; ++m) p.phase.push_back(phase_in(line_bins, m));
        p.norm = kernel_power * static_cast<double>(count_);
        return p;
    }

    /// −ln of the share of power that is left when `part` of `total` is explained.
    static double unlikeliness(double part, double total)
    {
        constexpr double all_but_rounding = 1.0 - 1e-15;
        return total > 0.0 ? -std::log1p(-std::min(part / total, all_but_rounding)) : 0.0;
    }

    [[nodiscard]] double family_score(double fundamental, int harmonics) const
    {
        double score = 0.0;
        bool any_low = false;
        std::array<double, 2 * bins_aside + 1> kernel{};
        std::vector<Complex> phase(count_);
        for (int h = 1; h <= harmonics; ++h) {
            const double line = h * fundamental;
            const auto centre = static_cast<std::int64_t>(std::llround(line));
            if (centre + bins_aside >= map_.size() - 1) break;
            if (centre <= bins_aside) continue;
            // The kernel is e^{jπf}·sin(πf)/(π(f − b)) but for terms of x/N: what all bins share does not change the score.
            double norm = 0.0;
            int used = 0;
            for (std::size_t i = 0; i < kernel.size(); ++i) {
                const auto bin = centre - bins_aside + static_cast<std::int64_t>(i);
                const double away = line - static_cast<double>(bin);
                kernel[i] = map_.is_tone(bin) ? 0.0 : 1.0 / (std::abs(away) < 1e-6 ? 1e-6 : away);
                norm += kernel[i] * kernel[i];
                used += map_.is_tone(bin) ? 0 : 1;
            }
            if (used < least_bins) continue;
            for (std::size_t m = 0; m < count_; ++m) phase[m] = phase_in(line, m);
            for (std::size_t leg = 0; leg < 2; ++leg) {
                Complex sum{};
                double total = static_cast<double>(used) * static_cast<double>(count_) * rounding_[leg];
                for (std::size_t m = 0; m < count_; ++m) {
                    const auto* x = &value(leg, m, centre - bins_aside);
                    double re = 0.0;
                    double im = 0.0;
                    for (std::size_t i = 0; i < kernel.size(); ++i) {
                        re += kernel[i] * x[i].real();
                        im += kernel[i] * x[i].imag();
                        if (kernel[i] != 0.0) total += std::norm(x[i]);
                    }
                    sum += std::conj(phase[m]) * Complex{re, im};
                }
                // P(share > ρ) = (1 − ρ)^(n−1) for n complex values of noise. Distortion repeats in every period, so the
                // periods count as one here: n is the number of bins.
                const double part = std::norm(sum) / (norm * static_cast<double>(count_));
                const double excess = (used - 1) * unlikeliness(part, total) - line_threshold;
                if (excess <= 0.0) continue;
                score += excess;
                any_low = any_low || h <= 3;
            }
        }
        return any_low ? score : 0.0;  // whatever makes hum, one of its first three lines is strong
    }

    struct Line {
        int harmonic;
        std::array<bool, 2> used{};
        Probe probe;
        std::vector<Complex> slope;  // of the kernel, per bin
        std::array<Complex, 2> amplitude{};
        std::array<double, 2> noise{};  // E|·|² of one value
    };

    /// What is left of a leg in the bins of line `at` after all lines: shape [period][bin].
    [[nodiscard]] std::vector<Complex> residual(const std::vector<Line>& lines, const Line& at, std::size_t leg) const
    {
        const auto& bins = at.probe.bins;
        std::vector<Complex> rest;
        rest.reserve(count_ * bins.size());
        for (std::size_t m = 0; m < count_; ++m)
            for (const auto bin : bins) rest.push_back(value(leg, m, bin));
        std::vector<Complex> direct(bins.size());
        std::vector<Complex> image(bins.size());
        for (const auto& line : lines) {
            if (!line.used[leg]) continue;
            line_spectrum_.response(line.harmonic * fundamental_, bins, direct, image);
            for (std::size_t m = 0; m < count_; ++m)
                take_out(line.amplitude[leg] * line.probe.phase[m], direct, image,
                         std::span{rest}.subspan(m * bins.size(), bins.size()));
        }
        return rest;
    }

    void place(Line& line) const
    {
        const double f = line.harmonic * fundamental_;
        line.probe = probe(f);
        line.slope.clear();
        for (const auto bin : line.probe.bins)
            line.slope.push_back(dsp::leakage_slope(f - static_cast<double>(bin), spectra_.period_frames));
    }

    /// The derivative of a line's model with respect to the fundamental, and its part along the amplitude.
    struct Slope {
        std::vector<Complex> across;  // what a change of amplitude cannot mimic, [period][bin]
        Complex along{};              // the change of amplitude that mimics the rest
        double power{};               // Σ|across|²
    };
    [[nodiscard]] Slope slope_of(const Line& line, std::size_t leg) const
    {
        Slope s;
        const auto& p = line.probe;
        Complex sum{};
        for (std::size_t m = 0; m < count_; ++m)
            for (std::size_t i = 0; i < p.bins.size(); ++i) {
                const Complex turn{0.0, two_pi * periods_after_first(m)};
                const Complex d = line.amplitude[leg] * p.phase[m] * static_cast<double>(line.harmonic) *
                                  (line.slope[i] + turn * p.kernel[i]);
                s.across.push_back(d);
                sum += std::conj(p.phase[m] * p.kernel[i]) * d;
            }
        s.along = sum / p.norm;
        for (std::size_t m = 0; m < count_; ++m)
            for (std::size_t i = 0; i < p.bins.size(); ++i) {
                auto& d = s.across[m * p.bins.size() + i];
                d -= s.along * p.phase[m] * p.kernel[i];
                s.power += std::norm(d);
            }
        return s;
    }

    /// One step of Gauss–Newton over all amplitudes and the fundamental. Lines hardly overlap, so each sees the others only in
    /// the residual. \return the largest change of an amplitude, in its own uncertainties.
    double step(std::vector<Line>& lines)
    {
        double change = 0.0;
        double pull = 0.0;
        double stiffness = 0.0;
        for (auto& line : lines) place(line);
        for (auto& line : lines)
            for (std::size_t leg = 0; leg < 2; ++leg) {
                if (!line.used[leg]) continue;
                auto rest = residual(lines, line, leg);
                const auto& p = line.probe;
                Complex update{};
                for (std::size_t m = 0; m < count_; ++m)
                    for (std::size_t i = 0; i < p.bins.size(); ++i)
                        update += std::conj(p.phase[m] * p.kernel[i]) * rest[m * p.bins.size() + i];
                update /= p.norm;
                line.amplitude[leg] += update;

                double power = 0.0;
                for (std::size_t m = 0; m < count_; ++m)
                    for (std::size_t i = 0; i < p.bins.size(); ++i) {
                        auto& r = rest[m * p.bins.size() + i];
                        r -= update * p.phase[m] * p.kernel[i];
                        power += std::norm(r);
                    }
                const auto values = static_cast<double>(rest.size());
                line.noise[leg] = power / std::max(1.0, values - 1.5) + 1e-32 * std::norm(line.amplitude[leg]) + 1e-300;
                change = std::max(change, std::norm(update) * p.norm / line.noise[leg]);

                const auto s = slope_of(line, leg);
                double product = 0.0;
                for (std::size_t i = 0; i < rest.size(); ++i) product += (std::conj(s.across[i]) * rest[i]).real();
                pull += product / line.noise[leg];
                stiffness += s.power / line.noise[leg];
            }
        if (stiffness > 0.0) {
            const double shift = pull / stiffness;
            for (auto& line : lines)
                for (std::size_t leg = 0; leg < 2; ++leg)
                    if (line.used[leg]) line.amplitude[leg] -= shift * slope_of(line, leg).along;
            fundamental_ += shift;
            stiffness_ = stiffness;
            change = std::max(change, shift * shift * stiffness);
        }
        return std::sqrt(change);
    }

    std::optional<HumFit> refine(double fundamental)
    {
        const double start = fundamental;
        fundamental_ = fundamental;
        std::vector<Line> lines;
        for (int h = 1; h <= most_harmonics; ++h) {
            if (h * fundamental > static_cast<double>(map_.size() - 1 - bins_aside)) break;
            Line line{.harmonic = h, .used = {}, .probe = {}, .slope = {}, .amplitude = {}, .noise = {}};
            place(line);
            if (line.probe.bins.size() >= least_bins) lines.push_back(std::move(line));
        }

        // Weak lines show once the strong ones are out of the way.
        constexpr int rounds = 3;
        for (int round = 0; round < rounds; ++round) {
            for (auto& line : lines) place(line);
            bool any_new = false;
            for (auto& line : lines)
                for (std::size_t leg = 0; leg < 2; ++leg) {
                    if (line.used[leg] || !stands_out(lines, line, leg)) continue;
                    line.used[leg] = true;
                    any_new = true;
                }
            if (round > 0 && !any_new) break;
            constexpr int most_steps = 15;
            for (int i = 0; i < most_steps; ++i)
                if (step(lines) < 0.01) break;
            if (!(std::abs(fundamental_ - start) * bin_hz_ < 0.05)) return std::nullopt;  // it ran away: no steady mains
        }

        HumFit fit{first_, count_, fundamental_, stiffness_ > 0.0 ? 0.5 / stiffness_ : 0.0, {}};
        for (const auto& line : lines) {
            fit.lines.resize(static_cast<std::size_t>(line.harmonic));
            for (std::size_t leg = 0; leg < 2; ++leg)
                if (line.used[leg])
                    fit.lines.back()[leg] = {line.amplitude[leg], line.noise[leg] / line.probe.norm, -slope_of(line, leg).along};
        }
        return fit;
    }

    [[nodiscard]] bool stands_out(const std::vector<Line>& lines, const Line& line, std::size_t leg) const
    {
        const auto rest = residual(lines, line, leg);
        Complex sum{};
        double total = 0.0;
        const auto& p = line.probe;
        for (std::size_t m = 0; m < count_; ++m)
            for (std::size_t i = 0; i < p.bins.size(); ++i) {
                const auto& r = rest[m * p.bins.size() + i];
                sum += std::conj(p.phase[m] * p.kernel[i]) * r;
                total += std::norm(r);
            }
        total += static_cast<double>(rest.size()) * rounding_[leg];
        return static_cast<double>(rest.size() - 1) * unlikeliness(std::norm(sum) / p.norm, total) > further_line_threshold;
    }

    const Spectra& spectra_;
    std::size_t first_;
    std::size_t count_;
    const BinMap& map_;
    double bin_hz_;
    dsp::LineSpectrum line_spectrum_;
    std::array<double, 2> rounding_{};  // power of what arithmetic leaves in a bin
    double fundamental_{};
    double stiffness_{};
};

double periods_into(const HumFit& fit, const Spectra& spectra, std::size_t m)
{
    return static_cast<double>(spectra.whole_periods[m] - spectra.whole_periods[fit.first]);
}

/// Phase of harmonic h at the start of period m, as a phasor.
Complex phase_at(const HumFit& fit, const Spectra& spectra, std::size_t h, std::size_t m)
{
    const double cycles = std::remainder(static_cast<double>(h) * fit.fundamental_bins, 1.0) * periods_into(fit, spectra, m);
    return std::polar(1.0, two_pi * std::remainder(cycles, 1.0));
}

}  // namespace

double HumFit::variance_in(std::int64_t bin, std::size_t leg, const Spectra& spectra) const
{
    double variance = 0.0;
    Complex by_frequency{};
    for (std::size_t h = 1; h <= lines.size(); ++h) {
        const auto& line = lines[h - 1][leg];
        if (line.variance <= 0.0) continue;
        const double x = static_cast<double>(h) * fundamental_bins - static_cast<double>(bin);
        const auto kernel = dsp::leakage(x, spectra.period_frames);
        const auto slope = dsp::leakage_slope(x, spectra.period_frames);
        // What the mean over all periods sees of this line: its phasor, and that phasor's change with the fundamental.
        Complex seen{};
        Complex turned{};
        for (std::size_t m = first; m < first + count; ++m) {
            const auto phase = phase_at(*this, spectra, h, m);
            seen += phase;
            turned += phase * Complex{0.0, two_pi * periods_into(*this, spectra, m)};
        }
        const auto periods = static_cast<double>(spectra.periods());
        variance += line.variance * std::norm(kernel * seen / periods);
        by_frequency += line.frequency_pull * kernel * seen / periods +
                        line.amplitude * static_cast<double>(h) * (slope * seen + kernel * turned) / periods;
    }
    return variance + std::norm(by_frequency) * fundamental_variance;
}

double HumFit::rms(std::size_t leg) const
{
    double power = 0.0;
    for (const auto& line : lines) power += 0.5 * std::norm(line[leg].amplitude);
    return std::sqrt(power);
}

std::optional<HumFit> fit_hum(const Spectra& spectra, std::size_t first, std::size_t count, const BinMap& bins, double bin_hz)
{
    return Fitter{spectra, first, count, bins, bin_hz}.run();
}

void subtract(const HumFit& fit, Spectra& spectra)
{
    const dsp::LineSpectrum line_spectrum{spectra.period_frames};
    std::vector<std::int64_t> bins(static_cast<std::size_t>(spectra.period_frames / 2 + 1));
    std::iota(bins.begin(), bins.end(), 0);
    std::vector<Complex> direct(bins.size());
    std::vector<Complex> image(bins.size());
    for (std::size_t h = 1; h <= fit.lines.size(); ++h) {
        const auto& line = fit.lines[h - 1];
        if (line[0].amplitude == Complex{} && line[1].amplitude == Complex{}) continue;
        line_spectrum.response(static_cast<double>(h) * fit.fundamental_bins, bins, direct, image);
        for (std::size_t m = fit.first; m < fit.first + fit.count; ++m)
            for (std::size_t leg = 0; leg < 2; ++leg) {
                const auto amplitude = line[leg].amplitude * phase_at(fit, spectra, h, m);
                if (amplitude != Complex{}) take_out(amplitude, direct, image, spectra.bins[leg][m]);
            }
    }
}

std::vector<HumFit> remove_hum(Spectra& spectra, BinMap& bins, double bin_hz)
{
    std::vector<HumFit> fits;
    for (std::size_t first = 0; first < spectra.periods();) {
        std::size_t count = 1;
        while (first + count < spectra.periods() &&
               spectra.whole_periods[first + count] - spectra.whole_periods[first] < longest_stretch)
            ++count;
        if (auto fit = fit_hum(spectra, first, count, bins, bin_hz)) {
            subtract(*fit, spectra);
            fits.push_back(std::move(*fit));
        }
        first += count;
    }
    for (const auto& fit : fits)
        for (std::size_t h = 1; h <= fit.lines.size(); ++h) {
            const auto centre = static_cast<std::int64_t>(std::llround(static_cast<double>(h) * fit.fundamental_bins));
            for (auto bin = centre - bins_aside; bin <= centre + bins_aside; ++bin) bins.exclude(bin);
        }
    return fits;
}

}  // namespace lowleg::analysis
