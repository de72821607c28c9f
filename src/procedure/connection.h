/// \file connection.h
/// What a measured output, a cable and an input make of each other: level, common-mode rejection of the connection, hum.
#pragma once

#include "core/result.h"
#include "core/units.h"
#include "procedure/input_facts.h"
#include "procedure/measurement.h"
#include "topology/connection.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::procedure {

/// Impedance from each leg to ground, in common mode, of inputs that a rejection is told for, Ω.
inline constexpr std::array told_inputs{Ohms{10e3}, Ohms{20e3}, Ohms{50e3}};

struct OutputFactsAt {
    Hertz frequency{};
    topology::OutputAdmittances y;    ///< j per full scale of drive; 0 where nothing drove.
    /// Of what a volt between the grounds leaves between the pins of a perfect input of told_inputs, half width of the 95 % interval.
    std::array<double, told_inputs.size()> conversion_uncertainty{};
};

struct OutputFacts {
    std::string name;
    bool is_virtual_bench{false};
    std::vector<OutputFactsAt> at;    ///< Ascending, ≥ 1.
    std::vector<std::string> notes;
};

/// From what "lowleg measure balance --json" or "lowleg identify --json" printed; the former knows better how uncertain it is.
/// \return failure when it is something else, or tells no impedances.
[[nodiscard]] Result<OutputFacts> output_facts_of(std::string_view json);

/// "20", "20,82", "20,82,2": metres, pF per metre from each wire to the shield (between the wires stands 1.2 times as much), and by how many per cent
/// pin 3's wire has more of it.
struct CableGiven {
    topology::Cable cable;
    bool knows_mismatch{false};       ///< Else the wires may be 2 % apart, either way.
};
/// \return usage error unless it is what a cable can be.
[[nodiscard]] Result<CableGiven> cable_of(std::string_view text);

struct ConnectionOptions {
    CableGiven cable;
    double ground_volts{0.1};         ///< rms between the grounds, at the mains; its k-th harmonic has 1/k of it.
    Hertz mains{50.0};
    /// |common-mode gain| of the input over its gain for what is between its legs, with its legs tied, where the input's facts do not hold it.
    std::optional<GainDb> input_cmrr;
};

/// Solves the three together at each frequency that the output was measured at. \return failure where there is no common frequency.
[[nodiscard]] Result<Measurement> connect(const OutputFacts& output, const InputFacts& input, const ConnectionOptions& options);

/// What a volt between the grounds leaves at an input, as volts between its pins; without a cable.
[[nodiscard]] std::optional<Complex> conversion_into(const topology::OutputAdmittances& output, const InputFactsAt& input);

}  // namespace lowleg::procedure
