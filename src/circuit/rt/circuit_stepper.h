/// \file circuit_stepper.h
/// Runs a sampled circuit, linear or not, on the audio thread. Set-up: circuit/sampled_model.h.
#pragma once

#include "circuit/rt/linear_stepper.h"
#include "circuit/rt/nonlinear_stepper.h"
#include "core/realtime.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <variant>

namespace lowleg::circuit::rt {

using CircuitShape = std::variant<LinearShape, NonlinearShape>;

struct CircuitMatrices {
    LinearMatrices linear;        ///< Of a linear circuit.
    NonlinearMatrices nonlinear;  ///< Of any other.
    const double* rest{};         ///< [states]
};

class CircuitStepper {
public:
    [[nodiscard]] static std::size_t storage_for(const CircuitShape& shape) LOWLEG_REALTIME
    {
        const auto* linear = std::get_if<LinearShape>(&shape);
        return linear != nullptr ? LinearStepper::storage_for(*linear) : NonlinearStepper::storage_for(*std::get_if<NonlinearShape>(&shape));
    }

    /// \param storage  storage_for(shape) zeros, which outlive this.
    CircuitStepper(const CircuitShape& shape, std::span<double> storage) LOWLEG_REALTIME : storage_{storage}, stepper_{made(shape, storage)} {}

    /// One chunk. Wait-free. \param in  [inputs][chunk_frames] \param out  [outputs][chunk_frames] \param frames  1 … chunk_frames.
    void step(const CircuitMatrices& m, const double* in, double* out, std::size_t frames) LOWLEG_REALTIME
    {
        if (auto* linear = std::get_if<LinearStepper>(&stepper_)) linear->step(m.linear, in, out, frames);
        else std::get_if<NonlinearStepper>(&stepper_)->step(m.nonlinear, in, out, frames);
    }

    /// Voltages and currents are those of rest from here on; what is under way from the inputs is forgotten.
    void restart(const CircuitMatrices& m) LOWLEG_REALTIME
    {
        if (auto* nonlinear = std::get_if<NonlinearStepper>(&stepper_)) return nonlinear->restart(m.nonlinear);
        std::fill(storage_.begin(), storage_.end(), 0.0);
        std::copy_n(m.rest, state().size(), storage_.data());
    }
    /// Goes on in the place of `other`, which runs the same circuit with other values.
    /// \param from_other  circuit::Circuit::state_from: [states][states of other], column by column.
    /// \pre The shapes differ in their states at most.
    void go_on_from(CircuitStepper& other, const double* from_other) LOWLEG_REALTIME
    {
        const auto there = other.state();
        const auto here = state();
        std::fill(here.begin(), here.end(), 0.0);
        add_product(from_other, here.size(), there.size(), there.data(), here.data());
        if (auto* nonlinear = std::get_if<NonlinearStepper>(&stepper_)) nonlinear->take_signals_of(*std::get_if<NonlinearStepper>(&other.stepper_));
        else std::get_if<LinearStepper>(&stepper_)->take_inputs_of(*std::get_if<LinearStepper>(&other.stepper_));
    }
    /// The matrices are others from the next step on.
    void forget() LOWLEG_REALTIME
    {
        if (auto* nonlinear = std::get_if<NonlinearStepper>(&stepper_)) nonlinear->forget();
    }
    [[nodiscard]] std::span<double> state() LOWLEG_REALTIME
    {
        if (auto* linear = std::get_if<LinearStepper>(&stepper_)) return linear->state();
        return std::get_if<NonlinearStepper>(&stepper_)->state();
    }
    [[nodiscard]] Condition condition() const LOWLEG_REALTIME
    {
        const auto* nonlinear = std::get_if<NonlinearStepper>(&stepper_);
        return nonlinear != nullptr ? nonlinear->condition() : Condition::runs;
    }

private:
    using Stepper = std::variant<LinearStepper, NonlinearStepper>;
    static Stepper made(const CircuitShape& shape, std::span<double> storage) LOWLEG_REALTIME
    {
        if (const auto* linear = std::get_if<LinearShape>(&shape)) return LinearStepper{*linear, storage};
        return NonlinearStepper{*std::get_if<NonlinearShape>(&shape), storage};
    }

    std::span<double> storage_;
    Stepper stepper_;
};

}  // namespace lowleg::circuit::rt
