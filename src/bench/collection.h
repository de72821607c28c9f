/// \file collection.h
/// The circuits that ship with the virtual bench. Each is a SPICE netlist (circuits/*.cir), built into the program.
#pragma once

#include "core/result.h"

#include <span>
#include <string>
#include <string_view>

namespace lowleg::bench {

struct ShippedCircuit {
    std::string_view name;      ///< "transformer": also the file's name without ".cir".
    std::string_view title;     ///< The netlist's first line, without the leading "* ".
    std::string_view netlist;   ///< The whole text.
};

/// In the order in which they are shown.
[[nodiscard]] std::span<const ShippedCircuit> shipped_circuits() noexcept;

/// The text of a shipped circuit (by name) or of a netlist file (anything that ends in ".cir" or contains a "/").
struct CircuitText {
    std::string name;
    std::string title;
    std::string netlist;
};
/// \return failure naming the circuits there are, with the nearest name, or why the file cannot be read.
Result<CircuitText> find_circuit(std::string_view name_or_file);

}  // namespace lowleg::bench
