/// \file fft.h
/// The discrete Fourier transform of real data, in double precision.
#pragma once

#include "core/result.h"
#include "core/units.h"

#include <cstddef>
#include <memory>
#include <span>

namespace lowleg::dsp {

/// Whether a length has no prime factor above 7: those are transformed in O(n·log n).
[[nodiscard]] bool is_smooth(std::size_t n) noexcept;

/// X[b] = Σₙ x[n]·e^{−j2πbn/N}, b = 0 … N/2. Set up once, used for any number of records. No scaling, no window.
///
/// Relative rms error ≈ 5e-16 (KissFFT in double). Copies share the set-up; transform() may run on several threads at once.
class RealFft {
public:
    /// \param size  N: even, ≥ 2, no prime factor above 7. \return failure otherwise.
    static Result<RealFft> create(std::size_t size);

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t bins() const noexcept { return size_ / 2 + 1; }

    /// \param x    shape [size()].
    /// \param out  shape [bins()]; out[0] and out[N/2] are real. Must not overlap x.
    void transform(std::span<const double> x, std::span<Complex> out) const;

private:
    struct Setup;
    RealFft(std::size_t size, std::shared_ptr<const Setup> setup);

    std::size_t size_;
    std::shared_ptr<const Setup> setup_;
};

}  // namespace lowleg::dsp
