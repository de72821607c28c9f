#include "topology/advice.h"

#include "core/text.h"

#include <cmath>

namespace lowleg::topology {
namespace {

// Cables as a technician draws them: the output on the left, the unbalanced input on the right.
constexpr std::string_view cable_ground_pin3 =
    "  output               unbalanced input\n"
    "  pin 2 ●───────────────● tip\n"
    "  pin 3 ●─┐\n"
    "  pin 1 ●─┴─────────────● sleeve";
constexpr std::string_view cable_leave_pin3 =
    "  output               unbalanced input\n"
    "  pin 2 ●───────────────● tip\n"
    "  pin 3 ●  (not connected)\n"
    "  pin 1 ●───────────────● sleeve";
constexpr std::string_view cable_far_ground =
    "  output               unbalanced input\n"
    "  pin 2 ●───────────────● tip\n"
    "  pin 3 ●───────────────┐\n"
    "  pin 1 ●  (shield: here only)  ● sleeve\n"
    "                        └──── pin 3 goes to the sleeve at the far end";
constexpr std::string_view cable_left_channel =
    "  stereo jack          two unbalanced inputs\n"
    "  tip    ●──────────────● tip, left\n"
    "  ring   ●──────────────● tip, right\n"
    "  sleeve ●──────────────● both sleeves";
constexpr std::string_view cable_send =
    "  insert jack          unbalanced input\n"
    "  tip    ●──────────────● tip   (the send)\n"
    "  ring   ●  (not connected: the return, an input)\n"
    "  sleeve ●──────────────● sleeve";

/// lg of the ratio of the legs' impedances: a fifth more or less is beyond the tolerance of any resistor.
constexpr double unequal_legs = 0.08;

struct Wiring {
    UnbalancedWiring id;
    std::string_view cable;
    std::string_view summary;
    std::string_view balanced;
};

Wiring wiring_of(Topology topology, std::optional<Variant> variant)
{
    switch (topology) {
    case Topology::transformer:
        return {UnbalancedWiring::ground_pin3, cable_ground_pin3,
                "Floating: at an unbalanced input, ground pin 3 (it must not stay open: the bass would go). A TS plug does that, at full level.",
                "Pin 2 to hot, pin 3 to cold, pin 1 to shield: full level, best rejection of hum."};
    case Topology::transformer_center_tapped:
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "A winding with its middle on ground: leave pin 3 unconnected at an unbalanced input. Grounding it shorts half the winding.",
                "Pin 2 to hot, pin 3 to cold, pin 1 to shield."};
    case Topology::cross_coupled:
        return {UnbalancedWiring::ground_pin3, cable_ground_pin3,
                "A servo output: at an unbalanced input, ground pin 3, close to the output. Full level, but its maximum falls by about 6 dB. "
                "A transformer bled to ground by resistors of a few kΩ reads the same, is wired the same, and keeps its maximum.",
                "Pin 2 to hot, pin 3 to cold, pin 1 to shield. Unequal legs are normal and harmless here."};
    case Topology::inverter:
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "Two op amps: at an unbalanced input use pin 2 and leave pin 3 unconnected. Never ground pin 3: a TS plug would short an op amp.",
                "Pin 2 to hot, pin 3 to cold, pin 1 to shield: full level."};
    case Topology::impedance_balanced:
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "Signal on pin 2 alone, equal impedances: a TS plug is safe and costs no level; pin 3 may stay open or be grounded. "
                "(A stereo jack whose right channel is silent, or two op amps of which one is dead, reads the same: for those leave pin 3 open.)",
                "Pin 2 to hot, pin 3 to cold, pin 1 to shield: rejects hum as well as any balanced output, for equal impedances are what counts."};
    case Topology::unbalanced:
        if (variant == Variant::pin3_grounded)
            return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                    "Unbalanced, with pin 3 on ground inside: any plug is safe, nothing changes in level.",
                    "Pin 2 to hot; run pin 3 to cold as well, so that the input senses this output's ground; pin 1 to shield."};
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "Unbalanced, pin 3 not connected inside: any plug is safe at an unbalanced input.",
                "Pin 2 to hot, and join pin 3 to pin 1 in the plug at this output: else the input's cold leg hangs open and hums."};
    case Topology::dual_unbalanced:
        return {UnbalancedWiring::left_channel_only, cable_left_channel,
                "Two unbalanced channels on one jack (stereo or headphones): use a Y cable. A balanced input would subtract left from right; a TS plug shorts the right channel.",
                "Do not connect it to one balanced input: what both channels carry alike would vanish. Take each channel to an input of its own."};
    case Topology::insert:
        return {UnbalancedWiring::send_only, cable_send,
                "An insert jack: the send is on the tip, the ring is a return, that is an input. Take the tip, leave the ring alone.",
                "Tip to hot, sleeve to cold and shield; the ring stays unconnected."};
    case Topology::ground_sensing:
        return {UnbalancedWiring::pin3_to_far_ground, cable_far_ground,
                "A ground-sensing output: pin 3 listens to the far end's ground. Take it to the sleeve of the far input, not to pin 1 here.",
                "Pin 2 to hot, pin 3 to cold, pin 1 to shield."};
    }
    return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3, "", ""};
}

/// Level at an unbalanced input wired as advised, against the difference of the legs at a balanced one.
std::optional<GainDb> level_change(Topology topology, const Features& f)
{
    if (topology == Topology::dual_unbalanced || topology == Topology::insert) return std::nullopt;
    if (is_single_ended(topology)) return GainDb{0.0};
    if (topology == Topology::transformer || topology == Topology::cross_coupled) {
        if (f.servo_invariant_db) return GainDb{f.servo_invariant_db->value};
        return std::nullopt;
    }
    // Pin 2 alone out of two legs in antiphase.
    if (!f.leg_ratio_db) return std::nullopt;
    return gain_of(1.0 / (1.0 + amplitude_ratio(GainDb{f.leg_ratio_db->value})));
}

}  // namespace

Advice advise(const Verdict& verdict, const Features& features, const Observations&)
{
    const auto outcome = verdict.outcome;
    const auto topology = verdict.topology;
    const auto variant = verdict.variant;
    const bool pin3_hot = verdict.pin3_hot;
    Advice advice;
    if (pin3_hot) {
        advice.summary = "The signal is on pin 3: the leads are exchanged, or this is a pin-3-hot output. Exchange the two leads at the fixture "
                         "and measure again; ground nothing before that.";
        advice.balanced_input = "Exchange pins 2 and 3 in the cable if the polarity matters.";
        return advice;
    }
    if (outcome == Outcome::no_signal) {
        advice.summary = "Nothing comes out: check the cable into the DUT, its level control and mute, and that drive goes to the input in use.";
        return advice;
    }
    if (outcome == Outcome::single_ended) {
        advice.summary = "Signal on pin 2 alone. At an unbalanced input leave pin 3 unconnected at the far end: safe whatever it is. Grounding pin 3 "
                         "is harmless for an impedance-balanced or unbalanced output, defeats a ground-sensing one, and shorts the return of an insert.";
        advice.unbalanced_input = UnbalancedWiring::leave_pin3_unconnected;
        advice.balanced_input = "Pin 2 to hot, pin 3 to cold, pin 1 to shield.";
        advice.level_change = GainDb{0.0};
        advice.cable = cable_leave_pin3;
        return advice;
    }
    if (outcome == Outcome::named && topology) {
        const auto wiring = wiring_of(*topology, variant);
        advice.summary = wiring.summary;
        advice.unbalanced_input = wiring.id;
        advice.balanced_input = wiring.balanced;
        advice.level_change = level_change(*topology, features);
        advice.cable = wiring.cable;
        if (topology == Topology::impedance_balanced && features.pin3_over_pin2 && std::abs(features.pin3_over_pin2->value) > unequal_legs) {
            advice.summary = "Signal on pin 2 alone, and a resistance at pin 3 that is not that of pin 2: a TS plug is safe and costs no level; pin 3 may "
                             "stay open or be grounded.";
            advice.balanced_input = "Pin 2 to hot, pin 3 to cold, pin 1 to shield: rejects hum less than equal impedances would; they are what counts.";
        }
        if (topology == Topology::inverter && advice.level_change) {
            const double db = advice.level_change->value();
            advice.summary += " That costs " + format_fixed(-db, 1) + " dB: +24 dBu maximum becomes " + (24.0 + db >= 0.0 ? "+" : "") +
                              format_fixed(24.0 + db, 0) + " dBu, and a meter that reads 0 at +4 dBu now sends " +
                              format_db(GainDb{4.0 + db}, 0).substr(0, format_db(GainDb{4.0 + db}, 0).size() - 3) + " dBu.";
        }
        return advice;
    }
    advice.summary = "Not decided. Until it is: balanced inputs only, pins 2, 3 and 1 straight through; ground neither leg.";
    advice.balanced_input = "Pin 2 to hot, pin 3 to cold, pin 1 to shield.";
    return advice;
}

std::optional<NextStep> next_step(const Verdict& verdict, const Features&, const Observations& o)
{
    const auto outcome = verdict.outcome;
    const auto& candidates = verdict.alternatives;
    const bool pin3_hot = verdict.pin3_hot;
    if (pin3_hot)
        return NextStep{"exchange-legs", "Exchange the leads of pin 2 and pin 3 at the fixture and measure again."};
    if (outcome == Outcome::no_signal)
        return NextStep{"check-drive", "Check that the drive reaches the DUT's input and that its output is turned up, then measure again."};
    if (outcome == Outcome::named) return std::nullopt;
    if (outcome == Outcome::single_ended) {
        if (!o.has_probe)
            return NextStep{"probe", "Fit the probe resistors (10 kΩ from output 2 into each leg) and measure again: the impedance at pin 3 tells the four apart."};
        if (!o.has(SwitchState::lifted))
            return NextStep{"lifted", "Measure the state \"lifted\" as well: it tells the probe's level, and with it the impedance at pin 3."};
        return NextStep{"inspect", "Look inside or at the schematic: the impedance at pin 3 lies between the kinds. Leaving pin 3 unconnected at the far end is safe."};
    }
    if (!o.has(SwitchState::loaded) && !o.has(SwitchState::grounded))
        return NextStep{"loaded", "Measure the state \"loaded\": a load at pin 3 tells a floating output from two amplifiers."};
    if (!o.has(SwitchState::lifted))
        return NextStep{"lifted", "Measure the state \"lifted\": what pin 2 keeps, and how it changes with frequency, tells a winding from a servo."};
    if (!o.has_probe)
        return NextStep{"probe", "Fit the probe resistors and measure again: they show the impedances that levels cannot."};
    const bool bled_or_servo = candidates.size() > 1 && candidates[0].probability + candidates[1].probability > 0.8 &&
                               (candidates[0].topology == Topology::transformer || candidates[1].topology == Topology::transformer) &&
                               (candidates[0].topology == Topology::cross_coupled || candidates[1].topology == Topology::cross_coupled);
    if (bled_or_servo)
        return NextStep{"more-level", "Measure distortion at 20 to 50 Hz at a high level: iron shows a third harmonic there, a servo does not."};
    if (!o.has(SwitchState::loaded))
        return NextStep{"loaded", "Measure the state \"loaded\": with it the whole two-port can be solved."};
    return NextStep{"loaded", "Measure again with another load (for instance --rg 100): an output of none of the usual kinds shows its structure there."};
}

}  // namespace lowleg::topology
