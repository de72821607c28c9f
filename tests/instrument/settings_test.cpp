#include "instrument/settings.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <set>
#include <string>
#include <utility>

using namespace lowleg;
using namespace lowleg::instrument;
using Catch::Matchers::ContainsSubstring;

namespace {

void check_same(const bench::InterfaceModel& a, const bench::InterfaceModel& b)
{
    CHECK(a.full_scale == b.full_scale);
    CHECK(a.noise == b.noise);
    CHECK(a.hum == b.hum);
    CHECK(a.hum_frequency == b.hum_frequency);
    CHECK(a.ac_coupling == b.ac_coupling);
    CHECK(a.clipping == b.clipping);
    CHECK(a.clock_ppm == b.clock_ppm);
    CHECK(a.dropouts.per_minute == b.dropouts.per_minute);
    CHECK(a.dropouts.frames == b.dropouts.frames);
    CHECK(a.dropouts.kind == b.dropouts.kind);
    CHECK(a.delay_frames == b.delay_frames);
    CHECK(a.seed == b.seed);
    CHECK(a.wrong_moves == b.wrong_moves);
}

}  // namespace

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
        check_same(s.interface, start.interface);
        CHECK(s.gain_mismatch == start.gain_mismatch);
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

TEST_CASE("the simulated interface is set like any other thing", "[instrument][settings]")
{
    Settings s;
    for (const auto& [name, text] : {std::pair{"noise", "-98.5"}, {"hum", "-60"}, {"hum-hz", "59.98"}, {"gain-mismatch", "-0.3"}, {"ac-coupling", "2.5,3"},
                                     {"clip", "-1"}, {"delay", "1234"}, {"clock", "-37.5"}, {"dropouts", "6,32,slip"}, {"seed", "9007199254740991"}, {"full-scale", "18"}}) {
        CAPTURE(name, text);
        REQUIRE(apply_setting(s, name, text));
    }
    CHECK(s.interface.noise == Dbfs{-98.5});
    CHECK(s.interface.hum == Dbfs{-60.0});
    CHECK(s.interface.hum_frequency == Hertz{59.98});
    CHECK(s.interface.ac_coupling == std::array{Hertz{2.5}, Hertz{3.0}});
    CHECK(s.interface.clipping == Dbfs{-1.0});
    CHECK(s.interface.delay_frames == 1234);
    CHECK(s.interface.clock_ppm == -37.5);
    CHECK(s.interface.dropouts.per_minute == 6.0);
    CHECK(s.interface.dropouts.frames == 32);
    CHECK(s.interface.dropouts.kind == bench::Dropouts::Kind::slip);
    CHECK(s.interface.seed == 9007199254740991U);
    CHECK(s.interface.full_scale == Dbu{18.0});
    // In truth, not in what the measurement takes for granted: 20·lg(1.035/x) with x the ratio that it knows of.
    CHECK(s.fixture.gain_ratio == 1.0);
    REQUIRE(apply_setting(s, "gain-ratio", "2"));
    CHECK(std::abs(s.bench_fixture().gain_ratio - 2.0 * amplitude_ratio(GainDb{-0.3})) < 1e-12);

    REQUIRE(apply_setting(s, "hum", "none"));
    REQUIRE(apply_setting(s, "ac-coupling", "5"));
    REQUIRE(apply_setting(s, "dropouts", "0.5"));
    CHECK_FALSE(s.interface.hum);
    CHECK(s.interface.ac_coupling == std::array{Hertz{5.0}, Hertz{5.0}});
    CHECK(s.interface.dropouts.per_minute == 0.5);
    CHECK(s.interface.dropouts.frames == 64);
    CHECK(s.interface.dropouts.kind == bench::Dropouts::Kind::silence);
    REQUIRE(apply_setting(s, "ac-coupling", "none"));
    REQUIRE(apply_setting(s, "dropouts", "none"));
    CHECK(s.interface.ac_coupling == std::array{Hertz{0.0}, Hertz{0.0}});
    CHECK(s.interface.dropouts.per_minute == 0.0);
}

TEST_CASE("what the table lets pass, the simulated interface takes", "[instrument][settings]")
{
    // At the rate at which the longest delay of the table is 10 s.
    for (const auto& row : settings_table()) {
        if (row.group != SettingGroup::simulation || row.most == 0) continue;
        for (const double edge : {row.lowest, row.highest}) {
            Settings s;
            CAPTURE(row.name, edge);
            REQUIRE(apply_setting(s, row.name, std::to_string(edge)));
            CHECK(s.interface.check(48e3));
        }
    }
}

TEST_CASE("wrong moves are set by their names, all at once", "[instrument][settings]")
{
    Settings s;
    REQUIRE(apply_setting(s, "return-gain", "3"));
    REQUIRE(apply_setting(s, "fault", "rp3-open,monitoring"));
    bench::WrongMoves wanted;
    wanted.rp3_open = wanted.monitoring = true;
    wanted.return_gain = GainDb{3.0};
    CHECK(s.interface.wrong_moves == wanted);
    REQUIRE(apply_setting(s, "fault", "muted"));
    CHECK_FALSE(s.interface.wrong_moves.rp3_open);
    CHECK(s.interface.wrong_moves.muted);
    const auto refused = apply_setting(s, "fault", "muted,rp4-open");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::usage);
    CHECK_THAT(refused.error().message, ContainsSubstring("rp3-open|pin2-open|muted|same-channel|feedback|monitoring,"));
    REQUIRE(apply_setting(s, "fault", "none"));
    CHECK_FALSE(s.interface.wrong_moves.muted);
}

TEST_CASE("a bench that runs takes what surrounds the gear, and nothing else", "[instrument][settings]")
{
    Fixture fixture;
    bench::InterfaceModel interface;
    REQUIRE(apply_to_bench("rin", "1meg", fixture, interface));
    REQUIRE(apply_to_bench("hum", "-50", fixture, interface));
    REQUIRE(apply_to_bench("gain-mismatch", "6", fixture, interface));
    CHECK(fixture.rin3 == Ohms{1e6});
    CHECK(interface.hum == Dbfs{-50.0});
    CHECK(std::abs(fixture.gain_ratio - amplitude_ratio(GainDb{6.0})) < 1e-12);
    REQUIRE(apply_to_bench("gain-mismatch", "3", fixture, interface));  // against input 1, not against what was before
    CHECK(std::abs(fixture.gain_ratio - amplitude_ratio(GainDb{3.0})) < 1e-12);
    REQUIRE(apply_to_bench("gain-ratio", "0.5", fixture, interface));
    CHECK(fixture.gain_ratio == 0.5);
    for (const auto* name : {"rate", "periods", "states", "in", "nonsense", ""}) {
        const auto status = apply_to_bench(name, "1", fixture, interface);
        REQUIRE_FALSE(status);
        CHECK(status.error().kind == ErrorKind::usage);
        CHECK_THAT(status.error().message, ContainsSubstring("rin, cin") && ContainsSubstring("full-scale"));
    }
    const auto status = apply_to_bench("rin", "0", fixture, interface);
    REQUIRE_FALSE(status);
    CHECK_THAT(status.error().message, Catch::Matchers::StartsWith("rin cannot be \"0\""));
    CHECK(fixture.rin2 == Ohms{1e6});
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
          {"gain-ratio", "0"}, {"noise", "1"}, {"noise", "none"}, {"hum", "-201"}, {"hum-hz", "0"}, {"gain-mismatch", "nan"}, {"ac-coupling", "0"},
          {"ac-coupling", "1,2,3"}, {"clip", "0.1"}, {"delay", "-1"}, {"delay", "1.5"}, {"clock", "1001"}, {"dropouts", "-1"}, {"dropouts", "1,0"},
          {"dropouts", "1,1.5"}, {"dropouts", "1,64,loud"}, {"dropouts", "1,64,slip,"}, {"dropouts", ""}, {"seed", "-1"}, {"seed", "1e16"}, {"full-scale", "101"}}) {
        CAPTURE(name, text);
        Settings s;
        const auto status = apply_setting(s, name, text);
        REQUIRE_FALSE(status);
        CHECK(status.error().kind == ErrorKind::usage);
        CHECK_THAT(status.error().message, ContainsSubstring("--" + std::string{name}));
        CHECK(s.fixture.rin2 == Ohms{10e3});
        CHECK(s.fixture.probe);
        CHECK(s.states.size() == 4);
        CHECK(s.periods == 2);
        CHECK(s.inputs == std::array{1, 2});
        check_same(s.interface, {});
        CHECK(s.gain_mismatch == GainDb{0.0});
    }
    Settings s;
    CHECK_FALSE(apply_setting(s, "nonsense", "1"));
    CHECK_THAT(apply_setting(s, "rin", "0").error().message, ContainsSubstring("1 Ω to 100 MΩ"));
    CHECK_THAT(apply_setting(s, "rp", "0").error().message, ContainsSubstring("or none"));
}

TEST_CASE("averaging and tones are set with or without their units", "[instrument][settings]")
{
    Settings s;
    REQUIRE(apply_setting(s, "until", "0.01dB"));
    CHECK(s.averaging.until == GainDb{0.01});
    REQUIRE(apply_setting(s, "until", "0.1"));
    CHECK(s.averaging.until == GainDb{0.1});
    REQUIRE(apply_setting(s, "for", "10s"));
    CHECK(s.averaging.at_most == Seconds{10.0});
    REQUIRE(apply_setting(s, "level", "-12.5dBFS"));
    CHECK(s.level == Dbfs{-12.5});
    REQUIRE(apply_setting(s, "tone", "1k"));
    CHECK(s.tone == Hertz{1000.0});
    REQUIRE(apply_setting(s, "tone", "60Hz"));
    CHECK(s.tone == Hertz{60.0});
    REQUIRE(apply_setting(s, "setting", "line, +4"));
    CHECK(s.gain_setting == "line, +4");
    // What was given is known, once each: a calibration does not override it.
    CHECK(s.given == std::vector<std::string>{"until", "for", "level", "tone", "setting"});

    for (const auto& [name, text] : {std::pair{"until", "0"}, {"until", "dB"}, {"until", "0.01s"}, {"for", "0.5s"}, {"for", "-1"}, {"level", "3"}, {"tone", "5"}, {"tone", "1 kHz!"},
                                     {"setting", ""}, {"setting", "a\nb"}}) {
        CAPTURE(name, text);
        const auto before = s.given;
        const auto refused = apply_setting(s, name, text);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::usage);
        CHECK_THAT(refused.error().message, ContainsSubstring("--" + std::string{name}));
        CHECK(s.given == before);
    }
    CHECK(s.averaging.until == GainDb{0.1});
}
