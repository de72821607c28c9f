#include "analysis/residual.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::analysis {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;

}  // namespace

void add_sine(std::span<double> x, Complex phasor, double cycles_per_frame)
{
    if (phasor == Complex{}) return;
    // A phasor that is turned from frame to frame, set anew before rounding adds up.
    constexpr std::size_t frames_at_once = 64;
    const auto step = std::polar(1.0, two_pi * cycles_per_frame);
    double re = 0.0;
    double im = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (i % frames_at_once == 0) {
            const auto now = phasor * std::polar(1.0, two_pi * std::remainder(cycles_per_frame * static_cast<double>(i), 1.0));
            re = now.real();
            im = now.imag();
        }
        x[i] += re;
        const double turned = re * step.real() - im * step.imag();
        im = re * step.imag() + im * step.real();
        re = turned;
    }
}

Residual::Residual(std::span<const PeriodView> periods) : samples_(periods.size())
{
    for (std::size_t m = 0; m < periods.size(); ++m) {
        PeriodView view{{}, periods[m].first_frame};
        for (std::size_t leg = 0; leg < 2; ++leg) {
            samples_[m][leg].assign(periods[m].leg[leg].begin(), periods[m].leg[leg].end());
            view.leg[leg] = samples_[m][leg];
        }
        views_.push_back(view);
    }
}

void Residual::take_out(std::size_t period, std::size_t leg, Complex phasor, double bins)
{
    auto& x = samples_[period][leg];
    add_sine(x, -phasor, bins / static_cast<double>(x.size()));
}

void Residual::take_out(std::size_t leg, std::span<const double> waveform)
{
    for (auto& period : samples_) std::ranges::transform(period[leg], waveform, period[leg].begin(), [](double x, double w) { return x - w; });
}

void Residual::take_out(const HumFit& fit, const Spectra& spectra)
{
    for (std::size_t h = 1; h <= fit.lines.size(); ++h) {
        const double bins = static_cast<double>(h) * fit.fundamental_bins;
        for (std::size_t m = fit.first; m < fit.first + fit.count; ++m) {
            const auto begins = static_cast<double>(spectra.whole_periods[m] - spectra.whole_periods[fit.first]);
            const auto turn = std::polar(1.0, two_pi * std::remainder(std::remainder(bins, 1.0) * begins, 1.0));
            for (std::size_t leg = 0; leg < 2; ++leg) take_out(m, leg, fit.lines[h - 1][leg].amplitude * turn, bins);
        }
    }
}

}  // namespace lowleg::analysis
