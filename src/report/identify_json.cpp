#include "report/identify_json.h"

#include "files/json_text.h"

#include <array>
#include <cmath>
#include <string_view>

namespace lowleg::report {
namespace {

using files::Json;
using procedure::Identification;
using topology::Entry;
using topology::EntryStatus;

constexpr double normal_95 = 1.96;

std::string_view id_of(topology::Polarity polarity)
{
    switch (polarity) {
    case topology::Polarity::normal: return "normal";
    case topology::Polarity::inverted: return "inverted";
    case topology::Polarity::unknown: break;
    }
    return "unknown";
}

Json id_of(const std::optional<topology::Variant>& variant)
{
    if (!variant) return nullptr;
    return *variant == topology::Variant::pin3_grounded ? "pin-3-grounded" : "pin-3-not-connected";
}

Json in_hertz(const std::optional<Hertz>& f) { return f ? Json{f->value()} : Json{}; }

Json of(const topology::LegImpedances& legs)
{
    const bool known = legs.status != EntryStatus::unknown;
    const auto ohms = [&](double value) { return known ? Json{value} : Json{}; };
    return Json::object({{"at_hz", legs.frequency.value() > 0.0 ? Json{legs.frequency.value()} : Json{}},
                         {"pin2_ohm", ohms(std::abs(legs.pin2))},
                         {"pin3_ohm", ohms(std::abs(legs.pin3))},
                         {"imbalance_ohm", ohms(std::abs(legs.imbalance))},
                         {"uncertainty_ohm", ohms(legs.uncertainty_ohm)},
                         {"status", name_of(legs.status)}});
}

Json of(const topology::TwoPort& at)
{
    struct Named { const char* name; const Entry& entry; };
    const std::array entries{Named{"e2", at.e2},   Named{"e3", at.e3},   Named{"z22", at.z22},
                             Named{"z23", at.z23}, Named{"z32", at.z32}, Named{"z33", at.z33}};
    auto out = Json::object({{"frequency_hz", at.frequency.value()}});
    auto status = Json::object();
    auto uncertainty = Json::object();
    for (const auto& [name, entry] : entries) {
        out.add(name, entry.status == EntryStatus::unknown ? Json{} : Json{entry.value});
        status.add(name, name_of(entry.status));
        uncertainty.add(name, entry.status == EntryStatus::measured ? Json{normal_95 * entry.sigma} : Json{});
    }
    out.add("status", std::move(status));
    out.add("uncertainty", std::move(uncertainty));
    return out;
}

/// What `lowleg predict` starts from: the pins in `through`, and the admittances where they are known as a whole.
Json of(const topology::LoadPoint& at)
{
    auto y = Json{};
    if (at.y) y = Json::object({{"y22", at.y->y22}, {"y23", at.y->y23}, {"y32", at.y->y32}, {"y33", at.y->y33}});
    return Json::object({{"frequency_hz", at.frequency.value()}, {"v2", at.v2}, {"v3", at.v3}, {"i2", at.i2}, {"i3", at.i3}, {"siemens", std::move(y)}});
}

Json of(const Fixture& fixture)
{
    const auto pair = [](Ohms a, Ohms b) {
        auto list = Json::array();
        list.push_back(a.value());
        list.push_back(b.value());
        return list;
    };
    return Json::object({{"rin_ohm", pair(fixture.rin2, fixture.rin3)},
                         {"cin_farad", fixture.cin.value()},
                         {"rg_ohm", fixture.rg.value()},
                         {"rp_ohm", fixture.probe ? pair(fixture.probe->rp2, fixture.probe->rp3) : Json{}},
                         {"rs_ohm", fixture.rs.value()}});
}

Json of(const topology::Advice& advice)
{
    const auto text_or_null = [](const std::string& text) { return text.empty() ? Json{} : Json{text}; };
    const auto level = [](const std::optional<Dbu>& dbu) { return dbu ? Json{dbu->value()} : Json{}; };
    auto loses = Json::array();
    for (const auto& loss : advice.loses) loses.push_back(loss);
    return Json::object({{"summary", advice.summary},
                         {"unbalanced_input", advice.unbalanced_input ? Json{topology::id_of(*advice.unbalanced_input)} : Json{}},
                         {"balanced_input", advice.balanced_input.empty() ? Json{} : Json{advice.balanced_input}},
                         {"level_change_db", advice.level_change ? Json{advice.level_change->value()} : Json{}},
                         {"cable", text_or_null(advice.cable)},
                         {"level_status", advice.level_change ? Json{advice.level_is_measured ? "measured" : "assumed"} : Json{}},
                         {"level_reason", text_or_null(advice.level_reason)},
                         {"maximum_dbu", Json::object({{"balanced", level(advice.balanced_maximum)}, {"unbalanced", level(advice.unbalanced_maximum)},
                                                       {"reason", text_or_null(advice.maximum_reason)}})},
                         {"meter_dbu", level(advice.meter)},
                         {"plug", text_or_null(advice.plug)},
                         {"xlr", text_or_null(advice.xlr)},
                         {"loses", std::move(loses)},
                         {"unbalanced_source", text_or_null(advice.unbalanced_source)},
                         {"headphone_test", text_or_null(advice.headphone_test)},
                         {"cables", Json::object({{"balanced_input", text_or_null(advice.balanced_cable)},
                                                  {"unbalanced_input", text_or_null(advice.cable)},
                                                  {"unbalanced_source", text_or_null(advice.unbalanced_source_cable)}})}});
}

Json of(const std::optional<procedure::FoundMove>& wrong)
{
    return wrong ? Json::object({{"id", procedure::id_of(wrong->move)}, {"text", wrong->says}}) : Json{};
}

Json of(const procedure::Quality& quality, const std::optional<std::string>& stopped_early, const std::optional<procedure::FoundMove>& wrong_move)
{
    auto states = Json::array();
    for (const auto state : quality.states) states.push_back(name_of(state));
    auto out = Json::object({{"states", std::move(states)},
                             {"periods", quality.periods},
                             {"voided", quality.voided},
                             {"hum_dbfs", quality.hum ? Json{quality.hum->value()} : Json{}},
                             {"clock_ppm", quality.clock_ppm},
                             {"source", procedure::id_of(quality.source)},
                             {"drive", procedure::id_of(quality.drive)},
                             {"signal_s", quality.signal > Seconds{} ? Json{quality.signal.value()} : Json{}},
                             {"wrong_move", of(wrong_move)}});
    if (stopped_early) out.add("stopped_early", *stopped_early);
    return out;
}

Json of(const Identification& result)
{
    const auto& verdict = result.verdict;
    auto alternatives = Json::array();
    for (const auto& candidate : verdict.alternatives)
        alternatives.push_back(Json::object({{"topology", topology::id_of(candidate.topology)}, {"probability", candidate.probability}}));
    auto evidence = Json::array();
    for (const auto& e : verdict.evidence)
        evidence.push_back(Json::object({{"name", e.name},
                                         {"frequency_hz", in_hertz(e.frequency)},
                                         {"value", e.value},
                                         {"unit", e.unit},
                                         {"uncertainty", e.uncertainty},
                                         {"says", e.says},
                                         {"status", e.measured ? "measured" : "assumed"}}));
    auto headroom = Json::array();
    for (const auto& h : result.headroom)
        headroom.push_back(Json::object({{"state", name_of(h.state)},
                                         {"pin2_dbfs", h.end == procedure::HeadroomEnd::no_signal ? Json{} : Json{h.maximum.pin2.value()}},
                                         {"reached", h.maximum.is_reached},
                                         {"ended_by", procedure::id_of(h.end)}}));
    auto two_port = Json::array();
    for (const auto& at : verdict.two_port) two_port.push_back(of(at));
    auto load_points = Json::array();
    for (const auto& at : verdict.load_points) load_points.push_back(of(at));
    return Json::object(
        {{"schema", "lowleg.identify/1"},
         {"verdict", verdict.id()},
         {"probability", verdict.probability},
         {"variant", id_of(verdict.variant)},
         {"pin3_hot", verdict.pin3_hot},
         {"polarity", id_of(verdict.polarity)},
         {"probe", verdict.probe},
         {"odd", verdict.odd},
         {"alternatives", std::move(alternatives)},
         {"evidence", std::move(evidence)},
         {"legs", of(verdict.legs)},
         {"two_port", std::move(two_port)},
         {"advice", of(verdict.advice)},
         {"next_step", verdict.next_step ? Json::object({{"id", verdict.next_step->id}, {"text", verdict.next_step->text}}) : Json{}},
         {"quality", of(result.quality, result.stopped_early, result.wrong_move)},
         {"headroom", std::move(headroom)},
         {"why", verdict.why.empty() ? Json{} : Json{verdict.why}},
         {"fixture", of(result.fixture)},
         {"load_points", std::move(load_points)}});
}

}  // namespace

std::string identify_json(const Identification& result) { return of(result).text() + "\n"; }

std::string identify_all_json(std::span<const Identification> results)
{
    auto list = Json::array();
    for (const auto& result : results) {
        auto one = Json::object({{"name", result.device_under_test}});
        const auto whole = of(result);
        for (const auto& [key, value] : std::get<Json::Object>(whole.value())) one.add(key, value);
        list.push_back(std::move(one));
    }
    return Json::object({{"schema", "lowleg.identify-all/1"}, {"results", std::move(list)}}).text() + "\n";
}

}  // namespace lowleg::report
