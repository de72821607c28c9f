/// \file measure_kinds.h
/// One function for each kind of measurement, and what they share. Private to measure().
#pragma once

#include "analysis/multitone.h"
#include "core/tone_plan.h"
#include "procedure/averaging.h"
#include "procedure/identify.h"
#include "procedure/measure.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::procedure {

/// What every kind works with that listens to one signal after another.
struct SourceRun {
    PeriodSource& source;
    FixtureSwitch& fixture_switch;
    const MeasureOptions& options;
    const MeasurementObserver& observer;
    const std::function<bool()>& should_stop;

    [[nodiscard]] double sample_rate_hz() const noexcept { return source.sample_rate_hz(); }
    /// A measurement with its heading filled in.
    [[nodiscard]] Measurement begin(MeasureKind kind) const;
};

/// Takes an output through the states that tell its impedances.
using Identifier = std::function<Result<Identification>(const IdentifyOptions&, const std::function<void(const IdentifyProgress&)>&)>;

/// What every kind works with that takes the output's two-port.
struct StatesRun : SourceRun {
    Identifier identify;
};

/// What every kind works with that needs more of the engine.
struct MeasureRun : StatesRun {
    engine::Engine& engine;
};

Result<Measurement> measure_level(const SourceRun& run);
Result<Measurement> measure_response(const SourceRun& run);  ///< Multitone or sweep, as the options say.
Result<Measurement> measure_response_by_sweep(const SourceRun& run);
std::int64_t longest_sweep_frames(double sample_rate_hz);  ///< That measure_response_by_sweep() plays.
Result<Measurement> measure_distortion(const SourceRun& run);
Result<Measurement> measure_noise(const SourceRun& run);
Result<Measurement> measure_hum(const SourceRun& run);
Result<Measurement> measure_crosstalk(const SourceRun& run);
Result<Measurement> measure_impedance(const StatesRun& run);
Result<Measurement> measure_headroom(const MeasureRun& run);
Result<Measurement> read_headroom_captures(const SourceRun& run, RecordingSource& recordings);  ///< What measure_headroom() captured.
Result<Measurement> measure_latency(const SourceRun& run);
Result<Measurement> measure_polarity(const SourceRun& run);
Result<Measurement> measure_balance(const StatesRun& run);
Result<Measurement> measure_input(const SourceRun& run);

/// A coherent tone near `wanted`, on an odd bin at least four bins from every multiple of 50 and 60 Hz, with the period of the multitone.
/// \return usage error when it is above 0.45 of the rate.
Result<TonePlan> plan_tone(double sample_rate_hz, Hertz wanted, Dbfs level, Signal signal = Signal::drive);

/// Fills in what averaging and reading tell of a run; that of several steps adds up.
void describe(const Averaged& averaged, const analysis::MultitoneReading& reading, MeasurementQuality& quality);

/// \param what  "the sweep". \param peak  of both inputs, full scale = 1.
[[nodiscard]] Error nothing_heard_of(const std::string& what, const std::array<double, 2>& peak);

/// Half width of the 95 % interval of a level, dB, from its relative one and, where volts are meant, the calibration's.
[[nodiscard]] double uncertainty_db(double relative_95, const std::optional<CalibratedValue>& volts = {});

/// A level as figures: dBFS, and where the channel is calibrated volts, dBu and dBV. \param name  "pin2"; \param words  "Pin 2".
/// \param peak  of the sine, full scale = 1, > 0.
void add_level(std::vector<Figure>& figures, const std::string& name, const std::string& words, double peak, double relative_95, std::optional<Hertz> frequency,
               const std::optional<CalibratedValue>& full_scale_volts, const std::string& definition);

}  // namespace lowleg::procedure
