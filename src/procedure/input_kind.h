/// \file input_kind.h
/// What an input is, from its admittances alone.
#pragma once

#include "procedure/input_legs.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace lowleg::procedure {

enum class InputKind : std::uint8_t {
    unbalanced_pin3_grounded,
    unbalanced_pin3_open,
    unbalanced_pin3_resistor,  ///< Pin 3 reaches ground through a resistor that is far below pin 2's: a lifted ground.
    unbalanced_pin2_grounded,  ///< Pin 3 is the one that takes the signal.
    difference_amplifier,      ///< One op amp and four resistors, pin 3 on the inverting side.
    difference_amplifier_pin2, ///< The same with pin 2 there.
    separate_legs,             ///< A resistor from each leg to ground, equal: two buffers, or one and a dummy.
    unequal_legs,              ///< The same, unequal: two inputs on one connector.
    terminated_legs,           ///< Legs to ground, and something between them.
    transformer,
    floating,                  ///< A winding, or legs that are bootstrapped: nothing to ground to speak of.
    unclear,
};
/// "difference-amplifier": for programs.
[[nodiscard]] std::string_view id_of(InputKind) noexcept;

struct FoundInput {
    InputKind kind{InputKind::unclear};
    std::string says;   ///< A sentence, with the numbers that it rests on.

    /// What the input takes of the legs' voltages, as its kind does.
    [[nodiscard]] bool takes_pin2_alone() const noexcept { return kind == InputKind::unbalanced_pin3_open; }
};

[[nodiscard]] FoundInput find_input(const InputReading& reading);

/// Admittances for what an output gives into it: what stands on ground has a contact's conductance there.
[[nodiscard]] topology::InputAdmittances as_load(const InputLegs& legs) noexcept;

}  // namespace lowleg::procedure
