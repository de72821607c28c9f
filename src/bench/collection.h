/// \file collection.h
/// The circuits that ship with the virtual bench. Each is a SPICE netlist (circuits/*.cir, *.lib), built into the program.
#pragma once

#include "core/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::bench {

/// What a netlist stands for, by its nodes.
enum class CircuitKind : std::uint8_t {
    output,      ///< drv, p2, p3
    receiver,    ///< p2, p3, out
    connection,  ///< drv, p2, p3, out, noise: an output, a cable and a receiver
};
[[nodiscard]] std::string_view name_of(CircuitKind) noexcept;  ///< "output", "receiver", "connection"

struct ShippedCircuit {
    std::string_view name;      ///< "transformer": also the file's name without ".cir".
    std::string_view title;     ///< The netlist's first line, without the leading "* ".
    std::string_view netlist;   ///< The whole text.
};

/// In the order in which they are shown: outputs, receivers, connections.
[[nodiscard]] std::span<const ShippedCircuit> shipped_circuits() noexcept;

/// The text of a shipped circuit (by name) or of a netlist file (anything that ends in ".cir" or contains a "/").
struct CircuitText {
    std::string name;
    std::string title;
    std::string netlist;
    std::string directory{};  ///< Where its .include files are looked for, before those that ship; empty: only those that ship.
};
/// \return failure with the nearest name and where to find the others, or why the file cannot be read.
Result<CircuitText> find_circuit(std::string_view name_or_file);

/// The text that an .include of `circuit` means: a file beside it (or by its absolute path), else a library that ships
/// (opamp.lib, iron.lib, …).
/// \return failure saying where it was looked for; its name is for the caller to say.
Result<std::string> find_include(const CircuitText& circuit, std::string_view name);

/// What a netlist's author tells: the comment lines that follow the title, up to the first empty line, element, directive or line for
/// programs ("* topology: …", "* pin 3 hot", "* receiver", "* connection"). A paragraph per line; lines that are set in stay lines.
[[nodiscard]] std::string story_of(std::string_view netlist);
/// The netlist with its title and without these lines.
[[nodiscard]] std::string without_story(std::string_view netlist);
/// The ids of "* topology: a | b" in the netlist: what this gear is in truth; several where no test can tell them apart. Empty: not stated.
[[nodiscard]] std::vector<std::string> stated_topologies(std::string_view netlist);
/// Whether a line "* pin 3 hot" says so.
[[nodiscard]] bool is_stated_pin3_hot(std::string_view netlist);

}  // namespace lowleg::bench
