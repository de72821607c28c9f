#include "topology/advice.h"

#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace lowleg::topology {
namespace {

// Cables as a technician draws them: the output on the left, the input on the right.
constexpr std::string_view cable_ground_pin3 =
    "  output               unbalanced input\n"
    "  pin 2 ●───────────────● tip\n"
    "  pin 3 ●─┐\n"
    "  pin 1 ●─┴─────────────● sleeve";
constexpr std::string_view cable_ground_pin3_far =
    "  output               unbalanced input\n"
    "  pin 2 ●───────────────● tip\n"
    "  pin 3 ●─────────────┬─● sleeve\n"
    "  pin 1 ●── shield ╌╌╌┘   (if it hums, open here)";
constexpr std::string_view cable_leave_pin3 =
    "  output               unbalanced input\n"
    "  pin 2 ●───────────────● tip\n"
    "  pin 3 ●  (not connected)\n"
    "  pin 1 ●───────────────● sleeve";
constexpr std::string_view cable_far_ground =
    "  output               unbalanced input\n"
    "  pin 2 ●───────────────● tip\n"
    "  pin 3 ●───────────────● sleeve\n"
    "  pin 1 ●── shield         (open at this end)";
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

constexpr std::string_view cable_balanced =
    "  output               balanced input\n"
    "  pin 2 ●───────────────● pin 2 (hot)\n"
    "  pin 3 ●───────────────● pin 3 (cold)\n"
    "  pin 1 ●───────────────● pin 1 (shield)";
constexpr std::string_view cable_balanced_join =
    "  output               balanced input\n"
    "  pin 2 ●───────────────● pin 2 (hot)\n"
    "  pin 3 ●─┬─────────────● pin 3 (cold)\n"
    "  pin 1 ●─┴─ shield ────● pin 1";
constexpr std::string_view cable_balanced_stereo =
    "  stereo jack          two balanced inputs\n"
    "  tip    ●──────────────● pin 2, left\n"
    "  ring   ●──────────────● pin 2, right\n"
    "  sleeve ●──────────────● pins 3 and 1 of both";
constexpr std::string_view cable_balanced_send =
    "  insert jack          balanced input\n"
    "  tip    ●──────────────● pin 2 (hot)\n"
    "  ring   ●  (not connected)\n"
    "  sleeve ●─┬────────────● pin 3 (cold)\n"
    "           └─ shield ───● pin 1";
constexpr std::string_view cable_unbalanced_source =
    "  unbalanced source    balanced input\n"
    "  tip    ●──────────────● pin 2 (hot)\n"
    "  sleeve ●─┬────────────● pin 3 (cold)\n"
    "           └─ shield ───● pin 1   (if it hums, open here)";

constexpr std::string_view source_wiring =
    "An unbalanced source into a balanced input: two cores and a shield; tip to pin 2, sleeve to pin 3, the shield to pin 1. The input then takes the "
    "difference between the source's tip and its own sleeve, and hum between the two grounds drops out. A source of −10 dBV reads 11.8 dB low at +4 dBu.";

constexpr std::string_view straight_through = "Pin 2 to hot, pin 3 to cold, pin 1 to shield";
constexpr std::string_view loses_rejection = "rejection of noise: hum between the two grounds, and what the cable picks up, is in the signal";

/// lg of the ratio of the legs' impedances: a fifth more or less is beyond the tolerance of any resistor.
constexpr double unequal_legs = 0.08;

/// What a professional output is taken to give into a balanced input.
constexpr Dbu usual_maximum{24.0};
/// What its meter calls 0 VU.
constexpr Dbu zero_vu{4.0};

constexpr Ohms usual_input{10e3};
constexpr Ohms headphone{32.0};

/// Taken against half of what two legs in antiphase give between them.
const GainDb one_of_two_legs = gain_of(0.5);

struct Wiring {
    UnbalancedWiring id;
    std::string_view cable;
    std::string_view summary;
    std::string balanced;
    std::string_view balanced_cable{cable_balanced};
    std::string_view plug;
    std::string_view xlr;
};

constexpr std::string_view xlr_ground = "Pin 2 to tip, pin 3 and pin 1 to sleeve.";
constexpr std::string_view xlr_leave = "Pin 2 to tip, pin 1 to sleeve, pin 3 cut off and insulated.";

Wiring wiring_of(Topology topology, std::optional<Variant> variant)
{
    const std::string straight{straight_through};
    switch (topology) {
    case Topology::transformer:
        return {UnbalancedWiring::ground_pin3, cable_ground_pin3_far,
                "Floating: at an unbalanced input, ground pin 3 (left open, the bass would go), best at the far end: the winding then breaks the hum loop.",
                straight + ": full level, best rejection of hum.", cable_balanced,
                "A TS plug in this output's jack grounds the ring, which is what it wants.", xlr_ground};
    case Topology::transformer_center_tapped:
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "A winding with its middle on ground: leave pin 3 unconnected at an unbalanced input. Grounding it shorts half the winding.",
                straight + ": full level.", cable_balanced,
                "TRS plug with the ring left open; a TS plug shorts half the winding.", xlr_leave};
    case Topology::cross_coupled:
        return {UnbalancedWiring::ground_pin3, cable_ground_pin3,
                "A servo output: at an unbalanced input, ground pin 3, close to the output: full level.",
                straight + ". Unequal legs are normal and harmless here.", cable_balanced,
                "A TS plug in this output's jack grounds the ring, which is what it wants.", xlr_ground};
    case Topology::inverter:
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "Two op amps: at an unbalanced input use pin 2 and leave pin 3 unconnected. Never ground pin 3: a TS plug would short an op amp.",
                straight + ": full level.", cable_balanced,
                "TRS plug with the ring left open; a TS plug shorts an op amp.", xlr_leave};
    case Topology::impedance_balanced:
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "Signal on pin 2 alone, equal impedances: a TS plug is safe and costs no level; pin 3 may stay open or be grounded. "
                "(A stereo jack whose right channel is silent, or two op amps of which one is dead, reads the same: for those leave pin 3 open.)",
                straight + ": rejects hum as well as any balanced output, for equal impedances are what counts.", cable_balanced,
                "TS or TRS, either is safe.", "Pin 2 to tip, pin 1 to sleeve; pin 3 open or to sleeve, as you like."};
    case Topology::unbalanced:
        if (variant == Variant::pin3_grounded)
            return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                    "Unbalanced, with pin 3 on ground inside: any plug is safe, nothing changes in level.",
                    "Pin 2 to hot; run pin 3 to cold as well, so that the input senses this output's ground; pin 1 to shield.", cable_balanced,
                    "TS or TRS, either is safe.", "Pin 2 to tip, pin 1 to sleeve; pin 3 as you like."};
        return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3,
                "Unbalanced, pin 3 not connected inside: any plug is safe at an unbalanced input.",
                "Pin 2 to hot, and join pin 3 to pin 1 in the plug at this output: else the input's cold leg hangs open and hums.", cable_balanced_join,
                "TS or TRS, either is safe.", "Pin 2 to tip, pin 1 to sleeve; pin 3 as you like."};
    case Topology::dual_unbalanced:
        return {UnbalancedWiring::left_channel_only, cable_left_channel,
                "Two unbalanced channels on one jack (stereo or headphones): use a Y cable. A balanced input would subtract left from right; a TS plug shorts the right channel.",
                "Do not connect it to one balanced input: what both channels carry alike would vanish. Take each channel to an input of its own.",
                cable_balanced_stereo, "TRS plug, tip and ring each to a plug of its own; a TS plug shorts the right channel.",
                "Two of them: tip to pin 2 of one, ring to pin 2 of the other, the sleeve to pins 3 and 1 of both."};
    case Topology::insert:
        return {UnbalancedWiring::send_only, cable_send,
                "An insert jack: the send is on the tip, the ring is a return, that is an input. Take the tip, leave the ring alone.",
                "Tip to hot, sleeve to cold and shield; the ring stays unconnected.", cable_balanced_send,
                "TRS plug with the ring left open; a TS plug grounds the return, and the channel falls silent.",
                "Tip to pin 2, sleeve to pins 3 and 1, the ring cut off."};
    case Topology::ground_sensing:
        return {UnbalancedWiring::pin3_to_far_ground, cable_far_ground,
                "A ground-sensing output: pin 3 listens to the far end's ground. Take it to the sleeve of the far input, not to pin 1 here.",
                straight + ".", cable_balanced,
                "TRS plug here, its ring to the far sleeve; a TS plug does no harm and defeats the sensing.",
                "Pin 2 to tip, pin 3 to sleeve, pin 1 to the shield, which stays open at the jack."};
    }
    return {UnbalancedWiring::leave_pin3_unconnected, cable_leave_pin3, "", "", "", "", ""};
}

FarEnd far_end_of(UnbalancedWiring wiring)
{
    const bool grounded = wiring == UnbalancedWiring::ground_pin3 || wiring == UnbalancedWiring::pin3_to_far_ground;
    return {usual_input, Farads{0.0}, grounded ? FarEnd::Pin3::grounded : FarEnd::Pin3::open};
}

/// "+18 dBu": what a technician says.
std::string dbu(Dbu level)
{
    const auto text = format_db(GainDb{level.value()}, 0);
    return text.substr(0, text.rfind(' ')) + " dBu";
}

class Advisor {
public:
    Advisor(const Verdict& v, const Features& features, const Observations& o) : v_{v}, f_{features}, o_{o} {}

    Advice named(Topology topology)
    {
        const auto wiring = wiring_of(topology, v_.variant);
        Advice a;
        a.summary = wiring.summary;
        a.unbalanced_input = wiring.id;
        a.balanced_input = wiring.balanced;
        a.cable = wiring.cable;
        a.balanced_cable = wiring.balanced_cable;
        a.plug = wiring.plug;
        a.xlr = wiring.xlr;
        a.unbalanced_source = source_wiring;
        a.unbalanced_source_cable = cable_unbalanced_source;
        if (topology == Topology::impedance_balanced && f_.pin3_over_pin2 && std::abs(f_.pin3_over_pin2->value) > unequal_legs) {
            a.summary = "Signal on pin 2 alone, and a resistance at pin 3 that is not that of pin 2: a TS plug is safe and costs no level; pin 3 may "
                        "stay open or be grounded.";
            a.balanced_input = std::string{straight_through} + ": rejects hum less than equal impedances would; they are what counts.";
        }
        set_level(a, topology, far_end_of(wiring.id));
        set_maximum(a, topology, wiring.id);
        a.summary += cost_of(a);
        if (topology == Topology::cross_coupled)
            a.summary += " (A transformer bled to ground by resistors of a few kΩ reads the same, is wired the same, and keeps its maximum.)";
        a.loses = losses(a, topology);
        a.headphone_test = headphones(topology);
        if (topology == Topology::unbalanced || topology == Topology::dual_unbalanced)
            a.unbalanced_source = (topology == Topology::unbalanced ? "This output is an unbalanced source itself. " : "Each channel of this jack is an unbalanced source itself. ") +
                                  std::string{source_wiring};
        if (topology == Topology::insert)
            a.unbalanced_source = "Into the return of this insert goes an unbalanced source: its tip to the ring, its sleeve to the sleeve. " + std::string{source_wiring};
        return a;
    }

private:
    void set_level(Advice& a, Topology topology, const FarEnd& unbalanced)
    {
        if (topology == Topology::dual_unbalanced) return;
        const auto set = [&](GainDb change, bool measured, std::string reason) {
            a.level_change = change;
            a.level_is_measured = measured;
            a.level_reason = std::move(reason);
        };
        if (const auto change = measured_change(v_.load_points, v_.two_port, {usual_input, Farads{0.0}, FarEnd::Pin3::loaded}, unbalanced))
            return set(*change, true, "computed from this output's own impedances, into 10 kΩ");
        if (is_single_ended(topology)) return set(GainDb{0.0}, true, "pin 3 carries nothing, so that nothing is lost");
        if (unbalanced.pin3 == FarEnd::Pin3::grounded && f_.servo_invariant_db)
            return set(GainDb{f_.servo_invariant_db->value}, true,
                       f_.servo_invariant_db->measured ? "pin 2 with pin 3 grounded, against both legs, as read" : "pin 2 with pin 3 grounded, against both legs, computed from \"loaded\"");
        if (unbalanced.pin3 == FarEnd::Pin3::open && f_.leg_ratio_db)
            return set(gain_of(1.0 / (1.0 + amplitude_ratio(GainDb{f_.leg_ratio_db->value}))), true, "pin 2 against both legs, as read");
        if (topology == Topology::transformer || topology == Topology::cross_coupled) return set(GainDb{0.0}, false, "what a floating output does");
        set(one_of_two_legs, false, "what one of two legs gives");
    }

    void set_maximum(Advice& a, Topology topology, UnbalancedWiring wiring)
    {
        if (!a.level_change) return;
        a.balanced_maximum = usual_maximum;
        a.meter = zero_vu + *a.level_change;
        const auto wired = wiring == UnbalancedWiring::ground_pin3 ? SwitchState::grounded : SwitchState::through;
        const auto through = o_.maximum_levels.find(SwitchState::through);
        const auto there = o_.maximum_levels.find(wired);
        const bool were_reached = through != o_.maximum_levels.end() && there != o_.maximum_levels.end() && through->second.is_reached && there->second.is_reached;
        if (were_reached && f_.leg_ratio_db && !is_single_ended(topology)) {
            const auto both = through->second.pin2 + gain_of(1.0 + amplitude_ratio(GainDb{f_.leg_ratio_db->value}));
            a.unbalanced_maximum = usual_maximum + (there->second.pin2 - both);
            a.maximum_reason = "where pin 2 distorts, against both legs, as measured";
        } else if (topology == Topology::cross_coupled) {
            a.unbalanced_maximum = usual_maximum + one_of_two_legs;
            a.maximum_reason = "one amplifier has to give what two gave";
        } else {
            a.unbalanced_maximum = usual_maximum + *a.level_change;
            a.maximum_reason = is_single_ended(topology)             ? "the same amplifier gives all of it either way"
                               : topology == Topology::transformer ? "the winding gives all of it to pin 2"
                                                                     : "one of two legs is used";
        }
    }

    /// What the level and the maximum come to, where they change.
    static std::string cost_of(const Advice& a)
    {
        if (!a.level_change || !a.balanced_maximum || !a.unbalanced_maximum || !a.meter) return {};
        const auto maximum = dbu(*a.balanced_maximum) + " maximum becomes " + dbu(*a.unbalanced_maximum);
        if (a.level_change->value() < -0.5)
            return " That costs " + format_fixed(-a.level_change->value(), 1) + " dB: " + maximum + ", and a meter that reads 0 at " + dbu(zero_vu) + " now sends " + dbu(*a.meter) + ".";
        if ((*a.unbalanced_maximum - *a.balanced_maximum).value() < -0.5) return " Its maximum falls: " + dbu(*a.balanced_maximum) + " becomes " + dbu(*a.unbalanced_maximum) + ".";
        return {};
    }

    [[nodiscard]] std::vector<std::string> losses(const Advice& a, Topology topology) const
    {
        std::vector<std::string> out;
        if (topology == Topology::dual_unbalanced || topology == Topology::insert || topology == Topology::unbalanced) return out;  // there is nothing to lose
        if (topology == Topology::transformer)
            out.emplace_back("little: with pin 3 grounded at the far end the winding still keeps the two grounds apart");
        else if (topology == Topology::ground_sensing)
            out.emplace_back("nothing as long as pin 3 reaches the far end's ground; grounded here, the sensing, and hum between the grounds is in the signal");
        else out.emplace_back(loses_rejection);
        if (a.level_change && a.level_change->value() < -0.5) out.push_back(format_fixed(-a.level_change->value(), 1) + " dB of level");
        if (a.balanced_maximum && a.unbalanced_maximum && *a.unbalanced_maximum < *a.balanced_maximum + GainDb{-0.5})
            out.push_back(format_fixed((*a.balanced_maximum - *a.unbalanced_maximum).value(), 1) + " dB of headroom");
        if (topology == Topology::inverter) out.emplace_back("the op amp's safety if pin 3 gets grounded: it would drive a short, run hot and distort");
        if (topology == Topology::transformer_center_tapped) out.emplace_back("level and cleanness if pin 3 gets grounded: half the winding would be shorted");
        return out;
    }

    /// A plug pushed in to the first click connects the jack's ring to its tip, so that the left ear hears pin 3 alone; fully in, the left ear hears
    /// pin 2 and the right one pin 3.
    [[nodiscard]] std::string headphones(Topology topology) const
    {
        const double g = 1.0 / headphone.value();
        const auto click = measured_levels(v_.load_points, v_.two_port, 0.0, g);
        const auto full = measured_levels(v_.load_points, v_.two_port, g, g);
        const auto against_full = [&](std::string_view fallback) -> std::string {
            if (!click || !full || full->pin2 <= 0.0) return std::string{fallback};
            const auto gain = gain_of(click->pin3 / full->pin2);
            if (std::abs(gain.value()) < 1.0) return "as loud as either ear with the plug fully in";
            return "at 1 kHz " + format_fixed(std::abs(gain.value()), 0) + " dB " + (gain.value() < 0.0 ? "softer" : "louder") + " than either ear with the plug fully in";
        };
        switch (topology) {
        case Topology::transformer:
            return "First click (ring only): next to nothing, thin and without bass (" + against_full("far softer than with the plug fully in") +
                   "), because nothing holds the other end of the winding. That proves no unbalanced output. Fully in: both ears, out of phase.";
        case Topology::cross_coupled:
            return "First click (ring only): soft but with all its bass (" + against_full("far softer than with the plug fully in") +
                   "), because the servo waits for the other leg. Fully in: both ears, out of phase.";
        case Topology::inverter:
        case Topology::transformer_center_tapped:
            return "First click (ring only): the signal, " + against_full("as loud as either ear with the plug fully in") + ". Fully in: both ears, out of phase, hollow in the middle.";
        case Topology::impedance_balanced:
            return "First click (ring only): silence; fully in: the left ear alone. That says nothing against it: what balances is the equal impedances, "
                   "not a second signal.";
        case Topology::unbalanced: return "First click (ring only): silence; fully in: the left ear alone, as with an impedance-balanced output, which the test cannot tell from it.";
        case Topology::dual_unbalanced: return "First click (ring only): the right channel; fully in: stereo, in phase, a voice in the middle.";
        case Topology::insert:
            return "First click (ring only): most jacks still join send and return there, so the send is heard without being interrupted; fully in: the left ear alone.";
        case Topology::ground_sensing: return "First click (ring only): silence, for pin 3 is an input; fully in: the left ear alone.";
        }
        return {};
    }

    const Verdict& v_;
    const Features& f_;
    const Observations& o_;
};

Advice of_family()
{
    Advice a;
    a.summary = "Signal on pin 2 alone. At an unbalanced input leave pin 3 unconnected at the far end: safe whatever it is. Grounding pin 3 "
                "is harmless for an impedance-balanced or unbalanced output, defeats a ground-sensing one, and shorts the return of an insert.";
    a.unbalanced_input = UnbalancedWiring::leave_pin3_unconnected;
    a.balanced_input = std::string{straight_through} + ".";
    a.level_change = GainDb{0.0};
    a.level_is_measured = true;
    a.level_reason = "pin 3 carries nothing, so that nothing is lost";
    a.cable = cable_leave_pin3;
    a.balanced_cable = cable_balanced;
    a.balanced_maximum = usual_maximum;
    a.unbalanced_maximum = usual_maximum;
    a.maximum_reason = "the same amplifier gives all of it either way";
    a.meter = zero_vu;
    a.plug = "TRS plug with the ring left open; a TS plug is safe for the output, but silences an insert's return and defeats a sense input.";
    a.xlr = xlr_leave;
    a.loses = {std::string{loses_rejection} + ", if the impedances were equal"};
    a.unbalanced_source = source_wiring;
    a.unbalanced_source_cable = cable_unbalanced_source;
    a.headphone_test = "First click (ring only): silence (an insert may let the send be heard); fully in: the left ear alone. That does not tell whether it is "
                       "balanced: equal impedances do that without a second signal.";
    return a;
}

/// The wiring that all candidates share which are not all but excluded.
std::optional<Topology> alike(const Verdict& v)
{
    constexpr double counts = 0.02;
    std::optional<Topology> best;
    double sum = 0.0;
    for (const auto& c : v.alternatives) {
        if (c.probability < counts) continue;
        if (best && wiring_of(*best, {}).id != wiring_of(c.topology, {}).id) return std::nullopt;
        if (!best) best = c.topology;
        sum += c.probability;
    }
    return sum > 0.85 && !v.odd ? best : std::nullopt;
}

}  // namespace

Advice advise(const Verdict& v, const Features& features, const Observations& observations)
{
    if (v.pin3_hot) {
        Advice a;
        a.summary = "The signal is on pin 3: the leads are exchanged, or this is a pin-3-hot output. Exchange the two leads at the fixture "
                    "and measure again; ground nothing before that.";
        a.balanced_input = "Exchange pins 2 and 3 in the cable if the polarity matters.";
        return a;
    }
    if (v.outcome == Outcome::no_signal) {
        Advice a;
        a.summary = "Nothing comes out: check the cable into the DUT, its level control and mute, and that drive goes to the input in use.";
        return a;
    }
    if (v.outcome == Outcome::single_ended) return of_family();
    if (v.outcome == Outcome::named && v.topology) return Advisor{v, features, observations}.named(*v.topology);
    if (const auto topology = alike(v)) {
        auto a = Advisor{v, features, observations}.named(*topology);
        const bool grounds = a.unbalanced_input == UnbalancedWiring::ground_pin3;
        a.summary = std::string{"Not decided, but all that it may be is wired alike: "} +
                    (grounds ? "at an unbalanced input, ground pin 3. Reckon with 6 dB less headroom there until it is known what it is."
                             : "at an unbalanced input use pin 2 and leave pin 3 unconnected.");
        if (grounds) {
            a.unbalanced_maximum = usual_maximum + one_of_two_legs;
            a.maximum_reason = "as long as a servo is not excluded";
        }
        a.headphone_test.clear();
        return a;
    }
    Advice a;
    a.summary = "Not decided. Until it is: balanced inputs only, pins 2, 3 and 1 straight through; ground neither leg. At an unbalanced input pin 2 alone, with "
                "pin 3 left open, hurts nothing (a floating output would lose its bass).";
    a.balanced_input = std::string{straight_through} + ".";
    a.balanced_cable = cable_balanced;
    a.unbalanced_source = source_wiring;
    a.unbalanced_source_cable = cable_unbalanced_source;
    return a;
}

}  // namespace lowleg::topology
