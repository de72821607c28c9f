// Leg impedances, their balance, and the symmetry of the signal, against circuits whose parts say what they are.
#include "instrument/exchange.h"
#include "instrument/instrument.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

using namespace lowleg;
using instrument::Instrument;
using instrument::Settings;
using procedure::Figure;
using procedure::MeasureKind;
using procedure::Measurement;
using Catch::Matchers::WithinAbs;

namespace {

/// Two legs of chosen resistances; pin 3 carries `gain3` times what pin 2 does.
std::string output_file(const test::TemporaryFolder& folder, double leg2, double leg3, double gain3)
{
    const auto path = folder.path / "output.cir";
    std::ofstream{path} << "* two legs\n*\n* topology: inverter\nRin drv 0 10k\nE2 a 0 drv 0 1\nE3 b 0 drv 0 " << gain3 << "\nR2 a p2 " << leg2 << "\nR3 b p3 " << leg3
                        << "\n.end\n";
    return path.string();
}

Settings settings_with(const char* gain_mismatch, const char* seed)
{
    Settings settings;
    REQUIRE(instrument::apply_setting(settings, "gain-mismatch", gain_mismatch));
    REQUIRE(instrument::apply_setting(settings, "seed", seed));
    return settings;
}

const Figure& figure(const Measurement& m, std::string_view id)
{
    const auto found = std::ranges::find(m.figures, id, &Figure::id);
    INFO("figure " << id);
    REQUIRE(found != m.figures.end());
    return *found;
}

Measurement taken(Result<Measurement> result)
{
    if (!result) FAIL(result.error().message);
    return std::move(result).value();
}

// The closed switch is 0.02 Ω of pin 3's lead.
constexpr double switch_ohms = 0.02;

}  // namespace

TEST_CASE("exchanged leads tell 1 ohm of imbalance in 50, whatever the inputs differ by", "[instrument][balance][numbers]")
{
    const test::TemporaryFolder folder;
    const auto file = output_file(folder, 50.0, 51.0, -1.0);
    const auto* mismatch = GENERATE("0.3", "-0.3");
    const auto* seed = GENERATE("1", "2");
    CAPTURE(mismatch, seed);
    const auto m = taken(instrument::balance_exchanged_bench(settings_with(mismatch, seed), file, {}, [] { return false; }));
    const auto& imbalance = figure(m, "imbalance_ohm");
    CHECK(imbalance.bound == Figure::Bound::value);
    CHECK(imbalance.uncertainty < 0.25);  // so that 1 Ω is told from none, and from 1.5
    CHECK_THAT(imbalance.value, WithinAbs(1.0 + switch_ohms, imbalance.uncertainty));
    // A perfect input of 10 kΩ a leg turns it into 20·log((10k + 50)(10k + 51)/(10k·1)), to first order 20·log(10k/1) + 0.087 dB.
    const double rin = 10e3;
    const double conversion = rin / (rin + 50.0) - rin / (rin + 51.0 + switch_ohms);
    const auto& rejection = figure(m, "rejection_10k_db");
    CHECK_THAT(rejection.value, WithinAbs(-20.0 * std::log10(conversion), rejection.uncertainty));
}

TEST_CASE("where nobody compared the inputs, the interval holds what they usually differ by", "[instrument][balance]")
{
    const test::TemporaryFolder folder;
    const auto file = output_file(folder, 50.0, 51.0, -1.0);
    const auto m = taken(Instrument{settings_with("0.2", "1")}.measure_bench(MeasureKind::balance, file));
    const auto& imbalance = figure(m, "imbalance_ohm");
    CHECK(imbalance.uncertainty > 1.0);  // two inputs seldom differ by more than 0.3 dB: 1.7 Ω of 48
    CHECK_THAT(imbalance.value, WithinAbs(1.0 + switch_ohms, imbalance.uncertainty));
}

TEST_CASE("symmetry of the signal is told apart from balance of the impedances", "[instrument][balance]")
{
    const test::TemporaryFolder folder;
    struct Case { double leg2, leg3, gain3; };
    // One signal behind equal legs; opposite signals behind unequal ones; half the signal on pin 3.
    const auto given = GENERATE(Case{75.0, 75.0, 0.0}, Case{75.0, 150.0, -1.0}, Case{100.0, 100.0, -0.5});
    CAPTURE(given.leg2, given.leg3, given.gain3);
    const auto m = taken(Instrument{settings_with("0", "1")}.measure_bench(MeasureKind::balance, output_file(folder, given.leg2, given.leg3, given.gain3)));
    const auto& imbalance = figure(m, "imbalance_ohm");
    const double ohms = std::abs(given.leg2 - given.leg3 - switch_ohms);
    if (imbalance.bound == Figure::Bound::at_most) CHECK(ohms <= imbalance.value);
    else CHECK_THAT(imbalance.value, WithinAbs(ohms, imbalance.uncertainty));
    // As this fixture loads them: 10 kΩ in each input, 20 kΩ of the probe between the legs (nothing where they move alike) and 200 pF, which 75 Ω do not see.
    const double load = 1.0 / 10e3;
    const double half_probe = 1.0 / 10e3;
    const double y2 = 1.0 / given.leg2;
    const double y3 = 1.0 / (given.leg3 + switch_ohms);
    // Rp2 and Rp3 meet at Rs to ground of 100 Ω: a node of its own.
    const double own = load + half_probe;
    const double node = 2.0 * half_probe + 1.0 / 100.0;
    const double mutual = half_probe * half_probe / node;
    const double a = y2 + own - mutual;
    const double b = y3 + own - mutual;
    const double i2 = y2;
    const double i3 = given.gain3 * y3;
    const double determinant = a * b - mutual * mutual;
    const double v2 = (i2 * b + i3 * mutual) / determinant;
    const double v3 = (i3 * a + i2 * mutual) / determinant;
    const double symmetry = 20.0 * std::log10(std::abs(v2 - v3) / std::abs(v2 + v3));
    const auto& told = figure(m, "signal_symmetry_db");
    CAPTURE(symmetry, told.value, told.uncertainty);
    // i3 is read behind the switch, where 20 mΩ in 10 kΩ are 2e-6.
    if (told.bound == Figure::Bound::value) CHECK_THAT(told.value, WithinAbs(symmetry, told.uncertainty + 1e-3));
    else CHECK(symmetry >= told.value);
}

TEST_CASE("where nothing is connected there is no balance", "[instrument][balance]")
{
    Settings settings;
    REQUIRE(instrument::apply_setting(settings, "fault", "muted"));
    const test::TemporaryFolder folder;
    const auto path = folder.path / "nothing.cir";
    std::ofstream{path} << "* open pins\n*\n* topology: inverter\nRin drv 0 10k\nR2 p2 0 1e12\nR3 p3 0 1e12\n.end\n";
    const auto m = Instrument{settings}.measure_bench(MeasureKind::balance, path.string());
    REQUIRE_FALSE(m);
    CHECK(m.error().message.find('\n') == std::string::npos);
}
