/// \file features.h
/// The few numbers that tell outputs apart, drawn from all frequencies of all states taken.
#pragma once

#include "topology/observation.h"
#include "topology/two_port.h"

#include <optional>
#include <vector>

namespace lowleg::topology {

/// A number with its standard uncertainty, and the frequency that it was read at.
struct Feature {
    double value{};
    double sigma{};
    Hertz frequency{};
    bool measured{true};  ///< False: computed from another state than the one that its name says.
};

/// What is absent could not be told from the states taken.
struct Features {
    bool drive_heard{};        ///< On at least one leg.
    bool pin2_silent{};        ///< The drive comes out of pin 3 alone.

    /// Signal of pin 3's own (what leaks through the fixture taken away) over that of pin 2, dB, the largest that is certain over frequency. ≥ −100.
    std::optional<Feature> pin3_signal_db;
    std::optional<Feature> leg_ratio_db;       ///< |V3/V2| at the lowest tones, `through`.
    std::optional<Feature> leg_angle_deg;      ///< |∠V3/V2| at the lowest tones, 0 to 180.
    std::optional<Feature> ground_step_low_db;   ///< At the lowest tones.
    std::optional<Feature> ground_step_mid_db;   ///< Nearest 1 kHz.
    std::optional<Feature> ground_step_high_db;  ///< At the highest tones.
    std::optional<Feature> lift_step_low_db;
    std::optional<Feature> lift_step_mid_db;
    std::optional<Feature> lift_step_high_db;
    std::optional<Feature> lift_slope_db_per_octave;  ///< Steepest rise between neighbouring tones below 2 kHz.
    std::optional<Feature> servo_invariant_db;   ///< V2 grounded over |V2 − V3| through, at the lowest tones.
    std::optional<Feature> common_mode_log_ohm;  ///< lg of both legs' impedance to ground, tied, near 1 kHz, Ω.
    std::optional<Feature> common_mode_slope;    ///< Its slope, decades per decade of frequency, up to 1 kHz: −1 is a capacitance.
    std::optional<Feature> differential_log_ohm; ///< lg |Z22 + Z33 − Z23 − Z32| near 1 kHz, Ω.
    std::optional<Feature> mutual_ratio;         ///< Re Z23/Z22 near 1 kHz: +1 floating or ground-sensing, < 0 centre-tapped.
    std::optional<Feature> pin3_log_ohm;         ///< lg of the impedance that the probe sees at pin 3, Ω; from −2 to 8.
    std::optional<Feature> pin3_over_pin2;       ///< lg of pin 3's impedance over pin 2's; 0 is balanced.
    std::optional<Feature> pin3_to_pin2;         ///< How much of what is injected at pin 3 comes out at pin 2: Re Z23/Z33.
};

[[nodiscard]] Features extract_features(const Observations& observations, const std::vector<TwoPort>& two_ports);

}  // namespace lowleg::topology
