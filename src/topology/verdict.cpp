#include "topology/verdict.h"

#include "topology/advice.h"
#include "topology/evidence.h"
#include "topology/features.h"
#include "topology/hypotheses.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace lowleg::topology {
namespace {

constexpr double decided = 0.9;
constexpr double most_undecided = 0.89;

Polarity polarity_of(const Observations& o)
{
    if (!o.delay) return Polarity::unknown;
    return o.delay->inverted ? Polarity::inverted : Polarity::normal;
}

/// Pin 2's level is unmoved if it changes by less.
constexpr double unmoved_db = 0.1;
/// Without the probe, and without a load that would tell how weak it is, a signal on pin 3 above this level may be a channel's. Over pin 2's.
constexpr double silent_below_db = -12.0;

/// Whether pin 3 is silent, but for what leaks to it.
bool is_pin3_silent(const Observations& o, const Features& f)
{
    return o.has_probe || o.has(SwitchState::loaded) || !f.pin3_signal_db || f.pin3_signal_db->value < silent_below_db;
}

/// Whether the states taken tell this kind from its double at all; priors do not replace them.
bool is_tested(Topology topology, const Observations& o, const Features& f)
{
    const bool probed = o.has_probe && (o.has(SwitchState::loaded) || o.has(SwitchState::lifted));
    // What is at a silent pin 3 shows only to the probe.
    if (is_single_ended(topology)) return probed;
    // A servo differs from a winding by its way to ground, which `lifted` shows, or the probe; and both from all else by the ground step.
    if (topology == Topology::cross_coupled || topology == Topology::transformer)
        return probed || (f.lift_step_low_db.has_value() && f.ground_step_low_db.has_value());
    // By drive alone, and pin 3 on ground only, two channels are what hangs pin 3 on pin 2, too, unless pin 2 stays where it was.
    if (topology == Topology::dual_unbalanced && !probed && !o.has(SwitchState::loaded))
        return f.ground_step_mid_db && std::abs(f.ground_step_mid_db->value) < unmoved_db;
    // What pin 2 does when pin 3 is loaded tells floating and centre-tapped outputs from amplifiers; so does the probe.
    return probed || f.ground_step_low_db.has_value();
}

/// What `through` would read with the leads of pin 2 and pin 3 exchanged, as far as levels go.
Observations with_legs_exchanged(const Observations& o)
{
    Observations out;
    out.fixture = o.fixture;
    std::swap(out.fixture.rin2, out.fixture.rin3);
    out.relative_tolerance = o.relative_tolerance;
    for (const auto& at : o.at) {
        const auto& through = at.drive.at(SwitchState::through);
        out.at.push_back({at.frequency, {{SwitchState::through, {through.i3, through.i2}}}, {}});
    }
    return out;
}

std::optional<Variant> variant_of(const Candidate& named, const Posterior& posterior)
{
    for (const auto variant : {Variant::pin3_grounded, Variant::pin3_not_connected}) {
        double probability = 0.0;
        for (const auto& h : posterior.hypotheses)
            if (h.topology == named.topology && h.variant == variant) probability += h.probability;
        if (probability >= decided * named.probability) return variant;
    }
    return std::nullopt;
}

/// Parts that are, all together, this many standard deviations off what is known of them are nobody's: the circuit is another.
constexpr double most_strain_named = 5.2;

/// Whether what explains it best as this kind has parts as they are made.
bool has_known_parts(Topology topology, const Posterior& posterior)
{
    const auto best = std::ranges::find(posterior.hypotheses, std::optional{topology}, &WeighedHypothesis::topology);
    return best == posterior.hypotheses.end() || best->strain < most_strain_named;
}

/// Whether a winding leaves so much less unexplained than the servo that is most probable, and asks no more of its parts: priors alone speak
/// for the servo then.
bool is_servo_in_doubt(const Posterior& posterior)
{
    constexpr double visible = 0.3;  // noise alone leaves misfits below
    constexpr double much_less = 0.6;
    constexpr double as_usual = 0.5;
    constexpr double comparable = 4.0;  // ln; beyond it too much had to be found for that fit
    const auto best_of = [&](Topology topology) { return std::ranges::find(posterior.hypotheses, std::optional{topology}, &WeighedHypothesis::topology); };
    const auto servo = best_of(Topology::cross_coupled);
    const auto winding = best_of(Topology::transformer);
    if (servo == posterior.hypotheses.end() || winding == posterior.hypotheses.end()) return false;
    return servo->misfit > visible && winding->misfit < much_less * servo->misfit && winding->strain < servo->strain + as_usual &&
           servo->log_evidence - winding->log_evidence < comparable;
}

void decide(Verdict& v, const Posterior& posterior, const Observations& observations, const Features& features)
{
    const auto& best = posterior.topologies.front();
    double family = posterior.single_ended_of_some_kind;
    for (const auto& c : posterior.topologies)
        if (is_single_ended(c.topology)) family += c.probability;

    if (best.probability >= decided && is_tested(best.topology, observations, features) && has_known_parts(best.topology, posterior) &&
        !(best.topology == Topology::cross_coupled && is_servo_in_doubt(posterior))) {
        v.outcome = Outcome::named;
        v.topology = best.topology;
        v.probability = best.probability;
        v.variant = variant_of(best, posterior);
        for (auto c : std::span{posterior.topologies}.subspan(1))
            if (c.probability >= 0.0005) v.alternatives.push_back(c);
        return;
    }
    const bool is_family = family >= decided && is_pin3_silent(observations, features);
    v.outcome = is_family ? Outcome::single_ended : Outcome::inconclusive;
    v.probability = is_family ? family : std::min(best.probability, most_undecided);
    for (const auto& c : posterior.topologies)
        if (is_family ? is_single_ended(c.topology) : c.probability >= 0.0005) v.alternatives.push_back({c.topology, is_family ? c.probability : std::min(c.probability, most_undecided)});
    if (!is_family && posterior.none_of_them > 0.5) v.odd = describe_oddity(features);
}

}  // namespace

std::string_view id_of(Topology t) noexcept
{
    switch (t) {
    case Topology::transformer: return "transformer";
    case Topology::transformer_center_tapped: return "transformer-center-tapped";
    case Topology::cross_coupled: return "cross-coupled";
    case Topology::inverter: return "inverter";
    case Topology::impedance_balanced: return "impedance-balanced";
    case Topology::unbalanced: return "unbalanced";
    case Topology::dual_unbalanced: return "dual-unbalanced";
    case Topology::insert: return "insert";
    case Topology::ground_sensing: return "ground-sensing";
    }
    return "?";
}

std::string_view name_of(Topology t) noexcept
{
    switch (t) {
    case Topology::transformer: return "transformer, floating";
    case Topology::transformer_center_tapped: return "transformer with its centre tap on ground";
    case Topology::cross_coupled: return "cross-coupled output (servo)";
    case Topology::inverter: return "inverter (two op amps)";
    case Topology::impedance_balanced: return "impedance-balanced";
    case Topology::unbalanced: return "unbalanced";
    case Topology::dual_unbalanced: return "two unbalanced channels (stereo)";
    case Topology::insert: return "insert (send and return)";
    case Topology::ground_sensing: return "ground-sensing";
    }
    return "?";
}

bool is_single_ended(Topology t) noexcept
{
    return t == Topology::impedance_balanced || t == Topology::unbalanced || t == Topology::insert || t == Topology::ground_sensing;
}

std::string_view id_of(UnbalancedWiring w) noexcept
{
    switch (w) {
    case UnbalancedWiring::ground_pin3: return "ground-pin-3";
    case UnbalancedWiring::leave_pin3_unconnected: return "leave-pin-3-unconnected";
    case UnbalancedWiring::pin3_to_far_ground: return "pin-3-to-far-ground";
    case UnbalancedWiring::left_channel_only: return "left-channel-only";
    case UnbalancedWiring::send_only: return "send-only";
    }
    return "?";
}

std::string_view Verdict::id() const noexcept
{
    switch (outcome) {
    case Outcome::named: return id_of(*topology);
    case Outcome::single_ended: return "single-ended";
    case Outcome::no_signal: return "no-signal";
    case Outcome::inconclusive: return "inconclusive";
    }
    return "inconclusive";
}

Verdict judge(const Observations& taken, Threads threads)
{
    Verdict v;
    v.probe = taken.has_probe;
    v.polarity = polarity_of(taken);
    const auto heard = extract_features(taken, {});
    const bool is_silent = taken.has_drive ? !heard.drive_heard : !taken.has_probe;

    Posterior posterior;
    Observations in_step;
    const bool can_weigh = !is_silent && !heard.pin2_silent;
    if (can_weigh) {
        posterior = weigh(taken, threads);
        if (!taken.possible_slips.empty()) in_step = brought_into_step(taken, posterior.late);
    }
    const auto& observations = can_weigh && !taken.possible_slips.empty() ? in_step : taken;
    v.two_port = solve_two_ports(observations);
    const auto features = extract_features(observations, v.two_port);
    v.legs = leg_impedances(v.two_port);

    if (is_silent) {
        v.outcome = Outcome::no_signal;
        v.probability = 0.999;
        v.polarity = Polarity::unknown;
    } else if (heard.pin2_silent) {
        // Candidates are judged with the pins exchanged. But `through` alone is known, and a servo whose pin 2 is loaded down looks the
        // same: nothing is decided before the leads are exchanged.
        v.pin3_hot = true;
        const auto exchanged = with_legs_exchanged(taken);
        decide(v, weigh(exchanged, threads), exchanged, extract_features(exchanged, {}));
        v.outcome = Outcome::inconclusive;
        v.topology.reset();
        v.probability = std::min(v.probability, most_undecided);
        v.odd.reset();
    } else {
        decide(v, posterior, observations, features);
    }
    v.load_points = load_points(observations, v.two_port);
    v.evidence = gather_evidence(v, features, observations);
    v.why = summarize(v, features, observations);
    v.advice = advise(v, features, observations);
    v.next_step = next_step(v, features, observations);
    return v;
}

}  // namespace lowleg::topology
