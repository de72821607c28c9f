#include "procedure/measurement_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lowleg::procedure {
namespace {

using files::Json;

std::string_view text_of(const Json& object, std::string_view key)
{
    const auto* member = object.find(key);
    return member == nullptr ? std::string_view{} : member->string().value_or(std::string_view{});
}

const Json* named(const Json& object, std::string_view list, std::string_view name)
{
    const auto* all = object.find(list);
    if (all == nullptr || all->elements() == nullptr) return nullptr;
    const auto found = std::ranges::find_if(*all->elements(), [&](const Json& one) { return text_of(one, "name") == name; });
    return found == all->elements()->end() ? nullptr : &*found;
}

}  // namespace

double MeasurementTable::at(const std::vector<double>& row, std::string_view column) const
{
    const auto found = columns.find(column);
    return found == columns.end() ? 0.0 : row[found->second];
}

Complex MeasurementTable::complex_at(const std::vector<double>& row, std::string_view name, std::string_view unit) const
{
    return {at(row, std::string{name} + "_re" + std::string{unit}), at(row, std::string{name} + "_im" + std::string{unit})};
}

Result<MeasurementTable> table_of(const Json& measurement, std::string_view kind, std::string_view curve, std::string_view advice)
{
    const auto refused = [&](const std::string& what) { return Error{what + ": " + std::string{advice}}; };
    const auto schema = text_of(measurement, "schema");
    if (schema != "lowleg.measure/1") return refused(schema.empty() ? "it is no measurement of lowleg's" : "it is a " + std::string{schema});
    if (text_of(measurement, "kind") != kind) return refused("it is a measurement of \"" + std::string{text_of(measurement, "kind")} + "\"");
    const auto* json = named(measurement, "curves", curve);
    if (json == nullptr) return refused("it lacks \"" + std::string{curve} + "\", which was not to be told");
    MeasurementTable out;
    const auto damaged = [&] { return refused("its \"" + std::string{curve} + "\" is damaged"); };
    const auto* columns = json->find("columns");
    const auto* rows = json->find("rows");
    if (columns == nullptr || columns->elements() == nullptr || rows == nullptr || rows->elements() == nullptr) return damaged();
    for (const auto& column : *columns->elements()) out.columns.emplace(std::string{text_of(column, "name")}, out.columns.size());
    if (out.columns.size() != columns->elements()->size() || !out.columns.contains("frequency_hz")) return damaged();
    for (const auto& row : *rows->elements()) {
        if (row.elements() == nullptr || row.elements()->size() != out.columns.size()) return damaged();
        std::vector<double> values;
        for (const auto& value : *row.elements()) {
            const auto number = value.number();
            if (!number || !std::isfinite(*number)) return damaged();
            values.push_back(*number);
        }
        if (!(out.at(values, "frequency_hz") > 0.0)) return damaged();
        out.rows.push_back(std::move(values));
    }
    if (out.rows.empty()) return damaged();
    std::ranges::sort(out.rows, {}, [&](const std::vector<double>& row) { return out.at(row, "frequency_hz"); });
    return out;
}

}  // namespace lowleg::procedure
