/// Impedances of an input: of each leg, between them, in common mode; what the input is, and what it does to each kind of output.
#include "core/text.h"
#include "procedure/input_kind.h"
#include "procedure/input_legs.h"
#include "procedure/rejection_figure.h"
#include "topology/connection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace lowleg::procedure {
namespace {

constexpr Hertz reference{1000.0};

/// 1/|Y| as a figure; where no current stands out, what it exceeds.
Figure impedance_figure(std::string id, std::string words, const Measured& y, Hertz frequency, std::string definition)
{
    const double size = std::abs(y.value);
    Figure out{std::move(id), std::move(words), 0.0, "Ω", 0.0, Figure::Bound::value, frequency, std::move(definition)};
    if (size < 2.0 * y.uncertainty) {
        out.value = 1.0 / (size + y.uncertainty);
        out.bound = Figure::Bound::at_least;
        return out;
    }
    out.value = 1.0 / size;
    // The wider side: an impedance is less certain upwards.
    out.uncertainty = 1.0 / (size - y.uncertainty) - out.value;
    return out;
}

std::string said(const Figure& f)
{
    return (f.bound == Figure::Bound::at_least ? "at least " : f.bound == Figure::Bound::at_most ? "at most " : "") +
           (f.unit == "Ω" ? format_ohms(Ohms{f.value}) : format_fixed(f.value, 1) + " " + f.unit);
}

struct Quantity {
    std::optional<Measured> InputLegs::*what;
    const char* id;
    const char* words;
    const char* definition;
};
constexpr std::array<Quantity, 6> quantities{{
    {&InputLegs::between, "between", "Between the legs",
     "Voltage between the legs over half the difference of their currents, while they are driven equal and opposite: what a balanced output is loaded by."},
    {&InputLegs::own2, "pin2", "Pin 2, pin 3 on ground", "Voltage over current of pin 2 while pin 3 is held on ground."},
    {&InputLegs::own3, "pin3", "Pin 3, pin 2 on ground", "Voltage over current of pin 3 while pin 2 is held on ground."},
    {&InputLegs::common2, "common2", "Pin 2 in common mode", "Voltage over current of pin 2 while both legs are driven alike: what turns an imbalance of the source into signal."},
    {&InputLegs::common3, "common3", "Pin 3 in common mode", "Voltage over current of pin 3 while both legs are driven alike: what turns an imbalance of the source into signal."},
    {&InputLegs::common, "common", "Both in common mode", "Voltage over the sum of both currents while both legs are driven alike."},
}};

Curve curve_of(const InputReading& reading, const Quantity& quantity)
{
    Curve curve{std::string{quantity.id} + "_impedance", std::string{quantity.words} + ", impedance",
                {{"frequency_hz", "Hz"}, {"impedance_ohm", "Ω"}, {"phase_deg", "°"}, {"uncertainty_ohm", "Ω"}}, {}, true};
    for (const auto& legs : reading.at)
        if (const auto& y = legs.*quantity.what; y && std::abs(y->value) > 2.0 * y->uncertainty) {
            const Measured z{1.0 / y->value, 1.0 / (std::abs(y->value) - y->uncertainty) - 1.0 / std::abs(y->value)};
            curve.rows.push_back({legs.frequency.value(), std::abs(z.value), std::arg(z.value) * 180.0 / std::numbers::pi, z.uncertainty});
        }
    return curve;
}

/// For people: those that can be told at every frequency, side by side.
Curve table_of(const std::vector<Curve>& curves, std::size_t frequencies)
{
    Curve table{"impedances", "Impedances", {{"frequency_hz", "Hz"}}, {}};
    for (const auto& curve : curves) {
        if (curve.rows.size() != frequencies) continue;
        table.columns.push_back({curve.id.substr(0, curve.id.find('_')) + "_ohm", "Ω"});
        table.rows.resize(frequencies);
        for (std::size_t i = 0; i < frequencies; ++i) {
            if (table.rows[i].empty()) table.rows[i].push_back(curve.rows[i][0]);
            table.rows[i].push_back(curve.rows[i][1]);
        }
    }
    return table;
}

/// All that "lowleg predict" takes of an input.
Curve admittances_of(const InputReading& reading)
{
    Curve curve{"admittances", "Admittances", {{"frequency_hz", "Hz"}}, {}, true};
    for (const std::string name : {"y22", "y23", "y32", "y33"})
        for (const std::string part : {"_re_s", "_im_s"}) curve.columns.push_back({name + part, "S"});
    for (const std::string name : {"common2", "common3", "unequal"}) curve.columns.push_back({name + "_uncertainty_s", "S"});
    for (const auto& legs : reading.at) {
        const auto y = as_load(legs);
        std::vector<double> row{legs.frequency.value()};
        for (const auto entry : {y.y22, y.y23, y.y32, y.y33}) {
            row.push_back(entry.real());
            row.push_back(entry.imag());
        }
        for (const auto& m : {legs.common2, legs.common3, legs.unequal}) row.push_back(m ? m->uncertainty : 0.0);
        curve.rows.push_back(std::move(row));
    }
    return curve;
}

std::string name_of(const topology::TypicalOutput& output)
{
    using enum topology::Topology;
    switch (output.topology) {
    case transformer: return "transformer";
    case transformer_center_tapped: return "centre-tap transformer";
    case cross_coupled: return "servo";
    case inverter: return "two op amps (inverter)";
    case impedance_balanced: return "impedance-balanced";
    case unbalanced: return output.variant == topology::Variant::pin3_grounded ? "unbalanced, pin 3 on 1" : "unbalanced, pin 3 open";
    case dual_unbalanced: return "two channels, one signal";
    case insert: return "insert";
    case ground_sensing: return "ground-sensing";
    }
    return "?";
}
std::string id_of(const topology::TypicalOutput& output)
{
    auto id = std::string{topology::id_of(output.topology)};
    if (output.variant == topology::Variant::pin3_not_connected) id += "_open";
    std::ranges::replace(id, '-', '_');
    return id;
}

struct Given {
    const topology::TypicalOutput* output{};
    double level{};         ///< Of what the input takes, over what the output has without load.
    double uncertainty{};
    double pin3_ampere{};   ///< Into the input's pin 3, per volt without load.
};

/// What each kind of output gives into this input.
std::vector<Given> given_by_outputs(const InputLegs& at, const FoundInput& found)
{
    const auto load = as_load(at);
    const auto taken = [&](const topology::TypicalOutput& output, const topology::InputAdmittances& y) -> std::optional<topology::Arrival> {
        const auto answer = topology::solve_connection(output.at_1khz, {}, y, Hertz{});
        return answer ? std::optional{answer->drive} : std::nullopt;
    };
    const auto level_of = [&](const topology::Arrival& v) { return std::abs(found.takes_pin2_alone() ? v.v2 : v.v2 - v.v3); };
    std::vector<Given> out;
    for (const auto& output : topology::typical_outputs()) {
        const auto base = taken(output, load);
        if (!base) continue;
        Given given{&output, level_of(*base), 0.0, std::abs(load.y32 * base->v2 + load.y33 * base->v3)};
        for (const auto& [entry, measured] : {std::pair{&topology::InputAdmittances::y22, &at.own2}, std::pair{&topology::InputAdmittances::y33, &at.own3},
                                              std::pair{&topology::InputAdmittances::y23, &at.into2}, std::pair{&topology::InputAdmittances::y32, &at.into3}}) {
            if (!*measured) continue;
            auto moved = load;
            moved.*entry += (*measured)->uncertainty;
            if (const auto other = taken(output, moved)) given.uncertainty = std::hypot(given.uncertainty, level_of(*other) - given.level);
        }
        out.push_back(given);
    }
    return out;
}

std::string listed(const std::vector<std::string>& names)
{
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i) out += (i == 0 ? "" : "; ") + names[i];
    return out;
}

void add_outputs(Measurement& out, const InputLegs& at, const FoundInput& found)
{
    constexpr auto definition = "Level that the input takes of a usual output of this kind, over what that has without load between its legs (at pin 2, where that carries all). Computed from the "
                                "admittances and the output's two-port as in docs/balance.md.";
    constexpr double vanished = 0.1;   // −20 dB
    constexpr double tellable = 1e-3;
    constexpr GainDb less{-0.5};
    std::vector<std::string> keep, lose, vanish, strained;
    // At +24 dBu between the legs, +18 dBu each; an op amp of a line output gives some 38 mA.
    constexpr double loudest_volts = 12.28, op_amp_ampere = 0.038;
    double most_ampere = 0.0;
    for (const auto& given : given_by_outputs(at, found)) {
        const auto name = name_of(*given.output);
        const auto gain = gain_of(given.level);
        Figure figure{"from_" + id_of(*given.output) + "_db", "From " + name, gain.value(), "dB", 0.0, Figure::Bound::value, at.frequency, definition};
        if (given.level < 1e-5) {
            figure.value = gain_of(1e-5).value();
            figure.bound = Figure::Bound::at_most;
        } else {
            figure.uncertainty = std::max(db_per_neper * given.uncertainty / given.level, 1e-3);
        }
        out.figures.push_back(std::move(figure));
        const auto with_db = name + (given.level < tellable ? "" : " (" + format_db(gain, 1) + ")");
        (given.level < vanished ? vanish : gain < less ? lose : keep).push_back(gain < less ? with_db : name);
        const bool is_dual = given.output->topology == topology::Topology::dual_unbalanced;
        const double ampere = std::sqrt(2.0) * (is_dual ? 0.5 : 1.0) * loudest_volts * given.pin3_ampere;
        if ((is_dual || given.output->topology == topology::Topology::inverter) && ampere > op_amp_ampere) {
            strained.push_back(name);
            most_ampere = std::max(most_ampere, ampere);
        }
    }
    std::string sentence;
    const auto add = [&](const std::vector<std::string>& names, const std::string& words) {
        if (!names.empty()) sentence += (sentence.empty() ? "" : ". ") + words + ": " + listed(names);
    };
    add(keep, "Outputs that keep their level here");
    add(lose, sentence.empty() ? "Outputs that lose" : "That lose");
    add(vanish, "That all but vanish");
    out.says.push_back(sentence + ".");
    if (!strained.empty())
        out.says.push_back("It shorts pin 3 of outputs that drive it (" + listed(strained) + "): at +24 dBu up to " + format_fixed(1e3 * most_ampere, 0) +
                           " mA would flow, more than an op amp gives (some 38 mA), so that it clips, warms, and distorts what is at pin 2. Leave pin 3 unconnected there.");
}

/// "High impedance" is not "balanced", with this input's own numbers.
void add_rejection(Measurement& out, const InputReading& reading, const FoundInput& found)
{
    const auto* at = reading.nearest(reference, &InputLegs::common);
    const auto* one_leg = reading.nearest(reference, &InputLegs::own2);
    if (at == nullptr || found.kind == InputKind::unbalanced_pin3_open || found.kind == InputKind::unbalanced_pin3_resistor) {
        if (one_leg == nullptr) return;
        out.says.push_back("Its " + format_ohms(Ohms{1.0 / std::abs(one_leg->own2->value)}) +
                           " say nothing about balance, high or low: what stands between the grounds of source and input is signal at pin 2, whole, for no second leg carries it as well.");
        return;
    }
    const auto equal = rejection_figure("rejection_equal_db", "Rejection, equal legs of 50 Ω", std::abs(at->equal_source->value), at->equal_source->uncertainty, at->frequency,
                                        "Of a voltage between the grounds, what the impedances of this input leave between its pins, from an output of 50 Ω in each leg. What its amplifier makes of common "
                                        "mode is not in it: \"lowleg cmrr\".");
    const bool worse3 = std::abs(at->more_in_leg3->value) > std::abs(at->more_in_leg2->value);
    const auto& more = worse3 ? *at->more_in_leg3 : *at->more_in_leg2;
    const auto imbalance = rejection_figure("rejection_10ohm_db", "Rejection, 10 Ω more in one", std::abs(more.value), more.uncertainty, at->frequency,
                                            "The same with 10 Ω more in one leg of the output (the worse one), as IEC 60268-3 has it: 20·log(Zcm/10 Ω) where the legs of the input are equal.");
    out.figures.push_back(equal);
    out.figures.push_back(imbalance);
    const auto leg = [&](const Measured& m) { return said(impedance_figure("", "", m, at->frequency, "")); };
    const double larger = std::max(std::abs(at->common2->value), std::abs(at->common3->value));
    std::string apart;
    if (larger > 2.0 * std::max(at->common2->uncertainty, at->common3->uncertainty)) {
        const double ratio = std::abs(at->unequal->value) / larger, wide = at->unequal->uncertainty / larger;
        Figure figure{"common_imbalance_percent", "  apart by", 100.0 * ratio, "%", 100.0 * wide, Figure::Bound::value, at->frequency,
                      "Difference of both common-mode admittances over the larger one."};
        if (ratio < wide) {
            figure.value += figure.uncertainty;
            figure.uncertainty = 0.0;
            figure.bound = Figure::Bound::at_most;
        }
        apart = ", " + std::string{figure.bound == Figure::Bound::at_most ? "at most " : ""} + format_fixed(figure.value, figure.value < 1.0 ? 2 : 1) + " % apart";
        out.figures.push_back(std::move(figure));
    }
    out.says.push_back("High or low impedance is not balance: it has " + leg(*at->between) + " between the legs, and noise that both legs carry meets " + leg(*at->common2) + " at pin 2 and " +
                       leg(*at->common3) + " at pin 3" + apart + ". By that it rejects " + said(equal) + " from an output of 50 Ω in each leg, and " + said(imbalance) +
                       " with 10 Ω more in one of them; how well its amplifier subtracts is another matter, which \"lowleg cmrr\" measures.");
}

}  // namespace

Result<Measurement> measure_input(const SourceRun& run)
{
    auto read = read_input(run);
    if (!read) return read.error();
    auto& reading = read.value();
    auto out = run.begin(MeasureKind::input);
    const auto source = out.quality.source;
    out.quality = reading.quality;
    out.quality.source = source;
    out.captures = std::move(reading.captures);
    out.notes = std::move(reading.notes);
    if (run.options.averaging.until) out.notes.emplace_back("--until asks for decibels, and impedances are told in ohms: give --for to average longer.");

    const auto found = find_input(reading);
    out.finding = id_of(found.kind);
    for (const auto& quantity : quantities) {
        const auto* at = reading.nearest(reference, quantity.what);
        if (at == nullptr) continue;
        out.figures.push_back(impedance_figure(std::string{quantity.id} + "_ohm", quantity.words, *(at->*quantity.what), at->frequency, quantity.definition));
        if (auto curve = curve_of(reading, quantity); !curve.rows.empty()) out.curves.push_back(std::move(curve));
    }
    if (auto table = table_of(out.curves, reading.at.size()); table.columns.size() > 1) out.curves.insert(out.curves.begin(), std::move(table));
    for (const auto& [is_grounded, id, words] : {std::tuple{&InputLegs::pin2_is_grounded, "pin2_ohm", "Pin 2"}, std::tuple{&InputLegs::pin3_is_grounded, "pin3_ohm", "Pin 3"}})
        if (std::ranges::all_of(reading.at, is_grounded))
            out.figures.push_back({id, words, 2.0, "Ω", 0.0, Figure::Bound::at_most, {}, "On ground: what is left of the probe is less than contacts and leads make."});
    out.curves.push_back(admittances_of(reading));
    out.says.push_back(found.says);
    add_rejection(out, reading, found);
    const auto nearest = std::ranges::min_element(reading.at, {}, [](const InputLegs& l) { return std::abs(std::log(l.frequency / reference)); });
    if (found.kind != InputKind::unclear) add_outputs(out, *nearest, found);
    else out.notes.emplace_back("What it does to an output is not told, because it is not known which of its pins take the signal.");
    return out;
}

}  // namespace lowleg::procedure
