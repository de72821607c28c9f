// Calibration of a simulated interface: what it is in truth is found within what is stated, and what is connected wrongly is said.
#include "bench/bench_backend.h"
#include "bench/virtual_bench.h"
#include "core/text.h"
#include "procedure/calibrate.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using namespace lowleg::procedure;
using Catch::Matchers::ContainsSubstring;
using Kind = CalibrationWiring::Kind;

namespace {

constexpr double rate_hz = 48'000.0;

/// An interface whose outputs are wired to its own inputs by whoever holds the leads.
struct Desk {
    Fixture truth;                   ///< Rs of output 1, Rin, Cin, gain ratio.
    bench::InterfaceModel interface;
    double load_ohms{1e12};          ///< The netlist's own: what is really connected, wiring by wiring.
    double lead_a{0.05}, lead_b{0.05};
    std::vector<MeterReading> meter; ///< What is typed, one after the other.
    /// Changes the wiring that was asked for into the one that is made.
    std::function<CalibrationWiring(CalibrationWiring)> mistake;
    std::function<std::string(const CalibrationWiring&)> own_netlist;

    std::vector<std::string> asked;
    std::unique_ptr<engine::Engine> engine{};
    std::size_t readings{0};

    Result<engine::Engine*> connect(const CalibrationWiring& wanted)
    {
        asked.push_back(name_of(wanted));
        const auto wiring = mistake ? mistake(wanted) : wanted;
        auto fixture = truth;
        std::string netlist = "* loop\n";
        const auto r = [&](const std::string& name, const std::string& a, const std::string& b, double ohms) {
            netlist += "R" + name + " " + a + " " + b + " " + format_number(ohms) + "\n";
        };
        const bool is_both = wiring.kind == Kind::both || wiring.kind == Kind::both_exchanged;
        const auto lead = [&](std::size_t input) {
            if (is_both) return (wiring.kind == Kind::both) == (input == 0) ? lead_a : lead_b;
            if (wiring.kind == Kind::meter || input != wiring.input) return 1e12;
            return wiring.kind == Kind::series ? wiring.resistor.value() : lead_a;
        };
        const double load = wiring.kind == Kind::loaded ? wiring.resistor.value() : load_ohms;
        if (wiring.output == 0) {
            fixture.probe.reset();
            r("s", "drv", "x", truth.rs.value());
            r("load", "x", "0", load);
            r("a", "x", "p2", lead(0));
            r("b", "x", "p3", lead(1));
        } else {
            fixture.probe = ProbeResistors{Ohms{lead(0)}, Ohms{lead(1)}};
            r("d", "drv", "0", 1e6);
            r("load", "p2", "0", load);
        }
        r("2", "p2", "0", 1e12);
        r("3", "p3", "0", 1e12);
        auto built = bench::VirtualBench::build({"loop", "loop", own_netlist ? own_netlist(wiring) : netlist, ""}, fixture, interface, rate_hz);
        if (!built) return built.error();
        engine::StreamRequest request;
        request.sample_rate_hz = rate_hz;
        engine.reset();
        auto opened = engine::Engine::open(bench::make_bench_backend(std::move(built).value(), rate_hz), request, static_cast<std::int64_t>(rate_hz));
        if (!opened) return opened.error();
        engine = std::move(opened).value();
        return engine.get();
    }

    CalibrationRig rig()
    {
        return {[this](const CalibrationWiring& w) { return connect(w); },
                [this](Dbfs, Hertz, bool) -> Result<MeterReading> {
                    if (readings >= meter.size()) return Error{"nobody reads the meter"};
                    return meter[readings++];
                }};
    }
};

CalibrateOptions options()
{
    CalibrateOptions o;
    o.averaging.usual = Seconds{1.0};
    o.date = "2026-11-23";
    o.before.device = "desk";
    o.before.host_api = "virtual bench";
    o.before.sample_rate_hz = rate_hz;
    return o;
}

Calibration done(Desk& desk, CalibrationStep step, const CalibrateOptions& o)
{
    auto result = calibrate(desk.rig(), step, o, {}, [] { return false; });
    if (!result) FAIL(result.error().message);
    CHECK_FALSE(result.value().measurement.figures.empty());
    // What comes out can be stored and read again.
    CHECK(parse_calibration(calibration_json(result.value().calibration)));
    return std::move(result).value().calibration;
}

std::string refusal(Desk& desk, CalibrationStep step, const CalibrateOptions& o)
{
    const auto result = calibrate(desk.rig(), step, o, {}, [] { return false; });
    REQUIRE_FALSE(result);
    CHECK(result.error().message.find('\n') == std::string::npos);
    return result.error().message;
}

/// \param times  how much of what is stated the error may at the least be: an interval that is far too wide states nothing.
void check_within(const CalibratedValue& v, double truth)
{
    INFO("found " << v.value << " ± " << v.uncertainty << ", in truth " << truth);
    CHECK(std::abs(v.value - truth) <= v.uncertainty);
    CHECK(v.uncertainty > 0.0);
}

/// What a meter of four digits shows at −6 and −26 dBFS.
std::vector<MeterReading> readings_of(double full_scale, double factor_of_second = 1.0)
{
    const double first = full_scale * std::pow(10.0, -6.0 / 20.0);
    return {{first, first / 5000.0}, {factor_of_second * first / 10.0, first / 50'000.0}};
}

CalibrateOptions with_volts(double volts, double uncertainty)
{
    auto o = options();
    o.before.outputs[1].full_scale_volts = CalibratedValue{volts, uncertainty, "2026-11-22"};
    return o;
}

const double full_scale = bench::InterfaceModel{}.full_scale.volts().value();

}  // namespace

TEST_CASE("a whole calibration finds the interface as it is", "[calibrate][numbers]")
{
    Desk desk;
    desk.truth.rs = Ohms{GENERATE(47.0, 430.0)};
    desk.truth.rin2 = Ohms{22e3};
    desk.truth.rin3 = Ohms{GENERATE(9.7e3, 1e6)};
    desk.truth.gain_ratio = std::pow(10.0, -0.37 / 20.0);
    desk.interface.full_scale = Dbu{13.0};
    desk.interface.hum = Dbfs{-60.0};
    desk.lead_b = 3.0;
    const double volts = desk.interface.full_scale.volts().value();
    desk.meter = readings_of(1.004 * volts);  // a meter that reads 0.4 % high, and may by 1 %

    auto o = options();
    for (const auto step : all_calibration_steps) o.before = done(desk, step, o);
    const auto& c = o.before;
    check_within(*c.outputs.at(1).full_scale_volts, volts);
    for (const auto output : {1, 2}) check_within(*c.outputs.at(output).resistance_ohm, desk.truth.rs.value());
    check_within(*c.inputs.at(1).resistance_ohm, desk.truth.rin2.value());
    check_within(*c.inputs.at(2).resistance_ohm, desk.truth.rin3.value());
    check_within(*c.inputs.at(1).full_scale_volts, volts);
    check_within(*c.inputs.at(2).full_scale_volts, volts / desk.truth.gain_ratio);
    REQUIRE(c.pairs.size() == 1);
    check_within(c.pairs.front().gain_db, -0.37);
    CHECK(c.pairs.front().gain_db.uncertainty < 0.005);  // 0.3 dB are 1.8 Ω in 50: this is 0.03 Ω
    CHECK(std::abs(c.pairs.front().delay_s.value) < 5e-9);
    REQUIRE(c.loops.size() == 2);
    CHECK(c.loops.front().points.size() > 30);
    for (const auto& loop : c.loops)
        for (const auto& p : loop.points) CHECK(std::abs(gain_of(p.response).value()) < 0.01);
    // 1 % of the meter and little else.
    CHECK(c.inputs.at(1).full_scale_volts->uncertainty < 0.0125 * volts);
    CHECK(c.conditions.size() == 10);  // a line each: volts, two of Rs, two of Rin, two inputs, the pair, two loops
    CHECK(desk.asked == std::vector<std::string>{"output-1", "output-1-input-1", "output-1-input-1-loaded", "output-2-input-1", "output-2-input-1-loaded", "output-1-input-1",
                                                 "output-1-input-1-series", "output-1-input-2", "output-1-input-2-series", "output-1-input-1", "output-1-input-2", "output-1-both",
                                                 "output-1-both-exchanged", "output-1-input-1", "output-1-input-2"});
}

TEST_CASE("a step done again replaces what it found, and nothing else", "[calibrate]")
{
    Desk desk;
    desk.meter = readings_of(full_scale);
    auto o = with_volts(9.0, 0.1);
    o.before.inputs[1].resistance_ohm = CalibratedValue{12e3, 100.0, "2026-01-01"};
    o.before.conditions = {"output 1: long ago", "input 7: stays"};
    const auto c = done(desk, CalibrationStep::output, o);
    check_within(*c.outputs.at(1).full_scale_volts, full_scale);
    CHECK(c.outputs.at(1).full_scale_volts->date == "2026-11-23");
    CHECK(c.inputs.at(1).resistance_ohm->value == 12e3);
    REQUIRE(c.conditions.size() == 2);
    CHECK(c.conditions.front() == "input 7: stays");
}

TEST_CASE("what is not calibrated is assumed, and the uncertainty says so", "[calibrate]")
{
    Desk desk;
    desk.truth.rs = Ohms{180.0};     // 100 Ω are assumed
    desk.truth.rin2 = Ohms{6e3};     // 10 kΩ are
    const auto c = done(desk, CalibrationStep::inputs, with_volts(full_scale, 0.0));
    check_within(*c.inputs.at(1).full_scale_volts, full_scale);
    CHECK(c.inputs.at(1).full_scale_volts->uncertainty > 0.005 * full_scale);
}

TEST_CASE("inputs that differ in polarity, delay and leads", "[calibrate]")
{
    SECTION("a delay is found")
    {
        // 100 Ω and 10 nF before input 2: atan(ωRC)/ω is 1 µs at low frequencies, and 0.995 µs at 20 kHz.
        Desk desk;
        desk.own_netlist = [](const CalibrationWiring&) { return std::string{"* later\nRs drv x 100\nRa x p2 0.05\nEb b 0 x 0 1\nRt b y 100\nCt y 0 10n\nEc c 0 y 0 1\nRb c p3 0.05\n"}; };
        const auto delay = done(desk, CalibrationStep::pair, options()).pairs.front().delay_s;
        CHECK(std::abs(delay.value - 0.998e-6) < 0.004e-6);
        CHECK(std::abs(delay.value - 0.998e-6) <= delay.uncertainty + 0.003e-6);
    }
    SECTION("opposite polarity is refused")
    {
        Desk desk;
        desk.own_netlist = [](const CalibrationWiring&) { return std::string{"* inverts\nRs drv x 100\nRa x p2 0.05\nEb b 0 x 0 -1\nRb b p3 0.05\n"}; };
        CHECK_THAT(refusal(desk, CalibrationStep::pair, options()), ContainsSubstring("opposite polarity"));
    }
    SECTION("a bad lead is refused")
    {
        Desk desk;
        desk.lead_b = 5e3;  // 3.5 dB into 10 kΩ
        CHECK_THAT(refusal(desk, CalibrationStep::pair, options()), ContainsSubstring("leads differ"));
    }
    SECTION("one input that gets nothing is refused")
    {
        Desk desk;
        desk.lead_b = 1e12;
        CHECK_THAT(refusal(desk, CalibrationStep::pair, options()), ContainsSubstring("nothing arrives at input 2"));
    }
}

TEST_CASE("multimeter readings that cannot be are refused, each with its reason", "[calibrate]")
{
    struct Case { std::vector<MeterReading> typed; const char* says; };
    const auto volts = [](double high, double low, double digit = 1e-4) { return std::vector<MeterReading>{{high, digit}, {low, digit}}; };
    for (const auto& [typed, says] : {Case{volts(0.0, 0.0), "shows nothing"},
                                      Case{volts(6.1, 0.0), "shows nothing for the tone"},
                                      Case{volts(0.012, 0.012), "does not follow the tone"},      // hum, or nothing connected
                                      Case{volts(2.1, 2.0), "does not follow the tone"},          // direct voltage
                                      Case{volts(22.0, 2.0), "do not belong together"},           // 20.8 dB, beyond 3 %
                                      Case{volts(6.1, 0.5), "do not belong together"},
                                      Case{volts(24.0, 4.0), "decibels"},
                                      Case{volts(6.2, 0.6, 0.1), "too coarse"},
                                      Case{volts(0.05, 0.005, 1e-5), "0.2 to 14 V"},              // 0.1 V at full scale
                                      Case{volts(6150.0, 615.0, 0.1), "0.2 to 14 V"},             // millivolts
                                      Case{volts(7.2, 0.72), "0.2 to 14 V"}}) {                   // 14.4 V
        INFO(typed[0].volts << " and " << typed[1].volts);
        Desk desk;
        desk.meter = typed;
        const auto message = refusal(desk, CalibrationStep::output, options());
        CHECK_THAT(message, ContainsSubstring(says));
        CHECK_THAT(message, ContainsSubstring("nothing was stored"));
    }
    // Just inside: 2.9 % of nonlinearity, 13.9 V.
    Desk desk;
    desk.meter = volts(6.96, 0.6765);
    CHECK(done(desk, CalibrationStep::output, options()).outputs.at(1).full_scale_volts->value > 13.8);
}

TEST_CASE("nothing connected, hum alone, the wrong channel, clipping: recognised", "[calibrate]")
{
    const auto step = GENERATE(CalibrationStep::inputs, CalibrationStep::rin, CalibrationStep::rs, CalibrationStep::loop);
    CAPTURE(name_of(step));
    const auto o = with_volts(full_scale, 0.1);
    const auto nowhere = [](CalibrationWiring w) {
        w.kind = Kind::meter;
        return w;
    };
    Desk desk;
    SECTION("nothing")
    {
        desk.mistake = nowhere;
        CHECK_THAT(refusal(desk, step, o), ContainsSubstring("nothing arrives at input 1"));
    }
    SECTION("hum")
    {
        desk.mistake = nowhere;
        desk.interface.hum = Dbfs{-40.0};
        CHECK_THAT(refusal(desk, step, o), ContainsSubstring("carries only hum"));
    }
    SECTION("the other input")
    {
        desk.mistake = [](CalibrationWiring w) {
            w.input = 1 - w.input;
            return w;
        };
        CHECK_THAT(refusal(desk, step, o), ContainsSubstring("arrives at input 2 and not at input 1"));
    }
    SECTION("both inputs")
    {
        if (step == CalibrationStep::rs) return;  // output 1 alone can feed both on this desk
        desk.mistake = [](CalibrationWiring w) {
            w.kind = Kind::both;
            return w;
        };
        CHECK_THAT(refusal(desk, step, o), ContainsSubstring("input 2 carries the tone, too"));
    }
    SECTION("the other output")
    {
        desk.mistake = [](CalibrationWiring w) {
            w.output = 1 - w.output;
            return w;
        };
        CHECK_THAT(refusal(desk, step, o), ContainsSubstring("nothing arrives at input 1"));
    }
    SECTION("an input at full scale")
    {
        desk.interface.clipping = Dbfs{-20.0};
        const auto message = refusal(desk, step, o);
        CHECK_THAT(message, ContainsSubstring("full scale"));
        CHECK_THAT(message, ContainsSubstring("nothing was stored"));
    }
}

TEST_CASE("resistors that are not there, or something else, are recognised", "[calibrate]")
{
    const auto o = options();
    const auto as_direct = [](CalibrationWiring w) {
        w.kind = Kind::direct;
        return w;
    };
    Desk desk;
    SECTION("no series resistor")
    {
        desk.mistake = as_direct;
        CHECK_THAT(refusal(desk, CalibrationStep::rin, o), ContainsSubstring("makes no difference"));
    }
    SECTION("no load")
    {
        desk.mistake = as_direct;
        CHECK_THAT(refusal(desk, CalibrationStep::rs, o), ContainsSubstring("makes no difference"));
    }
    SECTION("the lead fell off")
    {
        desk.mistake = [](CalibrationWiring w) {
            if (w.kind == Kind::series) w.kind = Kind::meter;
            return w;
        };
        CHECK_THAT(refusal(desk, CalibrationStep::rin, o), ContainsSubstring("nothing arrives"));
    }
    SECTION("a short")
    {
        desk.mistake = [](CalibrationWiring w) {
            if (w.kind == Kind::loaded) w.resistor = Ohms{3.0};
            return w;
        };
        CHECK_THAT(refusal(desk, CalibrationStep::rs, o), ContainsSubstring("short"));
    }
    SECTION("a resistor far below the input's own")
    {
        desk.truth.rin2 = desk.truth.rin3 = Ohms{1e6};
        auto small = o;
        small.resistor = Ohms{1e3};  // 0.1 % of a change
        CHECK_THAT(refusal(desk, CalibrationStep::rin, small), ContainsSubstring("makes no difference"));
    }
}

TEST_CASE("an input needs a calibrated output, and plausible volts", "[calibrate]")
{
    Desk desk;
    CHECK_THAT(refusal(desk, CalibrationStep::inputs, options()), ContainsSubstring("calibrate output"));
    CHECK(desk.asked.empty());
    // A microphone input: 40 dB more than the output has.
    desk.own_netlist = [](const CalibrationWiring&) { return std::string{"* gain\nRs drv x 100\nEg g 0 x 0 3\nRa g p2 0.1\nRb p3 0 1t\n"}; };
    CHECK_THAT(refusal(desk, CalibrationStep::inputs, with_volts(0.5, 0.01)), ContainsSubstring("0.2 to 14 V"));
}

TEST_CASE("stopped by hand, there is nothing to store", "[calibrate]")
{
    Desk desk;
    const auto o = with_volts(full_scale, 0.1);
    int asked = 0;
    const auto result = calibrate(desk.rig(), CalibrationStep::inputs, o, {}, [&] { return ++asked > 3; });
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::interrupted);
    Desk silent;
    const auto nobody = calibrate(silent.rig(), CalibrationStep::output, options(), {}, [] { return false; });
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().message == "nobody reads the meter");
}

TEST_CASE("an output that no meter has read gets its volts from an input", "[calibrate]")
{
    Desk desk;
    desk.truth.rs = Ohms{75.0};
    auto o = options();
    o.only = 1;
    o.before.inputs[1].full_scale_volts = CalibratedValue{full_scale, 0.01 * full_scale, "2026-11-22"};
    o.before.inputs[1].resistance_ohm = CalibratedValue{10e3, 50.0, "2026-11-22"};
    const auto c = done(desk, CalibrationStep::rs, o);
    check_within(*c.outputs.at(2).full_scale_volts, full_scale);
    CHECK(c.outputs.at(2).full_scale_volts->uncertainty >= 0.01 * full_scale);
    CHECK(c.outputs.count(1) == 0);
}

TEST_CASE("readings are understood as they are typed", "[calibrate]")
{
    struct Case { const char* text; double volts, digit; };
    for (const auto& [text, volts, digit] : {Case{"1.234", 1.234, 1e-3}, {"1,234", 1.234, 1e-3}, {" 1.2340 V ", 1.234, 1e-4}, {"123.4 mV", 0.1234, 1e-4}, {"12", 12.0, 1.0}, {"0", 0.0, 1.0}}) {
        const auto reading = parse_meter_reading(text);
        INFO(text);
        REQUIRE(reading);
        CHECK(std::abs(reading.value().volts - volts) < 1e-12);
        CHECK(std::abs(reading.value().last_digit / digit - 1.0) < 1e-9);
    }
    for (const auto* wrong : {"", "volts", "-6.0", "4 dBu", "1.2.3", "1,2,3", "1.2 kΩ", "nan", "inf", "V"}) {
        INFO(wrong);
        REQUIRE_FALSE(parse_meter_reading(wrong));
        CHECK(parse_meter_reading(wrong).error().kind == ErrorKind::usage);
    }
    CHECK_THAT(parse_meter_reading("4 dBu").error().message, ContainsSubstring("decibels"));
}
