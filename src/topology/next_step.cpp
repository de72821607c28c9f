// The one step that is expected to tell most: for every step, what each candidate would show in it, and how much that narrows them down.
#include "topology/advice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

namespace lowleg::topology {
namespace {

/// A topology as it may be built, as far as the steps tell builds apart.
enum class Build : std::uint8_t { winding, bled_winding, center_tapped, servo, high_servo, inverter, impedance_balanced, grounded, open, stereo, insert, sensing };

struct Known {
    Build build;
    Topology topology;
    double share;  ///< Of its topology.
};
constexpr std::array builds{
    Known{Build::winding, Topology::transformer, 0.8},
    Known{Build::bled_winding, Topology::transformer, 0.2},
    Known{Build::center_tapped, Topology::transformer_center_tapped, 1.0},
    Known{Build::servo, Topology::cross_coupled, 0.7},
    Known{Build::high_servo, Topology::cross_coupled, 0.3},
    Known{Build::inverter, Topology::inverter, 1.0},
    Known{Build::impedance_balanced, Topology::impedance_balanced, 1.0},
    Known{Build::grounded, Topology::unbalanced, 0.65},
    Known{Build::open, Topology::unbalanced, 0.35},
    Known{Build::stereo, Topology::dual_unbalanced, 1.0},
    Known{Build::insert, Topology::insert, 1.0},
    Known{Build::sensing, Topology::ground_sensing, 1.0},
};

bool is_floating(Build b) { return b == Build::winding || b == Build::bled_winding || b == Build::servo || b == Build::high_servo; }

/// What a build shows in a step: equal numbers look alike.
using Look = int;

struct Step {
    std::string_view id;
    Look (*look)(Build, const Observations&);
    double certainty;  ///< How often it shows what it should.
    double cost;       ///< In bits of information: trouble for the user, strain on the gear.
    std::string_view text;
};

constexpr double high_impedance = 60e3;
bool is_high_impedance(const Observations& o) { return std::max(o.fixture.rin2.value(), o.fixture.rin3.value()) >= high_impedance; }

Look when_loaded(Build b, const Observations&) { return is_floating(b) ? 1 : b == Build::center_tapped ? 2 : 0; }

Look when_lifted(Build b, const Observations& o)
{
    if (b == Build::winding) return 1;
    // On inputs of high impedance a resistance of some kilohms holds the leg.
    return is_floating(b) && !is_high_impedance(o) ? 2 : 0;
}

Look to_the_probe(Build b, const Observations&)
{
    if (b == Build::high_servo) return static_cast<Look>(Build::bled_winding);
    if (b == Build::stereo) return static_cast<Look>(Build::inverter);  // two amplifiers, either way
    return static_cast<Look>(b);
}

Look at_lower_load(Build b, const Observations& o) { return !is_high_impedance(o) ? 0 : is_floating(b) ? 1 : 0; }

Look in_headroom(Build b, const Observations&) { return b == Build::servo || b == Build::high_servo ? 1 : 0; }

Look in_distortion(Build b, const Observations&) { return b == Build::winding || b == Build::bled_winding || b == Build::center_tapped ? 1 : 0; }

Look with_legs_exchanged(Build b, const Observations&) { return b == Build::servo || b == Build::high_servo ? 1 : is_floating(b) ? 2 : 0; }

Look inside(Build b, const Observations&) { return static_cast<Look>(b); }

constexpr std::array steps{
    Step{"loaded", when_loaded, 1.0, 0.01, "Measure the state \"loaded\": a load at pin 3 lifts pin 2 where the output floats, lowers it where a centre tap is on ground, and moves nothing where there are amplifiers"},
    Step{"lifted", when_lifted, 1.0, 0.01, "Measure the state \"lifted\": a winding loses its bass there, a servo all frequencies alike, an amplifier nothing"},
    Step{"probe", to_the_probe, 1.0, 0.05, "Fit the probe resistors (10 kΩ from output 2 into each leg) and measure again, \"lifted\" included: they show the impedances that levels cannot"},
    Step{"grounded", when_loaded, 1.0, 0.06, "Measure the state \"grounded\", at low level: what pin 2 does when pin 3 is shorted tells a floating output from amplifiers"},
    Step{"lower-load", at_lower_load, 0.9, 0.08, "Measure again on inputs of 10 kΩ or less (a resistor from each pin to ground; tell --rin): on inputs of high impedance a floating output may look unbalanced"},
    Step{"headroom", in_headroom, 0.95, 0.20, "Measure again with --headroom: with pin 3 grounded a servo distorts 6 dB earlier, a winding does not"},
    Step{"more-level", in_distortion, 0.8, 0.15, "Measure again at a higher level: iron shows a third harmonic at 20 to 50 Hz there, a servo does not"},
    Step{"exchange-legs", with_legs_exchanged, 0.5, 0.12, "Exchange the leads of pin 2 and pin 3 at the fixture and measure again: what follows the input comes of a floating source on unequal inputs, what follows the pin belongs to the output"},
    Step{"calibrate", inside, 0.15, 0.10, "Calibrate the two inputs against each other (the same signal into both): their difference limits what can be told of the impedances"},
};
constexpr std::string_view inspect_text =
    "Look inside or at the schematic: nothing that can be measured from outside tells the candidates apart any better";

bool is_taken(std::string_view id, const Features& f, const Observations& o)
{
    if (id == "loaded") return o.has(SwitchState::loaded);
    if (id == "lifted") return o.has(SwitchState::lifted);
    if (id == "probe") return o.has_probe;
    if (id == "grounded") return o.has(SwitchState::grounded) || o.has(SwitchState::loaded);  // what it would show can be computed from that
    if (id == "lower-load") return !is_high_impedance(o);
    if (id == "headroom") return !o.maximum_levels.empty();
    if (id == "more-level") return !o.third_harmonics.empty() && !o.maximum_levels.empty();  // up to the highest level there is
    if (id == "calibrate") return o.relative_tolerance <= 0.0;
    // Legs that are equal leave nothing to exchange.
    if (id == "exchange-legs") return o.relative_tolerance <= 0.0 || !f.leg_ratio_db || std::abs(f.leg_ratio_db->value) < 0.05;
    return false;
}

/// What the states taken already say about the build; the candidates' probabilities say it about the topology.
double share_of(const Known& known, const Features& f)
{
    constexpr double unlikely = 0.002;
    double share = known.share;
    const bool moved_when_lifted = f.lift_step_low_db && f.lift_step_low_db->value < -0.15 && f.lift_slope_db_per_octave;
    const bool bass_first = moved_when_lifted && f.lift_slope_db_per_octave->value > 2.0;
    if (known.build == Build::winding && ((moved_when_lifted && !bass_first) || (f.common_mode_slope && f.common_mode_slope->value > -0.5))) share *= unlikely;
    if (known.build == Build::bled_winding && (bass_first || (f.common_mode_slope && f.common_mode_slope->value < -0.5))) share *= unlikely;
    constexpr double few_kilohms = 3.5;  // lg Ω
    if (f.common_mode_log_ohm) {
        const bool high = f.common_mode_log_ohm->value > few_kilohms;
        if ((known.build == Build::servo && high) || (known.build == Build::high_servo && !high)) share *= unlikely;
    }
    if (f.pin3_log_ohm) {
        const bool on_ground = f.pin3_log_ohm->value < 2.0;
        if ((known.build == Build::grounded && !on_ground) || (known.build == Build::open && on_ground)) share *= unlikely;
    }
    return share;
}

double entropy(const std::map<int, double>& weights)
{
    double total = 0.0;
    for (const auto& [look, w] : weights) total += w;
    double bits = 0.0;
    for (const auto& [look, w] : weights)
        if (w > 0.0) bits -= w / total * std::log2(w / total);
    return bits;
}

/// Bits that what a step shows is expected to say about the topology: H(look) less what the builds of one topology differ in themselves.
double information(const Step& step, const std::vector<Candidate>& candidates, const Features& f, const Observations& o)
{
    std::map<int, double> all;
    double total = 0.0;
    double within = 0.0;
    for (const auto& c : candidates) {
        std::map<int, double> own;
        double shares = 0.0;
        for (const auto& known : builds)
            if (known.topology == c.topology) shares += share_of(known, f);
        for (const auto& known : builds) {
            if (known.topology != c.topology) continue;
            const double w = c.probability * share_of(known, f) / shares;
            own[step.look(known.build, o)] += w;
            all[step.look(known.build, o)] += w;
        }
        total += c.probability;
        if (c.probability > 0.0) within += c.probability * entropy(own);
    }
    return total > 0.0 ? step.certainty * (entropy(all) - within / total) : 0.0;
}

}  // namespace

std::optional<NextStep> next_step(const Verdict& v, const Features& features, const Observations& o)
{
    if (v.pin3_hot) return NextStep{"exchange-legs", "Exchange the leads of pin 2 and pin 3 at the fixture and measure again."};
    if (v.outcome == Outcome::no_signal)
        return NextStep{"check-drive", "Check that the drive reaches the DUT's input and that its output is turned up, then measure again."};
    if (v.outcome == Outcome::named) return std::nullopt;

    const Step* best = nullptr;
    double most = 0.0;
    for (const auto& step : steps) {
        if (is_taken(step.id, features, o)) continue;
        const double gain = information(step, v.alternatives, features, o) - step.cost;
        if (gain > most) { most = gain; best = &step; }
    }
    // An output that fits no kind: whatever was not looked at yet.
    if (best == nullptr && (v.odd || v.alternatives.empty()))
        for (const auto& step : steps)
            if (best == nullptr && !is_taken(step.id, features, o) && (step.id == "loaded" || step.id == "lifted" || step.id == "probe")) best = &step;
    if (best == nullptr)
        return NextStep{"inspect", std::string{inspect_text} +
                                       (v.outcome == Outcome::single_ended ? ". Leaving pin 3 unconnected at the far end is safe whatever it is." : ".")};
    return NextStep{best->id, std::string{best->text} + "."};
}

}  // namespace lowleg::topology
