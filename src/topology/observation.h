/// \file observation.h
/// What was read at both pins in each state of the switch, brought to one frequency grid and one time reference.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"

#include <array>
#include <map>
#include <optional>
#include <vector>

namespace lowleg::topology {

using analysis::ComplexEstimate;

/// One signal at both of the interface's inputs, over the played phasor; input 2 already divided by the gain ratio.
struct InputReading {
    ComplexEstimate i2;
    ComplexEstimate i3;
};

/// All that is known at one drive frequency.
struct FrequencyObservation {
    Hertz frequency{};
    std::map<SwitchState, InputReading> drive;
    std::map<SwitchState, InputReading> probe;  ///< Interpolated from the probe tones to this frequency. Empty without probe.
};

/// The highest level that a pin gives before it distorts.
struct MaximumLevel {
    Dbfs pin2{-200.0};   ///< Fundamental at pin 2 where THD passes 1 %, or the highest that was tried.
    bool is_reached{};         ///< False: the drive ended before 1 %.
};

struct Observations {
    Fixture fixture;
    bool has_probe{};          ///< Probe resistors are fitted, and the probe was heard.
    bool has_drive{true};      ///< False: the gear can play nothing, so its silence says nothing; `drive` then holds noise.
    bool phases_agree{true};   ///< The states share one time reference, so that they compare as complex numbers.
    std::vector<FrequencyObservation> at;  ///< Ascending.
    std::optional<analysis::DelayReading> delay;  ///< Of the loop, from the drive on the leg that carries it; none: unknown start.
    Seconds time_tolerance{0.2e-6};  ///< Standard uncertainty of a state's time against that of `through`; where phases agree.
    std::map<SwitchState, Seconds> possible_slips;  ///< By which a state is late if frames were lost, and is not if the circuit turns its phases so.
    std::map<SwitchState, std::vector<analysis::ThirdHarmonic>> third_harmonics;
    std::map<SwitchState, MaximumLevel> maximum_levels;  ///< Empty unless they were asked for.
    std::optional<std::array<double, 2>> dc;  ///< Direct voltage at the inputs, full scale = 1; none: they do not pass it, or it was not looked at.
    std::optional<analysis::HumReading> hum;  ///< In `through`; none: no mains line stood out of the noise.
    double relative_tolerance{};  ///< Of a level against another state or channel, beyond noise (calibration).

    [[nodiscard]] bool has(SwitchState s) const { return !at.empty() && at.front().drive.contains(s); }
};

/// Standard uncertainty of the gain ratio of two inputs that nobody has compared: they seldom differ by more than 0.3 dB. Relative.
inline constexpr double uncalibrated_gain_tolerance = 0.15 / db_per_neper;

/// Direct voltage at an input, full scale = 1, that stands out of what converters have of their own.
inline constexpr double least_direct_voltage = 0.01;

struct ObserveOptions {
    bool same_clock_start{true};   ///< All states are cut from one stream of known position (false: files that start anywhere).
    bool has_drive{true};          ///< False: nothing was driven, on purpose.
    double gain_tolerance{0.0};    ///< Relative standard uncertainty of the channels' gain ratio; 0.012 is 0.1 dB.
};

/// Brings readings of several states together. The delay of the loop is taken off; a state whose delay differs from that of
/// `through` by many whole frames is moved back into step; what may be a slip of a few is in possible_slips.
/// \param readings  at least `through`; all of the same plan.
/// \return failure when `through` is missing or the readings do not have the same tones.
Result<Observations> observe(const std::map<SwitchState, analysis::MultitoneReading>& readings, const Fixture& fixture,
                             const ObserveOptions& options);

/// The same with each of these states earlier by as much as it is late. Forgets possible_slips.
[[nodiscard]] Observations brought_into_step(Observations observations, const std::map<SwitchState, Seconds>& late);

}  // namespace lowleg::topology
