/// \file half_band_design.h
/// The low-pass that halves and doubles sample rates: symmetric about a quarter of the high rate, every second tap zero.
#pragma once

#include <vector>

namespace lowleg::circuit {

/// The taps that are not zero, as rt::Doubler and rt::Halver take them: 2 · half of them, symmetric, their sum is 1.
///
/// Method: windowed sinc (Kaiser, J. F., "Nonrecursive digital filter design using the I0-sinh window function", 1974).
/// \param passband  its edge over the low rate, 0 < passband < 0.5; flat to there, and all from (1 − passband) on is gone.
/// \param attenuation_db  of what is gone, 40 … 160; the passband ripples by no more than the same measure.
[[nodiscard]] std::vector<double> design_half_band(double passband, double attenuation_db);

}  // namespace lowleg::circuit
