/// \file sampled_model.h
/// A circuit at a sample rate: constant matrices, ready for the audio thread.
#pragma once

#include "circuit/linear_model.h"
#include "circuit/nonlinear_model.h"
#include "circuit/rt/circuit_stepper.h"

#include <cstdint>
#include <variant>
#include <vector>

namespace lowleg::circuit {

/// Made by Circuit::sampled.
struct SampledModel {
    double sample_rate_hz{};
    std::variant<LinearModel, NonlinearModel> model;
    std::vector<double> rest;  ///< [states] The state in which the circuit rests.

    /// Output sample n is the circuit's voltage at the time of input sample n − delay_frames(): the constant delay of the
    /// filters that make a continuous signal of the samples.
    [[nodiscard]] std::int64_t delay_frames() const noexcept
    {
        return std::visit([](const auto& m) { return m.delay_frames; }, model);
    }
    /// Of another model of the same shape the state may be taken over.
    [[nodiscard]] rt::CircuitShape shape() const noexcept
    {
        return std::visit([](const auto& m) { return rt::CircuitShape{m.shape}; }, model);
    }
    /// Valid as long as this model lives and stays where it is.
    [[nodiscard]] rt::CircuitMatrices matrices() const noexcept
    {
        if (const auto* linear = std::get_if<LinearModel>(&model)) return {linear->matrices(), {}, rest.data()};
        return {{}, std::get<NonlinearModel>(model).matrices(rest.data()), rest.data()};
    }
};

}  // namespace lowleg::circuit
