#include "core/fixture.h"
#include "core/record.h"
#include "core/text.h"

#include <catch2/catch_test_macros.hpp>

#include <clocale>
#include <cmath>
#include <limits>

using namespace lowleg;

TEST_CASE("numbers read as a technician writes them", "[core][text]")
{
    CHECK(format_ohms(Ohms{50.0}) == "50 Ω");
    CHECK(format_ohms(Ohms{1613.0}) == "1.61 kΩ");
    CHECK(format_ohms(Ohms{10e3}) == "10 kΩ");
    CHECK(format_ohms(Ohms{999.9}) == "1 kΩ");
    CHECK(format_ohms(Ohms{1e6}) == "1 MΩ");
    CHECK(format_ohms(Ohms{0.0}) == "0 Ω");
    CHECK(format_hertz(Hertz{1010.0}) == "1.01 kHz");
    CHECK(format_hertz(Hertz{22.0}) == "22 Hz");
    CHECK(format_db(GainDb{5.938}) == "+5.94 dB");
    CHECK(format_db(GainDb{-26.1}) == "−26.10 dB");
    CHECK(format_db(GainDb{-0.001}) == "0.00 dB");
    CHECK(format_signed(-0.0004, 3) == "0.000");
    CHECK(format_signed(-0.0006, 3) == "−0.001");
    CHECK(format_signed(12.0, 1) == "12.0");
    CHECK(format_dbfs(Dbfs{-110.04}, 1) == "−110.0 dBFS");
    CHECK(format_db(GainDb{-std::numeric_limits<double>::infinity()}) == "−∞ dB");
    CHECK(format_number(0.1) == "0.1");
}

TEST_CASE("engineering numbers are read, and nonsense is not", "[core][text]")
{
    const auto read = [](std::string_view text) {
        double value = std::numeric_limits<double>::quiet_NaN();
        return parse_engineering(text, value) ? value : std::numeric_limits<double>::quiet_NaN();
    };
    CHECK(read("10k") == 10e3);
    CHECK(read("4.7") == 4.7);
    CHECK(read("1meg") == 1e6);
    CHECK(read("47ohm") == 47.0);
    CHECK(read("200p") == 200.0 * 1e-12);
    CHECK(read("+1e3") == 1e3);
    for (const auto bad : {"", "k", "1M", "10kk", "1 k", "nan", "inf", "1e999", "10;", "0x10"}) {
        CAPTURE(bad);
        CHECK(std::isnan(read(bad)));
    }
}

TEST_CASE("slips of the keyboard are near", "[core][text]")
{
    CHECK(edit_distance("transformer", "transformer") == 0);
    CHECK(edit_distance("transfomer", "transformer") == 1);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("abc", "") == 3);
}

TEST_CASE("a fixture that cannot exist is refused with the parameter's name", "[core][fixture]")
{
    CHECK(Fixture{}.check().has_value());
    Fixture f;
    f.rin3 = Ohms{0.0};
    REQUIRE_FALSE(f.check());
    CHECK(f.check().error().message.find("input 2 (--rin)") != std::string::npos);
    CHECK(f.check().error().kind == ErrorKind::usage);
    f = {};
    f.probe->rp2 = Ohms{std::numeric_limits<double>::quiet_NaN()};
    CHECK_FALSE(f.check());
    f = {};
    f.gain_ratio = -1.0;
    CHECK_FALSE(f.check());
}

TEST_CASE("states of the switch have the names of the documentation", "[core][fixture]")
{
    for (const auto state : all_switch_states) CHECK(switch_state_of(name_of(state)).value() == state);
    CHECK(switch_state_of("ground").error().kind == ErrorKind::usage);
}

TEST_CASE("faults are described in words", "[core][record]")
{
    Faults faults;
    CHECK(describe(faults) == "nothing");
    faults.add(Fault::zeros);
    faults.add(Fault::repeated);
    CHECK(describe(faults) == "a block came twice, both inputs were exactly zero");
}
