/// \file measure_captures.h
/// The same measurements from recordings that were made elsewhere, or exported before.
#pragma once

#include "procedure/measure.h"

#include <filesystem>
#include <functional>

namespace lowleg::procedure {

/// Measures what RecordingSource finds at `path`: level, response, distortion, noise, hum, crosstalk, headroom; of exported captures latency, polarity and input, too; impedance and
/// balance of what identify_captures() finds there. Recorder and player may have clocks of their own. \param options  level, tone and method as of what was played.
/// \return failure naming the file and why.
Result<Measurement> measure_captures(const std::filesystem::path& path, MeasureKind kind, MeasureOptions options, const MeasurementObserver& observer,
                                     const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
