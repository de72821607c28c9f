#include "circuit/half_band_design.h"

#include "core/units.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>

namespace lowleg::circuit {
namespace {

/// Where a tap lies, over the low rate, from the middle.
double place(std::size_t tap, std::size_t half) { return static_cast<double>(tap) - static_cast<double>(half) + 0.5; }

std::vector<double> windowed_sinc(std::size_t half, double beta)
{
    std::vector<double> taps(2 * half);
    for (std::size_t t = 0; t < taps.size(); ++t) {
        const double u = place(t, half) / (static_cast<double>(half) - 0.5);
        const double phase = std::numbers::pi * place(t, half);
        taps[t] = std::cyl_bessel_i(0.0, beta * std::sqrt(1.0 - u * u)) * std::sin(phase) / phase;
    }
    const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
    for (double& tap : taps) tap /= sum;
    return taps;
}

/// Largest deviation of the gain from 1 up to the passband's edge: half of what these taps give, and the gain of the image.
double ripple(const std::vector<double>& taps, double passband)
{
    const auto half = taps.size() / 2;
    const auto points = 16 * half;
    double largest = 0.0;
    for (std::size_t i = 0; i <= points; ++i) {
        const double turn = 2.0 * std::numbers::pi * passband * static_cast<double>(i) / static_cast<double>(points);
        double gain = 0.0;
        for (std::size_t t = half; t < taps.size(); ++t) gain += 2.0 * taps[t] * std::cos(turn * place(t, half));
        largest = std::max(largest, 0.5 * std::abs(gain - 1.0));
    }
    return largest;
}

}  // namespace

std::vector<double> design_half_band(double passband, double attenuation_db)
{
    // β and a first length by Kaiser's formulas; these are good to 1 dB for long filters, and miss by some dB for short ones.
    const double wanted = attenuation_db + 1.0;
    const double beta = wanted > 50.0 ? 0.1102 * (wanted - 8.7) : 0.5842 * std::pow(wanted - 21.0, 0.4) + 0.07886 * (wanted - 21.0);
    const double length = (attenuation_db - 7.95) / (14.36 * (0.5 - passband));
    const double allowed = amplitude_ratio(GainDb{-attenuation_db});
    auto half = static_cast<std::size_t>(std::max(1.0, std::floor((length + 2.0) / 4.0)));
    const auto longest = 2 * half + 8;
    auto taps = windowed_sinc(half, beta);
    while (ripple(taps, passband) > allowed && half < longest) taps = windowed_sinc(++half, beta);
    return taps;
}

double passband_at(double rate_hz)
{
    constexpr double lowest_image_hz = 42e3;
    return rate_hz > lowest_image_hz ? std::max(20e3 / rate_hz, 5.0 / 12.0) : 5.0 / 12.0;
}

}  // namespace lowleg::circuit
