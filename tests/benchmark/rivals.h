/// \file rivals.h
/// The same circuit, as exactly, by other means.
#pragma once

#include "bench/collection.h"
#include "core/result.h"

#include <cstdint>
#include <optional>

namespace lowleg::benchmarks {

/// An error is that of the phasors of 1 kHz and 10 kHz at pin 2, both played at −18 dBFS, the larger of the two, over the
/// phasors of a reference: ngspice with steps of 50 and of 25 ns, extrapolated to none. (The steps' error falls with their
/// square: what the extrapolation changes is told, and what is left of it is some percent of that.)
struct Comparison {
    double our_error{};
    double reference_change{};  ///< What the extrapolation changed, over the phasors.

    struct Ngspice {
        double step_seconds{};
        double reltol{};
        double error{};
        double times_real_time{};
    };
    /// The largest step, and of two tolerances the faster one, with an error no larger than ours; nothing where no step of 25 ns
    /// or more has it.
    std::optional<Ngspice> ngspice;

    struct Trapezoidal {
        std::int64_t oversampling{};  ///< Steps per frame.
        double error{};               ///< By closed form: the rule maps a frequency f to tan(π·f·h)/(π·h).
        double times_real_time{};     ///< The matrix products alone, as fast as ours; its input is taken to be there.
    };
    std::optional<Trapezoidal> trapezoidal;  ///< Of linear circuits.
};

/// \param circuit  of an output.
Result<Comparison> compare(const bench::CircuitText& circuit);

}  // namespace lowleg::benchmarks
