/// \file linear_solver.h
/// Linear systems whose entries span 1e-12 S to 1e12 Ω.
#pragma once

#include "circuit/matrix.h"
#include "core/units.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace lowleg::circuit {

/// X with A·X = B, by LU with rows and columns scaled by powers of two (D. Ruiz, "A scaling algorithm to equilibrate both
/// rows and columns norms in matrices", RAL-TR-2001-034).
/// \param a  [n][n] \param b  [n][k] \return [n][k]; nothing where A is singular to working precision or a value is not finite.
[[nodiscard]] std::optional<Matrix> solve(const Matrix& a, const Matrix& b);

/// X with (s·C + G)·X = B.
/// \return [k · n + row]; nothing where there is no solution at this s.
[[nodiscard]] std::optional<std::vector<Complex>> solve_at(Complex s, const Matrix& c, const Matrix& g, const Matrix& b);

/// The unknown that a singular s·C + G leaves open most, if it is singular.
[[nodiscard]] std::optional<std::size_t> undecided_at(Complex s, const Matrix& c, const Matrix& g);

/// A·B and Aᵀ·B.
[[nodiscard]] Matrix product(const Matrix& a, const Matrix& b);
[[nodiscard]] Matrix transposed_product(const Matrix& a, const Matrix& b);

/// X with Aᵀ·X as near to B as can be, X as small as can be.
/// \param a  [n][k] \param b  [k][m] \return [n][m]
[[nodiscard]] Matrix least_squares_of_transposed(const Matrix& a, const Matrix& b);

/// Eigenvalues of a square matrix.
[[nodiscard]] std::vector<Complex> eigenvalues(const Matrix& a);

}  // namespace lowleg::circuit
