#include "analysis/multitone.h"

#include "analysis/estimator.h"
#include "analysis/synthetic.h"
#include "stimulus/multitone.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

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

/// Many short records on the light plan; each part, real and imaginary, of each tone on each leg is a trial.
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
                const Complex error = estimate.value - some_transfer(plan.tones[k]);
                for (const double part : {error.real(), error.imag()}) {
                    ++c.trials;
                    if (std::abs(part) <= estimate.amplitude_interval_95()) ++c.inside;
                    c.error_power += part * part / (true_sigma * true_sigma);
                }
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
    CHECK(reading.value().residue[0].noise_rms < 1e-13);  // the synthesis rounds to 1e-14
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

TEST_CASE("the 95 % interval holds the truth in 95 % of the trials", "[analysis][multitone][coverage][numbers]")
{
    // 48 parts of tones per record count as trials of their own: they share some noise bins at most with a neighbour, so the share
    // of 5,000 scatters by little more than √(0.95·0.05/5,000) = 0.31 %; ±1.5 % is beyond 4 σ.
    constexpr int trials = 5'000;
    constexpr double sigma = 1e-6;  // 120 dB: hum's leakage is far above that

    SECTION("noise alone")
    {
        const auto periods = GENERATE(1, 2, 4);
        CAPTURE(periods);
        const auto c = coverage(trials, periods, {}, HumRemoval::on, sigma, 1'000);
        CHECK_THAT(c.share(), WithinAbs(0.95, 0.015));
        // The coherent mean meets the Cramér–Rao bound, var = 2σ²/(N·M) per amplitude. 5,000 squares scatter by √(2/5,000) = 2 %,
        // so 5 % in sigma is 10 % in power: the figure itself and 4 σ of chance fit.
        CHECK(c.error_power / c.trials < 1.1);
        CHECK(c.error_power / c.trials > 0.9);
    }
    SECTION("hum at 50.02 Hz, −60 dBFS, with harmonics")
    {
        const auto periods = GENERATE(1, 2, 4);
        CAPTURE(periods);
        const auto c = coverage(trials, periods, mains(50.02, 2'200.0), HumRemoval::on, sigma, 2'000);
        CHECK_THAT(c.share(), WithinAbs(0.95, 0.015));
        CHECK(c.error_power / c.trials < 1.1);
    }
    SECTION("hum between two bins")
    {
        const auto c = coverage(trials, 3, mains(50.4, 2'200.0), HumRemoval::on, sigma, 3'000);
        CHECK_THAT(c.share(), WithinAbs(0.95, 0.015));
    }
    SECTION("hum left in: the errors grow far beyond the bound, and the share is off, which shows that the test can fail")
    {
        const auto c = coverage(trials, 4, mains(50.02, 2'200.0), HumRemoval::off, sigma, 4'000);
        CHECK(c.error_power / c.trials > 100.0);
        CHECK(std::abs(c.share() - 0.95) > 0.015);
    }
}

TEST_CASE("noise, distortion and hum are told apart", "[analysis][multitone][residue]")
{
    const auto plan = stimulus::design_multitone(48'000.0).value();
    const double noise_sigma = 1e-5;
    Leg leg{some_transfer, mains(50.02, 2'200.0), noise_sigma};
    // Second and third harmonic of a tone at 4.5 kHz, and a difference: bins of the period, clear of the mains that is read.
    const auto a = plan.tones[14].bin;
    const auto b = plan.tones[18].bin;
    for (const auto bin : {2 * a, 3 * a, b - a}) leg.lines.push_back({plan.frequency_of(bin).value(), 1e-4, 1.0});
    const Leg clean{some_transfer, {}, noise_sigma};
    const auto periods = GENERATE(1, 4);
    CAPTURE(periods);
    const Capture capture{plan, {leg, clean}, starts(periods), 5};
    const auto reading = read_multitone(capture.views(), plan).value();

    // 20 Hz to 20 kHz of a white 0 … 24 kHz. The rms of 10,000 complex values scatters by 0.5 %, 5 σ is 2.5 %.
    const double in_band = noise_sigma * std::sqrt((20'000.0 - 20.0) / 24'000.0);
    for (std::size_t i = 0; i < 2; ++i) CHECK_THAT(reading.residue[i].noise_rms, WithinRel(in_band, 0.025));
    // √(3·(1e-4)²/2), and what is left of the noise's fluctuation: √10,000 times the power per bin at most, 1 % in power.
    CHECK_THAT(reading.residue[0].distortion_rms, WithinRel(1e-4 * std::sqrt(1.5), 0.02));
    CHECK(reading.residue[1].distortion_rms == 0.0);
    REQUIRE(reading.hum);
    double power = 0.0;
    for (const auto& line : mains(50.02, 2'200.0)) power += 0.5 * line.amplitude * line.amplitude;
    CHECK_THAT(reading.hum->rms[0], WithinRel(std::sqrt(power), 1e-3));
    CHECK(reading.hum->rms[1] < 1e-6);
}

TEST_CASE("noise is not taken for hum, and gaps in the record are no trouble", "[analysis][multitone][hum]")
{
    const auto plan = light_plan();
    int found = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const Leg noise{some_transfer, {}, 1e-3};
        found += read_multitone(Capture{plan, {noise, noise}, {0, 1}, seed}.views(), plan).value().hum ? 1 : 0;
    }
    CHECK(found == 0);

    const Leg hum{some_transfer, mains(49.97, 2'200.0), 1e-6};
    const Capture gaps{plan, {hum, hum}, {3, 4, 9, 10, 11, 40, 41}, 2};
    const auto reading = read_multitone(gaps.views(), plan).value();
    REQUIRE(reading.hum);
    CHECK_THAT(reading.hum->fundamental.value(), WithinAbs(49.97, 1e-4));
    for (std::size_t k = 0; k < plan.tones.size(); ++k) {
        const auto& estimate = reading.tones[k].leg[1];
        CHECK(std::abs(estimate.value - some_transfer(plan.tones[k])) < 6.0 * estimate.sigma);
        CHECK(estimate.sigma < 2e-6);
    }
}

TEST_CASE("a leg without the tones reads as noise of known size", "[analysis][multitone]")
{
    const auto plan = light_plan();
    const Leg silent{[](const Tone&) { return Complex{}; }, {}, 0.0};
    const Leg noise{[](const Tone&) { return Complex{}; }, {}, 1e-3};
    const auto periods = GENERATE(1, 3);
    const Capture capture{plan, {silent, noise}, starts(periods), 7};
    const auto reading = read_multitone(capture.views(), plan).value();
    for (const auto& tone : reading.tones) {
        CHECK(tone.leg[0].value == Complex{});
        CHECK(tone.leg[0].sigma == 0.0);
        CHECK(tone.leg[0].phase_interval_95_rad() == std::numbers::pi);
        CHECK(std::abs(tone.leg[1].value) < 6.0 * tone.leg[1].sigma);
        // √(σ²/(N·M)) per part of (2/N)·X, times √2, over the amplitude; 16 degrees of freedom scatter by 18 %, 5 σ.
        const double expected = 1e-3 * std::sqrt(2.0 / (2'400.0 * periods)) / 0.05;
        CHECK_THAT(tone.leg[1].sigma, WithinRel(expected, 0.9));
    }
}

TEST_CASE("a tone that is less steady than the noise around it has its own uncertainty", "[analysis][multitone]")
{
    const auto plan = light_plan();
    const Leg leg{[](const Tone&) { return Complex{1.0}; }, {}, 1e-6};
    Capture capture{plan, {leg, leg}, starts(6), 7};
    // Leg 0: the level wanders by 1e-3 from period to period.
    constexpr std::array<double, 6> gain{1.001, 0.9988, 1.0007, 0.9995, 0.9991, 1.0014};
    for (std::size_t m = 0; m < gain.size(); ++m)
        for (auto& x : capture.samples()[m][0]) x *= gain[m];
    const auto reading = read_multitone(capture.views(), plan).value();
    for (const auto& tone : reading.tones) {
        CHECK(tone.leg[0].degrees_of_freedom == 10.0);
        // Σ(gain − mean)² = 5.72e-6: E|·|²/2 of the mean of six is 5.72e-6/5/6/2.
        CHECK_THAT(tone.leg[0].sigma, WithinRel(std::sqrt(9.5e-8), 0.05));
        CHECK(tone.leg[1].degrees_of_freedom == 90.0);
    }
}

TEST_CASE("a record that cannot be read is refused with a reason", "[analysis][multitone]")
{
    const auto plan = light_plan();
    const Leg leg{some_transfer, {}, 1e-6};
    const auto good = Capture{plan, {leg, leg}, {0, 1, 2}, 1}.record();
    REQUIRE(read_multitone(good, plan));

    const auto refused = [&](auto&& change) {
        auto record = good;
        auto changed_plan = plan;
        change(record, changed_plan);
        const auto reading = read_multitone(record, changed_plan);
        return !reading && !reading.error().message.empty() && reading.error().message.find('\n') == std::string::npos;
    };
    CHECK(refused([](Record& r, TonePlan&) { r.periods.clear(); }));
    CHECK(refused([](Record& r, TonePlan&) { r.sample_rate_hz = 4'801.0; }));
    CHECK(refused([](Record& r, TonePlan&) { r.sample_rate_hz = std::numeric_limits<double>::quiet_NaN(); }));
    CHECK(refused([](Record& r, TonePlan&) { r.period_frames = 2'401; }));
    CHECK(refused([](Record& r, TonePlan&) { r.periods[1].leg[0].pop_back(); }));
    CHECK(refused([](Record& r, TonePlan&) { r.periods[1].leg[1].clear(); }));
    CHECK(refused([](Record& r, TonePlan&) { r.periods[2].faults.add(Fault::lost); }));
    CHECK(refused([](Record& r, TonePlan&) { r.periods[2].leg[0][5] = std::numeric_limits<float>::infinity(); }));
    CHECK(refused([](Record& r, TonePlan&) { r.periods[1].first_frame += 1; }));
    CHECK(refused([](Record& r, TonePlan&) { std::swap(r.periods[0], r.periods[1]); }));
    CHECK(refused([](Record&, TonePlan& p) { std::swap(p.tones[0], p.tones[1]); }));
    CHECK(refused([](Record&, TonePlan& p) { p.tones[3].amplitude = 0.0; }));
    CHECK(refused([](Record&, TonePlan& p) { p.tones.back().bin = 1'200; }));
    CHECK(refused([](Record& r, TonePlan& p) { r.period_frames = p.period_frames = 0; }));
    CHECK(refused([](Record& r, TonePlan& p) { r.period_frames = p.period_frames = 2 * 1'201; }));
    CHECK(refused([](Record& r, TonePlan& p) { r.sample_rate_hz = p.sample_rate_hz = 0.0; }));
}
