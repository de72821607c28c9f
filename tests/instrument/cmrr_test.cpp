// Common-mode rejection as the instrument measures it on the virtual bench, through noise and hum, against the receivers' own equations and against
// ngspice on the same netlists.
#include "bench/collection.h"
#include "bench/figures.h"
#include "bench/wiring.h"
#include "instrument/instrument.h"
#include "support/fixture_deck.h"
#include "support/ngspice.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using procedure::Cmrr;
using procedure::CmrrMethod;
using procedure::CmrrPoint;
using procedure::CmrrValue;

namespace {

/// The interface that the figures are promised for.
instrument::Settings noisy_settings(const std::string& seed = "1")
{
    instrument::Settings settings;
    for (const auto& [name, text] : {std::pair<const char*, std::string>{"noise", "-110"}, {"hum", "-60"}, {"hum-hz", "50.02"}, {"seed", seed}})
        REQUIRE(instrument::apply_setting(settings, name, text));
    return settings;
}

Cmrr measured(const std::string& name, const instrument::Settings& settings, CmrrMethod method = CmrrMethod::tied, bool own_input = false)
{
    auto result = instrument::Instrument{settings}.cmrr_bench(name, method, own_input);
    if (!result) FAIL(result.error().message);
    return std::move(result).value();
}

/// Common, leg 2, leg 3, IEC of the receiver alone: what drives it has no resistance of its own.
class Truth {
public:
    explicit Truth(const std::string& name)
    {
        Fixture fixture;
        fixture.rs = Ohms{0.0};
        const auto circuit = bench::find_circuit(name);
        REQUIRE(circuit);
        const auto netlist = bench::read_circuit(circuit.value());
        REQUIRE(netlist);
        auto solved = bench::SolvedCircuit::build(netlist.value(), bench::CircuitKind::receiver, fixture);
        REQUIRE(solved);
        solved_.push_back(std::move(solved).value());
    }
    [[nodiscard]] std::array<double, 4> at(Hertz f) const
    {
        const auto values = solved_.front().read(f);
        REQUIRE(values);
        const auto& figures = solved_.front().figures();
        std::array<double, 4> out{};
        constexpr std::array<std::string_view, 4> names{"cmrr_common_db", "cmrr_leg2_db", "cmrr_leg3_db", "cmrr_iec_db"};
        for (std::size_t i = 0; i < names.size(); ++i)
            out.at(i) = values.value().at(static_cast<std::size_t>(std::ranges::find(figures, names.at(i), &bench::Figure::id) - figures.begin()));
        return out;
    }

private:
    std::vector<bench::SolvedCircuit> solved_;
};

const std::array values_of_point{&CmrrPoint::common, &CmrrPoint::leg2, &CmrrPoint::leg3, &CmrrPoint::iec};

/// What was stated, and what holds.
struct Coverage {
    int values{};
    int outside{};         ///< Of the stated 95 % interval, or above a floor that the truth does not reach.
    double worst{};        ///< Error over stated uncertainty.
    void look(const CmrrValue& value, double truth)
    {
        ++values;
        if (value.at_floor) {
            outside += truth < value.db - 1e-6 ? 1 : 0;
            return;
        }
        const double ratio = std::abs(value.db - truth) / value.uncertainty_db;
        worst = std::max(worst, ratio);
        outside += ratio > 1.0 ? 1 : 0;
    }
    /// Of numbers stated at 95 %, 5 % are expected outside. Each noise is seen up to twice (the worse leg is one of the two, a figure lies beside a
    /// point of the curve), which doubles the variance of their count; four standard deviations above. None lies as far out as 5 σ, which is 2.5 of
    /// these uncertainties (once in 2,500 runs of 700 numbers).
    void check() const
    {
        CAPTURE(values, outside, worst);
        CHECK(outside <= 0.05 * values + 4.0 * std::sqrt(2.0 * 0.05 * 0.95 * values));
        CHECK(worst < 2.5);
    }
};

/// Checks what is promised: 0.3 dB up to 100 dB over the curve, 1 dB up to 120 dB at the figures.
void check_promise(const Cmrr& cmrr, const Truth& truth, Coverage& coverage)
{
    for (const bool is_figure : {false, true})
        for (const auto& point : is_figure ? cmrr.figures : cmrr.curve) {
            const auto true_db = truth.at(point.frequency);
            for (std::size_t i = 0; i < true_db.size(); ++i) {
                const auto& value = point.*values_of_point.at(i);
                REQUIRE(value);
                CAPTURE(point.frequency.value(), is_figure, i, true_db.at(i), value->db, value->uncertainty_db, value->at_floor);
                coverage.look(*value, true_db.at(i));
                if (true_db.at(i) > (is_figure ? 120.0 : 100.0)) continue;
                CHECK_FALSE(value->at_floor);
                CHECK_THAT(value->db, WithinAbs(true_db.at(i), is_figure && true_db.at(i) > 100.0 ? 1.0 : 0.3));
            }
        }
}

/// A receiver whose parts and legs are chosen: gains 1 and −(1 − error), `leg_ohms` from each leg to ground.
std::string receiver_text(double error, double leg_ohms)
{
    return "a receiver with chosen errors\nR2 p2 0 " + format_number(leg_ohms) + "\nR3 p3 0 " + format_number(leg_ohms) + "\nE2 a 0 p2 0 1\nE3 o a p3 0 " +
           format_number(-(1.0 - error)) + "\nRo o out 50\n.end\n";
}

std::string netlist_file(const test::TemporaryFolder& folder, const std::string& name, const std::string& text)
{
    const auto path = folder.path / (name + ".cir");
    std::ofstream{path} << text;
    return path.string();
}

}  // namespace

TEST_CASE("every balanced receiver that ships is measured as its equations say, through noise and hum", "[instrument][cmrr][numbers]")
{
    Coverage coverage;
    int receivers = 0;
    for (const auto& circuit : instrument::Instrument::list_circuits()) {
        if (circuit.kind != "receiver" || circuit.name == "receiver-unbalanced") continue;
        CAPTURE(circuit.name);
        ++receivers;
        const auto cmrr = measured(circuit.name, noisy_settings());
        check_promise(cmrr, Truth{circuit.name}, coverage);
        CHECK(cmrr.quality.signal.value() <= 28.0);  // whole periods; settling comes on top, within 30 s
        CHECK(cmrr.figures.size() == 4);
        CHECK(cmrr.curve.front().frequency.value() < 25.0);
        CHECK(cmrr.curve.back().frequency.value() > 19.5e3);
    }
    CHECK(receivers >= 5);
    coverage.check();
}

TEST_CASE("rejections of 100 and 120 dB are measured as promised, and what is stated of them holds", "[instrument][cmrr][numbers]")
{
    const test::TemporaryFolder folder;
    Coverage coverage;
    // The second: tied 123.7 dB, leg 2 129.7 dB, leg 3 120.2 dB.
    for (const bool is_deeper : {false, true}) {
        const auto file = netlist_file(folder, "chosen", is_deeper ? receiver_text(6.5e-7, 30e6) : receiver_text(0.8e-5, 5e6));
        const Truth truth{file};
        for (const std::string seed : {"1", "2", "3", "4"}) {
            CAPTURE(file, seed);
            check_promise(measured(file, noisy_settings(seed)), truth, coverage);
        }
    }
    coverage.check();
}

TEST_CASE("legs tied and leads exchanged agree about an input, and the outputs' difference is told", "[instrument][cmrr]")
{
    const test::TemporaryFolder folder;
    const auto file = netlist_file(folder, "chosen", receiver_text(1e-4, 1e6));  // 80 dB with the legs tied
    const Truth truth{file};
    const auto exchanged = measured(file, noisy_settings(), CmrrMethod::exchanged);
    const auto true_db = truth.at(Hertz{1000.0});
    REQUIRE(exchanged.at_1khz().common);
    CHECK_THAT(exchanged.at_1khz().common->db, WithinAbs(true_db[0], exchanged.at_1khz().common->uncertainty_db + 0.01));
    CHECK_FALSE(exchanged.at_1khz().iec);
    // Output 1 has input 2's 10 kΩ on its 100 Ω, output 2 has not: 1 % of difference is 40 dB.
    REQUIRE(exchanged.limits);
    REQUIRE(exchanged.limits->source_db);
    CHECK_THAT(*exchanged.limits->source_db, WithinAbs(40.0, 1.0));
}

TEST_CASE("what limits an input is told apart", "[instrument][cmrr][numbers]")
{
    const test::TemporaryFolder folder;
    // 61.9 dB of match with 5 MΩ a leg (114 dB behind 10 Ω); 100 dB of match with 20 kΩ (66 dB).
    const bool is_matched = GENERATE(false, true);
    const auto file = netlist_file(folder, "chosen", is_matched ? receiver_text(1e-5, 20e3) : receiver_text(0.8e-3, 5e6));
    const auto cmrr = measured(file, noisy_settings());
    REQUIRE(cmrr.limits);
    CHECK(cmrr.limits->limit == (is_matched ? procedure::CmrrLimit::common_mode_impedance : procedure::CmrrLimit::resistor_match));
    CHECK(*cmrr.grade == procedure::CmrrGrade::good);  // 62 dB and 66 dB
    if (is_matched) {
        REQUIRE(cmrr.limits->leg2);
        CHECK_THAT(cmrr.limits->leg2->magnitude.value(), WithinAbs(20e3, cmrr.limits->leg2->uncertainty.value()));
        CHECK(cmrr.at_1khz().iec->db < 67.0);
    } else {
        CHECK_THAT(*cmrr.limits->match_db, WithinAbs(-20.0 * std::log10(0.8e-3), 0.1));
    }
}

TEST_CASE("at 96 kHz the curve goes on to 40 kHz", "[instrument][cmrr][numbers]")
{
    auto settings = noisy_settings();
    REQUIRE(instrument::apply_setting(settings, "rate", "96000"));
    const test::TemporaryFolder folder;
    const auto file = netlist_file(folder, "chosen", receiver_text(1e-4, 1e6));
    const auto cmrr = measured(file, settings);
    CHECK(cmrr.curve.back().frequency.value() > 39e3);
    CHECK_THAT(cmrr.curve.back().common->db, WithinAbs(Truth{file}.at(cmrr.curve.back().frequency)[0], 0.3));
}

TEST_CASE("the interface's own input is measured without a reference", "[instrument][cmrr]")
{
    const test::TemporaryFolder folder;
    const auto file = netlist_file(folder, "chosen", receiver_text(1e-4, 1e6));
    const auto cmrr = measured(file, noisy_settings(), CmrrMethod::tied, true);
    CHECK(cmrr.own_input);
    CHECK_FALSE(cmrr.has_reference);
    const auto true_db = Truth{file}.at(Hertz{1000.0});
    REQUIRE(cmrr.at_1khz().iec);
    // 100 Ω of the output before 500 kΩ of both legs are 0.002 dB.
    CHECK_THAT(cmrr.at_1khz().iec->db, WithinAbs(true_db[3], cmrr.at_1khz().iec->uncertainty_db + 0.01));
}

TEST_CASE("what is wired wrongly, unbalanced or overdriven has no rejection to tell", "[instrument][cmrr]")
{
    const test::TemporaryFolder folder;
    const auto refusal = [&](const std::string& text, const instrument::Settings& settings = noisy_settings()) {
        const auto result = instrument::Instrument{settings}.cmrr_bench(netlist_file(folder, "wrong", text), CmrrMethod::tied, false);
        REQUIRE_FALSE(result);
        CHECK(result.error().message.find('\n') == std::string::npos);
        return result.error().message;
    };
    const std::string ends = "Ro o out 50\n.end\n";
    SECTION("legs exchanged") { CHECK_THAT(refusal("exchanged legs\nR2 p2 0 1meg\nR3 p3 0 1meg\nE2 a 0 p3 0 1\nE3 o a p2 0 -1\n" + ends), ContainsSubstring("legs are exchanged")); }
    SECTION("a leg open") { CHECK_THAT(refusal("pin 3 on nothing\nR2 p2 0 1meg\nR3 p3 0 1e12\nR4 q 0 1meg\nE2 a 0 p2 0 1\nE3 o a q 0 -1\n" + ends), ContainsSubstring("pin 3 does not reach")); }
    SECTION("the other leg open") { CHECK_THAT(refusal("pin 2 on nothing\nR2 p2 0 1e12\nR3 p3 0 1meg\nR4 q 0 1meg\nE2 a 0 q 0 1\nE3 o a p3 0 -1\n" + ends), ContainsSubstring("pin 2 does not reach")); }
    SECTION("legs that add") { CHECK_THAT(refusal("a mixer\nR2 p2 0 1meg\nR3 p3 0 1meg\nE2 a 0 p2 0 1\nE3 o a p3 0 1\n" + ends), ContainsSubstring("same sign")); }
    SECTION("nothing") { CHECK_THAT(refusal("nothing\nR2 p2 0 1meg\nR3 p3 0 1meg\nRn o 0 50\n" + ends), ContainsSubstring("nothing of the test signal arrives")); }
    SECTION("clipping")
    {
        auto settings = noisy_settings();
        REQUIRE(instrument::apply_setting(settings, "clip", "-30"));
        CHECK_THAT(refusal(receiver_text(1e-4, 1e6), settings), ContainsSubstring("clips or distorts"));
    }
}
