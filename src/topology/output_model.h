/// \file output_model.h
/// Physical models of outputs: a few part values in, the two-port at any frequency out.
#pragma once

#include "core/fixture.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lowleg::topology {

/// An output as admittances, per volt of its inner EMF: I = J − Y·V, I out of the pins.
struct OutputAdmittances {
    Complex y22, y23, y32, y33;  ///< S
    Complex j2, j3;              ///< S (A per volt of EMF)
};

enum class OutputModel : std::uint8_t { amplifiers, floating, center_tapped };

/// One amplifier, or something else, behind each pin.
///   pin 2: EMF E behind R2 and C2; pin 3: EMF gain·E behind R3 and C3; capacitance from each pin to ground; what pin 2 makes of pin 3's
///   voltage (a ground-sensing output) and pin 3's amplifier of pin 2's (one that is fed from there).
struct AmplifierParts {
    enum : std::size_t {
        ln_r2,          ///< Ω
        ln_r3,          ///< Ω, or the ratio to R2
        ln_gain,        ///< of |EMF of pin 3 / EMF of pin 2|
        lag,            ///< µs by which pin 3's EMF is later, or what pin 2 makes of pin 3's voltage
        ln_c2,          ///< F, in series
        ln_c3_over_c2,
        ln_shunt2,      ///< F, from pin 2 to ground
        ln_shunt3_over_shunt2,
        sense,          ///< pin 2's EMF per volt on pin 3
        follow,         ///< pin 3's EMF per volt on pin 2
        ln_across,      ///< F, between the pins: wires side by side
        ln_pad,         ///< S, between the pins
        count
    };
};

/// A voltage between the legs, and what leads from each leg to ground: a winding, or a servo, which imitates one.
///   E behind Rd and Ld between the legs; conductance and capacitance from each leg to ground; part of that capacitance leads to the
///   driven winding instead, whose voltage is `coupled`·E; current that the amplifiers drive into pin 2 beyond that into pin 3.
struct FloatingParts {
    enum : std::size_t {
        ln_rd,          ///< Ω
        ln_ld,          ///< H
        ln_g2,          ///< S
        ln_g3_over_g2,
        ln_c2,          ///< F
        ln_c3_over_c2,
        coupled2, coupled3,
        surplus,        ///< of the current between the legs, relative: a servo's gain error
        skew,           ///< of pin 3's current against pin 2's, relative: unequal feedback of a servo
        ln_across,      ///< F, between the legs
        ln_series,      ///< F, in series with what is between the legs: coupling capacitors of a servo
        ln_magnetizing, ///< rad/s, below which the core no longer passes on the impedance of the driving side
        driving_share,  ///< that impedance's part of Rd
        ln_bass,        ///< rad/s, below which the legs' amplifiers no longer follow each other: capacitors in a servo's sense lines
        count
    };
};

/// Two half windings from a tap on ground.
struct CenterTappedParts {
    enum : std::size_t {
        ln_r2,          ///< Ω, of pin 2's half
        ln_r3_over_r2,
        ln_mutual,      ///< Ω: a quarter of what the driving side reflects, −Z23
        unbalance,      ///< of pin 3's EMF, relative
        ln_tap,         ///< Ω from the tap to ground
        ln_l,           ///< H, of each half
        ln_shunt,       ///< F, from each pin to ground
        count
    };
};

inline constexpr std::size_t most_parts = 15;

/// What is discrete about a model.
struct ModelShape {
    OutputModel model{};
    double sign{1.0};        ///< Of pin 3's EMF: −1, 0 (pin 3 is silent) or +1. Amplifiers only.
    bool r3_is_ratio{true};  ///< AmplifierParts::ln_r3 is a ratio.
};

/// Parts as they enter the equations: those that are named ln_… as powers of e.
using PartValues = std::array<double, most_parts>;
/// \param parts  at least as many as the model has.
[[nodiscard]] PartValues values_of(const ModelShape& shape, std::span<const double> parts) noexcept;
[[nodiscard]] OutputAdmittances admittances_of(const ModelShape& shape, const PartValues& values, Hertz f) noexcept;

/// The fixture at one frequency, as admittances that the two inputs show to the pins. Where it differs from its description:
/// `rin_ratio` is Rin3/Rin2 over what the fixture says, `rs_ratio` Rs.
class FixtureNetwork {
public:
    FixtureNetwork(const Fixture& fixture, Hertz f, double rin_ratio = 1.0, double rs_ratio = 1.0);

    /// What inputs 1 and 2 carry: of the drive (inner EMF of 1), or of the probe (its open-circuit level 1, then the output is silent).
    [[nodiscard]] std::array<Complex, 2> read(const OutputAdmittances& output, SwitchState state, bool probe) const noexcept;

private:
    Complex y22_, y33_, y23_;  ///< Of inputs and probe resistors, S.
    Complex probe2_, probe3_;  ///< Current of the probe into each, per volt.
    double load_;              ///< Of `loaded`, S.
};

}  // namespace lowleg::topology
