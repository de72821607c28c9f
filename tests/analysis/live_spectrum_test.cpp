// Spectra for the eye, against sines of known level anywhere between the bins, and against white noise of known power.
#include "analysis/live_spectrum.h"
#include "analysis/trigger.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

using namespace lowleg;
using namespace lowleg::analysis;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

constexpr std::size_t frames = 8192;

std::vector<float> sine(double bins, double amplitude, double phase, std::size_t count = frames)
{
    std::vector<float> out(count);
    for (std::size_t i = 0; i < count; ++i)
        out[i] = static_cast<float>(amplitude * std::sin(2.0 * std::numbers::pi * bins * static_cast<double>(i) / static_cast<double>(frames) + phase));
    return out;
}

float decibels(float power) { return 10.0F * std::log10(power); }

}  // namespace

TEST_CASE("a sine reads its level wherever it lies, and so do sum and difference", "[live-spectrum]")
{
    const double bin = GENERATE(200.0, 200.25, 200.5, 1017.7);
    auto spectrum = LiveSpectrum::create(frames);
    REQUIRE(spectrum);
    std::array<std::vector<float>, 4> powers;
    spectrum.value().powers(sine(bin, 0.5, 0.3), sine(bin, 0.25, 0.3 + std::numbers::pi), powers);
    // 0.5 against −0.25: together 0.25, apart 0.75. The window's own error is 0.0044 dB; single precision and leakage of −95 dB are less.
    constexpr std::array expected{-6.0206F, -12.0412F, -12.0412F, -2.4988F};
    for (std::size_t channel = 0; channel < 4; ++channel) {
        CAPTURE(bin, channel);
        CHECK_THAT(static_cast<double>(decibels(*std::ranges::max_element(powers.at(channel)))), WithinAbs(static_cast<double>(expected.at(channel)), 0.006));
    }
    // 12 bins away nothing is above the side lobes of −95 dB.
    const auto far = static_cast<std::size_t>(bin) + 12;
    CHECK(decibels(powers[0][far]) < -6.0F - 94.0F);
}

TEST_CASE("white noise reads as much as lies in 3.81 bins", "[live-spectrum]")
{
    auto spectrum = LiveSpectrum::create(frames);
    REQUIRE(spectrum);
    std::mt19937 random{11};
    std::normal_distribution<float> normal{0.0F, 0.01F};
    std::array<std::vector<float>, 4> powers;
    double mean = 0.0;
    constexpr int runs = 20;
    std::vector<float> pin2(frames), pin3(frames);
    for (int run = 0; run < runs; ++run) {
        for (auto& x : pin2) x = normal(random);
        spectrum.value().powers(pin2, pin3, powers);
        for (std::size_t b = 100; b < frames / 2 - 100; ++b) mean += static_cast<double>(powers[0][b]);
    }
    mean /= runs * static_cast<double>(frames / 2 - 200);
    // σ² is the power of N/2 bins; a sine of peak 1 has the power 1/2. Of 20 × 3,900 bins, of which 3.81 are one, the mean scatters by 0.7 %.
    const double expected = 3.81 * 2.0 * 1e-4 / static_cast<double>(frames / 2);
    CHECK_THAT(mean, WithinRel(expected, 0.03));
}

TEST_CASE("a picture of a repeating waveform stands still", "[trigger]")
{
    // Two tones of a common period of 480 samples: the sum crosses zero several times in each.
    const auto wave = [](double position) { return static_cast<float>(0.4 * std::sin(2.0 * std::numbers::pi * position / 480.0) + 0.5 * std::sin(2.0 * std::numbers::pi * position * 5.0 / 480.0)); };
    Trigger trigger;
    std::vector<float> x(6000);
    std::vector<double> phases;
    for (int picture = 0; picture < 12; ++picture) {
        const double begin = 1237.3 * picture;
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = wave(begin + static_cast<double>(i));
        const auto at = trigger.find(x, 1000, 3000, 0.02F);
        REQUIRE(at);
        phases.push_back(std::fmod(begin + *at, 480.0));
    }
    // Linear interpolation of a crossing is off by less than a tenth of a sample here.
    for (const double phase : phases) CHECK_THAT(std::remainder(phase - phases.front(), 480.0), WithinAbs(0.0, 0.2));
}

TEST_CASE("silence, a constant, and too little have no trigger", "[trigger]")
{
    Trigger trigger;
    CHECK_FALSE(trigger.find(std::vector<float>(5000, 0.0F), 1000, 3000, 0.01F));
    CHECK_FALSE(trigger.find(std::vector<float>(5000, 0.5F), 1000, 3000, 0.01F));
    CHECK_FALSE(trigger.find(std::vector<float>(900, 0.5F), 1000, 3000, 0.01F));
}
