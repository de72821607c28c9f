/// \file nonlinear_model.h
/// A nonlinear circuit at a sample rate: its linear rest eliminated beforehand, ready for the audio thread.
#pragma once

#include "circuit/affine_range.h"
#include "circuit/equations.h"
#include "circuit/rt/nonlinear_stepper.h"
#include "core/result.h"

#include <array>
#include <cstdint>
#include <vector>

namespace lowleg::circuit {

struct NonlinearModel {
    rt::NonlinearShape shape;
    std::int64_t delay_frames{};  ///< As of SampledModel.
    std::vector<double> from_state, from_input, from_law, constant;
    std::array<std::array<double, rt::input_taps>, rt::stages - 1> input_weights{};
    std::array<std::vector<double>, rt::max_doublings> half_bands;
    std::vector<Law> laws;
    std::vector<std::vector<double>> slopes;  ///< By law and its inputs.
    std::vector<Box> tangent_in;              ///< By law: the box in which it is its tangent; an empty one where there is none.
    std::vector<rt::LawView> views;           ///< Of the above, whose elements stay where they are when this moves.

    /// Valid as long as this model lives. \param rest  SampledModel::rest
    [[nodiscard]] rt::NonlinearMatrices matrices(const double* rest) const noexcept;
};

/// Method: steps of Radau IIA of order 5 (radau.h) at 150 kHz or more; L-stable, stiffly accurate. For each step all unknowns but the quantities that the laws read are
/// eliminated beforehand; what remains, three stages times these laws, is solved by Newton's method from a parabola through
/// the last steps. Each law is carried as its deviation from its tangent at the operating point, so that small
/// signals cost one evaluation. The input is brought to the high rate, and the output back, by half-band filters: what
/// clipping makes above 28 kHz does not fold back (at 48 kHz; at other rates in proportion).
///
/// Accuracy for small signals against the response at each frequency, the delay apart: better than 0.04 dB and 0.3° up to
/// the larger of 20 kHz and 5/12 of the rate (at 42 kHz or less: to 5/12 of the rate).
/// \return failure when the circuit has more laws than can be run, or values too far apart to be computed with.
Result<NonlinearModel> sample_nonlinear(const Equations& equations, const OperatingPoint& point, double sample_rate_hz);

}  // namespace lowleg::circuit
