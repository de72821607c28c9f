/// \file affine_range.h
/// Where a function of several inputs is nothing but a straight line.
#pragma once

#include "circuit/rt/expression.h"

#include <optional>
#include <span>
#include <vector>

namespace lowleg::circuit {

/// A box: one open range per input.
struct Box {
    std::vector<double> lowest, highest;
};

/// A box about `place`, as large as is found, in which every derivative of the function is one number: there a limiter does not limit. Proven by interval
/// arithmetic on values and derivatives (Moore, "Interval Analysis", 1966), so true for every point of it.
/// \return nothing where no such box is found.
[[nodiscard]] std::optional<Box> affine_range(std::span<const rt::Instruction> function, const std::vector<double>& place);

}  // namespace lowleg::circuit
