#include "analysis/intermodulation.h"

#include "analysis/synthetic.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <array>
#include <cmath>
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
    for (std::int64_t m = 0; m < count; ++m) s.push_back(m);
    return s;
}

struct Tones {
    Intermodulation kind;
    TonePlan plan;
};

Tones smpte() { return {Intermodulation::modulation, {48e3, 24'000, {{Signal::drive, 35, 0.4, 0.3}, {Signal::drive, 3'501, 0.1, 1.1}}}}; }
Tones ccif() { return {Intermodulation::difference, {48e3, 24'000, {{Signal::drive, 9'506, 0.25, 0.3}, {Signal::drive, 9'999, 0.25, 1.1}}}}; }

/// x + a·x² + b·x³ of every sample.
void bend(Capture& capture, double a, double b)
{
    for (auto& period : capture.samples())
        for (auto& leg : period)
            for (auto& x : leg) x += a * x * x + b * x * x * x;
}

}  // namespace

TEST_CASE("intermodulation of a parabola and a cubic is its closed form", "[analysis][intermodulation]")
{
    const auto tones = GENERATE(smpte(), ccif());
    constexpr double a = 2e-3;
    constexpr double b = -5e-3;
    Capture capture{tones.plan, {Leg{}, Leg{}}, starts(2), 1};
    bend(capture, a, b);
    const auto reading = read_intermodulation(capture.views(), tones.plan, tones.kind).value();
    // (A₁cos + A₂cos)² has A₁A₂ at f₂ ± f₁; the cube ¾A₁²A₂ at 2f₁ ± f₂, ¾A₁A₂² at 2f₂ ± f₁, and adds ¾A³ + 3/2·A·B² to a tone of A beside B.
    const double a1 = tones.plan.tones[0].amplitude;
    const double a2 = tones.plan.tones[1].amplitude;
    const double u1 = a1 * (1.0 + b * (0.75 * a1 * a1 + 1.5 * a2 * a2));
    const double u2 = a2 * (1.0 + b * (0.75 * a2 * a2 + 1.5 * a1 * a1));
    const bool is_modulation = tones.kind == Intermodulation::modulation;
    const double second = is_modulation ? 2.0 * a * a1 * a2 / u2 : a * a1 * a2 / (u1 + u2);
    const double third = is_modulation ? 2.0 * 0.75 * std::abs(b) * a1 * a1 * a2 / u2 : 0.75 * std::abs(b) * a1 * a2 * (a1 + a2) / (u1 + u2);
    for (const std::size_t leg : {0U, 1U}) {
        REQUIRE(reading.is_heard(leg));
        CHECK_THAT(std::abs(reading.tones[0][leg].value), WithinRel(u1, 1e-12));
        CHECK_THAT(std::abs(reading.tones[1][leg].value), WithinRel(u2, 1e-12));
        CHECK_THAT(reading.second[leg].value, WithinRel(second, 1e-9));
        CHECK_THAT(reading.third[leg].value, WithinRel(third, 1e-9));
        CHECK_THAT(reading.total[leg].value, WithinRel(std::hypot(second, third), 1e-9));
        CHECK_FALSE(reading.total[leg].is_bound);
    }
    CHECK(reading.products.size() == (is_modulation ? 4U : 3U));
}

TEST_CASE("intermodulation of nothing is a bound, far below what is measured", "[analysis][intermodulation]")
{
    const auto tones = GENERATE(smpte(), ccif());
    const Capture capture{tones.plan, {Leg{}, Leg{}}, starts(2), 1};
    const auto exact = read_intermodulation(capture.views(), tones.plan, tones.kind).value();
    CHECK(gain_of(exact.total[0].value).value() < -200.0);
    // −100 dBFS of noise in 24 kHz: bins of 2 Hz over 8 periods hold √(2/12000/8)·7.1e-6 = 3.2e-8 each.
    const Leg leg{[](const Tone&) { return Complex{1.0}; }, {}, 7.1e-6};
    const auto noisy = read_intermodulation(Capture{tones.plan, {leg, leg}, starts(8), 4}.views(), tones.plan, tones.kind).value();
    for (const std::size_t which : {0U, 1U}) {
        CHECK(noisy.total[which].is_bound);
        CHECK(noisy.total[which].value * tones.plan.tones[1].amplitude < 10.0 * 3.2e-8);
    }
}

TEST_CASE("intermodulation's interval holds the truth, hum or not", "[analysis][intermodulation][numbers]")
{
    const auto tones = smpte();
    const double a = 1e-5;
    const double truth = 2.0 * a * 0.4;  // second order
    const Leg leg{[](const Tone&) { return Complex{1.0}; }, mains(49.97, 1'500.0), 7.1e-6};
    int inside = 0;
    int trials = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        Capture capture{tones.plan, {leg, leg}, starts(4), 70 + seed};
        // The parabola of the tones alone: hum would make products of its own.
        const auto clean = tones_of(tones.plan, Leg{});
        for (auto& period : capture.samples())
            for (auto& samples : period)
                for (std::size_t i = 0; i < samples.size(); ++i) samples[i] += a * clean[i] * clean[i];
        const auto reading = read_intermodulation(capture.views(), tones.plan, tones.kind).value();
        for (const auto& ratio : reading.second) {
            ++trials;
            inside += std::abs(ratio.value - truth) <= ratio.interval_95 ? 1 : 0;
        }
    }
    // Binomial: 80 trials scatter by 0.024; three of that below.
    CAPTURE(inside, trials);
    CHECK(inside >= 0.878 * trials);
}

TEST_CASE("tones whose products coincide are refused", "[analysis][intermodulation]")
{
    // f₂ = 2·f₁: f₂ − f₁ falls on f₁.
    const TonePlan plan{48e3, 24'000, {{Signal::drive, 1'001, 0.25, 0.0}, {Signal::drive, 2'002, 0.25, 0.0}}};
    const Capture capture{plan, {Leg{}, Leg{}}, starts(2), 1};
    CHECK_FALSE(read_intermodulation(capture.views(), plan, Intermodulation::difference));
    auto one = plan;
    one.tones.pop_back();
    CHECK_FALSE(read_intermodulation(capture.views(), one, Intermodulation::difference));
}
