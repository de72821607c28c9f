/// \file two_port.h
/// An output as a two-port at one frequency: V2 = E2 − Z22·I2 − Z23·I3, V3 = E3 − Z32·I2 − Z33·I3.
#pragma once

#include "core/fixture.h"
#include "core/units.h"
#include "topology/observation.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace lowleg::topology {

enum class EntryStatus : std::uint8_t {
    measured,  ///< The states taken determine it.
    assumed,   ///< They do not; the value stands for what usual outputs have there.
    unknown,   ///< They do not, and nothing can be assumed.
};
[[nodiscard]] const char* name_of(EntryStatus) noexcept;

/// One entry of the two-port. E is relative to the played drive (full scale over full scale); Z is in Ω.
struct Entry {
    Complex value{};
    double sigma{};  ///< Standard uncertainty of either part; meaningful when measured.
    EntryStatus status{EntryStatus::unknown};
};

struct TwoPort {
    Hertz frequency{};
    Entry e2, e3, z22, z23, z32, z33;
};

/// Solves each drive frequency for the two-port as far as the states taken determine it.
///
/// Row 2 (E2, Z22, Z23) is linear in the currents of `through`, `loaded` and `lifted`; row 3 (E3, Z32, Z33) in those of `through` and
/// `loaded`, and, where Z23 ≠ 0, of `grounded`, whose current the solved row 2 tells. Weighted least squares with wide priors, so that
/// what is not determined shows in its uncertainty and is then assumed (transfers 0) or unknown. Equations: design of the fixture, core/fixture.h.
/// The probe's level is found from `lifted`; without that state the probe tells nothing of impedances.
[[nodiscard]] std::vector<TwoPort> solve_two_ports(const Observations& observations);

/// How badly the states contradict each other as one two-port: Σ (residual/σ)² over all frequencies. 0 when nothing is over-determined.
[[nodiscard]] double two_port_misfit(const Observations& observations);

/// What pin 3 shows to the fixture in `through`, by the probe alone: 1/Z33 where the other pin has no influence on it.
struct PinAdmittance {
    Complex siemens{};
    double sigma{};
    bool at_least{};  ///< The pin was too quiet to tell: the admittance is at least this.
};
/// \return none without probe or without `lifted`, which tells the probe's level.
[[nodiscard]] std::optional<PinAdmittance> pin3_admittance(const FrequencyObservation& at, const Fixture& fixture);

/// What both pins together show to the fixture in `through`, by the probe: current to ground over the mean of their voltages.
/// \param tolerance  relative uncertainty of one channel's gain against the other's.
/// \return none without probe or without `lifted`, or when the probe is not heard.
[[nodiscard]] std::optional<PinAdmittance> common_mode_admittance(const FrequencyObservation& at, const Fixture& fixture, double tolerance);

/// Current of the drive out of pin 3 in `through`, per played full scale, A per (full scale · Ω) of the input's scale.
[[nodiscard]] Complex pin3_current(const FrequencyObservation& at, const Fixture& fixture);

/// The output's leg impedances against ground, that is with both legs tied: row sums (common-mode), Ω.
struct LegImpedances {
    Hertz frequency{};
    Complex pin2{};
    Complex pin3{};
    Complex imbalance{};       ///< pin 2 − pin 3.
    double uncertainty_ohm{};  ///< Half width of the 95 % interval of the imbalance.
    EntryStatus status{EntryStatus::unknown};
};
/// At the solved frequency nearest to 1 kHz.
[[nodiscard]] LegImpedances leg_impedances(const std::vector<TwoPort>& two_ports);

}  // namespace lowleg::topology
