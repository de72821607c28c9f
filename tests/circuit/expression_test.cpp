// Expressions: against ngspice's B sources, against central differences, and for what they are made into.
#include "circuit/expression_parser.h"
#include "circuit/netlist.h"
#include "support/ngspice.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace lowleg;
using namespace lowleg::circuit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

constexpr std::array nodes{"a", "b", "c"};

/// A B source of an expression in v(a), v(b), v(c).
Result<Netlist> parse(const std::string& expression, const std::string& more = {})
{
    return parse_netlist("test\nVa a 0 0\nVb b 0 0\nVc c 0 0\n" + more + "B1 out 0 V=" + expression + "\nR1 out 0 1\n", "t.cir");
}

const Behavioural& law_of(const Netlist& netlist) { return std::get<Behavioural>(netlist.elements[*netlist.find_element("B1")].part); }

Behavioural law(const std::string& expression)
{
    const auto netlist = parse(expression);
    if (!netlist) FAIL(netlist.error().message);
    return law_of(netlist.value());
}

std::string refusal(const std::string& expression)
{
    const auto netlist = parse(expression);
    CAPTURE(expression);
    REQUIRE_FALSE(netlist);
    return netlist.error().message;
}

/// The values that the law's inputs have when v(a), v(b), v(c) have these.
std::vector<double> inputs_of(const Behavioural& b, const std::array<double, 3>& volts)
{
    std::vector<double> inputs;
    for (const auto& q : b.inputs) {
        const auto& v = std::get<NodeVoltage>(q);
        const auto at = [&](Node n) { return n == 0 ? 0.0 : volts[n - 1]; };  // a, b, c are the first nodes
        inputs.push_back(at(v.plus) - at(v.minus));
    }
    return inputs;
}

double value_of(const Behavioural& b, const std::vector<double>& inputs)
{
    std::vector<double> values(b.function.size());
    rt::evaluate(b.function, inputs.data(), values.data());
    return values.back();
}

std::vector<double> gradient_of(const Behavioural& b, const std::vector<double>& inputs)
{
    std::vector<double> values(b.function.size()), adjoints(b.function.size()), gradient(b.inputs.size());
    rt::evaluate(b.function, inputs.data(), values.data());
    rt::differentiate(b.function, values.data(), b.inputs.size(), gradient.data(), adjoints.data());
    return gradient;
}

std::string text_of(double x)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.17g", x);
    return text.data();
}

// ngspice begins at 0 V everywhere, so none of these may leave its domain there.
const std::vector<std::string> expressions{
    "v(a)+v(b)*v(c)", "v(a)-v(b)-v(c)", "v(a)/(1+abs(v(b)))/2", "-v(c)^2", "-v(c)**2", "v(b)^3", "v(b)**3", "v(a)^2^3", "2**-1*v(a)", "2^-1^2+v(a)",
    "pow(v(b),3)", "pow(v(b),4)", "pwr(v(b),3)", "pwr(v(b),2)", "pwr(v(b),5)", "pow(abs(v(b))+0.1,2.5)", "(0.5+abs(v(a)))^v(b)", "pow(1+v(a)*v(a),v(c))", "pwr(v(a),2.5)",
    "pow(v(b),2)", "pow(v(b),1)", "pow(v(b),7)", "pow(v(b),16)*1e-3", "v(c)^17*1e-6", "v(a)^0",
    "log(1+abs(v(a)))", "ln(2+v(b)*v(b))", "log10(1+abs(v(c)))", "exp(v(a))", "exp(-800+v(a))", "sqrt(0.1+v(a)*v(a))", "abs(v(b))",
    "sin(v(a))", "cos(v(b))", "tan(0.5*v(a))", "asin(v(a)/8)", "acos(v(b)/8)", "atan(v(c))", "sinh(v(a))", "cosh(v(b))", "tanh(v(c))",
    "asinh(v(b))", "acosh(1.5+abs(v(a)))", "atanh(v(a)/8)", "acosh(2.5)", "asin(0.3)",
    "u(v(a))", "u(v(b)-v(b))", "u2(v(a))", "u2(v(b))", "u2(v(c)/4)", "uramp(v(a))", "uramp(v(b))", "sgn(v(b))", "sgn(0)",
    "min(v(a),v(b))", "max(v(a),v(b))", "floor(v(b))", "ceil(v(b))", "nint(v(b))", "nint(2.5)", "nint(3.5)", "nint(-2.5)", "floor(-1.5)",
    "v(a)>v(b)", "v(a)<v(b)", "v(a)>=v(c)", "v(a)<=v(c)", "v(a)==v(a)", "v(a)!=v(b)", "v(a)<>v(b)", "v(a)==v(b)",
    "!v(a)", "!(v(a)-v(a))", "v(a)&&v(b)", "v(a)&&(v(b)-v(b))", "(v(a)-v(a))||v(b)", "(v(a)-v(a))||0", "0.3&&1", "!0.3", "!!2", "1||0&&0",
    "v(a)>0 ? v(b) : v(c)", "v(b)>0 ? 1 : v(c)>0 ? 2 : 3", "0.3 ? 1 : 2", "v(b) ? 1 : 2", "1?0?5:6:7", "ternary_fcn(v(b)>0,1,v(c))",
    "1+1<3", "!1+1", "!1==0", "2==1<2", "3==3==1", "2>1>0", "v(a)<v(b)<1", "2*!0", "2^!0", "2*-3", "2--3", "2+ +3", "-2^2", "(-2)^2", "2*3^2", "2^3^2", "--2",
    "1k*v(a)", "1meg*v(a)", "1m+2.5u", "1e-3k", "1.5e3+.5", "1K", "2MEG", "v(a)*1e-3", "3.3n*1g", "2mil", "4f*1t", "10kohm",
    "v(a,b)", "v(a,b)*v(b,a)", "V( A , B )", "v(c)-v(0)", "v(a,0)", "pi*v(a)", "e*v(a)", "i(Va)+v(a)",
    "{v(a)}", "{2*v(a)}+1", "(v(a))", "( ( v(a) + 1 ) )*2", "pow(-2,3)", "{pow(-2,3)}*v(a)",
    "pwl(v(a),-1,0,0,1,0.5,2)", "pwl(v(b),-1,0,0,1,0.5,2,3,2)", "1/v(c)/v(c)*0+v(a)/4", "v(a)*v(a)*v(a)*v(a)", "uramp(v(a)-1)*uramp(v(a)-1)",
};
const std::vector<std::array<double, 3>> places{{0.7, -1.3, 2.0}, {-0.4, 2.25, -3.1}, {1.9, 0.35, 1e-3}, {-2.6, -0.8, 4.4}};

}  // namespace

TEST_CASE("an expression has the value that ngspice's B source has", "[circuit][expression]")
{
    const auto place = GENERATE(Catch::Generators::from_range(places));
    std::string deck = "t\n";
    for (std::size_t k = 0; k < nodes.size(); ++k) deck += "V" + std::string{nodes[k]} + " " + nodes[k] + " 0 " + text_of(place[k]) + "\n";
    constexpr std::size_t per_file = 20;
    std::string control;
    std::vector<std::string> files;
    for (std::size_t i = 0; i < expressions.size(); ++i) {
        const auto n = std::to_string(i);
        deck += "B" + n + " o" + n + " 0 V=" + expressions[i] + "\nR" + n + " o" + n + " 0 1k\n";
        if (i % per_file == 0) {
            files.push_back("f" + n);
            control += "\nwrdata f" + n;
        }
        control += " v(o" + n + ")";
    }
    const auto tables = testing::run_ngspice(deck + ".control\nset numdgt=16\nop" + control + "\n.endc\n.end\n", files);
    for (std::size_t i = 0; i < expressions.size(); ++i) {
        const double want = tables[i / per_file].at(0).at(2 * (i % per_file) + 1);
        const auto b = law(expressions[i]);
        if (expressions[i].find("i(") != std::string::npos) {  // nothing is connected to Va but its own node
            CHECK_THAT(want, WithinRel(place[0], 1e-9));
            continue;
        }
        CAPTURE(expressions[i], place);
        // Powers as products, and divisions as products, differ by a few roundings from ngspice's.
        CHECK_THAT(value_of(b, inputs_of(b, place)), WithinRel(want, 1e-9) || WithinAbs(want, 1e-12));
    }
}

TEST_CASE("gradients are those of central differences", "[circuit][expression]")
{
    std::mt19937 random{7};
    std::uniform_real_distribution<double> volts{-3.0, 3.0};
    std::size_t checked = 0;
    for (const auto& expression : expressions) {
        const auto b = law(expression);
        if (expression.find("i(") != std::string::npos) continue;
        for (int trial = 0; trial < 10; ++trial) {
            const auto at = inputs_of(b, {volts(random), volts(random), volts(random)});
            const auto gradient = gradient_of(b, at);
            for (std::size_t k = 0; k < at.size(); ++k) {
                const auto moved = [&](double by) { auto inputs = at; inputs[k] += by; return value_of(b, inputs); };
                // Two step widths: where they disagree a kink or a jump lies between, and there is no derivative to compare.
                const double h = 1e-5;
                const double wide = (moved(h) - moved(-h)) / (2.0 * h);
                const double narrow = (moved(h / 4.0) - moved(-h / 4.0)) / (h / 2.0);
                // f'''·h²/6, and the roundings of f over h.
                const double tolerance = 1e-5 * std::abs(narrow) + 1e-9 * (1.0 + std::abs(moved(0.0)));
                if (std::abs(wide - narrow) > tolerance) continue;
                CAPTURE(expression, at, k);
                CHECK_THAT(gradient[k], WithinAbs(narrow, 2.0 * tolerance));
                ++checked;
            }
        }
    }
    CHECK(checked > 1000);  // kinks are few
}

TEST_CASE("finite inputs give finite values and gradients, in every lane alike", "[circuit][expression]")
{
    // Each operation with operands that reach its edges, and beyond.
    constexpr std::array extremes{0.0, -0.0, 1e-320, -1e-320, 1.0, -1.0, 0.5, 79.9, 80.1, 700.0, -700.0, 1e5, -1e30, 1e160, 1e300, -1e300};
    for (int op = 0; op <= static_cast<int>(rt::Op::diode); ++op) {
        if (static_cast<rt::Op>(op) == rt::Op::constant || static_cast<rt::Op>(op) == rt::Op::input) continue;
        const std::array<rt::Instruction, 6> function{{{rt::Op::input, 0, 0, 0, 0.0}, {rt::Op::input, 1, 0, 0, 0.0}, {rt::Op::input, 2, 0, 0, 0.0},
                                                       {static_cast<rt::Op>(op), 0, 1, 2, 1e200}, {rt::Op::scale, 3, 0, 0, 1e150}, {rt::Op::divide, 4, 1, 0, 0.0}}};
        for (const double x : extremes)
            for (const double y : extremes) {
                const std::array<double, 3> inputs{x, y, 1.0};
                std::array<double, 6> values{}, adjoints{};
                std::array<double, 3> gradient{};
                rt::evaluate(function, inputs.data(), values.data());
                rt::differentiate(function, values.data(), 3, gradient.data(), adjoints.data());
                CAPTURE(op, x, y, values, gradient);
                REQUIRE(std::abs(values.back()) <= 2e300);
                for (const double v : values) REQUIRE(std::isfinite(v));
                for (const double g : gradient) REQUIRE(std::isfinite(g));
            }
    }
    // The lanes are the same computation at other places.
    const auto b = law("(v(a)^3+pwr(v(b),2.5))*tanh(v(c))+(v(a)>v(b) ? exp(v(a)) : v(b)/(v(c)*v(c)+1))-min(v(a),v(c))");
    std::mt19937 random{3};
    std::uniform_real_distribution<double> volts{-3.0, 3.0};
    std::vector<double> inputs(3 * rt::lanes), values(b.function.size() * rt::lanes), adjoints(values.size()), gradients(inputs.size());
    for (auto& x : inputs) x = volts(random);
    rt::evaluate_lanes(b.function, inputs.data(), values.data());
    rt::differentiate_lanes(b.function, values.data(), 3, gradients.data(), adjoints.data());
    for (std::size_t lane = 0; lane < rt::lanes; ++lane) {
        const std::vector<double> one{inputs[lane], inputs[rt::lanes + lane], inputs[2 * rt::lanes + lane]};
        CHECK_THAT(values[(b.function.size() - 1) * rt::lanes + lane], WithinRel(value_of(b, one), 1e-13));  // fused roundings
        for (std::size_t k = 0; k < 3; ++k) CHECK_THAT(gradients[k * rt::lanes + lane], WithinRel(gradient_of(b, one)[k], 1e-12) || WithinAbs(0.0, 1e-12));
    }
}

TEST_CASE("a law is as short as it can be", "[circuit][expression]")
{
    CHECK(law("2*3+sqrt(16)").function.size() == 1);                    // constants are worked out
    CHECK(law("2*3+sqrt(16)").inputs.empty());
    CHECK(law("v(a)").function.size() == 1);
    CHECK(law("2*v(a)*3").function.size() == 2);                        // one product
    CHECK(law("v(a)*v(b)+v(b)*v(a)").function.size() == 4);             // and what is computed twice is computed once
    CHECK(law("v(a,b)*v(a,b)").inputs.size() == 1);
    CHECK(law("v(a,b)*v(b,a)").inputs.size() == 1);
    CHECK(law("v(a)-v(A)").function.size() == 1);                       // 0
    CHECK(law("0*v(a)+v(b)*1+0").inputs.size() == 1);
    CHECK(law("1 ? v(a) : v(b)").inputs.size() == 1);
    CHECK(law("uramp(v(a)-1)*uramp(v(a)-1)").function.size() == 4);     // input, offset, ramp, square
    CHECK(law("v(c)^4").function.size() == 3);                          // no std::pow
    for (const auto& expression : expressions) {
        const auto b = law(expression);
        for (std::size_t i = 0; i < b.function.size(); ++i) {
            const auto& n = b.function[i];
            CAPTURE(expression, i);
            if (n.op == rt::Op::input) CHECK(n.a < b.inputs.size());
            else if (n.op != rt::Op::constant) CHECK((n.a < i && n.b < i && n.c < std::max<std::size_t>(i, 1)));
        }
    }
}

TEST_CASE("where ngspice reads braces otherwise, that is noted", "[circuit][expression]")
{
    const auto notes = [](const std::string& expression) {
        const auto netlist = parse(expression, ".param p=2 q=3\n");
        if (!netlist) FAIL(netlist.error().message);
        return netlist.value().notes.size();
    };
    CHECK(notes("{p+q}*v(a)") == 1);  // ngspice: p + q·v(a)
    CHECK(notes("v(a)/{p*q}") == 1);
    CHECK(notes("{p*q}*v(a)") == 0);
    CHECK(notes("{v(a)*p}") == 0);
    CHECK(notes("min(v(a),{p+q})") == 0);
    CHECK(value_of(law_of(parse("{p+q}*v(a)", ".param p=2 q=3\n").value()), {10.0}) == 50.0);
}

TEST_CASE("what an expression may not hold is said", "[circuit][expression]")
{
    struct Case { const char* expression; const char* says; };
    const auto c = GENERATE_REF(Catch::Generators::values<Case>({
        {"v(a)+", "needs a number, a name, v(…), i(…) or \"(\" after \"v(a)+\", and ends there"},
        {"v(a) 3", "needs an operator, and goes on with \"3\""},
        {"(v(a)", "needs \")\""},
        {"v(a))", "needs an operator, and goes on with \")\""},
        {"v(a)*gian", "no parameter of that name"},
        {"v(a)?1", "needs \":\""},
        {"1k5", "\"1k5\", which is not a finite number"},
        {"1e999*v(a)", "not a finite number"},
        {"v()", "needs one node or two"}, {"v(a", "needs \")\""}, {"v(a,b,c)", "needs \")\""}, {"i()", "needs the name of a voltage source"},
        {"v(q)", "reads v(q), and no element is connected"}, {"v(aa)", "did you mean \"a\"?"}, {"i(Vq)", "there is no \"vq\""},
        {"tanhh(v(a))", "did you mean \"tanh\"?"}, {"sin(v(a),2)", "gives sin 2 arguments, and it takes 1"}, {"min(v(a))", "takes 2"},
        {"1/0", "divides by zero"}, {"v(a)+ln(0)", "not defined"}, {"v(a)*sqrt(-1)", "not defined"}, {"v(a)>0 ? 0/0 : 1", "no finite value"},
        {"asin(2)", "not defined"}, {"1e200*1e200", "no finite value"}, {"pow(0,-1)", "no finite value"},
        {"time*v(a)", "depends on the time"}, {"hertz", "depends on the frequency"}, {"temper", "27 °C"}, {"ddt(v(a))", "use a C or an L"},
        {"idt(v(a))", "use a G into a C"}, {"agauss(1,0.1,3)", "is random"}, {"limit(v(a),0,1)", "min(max("}, {"if(v(a),1,2)", "condition ? a : b"},
        {"table(v(a),0,0,1,1)", "use pwl"}, {"pwl(v(a),0,0)", "at least two points"}, {"pwl(v(a),1,0,0,1)", "x rising"}, {"pwl(v(a),0,v(b),1,1)", "with numbers"},
        {"v(a) % 2", "needs an operator"}, {"v(a) | 2", "needs an operator"}, {"'v(a)", "needs"}, {"\xC2\xB5*2", "needs a number"},
    }));
    const auto message = refusal(c.expression);
    CAPTURE(c.expression, message);
    CHECK_THAT(message, ContainsSubstring("t.cir, line 5: ") && ContainsSubstring(c.says));
    CHECK(message.find('\n') == std::string::npos);
}

TEST_CASE("no expression is too deep or too long for the parser", "[circuit][expression]")
{
    const auto repeated = [](std::string_view what, std::size_t times) {
        std::string text;
        for (std::size_t i = 0; i < times; ++i) text += what;
        return text;
    };
    constexpr std::size_t many = 100'000;
    for (const auto* opening : {"(", "-", "!", "{", "sin(", "1?", "0?1:", "2^-", "min(1,", "+("})
        CHECK_THAT(refusal(repeated(opening, many)), ContainsSubstring("nested deeper than 200"));
    CHECK_THAT(refusal(repeated("(", many) + "v(a)" + repeated(")", many)), ContainsSubstring("nested deeper"));
    CHECK(law(repeated("(", 90) + "v(a)" + repeated(")", 90)).function.size() == 1);
    // Long, but a constant.
    CHECK_THAT(value_of(law(repeated("1+", many) + "0"), {}), WithinAbs(1e5, 0.0));
    std::string sum = "0";
    for (int i = 0; i < 2000; ++i) sum += "+sin(v(a)*" + std::to_string(i + 2) + ")";
    CHECK_THAT(refusal(sum), ContainsSubstring("more than 1000 steps"));
    // Functions that call each other double the work with each line.
    std::string functions = ".func f0(x) {x+x*x}\n";
    for (int i = 1; i < 60; ++i) functions += ".func f" + std::to_string(i) + "(x) {f" + std::to_string(i - 1) + "(x)+f" + std::to_string(i - 1) + "(x+1)}\n";
    const auto explosion = parse("f59(1)", functions);
    REQUIRE_FALSE(explosion);
    CHECK_THAT(explosion.error().message, ContainsSubstring("asks for more computing than a circuit of 10000 elements needs"));
    const auto endless = parse("g(1)", ".func f(x) {1+g(x)}\n.func g(x) {2*f(x)}\n");
    REQUIRE_FALSE(endless);
    CHECK_THAT(endless.error().message, ContainsSubstring("the function \"g\", which calls itself"));
}
