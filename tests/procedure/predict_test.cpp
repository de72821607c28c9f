// What is taken for a result, what for a load, and what is refused and why.
#include "procedure/predict.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <string>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using procedure::predict;
using procedure::predicted_input_of;
using topology::EntryStatus;

namespace {

/// Two amplifiers behind 100 Ω each, as the bare contract writes them: neither readings nor fixture.
std::string result_of(const std::string& rows, const std::string& verdict = "inverter")
{
    return R"({"schema": "lowleg.identify/1", "verdict": ")" + verdict + R"(", "probability": 0.99, "pin3_hot": false, "advice": {"unbalanced_input": "leave-pin-3-unconnected"},)" +
           R"("alternatives": [], "quality": {"source": "device"}, "two_port": [)" + rows + "]}";
}
std::string row(double hertz, const std::string& z22 = "[100, 0]", const std::string& status22 = "measured")
{
    return R"({"frequency_hz": )" + std::to_string(hertz) + R"(, "e2": [1, 0], "e3": [-1, 0], "z22": )" + z22 +
           R"(, "z23": [0, 0], "z32": [0, 0], "z33": [100, 0], "status": {"e2": "measured", "e3": "measured", "z22": ")" + status22 +
           R"(", "z23": "measured", "z32": "measured", "z33": "measured"}})";
}
const std::string whole = result_of(row(500.0) + "," + row(2000.0));

procedure::PredictedInput into(double ohms) { return {Ohms{ohms}, Farads{0.0}, false}; }

}  // namespace

TEST_CASE("a load is ohms, and a capacitance in farads or pF", "[procedure][predict]")
{
    const auto plain = predicted_input_of("600");
    REQUIRE(plain);
    CHECK(plain.value().resistance == Ohms{600.0});
    CHECK(plain.value().capacitance == Farads{0.0});
    for (const auto* text : {"10k,1n", "10k, 1n", "10000,1000", "10kohm,1nF"}) {
        const auto both = predicted_input_of(text);
        CAPTURE(text);
        REQUIRE(both);
        CHECK(both.value().resistance == Ohms{10e3});
        CHECK_THAT(both.value().capacitance.value(), WithinAbs(1e-9, 1e-15));
    }
    for (const auto* text : {"0", "-600", "nan", "inf", "", "ten", "600,", "600,-1n", "600,nan", "600,1", "600,1f,3", "1e400", "10k,1m5"}) {
        const auto bad = predicted_input_of(text);
        CAPTURE(text);
        if (std::string_view{text} == "600,1") { CHECK(bad); continue; }  // 1 pF
        REQUIRE_FALSE(bad);
        CHECK(bad.error().kind == ErrorKind::usage);
    }
}

TEST_CASE("a two-port of the bare contract predicts by its closed form", "[procedure][predict]")
{
    const auto p = predict(whole, into(600.0));
    REQUIRE(p);
    // Per leg 600/(600+100) against the fixture's load: 10 kΩ beside the probe resistor (10 kΩ; its node is at 0 V, for the legs are equal and
    // opposite) and 200 pF, which at 2 kHz is 400 kΩ and changes nothing here.
    const double expected = gain_of((600.0 / 700.0) / (5e3 / 5100.0)).value();
    CHECK(p.value().levels.size() == 2);
    CHECK(p.value().at_1khz.status == EntryStatus::measured);
    REQUIRE(p.value().at_1khz.differential);
    CHECK_THAT(p.value().at_1khz.differential->value.value(), WithinAbs(expected, 1e-3));
    REQUIRE(p.value().costs.size() == 1);
    CHECK_THAT(p.value().costs[0], ContainsSubstring("which fixture"));

    auto unbalanced = into(600.0);
    unbalanced.unbalanced = true;
    const auto u = predict(whole, unbalanced);
    REQUIRE(u);
    CHECK(u.value().pin3 == topology::FarEnd::Pin3::open);
    CHECK_THAT(u.value().at_1khz.differential->value.value(), WithinAbs(expected + gain_of(0.5).value(), 1e-3));
    CHECK_FALSE(u.value().at_1khz.pin3);
}

TEST_CASE("what was assumed has its price told", "[procedure][predict]")
{
    const auto p = predict(result_of(row(500.0) + "," + row(2000.0, "[100, 0]", "assumed")), into(600.0));
    REQUIRE(p);
    CHECK(p.value().levels[0].status == EntryStatus::measured);
    CHECK(p.value().levels[1].status == EntryStatus::assumed);
    CHECK(p.value().at_1khz.status == EntryStatus::assumed);
    const auto& d = p.value().levels[1].differential;
    REQUIRE(d);
    CHECK(d->least < d->value);
    CHECK(d->value < d->most);
    REQUIRE(p.value().costs.size() == 2);
    CHECK_THAT(p.value().costs[1], ContainsSubstring("z22 was not measured: at 1 of 2 frequencies") && ContainsSubstring("dB open"));
}

TEST_CASE("what is no result is refused with the reason", "[procedure][predict]")
{
    const auto refused = [](const std::string& text, const std::string& why) {
        const auto p = predict(text, into(600.0));
        CAPTURE(text.substr(0, 60), why);
        REQUIRE_FALSE(p);
        CHECK(p.error().kind == ErrorKind::failure);
        CHECK_THAT(p.error().message, ContainsSubstring(why));
    };
    refused("", "no JSON");
    refused("{\"schema\": ", "no JSON");
    refused("[]", "names no schema");
    refused("3", "names no schema");
    refused(R"({"schema": "lowleg.cmrr/1"})", "lowleg.cmrr/1");
    refused(R"({"schema": "lowleg.identify-all/1", "results": []})", "several results");
    refused(R"({"schema": "lowleg.identify/1", "verdict": "inverter"})", "no two-port");
    refused(result_of(""), "no two-port");
    refused(result_of(row(0.0)), "without its frequency");
    refused(result_of(row(500.0), "no-signal"), "no-signal");
    refused(result_of(R"({"frequency_hz": 500, "e2": null, "e3": null, "z22": null, "z23": null, "z32": null, "z33": null})"), "nothing follows");
    refused(std::string(100'000, '[') + std::string(100'000, ']'), "nested");
    auto hot = whole;
    hot.replace(hot.find("\"pin3_hot\": false"), 17, "\"pin3_hot\": true ");
    refused(hot, "exchange the leads");
}
