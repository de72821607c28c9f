/// \file radau.h
/// The method that both solvers step with.
#pragma once

#include "circuit/matrix.h"

#include <array>

namespace lowleg::circuit {

/// Radau IIA of order 5, three stages (Hairer, Wanner, "Solving Ordinary Differential Equations II", §IV.5): L-stable and
/// stiffly accurate: the last stage is the step's end. For C·x′ + G·x = r(t), a step of h from w solves
/// Σⱼ inverse(i, j)/h·C·(Xⱼ − x₀) + G·Xᵢ = r(at[i]·h).
struct Radau {
    static constexpr double root_6 = 2.449489742783178098;
    static constexpr std::array<double, 3> at{(4.0 - root_6) / 10.0, (4.0 + root_6) / 10.0, 1.0};  ///< c
    Matrix inverse{3, 3};                                                                           ///< A⁻¹

    Radau();
};

}  // namespace lowleg::circuit
