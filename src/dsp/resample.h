/// \file resample.h
/// The same signal at a slightly different rate: what puts a recording back on the player's clock.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lowleg::dsp {

/// Samples of the input that each output sample needs on either side of its position.
inline constexpr std::size_t resample_reach = 44;

/// y[n] = x(reach + n·step), n = 0, 1, … as far as the input reaches: band-limited interpolation by a Kaiser-windowed sinc
/// (J. O. Smith, "Digital Audio Resampling"), for a step so near to 1 that nothing has to be filtered out.
///
/// Up to 0.45 of the rate: flat within 0.0001 dB, images below −110 dB. Computed in double precision, rounded to float.
/// \param step  input samples per output sample, 0.99 to 1.01.
/// \return empty when the input is shorter than 2·reach + 1, or the step outside its range.
[[nodiscard]] std::vector<float> resample(std::span<const float> x, double step);

}  // namespace lowleg::dsp
