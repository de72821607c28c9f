/// \file loading.h
/// What an output gives into another input than the one that it was measured at.
#pragma once

#include "core/fixture.h"
#include "core/units.h"
#include "topology/observation.h"
#include "topology/two_port.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace lowleg::topology {

/// How the output answers to load at one frequency: where it stood in `through`, and its admittances where they are known as a whole.
/// V = Vt − Z·(I − It), or I = It − Y·(V − Vt): the EMFs have dropped out, so that what is assumed about Z cannot contradict `through`.
struct LoadPoint {
    Hertz frequency{};
    Complex v2, v3;  ///< At the pins in `through`, drive only, per played full scale.
    Complex i2, i3;  ///< Out of the pins, the same over Ω.
    struct Admittances { Complex y22, y23, y32, y33; };  ///< S
    /// Of a floating output, too, whose impedances to ground are too high to be told: its admittances are then small, and known to be.
    std::optional<Admittances> y;
};

/// One per observed frequency; `two_ports` are those that were solved from the observations, or none.
[[nodiscard]] std::vector<LoadPoint> load_points(const Observations& observations, const std::vector<TwoPort>& two_ports);

/// The same from a two-port alone, as `through` on this fixture would be. \return none unless E2, E3 and all impedances have values.
[[nodiscard]] std::optional<LoadPoint> load_point(const TwoPort& two_port, const Fixture& fixture);

/// What the far end connects: a resistance and a capacitance from pin 2 to ground, and at pin 3 the same, ground, or nothing.
struct FarEnd {
    enum class Pin3 : std::uint8_t { loaded, grounded, open };
    Ohms resistance{10e3};   ///< > 0
    Farads capacitance{0.0}; ///< ≥ 0
    Pin3 pin3{Pin3::loaded};
};

/// How an output is built, as far as it limits what is not known of it.
enum class OutputBuild : std::uint8_t { amplifiers, center_tapped, floating, unknown };

/// A level against the same in `through`.
struct PredictedLevel {
    GainDb value;        ///< Measured: what follows from the two-port. Assumed: with the most usual values for what is not known.
    GainDb least, most;  ///< Measured: its uncertainty, 95 %. Assumed: over all plausible values.
};

struct PredictedLevels {
    Hertz frequency{};
    std::optional<PredictedLevel> differential;  ///< V2 − V3; pin 2 alone where pin 3 is grounded or open: what the input takes.
    std::optional<PredictedLevel> pin2;
    std::optional<PredictedLevel> pin3;          ///< None where pin 3 carries nothing, or is not loaded.
    EntryStatus status{EntryStatus::unknown};    ///< Of what the prediction rests on.
};

/// Predicts one frequency. \param two_port  none: nothing was solved here.
[[nodiscard]] PredictedLevels predict_levels(const LoadPoint& at, const TwoPort* two_port, OutputBuild build, const FarEnd& far_end);

/// Level that an input takes at one far end over what it takes at another, at the frequency nearest to 1 kHz: from readings alone.
/// \return none unless all that it rests on was measured.
[[nodiscard]] std::optional<GainDb> measured_change(std::span<const LoadPoint> points, std::span<const TwoPort> two_ports, const FarEnd& from,
                                                    const FarEnd& to);

/// |V2| at a far end over |V2| in `through`, or |V3| over |V2| of `through`; nearest to 1 kHz, measured entries only.
struct PinLevels { double pin2{}, pin3{}; };
[[nodiscard]] std::optional<PinLevels> measured_levels(std::span<const LoadPoint> points, std::span<const TwoPort> two_ports, Complex load2_siemens,
                                                       Complex load3_siemens);

}  // namespace lowleg::topology
