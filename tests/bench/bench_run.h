/// \file bench_run.h
/// Builds virtual benches for tests and runs signals through them.
#pragma once

#include "bench/virtual_bench.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

namespace lowleg::testing {

using bench::CircuitText;
using bench::InterfaceModel;
using bench::VirtualBench;

inline constexpr double pi = std::numbers::pi;
inline constexpr double inf = std::numeric_limits<double>::infinity();

inline InterfaceModel noiseless()
{
    InterfaceModel m;
    m.noise = Dbfs{-inf};
    return m;
}

inline CircuitText shipped(std::string_view name)
{
    auto found = bench::find_circuit(name);
    if (!found) FAIL(found.error().message);
    return found.value();
}

inline Result<std::unique_ptr<VirtualBench>> try_build(const CircuitText& c, const Fixture& f = {}, const InterfaceModel& m = noiseless(),
                                                       double rate = 48e3)
{
    return VirtualBench::build(c, f, m, rate);
}

inline std::unique_ptr<VirtualBench> build(const CircuitText& c, const Fixture& f = {}, const InterfaceModel& m = noiseless(), double rate = 48e3)
{
    auto built = try_build(c, f, m, rate);
    if (!built) FAIL(built.error().message);
    return std::move(built).value();
}

struct Capture {
    std::vector<float> i2, i3;

    void append(const Capture& more)
    {
        i2.insert(i2.end(), more.i2.begin(), more.i2.end());
        i3.insert(i3.end(), more.i3.begin(), more.i3.end());
    }
};

/// Runs `frames` in blocks of lengths that fit neither each other nor the bench's own chunks. drive and probe by frame.
template <class Drive, class Probe>
Capture run(VirtualBench& bench, std::int64_t first, std::size_t frames, Drive&& drive, Probe&& probe)
{
    std::vector<float> d(frames), p(frames);
    for (std::size_t n = 0; n < frames; ++n) {
        d[n] = static_cast<float>(drive(first + static_cast<std::int64_t>(n)));
        p[n] = static_cast<float>(probe(first + static_cast<std::int64_t>(n)));
    }
    Capture c{std::vector<float>(frames), std::vector<float>(frames)};
    constexpr std::array<std::uint32_t, 4> lengths{64, 1, 333, 128};
    std::size_t at = 0;
    for (std::size_t block = 0; at < frames; ++block) {
        const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(lengths[block % lengths.size()], frames - at));
        bench.process(d.data() + at, p.data() + at, c.i2.data() + at, c.i3.data() + at, n);
        at += n;
    }
    return c;
}

inline constexpr auto silence = [](std::int64_t) { return 0.0; };

/// Amplitude of the tone with `cycles` whole cycles in the capture: over cos(2π·cycles·n/N).
inline Complex tone_in(const std::vector<float>& x, double cycles)
{
    Complex sum{};
    const auto size = static_cast<double>(x.size());
    for (std::size_t n = 0; n < x.size(); ++n)
        sum += static_cast<double>(x[n]) * std::polar(2.0 / size, -2.0 * pi * std::fmod(cycles * static_cast<double>(n), size) / size);
    return sum;
}

inline double rms(const std::vector<float>& x)
{
    double sum = 0.0;
    for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
    return std::sqrt(sum / static_cast<double>(x.size()));
}

}  // namespace lowleg::testing
