/// \file leakage.h
/// What a sine of any frequency leaves in the bins of a period.
#pragma once

#include "core/units.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lowleg::dsp {

/// The Dirichlet kernel (1/N)·Σₙ e^{j2πxn/N}, n = 0 … N−1 = e^{jπx(N−1)/N}·sin(πx) / (N·sin(πx/N)): the response of a bin to a
/// complex exponential x bins away, without a window. 1 for x = 0, exactly 0 for other whole x (mod N).
/// \param x  |x| ≤ N. \param n  ≥ 1.
[[nodiscard]] Complex leakage(double x, std::int64_t n) noexcept;

/// Its derivative with respect to x.
[[nodiscard]] Complex leakage_slope(double x, std::int64_t n) noexcept;

/// (2/N)·X[bin] of the sine Re(amplitude·e^{j2π·f·n/N}), n = 0 … N−1, its image at −f included.
/// \param f  in bins, 0 < f < N/2.
[[nodiscard]] Complex line_in_bin(Complex amplitude, double f, std::int64_t bin, std::int64_t n) noexcept;

/// The leakage of one line into many bins: sin(π(f − b)) is the same for every b but for its sign, so one division per bin is left.
class LineSpectrum {
public:
    /// \param n  frames of a period, even, ≥ 2.
    explicit LineSpectrum(std::int64_t n);

    /// What a line of amplitude 1 puts on these bins: direct[i] = leakage(f − bins[i]), image[i] = leakage(−f − bins[i]).
    /// 0 ≤ bins[i] ≤ N/2. Error below 1e-12.
    void response(double f, std::span<const std::int64_t> bins, std::span<Complex> direct, std::span<Complex> image) const;

private:
    /// leakage(f − b) = direct · e^{jπb/N} / sin(π(f − b)/N) with direct = e^{jπf(N−1)/N}·sin(πf)/N;
    /// leakage(−f − b) = conj(direct) · e^{jπb/N} / sin(π(f + b)/N).
    struct Split { double f, sine, cosine; Complex direct; };
    [[nodiscard]] Split split(double f) const noexcept;
    /// Both leakages on one bin.
    [[nodiscard]] std::pair<Complex, Complex> at(const Split& line, std::int64_t bin) const noexcept;

    std::int64_t n_;
    std::vector<Complex> half_turn_;  // e^{jπb/N}
};

}  // namespace lowleg::dsp
