/// \file linear_stepper.h
/// Runs a sampled linear circuit on the audio thread. Set-up, and where the matrices come from: circuit/sampled_model.h.
#pragma once

#include "core/realtime.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace lowleg::circuit::rt {

/// Frames that are computed together: the forcing of this many is one pass over the matrices.
inline constexpr std::size_t chunk_frames = 8;

struct StepShape {
    std::size_t states{};
    std::size_t inputs{};
    std::size_t outputs{};
    std::size_t taps{};  ///< Input samples that one step looks at.

    [[nodiscard]] constexpr std::size_t rows() const noexcept { return states + outputs; }
};

/// One circuit's matrices, [rows] = states, then outputs. Storage belongs to someone who outlives the steps.
///   next[row] = Σ_s from_state[s][row] · z[s] + Σ_i Σ_t from_input[row][i][t] · x_i[n − taps + 1 + t] + constant[row]
struct StepMatrices {
    const double* from_state{};  ///< [states][rows]
    const double* from_input{};  ///< [rows][inputs][taps], oldest sample first.
    const double* constant{};    ///< [rows]
};

/// The state of one running circuit. The state is physical (charges and fluxes), so matrices of circuits that differ only in
/// resistances may be exchanged between two calls: no charge jumps.
class LinearStepper {
public:
    [[nodiscard]] static constexpr std::size_t storage_for(const StepShape& s) noexcept
    {
        return s.states + s.inputs * (s.taps - 1 + chunk_frames) + (s.rows()) * chunk_frames + s.rows();
    }

    /// \param storage  storage_for(shape) zeros, which outlive this. The first shape.states of them are the state at rest.
    LinearStepper(const StepShape& shape, std::span<double> storage) LOWLEG_REALTIME;

    /// One chunk. Wait-free.
    /// \param in   [inputs][chunk_frames]: of each input `frames` samples, the rest is not used.
    /// \param out  [outputs][chunk_frames].
    /// \param frames  1 … chunk_frames.
    void step(const StepMatrices& m, const double* in, double* out, std::size_t frames) LOWLEG_REALTIME;

private:
    StepShape shape_;
    double* state_;    ///< [states]
    double* history_;  ///< [inputs][taps − 1 + chunk_frames]
    double* forcing_;  ///< [rows][chunk_frames]
    double* next_;     ///< [rows]
};

}  // namespace lowleg::circuit::rt
