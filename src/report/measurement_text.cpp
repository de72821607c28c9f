#include "report/measurement_text.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

namespace lowleg::report {
namespace {

using procedure::CalibrationUse;
using procedure::Curve;
using procedure::Figure;
using procedure::Measurement;

constexpr std::size_t label_width = 30;
/// A curve is shown in so many lines at most; JSON and CSV have all of it.
constexpr std::size_t most_rows = 24;

bool takes_prefix(std::string_view unit) { return unit == "V" || unit == "Ω" || unit == "Hz" || unit == "s" || unit == "F"; }

/// What the number is divided by, and what stands before its unit then.
std::pair<double, std::string_view> prefix_of(double value, std::string_view unit)
{
    if (!takes_prefix(unit) || value == 0.0) return {1.0, ""};
    const double size = std::abs(value);
    if (size >= 1e6) return {1e6, "M"};
    if (size >= 1e3) return {1e3, "k"};
    if (unit == "Ω" || unit == "Hz" || size >= 1.0) return {1.0, ""};
    if (size >= 1e-3) return {1e-3, "m"};
    if (size >= 1e-6) return {1e-6, "µ"};
    if (size >= 1e-9) return {1e-9, "n"};
    return {1e-12, "p"};
}

/// As many as leave the uncertainty its first digit, or two where that is 1.
int digits_for(double uncertainty, double value)
{
    if (!(uncertainty > 0.0)) {
        const double size = std::abs(value);
        return size >= 1000.0 || size == std::floor(size) ? 0 : size >= 100.0 ? 1 : size >= 10.0 ? 2 : size >= 1e-2 ? 3 : 5;
    }
    int digits = 0;
    for (double u = uncertainty; u < 1.0 && digits < 4; u *= 10.0) ++digits;
    return digits;
}

std::string at_words(const Figure& figure) { return figure.frequency ? " at " + format_hertz(*figure.frequency) : std::string{}; }

std::string curve_table(const Curve& curve, const TextStyle& style)
{
    std::string out = "\n" + inked(curve.words, Ink::heading, style) + "\n ";
    constexpr std::size_t width = 16;
    for (const auto& column : curve.columns) {
        auto head = column.id;
        for (const auto unit : {"_db", "_hz", "_ohm", "_deg", "_percent", "_s", "_v", "_dbu", "_dbfs"})
            if (head.ends_with(unit)) { head.erase(head.size() - std::string_view{unit}.size()); break; }
        std::ranges::replace(head, '_', ' ');
        if (!column.unit.empty()) head += ", " + column.unit;
        out += " " + padded(head, width);
    }
    while (out.ends_with(' ')) out.pop_back();
    out += "\n";
    const std::size_t step = std::max<std::size_t>(1, (curve.rows.size() + most_rows - 1) / most_rows);
    for (std::size_t i = 0; i < curve.rows.size(); i += step) {
        out += " ";
        for (std::size_t c = 0; c < curve.columns.size(); ++c) {
            const double value = curve.rows[i][c];
            const auto& unit = curve.columns[c].unit;
            auto text = unit == "Hz" ? format_hertz(Hertz{value}) : unit == "Ω" ? format_ohms(Ohms{value}) : format_signed(value, std::abs(value) < 1.0 ? 3 : 2);
            out += " " + padded(text, width);
        }
        while (out.ends_with(' ')) out.pop_back();
        out += "\n";
    }
    return out;
}

std::string quality_words(const Measurement& m)
{
    const auto& q = m.quality;
    std::string out = std::to_string(q.periods) + " periods, " + format_fixed(q.signal.value(), 1) + " s of signal at " + format_number(m.sample_rate_hz) + " Hz, " +
                      (q.voided == 0 ? std::string{"none voided"} : std::to_string(q.voided) + " voided (" + describe(q.void_reasons) + ")");
    if (q.hum) out += "; hum " + format_dbfs(*q.hum, 1) + (q.hum_frequency ? " of " + format_fixed(q.hum_frequency->value(), 2) + " Hz" : "");
    if (q.noise) out += "; noise " + format_dbfs(*q.noise, 1);
    // Less would be told as 0.00.
    if (std::abs(q.clock_ppm) >= 0.005) out += "; clocks " + format_signed(q.clock_ppm, 2) + " ppm apart";
    switch (q.ending) {
    case procedure::Ending::settled: break;
    case procedure::Ending::time: out += "; ended when the time was up"; break;
    case procedure::Ending::stopped: out += "; stopped by hand"; break;
    case procedure::Ending::lost: out += "; ended when the device was lost"; break;
    }
    return out + ".";
}

std::string calibration_words(const CalibrationUse& use)
{
    switch (use.kind) {
    case CalibrationUse::Kind::none: return use.says.empty() ? "none: no volts can be told; \"lowleg calibrate\" makes one" : use.says;
    case CalibrationUse::Kind::virtual_bench: return "the virtual bench is exact";
    case CalibrationUse::Kind::stored: break;
    }
    auto out = "of " + use.date + (use.setting.empty() ? std::string{} : ", setting " + use.setting);
    return use.says.empty() ? out : out + ": " + use.says;
}

}  // namespace

std::string figure_words(const Figure& figure)
{
    const auto [scale, prefix] = prefix_of(figure.value, figure.unit);
    const double value = figure.value / scale;
    const double uncertainty = figure.uncertainty / scale;
    const int digits = digits_for(uncertainty, value);
    auto text = format_signed(value, digits);
    switch (figure.bound) {
    case Figure::Bound::value: break;
    case Figure::Bound::at_least: return "≥ " + text + (figure.unit.empty() ? "" : " " + std::string{prefix} + figure.unit);
    case Figure::Bound::at_most: return "≤ " + text + (figure.unit.empty() ? "" : " " + std::string{prefix} + figure.unit);
    }
    // Rounded up: an uncertainty is no smaller than it is told.
    if (uncertainty > 0.0) {
        double shown = uncertainty;
        for (int i = 0; i < digits; ++i) shown *= 10.0;
        shown = std::ceil(shown - 1e-9);
        for (int i = 0; i < digits; ++i) shown /= 10.0;
        text += " ± " + format_fixed(shown, digits);
    }
    return figure.unit.empty() ? text : text + " " + std::string{prefix} + figure.unit;
}

std::string measurement_text(const Measurement& m, const TextStyle& style, bool explain)
{
    const auto width = std::max<std::size_t>(style.width, 40);
    auto out = inked(m.kind + ", " + m.device_under_test, Ink::heading, style);
    if (m.quality.source == procedure::Source::virtual_bench) out += "  " + inked("[VIRTUAL BENCH]", Ink::badge, style);
    out += "\n";
    for (std::size_t i = 0; i < m.figures.size(); ++i) {
        const auto& figure = m.figures[i];
        out += wrapped(figure_words(figure) + at_words(figure), width, "  " + padded(figure.words, label_width));
        // One definition for all that follow on each other with it.
        const bool is_last = i + 1 == m.figures.size() || m.figures[i + 1].definition != figure.definition;
        if (explain && is_last && !figure.definition.empty()) out += wrapped(figure.definition, width, "      ");
    }
    for (const auto& curve : m.curves)
        if (!curve.for_programs) out += curve_table(curve, style);
    if (!m.says.empty()) out += "\n";
    for (const auto& sentence : m.says) out += wrapped(sentence, width, "");
    out += "\n";
    if (m.quality.periods > 0) out += wrapped(quality_words(m), width, padded("Rests on", 13));
    out += wrapped(calibration_words(m.calibration), width, padded("Calibration", 13));
    for (const auto& note : m.notes) out += wrapped(note, width, padded("Note", 13));
    return out;
}

std::string progress_words(const procedure::MeasurementProgress& progress)
{
    auto out = progress.step.empty() ? std::string{} : progress.step + ": ";
    out += format_fixed(progress.signal.value(), 1) + " s";
    if (progress.leading) out += ", " + progress.leading->words + " " + figure_words(*progress.leading);
    if (!progress.voided.none()) out += ", measuring again, because " + describe(progress.voided);
    return out;
}

}  // namespace lowleg::report
