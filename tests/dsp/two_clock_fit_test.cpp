// Tones of two clocks, told apart. Truth: the sums of cosines that the signals are made of.
#include "dsp/two_clock_fit.h"

#include "dsp/random.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

using namespace lowleg;
using Catch::Matchers::WithinAbs;

namespace {

constexpr std::size_t frames = 48'000;  // two periods of 0.5 s at 48 kHz
constexpr double bin = 2.0 / 48'000.0;

// Neighbours as near as those of the test signal: two bins.
const std::vector<double> ours{15 * bin, 61 * bin, 497 * bin, 1601 * bin, 5003 * bin, 9147 * bin};
const std::vector<double> theirs{11 * bin, 55 * bin, 493 * bin, 1587 * bin, 5001 * bin, 9141 * bin};

struct Signal {
    std::array<std::vector<double>, 2> x;
    std::array<std::vector<Complex>, 2> ours, theirs;
};

Signal make(double offset, double noise_rms)
{
    Signal s;
    dsp::Random random{7};
    const auto phase = [&] { return std::polar(0.01 + 0.05 * random.uniform(), 6.28 * random.uniform()); };
    for (const std::size_t c : {0U, 1U}) {
        for (std::size_t i = 0; i < ours.size(); ++i) s.ours.at(c).push_back(phase());
        for (std::size_t i = 0; i < theirs.size(); ++i) s.theirs.at(c).push_back(phase());
        const double middle = 0.5 * (frames - 1.0);
        for (std::size_t n = 0; n < frames; ++n) {
            const double t = 2.0 * std::numbers::pi * (static_cast<double>(n) - middle);
            double v = 0.003;
            for (std::size_t i = 0; i < ours.size(); ++i) v += std::abs(s.ours.at(c)[i]) * std::cos(t * ours[i] + std::arg(s.ours.at(c)[i]));
            for (std::size_t i = 0; i < theirs.size(); ++i)
                v += std::abs(s.theirs.at(c)[i]) * std::cos(t * theirs[i] * (1.0 + offset) + std::arg(s.theirs.at(c)[i]));
            // Uniform over ±√3 has an rms of 1.
            s.x.at(c).push_back(v + noise_rms * std::sqrt(3.0) * (2.0 * random.uniform() - 1.0));
        }
    }
    return s;
}

}  // namespace

TEST_CASE("tones on another clock are told from ours, and their clock is found", "[dsp][two-clocks]")
{
    const double offset = GENERATE(-250e-6, -100e-6, -17e-6, 0.0, 0.3e-6, 40e-6, 100e-6, 250e-6);
    CAPTURE(offset);
    const auto s = make(offset, 0.0);
    const auto fit = dsp::fit_two_clocks({s.x[0], s.x[1]}, {ours, theirs, 300e-6});
    REQUIRE(fit);
    // Rounding alone: sines in double precision, 4·10⁴ of them summed.
    CHECK_THAT(fit.value().offset, WithinAbs(offset, 1e-12));
    for (const std::size_t c : {0U, 1U}) {
        CHECK(fit.value().residual_rms.at(c) < 1e-9);
        for (std::size_t i = 0; i < ours.size(); ++i) CHECK(std::abs(fit.value().ours.at(c)[i] - s.ours.at(c)[i]) < 1e-8);
        for (std::size_t i = 0; i < theirs.size(); ++i) CHECK(std::abs(fit.value().theirs.at(c)[i] - s.theirs.at(c)[i]) < 1e-8);
    }
}

TEST_CASE("noise moves the tones as far as the fit says", "[dsp][two-clocks]")
{
    constexpr double noise = 1e-3;
    const auto s = make(120e-6, noise);
    const auto fit = dsp::fit_two_clocks({s.x[0], s.x[1]}, {ours, theirs, 300e-6});
    REQUIRE(fit);
    const auto& f = fit.value();
    // 48,000 samples: their rms is known to 0.4 %.
    CHECK_THAT(f.residual_rms[0], WithinAbs(noise, 0.02 * noise));
    double sum = 0.0;
    double count = 0.0;
    for (const std::size_t c : {0U, 1U})
        for (std::size_t i = 0; i < ours.size(); ++i) {
            sum += std::norm((f.ours.at(c)[i] - s.ours.at(c)[i]) / (noise * f.ours_unit_sigma[i])) + std::norm((f.theirs.at(c)[i] - s.theirs.at(c)[i]) / (noise * f.theirs_unit_sigma[i]));
            count += 4.0;
        }
    // χ² of 48 values over 48: 1 ± 0.2, and four times that.
    CHECK_THAT(sum / count, WithinAbs(1.0, 0.8));
    // A clock is known from the highest tones best: σ = σ_phase·√12/(2π·f·T), of two channels' six tones far below 0.01 ppm.
    CHECK_THAT(f.offset, WithinAbs(120e-6, 0.02e-6));
}

TEST_CASE("what was taken off is what is put on again", "[dsp][two-clocks]")
{
    const std::vector<double> f{0.01, 0.2};
    const std::vector<Complex> p{{0.5, 0.0}, {0.0, 0.25}};
    const auto x = dsp::render_tones(f, p, 1e-4, 1001);
    for (const std::size_t n : {0U, 1U, 499U, 500U, 513U, 1000U}) {
        const double t = 2.0 * std::numbers::pi * (static_cast<double>(n) - 500.0) * 1.0001;
        CHECK_THAT(x[n], WithinAbs(0.5 * std::cos(0.01 * t) + 0.25 * std::cos(0.2 * t + 0.5 * std::numbers::pi), 1e-12));
    }
}

TEST_CASE("a stretch too short for its tones is refused", "[dsp][two-clocks]")
{
    const std::vector<double> x(10, 0.0);
    CHECK_FALSE(dsp::fit_two_clocks({x, x}, {ours, theirs, 300e-6}));
    const std::vector<double> y(40, 0.0);
    const std::vector<double> z(40, 0.0);
    CHECK_FALSE(dsp::fit_two_clocks({y, z}, {ours, theirs, 300e-6}));
}
