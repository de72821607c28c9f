/// \file silent_record.h
/// What both inputs hear while nothing is played: the common ground of noise and hum.
#pragma once

#include "analysis/noise_level.h"
#include "procedure/averaging.h"
#include "procedure/measure_kinds.h"

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lowleg::procedure {

/// Where it is listened: at pin 2, at pin 3, or between them.
struct Listener {
    std::string name;    ///< "pin2"
    std::string words;   ///< "Pin 2"
    bool is_between{};   ///< The pins: read from their difference.
    std::size_t leg{};   ///< Of the reading.
    std::optional<CalibratedValue> full_scale_volts;
};
/// Pin 2, pin 3, and pin 2 against pin 3.
[[nodiscard]] std::vector<Listener> listeners(const SourceRun& run);

struct SilentRecord {
    Averaged averaged;
    analysis::NoiseReading pins;       ///< [0] pin 2, [1] pin 3.
    analysis::NoiseReading between;    ///< [0] pin 2 − pin 3, evened out by the inputs' gains; [1] half their sum.

    [[nodiscard]] const analysis::NoiseReading& reading(const Listener& listener) const noexcept { return listener.is_between ? between : pins; }
    void describe(MeasurementQuality& quality) const;
};

/// Plays silence in `through` and averages what comes in. \param leading  from the reading of the pins so far; may be empty.
Result<SilentRecord> record_silence(const SourceRun& run, const std::string& step, std::span<const analysis::NoiseBand> bands,
                                    const std::function<std::optional<Figure>(const analysis::NoiseReading&)>& leading);

}  // namespace lowleg::procedure
