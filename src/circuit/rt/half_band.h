/// \file half_band.h
/// Doubles and halves a sample rate on the audio thread, with the half-band filter of circuit/half_band_design.h.
#pragma once

#include "circuit/rt/multiply_add.h"
#include "core/realtime.h"

#include <cstddef>
#include <span>

namespace lowleg::circuit::rt {

/// `frames`, filled up to whole chunks.
[[nodiscard]] constexpr std::size_t in_chunks(std::size_t frames) noexcept { return (frames + chunk_frames - 1) / chunk_frames * chunk_frames; }

/// x at the low rate → y at twice the rate: y[2n] = x[n − half], y[2n + 1] lies midway to the next. The delay is half samples
/// of the low rate.
class Doubler {
public:
    /// \param taps  2 · half. \param most_frames  at the low rate that are doubled in one call.
    [[nodiscard]] static constexpr std::size_t storage_for(std::size_t taps, std::size_t most_frames) noexcept { return taps - 1 + in_chunks(most_frames); }

    /// \param taps  from design_half_band. \param storage  storage_for() zeros, that outlive this like the taps.
    Doubler(std::span<const double> taps, std::span<double> storage) LOWLEG_REALTIME : taps_{taps}, history_{storage} {}

    /// Wait-free. \param in  [frames] \param out  [2 · frames]
    void process(const double* in, double* out, std::size_t frames) LOWLEG_REALTIME;

private:
    std::span<const double> taps_;
    std::span<double> history_;
};

/// x at twice the rate → y at the low rate, what lies above its reach removed. The delay is half − 1 samples of the low rate.
class Halver {
public:
    [[nodiscard]] static constexpr std::size_t storage_for(std::size_t taps, std::size_t most_frames) noexcept
    {
        return (taps - 1 + in_chunks(most_frames)) + (taps / 2 - 1 + most_frames);
    }

    /// \param taps  from design_half_band. \param most_frames  at the low rate. \param storage  as of Doubler.
    Halver(std::span<const double> taps, std::size_t most_frames, std::span<double> storage) LOWLEG_REALTIME
        : taps_{taps}, odd_{storage.first(taps.size() - 1 + in_chunks(most_frames))}, even_{storage.subspan(odd_.size())}
    {
    }

    /// Wait-free. \param in  [2 · frames] \param out  [frames]
    void process(const double* in, double* out, std::size_t frames) LOWLEG_REALTIME;

private:
    std::span<const double> taps_;
    std::span<double> odd_;   ///< [taps − 1 + in_chunks(most_frames)] samples at odd places, oldest first
    std::span<double> even_;  ///< [half − 1 + most_frames]
};

}  // namespace lowleg::circuit::rt
