#include "circuit/diode.h"

#include "circuit/spice_text.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lowleg::circuit {
namespace {

using rt::Op;

// CODATA as ngspice has them; 27 °C.
constexpr double thermal_volts = 1.38064852e-23 / 1.6021766208e-19 * 300.15;

constexpr std::array dynamic_parameters{
    "tt", "ttt1", "ttt2", "vj", "pb", "m", "mj", "fc", "cjp", "cjsw", "php", "vjsw", "mjsw", "fcs", "tm1", "tm2", "tlev", "tlevc", "cta", "ctp", "tpb", "tphp",
    "xti", "eg", "tnom", "tref", "trs", "trs1", "trs2", "tcv", "tbv1", "tbv2", "gap1", "gap2", "kf", "af", "bv_max", "fv_max", "id_max", "pd_max", "te_max",
    "rth0", "cth0", "level", "type", "mfg", "iave", "vpk", "vrev",
};

/// The voltage at which the second exponential begins, so that the current at −BV is IBV (ngspice's diotemp).
double breakdown_begins(const DiodeModel& d, double area)
{
    const double bv = *d.breakdown_volts;
    const double vt = thermal_volts;
    const double nvt = d.breakdown_emission.value_or(d.emission) * vt;
    const double is = d.saturation_amperes * area;
    const double ibv = d.breakdown_amperes * area;
    if (ibv < is * bv / vt) return bv;
    double x = bv - nvt * std::log(1.0 + ibv / is);
    for (int i = 0; i < 25; ++i) {
        const double inner = ibv / is + 1.0 - x / vt;
        if (!(inner > 0.0)) return bv;
        x = bv - nvt * std::log(inner);
        if (std::abs(is * (std::exp((bv - x) / nvt) - 1.0 + x / vt) - ibv) <= 1e-3 * ibv) break;
    }
    return x;
}

}  // namespace

Result<DiodeModel, ExpressionError> parse_diode_model(std::string_view parameters, ExpressionNames& names, Effort& effort, std::vector<std::string>& notes)
{
    auto text = trimmed(parameters);
    if (text.starts_with('(')) {
        text.remove_prefix(1);
        if (text.ends_with(')')) text.remove_suffix(1);
    }
    std::string_view wrong;
    const auto pairs = named_texts_of(text, wrong);
    if (!pairs) return ExpressionError{"takes parameters such as IS=1e-14, and " + quoted(wrong) + " is not one", false};

    DiodeModel d;
    for (const auto& [name, value] : *pairs) {
        const auto key = lowered(name);
        const auto number = parse_constant(within_braces(value).value_or(value), names, effort);
        const auto refuse = [&](std::string what) { return ExpressionError{"takes " + std::string{name} + ' ' + std::move(what), false}; };
        if (!number) {
            if (std::find(dynamic_parameters.begin(), dynamic_parameters.end(), key) != dynamic_parameters.end()) continue;  // may be a word
            return number.error();
        }
        const double x = number.value();
        if (key == "is" || key == "js") {
            if (!(x > 0.0)) return refuse("above 0 A");
            d.saturation_amperes = x;
        } else if (key == "n") {
            if (!(x > 0.0)) return refuse("above 0");
            d.emission = x;
        } else if (key == "rs") {
            if (!(x >= 0.0)) return refuse("of 0 ohm or more");
            d.series_ohms = x;
        } else if (key == "cjo" || key == "cj0" || key == "cj") {
            if (!(x >= 0.0)) return refuse("of 0 F or more");
            d.junction_farads = x;
            if (x > 0.0) notes.push_back(std::string{name} + " is a constant capacitance; how it falls with the reverse voltage is not modelled");
        } else if (key == "bv" || key == "vb") {
            if (!(std::abs(x) > 0.0)) return refuse("other than 0 V");
            d.breakdown_volts = std::abs(x);
        } else if (key == "ibv") {
            if (!(std::abs(x) > 0.0)) return refuse("other than 0 A");
            d.breakdown_amperes = std::abs(x);
        } else if (key == "nbv") {
            if (!(x > 0.0)) return refuse("above 0");
            d.breakdown_emission = x;
        } else if (std::find(dynamic_parameters.begin(), dynamic_parameters.end(), key) != dynamic_parameters.end()) {
            notes.push_back(std::string{name} + " is skipped: the diode has neither charge storage nor temperature here");
        } else {
            notes.push_back(std::string{name} + " is skipped: of a diode IS, N, RS, CJO, BV, IBV and NBV are read");
        }
    }
    return d;
}

Term junction_current(FunctionBuilder& f, Term volts, const DiodeModel& d, double area)
{
    const Term forward = f.apply(Op::diode, f.apply(Op::multiply, volts, 1.0 / (d.emission * thermal_volts)));
    Term law = forward;
    if (d.breakdown_volts) {
        const double slope = 1.0 / (d.breakdown_emission.value_or(d.emission) * thermal_volts);
        const Term beyond = f.apply(Op::add, f.apply(Op::multiply, volts, -slope), -breakdown_begins(d, area) * slope);
        law = f.apply(Op::subtract, f.apply(Op::subtract, forward, f.apply(Op::diode, beyond)), 1.0);
    }
    return f.apply(Op::multiply, law, d.saturation_amperes * area);
}

}  // namespace lowleg::circuit
