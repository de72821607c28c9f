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
    "tt", "ttt1", "ttt2", "fc", "cjp", "cjsw", "php", "vjsw", "mjsw", "fcs", "tm1", "tm2", "tlev", "tlevc", "cta", "ctp", "tpb", "tphp",
    "xti", "eg", "tnom", "tref", "trs", "trs1", "trs2", "tcv", "tbv1", "tbv2", "gap1", "gap2", "kf", "af", "bv_max", "fv_max", "id_max", "pd_max",
    "te_max", "rth0", "cth0", "level", "type", "mfg", "iave", "vpk", "vrev",
};

constexpr std::array positive_parameters{"is", "js", "n", "nbv", "ikf", "ik", "nr", "vj", "pb"};

/// The voltage at which the second exponential begins, so that the current at −BV is IBV (ngspice's diotemp).
double breakdown_begins(const DiodeModel& d, double area)
{
    const double bv = *d.breakdown_volts;
    const double vt = thermal_volts;
    const double nvt = d.breakdown_emission.value_or(d.emission) * vt;
    const double is = d.saturation_amperes * area;
    const double ibv = d.breakdown_amperes;  // of the part, whatever its area
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

Result<DiodeModel, ExpressionError> parse_diode_model(std::string_view parameters, ExpressionNames& names, Effort& effort,
                                                      std::vector<std::string>& notes)
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
        const bool is_dynamic = std::find(dynamic_parameters.begin(), dynamic_parameters.end(), key) != dynamic_parameters.end();
        if (!number && !is_dynamic) return number.error();  // those that are skipped may be words
        if (is_dynamic) {
            notes.push_back(std::string{name} + " is skipped: the diode has neither charge storage nor temperature here");
            continue;
        }
        const double x = number.value();
        const auto refuse = [&](std::string what) { return ExpressionError{"takes " + std::string{name} + ' ' + std::move(what), false}; };
        if (key == "cjo" || key == "cj0" || key == "cj") {
            if (!(x >= 0.0)) return refuse("of 0 F or more");
            d.junction_farads = x;
            if (x > 0.0) notes.push_back(std::string{name} + " is a constant capacitance; how it falls with the reverse voltage is not modelled");
        } else if (key == "rs") {
            if (!(x >= 0.0)) return refuse("of 0 ohm or more");
            d.series_ohms = x;
        } else if (key == "isr") {
            if (!(x >= 0.0)) return refuse("of 0 A or more");
            d.recombination_amperes = x;
        } else if (key == "m" || key == "mj") {
            if (!(x >= 0.0 && x < 1.0)) return refuse("from 0 to below 1");
            d.grading = x;
        } else if (key == "bv" || key == "vb" || key == "ibv") {  // vendors write them with either sign
            if (x == 0.0) return refuse("other than 0");
            if (key == "ibv") d.breakdown_amperes = std::abs(x);
            else d.breakdown_volts = std::abs(x);
        } else if (std::find(positive_parameters.begin(), positive_parameters.end(), key) != positive_parameters.end()) {
            if (!(x > 0.0)) return refuse("above 0");
            if (key == "n") d.emission = x;
            else if (key == "nbv") d.breakdown_emission = x;
            else if (key == "ikf" || key == "ik") d.knee_amperes = x;
            else if (key == "nr") d.recombination_emission = x;
            else if (key == "vj" || key == "pb") d.junction_volts = x;
            else d.saturation_amperes = x;
        } else {
            notes.push_back(std::string{name} + " is skipped: of a diode IS, N, RS, CJO, BV, IBV, NBV, IKF, ISR and NR are read");
        }
    }
    return d;
}

Term junction_current(FunctionBuilder& f, Term volts, const DiodeModel& d, double area)
{
    const auto exponential = [&](double emission, double sign, double from) {  // e^((±v − from)/(emission·Vt)) − 1
        const double slope = 1.0 / (emission * thermal_volts);
        return f.apply(Op::diode, f.apply(Op::add, f.apply(Op::multiply, volts, sign * slope), -from * slope));
    };
    Term current = f.apply(Op::multiply, exponential(d.emission, 1.0, 0.0), d.saturation_amperes * area);
    if (d.recombination_amperes > 0.0) {
        const Term depth = f.apply(Op::subtract, 1.0, f.apply(Op::multiply, volts, 1.0 / d.junction_volts));
        const Term generation = f.apply(Op::power, f.apply(Op::add, f.apply(Op::square, depth), 0.005), 0.5 * d.grading);
        const Term recombination = f.apply(Op::multiply, exponential(d.recombination_emission, 1.0, 0.0), d.recombination_amperes * area);
        current = f.apply(Op::add, current, f.apply(Op::multiply, recombination, generation));
    }
    if (d.knee_amperes) {
        const Term ratio = f.apply(Op::multiply, f.apply(Op::ramp, current), 1.0 / (*d.knee_amperes * area));
        current = f.apply(Op::divide, current, f.apply(Op::add, f.apply(Op::sqrt, ratio), 1.0));
    }
    if (d.breakdown_volts) {  // the second exponential is e^… − 1, and its −1 must not show
        const double is = d.saturation_amperes * area;
        const Term beyond = exponential(d.breakdown_emission.value_or(d.emission), -1.0, breakdown_begins(d, area));
        current = f.apply(Op::subtract, current, f.apply(Op::multiply, f.apply(Op::add, beyond, 1.0), is));
    }
    return current;
}

}  // namespace lowleg::circuit
