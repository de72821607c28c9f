/// \file tone_fit.h
/// Tones of known frequencies in a stretch of any length: no bin, no window, no whole number of cycles is needed.
#pragma once

#include "core/result.h"
#include "core/units.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace lowleg::dsp {

/// Linear least squares on a cosine and a sine per frequency, a constant and a slope (S. Kay, Fundamentals of Statistical Signal
/// Processing I, example 4.2). Set up once for a length, used for any number of stretches; frequencies much closer than one cycle
/// per stretch are told apart poorly, and unit_sigma() says how poorly.
class ToneFit {
public:
    /// \param cycles_per_frame  frequencies over the sample rate, each in (0, ½), no two the same; their number is arbitrary.
    /// \return failure when the stretch is too short to hold that many, or two of them cannot be told apart in it.
    static Result<ToneFit> create(std::vector<double> cycles_per_frame, std::size_t frames);

    struct Reading {
        std::vector<Complex> phasor;  ///< Peak, of a cosine that begins with the stretch; in the order of the frequencies.
        double residual_rms{};        ///< What is left of the stretch.
    };
    /// \param x  shape [frames()].
    [[nodiscard]] Reading read(std::span<const float> x) const;

    /// Standard deviation of either part of a phasor, over the rms of white noise in the stretch.
    [[nodiscard]] double unit_sigma(std::size_t tone) const;
    [[nodiscard]] std::size_t frames() const noexcept;

private:
    struct Setup;
    explicit ToneFit(std::shared_ptr<const Setup> setup) noexcept : setup_{std::move(setup)} {}
    std::shared_ptr<const Setup> setup_;
};

}  // namespace lowleg::dsp
