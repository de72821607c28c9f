#include "core/fixture.h"

#include "core/text.h"

#include <cmath>
#include <numbers>
#include <string>

namespace lowleg {
namespace {

Complex parallel_rc_admittance(Ohms r, Farads c, Hertz f) noexcept
{
    return {1.0 / r.value(), 2.0 * std::numbers::pi * f.value() * c.value()};
}

}  // namespace

std::string_view name_of(SwitchState state) noexcept
{
    switch (state) {
    case SwitchState::through: return "through";
    case SwitchState::loaded: return "loaded";
    case SwitchState::grounded: return "grounded";
    case SwitchState::lifted: return "lifted";
    }
    return "?";
}

Result<SwitchState> switch_state_of(std::string_view name)
{
    for (const auto state : all_switch_states)
        if (name == name_of(state)) return state;
    return Error{"\"" + std::string{name} + "\" is not a state of the switch: use through, loaded, grounded or lifted",
                 ErrorKind::usage};
}

Status Fixture::check() const
{
    const auto bad = [](std::string_view what, double value, std::string_view want) {
        return Error{"the fixture's " + std::string{what} + " cannot be " + format_number(value) + ": give " +
                         std::string{want},
                     ErrorKind::usage};
    };
    const auto is_resistance = [](Ohms r) { return std::isfinite(r.value()) && r.value() > 0.0; };
    if (!is_resistance(rin2)) return bad("Rin of input 1 (--rin)", rin2.value(), "ohms above 0");
    if (!is_resistance(rin3)) return bad("Rin of input 2 (--rin)", rin3.value(), "ohms above 0");
    if (!is_resistance(rg)) return bad("load Rg (--rg)", rg.value(), "ohms above 0");
    if (!std::isfinite(cin.value()) || cin.value() < 0.0)
        return bad("input capacitance (--cin)", cin.value(), "farads, 0 or more");
    if (!std::isfinite(rs.value()) || rs.value() < 0.0)
        return bad("output resistance Rs (--rs)", rs.value(), "ohms, 0 or more");
    if (probe && !is_resistance(probe->rp2)) return bad("probe resistor Rp2 (--rp)", probe->rp2.value(), "ohms above 0, or none");
    if (probe && !is_resistance(probe->rp3)) return bad("probe resistor Rp3 (--rp)", probe->rp3.value(), "ohms above 0, or none");
    if (!std::isfinite(gain_ratio) || gain_ratio <= 0.0) return bad("gain ratio", gain_ratio, "a ratio above 0");
    return Done{};
}

Complex Fixture::input_admittance_2(Hertz f) const noexcept { return parallel_rc_admittance(rin2, cin, f); }
Complex Fixture::input_admittance_3(Hertz f) const noexcept { return parallel_rc_admittance(rin3, cin, f); }

}  // namespace lowleg
