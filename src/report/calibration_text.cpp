#include "report/calibration_text.h"

#include "core/text.h"
#include "files/json_text.h"
#include "report/measurement_text.h"

#include <optional>
#include <utility>

namespace lowleg::report {
namespace {

using files::Json;
using procedure::CalibratedValue;
using procedure::Calibration;
using procedure::Figure;

std::string value_words(const CalibratedValue& v, const std::string& unit)
{
    Figure figure;
    figure.value = v.value;
    figure.unit = unit;
    figure.uncertainty = v.uncertainty;
    return figure_words(figure);
}

class Lines {
public:
    Lines(std::chrono::sys_days today, const TextStyle& style) : today_{today}, style_{style} {}

    void add(const std::string& what, const std::string& value, const std::string& date)
    {
        const auto day = procedure::parse_date(date);
        const bool is_stale = day && (today_ - *day).count() > procedure::stale_after_days;
        text_ += wrapped(value + ", of " + date + (is_stale ? ", stale" : ""), style_.width, "  " + padded(what, 30));
    }
    void add(const std::string& what, const std::optional<CalibratedValue>& v, const std::string& unit)
    {
        if (v) add(what, value_words(*v, unit), v->date);
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::chrono::sys_days today_;
    const TextStyle& style_;
    std::string text_;
};

std::string in_full(const Calibration& c, std::chrono::sys_days today, const TextStyle& style)
{
    Lines lines{today, style};
    for (const auto& [channel, output] : c.outputs) {
        const auto name = "output " + std::to_string(channel);
        lines.add(name + ", full scale", output.full_scale_volts, "V");
        lines.add(name + ", resistance", output.resistance_ohm, "Ω");
    }
    for (const auto& [channel, input] : c.inputs) {
        const auto name = "input " + std::to_string(channel);
        lines.add(name + ", full scale", input.full_scale_volts, "V");
        lines.add(name + ", resistance", input.resistance_ohm, "Ω");
    }
    for (const auto& p : c.pairs) {
        const auto name = "input " + std::to_string(p.second) + " over " + std::to_string(p.first);
        lines.add(name + ", gain", p.gain_db, "dB");
        lines.add(name + ", delay", CalibratedValue{1e6 * p.delay_s.value, 1e6 * p.delay_s.uncertainty, p.delay_s.date}, "µs");
    }
    for (const auto& l : c.loops)
        lines.add("output " + std::to_string(l.output) + " into input " + std::to_string(l.input),
                  "response at " + std::to_string(l.points.size()) + " frequencies, " + format_hertz(l.points.front().frequency) + " to " + format_hertz(l.points.back().frequency) + ", ± " +
                      format_fixed(l.uncertainty_db.uncertainty, 4) + " dB",
                  l.uncertainty_db.date);
    return lines.text();
}

}  // namespace

std::string calibrations_text(std::span<const procedure::StoredCalibration> calibrations, std::chrono::sys_days today, const TextStyle& style)
{
    if (calibrations.empty()) return "Nothing is calibrated yet: \"lowleg calibrate output --device ID\" begins.\n";
    std::string out;
    for (const auto& stored : calibrations) {
        if (!out.empty()) out += "\n";
        if (!stored.calibration) {
            out += wrapped(stored.calibration.error().message, style.width, "");
            continue;
        }
        const auto& c = stored.calibration.value();
        out += inked(c.device + " (" + c.host_api + "), " + format_number(c.sample_rate_hz) + " Hz, " + (c.setting.empty() ? "no setting named" : "setting " + c.setting), Ink::heading, style) + "\n";
        out += in_full(c, today, style);
        for (const auto& line : c.conditions) out += wrapped(line, style.width, "  how: ");
        out += "  " + stored.path.string() + "\n";
    }
    return out;
}

std::string calibrations_json(std::span<const procedure::StoredCalibration> calibrations, std::chrono::sys_days today)
{
    auto all = Json::array();
    for (const auto& stored : calibrations) {
        auto one = Json::object({{"file", stored.path.string()}});
        if (!stored.calibration) {
            one.add("error", stored.calibration.error().message);
        } else {
            const auto oldest = procedure::oldest_date(stored.calibration.value());
            one.add("stale", oldest && (today - *oldest).count() > procedure::stale_after_days);
            // What was written is JSON.
            one.add("calibration", files::parse_json(procedure::calibration_json(stored.calibration.value())).value());
        }
        all.push_back(std::move(one));
    }
    return Json::object({{"schema", "lowleg.calibrations/1"}, {"calibrations", std::move(all)}}).text() + "\n";
}

}  // namespace lowleg::report
