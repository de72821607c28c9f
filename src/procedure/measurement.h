/// \file measurement.h
/// What every measurement gives, whatever it measures: figures and curves with their uncertainties, and what they rest on.
#pragma once

#include "core/fixture.h"
#include "core/record.h"
#include "core/units.h"
#include "procedure/identify.h"
#include "procedure/played_signal.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::procedure {

/// One number that was measured. What could not be measured is no figure: it is left out, and a note says why.
struct Figure {
    /// Whether the number stands for itself, or only for what lies above it or below it ("≥ 112 dB", at the floor of the run).
    enum class Bound : std::uint8_t { value, at_least, at_most };

    std::string id;              ///< "thd_db": its name for programs, the unit at its end.
    std::string words;           ///< "Total harmonic distortion": its name for people.
    double value{};              ///< Finite.
    std::string unit;            ///< "dB", "%", "V", "dBu", "dBFS", "Ω", "Hz", "ms", "ppm"; empty for a ratio or a count.
    double uncertainty{};        ///< Half width of the 95 % interval, in the same unit; 0 where there is none to state.
    Bound bound{Bound::value};
    std::optional<Hertz> frequency;  ///< At which it holds.
    std::string definition;      ///< One or two sentences, with the standard or the formula: what --explain prints.
};

/// A table over frequency, or over whatever its first column is.
struct Curve {
    struct Column { std::string id, unit; };  ///< "gain_db", "dB"
    std::string id;                           ///< "response"
    std::string words;                        ///< "Frequency response"
    std::vector<Column> columns;
    std::vector<std::vector<double>> rows;    ///< Each as long as `columns`; finite.
    bool for_programs{false};                 ///< Left out of what people read.
};

/// Why averaging ended. All of these leave a valid result.
enum class Ending : std::uint8_t {
    settled,   ///< The wanted uncertainty was reached, or nothing was wanted but the usual number of periods.
    time,      ///< The time that was given is up.
    stopped,   ///< By hand.
    lost,      ///< The device went away and did not come back.
};
/// "settled", "time", "stopped", "lost".
[[nodiscard]] std::string_view id_of(Ending) noexcept;
/// Somebody, or something, ended it before it was to end: exit status 4.
[[nodiscard]] constexpr bool is_cut_short(Ending ending) noexcept { return ending == Ending::stopped || ending == Ending::lost; }

/// How long to average. Each frequency is read coherently; what is averaged are whole periods of the test signal.
struct Averaging {
    std::optional<GainDb> until;     ///< Until the leading figure is known to this, 95 %.
    std::optional<Seconds> at_most;  ///< Of signal. None: `usual`, or a minute where `until` is given.
    Seconds usual{4.0};
};

/// What the numbers rest on.
struct MeasurementQuality {
    std::size_t periods{};             ///< That entered the result.
    std::size_t voided{};
    Faults void_reasons;
    Seconds signal{};                  ///< That entered the result.
    Ending ending{Ending::settled};
    std::string lost_because;          ///< Where the device went away: a sentence.
    std::optional<Dbfs> hum;           ///< The louder input's; none: none stood out of the noise.
    std::optional<Hertz> hum_frequency;
    std::optional<Dbfs> noise;         ///< The noisier input's, 20 Hz to 20 kHz.
    double clock_ppm{0.0};
    Source source{Source::device};
};

/// Which calibration the numbers were made with.
struct CalibrationUse {
    enum class Kind : std::uint8_t {
        none,           ///< No volts can be shown.
        virtual_bench,  ///< Exact by construction.
        stored,
    };
    Kind kind{Kind::none};
    std::string date;        ///< Of the oldest part used, "2026-11-23"; empty unless stored.
    std::string setting;     ///< The gain setting that it was made at.
    bool is_stale{false};    ///< Older than 90 days.
    std::string says;        ///< A sentence where there is something to say: none, stale, made at another setting.
};

/// Captured samples of one step, for --wav.
struct CapturedStep {
    std::string name;        ///< "through", "common-leg-2": the file's name without ".wav".
    Record record;
};

struct Measurement {
    std::string kind;                 ///< "distortion": what was measured.
    std::string device_under_test;
    double sample_rate_hz{};
    Fixture fixture;
    std::vector<PlayedSignal> played; ///< In order; empty where a recording does not tell.
    std::string finding;              ///< "difference-amplifier": where something has a name, that; for programs. Else empty.
    std::vector<Figure> figures;      ///< The first is the leading one.
    std::vector<Curve> curves;
    std::vector<std::string> says;    ///< What follows from the numbers: sentences.
    std::vector<std::string> notes;   ///< What else a user should know of the run: sentences.
    MeasurementQuality quality;
    CalibrationUse calibration;
    std::vector<CapturedStep> captures;
};

/// Told while a measurement goes on. Called on the thread that runs it.
struct MeasurementProgress {
    std::string step;                     ///< "pin 3 in common mode": what is being measured.
    std::size_t periods{};
    Seconds signal{};
    std::optional<Figure> leading;        ///< As it stands now.
    Faults voided;                        ///< Why the last period is measured again, if it is.
};
using MeasurementObserver = std::function<void(const MeasurementProgress&)>;

}  // namespace lowleg::procedure
