// A decay of known size and time constant under tones and noise.
#include "analysis/decay.h"

#include "analysis/multitone.h"
#include "analysis/synthetic.h"
#include "stimulus/multitone.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>

using namespace lowleg;
using namespace lowleg::analysis;
using namespace lowleg::synthetic;

namespace {

Complex as_it_is(const Tone&) { return 1.0; }

Record record_with(const TonePlan& plan, double amplitude, double tau, double noise, std::uint64_t seed)
{
    Capture capture{plan, {Leg{as_it_is, {}, noise}, Leg{as_it_is, {}, noise}}, {3, 4}, seed};
    double frame = 0.0;
    for (auto& period : capture.samples())
        for (auto& x : period[0]) x += amplitude * std::exp(-(frame++) / (tau * plan.sample_rate_hz));
    return capture.record();
}

}  // namespace

TEST_CASE("a decay is taken out, and the lowest tone reads as it is", "[analysis][decay]")
{
    const double tau = GENERATE(0.05, 0.2, 0.47, 1.5);
    const double amplitude = GENERATE(1e-3, -1e-4);
    CAPTURE(tau, amplitude);
    const auto plan = stimulus::design_multitone(48e3).value();
    auto record = record_with(plan, amplitude, tau, 2e-6, 1);
    const auto error = [&](const Record& r) { return std::abs(read_multitone(r, plan).value().tones.front().leg[0].value - 1.0); };
    const double before = error(record);
    CHECK(remove_decay(record));
    // A twentieth of what it was, or noise: 2e-6·√(2/48,000) of a tone of 0.03, four times.
    CHECK(error(record) < 0.05 * before + 2e-6);
}

TEST_CASE("where nothing decays nothing is taken out", "[analysis][decay]")
{
    const auto plan = stimulus::design_multitone(48e3).value();
    int touched = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        auto record = record_with(plan, 0.0, 1.0, 1e-5, seed);
        if (remove_decay(record)) ++touched;
    }
    CHECK(touched == 0);
    // Hum that is not coherent differs from period to period, and does not decay.
    const Capture humming{plan, {Leg{as_it_is, mains(50.02, 1000.0), 1e-6}, Leg{as_it_is, mains(49.93, 1000.0), 1e-6}}, {0, 1}, 1};
    auto record = humming.record();
    CHECK_FALSE(remove_decay(record));

    auto apart = record_with(plan, 1e-3, 0.2, 1e-6, 1);
    apart.periods[1].first_frame += plan.period_frames;
    CHECK_FALSE(remove_decay(apart));
    apart.periods.pop_back();
    CHECK_FALSE(remove_decay(apart));
}
