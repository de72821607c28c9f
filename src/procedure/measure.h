/// \file measure.h
/// The measurements of an instrument: level, response, distortion, noise and their like.
#pragma once

#include "core/result.h"
#include "engine/engine.h"
#include "procedure/calibration.h"
#include "procedure/fixture_switch.h"
#include "procedure/input_facts.h"
#include "procedure/measurement.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lowleg::procedure {

enum class MeasureKind : std::uint8_t { level, response, distortion, noise, hum, crosstalk, impedance, headroom, latency, polarity, balance, input };
inline constexpr std::array all_measure_kinds{MeasureKind::level,     MeasureKind::response,  MeasureKind::distortion, MeasureKind::noise,
                                              MeasureKind::hum,       MeasureKind::crosstalk, MeasureKind::impedance,  MeasureKind::headroom,
                                              MeasureKind::latency,   MeasureKind::polarity,  MeasureKind::balance,    MeasureKind::input};
[[nodiscard]] std::string_view name_of(MeasureKind) noexcept;  ///< "level"
[[nodiscard]] std::string_view words_for(MeasureKind) noexcept;  ///< What it measures, half a sentence for a list of commands.

struct MeasureOptions {
    Fixture fixture;
    Averaging averaging;
    Scales scales;
    std::optional<Dbfs> level;          ///< Of the test signal; none: as the measurement wants it.
    Hertz tone{1000.0};                 ///< Where one frequency is read.
    bool sweep{false};                  ///< Response: by a sweep, with harmonics over frequency, in place of the multitone.
    std::size_t periods{2};             ///< Per state, where the switch is moved.
    bool line_output{false};
    std::function<bool()> confirm_line_output;
    bool keeps_captures{false};         ///< Measurement::captures is filled.
    std::optional<InputFacts> into;     ///< Balance: an input that its rejection is told for, too.
    std::string device_under_test;
    Source source{Source::device};
};

/// Of the longest signal that measure() plays at a sample rate. \param sweep  as of the options.
[[nodiscard]] std::int64_t longest_signal_frames(double sample_rate_hz, bool sweep);

/// Measures one thing on the output that stands on the fixture, or, for `input`, on the input that output 1 drives.
/// \return usage error where an option does not fit; interrupted when the device goes away, when it is stopped before there is a result, or when
///         going on could harm the gear; failure, with the reason, where nothing can be said.
Result<Measurement> measure(engine::Engine& engine, FixtureSwitch& fixture_switch, MeasureKind kind, const MeasureOptions& options,
                            const MeasurementObserver& observer, const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
