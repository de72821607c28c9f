/// \file calibrate.h
/// What a calibration is asked for, beside the settings.
#pragma once

#include "core/result.h"
#include "core/units.h"
#include "procedure/calibrate.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>

namespace lowleg::instrument {

struct CalibrationRequest {
    procedure::CalibrationStep step{};
    std::optional<std::size_t> only;        ///< As of procedure::CalibrateOptions.
    Hertz meter_frequency{1000.0};
    double meter_95{0.01};
    std::optional<Ohms> resistor;
    double resistor_95{0.01};
    std::filesystem::path folder;           ///< Where it is stored. Empty: the user's own; of the virtual bench nowhere.
};

/// Who does what a program cannot. Each may fail; then nothing is stored.
struct CalibrationHands {
    std::function<Status(const procedure::CalibrationWiring&)> wire;  ///< Not asked on the virtual bench, which wires itself.
    /// Reads the multimeter while the tone plays. Empty on the virtual bench: its own is read.
    std::function<Result<procedure::MeterReading>(Dbfs level, Hertz frequency, bool is_lower)> read_meter;
};

}  // namespace lowleg::instrument
