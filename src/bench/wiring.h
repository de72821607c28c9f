/// \file wiring.h
/// What gear is connected to: interface, fixture and switch, as elements of the gear's own netlist.
#pragma once

#include "bench/collection.h"
#include "bench/interface_model.h"
#include "circuit/netlist.h"
#include "core/fixture.h"
#include "core/result.h"

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::bench {

/// Reads the netlist with what it includes. \param vary  as of circuit::ParseOptions.
Result<circuit::Netlist> read_circuit(const CircuitText& circuit, const std::function<double(const circuit::PartValue&)>& vary = {});

/// A receiver as gear that stands on the fixture, its pins where those of an output are: with what the bench drives, which leads nowhere, and an input of
/// the interface (Rin2) at its out. \pre the netlist is of a receiver
[[nodiscard]] CircuitText on_fixture(CircuitText receiver, const Fixture& fixture);

/// What of it was skipped, or reads differently in SPICE than it looks: a sentence each, with its line.
[[nodiscard]] std::vector<std::string> notes_of(const circuit::Netlist& netlist);

/// \return failure naming the node that is missing and what each kind needs, or the source that stands where the bench feeds
///   the circuit, with its line.
Result<CircuitKind> kind_of(const circuit::Netlist& netlist);

/// Where the switch can stand: an output's states in the order of SwitchState, a receiver's feeds in that of Feed; a
/// connection has one position.
[[nodiscard]] std::size_t positions_of(CircuitKind kind) noexcept;
/// "pin 3 grounded", "fed common-leg-2": for messages. \pre position < positions_of(kind)
[[nodiscard]] std::string words_for(CircuitKind kind, std::size_t position);

struct WiredCircuit {
    circuit::Netlist netlist;
    std::array<std::string_view, 2> sources;  ///< Voltage sources of the netlist: the interface's outputs 1 and 2.
    std::array<std::string_view, 2> nodes;    ///< What its inputs 1 and 2 record.
};

/// The wiring is described at VirtualBench. The same elements in every position, only resistances of contacts differ: so the state of
/// a running circuit keeps its meaning when the switch moves. No name that is added can stand in a netlist: each has a blank.
/// \param wrong  what of the wiring is missing, at an output. \pre netlist is of this kind; fixture.check().
[[nodiscard]] WiredCircuit wired(circuit::Netlist netlist, CircuitKind kind, const Fixture& fixture, std::size_t position, const WrongMoves& wrong = {});

}  // namespace lowleg::bench
