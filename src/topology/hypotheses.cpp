#include "topology/hypotheses.h"

#include "topology/model_fit.h"
#include "topology/part_priors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace lowleg::topology {
namespace {

using A = AmplifierParts;
using S = ServoParts;
using W = WindingParts;
using C = CenterTappedParts;
using Parts = std::array<double, most_parts>;

namespace known = part_priors;
using known::ln;

/// Circuits that are one and the same network but for strays: see temper().
enum class Twins : std::uint8_t {
    none,
    flat_to_ground,  ///< Bleeders, or what a servo leaves of its build-outs.
    half_floating,   ///< A star of three resistors, from a tap, or a triangle of them, with a pad.
};

struct Hypothesis {
    std::string_view name;
    std::optional<Topology> topology;
    double prior;
    PartPriors priors;
    std::vector<Parts> starts;
    std::optional<Variant> variant{};
    bool is_odd{};  ///< Of no kind and no family.
    Twins twins{Twins::none};
};

PartPriors with(ModelShape shape, std::initializer_list<std::pair<std::size_t, Prior>> parts)
{
    PartPriors p{shape, {}, {}};
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
                  {{A::ln_r2, r2}, {A::ln_r3, r3}, {A::ln_gain, fixed(0.0)}, {A::lag, fixed(0.0)}, {A::ln_c2, known::amplifiers::ln_c2},
                   {A::ln_c3_over_c2, fixed(0.0)}, {A::ln_shunt2, known::amplifiers::ln_shunt2}, {A::ln_shunt3_over_shunt2, fixed(0.0)},
                   {A::sense, fixed(0.0)}, {A::follow, fixed(0.0)}, {A::ln_across, known::amplifiers::ln_across}, {A::ln_pad, fixed(ln(1e-12))},
                   {A::ln_bass, fixed(ln(1e-6))}, {A::ln_bleed, known::amplifiers::ln_bleed},
                   {A::ln_shared, known::amplifiers::ln_shared}});
    for (const auto& [index, prior] : more) p.parts.at(index) = prior;
    return p;
}

/// Pin 3 is silent. \param r3  Ω.
PartPriors silent_pin3(Prior r3, std::initializer_list<std::pair<std::size_t, Prior>> more)
{
    return amplifiers(0.0, false, known::equal_impedances::ln_r2, r3, more);
}

/// Leakage times capacitance, of a winding: wires that lie so close that little leaks have much capacitance, and those far apart little of it
/// and much leakage. H·F.
constexpr double least_leakage_times_capacitance = 2e-14;

PartPriors winding(Prior g2, Prior g3_over_g2)
{
    using namespace known::winding;
    auto p = with({OutputModel::winding, -1.0, true},
                {{W::ln_rd, ln_rd}, {W::driving_share, driving_share}, {W::ln_ld, ln_ld}, {W::ln_magnetizing, ln_magnetizing}, {W::ln_blocking, ln_blocking},
                 {W::ln_g2, g2}, {W::ln_g3_over_g2, g3_over_g2}, {W::ln_c2, ln_c2}, {W::ln_c3_over_c2, ln_c3_over_c2}, {W::coupled2, coupled2},
                 {W::coupled3, coupled3}, {W::distributed, distributed}, {W::ln_across, ln_across}, {W::ln_zobel, ln_zobel}, {W::ln_outer, ln_outer}});
    p.together = {{{W::ln_ld, 1.0}, {W::ln_c2, 1.0}, {W::ln_c3_over_c2, 0.5}}, ln(least_leakage_times_capacitance)};
    return p;
}

PartPriors tapped(Prior tap, Prior series)
{
    namespace t = known::tap;
    auto p = with({OutputModel::center_tapped, -1.0, true},
                {{C::ln_r2, t::ln_r2}, {C::ln_r3_over_r2, t::ln_r3_over_r2}, {C::ln_mutual, t::ln_mutual}, {C::ln_magnetizing, t::ln_magnetizing},
                 {C::ln_blocking, t::ln_blocking}, {C::unbalance, t::unbalance}, {C::ln_tap, tap}, {C::ln_tap_series, series}, {C::ln_l, t::ln_l},
                 {C::ln_c2, t::ln_c2}, {C::ln_c3_over_c2, t::ln_c3_over_c2}, {C::coupled2, t::coupled2}, {C::coupled3, t::coupled3},
                 {C::ln_across, t::ln_across}, {C::ln_zobel, t::ln_zobel}});
    // Both halves: twice the leakage of one.
    p.together = {{{C::ln_l, 1.0}, {C::ln_c2, 1.0}, {C::ln_c3_over_c2, 0.5}}, ln(0.5 * least_leakage_times_capacitance)};
    return p;
}

PartPriors servo(bool follows_middle, Prior rd, Prior g2, Prior g3_over_g2, Prior surplus, Prior skew)
{
    using namespace known::servo_strays;
    auto p = with({OutputModel::servo, -1.0, true},
                  {{S::ln_rd, rd}, {S::ln_ld, ln_ld}, {S::ln_g2, g2}, {S::ln_g3_over_g2, g3_over_g2}, {S::ln_c2, ln_c2}, {S::ln_c3_over_c2, ln_c3_over_c2},
                   {S::coupled2, coupled2}, {S::coupled3, coupled3}, {S::surplus, surplus}, {S::skew, skew}, {S::ln_across, ln_across},
                   {S::ln_series, ln_series}, {S::ln_series3_over_series2, ln_series3_over_series2}, {S::ln_bass, ln_bass},
                   {S::ln_bass3_over_bass2, ln_bass3_over_bass2}, {S::ln_outer, ln_outer}, {S::lag, lag}});
    p.shape.follows_middle = follows_middle;
    return p;
}

/// Starts that differ in one part.
std::vector<Parts> starts_at(const PartPriors& p, std::size_t part, std::initializer_list<double> values)
{
    std::vector<Parts> starts;
    for (const double v : values) starts.push_back(moved(centers(p), {{part, ln(v)}}));
    return starts;
}

/// Starts of a winding with a way to ground of this conductance at pin 2 (S): shielded, and bifilar, driven at the start, by a bridge,
/// at the finish.
std::vector<Parts> winding_starts(const PartPriors& p, std::initializer_list<double> conductances)
{
    std::vector<Parts> starts;
    for (const double g : conductances)
        for (const auto& [farads, coupled2, coupled3] : {std::array{300e-12, 0.0, 0.0}, {1e-8, 1.0, 0.0}, {1e-8, 0.5, -0.5}, {1e-8, 0.0, -1.0}})
            starts.push_back(moved(centers(p), {{W::ln_g2, ln(g)}, {W::ln_c2, ln(farads)}, {W::ln_c3_over_c2, 0.0}, {W::coupled2, coupled2}, {W::coupled3, coupled3}}));
    // And one with a Zobel, whose resistor does nothing without its capacitor.
    starts.push_back(moved(starts.front(), {{W::ln_across, ln(3e-9)}, {W::ln_zobel, ln(2e3)}, {W::ln_c2, ln(1e-9)}}));
    return starts;
}

/// The same of a tapped winding.
std::vector<Parts> tapped_starts(const PartPriors& p)
{
    std::vector<Parts> starts;
    for (const auto& [farads, coupled2, coupled3] : {std::array{300e-12, 0.0, 0.0}, {3e-9, 1.0, 0.0}, {3e-9, 0.0, -1.0}})
        starts.push_back(moved(centers(p), {{C::ln_c2, ln(farads)}, {C::ln_c3_over_c2, 0.0}, {C::coupled2, coupled2}, {C::coupled3, coupled3}}));
    return starts;
}

std::vector<Parts> servo_starts(const PartPriors& p)
{
    struct Start { double ohms, farads, bass, outer; };
    std::vector<Parts> starts;
    for (const auto& [ohms, farads, bass, outer] : {Start{3.2e3, 1e-10, 3e-3, 5.0}, {10e3, 1e-10, 3e-3, 5.0}, {3.2e3, 2e-9, 3e-3, 5.0}, {3.2e3, 1e-10, 3.0, 5.0},
                                                    {10e3, 1e-10, 3.0, 5.0}, {10e3, 1e-10, 3e-3, 30.0}})
        starts.push_back(moved(centers(p), {{S::ln_g2, -ln(ohms)}, {S::ln_c2, ln(farads)}, {S::ln_bass, ln(bass)}, {S::ln_outer, ln(outer)}, {S::ln_series, ln(3e-2)}}));
    return starts;
}

std::vector<Hypothesis> make_hypotheses()
{
    std::vector<Hypothesis> out;
    const auto add = [&](std::string_view name, std::optional<Topology> topology, double prior, const PartPriors& priors, std::vector<Parts> starts = {}) {
        if (starts.empty()) starts.push_back(centers(priors));
        out.push_back({name, topology, prior, priors, std::move(starts)});
    };
    constexpr double none = 1e-9;     // S
    constexpr double endless = 1e3;   // F
    const auto no_capacitor = fixed(20.0);  // at pin 3, whatever there is at pin 2

    const auto floating = winding(fixed(ln(none)), fixed(0.0));
    add("floating winding", Topology::transformer, known::winding::prior, floating, winding_starts(floating, {none}));
    const auto bled = winding(known::bled_winding::ln_g2, known::bled_winding::ln_g3_over_g2);
    add("winding with bleeders", Topology::transformer, known::bled_winding::prior, bled, winding_starts(bled, {1.0 / 3e3, 1.0 / 30e3}));
    // Of the other leg's conductance a millionth is left.
    const auto at2 = winding(known::winding_referenced_at_2::ln_g, fixed(-ln(1e6)));
    add("winding referenced at pin 2", Topology::transformer, known::winding_referenced_at_2::prior, at2, winding_starts(at2, {1.0 / 5e3}));
    auto g3 = known::winding_referenced_at_3::ln_g;
    g3.center -= ln(1e6);
    const auto at3 = winding(g3, fixed(ln(1e6)));
    add("winding referenced at pin 3", Topology::transformer, known::winding_referenced_at_3::prior, at3, winding_starts(at3, {1e-6 / 5e3}));

    const auto on_ground = tapped(known::tap::ln_tap, fixed(ln(endless)));
    add("winding with its tap on ground", Topology::transformer_center_tapped, known::tap::prior, on_ground, tapped_starts(on_ground));
    const auto through_resistor = tapped(known::tap::ln_tap_resistor, fixed(ln(endless)));
    add("winding with its tap on ground through a resistor", Topology::transformer_center_tapped, known::tap::prior_through_resistor, through_resistor,
        tapped_starts(through_resistor));
    const auto through_capacitor = tapped(known::tap::ln_tap, known::tap::ln_tap_series);
    add("winding with its tap on ground through a capacitor", Topology::transformer_center_tapped, known::tap::prior_through_capacitor, through_capacitor,
        tapped_starts(through_capacitor));

    {
        using namespace known::servo;
        const auto equal = servo(false, ln_rd, ln_g2, ln_g3_over_g2, surplus, skew);
        add("servo", Topology::cross_coupled, prior, equal, servo_starts(equal));
    }
    {
        using namespace known::uneven_servo;
        const auto uneven = servo(false, ln_rd, ln_g2, ln_g3_over_g2, surplus, skew);
        add("servo of unequal halves", Topology::cross_coupled, prior, uneven, servo_starts(uneven));
    }
    {
        using namespace known::middle_servo;
        const auto middle = servo(true, ln_rd, ln_g2, ln_g3_over_g2, surplus, skew);
        add("servo that follows the middle", Topology::cross_coupled, prior, middle, servo_starts(middle));
    }

    {
        using namespace known::amplifiers;
        add("two amplifiers", Topology::inverter, prior,
            amplifiers(-1.0, true, ln_r2, ln_r3_over_r2, {{A::ln_gain, ln_gain}, {A::lag, lag}, {A::ln_c3_over_c2, ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, ln_shunt3_over_shunt2}}));
        namespace u = known::unequal_amplifiers;
        add("two unequal amplifiers", Topology::inverter, u::prior,
            amplifiers(-1.0, true, ln_r2, u::ln_r3_over_r2, {{A::ln_gain, u::ln_gain}, {A::lag, u::lag}, {A::ln_c3_over_c2, u::ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, u::ln_shunt3_over_shunt2}}));
        namespace f = known::followed_amplifier;
        auto followed = amplifiers(0.0, true, ln_r2, f::ln_r3_over_r2, {{A::follow, f::follow}, {A::ln_c3_over_c2, ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, ln_shunt3_over_shunt2}});
        add("two amplifiers, one fed from pin 2", Topology::inverter, f::prior, followed);
        followed.shape.is_mirrored = true;
        add("two amplifiers, one fed from pin 3", Topology::inverter, f::prior_mirrored, followed);
        namespace d = known::amplifiers_with_pad;
        add("two amplifiers and a pad", Topology::inverter, d::prior,
            amplifiers(-1.0, true, d::ln_r2, ln_r3_over_r2, {{A::ln_gain, ln_gain}, {A::lag, lag}, {A::ln_c3_over_c2, ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, ln_shunt3_over_shunt2}, {A::ln_pad, d::ln_pad}}));
    }
    {
        using namespace known::channels;
        add("two channels", Topology::dual_unbalanced, prior,
            amplifiers(1.0, true, ln_r2, ln_r3_over_r2, {{A::ln_gain, ln_gain}, {A::lag, lag}, {A::ln_c3_over_c2, ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, ln_shunt3_over_shunt2}}));
    }

    {
        using namespace known::equal_impedances;
        add("equal impedances", Topology::impedance_balanced, prior,
            amplifiers(0.0, true, ln_r2, ln_r3_over_r2, {{A::ln_c3_over_c2, ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, ln_shunt3_over_shunt2}}));
        namespace u = known::unequal_impedances;
        const auto unequal = amplifiers(0.0, true, ln_r2, u::ln_r3_over_r2, {{A::ln_c3_over_c2, u::ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, u::ln_shunt3_over_shunt2}});
        add("impedances that are not equal", Topology::impedance_balanced, u::prior, unequal, starts_at(unequal, A::ln_r3, {0.4, 1.3, 4.0}));
    }
    add("pin 3 on ground", Topology::unbalanced, known::ground::prior, silent_pin3(known::ground::ln_r3, {{A::ln_c3_over_c2, no_capacitor}}));
    out.back().variant = Variant::pin3_grounded;
    add("pin 3 on ground through a lift", Topology::unbalanced, known::lift::prior,
        silent_pin3(known::lift::ln_r3, {{A::ln_c3_over_c2, no_capacitor}, {A::ln_shunt3_over_shunt2, normal(0.0, 4.0)}}));
    out.back().variant = Variant::pin3_grounded;
    {
        using namespace known::coupled_ground;
        add("pin 3 on ground through a capacitor", Topology::unbalanced, prior, silent_pin3(ln_r3, {{A::ln_c3_over_c2, ln_c3_over_c2}}));
        out.back().variant = Variant::pin3_grounded;
    }
    add("pin 3 on nothing", Topology::unbalanced, known::open::prior,
        silent_pin3(fixed(-ln(none)), {{A::ln_c3_over_c2, no_capacitor}, {A::ln_shunt3_over_shunt2, known::open::ln_shunt3_over_shunt2}}));
    out.back().variant = Variant::pin3_not_connected;
    {
        using namespace known::insert;
        add("a return at pin 3", Topology::insert, prior, silent_pin3(ln_r3, {{A::ln_c3_over_c2, ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, ln_shunt3_over_shunt2}}));
    }
    {
        using namespace known::sensing;
        add("pin 3 senses a ground", Topology::ground_sensing, prior,
            silent_pin3(ln_r3, {{A::sense, sense}, {A::ln_bass, ln_bass}, {A::lag, lag}, {A::ln_c3_over_c2, ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, ln_shunt3_over_shunt2}}));
    }
    // Resistances between the kinds, and whatever leads there beside them.
    {
        using namespace known::others;
        add("a few ohms at pin 3", std::nullopt, prior_few_ohms, silent_pin3(ln_r3_few_ohms, {}));
        namespace i = known::insert;
        add("some resistance at pin 3", std::nullopt, prior_some_resistance,
            silent_pin3(ln_r3_some_resistance, {{A::ln_c3_over_c2, i::ln_c3_over_c2}, {A::ln_shunt3_over_shunt2, i::ln_shunt3_over_shunt2}}));
        add("pin 3 silent", std::nullopt, prior_silent,
            silent_pin3(ln_r3_silent, {{A::sense, sense_silent}, {A::ln_c3_over_c2, normal(0.0, 4.0)}, {A::ln_shunt3_over_shunt2, normal(0.0, 3.0)}}));
        // And what people do who have one output and two pins.
        const auto hanging = silent_pin3(fixed(-ln(none)), {{A::ln_c3_over_c2, no_capacitor}, {A::ln_shunt3_over_shunt2, known::open::ln_shunt3_over_shunt2}, {A::ln_pad, ln_pad_hanging}});
        add("pin 3 hangs on pin 2", std::nullopt, prior_hanging_on_pin_2, hanging, starts_at(hanging, A::ln_pad, {1e-4, 1e-3, 1e-2}));
        out.back().is_odd = true;
    }
    for (auto& h : out) {
        const bool is_bled = h.priors.shape.model == OutputModel::winding && h.priors.parts.at(W::ln_g2).kind != Prior::Kind::fixed;
        const bool is_padded = h.priors.shape.model == OutputModel::amplifiers && h.topology && h.priors.parts.at(A::ln_pad).kind != Prior::Kind::fixed;
        const bool is_on_resistor = h.priors.shape.model == OutputModel::center_tapped && h.priors.parts.at(C::ln_tap).kind == Prior::Kind::flat;
        if (h.priors.shape.model == OutputModel::servo || is_bled) h.twins = Twins::flat_to_ground;
        if (is_padded || is_on_resistor) h.twins = Twins::half_floating;
    }
    return out;
}

const std::vector<Hypothesis>& all_hypotheses()
{
    static const auto hypotheses = make_hypotheses();
    return hypotheses;
}

// Iron. Its third harmonic falls with frequency, f^-1 to f^-1.4, and is there at all levels: Jensen JT-11P-1, 0.02 % at 20 Hz, 0.001 % at
// 240 Hz; op amps show the same at both, or none. Odds: parts data sheets, and how rarely gear has iron elsewhere.
constexpr Hertz iron_up_to{70.0};
constexpr Hertz no_iron_from{140.0};
constexpr double iron_at_least = 2e-5;
constexpr double falls_by = 3.0;

/// How the third harmonic falls, for carrying a limit from one frequency to another.
constexpr double falls_with_power = 1.2;
/// A winding of which nothing is heard, at any limit: better iron than is known of, or levels below all that has been measured.
constexpr double least_share_unheard = 0.15;

struct Iron {
    bool seen{};
    double below_at_20_hz{std::numeric_limits<double>::infinity()};  ///< If not seen: there is no more than this of it, over the fundamental.
};

Iron look_for_iron(const Observations& o)
{
    const auto found = o.third_harmonics.find(SwitchState::through);
    if (found == o.third_harmonics.end()) return {};
    double low = 0.0;
    double low_sigma = std::numeric_limits<double>::infinity();
    double high = 0.0;
    Iron iron;
    bool has_high = false;
    for (const auto& h : found->second) {
        // The leg that carries more is known better; both legs of a winding show the same.
        const auto& e = h.ratio[0].sigma <= h.ratio[1].sigma ? h.ratio[0] : h.ratio[1];
        if (h.fundamental <= iron_up_to) {
            if (e.sigma < low_sigma) { low = std::abs(e.value); low_sigma = e.sigma; }
            const double limit = std::abs(e.value) + 3.0 * e.sigma;
            iron.below_at_20_hz = std::min(iron.below_at_20_hz, limit * std::pow(h.fundamental / Hertz{20.0}, falls_with_power));
        }
        if (h.fundamental >= no_iron_from) { high = std::max(high, std::abs(e.value) - 2.0 * e.sigma); has_high = true; }
    }
    iron.seen = has_high && low > 5.0 * low_sigma && low > falls_by * high && low > 0.5 * iron_at_least;
    return iron;
}

/// The share of windings whose third harmonic is below a level at 20 Hz.
double share_of_windings_below(double level)
{
    const auto& shares = known::iron_shares;
    const auto above = std::ranges::find_if(shares, [&](const auto& s) { return s.level >= level; });
    if (above == shares.begin()) return shares.front().below;
    if (above == shares.end()) return 1.0;
    const auto& a = *std::prev(above);
    return std::lerp(a.below, above->below, std::log(level / a.level) / std::log(above->level / a.level));
}

/// ln of what distortion says for a hypothesis, up to a constant.
double log_odds_of_iron(const Iron& iron, std::optional<Topology> topology)
{
    const bool has_iron = topology == Topology::transformer || topology == Topology::transformer_center_tapped;
    if (iron.seen) return std::log(has_iron ? known::seen_with_iron : known::seen_without);
    return has_iron ? std::log(std::max(share_of_windings_below(iron.below_at_20_hz), least_share_unheard)) : 0.0;
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

/// Fits that are this far from the readings after some steps are given up, but for the nearest few.
constexpr double far_away = 20.0;
constexpr std::size_t always_finished = 6;

constexpr double prior_of_something_else = 0.02;
/// Something else explains everything as well as this misfit, and no better.
constexpr double misfit_of_something_else = 2.5;
/// What a model of parts pays for having found them, ln: something else pays what the best of them paid, and between these.
constexpr double price_of_something_else = -20.0;
constexpr double most_price_of_something_else = -30.0;

/// However well all fits: one unit in a thousand is left to what nobody thought of.
constexpr double most = 0.999;

/// Twins differ in strays alone, of which no model is to be trusted far: among them a difference of evidence counts for this part of it, and
/// what is known beforehand, iron and headroom count in full.
constexpr double trust_in_strays = 0.42;

/// Parts that are so many standard deviations off, all together, are found in a few real outputs of a thousand; a model that needs more of
/// them to fit is another circuit's.
constexpr double most_strain = 4.0;
double price_of_strain(double strain)
{
    const double beyond = std::max(strain - most_strain, 0.0);
    return 3.0 * beyond * beyond;
}

struct Weighing {
    double log_prior{};     ///< With what distortion and the maximum level say.
    double log_evidence{};  ///< Of the fit.
};

void temper(std::vector<Weighing>& weighings)
{
    const auto& hypotheses = all_hypotheses();
    for (const auto twins : {Twins::flat_to_ground, Twins::half_floating}) {
        double best = -std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < hypotheses.size(); ++i)
            if (hypotheses[i].twins == twins) best = std::max(best, weighings[i].log_evidence);
        for (std::size_t i = 0; i < hypotheses.size(); ++i)
            if (hypotheses[i].twins == twins && std::isfinite(weighings[i].log_evidence))
                weighings[i].log_evidence = best + trust_in_strays * (weighings[i].log_evidence - best);
    }
}

}  // namespace

Posterior weigh(const Observations& observations, Threads threads)
{
    const FitData data{observations};
    Posterior posterior;
    double price = price_of_something_else;
    const auto& hypotheses = all_hypotheses();
    std::vector<ModelSearch> searches;
    for (const auto& h : hypotheses) searches.emplace_back(data, h.priors);
    std::vector<std::pair<double, std::size_t>> approaches(hypotheses.size());
    for_each_index(hypotheses.size(), threads, [&](std::size_t i) { approaches[i] = {searches[i].approach(hypotheses[i].starts), i}; });
    std::ranges::sort(approaches);
    const auto given_up = std::ranges::find_if(approaches.begin() + always_finished, approaches.end(), [](const auto& a) { return a.first >= far_away; });
    std::vector<ModelFit> fits(hypotheses.size(), ModelFit{-std::numeric_limits<double>::infinity(), 0.0, 0.0, 0.0, {}, {}});
    for_each_index(static_cast<std::size_t>(given_up - approaches.begin()), threads, [&](std::size_t rank) {
        const auto i = approaches[rank].second;
        fits[i] = searches[i].finish();
        fits[i].log_evidence -= price_of_strain(fits[i].strain);
    });

    std::vector<Weighing> weighings;
    double best_evidence = -std::numeric_limits<double>::infinity();
    const auto iron = look_for_iron(observations);
    for (std::size_t i = 0; i < hypotheses.size(); ++i) {
        const auto& h = hypotheses[i];
        const auto& fit = fits[i];
        posterior.hypotheses.push_back({h.name, h.topology, h.variant, 0.0, fit.strain, fit.misfit, fit.log_evidence, h.priors.shape.model, values_of(h.priors.shape, fit.parts)});
        weighings.push_back({std::log(h.prior) + log_odds_of_iron(iron, h.topology) + log_odds_of_headroom(observations, h.topology), fit.log_evidence});
        if (fit.log_evidence > best_evidence) {
            best_evidence = fit.log_evidence;
            posterior.late = fit.late;
            price = std::clamp(fit.log_volume, most_price_of_something_else, price_of_something_else);
        }
    }
    const double none = std::log(prior_of_something_else) + data.log_likelihood(misfit_of_something_else) + price;
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
