/// \file measurement_table.h
/// A curve of an earlier measurement, read back from its JSON.
#pragma once

#include "core/result.h"
#include "core/units.h"
#include "files/json_text.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::procedure {

struct MeasurementTable {
    std::map<std::string, std::size_t, std::less<>> columns;
    std::vector<std::vector<double>> rows;   ///< Ascending frequency; each has all columns.

    /// 0 where there is no such column.
    [[nodiscard]] double at(const std::vector<double>& row, std::string_view column) const;
    /// Of the columns name_re… and name_im….
    [[nodiscard]] Complex complex_at(const std::vector<double>& row, std::string_view name, std::string_view unit) const;
};

/// \param kind  "input": of what measurement. \param advice  what to give instead: the end of the message.
/// \return failure unless it is such a measurement, with such a curve of ≥ 1 rows, each with a frequency above 0.
[[nodiscard]] Result<MeasurementTable> table_of(const files::Json& measurement, std::string_view kind, std::string_view curve, std::string_view advice);

}  // namespace lowleg::procedure
