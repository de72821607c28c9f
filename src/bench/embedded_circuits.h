/// \file embedded_circuits.h
/// Defined in a file that the build makes from circuits/*.cir and circuits/*.lib (layer.cmake).
#pragma once

#include "bench/collection.h"

#include <span>
#include <string_view>

namespace lowleg::bench {

/// What netlists include by name.
struct ShippedLibrary {
    std::string_view name;  ///< "opamp.lib"
    std::string_view text;
};

[[nodiscard]] std::span<const ShippedCircuit> embedded_circuits() noexcept;
[[nodiscard]] std::span<const ShippedLibrary> embedded_libraries() noexcept;

}  // namespace lowleg::bench
