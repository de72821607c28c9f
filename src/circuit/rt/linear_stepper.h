/// \file linear_stepper.h
/// Runs a sampled linear circuit on the audio thread. Set-up, and where the matrices come from: circuit/linear_model.h.
#pragma once

#include "circuit/rt/half_band.h"
#include "circuit/rt/multiply_add.h"
#include "core/realtime.h"

#include <cstddef>
#include <span>

namespace lowleg::circuit::rt {

struct LinearShape {
    std::size_t states{};
    std::size_t inputs{};
    std::size_t outputs{};
    std::size_t taps{};            ///< Samples of the doubled input that one step looks at, ≥ 2.
    std::size_t half_band_taps{};  ///< Of the filter that doubles the rate of the inputs.

    /// Of every matrix: states, then outputs, then zeros up to what is fast.
    [[nodiscard]] constexpr std::size_t rows() const noexcept { return padded(states + outputs); }
    friend bool operator==(const LinearShape&, const LinearShape&) = default;
};

/// One circuit's matrices. Storage belongs to someone who outlives the steps. With d_i the input i at twice the rate, where
/// frame n brings the samples 2n and 2n + 1:
///   next[row] = Σ_s from_state[s][row] · z[s] + Σ_i Σ_t from_input[i][t][row] · d_i[2n + 2 − taps + t] + constant[row]
struct LinearMatrices {
    const double* half_band{};   ///< [half_band_taps], from design_half_band.
    const double* from_state{};  ///< [states][rows]
    const double* from_input{};  ///< [inputs][taps][rows], oldest sample first.
    const double* constant{};    ///< [rows]
};

/// The state of one running circuit. The state is physical (charges and fluxes), so matrices of circuits that differ only in
/// resistances may be exchanged between two calls: no charge jumps.
class LinearStepper {
public:
    [[nodiscard]] static constexpr std::size_t storage_for(const LinearShape& s) noexcept
    {
        return s.rows() * (1 + chunk_frames) + s.inputs * (Doubler::storage_for(s.half_band_taps, chunk_frames) + doubled_length(s));
    }

    /// \param storage  storage_for(shape) zeros, which outlive this. The first shape.states of them are the state at rest.
    LinearStepper(const LinearShape& shape, std::span<double> storage) LOWLEG_REALTIME;

    /// One chunk. Wait-free.
    /// \param in   [inputs][chunk_frames]: of each input `frames` samples, the rest is not used.
    /// \param out  [outputs][chunk_frames].
    /// \param frames  1 … chunk_frames.
    void step(const LinearMatrices& m, const double* in, double* out, std::size_t frames) LOWLEG_REALTIME;

    [[nodiscard]] std::span<double> state() LOWLEG_REALTIME { return {frames_, shape_.states}; }
    /// What is under way from the inputs is what is under way there. \pre The shapes differ in their states at most.
    void take_inputs_of(const LinearStepper& other) LOWLEG_REALTIME;

private:
    [[nodiscard]] static constexpr std::size_t doubled_length(const LinearShape& s) noexcept { return s.taps - 2 + 2 * chunk_frames; }

    LinearShape shape_;
    double* frames_;   ///< [1 + chunk_frames][rows]: the state from before the chunk, then of each frame its next.
    double* history_;  ///< [inputs], of the doublers.
    double* doubled_;  ///< [inputs][doubled_length]
};

}  // namespace lowleg::circuit::rt
