/// \file random.h
/// Random numbers that are the same on every machine and with every standard library.
#pragma once

#include <cstdint>

namespace lowleg::dsp {

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): 2⁶⁴ values per
/// cycle, every seed good. Not for secrets.
class Random {
public:
    constexpr explicit Random(std::uint64_t seed) noexcept : state_{seed} {}

    constexpr std::uint64_t next() noexcept
    {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }

    /// Uniform in [0, 1), 53 bits.
    constexpr double uniform() noexcept { return static_cast<double>(next() >> 11U) * 0x1p-53; }

    /// Uniform in 0 … count−1; count in 1 … 2³², the bias is below count/2⁶⁴.
    constexpr std::uint64_t below(std::uint64_t count) noexcept { return next() % count; }

private:
    std::uint64_t state_;
};

}  // namespace lowleg::dsp
