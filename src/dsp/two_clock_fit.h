/// \file two_clock_fit.h
/// Tones of two clocks in one stretch: those of ours, whose frequencies are known, and those of another, off by one unknown factor.
#pragma once

#include "core/result.h"
#include "core/units.h"

#include <array>
#include <span>
#include <vector>

namespace lowleg::dsp {

struct TwoClockTones {
    std::vector<double> ours;      ///< Cycles per frame, each in (0, ½).
    std::vector<double> theirs;    ///< The same, as they are by their own clock; in truth each is (1 + offset) times that.
    double largest_offset{};       ///< 0 … 0.001.
};

struct TwoClockFit {
    double offset{};
    /// Peak, of a cosine about the middle of the stretch ((frames − 1)/2); [channel][tone], ours and theirs in the order given.
    std::array<std::vector<Complex>, 2> ours;
    std::array<std::vector<Complex>, 2> theirs;
    std::vector<double> ours_unit_sigma;    ///< Standard deviation of either part of a phasor, over the rms of white noise in the stretch.
    std::vector<double> theirs_unit_sigma;
    std::array<double, 2> residual_rms{};   ///< What is left of each channel; a constant counts as explained.
};

/// Least squares on all tones and a constant, in both channels together, with one offset (Gauss and Newton's method from the offset at which their
/// tones carry most power). Without such tones in the stretch the offset means nothing, and their phasors are noise.
/// \param x  two channels of the same length. \return failure when the stretch is too short to hold the tones, or two of ours are the same.
[[nodiscard]] Result<TwoClockFit> fit_two_clocks(const std::array<std::span<const double>, 2>& x, const TwoClockTones& tones);

/// Their tones of one channel by our clock, and by their own: what is to be taken off a stretch, and what it would have held with one clock.
/// \param phasors  as in TwoClockFit. \return Σ |p|·cos(2π·f·(1 + offset)·(n − middle) + arg p), shape [frames].
[[nodiscard]] std::vector<double> render_tones(std::span<const double> cycles_per_frame, std::span<const Complex> phasors, double offset, std::size_t frames);

}  // namespace lowleg::dsp
