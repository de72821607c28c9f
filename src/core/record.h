/// \file record.h
/// Captured audio on its way from the engine, or from a file, to the analysis.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lowleg {

/// What can break a stretch of captured audio. A set of these voids the period in which they fall.
enum class Fault : std::uint32_t {
    flagged = 1U << 0U,       ///< The audio system reported an overflow or underflow.
    lost = 1U << 1U,          ///< Captured frames were dropped on the way here.
    late = 1U << 2U,          ///< The frame count fell behind a steady clock: frames may be missing.
    block_size = 1U << 3U,    ///< The size of the audio blocks changed.
    repeated = 1U << 4U,      ///< A block came twice.
    zeros = 1U << 5U,         ///< Both inputs exactly zero for a while.
    not_finite = 1U << 6U,    ///< A sample was NaN or infinite (0 was put in its place).
    clipped = 1U << 7U,       ///< An input was at full scale.
    phase_jump = 1U << 8U,    ///< Found by the analysis: the tones do not continue from the period before.
    restarted = 1U << 9U,     ///< The audio was lost and started anew before it: delays may have changed.
};

/// A set of Fault, plain enough to cross a ring.
struct Faults {
    std::uint32_t bits{0};

    [[nodiscard]] constexpr bool has(Fault f) const noexcept { return (bits & static_cast<std::uint32_t>(f)) != 0; }
    [[nodiscard]] constexpr bool none() const noexcept { return bits == 0; }
    constexpr void add(Fault f) noexcept { bits |= static_cast<std::uint32_t>(f); }
    constexpr void add(Faults f) noexcept { bits |= f.bits; }
    friend constexpr bool operator==(Faults, Faults) = default;
};

/// What happened, for a technician: "the inputs were exactly zero, a block came twice". "nothing" for an empty set.
[[nodiscard]] std::string describe(Faults);

/// One period of the test signal as captured from both legs. Both channels have the same length.
struct Period {
    std::array<std::vector<float>, 2> leg;  ///< [0] pin 2 (input 1), [1] pin 3 (input 2); full scale = ±1.
    std::int64_t first_frame{};             ///< In the stream's own count; a whole number of periods after play began.
    Faults faults;
};

/// Captured frames of any number, beginning anywhere in the test signal. Both channels have the same length.
struct Stretch {
    std::array<std::vector<float>, 2> leg;  ///< As in Period.
    std::int64_t first_frame{};             ///< In the stream's own count.
    std::int64_t position{};                ///< Of the first frame within the period of the signal that plays.
    Faults faults;
};

/// Periods of one unbroken stream, in order, of the same length; gaps between them are whole periods.
struct Record {
    double sample_rate_hz{};
    std::int64_t period_frames{};
    std::vector<Period> periods;
};

}  // namespace lowleg
