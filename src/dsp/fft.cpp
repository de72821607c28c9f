#include "dsp/fft.h"

#include <kissfft.hh>

#include <cassert>
#include <string>
#include <utility>

namespace lowleg::dsp {

struct RealFft::Setup {
    explicit Setup(std::size_t size) : half{size / 2, false} {}
    kissfft<double> half;  // KissFFT packs N real values into N/2 complex ones.
};

bool is_smooth(std::size_t n) noexcept
{
    if (n == 0) return false;
    for (const std::size_t p : {2U, 3U, 5U, 7U})
        while (n % p == 0) n /= p;
    return n == 1;
}

RealFft::RealFft(std::size_t size, std::shared_ptr<const Setup> setup) : size_{size}, setup_{std::move(setup)} {}

Result<RealFft> RealFft::create(std::size_t size)
{
    if (size < 2 || size % 2 != 0 || !is_smooth(size))
        return Error{"A period of " + std::to_string(size) +
                     " frames cannot be analysed: choose an even number of frames without prime factors above 7."};
    return RealFft{size, std::make_shared<const Setup>(size)};
}

void RealFft::transform(std::span<const double> x, std::span<Complex> out) const
{
    assert(x.size() == size() && out.size() == bins());
    setup_->half.transform_real(x.data(), out.data());
    out[size_ / 2] = out[0].imag();  // X[N/2] comes packed into Im X[0].
    out[0] = out[0].real();
}

}  // namespace lowleg::dsp
