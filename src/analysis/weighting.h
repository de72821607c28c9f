/// \file weighting.h
/// Frequency weightings of noise.
#pragma once

#include "core/units.h"

#include <cstdint>
#include <string_view>

namespace lowleg::analysis {

enum class Weighting : std::uint8_t {
    flat,
    a,     ///< IEC 61672-1.
};

/// Amplitude ratio of the weighting at a frequency ≥ 0; 1 at 1 kHz.
///
/// A: the analogue transfer function of IEC 61672-1:2013 annex E, with its four poles as exact numbers (20.60, 107.7, 737.9 and 12,194 Hz, rounded), evaluated
/// where it is needed: no filter, so no warping towards half the sample rate.
[[nodiscard]] double weight_at(Weighting weighting, Hertz frequency) noexcept;

/// "flat", "A-weighted".
[[nodiscard]] std::string_view words_for(Weighting weighting) noexcept;

}  // namespace lowleg::analysis
