#include "dsp/tone_fit.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <numbers>
#include <random>
#include <vector>

using namespace lowleg;
using Catch::Matchers::WithinAbs;

namespace {

constexpr std::size_t frames = 7200;  // 150 ms at 48 kHz
const std::vector<double> frequencies{22.0 / 48e3, 30.0 / 48e3, 218.0 / 48e3, 222.0 / 48e3, 990.0 / 48e3, 19'410.0 / 48e3};
const std::vector<Complex> phasors{{0.1, 0.02}, {-0.03, 0.05}, {0.07, -0.07}, {0.001, 0.0}, {0.0, 0.2}, {-0.01, -0.01}};

std::vector<float> signal(double noise_rms, std::uint32_t seed)
{
    std::mt19937 random{seed};
    std::normal_distribution<double> normal;
    std::vector<float> x(frames);
    for (std::size_t i = 0; i < frames; ++i) {
        double sum = 0.3 - 1e-5 * static_cast<double>(i) + noise_rms * normal(random);  // coupling capacitors charge
        for (std::size_t t = 0; t < frequencies.size(); ++t)
            sum += (phasors[t] * std::polar(1.0, 2.0 * std::numbers::pi * frequencies[t] * static_cast<double>(i))).real();
        x[i] = static_cast<float>(sum);
    }
    return x;
}

}  // namespace

TEST_CASE("tones that fit no bin are read exactly, beside an offset that drifts", "[dsp][tone_fit]")
{
    const auto fit = dsp::ToneFit::create(frequencies, frames);
    REQUIRE(fit);
    const auto reading = fit.value().read(signal(0.0, 1));
    // Rounding to float: 3e-8 rms of noise at a level of 0.5, times unit_sigma (below 0.05), times 5.
    for (std::size_t t = 0; t < phasors.size(); ++t) CHECK_THAT(std::abs(reading.phasor[t] - phasors[t]), WithinAbs(0.0, 1e-8));
    CHECK(reading.residual_rms < 1e-7);
}

TEST_CASE("what noise does to a fitted tone is what it says", "[dsp][tone_fit]")
{
    const auto fit = dsp::ToneFit::create(frequencies, frames);
    REQUIRE(fit);
    constexpr double noise = 1e-3;
    constexpr int runs = 400;
    std::vector<double> power(phasors.size());
    double residual = 0.0;
    for (int run = 0; run < runs; ++run) {
        const auto reading = fit.value().read(signal(noise, static_cast<std::uint32_t>(run + 7)));
        residual += reading.residual_rms / runs;
        for (std::size_t t = 0; t < phasors.size(); ++t) power[t] += std::norm(reading.phasor[t] - phasors[t]) / (2.0 * runs);
    }
    // 800 real values: their variance scatters by √(2/800) = 5 %; four times that.
    for (std::size_t t = 0; t < phasors.size(); ++t) CHECK_THAT(power[t] / std::pow(noise * fit.value().unit_sigma(t), 2), WithinAbs(1.0, 0.2));
    CHECK_THAT(residual / noise, WithinAbs(1.0, 0.01));
    // Alone, a tone has √(2/frames). Two that are 0.6 cycles apart hinder each other: 1/√(1 − sinc²(0.6)) = 1.16 where phases are averaged,
    // more or less with those that they have; far ones do not.
    CHECK_THAT(fit.value().unit_sigma(4) / std::sqrt(2.0 / frames), WithinAbs(1.0, 0.02));
    CHECK(fit.value().unit_sigma(3) / std::sqrt(2.0 / frames) > 1.1);
}

TEST_CASE("tones that cannot be told apart, or do not fit, are refused", "[dsp][tone_fit]")
{
    CHECK_FALSE(dsp::ToneFit::create({0.1, 0.1}, frames));
    CHECK_FALSE(dsp::ToneFit::create({0.5}, frames));
    CHECK_FALSE(dsp::ToneFit::create({0.1, 0.2}, 5));
}
