// Outputs whose second leg carries no signal of its own, and those that carry none at all.
#include "families.h"

#include <array>
#include <cmath>

namespace lowleg::study {
namespace {

/// The leg that carries the signal, alike in all of them.
Leg draw_hot_leg(Draw& draw, std::string& kind, double lowest, double highest)
{
    Leg leg;
    const double ohms = draw.log_uniform(lowest, highest);
    leg.build_out = ohms;
    kind += ", " + format_ohms(Ohms{ohms});
    if (draw.chance(0.4)) {
        leg.coupling = draw.log_uniform(4.7e-6, 470e-6);
        leg.bleed = draw.log_uniform(10e3, 220e3);
        kind += ", " + format_fixed(leg.coupling * 1e6, 0) + " µF";
    }
    leg.radio = draw.chance(0.5) ? draw.log_uniform(100e-12, 4.7e-9) : draw.log_uniform(10e-12, 100e-12);
    if (draw.chance(0.3)) {
        leg.ferrite_henries = draw.log_uniform(0.5e-6, 30e-6);
        leg.ferrite_ohms = draw.log_uniform(50.0, 1e3);
    }
    return leg;
}

void write_hot(NetlistText& n, Draw& draw, const std::string& pin, const Leg& leg)
{
    const auto emf = n.node();
    n.amplifier(emf, "0", "drv", "0", draw_sign(draw));
    write_leg(n, write_closed_loop_output(n, draw, emf), pin, leg);
}

/// Tracks and contacts side by side.
void write_stray(NetlistText& n, Draw& draw)
{
    if (draw.chance(0.5)) n.capacitor("p2", "p3", draw.log_uniform(0.5e-12, 40e-12));
}

}  // namespace

Unit draw_impedance_balanced(Draw& draw)
{
    Unit unit;
    NetlistText n{"impedance-balanced"};
    const auto pins = draw_pins(draw);
    auto hot = draw_hot_leg(draw, unit.kind, 22.0, 680.0);
    Leg cold = hot;
    unit.truth.names = {Topology::impedance_balanced};
    const double how = draw.uniform(0.0, 1.0);
    bool is_dead = false;
    if (how < 0.65) {
        const double mismatch = draw.one_of({0.001, 0.01, 0.02, 0.05});
        cold.build_out = draw.part(hot.build_out, mismatch);
        cold.coupling = draw.part(hot.coupling, 0.2);
        cold.ferrite_henries = draw.part(hot.ferrite_henries, 0.2);
        unit.kind = "matched" + unit.kind;
    } else if (how < 0.75) {
        cold.build_out = hot.build_out * std::exp(draw.one_of({-1.0, 1.0}) * draw.uniform(0.1, 1.0));
        cold.coupling = draw.part(hot.coupling, 0.2);
        unit.kind = "wrong resistor of " + format_ohms(Ohms{cold.build_out}) + unit.kind;
    } else if (how < 0.85) {
        // Resistor to ground, and a capacitor on one side only.
        cold.build_out = draw.part(hot.build_out, 0.02);
        cold.coupling = hot.coupling > 0.0 ? 0.0 : draw.log_uniform(10e-6, 470e-6);
        if (cold.coupling > 0.0) cold.bleed = draw.chance(0.5) ? draw.log_uniform(10e3, 220e3) : 0.0;
        unit.kind = std::string{cold.coupling > 0.0 ? "capacitor on the silent side only" : "capacitor on the hot side only"} + unit.kind;
    } else {
        // Two op amps of which the second one died at 0 V: the same by every test.
        is_dead = true;
        unit.kind = "second op amp dead" + unit.kind;
        cold.build_out = draw.part(hot.build_out, 0.02);
        cold.coupling = draw.part(hot.coupling, 0.2);
        unit.truth.names.push_back(Topology::inverter);
    }
    if (cold.build_out < 12.0) unit.truth.names.push_back(Topology::unbalanced);  // as good as a ground lift
    cold.radio = draw.chance(0.8) ? draw.part(hot.radio, 0.1) : draw.log_uniform(10e-12, 1e-9);
    write_hot(n, draw, pins.hot, hot);
    auto ground = std::string{"0"};
    if (is_dead) {
        ground = n.node();
        n.resistor(ground, "0", draw.log_uniform(0.01, 1.0));
    }
    write_leg(n, ground, pins.cold, cold);
    write_stray(n, draw);
    unit.truth.pin3_hot = pins.exchanged;
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

Unit draw_unbalanced(Draw& draw)
{
    Unit unit;
    NetlistText n{"unbalanced"};
    const auto pins = draw_pins(draw);
    const auto hot = draw_hot_leg(draw, unit.kind, 10.0, 1500.0);
    write_hot(n, draw, pins.hot, hot);
    unit.truth.names = {Topology::unbalanced};
    unit.truth.pin3_hot = pins.exchanged;
    const double how = draw.uniform(0.0, 1.0);
    if (how < 0.4) {
        unit.kind = "pin 3 on ground" + unit.kind;
        n.resistor(pins.cold, "0", draw.log_uniform(1e-3, 1.0));
        unit.truth.variant = Variant::pin3_grounded;
    } else if (how < 0.5) {
        unit.kind = "pin 3 on ground through a ground lift" + unit.kind;
        n.resistor(pins.cold, "0", draw.part(10.0, 0.05));
        n.capacitor(pins.cold, "0", 100e-9);
        unit.truth.variant = Variant::pin3_grounded;
        // Where pin 2 is of as few ohms, it is impedance-balanced, meant so or not.
        if (hot.build_out < 30.0) unit.truth.names.push_back(Topology::impedance_balanced);
    } else {
        unit.kind = "pin 3 not connected" + unit.kind;
        n.resistor(pins.cold, "0", 1e12);
        n.capacitor(pins.cold, "0", draw.log_uniform(2e-12, 1e-9));
        // The wires of a cable lie side by side, and the one that nothing holds takes the other's signal.
        if (draw.chance(0.4)) {
            const double farads = draw.log_uniform(5e-12, 300e-12);
            unit.kind += ", wires side by side (" + format_fixed(farads * 1e12, 0) + " pF)";
            n.capacitor(pins.hot, pins.cold, farads);
        }
        unit.truth.variant = Variant::pin3_not_connected;
        if (draw.chance(0.15)) {
            unit.kind = "inverter with a broken wire, " + unit.kind;
            unit.truth.names.push_back(Topology::inverter);
        }
    }
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

Unit draw_insert(Draw& draw)
{
    Unit unit;
    NetlistText n{"insert"};
    // Both ways are common: tip send (most mixers), ring send.
    const bool ring_sends = draw.chance(0.35);
    const Pins pins = ring_sends ? Pins{"p3", "p2", true} : Pins{};
    unit.kind = ring_sends ? "send on the ring" : "send on the tip";
    write_hot(n, draw, pins.hot, draw_hot_leg(draw, unit.kind, 22.0, 600.0));
    const double ohms = draw.log_uniform(5e3, 100e3);
    unit.kind += ", return of " + format_ohms(Ohms{ohms});
    auto at = n.through_resistor(pins.cold, draw.chance(0.4) ? draw.log_uniform(47.0, 1e3) : 0.0);
    if (draw.chance(0.6)) {
        at = n.through_capacitor(at, draw.log_uniform(1e-6, 100e-6));
    }
    n.resistor(at, "0", ohms);
    n.capacitor(pins.cold, "0", draw.log_uniform(20e-12, 1e-9));
    if (draw.chance(0.3)) n.resistor(pins.cold, "0", draw.log_uniform(47e3, 470e3));
    write_stray(n, draw);
    unit.truth.names = {Topology::insert};
    unit.truth.pin3_hot = ring_sends;
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

Unit draw_ground_sensing(Draw& draw)
{
    Unit unit;
    NetlistText n{"ground-sensing"};
    const auto pins = draw_pins(draw);
    auto hot = draw_hot_leg(draw, unit.kind, 22.0, 470.0);
    const double cancelled = draw.chance(0.5) ? draw.uniform(0.98, 1.0) : draw.uniform(0.9, 1.0);
    const double sense = draw.log_uniform(5e3, 50e3);
    unit.kind = format_fixed(100.0 * cancelled, 0) + " % cancelled, sense input of " + format_ohms(Ohms{sense}) + unit.kind;
    auto at = n.through_resistor(pins.cold, draw.chance(0.6) ? draw.log_uniform(22.0, 470.0) : 0.0);
    if (draw.chance(0.25)) {
        // So that pin 3 has a place to be while nothing is plugged in.
        const double hold = draw.log_uniform(22.0, 1e3);
        unit.kind += ", held by " + format_ohms(Ohms{hold});
        n.resistor(pins.cold, "0", hold);
    }
    n.capacitor(pins.cold, "0", draw.log_uniform(20e-12, 1e-9));
    if (draw.chance(0.4)) {
        const auto behind = n.through_capacitor(at, draw.log_uniform(4.7e-6, 47e-6));
        at = behind;
    }
    n.resistor(at, "0", sense);
    const auto sum = n.node();
    const auto emf = n.node();
    n.amplifier(sum, "0", "drv", "0", draw_sign(draw));
    n.amplifier(emf, sum, at, "0", cancelled);
    write_leg(n, write_closed_loop_output(n, draw, emf), pins.hot, hot);
    write_stray(n, draw);
    unit.truth.names = {Topology::ground_sensing};
    unit.truth.pin3_hot = pins.exchanged;
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

Unit draw_no_signal(Draw& draw)
{
    // Any gear, muted: the drive reaches nothing.
    constexpr std::array kinds{draw_transformer, draw_servo, draw_inverter, draw_impedance_balanced, draw_unbalanced, draw_insert};
    auto unit = kinds.at(static_cast<std::size_t>(draw.uniform(0.0, static_cast<double>(kinds.size()))))(draw);
    unit.kind = "muted: " + unit.kind;
    unit.truth = {};
    unit.truth.is_silent = true;
    unit.iron.reset();
    unit.electronic_third = 0.0;
    return unit;
}

}  // namespace lowleg::study
