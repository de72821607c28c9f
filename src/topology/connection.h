/// \file connection.h
/// Output, cable and input as one network: what arrives of the signal, of a voltage between the grounds, and of a field along the cable.
#pragma once

#include "core/units.h"
#include "topology/output_model.h"
#include "topology/verdict.h"

#include <array>
#include <optional>
#include <span>

namespace lowleg::topology {

/// What an input draws: I = Y·V, I into its pins, V to its ground.
struct InputAdmittances {
    Complex y22, y23, y32, y33;  ///< S

    [[nodiscard]] Complex common2() const { return y22 + y23; }  ///< S of pin 2 while both are driven alike.
    [[nodiscard]] Complex common3() const { return y33 + y32; }
    /// Half the difference of the legs' currents over the voltage between them, while they are driven equal and opposite.
    [[nodiscard]] Complex between() const { return 0.25 * (y22 + y33 - y23 - y32); }
};

/// A resistor and a capacitor from each leg to ground: an input without faults.
[[nodiscard]] InputAdmittances plain_input(Ohms each_leg, Farads beside, Hertz f) noexcept;

/// A shielded pair as one T, which is enough while it is short against the wavelength: half the wire, what hangs in its middle, the other half. The shield joins
/// the grounds of both ends, so that its middle has half of what is between them.
struct Cable {
    double metres{0.0};
    Farads shield_per_metre{82e-12};  ///< From each wire to the shield: 25 pF a foot.
    Farads pair_per_metre{98e-12};    ///< From wire to wire: 30 pF a foot.
    Ohms wire_per_metre{0.08};        ///< Of one wire.
    double mismatch{0.0};             ///< By which pin 3's wire has more to the shield, relative.
};

struct Arrival {
    Complex v2, v3;  ///< At the input's pins.
};

struct ConnectionAnswer {
    Arrival drive;   ///< Per volt of the output's inner EMF.
    Arrival ground;  ///< Per volt that the output's ground has over the input's.
    Arrival field;   ///< V/A, of one and the same current into each wire in the middle of the cable: what a field drives.
};

/// \return none where the network has no solution (a pin on nothing at either end).
[[nodiscard]] std::optional<ConnectionAnswer> solve_connection(const OutputAdmittances& output, const Cable& cable, const InputAdmittances& input, Hertz f);

/// An output as most of its kind are.
struct TypicalOutput {
    Topology topology{};
    std::optional<Variant> variant;
    OutputAdmittances at_1khz;  ///< Its EMF is 1 V between the legs, or at pin 2 where that carries all.
};
/// One of each kind, of an unbalanced output two: pin 3 on ground, and on nothing. Values: docs/balance.md.
[[nodiscard]] std::span<const TypicalOutput> typical_outputs();

}  // namespace lowleg::topology
