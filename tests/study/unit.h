/// \file unit.h
/// Random units of gear: a netlist, and what may rightly be said of it.
#pragma once

#include "core/fixture.h"
#include "topology/verdict.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::study {

using topology::Topology;
using topology::Variant;

/// The rows of the confusion table.
enum class Family : std::uint8_t {
    transformer,
    transformer_center_tapped,
    cross_coupled,
    inverter,
    impedance_balanced,
    unbalanced,
    dual_unbalanced,
    insert,
    ground_sensing,
    no_signal,
    odd,  ///< Fits nothing.
};
inline constexpr std::array all_families{
    Family::transformer,     Family::transformer_center_tapped, Family::cross_coupled,  Family::inverter,  Family::impedance_balanced, Family::unbalanced,
    Family::dual_unbalanced, Family::insert,                    Family::ground_sensing, Family::no_signal, Family::odd};
[[nodiscard]] std::string_view name_of(Family) noexcept;

/// What may be said of a unit without being wrong.
struct Truth {
    std::vector<Topology> names;           ///< Several where no test can tell them apart.
    std::vector<Topology> without_iron;    ///< Right as well where no third harmonic of iron is heard: nothing else would tell.
    std::optional<Variant> variant;        ///< Of an unbalanced one.
    bool is_silent{};                      ///< No signal on either leg: only "no-signal" is right.
    bool pin3_hot{};                       ///< Pin 3 carries the signal, and pin 2 none.

    [[nodiscard]] bool admits(Topology name) const;
    [[nodiscard]] bool admits_single_ended() const;
};

/// Third harmonics of an output transformer, or of one before the output, over the fundamental.
struct Iron {
    double at_20_hz{};   ///< Ratio of amplitudes.
    double slope{};      ///< Falls as frequency^−slope.
    double phase_rad{};
};

struct Unit {
    Family family{};
    std::string kind;      ///< "bifilar, bled": what was drawn, in words.
    std::string netlist;   ///< Nodes drv, p2, p3, 0.
    Truth truth;
    std::optional<Iron> iron;
    double electronic_third{};  ///< Third harmonic of the electronics, the same at all frequencies; ratio of amplitudes.
};

/// \param family   none: drawn, too.
/// \param fixture  that it will meet.
/// \return always the same unit for the same arguments; one that does not latch up on that fixture, nor on inputs of 1 MΩ.
[[nodiscard]] Unit draw_unit(std::uint64_t seed, std::uint64_t number, std::optional<Family> family, const Fixture& fixture);

}  // namespace lowleg::study
