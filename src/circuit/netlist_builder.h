/// \file netlist_builder.h
/// Opens a deck into a Netlist: subcircuits instance by instance, names looked up.
#pragma once

#include "circuit/deck.h"
#include "circuit/expression_parser.h"
#include "circuit/netlist.h"
#include "circuit/scope.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lowleg::circuit {

/// m=: how many stand in parallel, also a part of one. Within limits that keep what it multiplies a number.
[[nodiscard]] constexpr bool is_multiplicity(double m) noexcept { return m >= 1e-6 && m <= 1e6; }
inline constexpr std::string_view what_multiplicity_is = "m is how many stand in parallel, from 1e-6 to 1e6";

/// One instance of a subcircuit, or the file itself.
struct Instance {
    Scope scope;
    std::string node_path;                                ///< "" or "x1.x2."
    std::unordered_map<std::string, Node> connections{};  ///< Of the definition's ports.
    double multiplier{1.0};                               ///< m of the X lines around: so many in parallel.
    const Instance* around{};
};

class NetlistBuilder {
public:
    NetlistBuilder(Deck& deck, const ParseOptions& options) : deck_{deck}, options_{options} {}

    Result<Netlist> build();

    // For the readers of elements.

    [[nodiscard]] Deck& deck() noexcept { return deck_; }
    [[nodiscard]] const ParseOptions& options() const noexcept { return options_; }
    [[nodiscard]] Effort& effort() noexcept { return effort_; }

    [[nodiscard]] Node node(const Instance& instance, std::string_view name);
    /// A node that a law only reads: another element must connect it.
    [[nodiscard]] Node read_node(const Instance& instance, std::string_view name, Origin origin);
    /// Fails when the name is taken, or there are too many.
    Status add(Origin origin, std::string name, Part part);
    [[nodiscard]] std::size_t next_element() const noexcept { return netlist_.elements.size(); }

    /// The voltage source is looked up when all elements are known: element `element` (its input `input`, of a Behavioural)
    /// senses the current of `name`, written in `instance`.
    void sense_later(Origin origin, const Instance& instance, std::size_t element, std::size_t input, std::string_view name);
    void couple_later(Origin origin, const Instance& instance, std::string_view first, std::string_view second);

    Status open(Instance& around, const Statement& s, const std::vector<std::string_view>& words);

private:
    struct NodeUse { Origin first_read; bool is_connected{}; bool is_read{}; };
    struct Reference { Origin origin; std::size_t element; std::size_t input; std::string name; };
    struct NamedCoupling { Origin origin; std::size_t element; std::string first, second; };

    Node resolve(const Instance& instance, std::string_view name);
    Status read_elements(Instance& instance);
    Status join_couplings();
    Status join_references();
    Result<std::size_t> put_ammeter(Origin origin, std::size_t element);
    Status check_nodes() const;
    void take_notes();
    [[nodiscard]] std::vector<std::string> names_of_sources() const;

    Deck& deck_;
    const ParseOptions& options_;
    Netlist netlist_;
    Effort effort_;
    std::unordered_map<std::string, Node> nodes_{{"0", 0}};
    std::vector<NodeUse> uses_{{{}, true, false}};
    std::unordered_map<std::string, std::size_t> elements_;  ///< Lower-case name with path → index.
    std::vector<std::pair<Origin, std::string>> opening_;    ///< X lines that are being opened, and what they open.
    std::string long_name_;                                  ///< Found, and to be refused.
    std::vector<Reference> references_;
    std::vector<NamedCoupling> couplings_;
};

}  // namespace lowleg::circuit
