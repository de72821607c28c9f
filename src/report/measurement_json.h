/// \file measurement_json.h
/// A measurement for programs: JSON and CSV.
#pragma once

#include "procedure/measurement.h"

#include <string>

namespace lowleg::report {

/// One object, schema "lowleg.measure/1", ended by a line break.
[[nodiscard]] std::string measurement_json(const procedure::Measurement& measurement);

/// What stands beside exported captures, schema "lowleg.captures/1": which files there are, and that they begin where the test signal does.
[[nodiscard]] std::string captures_json(const procedure::Measurement& measurement);

/// Figures, then each curve, as tables divided by an empty line: names, units, then the rows. Decimal points and commas whatever the locale, every
/// number as precisely as it is known to the program; lines end with CR LF (RFC 4180).
[[nodiscard]] std::string measurement_csv(const procedure::Measurement& measurement);

}  // namespace lowleg::report
