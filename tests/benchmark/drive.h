/// \file drive.h
/// What the benchmark plays.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace lowleg::benchmarks {

inline constexpr double rate_hz = 48e3;
inline constexpr std::size_t block_frames = 64;

inline std::vector<float> made_multitone(std::size_t which)
{
    constexpr std::size_t tones = 24;
    constexpr std::size_t frames = 24'000;
    std::vector<double> sum(frames);
    for (std::size_t k = 0; k < tones; ++k) {
        const double bin = std::round(10.0 * std::pow(1000.0, static_cast<double>(k) / (tones - 1))) + 3.0 * static_cast<double>(which);
        const double phase = std::numbers::pi * static_cast<double>(k * k) / tones;  // M. Schroeder, 1970: a low crest factor
        for (std::size_t n = 0; n < frames; ++n)
            sum[n] += std::cos(2.0 * std::numbers::pi * std::fmod(bin * static_cast<double>(n) / frames, 1.0) - phase);
    }
    // A full-scale sine is 0 dBFS: rms 1/√2. A quarter of its amplitude is −12 dB.
    const double scale = 0.25 / std::sqrt(static_cast<double>(tones));
    std::vector<float> out;
    out.reserve(frames);
    for (const double x : sum) out.push_back(static_cast<float>(scale * x));
    return out;
}

/// Half a second that repeats: 24 tones from 20 Hz to 20 kHz as `identify` spreads them, at −12 dBFS together. [0] drive;
/// [1] probe, on other bins.
inline const std::array<std::vector<float>, 2>& multitones()
{
    static const std::array made{made_multitone(0), made_multitone(1)};
    return made;
}

}  // namespace lowleg::benchmarks
