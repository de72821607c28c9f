// Any bytes as a netlist: the parser answers with a sound circuit or with one sentence, soon. Of what it accepts, every law
// is evaluated and differentiated.
//
// A line "*file: NAME" begins a file that the lines before it may include.
#include "circuit/netlist.h"
#include "circuit/rt/expression.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace lowleg;
using namespace lowleg::circuit;

void demand(bool is_so, const char* what)
{
    if (is_so) return;
    std::fprintf(stderr, "netlist_fuzz: %s\n", what);
    std::abort();
}

std::map<std::string, std::string> files_in(std::string_view text)
{
    constexpr std::string_view mark = "\n*file: ";
    std::map<std::string, std::string> files;
    std::string name;
    for (;;) {
        const auto end = text.find(mark);
        files.emplace(name, text.substr(0, end));
        if (end == std::string_view::npos) return files;
        text.remove_prefix(end + mark.size());
        const auto line = text.substr(0, text.find('\n'));
        name = line;
        text.remove_prefix(line.size());
    }
}

void check_parts(const Netlist& n)
{
    const auto is_node = [&](Node node) { return node < n.nodes.size(); };
    const auto is_source = [&](std::size_t e) { return e < n.elements.size() && std::holds_alternative<VoltageSource>(n.elements[e].part); };
    demand(!n.elements.empty() && n.elements.size() <= max_elements, "the number of elements");
    for (const auto& element : n.elements) {
        demand(!element.name.empty() && element.line > 0, "an element without name or line");
        std::visit([&](const auto& p) {
            if constexpr (requires { p.a; }) demand(is_node(p.a) && is_node(p.b), "a node that is none");
            if constexpr (requires { p.plus; }) demand(is_node(p.plus) && is_node(p.minus), "a node that is none");
            if constexpr (requires { p.control_plus; }) demand(is_node(p.control_plus) && is_node(p.control_minus), "a node that is none");
            if constexpr (requires { p.ohms; p.a; }) demand(p.ohms > 0.0 && std::isfinite(p.ohms), "a resistance");
            if constexpr (requires { p.farads; }) demand(p.farads > 0.0 && std::isfinite(p.farads), "a capacitance");
            if constexpr (requires { p.henries; }) demand(p.henries > 0.0 && std::isfinite(p.henries), "an inductance");
            if constexpr (requires { p.gain; }) demand(std::isfinite(p.gain), "a gain");
            if constexpr (requires { p.siemens; }) demand(std::isfinite(p.siemens), "a transconductance");
            if constexpr (requires { p.dc_volts; }) demand(std::isfinite(p.dc_volts), "a voltage");
            if constexpr (requires { p.dc_amperes; }) demand(std::isfinite(p.dc_amperes), "a current");
            if constexpr (requires { p.sensed; }) demand(is_source(p.sensed), "a sensed current of no source");
            if constexpr (requires { p.k; })
                demand(std::abs(p.k) <= 1.0 && p.first < n.elements.size() && std::holds_alternative<Inductor>(n.elements[p.first].part), "a coupling");
            if constexpr (requires { p.inputs; })
                for (const auto& q : p.inputs) {
                    if (const auto* v = std::get_if<NodeVoltage>(&q)) demand(is_node(v->plus) && is_node(v->minus), "an input of no node");
                    else demand(is_source(std::get<SensedCurrent>(q).source), "an input of no source");
                }
        }, element.part);
    }
}

void check_law(const Behavioural& b)
{
    demand(!b.function.empty() && b.function.size() <= rt::max_instructions, "the length of a law");
    for (std::size_t i = 0; i < b.function.size(); ++i) {
        const auto& f = b.function[i];
        if (f.op == rt::Op::input) demand(f.a < b.inputs.size(), "an input that is none");
        else if (f.op != rt::Op::constant) demand(f.a < i && f.b < i && f.c < i, "an operand that is not there yet");
    }
    std::vector<double> inputs(b.inputs.size()), values(b.function.size()), adjoints(b.function.size()), gradient(b.inputs.size());
    for (const double scale : {0.0, 1.0, -1.0, 0.3, -17.0, 1e3, 1e-12, -1e12, 1e100, 1e300}) {
        double sign = 1.0;
        for (auto& x : inputs) x = scale * (sign = -0.9 * sign);
        rt::evaluate(b.function, inputs.data(), values.data());
        demand(std::isfinite(values.back()), "a law without a finite value");
        rt::differentiate(b.function, values.data(), inputs.size(), gradient.data(), adjoints.data());
        for (const double g : gradient) demand(std::isfinite(g), "a law without a finite slope");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto files = files_in({reinterpret_cast<const char*>(data), size});
    ParseOptions options;
    options.include = [&](std::string_view name) -> Result<std::string> {
        const auto found = files.find(std::string{name});
        if (found == files.end()) return Error{"there is no such file"};
        return found->second;
    };
    options.vary = [](const PartValue& v) {
        demand(!v.name.empty() && std::isfinite(v.nominal) && (!v.tolerance || (*v.tolerance >= 0.0 && *v.tolerance < 1.0)), "what is asked to vary");
        return v.nominal * (1.0 + 0.5 * v.tolerance.value_or(0.0));
    };
    const auto netlist = parse_netlist(files.at(""), "fuzz.cir", options);
    if (!netlist) {
        const auto& message = netlist.error().message;
        demand(!message.empty() && message.size() < 2000 && message.find('\n') == std::string::npos, "a message that is not one sentence");
        return 0;
    }
    check_parts(netlist.value());
    for (const auto& element : netlist.value().elements)
        if (const auto* law = std::get_if<Behavioural>(&element.part)) check_law(*law);
    // Here the circuit will be solved.
    return 0;
}
