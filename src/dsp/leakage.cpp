#include "dsp/leakage.h"

#include <cmath>
#include <cstdlib>
#include <numbers>

namespace lowleg::dsp {
namespace {

constexpr double pi = std::numbers::pi;

/// sin(πx), exact zeros at whole x.
double sin_pi(double x) noexcept
{
    const double whole = std::nearbyint(x);
    const double s = std::sin(pi * (x - whole));
    return std::fmod(whole, 2.0) == 0.0 ? s : -s;
}

}  // namespace

Complex leakage(double x, std::int64_t n) noexcept
{
    const auto frames = static_cast<double>(n);
    const double below = frames * sin_pi(x / frames);
    // x a multiple of N: every term of the sum is 1.
    if (below == 0.0) return 1.0;
    return std::polar(1.0, pi * x * (frames - 1.0) / frames) * (sin_pi(x) / below);
}

Complex leakage_slope(double x, std::int64_t n) noexcept
{
    const auto frames = static_cast<double>(n);
    const double turn = pi * (frames - 1.0) / frames;
    // D = e^{jax}·r(x), so D' = e^{jax}·(j·a·r + r').
    double ratio = 1.0;
    double ratio_slope = 0.0;
    if (std::abs(x) < 1e-4) {
        // r = 1 − (π²/6)(1 − 1/N²)·x² + O(x⁴): the next term is below 1e-16 here.
        const double curvature = pi * pi / 6.0 * (1.0 - 1.0 / (frames * frames));
        ratio = 1.0 - curvature * x * x;
        ratio_slope = -2.0 * curvature * x;
    } else {
        const double below = frames * sin_pi(x / frames);
        ratio = sin_pi(x) / below;
        ratio_slope = (pi * std::cos(pi * x) - ratio * pi * std::cos(pi * x / frames)) / below;
    }
    return std::polar(1.0, turn * x) * Complex{ratio_slope, turn * ratio};
}

Complex line_in_bin(Complex amplitude, double f, std::int64_t bin, std::int64_t n) noexcept
{
    const auto b = static_cast<double>(bin);
    return amplitude * leakage(f - b, n) + std::conj(amplitude) * leakage(-f - b, n);
}

LineSpectrum::LineSpectrum(std::int64_t n) : n_{n}
{
    for (std::int64_t b = 0; b <= n / 2; ++b)
        half_turn_.push_back(std::polar(1.0, pi * static_cast<double>(b) / static_cast<double>(n)));
}

void LineSpectrum::subtract(Complex amplitude, double f, std::span<Complex> spectrum) const
{
    // leakage(f − b) = C·e^{jπb/N} / sin(π(f − b)/N) with C = e^{jπf(N−1)/N}·sin(πf)/N, for −f (the image) likewise.
    const auto frames = static_cast<double>(n_);
    const Complex turn = std::polar(1.0, pi * f * (frames - 1.0) / frames);
    const Complex direct = amplitude * turn * (sin_pi(f) / frames);
    const Complex image = std::conj(amplitude * turn) * (sin_pi(f) / frames);
    const double sine = std::sin(pi * f / frames);
    const double cosine = std::cos(pi * f / frames);
    // Near the line the difference of two near sines would lose digits: there, and at 0, the exact form.
    constexpr std::int64_t near = 8;
    const auto centre = static_cast<std::int64_t>(std::llround(f));
    for (std::int64_t b = 0; b < static_cast<std::int64_t>(spectrum.size()); ++b) {
        auto& bin = spectrum[static_cast<std::size_t>(b)];
        if (std::abs(b - centre) < near || f + static_cast<double>(b) < 1.0) {
            bin -= line_in_bin(amplitude, f, b, n_);
            continue;
        }
        const Complex& e = half_turn_[static_cast<std::size_t>(b)];
        const double below_direct = sine * e.real() - cosine * e.imag();  // sin(π(f − b)/N)
        const double below_image = sine * e.real() + cosine * e.imag();   // sin(π(f + b)/N)
        bin -= e * (direct / below_direct + image / below_image);
    }
}

}  // namespace lowleg::dsp
