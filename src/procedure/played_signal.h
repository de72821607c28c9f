/// \file played_signal.h
/// What was played while something was captured.
#pragma once

#include "core/units.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace lowleg::procedure {

struct PlayedSignal {
    std::string name;                              ///< Of its capture: "through", "sine".
    std::optional<Dbfs> drive_peak, probe_peak;    ///< Sample values; none: silent.
};

/// \param samples  one period, interleaved (drive, probe), full scale = 1.
[[nodiscard]] inline PlayedSignal played_signal(std::string name, std::span<const float> samples)
{
    const auto peak = [&](std::size_t channel) -> std::optional<Dbfs> {
        float most = 0.0F;
        for (std::size_t i = channel; i < samples.size(); i += 2) most = std::max(most, std::abs(samples[i]));
        return most > 0.0F ? std::optional{dbfs_of_peak(static_cast<double>(most))} : std::nullopt;
    };
    return {std::move(name), peak(0), peak(1)};
}

}  // namespace lowleg::procedure
