#include "circuit/netlist.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <random>
#include <string>
#include <utility>

using namespace lowleg;
using namespace lowleg::circuit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("numbers are SPICE's", "[circuit][netlist]")
{
    const std::array<std::pair<const char*, double>, 22> known{{
        {"10", 10.0}, {"4.7k", 4.7e3}, {"4.7K", 4.7e3}, {"10kohm", 10e3}, {"1meg", 1e6}, {"1MEGohm", 1e6}, {"10m", 10e-3}, {"10M", 10e-3},
        {"2.2u", 2.2e-6}, {"100nF", 100e-9}, {"22p", 22e-12}, {"1F", 1e-15}, {"1g", 1e9}, {"1t", 1e12}, {"1e3", 1e3}, {"1e-3k", 1.0},
        {"-5", -5.0}, {"+5", 5.0}, {".5", 0.5}, {"1mil", 25.4e-6}, {"3V", 3.0}, {"1.", 1.0},
    }};
    for (const auto& [text, value] : known) {
        CAPTURE(text);
        REQUIRE(parse_spice_number(text));
        CHECK_THAT(*parse_spice_number(text), WithinRel(value, 1e-15));  // one rounding of the product
    }
    for (const auto* text : {"", "k", "4k7", "1,5", "1.2.3", "inf", "nan", "-inf", "1e999", "1e308k", "0x10", "10µ", "{r}", "+-1", "--1", "1 k"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_spice_number(text));
    }
}

TEST_CASE("a netlist is read as ngspice reads it", "[circuit][netlist]")
{
    const auto parsed = parse_netlist("\xEF\xBB\xBF* A title\r\n"
                                      "* a comment\r\n"
                                      "r1 IN Mid 1k ; to the middle\r\n"
                                      "C1 mid GND\r\n"
                                      "* between\r\n"
                                      "+ 100nF $ continued\r\n"
                                      "Kab La Lb 0.5\r\n"
                                      "La mid 0 1\r\n"
                                      "Lb x 0 4 ic=0\r\n"
                                      "Rx x 0 1\r\n"
                                      "Vs in 0 DC 2 AC 1 90\r\n"
                                      "E1 out 0 (mid, 0) -3\r\n"
                                      ".control\r\nfoo bar\r\n.endc\r\n"
                                      ".AC dec 10 20 20k\r\n"
                                      ".end\r\n"
                                      "rubbish\r\n",
                                      "t.cir");
    REQUIRE(parsed);
    const auto& n = parsed.value();
    CHECK(n.title == "A title");
    REQUIRE(n.elements.size() == 8);
    CHECK(n.nodes == std::vector<std::string>{"0", "in", "mid", "x", "out"});
    CHECK(n.find_node("MID") == Node{2});
    CHECK(n.find_node("gnd") == Node{0});
    const auto& c = std::get<Capacitor>(n.elements[1].part);
    CHECK((c.a == 2 && c.b == 0));
    CHECK_THAT(c.farads, WithinRel(100e-9, 1e-15));
    CHECK(n.place_of(n.elements[1]) == "t.cir, line 4");
    const auto& k = std::get<Coupling>(n.elements[2].part);
    CHECK((k.first == 3 && k.second == 4 && k.k == 0.5));
    const auto& v = std::get<VoltageSource>(n.elements[6].part);
    CHECK(v.dc_volts == 2.0);
    CHECK_THAT(v.ac_volts.imag(), WithinAbs(1.0, 1e-15));
    CHECK(std::get<ControlledSource>(n.elements[7].part).gain == -3.0);

    REQUIRE(n.notes.size() == 4);
    CHECK_THAT(n.notes[0].text, ContainsSubstring("ic is skipped"));
    CHECK(n.notes[1].text == ".control … .endc is skipped");
    CHECK((n.notes[2].line == 16 && n.notes[2].text == ".ac is skipped"));
    CHECK_THAT(n.notes[3].text, ContainsSubstring("what follows .end"));
}

TEST_CASE("SPICE's traps are noted", "[circuit][netlist]")
{
    const auto parsed = parse_netlist("R0 a 0 1k\nR1 a 0 10M\nC1 a 0 1F\n", "t.cir");
    REQUIRE(parsed);
    REQUIRE(parsed.value().notes.size() == 3);
    CHECK_THAT(parsed.value().notes[0].text, ContainsSubstring("first line is the title"));
    CHECK_THAT(parsed.value().notes[1].text, ContainsSubstring("M is milli"));
    CHECK_THAT(parsed.value().notes[2].text, ContainsSubstring("F alone is femto"));
}

TEST_CASE("what is wrong is named with its line", "[circuit][netlist]")
{
    struct Case { const char* body; const char* where; const char* says; };
    const auto c = GENERATE_REF(Catch::Generators::values<Case>({
        {"R1 a 0", "t.cir, line 2", "two nodes and a resistance above 0 ohm"},
        {"R1 a 1k", "t.cir, line 2", "two nodes and a resistance"},
        {"R1 a 0 0", "t.cir, line 2", "\"0\" is not one"},
        {"R1 a 0 -5", "t.cir, line 2", "\"-5\" is not one"},
        {"R1 a 0 4k7", "t.cir, line 2", "\"4k7\" is not one"},
        {"R1 a 0 nan", "t.cir, line 2", "\"nan\" is not one"},
        {"R1 a 0 1e-999", "t.cir, line 2", "is not one"},
        {"R1 a 0 {rx}", "t.cir, line 2", "there is no parameter of that name"},
        {"R1 a 0 1k ac=3", "t.cir, line 2", "found \"ac\""},
        {"C1 a 0 0", "t.cir, line 2", "capacitance above 0 F"},
        {"C1 a 0 -1n", "t.cir, line 2", "capacitance above 0 F"},
        {"L1 a 0 0", "t.cir, line 2", "inductance above 0 H"},
        {"R1 a 0 1\n\n*\nr1 b 0 2", "t.cir, line 5", "already, in line 2"},
        {"Q1 a b c bc547", "t.cir, line 2", "transistors are not read"},
        {"hello", "t.cir, line 2", "two nodes, a voltage source and a resistance"},
        {"wonder", "t.cir, line 2", "expected R, C, L, K, V, I, E, G, F, H, D, B or X"},
        {".subckt amp a b", "t.cir, line 2", ".subckt amp has no .ends"},
        {".include x.cir", "t.cir, line 2", ".include is not possible here"},
        {".tnom 3", "t.cir, line 2", "not understood"},
        {"+ 100", "t.cir, line 2", "continues a line"},
        {"V1 a 0 sin(0 1 1k)", "t.cir, line 2", "\"sin\" is neither"},
        {"V1 a", "t.cir, line 2", "two nodes"},
        {"V1 a 0 DC x", "t.cir, line 2", "no number stands after DC"},
        {"E1 a 0 b 2", "t.cir, line 2", "two controlling nodes and a gain"},
        {"E1 a 0 b 0 x", "t.cir, line 2", "nor a parameter"},
        {"L1 a 0 1\nK1 L1 L2 0.5", "t.cir, line 3", "no inductor \"l2\""},
        {"L1 a 0 1\nR2 a 0 1\nK1 L1 R2 0.5", "t.cir, line 4", "no inductor \"r2\""},
        {"L1 a 0 1\nL2 a 0 1\nK1 L1 L2 1.1", "t.cir, line 4", "\"1.1\" is not one"},
        {"L1 a 0 1\nL2 a 0 1\nK1 L1 L2 0", "t.cir, line 4", "\"0\" is not one"},
        {"L1 a 0 1\nK1 L1 L1 0.5", "t.cir, line 3", "with itself"},
        {"L1 a 0 1\nL2 a 0 1\nK1 L1 L2 1\nK2 L2 L1 .5", "t.cir, line 5", "couples already"},
        {"* only a comment", "t.cir", "holds no circuit"},
        {"", "t.cir", "holds no circuit"},
    }));
    const auto parsed = parse_netlist("title\n" + std::string{c.body} + "\n", "t.cir");
    CAPTURE(c.body);
    REQUIRE_FALSE(parsed);
    CAPTURE(parsed.error().message);
    CHECK_THAT(parsed.error().message, ContainsSubstring(c.where) && ContainsSubstring(c.says));
}

TEST_CASE("what is no netlist is refused at once", "[circuit][netlist]")
{
    const auto message = [](std::string_view text) {
        const auto parsed = parse_netlist(text, "t.cir");
        REQUIRE_FALSE(parsed);
        return parsed.error().message;
    };
    CHECK_THAT(message(std::string_view{"\x7f" "ELF\0\0\0", 7}), ContainsSubstring("not a text file"));
    CHECK_THAT(message(""), ContainsSubstring("holds no circuit"));
    CHECK_THAT(message(std::string(max_netlist_bytes + 1, 'x')), ContainsSubstring("larger than 4 MiB"));
    std::string many{"title\n"};
    for (std::size_t i = 0; i <= max_elements; ++i) many += "R" + std::to_string(i) + " a 0 1\n";
    CHECK_THAT(message(many), ContainsSubstring("more than 10000 elements"));
}

TEST_CASE("no text crashes the parser", "[circuit][netlist]")
{
    // Lines put together from what netlists are made of: the parser answers, with a circuit or with one sentence.
    constexpr std::array pieces{"R1", "c2", "L", "K", "Kx", "V", "E9", " ", "\n", "\r", "+", "*", ";", "$", "=", "(", ")", ",", ".", ".end",
                                ".control", ".endc", ".ac", "0", "a", "1k", "-", "\xC2\xB5", "dc", "ac", "ic", "1e999", "{", "\t"};
    std::mt19937 random{1};
    for (int i = 0; i < 20'000; ++i) {
        std::string text{"t\n"};
        for (int k = 0; k < 24; ++k) {
            text += pieces[random() % pieces.size()];
            if (random() % 2 == 0) text += ' ';
        }
        const auto parsed = parse_netlist(text, "f");
        if (!parsed) {
            REQUIRE_FALSE(parsed.error().message.empty());
            REQUIRE(parsed.error().message.find('\n') == std::string::npos);
        }
    }
}
