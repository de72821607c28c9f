// Netlists: what is read, against ngspice on the same text; what is refused, with the reason.
#include "circuit/netlist.h"
#include "circuit/direct_current.h"
#include "support/ngspice.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

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
        {"R1 a 0 4k7", "t.cir, line 2", "\"4k7\" is not a number"},
        {"R1 a 0 nan", "t.cir, line 2", "\"nan\" is neither a number nor a parameter"},
        {"R1 a 0 1e-999", "t.cir, line 2", "is not a number"},
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
        {"R1 a 0 {0/0}", "t.cir, line 2", "no finite value"},
        {"R1 a 0 {1-1}", "t.cir, line 2", "\"{1-1}\" is not one"},
        {"R1 a 0 {1e200*1e200}", "t.cir, line 2", "no finite value"},
        {"R1 a 0 r={-1}", "t.cir, line 2", "is not one"},
        {"R1 a 0 1k m=0", "t.cir, line 2", "m is how many stand in parallel"},
        {".subckt s a\nR1 a 0 1\n.ends\nX1 a s m=-1", "t.cir, line 5", "m is how many stand in parallel"},
        {"G1 a 0 b 0 1e308 m=1k", "t.cir, line 2", "more than a number can hold"},
        {"R1 a 0 {v(a)}", "t.cir, line 2", "must be a constant"},
        {"R1 a 0 2*x", "t.cir, line 2", "\"2*x\" is not a number"},
        {".param x=ohms\nR1 a 0 {x}", "t.cir, line 2", "no parameter of that name"},
        {".param ohms=3\nR1 a 0 ohm", "t.cir, line 3", "did you mean \"ohms\"?"},
        {".param a={b}\n.param b={c+1}\n.param c={a}\nR1 a 0 {a}", "t.cir, line 2", "depends on itself: a → b → c → a"},
        {".param x=1/0", "t.cir, line 2", "x: \"1/0\" has no finite value"},
        {".param x", "t.cir, line 2", "needs name=value"},
        {".param x = 1 + 2", "t.cir, line 2", "an expression with blanks stands in braces"},
        {".func f x", "t.cir, line 2", ".func needs a name, arguments"},
        {".func f(x) {y}\nR1 a 0 {f(1)}", "t.cir, line 3", "in the function \"f\", \"y\" holds \"y\""},
        {".model q2n NPN(BF=100)", "t.cir, line 2", "transistors are not read"},
        {".model sw SW(Ron=1)", "t.cir, line 2", "only models of diodes"},
        {".model d", "t.cir, line 2", ".model needs a name, a type"},
        {"D1 a 0 dd", "t.cir, line 2", "there is no .model \"dd\""},
        {"D1 a 0 dd\n.model dd D(IS=0)", "t.cir, line 3", ".model dd: takes IS above 0"},
        {"D1 a 0 dd\n.model dd D(IS 3)", "t.cir, line 3", "takes parameters such as IS=1e-14"},
        {"D1 a 0 dd -3\n.model dd D", "t.cir, line 2", "an area above 0"},
        {".lib \"x.lib\" tt", "t.cir, line 2", ".lib is not read: use .include"},
        {".if (1)", "t.cir, line 2", "keep the lines that apply"},
        {".ends", "t.cir, line 2", "ends no .subckt"},
        {".subckt s a\n.ends t", "t.cir, line 3", "the .subckt that is open is \"s\" of line 2"},
        {".subckt", "t.cir, line 2", "needs a name and its nodes"},
        {".subckt s a a\n.ends", "t.cir, line 2", "names the node \"a\" twice"},
        {".subckt s a 0\n.ends", "t.cir, line 2", "ground among its nodes"},
        {".subckt amp a b\nR1 a b 1\n.ends\nX1 q amp", "t.cir, line 5", "X1 has 1 nodes, and the subcircuit amp needs 2"},
        {".subckt amp a b\nR1 a b 1\n.ends\nX1 q 0 anp", "t.cir, line 5", "there is no .subckt \"anp\" (did you mean \"amp\"?)"},
        {".subckt amp a b gain=1\nR1 a b 1\n.ends\nX1 q 0 amp gian=2", "t.cir, line 5", "no parameter \"gian\" (did you mean \"gain\"?)"},
        {".subckt amp a b\nR1 a b {-1}\n.ends\nX1 q 0 amp", "t.cir, line 3", "R1 needs two nodes and a resistance above 0 ohm"},
        {".subckt s a\nX1 a t\n.ends\n.subckt t a\nX2 a s\n.ends\nX3 q s", "t.cir, line 6", "X2: the subcircuit s contains itself: s → t → s"},
        {".subckt s a\n.subckt i a\nR1 a 0 1\n.ends\n.ends\nX1 q i", "t.cir, line 7", "there is no .subckt \"i\""},
        {"X1", "t.cir, line 2", "needs nodes and the name of a subcircuit"},
        {"F1 a 0 Vx 2\nR1 a 0 1", "t.cir, line 2", "there is no \"vx\""},
        {"F1 a 0 V1\nR1 a 0 1", "t.cir, line 2", "a voltage source and a gain"},
        {"V1 q 0 1\n.subckt s a\nF1 a 0 V1 2\n.ends\nX1 q s", "t.cir, line 4", "there is no \"x1.v1\""},
        {"D1 a 0 dd\n.model dd D\nH1 b 0 D1 1", "t.cir, line 4", "current of D1 cannot be read"},
        {"E1 o 0 LAPLACE {v(a)} {1/s}", "t.cir, line 2", "LAPLACE is not read"},
        {"E1 o 0 TABLE {v(a)} = (1,2)", "t.cir, line 2", "at least two points"},
        {"E1 o 0 TABLE {v(a)} = (1,2) (0,3)", "t.cir, line 2", "x rising"},
        {"E1 o 0 POLY(0) 1", "t.cir, line 2", "n from 1 to 20"},
        {"E1 o 0 POLY(2) a 0 b", "t.cir, line 2", "needs POLY(n), then n pairs of nodes"},
        {"E1 o 0 CUR={1}", "t.cir, line 2", "takes VALUE or VOL, not CUR"},
        {"E1 o 0 VALUE=", "t.cir, line 2", "needs an expression after"},
        {"B1 o 0 2*v(a)", "t.cir, line 2", "I=expression or V=expression"},
        {"B1 o 0 V=", "t.cir, line 2", "needs an expression after"},
        {"B1 o 0 Q=3", "t.cir, line 2", "I=expression or V=expression"},
        {"I1 a 0 pulse(0 1)", "t.cir, line 2", "\"pulse\" is neither"},
        {"T1 a 0 b 0 Z0=50", "t.cir, line 2", "no element that the bench knows"},
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
    for (int i = 0; i < 100'000; ++i) many += "R" + std::to_string(i) + " a 0 1\n";
    CHECK_THAT(message(many), ContainsSubstring("t.cir, line 10002: the circuit has more than 10000 elements"));
}

TEST_CASE("no text crashes the parser", "[circuit][netlist]")
{
    // Lines put together from what netlists are made of: the parser answers, with a circuit or with one sentence.
    constexpr std::array pieces{"R1", "c2", "L", "K", "Kx", "V", "E9", " ", "\n", "\r", "+", "*", ";", "$", "=", "(", ")", ",", ".", ".end",
                                ".control", ".endc", ".ac", "0", "a", "1k", "-", "\xC2\xB5", "dc", "ac", "ic", "1e999", "{", "}", "\'", "\t", "X1", "B1", "D1",
                                ".subckt", ".ends", ".param", ".model", ".func", "V=", "I=", "value=", "poly", "table", "v(", "i(", "x=", "params:", "m=", "D", "IS=",
                                "?", ":", "^", "**", "&&", "; tol 1%", "I1", "G1", "F1", "H1", "E1", "\nX1 a b", "\n.subckt a b\n", "\n.ends\n"};
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

namespace {

double rest_voltage(const std::string& body)
{
    const auto parsed = parse_netlist("t\n" + body, "t.cir");
    CAPTURE(body);
    if (!parsed) FAIL(parsed.error().message);
    const auto node = parsed.value().find_node("o");
    REQUIRE(node);
    return testing::direct_current(parsed.value())[*node];
}

std::string refusal(const std::string& body, const ParseOptions& options = {})
{
    const auto parsed = parse_netlist("title\n" + body + "\n", "t.cir", options);
    CAPTURE(body.substr(0, 300));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message.find('\n') == std::string::npos);
    return parsed.error().message;
}

/// Files that an .include may name.
ParseOptions with_files(std::map<std::string, std::string> files)
{
    ParseOptions options;
    options.include = [files = std::move(files)](std::string_view name) -> Result<std::string> {
        const auto found = files.find(std::string{name});
        if (found == files.end()) return Error{"there is no such file"};
        return found->second;
    };
    return options;
}

}  // namespace

TEST_CASE("a circuit rests where ngspice has it rest", "[circuit][netlist]")
{
    const std::string one_ampere = "I1 0 o 1\n";  // across a resistance, its ohms are volts
    const std::string amplifier = ".subckt s a b r=1 q={r*2}\n.param p={q*10}\nR1 a m {r}\nR2 m b {q}\nR3 m b {p}\n.ends\n";
    const std::vector<std::string> circuits{
        // Parameters: any order, several per line, with and without braces, the last one counts.
        ".param a={b*2}\n.param b=3\n" + one_ampere + "R1 o 0 {a}", ".param a={b*2} b=3\n" + one_ampere + "R1 o 0 {a}",
        ".param a=b*2 b=3\n" + one_ampere + "R1 o 0 {a}",
        ".param a='b*2' b=3\n" + one_ampere + "R1 o 0 'a'", ".param a=1\nR2 o 0 {a}\n.param a=2\n" + one_ampere + "R1 o 0 {a}",
        ".param a=5\n" + one_ampere + "R1 o 0 a",
        ".param a=5\n" + one_ampere + "R1 o 0 R={a}", ".param a=5\n" + one_ampere + "R1 o 0 R='a*2'",
        ".param a=2\n" + one_ampere + "R1 o 0 {a * ( a + 1 ) }",
        ".param a=(1+2)*3 b=min(a,5)\n" + one_ampere + "R1 o 0 {b}", ".param p={pow(-1.3,3)}\nV1 o 0 {p}",
        ".param p={pwr(-1.3,3)}\nV1 o 0 {p}",
        ".param p={(-1.3)**3}\nV1 o 0 {p}", ".param p={-2^2}\nV1 o 0 {p}", ".param p={2^3^2}\nV1 o 0 {p}",
        ".param p={int(-1.7)+nint(2.5)+sqr(3)+floor(-1.3)}\nV1 o 0 {p}",
        ".param p={log(7)+ln(7)+log10(7)+sgn(-3)+arctan(1)+abs(-2)}\nV1 o 0 {p}", ".param x=0.7 p={x>0.5 ? 3 : 4}\nV1 o 0 {p}",
        ".param p={1||0&&0}\nV1 o 0 {p}",
        ".param e=5\n" + one_ampere + "R1 o 0 {e*2}", ".param pi=5\nV1 o 0 1\nB1 0 o I=pi",
        // Functions.
        ".func f(x,y) {x*y+1}\n" + one_ampere + "R1 o 0 {f(2,3)}", ".func f(x,y)={x*y+1}\n" + one_ampere + "R1 o 0 {f(2,3)}",
        ".param f(x)='2*x'\n" + one_ampere + "R1 o 0 {f(1+1)}",
        ".func f(x) {2*g(x)}\n.func g(x) {x+q}\n.param q=3\n" + one_ampere + "R1 o 0 {f(1)}",
        ".func f(x) {x*2}\nV1 i 0 3\nB1 o 0 V=f(v(i)+1)\nR1 o 0 1",
        ".subckt s a b\n.func f(x) {x*2}\nR1 a b {f(3)}\n.ends\n" + one_ampere + "X1 o 0 s", ".func f() {2}\n" + one_ampere + "R1 o 0 {f()}",
        ".func f(x) {x}\n.func f(x) {2*x}\n" + one_ampere + "R1 o 0 {f(1)}",
        // Subcircuits.
        amplifier + one_ampere + "X1 o 0 s", amplifier + one_ampere + "X1 o 0 s r=5", amplifier + one_ampere + "X1 o 0 s PARAMS: r=5 q=1",
        amplifier + one_ampere + "X1 o 0 s p=4", amplifier + one_ampere + ".param w=3\nX1 (o x) s r=w*2\nX2 x 0 s r={w+1}",
        ".subckt s a b PARAMS: r=1\nR1 a b {r}\n.ends s\n.param r=7\n" + one_ampere + "X1 o 0 s r={r*2}",
        ".subckt s a b r=1\n.param r=3\nR1 a b {r}\n.ends\n" + one_ampere + "X1 o 0 s",
        ".subckt i a b r=1\nR1 a b {r}\n.ends\n.subckt s a b r=1\nX1 a b i r={r*2}\n.ends\n" + one_ampere + "X1 o 0 s r=4",
        ".param x=1\n.subckt i a b\nR1 a b {x}\n.ends\n.subckt s a b\n.param x=5\nX1 a b i\n.ends\n" + one_ampere + "X1 o 0 s",
        ".subckt s a b\n.subckt i a b\nR1 a b 6\n.ends i\nX1 a b i\n.ends s\n.subckt t a b\n.subckt i a b\nR1 a b 9\n.ends\nX1 a b i\n.ends\n" + one_ampere + "X1 o q s\nX2 q 0 t",
        ".subckt s a b\nR1 a b 6\n.ends\n.subckt s a b\nR1 a b 7\n.ends\n" + one_ampere + "X1 o 0 s",
        ".subckt s a b\nR1 a b 6\nC1 a b 1\n.ends\n" + one_ampere + "X1 o 0 s m=2",
        ".global vcc\n.subckt s a\nR1 a vcc 6\n.ends\n" + one_ampere + "X1 o s\nV1 vcc 0 3",
        ".subckt s a\nR1 a gnd 2\nR2 a x 3\nR3 x 0 4\n.ends\n" + one_ampere + "X1 o s\nR9 x 0 1",
        ".subckt s a\nV1 a b 0\nR1 b 0 2\n.ends\n" + one_ampere + "X1 q s\nRq q 0 1\nVq q 0 6\nB1 0 o I=i(v.x1.v1)\nR9 o 0 1",
        ".subckt s a\nV1 a b 1\nR1 b 0 2\n.ends\nX1 q s\nVq q 0 6\nB1 o 0 V=v(x1.b)\nR9 o 0 1",
        ".subckt s in out gain=3\nB1 out 0 V=gain*v(in,mid)\nR1 in mid 1k\nR2 mid 0 {gain*1k}\n.ends\nV1 i 0 2\nX1 i o s gain=4\nR1 o 0 1",
        // Sources.
        "V1 i 0 3\nE1 o 0 i 0 -2\nR1 o 0 1", "V1 i 0 3\nG1 o 0 i 0 -2 m=3\nR1 o 0 1",
        "V1 i 0 3\nRi i 0 1.5\nF1 0 o V1 2\nR1 o 0 1\nV2 o p 0\nR2 p 0 1",
        "H1 o 0 V1 5\nV1 i 0 3\nRi i 0 1.5\nR1 o 0 1", "V1 i 0 3\nE1 o 0 VALUE = {v(i)*2}\nR1 o 0 1",
        "V1 i 0 3\nE1 o 0 vol='v(i)*2'\nR1 o 0 1",
        "V1 i 0 3\nE1 o 0 VALUE = v(i)*2\nR1 o 0 1", "V1 i 0 3\nG1 0 o VALUE={v(i)*2}\nR1 o 0 1",
        "V1 i 0 3\nG1 0 o cur = 'v(i)*2'\nR1 o 0 1",
        "V1 i 0 3\nE1 o 0 POLY(1) i 0 1 2 3\nR1 o 0 1", "V1 i 0 3\nE1 o 0 POLY(1) i 0 7\nR1 o 0 1",
        "V1 i 0 3\nV2 j 0 5\nE1 o 0 POLY(2) (i,0) (j,0) 0 0 0 .1 .2 .3\nR1 o 0 1",
        "V1 i 0 3\nV2 j 0 5\nE1 o 0 POLY(2) (i,0) (j,0) 4\nR1 o 0 1", "V1 i 0 3\nRi i 0 1\nF1 0 o POLY(1) V1 1 2 3\nR1 o 0 1",
        "V1 i 0 3\nV2 j 0 5\nG1 0 o poly (2) i,0 j,0 0 1 1\nR1 o 0 1",
        "V1 i 0 1.1\nV2 j 0 1.3\nV3 k 0 0.7\nE1 o 0 POLY(3) i 0 j 0 k 0 .1 .2 .3 .4 .5 .6 .7 .8 .9 .10 .11 .12 .13 .14 .15 .16 .17 .18 .19 .20 .21 .22 .23\nR1 o 0 1",
        "V1 i 0 3\nE1 o 0 TABLE {v(i)} = (0,0) (10,5)\nR1 o 0 1", "V1 i 0 3\nE1 o 0 TABLE {v(i)} = (0,0) (1,2) (2,5)\nR1 o 0 1",
        "V1 o 0 DC 5 AC 1\nR1 o 0 1",
        "V1 i 0 3\nE1 p 0 i 0 2\nR1 p 0 2\nB1 o 0 V=i(E1)\nR9 o 0 1", "V1 i 0 3\nR1 i p 2\nL1 p 0 1\nB1 o 0 V=i(L1)+2*i(R1)\nR9 o 0 1",
        "V1 i 0 3\nB1 0 o I = v(i) * 2 + i(V1)\nR9 o 0 1\nR1 i 0 1",
        "I1 0 o 2 AC 1\nR1 o 0 1\n* a comment within\nR2 o\n* of a statement\n+ 0 $ end\n\n+ 3 ; end",
        // Diodes.
        "I1 0 o 1m\nD1 o 0 dd\n.model dd D", "I1 0 o 1m\nD1 o 0 dd\n.model dd D(is=1e-10 n=2)",
        "I1 0 o 100m\nD1 o 0 dd area=10\n.model dd D is=1e-10 rs=1", "I1 0 o 1m\nD1 o 0 dd m=10\n.model dd D(js=1e-10)",
        "I1 0 o 10m\nD1 o 0 dd\n.model dd D(is=2.682n n=1.836 rs=.5664 ikf=44.17m xti=3 eg=1.11 cjo=4p m=.3333 vj=.5 fc=.5 isr=1.565n nr=2 bv=100 ibv=100u tt=11.54n)",
        "I1 o 0 1m\nD1 o 0 dd\n.model dd D(is=1e-14 bv=10 ibv=1u)", "I1 o 0 1m\nD1 o 0 dd\n.model dd D(is=1e-14 n=2 bv=10 ibv=1u)",
        "I1 o 0 1m\nD1 o 0 dd\n.model dd D(is=1e-14 n=2 bv=10 ibv=1u nbv=3)",
        "I1 o 0 1m\nD1 o 0 dd area=5 m=2\n.model dd D(is=1e-14 bv=10)",
        "I1 o 0 1m\nD1 o 0 dd area=2 m=3\n.model dd D(is=1e-14 bv=10 ibv=1u rs=10)",
        "I1 o 0 1m\nD1 o 0 dd\n.model dd D(is=1e-6 bv=100 ibv=1e-9)", "I1 o 0 1p\nD1 o 0 dd\n.model dd D",
        "I1 0 o 1m\nD1 o 0 dd\n.model dd D(is=1e-10)\n.model dd D(is=1e-6)",
        ".param i=1e-10\n.model dd D(is={i})\n.subckt s a b i=1\nD1 a b dd\nR1 a b {i*1g}\n.ends\nI1 0 o 1m\nX1 o 0 s i=2",
        ".subckt s a b i=1e-10\n.model dd D(is={i})\nD1 a b dd\n.ends\nI1 0 o 1m\nX1 o 0 s i=1e-6",
        "V1 i 0 5\nR1 i o 1k\nD1 o 0 dz\nD2 0 p dz\nR2 o p 100\n.model dz D(is=1e-12 rs=2 bv=3.3 ibv=5m)",
    };
    for (const auto& body : circuits) {
        CAPTURE(body);
        const auto tables = testing::run_ngspice("t\n.options reltol=1e-9 abstol=1e-18 vntol=1e-12\n" + body + "\n.control\nset numdgt=16\nop\nwrdata out v(o)\n.endc\n.end\n", {"out"});
        // Linear ones differ by roundings; for diodes ngspice's own Newton steps end at its reltol, and the reverse current is
        // 0.5 % of IS off where ngspice uses its cubic.
        const bool has_diode = body.find("\nD1 ") != std::string::npos;
        CHECK_THAT(rest_voltage(body), WithinRel(tables[0].at(0).at(1), has_diode ? 1e-6 : 1e-9));
    }
}

TEST_CASE("subcircuits are opened with the path to each element", "[circuit][netlist]")
{
    const auto parsed = parse_netlist("t\n"
                                      ".subckt stage in out r=1k\nR1 in mid {r}\nXi mid out load\nVm mid 0 0\nB1 out 0 I=i(Vm)*v(in,mid)\n"
                                      ".subckt load a b\nL1 a b 1\nL2 b 0 4\nK1 L1 L2 .5\n.ends\n.ends\n"
                                      "Xa P2 0 stage\nXB p3 q stage r=2k\nRx q 0 1\n",
                                      "t.cir");
    if (!parsed) FAIL(parsed.error().message);
    const auto& n = parsed.value();
    REQUIRE(n.elements.size() == 13);
    CHECK(n.elements[0].name == "Xa.R1");
    CHECK(n.elements[1].name == "Xa.Xi.L1");
    CHECK(n.elements[6].name == "XB.R1");
    CHECK(n.elements[6].line == 3);
    CHECK(n.find_element("xb.xi.k1") == std::size_t{9});
    CHECK(n.nodes == std::vector<std::string>{"0", "p2", "xa.mid", "p3", "q", "xb.mid"});
    CHECK(std::get<Resistor>(n.elements[6].part).ohms == 2000.0);
    const auto& k = std::get<Coupling>(n.elements[9].part);
    CHECK((k.first == 7 && k.second == 8));
    const auto& b = std::get<Behavioural>(n.elements[11].part);
    CHECK((b.plus == *n.find_node("q") && b.minus == 0 && b.gives == Behavioural::Gives::current));
    REQUIRE(b.inputs.size() == 2);
    CHECK(std::get<SensedCurrent>(b.inputs[0]).source == 10);
    CHECK(std::get<NodeVoltage>(b.inputs[1]).minus == *n.find_node("xb.mid"));
    CHECK_FALSE(n.is_linear());
    CHECK(parse_netlist("t\nR1 a 0 1\nE1 b 0 a 0 1\n", "t.cir").value().is_linear());
}

TEST_CASE("a controlling node may be called anything", "[circuit][netlist]")
{
    const auto parsed = parse_netlist("t\nE1 o 0 noise 0 2\nG1 o 0 table value 2\nE2 poly 0 laplace 0 1\nG2 o 0 poly 0 1\n", "t.cir");
    if (!parsed) FAIL(parsed.error().message);
    CHECK(parsed.value().is_linear());
    CHECK(std::get<Transconductance>(parsed.value().elements[1].part).control_minus == *parsed.value().find_node("value"));
}

TEST_CASE("a diode is a law, a resistor and a capacitor", "[circuit][netlist]")
{
    const auto parsed = parse_netlist("t\n.model dd D(IS=1n RS=2 CJO=10p TT=5n EG=1.1 XYZ=3)\nD1 a 0 dd 4\nD2 a 0 dd\nD3 0 a plain OFF\n.model plain D\n", "t.cir");
    if (!parsed) FAIL(parsed.error().message);
    const auto& n = parsed.value();
    CHECK(std::get<Resistor>(n.elements[*n.find_element("D1.RS")].part).ohms == 0.5);
    CHECK_THAT(std::get<Capacitor>(n.elements[*n.find_element("D1.CJO")].part).farads, WithinRel(40e-12, 1e-15));
    CHECK(std::get<Resistor>(n.elements[*n.find_element("D3.GMIN")].part).ohms == 1e12);
    CHECK_FALSE(n.find_element("D3.RS"));
    CHECK_FALSE(n.find_element("D3.CJO"));
    CHECK(std::get<Behavioural>(n.elements[*n.find_element("D3")].part).function.size() == 4);  // input, scale, diode, scale
    REQUIRE(n.notes.size() == 4);  // once, though two diodes use the model
    CHECK_THAT(n.notes[0].text, ContainsSubstring("CJO is a constant capacitance"));
    CHECK_THAT(n.notes[3].text, ContainsSubstring("XYZ is skipped"));
}

TEST_CASE("what an element of the circuit senses stays in its line", "[circuit][netlist]")
{
    const auto parsed = parse_netlist("t\nV1 a 0 1\nR1 a b 1\nR2 b 0 1\nF1 0 c R2 2\nB1 0 c I=i(R2)\nR3 c 0 1\n", "t.cir");
    if (!parsed) FAIL(parsed.error().message);
    const auto& n = parsed.value();
    CHECK(n.elements.size() == 7);  // one ammeter for both
    const auto& ammeter = std::get<VoltageSource>(n.elements[*n.find_element("R2.current")].part);
    CHECK((ammeter.plus == *n.find_node("b") && ammeter.minus == std::get<Resistor>(n.elements[2].part).a));
}

TEST_CASE("tolerances are handed on, and what is returned is used", "[circuit][netlist]")
{
    struct Asked { std::string name; char kind; double nominal; std::optional<double> tolerance; };
    std::vector<Asked> asked;
    ParseOptions options;
    options.vary = [&](const PartValue& v) {
        asked.push_back({std::string{v.name}, v.kind, v.nominal, v.tolerance});
        return v.nominal * (v.tolerance ? 1.0 + *v.tolerance : 1.0);
    };
    const auto parsed = parse_netlist("t\n"
                                      ".param gain=10 twice={2*gain} ; tol 10 %\n"
                                      ".subckt s a b r=5\n.param inner=3 ; TOL=50%\nR1 a b {r} ; 1/4 W, tol 1%\nC1 a b 1n ; tol 0.1 %\n+ ic=0\n.ends\n"
                                      "X1 p 0 s\nX2 p 0 s r=7\n"
                                      "E1 q 0 p 0 {gain} $ tol 5%\nG1 q 0 p 0 -2 ; no tolerance\nF1 q 0 V1 3 ; tol 20%\nH1 r 0 V1 4\nV1 p x 0\nL1 x 0 1 ; tol 99%\n"
                                      "R2 q 0 1k ; tol 1\nR3 q 0 1k ; tolerant\nK1 L1 L2 .5 ; tol 1%\nL2 x 0 1 ; tol 100%\nR4 r 0 1k m=2 ; tol 10%\n",
                                      "t.cir", options);
    if (!parsed) FAIL(parsed.error().message);
    const auto& n = parsed.value();
    const std::vector<Asked> want{
        {".param gain", 'p', 10.0, 0.1}, {".param twice", 'p', 22.0, 0.1}, {".param X1.inner", 'p', 3.0, 0.5}, {"X1.R1", 'r', 5.0, 0.01}, {"X1.C1", 'c', 1e-9, 0.001},
        {".param X2.inner", 'p', 3.0, 0.5}, {"X2.R1", 'r', 7.0, 0.01}, {"X2.C1", 'c', 1e-9, 0.001}, {"E1", 'e', 11.0, 0.05}, {"G1", 'g', -2.0, {}}, {"F1", 'f', 3.0, 0.2},
        {"H1", 'h', 4.0, {}}, {"L1", 'l', 1.0, 0.99}, {"R2", 'r', 1e3, {}}, {"R3", 'r', 1e3, {}}, {"L2", 'l', 1.0, {}}, {"R4", 'r', 1e3, 0.1},
    };
    REQUIRE(asked.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        CAPTURE(asked[i].name, want[i].name);
        CHECK((asked[i].name == want[i].name && asked[i].kind == want[i].kind));
        CHECK_THAT(asked[i].nominal, WithinRel(want[i].nominal, 1e-14));
        REQUIRE(asked[i].tolerance.has_value() == want[i].tolerance.has_value());
        if (want[i].tolerance) CHECK_THAT(*asked[i].tolerance, WithinRel(*want[i].tolerance, 1e-14));
    }
    CHECK_THAT(std::get<Resistor>(n.elements[*n.find_element("X2.R1")].part).ohms, WithinRel(7.07, 1e-14));
    CHECK_THAT(std::get<ControlledSource>(n.elements[*n.find_element("E1")].part).gain, WithinRel(11.0 * 1.05, 1e-14));
    CHECK_THAT(std::get<Resistor>(n.elements[*n.find_element("R4")].part).ohms, WithinRel(550.0, 1e-14));
    REQUIRE(n.notes.size() == 4);
    CHECK_THAT(n.notes[0].text, ContainsSubstring("ic is skipped"));
    CHECK((n.notes[1].line == 17 && n.notes[2].line == 19 && n.notes[3].line == 20));
    CHECK_THAT(n.notes[1].text, ContainsSubstring("the comment's tolerance is not read"));
    CHECK_THAT(n.notes[2].text, ContainsSubstring("K1: tolerances are read of"));

    options.vary = [](const PartValue& v) { return v.kind == 'r' ? -v.nominal : v.nominal; };
    CHECK_THAT(refusal("R1 a 0 1k ; tol 1%", options), ContainsSubstring("may not change the sign"));
}

TEST_CASE("files are included, and what is wrong in them is named with them", "[circuit][netlist]")
{
    const auto options = with_files({
        {"amp.lib", "* a library's first line is no title\n.subckt amp a b\nR1 a b 1\n.ac dec 1 1 2\n.ends\n.include sub/deep.lib\n"},
        {"sub/deep.lib", ".inc \"beside.lib\"\n.param r=7\n"}, {"sub/beside.lib", "R9 p 0 {r}\n"},
        {"bad.lib", "*\nR1 a 0 -1\n"}, {"open.lib", ".subckt s a\n"}, {"loop.lib", ".include loop2.lib\n"}, {"loop2.lib", ".include loop.lib\n"},
        {"binary.lib", "\x01"}, {"end.lib", ".ends\n"}, {"plus.lib", "+ 5\n"},
    });
    const auto parsed = parse_netlist("t\n.include 'amp.lib'\nX1 p 0 amp\n", "t.cir", options);
    if (!parsed) FAIL(parsed.error().message);
    const auto& n = parsed.value();
    REQUIRE(n.elements.size() == 2);
    CHECK((n.elements[0].name == "R9" && n.elements[0].line == 1 && n.elements[0].file == "sub/beside.lib"));
    CHECK(n.place_of(n.elements[1]) == "amp.lib, line 3");
    CHECK(std::get<Resistor>(n.elements[0].part).ohms == 7.0);
    REQUIRE(n.notes.size() == 1);
    CHECK((n.notes[0].file == "amp.lib" && n.notes[0].line == 4));

    CHECK(refusal(".include \"bad.lib\"", options).starts_with("bad.lib, line 2: R1 needs"));
    CHECK_THAT(refusal("R1 a 0 1\n.include none.lib", options), ContainsSubstring("t.cir, line 3: the file \"none.lib\" cannot be included: there is no such file"));
    CHECK_THAT(refusal(".include open.lib\n.ends", options), ContainsSubstring("open.lib, line 1: .subckt s has no .ends"));
    CHECK_THAT(refusal(".subckt s a\n.include end.lib", options), ContainsSubstring("end.lib, line 1: .ends ends no .subckt"));
    CHECK_THAT(refusal(".include loop.lib", options), ContainsSubstring("loop2.lib, line 1: the file \"loop.lib\" includes itself: loop.lib → loop2.lib → loop.lib"));
    CHECK_THAT(refusal(".include binary.lib", options), ContainsSubstring("binary.lib is not a text file"));
    CHECK_THAT(refusal("R1 a 0\n.include plus.lib", options), ContainsSubstring("plus.lib, line 1: \"+\" continues a line, but none stands before it"));
    CHECK_THAT(refusal(".include", options), ContainsSubstring("needs the name of a file"));
    ParseOptions endless;
    endless.include = [](std::string_view name) -> Result<std::string> { return ".include " + std::string{name} + "x\n"; };
    CHECK_THAT(refusal(".include f", endless), ContainsSubstring("more than 16 deep"));
    endless.include = [](std::string_view) -> Result<std::string> { return std::string(max_netlist_bytes / 2, '*'); };
    CHECK_THAT(refusal(".include a\n.include b\n.include c", endless), ContainsSubstring("larger than 4 MiB"));
}

TEST_CASE("no netlist opens into more than the bench can run", "[circuit][netlist]")
{
    // Each level ten times the one below: a hundred thousand million resistors in 40 lines, refused at the X that went over.
    std::string tower = ".subckt s0 a\nR1 a 0 1\n.ends\n";
    std::string empty = ".subckt s0 a\n.ends\n";
    for (int level = 1; level <= 11; ++level) {
        std::string floor = ".subckt s" + std::to_string(level) + " a\n";
        for (int i = 0; i < 10; ++i) floor += "X" + std::to_string(i) + " a s" + std::to_string(level - 1) + "\n";
        tower += floor + ".ends\n";
        empty += floor + ".ends\n";
    }
    CHECK_THAT(refusal(tower + "R1 q 0 1\nX1 q s11"), ContainsSubstring("t.cir, line 138: with the subcircuit s11 opened here the circuit has more than 10000 elements"));
    CHECK_THAT(refusal(empty + "R1 q 0 1\nX1 q s11"), ContainsSubstring("t.cir, line 137: opening the subcircuits asks for more computing"));

    std::string deep = ".subckt s0 a\nR1 a 0 1\n.ends\n";
    for (int level = 1; level <= 100; ++level) deep += ".subckt s" + std::to_string(level) + " a\nX1 a s" + std::to_string(level - 1) + "\n.ends\n";
    CHECK_THAT(refusal(deep + "X1 q s100"), ContainsSubstring("nested deeper than 50 levels"));
    std::string nested;
    for (int level = 0; level < 1000; ++level) nested += ".subckt s" + std::to_string(level) + " a\n";
    CHECK_THAT(refusal(nested), ContainsSubstring("nested deeper than 30 levels"));

    const std::string long_name(101, 'y');
    for (const auto& body : {"R1 a " + long_name + " 1", "R" + long_name + " a 0 1", ".subckt s a\nR1 a 0 1\n.ends\nX" + long_name + " a s", "R1 a 0 1\nB1 a 0 V=v(" + long_name + ")"})
        CHECK_THAT(refusal(body), ContainsSubstring("is longer than 100 characters"));

    // A chain of parameters, each of which waits for the next.
    std::string chain;
    for (int i = 0; i < 20'000; ++i) chain += ".param p" + std::to_string(i) + "={p" + std::to_string(i + 1) + "}\n";
    CHECK_THAT(refusal(chain + ".param p20000=1\nR1 a 0 {p0}"), ContainsSubstring("nested deeper than 200"));
    std::string backwards = ".param p0=1\n";
    for (int i = 1; i < 20'000; ++i) backwards += ".param p" + std::to_string(i) + "={p" + std::to_string(i - 1) + "}\n";
    CHECK(parse_netlist("t\n" + backwards + "R1 a 0 {p19999}\n", "t.cir"));
}
