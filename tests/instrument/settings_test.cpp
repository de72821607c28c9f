#include "instrument/settings.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <set>

using namespace lowleg;
using namespace lowleg::instrument;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("every default of the table is what the settings start from", "[instrument][settings]")
{
    const Settings start;
    for (const auto& row : settings_table()) {
        CAPTURE(row.name);
        Settings s;
        if (!row.fallback.empty()) REQUIRE(apply_setting(s, row.name, row.fallback));
        CHECK(s.sample_rate_hz == start.sample_rate_hz);
        CHECK(s.inputs == start.inputs);
        CHECK(s.outputs == start.outputs);
        CHECK(s.states == start.states);
        CHECK(s.periods == start.periods);
        CHECK(s.fixture.rin2 == start.fixture.rin2);
        CHECK(s.fixture.rin3 == start.fixture.rin3);
        CHECK(std::abs(s.fixture.cin.value() - start.fixture.cin.value()) < 1e-24);
        CHECK(s.fixture.rg == start.fixture.rg);
        CHECK(s.fixture.rs == start.fixture.rs);
        CHECK(s.fixture.gain_ratio == start.fixture.gain_ratio);
        REQUIRE(s.fixture.probe);
        CHECK(s.fixture.probe->rp2 == start.fixture.probe->rp2);
        CHECK(s.fixture.probe->rp3 == start.fixture.probe->rp3);
    }
    std::set<std::string_view> names;
    for (const auto& row : settings_table()) CHECK(names.insert(row.name).second);
}

TEST_CASE("values are read as technicians write them", "[instrument][settings]")
{
    Settings s;
    REQUIRE(apply_setting(s, "rin", "20k,1meg"));
    CHECK(s.fixture.rin2 == Ohms{20e3});
    CHECK(s.fixture.rin3 == Ohms{1e6});
    REQUIRE(apply_setting(s, "rin", "47k"));
    CHECK(s.fixture.rin3 == Ohms{47e3});
    REQUIRE(apply_setting(s, "rp", "none"));
    CHECK_FALSE(s.fixture.probe);
    REQUIRE(apply_setting(s, "rp", "10010,9990"));
    CHECK(s.fixture.probe->rp3 == Ohms{9990.0});
    REQUIRE(apply_setting(s, "states", "lifted,through,lifted"));
    CHECK(s.states == std::vector{SwitchState::lifted, SwitchState::through});
    REQUIRE(apply_setting(s, "in", "3,4"));
    CHECK(s.inputs == std::array{3, 4});
    REQUIRE(apply_setting(s, "rate", "96k"));
    CHECK(s.sample_rate_hz == 96e3);
    // Picofarads without a suffix, farads with one: both are what people write.
    REQUIRE(apply_setting(s, "cin", "330"));
    const auto bare = s.fixture.cin.value();
    REQUIRE(apply_setting(s, "cin", "330p"));
    CHECK(std::abs(bare - s.fixture.cin.value()) < 1e-20);
    CHECK(std::abs(bare - 330e-12) < 1e-20);
}

TEST_CASE("who writes M for a million is told how to write it", "[instrument][settings]")
{
    Settings s;
    CHECK_THAT(apply_setting(s, "rin", "1M").error().message, ContainsSubstring("meg"));
    CHECK_THAT(apply_setting(s, "rin", "ten").error().message, !ContainsSubstring("meg"));
}

TEST_CASE("what no setting can be is refused, named, and leaves no trace", "[instrument][settings]")
{
    struct Bad { const char* name; const char* text; };
    for (const auto& [name, text] :
         {Bad{"rin", "0"}, {"rin", ""}, {"rin", ","}, {"rin", "1k,2k,3k"}, {"rin", "-10k"}, {"rin", "nan"}, {"rin", "1M"}, {"rin", "ten"},
          {"cin", "-1"}, {"cin", "1"  "e999"}, {"rg", "0"}, {"rp", "None"}, {"rp", "1"}, {"rs", "-1"}, {"rate", "7999"}, {"rate", "inf"}, {"rate", "48000.5"},
          {"in", "1"}, {"in", "1,1"}, {"in", "0,1"}, {"in", "1.5,2"}, {"out", "1,2,3"}, {"states", "loaded"}, {"states", ""},
          {"states", "through,"}, {"states", "through;loaded"}, {"periods", "1"}, {"periods", "2.5"}, {"periods", "1001"},
          {"gain-ratio", "0"}}) {
        CAPTURE(name, text);
        Settings s;
        const auto status = apply_setting(s, name, text);
        REQUIRE_FALSE(status);
        CHECK(status.error().kind == ErrorKind::usage);
        CHECK_THAT(status.error().message, ContainsSubstring("--" + std::string{name}));
        CHECK(s.fixture.rin2 == Ohms{10e3});
        CHECK(s.fixture.probe);
        CHECK(s.states.size() == 4);
        CHECK(s.periods == 4);
        CHECK(s.inputs == std::array{1, 2});
    }
    Settings s;
    CHECK_FALSE(apply_setting(s, "nonsense", "1"));
    CHECK_THAT(apply_setting(s, "rin", "0").error().message, ContainsSubstring("1 Ω to 100 MΩ"));
    CHECK_THAT(apply_setting(s, "rp", "0").error().message, ContainsSubstring("or none"));
}
