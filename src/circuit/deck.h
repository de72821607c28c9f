/// \file deck.h
/// The statements of a netlist file and of what it includes, sorted by what they belong to: elements, parameters, models,
/// functions and the definitions of subcircuits. No number has been read yet.
#pragma once

#include "circuit/expression_parser.h"
#include "circuit/netlist.h"
#include "circuit/spice_text.h"

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lowleg::circuit {

/// A line of a file: an index into Deck::files, and its number from 1.
struct Origin {
    std::size_t file{};
    int line{};
};

/// A line with its continuations, without comments.
struct Statement {
    Origin origin;
    std::string text;
    ToleranceRemark tolerance;
};

/// name = expression
struct Assignment {
    Origin origin;
    std::string name;                 ///< Lower case.
    std::string text;
    std::optional<double> tolerance;  ///< As a fraction.
    bool is_param{};                  ///< From a .param line, not from the head of a .subckt.
};

/// A .subckt, or the file itself.
struct Definition {
    Origin origin;
    std::string name;                            ///< Lower case; empty for the file itself.
    std::vector<std::string> ports;              ///< Lower case.
    std::vector<Assignment> parameters;          ///< Each name once,
    std::unordered_map<std::string, std::size_t> parameter_index;  ///< found by it.
    std::vector<Statement> elements;
    std::map<std::string, Statement> models;     ///< By lower-case name: .model
    std::map<std::string, UserFunction> functions;
    std::map<std::string, std::unique_ptr<Definition>> definitions;  ///< Written inside this one, and known only here.
    const Definition* outer{};
};

struct Deck {
    std::vector<std::string> files;  ///< [0] is the netlist itself.
    std::string title;
    Definition top;
    std::set<std::string> globals;   ///< Nodes that are one in all subcircuits.
    std::vector<Note> notes;

    [[nodiscard]] Error at(Origin origin, std::string what) const;
    void note(Origin origin, std::string text);
    /// As Element::file has it: empty for the netlist itself.
    [[nodiscard]] std::string file_of(Origin origin) const;
};

/// Owns no text of the caller.
Result<std::unique_ptr<Deck>> read_deck(std::string_view text, std::string_view source, const ParseOptions& options);

}  // namespace lowleg::circuit
