/// \file nonlinear_stepper.h
/// Runs a sampled nonlinear circuit on the audio thread. Set-up, and where the matrices come from: circuit/nonlinear_model.h.
#pragma once

#include "circuit/rt/expression.h"
#include "circuit/rt/half_band.h"
#include "circuit/rt/multiply_add.h"
#include "core/realtime.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lowleg::circuit::rt {

/// Doublings of the rate at most: 8 kHz becomes 512 kHz.
inline constexpr std::size_t max_doublings = 6;
/// Quantities that the laws of one circuit read at most.
inline constexpr std::size_t max_quantities = 32;
inline constexpr std::size_t max_laws = 32;
/// Inputs of one law at most.
inline constexpr std::size_t max_law_inputs = 16;
/// Inputs, and outputs, at most.
inline constexpr std::size_t max_channels = 8;
/// Stages of one step of the method.
inline constexpr std::size_t stages = 3;
static_assert(stages <= lanes);  // a law is evaluated at all stages in one go
/// Samples from which the input at the stages is interpolated.
inline constexpr std::size_t input_taps = 6;

struct NonlinearShape {
    std::size_t states{};
    std::size_t inputs{};
    std::size_t outputs{};
    std::size_t quantities{};
    std::size_t laws{};
    std::size_t instructions{};  ///< Of all laws together.
    std::size_t doublings{};     ///< The circuit steps 2^doublings times per sample.
    std::size_t delay_steps{};   ///< Makes the whole delay a whole number of samples.
    std::array<std::size_t, max_doublings> taps{};  ///< Of the half-band filters, the lowest rate first.

    [[nodiscard]] constexpr std::size_t steps() const noexcept { return std::size_t{1} << doublings; }
    [[nodiscard]] constexpr std::size_t searched() const noexcept { return stages * quantities; }
    /// Of every matrix, filled up with zeros to what is fast.
    [[nodiscard]] constexpr std::size_t rows() const noexcept { return padded(searched() + states + outputs); }
    friend bool operator==(const NonlinearShape&, const NonlinearShape&) = default;
};

/// One law, less its tangent where the circuit rests: g(q) = f(q) − Σ slopes·q − offset.
struct LawView {
    std::span<const Instruction> function;
    const std::size_t* inputs{};  ///< Indices of quantities.
    std::size_t input_count{};
    const double* slopes{};       ///< By input.
    const double* lowest{};       ///< By input: between lowest and highest of all of them the law is its tangent,
    const double* highest{};      ///< as a limiter is where it does not limit.
    double offset{};
};

/// One circuit's matrices; each is stored by columns of [rows]: the quantities at each stage, the states, the outputs;
/// both of these at the end of the step. Storage belongs to someone who outlives the steps.
struct NonlinearMatrices {
    const double* from_state{};  ///< [states][rows]
    const double* from_input{};  ///< [inputs · stages][rows]
    const double* from_law{};    ///< [stages · laws][rows]
    const double* constant{};    ///< [rows]
    const double* rest{};        ///< [states] Where the circuit rests.
    std::array<std::array<double, input_taps>, stages - 1> input_weights{};  ///< By stage; the last one is a sample.
    std::array<double, stages> stage_at{};  ///< Over the step.
    std::array<const double*, max_doublings> half_bands{};
    std::span<const LawView> laws;
};

/// What became of the circuit.
enum class Condition : std::uint8_t {
    runs,
    does_not_converge,  ///< No solution was found for a step.
    diverged,           ///< Its voltages left every bound.
};

/// The state of one running circuit; physical, as that of LinearStepper.
class NonlinearStepper {
public:
    [[nodiscard]] static std::size_t storage_for(const NonlinearShape& shape) LOWLEG_REALTIME;

    /// \param storage  storage_for(shape) zeros, which outlive this. The first shape.states of them are the state at rest.
    NonlinearStepper(const NonlinearShape& shape, std::span<double> storage) LOWLEG_REALTIME;

    /// One chunk. Wait-free; a step that finds no solution within its bounded number of trials ends the run: the outputs
    /// are 0 V from then on, until restart().
    /// \param in   [inputs][chunk_frames]: of each input `frames` samples, the rest is not used.
    /// \param out  [outputs][chunk_frames].
    /// \param frames  1 … chunk_frames.
    void step(const NonlinearMatrices& m, const double* in, double* out, std::size_t frames) LOWLEG_REALTIME;

    [[nodiscard]] Condition condition() const LOWLEG_REALTIME { return condition_; }
    /// From rest, as if switched off for long.
    void restart(const NonlinearMatrices& m) LOWLEG_REALTIME;
    /// The circuit's laws are others from here on: what was foreseen from the last step no longer holds.
    void forget() LOWLEG_REALTIME;

    [[nodiscard]] std::span<double> state() LOWLEG_REALTIME { return state_; }
    /// What is under way from the inputs and to the outputs is what is under way there. \pre The shapes differ in their states
    /// at most.
    void take_signals_of(const NonlinearStepper& other) LOWLEG_REALTIME
    {
        std::copy(other.input_.begin(), other.input_.end(), input_.begin());
        std::copy(other.filters_.begin(), other.filters_.end(), filters_.begin());
        std::copy(other.scale_.begin(), other.scale_.end(), scale_.begin());
        forget();
    }
    /// Evaluations of the laws so far, for benchmarks.
    [[nodiscard]] std::uint64_t evaluations() const LOWLEG_REALTIME { return evaluations_; }

private:
    void one_step(const NonlinearMatrices& m, const double* input) LOWLEG_REALTIME;
    /// The laws' values at both stages of this step. \return whether they were found.
    bool solve(const NonlinearMatrices& m) LOWLEG_REALTIME;
    bool newton(const NonlinearMatrices& m, double misfit) LOWLEG_REALTIME;
    bool follow(const NonlinearMatrices& m) LOWLEG_REALTIME;
    /// The laws at the quantities that law_ brings about. \return how far they are from law_: the largest difference that
    /// makes at a quantity, in units of what is small enough.
    double look(const NonlinearMatrices& m) LOWLEG_REALTIME;
    /// The laws at searched_.
    void evaluate_laws(const NonlinearMatrices& m) LOWLEG_REALTIME;
    /// The laws' gradients where evaluate_laws() was.
    void differentiate_laws(const NonlinearMatrices& m) LOWLEG_REALTIME;
    /// Newton's equations at the place of evaluate_laws(), over the laws that are not idle, as triangles: those of a place
    /// where the slopes were about the same, if these are still at hand.
    /// \return false where they are singular.
    bool factorize(const NonlinearMatrices& m) LOWLEG_REALTIME;
    /// Newton's step from there, into change_.
    void find_change(const NonlinearMatrices& m) LOWLEG_REALTIME;
    [[nodiscard]] bool is_factorized(const NonlinearMatrices& m) const LOWLEG_REALTIME;
    /// How a law (stage · laws + law) moves with these quantities, by the gradient that was factorized. \param quantities  [searched]
    [[nodiscard]] double sensed(const NonlinearMatrices& m, std::size_t at, const double* quantities) const LOWLEG_REALTIME;

    NonlinearShape shape_;
    std::span<double> state_;
    std::span<double> input_;      ///< [inputs][delay_steps + input_taps − 1 + chunk_frames · steps()] at the high rate
    std::span<double> high_;       ///< [outputs][chunk_frames · steps()]
    std::span<double> scratch_;    ///< two of [chunk_frames · steps()]
    std::span<double> filters_;    ///< of all half bands
    std::span<double> linear_;     ///< [rows] what state and input bring about
    std::span<double> searched_;   ///< [searched, filled up] the quantities
    std::span<double> searched_ends_;  ///< [stages − 1][quantities] at the end of the last step but one, and of the one before
    std::span<double> misfit_;     ///< [searched, filled up]
    std::span<double> before_;     ///< [searched] linear_ of the last step
    std::span<double> asked_;      ///< [searched]
    std::span<double> least_;      ///< [quantities] what is small enough
    std::span<double> scale_;      ///< [quantities] how large they have been
    // Of each law at each stage, [stages][laws]:
    std::span<double> law_;        ///< g, as it is taken to be
    std::span<double> found_;      ///< g at the quantities that law_ brings about
    std::span<double> missing_;    ///< found_ − law_
    std::span<double> kept_;
    std::span<double> start_;
    std::span<double> last_;       ///< g of the last step
    std::span<double> ends_;       ///< [2][laws] g at the end of the last step but one, and of the one before
    std::span<double> change_;
    std::span<double> gradients_;  ///< [stages][laws][max_law_inputs] of g by the law's inputs
    std::span<double> factorized_gradients_;  ///< what gradients_ was when it was factorized
    std::span<double> drive_;      ///< [inputs · stages]
    std::span<double> values_;     ///< [instructions][lanes]
    std::span<double> adjoints_;   ///< [instructions][lanes]
    std::span<double> triangles_;  ///< [active][active] by columns
    std::array<std::uint8_t, stages * max_laws> active_{};  ///< stage · laws + law of those that are not idle
    std::size_t active_count_{0};
    std::array<std::uint8_t, stages * max_laws> factorized_{};  ///< what active_ was then
    std::size_t factorized_count_{0};
    std::array<std::uint8_t, stages * max_laws> pivot_{};
    std::array<bool, max_laws> idle_{};  ///< By law: it is its tangent at all stages.
    bool bends_{false};            ///< The last step had laws that were not foreseen.
    std::array<std::uint8_t, stages * max_laws> was_active_{};  ///< active_ at the end of the last step
    std::size_t was_active_count_{0};
    int steps_since_corner_{0};    ///< Since active_ was another, 0 … 2.
    Condition condition_{Condition::runs};
    std::uint64_t evaluations_{0};
};

}  // namespace lowleg::circuit::rt
