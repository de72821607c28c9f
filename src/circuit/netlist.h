/// \file netlist.h
/// A circuit as SPICE writes it down: what is connected to what. Subcircuits are opened and parameters worked out here, so
/// that a Netlist holds nothing but elements with numbers.
///
/// Read are the elements R C L K V I E G F H D B and X, .subckt/.ends, .param, .model of diodes, .include, comments (`*` at
/// the start of a line, `;` anywhere, `$` after a blank), continuation lines (`+`), and numbers with SPICE's suffixes; where
/// a number stands, an expression may stand in braces or single quotes. The first line is the title. Upper and lower case
/// are one. What only says how to analyse (.ac, .end, .control … .endc, .op, .tran, .options, .print, …) is skipped with a
/// note; what would change the circuit and is not understood is an error. docs/netlists.md tells users all of it.
#pragma once

#include "circuit/rt/expression.h"
#include "core/result.h"
#include "core/units.h"

#include <cstddef>
#include <functional>
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
struct CurrentSource { Node plus, minus; double dc_amperes; Complex ac_amperes; };  ///< The current flows from plus through the source to minus.
/// SPICE's E: V(plus, minus) = gain · V(control_plus, control_minus).
struct ControlledSource { Node plus, minus, control_plus, control_minus; double gain; };
/// SPICE's G: the current from plus through the source to minus is siemens · V(control_plus, control_minus).
struct Transconductance { Node plus, minus, control_plus, control_minus; double siemens; };
/// SPICE's F: the current from plus to minus is gain · the current through a VoltageSource (index into Netlist::elements;
/// that current counts from its plus through it to its minus).
struct CurrentControlledCurrent { Node plus, minus; std::size_t sensed; double gain; };
/// SPICE's H: V(plus, minus) = ohms · the current through a VoltageSource.
struct CurrentControlledVoltage { Node plus, minus; std::size_t sensed; double ohms; };

struct NodeVoltage { Node plus, minus; };       ///< v(plus, minus)
struct SensedCurrent { std::size_t source; };   ///< i(V1): current through a VoltageSource, index into Netlist::elements.
/// What an expression reads of the circuit.
using Quantity = std::variant<NodeVoltage, SensedCurrent>;

/// SPICE's B, D, and those E and G that are given by an expression: a current from plus through the element to minus, or a
/// voltage V(plus, minus), as a function of voltages and currents of the circuit.
struct Behavioural {
    enum class Gives : std::uint8_t { voltage, current };
    Node plus, minus;
    Gives gives;
    std::vector<rt::Instruction> function;  ///< Never empty; the last instruction is the value.
    std::vector<Quantity> inputs;           ///< What the function's inputs are, in their order; each only once.
};

using Part = std::variant<Resistor, Capacitor, Inductor, Coupling, VoltageSource, CurrentSource, ControlledSource, Transconductance,
                          CurrentControlledCurrent, CurrentControlledVoltage, Behavioural>;

struct Element {
    std::string name;   ///< As written: "R5"; within a subcircuit with the path to it: "X1.R5".
    int line{};         ///< In the text that it came from, from 1; 0 for one that was added by the program.
    Part part;
    std::string file{};  ///< Where the line stands if not in Netlist::source: the name of an included file.
};

/// What was skipped, or reads differently in SPICE from what its author may have meant.
struct Note {
    int line;
    std::string text;
    std::string file{};  ///< As in Element.
};

struct Netlist {
    std::string source;                 ///< The file's or circuit's name, for messages.
    std::string title;                  ///< The first line, without a leading "*" and blanks.
    std::vector<std::string> nodes{"0"};  ///< Lower case; within a subcircuit with the path to it: "x1.out".
    std::vector<Element> elements;
    std::vector<Note> notes;

    [[nodiscard]] std::optional<Node> find_node(std::string_view name) const;
    [[nodiscard]] std::optional<std::size_t> find_element(std::string_view name) const;
    Node add_node(std::string name);

    /// Whether every part is linear.
    [[nodiscard]] bool is_linear() const noexcept;
    /// "amp.cir, line 7": where an element stands, for messages.
    [[nodiscard]] std::string place_of(const Element&) const;
};

/// More than any output stage needs, subcircuits opened; a larger file is something else.
inline constexpr std::size_t max_elements = 10'000;
inline constexpr std::size_t max_netlist_bytes = 4U << 20U;

/// A value that a part was given, before it is used.
struct PartValue {
    std::string_view name;            ///< "R5", "X1.R5", or of a parameter ".param gain", ".param X1.gain".
    char kind;                        ///< 'r', 'c', 'l', 'e', 'g', 'f', 'h', or 'p' for a parameter.
    double nominal;                   ///< Worked out with the parameters as they were varied.
    std::optional<double> tolerance;  ///< As a fraction, from a comment at the end of its line: "; tol 1%". 0 … below 1.
};

struct ParseOptions {
    /// Reads the file that an .include names; of one within an included file, with the folder of that file before it.
    /// Empty: .include is an error.
    std::function<Result<std::string>(std::string_view name)> include;
    /// Asked once for every value of an R, C, L, E, G, F, H that is a number, and for every .param, in subcircuits once per
    /// instance: what is returned is used in its place. Must have the sign of the nominal value. Empty: the nominal values.
    std::function<double(const PartValue&)> vary;
};

/// \param text    the whole file.
/// \param source  its name, for messages.
/// \return failure naming file, line and what was expected there.
Result<Netlist> parse_netlist(std::string_view text, std::string_view source, const ParseOptions& options = {});

/// A number as SPICE reads it: "4.7k", "100nF", "1meg", "10M" (milli!), "1F" (femto!), "2e-3". Letters after the suffix
/// are a unit and are ignored. \return nothing when `text` is not wholly such a number, or it is not finite.
[[nodiscard]] std::optional<double> parse_spice_number(std::string_view text);

}  // namespace lowleg::circuit
