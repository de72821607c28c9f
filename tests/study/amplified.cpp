// Outputs with a signal of its own on each leg, and those that fit nothing.
#include "families.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::study {
namespace {

std::string micro(double farads) { return format_fixed(farads * 1e6, 0) + " µF"; }

/// The same parts in both legs, apart by their tolerances.
std::pair<Leg, Leg> draw_legs(Draw& draw, std::string& kind)
{
    Leg a, b;
    const double ohms = draw.one_of({22.0, 33.0, 47.0, 47.0, 49.9, 51.0, 68.0, 75.0, 100.0, 100.0, 150.0, 220.0, 300.0, 470.0});
    const double tolerance = draw.one_of({0.01, 0.01, 0.02, 0.05});
    a.build_out = draw.part(ohms, tolerance);
    b.build_out = draw.part(ohms, tolerance);
    kind += ", " + format_ohms(Ohms{ohms});
    if (draw.chance(0.3)) {
        const double farads = draw.log_uniform(10e-6, 1000e-6);
        kind += ", " + micro(farads);
        a.coupling = draw.part(farads, 0.2);
        b.coupling = draw.part(farads, 0.2);
        a.bleed = b.bleed = draw.log_uniform(10e3, 100e3);
    }
    const double radio = draw.chance(0.6) ? draw.log_uniform(100e-12, 10e-9) : draw.log_uniform(10e-12, 150e-12);
    a.radio = draw.part(radio, 0.1);
    b.radio = draw.part(radio, 0.1);
    if (draw.chance(0.4)) {
        a.ferrite_henries = draw.log_uniform(0.5e-6, 30e-6);
        b.ferrite_henries = draw.part(a.ferrite_henries, 0.2);
        a.ferrite_ohms = b.ferrite_ohms = draw.log_uniform(50.0, 1e3);
    }
    return {a, b};
}

/// An amplifier of this gain: its EMF behind its closed loop's impedance.
std::string write_amplifier(NetlistText& n, Draw& draw, const std::string& from, double gain)
{
    const auto emf = n.node();
    n.amplifier(emf, "0", from, "0", gain);
    return write_closed_loop_output(n, draw, emf);
}

/// One pole, at a frequency.
std::string write_pole(NetlistText& n, const std::string& from, double hz)
{
    const auto at = n.through_resistor(from, 1e3);
    n.capacitor(at, "0", 1.0 / (2.0 * std::numbers::pi * hz * 1e3));
    return at;
}

}  // namespace

Unit draw_inverter(Draw& draw)
{
    Unit unit;
    NetlistText n{"two op amps"};
    const double sign = draw_sign(draw);
    auto [hot, cold] = draw_legs(draw, unit.kind);
    const auto pins = draw_pins(draw);
    const double error = amplitude_ratio(GainDb{draw.chance(0.7) ? draw.uniform(-0.1, 0.1) : draw.uniform(-0.5, 0.5)});
    const double how = draw.uniform(0.0, 1.0);
    if (how < 0.25) {
        unit.kind = "op amps and resistors" + unit.kind;
        const double gain_bandwidth = draw.log_uniform(2e6, 50e6);
        const double ohms = draw.one_of({2.2e3, 4.7e3, 10e3, 22e3});
        const auto input = n.node();
        n.amplifier(input, "0", "drv", "0", sign);
        const auto first = n.node();
        n.op_amp(input, first, first, gain_bandwidth, draw.log_uniform(10.0, 150.0));
        const auto minus = n.node();
        const auto second = n.node();
        n.resistor(first, minus, ohms);
        n.resistor(minus, second, ohms * error);
        n.capacitor(minus, second, draw.chance(0.7) ? draw.log_uniform(10e-12, 220e-12) : 0.0);
        n.op_amp("0", minus, second, gain_bandwidth, draw.log_uniform(10.0, 150.0));
        write_leg(n, first, pins.hot, hot);
        write_leg(n, second, pins.cold, cold);
    } else if (how < 0.4) {
        // The second amplifier takes its signal behind the first leg's build-out: what loads pin 2 is seen on pin 3.
        unit.kind = "fed from the other pin" + unit.kind;
        const auto first = write_amplifier(n, draw, "drv", sign);
        write_leg(n, first, pins.hot, hot);
        n.resistor(pins.hot, "0", draw.log_uniform(4.7e3, 47e3));
        write_leg(n, write_amplifier(n, draw, pins.hot, -error), pins.cold, cold);
    } else if (how < 0.6) {
        unit.kind = "one pole more on one leg" + unit.kind;
        write_leg(n, write_amplifier(n, draw, "drv", sign), pins.hot, hot);
        const auto delayed = write_pole(n, "drv", draw.log_uniform(80e3, 2e6));
        write_leg(n, write_amplifier(n, draw, delayed, -sign * error), pins.cold, cold);
    } else if (how < 0.7) {
        // A pad per leg to ground: another, lower source impedance.
        unit.kind = "pads" + unit.kind;
        const double series = draw.log_uniform(100.0, 3e3);
        const double shunt = draw.log_uniform(47.0, 600.0);
        for (const bool first : {true, false}) {
            const auto at = n.through_resistor(write_amplifier(n, draw, "drv", first ? sign : -sign * error), draw.part(series, 0.01));
            n.resistor(at, "0", draw.part(shunt, 0.01));
            auto& leg = first ? hot : cold;
            leg.build_out = 0.0;
            write_leg(n, at, first ? pins.hot : pins.cold, leg);
        }
    } else if (how < 0.74) {
        // A pad between the legs couples them like a load. So does a resistor at a centre tap, and nothing linear tells them apart.
        unit.truth.names.push_back(Topology::transformer_center_tapped);
        unit.kind = "pad between the legs" + unit.kind;
        const auto first = n.through_resistor(write_amplifier(n, draw, "drv", sign), hot.build_out);
        const auto second = n.through_resistor(write_amplifier(n, draw, "drv", -sign * error), cold.build_out);
        n.resistor(first, second, draw.log_uniform(0.5, 10.0) * hot.build_out);
        hot.build_out = cold.build_out = 0.0;
        write_leg(n, first, pins.hot, hot);
        write_leg(n, second, pins.cold, cold);
    } else {
        unit.kind = "amplifiers" + unit.kind;
        write_leg(n, write_amplifier(n, draw, "drv", sign), pins.hot, hot);
        write_leg(n, write_amplifier(n, draw, "drv", -sign * error), pins.cold, cold);
    }
    unit.truth.names.push_back(Topology::inverter);
    if (draw.chance(0.03)) {
        // With iron before it, it is still no winding: nothing couples the legs.
        unit.kind += ", iron before it";
        unit.iron = draw_iron(draw);
    }
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

Unit draw_dual_unbalanced(Draw& draw)
{
    Unit unit;
    NetlistText n{"two unbalanced channels"};
    const double sign = draw_sign(draw);
    Leg left, right;
    // What both channels return through: the jack's sleeve and the ground behind it.
    const auto ground = n.node();
    const bool is_headphone = draw.chance(0.5);
    n.resistor(ground, "0", is_headphone ? draw.log_uniform(5e-3, 0.2) : 5e-3);
    const double ohms = is_headphone ? draw.log_uniform(0.5, 120.0) : draw.log_uniform(100.0, 1e3);
    unit.kind = (is_headphone ? "headphones, " : "line, ") + format_ohms(Ohms{ohms});
    left.build_out = draw.part(ohms, 0.05);
    right.build_out = draw.part(ohms, 0.05);
    if (draw.chance(0.4)) {
        const double farads = is_headphone ? draw.log_uniform(47e-6, 470e-6) : draw.log_uniform(4.7e-6, 100e-6);
        unit.kind += ", " + micro(farads);
        left.coupling = draw.part(farads, 0.2);
        right.coupling = draw.part(farads, 0.2);
        left.bleed = right.bleed = draw.log_uniform(1e3, 100e3);
    }
    left.radio = draw.log_uniform(20e-12, 4.7e-9);
    right.radio = draw.part(left.radio, 0.1);
    const auto pins = draw_pins(draw);
    const auto channel = [&](double gain, double from_other, const std::string& pin, const Leg& leg) {
        const auto emf = n.node();
        n.amplifier(emf, ground, "drv", "0", gain);
        auto at = emf;
        if (from_other > 0.0) {
            // Crosstalk through some pF between the channels rises with frequency.
            const auto sum = n.node();
            const auto slope = n.node();
            n.capacitor("drv", slope, 100e-12);
            n.resistor(slope, "0", 1.0 / (2.0 * std::numbers::pi * 1e6 * 100e-12));
            n.amplifier(sum, emf, slope, "0", from_other * 1e6 / 1e4);  // reaches `from_other` at 10 kHz
            at = sum;
        }
        write_leg(n, write_closed_loop_output(n, draw, at), pin, leg);
    };
    const double content = draw.uniform(0.0, 1.0);
    unit.truth.names = {Topology::dual_unbalanced};
    channel(sign, 0.0, pins.hot, left);
    if (content < 0.2) {
        // The same as an impedance-balanced output, and as two op amps of which the second is dead, by every test.
        unit.kind += ", one channel silent";
        unit.truth.names.push_back(Topology::impedance_balanced);
        unit.truth.names.push_back(Topology::inverter);
        // … and as a pin 3 on ground through the 10 Ω of a ground lift, where it has no more.
        if (ohms < 12.0) unit.truth.names.push_back(Topology::unbalanced);
        unit.truth.pin3_hot = pins.exchanged;
        channel(0.0, draw.chance(0.5) ? amplitude_ratio(GainDb{draw.uniform(-100.0, -60.0)}) : 0.0, pins.cold, right);
    } else {
        const double level = content < 0.65 ? draw.uniform(-0.5, 0.5) : draw.uniform(-12.0, 12.0);
        if (content >= 0.65) unit.kind += ", " + format_db(GainDb{level}, 1) + " apart";
        channel(sign * amplitude_ratio(GainDb{level}), 0.0, pins.cold, right);
    }
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

namespace {

// Outputs that fit nothing. Each says by which names a bench engineer would let it pass; by all others it is wrongly called.

/// An all-pass of first order, 90° behind at `hz`.
std::string write_all_pass(NetlistText& n, const std::string& from, double hz)
{
    const auto low = write_pole(n, from, hz);
    const auto twice = n.node();
    const auto out = n.node();
    n.amplifier(twice, "0", low, "0", 2.0);
    n.amplifier(out, twice, "0", from, 1.0);
    return out;
}

void odd_quadrature(Unit& unit, NetlistText& n, Draw& draw)
{
    unit.kind = "legs 90° apart";
    // Two rows of all-passes whose corners interleave evenly over ln f differ by 90° wherever both are busy.
    std::string a = "drv";
    std::string b = "drv";
    for (double hz = draw.uniform(6.0, 12.0); hz < 60e3; hz *= 16.0) {
        a = write_all_pass(n, a, hz);
        b = write_all_pass(n, b, 4.0 * hz);
    }
    const auto [hot, cold] = draw_legs(draw, unit.kind);
    write_leg(n, write_amplifier(n, draw, a, 1.0), "p2", hot);
    write_leg(n, write_amplifier(n, draw, b, draw.one_of({-1.0, 1.0})), "p3", cold);
}

void odd_filtered(Unit& unit, NetlistText& n, Draw& draw)
{
    const bool is_low = draw.chance(0.5);
    unit.kind = is_low ? "bass alone on one pin" : "treble alone on one pin";
    const auto [hot, cold] = draw_legs(draw, unit.kind);
    const double hz = draw.log_uniform(200.0, 3e3);
    const auto low = write_pole(n, "drv", hz);
    auto filtered = low;
    if (!is_low) {
        filtered = n.node();
        n.amplifier(filtered, "0", "drv", low, 1.0);
    }
    const bool exchanged = draw.chance(0.5);
    const bool is_opposite = draw.chance(0.5);
    write_leg(n, write_amplifier(n, draw, filtered, 1.0), exchanged ? "p3" : "p2", hot);
    write_leg(n, write_amplifier(n, draw, "drv", is_opposite ? -1.0 : 1.0), exchanged ? "p2" : "p3", cold);
    // Two channels of different content are two channels. Opposite, they would be a balanced output that is broken.
    if (is_opposite) unit.kind += ", opposite";
    else unit.truth.names = {Topology::dual_unbalanced};
}

void odd_common_resistor(Unit& unit, NetlistText& n, Draw& draw)
{
    const double ohms = draw.uniform(15.0, 60.0);
    unit.kind = "two amplifiers with " + format_ohms(Ohms{ohms}) + " in their common ground";
    const auto [hot, cold] = draw_legs(draw, unit.kind);
    const auto ground = n.node();
    n.resistor(ground, "0", ohms);
    for (const bool first : {true, false}) {
        const auto emf = n.node();
        n.amplifier(emf, ground, "drv", "0", first ? 1.0 : -1.0);
        write_leg(n, emf, first ? "p2" : "p3", first ? hot : cold);
    }
    // A centre tap through a resistor is the same two-port.
    unit.truth.names = {Topology::inverter, Topology::transformer_center_tapped};
}

void odd_phase_splitter(Unit& unit, NetlistText& n, Draw& draw)
{
    unit.kind = "phase splitter, one leg of high impedance";
    Leg stiff, soft;
    stiff.build_out = draw.log_uniform(100.0, 1e3);
    soft.build_out = draw.log_uniform(4e3, 30e3);
    stiff.radio = soft.radio = draw.log_uniform(20e-12, 200e-12);
    stiff.coupling = soft.coupling = draw.log_uniform(1e-6, 10e-6);
    const bool exchanged = draw.chance(0.5);
    write_leg(n, write_amplifier(n, draw, "drv", 1.0), exchanged ? "p3" : "p2", stiff);
    write_leg(n, write_amplifier(n, draw, "drv", -1.0), exchanged ? "p2" : "p3", soft);
    unit.truth.names = {Topology::inverter};
}

void odd_unequal_antiphase(Unit& unit, NetlistText& n, Draw& draw)
{
    const GainDb level{draw.one_of({-1.0, 1.0}) * draw.uniform(4.0, 16.0)};
    unit.kind = "opposite legs " + format_db(level, 1) + " apart";
    const auto [hot, cold] = draw_legs(draw, unit.kind);
    write_leg(n, write_amplifier(n, draw, "drv", 1.0), "p2", hot);
    write_leg(n, write_amplifier(n, draw, "drv", -amplitude_ratio(level)), "p3", cold);
    unit.truth.names = {Topology::inverter, Topology::dual_unbalanced};
}

void odd_leak(Unit& unit, NetlistText& n, Draw& draw)
{
    const double ohms = draw.log_uniform(300.0, 10e3);
    unit.kind = "pin 3 hangs on pin 2 by " + format_ohms(Ohms{ohms});
    Leg hot;
    hot.build_out = draw.log_uniform(22.0, 300.0);
    write_leg(n, write_amplifier(n, draw, "drv", 1.0), "p2", hot);
    n.resistor("p2", "p3", ohms);
    n.capacitor("p3", "0", draw.log_uniform(10e-12, 300e-12));
}

void odd_high_resistor(Unit& unit, NetlistText& n, Draw& draw)
{
    // More than a wrong resistor, less than an input.
    const double own = draw.log_uniform(33.0, 300.0);
    const double ohms = draw.log_uniform(std::max(1e3, 6.0 * own), 3.5e3);
    unit.kind = "pin 3 on ground through " + format_ohms(Ohms{ohms});
    Leg hot;
    hot.build_out = own;
    write_leg(n, write_amplifier(n, draw, "drv", 1.0), "p2", hot);
    n.resistor("p3", "0", ohms);
    n.capacitor("p3", "0", draw.log_uniform(10e-12, 300e-12));
    unit.truth.names = {Topology::impedance_balanced, Topology::insert};
}

void odd_capacitor_to_ground(Unit& unit, NetlistText& n, Draw& draw)
{
    const double farads = draw.log_uniform(10e-9, 1e-6);
    unit.kind = "pin 3 on ground through " + format_fixed(farads * 1e9, 0) + " nF";
    Leg hot;
    hot.build_out = draw.log_uniform(22.0, 300.0);
    write_leg(n, write_amplifier(n, draw, "drv", 1.0), "p2", hot);
    n.capacitor("p3", "0", farads);
    n.resistor("p3", "0", 10e6);
    unit.truth.names = {Topology::unbalanced};
}

void odd_tap_through_much(Unit& unit, NetlistText& n, Draw& draw)
{
    // A centre tap, or the middle of the bleeders: who would know. With an impedance to ground of hundreds of ohms it is as good as a
    // servo of the low sort.
    const double ohms = draw.log_uniform(40.0, 2e3);
    unit.kind = "centre tap on ground through " + format_ohms(Ohms{ohms});
    const auto core = n.node();
    const auto emf = n.node();
    n.amplifier(emf, "0", "drv", "0", 1.0);
    n.resistor(emf, core, draw.log_uniform(20.0, 150.0));
    n.inductor(core, "0", draw.log_uniform(3.0, 50.0));
    const auto tap = n.node();
    const double copper = draw.log_uniform(8.0, 60.0);
    const double leakage = draw.log_uniform(20e-6, 500e-6);
    for (const bool first : {true, false}) {
        const auto at = n.node();
        n.winding(first ? at : tap, first ? tap : at, core, "0", 0.5);
        const auto behind = n.through_inductor(n.through_resistor(at, draw.part(copper, 0.05)), leakage);
        n.resistor(behind, first ? "p2" : "p3", 0.0);
        n.capacitor(core, first ? "p2" : "p3", draw.log_uniform(10e-12, 500e-12));
        n.capacitor(first ? "p2" : "p3", "0", draw.log_uniform(50e-12, 500e-12));
    }
    n.resistor(tap, "0", ohms);
    unit.truth.names = {Topology::transformer, Topology::transformer_center_tapped};
    // Two amplifiers with a pad between their legs have up to 250 Ω to ground; there leakage tells, where there is enough of it.
    if (ohms > 250.0) unit.truth.without_iron = {Topology::cross_coupled};
    else if (leakage < 60e-6) unit.truth.without_iron = {Topology::inverter};
    if (draw.chance(0.75)) unit.iron = draw_iron(draw);
}

void odd_late_channel(Unit& unit, NetlistText& n, Draw& draw)
{
    unit.kind = "second channel late (an effect)";
    const auto [hot, cold] = draw_legs(draw, unit.kind);
    // Four all-passes: a delay up to their corner.
    std::string late = "drv";
    const double hz = draw.log_uniform(1e3, 8e3);
    for (int i = 0; i < 4; ++i) late = write_all_pass(n, late, hz);
    write_leg(n, write_amplifier(n, draw, "drv", 1.0), "p2", hot);
    write_leg(n, write_amplifier(n, draw, late, 1.0), "p3", cold);
    unit.truth.names = {Topology::dual_unbalanced};
}

}  // namespace

Unit draw_odd(Draw& draw)
{
    Unit unit;
    NetlistText n{"fits nothing"};
    constexpr std::array kinds{odd_quadrature, odd_filtered,      odd_common_resistor,     odd_phase_splitter,   odd_unequal_antiphase, odd_leak,
                               odd_leak,       odd_high_resistor, odd_capacitor_to_ground, odd_tap_through_much, odd_late_channel};
    kinds.at(static_cast<std::size_t>(draw.uniform(0.0, static_cast<double>(kinds.size()))))(unit, n, draw);
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

}  // namespace lowleg::study
