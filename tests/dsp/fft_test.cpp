#include "dsp/fft.h"
#include "dsp/leakage.h"
#include "dsp/random.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

using namespace lowleg;
using namespace lowleg::dsp;
using Catch::Matchers::WithinAbs;

namespace {

/// The definition, bin by bin, with the turn reduced in whole numbers.
Complex bin_of(const std::vector<double>& x, std::size_t bin)
{
    Complex sum{};
    for (std::size_t i = 0; i < x.size(); ++i)
        sum += x[i] * std::polar(1.0, -2.0 * std::numbers::pi * static_cast<double>(i * bin % x.size()) / static_cast<double>(x.size()));
    return sum;
}

}  // namespace

TEST_CASE("the transform is its definition", "[dsp][fft]")
{
    const std::size_t n = GENERATE(2U, 4U, 6U, 10U, 14U, 30U, 210U, 490U, 1'050U, 2'400U);
    CAPTURE(n);
    const auto fft = RealFft::create(n);
    REQUIRE(fft);
    CHECK(fft.value().size() == n);
    Random random{n};
    // Twice with one set-up: nothing of the first may be left.
    for (int run = 0; run < 2; ++run) {
        std::vector<double> x(n);
        for (auto& v : x) v = 2.0 * random.uniform() - 1.0;
        std::vector<Complex> spectrum(fft.value().bins());
        fft.value().transform(x, spectrum);
        // |X| is about √n; 1e-14·n is some hundred roundings of the definition's own sum.
        for (std::size_t b = 0; b < spectrum.size(); ++b)
            CHECK_THAT(std::abs(spectrum[b] - bin_of(x, b)), WithinAbs(0.0, 1e-14 * static_cast<double>(n)));
        CHECK(spectrum.front().imag() == 0.0);
        CHECK(spectrum.back().imag() == 0.0);
    }
}

TEST_CASE("lengths that would be slow or cannot be packed are refused", "[dsp][fft]")
{
    for (const std::size_t n : {0U, 1U, 3U, 15U, 22U, 47'998U, 1'000'003U}) CHECK(!RealFft::create(n));
    CHECK(is_smooth(1));
    CHECK(is_smooth(22'050));
    CHECK(!is_smooth(0));
    CHECK(!is_smooth(11));
}

TEST_CASE("a line's leakage is what the transform shows", "[dsp][leakage]")
{
    const std::int64_t n = GENERATE(210, 2'400);
    const double f = GENERATE(0.3, 1.0, 10.01, 25.0, 25.5, 60.0001, 103.7);
    CAPTURE(n, f);
    const auto amplitude = std::polar(0.7, 1.1);
    std::vector<double> x(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i)
        x[static_cast<std::size_t>(i)] = 0.7 * std::cos(2.0 * std::numbers::pi * std::remainder(f * static_cast<double>(i) / static_cast<double>(n), 1.0) + 1.1);
    const auto fft = RealFft::create(x.size()).value();
    std::vector<Complex> spectrum(fft.bins());
    fft.transform(x, spectrum);
    for (auto& v : spectrum) v *= 2.0 / static_cast<double>(n);

    // Rounding of f·i/N: up to 100 cycles, 1e-14 of a cycle.
    for (std::size_t b = 0; b < spectrum.size(); ++b)
        CHECK_THAT(std::abs(spectrum[b] - line_in_bin(amplitude, f, static_cast<std::int64_t>(b), n)), WithinAbs(0.0, 2e-13));
    std::vector<std::int64_t> bins(spectrum.size());
    std::iota(bins.begin(), bins.end(), 0);
    std::vector<Complex> direct(bins.size());
    std::vector<Complex> image(bins.size());
    LineSpectrum{n}.response(f, bins, direct, image);
    for (std::size_t b = 0; b < spectrum.size(); ++b)
        CHECK_THAT(std::abs(spectrum[b] - amplitude * direct[b] - std::conj(amplitude) * image[b]), WithinAbs(0.0, 1e-12));

    CHECK(leakage(0.0, n) == Complex{1.0});
    for (const double whole : {1.0, -3.0, 20.0}) CHECK(std::abs(leakage(whole, n)) == 0.0);
}

TEST_CASE("the slope of the leakage is its derivative", "[dsp][leakage]")
{
    const double x = GENERATE(-7.3, -1.0, -5e-5, 0.0, 1e-6, 0.2, 1.0, 3.999, 20.5);
    constexpr std::int64_t n = 2'400;
    // D is the mean of e^{j2πxt} over 0 ≤ t < 1, so |D'''| ≤ (2π)³/4 = 62; a central difference errs by h²/6 of that, 1.04e-7, and
    // by rounding, 1e-16/h.
    constexpr double h = 1e-4;
    const auto difference = (leakage(x + h, n) - leakage(x - h, n)) / (2.0 * h);
    CHECK_THAT(std::abs(leakage_slope(x, n) - difference), WithinAbs(0.0, 1.1e-7));
}

TEST_CASE("the random numbers are SplitMix64's", "[dsp][random]")
{
    // The first values of the reference implementation (S. Vigna, splitmix64.c) for seed 1234567.
    Random random{1'234'567};
    CHECK(random.next() == 6'457'827'717'110'365'317U);
    CHECK(random.next() == 3'203'168'211'198'807'973U);
    CHECK(random.next() == 9'817'491'932'198'370'423U);
    for (int i = 0; i < 1'000; ++i) {
        const double u = random.uniform();
        CHECK((u >= 0.0 && u < 1.0));
        CHECK(random.below(7) < 7);
    }
}
