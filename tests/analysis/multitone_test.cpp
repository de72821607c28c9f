#include "analysis/multitone.h"

#include "analysis/estimator.h"
#include "analysis/hum.h"
#include "analysis/synthetic.h"
#include "dsp/statistics.h"
#include "stimulus/multitone.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

using namespace lowleg;
using namespace lowleg::analysis;
using namespace lowleg::synthetic;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

/// A transfer that differs for every tone.
Complex some_transfer(const Tone& tone)
{
    return std::polar(0.3 + 0.5 / (1.0 + static_cast<double>(tone.bin) / 500.0), 0.1 + 0.003 * static_cast<double>(tone.bin));
}

std::vector<std::int64_t> starts(std::int64_t count)
{
    std::vector<std::int64_t> s;
    for (std::int64_t m = 0; m < count; ++m) s.push_back(7 + m);
    return s;
}

struct Coverage {
    int trials{};
    int inside{};
    double error_power{};     ///< Σ (error of the real part / sigma of the truth)²
    [[nodiscard]] double share() const { return static_cast<double>(inside) / trials; }
};

/// Many short records on the light plan; each tone of each leg is a trial, and the real part of its error is judged.
Coverage coverage(int trials, std::int64_t periods, const std::vector<Line>& lines, HumRemoval removal, double true_sigma,
                  std::uint64_t seed)
{
    const auto plan = light_plan();
    const double noise = true_sigma * plan.tones[0].amplitude * std::sqrt(0.5 * static_cast<double>(plan.period_frames * periods));
    Coverage c;
    for (std::uint64_t record = 0; c.trials < trials; ++record) {
        auto moved = lines;  // the mains begins at any phase
        for (auto& line : moved) line.phase_rad += 2.4 * static_cast<double>(record);
        const Leg leg{some_transfer, moved, noise};
        const Capture capture{plan, {leg, leg}, starts(periods), seed + record};
        const auto reading = read_multitone(capture.views(), plan, removal).value();
        for (std::size_t k = 0; k < plan.tones.size(); ++k)
            for (const auto& estimate : reading.tones[k].leg) {
                const double error = (estimate.value - some_transfer(plan.tones[k])).real();
                ++c.trials;
                if (std::abs(error) <= estimate.amplitude_interval_95()) ++c.inside;
                c.error_power += error * error / (true_sigma * true_sigma);
            }
    }
    return c;
}

}  // namespace

TEST_CASE("tones are read to nine digits", "[analysis][multitone]")
{
    const auto rate = GENERATE(44'100.0, 48'000.0);
    const auto plan = stimulus::design_multitone(rate).value();
    const std::array<Leg, 2> legs{Leg{some_transfer, {}, 0.0}, Leg{[](const Tone& t) { return -0.01 * some_transfer(t); }, {}, 0.0}};
    const Capture capture{plan, legs, starts(GENERATE(1, 3)), 1};
    const auto reading = read_multitone(capture.views(), plan);
    REQUIRE(reading);
    REQUIRE(reading.value().tones.size() == plan.tones.size());
    for (std::size_t k = 0; k < plan.tones.size(); ++k)
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto ratio = reading.value().tones[k].leg[leg].value / legs[leg].transfer(plan.tones[k]);
            CHECK_THAT(std::abs(ratio), WithinRel(1.0, 1e-9));
            CHECK_THAT(std::arg(ratio), WithinAbs(0.0, 1e-8));
        }
    CHECK(!reading.value().hum);
    CHECK(reading.value().residue[0].noise_rms < 1e-14);  // rounding of doubles: 1e-16 a sample, in the whole band
}

TEST_CASE("a record of floats is read to what floats hold", "[analysis][multitone]")
{
    const auto plan = stimulus::design_multitone(48'000.0).value();
    const Leg leg{some_transfer, {}, 0.0};
    const auto record = Capture{plan, {leg, leg}, starts(4), 1}.record();
    const auto reading = read_multitone(record, plan).value();
    CHECK(reading.periods == 4);
    CHECK(reading.sample_rate_hz == 48'000.0);
    for (std::size_t k = 0; k < plan.tones.size(); ++k) {
        // Rounding at |x| < 0.25 errs by up to 2⁻²⁷, the same in every period: 6·2⁻²⁷/√3·√(2/24,000) over the amplitude.
        const double bound = 6.0 * 0x1p-27 / std::sqrt(3.0) * std::sqrt(2.0 / 24'000.0) / plan.tones[k].amplitude;
        CHECK(std::abs(reading.tones[k].leg[0].value - some_transfer(plan.tones[k])) < bound);
        CHECK(reading.tones[k].signal == plan.tones[k].signal);
        CHECK(reading.tones[k].bin == plan.tones[k].bin);
        CHECK(reading.tones[k].frequency == plan.frequency_of(plan.tones[k].bin));
    }
    float peak = 0.0F;
    for (const auto& period : record.periods)
        for (const float x : period.leg[1]) peak = std::max(peak, std::abs(x));
    CHECK(reading.peak[1] == static_cast<double>(peak));
}

TEST_CASE("mains hum is taken out of the tones", "[analysis][multitone][hum]")
{
    const auto mains_hz = GENERATE(49.93, 50.0, 50.02, 50.3, 59.97, 60.04);
    const auto periods = GENERATE(1, 2, 4);
    CAPTURE(mains_hz, periods);
    const auto plan = stimulus::design_multitone(48'000.0).value();
    const Leg leg{some_transfer, mains(mains_hz, 20'000.0), 0.0};
    const Leg other{some_transfer, mains(mains_hz, 20'000.0, 3e-4, 2.0), 0.0};
    const Capture capture{plan, {leg, other}, starts(periods), 1};
    const auto reading = read_multitone(capture.views(), plan).value();

    REQUIRE(reading.hum);
    // Without noise only rounding is left: 1e-13 of full scale in a bin, 1e-6 of that in the fit is generous.
    CHECK_THAT(reading.hum->fundamental.value(), WithinAbs(mains_hz, 1e-6));
    double power = 0.0;
    for (const auto& line : leg.lines) power += 0.5 * line.amplitude * line.amplitude;
    CHECK_THAT(reading.hum->rms[0], WithinRel(std::sqrt(power), 1e-6));
    CHECK_THAT(reading.hum->rms[1], WithinRel(0.3 * std::sqrt(power), 1e-6));
    for (std::size_t k = 0; k < plan.tones.size(); ++k) {
        const auto ratio = reading.tones[k].leg[0].value / some_transfer(plan.tones[k]);
        CHECK_THAT(std::abs(ratio), WithinRel(1.0, 1e-9));
        CHECK_THAT(std::arg(ratio), WithinAbs(0.0, 1e-8));
    }
}

TEST_CASE("the 95 % interval holds the truth in 95 % of the trials", "[analysis][multitone][coverage]")
{
    // 24 tones per record count as trials of their own: they share eight noise bins at most with a neighbour, so the share of
    // 5,000 scatters by little more than √(0.95·0.05/5,000) = 0.31 %; ±1.5 % is beyond 4 σ.
    constexpr int trials = 5'000;
    constexpr double sigma = 1e-4;
    const auto periods = GENERATE(1, 2, 4);
    CAPTURE(periods);

    SECTION("noise alone")
    {
        const auto c = coverage(trials, periods, {}, HumRemoval::on, sigma, 1'000);
        CHECK_THAT(c.share(), WithinAbs(0.95, 0.015));
        // The coherent mean meets the Cramér–Rao bound, var = 2σ²/(N·M) per amplitude. 5,000 squares scatter by √(2/5,000) = 2 %,
        // so 5 % in sigma is 10 % in power and 4 σ of chance fits beside it.
        CHECK(c.error_power / c.trials < 1.1);
        CHECK(c.error_power / c.trials > 0.9);
    }
    SECTION("hum at 50.02 Hz, −60 dBFS, with harmonics")
    {
        const auto c = coverage(trials, periods, mains(50.02, 2'200.0), HumRemoval::on, sigma, 2'000);
        CHECK_THAT(c.share(), WithinAbs(0.95, 0.015));
        CHECK(c.error_power / c.trials < 1.1);
    }
    SECTION("hum between two bins")
    {
        const auto c = coverage(trials, periods, mains(50.4, 2'200.0), HumRemoval::on, sigma, 3'000);
        CHECK_THAT(c.share(), WithinAbs(0.95, 0.015));
    }
    SECTION("hum left in: the error then is no longer what the noise makes it, which shows that the test can fail")
    {
        const auto c = coverage(trials, periods, mains(50.02, 2'200.0), HumRemoval::off, 1e-6, 4'000);
        CHECK(c.error_power / c.trials > 100.0);
        CHECK(std::abs(c.share() - 0.95) > 0.015);
    }
}
