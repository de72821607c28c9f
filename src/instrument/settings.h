/// \file settings.h
/// Every setting that a user can make, one row each: all faces read this table, so they cannot disagree.
#pragma once

#include "bench/interface_model.h"
#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"
#include "procedure/calibration.h"
#include "procedure/identify.h"
#include "procedure/measurement.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::instrument {

struct Settings {
    std::optional<double> sample_rate_hz;       ///< None: the device's own; 48 kHz where nothing else says.
    std::array<std::int32_t, 2> inputs{1, 2};   ///< Channels for pin 2 and pin 3, counted from 1.
    std::array<std::int32_t, 2> outputs{1, 2};  ///< Channels for drive and probe, counted from 1.
    std::string output_device;                  ///< That plays, where it is another than the one that records; else empty.
    Seconds search_time{15.0};                  ///< So long a device that is lost while it measures is looked for.
    Fixture fixture;
    std::vector<SwitchState> states{all_switch_states.begin(), all_switch_states.end()};
    std::size_t periods{2};                     ///< Per state.
    bool headroom{false};                       ///< Look for the highest levels, too.
    bool line_output{false};                    ///< The user has said that no power amplifier is connected.
    procedure::DriveFrom drive{procedure::DriveFrom::interface};
    double player_clock_ppm{0.0};               ///< How much faster simulated gear plays than the simulated interface records. Virtual bench.
    bench::InterfaceModel interface;            ///< Of the virtual bench.
    GainDb gain_mismatch{0.0};                  ///< On top of Fixture::gain_ratio, and not known to whoever measures. Virtual bench.

    procedure::Averaging averaging;
    std::optional<Dbfs> level;                  ///< Of the test signal; none: as the measurement wants it.
    Hertz tone{1000.0};                         ///< Where a measurement reads one frequency.
    bool sweep{false};                          ///< The response by a sweep in place of the multitone.
    std::string gain_setting;                   ///< What the user calls the position of the interface's gain controls.
    bool keeps_captures{false};                 ///< For who exports them.
    std::string into;                           ///< The input that an output's rejection is told for, too; empty: none.
    bool exchange{false};                       ///< The balance is measured with the leads exchanged, so that what the inputs differ by drops out.
    std::optional<procedure::CalibratedValue> compared_inputs;  ///< Fixture::gain_ratio in dB with its uncertainty, where an exchange of leads told it.
    std::vector<std::string> given;             ///< Names of the settings that the user made.

    /// The fixture as it is in truth on the virtual bench.
    [[nodiscard]] Fixture bench_fixture() const noexcept;
};

/// What a setting belongs to: a face offers it where that is in play. Simulation: the virtual bench alone; player: its gear while that plays by itself.
/// Averaging, tone: of what is measured beside verdicts. Calibration: which of the stored ones belongs to what is connected. Balance, response: of these alone.
enum class SettingGroup : std::uint8_t { device, rate, fixture, simulation, player, measurement, averaging, tone, calibration, balance, response };

struct SettingRow {
    std::string_view name;       ///< "rin": its name everywhere; the flag is "--" before it.
    SettingGroup group;
    std::string_view value;      ///< What stands for it in a help text: "OHM[,OHM]".
    std::string_view fallback;   ///< The default as a user would write it; empty: none.
    double lowest;               ///< Of each number, in `unit`.
    double highest;
    std::string_view unit;       ///< "Ω"; empty for counts and words.
    std::size_t most;            ///< Numbers that may be given, separated by commas; 0: words.
    bool is_whole;               ///< Each number is one without a fraction.
    std::string_view word;       ///< Accepted in place of numbers: "none"; else empty.
    std::string_view help;
    Status (*apply)(Settings&, const SettingRow&, std::string_view text);
    bool is_flag{false};         ///< It is on where it is named: what a face gives as its text is "on" or "off".
};

[[nodiscard]] std::span<const SettingRow> settings_table() noexcept;
/// \return null when no setting has this name.
[[nodiscard]] const SettingRow* find_setting(std::string_view name) noexcept;

/// "1 Ω to 100 MΩ, or none".
[[nodiscard]] std::string range_of(const SettingRow& row);

/// Sets one setting from what a user wrote.
/// \return usage error naming the flag, what was given and what may be given; `settings` is then unchanged.
Status apply_setting(Settings& settings, std::string_view name, std::string_view text);

/// Sets one setting of a bench that runs: those of the groups fixture and simulation.
/// \return usage error as of apply_setting, or naming the settings there are; both are then unchanged.
Status apply_to_bench(std::string_view name, std::string_view text, Fixture& fixture, bench::InterfaceModel& interface);

}  // namespace lowleg::instrument
