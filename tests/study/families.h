/// \file families.h
/// One generator per family of outputs. Each draws how the gear is built, then its parts, with spreads of real ones.
#pragma once

#include "draw.h"
#include "netlist_text.h"
#include "unit.h"

#include <string>

namespace lowleg::study {

[[nodiscard]] Unit draw_transformer(Draw& draw);
[[nodiscard]] Unit draw_center_tapped(Draw& draw);
[[nodiscard]] Unit draw_servo(Draw& draw);
[[nodiscard]] Unit draw_inverter(Draw& draw);
[[nodiscard]] Unit draw_dual_unbalanced(Draw& draw);
[[nodiscard]] Unit draw_impedance_balanced(Draw& draw);
[[nodiscard]] Unit draw_unbalanced(Draw& draw);
[[nodiscard]] Unit draw_insert(Draw& draw);
[[nodiscard]] Unit draw_ground_sensing(Draw& draw);
[[nodiscard]] Unit draw_no_signal(Draw& draw);
[[nodiscard]] Unit draw_odd(Draw& draw);

/// The pins by what they carry: in a few units of every family they are wired pin 3 hot.
struct Pins {
    std::string hot{"p2"}, cold{"p3"};
    bool exchanged{};
};
[[nodiscard]] Pins draw_pins(Draw& draw);

/// What stands between an amplifier and its pin.
struct Leg {
    double build_out{};        ///< Ω
    double coupling{};         ///< F; 0: none.
    double bleed{};            ///< Ω behind the coupling capacitor; 0: none.
    double ferrite_henries{};  ///< In parallel with ferrite_ohms.
    double ferrite_ohms{};
    double radio{};            ///< F to ground at the pin.
};
void write_leg(NetlistText& n, const std::string& from, const std::string& pin, const Leg& leg);

/// What drives the output inside the gear: now and then it turns the signal over.
[[nodiscard]] double draw_sign(Draw& draw);
/// Of one amplifier's closed loop: a few tens of nH to µH in series, with a resistance below an ohm.
[[nodiscard]] std::string write_closed_loop_output(NetlistText& n, Draw& draw, const std::string& emf);

/// Audible third harmonics of iron, 0.005 to 0.5 % at 20 Hz.
[[nodiscard]] Iron draw_iron(Draw& draw);
/// In one unit of ten.
[[nodiscard]] double draw_electronic_third(Draw& draw);

}  // namespace lowleg::study
