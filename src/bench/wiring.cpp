#include "bench/wiring.h"

#include "bench/virtual_bench.h"
#include "core/text.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace lowleg::bench {
namespace {

using circuit::Capacitor;
using circuit::Netlist;
using circuit::Node;
using circuit::Resistor;
using circuit::VoltageSource;

// Contacts of a good switch, and of an open one as little as keeps a pin that is on nothing at a voltage at all.
constexpr double closed_ohms = 20e-3;
constexpr double open_ohms = 1e12;
// What IEC 60268-3 puts into one leg.
constexpr double imbalance_ohms = 10.0;

constexpr std::array<std::string_view, 2> sources{"bench output 1", "bench output 2"};

/// Nodes that the bench feeds.
std::vector<std::string_view> fed_nodes(CircuitKind kind)
{
    switch (kind) {
    case CircuitKind::output: return {"drv"};
    case CircuitKind::receiver: return {"p2", "p3"};
    case CircuitKind::connection: return {"drv", "noise"};
    }
    return {};
}

class Wiring {
public:
    Wiring(Netlist netlist, const Fixture& fixture) : netlist_{std::move(netlist)}, fixture_{fixture} {}

    [[nodiscard]] Node node(std::string_view name) const { return *netlist_.find_node(name); }
    Node add_node(std::string name) { return netlist_.add_node("bench " + std::move(name)); }
    void add_resistor(std::string name, Node a, Node b, double ohms) { add(std::move(name), Resistor{a, b, ohms}); }
    void add_source(std::size_t output, Node at)
    {
        netlist_.elements.push_back({std::string{sources[output]}, 0, VoltageSource{at, 0, 0.0, {}}});
    }
    /// An output of the interface with its resistance.
    void add_output(std::size_t output, Node at)
    {
        if (fixture_.rs.value() == 0.0) return add_source(output, at);
        const auto emf = add_node("emf " + std::to_string(output + 1));
        add_source(output, emf);
        add_resistor("Rs " + std::to_string(output + 1), emf, at, fixture_.rs.value());
    }
    /// An input of the interface with its cable.
    void add_input(std::size_t input, Node at)
    {
        const auto number = std::to_string(input + 2);  // Rin2 belongs to pin 2, on input 1
        add_resistor("Rin" + number, at, 0, (input == 0 ? fixture_.rin2 : fixture_.rin3).value());
        if (fixture_.cin.value() > 0.0) add("Cin" + number, Capacitor{at, 0, fixture_.cin.value()});
    }
    WiredCircuit finished(std::string_view input1, std::string_view input2) && { return {std::move(netlist_), sources, {input1, input2}}; }

private:
    void add(std::string name, auto part) { netlist_.elements.push_back({"bench " + std::move(name), 0, part}); }

    Netlist netlist_;
    const Fixture& fixture_;
};

/// core/fixture.h draws it.
WiredCircuit wired_output(Wiring w, const Fixture& f, SwitchState state, const WrongMoves& wrong)
{
    const auto i2 = wrong.pin2_open ? w.add_node("i2") : w.node("p2");
    const auto p3 = w.node("p3");
    const auto i3 = w.add_node("i3");
    const auto z = w.add_node("z");
    w.add_source(0, w.node("drv"));
    w.add_output(1, z);
    if (f.probe) {
        w.add_resistor("Rp2", z, i2, wrong.rp2_open ? open_ohms : f.probe->rp2.value());
        w.add_resistor("Rp3", z, i3, wrong.rp3_open ? open_ohms : f.probe->rp3.value());
    }
    if (wrong.pin2_open) w.add_resistor("lead 2", w.node("p2"), i2, open_ohms);
    w.add_input(0, i2);
    w.add_input(1, i3);
    w.add_resistor("switch", p3, i3, state == SwitchState::lifted ? open_ohms : closed_ohms);
    w.add_resistor("Rg", p3, 0, state == SwitchState::loaded ? f.rg.value() : state == SwitchState::grounded ? closed_ohms : open_ohms);
    return std::move(w).finished(wrong.pin2_open ? "bench i2" : "p2", "bench i3");
}

WiredCircuit wired_receiver(Wiring w, Feed feed)
{
    const auto p2 = w.node("p2");
    const auto p3 = w.node("p3");
    const auto fed = w.add_node("fed");      // by output 1: one pin, or both
    const auto apart = w.add_node("apart");  // by output 2: the other pin, or nothing
    w.add_output(0, fed);
    w.add_output(1, apart);
    const auto lead = [](bool is_on, bool has_imbalance = false) { return is_on ? closed_ohms + (has_imbalance ? imbalance_ohms : 0.0) : open_ohms; };
    w.add_resistor("leg 2", fed, p2, lead(feed != Feed::exchanged, feed == Feed::common_leg2));
    w.add_resistor("leg 3 common", fed, p3, lead(feed != Feed::separate, feed == Feed::common_leg3));
    w.add_resistor("leg 3 apart", apart, p3, lead(feed == Feed::separate));
    w.add_resistor("leg 2 apart", apart, p2, lead(feed == Feed::exchanged));
    w.add_input(0, w.node("out"));
    w.add_input(1, fed);
    return std::move(w).finished("out", "bench fed");
}

WiredCircuit wired_connection(Wiring w)
{
    w.add_source(0, w.node("drv"));
    w.add_source(1, w.node("noise"));
    w.add_input(0, w.node("out"));
    return std::move(w).finished("out", "p2");
}

}  // namespace

Result<Netlist> read_circuit(const CircuitText& circuit, const std::function<double(const circuit::PartValue&)>& vary)
{
    return circuit::parse_netlist(circuit.netlist, circuit.name,
                                  {.include = [&](std::string_view name) { return find_include(circuit, name); }, .vary = vary});
}

CircuitText on_fixture(CircuitText receiver, const Fixture& fixture)
{
    auto& text = receiver.netlist;
    // Before .end, after which nothing counts; lines keep their numbers.
    auto place = text.size();
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find('\n', begin), text.size());
        auto line = text.substr(begin, end - begin);
        line.erase(line.find_last_not_of(" \t\r") + 1);
        std::ranges::transform(line, line.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (line == ".end") {
            place = begin;
            break;
        }
        begin = end + 1;
    }
    auto lines = "Rbench_drive drv 0 1meg\nRbench_rin2 out 0 " + format_number(fixture.rin2.value()) + "\n";
    if (place == text.size() && !text.ends_with('\n')) lines.insert(0, "\n");
    text.insert(place, lines);
    return receiver;
}

std::vector<std::string> notes_of(const Netlist& netlist)
{
    std::vector<std::string> out;
    for (const auto& note : netlist.notes) out.push_back((note.file.empty() ? netlist.source : note.file) + ", line " + std::to_string(note.line) + ": " + note.text);
    return out;
}

Result<CircuitKind> kind_of(const Netlist& netlist)
{
    const auto has = [&](std::string_view name) { return netlist.find_node(name).has_value(); };
    auto kind = CircuitKind::output;
    if (has("drv") && has("out") && has("noise")) kind = CircuitKind::connection;
    else if (!has("drv") && has("out")) kind = CircuitKind::receiver;

    for (const auto* name : {"drv", "p2", "p3"}) {
        if (has(name) || (kind == CircuitKind::receiver && std::string_view{name} == "drv")) continue;
        const auto missing = netlist.source + " has no node \"" + name + "\": ";
        if (kind == CircuitKind::receiver)
            return Error{missing + "the bench feeds a receiver at p2 and p3 and reads it at out; an output has the nodes drv, p2 and p3"};
        return Error{missing + "the bench drives node drv and reads the output's pins at p2 and p3" +
                     (std::string_view{name} == "p3" ? " (a pin that is not connected: \"Rp3 p3 0 1t\")" : "") +
                     "; a receiver has p2, p3 and out, a whole connection drv, p2, p3, out and noise"};
    }
    for (const auto fed : fed_nodes(kind)) {
        const auto node = *netlist.find_node(fed);
        for (const auto& e : netlist.elements) {
            const auto* v = std::get_if<VoltageSource>(&e.part);
            if (v != nullptr && ((v->plus == node && v->minus == 0) || (v->minus == node && v->plus == 0)))
                return Error{netlist.place_of(e) + ": " + e.name + " is a source at " + std::string{fed} + ", which the bench itself drives: remove it"};
        }
    }
    return kind;
}

std::size_t positions_of(CircuitKind kind) noexcept
{
    switch (kind) {
    case CircuitKind::output: return all_switch_states.size();
    case CircuitKind::receiver: return all_feeds.size();
    case CircuitKind::connection: break;
    }
    return 1;
}

std::string words_for(CircuitKind kind, std::size_t position)
{
    switch (kind) {
    case CircuitKind::output: return "pin 3 " + std::string{name_of(static_cast<SwitchState>(position))};
    case CircuitKind::receiver: return "fed " + std::string{name_of(static_cast<Feed>(position))};
    case CircuitKind::connection: break;
    }
    return "in operation";
}

WiredCircuit wired(Netlist netlist, CircuitKind kind, const Fixture& fixture, std::size_t position, const WrongMoves& wrong)
{
    Wiring wiring{std::move(netlist), fixture};
    switch (kind) {
    case CircuitKind::output: return wired_output(std::move(wiring), fixture, static_cast<SwitchState>(position), wrong);
    case CircuitKind::receiver: return wired_receiver(std::move(wiring), static_cast<Feed>(position));
    case CircuitKind::connection: break;
    }
    return wired_connection(std::move(wiring));
}

}  // namespace lowleg::bench
