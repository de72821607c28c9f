#include "circuit/netlist.h"

#include "circuit/deck.h"
#include "circuit/netlist_builder.h"
#include "circuit/spice_text.h"

#include <algorithm>
#include <utility>

namespace lowleg::circuit {

std::optional<Node> Netlist::find_node(std::string_view name) const
{
    const auto key = lowered(name);
    const auto found = std::find(nodes.begin(), nodes.end(), key == "gnd" ? "0" : key);
    if (found == nodes.end()) return std::nullopt;
    return static_cast<Node>(found - nodes.begin());
}

std::optional<std::size_t> Netlist::find_element(std::string_view name) const
{
    const auto key = lowered(name);
    const auto found = std::find_if(elements.begin(), elements.end(), [&](const Element& e) { return lowered(e.name) == key; });
    if (found == elements.end()) return std::nullopt;
    return static_cast<std::size_t>(found - elements.begin());
}

Node Netlist::add_node(std::string name)
{
    if (const auto known = find_node(name)) return *known;
    nodes.push_back(lowered(name));
    return nodes.size() - 1;
}

bool Netlist::is_linear() const noexcept
{
    return std::none_of(elements.begin(), elements.end(), [](const Element& e) { return std::holds_alternative<Behavioural>(e.part); });
}

std::string Netlist::place_of(const Element& element) const
{
    const auto& where = element.file.empty() ? source : element.file;
    return element.line > 0 ? where + ", line " + std::to_string(element.line) : where;
}

Result<Netlist> parse_netlist(std::string_view text, std::string_view source, const ParseOptions& options)
{
    const auto deck = read_deck(text, source, options);
    if (!deck) return deck.error();
    return NetlistBuilder{*deck.value(), options}.build();
}

}  // namespace lowleg::circuit
