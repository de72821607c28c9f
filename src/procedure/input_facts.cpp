#include "procedure/input_facts.h"

#include "core/text.h"
#include "files/json_text.h"
#include "procedure/measurement_table.h"

#include <algorithm>
#include <cmath>

namespace lowleg::procedure {

Complex InputFactsAt::referred(const topology::Arrival& v) const
{
    constexpr double alone = 0.1;
    const Complex wanted = std::abs(gain3) < alone * std::abs(gain2) ? gain2 : 0.5 * (gain2 - gain3);
    return (gain2 * v.v2 + gain3 * v.v3) / wanted;
}

InputFactsAt InputFacts::at_frequency(Hertz f) const
{
    const auto above = std::ranges::lower_bound(at, f, {}, &InputFactsAt::frequency);
    auto out = above == at.end() ? at.back() : *above;
    if (above == at.end() || above == at.begin()) {
        // Capacitance goes on.
        const double ratio = f / out.frequency;
        for (auto* y : {&out.y.y22, &out.y.y23, &out.y.y32, &out.y.y33})
            if (y->imag() > 0.0 || ratio > 1.0) *y = {y->real(), y->imag() * ratio};
        out.frequency = f;
        return out;
    }
    const auto& a = *(above - 1);
    const auto& b = *above;
    const double share = std::log(f / a.frequency) / std::log(b.frequency / a.frequency);
    const auto mix = [share](auto x, auto y) { return x + share * (y - x); };
    const auto admittance = [&](Complex x, Complex y) {
        return Complex{mix(x.real(), y.real()), f.value() * mix(x.imag() / a.frequency.value(), y.imag() / b.frequency.value())};
    };
    out.frequency = f;
    out.y = {admittance(a.y.y22, b.y.y22), admittance(a.y.y23, b.y.y23), admittance(a.y.y32, b.y.y32), admittance(a.y.y33, b.y.y33)};
    out.gain2 = mix(a.gain2, b.gain2);
    out.gain3 = mix(a.gain3, b.gain3);
    out.common_uncertainty = mix(a.common_uncertainty, b.common_uncertainty);
    out.unequal_uncertainty = mix(a.unequal_uncertainty, b.unequal_uncertainty);
    return out;
}

Result<InputFacts> input_facts_of(std::string_view measurement_json)
{
    const auto json = files::parse_json(measurement_json);
    if (!json) return json.error();
    constexpr auto wanted = "give what \"lowleg measure input --json\" printed, or the name of a receiver of the virtual bench";
    const auto table = table_of(json.value(), "input", "admittances", wanted);
    if (!table) return table.error();
    InputFacts out;
    if (const auto* device = json.value().find("device")) out.name = std::string{device->string().value_or("input")};
    const auto* finding = json.value().find("finding");
    const bool takes_pin2_alone = finding != nullptr && finding->string() == "unbalanced-pin-3-not-connected";
    for (const auto& row : table.value().rows) {
        const auto& t = table.value();
        InputFactsAt at;
        at.frequency = Hertz{t.at(row, "frequency_hz")};
        at.y = {t.complex_at(row, "y22", "_s"), t.complex_at(row, "y23", "_s"), t.complex_at(row, "y32", "_s"), t.complex_at(row, "y33", "_s")};
        at.common_uncertainty = std::max(t.at(row, "common2_uncertainty_s"), t.at(row, "common3_uncertainty_s"));
        at.unequal_uncertainty = t.at(row, "unequal_uncertainty_s");
        if (takes_pin2_alone) at.gain3 = 0.0;
        out.at.push_back(at);
    }
    return out;
}

InputFacts plain_input_facts(Ohms each_leg, Farads beside)
{
    InputFacts out;
    out.name = format_ohms(each_leg) + " per leg";
    constexpr Hertz anywhere{1000.0};
    out.at.push_back({anywhere, topology::plain_input(each_leg, beside, anywhere)});
    return out;
}

}  // namespace lowleg::procedure
