/// Balance of an output: how equal its legs' impedances are, which rejects noise, and, a thing apart, how symmetrical its signal is, which does not.
#include "core/text.h"
#include "procedure/output_legs.h"
#include "procedure/rejection_figure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace lowleg::procedure {
namespace {

constexpr Hertz reference{1000.0};
/// Where mains hum is.
constexpr Hertz at_mains{50.0};

constexpr std::array<const char*, told_inputs.size()> input_ids{"10k", "20k", "50k"};

Figure percent_figure(std::string id, std::string words, double ratio, double uncertainty, Hertz frequency, std::string definition)
{
    Figure out{std::move(id), std::move(words), 100.0 * ratio, "%", 100.0 * uncertainty, Figure::Bound::value, frequency, std::move(definition)};
    if (ratio < uncertainty) {
        out.value += out.uncertainty;
        out.uncertainty = 0.0;
        out.bound = Figure::Bound::at_most;
    }
    return out;
}

std::string said(const Figure& figure)
{
    const auto number = figure.unit == "Ω" ? format_ohms(Ohms{figure.value}) : format_fixed(std::abs(figure.value), figure.unit == "%" && figure.value < 10.0 ? 2 : 1) + " " + figure.unit;
    return (figure.bound == Figure::Bound::at_least ? "at least " : figure.bound == Figure::Bound::at_most ? "at most " : "") + number;
}

/// Where a conversion is told for this input, at or around a frequency: between two tones along a line over logarithms, which is exact for what rises or
/// falls by the octave.
struct ConversionAt {
    Hertz frequency{};
    double ratio{}, uncertainty{};
};
std::optional<ConversionAt> conversion_at(const OutputReading& r, std::size_t input, Hertz f)
{
    const OutputLegs* below = nullptr;
    for (const auto& legs : r.at) {
        const auto& c = legs.conversion.at(input);
        if (!c) continue;
        if (legs.frequency >= f) {
            if (below == nullptr) return std::nullopt;
            const auto& b = *below->conversion.at(input);
            const double share = std::log(f / below->frequency) / std::log(legs.frequency / below->frequency);
            const auto between = [&](double lower, double upper) {
                return lower > 0.0 && upper > 0.0 ? lower * std::pow(upper / lower, share) : std::max(lower, upper);
            };
            return ConversionAt{f, between(std::abs(b.value), std::abs(c->value)), between(b.uncertainty, c->uncertainty)};
        }
        below = &legs;
    }
    return std::nullopt;
}
std::optional<ConversionAt> conversion_near(const OutputReading& r, std::size_t input, Hertz f)
{
    std::optional<ConversionAt> best;
    for (const auto& legs : r.at)
        if (const auto& c = legs.conversion.at(input); c && (!best || std::abs(std::log(legs.frequency / f)) < std::abs(std::log(best->frequency / f))))
            best = ConversionAt{legs.frequency, std::abs(c->value), c->uncertainty};
    return best;
}

constexpr auto rejection_definition = "A voltage between the output's ground and the input's, over what it leaves between the pins: both legs carry it through their impedances into the "
                                      "input's impedance to ground in common mode (20·log(Zcm/ΔZ) where Zcm is far above the legs; here from the whole two-port). The input itself is taken "
                                      "as perfect.";

constexpr auto leg_definition = "The leg's impedance to ground with both legs driven alike: Z22 + Z23, or Z33 + Z32.";

/// Impedances and their imbalance. \return the sentence's beginning.
std::string add_legs(Measurement& out, const OutputReading& r)
{
    const auto* both = r.nearest(reference, &OutputLegs::imbalance);
    if (both != nullptr) {
        const auto& z = *both->imbalance;
        out.figures.push_back(figure_of("imbalance_ohm", "Imbalance of the legs", z, both->frequency,
                                        "|(Z22 + Z23) − (Z33 + Z32)|: what common-mode noise meets in one leg more than in the other. Not Z22 − Z33, which misleads where the legs move each "
                                        "other."));
    }
    std::array<std::string, 2> leg;
    for (const std::size_t i : {0U, 1U}) {
        const auto what = i == 0 ? &OutputLegs::pin2 : &OutputLegs::pin3;
        const auto* at = r.nearest(reference, what);
        if (at == nullptr) continue;
        out.figures.push_back(figure_of(i == 0 ? "pin2_ohm" : "pin3_ohm", i == 0 ? "Pin 2 to ground" : "Pin 3 to ground", *(at->*what), at->frequency, leg_definition));
        leg.at(i) = said(out.figures.back());
    }
    if (both == nullptr) return "";
    const double larger = std::max(std::abs(both->pin2->value), std::abs(both->pin3->value));
    if (larger > both->imbalance->uncertainty)
        out.figures.push_back(percent_figure("imbalance_percent", "  of the larger one", std::abs(both->imbalance->value) / larger, both->imbalance->uncertainty / larger, both->frequency,
                                             "Imbalance over the larger of both legs' impedances."));
    return "pin 2 stands " + leg[0] + " and pin 3 " + leg[1] + " above ground, " + said(out.figures.front()) + " apart";
}

void add_rejection(Measurement& out, const OutputReading& r, const std::string& legs)
{
    std::array<std::string, told_inputs.size()> said_db;
    for (std::size_t i = 0; i < told_inputs.size(); ++i) {
        const auto near = conversion_near(r, i, reference);
        if (!near) return;
        const auto id = std::string{input_ids.at(i)};
        out.figures.push_back(rejection_figure("rejection_" + id + "_db", "Rejection into " + format_ohms(told_inputs.at(i)), near->ratio, near->uncertainty, near->frequency,
                                               rejection_definition));
        said_db.at(i) = said(out.figures.back());
        if (const auto mains = conversion_at(r, i, at_mains))
            out.figures.push_back(rejection_figure("rejection_" + id + "_50_db", "  at the mains", mains->ratio, mains->uncertainty, mains->frequency, rejection_definition));
        out.figures.push_back(percent_figure("conversion_" + id + "_percent", "  which lets through", near->ratio, near->uncertainty, near->frequency,
                                             "The same as a share of the voltage between the grounds."));
    }
    Curve curve{"rejection", "Rejection, each at least", {{"frequency_hz", "Hz"}}, {}};
    for (const auto* id : input_ids) curve.columns.push_back({"rejection_" + std::string{id} + "_db", "dB"});
    for (const auto& at : r.at) {
        if (!std::ranges::all_of(at.conversion, [](const auto& c) { return c.has_value(); })) continue;
        std::vector<double> row{at.frequency.value()};
        for (const auto& c : at.conversion) row.push_back(gain_of(1.0 / (std::abs(c->value) + c->uncertainty)).value());
        curve.rows.push_back(std::move(row));
    }
    out.curves.push_back(std::move(curve));
    out.says.push_back("Impedance balance is what rejects noise: " + (legs.empty() ? "" : legs + ", and ") + "of a voltage between the grounds a perfect input of 10 kΩ per leg rejects " +
                       said_db[0] + " here, one of 20 kΩ " + said_db[1] + ", one of 50 kΩ " + said_db[2] + ".");
}

/// Into the input that was asked for.
void add_into(Measurement& out, const OutputReading& r, const InputFacts& input)
{
    const auto* near = r.nearest(reference, &OutputLegs::into);
    if (near == nullptr) {
        out.notes.push_back("What " + input.name + " would reject from here cannot be told, because a leg's impedance cannot.");
        return;
    }
    const std::string definition = "A voltage between the grounds of this output and the input over what it makes as volts between the input's pins: both two-ports solved together, " +
                                   std::string{input.knows_gains ? "with what the input's own amplifier makes of common mode." : "the input's own amplifier taken as perfect."};
    const auto figure = rejection_figure("rejection_into_db", "Rejection into " + input.name, std::abs(near->into->value), near->into->uncertainty, near->frequency, definition);
    out.figures.push_back(figure);
    Curve curve{"rejection_into", "Rejection into " + input.name, {{"frequency_hz", "Hz"}, {"rejection_db", "dB"}, {"at_least_db", "dB"}}, {}};
    for (const auto& at : r.at)
        if (at.into && std::abs(at.into->value) > 0.0)
            curve.rows.push_back({at.frequency.value(), gain_of(1.0 / std::abs(at.into->value)).value(), gain_of(1.0 / (std::abs(at.into->value) + at.into->uncertainty)).value()});
    if (!curve.rows.empty()) out.curves.push_back(std::move(curve));
    out.says.push_back("Into " + input.name + " this output allows a rejection of " + said(figure) + " at " + format_hertz(near->frequency) +
                       (input.knows_gains ? "; what the input makes of common mode by itself is in that." : ", if the input subtracts without error."));
}

/// All that "lowleg predict" takes of an output.
void add_admittances(Measurement& out, const OutputReading& r)
{
    Curve curve{"output", "Admittances", {{"frequency_hz", "Hz"}}, {}, true};
    for (const std::string name : {"y22", "y23", "y32", "y33", "j2", "j3"})
        for (const std::string part : {"_re_s", "_im_s"}) curve.columns.push_back({name + part, "S"});
    for (const auto* id : input_ids) curve.columns.push_back({"conversion_uncertainty_" + std::string{id}, ""});
    for (const auto& at : r.at) {
        if (!at.admittances) continue;
        const auto& y = *at.admittances;
        std::vector<double> row{at.frequency.value()};
        for (const auto entry : {y.y22, y.y23, y.y32, y.y33, y.j2, y.j3}) {
            row.push_back(entry.real());
            row.push_back(entry.imag());
        }
        for (const auto& c : at.conversion) row.push_back(c ? c->uncertainty : 0.0);
        curve.rows.push_back(std::move(row));
    }
    if (!curve.rows.empty()) out.curves.push_back(std::move(curve));
}

void add_symmetry(Measurement& out, const OutputReading& r)
{
    const auto* at = r.nearest(reference, &OutputLegs::asymmetry);
    if (at == nullptr) {
        out.notes.emplace_back("The legs carry the signal in one direction, or nothing: there is no signal between them whose symmetry could be told.");
        return;
    }
    const double ratio = std::abs(at->asymmetry->value);
    const double uncertainty = at->asymmetry->uncertainty;
    auto figure = rejection_figure("signal_symmetry_db", "Signal symmetry", ratio, uncertainty, at->frequency,
                                   "|V2 − V3| over |V2 + V3| at the pins, as this fixture loads them: how equal and opposite the signal is. It says nothing of noise rejection. 0 dB: one leg "
                                   "alone carries the signal.");
    const auto db = said(figure);
    out.figures.push_back(std::move(figure));
    auto percent = percent_figure("signal_asymmetry_percent", "  an asymmetry of", ratio, uncertainty, at->frequency, "|V2 + V3| over |V2 − V3|.");
    const auto share = said(percent);
    out.figures.push_back(std::move(percent));
    if (const auto* node = r.nearest(reference, &OutputLegs::node))
        out.figures.push_back(rejection_figure("sbr_db", "Signal balance ratio", std::abs(node->node->value), node->node->uncertainty, node->frequency,
                                               "SBR in the usual network: 300 Ω from each leg to a node, 600 Ω from the node to ground; half the voltage that the legs have between them without "
                                               "load, over the node's. A servo's depends on this load. Computed from the two-port."));
    constexpr double one_leg = 0.9;
    if (ratio > one_leg)
        out.says.push_back("Signal symmetry is another thing: pin 3 carries no signal of its own (" + db + ", " + share +
                           " of asymmetry), and the output is none the worse for it, because noise is rejected by equal impedances and not by opposite signals.");
    else
        out.says.push_back("Signal symmetry is another thing: the legs are equal and opposite to " + db + " (" + share +
                           " of asymmetry) at this fixture's load; no noise is rejected by it.");
}

}  // namespace

Result<Measurement> measure_balance(const StatesRun& run)
{
    auto reading = read_output(run);
    if (!reading) return reading.error();
    auto& r = reading.value();
    auto out = begin_with(run, MeasureKind::balance, r);
    const auto legs = add_legs(out, r);
    const bool has_one_leg = r.nearest(reference, &OutputLegs::pin2) != nullptr || r.nearest(reference, &OutputLegs::pin3) != nullptr;
    add_rejection(out, r, legs);
    if (legs.empty() && has_one_leg)
        out.says.emplace_back("The balance cannot be told, because one leg's impedance cannot: where that leg is on nothing, an input that takes both from here rejects nothing.");
    if (run.options.into) add_into(out, r, *run.options.into);
    add_admittances(out, r);
    add_symmetry(out, r);
    if (r.nearest(reference, &OutputLegs::imbalance) != nullptr) {
        Curve curve{"balance", "Legs", {{"frequency_hz", "Hz"}, {"pin2_ohm", "Ω"}, {"pin3_ohm", "Ω"}, {"imbalance_ohm", "Ω"}, {"uncertainty_ohm", "Ω"}}, {}};
        for (const auto& at : r.at)
            if (at.imbalance)
                curve.rows.push_back({at.frequency.value(), std::abs(at.pin2->value), std::abs(at.pin3->value), std::abs(at.imbalance->value), at.imbalance->uncertainty});
        out.curves.insert(out.curves.begin(), std::move(curve));
    }
    for (auto& sentence : what_stays_open(r)) out.notes.push_back(std::move(sentence));
    return out;
}

}  // namespace lowleg::procedure
