#include "circuit/netlist_builder.h"

#include "circuit/element_reader.h"
#include "circuit/spice_text.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace lowleg::circuit {
namespace {

constexpr std::size_t max_opening_depth = 50;
// Paths are made of names: without a limit a small file could ask for gigabytes of them.
constexpr std::size_t max_name = 100;

}  // namespace

Result<Netlist> NetlistBuilder::build()
{
    Instance top{{deck_, deck_.top, "", nullptr, {}, options_, effort_}, ""};
    netlist_.source = deck_.files.front();
    netlist_.title = deck_.title;
    if (auto status = read_elements(top); !status) return status.error();
    if (auto status = join_couplings(); !status) return status.error();
    if (auto status = join_references(); !status) return status.error();
    if (auto status = check_nodes(); !status) return status.error();
    if (netlist_.elements.empty())
        return Error{netlist_.source + " holds no circuit: after the title line, write elements such as \"R1 p2 0 10k\""};
    take_notes();
    return std::move(netlist_);
}

Status NetlistBuilder::read_elements(Instance& instance)
{
    if (auto status = instance.scope.work_out(); !status) return status;
    for (const auto& s : instance.scope.definition().elements) {
        effort_.read(s.text);
        if (effort_.is_exhausted())
            return deck_.at(opening_.empty() ? s.origin : opening_.front().first,
                            "opening the subcircuits asks for more computing than a circuit of " + std::to_string(max_elements) + " elements needs");
        if (auto status = read_element(*this, instance, s); !status) return status;
        if (!long_name_.empty())
            return deck_.at(s.origin, "the name " + quoted(long_name_) + " is longer than " + std::to_string(max_name) + " characters");
    }
    return Done{};
}

Status NetlistBuilder::open(Instance& around, const Statement& s, const std::vector<std::string_view>& words)
{
    const std::string x{words[0]};
    std::size_t plain = 1;
    std::string_view parameters;
    while (plain < words.size() && lowered(words[plain]) != "params:" && !(plain + 1 < words.size() && words[plain + 1] == "=")) ++plain;
    if (plain < words.size()) parameters = text_behind(lowered(words[plain]) == "params:" ? words[plain] : words[plain - 1], s.text);
    if (x.size() > max_name) {
        long_name_ = x;
        return Done{};  // which refuses it
    }
    if (plain < 2) return deck_.at(s.origin, x + " needs nodes and the name of a subcircuit, e.g. \"" + x + " in out amp\"");

    const auto name = lowered(words[plain - 1]);
    const auto* const definition = around.scope.find_definition(name);
    if (definition == nullptr) {
        std::vector<std::string> known;
        for (const auto* d = &around.scope.definition(); d != nullptr; d = d->outer)
            for (const auto& [other, unused] : d->definitions) known.push_back(other);
        return deck_.at(s.origin, x + " needs a subcircuit at its end, and there is no .subckt " + quoted(words[plain - 1]) +
                                      nearest_of(name, known));
    }
    const auto given_nodes = plain - 2;
    if (given_nodes != definition->ports.size())
        return deck_.at(s.origin, x + " has " + std::to_string(given_nodes) + " nodes, and the subcircuit " + name + " needs " +
                                      std::to_string(definition->ports.size()));
    if (std::any_of(opening_.begin(), opening_.end(), [&](const auto& o) { return o.second == name; })) {
        // The same name may belong to another definition further in.
        for (const auto* i = &around; i != nullptr; i = i->around) {
            if (&i->scope.definition() != definition) continue;
            std::string chain;
            auto o = std::find_if(opening_.begin(), opening_.end(), [&](const auto& other) { return other.second == name; });
            for (; o != opening_.end(); ++o) chain += o->second + " → ";
            return deck_.at(s.origin, x + ": the subcircuit " + name + " contains itself: " + chain + name);
        }
    }
    if (opening_.size() >= max_opening_depth)
        return deck_.at(s.origin, x + ": subcircuits are nested deeper than " + std::to_string(max_opening_depth) + " levels: flatten them");

    std::string_view wrong;
    const auto pairs = named_texts_of(parameters, wrong);
    if (!pairs)
        return deck_.at(s.origin, x + " takes nodes, a subcircuit, then name=value, and " + quoted(wrong) +
                                      " is not one; an expression with blanks stands in braces");
    std::vector<Assignment> given;
    double multiplier = around.multiplier;
    for (const auto& [parameter, value] : *pairs) {
        const auto key = lowered(parameter);
        const bool is_known = definition->parameter_index.contains(key);
        if (!is_known && key == "m") {
            const auto m = parse_constant(within_braces(value).value_or(value), around.scope, effort_);
            if (!m) return m.error().is_placed ? Error{m.error().message} : deck_.at(s.origin, x + ": " + m.error().message);
            multiplier *= m.value();
            if (!is_multiplicity(m.value()) || !is_multiplicity(multiplier)) return deck_.at(s.origin, x + ": " + std::string{what_multiplicity_is});
            continue;
        }
        if (!is_known) {
            std::vector<std::string> known;
            for (const auto& a : definition->parameters) known.push_back(a.name);
            return deck_.at(s.origin, x + ": the subcircuit " + name + " has no parameter " + quoted(parameter) + nearest_of(key, known));
        }
        given.push_back({s.origin, key, std::string{value}, std::nullopt, false});
    }

    Instance instance{{deck_, *definition, around.scope.path() + x + '.', &around.scope, std::move(given), options_, effort_},
                      around.node_path + lowered(x) + '.', {}, multiplier, &around};
    for (std::size_t i = 0; i < given_nodes; ++i) instance.connections.emplace(definition->ports[i], node(around, words[1 + i]));
    opening_.emplace_back(s.origin, name);
    auto status = read_elements(instance);
    opening_.pop_back();
    return status;
}

Node NetlistBuilder::resolve(const Instance& instance, std::string_view name)
{
    if (name.size() > max_name) {
        long_name_ = name;
        return 0;
    }
    auto key = lowered(name);
    if (key == "gnd" || key == "0") return 0;
    if (const auto port = instance.connections.find(key); port != instance.connections.end()) return port->second;
    if (!deck_.globals.contains(key)) key = instance.node_path + key;
    const auto [found, is_new] = nodes_.emplace(key, netlist_.nodes.size());
    if (is_new) {
        netlist_.nodes.push_back(key);
        uses_.emplace_back();
    }
    return found->second;
}

Node NetlistBuilder::node(const Instance& instance, std::string_view name)
{
    const auto n = resolve(instance, name);
    uses_[n].is_connected = true;
    return n;
}

Node NetlistBuilder::read_node(const Instance& instance, std::string_view name, Origin origin)
{
    const auto n = resolve(instance, name);
    if (!uses_[n].is_read) uses_[n].first_read = origin;
    uses_[n].is_read = true;
    return n;
}

Status NetlistBuilder::add(Origin origin, std::string name, Part part)
{
    if (netlist_.elements.size() >= max_elements) {
        const auto what = "more than " + std::to_string(max_elements) + " elements: the bench runs output stages, give a smaller circuit";
        return opening_.empty() ? deck_.at(origin, "the circuit has " + what)
                                : deck_.at(opening_.front().first,
                                           "with the subcircuit " + opening_.front().second + " opened here the circuit has " + what);
    }
    if (name.size() - std::min(name.size(), name.rfind('.') + 1) > max_name) long_name_ = name;
    const auto [known, is_new] = elements_.emplace(lowered(name), netlist_.elements.size());
    if (!is_new) {
        const auto& other = netlist_.elements[known->second];
        return deck_.at(origin, "there is an element " + quoted(name) + " already, in " + (other.file.empty() ? "" : other.file + ", ") + "line " +
                                    std::to_string(other.line) + ": give each a name of its own");
    }
    netlist_.elements.push_back({std::move(name), origin.line, std::move(part), deck_.file_of(origin)});
    return Done{};
}

void NetlistBuilder::sense_later(Origin origin, const Instance& instance, std::size_t element, std::size_t input, std::string_view name)
{
    auto key = lowered(name);
    if (key.starts_with("v.")) key.erase(0, 2);  // "v.x1.v1" is ngspice's name of V1 in X1
    references_.push_back({origin, element, input, instance.node_path + key});
}

void NetlistBuilder::couple_later(Origin origin, const Instance& instance, std::string_view first, std::string_view second)
{
    couplings_.push_back({origin, netlist_.elements.size(), instance.node_path + lowered(first), instance.node_path + lowered(second)});
}

/// A K may stand before its inductors, so their names are looked up last.
Status NetlistBuilder::join_couplings()
{
    std::unordered_map<std::string, std::string> pairs;
    for (const auto& c : couplings_) {
        auto& element = netlist_.elements[c.element];
        const auto inductor = [&](const std::string& name) -> std::optional<std::size_t> {
            const auto found = elements_.find(name);
            if (found == elements_.end() || !std::holds_alternative<Inductor>(netlist_.elements[found->second].part)) return std::nullopt;
            return found->second;
        };
        const auto first = inductor(c.first);
        const auto second = inductor(c.second);
        if (!first || !second)
            return deck_.at(c.origin, element.name + " couples two inductors, and there is no inductor " + quoted(first ? c.second : c.first) +
                                          " in this file");
        if (*first == *second) return deck_.at(c.origin, element.name + " couples " + quoted(c.first) + " with itself: name two inductors");
        const auto key = std::to_string(std::min(*first, *second)) + ' ' + std::to_string(std::max(*first, *second));
        if (const auto [known, is_new] = pairs.emplace(key, element.name); !is_new)
            return deck_.at(c.origin, element.name + " couples the inductors that " + known->second + " couples already: keep one of the two");
        auto& coupling = std::get<Coupling>(element.part);
        coupling.first = *first;
        coupling.second = *second;
    }
    return Done{};
}

std::vector<std::string> NetlistBuilder::names_of_sources() const
{
    std::vector<std::string> names;
    for (const auto& e : netlist_.elements)
        if (std::holds_alternative<VoltageSource>(e.part)) names.push_back(lowered(e.name));
    return names;
}

/// i(R1): a source of 0 V is put before the element's first node.
Result<std::size_t> NetlistBuilder::put_ammeter(Origin origin, std::size_t element)
{
    const auto name = netlist_.elements[element].name + ".current";
    if (const auto known = elements_.find(lowered(name)); known != elements_.end()) return known->second;
    auto* const node = std::visit([](auto& part) -> Node* {
        if constexpr (requires { part.a; }) return &part.a;
        else if constexpr (requires { part.plus; }) return &part.plus;
        else return nullptr;
    }, netlist_.elements[element].part);
    const auto is_diode = elements_.contains(lowered(netlist_.elements[element].name + ".gmin"));
    if (node == nullptr || is_diode)
        return deck_.at(origin, "the current of " + netlist_.elements[element].name +
                                    " cannot be read: put a voltage source of 0 V in series and read that");
    const auto before = *node;
    *node = netlist_.nodes.size();
    netlist_.nodes.push_back(lowered(name));
    uses_.push_back({{}, true, false});
    const auto ammeter = netlist_.elements.size();
    if (auto status = add(origin, name, VoltageSource{before, netlist_.nodes.size() - 1, 0.0, {}}); !status) return status.error();
    return ammeter;
}

Status NetlistBuilder::join_references()
{
    for (const auto& r : references_) {
        const auto found = elements_.find(r.name);
        if (found == elements_.end())
            return deck_.at(r.origin, netlist_.elements[r.element].name + " reads the current of a voltage source, and there is no " + quoted(r.name) +
                                          nearest_of(r.name, names_of_sources()));
        auto source = found->second;
        if (!std::holds_alternative<VoltageSource>(netlist_.elements[source].part)) {
            const auto ammeter = put_ammeter(r.origin, source);
            if (!ammeter) return ammeter.error();
            source = ammeter.value();
        }
        auto& element = netlist_.elements[r.element];
        if (auto* f = std::get_if<CurrentControlledCurrent>(&element.part)) f->sensed = source;
        else if (auto* h = std::get_if<CurrentControlledVoltage>(&element.part)) h->sensed = source;
        else std::get<Behavioural>(element.part).inputs[r.input] = SensedCurrent{source};
    }
    return Done{};
}

Status NetlistBuilder::check_nodes() const
{
    for (Node n = 0; n < uses_.size(); ++n) {
        if (uses_[n].is_connected || !uses_[n].is_read) continue;
        std::vector<std::string> connected;
        for (Node other = 1; other < uses_.size(); ++other)
            if (uses_[other].is_connected) connected.push_back(netlist_.nodes[other]);
        return deck_.at(uses_[n].first_read, "an expression reads v(" + netlist_.nodes[n] + "), and no element is connected to such a node" +
                                                 nearest_of(netlist_.nodes[n], connected));
    }
    return Done{};
}

void NetlistBuilder::take_notes()
{
    const auto key = [](const Note& n) { return std::tie(n.file, n.line, n.text); };
    auto& notes = deck_.notes;
    std::sort(notes.begin(), notes.end(), [&](const Note& a, const Note& b) { return key(a) < key(b); });
    // An element of a subcircuit is read once for every instance.
    notes.erase(std::unique(notes.begin(), notes.end(), [&](const Note& a, const Note& b) { return key(a) == key(b); }), notes.end());
    netlist_.notes = std::move(notes);
}

}  // namespace lowleg::circuit
