/// \file linear_circuit.h
/// Solves a linear circuit: its response at any frequency, and a model of it that runs at a sample rate.
#pragma once

#include "circuit/netlist.h"
#include "circuit/sampled_model.h"
#include "core/result.h"
#include "core/units.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace lowleg::circuit {

/// Modified nodal analysis (Ho, Ruehli, Brennan, "The modified nodal approach to network analysis", IEEE Trans. Circuits and
/// Systems 22(6), 1975): C·x′ + G·x = B·u, with x the node voltages and the currents of L, V and E. Dense: meant for output
/// stages, some tens of unknowns. Immutable, cheap to copy, any thread.
class LinearCircuit {
public:
    /// Unknowns (nodes, and currents of L, V, E) that are solved for at most.
    static constexpr std::size_t max_unknowns = 300;

    /// \param sources  names of voltage sources of the netlist: the inputs, in this order.
    /// \param outputs  names of nodes: the outputs are their voltages to ground, in this order.
    /// \return failure naming the element or node that leaves the circuit without a solution: a loop of voltage sources, a
    ///   node without a path to ground, couplings that no three windings can have, currents that nothing decides.
    static Result<LinearCircuit> build(const Netlist& netlist, std::span<const std::string_view> sources,
                                       std::span<const std::string_view> outputs);

    [[nodiscard]] std::size_t inputs() const noexcept;
    [[nodiscard]] std::size_t outputs() const noexcept;

    /// Voltage at each output for 1 V at each input, from (jω·C + G)·x = B. The netlist's own sources count as 0 V.
    /// \return [output · inputs() + input]; failure where the frequency is below 0 or not finite, or the circuit has no
    ///   solution there (a lossless resonance, a node that only capacitors hold at 0 Hz).
    [[nodiscard]] Result<std::vector<Complex>> response(Hertz frequency) const;

    /// The circuit as a recursion, one step per sample.
    ///
    /// Method: Radau IIA of order 5 (Hairer, Wanner, "Solving Ordinary Differential Equations II", §IV.5): L-stable and
    /// stiffly accurate, so a contact that closes on a capacitor settles and does not ring, and no frequency is warped; 16
    /// steps per sample, all collapsed here into one. Between the samples the input is a windowed sinc (Kaiser, images
    /// below −110 dB), taken at the times of the method's stages. The state is the independent charges of
    /// capacitors and fluxes of inductors: for two netlists that differ in resistances alone it is the same state.
    ///
    /// Accuracy against response(), the delay of delay_frames apart: better than 0.002 dB and 0.02° from 0 Hz to
    /// the larger of 20 kHz and 5/12 of the rate (at 42 kHz or less: to 5/12 of the rate).
    /// \param sample_rate_hz  8 kHz … 768 kHz.
    /// \return failure for a rate outside that range and for a circuit that is unstable (its voltages grow without end).
    [[nodiscard]] Result<SampledModel> sampled(double sample_rate_hz) const;

private:
    struct Impl;
    explicit LinearCircuit(std::shared_ptr<const Impl>) noexcept;
    std::shared_ptr<const Impl> impl_;
};

}  // namespace lowleg::circuit
