#include "report/measurement_json.h"
#include "report/measurement_text.h"

#include <nlohmann/json.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <string>

using namespace lowleg;
using nlohmann::json;
using procedure::Figure;
using Catch::Matchers::ContainsSubstring;

namespace {

Figure figure(double value, const std::string& unit, double uncertainty, Figure::Bound bound = Figure::Bound::value)
{
    return {"x", "X", value, unit, uncertainty, bound, {}, ""};
}

procedure::Measurement some_measurement()
{
    procedure::Measurement m;
    m.kind = "level";
    m.device_under_test = "mixer, left";
    m.sample_rate_hz = 48e3;
    m.figures.push_back({"pin2_dbu", "Pin 2", 3.9876543210123, "dBu", 0.0123, Figure::Bound::value, Hertz{990.0}, "How it is defined."});
    m.figures.push_back({"floor_db", "Floor", 112.0, "dB", 0.0, Figure::Bound::at_least, {}, ""});
    m.curves.push_back({"response", "Response", {{"frequency_hz", "Hz"}, {"gain_db", "dB"}}, {{30.0, -0.1}, {1000.0, 1.0 / 3.0}}});
    m.says = {"It says something."};
    m.notes = {"Said \"so\", too."};
    m.quality.periods = 8;
    m.quality.signal = Seconds{4.0};
    m.quality.hum = Dbfs{-80.0};
    m.quality.hum_frequency = Hertz{50.02};
    m.quality.source = procedure::Source::virtual_bench;
    return m;
}

}  // namespace

TEST_CASE("a figure is told with the digits that mean something", "[report][measure]")
{
    CHECK(report::figure_words(figure(-112.34, "dB", 0.4)) == "−112.3 ± 0.4 dB");
    CHECK(report::figure_words(figure(0.6081, "V", 0.0004)) == "608.1 ± 0.4 mV");
    CHECK(report::figure_words(figure(1234.5, "Ω", 12.0)) == "1.23 ± 0.02 kΩ");  // rounded up, never down
    CHECK(report::figure_words(figure(98.2, "dB", 0.0, Figure::Bound::at_least)) == "≥ 98.20 dB");
    CHECK(report::figure_words(figure(-118.0, "dBFS", 0.0, Figure::Bound::at_most)) == "≤ −118 dBFS");
    CHECK(report::figure_words(figure(1.0, "", 0.0)) == "1");
    CHECK(report::figure_words(figure(3.0, "dB", 0.000001)) == "3.0000 ± 0.0001 dB");
}

TEST_CASE("a measurement reads well", "[report][measure]")
{
    const auto text = report::measurement_text(some_measurement(), {.width = 140}, false);
    for (const auto* part : {"level, mixer, left  [VIRTUAL BENCH]", "Pin 2", "3.99 ± 0.02 dBu at 990 Hz", "≥ 112 dB", "Response", "frequency, Hz", "−0.100", "It says something.",
                             "8 periods, 4.0 s of signal at 48000 Hz", "hum −80.0 dBFS of 50.02 Hz", "Note         Said \"so\", too."}) {
        CAPTURE(part, text);
        CHECK_THAT(text, ContainsSubstring(part));
    }
    CHECK_THAT(text, !ContainsSubstring("How it is defined."));
    CHECK_THAT(report::measurement_text(some_measurement(), {.width = 80}, true), ContainsSubstring("How it is defined."));
    CHECK_THAT(text, !ContainsSubstring("nan"));
}

TEST_CASE("a measurement as JSON keeps every number", "[report][measure]")
{
    const auto j = json::parse(report::measurement_json(some_measurement()));
    CHECK(j.at("schema") == "lowleg.measure/1");
    CHECK(j.at("kind") == "level");
    CHECK(j.at("figures").at(0).at("value").get<double>() == 3.9876543210123);
    CHECK(j.at("figures").at(0).at("frequency_hz").get<double>() == 990.0);
    CHECK(j.at("figures").at(1).at("uncertainty").is_null());
    CHECK(j.at("figures").at(1).at("bound") == "at-least");
    CHECK(j.at("curves").at(0).at("rows").at(1).at(1).get<double>() == 1.0 / 3.0);
    CHECK(j.at("quality").at("ending") == "settled");
    CHECK(j.at("calibration").at("kind") == "none");
    CHECK(j.at("settings").at("fixture").at("rin_ohm").at(0).get<double>() == 10e3);
}

TEST_CASE("a measurement as CSV: names, units, full precision", "[report][measure]")
{
    const auto text = report::measurement_csv(some_measurement());
    CHECK(text ==
          "name,value,unit,uncertainty,bound,frequency\r\n"
          ",,,(unit of the value),,Hz\r\n"
          "pin2_dbu,3.9876543210123,dBu,0.0123,value,990\r\n"
          "floor_db,112,dB,,at-least,\r\n"
          "\r\n"
          "frequency_hz,gain_db\r\n"
          "Hz,dB\r\n"
          "30,-0.1\r\n"
          "1000,0.3333333333333333\r\n");
}

TEST_CASE("the progress line shows the figure settling", "[report][measure]")
{
    procedure::MeasurementProgress p{"level", 3, Seconds{1.5}, figure(-20.1, "dB", 0.03), {}};
    p.leading->words = "Gain";
    CHECK(report::progress_words(p) == "level: 1.5 s, Gain −20.10 ± 0.03 dB");
}
