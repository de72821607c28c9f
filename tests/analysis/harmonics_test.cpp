#include "analysis/harmonics.h"

#include "analysis/synthetic.h"
#include "core/units.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <array>
#include <cmath>
#include <numbers>
#include <vector>

using namespace lowleg;
using namespace lowleg::analysis;
using namespace lowleg::synthetic;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

std::vector<std::int64_t> starts(std::int64_t count)
{
    std::vector<std::int64_t> s;
    for (std::int64_t m = 0; m < count; ++m) s.push_back(5 + m);
    return s;
}

TonePlan sine(double rate, std::int64_t bin, double amplitude) { return {rate, std::llround(0.5 * rate), {{Signal::drive, bin, amplitude, 0.7}}}; }

/// Harmonics as lines of whole cycles per period: order → amplitude and phase.
std::vector<Line> harmonics(const TonePlan& plan, const std::vector<Line>& of_order)
{
    std::vector<Line> out;
    for (const auto& line : of_order)
        out.push_back({line.frequency_hz * plan.frequency_of(plan.tones.front().bin).value(), line.amplitude, line.phase_rad});
    return out;
}

Leg with_lines(std::vector<Line> lines, double noise) { return {[](const Tone&) { return Complex{1.0}; }, std::move(lines), noise}; }

double dB(double ratio) { return gain_of(ratio).value(); }

}  // namespace

TEST_CASE("the analysis distorts less than any converter", "[analysis][harmonics]")
{
    const auto rate = GENERATE(44'100.0, 48'000.0, 192'000.0);
    const auto bin = GENERATE(std::int64_t{11}, std::int64_t{493}, std::int64_t{1'999});
    const auto plan = sine(rate, bin, 0.99);
    const Capture capture{plan, {Leg{}, Leg{}}, starts(4), 1};
    const auto exact = read_harmonics(capture.views(), plan).value();
    const auto rounded = read_harmonics(capture.record(), plan).value();
    for (const std::size_t leg : {0U, 1U}) {
        CAPTURE(rate, bin, leg, dB(exact.leg[leg].thd.value), dB(rounded.leg[leg].thd.value), dB(rounded.leg[leg].thd_n.value));
        REQUIRE(exact.is_heard(leg));
        CHECK_THAT(std::abs(exact.harmonics.front().leg[leg].value), WithinRel(0.99, 1e-13));
        CHECK(exact.leg[leg].thd.value > 0.0);
        CHECK(dB(exact.leg[leg].thd.value) < -200.0);
        CHECK(dB(exact.leg[leg].thd_n.value) < -200.0);
        // Rounding to 24 bits: steps of 2^−24 near full scale, 2^−24/√12 rms at most, −152 dB of the sine; eight bins hold little of it.
        CHECK(dB(rounded.leg[leg].thd.value) < -150.0);
        CHECK(dB(rounded.leg[leg].thd_n.value) < -150.0);
        CHECK(dB(rounded.leg[leg].thd_n.value) > -170.0);
    }
    CHECK_FALSE(exact.tones.hum);
}

TEST_CASE("harmonics, THD and THD+N are those that were put in", "[analysis][harmonics]")
{
    const auto plan = sine(48e3, 493, 0.25);
    // From −60 to −130 dB of the fundamental; the twelfth counts for THD+N alone, the 21st lies beyond 20 kHz.
    const std::vector<Line> of_order{{2, 2.5e-4, 0.3}, {3, 1e-4, -1.0}, {5, 3e-6, 2.0}, {9, 8e-8, 0.1}, {12, 5e-5, 1.0}, {21, 1e-3, 0.0}};
    const Capture capture{plan, {with_lines(harmonics(plan, of_order), 0.0), with_lines({}, 0.0)}, starts(3), 1};
    const auto reading = read_harmonics(capture.views(), plan).value();
    REQUIRE(reading.harmonics.size() == 9);
    for (const auto& line : of_order) {
        if (line.frequency_hz > 9.0) continue;
        const auto& harmonic = reading.harmonics[static_cast<std::size_t>(line.frequency_hz) - 1];
        CAPTURE(harmonic.order);
        // Lines run from the stream's start, which is whole periods before: the phase at a period's start is theirs. Rounding: 1e-15 of the fundamental.
        CHECK(std::abs(harmonic.leg[0].value - std::polar(line.amplitude, line.phase_rad)) < 1e-14);
    }
    double thd = 0.0;
    for (const auto& line : of_order) thd += line.frequency_hz <= 9.0 ? line.amplitude * line.amplitude : 0.0;
    CHECK_THAT(reading.leg[0].thd.value, WithinRel(std::sqrt(thd) / 0.25, 1e-9));
    CHECK_FALSE(reading.leg[0].thd.is_bound);
    const double rest = thd + 25e-10;
    CHECK_THAT(reading.leg[0].thd_n.value, WithinRel(std::sqrt(rest / (rest + 0.0625)), 1e-9));
    CHECK(dB(reading.leg[1].thd.value) < -200.0);
}

TEST_CASE("THD+N counts noise in its band, and hum only where it is asked for", "[analysis][harmonics]")
{
    const auto plan = sine(48e3, 493, 0.25);
    constexpr double sigma = 2e-5;
    const double hum_amplitude = GENERATE(0.0, 1e-3);
    std::vector<Line> lines = harmonics(plan, {{2, 5e-6, 0.3}, {3, 1e-5, -1.0}});
    double hum = 0.0;
    if (hum_amplitude > 0.0)
        for (const auto& line : mains(50.02, 1'500.0, hum_amplitude)) {
            lines.push_back(line);
            hum += 0.5 * line.amplitude * line.amplitude;
        }
    const Capture capture{plan, {with_lines(lines, sigma), with_lines(lines, sigma)}, starts(16), 3};
    const auto band = NoiseBand{Hertz{22.0}, Hertz{GENERATE(8e3, 20e3)}};
    const auto reading = read_harmonics(capture.views(), plan, band).value();
    const double distortion = 0.5 * (25e-12 + 1e-10);
    const double noise = sigma * sigma * (band.highest - band.lowest).value() / 24e3;
    const auto ratio = [](double rest) { return std::sqrt(rest / (rest + 0.5 * 0.0625)); };
    for (const std::size_t leg : {0U, 1U}) {
        const auto& of = reading.leg[leg];
        CAPTURE(leg, hum_amplitude, band.highest.value());
        CHECK(reading.tones.hum.has_value() == (hum_amplitude > 0.0));
        // 8 s of 8 kHz at least: the power scatters by 1/√(64,000), the ratio by 0.2 %; 1 % is 5 of that.
        CHECK_THAT(of.thd_n_without_hum.value, WithinRel(ratio(distortion + noise), 0.01));
        CHECK_THAT(of.thd_n.value, WithinRel(ratio(distortion + noise + hum), hum > 0.0 ? 1e-4 : 0.01));
        CHECK(of.thd_n.relative_95() < 0.006);
        CHECK_THAT(of.rest_rms, WithinRel(std::sqrt(noise), 0.01));
        // The interval is checked by numbers below; here that hum, 40 dB above the harmonics, is not in THD.
        CHECK_THAT(of.thd.value, WithinAbs(std::sqrt(2.0 * distortion) / 0.25, 2.0 * of.thd.interval_95));
        CHECK(of.thd.relative_95() < 0.1);
    }
}

TEST_CASE("the intervals of THD and THD+N hold the truth 95 times of 100", "[analysis][harmonics][numbers]")
{
    auto plan = light_plan();
    plan.tones = {{Signal::drive, 137, 0.5, 0.2}};
    constexpr double sigma = 1e-3;
    const NoiseBand band{Hertz{30.0}, Hertz{2'000.0}};
    const std::vector<Line> lines = harmonics(plan, {{2, 6e-4, 0.5}, {3, 4e-4, 1.5}, {4, 1e-4, 0.0}});
    const double thd = std::sqrt(36e-8 + 16e-8 + 1e-8) / 0.5;
    const double rest = 0.5 * 53e-8 + sigma * sigma * 1970.0 / 2400.0;
    const double thd_n = std::sqrt(rest / (rest + 0.125));
    int inside = 0;
    int inside_n = 0;
    int trials = 0;
    for (std::uint64_t seed = 0; trials < 800; ++seed) {
        const Leg leg = with_lines(lines, sigma);
        const Capture capture{plan, {leg, leg}, starts(4), 500 + seed};
        const auto reading = read_harmonics(capture.views(), plan, band).value();
        for (const auto& of : reading.leg) {
            ++trials;
            if (std::abs(of.thd.value - thd) <= of.thd.interval_95) ++inside;
            if (std::abs(of.thd_n.value - thd_n) <= of.thd_n.interval_95) ++inside_n;
        }
    }
    // Binomial: 0.0077; four of that.
    CAPTURE(inside, inside_n);
    CHECK_THAT(static_cast<double>(inside) / trials, WithinAbs(0.95, 0.031));
    CHECK_THAT(static_cast<double>(inside_n) / trials, WithinAbs(0.95, 0.031));
}

TEST_CASE("THD of noise alone is a bound that holds", "[analysis][harmonics][numbers]")
{
    auto plan = light_plan();
    plan.tones = {{Signal::drive, 137, 0.5, 0.2}};
    // Harmonics below the noise in their bins: 1e-3·√(2/(2400·4))·√2 = 2e-5 each.
    const double truth = GENERATE(0.0, 1e-5);
    const double thd = truth / 0.5;
    int covered = 0;
    int bounds = 0;
    int trials = 0;
    for (std::uint64_t seed = 0; trials < 400; ++seed) {
        const Leg leg = with_lines(harmonics(plan, {{3, truth, 0.5}}), 1e-3);
        const Capture capture{plan, {leg, leg}, starts(4), 900 + seed};
        const auto reading = read_harmonics(capture.views(), plan).value();
        for (const auto& of : reading.leg) {
            ++trials;
            bounds += of.thd.is_bound ? 1 : 0;
            covered += of.thd.is_bound ? of.thd.value >= thd : std::abs(of.thd.value - thd) <= of.thd.interval_95;
        }
    }
    CAPTURE(truth, covered, bounds);
    CHECK(covered >= 0.93 * trials);  // 0.95 but for twice the binomial scatter
    CHECK(bounds >= 0.9 * trials);
}

TEST_CASE("what has no tone has no distortion", "[analysis][harmonics]")
{
    const auto plan = sine(48e3, 493, 0.25);
    const Leg silent{[](const Tone&) { return Complex{}; }, {}, 1e-5};
    const Capture capture{plan, {Leg{}, silent}, starts(3), 9};
    const auto reading = read_harmonics(capture.views(), plan).value();
    CHECK(reading.is_heard(0));
    CHECK_FALSE(reading.is_heard(1));
    CHECK(reading.leg[1].thd.value == 0.0);
    CHECK(reading.leg[1].thd_n.value == 0.0);
    auto two = plan;
    two.tones.push_back({Signal::drive, 495, 0.1, 0.0});
    CHECK_FALSE(read_harmonics(capture.views(), two));
    // Above a quarter of the rate there is no second harmonic to read.
    const auto high = sine(48e3, 7'001, 0.25);
    const Capture bright{high, {Leg{}, Leg{}}, starts(3), 9};
    CHECK(read_harmonics(bright.views(), high).value().harmonics.size() == 1);
}
