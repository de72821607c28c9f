#include "dsp/leakage.h"

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <tuple>

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

LineSpectrum::Split LineSpectrum::split(double f) const noexcept
{
    const auto frames = static_cast<double>(n_);
    const Complex direct = sin_pi(f) / frames * std::polar(1.0, pi * f * (frames - 1.0) / frames);
    return {f, std::sin(pi * f / frames), std::cos(pi * f / frames), direct};
}

std::pair<Complex, Complex> LineSpectrum::at(const Split& line, std::int64_t bin) const noexcept
{
    // Near the line the difference of two near sines would lose digits: there, and at 0, the exact form.
    constexpr double near = 8.0;
    const auto b = static_cast<double>(bin);
    if (std::abs(b - line.f) < near || line.f + b < 1.0) return {leakage(line.f - b, n_), leakage(-line.f - b, n_)};
    const Complex& e = half_turn_[static_cast<std::size_t>(bin)];
    const double direct = 1.0 / (line.sine * e.real() - line.cosine * e.imag());  // 1/sin(π(f − b)/N)
    const double image = 1.0 / (line.sine * e.real() + line.cosine * e.imag());   // 1/sin(π(f + b)/N)
    // The numerators are conjugates: e·z and e·z̄ share their four products. (Written out, because the standard product of
    // complex numbers stops to look for infinities.)
    const double rr = e.real() * line.direct.real();
    const double ii = e.imag() * line.direct.imag();
    const double ri = e.real() * line.direct.imag();
    const double ir = e.imag() * line.direct.real();
    return {Complex{(rr - ii) * direct, (ri + ir) * direct}, Complex{(rr + ii) * image, (ir - ri) * image}};
}

void LineSpectrum::response(double f, std::span<const std::int64_t> bins, std::span<Complex> direct, std::span<Complex> image) const
{
    const auto line = split(f);
    for (std::size_t i = 0; i < bins.size(); ++i) std::tie(direct[i], image[i]) = at(line, bins[i]);
}

}  // namespace lowleg::dsp
