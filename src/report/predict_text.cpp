#include "report/predict_text.h"

#include "core/text.h"
#include "topology/verdict.h"

#include <algorithm>
#include <string_view>

namespace lowleg::report {
namespace {

using procedure::Prediction;
using topology::EntryStatus;
using topology::FarEnd;
using topology::PredictedLevel;

constexpr std::size_t label_width = 18;
constexpr std::size_t column_width = 20;

std::string verdict_name(std::string_view id)
{
    for (const auto topology : topology::all_topologies)
        if (id == topology::id_of(topology)) return std::string{topology::name_of(topology)};
    if (id == "single-ended") return "single-ended output (pin 3 is silent)";
    return std::string{id};
}

std::string farads(Farads c)
{
    const double pico = 1e12 * c.value();
    const auto short_number = [](double value) {
        auto text = format_fixed(value, 1);
        if (text.ends_with(".0")) text.erase(text.size() - 2);
        return text;
    };
    return pico < 1e3 ? short_number(pico) + " pF" : pico < 1e6 ? short_number(1e-3 * pico) + " nF" : short_number(1e-6 * pico) + " µF";
}

std::string input_words(const Prediction& p)
{
    auto out = format_ohms(p.input.resistance);
    if (p.input.capacitance.value() > 0.0) out += " and " + farads(p.input.capacitance);
    switch (p.pin3) {
    case FarEnd::Pin3::loaded: return "balanced, " + out + " from each leg to ground";
    case FarEnd::Pin3::grounded: return "unbalanced, " + out + " from pin 2 to ground, pin 3 on ground as advised";
    case FarEnd::Pin3::open: return "unbalanced, " + out + " from pin 2 to ground, pin 3 not connected as advised";
    }
    return out;
}

std::string reference_words(const Fixture& fixture)
{
    const bool equal = fixture.rin2 == fixture.rin3;
    auto out = "the state \"through\" on the interface: " + (equal ? format_ohms(fixture.rin2) : format_ohms(fixture.rin2) + " and " + format_ohms(fixture.rin3)) + " per leg";
    if (fixture.probe) out += ", with the probe resistors of " + format_ohms(fixture.probe->rp2) + " beside them";
    return out;
}

/// "−1.35 ± 0.03 dB" where it was measured, "−6.0 … −0.5 dB" where it was not.
std::string level_words(const PredictedLevel& level, EntryStatus status)
{
    if (status == EntryStatus::measured) {
        const auto gain = format_db(level.value);
        const double half_width = std::max(0.5 * (level.most - level.least).value(), 0.01);
        return gain.substr(0, gain.rfind(' ')) + " ± " + format_fixed(half_width, 2) + " dB";
    }
    const auto least = format_db(level.least, 1);
    return least.substr(0, least.rfind(' ')) + " … " + format_db(level.most, 1);
}

std::string cell(const std::optional<PredictedLevel>& level, EntryStatus status) { return level ? level_words(*level, status) : "–"; }

}  // namespace

std::string predict_text(const Prediction& p, const TextStyle& style)
{
    const auto width = std::max<std::size_t>(style.width, 40);
    const auto row = [&](std::string_view name, std::string_view text) { return wrapped(text, width, "  " + padded(name, label_width)); };
    auto out = inked("predicted", Ink::heading, style);
    if (p.is_virtual_bench) out += "  " + inked("[VIRTUAL BENCH]", Ink::badge, style);
    out += "\n" + row("Output", verdict_name(p.verdict) + ", " + percent(p.probability));
    out += row("Input", input_words(p));
    out += row("Against", reference_words(p.fixture));
    out += row("At 1 kHz", (p.at_1khz.differential ? level_words(*p.at_1khz.differential, p.at_1khz.status) : "not to be told") +
                               (p.at_1khz.status == EntryStatus::assumed ? " (assumed in part)" : ""));

    const bool balanced = p.pin3 == FarEnd::Pin3::loaded;
    out += "\n  " + inked(padded("Frequency", 12) + padded(balanced ? "Between the legs" : "At the input", column_width) +
                               (balanced ? padded("Pin 2", column_width) + "Pin 3" : "Pin 2"),
                           Ink::heading, style) + "\n";
    for (const auto& at : p.levels) {
        auto line = "  " + padded(format_hertz(at.frequency), 12) + padded(cell(at.differential, at.status), column_width) +
                    (balanced ? padded(cell(at.pin2, at.status), column_width) + cell(at.pin3, at.status) : cell(at.pin2, at.status));
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    if (!p.costs.empty()) out += "\n" + inked("What that rests on", Ink::heading, style) + "\n";
    for (const auto& cost : p.costs) out += wrapped(cost, width, "  • ");
    return out;
}

}  // namespace lowleg::report
