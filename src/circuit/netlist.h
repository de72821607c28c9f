/// \file netlist.h
/// A circuit as SPICE writes it down: what is connected to what.
///
/// Read are the elements R, C, L, K, V and E, comments (`*` at the start of a line, `;` anywhere, `$` after a blank),
/// continuation lines (`+`), and numbers with SPICE's suffixes. The first line is the title. Upper and lower case are one.
/// What only says how to analyse (.ac, .end, .control … .endc, .op, .tran, .options, .print, …) is skipped with a note;
/// what would change the circuit and is not understood is an error.
#pragma once

#include "core/result.h"
#include "core/units.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lowleg::circuit {

/// Index into Netlist::nodes. 0 is ground.
using Node = std::size_t;

struct Resistor { Node a, b; double ohms; };         ///< > 0
struct Capacitor { Node a, b; double farads; };      ///< > 0
struct Inductor { Node a, b; double henries; };      ///< > 0; the dot is at `a`.
struct Coupling { std::size_t first, second; double k; };  ///< Two inductors, indices into Netlist::elements; 0 < |k| ≤ 1.
struct VoltageSource { Node plus, minus; double dc_volts; Complex ac_volts; };  ///< 0 V is an ammeter, or a wire.
/// SPICE's E: V(plus, minus) = gain · V(control_plus, control_minus).
struct ControlledSource { Node plus, minus, control_plus, control_minus; double gain; };

struct Element {
    std::string name;  ///< As written: "R5".
    int line{};        ///< In the text that it came from, from 1; 0 for one that was added by the program.
    std::variant<Resistor, Capacitor, Inductor, Coupling, VoltageSource, ControlledSource> part;
};

/// What was skipped, or reads differently in SPICE from what its author may have meant.
struct Note {
    int line;
    std::string text;
};

struct Netlist {
    std::string source;                 ///< The file's or circuit's name, for messages.
    std::string title;                  ///< The first line, without a leading "*" and blanks.
    std::vector<std::string> nodes{"0"};  ///< Lower case.
    std::vector<Element> elements;
    std::vector<Note> notes;

    [[nodiscard]] std::optional<Node> find_node(std::string_view name) const;
    [[nodiscard]] std::optional<std::size_t> find_element(std::string_view name) const;
    Node add_node(std::string name);

    /// "amp.cir, line 7": where an element stands, for messages.
    [[nodiscard]] std::string place_of(const Element&) const;
};

/// More than any output stage needs; a larger file is something else.
inline constexpr std::size_t max_elements = 10'000;
inline constexpr std::size_t max_netlist_bytes = 4U << 20U;

/// \param text    the whole file.
/// \param source  its name, for messages.
/// \return failure naming file, line and what was expected there.
Result<Netlist> parse_netlist(std::string_view text, std::string_view source);

/// A number as SPICE reads it: "4.7k", "100nF", "1meg", "10M" (milli!), "1F" (femto!), "2e-3". Letters after the suffix
/// are a unit and are ignored. \return nothing when `text` is not wholly such a number, or it is not finite.
[[nodiscard]] std::optional<double> parse_spice_number(std::string_view text);

}  // namespace lowleg::circuit
