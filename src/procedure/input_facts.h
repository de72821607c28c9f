/// \file input_facts.h
/// An input as it enters a connection: what its legs draw and what it makes of their voltages, over frequency.
#pragma once

#include "core/result.h"
#include "core/units.h"
#include "topology/connection.h"

#include <string>
#include <string_view>
#include <vector>

namespace lowleg::procedure {

struct InputFactsAt {
    Hertz frequency{};
    topology::InputAdmittances y;
    Complex gain2{1.0}, gain3{-1.0};     ///< out = gain2·V2 + gain3·V3.
    double common_uncertainty{};         ///< Of a leg's admittance in common mode, S; half width of the 95 % interval.
    double unequal_uncertainty{};        ///< Of what both legs differ by in that, S.

    /// What it makes of the voltages at its pins, as volts between them; as volts at pin 2, where it takes that alone.
    [[nodiscard]] Complex referred(const topology::Arrival& v) const;
};

struct InputFacts {
    std::string name;                    ///< "receiver-ina134", a file, or "10 kΩ per leg".
    bool knows_gains{false};             ///< What it makes of common mode is known, and not taken as nothing.
    std::vector<InputFactsAt> at;        ///< Ascending, ≥ 1.

    /// Between two frequencies conductance and capacitance change along the logarithm of the frequency; beyond them the nearest stands.
    [[nodiscard]] InputFactsAt at_frequency(Hertz f) const;
};

/// From what "lowleg measure input --json" printed. A perfect difference amplifier behind the legs is assumed; pin 2 alone, where pin 3 is on nothing.
/// \return failure when it is something else.
[[nodiscard]] Result<InputFacts> input_facts_of(std::string_view measurement_json);

/// An input without faults: a resistor and a capacitor from each leg to ground.
[[nodiscard]] InputFacts plain_input_facts(Ohms each_leg, Farads beside);

}  // namespace lowleg::procedure
