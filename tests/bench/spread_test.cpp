// How readings scatter with the parts: against what the uniform law says, within what chance allows.
#include "bench/spread.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

using namespace lowleg;
using namespace lowleg::bench;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

CircuitText text_of(const std::string& lines) { return {"t.cir", "t", "* t\n" + lines}; }

/// No probe, no capacitance, outputs without resistance: what reads is the circuit and 10 kΩ.
Fixture plain()
{
    Fixture f;
    f.cin = Farads{0.0};
    f.probe.reset();
    f.rs = Ohms{0.0};
    return f;
}

Spread spread(const std::string& lines, std::size_t draws, std::uint64_t seed = 1, const Fixture& fixture = plain())
{
    SpreadOptions options;
    options.draws = draws;
    options.seed = seed;
    options.frequencies = {Hertz{20.0}, Hertz{1e3}};
    auto out = spread_of(text_of(lines), fixture, options);
    if (!out) FAIL(out.error().message);
    return std::move(out).value();
}

std::size_t figure(const Spread& s, std::string_view id)
{
    const auto at = std::ranges::find(s.figures, id, &Figure::id);
    REQUIRE(at != s.figures.end());
    return static_cast<std::size_t>(at - s.figures.begin());
}

double db(double ratio) { return gain_of(ratio).value(); }

/// A share p of n draws is exceeded or not within five standard deviations: by chance less than once in a million times.
double five_sigma(double p, std::size_t n) { return 5.0 * std::sqrt(p * (1.0 - p) / static_cast<double>(n)); }

/// P(|S| < x), S the sum of four numbers uniform in ±1 (Irwin–Hall, of y = (S + 4)/2).
double share_within(double x)
{
    const auto cdf = [](double y) {
        double sum = 0.0;
        double sign_choose = 1.0;  // (−1)^k · (4 over k)
        for (int k = 0; k <= 4; ++k) {
            if (y > k) sum += sign_choose * std::pow(y - k, 4);
            sign_choose *= -static_cast<double>(4 - k) / (k + 1);
        }
        return sum / 24.0;
    };
    return cdf((x + 4.0) / 2.0) - cdf((4.0 - x) / 2.0);
}
double within_share(double p)
{
    double low = 0.0;
    double high = 4.0;
    for (int i = 0; i < 60; ++i) (share_within(0.5 * (low + high)) < p ? low : high) = 0.5 * (low + high);
    return low;
}

}  // namespace

TEST_CASE("parts are drawn by a generator that is the same everywhere", "[bench][spread]")
{
    // First outputs of SplitMix64 for seed 1234567, as published with the algorithm's reference implementation.
    const auto s = spread("R1 drv p2 1k ; tol 10%\nR2 p3 0 100 ; tol 2%\n", 2, 1'234'567);
    const auto uniform = [](std::uint64_t output) { return static_cast<double>(output >> 11U) * 0x1p-53; };
    CHECK(s.draws[0].parts[0] == 1000.0 * (1.0 + 0.1 * (2.0 * uniform(6457827717110365317U) - 1.0)));
    CHECK(s.draws[0].parts[1] == 100.0 * (1.0 + 0.02 * (2.0 * uniform(3203168211198807973U) - 1.0)));
    CHECK(s.draws[1].parts[0] == 1000.0 * (1.0 + 0.1 * (2.0 * uniform(9817491932198370423U) - 1.0)));
    CHECK(s.draws[1].parts[1] == 100.0 * (1.0 + 0.02 * (2.0 * uniform(4593380528125082431U) - 1.0)));
}

TEST_CASE("the same seed gives the same draws, however many are made", "[bench][spread]")
{
    const std::string lines = "R1 drv p2 1k\nC1 p2 0 10n\nR2 p3 0 100\n";
    const auto few = spread(lines, 7, 5);
    const auto many = spread(lines, 100, 5);
    for (std::size_t i = 0; i < few.draws.size(); ++i) {
        CHECK(few.draws[i].parts == many.draws[i].parts);
        for (std::size_t j = 0; j < few.draws[i].figures.size(); ++j)
            CHECK((few.draws[i].figures[j] == many.draws[i].figures[j] || std::isnan(many.draws[i].figures[j])));
    }
    CHECK(spread(lines, 7, 6).draws[0].parts != few.draws[0].parts);
    CHECK(many.draws[0].parts != many.draws[1].parts);
}

TEST_CASE("a divider scatters as the uniform law says", "[bench][spread]")
{
    // V2 = 10k/(10k + R1), R1 uniform in 1k ± 5 %: the level falls with R1, so its quantile p is the level at R1's quantile 1 − p.
    constexpr std::size_t n = 4000;
    const auto s = spread("R1 drv p2 1k ; tol 5%\nR2 p3 0 100\n", n);
    const auto level_at = [](double p) { return db(10e3 / (10e3 + 1e3 * (1.05 - 0.1 * p))); };
    const auto i2 = figure(s, "i2_through_db");
    const auto d = distribution_of(s, 1, i2);
    CHECK(d.count == n);
    CHECK(d.lowest >= level_at(0.0));
    CHECK(d.highest <= level_at(1.0));
    // No draw in the outer half percent: (1 − 0.005)^4000 = 2e-9.
    CHECK(d.lowest <= level_at(0.005));
    CHECK(d.highest >= level_at(0.995));
    for (const auto& [got, p] : {std::pair{d.q05, 0.05}, {d.median, 0.5}, {d.q95, 0.95}}) {
        CAPTURE(p);
        CHECK(got >= level_at(p - five_sigma(p, n)));
        CHECK(got <= level_at(p + five_sigma(p, n)));
    }
    // A uniform law of full width w has σ = w/√12 (over this span the level is straight to 1 %, and σ's own scatter is
    // 1/√(4·n)·… below 1 %, five times that allowed).
    const double width = level_at(1.0) - level_at(0.0);
    CHECK_THAT(d.deviation, WithinRel(width / std::sqrt(12.0), 0.06));
    CHECK_THAT(d.mean, WithinAbs(level_at(0.5), 5.0 * width / std::sqrt(12.0 * n) + 0.01 * width));
    CHECK_THAT(s.nominal[s.figures.size() + i2], WithinAbs(level_at(0.5), 1e-4));
    // Each draw is the circuit of its parts (20 mΩ in the contacts, 1e-4 dB).
    for (const auto& draw : s.draws) CHECK_THAT(draw.figures[i2], WithinAbs(db(10e3 / (10e3 + draw.parts[0])), 1e-4));
}

TEST_CASE("four resistors reject common mode as the sum of their errors says", "[bench][spread]")
{
    // G = 1: the common-mode gain is half the sum of the four relative errors, each ± t, to first order; so CMRR = 2/|S|. Medians
    // of 48 dB for 1 % and 68 dB for 0.1 %. Second order is t of that, 0.09 dB at 1 %.
    const auto [tolerance, t] = GENERATE(table<std::string, double>({{"", 0.01}, {" ; tol 0.1%", 0.001}}));
    constexpr std::size_t n = 2000;
    const auto s = spread("R1 p3 n 10k" + tolerance + "\nR2 n out 10k" + tolerance + "\nR3 p2 p 10k" + tolerance + "\nR4 p 0 10k" + tolerance +
                              "\nE1 out 0 p n 1e9\n", n);
    CHECK(s.kind == CircuitKind::receiver);
    CHECK(s.parts.size() == 4);
    const auto d = distribution_of(s, 1, figure(s, "cmrr_common_db"));
    const auto expected = [&](double p) { return db(2.0 / (t * within_share(1.0 - p))); };  // CMRR that a share p stays below
    const double second_order = t * db_per_neper;
    CAPTURE(t, d.q05, d.median);
    for (const auto& [got, p] : {std::pair{d.q05, 0.05}, {d.median, 0.5}}) {
        CHECK(got >= expected(p - five_sigma(p, n)) - second_order);
        CHECK(got <= expected(p + five_sigma(p, n)) + second_order);
    }
    CHECK(d.lowest >= db(2.0 / (4.0 * t)) - second_order);  // all four at their worst
    CHECK_THAT(expected(0.5), WithinAbs(t == 0.01 ? 48.0 : 68.0, 0.5));
    const auto gain = distribution_of(s, 1, figure(s, "gain_db"));
    CHECK(std::abs(gain.mean) < t * db_per_neper);
}

TEST_CASE("what has no tolerance of its own has that of its kind", "[bench][spread]")
{
    const auto s = spread(".param k=2 ; tol 3%\n.param fixed=1\nR1 drv p2 1k\nC1 p2 0 1n\nL1 p2 x 1m\nRx x 0 1k ; tol 0.1 %\nR0 x 0 1k ; tol 0%\n"
                          "E1 y 0 p2 0 {k}\nE2 z 0 p2 0 1\nRy y p3 1k ; tol 20%\nRz z p3 {1k*fixed}\n"
                          ".subckt pair a b\nRp a b 10k ; tol 5%\n.ends\nXone p2 0 pair\nXtwo p3 0 pair\n", 3);
    struct Expected { const char* name; double tolerance; bool is_stated; };
    const std::vector<Expected> expected{{".param k", 0.03, true},  {"R1", 0.01, false},     {"C1", 0.10, false},      {"L1", 0.20, false}, {"Rx", 0.001, true},
                                         {"Ry", 0.20, true}, {"Rz", 0.01, false}, {"Xone.Rp", 0.05, true}, {"Xtwo.Rp", 0.05, true}};
    CHECK(s.parts.size() == expected.size());
    for (const auto& want : expected) {
        CAPTURE(want.name);
        const auto part = std::ranges::find_if(s.parts, [&](const DrawnPart& p) { return p.name == want.name; });
        REQUIRE(part != s.parts.end());
        CHECK_THAT(part->tolerance, WithinRel(want.tolerance, 1e-12));
        CHECK(part->is_stated == want.is_stated);
        const auto j = static_cast<std::size_t>(part - s.parts.begin());
        for (const auto& draw : s.draws) {
            CHECK(std::abs(draw.parts[j] / part->nominal - 1.0) <= want.tolerance * (1.0 + 1e-12));
            CHECK(draw.parts[j] != part->nominal);
        }
    }
}

TEST_CASE("draws that latch or have no solution are counted, none is dropped", "[bench][spread]")
{
    constexpr std::size_t n = 1000;
    SECTION("a loose servo")
    {
        // Lifted, nothing but the gain itself keeps the loop from running away: beyond 1 it does (1e12 Ω of the open switch apart).
        const auto s = spread("R1 drv p2 1k\nE1 a 0 p3 0 0.99 ; tol 5%\nR2 a p3 50\nC1 p3 0 1n\n", n);
        const auto gain = static_cast<std::size_t>(std::ranges::find(s.parts, "E1", &DrawnPart::name) - s.parts.begin());
        REQUIRE(gain < s.parts.size());
        std::size_t unstable = 0;
        for (const auto& draw : s.draws) {
            CHECK((draw.fate == Draw::Fate::unstable) == (draw.parts[gain] > 1.0));
            CHECK(draw.figures.empty() == (draw.fate != Draw::Fate::solved));
            if (draw.fate == Draw::Fate::solved) continue;
            CHECK_THAT(draw.reason, ContainsSubstring("unstable") && ContainsSubstring(draw.parts[gain] > 1.0051 ? "(pin 3 through)" : draw.parts[gain] < 1.0049 ? "(pin 3 lifted)" : "(pin 3 "));
            ++unstable;
        }
        const double p = (0.99 * 1.05 - 1.0) / (0.99 * 0.1);
        CHECK_THAT(static_cast<double>(unstable) / n, WithinAbs(p, five_sigma(p, n)));
        CHECK(distribution_of(s, 0, figure(s, "i2_through_db")).count == n - unstable);
    }
    SECTION("values that no part can have")
    {
        const auto s = spread(".param a=1 ; tol 50%\nR1 drv p2 {1k*(a-0.75)}\nR2 p3 0 1k\n", n);
        for (const auto& draw : s.draws) {
            CHECK((draw.fate == Draw::Fate::no_solution) == (draw.parts[0] <= 0.75));
            if (draw.fate == Draw::Fate::no_solution) CHECK_THAT(draw.reason, ContainsSubstring("line 3"));
        }
        CHECK(std::ranges::count(s.draws, Draw::Fate::no_solution, &Draw::fate) > 0);
    }
}

TEST_CASE("a tolerance beyond 100 % draws no part of the other sign", "[bench][spread]")
{
    const auto s = spread("R1 drv p2 1k ; tol 300%\nR2 p3 0 1k\nE1 x 0 p2 0 -1 ; tol 200%\nRx x 0 1k\n", 500);
    for (const auto& draw : s.draws) {
        REQUIRE(draw.fate == Draw::Fate::solved);
        CHECK(draw.parts[0] >= 10.0);
        CHECK(draw.parts[0] <= 4e3);
        for (std::size_t j = 0; j < s.parts.size(); ++j) CHECK(draw.parts[j] / s.parts[j].nominal > 0.0);
    }
}

TEST_CASE("angles scatter about where they are, not about where they are cut", "[bench][spread]")
{
    // −1 and an RC: angles on both sides of 180°.
    const auto s = spread("R1 drv p2 1k\nE1 a 0 drv 0 -1\nR2 a p3 1k\nC1 p2 0 1n\nC2 p3 0 1n\n", 300);
    const auto angle = distribution_of(s, 1, figure(s, "leg_angle_deg"));
    CHECK(angle.lowest < 180.0);
    CHECK(angle.highest > 180.0);
    CHECK(angle.highest - angle.lowest < 1.0);  // 2π·1 kHz·1 kΩ·1 nF = 0.36°, of which 22 %
}

TEST_CASE("silence has no ratio, and what no draw has is no number", "[bench][spread]")
{
    const auto s = spread("Rd drv 0 1k\nR2 p2 0 100\nR3 p3 0 100\n", 20);
    const auto ratio = distribution_of(s, 0, figure(s, "leg_ratio_db"));
    CHECK(ratio.count == 0);
    CHECK(std::isnan(ratio.mean));
    CHECK(std::isnan(ratio.q05));
}

TEST_CASE("a distribution is that of its values", "[bench][spread]")
{
    Spread s;
    s.figures = {{"x_db", "x", "dB"}};
    for (const double x : {4.0, 1.0, 3.0, 2.0, 5.0}) {
        s.draws.push_back({});
        s.draws.back().figures = {x};
    }
    const auto d = distribution_of(s, 0, 0);
    CHECK(d.count == 5);
    CHECK(d.mean == 3.0);
    CHECK_THAT(d.deviation, WithinAbs(std::sqrt(2.5), 1e-12));
    CHECK(d.median == 3.0);
    CHECK_THAT(d.q05, WithinAbs(1.2, 1e-12));
    CHECK_THAT(d.q95, WithinAbs(4.8, 1e-12));
    CHECK(d.lowest == 1.0);
    CHECK(d.highest == 5.0);
    s.draws.resize(1);
    CHECK(distribution_of(s, 0, 0).mean == 4.0);
    CHECK(std::isnan(distribution_of(s, 0, 0).deviation));
}

TEST_CASE("a spread that cannot be is refused, and one that is stopped ends", "[bench][spread]")
{
    const auto divider = text_of("R1 drv p2 1k\nR2 p3 0 1k\n");
    for (const std::size_t draws : {std::size_t{0}, max_draws + 1}) {
        const auto refused = spread_of(divider, plain(), {draws});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::usage);
        CHECK_THAT(refused.error().message, ContainsSubstring("1 to 100000"));
    }
    CHECK_FALSE(spread_of(text_of("R1 a b 1\n"), plain(), {10}));
    CHECK_FALSE(spread_of(text_of("R1 drv p2 1k\nE1 a 0 p3 0 1.02\nR2 a p3 50\nC1 p3 0 1n\n"), plain(), {10}));
    int asked = 0;
    const auto stopped = spread_of(divider, plain(), {max_draws}, [&] { return ++asked == 3; });
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().kind == ErrorKind::interrupted);
    CHECK(asked == 3);
}
