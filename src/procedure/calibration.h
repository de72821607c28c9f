/// \file calibration.h
/// What is known of an interface, as far as results need it: volts, input resistances, what the two inputs differ by, the loop's response.
#pragma once

#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"
#include "procedure/measurement.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::procedure {

/// A value, how well it is known, and since when.
struct CalibratedValue {
    double value{};
    double uncertainty{};      ///< Half width of the 95 % interval, in the unit of the value.
    std::string date;          ///< "2026-11-23"
};

/// One input or output channel.
struct CalibratedInput {
    std::optional<CalibratedValue> full_scale_volts;   ///< rms volts of a full-scale sine.
    std::optional<CalibratedValue> resistance_ohm;
};
struct CalibratedOutput {
    std::optional<CalibratedValue> full_scale_volts;
    std::optional<CalibratedValue> resistance_ohm;
};

/// What one input has over another, for the same signal: input `second` over input `first`.
struct CalibratedPair {
    std::int32_t first{1};
    std::int32_t second{2};
    CalibratedValue gain_db;
    CalibratedValue delay_s;
};

/// The response of an output into an input over its own at 1 kHz.
struct CalibratedLoop {
    std::int32_t output{1};
    std::int32_t input{1};
    struct Point { Hertz frequency; Complex response; };
    std::vector<Point> points;         ///< Ascending.
    CalibratedValue uncertainty_db;    ///< Of the points; its value is 0.
};

/// Between its points along a line over the logarithm of the frequency, beyond them as at the nearest. \pre loop has points.
[[nodiscard]] Complex response_at(const CalibratedLoop& loop, Hertz frequency);

/// Everything that was calibrated of one device at one rate and one setting of its gain controls.
struct Calibration {
    std::string device;
    std::string host_api;
    double sample_rate_hz{};
    std::string setting;               ///< What the user calls the position of the gain controls; "" is one, too.
    std::vector<std::string> conditions;  ///< How each part was made, a line each: "output 1: …".
    std::map<std::int32_t, CalibratedInput> inputs;    ///< By channel, counted from 1.
    std::map<std::int32_t, CalibratedOutput> outputs;
    std::vector<CalibratedPair> pairs;
    std::vector<CalibratedLoop> loops;
};

/// Older than this a calibration is stale: used, but said.
inline constexpr int stale_after_days = 90;

/// What line inputs and outputs have at full scale lies between these; a calibration that says otherwise is none.
inline constexpr VoltsRms lowest_full_scale{0.2};
inline constexpr VoltsRms highest_full_scale{14.0};

/// "2026-11-23", and back. \return none for a text that is no date.
[[nodiscard]] std::string date_text(std::chrono::sys_days day);
[[nodiscard]] std::optional<std::chrono::sys_days> parse_date(std::string_view text);

/// As text for people and programs, schema "lowleg.calibration/1". Reading it back gives the same numbers.
[[nodiscard]] std::string calibration_json(const Calibration& calibration);
/// \return failure saying what of it is missing or impossible (values out of range, a date that is none).
[[nodiscard]] Result<Calibration> parse_calibration(std::string_view text);

/// The folder of the user's calibrations: $XDG_CONFIG_HOME/lowleg/calibration, ~/.config/lowleg/calibration, %APPDATA%\lowleg\calibration.
/// \return failure when none of these variables is set.
[[nodiscard]] Result<std::filesystem::path> calibration_folder();

/// Where the calibration of this device, rate and setting stands in the folder. Names that no file can have are escaped; no two share a file.
[[nodiscard]] std::filesystem::path calibration_path(const std::filesystem::path& folder, std::string_view device, std::string_view host_api, double sample_rate_hz,
                                                     std::string_view setting);

/// Stores whole or not at all; folders are made. \return failure naming the file and why; also for what parse_calibration() would refuse.
Status store_calibration(const std::filesystem::path& folder, const Calibration& calibration);

/// \return none where there is no such file; failure, naming it, when it is damaged or says that it is of another device, rate or setting.
[[nodiscard]] Result<std::optional<Calibration>> load_calibration(const std::filesystem::path& folder, std::string_view device, std::string_view host_api,
                                                                  double sample_rate_hz, std::string_view setting);

/// A file of the folder: what it says, or why it cannot be read.
struct StoredCalibration {
    std::filesystem::path path;
    Result<Calibration> calibration;
};
/// Sorted by name. A folder that is not there has none.
[[nodiscard]] std::vector<StoredCalibration> list_calibrations(const std::filesystem::path& folder);

/// Of its oldest part; none where it has no part.
[[nodiscard]] std::optional<std::chrono::sys_days> oldest_date(const Calibration& calibration);

/// What a search for a calibration found.
struct FoundCalibration {
    std::optional<Calibration> calibration;
    CalibrationUse use;                 ///< With a sentence where there is none, or only one made at another setting or rate.
    std::chrono::sys_days today{};      ///< When it was looked for.
};
/// \return failure when a file is there and damaged, naming it: never silently as if there were none.
[[nodiscard]] Result<FoundCalibration> find_calibration(const std::filesystem::path& folder, std::string_view device, std::string_view host_api, double sample_rate_hz,
                                                        std::string_view setting, std::chrono::sys_days today);

/// What a measurement needs of it for its two inputs and outputs. Absent: not calibrated, so no volts.
struct Scales {
    std::array<std::optional<CalibratedValue>, 2> input_volts;    ///< rms volts of a full-scale sine, inputs 1 and 2 of the measurement.
    std::array<std::optional<CalibratedValue>, 2> output_volts;
    std::optional<CalibratedValue> gain_ratio_db;                 ///< Second input over the first.
    std::optional<CalibratedValue> gain_delay_s;
    std::array<std::optional<CalibratedLoop>, 2> loops;           ///< Output 1 into inputs 1 and 2.
    std::optional<double> rin_95;                                 ///< Of the worse input resistance, relative, 95 %; none: not calibrated.
    std::optional<double> rs_95;                                  ///< Of output 2's resistance, the same.
    CalibrationUse use;                                           ///< Of what these channels have; says which of them have no volts.
};
/// A gain ratio that no pair was compared for follows from the two inputs' volts, and volts that one input lacks from the other's and the ratio.
[[nodiscard]] Scales scales_of(const FoundCalibration& found, const std::array<std::int32_t, 2>& inputs, const std::array<std::int32_t, 2>& outputs);
/// The virtual bench, exact: a full-scale sine has `full_scale` at both outputs and at input 1; input 2 has `gain_ratio` times its gain, so needs less.
[[nodiscard]] Scales scales_of_bench(Dbu full_scale, double gain_ratio);

/// The fixture with calibrated input resistances, output resistance and gain ratio in place of what was assumed. \param keep  names of the
/// settings that the user gave himself ("rin", "rs", "gain-ratio"): these stay.
[[nodiscard]] Fixture calibrated_fixture(Fixture fixture, const FoundCalibration& found, const std::array<std::int32_t, 2>& inputs,
                                         const std::array<std::int32_t, 2>& outputs, const std::vector<std::string>& keep);

}  // namespace lowleg::procedure
