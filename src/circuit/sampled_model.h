/// \file sampled_model.h
/// A linear circuit at a sample rate: constant matrices, ready for the audio thread.
#pragma once

#include "circuit/rt/linear_stepper.h"

#include <cstdint>
#include <vector>

namespace lowleg::circuit {

/// Made by LinearCircuit::sampled, where the method is described.
struct SampledModel {
    rt::StepShape shape;
    double sample_rate_hz{};
    /// Output sample n is the circuit's voltage at the time of input sample n − delay_frames: the constant delay of the
    /// filter that makes a continuous signal of the samples.
    std::int64_t delay_frames{};
    std::vector<double> from_state;
    std::vector<double> from_input;
    std::vector<double> constant;  ///< From the netlist's own DC sources.
    std::vector<double> rest;      ///< [states] The state that those sources have settled to.

    /// Valid as long as this model lives and stays where it is.
    [[nodiscard]] rt::StepMatrices matrices() const noexcept { return {from_state.data(), from_input.data(), constant.data()}; }
};

}  // namespace lowleg::circuit
