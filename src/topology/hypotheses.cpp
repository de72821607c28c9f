#include "topology/hypotheses.h"

#include "topology/model_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace lowleg::topology {
namespace {

using A = AmplifierParts;
using F = FloatingParts;
using C = CenterTappedParts;
using Parts = std::array<double, most_parts>;

double ln(double x) { return std::log(x); }
Prior ln_flat(double from, double to) { return flat(ln(from), ln(to)); }
Prior ln_normal(double median, double deviation) { return normal(ln(median), deviation); }

struct Hypothesis {
    std::string_view name;
    std::optional<Topology> topology;
    double prior;
    PartPriors priors;
    std::vector<Parts> starts;
    std::optional<Variant> variant{};
    bool is_odd{};  ///< Of no kind and no family.
    /// A flat way to ground, which bleeders and servos have alike: see temper().
    [[nodiscard]] bool is_flat_to_ground() const
    {
        return priors.shape.model == OutputModel::floating && priors.parts.at(F::ln_g2).kind != Prior::Kind::fixed;
    }
};

PartPriors with(ModelShape shape, std::initializer_list<std::pair<std::size_t, Prior>> parts)
{
    PartPriors p{shape, {}};
    for (const auto& [index, prior] : parts) p.parts.at(index) = prior;
    return p;
}

Parts centers(const PartPriors& priors)
{
    Parts p{};
    for (std::size_t i = 0; i < most_parts; ++i) p.at(i) = priors.parts.at(i).center;
    return p;
}

Parts moved(Parts parts, std::initializer_list<std::pair<std::size_t, double>> to)
{
    for (const auto& [index, value] : to) parts.at(index) = value;
    return parts;
}

/// Amplifiers behind both pins; what is not named here is not there.
PartPriors amplifiers(double sign, bool r3_is_ratio, Prior r2, Prior r3, std::initializer_list<std::pair<std::size_t, Prior>> more)
{
    auto p = with({OutputModel::amplifiers, sign, r3_is_ratio},
                  {{A::ln_r2, r2}, {A::ln_r3, r3}, {A::ln_gain, fixed(0.0)}, {A::lag, fixed(0.0)}, {A::ln_c2, ln_flat(3e-6, 1.0)},
                   {A::ln_c3_over_c2, fixed(0.0)}, {A::ln_shunt2, ln_flat(1e-11, 2e-8)}, {A::ln_shunt3_over_shunt2, fixed(0.0)},
                   {A::sense, fixed(0.0)}, {A::follow, fixed(0.0)}, {A::ln_across, ln_flat(1e-13, 5e-10)}, {A::ln_pad, fixed(ln(1e-12))}});
    for (const auto& [index, prior] : more) p.parts.at(index) = prior;
    return p;
}

PartPriors winding(Prior g2, Prior g3_over_g2)
{
    return with({OutputModel::floating, -1.0, true},
                {{F::ln_rd, ln_normal(120.0, 0.7)}, {F::ln_ld, ln_flat(1e-6, 2e-2)}, {F::ln_g2, g2}, {F::ln_g3_over_g2, g3_over_g2},
                 {F::ln_c2, ln_flat(6e-11, 5e-8)}, {F::ln_c3_over_c2, normal(0.0, 1.2)}, {F::coupled2, normal(0.0, 0.8)},
                 {F::coupled3, normal(0.0, 0.8)}, {F::surplus, fixed(0.0)}, {F::skew, fixed(0.0)}, {F::ln_across, ln_flat(1e-11, 2e-8)},
                 {F::ln_series, fixed(ln(1e3))}, {F::ln_bass, fixed(ln(1e-6))},
                 {F::ln_magnetizing, ln_flat(0.02, 400.0)}, {F::driving_share, normal(0.45, 0.15)}});
}

/// \param trim  how well the amplifiers' gains agree.
PartPriors servo(Prior g3_over_g2, double trim)
{
    return with({OutputModel::floating, -1.0, true},
                {{F::ln_rd, ln_normal(80.0, 0.6)}, {F::ln_ld, ln_flat(1e-7, 1e-4)}, {F::ln_g2, ln_flat(1.0 / 26e3, 1.0 / 400.0)},
                 {F::ln_g3_over_g2, g3_over_g2}, {F::ln_c2, ln_flat(1e-11, 5e-9)}, {F::ln_c3_over_c2, normal(0.0, 0.8)},
                 {F::coupled2, normal(0.0, 0.5)}, {F::coupled3, normal(0.0, 0.5)}, {F::surplus, normal(0.0, trim)}, {F::skew, normal(0.0, 0.5 * trim)},
                 {F::ln_across, ln_flat(1e-12, 5e-9)}, {F::ln_series, ln_flat(1e-5, 1.0)}, {F::ln_bass, ln_flat(1e-5, 200.0)},
                 {F::ln_magnetizing, fixed(ln(1e-6))}, {F::driving_share, fixed(0.0)}});
}

std::vector<Hypothesis> make_hypotheses()
{
    std::vector<Hypothesis> out;
    const auto add = [&](std::string_view name, std::optional<Topology> topology, double prior, const PartPriors& priors, std::vector<Parts> starts = {}) {
        if (starts.empty()) starts.push_back(centers(priors));
        out.push_back({name, topology, prior, priors, std::move(starts)});
    };

    const auto none = fixed(ln(1e-9));  // S
    const auto floating = winding(none, fixed(0.0));
    const auto from = [](const PartPriors& p, double c, double ratio, double coupled2, double coupled3) {
        return moved(centers(p), {{F::ln_c2, ln(c)}, {F::ln_c3_over_c2, ln(ratio)}, {F::coupled2, coupled2}, {F::coupled3, coupled3}});
    };
    add("floating winding", Topology::transformer, 0.13, floating,
        {from(floating, 300e-12, 1.0, 0.0, 0.0), from(floating, 1e-9, 1.0, 0.7, 0.0), from(floating, 1e-8, 1.0, 1.0, 0.0), from(floating, 1e-9, 1.0, 0.0, -0.7), from(floating, 1e-8, 1.0, 0.0, -1.0)});
    const auto bled = winding(ln_normal(1.0 / 15e3, 0.9), normal(0.0, 0.02));
    const auto bled_at = [&](double ohms) { return moved(from(bled, 300e-12, 1.0, 0.0, 0.0), {{F::ln_g2, -ln(ohms)}}); };
    add("winding with bleeders", Topology::transformer, 0.01, bled, {bled_at(3e3), bled_at(30e3)});
    const auto at2 = winding(ln_flat(1.0 / 100e3, 1.0 / 300.0), fixed(-12.0));
    const auto at3 = winding(ln_flat(1e-6 / 100e3, 1e-6 / 300.0), fixed(ln(1e6)));
    add("winding referenced at pin 2", Topology::transformer, 0.002, at2, {moved(from(at2, 300e-12, 1.0, 0.0, 0.0), {{F::ln_g2, -ln(5e3)}})});
    add("winding referenced at pin 3", Topology::transformer, 0.002, at3, {moved(from(at3, 300e-12, 1.0, 0.0, 0.0), {{F::ln_g2, -ln(5e9)}})});

    const auto tapped = [](Prior tap) {
        return with({OutputModel::center_tapped, -1.0, true},
                    {{C::ln_r2, ln_normal(50.0, 0.7)}, {C::ln_r3_over_r2, normal(0.0, 0.05)}, {C::ln_mutual, ln_normal(11.0, 0.8)},
                     {C::unbalance, normal(0.0, 0.02)}, {C::ln_tap, tap}, {C::ln_l, ln_flat(1e-6, 3e-3)}, {C::ln_shunt, ln_flat(1e-11, 2e-8)}});
    };
    const auto hard = tapped(ln_normal(0.1, 1.0));
    add("winding with its tap on ground", Topology::transformer_center_tapped, 0.03, hard);
    const auto soft = tapped(ln_flat(0.7, 40.0));
    add("winding with its tap on ground through a resistor", Topology::transformer_center_tapped, 0.002, soft);

    const auto equal = servo(normal(0.0, 0.06), 0.002);
    const auto servo_at = [](const PartPriors& p, double ohms, double c = 1e-10, double bass = 1e-4) {
        return moved(centers(p), {{F::ln_g2, -ln(ohms)}, {F::ln_c2, ln(c)}, {F::ln_bass, ln(bass)}});
    };
    add("servo", Topology::cross_coupled, 0.2, equal,
        {servo_at(equal, 3.2e3), servo_at(equal, 10e3), servo_at(equal, 3.2e3, 2e-9), servo_at(equal, 3.2e3, 1e-10, 3.0)});
    const auto uneven = servo(normal(0.0, 1.0), 0.012);
    add("servo of unequal halves", Topology::cross_coupled, 0.05, uneven, {servo_at(uneven, 3.2e3), servo_at(uneven, 10e3), servo_at(uneven, 3.2e3, 1e-10, 3.0)});

    const auto build_out = ln_normal(80.0, 0.8);
    add("two amplifiers", Topology::inverter, 0.22,
        amplifiers(-1.0, true, build_out, normal(0.0, 0.03), {{A::ln_gain, normal(0.0, 0.02)}, {A::lag, normal(0.0, 0.2)}, {A::ln_c3_over_c2, normal(0.0, 0.1)},
                                                          {A::ln_shunt3_over_shunt2, normal(0.0, 0.1)}}));
    add("two unequal amplifiers", Topology::inverter, 0.01,
        amplifiers(-1.0, true, build_out, normal(0.0, 0.4), {{A::ln_gain, normal(0.0, 0.08)}, {A::lag, normal(0.0, 3.0)}, {A::ln_c3_over_c2, normal(0.0, 0.5)},
                                                          {A::ln_shunt3_over_shunt2, normal(0.0, 0.5)}}));
    add("two amplifiers, one fed from pin 2", Topology::inverter, 0.02,
        amplifiers(0.0, true, build_out, normal(0.0, 0.1), {{A::follow, normal(-1.0, 0.03)}, {A::ln_c3_over_c2, normal(0.0, 0.1)},
                                                         {A::ln_shunt3_over_shunt2, normal(0.0, 0.1)}}));
    add("two amplifiers and a pad", Topology::inverter, 0.006,
        amplifiers(-1.0, true, ln_normal(80.0, 0.6), normal(0.0, 0.05), {{A::ln_gain, normal(0.0, 0.02)}, {A::lag, normal(0.0, 0.2)}, {A::ln_c3_over_c2, normal(0.0, 0.1)},
                                                          {A::ln_shunt3_over_shunt2, normal(0.0, 0.1)}, {A::ln_pad, ln_flat(1.0 / 5e3, 1.0 / 30.0)}}));
    add("two channels", Topology::dual_unbalanced, 0.08,
        amplifiers(1.0, true, ln_normal(80.0, 1.3), normal(0.0, 0.05), {{A::ln_gain, normal(0.0, 0.8)}, {A::lag, normal(0.0, 3.0)}, {A::ln_c3_over_c2, normal(0.0, 0.15)},
                                                                  {A::ln_shunt3_over_shunt2, normal(0.0, 0.1)}}));

    // Pin 3 is silent.
    const auto source = ln_normal(120.0, 0.9);
    add("equal impedances", Topology::impedance_balanced, 0.13,
        amplifiers(0.0, true, source, normal(0.0, 0.03), {{A::ln_c3_over_c2, normal(0.0, 0.1)}, {A::ln_shunt3_over_shunt2, normal(0.0, 0.1)}}));
    add("impedances that are not equal", Topology::impedance_balanced, 0.02,
        amplifiers(0.0, true, source, normal(0.0, 0.5), {{A::ln_c3_over_c2, normal(0.0, 2.0)}, {A::ln_shunt3_over_shunt2, normal(0.0, 1.0)}}));
    add("pin 3 on ground", Topology::unbalanced, 0.10, amplifiers(0.0, false, source, ln_normal(0.07, 1.5), {{A::ln_c3_over_c2, fixed(20.0)}}));
    out.back().variant = Variant::pin3_grounded;
    add("pin 3 on nothing", Topology::unbalanced, 0.05,
        amplifiers(0.0, false, source, fixed(ln(1e9)), {{A::ln_shunt3_over_shunt2, normal(0.0, 1.5)}, {A::ln_c3_over_c2, fixed(20.0)}}));
    out.back().variant = Variant::pin3_not_connected;
    add("a return at pin 3", Topology::insert, 0.04,
        amplifiers(0.0, false, source, ln_normal(21e3, 0.62), {{A::ln_c3_over_c2, normal(-2.0, 2.0)}, {A::ln_shunt3_over_shunt2, normal(0.0, 1.0)}}));
    add("pin 3 senses a ground", Topology::ground_sensing, 0.03,
        amplifiers(0.0, false, source, ln_flat(40.0, 120e3), {{A::sense, normal(0.98, 0.03)}, {A::lag, normal(0.0, 1.0)}, {A::ln_c3_over_c2, normal(-2.0, 2.0)},
                                                          {A::ln_shunt3_over_shunt2, normal(0.0, 1.0)}}));
    // Resistances between the kinds, and whatever leads there beside them.
    add("a few ohms at pin 3", std::nullopt, 0.001, amplifiers(0.0, false, source, ln_flat(1.5, 12.0), {}));
    add("some resistance at pin 3", std::nullopt, 0.0018,
        amplifiers(0.0, false, source, ln_flat(700.0, 400e3), {{A::ln_c3_over_c2, normal(-2.0, 2.0)}, {A::ln_shunt3_over_shunt2, normal(0.0, 1.0)}}));
    add("pin 3 silent", std::nullopt, 0.005,
        amplifiers(0.0, false, source, ln_flat(0.3, 1e10), {{A::sense, normal(0.0, 0.5)}, {A::ln_c3_over_c2, normal(0.0, 4.0)},
                                                         {A::ln_shunt3_over_shunt2, normal(0.0, 3.0)}}));
    // And what people do who have one output and two pins.
    add("pin 3 hangs on pin 2", std::nullopt, 0.005,
        amplifiers(0.0, false, source, fixed(ln(1e9)), {{A::ln_shunt3_over_shunt2, normal(0.0, 1.0)}, {A::ln_c3_over_c2, fixed(20.0)}, {A::ln_pad, ln_flat(1.0 / 20e3, 0.1)}}));
    out.back().is_odd = true;
    return out;
}

const std::vector<Hypothesis>& all_hypotheses()
{
    static const auto hypotheses = make_hypotheses();
    return hypotheses;
}

// Iron. Its third harmonic falls with frequency, f^-1 to f^-1.4, and is there at all levels: Jensen JT-11P-1, 0.02 % at 20 Hz, 0.001 % at
// 240 Hz; op amps show the same at both, or none. Odds: parts data sheets, and that gear with iron elsewhere is one in thirty.
constexpr Hertz iron_up_to{70.0};
constexpr Hertz no_iron_from{140.0};
constexpr double iron_at_least = 2e-5;
constexpr double falls_by = 3.0;
constexpr double seen_with_iron = 0.85;
constexpr double seen_without = 0.02;

enum class Iron : std::uint8_t { not_tested, not_seen, seen };

Iron look_for_iron(const Observations& o)
{
    const auto found = o.third_harmonics.find(SwitchState::through);
    if (found == o.third_harmonics.end()) return Iron::not_tested;
    double low = 0.0;
    double low_sigma = std::numeric_limits<double>::infinity();
    double high = 0.0;
    bool has_high = false;
    for (const auto& h : found->second) {
        // The leg that carries more is known better; both legs of a winding show the same.
        const auto& e = h.ratio[0].sigma <= h.ratio[1].sigma ? h.ratio[0] : h.ratio[1];
        if (h.fundamental <= iron_up_to && e.sigma < low_sigma) { low = std::abs(e.value); low_sigma = e.sigma; }
        if (h.fundamental >= no_iron_from) { high = std::max(high, std::abs(e.value) - 2.0 * e.sigma); has_high = true; }
    }
    if (!has_high) return Iron::not_tested;
    if (low > 5.0 * low_sigma && low > falls_by * high && low > 0.5 * iron_at_least) return Iron::seen;
    return 5.0 * low_sigma < iron_at_least && low < iron_at_least ? Iron::not_seen : Iron::not_tested;
}

/// ln of what distortion says for a hypothesis, up to a constant.
double log_odds_of_iron(Iron iron, std::optional<Topology> topology)
{
    const bool has_iron = topology == Topology::transformer || topology == Topology::transformer_center_tapped;
    switch (iron) {
    case Iron::not_tested: return 0.0;
    case Iron::seen: return std::log(has_iron ? seen_with_iron : seen_without);
    case Iron::not_seen: return std::log(has_iron ? 1.0 - seen_with_iron : 1.0 - seen_without);
    }
    return 0.0;
}

/// With pin 3 grounded a servo has one amplifier's swing for what both legs gave together, so that pin 2 rises by 6 dB at small levels and by
/// 0 dB at the highest. A winding has all of it. Where `through` did not reach its own maximum, the difference is an upper bound, which a
/// servo undercuts all the same. ln of the odds.
double log_odds_of_headroom(const Observations& o, std::optional<Topology> topology)
{
    const auto through = o.maximum_levels.find(SwitchState::through);
    const auto grounded = o.maximum_levels.find(SwitchState::grounded);
    if (through == o.maximum_levels.end() || grounded == o.maximum_levels.end() || !grounded->second.is_reached) return 0.0;
    if (topology != Topology::transformer && topology != Topology::cross_coupled) return 0.0;
    constexpr GainDb halfway{4.8};
    constexpr double as_expected = 0.95;
    const bool like_a_servo = grounded->second.pin2 - through->second.pin2 < halfway;
    return std::log(like_a_servo == (topology == Topology::cross_coupled) ? as_expected : 1.0 - as_expected);
}

constexpr double prior_of_something_else = 0.02;
/// Something else explains everything as well as this misfit, and no better.
constexpr double misfit_of_something_else = 1.5;
/// What a model of parts pays for having found them, ln: the least that something else must pay.
constexpr double price_of_something_else = -20.0;

/// However well all fits: one unit in a thousand is left to what nobody thought of.
constexpr double most = 0.999;

/// Windings with bleeders and servos differ in strays alone, of which no model is to be trusted far: among them a difference of evidence
/// counts for this part of it, and what is known beforehand, iron and headroom count in full.
constexpr double trust_in_strays = 0.35;

struct Weighing {
    double log_prior{};     ///< With what distortion says.
    double log_evidence{};  ///< Of the fit.
};

void temper(std::vector<Weighing>& weighings)
{
    double best = -std::numeric_limits<double>::infinity();
    const auto& hypotheses = all_hypotheses();
    for (std::size_t i = 0; i < hypotheses.size(); ++i)
        if (hypotheses[i].is_flat_to_ground()) best = std::max(best, weighings[i].log_evidence);
    for (std::size_t i = 0; i < hypotheses.size(); ++i)
        if (hypotheses[i].is_flat_to_ground() && std::isfinite(weighings[i].log_evidence))
            weighings[i].log_evidence = best + trust_in_strays * (weighings[i].log_evidence - best);
}

}  // namespace

Posterior weigh(const Observations& observations)
{
    const FitData data{observations};
    Posterior posterior;
    const double none = std::log(prior_of_something_else) + data.log_likelihood(misfit_of_something_else) + price_of_something_else;
    std::vector<Weighing> weighings;
    double best_evidence = -std::numeric_limits<double>::infinity();
    const auto iron = look_for_iron(observations);
    posterior.best_misfit = std::numeric_limits<double>::infinity();
    for (const auto& h : all_hypotheses()) {
        const auto fit = data.fit(h.priors, h.starts);
        posterior.hypotheses.push_back({h.name, h.topology, h.variant, 0.0, fit.misfit});
        weighings.push_back({std::log(h.prior) + log_odds_of_iron(iron, h.topology) + log_odds_of_headroom(observations, h.topology), fit.log_evidence});
        if (fit.log_evidence > best_evidence) {
            best_evidence = fit.log_evidence;
            posterior.late = fit.late;
        }
        posterior.best_misfit = std::min(posterior.best_misfit, fit.misfit);
    }
    temper(weighings);
    double largest = none;
    std::vector<double> log_weights;
    for (const auto& w : weighings) {
        log_weights.push_back(w.log_prior + w.log_evidence);
        largest = std::max(largest, log_weights.back());
    }
    double sum = std::exp(none - largest);
    posterior.none_of_them = sum;
    for (double& w : log_weights) sum += (w = std::exp(w - largest));
    posterior.none_of_them = (1.0 - most) + most * posterior.none_of_them / sum;
    for (const auto topology : all_topologies) posterior.topologies.push_back({topology, 0.0});
    for (std::size_t i = 0; i < log_weights.size(); ++i) {
        auto& h = posterior.hypotheses[i];
        h.probability = most * log_weights[i] / sum;
        if (h.topology) posterior.topologies[static_cast<std::size_t>(*h.topology)].probability += h.probability;
        else (all_hypotheses()[i].is_odd ? posterior.none_of_them : posterior.single_ended_of_some_kind) += h.probability;
    }
    std::ranges::stable_sort(posterior.topologies, std::ranges::greater{}, &Candidate::probability);
    std::ranges::stable_sort(posterior.hypotheses, std::ranges::greater{}, &WeighedHypothesis::probability);
    return posterior;
}

}  // namespace lowleg::topology
