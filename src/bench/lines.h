/// \file lines.h
/// Storage and set-up of what makes samples late on the virtual bench.
#pragma once

#include "bench/rt/line.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace lowleg::bench {

/// How late, and how.
struct LineSpec {
    std::int64_t delay_frames{};
    std::int64_t slip_frames{};  ///< 0: it never slips.
    bool resamples{};            ///< For clocks that differ.

    [[nodiscard]] bool is_straight() const noexcept { return *this == LineSpec{}; }
    friend bool operator==(const LineSpec&, const LineSpec&) = default;
};

/// Windowed sinc (Kaiser) that interpolates what lies below the larger of 20 kHz and 5/12 of the rate (at 42 kHz or less:
/// 5/12 of the rate): flat there within 0.0001 dB, images below −105 dB.
class Interpolation {
public:
    explicit Interpolation(double sample_rate_hz);
    [[nodiscard]] rt::InterpolationTable table() const noexcept { return {weights_, phases, taps_}; }

private:
    static constexpr std::size_t phases = 512;  // straight lines between them leave an error of (2π·5/12/512)²/8, −110 dB
    std::size_t taps_;
    std::vector<double> weights_;
};

struct StoredLine {
    std::array<std::vector<float>, 2> samples;
    std::unique_ptr<const Interpolation> interpolation;
    std::unique_ptr<rt::Line> line;
};

/// \param runs_ahead  where the spec resamples: whether it is read faster than it is written. Such a line begins a quarter of a second
///   late, for it has to have what it will catch up with; any other begins with no more delay than the interpolation needs.
[[nodiscard]] std::unique_ptr<StoredLine> make_line(const LineSpec& spec, bool runs_ahead, double sample_rate_hz);

}  // namespace lowleg::bench
