/// \file live_spectrum.h
/// Spectra for the eye: of whatever is to be heard, not of a known test signal. What is measured is read by multitone.h.
#pragma once

#include "core/result.h"
#include "core/units.h"
#include "dsp/fft.h"

#include <cstddef>
#include <span>
#include <vector>

namespace lowleg::analysis {

/// Levels of two legs, their sum and their difference over frequency.
///
/// Window HFT95 (G. Heinzel, A. Rüdiger, R. Schilling, "Spectrum and spectral density estimation by the DFT", MPI für Gravitationsphysik 2002): a sine reads its level
/// within 0.005 dB wherever it lies between the bins, side lobes stay 95 dB below it, and noise reads as that in 3.81 bins.
class LiveSpectrum {
public:
    /// \param frames  N, as RealFft wants it.
    static Result<LiveSpectrum> create(std::size_t frames);
    [[nodiscard]] std::size_t frames() const noexcept { return fft_.size(); }
    [[nodiscard]] std::size_t bins() const noexcept { return fft_.bins(); }

    /// The power of each bin, of a sine 1 where its peak is 1 (0 dBFS). \param pin2, pin3  shape [frames()]. \param out  [0] pin 2, [1] pin 3, [2] sum, [3] difference; each
    /// of shape [bins()].
    void powers(std::span<const float> pin2, std::span<const float> pin3, std::span<std::vector<float>, 4> out);

private:
    explicit LiveSpectrum(dsp::RealFft fft);
    dsp::RealFft fft_;
    std::vector<double> window_;  // scaled so that powers come out right
    std::vector<double> windowed_;
    std::vector<Complex> pin2_, pin3_;
};

}  // namespace lowleg::analysis
