// Outputs that float: windings and servos.
#include "families.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::study {
namespace {

/// A transformer as it is wound.
struct Windings {
    double turns{1.0};         ///< Secondary over primary.
    double source_ohms{};      ///< Of the amplifier and what is in series with it.
    double primary_ohms{}, secondary_ohms{};
    double henries{};          ///< Magnetizing, seen from the primary.
    double core_ohms{};        ///< Its losses, in parallel.
    double leakage{};          ///< H, seen from the secondary.
    double between{};          ///< F from primary to secondary, in all.
    double to_shield2{}, to_shield3{};  ///< F of the secondary's ends to shield and frame.
    double blocking{};         ///< F before the primary; 0: none.
    int sections{1};
    bool aligned{true};        ///< Ends of equal potential lie side by side, as in a bifilar winding.
};

std::string words_for_turns(double turns) { return turns < 0.97 ? "step-down" : turns > 1.03 ? "step-up" : "1:1"; }

Windings draw_windings(Draw& draw, std::string& kind)
{
    Windings w;
    w.source_ohms = draw.chance(0.3) ? draw.log_uniform(0.05, 2.0) : draw.log_uniform(5.0, 150.0);
    w.primary_ohms = draw.log_uniform(8.0, 140.0);
    w.henries = draw.log_uniform(1.5, 120.0);
    w.core_ohms = draw.log_uniform(15e3, 500e3);
    w.blocking = draw.chance(0.2) ? draw.log_uniform(100e-6, 2200e-6) : 0.0;
    w.sections = draw.one_of({1, 2, 3});
    const double build = draw.uniform(0.0, 1.0);
    if (build < 0.35) {
        kind = "shielded";
        w.between = draw.log_uniform(2e-12, 60e-12);
        w.leakage = draw.log_uniform(200e-6, 5e-3);
        const double shield = draw.log_uniform(80e-12, 700e-12);
        w.to_shield2 = draw.part(shield, 0.5);
        w.to_shield3 = draw.part(shield, 0.5);
        w.aligned = draw.chance(0.5);
    } else if (build < 0.7) {
        kind = "sectioned";
        w.between = draw.log_uniform(200e-12, 4e-9);
        w.leakage = draw.log_uniform(50e-6, 2e-3);
        w.to_shield2 = draw.log_uniform(20e-12, 400e-12);
        w.to_shield3 = draw.log_uniform(20e-12, 400e-12);
        w.aligned = draw.chance(0.5);
    } else {
        kind = "bifilar";
        w.between = draw.log_uniform(5e-9, 40e-9);
        w.leakage = draw.log_uniform(1e-6, 30e-6);
        w.to_shield2 = draw.log_uniform(30e-12, 300e-12);
        w.to_shield3 = draw.part(w.to_shield2, 0.4);
    }
    // A bifilar pair has equal turns by construction.
    if (kind != "bifilar") {
        const double ratio = draw.uniform(0.0, 1.0);
        if (ratio > 0.85) w.turns = draw.log_uniform(1.1, 2.0);
        else if (ratio > 0.6) w.turns = draw.log_uniform(0.25, 0.8);
        w.leakage *= w.turns * w.turns;
    }
    w.secondary_ohms = std::max(4.0, draw.part(w.primary_ohms * w.turns * w.turns, 0.5));
    kind += ", " + words_for_turns(w.turns);
    return w;
}

/// The primary, driven at its start, at its finish, or by a bridge; returns its ends behind the copper.
struct Primary {
    std::string core, foot;
    bool is_bridge{};
};

Primary write_primary(NetlistText& n, const Windings& w, Draw& draw, double sign, std::string& kind)
{
    const double how = draw.uniform(0.0, 1.0);
    const auto core = n.node();
    const auto fed = [&](double gain) {
        const auto emf = n.node();
        n.amplifier(emf, "0", "drv", "0", gain);
        const auto behind = n.through_resistor(emf, w.source_ohms);
        return n.through_capacitor(behind, w.blocking);
    };
    std::string foot = "0";
    bool is_bridge = false;
    if (how < 0.55) {
        n.resistor(fed(sign), core, w.primary_ohms);
    } else if (how < 0.8) {
        kind += ", finish driven";
        foot = n.node();
        n.resistor("0", core, w.primary_ohms);
        n.resistor(fed(-sign), foot, 0.0);
    } else {
        kind += ", bridge driven";
        foot = n.node();
        is_bridge = true;
        n.resistor(fed(0.5 * sign), core, w.primary_ohms);
        n.resistor(fed(-0.5 * sign), foot, 0.0);
    }
    n.inductor(core, foot, w.henries);
    n.resistor(core, foot, w.core_ohms);
    return {core, foot, is_bridge};
}

/// One winding of so many sections from `top` to `bottom`; capacitances to the primary from its taps.
void write_secondary(NetlistText& n, const Windings& w, const Primary& p, const std::string& top, const std::string& bottom, double share, double between)
{
    const int sections = w.sections;
    std::string from = top;
    for (int s = 0; s <= sections; ++s) {
        const double along = static_cast<double>(w.aligned ? s : sections - s) / sections;
        const double capacitance = between / sections * (s == 0 || s == sections ? 0.5 : 1.0);
        std::string tap = along == 0.0 ? p.core : p.foot;
        if (along > 0.0 && along < 1.0) {
            tap = n.node();
            n.winding(tap, p.foot, p.core, p.foot, 1.0 - along);
        }
        n.capacitor(tap, from, capacitance);
        if (s == sections) break;
        const auto start = n.node();
        const auto middle = n.node();
        const auto end = s + 1 == sections ? bottom : n.node();
        n.inductor(from, start, share * w.leakage / sections);
        n.resistor(start, middle, share * w.secondary_ohms / sections);
        n.winding(middle, end, p.core, p.foot, share * w.turns / sections);
        from = end;
    }
}

/// What the maker put between winding and connector. \return Ω in series with a leg.
double write_output_network(NetlistText& n, Draw& draw, const std::string& top, const std::string& bottom, const Pins& pins, std::string& kind)
{
    if (draw.chance(0.3)) {
        kind += ", zobel";
        const auto between = n.node();
        n.resistor(top, between, draw.log_uniform(100.0, 10e3));
        n.capacitor(between, bottom, draw.log_uniform(220e-12, 22e-9));
    }
    if (draw.chance(0.25)) {
        kind += ", loaded";
        n.resistor(top, bottom, draw.log_uniform(600.0, 22e3));
    }
    Leg hot, cold;
    if (draw.chance(0.3)) {
        kind += ", build-outs";
        const double ohms = draw.log_uniform(4.7, 150.0);
        hot.build_out = draw.part(ohms, 0.05);
        cold.build_out = draw.part(ohms, 0.05);
    }
    if (draw.chance(0.25)) {
        kind += ", RFI capacitors";
        const double farads = draw.log_uniform(100e-12, 4.7e-9);
        hot.radio = draw.part(farads, 0.1);
        cold.radio = draw.part(farads, 0.1);
    }
    const double cable = draw.log_uniform(20e-12, 1e-9);
    hot.radio += draw.part(cable, 0.1);
    cold.radio += draw.part(cable, 0.1);
    write_leg(n, top, pins.hot, hot);
    write_leg(n, bottom, pins.cold, cold);
    return hot.build_out;
}

/// Per leg: more than the ferrites of amplifiers have.
constexpr double visible_leakage = 60e-6;

/// Servos are built with an impedance to ground of up to 12 kΩ; above this no one takes a flat one for a servo.
constexpr double highest_servo_ohms = 16e3;

/// Bleeders make a winding look like a servo by all that is linear as long as they, and not the capacitances, are its way to ground
/// through the most of the band: between the windings these carry the primary's voltage, which no capacitor of a servo does. Half of it is
/// up and half is down where a bridge drives, and then they pass for a servo's capacitors against radio. Iron tells, where it is heard.
void admit_servo(Unit& unit, const Windings& w, const Primary& p, double to_ground_ohms)
{
    const double farads = w.between + w.to_shield2 + w.to_shield3;
    const double corner_hz = 1.0 / (2.0 * std::numbers::pi * to_ground_ohms * farads);
    const bool is_like_radio = p.is_bridge && farads < 20e-9;
    if (to_ground_ohms <= highest_servo_ohms && (corner_hz > 3e3 || is_like_radio)) unit.truth.without_iron.push_back(Topology::cross_coupled);
}

}  // namespace

Unit draw_transformer(Draw& draw)
{
    Unit unit;
    const auto windings = draw_windings(draw, unit.kind);
    NetlistText n{"transformer"};
    const auto primary = write_primary(n, windings, draw, draw_sign(draw), unit.kind);
    const auto top = n.node();
    const auto bottom = n.node();
    write_secondary(n, windings, primary, top, bottom, 1.0, windings.between);
    n.capacitor(top, "0", windings.to_shield2);
    n.capacitor(bottom, "0", windings.to_shield3);
    unit.truth.names = {Topology::transformer};
    const double reference = draw.uniform(0.0, 1.0);
    if (reference < 0.16) {
        const double ohms = draw.log_uniform(1e3, 100e3);
        unit.kind += ", bled 2 × " + format_ohms(Ohms{ohms});
        const double a = draw.part(ohms, 0.01);
        const double b = draw.part(ohms, 0.01);
        n.resistor(top, "0", a);
        n.resistor(bottom, "0", b);
        admit_servo(unit, windings, primary, a * b / (a + b));
    } else if (reference < 0.2) {
        const double ohms = draw.log_uniform(1e3, 100e3);
        unit.kind += ", one side on ground through " + format_ohms(Ohms{ohms});
        n.resistor(draw.chance(0.7) ? bottom : top, "0", ohms);
        admit_servo(unit, windings, primary, ohms);
    }
    write_output_network(n, draw, top, bottom, draw_pins(draw), unit.kind);
    if (draw.chance(0.75)) unit.iron = draw_iron(draw);
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

Unit draw_center_tapped(Draw& draw)
{
    Unit unit;
    auto windings = draw_windings(draw, unit.kind);
    NetlistText n{"transformer with its centre tap on ground"};
    const auto primary = write_primary(n, windings, draw, draw_sign(draw), unit.kind);
    const auto top = n.node();
    const auto bottom = n.node();
    const auto tap = n.node();
    const double half = 0.5 * draw.part(1.0, 0.003);
    write_secondary(n, windings, primary, top, tap, half, 0.5 * windings.between);
    write_secondary(n, windings, primary, tap, bottom, 1.0 - half, 0.5 * windings.between);
    n.capacitor(top, "0", windings.to_shield2);
    n.capacitor(bottom, "0", windings.to_shield3);
    unit.truth.names = {Topology::transformer_center_tapped};
    double tap_ohms = 0.0;
    const double how = draw.uniform(0.0, 1.0);
    if (how < 0.5) {
        n.resistor(tap, "0", 0.0);
    } else if (how < 0.8) {
        tap_ohms = draw.uniform(0.2, 10.0);
        unit.kind += ", tap through " + format_ohms(Ohms{tap_ohms});
        n.resistor(tap, "0", tap_ohms);
    } else {
        const double farads = draw.log_uniform(470e-6, 2200e-6);
        unit.kind += ", tap through " + format_fixed(farads * 1e6, 0) + " µF";
        n.capacitor(tap, "0", farads);
    }
    const double build_out = write_output_network(n, draw, top, bottom, draw_pins(draw), unit.kind);
    // The tap's resistor couples the legs one way, the primary's side the other. Where the resistor has the upper hand, or both cancel,
    // two amplifiers with a resistor between their legs read the same, unless leakage shows a winding. Where the primary has it, by an
    // ohm or so, it is plain to see with pin 3 grounded: no two amplifiers couple with that sign.
    const double reflected = 0.25 * windings.turns * windings.turns * (windings.source_ohms + windings.primary_ohms);
    const double own = 0.5 * windings.secondary_ohms + reflected + tap_ohms + build_out;
    const bool is_coupled_like_winding = tap_ohms - reflected < -std::max(0.5, 0.01 * own);
    if (!is_coupled_like_winding && half * windings.leakage < visible_leakage) unit.truth.without_iron.push_back(Topology::inverter);
    if (draw.chance(0.75)) unit.iron = draw_iron(draw);
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

namespace {

struct Servo {
    double build_out2{}, build_out3{};
    double coupling2{}, coupling3{};  ///< How much of what is on the other pin each amplifier adds.
    double gain2{}, gain3{};
    double sense{};                   ///< F in the sense lines; 0: none.
};

/// Amplifiers as their data sheets describe them: gain and coupling, without what is inside.
void write_cross_coupling(NetlistText& n, Draw& draw, const Servo& s, const std::string& leg2, const std::string& leg3, double sign)
{
    const auto sensed = [&](const std::string& leg) {
        if (s.sense <= 0.0) return leg;
        const auto at = n.through_capacitor(leg, draw.part(s.sense, 0.2));
        n.resistor(at, "0", draw.part(40e3, 0.2));
        return at;
    };
    const auto other3 = sensed(leg3);
    const auto other2 = sensed(leg2);
    const auto amplifier = [&](const std::string& other, double gain, double coupling, double build_out, const std::string& leg) {
        const auto sum = n.node();
        const auto emf = n.node();
        n.amplifier(sum, "0", "drv", "0", sign * gain);
        n.amplifier(emf, sum, other, "0", coupling);
        n.resistor(write_closed_loop_output(n, draw, emf), leg, build_out);
    };
    amplifier(other3, s.gain2, s.coupling2, s.build_out2, leg2);
    amplifier(other2, -s.gain3, s.coupling3, s.build_out3, leg3);
}

/// Both amplifiers add the mean of both pins: common-mode bootstrapping.
void write_bootstrapped(NetlistText& n, Draw& draw, const Servo& s, const std::string& leg2, const std::string& leg3, double sign)
{
    const auto middle = n.node();
    const double ohms = draw.one_of({10e3, 20e3, 47e3});
    const auto from2 = s.sense > 0.0 ? n.through_capacitor(leg2, draw.part(s.sense, 0.2)) : leg2;
    const auto from3 = s.sense > 0.0 ? n.through_capacitor(leg3, draw.part(s.sense, 0.2)) : leg3;
    n.resistor(from2, middle, draw.part(ohms, 0.001));
    n.resistor(from3, middle, draw.part(ohms, 0.001));
    n.resistor(middle, "0", 10e6);
    const auto amplifier = [&](double gain, double coupling, double build_out, const std::string& leg) {
        const auto sum = n.node();
        const auto emf = n.node();
        n.amplifier(sum, "0", "drv", "0", sign * gain);
        n.amplifier(emf, sum, middle, "0", coupling);
        n.resistor(write_closed_loop_output(n, draw, emf), leg, build_out);
    };
    amplifier(0.5 * s.gain2, s.coupling2, s.build_out2, leg2);
    amplifier(-0.5 * s.gain3, s.coupling3, s.build_out3, leg3);
}

/// Three op amps and their resistors (after Hay): each output amplifier adds what its divider takes from the other pin.
void write_discrete(NetlistText& n, Draw& draw, const Servo& s, const std::string& leg2, const std::string& leg3, double sign, double tolerance)
{
    const double gain_bandwidth = draw.log_uniform(3e6, 50e6);
    const double ohms = draw.one_of({10e3, 15e3, 30e3});
    const auto signal = n.node();
    n.amplifier(signal, "0", "drv", "0", sign);
    const auto inverted = n.node();
    const auto summing = n.node();
    n.resistor(signal, summing, draw.part(ohms, tolerance));
    n.resistor(summing, inverted, draw.part(ohms, tolerance));
    n.op_amp("0", summing, inverted, gain_bandwidth, 30.0);
    const auto amplifier = [&](const std::string& input, const std::string& other, double coupling, double build_out, const std::string& leg) {
        const auto plus = n.node();
        const auto minus = n.node();
        const auto out = n.node();
        // Divider of the other pin; with a feedback of 1 + 1 its half becomes the whole, times the coupling.
        const auto from = s.sense > 0.0 ? n.through_capacitor(other, draw.part(s.sense, 0.2)) : other;
        n.resistor(from, plus, draw.part(ohms, tolerance));
        n.resistor(plus, "0", draw.part(ohms * coupling / (2.0 - coupling), tolerance));
        n.resistor(input, minus, draw.part(ohms, tolerance));
        n.resistor(minus, out, draw.part(ohms, tolerance));
        n.capacitor(minus, out, draw.log_uniform(4.7e-12, 22e-12));
        n.op_amp(plus, minus, out, gain_bandwidth, 30.0);
        n.resistor(out, leg, build_out);
    };
    amplifier(inverted, leg3, s.coupling2, s.build_out2, leg2);
    amplifier(signal, leg2, s.coupling3, s.build_out3, leg3);
}

}  // namespace

Unit draw_servo(Draw& draw)
{
    Unit unit;
    NetlistText n{"cross-coupled output"};
    const double sign = draw_sign(draw);
    Servo s;
    const double build_out = draw.one_of({20.0, 25.0, 33.0, 47.0, 50.0, 50.0, 68.0, 100.0});
    s.build_out2 = draw.part(build_out, 0.02);
    s.build_out3 = draw.part(build_out, 0.02);
    const double to_ground = draw.log_uniform(500.0, 12e3);
    const double coupling = 1.0 - 0.5 * build_out / to_ground;
    const double tolerance = draw.log_uniform(0.0005, 0.005);
    // What trimming leaves of the amplifiers' couplings may not bring their product to 1.
    s.coupling2 = 1.0 - draw.part(1.0 - coupling, 0.3);
    s.coupling3 = 1.0 - draw.part(1.0 - coupling, 0.3);
    s.gain2 = 1.0 + coupling + 0.5 * tolerance * draw.normal();
    s.gain3 = 1.0 + coupling + 0.5 * tolerance * draw.normal();
    if (draw.chance(0.3)) s.sense = draw.log_uniform(4.7e-6, 100e-6);

    const auto leg2 = n.node();
    const auto leg3 = n.node();
    const double how = draw.uniform(0.0, 1.0);
    if (how < 0.4) {
        unit.kind = "integrated";
        write_cross_coupling(n, draw, s, leg2, leg3, sign);
    } else if (how < 0.65) {
        unit.kind = "common-mode bootstrapped";
        write_bootstrapped(n, draw, s, leg2, leg3, sign);
    } else {
        unit.kind = "op amps and resistors of " + format_fixed(100.0 * tolerance, 2) + " %";
        write_discrete(n, draw, s, leg2, leg3, sign, tolerance);
    }
    unit.kind += ", " + format_ohms(Ohms{to_ground}) + " to ground";
    if (s.sense > 0.0) unit.kind += ", capacitors in the sense lines";

    Leg hot, cold;
    if (draw.chance(0.3)) {
        unit.kind += ", resistors outside";
        const double ohms = draw.log_uniform(5.0, 75.0);
        hot.build_out = draw.part(ohms, 0.02);
        cold.build_out = draw.part(ohms, 0.02);
    }
    if (draw.chance(0.2)) {
        const double farads = draw.log_uniform(10e-6, 470e-6);
        unit.kind += ", output capacitors of " + format_fixed(farads * 1e6, 0) + " µF";
        hot.coupling = draw.part(farads, 0.2);
        cold.coupling = draw.part(farads, 0.2);
        if (draw.chance(0.4)) hot.bleed = cold.bleed = draw.log_uniform(22e3, 220e3);
    }
    if (draw.chance(0.4)) {
        hot.ferrite_henries = draw.log_uniform(0.5e-6, 20e-6);
        cold.ferrite_henries = draw.part(hot.ferrite_henries, 0.2);
        hot.ferrite_ohms = cold.ferrite_ohms = draw.log_uniform(50.0, 1e3);
    }
    const double radio = draw.chance(0.5) ? draw.log_uniform(47e-12, 2.2e-9) : draw.log_uniform(10e-12, 100e-12);
    hot.radio = draw.part(radio, 0.1);
    cold.radio = draw.part(radio, 0.1);
    const auto pins = draw_pins(draw);
    write_leg(n, leg2, pins.hot, hot);
    write_leg(n, leg3, pins.cold, cold);
    unit.truth.names = {Topology::cross_coupled};
    if (draw.chance(0.03)) {
        // An input transformer in the same gear: its distortion passes through the servo, and leaves nothing that would tell the servo
        // from a bled winding.
        unit.kind += ", iron before it";
        unit.iron = draw_iron(draw);
        unit.truth.names.push_back(Topology::transformer);
    }
    unit.electronic_third = draw_electronic_third(draw);
    unit.netlist = n.text();
    return unit;
}

}  // namespace lowleg::study
