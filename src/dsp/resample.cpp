#include "dsp/resample.h"

#include <cmath>
#include <numbers>

namespace lowleg::dsp {
namespace {

constexpr std::size_t taps = 2 * resample_reach;
// Of the fraction between two samples. Between two phases the kernel is interpolated linearly: error ≤ (π/1024)²/8, −118 dB.
constexpr std::size_t phases = 1024;
// Kaiser's formulas: attenuation A = 120 dB needs β = 0.1102·(A − 8.7) and (A − 8)/(2.285·2π·0.1) = 78 taps for a transition
// from 0.45 to 0.55 of the rate.
constexpr double beta = 12.3;

/// Modified Bessel function of the first kind, order 0; all terms positive, so the series is exact to rounding.
double bessel_i0(double x) noexcept
{
    double term = 1.0;
    double sum = 1.0;
    for (int k = 1; term > 1e-17 * sum; ++k) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

/// The kernel at a distance of `t` samples, |t| ≤ reach.
double kernel(double t) noexcept
{
    const double edge = t / static_cast<double>(resample_reach);
    if (std::abs(edge) >= 1.0) return 0.0;
    const double angle = std::numbers::pi * t;
    const double sinc = std::abs(angle) < 1e-9 ? 1.0 : std::sin(angle) / angle;
    return sinc * bessel_i0(beta * std::sqrt(1.0 - edge * edge)) / bessel_i0(beta);
}

/// Shape [phases + 1][taps]: row p weights the samples −reach+1 … reach around a position p/phases after a sample.
std::vector<double> kernel_table()
{
    std::vector<double> table;
    table.reserve((phases + 1) * taps);
    for (std::size_t p = 0; p <= phases; ++p) {
        const double fraction = static_cast<double>(p) / static_cast<double>(phases);
        for (std::size_t k = 0; k < taps; ++k)
            table.push_back(kernel(static_cast<double>(k) - static_cast<double>(resample_reach - 1) - fraction));
    }
    return table;
}

}  // namespace

std::vector<float> resample(std::span<const float> x, double step)
{
    if (x.size() < taps + 1 || !(step >= 0.99 && step <= 1.01)) return {};
    static const std::vector<double> table = kernel_table();
    const auto last = static_cast<double>(x.size() - taps - 1);  // of positions counted from `reach`
    const auto count = static_cast<std::size_t>(last / step) + 1;

    std::vector<float> y(count);
    for (std::size_t n = 0; n < count; ++n) {
        const double position = static_cast<double>(n) * step;
        const double whole = std::floor(position);
        const double phase = (position - whole) * static_cast<double>(phases);
        const auto row = static_cast<std::size_t>(phase);
        const double between = phase - static_cast<double>(row);
        const double* low = table.data() + row * taps;
        const double* high = low + taps;  // row ≤ phases − 1, since the fraction is below 1
        const float* sample = x.data() + static_cast<std::size_t>(whole) + 1;  // reach − (reach − 1)
        double sum = 0.0;
        for (std::size_t k = 0; k < taps; ++k)
            sum += static_cast<double>(sample[k]) * (low[k] + between * (high[k] - low[k]));
        y[n] = static_cast<float>(sum);
    }
    return y;
}

}  // namespace lowleg::dsp
