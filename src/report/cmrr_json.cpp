#include "report/cmrr_json.h"

#include "core/text.h"
#include "files/json_text.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

namespace lowleg::report {
namespace {

using files::Json;
using procedure::CalibrationUse;
using procedure::Cmrr;
using procedure::CmrrPoint;
using procedure::CmrrValue;
using procedure::LegImpedance;

Json db_of(const std::optional<CmrrValue>& value) { return value ? Json{value->db} : Json{}; }
Json uncertainty_of(const std::optional<CmrrValue>& value) { return value && !value->at_floor ? Json{value->uncertainty_db} : Json{}; }
Json floor_of(const std::optional<CmrrValue>& value) { return value ? Json{value->at_floor} : Json{}; }
Json worse_leg_of(const CmrrPoint& point) { return point.worse_leg == 0 ? Json{} : Json{point.worse_leg}; }

Json of(const std::optional<LegImpedance>& z)
{
    if (!z) return {};
    return Json::object({{"ohm", z->magnitude.value()}, {"uncertainty_ohm", z->at_least ? Json{} : Json{z->uncertainty.value()}}, {"bound", z->at_least ? "at-least" : "value"}});
}

/// Of each feed on its own.
void add_feeds(Json& out, const CmrrPoint& p)
{
    for (const auto& [name, value] : {std::pair{"common", &p.common}, {"leg2", &p.leg2}, {"leg3", &p.leg3}}) {
        out.add(std::string{name} + "_uncertainty_db", uncertainty_of(*value));
        out.add(std::string{name} + "_at_floor", floor_of(*value));
    }
}

Json figure_of(const CmrrPoint& p)
{
    auto out = Json::object({{"iec_db", db_of(p.iec)}, {"common_db", db_of(p.common)}, {"leg2_db", db_of(p.leg2)}, {"leg3_db", db_of(p.leg3)},
                             {"worse_leg", worse_leg_of(p)}, {"uncertainty_db", uncertainty_of(leading_of(p))}, {"at_floor", floor_of(leading_of(p))},
                             {"floor_db", p.floor_db}});
    add_feeds(out, p);
    return out;
}

/// Of all three numbers of a row: the widest of what is no bound.
Json row_of(const CmrrPoint& p)
{
    double widest = -1.0;
    bool any_at_floor = false;
    for (const auto* value : {&p.common, &p.leg2, &p.leg3}) {
        if (!*value) continue;
        any_at_floor = any_at_floor || (**value).at_floor;
        if (!(**value).at_floor) widest = std::max(widest, (**value).uncertainty_db);
    }
    auto out = Json::object({{"frequency_hz", p.frequency.value()}, {"common_db", db_of(p.common)}, {"leg2_db", db_of(p.leg2)}, {"leg3_db", db_of(p.leg3)},
                             {"iec_db", db_of(p.iec)}, {"uncertainty_db", widest < 0.0 ? Json{} : Json{widest}}, {"floor_db", p.floor_db}, {"at_floor", any_at_floor}});
    add_feeds(out, p);
    return out;
}

Json sentences(const std::vector<std::string>& all)
{
    auto out = Json::array();
    for (const auto& sentence : all) out.push_back(sentence);
    return out;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json{} : Json{text}; }

std::string_view id_of(CalibrationUse::Kind kind)
{
    switch (kind) {
    case CalibrationUse::Kind::none: return "none";
    case CalibrationUse::Kind::virtual_bench: return "virtual-bench";
    case CalibrationUse::Kind::stored: return "stored";
    }
    return "?";
}

Json quality_of(const Cmrr& c)
{
    const auto& q = c.quality;
    return Json::object({{"periods", q.periods},
                         {"voided", q.voided},
                         {"signal_s", q.signal.value()},
                         {"ending", procedure::id_of(q.ending)},
                         {"hum_dbfs", q.hum ? Json{q.hum->value()} : Json{}},
                         {"hum_hz", q.hum_frequency ? Json{q.hum_frequency->value()} : Json{}},
                         {"noise_dbfs", q.noise ? Json{q.noise->value()} : Json{}},
                         {"reference", c.has_reference},
                         {"source", procedure::id_of(q.source)}});
}

Json limits_of(const Cmrr& c)
{
    if (!c.limits) return {};
    const auto& l = *c.limits;
    return Json::object({{"limit", procedure::id_of(l.limit)}, {"leg2", of(l.leg2)}, {"leg3", of(l.leg3)}, {"impedance_db", Json{l.impedance_db}}, {"match_db", Json{l.match_db}},
                         {"source_db", Json{l.source_db}}, {"floor_db", c.at_1khz().floor_db}, {"says", l.says}});
}

constexpr std::string_view line_end = "\r\n";

}  // namespace

std::string cmrr_json(const Cmrr& c)
{
    const auto& middle = c.at_1khz();
    auto figures = Json::object();
    for (const auto& figure : c.figures) figures.add(std::to_string(std::llround(figure.frequency.value())), figure_of(figure));
    auto curve = Json::array();
    for (const auto& point : c.curve) curve.push_back(row_of(point));
    return Json::object({{"schema", "lowleg.cmrr/1"},
                         {"device", c.device_under_test},
                         {"cmrr_iec_db", db_of(middle.iec)},
                         {"worse_leg", worse_leg_of(middle)},
                         {"uncertainty_db", uncertainty_of(leading_of(middle))},
                         {"at_floor", floor_of(leading_of(middle))},
                         {"at_hz", middle.frequency.value()},
                         {"common_db", db_of(middle.common)},
                         {"leg2_db", db_of(middle.leg2)},
                         {"leg3_db", db_of(middle.leg3)},
                         {"floor_db", middle.floor_db},
                         {"verdict", c.grade ? Json{procedure::words_for(*c.grade)} : Json{}},
                         {"limits", limits_of(c)},
                         {"figures", std::move(figures)},
                         {"curve", std::move(curve)},
                         {"notes", sentences(c.notes)},
                         {"settings", Json::object({{"method", c.method == procedure::CmrrMethod::tied ? "tied" : "exchanged"},
                                                    {"own_input", c.own_input},
                                                    {"sample_rate_hz", c.sample_rate_hz},
                                                    {"level_dbfs", c.level.value()},
                                                    {"normal_gain_db", c.normal_gain_db},
                                                    {"imbalance_ohm", procedure::iec_imbalance.value()},
                                                    {"rs_ohm", c.fixture.rs.value()}})},
                         {"calibration", Json::object({{"kind", id_of(c.calibration.kind)}, {"date", text_or_null(c.calibration.date)},
                                                       {"setting", text_or_null(c.calibration.setting)}, {"stale", c.calibration.is_stale},
                                                       {"says", text_or_null(c.calibration.says)}})},
                         {"quality", quality_of(c)}})
               .text() +
           "\n";
}

std::string cmrr_csv(const Cmrr& c)
{
    std::string out = "kind,frequency";
    std::string units = ",Hz";
    for (const std::string_view feed : {"iec", "common", "leg2", "leg3"}) {
        out += "," + std::string{feed} + "," + std::string{feed} + "_uncertainty," + std::string{feed} + "_bound";
        units += ",dB,dB,";
    }
    out += ",floor" + std::string{line_end} + units + ",dB" + std::string{line_end};
    const auto add = [&](std::string_view kind, const CmrrPoint& p) {
        out += std::string{kind} + "," + format_number(p.frequency.value());
        for (const auto* value : {&p.iec, &p.common, &p.leg2, &p.leg3}) {
            if (!*value) {
                out += ",,,";
                continue;
            }
            const auto& v = **value;
            out += "," + format_number(v.db) + "," + (v.at_floor ? "" : format_number(v.uncertainty_db)) + "," + (v.at_floor ? "at-least" : "value");
        }
        out += "," + format_number(p.floor_db) + std::string{line_end};
    };
    for (const auto& figure : c.figures) add("figure", figure);
    for (const auto& point : c.curve) add("curve", point);
    return out;
}

}  // namespace lowleg::report
