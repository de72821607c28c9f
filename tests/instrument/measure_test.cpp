// What is measured on the virtual bench, against the closed form of the same circuit.
#include "bench/figures.h"
#include "bench/wiring.h"
#include "instrument/instrument.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>

using namespace lowleg;
using instrument::Instrument;
using instrument::Settings;
using procedure::Figure;
using procedure::MeasureKind;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

/// What inputs 1 and 2 read of the drive in `through`.
std::array<Complex, 2> response(const std::string& name, Hertz f, const Settings& settings = {})
{
    const auto netlist = bench::read_circuit(bench::find_circuit(name).value());
    REQUIRE(netlist);
    const auto solved = bench::SolvedCircuit::build(netlist.value(), bench::CircuitKind::output, settings.bench_fixture());
    REQUIRE(solved);
    const auto inputs = solved.value().response(0, f);
    REQUIRE(inputs);
    return inputs.value();
}

Settings settings_with(std::initializer_list<std::pair<const char*, const char*>> given)
{
    Settings settings;
    for (const auto& [name, text] : given) REQUIRE(instrument::apply_setting(settings, name, text));
    return settings;
}

procedure::Measurement measured(MeasureKind kind, const std::string& circuit, const Settings& settings = {})
{
    auto result = Instrument{settings}.measure_bench(kind, circuit);
    if (!result) FAIL(result.error().message);
    return std::move(result).value();
}

const Figure& figure(const procedure::Measurement& m, std::string_view id)
{
    const auto found = std::ranges::find(m.figures, id, &Figure::id);
    INFO("figure " << id);
    REQUIRE(found != m.figures.end());
    return *found;
}

double db(double ratio) { return 20.0 * std::log10(ratio); }

}  // namespace

TEST_CASE("levels are those of the circuit's equations", "[instrument][measure][numbers]")
{
    const std::string circuit = GENERATE("inverter", "transformer", "cross-coupled-unequal", "unbalanced");
    const auto settings = settings_with({{"level", "-12"}, {"tone", "440"}});
    const auto m = measured(MeasureKind::level, circuit, settings);
    CAPTURE(circuit);
    for (const auto leg : {0U, 1U}) {
        const std::string id = leg == 0 ? "pin2_dbfs" : "pin3_dbfs";
        const auto found = std::ranges::find(m.figures, id, &Figure::id);
        if (found == m.figures.end()) {
            CHECK_FALSE(m.notes.empty());  // which says that the leg carries nothing
            continue;
        }
        REQUIRE(found->frequency);
        const double truth = -12.0 + db(std::abs(response(circuit, *found->frequency)[leg]));
        // Rounding to float leaves 1e-6 dB; nonlinear circuits are simulated to 1e-3 dB of their small-signal equations at this level.
        CHECK_THAT(found->value, WithinAbs(truth, 2e-3 + 2.0 * found->uncertainty));
        const auto& volts = figure(m, leg == 0 ? "pin2_dbu" : "pin3_dbu");
        CHECK_THAT(volts.value, WithinAbs(found->value + 24.0, 1e-9));  // 0 dBFS is +24 dBu here
        CHECK_THAT(figure(m, leg == 0 ? "pin2_v" : "pin3_v").value, WithinAbs(0.774596669 * std::pow(10.0, volts.value / 20.0), 1e-6));
    }
    CHECK(m.calibration.kind == procedure::CalibrationUse::Kind::virtual_bench);
}

TEST_CASE("two clocks cost less than 0.01 dB up to 20 kHz", "[instrument][measure][clock][numbers]")
{
    const auto* ppm = GENERATE("100", "-100", "-3.3", "0.02");
    CAPTURE(ppm);
    const auto m = measured(MeasureKind::level, "inverter", settings_with({{"clock", ppm}, {"tone", "19500"}, {"level", "-12"}}));
    const auto& pin2 = figure(m, "pin2_dbfs");
    CHECK_THAT(pin2.value, WithinAbs(-12.0 + db(std::abs(response("inverter", *pin2.frequency)[0])), 0.005));
    const double truth = std::stod(ppm);
    CHECK_THAT(m.quality.clock_ppm, WithinAbs(std::abs(truth) < 0.05 ? 0.0 : truth, 0.05));  // one so small may be taken for none
    const auto r = measured(MeasureKind::response, "inverter", settings_with({{"clock", ppm}}));
    const auto& rows = r.curves.front().rows;
    for (const auto& row : rows) {
        CAPTURE(row[0]);
        const auto reference = std::abs(response("inverter", *figure(r, "pin2_gain_db").frequency)[0]);
        CHECK_THAT(row[1], WithinAbs(db(std::abs(response("inverter", Hertz{row[0]})[0]) / reference), 0.01));
    }
}

TEST_CASE("clocks that no crystals have are refused", "[instrument][measure][clock]")
{
    const auto refused = Instrument{settings_with({{"clock", "600"}})}.measure_bench(MeasureKind::level, "inverter");
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, ContainsSubstring("ppm"));
}

TEST_CASE("response and phase are those of the circuit's equations", "[instrument][measure][numbers]")
{
    const auto m = measured(MeasureKind::response, "transformer-sectioned", settings_with({{"delay", "777"}}));
    REQUIRE(m.curves.size() == 2);
    for (const auto leg : {0U, 1U}) {
        const auto& rows = m.curves[leg].rows;
        REQUIRE(rows.size() == 12);
        const auto reference = std::abs(response("transformer-sectioned", *figure(m, leg == 0 ? "pin2_gain_db" : "pin3_gain_db").frequency)[leg]);
        for (const auto& row : rows) {
            CAPTURE(leg, row[0]);
            const auto truth = response("transformer-sectioned", Hertz{row[0]})[leg];
            CHECK_THAT(row[1], WithinAbs(db(std::abs(truth) / reference), 0.005 + 2.0 * row[3]));
            // What delay is taken off leaves a slope of its own: the tones' own phases fix it to some µs, 0.1° at 1 kHz; compared below that.
            if (row[0] < 1000.0) {
                const double difference = std::remainder(row[2] - 180.0 / std::numbers::pi * std::arg(truth), 360.0);
                CHECK_THAT(difference, WithinAbs(0.0, 1.0));
            }
        }
    }
}

TEST_CASE("latency is the delay of the path", "[instrument][measure]")
{
    const auto base = measured(MeasureKind::latency, "inverter");
    const auto more = measured(MeasureKind::latency, "inverter", settings_with({{"delay", "1000"}}));
    CHECK_THAT(figure(more, "latency_frames").value - figure(base, "latency_frames").value, WithinAbs(1000.0, 0.1));
    CHECK(figure(base, "coherence").value > 0.99);
}

TEST_CASE("polarity is told of either pin", "[instrument][measure]")
{
    const auto m = measured(MeasureKind::polarity, "inverter");
    CHECK(figure(m, "pin2_sign").value == 1.0);
    CHECK(figure(m, "pin3_sign").value == -1.0);
}

TEST_CASE("crosstalk is what the silent leg carries", "[instrument][measure][numbers]")
{
    const auto m = measured(MeasureKind::crosstalk, "dual-unbalanced-left-only");
    const auto& x = figure(m, "crosstalk_db");
    const auto truth = response("dual-unbalanced-left-only", *x.frequency);
    if (x.bound == Figure::Bound::value) CHECK_THAT(x.value, WithinAbs(db(std::abs(truth[1]) / std::abs(truth[0])), 0.1 + x.uncertainty));
    else CHECK(db(std::abs(truth[1]) / std::abs(truth[0])) <= x.value);
}

TEST_CASE("headroom ends where the output distorts, or says that it goes on", "[instrument][measure]")
{
    Settings settings;
    settings.keeps_captures = true;
    const auto m = measured(MeasureKind::headroom, "inverter", settings);
    CHECK(figure(m, "maximum_dbfs").bound == Figure::Bound::at_least);
    // From −30 dBFS in steps of 2 dB; ten periods of 10 ms each, less what lies before the first that is whole.
    REQUIRE(m.captures.size() == 16);
    CHECK(m.captures.front().name == "sine-30.0-below");
    CHECK(m.captures.back().name == "sine-00.0-below");
    CHECK(m.captures.back().record.periods.front().leg[0].size() > 4'320);
    const auto limited = measured(MeasureKind::headroom, "transformer-small");
    CHECK_FALSE(limited.says.empty());
}

TEST_CASE("nothing to measure is said, not measured", "[instrument][measure]")
{
    for (const auto kind : {MeasureKind::level, MeasureKind::response, MeasureKind::latency, MeasureKind::polarity, MeasureKind::crosstalk, MeasureKind::headroom}) {
        CAPTURE(name_of(kind));
        const auto silent = Instrument{Settings{}}.measure_bench(kind, "no-signal");
        REQUIRE_FALSE(silent);
        CHECK_THAT(silent.error().message, ContainsSubstring("carr"));
    }
    const auto receiver = Instrument{Settings{}}.measure_bench(MeasureKind::level, "receiver-ina134");
    REQUIRE_FALSE(receiver);
    CHECK(receiver.error().kind == ErrorKind::usage);
}

TEST_CASE("every figure says how it is defined, and in which unit its name is", "[instrument][measure][numbers]")
{
    using enum MeasureKind;
    const auto kind = GENERATE(level, response, distortion, noise, hum, crosstalk, impedance, headroom, latency, polarity, balance, input);
    CAPTURE(name_of(kind));
    const auto m = measured(kind, kind == input ? "receiver-ina134" : "inverter", settings_with({{"for", "1"}, {"hum", "-60"}}));
    REQUIRE_FALSE(m.figures.empty());
    for (const auto& f : m.figures) {
        CAPTURE(f.id, f.unit);
        CHECK(f.definition.size() > 20);
        CHECK(f.definition.ends_with('.'));
        for (const auto& [unit, ending] : {std::pair{"dB", "_db"}, {"dBu", "_dbu"}, {"dBV", "_dbv"}, {"dBFS", "_dbfs"}, {"V", "_v"}, {"Ω", "_ohm"}, {"%", "_percent"}, {"Hz", "_hz"}, {"ms", "_ms"}})
            if (f.unit == unit) CHECK(f.id.ends_with(ending));
    }
}

TEST_CASE("stopped by hand a measurement gives what it has so far", "[instrument][measure]")
{
    using K = MeasureKind;
    const auto kind = GENERATE(K::level, K::response, K::distortion, K::noise, K::hum, K::crosstalk, K::latency, K::polarity);
    CAPTURE(name_of(kind));
    std::size_t periods = 0;
    const auto result = Instrument{settings_with({{"for", "100"}}), [&] { return periods >= 3; }}.measure_bench(
        kind, "inverter", [&](const procedure::MeasurementProgress& p) { periods = std::max(periods, p.periods); });
    REQUIRE(result);
    const auto& m = result.value();
    CHECK(m.quality.ending == procedure::Ending::stopped);
    CHECK(m.quality.periods >= 2);
    CHECK(m.quality.periods <= 4);
    REQUIRE_FALSE(m.figures.empty());
    if (kind == K::level) {
        const auto& pin2 = figure(m, "pin2_dbfs");
        CHECK_THAT(pin2.value, WithinAbs(-20.0 + db(std::abs(response("inverter", *pin2.frequency)[0])), 2e-3 + 2.0 * pin2.uncertainty));
    }
    if (kind == K::distortion) CHECK(std::ranges::any_of(m.notes, [](const std::string& note) { return note.find("Stopped before SMPTE") != std::string::npos; }));
}

TEST_CASE("what is exported is whole, and can be read again", "[instrument][measure]")
{
    const test::TemporaryFolder folder;
    auto settings = settings_with({{"for", "2s"}});
    settings.keeps_captures = true;
    const auto m = measured(MeasureKind::response, "transformer", settings);
    REQUIRE(Instrument::export_measurement(m, folder.path / "r.csv", folder.path / "wav"));
    std::ifstream csv{folder.path / "r.csv", std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{csv}, {}};
    CHECK_THAT(text, ContainsSubstring("pin2_gain_db,"));
    CHECK(std::filesystem::file_size(folder.path / "wav" / "through.wav") > 4 * 24'000 * 8);
    CHECK_FALSE(Instrument::export_measurement(m, folder.path / "missing" / "r.csv", {}));
}
