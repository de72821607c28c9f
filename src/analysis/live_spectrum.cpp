#include "analysis/live_spectrum.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::analysis {

Result<LiveSpectrum> LiveSpectrum::create(std::size_t frames)
{
    auto fft = dsp::RealFft::create(frames);
    if (!fft) return fft.error();
    return LiveSpectrum{std::move(fft).value()};
}

LiveSpectrum::LiveSpectrum(dsp::RealFft fft) : fft_{std::move(fft)}, window_(fft_.size()), windowed_(fft_.size()), pin2_(fft_.bins()), pin3_(fft_.bins())
{
    const auto n = static_cast<double>(fft_.size());
    for (std::size_t i = 0; i < window_.size(); ++i) {
        const double z = 2.0 * std::numbers::pi * static_cast<double>(i) / n;
        const double w = 1.0 - 1.9383379 * std::cos(z) + 1.3045202 * std::cos(2.0 * z) - 0.4028270 * std::cos(3.0 * z) + 0.0350665 * std::cos(4.0 * z);
        window_[i] = w * 2.0 / n;  // the mean of w is 1
    }
}

void LiveSpectrum::powers(std::span<const float> pin2, std::span<const float> pin3, std::span<std::vector<float>, 4> out)
{
    const auto transform = [&](std::span<const float> leg, std::vector<Complex>& to) {
        for (std::size_t i = 0; i < windowed_.size(); ++i) windowed_[i] = window_[i] * static_cast<double>(leg[i]);
        fft_.transform(windowed_, to);
    };
    transform(pin2, pin2_);
    transform(pin3, pin3_);
    for (auto& powers : out) powers.resize(bins());
    for (std::size_t b = 0; b < bins(); ++b) {
        out[0][b] = static_cast<float>(std::norm(pin2_[b]));
        out[1][b] = static_cast<float>(std::norm(pin3_[b]));
        out[2][b] = static_cast<float>(std::norm(pin2_[b] + pin3_[b]));
        out[3][b] = static_cast<float>(std::norm(pin2_[b] - pin3_[b]));
    }
}

}  // namespace lowleg::analysis
