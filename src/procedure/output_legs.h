/// \file output_legs.h
/// Impedances of an output's legs at each frequency, with all that they are uncertain by. Private to measure().
#pragma once

#include "procedure/connection.h"
#include "procedure/identify.h"
#include "procedure/measure_kinds.h"
#include "procedure/two_port_spread.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::procedure {

/// At one frequency. Absent: the states taken do not tell.
struct OutputLegs {
    Hertz frequency{};
    std::optional<Measured> pin2;       ///< Z22 + Z23, Ω: with both legs driven alike.
    std::optional<Measured> pin3;       ///< Z33 + Z32, Ω.
    std::optional<Measured> imbalance;  ///< Pin 2 − pin 3, Ω.
    std::optional<Measured> between;    ///< Z22 + Z33 − Z23 − Z32, Ω: what a load between the legs sees.
    /// Voltage between the pins per volt between the grounds, at each of told_inputs. Of floating legs, too, whose impedances are too high to be told.
    std::array<std::optional<Measured>, told_inputs.size()> conversion;
    std::optional<Measured> into;       ///< The same at the input that was asked for, as volts between its pins.
    std::optional<topology::OutputAdmittances> admittances;  ///< As a whole.
    std::optional<Measured> node;       ///< Of 300 Ω from each leg and 600 Ω to ground, over half the voltage between the legs without load.
    std::optional<Measured> asymmetry;  ///< (V2 + V3)/(V2 − V3) of the drive, as the fixture loads it; none: no voltage between the pins.
    bool legs_are_apart{true};          ///< That neither leg moves the other was assumed.
};

struct OutputReading {
    Identification identification;
    std::vector<OutputLegs> at;                  ///< Ascending.
    std::vector<CapturedStep> captures;
    double gain_tolerance_95{};                  ///< Of input 2's gain over input 1's, relative.

    /// Nearest to a frequency among those where `what` is known; null: nowhere.
    [[nodiscard]] const OutputLegs* nearest(Hertz frequency, std::optional<Measured> OutputLegs::*what) const;
};

/// Drive and probe through the states that tell impedances (`grounded` is none of them), as identify() takes them and as carefully.
/// \return failure without probe resistors, or when nothing could be loaded, with the reason.
Result<OutputReading> read_output(const StatesRun& run);

/// Heading, quality, captures and notes of what was read.
Measurement begin_with(const StatesRun& run, MeasureKind kind, OutputReading& reading);

/// |Z| as a figure, as a bound where it does not stand out of its uncertainty.
[[nodiscard]] Figure figure_of(std::string id, std::string words, const Measured& z, Hertz frequency, std::string definition);

/// What cannot be told of this output, and what the channels' gain ratio leaves open: sentences.
[[nodiscard]] std::vector<std::string> what_stays_open(const OutputReading& reading);

/// Degrees. \pre z is not 0
[[nodiscard]] double phase_of(const Measured& z);

}  // namespace lowleg::procedure
