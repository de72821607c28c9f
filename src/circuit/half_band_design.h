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

/// What the solvers take for both: to what part of the rate a circuit's inputs and outputs are passed on, and how far below that their
/// images lie. What lies above the passband folds back onto it when an output is sampled, so the images of the passband's end
/// must be gone: 20 kHz, or 5/12 of the rate if that is more or if 20 kHz are too near to half the rate.
[[nodiscard]] double passband_at(double rate_hz);
inline constexpr double image_attenuation_db = 112.0;

}  // namespace lowleg::circuit
