/// \file trigger.h
/// Where a picture of a waveform begins, so that it stands still.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace lowleg::analysis {

/// Finds the rising crossing of 0 whose picture is most like the one before: a signal that repeats stands still, also one that crosses 0 many times in each period.
class Trigger {
public:
    /// \param x  the waveform, newest sample last. \param shown  frames that the picture needs behind the crossing. \param searched  frames in which the crossing is looked
    /// for, before those. \return its position in x, between samples; none when there is no crossing, or nothing but noise of this hysteresis.
    [[nodiscard]] std::optional<double> find(std::span<const float> x, std::size_t shown, std::size_t searched, float hysteresis);

private:
    std::vector<float> before_;  // of the picture, compared_points of it
};

}  // namespace lowleg::analysis
