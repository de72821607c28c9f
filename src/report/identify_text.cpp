#include "report/identify_text.h"

#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lowleg::report {
namespace {

using procedure::Identification;
using procedure::Source;
using topology::EntryStatus;
using topology::Evidence;
using topology::Outcome;
using topology::Verdict;

constexpr std::size_t label_width = 18;

Ink ink_of(const Verdict& verdict)
{
    switch (verdict.outcome) {
    case Outcome::named:
    case Outcome::single_ended: return Ink::good;
    case Outcome::no_signal: return Ink::bad;
    case Outcome::inconclusive: return Ink::open;
    }
    return Ink::plain;
}

std::string heading(const Identification& result, const TextStyle& style)
{
    auto out = inked(result.device_under_test, Ink::heading, style);
    if (result.quality.source == Source::virtual_bench) out += "  " + inked("[VIRTUAL BENCH]", Ink::badge, style);
    return out + "\n";
}

std::string label(std::string_view text) { return "  " + padded(text, label_width); }

/// The step at pin 2 nearest to 1 kHz, as it is spoken of.
const Evidence* ground_step(const Verdict& verdict)
{
    const Evidence* nearest = nullptr;
    const auto distance = [](const Evidence& e) {
        return e.frequency && e.frequency->value() > 0.0 ? std::abs(std::log(e.frequency->value() / 1000.0)) : 1e9;
    };
    for (const auto& e : verdict.evidence)
        if (e.name == "ground_step" && (nearest == nullptr || distance(e) < distance(*nearest))) nearest = &e;
    return nearest;
}

/// "+5.94 ± 0.01 dB". Hundredths are what a technician can use; a smaller uncertainty stands in the JSON.
std::string with_uncertainty(const Evidence& e)
{
    const int digits = std::abs(e.value) >= 9.995 ? 1 : 2;
    const auto gain = format_db(GainDb{e.value}, digits);
    return gain.substr(0, gain.rfind(' ')) + " ± " + format_fixed(std::max(e.uncertainty, digits == 1 ? 0.1 : 0.01), digits) + " dB";
}

std::string ground_step_words(const Verdict& verdict)
{
    const auto* step = ground_step(verdict);
    if (step == nullptr) return "not measured";
    auto out = with_uncertainty(*step);
    if (step->frequency) out += " at " + format_hertz(*step->frequency);
    if (!step->measured) out += ", computed from loaded";
    return out;
}

std::string hot_words(const Identification& result)
{
    const auto& verdict = result.verdict;
    if (verdict.outcome == Outcome::no_signal || result.quality.drive == procedure::DriveFrom::nothing) return "";
    std::string out = verdict.pin3_hot ? "pin 3 hot" : "pin 2 hot";
    switch (verdict.polarity) {
    case topology::Polarity::normal: return out + ", in phase with the drive";
    case topology::Polarity::inverted: return out + ", inverted against the drive";
    case topology::Polarity::unknown: break;
    }
    return out + (result.quality.drive == procedure::DriveFrom::player ? ", polarity unknown" : ", polarity against the drive unknown");
}

std::string unbalanced_words(topology::UnbalancedWiring wiring)
{
    switch (wiring) {
    case topology::UnbalancedWiring::ground_pin3: return "ground pin 3";
    case topology::UnbalancedWiring::leave_pin3_unconnected: return "leave pin 3 unconnected";
    case topology::UnbalancedWiring::pin3_to_far_ground: return "pin 3 to the ground of the far end";
    case topology::UnbalancedWiring::left_channel_only: return "left channel only";
    case topology::UnbalancedWiring::send_only: return "send only";
    }
    return "";
}

/// "; level −6.02 dB against a balanced input", or nothing where the level stays.
std::string level_words(const topology::Advice& advice)
{
    if (!advice.level_change) return "";
    if (std::abs(advice.level_change->value()) < 0.005) return ", no change of level";
    return ", level " + format_db(*advice.level_change) + " against a balanced input";
}

std::string complex_ohms(Complex z)
{
    const auto size = std::abs(z);
    auto out = format_ohms(Ohms{size});
    const auto degrees = std::arg(z) * 180.0 / 3.14159265358979323846;
    // Below this a leg is a resistor to every practical purpose.
    if (std::isfinite(size) && size >= 1.0 && std::abs(degrees) >= 5.0) out += " ∠ " + format_fixed(degrees, 0) + "°";
    return out;
}

std::string legs_text(const Verdict& verdict)
{
    const auto& legs = verdict.legs;
    if (legs.status == EntryStatus::unknown) {
        const auto floating = std::ranges::find(verdict.evidence, "common_mode_impedance", &Evidence::name);
        if (floating == verdict.evidence.end()) return label("Legs") + "impedances not to be had from these states\n";
        return label("Legs") + format_ohms(Ohms{floating->value}) + " to ground, both together, at " + format_hertz(floating->frequency.value_or(Hertz{})) + "\n" +
               label("") + (floating->value > 20e3 ? "too high for either alone to be told\n" : "what either has alone was not measured\n");
    }
    auto out = label("Legs") + "pin 2 " + complex_ohms(legs.pin2) + ", pin 3 " + complex_ohms(legs.pin3);
    if (legs.frequency.value() > 0.0) out += " at " + format_hertz(legs.frequency);
    out += legs.status == EntryStatus::measured ? "" : " (partly assumed)";
    const auto imbalance = std::abs(legs.imbalance);
    const auto uncertainty = format_ohms(Ohms{legs.uncertainty_ohm});
    out += "\n" + label("") + (imbalance < legs.uncertainty_ohm ? "balanced within " + uncertainty
                                                             : "imbalance " + format_ohms(Ohms{imbalance}) + " ± " + uncertainty);
    return out + "\n";
}

std::string plural(std::size_t count, std::string_view one)
{
    return std::to_string(count) + " " + std::string{one} + (count == 1 ? "" : "s");
}

std::string quality_words(const Identification& result)
{
    const auto& q = result.quality;
    std::string out;
    for (const auto state : q.states) out += (out.empty() ? "" : ", ") + std::string{name_of(state)};
    out += ": " + plural(q.periods, "period") + " of " + format_fixed(static_cast<double>(result.period_frames) / result.sample_rate_hz, 2) +
           " s each at " + format_number(result.sample_rate_hz) + " Hz";
    out += q.voided == 0 ? ", none voided" : ", " + std::to_string(q.voided) + " voided (" + describe(q.void_reasons) + ")";
    if (q.hum) {
        out += "; hum " + format_dbfs(*q.hum, 1);
        if (q.hum_frequency) out += " at " + format_fixed(q.hum_frequency->value(), 2) + " Hz";
    } else {
        out += "; no hum found";
    }
    out += "; noise " + format_dbfs(q.noise, 1);
    if (q.drive == procedure::DriveFrom::player) out += "; played by the gear itself";
    if (q.drive == procedure::DriveFrom::nothing) out += "; by the probe alone";
    if (q.source == Source::captures || q.clock_ppm != 0.0)
        out += "; recorder's clock " + format_fixed(q.clock_ppm, 2) + " ppm off the player's";
    if (q.round_trip) out += "; round trip " + format_fixed(1000.0 * q.round_trip->value(), 2) + " ms";
    switch (q.source) {
    case Source::virtual_bench: out += "; simulated on the virtual bench"; break;
    case Source::device: break;
    case Source::captures: out += "; from recordings"; break;
    }
    // The decimal sign is a point whatever the locale; a minus is a minus.
    std::string signs;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const bool is_sign = out[i] == '-' && i > 0 && out[i - 1] == ' ' && i + 1 < out.size() && out[i + 1] >= '0' && out[i + 1] <= '9';
        signs += is_sign ? "−" : std::string(1, out[i]);
    }
    return signs;
}

std::string sentence(std::string text)
{
    const auto ended = [](char c) { return std::string_view{".!?:"}.find(c) != std::string_view::npos; };
    const bool in_brackets = text.size() > 1 && text.back() == ')' && ended(text[text.size() - 2]);
    if (!text.empty() && !ended(text.back()) && !in_brackets) text += '.';
    return text;
}

/// One line per finding: a step that was read at several frequencies is one.
std::vector<std::string> evidence_lines(const Verdict& verdict, Detail detail)
{
    std::vector<std::string> lines;
    const auto& all = verdict.evidence;
    for (std::size_t i = 0; i < all.size();) {
        const auto& e = all[i];
        std::size_t count = 1;
        while (i + count < all.size() && all[i + count].name == e.name) ++count;
        const bool is_step = e.name == "ground_step" || e.name == "lift_step";
        if (is_step && count > 1) {
            auto line = std::string{e.name == "lift_step" ? "Pin 2 when pin 3 was lifted: " : e.measured ? "Pin 2 when pin 3 was grounded: " : "Pin 2 if pin 3 were grounded: "};
            for (std::size_t k = 0; k < count; ++k) {
                const auto& part = all[i + k];
                line += (k == 0 ? "" : ", ") + with_uncertainty(part) + (part.frequency ? " at " + format_hertz(*part.frequency) : "");
            }
            lines.push_back(line + (e.measured ? "" : " (computed from \"loaded\")"));
        } else {
            // The angle stands in words beside the legs' levels.
            for (std::size_t k = 0; k < count; ++k)
                if (detail == Detail::all || e.name != "leg_angle") lines.push_back(all[i + k].says);
        }
        i += count;
    }
    return lines;
}

std::string wiring_text(const topology::Advice& advice, const TextStyle& style, std::size_t width, Detail detail)
{
    if (advice.summary.empty() && !advice.unbalanced_input && advice.balanced_input.empty()) return {};
    const auto row = [&](std::string_view name, std::string_view text) { return text.empty() ? std::string{} : wrapped(sentence(std::string{text}), width, label(name)); };
    const auto drawing = [](std::string_view cable) { return cable.empty() ? std::string{} : "\n" + indented(cable, 4); };
    auto out = "\n" + inked("Wiring", Ink::heading, style) + "\n";
    if (!advice.summary.empty()) out += wrapped(sentence(advice.summary), width, "  ");
    if (advice.unbalanced_input) out += row("Unbalanced input", unbalanced_words(*advice.unbalanced_input) + level_words(advice));
    if (detail == Detail::all) {
        if (advice.level_change) out += row("", "Level: " + advice.level_reason);
        if (advice.unbalanced_maximum) out += row("", "Maximum: " + advice.maximum_reason);
    }
    out += row("Plug", advice.plug);
    if (detail == Detail::all) {
        out += row("XLR", advice.xlr);
        std::string losses;
        for (const auto& loss : advice.loses) losses += (losses.empty() ? "" : "; ") + loss;
        out += row("It loses", losses);
    }
    out += row("Balanced input", advice.balanced_input);
    if (detail == Detail::usual) return out + drawing(advice.cable.empty() ? advice.balanced_cable : advice.cable);
    out += row("Other way round", advice.unbalanced_source);
    out += row("Headphone test", advice.headphone_test);
    return out + drawing(advice.cable) + drawing(advice.balanced_cable) + drawing(advice.unbalanced_source_cable);
}

}  // namespace

std::string verdict_words(const Verdict& verdict)
{
    switch (verdict.outcome) {
    case Outcome::named: {
        auto out = verdict.topology ? std::string{name_of(*verdict.topology)} : std::string{verdict.id()};
        if (verdict.variant)
            out += *verdict.variant == topology::Variant::pin3_grounded ? ", pin 3 on ground" : ", pin 3 not connected";
        return out + ", " + percent(verdict.probability);
    }
    case Outcome::single_ended: return std::string{"single-ended output (pin "} + (verdict.pin3_hot ? "2" : "3") + " is silent), " + percent(verdict.probability);
    case Outcome::no_signal: return "no signal: the drive is on, and neither leg carries it";
    case Outcome::inconclusive: break;
    }
    if (verdict.alternatives.empty()) return "inconclusive";
    return "inconclusive: perhaps " + std::string{name_of(verdict.alternatives.front().topology)} + ", " +
           percent(verdict.alternatives.front().probability);
}

std::string identify_text(const Identification& result, const TextStyle& style, Detail detail)
{
    const auto& verdict = result.verdict;
    const auto width = std::max<std::size_t>(style.width, 40);
    const auto row = [&](std::string_view name, std::string_view text) { return wrapped(text, width, label(name)); };

    auto out = heading(result, style);
    out += label("Verdict") + inked(verdict_words(verdict), ink_of(verdict), style) + "\n";
    if (const auto hot = hot_words(result); !hot.empty()) out += row("", hot);
    const bool is_driven = verdict.outcome != Outcome::no_signal && result.quality.drive != procedure::DriveFrom::nothing;
    if (is_driven) out += row("Ground step", ground_step_words(verdict));
    if (!verdict.alternatives.empty()) {
        std::string others;
        for (const auto& candidate : verdict.alternatives)
            others += (others.empty() ? "" : "; ") + std::string{name_of(candidate.topology)} + " " + percent(candidate.probability);
        out += row(verdict.outcome == Outcome::named ? "Or else" : "Candidates", others);
    }
    if (verdict.odd) out += row("Odd", sentence(*verdict.odd));
    if (result.stopped_early) out += row("Stopped early", sentence(*result.stopped_early));
    for (const auto& note : result.notes) out += row("Note", sentence(note));
    if (verdict.outcome != Outcome::no_signal) out += legs_text(verdict);

    if (!verdict.evidence.empty() || !verdict.why.empty()) {
        out += "\n" + inked("Why", Ink::heading, style) + "\n";
        if (!verdict.why.empty()) out += wrapped(sentence(verdict.why), width, "  ");
        for (const auto& line : evidence_lines(verdict, detail)) out += wrapped(sentence(line), width, "  • ");
    }
    out += wiring_text(verdict.advice, style, width, detail);
    if (verdict.next_step) {
        out += "\n" + inked("What would settle it", Ink::heading, style) + "\n";
        out += wrapped(sentence(verdict.next_step->text), width, "  ");
    }
    out += "\n" + inked("Quality", Ink::heading, style) + "\n" + wrapped(sentence(quality_words(result)), width, "  ");
    return out;
}

std::string identify_paragraph(const Identification& result, const TextStyle& style)
{
    const auto& verdict = result.verdict;
    const auto width = std::max<std::size_t>(style.width, 40);
    auto out = heading(result, style);
    out += "  " + inked(verdict_words(verdict), ink_of(verdict), style) + "\n";
    std::string rest;
    if (verdict.outcome != Outcome::no_signal) rest = "Ground step " + ground_step_words(verdict) + ".";
    if (!verdict.advice.summary.empty()) rest += " " + sentence(verdict.advice.summary);
    else if (verdict.advice.unbalanced_input)
        rest += " Unbalanced input: " + sentence(unbalanced_words(*verdict.advice.unbalanced_input) + level_words(verdict.advice));
    if (verdict.outcome != Outcome::named && verdict.next_step) rest += " To settle it: " + sentence(verdict.next_step->text);
    return out + wrapped(rest, width, "  ");
}

}  // namespace lowleg::report
