/// \file part_priors.h
/// What is known of an output's parts before it is measured. Written by scripts/part_priors from part_data.csv: change that, not this.
#pragma once

#include "topology/model_fit.h"

#include <array>
#include <numbers>

namespace lowleg::topology::part_priors {

// ln at compile time: std::log is not for that in C++20.
constexpr double ln(double x)
{
    double whole = 0.0;
    for (; x > 1.5; x /= 2.0) whole += 1.0;
    for (; x < 0.75; x *= 2.0) whole -= 1.0;
    const double y = (x - 1.0) / (x + 1.0);  // ln x = 2·artanh y, |y| ≤ 0.2
    double sum = 0.0;
    double power = y;
    for (int k = 1; k < 30; k += 2, power *= y * y) sum += power / k;
    return whole * std::numbers::ln2 + 2.0 * sum;
}
constexpr Prior ln_normal(double median, double deviation) { return normal(ln(median), deviation); }
constexpr Prior ln_flat(double from, double to) { return flat(ln(from), ln(to)); }

/// A winding, driven by another; bleeders are apart.
namespace winding {
inline constexpr double prior = 0.13;
inline constexpr Prior ln_rd = ln_normal(110.0, 0.68);  // copper of both windings and what drives them; 68 % in 74 Ω … 170 Ω
inline constexpr Prior driving_share = normal(0.61, 0.15);  // the driving side's part of that; 68 % in 0.518 … 0.747
inline constexpr Prior ln_ld = ln_flat(1.1e-06, 0.025);  // leakage: bifilar, section-wound, layers; 68 % in 12 µH … 1.6 mH
inline constexpr Prior ln_magnetizing = ln_flat(0.3, 560.0);  // the driving side's resistance over the inductance; 68 % in 2 rad/s … 30 rad/s
inline constexpr Prior ln_blocking = ln_flat(1.1e-05, 2.0);  // a capacitor before the driving winding; 1 F: none; 68 % in 180 µF … 1 F
// Pin 2's part of interwinding capacitance, of that to shield or core, capacitor against radio frequencies, lead; 68 % in 310 pF … 11 nF
inline constexpr Prior ln_c2 = ln_flat(4e-11, 6.2e-08);
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 1.1);  // the same of pin 3: layers that are not alike; 68 % in 0.528 … 2.12
// Interwinding capacitance that leads to the driving winding's hot end, over all of it; 68 % in 0 … 0.688
inline constexpr Prior coupled2 = normal(0.0, 0.75);
inline constexpr Prior coupled3 = normal(0.0, 0.75);  // the same of pin 3; 68 % in -0.724 … 0
inline constexpr Prior distributed = normal(0.76, 0.41);  // the windings' own capacitance over all of it; 68 % in 0.396 … 0.984
inline constexpr Prior ln_across = ln_flat(5.1e-12, 2.8e-08);  // the winding's own, or a Zobel's capacitor; 68 % in 21 pF … 2.2 nF
inline constexpr Prior ln_zobel = ln_flat(0.51, 23000.0);  // nothing, or a Zobel's resistor; 68 % in 2.1 Ω … 4.3 kΩ
inline constexpr Prior ln_outer = ln_flat(0.026, 610.0);  // contacts, coils, build-outs behind the winding; 68 % in 120 mΩ … 52 Ω
}  // namespace winding

/// A winding with a resistor from each leg to ground.
namespace bled_winding {
inline constexpr double prior = 0.07;
inline constexpr Prior ln_g2 = ln_flat(4.8e-06, 0.0029);  // the resistor; 68 % in 22 µS … 210 µS
inline constexpr Prior ln_g3_over_g2 = ln_normal(1.0, 0.05);  // its tolerance; 68 % in 0.985 … 1.02
}  // namespace bled_winding

/// A winding with a resistor from one leg to ground.
namespace winding_referenced_at_2 {
inline constexpr double prior = 0.015;
inline constexpr Prior ln_g = ln_flat(5.1e-06, 0.0059);  // the resistor; 68 % in 25 µS … 1.2 mS
}  // namespace winding_referenced_at_2

/// The same at pin 3.
namespace winding_referenced_at_3 {
inline constexpr double prior = 0.015;
inline constexpr Prior ln_g = ln_flat(5.1e-06, 0.0059);  // the resistor; 68 % in 25 µS … 1.2 mS
}  // namespace winding_referenced_at_3

/// Two half windings from a tap.
namespace tap {
inline constexpr double prior = 0.03;
inline constexpr double prior_through_resistor = 0.008;  // its tap on ground that way
inline constexpr double prior_through_capacitor = 0.002;  // its tap on ground that way
inline constexpr Prior ln_r2 = ln_normal(41.0, 1.3);  // copper of a half, and a build-out; 68 % in 12 Ω … 85 Ω
inline constexpr Prior ln_r3_over_r2 = ln_normal(1.0, 0.075);  // halves of unequal length; 68 % in 0.98 … 1.01
inline constexpr Prior ln_mutual = ln_normal(17.0, 0.93);  // a quarter of the driving side's resistance; 68 % in 7.7 Ω … 32 Ω
inline constexpr Prior ln_magnetizing = ln_flat(0.14, 600.0);  // as a winding's; 68 % in 1.7 rad/s … 28 rad/s
inline constexpr Prior ln_blocking = ln_flat(1.1e-05, 2.0);  // as a winding's; 68 % in 180 µF … 1 F
inline constexpr Prior unbalance = normal(0.0, 0.018);  // turns of one half against the other; 68 % in -0.00433 … 0.0043
inline constexpr Prior ln_tap = ln_normal(0.14, 1.4);  // wire, contact, track; 68 % in 37 mΩ … 540 mΩ
inline constexpr Prior ln_tap_resistor = ln_flat(0.51, 290.0);  // where a resistor leads from the tap to ground; 68 % in 2.1 Ω … 57 Ω
inline constexpr Prior ln_tap_series = ln_flat(1e-05, 0.0099);  // where a capacitor does; 68 % in 51 µF … 2 mF
inline constexpr Prior ln_l = ln_flat(5.3e-07, 0.013);  // leakage of a half; 68 % in 5.9 µH … 830 µH
// Pin 2's part of interwinding capacitance, of that to shield or core, capacitor against radio frequencies, lead; 68 % in 310 pF … 11 nF
inline constexpr Prior ln_c2 = ln_flat(4e-11, 6.1e-08);
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 1.1);  // the same of pin 3: layers that are not alike; 68 % in 0.534 … 2.12
// Interwinding capacitance that leads to the driving winding's hot end, over all of it; 68 % in 0 … 0.698
inline constexpr Prior coupled2 = normal(0.0, 0.76);
inline constexpr Prior coupled3 = normal(0.0, 0.75);  // the same of pin 3; 68 % in -0.72 … 0
inline constexpr Prior ln_across = ln_flat(5.1e-12, 2.8e-08);  // as a winding's; 68 % in 21 pF … 2.2 nF
inline constexpr Prior ln_zobel = ln_flat(0.51, 23000.0);  // as a winding's; 68 % in 2.1 Ω … 4.3 kΩ
}  // namespace tap

/// Of all servos.
namespace servo_strays {
inline constexpr Prior ln_ld = ln_flat(2e-07, 0.0002);  // op amps' own, leads, coils against radio frequencies; both legs; 68 % in 700 nH … 21 µH
// Capacitors against radio frequencies, and the amplifier's delay over its build-out; 68 % in 360 pF … 2.2 nF
inline constexpr Prior ln_c2 = ln_flat(1.3e-11, 1.1e-08);
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 0.37);  // tolerance of those; amplifiers that are not alike; 68 % in 0.933 … 1.44
inline constexpr Prior coupled2 = normal(0.0, 0.2);  // no part of its own: what lag leaves; 68 % in 0 … 0
inline constexpr Prior coupled3 = normal(0.0, 0.2);  // the same of pin 3; 68 % in 0 … 0
inline constexpr Prior ln_across = ln_flat(5.1e-12, 8.7e-09);  // wires, and capacitors between the legs; 68 % in 16 pF … 410 pF
inline constexpr Prior ln_series = ln_flat(5e-06, 2.0);  // coupling capacitors outside the loops; 1 F: none; 68 % in 62 µF … 1 F
inline constexpr Prior ln_series3_over_series2 = ln_normal(1.0, 0.19);  // tolerance of those; 68 % in 0.992 … 1.01
inline constexpr Prior ln_bass = ln_flat(0.001, 250.0);  // capacitors in the sense lines; the lowest: none; 68 % in 0.0037 rad/s … 5.9 rad/s
inline constexpr Prior ln_bass3_over_bass2 = ln_normal(1.0, 0.31);  // tolerance of those; 68 % in 0.933 … 1.08
inline constexpr Prior ln_outer = ln_flat(0.026, 370.0);  // contacts, coils, resistors outside the loops; 68 % in 110 mΩ … 34 Ω
inline constexpr Prior lag = normal(0.0, 0.18);  // the inverter's delay, before pin 3's amplifier or pin 2's; 68 % in -0.012 µs … 0.075 µs
}  // namespace servo_strays

/// Two amplifiers of which each follows the other leg: ICs, or op amps with trims.
namespace servo {
inline constexpr double prior = 0.2;
inline constexpr Prior ln_rd = ln_normal(51.0, 0.43);  // two build-outs over 1 + c, c of the other leg being added; 68 % in 49 Ω … 56 Ω
inline constexpr Prior ln_g2 = ln_flat(2.3e-05, 0.0025);  // 1 - c over the build-out; 68 % in 260 µS … 380 µS
inline constexpr Prior ln_g3_over_g2 = ln_normal(1.0, 0.043);  // what trimming or the resistors' tolerance leaves of 1 - c; 68 % in 0.982 … 1.02
inline constexpr Prior surplus = normal(0.0, 0.0015);  // gain error of one half; 68 % in -0.00045 … 0.000443
inline constexpr Prior skew = normal(0.0, 0.003);  // build-outs, feedback and loop gain of one half against the other; 68 % in -0.00025 … 0.000248
}  // namespace servo

/// The same of op amps and resistors that are not trimmed.
namespace uneven_servo {
inline constexpr double prior = 0.05;
inline constexpr Prior ln_rd = ln_normal(63.0, 0.56);  // two build-outs over 1 + c, c of the other leg being added; 68 % in 41 Ω … 88 Ω
inline constexpr Prior ln_g2 = ln_flat(1.4e-05, 0.0025);  // 1 - c over the build-out; 68 % in 120 µS … 1.1 mS
inline constexpr Prior ln_g3_over_g2 = ln_normal(1.0, 0.69);  // what trimming or the resistors' tolerance leaves of 1 - c; 68 % in 0.843 … 1.19
inline constexpr Prior surplus = normal(0.0, 0.0048);  // gain error of one half; 68 % in -0.0028 … 0.0028
inline constexpr Prior skew = normal(0.0, 0.0099);  // build-outs, feedback and loop gain of one half against the other; 68 % in -0.00937 … 0.00942
}  // namespace uneven_servo

/// Two amplifiers that follow the middle of both legs.
namespace middle_servo {
inline constexpr double prior = 0.04;
inline constexpr Prior ln_rd = ln_normal(50.0, 0.42);  // two build-outs over 1 + c, c of the other leg being added; 68 % in 48 Ω … 52 Ω
inline constexpr Prior ln_g2 = ln_flat(1.4e-05, 0.0025);  // common-mode impedance of each leg; 68 % in 83 µS … 280 µS
inline constexpr Prior ln_g3_over_g2 = ln_normal(1.0, 0.33);  // what trimming or the resistors' tolerance leaves of 1 - c; 68 % in 0.864 … 1.16
inline constexpr Prior surplus = normal(0.0, 0.0065);  // gain error of one half; 68 % in -0.00463 … 0.0046
inline constexpr Prior skew = normal(0.0, 0.007);  // build-outs, feedback and loop gain of one half against the other; 68 % in -0.00437 … 0.00426
}  // namespace middle_servo

/// Two amplifiers behind build-outs; the strays are those of all amplifiers.
namespace amplifiers {
inline constexpr double prior = 0.22;
inline constexpr Prior ln_r2 = ln_normal(71.0, 0.91);  // build-outs; 68 % in 47 Ω … 150 Ω
inline constexpr Prior ln_r3_over_r2 = ln_normal(1.0, 0.04);  // tolerance of two equal ones; 68 % in 0.99 … 1.01
inline constexpr Prior ln_gain = ln_normal(1.0, 0.034);  // tolerance of the two resistors that set one leg's gain; 68 % in 0.991 … 1.01
inline constexpr Prior lag = normal(0.0, 0.39);  // the inverter's delay; 68 % in -0.16 µs … 0.16 µs
inline constexpr Prior ln_c2 = ln_flat(2.3e-06, 2.0);  // coupling capacitor; 1 F: none; 68 % in 15 µF … 1 F
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 0.22);  // tolerance of coupling capacitors; 68 % in 0.887 … 1.12
// Tolerance of capacitors against radio frequencies, and wires; 68 % in 0.888 … 1.13
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(1.0, 0.23);
inline constexpr Prior ln_shunt2 = ln_flat(2.2e-11, 1.9e-08);  // wires, and capacitors against radio frequencies; 68 % in 81 pF … 930 pF
inline constexpr Prior ln_across = ln_flat(2.6e-13, 5.7e-10);  // from pin to pin; 68 % in 1 pF … 60 pF
inline constexpr Prior ln_bleed = ln_flat(5.1e-08, 0.00081);  // resistors behind coupling capacitors, leakage; 68 % in 200 nS … 34 µS
// Wire, contacts and tracks of the ground that both legs return by; 68 % in 4.2 mΩ … 110 mΩ
inline constexpr Prior ln_shared = ln_flat(0.001, 0.95);
}  // namespace amplifiers

/// Two amplifiers with something wrong.
namespace unequal_amplifiers {
inline constexpr double prior = 0.01;
inline constexpr Prior ln_r3_over_r2 = ln_normal(1.0, 1.4);  // a wrong part; 68 % in 0.371 … 3.29
inline constexpr Prior ln_gain = ln_normal(1.0, 0.46);  // a wrong part; 68 % in 0.922 … 1.16
inline constexpr Prior lag = normal(0.0, 3.3);  // a filter in one leg; 68 % in -2 µs … 2 µs
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 0.6);  // a dried-out capacitor; 68 % in 0.594 … 1.41
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(1.0, 1.4);  // strays, at times of one leg alone; 68 % in 0.787 … 1.27
}  // namespace unequal_amplifiers

/// Two amplifiers, one fed from the other's pin.
namespace followed_amplifier {
inline constexpr double prior = 0.02;
inline constexpr double prior_mirrored = 0.005;  // exchange pins 2 and 3
inline constexpr Prior ln_r3_over_r2 = ln_normal(1.0, 0.14);  // as fitted; 68 % in 0.955 … 1.05
inline constexpr Prior follow = normal(-1.0, 0.031);  // an inverter of 1 % resistors; 68 % in -1.02 … -0.979
}  // namespace followed_amplifier

/// Two amplifiers and a resistor between the legs.
namespace amplifiers_with_pad {
inline constexpr double prior = 0.005;
inline constexpr Prior ln_r2 = ln_normal(81.0, 0.75);  // in each leg; 68 % in 41 Ω … 160 Ω
inline constexpr Prior ln_pad = ln_flat(0.0002, 0.19);  // between the legs; 68 % in 790 µS … 20 mS
}  // namespace amplifiers_with_pad

/// Two channels on one jack.
namespace channels {
inline constexpr double prior = 0.08;
inline constexpr Prior ln_r2 = ln_flat(0.27, 2900.0);  // headphone and line outputs; 68 % in 5.2 Ω … 320 Ω
inline constexpr Prior ln_r3_over_r2 = ln_normal(1.0, 0.04);  // tolerance; 68 % in 0.99 … 1.01
inline constexpr Prior ln_gain = ln_normal(1.0, 0.85);  // balance and panning; 68 % in 0.811 … 1.26
inline constexpr Prior lag = normal(0.0, 4.6);  // filters, converters that take turns; 68 % in -1.7 µs … 1.8 µs
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 0.22);  // tolerance of coupling capacitors; 68 % in 0.889 … 1.13
// Tolerance of capacitors against radio frequencies, and wires; 68 % in 0.888 … 1.13
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(1.0, 0.23);
}  // namespace channels

/// Pin 3 is silent behind pin 2's impedance; ln_r2 is that of all outputs whose pin 3 is silent.
namespace equal_impedances {
inline constexpr double prior = 0.13;
inline constexpr Prior ln_r2 = ln_normal(120.0, 1.3);  // build-outs of single-ended outputs; 68 % in 55 Ω … 430 Ω
inline constexpr Prior ln_r3_over_r2 = ln_normal(1.0, 0.05);  // tolerance of two equal ones; 68 % in 0.985 … 1.02
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 0.22);  // tolerance of coupling capacitors; 68 % in 0.888 … 1.13
// Tolerance of capacitors against radio frequencies, and wires; 68 % in 0.888 … 1.13
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(1.0, 0.23);
}  // namespace equal_impedances

/// The same with another impedance.
namespace unequal_impedances {
inline constexpr double prior = 0.02;
inline constexpr Prior ln_r3_over_r2 = ln_normal(1.3, 0.71);  // a resistor that was meant to be equal; 68 % in 0.685 … 1.91
inline constexpr Prior ln_c3_over_c2 = ln_normal(1.0, 3.8);  // coupling capacitors of their own, or none; 68 % in 0.0232 … 43.1
// Strays and capacitors against radio frequencies of their own; 68 % in 0.185 … 5.53
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(1.0, 1.9);
}  // namespace unequal_impedances

/// Pin 3 on ground.
namespace ground {
inline constexpr double prior = 0.1;
inline constexpr Prior ln_r3 = ln_flat(0.0025, 3.5);  // contacts, wires, switches; 68 % in 9.6 mΩ … 270 mΩ
}  // namespace ground

/// Pin 3 on ground through a ground lift.
namespace lift {
inline constexpr double prior = 0.008;
inline constexpr Prior ln_r3 = ln_normal(10.0, 0.22);  // 10 ohm, or near it; 68 % in 9.6 Ω … 10 Ω
}  // namespace lift

/// Pin 3 on ground through a capacitor.
namespace coupled_ground {
inline constexpr double prior = 0.004;
inline constexpr Prior ln_r3 = ln_normal(0.038, 2.0);  // contacts, wires, switches; 68 % in 9.5 mΩ … 270 mΩ
// Over pin 2's coupling capacitor, or what stands for none; 68 % in 4.01e-05 … 0.0392
inline constexpr Prior ln_c3_over_c2 = ln_flat(1.8e-06, 13.0);
}  // namespace coupled_ground

/// Pin 3 on nothing.
namespace open {
inline constexpr double prior = 0.05;
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(0.53, 2.2);  // what wires and capacitors have at each pin; 68 % in 0.0992 … 2.09
}  // namespace open

/// Pin 3 is a return.
namespace insert {
inline constexpr double prior = 0.04;
inline constexpr Prior ln_r3 = ln_normal(20000.0, 0.97);  // input resistances of returns; 68 % in 9.8 kΩ … 47 kΩ
inline constexpr Prior ln_c3_over_c2 = ln_normal(0.14, 3.9);  // coupling capacitors of their own, or none; 68 % in 0.00272 … 4.53
// Strays and capacitors against radio frequencies of their own; 68 % in 0.18 … 5.59
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(1.0, 2.0);
}  // namespace insert

/// Pin 3 senses a ground.
namespace sensing {
inline constexpr double prior = 0.03;
inline constexpr Prior ln_r3 = ln_flat(14.0, 190000.0);  // sense inputs, with or without a resistor to ground; 68 % in 150 Ω … 22 kΩ
inline constexpr Prior sense = normal(1.0, 0.068);  // gain of what is sensed; 68 % in 0.971 … 1.01
inline constexpr Prior ln_bass = ln_flat(0.0026, 190.0);  // a capacitor before the sense input; the lowest: none; 68 % in 0.011 rad/s … 12 rad/s
inline constexpr Prior lag = normal(0.0, 0.94);  // the op amp's delay; 68 % in -0.35 µs … 0.35 µs
inline constexpr Prior ln_c3_over_c2 = ln_normal(0.13, 3.9);  // coupling capacitors of their own, or none; 68 % in 0.00278 … 4.41
// Strays and capacitors against radio frequencies of their own; 68 % in 0.178 … 5.55
inline constexpr Prior ln_shunt3_over_shunt2 = ln_normal(1.0, 1.9);
}  // namespace sensing

/// Between the kinds, and beside them: judgement.
namespace others {
inline constexpr double prior_few_ohms = 0.0007;
inline constexpr double prior_some_resistance = 0.003;
inline constexpr double prior_silent = 0.001;
inline constexpr double prior_hanging_on_pin_2 = 0.005;
inline constexpr Prior ln_r3_few_ohms = ln_flat(1.5, 12.0);
inline constexpr Prior ln_r3_some_resistance = ln_flat(700.0, 400000.0);
inline constexpr Prior ln_r3_silent = ln_flat(0.3, 10000000000.0);
inline constexpr Prior sense_silent = normal(0.0, 0.3);
inline constexpr Prior ln_pad_hanging = ln_flat(1.0 / 20000.0, 1.0 / 10.0);  // S
}  // namespace others

// A third harmonic that tells iron: of outputs that have a winding, and of all others.
inline constexpr double seen_with_iron = 0.82;
inline constexpr double seen_without = 0.0061;
/// The share of outputs with a winding whose third harmonic over the fundamental is below a level, at 20 Hz.
struct IronShare { double level, below; };
inline constexpr std::array iron_shares = std::to_array<IronShare>({{1e-06, 0.031}, {3.16e-06, 0.084}, {1e-05, 0.14}, {3.16e-05, 0.21}, {0.0001, 0.31}, {0.000316, 0.56}, {0.001, 0.76}, {0.00316, 0.93}, {0.01, 1}});

}  // namespace lowleg::topology::part_priors
