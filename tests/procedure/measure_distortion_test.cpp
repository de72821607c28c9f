// Distortion, noise and hum of circuits on the virtual bench, against what was built into them.
#include "bench/bench_backend.h"
#include "bench/virtual_bench.h"
#include "engine/engine.h"
#include "procedure/measure.h"
#include "support/scripted_backend.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <utility>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using procedure::Curve;
using procedure::Figure;
using procedure::MeasureKind;
using procedure::Measurement;

namespace {

constexpr double rate = 48e3;
constexpr Dbu full_scale{24.0};

/// Pin 2 is x + a·x² + b·x³ of the drive in volts, from 1 Ω; pin 3 is a wire to ground.
bench::CircuitText bent(const std::string& a, const std::string& b)
{
    return {"bent", "Bent",
            "* Bent\n* topology: unbalanced\nRin drv 0 10k\nB1 x 0 V=v(drv)+" + a + "*v(drv)*v(drv)+" + b + "*v(drv)*v(drv)*v(drv)\nRo x p2 1\nRw p3 0 10m\n.end\n"};
}

Result<Measurement> measured(const bench::CircuitText& circuit, MeasureKind kind, const bench::InterfaceModel& interface, procedure::MeasureOptions options = {})
{
    std::shared_ptr<bench::VirtualBench> bench{bench::VirtualBench::build(circuit, options.fixture, interface, rate).value()};
    auto engine = engine::Engine::open(bench::make_bench_backend(bench, rate), {}, 24'000).value();
    procedure::FixtureSwitch fixture_switch = [bench](SwitchState state) -> Status {
        bench->request_state(state);
        return Done{};
    };
    options.source = procedure::Source::virtual_bench;
    return procedure::measure(*engine, fixture_switch, kind, options, {}, {});
}

procedure::MeasureOptions short_options(double seconds)
{
    procedure::MeasureOptions options;
    options.averaging.at_most = Seconds{seconds};
    options.scales = procedure::scales_of_bench(full_scale, 1.0);
    return options;
}

const Figure& figure(const Measurement& m, const std::string& id)
{
    const auto at = std::ranges::find(m.figures, id, &Figure::id);
    if (at == m.figures.end()) FAIL("no figure " + id);
    return *at;
}
bool has(const Measurement& m, const std::string& id) { return std::ranges::find(m.figures, id, &Figure::id) != m.figures.end(); }

void check_whole(const Measurement& m)
{
    REQUIRE_FALSE(m.figures.empty());
    for (const auto& f : m.figures) {
        CAPTURE(f.id);
        CHECK(std::isfinite(f.value));
        CHECK(f.uncertainty >= 0.0);
        CHECK_FALSE(f.definition.empty());
        CHECK(std::ranges::count(m.figures, f.id, &Figure::id) == 1);
    }
    for (const auto& curve : m.curves)
        for (const auto& row : curve.rows) {
            REQUIRE(row.size() == curve.columns.size());
            for (const double v : row) CHECK(std::isfinite(v));
        }
}

}  // namespace

TEST_CASE("distortion of a bent circuit is its closed form", "[procedure][measure]")
{
    constexpr double a = 4e-4;   // 1/V
    constexpr double b = -2e-4;  // 1/V²
    bench::InterfaceModel interface;
    interface.noise = Dbfs{-120.0};
    auto options = short_options(2.0);
    options.level = Dbfs{-10.0};
    const auto result = measured(bent("4e-4", "-2e-4"), MeasureKind::distortion, interface, options);
    if (!result) FAIL(result.error().message);
    const auto& m = result.value();
    check_whole(m);
    const double peak = full_scale.volts().value() * std::numbers::sqrt2 * sine_peak(Dbfs{-10.0});
    // cos² has ½ at twice, cos³ ¼ at three times and ¾ at the frequency itself.
    const double fundamental = peak * (1.0 + 0.75 * b * peak * peak);
    const double second = 0.5 * a * peak * peak / fundamental;
    const double third = 0.25 * std::abs(b) * peak * peak * peak / fundamental;
    // The bench computes what bends at a multiple of the rate: its filters are flat within 0.01 dB, 0.1 %, up to 9 kHz; noise of −120 dBFS adds 1e-6.
    CHECK(m.figures.front().id == "pin2_thd_db");
    CHECK_THAT(figure(m, "pin2_thd_percent").value, WithinRel(100.0 * std::hypot(second, third), 2e-3));
    CHECK_THAT(figure(m, "pin2_thd_db").value, WithinAbs(gain_of(std::hypot(second, third)).value(), 0.02));
    CHECK_THAT(figure(m, "pin2_thd_n_percent").value, WithinRel(100.0 * std::hypot(second, third), 2e-3));
    CHECK_FALSE(has(m, "pin2_thd_n_without_hum_db"));
    const auto& curve = m.curves.front();
    CHECK(curve.id == "pin2_harmonics");
    REQUIRE(curve.rows.size() == 8);
    CHECK_THAT(curve.rows[0][2], WithinAbs(gain_of(second).value(), 0.02));
    CHECK_THAT(curve.rows[1][2], WithinAbs(gain_of(third).value(), 0.02));
    for (std::size_t i = 2; i < 8; ++i) CHECK(curve.rows[i][2] < -110.0);
    // 0.8 and 0.2 of the peak; half and half.
    const double a1 = 0.8 * peak;
    const double a2 = 0.2 * peak;
    const double u2 = a2 * (1.0 + b * (0.75 * a2 * a2 + 1.5 * a1 * a1));
    CHECK_THAT(figure(m, "pin2_imd_smpte_percent").value, WithinRel(100.0 * std::hypot(2.0 * a * a1 * a2, 1.5 * b * a1 * a1 * a2) / u2, 3e-3));
    const double half = 0.5 * peak;
    const double sum = 2.0 * half * (1.0 + 2.25 * b * half * half);
    // Near 20 kHz the bench's filters, and what bends after them, are flat within 0.1 dB.
    CHECK_THAT(figure(m, "pin2_imd_ccif_d2_percent").value, WithinRel(100.0 * a * half * half / sum, 0.012));
    CHECK_THAT(figure(m, "pin2_imd_ccif_d3_percent").value, WithinRel(150.0 * std::abs(b) * half * half * half / sum, 0.012));
    // Pin 3 is a wire: nothing of it is said but that.
    CHECK_FALSE(has(m, "pin3_thd_db"));
    CHECK(std::ranges::any_of(m.notes, [](const std::string& note) { return note.starts_with("Pin 3 carries nothing"); }));
    CHECK(m.quality.periods == 12);
}

TEST_CASE("a straight circuit's distortion is a bound, hum does not count in it", "[procedure][measure]")
{
    bench::InterfaceModel interface;
    interface.hum = Dbfs{-60.0};
    const auto result = measured(bent("0", "0"), MeasureKind::distortion, interface, short_options(2.0));
    if (!result) FAIL(result.error().message);
    const auto& m = result.value();
    check_whole(m);
    const auto& thd = figure(m, "pin2_thd_db");
    // Noise of −110 dBFS, in eight bins of 10,000 and four periods, under −12 dBFS: −135 dB, the bound at most twice that.
    CHECK(thd.value < -125.0);
    // Hum of 1/k, k to 10, is 1.90 dB above its fundamental; the tone is played at −12 dBFS, and read 3e-4 lower behind 1 Ω into 5 kΩ.
    CHECK_THAT(figure(m, "pin2_thd_n_db").value, WithinAbs(-60.0 + 1.903 + 12.0, 0.01));
    CHECK_THAT(figure(m, "pin2_thd_n_without_hum_db").value, WithinAbs(-110.0 + 12.0, 0.1));
    REQUIRE(m.quality.noise);
    CHECK_THAT(m.quality.noise->value(), WithinAbs(-110.0, 0.1));
}

TEST_CASE("noise of the bench is told flat, weighted, and between the pins", "[procedure][measure]")
{
    bench::InterfaceModel interface;
    interface.noise = Dbfs{-95.0};
    const auto result = measured(bent("0", "0"), MeasureKind::noise, interface, short_options(4.0));
    if (!result) FAIL(result.error().message);
    const auto& m = result.value();
    check_whole(m);
    // 4 s of 20 kHz scatter by 0.016 dB; the bench's own noise is white within 0.01 dB. 0.08 dB is 4.5 of both. A-weighting takes 2.048 dB (white noise, scipy).
    for (const std::string pin : {"pin2", "pin3"}) {
        CAPTURE(pin);
        CHECK_THAT(figure(m, pin + "_noise_dbfs").value, WithinAbs(-95.0, 0.08));
        CHECK_THAT(figure(m, pin + "_noise_a_dbfs").value, WithinAbs(-97.048, 0.1));
        CHECK_THAT(figure(m, pin + "_noise_dbu").value, WithinAbs(-95.0 + 24.0, 0.08));
        CHECK_THAT(figure(m, pin + "_noise_v").value, WithinRel(full_scale.volts().value() * std::pow(10.0, -95.0 / 20.0), 0.01));
        CHECK_THAT(figure(m, pin + "_snr_full_scale_db").value, WithinAbs(95.0, 0.08));
        CHECK_THAT(figure(m, pin + "_snr_4dbu_db").value, WithinAbs(95.0 - 20.0, 0.08));
        CHECK(figure(m, pin + "_noise_dbfs").uncertainty < 0.05);
    }
    // Two independent inputs: 3.01 dB more.
    CHECK_THAT(figure(m, "between_noise_dbfs").value, WithinAbs(-95.0 + 3.010, 0.08));
    CHECK_FALSE(has(m, "pin2_noise_without_hum_dbfs"));
}

TEST_CASE("without a calibration noise has no volts", "[procedure][measure]")
{
    auto options = short_options(1.0);
    options.scales = {};
    const auto result = measured(bent("0", "0"), MeasureKind::noise, {}, options);
    if (!result) FAIL(result.error().message);
    CHECK(has(result.value(), "pin2_noise_dbfs"));
    for (const auto& f : result.value().figures) CHECK((f.unit == "dBFS" || f.unit == "dB"));
    CHECK_FALSE(has(result.value(), "pin2_snr_4dbu_db"));
}

TEST_CASE("hum is found with its frequency and its lines", "[procedure][measure]")
{
    bench::InterfaceModel interface;
    interface.hum = Dbfs{-80.0};
    interface.hum_frequency = Hertz{GENERATE(49.96, 60.03)};
    const auto result = measured(bent("0", "0"), MeasureKind::hum, interface, short_options(4.0));
    if (!result) FAIL(result.error().message);
    const auto& m = result.value();
    check_whole(m);
    const auto& mains = figure(m, "mains_hz");
    CHECK_THAT(mains.value, WithinAbs(interface.hum_frequency.value(), 2.0 * mains.uncertainty + 1e-6));
    CHECK(mains.uncertainty < 0.01);
    // Orders 1 to 10 with 1/k: 10·lg Σ 1/k² = 1.903 dB more than the first.
    const auto& total = figure(m, "pin2_hum_dbfs");
    CHECK_THAT(total.value, WithinAbs(-80.0 + 1.903, 2.0 * total.uncertainty + 1e-3));
    CHECK(total.uncertainty < 0.02);
    const auto lines = std::ranges::find(m.curves, "pin2_lines", &Curve::id);
    REQUIRE(lines != m.curves.end());
    REQUIRE(lines->rows.size() == 10);
    for (std::size_t k = 1; k <= 10; ++k) {
        const auto& row = lines->rows[k - 1];
        CAPTURE(k);
        CHECK(row[0] == static_cast<double>(k));
        CHECK_THAT(row[2], WithinAbs(-80.0 - gain_of(static_cast<double>(k)).value(), 3.0 * row[3] + 1e-3));  // three half widths: 6 sigma
    }
    // The same on both inputs: nothing between the pins but noise, which stands out of itself now and then.
    CHECK(figure(m, "between_hum_dbfs").value < -120.0);
}

TEST_CASE("no hum is said with its limit", "[procedure][measure]")
{
    bench::InterfaceModel interface;
    interface.noise = Dbfs{-100.0};
    const auto result = measured(bent("0", "0"), MeasureKind::hum, interface, short_options(2.0));
    if (!result) FAIL(result.error().message);
    const auto& m = result.value();
    check_whole(m);
    CHECK_FALSE(has(m, "mains_hz"));
    for (const auto& f : m.figures) CHECK(f.bound == Figure::Bound::at_most);
    // 100 Hz of 20 kHz of noise: 23 dB below it; the bound a little above.
    CHECK_THAT(figure(m, "pin2_hum_dbfs").value, WithinAbs(-122.5, 1.0));
    CHECK(std::ranges::any_of(m.says, [](const std::string& s) { return s.starts_with("No hum"); }));
}

TEST_CASE("what measures nothing says why", "[procedure][measure]")
{
    SECTION("digital silence is no quiet input")
    {
        lowleg::testing::ScriptedBackend::Script script;
        script.device = [](const float*, const float*, float* i2, float* i3, std::uint32_t n) {
            std::fill_n(i2, n, 0.0F);
            std::fill_n(i3, n, 0.0F);
        };
        auto engine = engine::Engine::open(std::make_unique<lowleg::testing::ScriptedBackend>(std::move(script)), {}, 24'000).value();
        procedure::FixtureSwitch fixture_switch = [](SwitchState) -> Status { return Done{}; };
        const auto kind = GENERATE(MeasureKind::noise, MeasureKind::hum);
        const auto result = procedure::measure(*engine, fixture_switch, kind, short_options(1.0), {}, {});
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, ContainsSubstring("digitally silent"));
    }
    SECTION("no tone, no distortion")
    {
        const bench::CircuitText dead{"dead", "Dead", "* Dead\n* topology: no-signal\nRin drv 0 10k\nR2 p2 0 47\nR3 p3 0 47\n.end\n"};
        const auto result = measured(dead, MeasureKind::distortion, {}, short_options(1.0));
        REQUIRE_FALSE(result);
        CHECK_THAT(result.error().message, ContainsSubstring("neither leg carries the test tone"));
    }
}
