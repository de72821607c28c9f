/// \file line.h
/// What makes samples late on the audio thread: the converters' round trip, clocks that differ, slips. Set-up: bench/lines.h.
#pragma once

#include "core/realtime.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lowleg::bench::rt {

/// Interpolates between samples: windowed sinc, by phases of a sample, straight lines between the phases.
struct InterpolationTable {
    std::span<const double> weights;  ///< [phases + 1][taps]
    std::size_t phases{};
    std::size_t taps{};               ///< Even; 0: whole samples only.
};

struct LineSetup {
    std::array<std::span<float>, 2> samples;  ///< Zeros, Line::storage_for() of them for each channel.
    std::size_t length{};                     ///< Of the ring: more than the longest delay and taps together.
    std::size_t delay{};                      ///< Frames.
    std::size_t slip{};                       ///< Frames more while it has slipped.
    InterpolationTable table{};
    double drift_frames{};                    ///< To begin with.
    double most_drift_frames{};               ///< Where the drift jumps back by as much.
};

/// Two channels, delayed.
class Line {
public:
    [[nodiscard]] static constexpr std::size_t storage_for(std::size_t length, std::size_t taps) noexcept { return length + taps; }

    /// \param setup  what it refers to outlives this.
    explicit Line(const LineSetup& setup) noexcept : setup_{setup}, drift_{setup.drift_frames} {}

    /// The newest frame. Wait-free.
    void write(float a, float b) LOWLEG_REALTIME;
    /// The frame whose turn it is, once for each that is written.
    std::array<double, 2> read() LOWLEG_REALTIME;

    /// Whether read() has only frames that were written.
    [[nodiscard]] bool is_full() const LOWLEG_REALTIME { return written_ >= setup_.length; }
    /// How much later each frame is read than the one before.
    void set_drift(double frames_per_frame) LOWLEG_REALTIME { drift_per_frame_ = frames_per_frame; }
    /// Falls behind by the slip, or makes up for it.
    void slip() LOWLEG_REALTIME { has_slipped_ = !has_slipped_; }

    /// Set by the audio thread when it is done with this line: whoever made it may free it.
    std::atomic<bool> is_spent{false};

private:
    [[nodiscard]] std::size_t back_from_newest(std::size_t frames) const LOWLEG_REALTIME
    {
        return newest_ >= frames ? newest_ - frames : newest_ + setup_.length - frames;
    }

    LineSetup setup_;
    std::size_t newest_{0};
    std::size_t written_{0};
    double drift_;
    double drift_per_frame_{0.0};
    bool has_slipped_{false};
};

/// The way of two channels: straight through, or a line. From one to another it fades, once the new line is full.
class Path {
public:
    /// \param line  counts as full: what was before it is silence. None: straight through.
    Path(Line* line, std::uint32_t fade_frames) noexcept : line_{line}, fade_frames_{fade_frames} {}

    [[nodiscard]] bool is_straight() const LOWLEG_REALTIME { return line_ == nullptr && change_ == Change::none; }
    [[nodiscard]] bool can_change() const LOWLEG_REALTIME { return change_ != Change::fading; }
    /// A change that has not begun to fade is given up for this one. \pre can_change()
    void change_to(Line* next) LOWLEG_REALTIME;
    void set_drift(double frames_per_frame) LOWLEG_REALTIME;

    /// In place. \param slips  bit n: before frame n it slips. \param frames  ≤ 32.
    void pass(double* a, double* b, std::size_t frames, std::uint32_t slips) LOWLEG_REALTIME;

private:
    enum class Change : std::uint8_t { none, filling, fading };

    Line* line_;
    Line* next_{nullptr};
    Change change_{Change::none};
    std::uint32_t fade_frames_;
    std::uint32_t faded_frames_{0};
};

}  // namespace lowleg::bench::rt
