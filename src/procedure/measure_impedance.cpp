/// Output impedance of both legs, over frequency.
#include "core/text.h"
#include "procedure/output_legs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace lowleg::procedure {
namespace {

constexpr Hertz reference{1000.0};

struct Quantity {
    std::optional<Measured> OutputLegs::*what;
    const char* id;
    const char* words;
    const char* definition;
};
constexpr std::array<Quantity, 3> quantities{{
    {&OutputLegs::pin2, "pin2", "Pin 2 to ground", "Z22 + Z23: the leg's impedance while both legs are driven alike, which is what noise in common mode meets. Without influence between the legs, the "
                                                   "output resistance of this one."},
    {&OutputLegs::pin3, "pin3", "Pin 3 to ground", "Z33 + Z32: the leg's impedance while both legs are driven alike, which is what noise in common mode meets. Without influence between the legs, the "
                                                   "output resistance of this one."},
    {&OutputLegs::between, "between", "Between the legs", "Z22 + Z33 − Z23 − Z32: the source impedance of the voltage between the pins, which a load between them divides by."},
}};

Curve curve_of(const OutputReading& reading, const Quantity& quantity)
{
    Curve curve{std::string{quantity.id} + "_impedance", std::string{quantity.words} + ", impedance",
                {{"frequency_hz", "Hz"}, {"impedance_ohm", "Ω"}, {"phase_deg", "°"}, {"uncertainty_ohm", "Ω"}}, {}};
    for (const auto& legs : reading.at)
        if (const auto& z = legs.*quantity.what) curve.rows.push_back({legs.frequency.value(), std::abs(z->value), phase_of(*z), z->uncertainty});
    return curve;
}

}  // namespace

Result<Measurement> measure_impedance(const StatesRun& run)
{
    auto reading = read_output(run);
    if (!reading) return reading.error();
    auto out = begin_with(run, MeasureKind::impedance, reading.value());
    const auto& r = reading.value();
    for (const auto& quantity : quantities) {
        const auto* at = r.nearest(reference, quantity.what);
        if (at == nullptr) continue;
        const auto& z = *(at->*quantity.what);
        out.figures.push_back(figure_of(std::string{quantity.id} + "_ohm", quantity.words, z, at->frequency, quantity.definition));
        if (std::abs(z.value) > 2.0 * z.uncertainty)
            out.figures.push_back({std::string{quantity.id} + "_phase_deg", std::string{quantity.words} + ", phase", phase_of(z), "°",
                                   phase_of({Complex{1.0, z.uncertainty / std::abs(z.value)}, 0.0}), Figure::Bound::value, at->frequency,
                                   "0°: a resistance; −90°: a capacitance; +90°: an inductance."});
        out.curves.push_back(curve_of(r, quantity));
    }
    for (auto& sentence : what_stays_open(r)) out.notes.push_back(std::move(sentence));
    return out;
}

}  // namespace lowleg::procedure
