/// \file two_port_spread.h
/// What follows from two-ports, with all that it is uncertain by: each reading and each part of the fixture is moved, and all solved again. Private to
/// measure().
#pragma once

#include "procedure/measure.h"
#include "topology/observation.h"
#include "topology/two_port.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace lowleg::procedure {

/// A complex quantity and the half width of the 95 % interval of its magnitude, in its own unit.
struct Measured {
    Complex value{};
    double uncertainty{};
};

/// What the fixture may be off by, relative, 95 %.
struct Tolerances {
    double rp, rin, cin, rg, rs;
};
/// None where the fixture is simulated (docs/fixture.md).
[[nodiscard]] Tolerances tolerances_of(Source source) noexcept;
/// The same, with those of the calibration where Rin and Rs are calibrated.
[[nodiscard]] Tolerances tolerances_of(const MeasureOptions& options) noexcept;

/// Of the gain of input 2 over that of input 1: what is calibrated, else what nobody has compared. Relative, 95 %.
[[nodiscard]] double gain_tolerance_of(const MeasureOptions& options);

struct SpreadOfTwoPorts {
    std::vector<topology::TwoPort> solved;         ///< As observed.
    std::vector<std::vector<Measured>> derived;    ///< Of each, in the order that `derive` gives; what has no value is not finite.
};

/// \param derive  what follows from one two-port; as many each time. Correlations of its entries are kept, for it is done anew with every reading and
///   part moved by what it is uncertain by.
/// \return empty where the states have no common time.
[[nodiscard]] SpreadOfTwoPorts spread_of(const topology::Observations& observations, const Tolerances& tolerances, double gain_95,
                                         const std::function<std::vector<Complex>(const topology::TwoPort&)>& derive);

}  // namespace lowleg::procedure
