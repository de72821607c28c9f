#include "report/predict_json.h"

#include "files/json_text.h"

#include <string_view>

namespace lowleg::report {
namespace {

using files::Json;
using topology::FarEnd;
using topology::PredictedLevel;
using topology::PredictedLevels;

std::string_view id_of(FarEnd::Pin3 pin3)
{
    switch (pin3) {
    case FarEnd::Pin3::loaded: return "loaded";
    case FarEnd::Pin3::grounded: return "grounded";
    case FarEnd::Pin3::open: return "open";
    }
    return "?";
}

Json of(const std::optional<PredictedLevel>& level)
{
    if (!level) return {};
    return Json::object({{"db", level->value.value()}, {"least_db", level->least.value()}, {"most_db", level->most.value()}});
}

Json of(const PredictedLevels& levels)
{
    return Json::object({{"frequency_hz", levels.frequency.value()},
                         {"input", of(levels.differential)},
                         {"pin2", of(levels.pin2)},
                         {"pin3", of(levels.pin3)},
                         {"status", name_of(levels.status)}});
}

}  // namespace

std::string predict_json(const procedure::Prediction& p)
{
    auto levels = Json::array();
    for (const auto& at : p.levels) levels.push_back(of(at));
    auto costs = Json::array();
    for (const auto& cost : p.costs) costs.push_back(cost);
    auto rin = Json::array();
    rin.push_back(p.fixture.rin2.value());
    rin.push_back(p.fixture.rin3.value());
    return Json::object({{"schema", "lowleg.predict/1"},
                         {"verdict", p.verdict},
                         {"probability", p.probability},
                         {"load", Json::object({{"kind", p.input.unbalanced ? "unbalanced" : "balanced"},
                                                {"ohm", p.input.resistance.value()},
                                                {"farad", p.input.capacitance.value()},
                                                {"pin3", id_of(p.pin3)}})},
                         {"reference", Json::object({{"state", "through"}, {"rin_ohm", std::move(rin)}})},
                         {"at_1khz", of(p.at_1khz)},
                         {"levels", std::move(levels)},
                         {"costs", std::move(costs)},
                         {"source", p.is_virtual_bench ? Json{"virtual-bench"} : Json{}}})
               .text() +
           "\n";
}

}  // namespace lowleg::report
