/// \file cmrr_json.h
/// A measured common-mode rejection for programs: JSON and CSV.
#pragma once

#include "procedure/cmrr.h"

#include <string>

namespace lowleg::report {

/// One object, schema "lowleg.cmrr/1", ended by a line break. A value whose "…_at_floor" is true is what the CMRR exceeds.
[[nodiscard]] std::string cmrr_json(const procedure::Cmrr& cmrr);

/// The figures, then the curve, in one table: names, units, then the rows. Written as of measurement_csv(); what was not measured is empty.
[[nodiscard]] std::string cmrr_csv(const procedure::Cmrr& cmrr);

}  // namespace lowleg::report
