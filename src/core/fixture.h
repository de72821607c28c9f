/// \file fixture.h
/// The breakout between the device under test and the interface, and the states of its switch.
///
///     interface out 1 ────────────► DUT input              DUT output pin 1 ─── ground
///     interface out 2 ─ Rs ─┬─ Rp2 ── i2 ── DUT output pin 2        i2 ─► interface in 1 (Rin2, Cin)
///                           └─ Rp3 ── i3 ─[switch]─ DUT pin 3       i3 ─► interface in 2 (Rin3, Cin)
#pragma once

#include "core/result.h"
#include "core/units.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lowleg {

/// What the switch does with pin 3.
enum class SwitchState : std::uint8_t {
    through,   ///< Pin 3 on input 2.
    loaded,    ///< Also to pin 1 through Rg.
    grounded,  ///< Also to pin 1 directly, as a TS plug does.
    lifted,    ///< Pin 3 on nothing; input 2 keeps its probe resistor.
};

/// In the order in which gear is safely measured.
inline constexpr std::array all_switch_states{SwitchState::through, SwitchState::loaded, SwitchState::grounded,
                                              SwitchState::lifted};

[[nodiscard]] std::string_view name_of(SwitchState) noexcept;
/// \return usage error naming the four states when `name` is none of them.
[[nodiscard]] Result<SwitchState> switch_state_of(std::string_view name);

/// The two resistors that inject the probe signal, one into each leg.
struct ProbeResistors {
    Ohms rp2{10e3};
    Ohms rp3{10e3};
};

struct Fixture {
    Ohms rin2{10e3};       ///< Input resistance of the interface's input 1 (on pin 2), > 0.
    Ohms rin3{10e3};       ///< Input resistance of the interface's input 2 (on pin 3), > 0.
    Farads cin{200e-12};   ///< Capacitance of each input with its cable, ≥ 0.
    Ohms rg{1e3};          ///< What `loaded` puts from pin 3 to pin 1, > 0.
    std::optional<ProbeResistors> probe{ProbeResistors{}};  ///< None: a plain breakout cable.
    Ohms rs{100.0};        ///< Output resistance of the interface's output 2, ≥ 0.
    double gain_ratio{1.0};  ///< Gain of input 2 over that of input 1, > 0; a ratio of amplitudes.

    /// \return usage error naming the parameter that no real fixture can have.
    [[nodiscard]] Status check() const;

    /// Admittance of one input with its cable, S.
    [[nodiscard]] Complex input_admittance_2(Hertz f) const noexcept;
    [[nodiscard]] Complex input_admittance_3(Hertz f) const noexcept;
};

}  // namespace lowleg
