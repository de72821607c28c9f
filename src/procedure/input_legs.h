/// \file input_legs.h
/// Admittances of an input that stands on the fixture in the place of an output, with all that they are uncertain by. Private to measure().
#pragma once

#include "procedure/measure_kinds.h"
#include "procedure/two_port_spread.h"
#include "topology/connection.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::procedure {

/// What an input's rejection is told for: an output of so much in each leg, with so much more in one of them.
inline constexpr Ohms told_source{50.0};
inline constexpr Ohms told_imbalance{10.0};

/// At one frequency: admittances, S. Absent: the states taken do not tell.
struct InputLegs {
    Hertz frequency{};
    topology::InputAdmittances y;         ///< What is absent below, or pin3_is_grounded makes idle, is 0 in it.
    std::optional<Measured> own2, own3;   ///< Of one pin with the other on ground.
    std::optional<Measured> into2, into3; ///< Transfer: current into this pin per volt on the other.
    std::optional<Measured> common2, common3;  ///< Of each while both are driven alike.
    std::optional<Measured> common;       ///< Of both together.
    std::optional<Measured> unequal;      ///< common2 − common3.
    std::optional<Measured> between;      ///< InputAdmittances::between().
    /// Volts between the pins per volt between the grounds, from legs of told_source each; and with told_imbalance more in one of them.
    std::optional<Measured> equal_source, more_in_leg2, more_in_leg3;
    bool pin2_is_grounded{false};         ///< Nothing is left of the probe at it.
    bool pin3_is_grounded{false};
};

struct InputReading {
    std::vector<InputLegs> at;            ///< Ascending.
    MeasurementQuality quality;
    std::vector<CapturedStep> captures;
    std::vector<std::string> notes;
    double gain_tolerance_95{};

    /// Nearest to a frequency among those where `what` is known; null: nowhere.
    [[nodiscard]] const InputLegs* nearest(Hertz frequency, std::optional<Measured> InputLegs::*what) const;
};

/// Probes both legs through Rp2 and Rp3 in `through`, `lifted` and `loaded`. The drive plays as well, softly: an input lets nothing of it come back.
/// \return failure where nothing is connected, where an output is, where the probe is missing, or where the states contradict each other; usage error without
///   probe resistors.
Result<InputReading> read_input(const SourceRun& run);

}  // namespace lowleg::procedure
