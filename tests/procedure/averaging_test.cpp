// Averaging on a device whose misfortunes are scripted: when it ends, what it throws away, what it says.
#include "procedure/averaging.h"

#include "analysis/multitone.h"
#include "procedure/measure_kinds.h"
#include "stimulus/multitone.h"
#include "support/scripted_backend.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using lowleg::testing::Injection;
using lowleg::testing::LoopDevice;
using lowleg::testing::ScriptedBackend;
using procedure::Averaging;
using procedure::Ending;
using procedure::Figure;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double rate = 48e3;

struct Rig {
    std::unique_ptr<engine::Engine> engine;
    TonePlan plan;
    std::vector<float> samples;

    explicit Rig(std::vector<Injection> injections = {}, const LoopDevice::Settings& loop = {})
    {
        ScriptedBackend::Script script;
        script.device = LoopDevice{loop};
        script.injections = std::move(injections);
        auto opened = engine::Engine::open(std::make_unique<ScriptedBackend>(std::move(script)), {}, 24'000);
        REQUIRE(opened);
        engine = std::move(opened).value();
        auto tone = procedure::plan_tone(rate, Hertz{1000.0}, Dbfs{-20.0});
        REQUIRE(tone);
        plan = std::move(tone).value();
        samples = stimulus::render(plan);
    }

    Result<procedure::Averaged> average(const Averaging& averaging, const std::function<bool()>& should_stop = {}, const procedure::MeasurementObserver& observer = {})
    {
        const procedure::AveragedSignal signal{samples, Seconds{0.1}, "level", &plan};
        return procedure::average(*engine, signal, averaging, [this](const Record& record) { return gain(record); }, observer, should_stop);
    }

    /// Of leg 2, which LoopDevice gives back as it is played.
    [[nodiscard]] std::optional<Figure> gain(const Record& record) const
    {
        const auto reading = analysis::read_multitone(record, plan);
        if (!reading) return std::nullopt;
        const auto& e = reading.value().tones.front().leg[0];
        return Figure{"gain_db", "Gain", gain_of(std::abs(e.value)).value(), "dB", db_per_neper * e.amplitude_interval_95() / std::abs(e.value), Figure::Bound::value, {}, ""};
    }
};

}  // namespace

TEST_CASE("averaging takes its usual time, or what was given", "[procedure][averaging]")
{
    Rig rig;
    const auto usual = rig.average({});
    REQUIRE(usual);
    CHECK(usual.value().ending == Ending::settled);
    CHECK(usual.value().record.periods.size() == 8);  // 4 s of periods of 0.5 s
    const auto given = rig.average({.until = {}, .at_most = Seconds{1.7}});
    REQUIRE(given);
    CHECK(given.value().ending == Ending::time);
    CHECK(given.value().record.periods.size() == 4);  // the first whole number that reaches it
}

TEST_CASE("averaging goes on until the figure is known as wanted, and then it is", "[procedure][averaging]")
{
    // Noise of 1e-3 rms against a sine of 0.1: one period of 24,000 frames has the amplitude to σ = 1e-3·√(2/24000) = 9e-6, which is 0.0008 dB; with
    // few degrees of freedom its 95 % interval is some times that. 0.0005 dB (95 %) needs (1.96·0.0008/0.0005)² ≈ 10 periods.
    Rig rig{{}, {.noise_rms = 1e-3F}};
    std::vector<double> told;
    const auto averaged = rig.average({.until = GainDb{0.0005}, .at_most = {}}, {}, [&](const procedure::MeasurementProgress& p) {
        if (p.leading) told.push_back(p.leading->uncertainty);
    });
    REQUIRE(averaged);
    CHECK(averaged.value().ending == Ending::settled);
    const auto figure = rig.gain(averaged.value().record);
    REQUIRE(figure);
    CHECK(figure->uncertainty <= 0.0005);
    CHECK(averaged.value().record.periods.size() >= 5);
    CHECK(averaged.value().record.periods.size() <= 24);
    // Four times its 95 % interval: once in 10¹⁴.
    CHECK(std::abs(figure->value) < 4.0 * figure->uncertainty);
    CHECK(told.size() > 3);
}

TEST_CASE("what cannot be reached ends with the time", "[procedure][averaging]")
{
    Rig rig{{}, {.noise_rms = 1e-2F}};
    const auto averaged = rig.average({.until = GainDb{1e-5}, .at_most = Seconds{3.0}});
    REQUIRE(averaged);
    CHECK(averaged.value().ending == Ending::time);
    CHECK(averaged.value().record.periods.size() == 6);
}

TEST_CASE("stopped by hand there is a result from two periods on", "[procedure][averaging]")
{
    Rig rig;
    std::size_t periods = 0;
    const auto observer = [&](const procedure::MeasurementProgress& p) { periods = p.periods; };
    const auto some = rig.average({.until = {}, .at_most = Seconds{100.0}}, [&] { return periods >= 3; }, observer);
    REQUIRE(some);
    CHECK(some.value().ending == Ending::stopped);
    CHECK(some.value().record.periods.size() == 3);
    const auto none = rig.average({}, [] { return true; });
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == ErrorKind::interrupted);
}

TEST_CASE("broken periods are measured again and stay out of the figure", "[procedure][averaging]")
{
    // In the third period of the signal (counted from its first sound, which is heard 100 frames later).
    const auto kind = GENERATE(Injection::Kind::drop, Injection::Kind::nan, Injection::Kind::clip, Injection::Kind::repeat, Injection::Kind::flag);
    CAPTURE(static_cast<int>(kind));
    Rig rig{{{.kind = kind, .frame = 60'000, .count = 64}}};
    const auto averaged = rig.average({});
    REQUIRE(averaged);
    CHECK(averaged.value().record.periods.size() == 8);
    CHECK(averaged.value().voided >= 1);
    CHECK_FALSE(averaged.value().void_reasons.none());
    const auto figure = rig.gain(averaged.value().record);
    REQUIRE(figure);
    CHECK(std::abs(figure->value) < 4.0 * figure->uncertainty);
}

TEST_CASE("what cannot be averaged is an error with its reason", "[procedure][averaging]")
{
    SECTION("digital silence")
    {
        Rig rig{{}, {.gain = {{{0.0F, 0.0F}, {0.0F, 0.0F}}}, .noise_rms = 0.0F}};
        const auto averaged = rig.average({});
        REQUIRE_FALSE(averaged);
        CHECK_THAT(averaged.error().message, ContainsSubstring("digitally silent"));
    }
    SECTION("full scale")
    {
        Rig rig{{}, {.gain = {{{20.0F, 0.0F}, {1.0F, 0.0F}}}}};
        const auto averaged = rig.average({});
        REQUIRE_FALSE(averaged);
        CHECK_THAT(averaged.error().message, ContainsSubstring("full scale"));
    }
    SECTION("a device that goes away")
    {
        Rig rig{{{.kind = Injection::Kind::die, .frame = 50'000}}};
        const auto averaged = rig.average({});
        REQUIRE_FALSE(averaged);
        CHECK(averaged.error().kind == ErrorKind::interrupted);
    }
}

TEST_CASE("a tone stands on an odd bin, clear of the mains", "[procedure][measure]")
{
    for (const double wanted : {30.0, 50.0, 60.0, 100.0, 997.0, 1000.0, 3000.0, 6000.0, 19'000.0}) {
        CAPTURE(wanted);
        const auto plan = procedure::plan_tone(rate, Hertz{wanted}, Dbfs{-6.0});
        REQUIRE(plan);
        REQUIRE(plan.value().tones.size() == 1);
        const auto bin = plan.value().tones.front().bin;
        CHECK(bin % 2 == 1);
        const double f = plan.value().frequency_of(bin).value();
        for (const double mains : {50.0, 60.0}) CHECK(std::abs(f - mains * std::round(f / mains)) >= (std::round(f / mains) > 0 ? 8.0 : 0.0));
        CHECK(std::abs(f - wanted) < 25.0);
        CHECK(std::abs(plan.value().tones.front().amplitude - 0.501187) < 1e-5);
    }
    CHECK_FALSE(procedure::plan_tone(rate, Hertz{23e3}, Dbfs{-6.0}));
}

TEST_CASE("what the interface does of itself is taken off the response", "[procedure][measure]")
{
    // Inputs and outputs that fall by 3 dB at 20 kHz together, as they were calibrated; the device here is flat, so what is left rises by as much.
    constexpr double corner_hz = 20e3;
    const auto low_pass = [](double f) { return 1.0 / Complex{1.0, f / corner_hz}; };
    procedure::CalibratedLoop loop;
    for (double f = 10.0; f < 24e3; f *= 1.02) loop.points.push_back({Hertz{f}, low_pass(f) / std::abs(low_pass(1000.0))});
    loop.uncertainty_db.uncertainty = 0.05;

    Rig rig;
    procedure::FixtureSwitch nothing_moves = [](SwitchState) -> Status { return Done{}; };
    procedure::MeasureOptions options;
    options.scales.loops[0] = loop;
    const auto measured = procedure::measure(*rig.engine, nothing_moves, procedure::MeasureKind::response, options, {}, {});
    if (!measured) FAIL(measured.error().message);
    REQUIRE_FALSE(measured.value().curves.empty());
    const auto& curve = measured.value().curves.front();
    REQUIRE(curve.id == "pin2_response");
    const auto db = [&](double f) { return -20.0 * std::log10(std::abs(low_pass(f))); };
    for (const auto& row : curve.rows) {
        CAPTURE(row[0]);
        // Straight between points 2 % apart: 1e-4 of the curve.
        CHECK_THAT(row[1], WithinAbs(db(row[0]) - db(1000.0), 0.002));
        CHECK(row[3] >= 0.05);
    }
    CHECK_THAT(measured.value().notes.front(), ContainsSubstring("taken off"));
}

TEST_CASE("one frame that slips in or out for good is told, and what follows counts", "[procedure][averaging]")
{
    const auto kind = GENERATE(Injection::Kind::drop, Injection::Kind::insert);
    Rig rig{{{.kind = kind, .frame = 100'000}}};
    const auto averaged = rig.average({});
    if (!averaged) FAIL(averaged.error().message);
    const auto& a = averaged.value();
    CHECK(a.record.periods.size() == 8);
    CHECK(a.void_reasons.has(lowleg::Fault::phase_jump));
    // Those from before the slip, the one that it fell into, and no more.
    CHECK(a.voided >= 3);
    CHECK(a.voided <= 6);
    CHECK(analysis::find_broken_periods(a.record, rig.plan).empty());
    CHECK_THAT(rig.gain(a.record).value().value, WithinAbs(0.0, 0.001));
}

TEST_CASE("what was averaged before a device was lost is kept where what follows continues it, and else thrown away", "[procedure][averaging][restart]")
{
    const std::uint32_t delay_after = GENERATE(100U, 160U);
    CAPTURE(delay_after);
    int coming = 0;
    const engine::BackendFactory factory = [&]() -> std::unique_ptr<engine::Backend> {
        ScriptedBackend::Script script;
        LoopDevice::Settings loop;
        const bool is_first = coming++ == 0;
        if (!is_first) loop.delay = delay_after;
        script.device = LoopDevice{loop};
        if (is_first) script.injections = {{.kind = Injection::Kind::die, .frame = 110'000}};
        return std::make_unique<ScriptedBackend>(std::move(script));
    };
    auto engine = engine::Engine::open(factory, {}, 24'000);
    REQUIRE(engine);
    auto tone = procedure::plan_tone(rate, Hertz{1000.0}, Dbfs{-20.0});
    REQUIRE(tone);
    const auto samples = stimulus::render(tone.value());
    const procedure::AveragedSignal signal{samples, Seconds{0.1}, "level", &tone.value()};
    const auto averaged = procedure::average(*engine.value(), signal, {}, {}, {}, {});
    if (!averaged) FAIL(averaged.error().message);
    const auto& a = averaged.value();
    CHECK(engine.value()->restarts() == 1);
    CHECK(a.record.periods.size() == 8);
    CHECK(a.void_reasons.has(lowleg::Fault::restarted));
    // The first of the new stream is void in any case; with another delay, the three from before as well.
    CHECK(a.voided == (delay_after == 100U ? 1U : 4U));
    // Whole periods apart, as a record wants them, and of one phase.
    for (std::size_t i = 1; i < a.record.periods.size(); ++i)
        CHECK((a.record.periods[i].first_frame - a.record.periods[i - 1].first_frame) % a.record.period_frames == 0);
    CHECK(analysis::find_broken_periods(a.record, tone.value()).empty());
    CHECK(a.clock_ppm == 0.0);
}

TEST_CASE("a device that does not come back ends the averaging with what there is", "[procedure][averaging][restart]")
{
    Rig rig{{{.kind = Injection::Kind::die, .frame = 110'000}}};
    const auto averaged = rig.average({});
    if (!averaged) FAIL(averaged.error().message);
    CHECK(averaged.value().ending == Ending::lost);
    CHECK(averaged.value().record.periods.size() == 3);
    CHECK_THAT(averaged.value().lost_because, ContainsSubstring("is gone"));
    Rig too_early{{{.kind = Injection::Kind::die, .frame = 30'000}}};
    CHECK_FALSE(too_early.average({}));
}
