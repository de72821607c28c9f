#include "topology/hypotheses.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>

namespace lowleg::topology {
namespace {

/// A feature, where it may lie at all, and how sharply the edge of an expected range is drawn.
struct Axis {
    std::optional<Feature> Features::*feature;
    double lowest, highest;
    double softness;
};

// The whole width is what "something else" may show.
constexpr Axis pin3_signal{&Features::pin3_signal_db, -100.0, 30.0, 1.0};
constexpr Axis leg_angle{&Features::leg_angle_deg, 0.0, 180.0, 2.0};
constexpr Axis ground_low{&Features::ground_step_low_db, -20.0, 20.0, 0.05};
constexpr Axis ground_high{&Features::ground_step_high_db, -20.0, 20.0, 0.05};
constexpr Axis lift_low{&Features::lift_step_low_db, -90.0, 12.0, 0.05};
constexpr Axis lift_high{&Features::lift_step_high_db, -90.0, 12.0, 0.05};
constexpr Axis lift_slope{&Features::lift_slope_db_per_octave, -3.0, 9.0, 0.1};
constexpr Axis servo_invariant{&Features::servo_invariant_db, -20.0, 12.0, 0.05};
constexpr Axis common_mode{&Features::common_mode_log_ohm, -1.0, 7.0, 0.1};
constexpr Axis common_mode_slope{&Features::common_mode_slope, -1.5, 0.5, 0.03};
constexpr Axis differential{&Features::differential_log_ohm, -1.0, 5.0, 0.05};
constexpr Axis ground_share{&Features::ground_share_of_pin3, -0.5, 1.5, 0.03};
constexpr Axis mutual{&Features::mutual_ratio, -1.5, 1.5, 0.02};
constexpr Axis pin3_ohm{&Features::pin3_log_ohm, -2.0, 8.0, 0.05};
constexpr Axis pin3_over_pin2{&Features::pin3_over_pin2, -5.0, 7.0, 0.03};
constexpr Axis pin3_to_pin2{&Features::pin3_to_pin2, -1.5, 1.5, 0.03};

struct Expectation {
    Axis axis;
    double from, to;
};

/// One way in which a topology is built. A topology may have several.
struct Hypothesis {
    std::optional<Topology> topology;  ///< None: of the family whose pin 3 is silent, and no member of it that is known.
    double prior;
    std::span<const Expectation> expects;
};

constexpr std::array transformer{
    Expectation{pin3_signal, -14.0, 12.0},   Expectation{leg_angle, 110.0, 180.0}, Expectation{ground_low, 1.2, 6.4},
    Expectation{lift_low, -90.0, -6.0},      Expectation{lift_slope, 2.5, 6.6},    Expectation{servo_invariant, -1.5, 0.4},
    Expectation{common_mode, 3.3, 7.0},      Expectation{common_mode_slope, -1.15, -0.6},
    Expectation{mutual, 0.8, 1.05},          Expectation{differential, 1.2, 3.0}};

// Bleed resistors give a floating winding a flat impedance to ground, like a servo's; on what both can show they differ in nothing.
// Below about 2 × 5 kΩ nobody fits them.
constexpr std::array bled_transformer{
    Expectation{pin3_signal, -0.7, 0.7},     Expectation{leg_angle, 165.0, 180.0}, Expectation{ground_low, 3.5, 6.2},
    Expectation{lift_low, -22.0, -0.2},      Expectation{lift_slope, -0.2, 0.4},   Expectation{servo_invariant, -0.7, 0.15},
    Expectation{common_mode, 3.5, 4.8},      Expectation{common_mode_slope, -0.2, 0.05},
    Expectation{mutual, 0.85, 1.0},          Expectation{differential, 1.6, 2.9}};

// One leg of a winding on ground through a resistor: all that flows to ground flows there.
constexpr std::array referenced_at_pin2{
    Expectation{pin3_signal, -20.0, 20.0},   Expectation{leg_angle, 165.0, 180.0}, Expectation{ground_low, 0.8, 17.0},
    Expectation{lift_low, -22.0, -0.2},      Expectation{lift_slope, -0.2, 0.25},  Expectation{servo_invariant, -0.7, 0.15},
    Expectation{common_mode, 2.5, 4.8},      Expectation{common_mode_slope, -0.1, 0.05},
    Expectation{mutual, 0.8, 1.0},           Expectation{differential, 1.6, 2.4},  Expectation{ground_share, -0.12, 0.12}};
constexpr std::array referenced_at_pin3{
    Expectation{pin3_signal, -20.0, 20.0},   Expectation{leg_angle, 165.0, 180.0}, Expectation{ground_low, 0.8, 17.0},
    Expectation{lift_low, -22.0, -0.2},      Expectation{lift_slope, -0.2, 0.25},  Expectation{servo_invariant, -0.7, 0.15},
    Expectation{common_mode, 2.5, 4.8},      Expectation{common_mode_slope, -0.1, 0.05},
    Expectation{mutual, 0.8, 1.0},           Expectation{differential, 1.6, 2.4},  Expectation{ground_share, 0.88, 1.12}};

constexpr std::array center_tapped{
    Expectation{pin3_signal, -1.5, 1.5},     Expectation{leg_angle, 174.0, 180.0}, Expectation{ground_low, -14.0, -0.5},
    Expectation{lift_low, -0.3, 0.6},        Expectation{lift_slope, -0.1, 0.1},   Expectation{servo_invariant, -20.0, -6.3},
    Expectation{common_mode, 0.3, 2.2},      Expectation{common_mode_slope, -0.2, 0.2},
    Expectation{mutual, -1.0, -0.08},        Expectation{differential, 0.8, 2.8}};

constexpr std::array servo_equal_legs{
    Expectation{pin3_signal, -1.5, 1.5},     Expectation{leg_angle, 165.0, 180.0}, Expectation{ground_low, 3.5, 6.2},
    Expectation{lift_low, -22.0, -0.2},      Expectation{lift_slope, -0.2, 0.25},  Expectation{servo_invariant, -0.7, 0.15},
    Expectation{common_mode, 2.5, 4.8},      Expectation{common_mode_slope, -0.1, 0.05},
    Expectation{mutual, 0.85, 1.0},          Expectation{differential, 1.3, 2.1}};

// A resistor that is 1 % off moves the legs apart by many dB, and harms nothing.
constexpr std::array servo_unequal_legs{
    Expectation{pin3_signal, -20.0, 20.0},   Expectation{leg_angle, 165.0, 180.0}, Expectation{ground_low, 0.8, 17.0},
    Expectation{lift_low, -22.0, -0.2},      Expectation{lift_slope, -0.2, 0.25},  Expectation{servo_invariant, -0.7, 0.15},
    Expectation{common_mode, 2.5, 4.8},      Expectation{common_mode_slope, -0.1, 0.05},
    Expectation{mutual, 0.85, 1.0},          Expectation{differential, 1.3, 2.1},   Expectation{ground_share, 0.1, 0.9}};

// Two 1 % resistors may even leave one amplifier's way to ground next to nothing: a referenced winding looks like that.
constexpr std::array servo_lopsided{
    Expectation{pin3_signal, -20.0, 20.0},   Expectation{leg_angle, 165.0, 180.0}, Expectation{ground_low, 0.8, 17.0},
    Expectation{lift_low, -22.0, -0.2},      Expectation{lift_slope, -0.2, 0.25},  Expectation{servo_invariant, -0.7, 0.15},
    Expectation{common_mode, 2.5, 4.8},      Expectation{common_mode_slope, -0.1, 0.05},
    Expectation{mutual, 0.85, 1.0},          Expectation{differential, 1.3, 2.1}};

constexpr std::array inverter{
    Expectation{pin3_signal, -1.5, 1.5},     Expectation{leg_angle, 172.0, 180.0}, Expectation{ground_low, -0.3, 0.12},
    Expectation{ground_high, -0.3, 0.12},    Expectation{lift_low, -0.1, 0.1},     Expectation{lift_slope, -0.1, 0.1},
    Expectation{servo_invariant, -7.3, -5.1}, Expectation{common_mode, 0.7, 2.5},  Expectation{common_mode_slope, -0.5, 0.1},
    Expectation{mutual, -0.05, 0.05},        Expectation{differential, 1.3, 3.1}};

constexpr std::array dual_unbalanced{
    Expectation{pin3_signal, -35.0, 30.0},   Expectation{leg_angle, 0.0, 25.0},    Expectation{ground_low, -0.3, 0.3},
    Expectation{ground_high, -0.3, 0.3},     Expectation{lift_low, -0.2, 0.2},     Expectation{lift_slope, -0.1, 0.1},
    Expectation{common_mode, -1.0, 3.0},     Expectation{common_mode_slope, -0.8, 0.1}, Expectation{mutual, -0.1, 0.1}};

// The family with a silent pin 3: the same steps (none), told apart by what the probe sees there.
constexpr double silent_db = -45.0;

constexpr std::array impedance_balanced{
    Expectation{pin3_signal, -100.0, silent_db}, Expectation{ground_low, -0.1, 0.1},  Expectation{ground_high, -0.1, 0.1},
    Expectation{lift_low, -0.1, 0.1},            Expectation{lift_high, -0.1, 0.1},   Expectation{pin3_ohm, 1.0, 3.1},
    Expectation{pin3_over_pin2, -0.08, 0.08},    Expectation{pin3_to_pin2, -0.05, 0.05}};

// The same with a wrong resistor, or one that is not worth the name.
constexpr std::array impedance_unmatched{
    Expectation{pin3_signal, -100.0, silent_db}, Expectation{ground_low, -0.1, 0.1},  Expectation{ground_high, -0.1, 0.1},
    Expectation{lift_low, -0.1, 0.1},            Expectation{lift_high, -0.1, 0.1},   Expectation{pin3_ohm, 1.0, 3.1},
    Expectation{pin3_over_pin2, -1.0, 1.0},      Expectation{pin3_to_pin2, -0.05, 0.05}};

constexpr std::array unbalanced_grounded{
    Expectation{pin3_signal, -100.0, silent_db}, Expectation{ground_low, -0.1, 0.1},  Expectation{ground_high, -0.1, 0.1},
    Expectation{lift_low, -0.1, 0.1},            Expectation{lift_high, -0.1, 0.1},   Expectation{pin3_ohm, -2.0, 0.5}};

constexpr std::array unbalanced_open{
    Expectation{pin3_signal, -100.0, silent_db}, Expectation{ground_low, -0.1, 0.1},  Expectation{ground_high, -0.1, 0.1},
    Expectation{lift_low, -0.1, 0.1},            Expectation{lift_high, -0.1, 0.1},   Expectation{pin3_ohm, 5.6, 8.0}};

constexpr std::array insert{
    Expectation{pin3_signal, -100.0, silent_db}, Expectation{ground_low, -0.1, 0.1},  Expectation{ground_high, -0.1, 0.1},
    Expectation{lift_low, -0.1, 0.1},            Expectation{lift_high, -0.1, 0.1},   Expectation{pin3_ohm, 3.9, 4.8},
    Expectation{pin3_over_pin2, 1.0, 4.0},       Expectation{pin3_to_pin2, -0.05, 0.05}};

constexpr std::array ground_sensing{
    Expectation{pin3_signal, -100.0, silent_db}, Expectation{ground_low, -0.1, 0.1},  Expectation{ground_high, -0.1, 0.1},
    Expectation{lift_low, -0.1, 0.1},            Expectation{lift_high, -0.1, 0.1},   Expectation{pin3_ohm, 2.8, 4.8},
    Expectation{pin3_over_pin2, 0.4, 5.0},       Expectation{pin3_to_pin2, 0.8, 1.1}};

// Pin 3 is silent, and what the probe sees there is none of the above: the family holds, its member stays open.
constexpr std::array single_ended_of_some_kind{
    Expectation{pin3_signal, -100.0, silent_db}, Expectation{ground_low, -0.1, 0.1},  Expectation{ground_high, -0.1, 0.1},
    Expectation{lift_low, -0.1, 0.1},            Expectation{lift_high, -0.1, 0.1}};

constexpr std::array hypotheses{
    Hypothesis{Topology::transformer, 0.12, transformer},
    Hypothesis{Topology::transformer, 0.06, bled_transformer},
    Hypothesis{Topology::transformer, 0.001, referenced_at_pin2},
    Hypothesis{Topology::transformer, 0.001, referenced_at_pin3},
    Hypothesis{Topology::transformer_center_tapped, 0.03, center_tapped},
    Hypothesis{Topology::cross_coupled, 0.085, servo_equal_legs},
    Hypothesis{Topology::cross_coupled, 0.03, servo_unequal_legs},
    Hypothesis{Topology::cross_coupled, 0.001, servo_lopsided},
    Hypothesis{Topology::inverter, 0.24, inverter},
    Hypothesis{Topology::dual_unbalanced, 0.08, dual_unbalanced},
    Hypothesis{Topology::impedance_balanced, 0.13, impedance_balanced},
    Hypothesis{Topology::impedance_balanced, 0.02, impedance_unmatched},
    Hypothesis{Topology::unbalanced, 0.10, unbalanced_grounded},
    Hypothesis{Topology::unbalanced, 0.05, unbalanced_open},
    Hypothesis{Topology::insert, 0.04, insert},
    Hypothesis{Topology::ground_sensing, 0.03, ground_sensing},
    Hypothesis{std::nullopt, 0.004, single_ended_of_some_kind},
};
constexpr double prior_of_something_else = 0.02;

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// ln of how much more probable the reading is under the expectation than under "something else", which is uniform over the axis.
double log_likelihood_ratio(const Expectation& e, const Feature& f)
{
    const auto& axis = e.axis;
    const double x = std::clamp(f.value, axis.lowest, axis.highest);
    const double s = std::hypot(axis.softness, f.sigma);
    // Edges that coincide with the end of the axis are open.
    const double above = e.from <= axis.lowest ? 1.0 : normal_cdf((x - e.from) / s);
    const double below = e.to >= axis.highest ? 1.0 : normal_cdf((e.to - x) / s);
    const double density = above * below / (e.to - e.from);
    constexpr double least = 1e-30;  // A contradiction that no amount of agreement elsewhere outweighs.
    return std::log(std::max(density * (axis.highest - axis.lowest), least));
}

double log_likelihood_ratio(const Hypothesis& h, const Features& features)
{
    double sum = 0.0;
    for (const auto& expectation : h.expects)
        if (const auto& feature = features.*expectation.axis.feature) sum += log_likelihood_ratio(expectation, *feature);
    return sum;
}

}  // namespace

Posterior weigh(const Features& features)
{
    std::array<double, hypotheses.size()> log_weight{};
    double largest = std::log(prior_of_something_else);
    for (std::size_t i = 0; i < hypotheses.size(); ++i) {
        log_weight.at(i) = std::log(hypotheses.at(i).prior) + log_likelihood_ratio(hypotheses.at(i), features);
        largest = std::max(largest, log_weight.at(i));
    }
    Posterior posterior;
    posterior.none_of_them = std::exp(std::log(prior_of_something_else) - largest);
    double sum = posterior.none_of_them;
    for (const auto topology : all_topologies) posterior.topologies.push_back({topology, 0.0});
    for (std::size_t i = 0; i < hypotheses.size(); ++i) {
        const double weight = std::exp(log_weight.at(i) - largest);
        if (const auto topology = hypotheses.at(i).topology) posterior.topologies[static_cast<std::size_t>(*topology)].probability += weight;
        else posterior.single_ended_of_some_kind += weight;
        sum += weight;
    }
    // Ranges are no distributions: however well all fits, one unit in a thousand is left to what nobody thought of.
    constexpr double most = 0.999;
    posterior.none_of_them = (1.0 - most) + most * posterior.none_of_them / sum;
    posterior.single_ended_of_some_kind *= most / sum;
    for (auto& c : posterior.topologies) c.probability *= most / sum;
    std::stable_sort(posterior.topologies.begin(), posterior.topologies.end(),
                     [](const Candidate& a, const Candidate& b) { return a.probability > b.probability; });
    return posterior;
}

}  // namespace lowleg::topology
