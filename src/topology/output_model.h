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

enum class OutputModel : std::uint8_t { amplifiers, servo, winding, center_tapped };

/// One amplifier, or something else, behind each pin.
///   pin 2: EMF E behind R2 and C2; pin 3: EMF gain·E behind R3 and C3; capacitance from each pin to ground; what pin 2 makes of pin 3's
///   voltage (a ground-sensing output) and pin 3's amplifier of pin 2's (one that is fed from there).
struct AmplifierParts {
    enum : std::size_t {
        ln_r2,          ///< Ω
        ln_r3,          ///< Ω, or the ratio to R2
        ln_gain,        ///< of |EMF of pin 3 / EMF of pin 2|
        lag,            ///< µs, of the pole that pin 3's EMF has more than pin 2's, or what pin 2 makes of pin 3's voltage
        ln_c2,          ///< F, in series
        ln_c3_over_c2,
        ln_shunt2,      ///< F, from pin 2 to ground
        ln_shunt3_over_shunt2,
        sense,          ///< pin 2's EMF per volt on pin 3
        follow,         ///< pin 3's EMF per volt on pin 2
        ln_across,      ///< F, between the pins: wires side by side
        ln_pad,         ///< S, between the pins
        ln_bass,        ///< rad/s, below which what one makes of the other's voltage fades: a capacitor before its input
        ln_bleed,       ///< S, from pin 2 to ground, and from pin 3 where R3 is a ratio
        ln_shared,      ///< Ω, in the ground that both legs' currents return by
        count
    };
};

/// Two amplifiers of which each follows the other leg, or what both have in common: E behind Rd and Ld between the legs; conductance and capacitance from each leg to
/// ground; part of that capacitance is the amplifiers' own lag and moves with E.
struct ServoParts {
    enum : std::size_t {
        ln_rd,          ///< Ω, between the legs: both build-outs
        ln_ld,          ///< H
        ln_g2,          ///< S, from pin 2 to ground: what the following leaves of the build-out's conductance
        ln_g3_over_g2,
        ln_c2,          ///< F, from pin 2 to ground
        ln_c3_over_c2,
        coupled2, coupled3,  ///< part of that capacitance's current that E drives, per volt
        surplus,        ///< of pin 2's current from E, relative: a gain error
        skew,           ///< of pin 3's current against pin 2's, relative: unequal feedback
        ln_across,      ///< F, between the legs
        ln_series,      ///< F, in series with each leg: coupling capacitors outside the loops
        ln_series3_over_series2,
        ln_bass,        ///< rad/s, below which pin 2's amplifier no longer follows pin 3, or the middle is pin 2's: a capacitor in the sense line
        ln_bass3_over_bass2,
        ln_outer,       ///< Ω, outside the loops, in each leg
        lag,            ///< µs, of the pole that pin 3's E has more: it passes one op amp more
        count
    };
};

/// A winding, driven by another: E behind the driving side's resistance feeds the driven winding's voltage U, which stands between the
/// legs behind copper and leakage; bleeders to ground; capacitance from each leg, which leads to a point of the driving winding that
/// carries `coupled`·U (0: to ground or shield; beyond ±1: the legs' signals are exchanged).
struct WindingParts {
    enum : std::size_t {
        ln_rd,          ///< Ω, between the legs, of both sides
        driving_share,  ///< the driving side's part of it
        ln_ld,          ///< H, leakage
        ln_magnetizing, ///< rad/s, below which the core passes on neither signal nor the driving side's resistance
        ln_blocking,    ///< F, in series with the driving side
        ln_g2,          ///< S, from pin 2 to ground
        ln_g3_over_g2,
        ln_c2,          ///< F
        ln_c3_over_c2,
        coupled2, coupled3,
        distributed,    ///< 1: that capacitance is spread along the winding; 0: it is at its ends
        ln_across,      ///< F, between the legs
        ln_zobel,       ///< Ω in series with it
        ln_outer,       ///< Ω, from the winding to each pin
        count
    };
};

/// Two half windings from a tap to ground, driven as a winding is.
struct CenterTappedParts {
    enum : std::size_t {
        ln_r2,          ///< Ω, of pin 2's half, of copper and build-out
        ln_r3_over_r2,
        ln_mutual,      ///< Ω: a quarter of what the driving side shows between the legs, −Z23
        ln_magnetizing, ///< as a winding's
        ln_blocking,
        unbalance,      ///< of pin 3's half, relative
        ln_tap,         ///< Ω from the tap to ground
        ln_tap_series,  ///< F in series with it
        ln_l,           ///< H, leakage of each half
        ln_c2,          ///< as a winding's
        ln_c3_over_c2,
        coupled2, coupled3,
        ln_across,
        ln_zobel,
        count
    };
};

inline constexpr std::size_t most_parts = 17;

/// What is discrete about a model.
struct ModelShape {
    OutputModel model{};
    double sign{1.0};        ///< Of pin 3's EMF: −1, 0 (pin 3 is silent) or +1. Amplifiers only.
    bool r3_is_ratio{true};  ///< AmplifierParts::ln_r3 is a ratio.
    bool is_mirrored{};      ///< Pins 2 and 3 exchanged, in all that is said of them. Amplifiers only.
    bool follows_middle{};   ///< Each amplifier of a servo follows the middle of both legs, not the other leg.
};

/// Parts as they enter the equations: those that are named ln_… as powers of e.
using PartValues = std::array<double, most_parts>;
/// \param parts  at least as many as the model has.
[[nodiscard]] PartValues values_of(const ModelShape& shape, std::span<const double> parts) noexcept;
[[nodiscard]] OutputAdmittances admittances_of(const ModelShape& shape, const PartValues& values, Hertz f) noexcept;

/// Where a fixture differs from its description: factors.
struct FixtureErrors {
    double rin3_over_rin2{1.0};
    double rin{1.0};  ///< Of both.
    double cin{1.0};  ///< Of both.
    double rg{1.0};
    double rs{1.0};
};

/// The fixture at one frequency, as admittances that the two inputs show to the pins. What it reads: topology/output_pack.h.
struct FixtureNetwork {
    FixtureNetwork(const Fixture& fixture, Hertz f, const FixtureErrors& errors = {});

    static constexpr double contact = 20.0;  ///< Of a plug in `grounded`, S.
    Complex y22, y33;                        ///< Of inputs and probe resistors, S.
    double y23{};
    double probe2{}, probe3{};  ///< Current of the probe into each, per volt.
    double load;                ///< Of `loaded`, S.
};

}  // namespace lowleg::topology
