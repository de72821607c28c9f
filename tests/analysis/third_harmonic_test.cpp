// Third harmonics against the closed form of a cubed multitone.
#include "analysis/estimator.h"
#include "analysis/multitone.h"
#include "analysis/synthetic.h"
#include "stimulus/multitone.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <vector>

using namespace lowleg;
using namespace lowleg::analysis;
using namespace lowleg::synthetic;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

Complex as_it_is(const Tone&) { return 1.0; }

/// The drive's tones of the usual plan up to a seventh of the rate, so that no cube of them folds back.
TonePlan drive_below_folding(double rate)
{
    auto plan = stimulus::design_multitone(rate).value();
    std::erase_if(plan.tones, [&](const Tone& t) { return t.signal == Signal::probe || plan.frequency_of(t.bin).value() > rate / 7.0; });
    return plan;
}

TonePlan plan_of(const std::vector<std::int64_t>& bins)
{
    TonePlan plan{48'000.0, 24'000, {}};
    for (const auto bin : bins) plan.tones.push_back({Signal::drive, bin, 0.05, 0.3 * static_cast<double>(bin)});
    return plan;
}

/// y = gain·(x + cube·x³), `shift` frames later, around the period.
std::vector<double> cubed(const std::vector<double>& x, double gain, double cube, std::size_t shift)
{
    std::vector<double> y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[(i + shift) % x.size()] = gain * (x[i] + cube * x[i] * x[i] * x[i]);
    return y;
}

/// Of a tone of amplitude a among others: Σ over the set of A²/2 is the power. Third harmonic cube·a³/4; fundamental
/// a·(1 + cube·(¾·a² + 3/2·Σ others' A²)).
double ratio_of(const TonePlan& plan, const Tone& tone, double cube)
{
    double others = 0.0;
    for (const auto& t : plan.tones)
        if (t.bin != tone.bin) others += t.amplitude * t.amplitude;
    const double a2 = tone.amplitude * tone.amplitude;
    return 0.25 * cube * a2 / (1.0 + cube * (0.75 * a2 + 1.5 * others));
}

bool reports(const MultitoneReading& reading, const TonePlan& plan, std::int64_t bin)
{
    return std::ranges::any_of(reading.third_harmonics, [&](const ThirdHarmonic& h) { return h.fundamental == plan.frequency_of(bin); });
}

}  // namespace

TEST_CASE("the third harmonics of a cubed multitone", "[analysis][harmonics]")
{
    const auto rate = GENERATE(44'100.0, 48'000.0);
    const double cube = GENERATE(0.3, -0.02);
    const auto plan = drive_below_folding(rate);
    Capture capture{plan, {Leg{}, Leg{}}, {3, 4}, 1};
    for (auto& period : capture.samples()) {
        period[1] = cubed(period[0], -0.4, cube, 137);  // opposite, and later
        period[0] = cubed(period[0], 1.0, cube, 5);
    }
    const auto reading = read_multitone(capture.views(), plan).value();

    const auto low = std::ranges::count_if(plan.tones, [&](const Tone& t) { return plan.frequency_of(t.bin).value() <= 400.0; });
    CHECK(std::ssize(reading.third_harmonics) == low);
    CHECK(low >= 4);
    for (const auto& harmonic : reading.third_harmonics) {
        const auto tone = std::ranges::find_if(plan.tones, [&](const Tone& t) { return plan.frequency_of(t.bin) == harmonic.fundamental; });
        REQUIRE(tone != plan.tones.end());
        CAPTURE(harmonic.fundamental.value());
        for (const auto& ratio : harmonic.ratio) {
            // The third is 1e-5 of full scale and below; rounding of the transform 1e-16 of the sum of all tones.
            CHECK_THAT(std::abs(ratio.value - ratio_of(plan, *tone, cube)), WithinAbs(0.0, 1e-12));
            CHECK(ratio.sigma < 1e-9);
        }
    }
}

TEST_CASE("the interval of a third harmonic contains the truth as often as it says", "[analysis][harmonics]")
{
    const auto plan = drive_below_folding(48'000.0);
    constexpr double cube = 0.05;
    constexpr double noise = 1e-3;
    int inside = 0;
    int trials = 0;
    for (std::uint64_t seed = 1; trials < 1000; ++seed) {
        Capture capture{plan, {Leg{as_it_is, {}, noise}, Leg{as_it_is, {}, noise}}, {0, 1}, seed};
        const auto clean = tones_of(plan, Leg{});
        for (auto& period : capture.samples())
            for (auto& leg : period)
                for (std::size_t i = 0; i < leg.size(); ++i) leg[i] += cube * clean[i] * clean[i] * clean[i];
        const auto reading = read_multitone(capture.views(), plan, HumRemoval::off).value();
        for (const auto& harmonic : reading.third_harmonics) {
            const auto tone = std::ranges::find_if(plan.tones, [&](const Tone& t) { return plan.frequency_of(t.bin) == harmonic.fundamental; });
            for (const auto& ratio : harmonic.ratio) {
                const Complex error = ratio.value - ratio_of(plan, *tone, cube);
                for (const double part : {error.real(), error.imag()}) {
                    ++trials;
                    if (std::abs(part) <= ratio.amplitude_interval_95()) ++inside;
                }
            }
        }
    }
    // Binomial: 95 % ± 3 standard deviations of 0.69 %.
    CHECK_THAT(static_cast<double>(inside) / trials, WithinAbs(0.95, 0.021));
}

TEST_CASE("a third harmonic that something else hides is left out", "[analysis][harmonics]")
{
    const auto read = [](const TonePlan& plan, const std::vector<Line>& lines) {
        const Capture capture{plan, {Leg{as_it_is, lines, 1e-6}, Leg{as_it_is, lines, 1e-6}}, {0, 1, 2}, 1};
        return read_multitone(capture.views(), plan).value();
    };
    const auto alone = plan_of({25, 49, 1001});
    CHECK(reports(read(alone, {}), alone, 25));
    CHECK(reports(read(alone, {}), alone, 49));
    CHECK_FALSE(reports(read(alone, {}), alone, 1001));  // 2 kHz

    SECTION("a tone") { const auto plan = plan_of({25, 49, 75}); CHECK_FALSE(reports(read(plan, {}), plan, 25)); }
    SECTION("the product of three others") { const auto plan = plan_of({25, 27, 31, 71}); CHECK_FALSE(reports(read(plan, {}), plan, 25)); }  // 31 + 71 − 27
    SECTION("a product with itself") { const auto plan = plan_of({25, 35, 85}); CHECK_FALSE(reports(read(plan, {}), plan, 25)); }            // 85 + 25 − 35
    SECTION("a sum") { const auto plan = plan_of({21, 25, 33}); CHECK_FALSE(reports(read(plan, {}), plan, 25)); }            // 21 + 21 + 33
    SECTION("hum, which is a line on 150 and on 300 Hz")
    {
        const auto reading = read(alone, mains(50.02, 1000.0));
        REQUIRE(reading.hum);
        CHECK_FALSE(reports(reading, alone, 25));  // 150 Hz
        CHECK_FALSE(reports(reading, alone, 49));  // 294 Hz, three bins from the sixth line
    }
}

TEST_CASE("a silent leg shows no third harmonic, and says so", "[analysis][harmonics]")
{
    const auto plan = drive_below_folding(48'000.0);
    const Capture capture{plan, {Leg{as_it_is, {}, 1e-5}, Leg{[](const Tone&) { return Complex{}; }, {}, 1e-5}}, {0, 1}, 1};
    const auto reading = read_multitone(capture.views(), plan).value();
    REQUIRE_FALSE(reading.third_harmonics.empty());
    for (const auto& harmonic : reading.third_harmonics) {
        CHECK(harmonic.ratio[1].value == Complex{});
        CHECK(harmonic.ratio[1].sigma == 1.0);
        CHECK(harmonic.ratio[0].sigma < 1e-3);
    }
}
