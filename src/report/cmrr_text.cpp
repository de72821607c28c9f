#include "report/cmrr_text.h"

#include "core/text.h"

#include <array>
#include <cmath>
#include <optional>
#include <string_view>

namespace lowleg::report {
namespace {

using procedure::Cmrr;
using procedure::CmrrGrade;
using procedure::CmrrMethod;
using procedure::CmrrPoint;
using procedure::CmrrValue;

constexpr std::size_t column_width = 19;

/// "75.02 ± 0.05 dB", "≥ 118 dB". The uncertainty is rounded up.
std::string value_words(const CmrrValue& value)
{
    if (value.at_floor) return "≥ " + format_signed(std::floor(10.0 * value.db) / 10.0, 1) + " dB";
    const int digits = value.uncertainty_db < 0.095 ? 2 : 1;
    const double step = digits == 2 ? 100.0 : 10.0;
    return format_signed(value.db, digits) + " ± " + format_fixed(std::max(1.0, std::ceil(step * value.uncertainty_db - 1e-9)) / step, digits) + " dB";
}

std::string words_or_dash(const std::optional<CmrrValue>& value) { return value ? value_words(*value) : "–"; }

Ink ink_of(CmrrGrade grade)
{
    switch (grade) {
    case CmrrGrade::poor: return Ink::bad;
    case CmrrGrade::ordinary: return Ink::open;
    case CmrrGrade::good:
    case CmrrGrade::very_good:
    case CmrrGrade::exceptional: return Ink::good;
    }
    return Ink::plain;
}

std::string leading_words(const Cmrr& c)
{
    const auto& middle = c.at_1khz();
    const auto& value = leading_of(middle);
    auto out = value_words(*value) + " at 1 kHz";
    if (middle.iec) return out + " (IEC 60268-3: 10 Ω in one leg, the worse; here leg " + std::to_string(middle.worse_leg) + ")";
    if (middle.leg2) return out + " (10 Ω in leg 2 alone: leg 3 was not measured)";
    return out + (c.method == CmrrMethod::exchanged ? " (two equal sources: leads exchanged)" : " (legs tied; 10 Ω in a leg was not measured)");
}

std::string table(const Cmrr& c, std::string_view heading, const std::vector<CmrrPoint>& points, const TextStyle& style)
{
    const bool has_legs = c.method == CmrrMethod::tied;
    std::string out = "\n" + inked(heading, Ink::heading, style) + "\n  " + padded("", 10);
    const auto line = [&](const std::vector<std::string>& cells) {
        for (std::size_t i = 0; i < cells.size(); ++i) out += padded(cells[i], i + 1 == cells.size() ? 0 : column_width);
        while (out.ends_with(' ')) out.pop_back();
        out += "\n";
    };
    if (has_legs) line({"legs tied", "10 Ω in leg 2", "10 Ω in leg 3", "floor"});
    else line({"equal sources", "floor"});
    for (const auto& p : points) {
        out += "  " + padded(format_hertz(p.frequency), 10);
        const auto floor = format_signed(p.floor_db, 0) + " dB";
        if (has_legs) line({words_or_dash(p.common), words_or_dash(p.leg2), words_or_dash(p.leg3), floor});
        else line({words_or_dash(p.common), floor});
    }
    return out;
}

constexpr std::string_view definitions =
    "CMRR is the gain per volt between the legs (half a volt on each, in antiphase) over the gain per volt on both against ground. IEC 60268-3: with 10 Ω in one leg, then in the other, "
    "the worse of the two, since no real source is without imbalance. Legs tied: what the input's own parts make. ± is half the width of the 95 % interval; ≥ stands where nothing of the "
    "common mode stood out of the noise of this run. The floor is the CMRR that this run just tells from none. 50 and 60 Hz, where the mains is, are interpolated as phasors from tones "
    "beside them. The common-mode impedance of a leg is what 10 Ω in it tell: 10 Ω over the change of the common-mode gain, relative to the normal gain.";

std::string quality_words(const Cmrr& c)
{
    const auto& q = c.quality;
    std::string out = std::to_string(q.periods) + " periods, " + format_fixed(q.signal.value(), 1) + " s of signal at " + format_number(c.sample_rate_hz) + " Hz, common mode at " +
                      format_dbfs(c.level, 1) + " peak, " +
                      (q.voided == 0 ? std::string{"none voided"} : std::to_string(q.voided) + " voided (" + describe(q.void_reasons) + ")");
    if (q.hum) out += "; hum " + format_dbfs(*q.hum, 1) + (q.hum_frequency ? " of " + format_fixed(q.hum_frequency->value(), 2) + " Hz" : "");
    if (q.noise) out += "; noise " + format_dbfs(*q.noise, 1);
    switch (q.ending) {
    case procedure::Ending::settled: break;
    case procedure::Ending::time: out += "; ended when the time was up"; break;
    case procedure::Ending::stopped: out += "; stopped by hand"; break;
    case procedure::Ending::lost: out += "; ended when the device was lost"; break;
    }
    return out + ".";
}

}  // namespace

std::string cmrr_text(const Cmrr& c, const TextStyle& style, bool explain)
{
    const auto width = std::max<std::size_t>(style.width, 40);
    auto out = inked("CMRR, " + c.device_under_test, Ink::heading, style);
    if (c.quality.source == procedure::Source::virtual_bench) out += "  " + inked("[VIRTUAL BENCH]", Ink::badge, style);
    out += "\n" + wrapped(leading_words(c), width, "  ");
    if (c.grade) out += "  " + inked(procedure::words_for(*c.grade), ink_of(*c.grade), style) + "\n";
    if (c.limits) out += wrapped(c.limits->says, width, "  ");
    if (c.limits && c.limits->source_db)
        out += wrapped("Without the exchange of leads the two outputs' difference would have limited it to " + format_fixed(*c.limits->source_db, 1) + " dB.", width, "  ");
    out += table(c, "Figures", c.figures, style);
    out += table(c, "Curve", c.curve, style);
    if (explain) out += "\n" + wrapped(definitions, width, "");
    out += "\n" + wrapped(quality_words(c), width, padded("Rests on", 13));
    for (const auto& note : c.notes) out += wrapped(note, width, padded("Note", 13));
    return out;
}

}  // namespace lowleg::report
