#include "analysis/multitone.h"
#include "analysis/synthetic.h"
#include "stimulus/multitone.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <cmath>
#include <numbers>
#include <random>

using namespace lowleg;
using namespace lowleg::analysis;
using namespace lowleg::synthetic;
using Catch::Matchers::WithinAbs;

namespace {

/// What a recorder whose clock is fast by `ppm` makes of the plan: each tone is lower by that much, in its own frames.
Record recorded(const TonePlan& plan, double ppm, int periods, double noise_sigma, std::uint64_t seed)
{
    std::vector<Line> lines;
    for (const auto& tone : plan.tones)
        lines.push_back({plan.frequency_of(tone.bin).value() / (1.0 + 1e-6 * ppm), 0.5 * tone.amplitude, tone.phase_rad});
    const Leg leg{[](const Tone&) { return Complex{}; }, lines, noise_sigma};
    const Leg silent{[](const Tone&) { return Complex{}; }, {}, noise_sigma};
    std::vector<std::int64_t> starts;
    for (std::int64_t m = 0; m < periods; ++m) starts.push_back(m);
    return Capture{plan, {leg, silent}, starts, seed}.record();
}

}  // namespace

TEST_CASE("the clock offset is measured within its stated uncertainty", "[analysis][clock]")
{
    const auto plan = stimulus::design_multitone(48'000.0).value();
    const double ppm = GENERATE(0.0, 1.0, -10.0, 10.0, -100.0, 100.0, 500.0);
    const int periods = GENERATE(2, 4);
    CAPTURE(ppm, periods);
    const auto clock = measure_clock(recorded(plan, ppm, periods, 1e-5, 11), plan);
    REQUIRE(clock);
    CAPTURE(clock.value().offset_ppm, clock.value().sigma_ppm);
    // 4 σ: one case in 16,000 by chance, and some more since a few tones carry most of the weight.
    CHECK_THAT(clock.value().offset_ppm, WithinAbs(ppm, 4.0 * clock.value().sigma_ppm));
    CHECK(clock.value().sigma_ppm < 0.02);
}

TEST_CASE("clocks cannot be compared without tones, or within one period", "[analysis][clock]")
{
    const auto plan = stimulus::design_multitone(48'000.0).value();
    CHECK(!measure_clock(recorded(plan, 10.0, 1, 1e-5, 1), plan));
    CHECK(!measure_clock(Record{48'000.0, 24'000, {}}, plan));
    auto gap = recorded(plan, 10.0, 2, 1e-5, 1);
    gap.periods[1].first_frame += plan.period_frames;
    CHECK(!measure_clock(gap, plan));

    const Leg noise{[](const Tone&) { return Complex{}; }, {}, 1e-3};
    CHECK(!measure_clock(Capture{plan, {noise, noise}, {0, 1, 2}, 4}.record(), plan));
    const Leg silent{[](const Tone&) { return Complex{}; }, {}, 0.0};
    CHECK(!measure_clock(Capture{plan, {silent, silent}, {0, 1, 2}, 4}.record(), plan));
}
