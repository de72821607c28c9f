/// \file calibrate.h
/// Calibrates an interface, step by step: volts by multimeter and loopback, resistances, what the inputs differ by, the loop's response.
///
/// In this order each step finds what it needs: `output` (volts by multimeter), `rs`, `rin`, `inputs` (volts by loopback), `pair`, `loop`. What is not yet
/// known is assumed from the fixture, and its uncertainty says so.
#pragma once

#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"
#include "engine/engine.h"
#include "procedure/calibration.h"
#include "procedure/measurement.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lowleg::procedure {

enum class CalibrationStep : std::uint8_t { output, rs, rin, inputs, pair, loop };
inline constexpr std::array all_calibration_steps{CalibrationStep::output, CalibrationStep::rs,   CalibrationStep::rin,
                                                  CalibrationStep::inputs, CalibrationStep::pair, CalibrationStep::loop};
[[nodiscard]] std::string_view name_of(CalibrationStep) noexcept;   ///< "output"
[[nodiscard]] std::string_view words_for(CalibrationStep) noexcept; ///< What it finds, half a sentence for a list of commands.

/// What is to be connected, and nothing else.
struct CalibrationWiring {
    enum class Kind : std::uint8_t {
        meter,           ///< The output to a multimeter.
        direct,          ///< The output to the input.
        series,          ///< The same through the known resistor.
        loaded,          ///< The output to the input, and the known resistor from there to ground.
        both,            ///< The output to both inputs.
        both_exchanged,  ///< The same with the two leads exchanged at the inputs.
    };
    Kind kind{};
    std::size_t output{};  ///< 0 or 1: of the outputs that the options name.
    std::size_t input{};   ///< 0 or 1, the same; of no meaning where both are.
    std::array<std::int32_t, 2> outputs{1, 2};
    std::array<std::int32_t, 2> inputs{1, 2};
    Ohms resistor{};       ///< The known one; of no meaning where there is none.
};
/// "output-1", "output-1-input-2", "output-1-input-2-series", "output-2-input-1-loaded", "output-1-both", "output-1-both-exchanged", with the channels'
/// numbers: for programs that wire.
[[nodiscard]] std::string name_of(const CalibrationWiring& wiring);
/// What is to be connected, as a drawing of a few lines, each ended by a line break.
[[nodiscard]] std::string drawing_of(const CalibrationWiring& wiring);

/// Runs `command` through the shell with every "{wiring}" replaced by the wiring's name, see command_switch().
Status run_wiring_command(const std::string& command, const CalibrationWiring& wiring);

/// What somebody read off a multimeter.
struct MeterReading {
    double volts{};      ///< rms, > 0 … or 0, where it shows nothing.
    double last_digit{}; ///< What one step of its last digit is worth, V.
};
/// "1.234", "1.234 V", "1,234", "123.4 mV". \return usage error for what is no voltage (also for decibels), saying so.
[[nodiscard]] Result<MeterReading> parse_meter_reading(std::string_view text);

/// What wires and reads. Each call of `connect` says on which engine that wiring then is; nothing plays meanwhile.
struct CalibrationRig {
    std::function<Result<engine::Engine*>(const CalibrationWiring&)> connect;
    /// While a tone of this level and frequency plays. \param is_lower  it is the second one, 20 dB below the first.
    std::function<Result<MeterReading>(Dbfs level, Hertz frequency, bool is_lower)> read_meter;
};

struct CalibrateOptions {
    std::array<std::int32_t, 2> inputs{1, 2};
    std::array<std::int32_t, 2> outputs{1, 2};
    /// The one of the two inputs or outputs that is calibrated, 0 or 1; none: both, but of `output` the first. Of no meaning for `pair`.
    std::optional<std::size_t> only;
    Fixture fixture;                       ///< Rin, Cin and Rs as long as nothing is calibrated.
    bool knows_rin{false};                 ///< The fixture's Rin was given, not assumed.
    bool knows_rs{false};
    Averaging averaging;
    std::optional<Dbfs> level;             ///< None: −6 dBFS for the multimeter, −12 dBFS else.
    Hertz meter_frequency{1000.0};         ///< Cheap meters want 50 or 60 Hz.
    double meter_95{0.01};                 ///< Of the multimeter, relative, 95 %.
    std::optional<Ohms> resistor;          ///< The known one. None: 10 kΩ in series, 1 kΩ as a load.
    double resistor_95{0.01};              ///< Relative.
    std::string date;                      ///< Of today, "2026-11-23".
    Calibration before;                    ///< What is known so far, with its device, rate and setting.
    Source source{Source::device};
};

struct Calibrated {
    Calibration calibration;               ///< What was known before, and what this step found.
    Measurement measurement;               ///< What this step found, for people.
};

/// Does one step. Nothing is stored here: who gets a result stores it, and after an error there is none.
/// \return failure when a step before is missing, when nothing arrives, hum alone arrives or the other input gets it, when an input is at full scale, and
///         when what was measured or typed cannot be; interrupted when it was stopped or the device went away.
Result<Calibrated> calibrate(const CalibrationRig& rig, CalibrationStep step, const CalibrateOptions& options, const MeasurementObserver& observer,
                             const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
