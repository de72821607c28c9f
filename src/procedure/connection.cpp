#include "procedure/connection.h"

#include "core/text.h"
#include "files/json_text.h"
#include "procedure/measurement_table.h"
#include "procedure/rejection_figure.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::procedure {
namespace {

using files::Json;
using topology::Arrival;
using topology::OutputAdmittances;

constexpr std::array<const char*, told_inputs.size()> input_ids{"10k", "20k", "50k"};
constexpr int harmonics = 10;

std::string_view text_of(const Json& object, std::string_view key)
{
    const auto* member = object.find(key);
    return member == nullptr ? std::string_view{} : member->string().value_or(std::string_view{});
}

std::optional<Complex> complex_of(const Json& object, std::string_view key)
{
    const auto* member = object.find(key);
    return member == nullptr ? std::nullopt : member->complex();
}

/// V = E − Z·I as I = J − Y·V. \return none where that has no solution.
std::optional<OutputAdmittances> inverted(Complex z22, Complex z23, Complex z32, Complex z33, Complex e2, Complex e3)
{
    const Complex det = z22 * z33 - z23 * z32;
    const OutputAdmittances out{z33 / det, -z23 / det, -z32 / det, z22 / det, (z33 * e2 - z23 * e3) / det, (z22 * e3 - z32 * e2) / det};
    for (const auto y : {out.y22, out.y23, out.y32, out.y33, out.j2, out.j3})
        if (!std::isfinite(y.real()) || !std::isfinite(y.imag())) return std::nullopt;
    return out;
}

double conversion_magnitude(const OutputAdmittances& y, Ohms each_leg)
{
    const auto answer = topology::solve_connection(y, {}, topology::plain_input(each_leg, Farads{}, Hertz{}), Hertz{});
    return answer ? std::abs(answer->ground.v2 - answer->ground.v3) : 0.0;
}

/// Of an identification: each impedance moved by its own uncertainty, as if they were independent, which is more than they err by.
Result<OutputFacts> of_identification(const Json& json)
{
    OutputFacts out;
    out.name = text_of(json, "verdict");
    if (const auto* quality = json.find("quality")) out.is_virtual_bench = text_of(*quality, "source") == "virtual-bench";
    const auto* list = json.find("two_port");
    if (list == nullptr || list->elements() == nullptr || list->elements()->empty())
        return Error{"the result holds no two-port: identify again with the probe resistors fitted"};
    const bool is_open = text_of(json, "variant") == "pin-3-not-connected";
    const auto* points = json.find("load_points");
    for (const auto& row : *list->elements()) {
        const auto* frequency = row.find("frequency_hz");
        const double f = frequency == nullptr ? 0.0 : frequency->number().value_or(0.0);
        if (!(f > 0.0) || !std::isfinite(f)) return Error{"the result holds a two-port without its frequency: give it as \"lowleg identify --json\" printed it"};
        OutputFactsAt at;
        at.frequency = Hertz{f};
        const auto z22 = complex_of(row, "z22"), z23 = complex_of(row, "z23"), z32 = complex_of(row, "z32"), z33 = complex_of(row, "z33");
        const auto e2 = complex_of(row, "e2").value_or(0.0), e3 = complex_of(row, "e3").value_or(0.0);
        std::optional<OutputAdmittances> y;
        if (z22 && z23 && z32 && z33) {
            y = inverted(*z22, *z23, *z32, *z33, e2, e3);
            const auto* uncertainty = row.find("uncertainty");
            for (std::size_t k = 0; k < told_inputs.size() && y && uncertainty != nullptr; ++k) {
                const double base = conversion_magnitude(*y, told_inputs[k]);
                double sum = 0.0;
                const std::array entries{std::pair{"z22", *z22}, std::pair{"z23", *z23}, std::pair{"z32", *z32}, std::pair{"z33", *z33}};
                for (std::size_t i = 0; i < entries.size(); ++i) {
                    const auto* u = uncertainty->find(entries[i].first);
                    std::array z{*z22, *z23, *z32, *z33};
                    z[i] += u == nullptr ? 0.0 : u->number().value_or(0.0);
                    if (const auto moved = inverted(z[0], z[1], z[2], z[3], e2, e3)) sum = std::hypot(sum, conversion_magnitude(*moved, told_inputs[k]) - base);
                }
                at.conversion_uncertainty[k] = sum;
            }
        } else if (is_open && z22 && *z22 != 0.0) {
            y = OutputAdmittances{1.0 / *z22, 0.0, 0.0, 0.0, e2 / *z22, 0.0};
        } else if (points != nullptr && points->elements() != nullptr) {
            const auto point = std::ranges::find_if(*points->elements(), [&](const Json& p) {
                const auto* at_hz = p.find("frequency_hz");
                return at_hz != nullptr && at_hz->number() == f;
            });
            const auto* s = point == points->elements()->end() ? nullptr : point->find("siemens");
            if (s != nullptr) {
                const auto y22 = complex_of(*s, "y22"), y23 = complex_of(*s, "y23"), y32 = complex_of(*s, "y32"), y33 = complex_of(*s, "y33");
                const auto v2 = complex_of(*point, "v2"), v3 = complex_of(*point, "v3"), i2 = complex_of(*point, "i2"), i3 = complex_of(*point, "i3");
                if (y22 && y23 && y32 && y33 && v2 && v3 && i2 && i3) y = OutputAdmittances{*y22, *y23, *y32, *y33, *i2 + *y22 * *v2 + *y23 * *v3, *i3 + *y32 * *v2 + *y33 * *v3};
            }
        }
        if (!y) continue;
        at.y = *y;
        out.at.push_back(at);
    }
    if (out.at.empty()) return Error{"the result tells no impedances of both legs: identify again with the probe resistors and the states \"loaded\" and \"lifted\""};
    std::ranges::sort(out.at, {}, &OutputFactsAt::frequency);
    out.notes.emplace_back("How uncertain the output's balance is, is told worse by an identification than by \"lowleg measure balance --json\".");
    return out;
}

Result<OutputFacts> of_balance(const Json& json)
{
    const auto table = table_of(json, "balance", "output", "give what \"lowleg measure balance --json\" or \"lowleg identify --json\" printed");
    if (!table) return table.error();
    OutputFacts out;
    out.name = text_of(json, "device");
    if (const auto* quality = json.find("quality")) out.is_virtual_bench = text_of(*quality, "source") == "virtual-bench";
    const auto& t = table.value();
    for (const auto& row : t.rows) {
        OutputFactsAt at;
        at.frequency = Hertz{t.at(row, "frequency_hz")};
        at.y = {t.complex_at(row, "y22", "_s"), t.complex_at(row, "y23", "_s"), t.complex_at(row, "y32", "_s"),
                t.complex_at(row, "y33", "_s"), t.complex_at(row, "j2", "_s"),  t.complex_at(row, "j3", "_s")};
        for (std::size_t k = 0; k < told_inputs.size(); ++k) at.conversion_uncertainty[k] = t.at(row, "conversion_uncertainty_" + std::string{input_ids[k]});
        out.at.push_back(at);
    }
    return out;
}

/// At inputs between those that it is told for, and beyond: along a line over logarithms, no steeper than in inverse proportion, which stiff outputs have, nor
/// rising.
double uncertainty_into(const OutputFactsAt& at, double common_ohms)
{
    const auto& u = at.conversion_uncertainty;
    if (!(u.front() > 0.0) || !(u.back() > 0.0)) return *std::ranges::max_element(u);
    const double wide = std::log(told_inputs.back() / told_inputs.front());
    const double slope = std::clamp(std::log(u.back() / u.front()) / wide, -1.0, 0.0);
    return u.front() * std::pow(common_ohms / told_inputs.front().value(), slope);
}

struct ConnectedAt {
    Hertz frequency{};
    double ground{}, ground_uncertainty{};  ///< Volts between the pins per volt between the grounds, as the input takes them.
    double field{}, field_uncertainty{};    ///< V/A
    double of_common{};                     ///< Of the field: per volt that it makes on both pins.
    double level{};                         ///< What arrives between the pins, over what the output has without load; 0: no drive.
};

std::optional<ConnectedAt> connected_at(const OutputFactsAt& output, const InputFactsAt& input, const ConnectionOptions& options)
{
    const auto& cable = options.cable.cable;
    const auto answer = topology::solve_connection(output.y, cable, input.y, output.frequency);
    if (!answer) return std::nullopt;
    ConnectedAt out;
    out.frequency = output.frequency;
    out.ground = std::abs(input.referred(answer->ground));
    out.field = std::abs(input.referred(answer->field));
    const auto common_of = [](const Arrival& v) { return 0.5 * std::abs(v.v2 + v.v3); };

    const auto moved = [&](const topology::InputAdmittances& y, const topology::Cable& other) {
        const auto a = topology::solve_connection(output.y, other, y, output.frequency);
        if (!a) return std::pair{0.0, 0.0};
        return std::pair{std::abs(input.referred(a->ground) - input.referred(answer->ground)), std::abs(input.referred(a->field) - input.referred(answer->field))};
    };
    const double omega = 2.0 * std::numbers::pi * output.frequency.value();
    const Complex common = 0.5 * (input.y.common2() + input.y.common3()) + Complex{0.0, omega * cable.metres * cable.shield_per_metre.value()};
    const double of_output = uncertainty_into(output, 1.0 / std::max(std::abs(common), 1e-12));
    // What the output is uncertain by stands in the field's way, too: a volt between the grounds is what a current of 1 V·y makes.
    out.ground_uncertainty = of_output;
    out.field_uncertainty = of_output / std::max(std::abs(common), 1e-12);
    const auto add = [&](std::pair<double, double> by) {
        out.ground_uncertainty = std::hypot(out.ground_uncertainty, by.first);
        out.field_uncertainty = std::hypot(out.field_uncertainty, by.second);
    };
    auto apart = input.y;
    apart.y22 += 0.5 * input.unequal_uncertainty;
    apart.y33 -= 0.5 * input.unequal_uncertainty;
    add(moved(apart, cable));
    auto both = input.y;
    both.y22 += input.common_uncertainty;
    both.y33 += input.common_uncertainty;
    add(moved(both, cable));
    // These are bounds, and no chances: they add up.
    if (!options.cable.knows_mismatch && cable.metres > 0.0) {
        constexpr double usual = 0.02;
        auto other = cable;
        other.mismatch = usual;
        const auto by = moved(input.y, other);
        out.ground_uncertainty += by.first;
        out.field_uncertainty += by.second;
    }
    if (options.input_cmrr && !std::isinf(options.input_cmrr->value())) {
        const double own = 1.0 / amplitude_ratio(*options.input_cmrr);
        out.ground_uncertainty += own * common_of(answer->ground);
        out.field_uncertainty += own * common_of(answer->field);
    }
    if (const double both_pins = common_of(answer->field); both_pins > 0.0) out.of_common = out.field / both_pins;
    if (std::abs(output.y.j2) + std::abs(output.y.j3) > 0.0) {
        // Without load: into next to nothing.
        const auto open = topology::solve_connection(output.y, {}, topology::plain_input(Ohms{1e12}, Farads{}, output.frequency), output.frequency);
        const double emf = open ? std::abs(input.referred(open->drive)) : 0.0;
        if (emf > 0.0) out.level = std::abs(input.referred(answer->drive)) / emf;
    }
    return out;
}

/// Between two frequencies along a line over logarithms; none beyond them.
std::optional<ConnectedAt> between(const std::vector<ConnectedAt>& all, Hertz f)
{
    const auto above = std::ranges::lower_bound(all, f, {}, &ConnectedAt::frequency);
    if (above == all.end()) return std::nullopt;
    if (above->frequency == f) return *above;
    if (above == all.begin()) return std::nullopt;
    const auto& a = *(above - 1);
    const auto& b = *above;
    const double share = std::log(f / a.frequency) / std::log(b.frequency / a.frequency);
    const auto mix = [share](double x, double y) { return x > 0.0 && y > 0.0 ? x * std::pow(y / x, share) : std::max(x, y); };
    return ConnectedAt{f, mix(a.ground, b.ground), std::max(a.ground_uncertainty, b.ground_uncertainty), mix(a.field, b.field), std::max(a.field_uncertainty, b.field_uncertainty),
                       mix(a.of_common, b.of_common), mix(a.level, b.level)};
}

const ConnectedAt& nearest(const std::vector<ConnectedAt>& all, Hertz f)
{
    return *std::ranges::min_element(all, {}, [&](const ConnectedAt& c) { return std::abs(std::log(c.frequency / f)); });
}

constexpr auto cmrr_definition = "A voltage between the grounds of output and input over what it makes as volts between the input's pins: output two-port, cable and input solved together. What the input's "
                                 "amplifier itself makes of common mode is in it where it is known.";

std::string id_at(Hertz f) { return f < Hertz{1000.0} ? format_fixed(f.value(), 0) : format_fixed(f.value() / 1000.0, 0) + "k"; }

std::string level_said(double volts)
{
    const auto dbu = format_fixed(std::abs(Dbu::of(VoltsRms{volts}).value()), 1);
    return (Dbu::of(VoltsRms{volts}).value() < 0.0 ? "−" : "+") + dbu + " dBu";
}

void add_hum(Measurement& out, const std::vector<ConnectedAt>& all, const ConnectionOptions& options)
{
    Curve curve{"hum", "Hum between the pins", {{"frequency_hz", "Hz"}, {"ground_v", "V"}, {"hum_v", "V"}, {"hum_dbu", "dBu"}}, {}};
    double power = 0.0, wide = 0.0;
    for (int k = 1; k <= harmonics; ++k) {
        const auto at = between(all, static_cast<double>(k) * options.mains);
        if (!at) continue;
        const double ground = options.ground_volts / static_cast<double>(k);
        const double hum = ground * at->ground, hum_wide = ground * at->ground_uncertainty;
        power += hum * hum;
        wide += hum_wide * hum_wide;
        curve.rows.push_back({at->frequency.value(), ground, hum, Dbu::of(VoltsRms{std::max(hum, 1e-12)}).value()});
    }
    if (curve.rows.empty()) return;
    const double volts = std::sqrt(power), uncertainty = std::sqrt(wide);
    const auto definition = "rms of the mains' first ten harmonics between the input's pins, for " + format_fixed(1e3 * options.ground_volts, 0) + " mV between the grounds at " +
                            format_hertz(options.mains) + " and 1/k of it at the k-th.";
    const bool stands_out = volts > 2.0 * uncertainty;
    const double most = stands_out ? volts : volts + uncertainty;
    Figure dbu{"hum_dbu", "Hum to be expected", Dbu::of(VoltsRms{most}).value(), "dBu", stands_out ? gain_of(volts / (volts - uncertainty)).value() : 0.0,
               stands_out ? Figure::Bound::value : Figure::Bound::at_most, options.mains, definition};
    Figure below = dbu;
    below.id = "hum_below_4dbu_db";
    below.words = "  against +4 dBu";
    below.unit = "dB";
    below.value = (Dbu{dbu.value} - Dbu{4.0}).value();
    out.figures.push_back(dbu);
    out.figures.push_back(below);
    out.curves.push_back(std::move(curve));
    out.says.push_back("With " + format_fixed(1e3 * options.ground_volts, 0) + " mV of hum between the grounds " + (stands_out ? "" : "at most ") + level_said(most) + " of it reach the input, " +
                       format_fixed(std::abs(below.value), 0) + " dB " + (below.value < 0.0 ? "below" : "above") + " a signal of +4 dBu.");
}

}  // namespace

std::optional<Complex> conversion_into(const OutputAdmittances& output, const InputFactsAt& input)
{
    const auto answer = topology::solve_connection(output, {}, input.y, input.frequency);
    if (!answer) return std::nullopt;
    return input.referred(answer->ground);
}

Result<OutputFacts> output_facts_of(std::string_view text)
{
    const auto json = files::parse_json(text);
    if (!json) return json.error();
    if (text_of(json.value(), "schema") == "lowleg.identify/1") {
        if (const auto* hot = json.value().find("pin3_hot"); hot != nullptr && hot->truth().value_or(false))
            return Error{"in this result the signal was on pin 3 and nothing else was measured: exchange the leads of pin 2 and pin 3 at the fixture and identify again"};
        return of_identification(json.value());
    }
    return of_balance(json.value());
}

Result<CableGiven> cable_of(std::string_view text)
{
    const auto wrong = [&](const std::string& why) {
        return Error{"a cable cannot be \"" + std::string{text} + "\": " + why + "; give metres, then pF per metre from wire to shield, then by how many per cent pin 3's wire has more, as in 20 or 20,82,2",
                     ErrorKind::usage};
    };
    CableGiven out;
    std::array<double, 3> values{};
    std::size_t count = 0;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        if (count == values.size()) return wrong("it has more than three numbers");
        if (!parse_engineering(text.substr(begin, end - begin), values.at(count)) || !std::isfinite(values.at(count))) return wrong("not all of it are numbers");
        ++count;
        begin = end + 1;
    }
    constexpr double longest = 2000.0, most_pf = 1000.0, most_percent = 50.0;
    if (!(values[0] >= 0.0 && values[0] <= longest)) return wrong("its length is not between 0 and 2000 m");
    out.cable.metres = values[0];
    if (count > 1) {
        if (!(values[1] > 0.0 && values[1] <= most_pf)) return wrong("its capacitance is not between 0 and 1000 pF a metre");
        const double usual = out.cable.shield_per_metre.value();
        out.cable.pair_per_metre = Farads{out.cable.pair_per_metre.value() * 1e-12 * values[1] / usual};
        out.cable.shield_per_metre = Farads{1e-12 * values[1]};
    }
    if (count > 2) {
        if (!(std::abs(values[2]) <= most_percent)) return wrong("its wires are not more than 50 % apart");
        out.cable.mismatch = 0.01 * values[2];
        out.knows_mismatch = true;
    }
    return out;
}

Result<Measurement> connect(const OutputFacts& output, const InputFacts& input, const ConnectionOptions& options)
{
    std::vector<ConnectedAt> all;
    for (const auto& at : output.at)
        if (auto connected = connected_at(at, input.at_frequency(at.frequency), options)) all.push_back(*connected);
    if (all.empty()) return Error{"output and input have no solution together: a pin is on nothing at both ends"};
    Measurement out;
    out.kind = "connection";
    out.device_under_test = output.name + " into " + input.name;
    out.quality.source = output.is_virtual_bench ? Source::virtual_bench : Source::captures;
    out.notes = output.notes;

    const auto add_rejection = [&](const ConnectedAt& c, const std::string& words) {
        out.figures.push_back(rejection_figure("cmrr_" + id_at(c.frequency) + "_db", words, c.ground, c.ground_uncertainty, c.frequency, cmrr_definition));
    };
    const auto& middle = nearest(all, Hertz{1000.0});
    out.figures.push_back(rejection_figure("cmrr_db", "CMRR of the connection", middle.ground, middle.ground_uncertainty, middle.frequency, cmrr_definition));
    if (const auto at = between(all, options.mains)) add_rejection(*at, "  at the mains");
    if (const auto at = between(all, Hertz{10e3})) add_rejection(*at, "  at 10 kHz");
    if (middle.level > 0.0)
        out.figures.push_back({"level_db", "Level of the signal", gain_of(middle.level).value(), "dB", 0.02, Figure::Bound::value, middle.frequency,
                               "What the input takes of the signal over what it would without cable and load."});
    out.figures.push_back({"field_ohm", "A field's current becomes", middle.field, "Ω", middle.field_uncertainty < middle.field ? middle.field_uncertainty : 0.0,
                           middle.field_uncertainty < middle.field ? Figure::Bound::value : Figure::Bound::at_most, middle.frequency,
                           "Volts between the input's pins per ampere that a field drives into each wire in the middle of the cable: 1 Ω makes 1 mV of 1 mA."});
    if (out.figures.back().bound == Figure::Bound::at_most) out.figures.back().value += middle.field_uncertainty;
    if (middle.of_common > 0.0)
        out.figures.push_back({"field_rejection_db", "  against both pins", gain_of(1.0 / middle.of_common).value(), "dB", 0.0, Figure::Bound::value, middle.frequency,
                               "What the field makes on both pins (their mean), over what the input takes of it as volts between them."});

    Curve curve{"connection", "Connection", {{"frequency_hz", "Hz"}, {"cmrr_db", "dB"}, {"at_least_db", "dB"}, {"field_ohm", "Ω"}}, {}};
    const bool has_levels = std::ranges::all_of(all, [](const ConnectedAt& c) { return c.level > 0.0; });
    if (has_levels) curve.columns.push_back({"level_db", "dB"});
    for (const auto& c : all) {
        if (!(c.ground > 0.0)) continue;
        std::vector<double> row{c.frequency.value(), gain_of(1.0 / c.ground).value(), gain_of(1.0 / (c.ground + c.ground_uncertainty)).value(), c.field};
        if (has_levels) row.push_back(gain_of(c.level).value());
        curve.rows.push_back(std::move(row));
    }
    if (!curve.rows.empty()) out.curves.push_back(std::move(curve));
    add_hum(out, all, options);
    if (!input.knows_gains && !options.input_cmrr)
        out.notes.emplace_back("The input's amplifier is taken as perfect: --cmrr DB tells what \"lowleg cmrr\" measured of it with its legs tied.");
    if (options.cable.cable.metres > 0.0 && !options.cable.knows_mismatch)
        out.notes.emplace_back("The cable's wires may differ by 2 % in what they have to the shield, either way; that is in the uncertainty.");
    return out;
}

}  // namespace lowleg::procedure
