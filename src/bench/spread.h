/// \file spread.h
/// How far a circuit's readings scatter when its parts lie anywhere within their tolerances.
#pragma once

#include "bench/collection.h"
#include "bench/figures.h"
#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lowleg::bench {

struct SpreadOptions {
    std::size_t draws{1000};  ///< 1 … max_draws
    std::uint64_t seed{1};    ///< The same seed draws the same parts, on every machine.
    std::vector<Hertz> frequencies{Hertz{20.0}, Hertz{100.0}, Hertz{1e3}, Hertz{10e3}, Hertz{20e3}};
};
inline constexpr std::size_t max_draws = 100'000;

// Of parts whose line states none; of every other kind of part: none.
inline constexpr double tolerance_of_resistors = 0.01;
inline constexpr double tolerance_of_capacitors = 0.10;
inline constexpr double tolerance_of_inductors = 0.20;

/// A value of the netlist that is drawn: uniform within nominal · (1 ± tolerance), of its sign at any tolerance.
struct DrawnPart {
    std::string name;
    double nominal{};
    double tolerance{};      ///< As a fraction, > 0.
    bool is_stated{};        ///< In the netlist; otherwise it is the rule's.
};

struct Draw {
    enum class Fate : std::uint8_t { solved, no_solution, unstable };
    Fate fate{Fate::solved};
    std::string reason;           ///< Of any other fate: a sentence.
    std::vector<double> parts;    ///< [DrawnPart] As the circuit had them.
    std::vector<double> figures;  ///< [frequency · figures + figure], as SolvedCircuit::read; empty unless solved.
};

struct Spread {
    CircuitKind kind{};
    SpreadOptions options;
    std::vector<Figure> figures;
    std::vector<DrawnPart> parts;  ///< In the order of the netlist.
    std::vector<double> nominal;   ///< As Draw::figures, of the netlist as it stands.
    std::vector<Draw> draws;
    std::vector<std::string> notes;  ///< As of VirtualBench::notes.
};

/// Draws all parts independently and solves each circuit for small signals, in all positions of the switch.
///
/// The j-th of k parts of draw i gets output i·k + j of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014) seeded with `seed`, its upper 53 bits as a number u in [0, 1): the value is
/// nominal · (1 + tolerance · (2u − 1)).
/// \param should_stop  asked again and again, on the thread that calls; may be empty.
/// \return usage error for a number of draws out of range; failure of the nominal circuit; interrupted when it was stopped.
Result<Spread> spread_of(const CircuitText& circuit, const Fixture& fixture, const SpreadOptions& options,
                         const std::function<bool()>& should_stop = {});

/// How one figure is distributed over the draws that have it.
struct Distribution {
    std::size_t count{};  ///< Of 0 all others are NaN.
    double mean{}, deviation{};  ///< Deviation: with count − 1; NaN for a single one.
    double lowest{}, q05{}, median{}, q95{}, highest{};  ///< Quantiles interpolate between the sorted values.
};
[[nodiscard]] Distribution distribution_of(const Spread& spread, std::size_t frequency, std::size_t figure);

}  // namespace lowleg::bench
