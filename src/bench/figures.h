/// \file figures.h
/// What a circuit reads on the bench, for small signals, as the figures that people name.
#pragma once

#include "bench/collection.h"
#include "circuit/circuit.h"
#include "circuit/netlist.h"
#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::bench {

/// One thing that can be read at a frequency.
struct Figure {
    std::string id;     ///< "ground_step_db": its name for programs, the unit at its end.
    std::string words;  ///< "ground step": its name for people.
    std::string unit;   ///< "dB" or "°"
};

/// Levels below this are nothing that an interface resolves: what is divided by them has no figure.
inline constexpr GainDb silent_below{-140.0};

/// A circuit in all positions of the bench's switch, solved for small signals about where it rests, from its equations and not
/// from a model at a sample rate. Outputs and inputs of the interface have the same full scale, so no volts remain.
///
/// - Output: levels of inputs 1 (i2) and 2 (i3, with the fixture's gain ratio) over drive and probe in each state; of the
///   drive also i3/i2 in `through`, and the steps of i2 against `through`.
/// - Receiver: gain per differential volt (±½ V from the two outputs); gain of the common mode and CMRR for each of the feeds,
///   CMRR = |gain| / |common-mode gain|. "iec" is the worse of the two with 10 Ω in a leg (IEC 60268-3).
/// - Connection: gain from drv; what the noise makes at out and, between the receiver's pins (differential) and on both
///   (common, their mean), on its line. Rejection: how much less `out` gets of a common volt on the pins, put there by
///   the noise, than of a differential one, put there by drv.
class SolvedCircuit {
public:
    /// \return failure of the circuit that has no solution.
    static Result<SolvedCircuit> build(const circuit::Netlist& netlist, CircuitKind kind, const Fixture& fixture);

    [[nodiscard]] CircuitKind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_linear() const noexcept { return positions_.front().is_linear(); }
    [[nodiscard]] const std::vector<Figure>& figures() const noexcept { return figures_; }

    /// Values at one frequency, in the order of figures(). NaN where there is none: nothing divided by silence, and no decibels of 0.
    /// Angles lie from −90° to 270°. \return failure of the position that has no response there.
    [[nodiscard]] Result<std::vector<double>> read(Hertz frequency) const;

    /// What inputs 1 and 2 read of drive (output 1). \pre position < positions_of(kind())
    [[nodiscard]] Result<std::array<Complex, 2>> response(std::size_t position, Hertz frequency) const;

    /// What they read of the probe (output 2, behind the fixture's Rs). \pre position < positions_of(kind())
    [[nodiscard]] Result<std::array<Complex, 2>> probe_response(std::size_t position, Hertz frequency) const;

    /// Volts of direct current at what inputs 1 and 2 are on. \pre position < positions_of(kind())
    [[nodiscard]] std::array<double, 2> rest_volts(std::size_t position) const;

    /// \return failure when the circuit does not stay where it rests. \pre position < positions_of(kind())
    [[nodiscard]] Status check_stable(std::size_t position) const;

private:
    SolvedCircuit(CircuitKind kind, const Fixture& fixture);

    CircuitKind kind_;
    double gain_ratio_;
    bool has_probe_;
    std::vector<Figure> figures_;
    std::vector<circuit::Circuit> positions_;
};

/// What a receiver's pins show to what drives them.
struct InputImpedance {
    // Ω; a pin that takes no current: ∞.
    Complex pin2, pin3;        ///< Of one pin with the other on ground.
    Complex common2, common3;  ///< Of each while both are driven alike: what limits CMRR behind unequal sources.
};
/// \return failure of the circuit that has no solution. \pre netlist is a receiver.
Result<InputImpedance> input_impedance(const circuit::Netlist& netlist, const Fixture& fixture, Hertz frequency);

}  // namespace lowleg::bench
