/// \file output_circuits.h
/// The shipped circuits that are outputs, for tests that go through all of them.
#pragma once

#include "bench/collection.h"
#include "bench/wiring.h"

#include <string>
#include <vector>

namespace lowleg::testing {

/// Their names.
inline std::vector<std::string> output_circuits()
{
    std::vector<std::string> names;
    for (const auto& c : bench::shipped_circuits()) {
        const auto netlist = bench::read_circuit(bench::find_circuit(c.name).value());
        if (bench::kind_of(netlist.value()).value() == bench::CircuitKind::output) names.emplace_back(c.name);
    }
    return names;
}

}  // namespace lowleg::testing
