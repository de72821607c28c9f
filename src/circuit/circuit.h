/// \file circuit.h
/// Solves a circuit: its response at any frequency, and a model of it that runs at a sample rate.
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

struct Equations;

/// A netlist with named inputs and outputs. Immutable, cheap to copy, any thread.
class Circuit {
public:
    /// \param sources  names of voltage sources of the netlist: the inputs, in this order.
    /// \param outputs  names of nodes: the outputs are their voltages to ground, in this order.
    /// \return failure naming the element or node that leaves the circuit without a solution (equations.h), or that the
    ///   circuit has no operating point.
    static Result<Circuit> build(const Netlist& netlist, std::span<const std::string_view> sources,
                                 std::span<const std::string_view> outputs);

    [[nodiscard]] std::size_t inputs() const noexcept;
    [[nodiscard]] std::size_t outputs() const noexcept;
    [[nodiscard]] bool is_linear() const noexcept;

    /// Voltage at each output where the circuit rests, its inputs at 0 V. [outputs]
    [[nodiscard]] std::vector<double> rest_volts() const;

    /// Voltage at each output for 1 V at each input, from (jω·C + G)·x = B; where a part is nonlinear, for small signals
    /// about the operating point. The netlist's own sources count as 0 V.
    /// \return [output · inputs() + input]; failure where the frequency is below 0 or not finite, or the circuit has no
    ///   solution there (a lossless resonance, a node that only capacitors hold at 0 Hz).
    [[nodiscard]] Result<std::vector<Complex>> response(Hertz frequency) const;

    /// \return failure when the circuit is unstable where it rests: its voltages grow without end, or until it latches.
    [[nodiscard]] Status check_stable() const;

    /// The circuit as a recursion, one step per sample (linear_model.h, nonlinear_model.h).
    /// \param sample_rate_hz  8 kHz … 768 kHz.
    /// \return failure for a rate outside that range, and what check_stable() fails with.
    [[nodiscard]] Result<SampledModel> sampled(double sample_rate_hz) const;

    /// The state of this circuit's model in which capacitors have the voltages and inductors the currents that they have in
    /// another circuit's state: states here = map · states there. For circuits that differ in values alone; a capacitor that
    /// the other has not is empty. \return [states here][states there]
    [[nodiscard]] Matrix state_from(const Circuit& other) const;

private:
    struct Impl;
    explicit Circuit(std::shared_ptr<const Impl>) noexcept;
    std::shared_ptr<const Impl> impl_;
};

}  // namespace lowleg::circuit
