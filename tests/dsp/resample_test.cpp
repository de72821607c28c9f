#include "dsp/resample.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace lowleg;

TEST_CASE("a sine read at other places is the same sine", "[dsp][resample]")
{
    // Frequencies that share no cycle with the phases of the kernel's table; 0.45 is the edge of the promise.
    const double f = GENERATE(0.0, 0.000437, 0.0317, 0.2113, 0.3779, 0.42, 0.45);
    const double ppm = GENERATE(-300.0, -1.0, 0.0, 17.3, 300.0, 9000.0);
    CAPTURE(f, ppm);
    const double step = 1.0 + 1e-6 * ppm;
    std::vector<float> x;
    for (int n = 0; n < 20'000; ++n) x.push_back(static_cast<float>(0.5 * std::cos(2.0 * std::numbers::pi * f * n + 0.3)));
    const auto y = dsp::resample(x, step);
    REQUIRE(y.size() > 19'600);
    double worst = 0.0;
    for (std::size_t n = 0; n < y.size(); ++n) {
        const double at = static_cast<double>(dsp::resample_reach) + static_cast<double>(n) * step;
        worst = std::max(worst, std::abs(static_cast<double>(y[n]) - 0.5 * std::cos(2.0 * std::numbers::pi * f * at + 0.3)));
    }
    // Images at −110 dB and the table's −118 dB, of 0.5: 1.6e-6 + 0.6e-6; rounding to float in and out: 2·0.5·2⁻²⁴ = 0.06e-6.
    // 0.001 dB of flatness would be 58e-6.
    CHECK(worst < 2.3e-6);
}

TEST_CASE("what cannot be resampled gives nothing", "[dsp][resample]")
{
    const std::vector<float> x(2 * dsp::resample_reach + 1, 1.0F);
    CHECK(dsp::resample(x, 1.0).size() == 1);
    CHECK(dsp::resample(std::span{x}.first(x.size() - 1), 1.0).empty());
    CHECK(dsp::resample({}, 1.0).empty());
    CHECK(dsp::resample(x, 0.5).empty());
    CHECK(dsp::resample(x, std::nan("")).empty());
}
