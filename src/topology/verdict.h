/// \file verdict.h
/// What an output is, how sure that is, why, and how to wire it.
#pragma once

#include "core/parallel.h"
#include "core/units.h"
#include "topology/loading.h"
#include "topology/two_port.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::topology {

enum class Topology : std::uint8_t {
    transformer,
    transformer_center_tapped,
    cross_coupled,
    inverter,
    impedance_balanced,
    unbalanced,
    dual_unbalanced,
    insert,
    ground_sensing,
};
inline constexpr std::array all_topologies{
    Topology::transformer,        Topology::transformer_center_tapped, Topology::cross_coupled,
    Topology::inverter,           Topology::impedance_balanced,        Topology::unbalanced,
    Topology::dual_unbalanced,    Topology::insert,                    Topology::ground_sensing};

/// "cross-coupled": the id in JSON and everywhere else.
[[nodiscard]] std::string_view id_of(Topology) noexcept;
/// "cross-coupled output (servo)": for people.
[[nodiscard]] std::string_view name_of(Topology) noexcept;
/// Pin 3 carries no signal of its own: the four that look the same by levels.
[[nodiscard]] bool is_single_ended(Topology) noexcept;

enum class Outcome : std::uint8_t {
    named,         ///< One topology, at 0.9 or more.
    single_ended,  ///< The family whose pin 3 is silent, at 0.9 or more; which member stays open.
    no_signal,     ///< The drive is on, and neither leg carries it.
    inconclusive,  ///< None of these.
};

enum class Variant : std::uint8_t { pin3_grounded, pin3_not_connected };
enum class Polarity : std::uint8_t { normal, inverted, unknown };

struct Candidate {
    Topology topology;
    double probability;
};

/// One sentence with the number and the frequency that it rests on.
struct Evidence {
    std::string_view name;            ///< "ground_step", "lift_step", "leg_ratio", …
    std::optional<Hertz> frequency;
    double value{};
    std::string_view unit;            ///< "dB", "Ω", "°", "dB/octave".
    double uncertainty{};             ///< Half width of the 95 % interval, in `unit`.
    bool measured{true};              ///< False: computed from another state, or resting on what was assumed.
    std::string says;
};

/// What to do with pin 3 at an unbalanced input.
enum class UnbalancedWiring : std::uint8_t {
    ground_pin3,
    leave_pin3_unconnected,
    pin3_to_far_ground,
    left_channel_only,
    send_only,
};
[[nodiscard]] std::string_view id_of(UnbalancedWiring) noexcept;

struct Advice {
    std::string summary;
    std::optional<UnbalancedWiring> unbalanced_input;
    std::string balanced_input;
    std::optional<GainDb> level_change;  ///< At an unbalanced input of 10 kΩ wired so, against a balanced one of 10 kΩ per leg.
    std::string cable;                   ///< A drawing of the cable to the unbalanced input, several lines.

    bool level_is_measured{};            ///< The level change comes from this output's own readings; else it is what its kind does.
    std::string level_reason;            ///< Where the level change comes from.
    std::optional<Dbu> balanced_maximum;    ///< What the output is taken to give into a balanced input.
    std::optional<Dbu> unbalanced_maximum;  ///< What is left of it at an unbalanced input wired as advised.
    std::string maximum_reason;
    std::optional<Dbu> meter;            ///< What is sent there while a meter reads 0 VU at +4 dBu.
    std::string plug;                    ///< TS or TRS, and what each does.
    std::string xlr;                     ///< The same at an XLR.
    std::vector<std::string> loses;      ///< What an unbalanced connection costs here.
    std::string unbalanced_source;       ///< The other way round: an unbalanced source into a balanced input.
    std::string headphone_test;          ///< What headphones pushed in to the first click, then fully, would let hear.
    std::string balanced_cable;          ///< Drawings.
    std::string unbalanced_source_cable;
};

/// The one step that would settle what is open.
struct NextStep {
    /// "probe", "loaded", "grounded", "lifted", "lower-load", "headroom", "more-level", "exchange-legs", "calibrate", "check-drive", "inspect".
    std::string_view id;
    std::string text;
};

struct Verdict {
    Outcome outcome{Outcome::inconclusive};
    std::optional<Topology> topology;      ///< When named.
    double probability{};                  ///< Of the verdict; of the family; of the best alternative when inconclusive.
    std::optional<Variant> variant;
    bool pin3_hot{};
    Polarity polarity{Polarity::unknown};
    bool probe{};
    std::optional<std::string> odd;        ///< What fits no topology.
    std::vector<Candidate> alternatives;   ///< Named: the others above 0.0005. Otherwise: all candidates. Most probable first.
    std::string why;                       ///< The decisive evidence in one sentence.
    std::vector<Evidence> evidence;
    LegImpedances legs;
    std::vector<TwoPort> two_port;
    std::vector<LoadPoint> load_points;    ///< What predicts the levels at another input; same frequencies as the observations.
    Advice advice;
    std::optional<NextStep> next_step;

    /// "transformer", …, "single-ended", "no-signal", "inconclusive".
    [[nodiscard]] std::string_view id() const noexcept;
};

/// Judges what was observed. Never fails: what cannot be told is inconclusive.
/// \param threads  that may compute; the result is the same with any number.
[[nodiscard]] Verdict judge(const Observations& observations, Threads threads = {});

}  // namespace lowleg::topology
