#include "report/bench_report.h"

#include "core/text.h"
#include "files/json_text.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <optional>
#include <ostream>

namespace lowleg::report {
namespace {

using files::Json;

constexpr std::string_view badge = "[VIRTUAL BENCH]";
constexpr GainDb silent_below{-140.0};  // anything that an interface resolves

std::string heading(const CircuitEntry& circuit, const TextStyle& style)
{
    return inked(circuit.name, Ink::heading, style) + "  " + inked(badge, Ink::badge, style) + "\n" + wrapped(circuit.title, style.width, "  ");
}

std::string notes_text(std::span<const std::string> notes, const TextStyle& style)
{
    std::string out;
    for (const auto& note : notes) out += "\n" + wrapped(note, style.width, "  Note: ");
    return out;
}

Json texts(std::span<const std::string> lines)
{
    auto out = Json::array();
    for (const auto& line : lines) out.push_back(line);
    return out;
}

/// "−60.6", "0.00": with U+2212, without a unit.
std::string number(double value, int digits)
{
    const auto magnitude = format_fixed(std::abs(value), digits);
    const bool is_zero = magnitude.find_first_of("123456789") == std::string::npos;
    return is_zero || value > 0.0 ? magnitude : "−" + magnitude;
}

/// A row of cells that end at their columns' right edges.
class Row {
public:
    explicit Row(std::string first) : text_{std::move(first)} {}
    Row& cell(std::string_view cell, std::size_t width)
    {
        const auto taken = columns(cell);
        text_ += std::string(width > taken ? width - taken : 1, ' ');
        text_ += cell;
        return *this;
    }
    [[nodiscard]] std::string line() const { return text_ + "\n"; }

private:
    std::string text_;
};

bool is_silent(Complex transfer) { return !(gain_of(transfer) >= silent_below); }
std::string level_text(Complex transfer) { return is_silent(transfer) ? "silent" : number(gain_of(transfer).value(), 2); }

/// What one transfer has over another, where both are more than nothing.
std::optional<Complex> over(Complex a, Complex b)
{
    if (is_silent(a) || is_silent(b)) return std::nullopt;
    return a / b;
}
std::optional<Complex> leg_ratio(const CircuitReading& at)
{
    const auto& through = at.inputs.at(SwitchState::through);
    return over(through[1], through[0]);
}
std::optional<Complex> step_to(const CircuitReading& at, SwitchState state)
{
    return over(at.inputs.at(state)[0], at.inputs.at(SwitchState::through)[0]);
}

std::string ratio_text(const std::optional<Complex>& ratio)
{
    if (!ratio) return "–";
    const auto text = number(gain_of(*ratio).value(), 2);
    return gain_of(*ratio).value() > 0.0 && text.find_first_of("123456789") != std::string::npos ? "+" + text : text;
}
double degrees_of(Complex z) { return std::arg(z) * 180.0 / std::numbers::pi; }
Json db_json(const std::optional<Complex>& ratio) { return ratio ? Json{gain_of(*ratio).value()} : Json{}; }

std::string output_readings(const CircuitReport& report, const TextStyle& style)
{
    auto out = "\n" + inked("What the fixture reads, dB over the drive played", Ink::heading, style) + "\n";
    const auto row = [](std::string_view first, const std::array<std::string, 7>& cells) {
        constexpr std::array<std::size_t, 7> widths{8, 9, 11, 7, 11, 13, 11};
        Row line{padded(first, 10)};
        for (std::size_t i = 0; i < cells.size(); ++i) line.cell(cells[i], widths[i]);
        return line.line();
    };
    out += row("", {"pin 2", "pin 3", "leg ratio", "angle", "load step", "ground step", "lift step"});
    for (const auto& at : report.readings) {
        const auto& through = at.inputs.at(SwitchState::through);
        const auto ratio = leg_ratio(at);
        out += row("  " + format_hertz(at.frequency),
                   {level_text(through[0]), level_text(through[1]), ratio_text(ratio), ratio ? format_fixed(std::abs(degrees_of(*ratio)), 0) + "°" : "–",
                    ratio_text(step_to(at, SwitchState::loaded)), ratio_text(step_to(at, SwitchState::grounded)), ratio_text(step_to(at, SwitchState::lifted))});
    }
    return out + wrapped("The first four with the switch at through; the steps are those of pin 2 from through to loaded, grounded and lifted.", style.width, "  ");
}

std::string figure_text(double value, const FigureName& figure)
{
    if (std::isnan(value)) return "–";
    if (figure.unit == "dB" && value < silent_below.value()) return "silent";
    return number(value, 2);
}

std::string words_of(const FigureName& figure) { return figure.unit == "dB" ? figure.words : figure.words + ", " + figure.unit; }

std::string ohms_text(Complex z) { return std::isfinite(std::abs(z)) ? format_ohms(Ohms{std::abs(z)}) : "none"; }

std::string other_readings(const CircuitReport& report, const TextStyle& style)
{
    constexpr std::size_t first_width = 34;
    constexpr std::size_t width = 12;
    const bool is_receiver = report.circuit.kind == "receiver";
    auto out = "\n" + inked(is_receiver ? "What the receiver makes of what is played, dB" : "What the connection makes of what is played, dB", Ink::heading, style) + "\n";
    Row head{std::string(first_width, ' ')};
    for (const auto& [frequency, values] : report.figure_readings) head.cell(format_hertz(frequency), width);
    out += head.line();
    for (std::size_t i = 0; i < report.figures.size(); ++i) {
        Row row{padded("  " + words_of(report.figures[i]), first_width)};
        for (const auto& [frequency, values] : report.figure_readings) row.cell(figure_text(values[i], report.figures[i]), width);
        out += row.line();
    }
    if (is_receiver)
        out += wrapped("Gain per volt between the pins (half a volt on each); common-mode gain per volt on both, tied, or with 10 Ω in one "
                       "leg. CMRR is the first over the second, after IEC 60268-3 the worse of the two with 10 Ω.", style.width, "  ");
    else
        out += wrapped("Noise per volt on node noise, which makes a current in both wires of the cable. Rejection: how much more a volt between the "
                       "pins, from drv, makes at out than a volt on both, from the noise.", style.width, "  ");
    if (report.impedances.empty()) return out;

    out += "\n" + inked("Input impedance", Ink::heading, style) + "\n";
    const auto row = [&](std::string_view name, Complex ImpedanceReading::*which) {
        Row line{padded("  " + std::string{name}, first_width)};
        for (const auto& at : report.impedances) line.cell(ohms_text(at.*which), width);
        out += line.line();
    };
    row("pin 2, pin 3 on ground", &ImpedanceReading::pin2);
    row("pin 3, pin 2 on ground", &ImpedanceReading::pin3);
    row("pin 2, both driven alike", &ImpedanceReading::common2);
    row("pin 3, both driven alike", &ImpedanceReading::common3);
    return out;
}

std::string volts_text(double volts)
{
    return std::abs(volts) < 1.0 ? number(1e3 * volts, 1) + " mV" : number(volts, 2) + " V";
}

std::string rest_text(const CircuitReport& report, const TextStyle& style)
{
    if (report.rest_volts.empty()) return "";
    const bool is_output = report.circuit.kind == "output";
    std::string text = "Direct current at rest, ";
    for (std::size_t i = 0; i < report.rest_volts.size(); ++i) {
        const auto& [position, volts] = report.rest_volts[i];
        text += (i == 0 ? "" : "; ") + position + (is_output ? ": pin 2 " : ": out ") + volts_text(volts[0]);
        if (is_output) text += ", input 2 " + volts_text(volts[1]);
    }
    return wrapped(text + ".", style.width, "  ");
}

Json figures_json(std::span<const FigureName> figures, Hertz frequency, std::span<const double> values)
{
    auto out = Json::object({{"frequency_hz", frequency.value()}});
    for (std::size_t i = 0; i < figures.size(); ++i) out.add(figures[i].id, values[i]);
    return out;
}

Json circuit_json(std::string_view schema, const CircuitEntry& circuit)
{
    auto out = Json::object({{"schema", schema}, {"name", circuit.name}, {"title", circuit.title}});
    out.add("kind", circuit.kind);
    out.add("topologies", texts(circuit.topologies));
    return out;
}

}  // namespace

std::string bench_list_text(std::span<const CircuitEntry> circuits, const TextStyle& style)
{
    std::string out;
    std::string_view kind;
    std::size_t width = 0;
    for (const auto& circuit : circuits) {
        if (circuit.kind != kind) {
            kind = circuit.kind;
            width = 0;
            for (const auto& other : circuits)
                if (other.kind == kind) width = std::max(width, columns(other.name));
            auto words = circuit.kind + "s of the virtual bench";
            words.front() = static_cast<char>(words.front() - 'a' + 'A');
            out += (out.empty() ? "" : "\n") + inked(words, Ink::heading, style) + "\n";
        }
        out += wrapped(circuit.title, style.width, "  " + padded(circuit.name, width) + "  ");
    }
    return out;
}

std::string bench_list_json(std::span<const CircuitEntry> circuits)
{
    auto list = Json::array();
    for (const auto& circuit : circuits)
        list.push_back(Json::object({{"name", circuit.name}, {"title", circuit.title}, {"kind", circuit.kind}, {"topologies", texts(circuit.topologies)}}));
    return Json::object({{"schema", "lowleg.bench-list/1"}, {"circuits", std::move(list)}}).text() + "\n";
}

std::string bench_show_text(const CircuitReport& report, const TextStyle& style)
{
    auto out = heading(report.circuit, style);
    if (!report.story.empty()) {
        // Lines that are set in are drawings and formulas.
        out += "\n";
        for (std::string_view rest{report.story}; !rest.empty();) {
            const auto end = std::min(rest.find('\n'), rest.size());
            const auto line = rest.substr(0, end);
            out += line.starts_with(' ') ? indented(line, 2) : wrapped(line, style.width, "  ");
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    out += "\n" + indented(report.netlist_after_story, 4) + notes_text(report.notes, style);
    out += report.circuit.kind == "output" ? output_readings(report, style) : other_readings(report, style);
    if (!report.is_linear)
        out += wrapped("Nonlinear: small-signal readings, about where the circuit rests. What is loud reads otherwise.", style.width, "  ");
    return out + rest_text(report, style);
}

std::string bench_show_json(const CircuitReport& report)
{
    auto readings = Json::array();
    for (const auto& at : report.readings) {
        auto states = Json::object();
        for (const auto& [state, inputs] : at.inputs)
            states.add(std::string{name_of(state)}, Json::object({{"i2", inputs[0]}, {"i3", inputs[1]}}));
        const auto ratio = leg_ratio(at);
        readings.push_back(Json::object({{"frequency_hz", at.frequency.value()},
                                         {"states", std::move(states)},
                                         {"leg_ratio_db", db_json(ratio)},
                                         {"leg_angle_deg", ratio ? Json{degrees_of(*ratio)} : Json{}},
                                         {"load_step_db", db_json(step_to(at, SwitchState::loaded))},
                                         {"ground_step_db", db_json(step_to(at, SwitchState::grounded))},
                                         {"lift_step_db", db_json(step_to(at, SwitchState::lifted))}}));
    }
    for (const auto& [frequency, values] : report.figure_readings) readings.push_back(figures_json(report.figures, frequency, values));
    auto rest = Json::array();
    for (const auto& [position, volts] : report.rest_volts)
        rest.push_back(Json::object({{"position", position}, {"input_1_v", volts[0]}, {"input_2_v", volts[1]}}));
    auto impedances = Json::array();
    for (const auto& at : report.impedances)
        impedances.push_back(Json::object({{"frequency_hz", at.frequency.value()},
                                           {"pin2_ohm", at.pin2},
                                           {"pin3_ohm", at.pin3},
                                           {"pin2_common_ohm", at.common2},
                                           {"pin3_common_ohm", at.common3}}));
    auto out = circuit_json("lowleg.bench-show/1", report.circuit);
    out.add("story", report.story);
    out.add("netlist", report.netlist);
    out.add("notes", texts(report.notes));
    out.add("linear", report.is_linear);
    out.add("rest", std::move(rest));
    out.add("readings", std::move(readings));
    if (report.circuit.kind == "receiver") out.add("input_impedance", std::move(impedances));
    return out.text() + "\n";
}

std::string bench_spread_text(const SpreadReport& report, const TextStyle& style)
{
    const auto solved = static_cast<std::size_t>(std::ranges::count(report.draws, "solved", &DrawEntry::fate));
    const auto stated = static_cast<std::size_t>(std::ranges::count(report.parts, true, &PartScatter::is_stated));
    const auto plural = [](std::size_t n, std::string_view one) { return std::to_string(n) + " " + std::string{one} + (n == 1 ? "" : "s"); };

    auto out = heading(report.circuit, style) + "\n";
    auto what = plural(report.draws.size(), "draw") + " (seed " + std::to_string(report.seed) + ") of " + plural(report.parts.size(), "value") + ", each anywhere within its tolerance: ";
    if (stated < report.parts.size()) what += stated == 0 ? "" : std::to_string(stated) + " as the netlist states, the others ";
    what += stated == report.parts.size() ? "as the netlist states." : "resistors 1 %, capacitors 10 %, inductors 20 %.";
    out += wrapped(what, style.width, "  ");
    if (solved < report.draws.size()) {
        const auto failed = report.draws.size() - solved;
        out += inked(wrapped(plural(failed, "draw") + " of " + std::to_string(report.draws.size()) + " without readings:", style.width, "  "), Ink::bad, style);
        // The first of each kind says what there is to know; all of them stand in the JSON.
        for (const std::string_view fate : {"unstable", "no-solution"}) {
            const auto count = static_cast<std::size_t>(std::ranges::count(report.draws, fate, &DrawEntry::fate));
            const auto first = std::ranges::find(report.draws, fate, &DrawEntry::fate);
            if (first == report.draws.end()) continue;
            out += wrapped(std::to_string(count) + " " + std::string{fate} + ", the first of them draw " + std::to_string(first - report.draws.begin()) + ": " + first->reason,
                           style.width, "    ");
        }
    }
    out += notes_text(report.notes, style);

    constexpr std::size_t first_width = 24;
    constexpr std::size_t width = 9;
    for (const double hz : {20.0, 1000.0}) {
        const auto found = std::ranges::find(report.frequencies, Hertz{hz});
        if (found == report.frequencies.end()) continue;
        const auto at = static_cast<std::size_t>(found - report.frequencies.begin()) * report.figures.size();
        out += "\n";
        Row head{inked(padded("At " + format_hertz(*found) + ", dB", first_width), Ink::heading, style)};
        for (const std::string_view name : {"mean", "σ", "5 %", "95 %", "min", "max"}) head.cell(name, width);
        out += head.line();
        for (std::size_t i = 0; i < report.figures.size(); ++i) {
            const auto& scatter = report.scatter[at + i];
            Row row{padded("  " + words_of(report.figures[i]), first_width)};
            const bool is_silent = report.figures[i].unit == "dB" && scatter.highest < silent_below.value();
            if (scatter.count == 0 || is_silent) {
                out += row.cell(is_silent ? "silent" : "–", width).line();
                continue;
            }
            for (const double value : {scatter.mean, scatter.deviation, scatter.q05, scatter.q95, scatter.lowest, scatter.highest})
                row.cell(std::isnan(value) ? "–" : number(value, 3), width);
            if (scatter.count < solved) row.cell("(" + std::to_string(scatter.count) + ")", width);  // the others are silent there
            out += row.line();
        }
    }
    return out;
}

void write_bench_spread_json(std::ostream& out, const SpreadReport& report)
{
    auto parts = Json::object();
    for (const auto& part : report.parts)
        parts.add(part.name, Json::object({{"nominal", part.nominal}, {"tolerance", part.tolerance}, {"stated", part.is_stated}}));
    auto figures = Json::array();
    for (const auto& figure : report.figures) figures.push_back(Json::object({{"id", figure.id}, {"words", figure.words}, {"unit", figure.unit}}));
    const auto readings = [&](std::span<const double> values) {
        auto all = Json::array();
        for (std::size_t f = 0; f < report.frequencies.size(); ++f)
            all.push_back(figures_json(report.figures, report.frequencies[f], values.subspan(f * report.figures.size(), report.figures.size())));
        return all;
    };
    auto summary = Json::array();
    for (std::size_t f = 0; f < report.frequencies.size(); ++f) {
        auto at = Json::object({{"frequency_hz", report.frequencies[f].value()}});
        for (std::size_t i = 0; i < report.figures.size(); ++i) {
            const auto& s = report.scatter[f * report.figures.size() + i];
            at.add(report.figures[i].id, Json::object({{"count", s.count},
                                                       {"mean", s.mean},
                                                       {"sd", s.deviation},
                                                       {"min", s.lowest},
                                                       {"q05", s.q05},
                                                       {"median", s.median},
                                                       {"q95", s.q95},
                                                       {"max", s.highest}}));
        }
        summary.push_back(std::move(at));
    }
    auto head = circuit_json("lowleg.bench-spread/1", report.circuit);
    head.add("n", report.draws.size());
    head.add("seed", Json{report.seed});
    head.add("solved", std::ranges::count(report.draws, "solved", &DrawEntry::fate));
    head.add("unstable", std::ranges::count(report.draws, "unstable", &DrawEntry::fate));
    head.add("no_solution", std::ranges::count(report.draws, "no-solution", &DrawEntry::fate));
    head.add("notes", texts(report.notes));
    head.add("tolerances", std::move(parts));
    head.add("figures", std::move(figures));
    head.add("nominal", readings(report.nominal));
    head.add("summary", std::move(summary));

    auto text = head.text();
    text.erase(text.rfind('}'));
    text.erase(text.find_last_not_of(" \n") + 1);
    out << text << ",\n  \"draws\": [\n";
    for (std::size_t i = 0; i < report.draws.size(); ++i) {
        const auto& draw = report.draws[i];
        auto drawn = Json::object();
        for (std::size_t part = 0; part < report.parts.size(); ++part) drawn.add(report.parts[part].name, draw.parts[part]);
        auto line = Json::object({{"draw", i}, {"fate", draw.fate}});
        if (!draw.reason.empty()) line.add("reason", draw.reason);
        line.add("parts", std::move(drawn));
        line.add("readings", draw.figures.empty() ? Json{} : readings(draw.figures));
        out << "    " << line.text(-1) << (i + 1 < report.draws.size() ? ",\n" : "\n");
    }
    out << "  ]\n}\n";
}

}  // namespace lowleg::report
