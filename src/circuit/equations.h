/// \file equations.h
/// The equations of a circuit, as a netlist gives them.
#pragma once

#include "circuit/matrix.h"
#include "circuit/netlist.h"
#include "core/result.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::circuit {

/// One nonlinear part: a function of some of the circuit's quantities.
struct Law {
    std::vector<rt::Instruction> function;
    std::vector<std::size_t> inputs;  ///< Rows of Equations::sensing, in the order of the function's inputs.
    std::string place;                ///< "amp.cir, line 7: B1", for messages.
};

/// Modified nodal analysis (Ho, Ruehli, Brennan, "The modified nodal approach to network analysis", IEEE Trans. Circuits and
/// Systems 22(6), 1975), x the node voltages and the currents of L, V, E, H and of sources given by a law:
///
///     storage·x′ + conductance·x = input·u + dc + injection·f(sensing·x)
struct Equations {
    std::string source;                 ///< The netlist's name, for messages.
    std::vector<std::string> unknowns;  ///< For messages: "the voltage of node \"p2\"".
    Matrix conductance, storage;        ///< [unknowns][unknowns]
    Matrix input;                       ///< [unknowns][inputs]
    Matrix injection;                   ///< [unknowns][laws]
    Matrix sensing;                     ///< [quantities][unknowns]
    std::vector<double> dc;             ///< [unknowns] What the netlist's own sources contribute.
    std::vector<std::optional<std::size_t>> outputs;  ///< Unknown of each output; none is ground.
    std::vector<Law> laws;
    /// P, with storage = P·Pᵀ of full rank: the state is w = Pᵀ·x, the charges and fluxes that are independent of each other,
    /// scaled so that |w|² is twice the stored energy. It depends on capacitors and inductors alone.
    Matrix spread;  ///< [unknowns][states]

    [[nodiscard]] std::size_t size() const noexcept { return unknowns.size(); }
    [[nodiscard]] std::size_t inputs() const noexcept { return input.columns; }
    [[nodiscard]] std::size_t states() const noexcept { return spread.columns; }
};

/// Unknowns that are solved for at most. Dense: meant for output stages, some tens of unknowns.
inline constexpr std::size_t max_unknowns = 300;

/// \param sources  names of voltage sources of the netlist: the inputs, in this order.
/// \param outputs  names of nodes: the outputs are their voltages to ground, in this order.
/// \return failure naming the element or node that leaves the circuit without a solution: a loop of voltage sources, a node
///   without a path to ground, couplings that no three windings can have, currents that nothing decides.
Result<Equations> equations_of(const Netlist& netlist, std::span<const std::string_view> sources,
                               std::span<const std::string_view> outputs);

/// A circuit's equations about a point: every law replaced by its tangent there, in conductance and dc. The laws themselves
/// stay, less their tangents: f(q) − slopes·q − offsets.
struct OperatingPoint {
    std::vector<double> x;       ///< [unknowns]
    Matrix slopes;               ///< [laws][quantities] Derivatives of the laws.
    std::vector<double> offsets; ///< [laws] f(q) − slopes·q
};

/// Where the circuit rests with its inputs at 0 V. For linear circuits without sources: all zeros.
/// \return failure when the iteration finds no such point.
Result<OperatingPoint> find_operating_point(const Equations& equations);

/// \return `equations` with the tangents at `point` taken into conductance and dc, and without laws.
Equations linearized(const Equations& equations, const OperatingPoint& point);

/// \param equations  without laws. \return failure when a natural frequency lies in the right half-plane: voltages grow without end.
Status check_stable(const Equations& equations);

}  // namespace lowleg::circuit
