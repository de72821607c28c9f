/// \file draw.h
/// Random values of parts and set-ups, the same on every machine.
#pragma once

#include "dsp/random.h"

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>

namespace lowleg::study {

/// A stream of random numbers of its own for every unit and purpose: what is drawn for one never moves another.
class Draw {
public:
    Draw(std::uint64_t seed, std::uint64_t unit, std::uint64_t purpose) noexcept : random_{mixed(mixed(mixed(seed) ^ unit) ^ purpose)} {}

    double uniform(double lowest, double highest) noexcept { return lowest + (highest - lowest) * random_.uniform(); }
    /// Equal chance for equal ratios. \pre 0 < lowest ≤ highest
    double log_uniform(double lowest, double highest) noexcept { return lowest * std::exp(random_.uniform() * std::log(highest / lowest)); }
    /// Standard normal (Box and Muller).
    double normal() noexcept
    {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - random_.uniform()));
        return radius * std::cos(2.0 * std::numbers::pi * random_.uniform());
    }
    bool chance(double probability) noexcept { return random_.uniform() < probability; }
    /// A part of this value, off by at most `tolerance` (relative).
    double part(double value, double tolerance) noexcept { return value * (1.0 + uniform(-tolerance, tolerance)); }
    template <class T>
    T one_of(std::initializer_list<T> choices) noexcept
    {
        return choices.begin()[random_.below(choices.size())];
    }

private:
    /// Neighbouring numbers become unrelated ones.
    static std::uint64_t mixed(std::uint64_t x) noexcept { return dsp::Random{x}.next(); }

    dsp::Random random_;
};

}  // namespace lowleg::study
