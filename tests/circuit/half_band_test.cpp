#include "circuit/half_band_design.h"
#include "circuit/rt/half_band.h"
#include "core/units.h"
#include "support/realtime_guard.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <vector>

using namespace lowleg;
using namespace lowleg::circuit;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double pi = std::numbers::pi;

/// Gain at `f` (over the low rate, 0 … 1) of the filter at the high rate: ½ in the middle, half of each tap at the odd places.
double gain_at(const std::vector<double>& taps, double f)
{
    double sum = 0.5;
    for (std::size_t t = 0; t < taps.size(); ++t)
        sum += 0.5 * taps[t] * std::cos(pi * f * (2.0 * static_cast<double>(t) - static_cast<double>(taps.size()) + 1.0));
    return sum;
}

std::vector<double> doubled(const std::vector<double>& taps, const std::vector<double>& in, const std::vector<std::size_t>& blocks)
{
    std::size_t longest = 0;
    for (const auto b : blocks) longest = std::max(longest, b);
    std::vector<double> storage(rt::Doubler::storage_for(taps.size(), longest));
    rt::Doubler doubler{taps, storage};
    std::vector<double> out(2 * in.size());
    for (std::size_t n = 0, block = 0; n < in.size(); ++block) {
        const auto now = std::min(blocks[block % blocks.size()], in.size() - n);
        const testing::RealtimeScope scope;
        doubler.process(in.data() + n, out.data() + 2 * n, now);
        n += now;
    }
    CHECK(testing::take_caught().first.empty());
    return out;
}

std::vector<double> halved(const std::vector<double>& taps, const std::vector<double>& in, const std::vector<std::size_t>& blocks)
{
    std::size_t longest = 0;
    for (const auto b : blocks) longest = std::max(longest, b);
    std::vector<double> storage(rt::Halver::storage_for(taps.size(), longest));
    rt::Halver halver{taps, longest, storage};
    std::vector<double> out(in.size() / 2);
    for (std::size_t n = 0, block = 0; n < out.size(); ++block) {
        const auto now = std::min(blocks[block % blocks.size()], out.size() - n);
        const testing::RealtimeScope scope;
        halver.process(in.data() + 2 * n, out.data() + n, now);
        n += now;
    }
    CHECK(testing::take_caught().first.empty());
    return out;
}

/// `turns` per frame, at `frame` frames.
double tone(double turns, double frame) { return std::sin(2.0 * pi * turns * frame + 0.3); }

}  // namespace

TEST_CASE("a half band is flat to its passband's edge, and as deep from the mirrored edge on", "[circuit][half-band]")
{
    const double passband = GENERATE(0.05, 0.2, 0.3, 5.0 / 12.0, 20.0 / 44.1, 20.0 / 42.0, 0.49);
    const double attenuation = GENERATE(40.0, 60.0, 112.0, 160.0);
    const auto taps = design_half_band(passband, attenuation);
    CAPTURE(passband, attenuation, taps.size());
    REQUIRE(taps.size() % 2 == 0);
    for (std::size_t t = 0; t < taps.size(); ++t) CHECK(taps[t] == taps[taps.size() - 1 - t]);
    CHECK_THAT(std::accumulate(taps.begin(), taps.end(), 0.0), WithinAbs(1.0, 1e-12));

    // Seen at 7 points between any two extremes of a filter this long, a ripple is missed by at most 1 − cos(π/14) = 2.5 %, and
    // what is compared here lies below what is allowed: 1.001 for the points of the design itself.
    const double allowed = amplitude_ratio(GainDb{-attenuation}) * 1.03;
    const auto points = 7 * taps.size();
    for (std::size_t i = 0; i <= points; ++i) {
        const double f = passband * static_cast<double>(i) / static_cast<double>(points);
        CHECK_THAT(gain_at(taps, f), WithinAbs(1.0, allowed));
        CHECK_THAT(gain_at(taps, 1.0 - f), WithinAbs(0.0, allowed));
    }
    // By symmetry, whatever the design.
    CHECK_THAT(gain_at(taps, 0.5), WithinAbs(0.5, 1e-12));

    // Kaiser's estimate of the length, in taps of the whole filter of which half are zero, is good to some taps.
    const double estimate = (attenuation - 7.95) / (14.36 * (0.5 - passband)) / 2.0;
    CHECK(static_cast<double>(taps.size()) < 1.1 * estimate + 12.0);
}

TEST_CASE("an impulse shows a doubler's taps and delay", "[circuit][half-band]")
{
    const std::vector<double> taps{0.0625, -0.25, 0.6875, 0.6875, -0.25, 0.0625};  // any symmetric six show it
    const std::size_t half = taps.size() / 2;
    std::vector<double> in(20);
    in[4] = 2.0;
    std::vector<double> want(40);
    want[2 * (4 + half)] = 2.0;
    for (std::size_t t = 0; t < taps.size(); ++t) want[2 * (4 + t) + 1] = 2.0 * taps[t];
    CHECK(doubled(taps, in, {20}) == want);
    CHECK(doubled(taps, in, {1, 3, 2}) == want);
}

TEST_CASE("an impulse shows a halver's taps and delay", "[circuit][half-band]")
{
    const std::vector<double> taps{0.0625, -0.25, 0.6875, 0.6875, -0.25, 0.0625};
    const std::size_t half = taps.size() / 2;
    std::vector<double> even(40), odd(40), want_of_even(20), want_of_odd(20);
    even[8] = 2.0;
    odd[9] = 2.0;
    want_of_even[4 + half - 1] = 1.0;
    for (std::size_t t = 0; t < taps.size(); ++t) want_of_odd[4 + t] = taps[t];
    CHECK(halved(taps, even, {20}) == want_of_even);
    CHECK(halved(taps, odd, {20}) == want_of_odd);
    CHECK(halved(taps, odd, {1, 3, 2}) == want_of_odd);
}

TEST_CASE("tones are doubled and halved with their delay and nothing else", "[circuit][half-band]")
{
    const double passband = GENERATE(0.2, 5.0 / 12.0, 20.0 / 44.1);
    constexpr double attenuation = 112.0;
    const auto taps = design_half_band(passband, attenuation);
    const auto half = static_cast<double>(taps.size() / 2);
    const auto settled = 2 * taps.size();
    // A midway sample errs by twice the ripple, which is shared by the passband and the image.
    const double allowed = 2.0 * amplitude_ratio(GainDb{-attenuation}) * 1.03;
    for (const double part : {0.0, 0.013, 0.31, 0.77, 1.0}) {
        const double turns = passband * part;
        CAPTURE(passband, turns);
        std::vector<double> low(settled + 500), high(2 * low.size());
        for (std::size_t n = 0; n < low.size(); ++n) low[n] = tone(turns, static_cast<double>(n));
        for (std::size_t m = 0; m < high.size(); ++m) high[m] = tone(turns, static_cast<double>(m) / 2.0);
        // A constant has no error but rounding.
        const double tolerance = part > 0.0 ? allowed : 1e-12;
        const auto up = doubled(taps, low, {64});
        for (std::size_t m = 2 * settled; m < up.size(); ++m)
            REQUIRE_THAT(up[m], WithinAbs(tone(turns, static_cast<double>(m) / 2.0 - half), tolerance));
        const auto down = halved(taps, high, {64});
        for (std::size_t n = settled; n < down.size(); ++n)
            REQUIRE_THAT(down[n], WithinAbs(tone(turns, static_cast<double>(n) - (half - 1.0)), tolerance));
        const auto there_and_back = halved(taps, up, {64});
        for (std::size_t n = 2 * settled; n < there_and_back.size(); ++n)
            REQUIRE_THAT(there_and_back[n], WithinAbs(tone(turns, static_cast<double>(n) - (2.0 * half - 1.0)), 2.0 * tolerance));
        // What would be folded onto this tone.
        for (std::size_t m = 0; m < high.size(); ++m) high[m] = tone(1.0 - turns, static_cast<double>(m) / 2.0);
        const auto gone = halved(taps, high, {64});
        for (std::size_t n = settled; n < gone.size(); ++n) REQUIRE_THAT(gone[n], WithinAbs(0.0, tolerance));
    }
}

TEST_CASE("blocks of any length are doubled and halved alike, to the last bit", "[circuit][half-band]")
{
    const auto taps = design_half_band(5.0 / 12.0, 112.0);
    std::vector<double> in(2000);
    for (std::size_t n = 0; n < in.size(); ++n) in[n] = tone(0.0937, static_cast<double>(n)) + 0.1 * tone(0.4, static_cast<double>(n));
    for (const auto& blocks : {std::vector<std::size_t>{8}, {1}, {7, 3, 5, 2, 1}, {512}, {100, 4, 13}}) {
        CHECK(doubled(taps, in, blocks) == doubled(taps, in, {64}));
        CHECK(halved(taps, in, blocks) == halved(taps, in, {64}));
    }
}

TEST_CASE("circuits pass on what is heard, and more where the rate allows", "[circuit][half-band]")
{
    struct Case { double rate_hz, passband_hz; };
    for (const auto& c : {Case{8e3, 10e3 / 3.0}, {42e3, 17.5e3}, {44.1e3, 20e3}, {48e3, 20e3}, {96e3, 40e3}, {768e3, 320e3}})
        CHECK_THAT(passband_at(c.rate_hz) * c.rate_hz, WithinAbs(c.passband_hz, 1e-6));
}
