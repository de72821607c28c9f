/// \file device_check.h
/// Whether this machine and this interface are fit to measure with.
#pragma once

#include "core/result.h"
#include "engine/engine.h"
#include "procedure/measurement.h"

#include <functional>
#include <string>

namespace lowleg::procedure {

struct DeviceCheckOptions {
    std::string device;
    Seconds time{10.0};             ///< Of signal: a third of it silence, the rest a soft multitone.
    Dbfs level{-40.0};              ///< Its peak, at both outputs: whatever is connected hears it.
};

/// Runs a stream and counts: what the callback takes of its time, dropouts, periods that are void, the round trip where an output is wired to an input, how far the clocks
/// are apart, and the noise of each input. What is voided is no error here, but a figure.
/// \return interrupted when the device goes away, or when it is stopped before half of the time; failure when nothing of it was whole.
Result<Measurement> check_device(engine::Engine& engine, const DeviceCheckOptions& options, const MeasurementObserver& observer, const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
