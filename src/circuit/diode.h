/// \file diode.h
/// SPICE's junction diode at 27 °C: the model's parameters, and the law of its current.
#pragma once

#include "circuit/expression_parser.h"
#include "circuit/function_builder.h"
#include "core/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::circuit {

/// What of a .model D is read; SPICE's defaults.
struct DiodeModel {
    double saturation_amperes{1e-14};            ///< IS
    double emission{1.0};                        ///< N
    double series_ohms{0.0};                     ///< RS
    double junction_farads{0.0};                 ///< CJO
    std::optional<double> breakdown_volts{};     ///< BV
    double breakdown_amperes{1e-3};              ///< IBV, the current at BV
    std::optional<double> breakdown_emission{};  ///< NBV; N where it is not given
    std::optional<double> knee_amperes{};        ///< IKF, where high injection begins
    double recombination_amperes{0.0};           ///< ISR
    double recombination_emission{2.0};          ///< NR
    double junction_volts{1.0};                  ///< VJ, and
    double grading{0.5};                         ///< M: with ISR
};

/// gmin: SPICE puts it across every junction.
inline constexpr double junction_siemens = 1e-12;

/// \param notes  what is skipped, a sentence each.
/// \return failure that says which parameter is wrong, without a place.
Result<DiodeModel, ExpressionError> parse_diode_model(std::string_view parameters, ExpressionNames&, Effort&, std::vector<std::string>& notes);

/// The junction's current without that of gmin, in amperes, at a voltage of the circuit: IS·(e^(v/(N·Vt)) − 1), below −BV
/// the same the other way round, with IKF and ISR as ngspice 39 has them. Two things are smoother than there: where ngspice
/// replaces the last 5 % of −IS by a cubic in 1/v, and drops ISR's current, the exponentials stay.
/// \param area  of the junction, in units of the model's; IBV is not scaled by it.
[[nodiscard]] Term junction_current(FunctionBuilder&, Term volts, const DiodeModel&, double area);

}  // namespace lowleg::circuit
