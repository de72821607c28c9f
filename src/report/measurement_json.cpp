#include "report/measurement_json.h"

#include "core/text.h"
#include "files/json_text.h"

#include <string_view>

namespace lowleg::report {
namespace {

using files::Json;
using procedure::CalibrationUse;
using procedure::Figure;
using procedure::Measurement;

std::string_view id_of(Figure::Bound bound)
{
    switch (bound) {
    case Figure::Bound::value: return "value";
    case Figure::Bound::at_least: return "at-least";
    case Figure::Bound::at_most: return "at-most";
    }
    return "?";
}

std::string_view id_of(CalibrationUse::Kind kind)
{
    switch (kind) {
    case CalibrationUse::Kind::none: return "none";
    case CalibrationUse::Kind::virtual_bench: return "virtual-bench";
    case CalibrationUse::Kind::stored: return "stored";
    }
    return "?";
}

Json in_db(const std::optional<Dbfs>& level) { return level ? Json{level->value()} : Json{}; }
Json text_or_null(const std::string& text) { return text.empty() ? Json{} : Json{text}; }

Json of(const Figure& figure)
{
    return Json::object({{"name", figure.id},
                         {"value", figure.value},
                         {"unit", figure.unit},
                         {"uncertainty", figure.uncertainty > 0.0 ? Json{figure.uncertainty} : Json{}},
                         {"bound", id_of(figure.bound)},
                         {"frequency_hz", figure.frequency ? Json{figure.frequency->value()} : Json{}},
                         {"definition", text_or_null(figure.definition)}});
}

Json of(const procedure::Curve& curve)
{
    auto columns = Json::array();
    for (const auto& column : curve.columns) columns.push_back(Json::object({{"name", column.id}, {"unit", column.unit}}));
    auto rows = Json::array();
    for (const auto& row : curve.rows) {
        auto values = Json::array();
        for (const double value : row) values.push_back(value);
        rows.push_back(std::move(values));
    }
    return Json::object({{"name", curve.id}, {"columns", std::move(columns)}, {"rows", std::move(rows)}});
}

Json sentences(const std::vector<std::string>& all)
{
    auto out = Json::array();
    for (const auto& sentence : all) out.push_back(sentence);
    return out;
}

Json of(const Fixture& fixture)
{
    auto rin = Json::array();
    rin.push_back(fixture.rin2.value());
    rin.push_back(fixture.rin3.value());
    auto rp = Json{};
    if (fixture.probe) {
        rp = Json::array();
        rp.push_back(fixture.probe->rp2.value());
        rp.push_back(fixture.probe->rp3.value());
    }
    return Json::object({{"rin_ohm", std::move(rin)}, {"cin_farad", fixture.cin.value()}, {"rg_ohm", fixture.rg.value()}, {"rp_ohm", std::move(rp)},
                         {"rs_ohm", fixture.rs.value()}, {"gain_ratio", fixture.gain_ratio}});
}

Json of(const std::vector<procedure::PlayedSignal>& played)
{
    auto out = Json::array();
    for (const auto& signal : played)
        out.push_back(Json::object({{"name", signal.name}, {"drive_peak_dbfs", in_db(signal.drive_peak)}, {"probe_peak_dbfs", in_db(signal.probe_peak)}}));
    return out;
}

Json of(const procedure::MeasurementQuality& q)
{
    return Json::object({{"periods", q.periods},
                         {"voided", q.voided},
                         {"signal_s", q.signal.value()},
                         {"ending", procedure::id_of(q.ending)},
                         {"hum_dbfs", in_db(q.hum)},
                         {"hum_hz", q.hum_frequency ? Json{q.hum_frequency->value()} : Json{}},
                         {"noise_dbfs", in_db(q.noise)},
                         {"clock_ppm", q.clock_ppm},
                         {"source", procedure::id_of(q.source)}});
}

/// Quoted where RFC 4180 wants it.
std::string cell(std::string_view text)
{
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string{text};
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + "\"";
}

constexpr std::string_view line_end = "\r\n";

}  // namespace

std::string measurement_json(const Measurement& m)
{
    auto figures = Json::array();
    for (const auto& figure : m.figures) figures.push_back(of(figure));
    auto curves = Json::array();
    for (const auto& curve : m.curves) curves.push_back(of(curve));
    return Json::object({{"schema", "lowleg.measure/1"},
                         {"kind", m.kind},
                         {"device", m.device_under_test},
                         {"finding", text_or_null(m.finding)},
                         {"figures", std::move(figures)},
                         {"curves", std::move(curves)},
                         {"says", sentences(m.says)},
                         {"notes", sentences(m.notes)},
                         {"settings", Json::object({{"sample_rate_hz", m.sample_rate_hz}, {"signals", of(m.played)}, {"fixture", of(m.fixture)}})},
                         {"calibration", Json::object({{"kind", id_of(m.calibration.kind)}, {"date", text_or_null(m.calibration.date)},
                                                       {"setting", text_or_null(m.calibration.setting)}, {"stale", m.calibration.is_stale},
                                                       {"says", text_or_null(m.calibration.says)}})},
                         {"quality", of(m.quality)}})
               .text() +
           "\n";
}

std::string captures_json(const Measurement& m)
{
    auto files = Json::array();
    for (const auto& step : m.captures) files.push_back(step.name + ".wav");
    return Json::object({{"schema", "lowleg.captures/1"},
                         {"kind", m.kind},
                         {"device", m.device_under_test},
                         {"sample_rate", m.sample_rate_hz},
                         {"begins_with_signal", true},
                         {"files", std::move(files)}})
               .text() +
           "\n";
}

std::string measurement_csv(const Measurement& m)
{
    std::string out = "name,value,unit,uncertainty,bound,frequency";
    out += line_end;
    out += ",,,(unit of the value),,Hz";
    out += line_end;
    for (const auto& f : m.figures) {
        out += cell(f.id) + "," + format_number(f.value) + "," + cell(f.unit) + "," + (f.uncertainty > 0.0 ? format_number(f.uncertainty) : "") + "," +
               std::string{id_of(f.bound)} + "," + (f.frequency ? format_number(f.frequency->value()) : "");
        out += line_end;
    }
    for (const auto& curve : m.curves) {
        out += line_end;
        const auto line = [&](const auto& cell_of) {
            for (std::size_t i = 0; i < curve.columns.size(); ++i) out += (i > 0 ? "," : "") + cell_of(i);
            out += line_end;
        };
        line([&](std::size_t i) { return cell(curve.columns[i].id); });
        line([&](std::size_t i) { return cell(curve.columns[i].unit); });
        for (const auto& row : curve.rows) line([&](std::size_t i) { return format_number(row[i]); });
    }
    return out;
}

}  // namespace lowleg::report
