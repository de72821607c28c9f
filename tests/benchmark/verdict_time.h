/// \file verdict_time.h
/// How long the program computes between the last sample of a capture and the verdict.
#pragma once

#include "bench/collection.h"
#include "core/result.h"

#include <string>

namespace lowleg::benchmarks {

/// In ms, by the clock on the wall: all processors work on a verdict.
struct Spent {
    double median{};
    double longest{};
};

/// Of one identification: four states with the probe, two periods each at 48 kHz, with hum.
struct VerdictTime {
    std::string verdict;    ///< "cross-coupled 98.4 %"
    double reading{};       ///< Median: the last state's capture. Decay, hum, tones, harmonics.
    double judging{};       ///< Median: what makes a verdict of the four readings.
    Spent from_last_sample; ///< Both: live, the other states have been read before the last one is captured.
    Spent from_captures;    ///< From four captures.
};

/// Captures the states from the virtual bench, once, and then reads and judges them several times.
/// \param circuit  of an output.
Result<VerdictTime> time_verdict(const bench::CircuitText& circuit);

}  // namespace lowleg::benchmarks
