/// \file embedded_circuits.h
/// Defined in a file that the build makes from circuits/*.cir (layer.cmake).
#pragma once

#include "bench/collection.h"

#include <span>

namespace lowleg::bench {

[[nodiscard]] std::span<const ShippedCircuit> embedded_circuits() noexcept;

}  // namespace lowleg::bench
