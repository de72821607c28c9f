/// \file identify_json.h
/// Results of `identify` as JSON, for programs: schemas lowleg.identify/1 and lowleg.identify-all/1.
#pragma once

#include "procedure/identify.h"

#include <span>
#include <string>

namespace lowleg::report {

/// One object. Numbers in full precision, complex values as [re, im], what is not known as null, ohms of a leg as magnitudes.
/// Ends with a line break.
[[nodiscard]] std::string identify_json(const procedure::Identification& result);

/// {"schema": "lowleg.identify-all/1", "results": [{"name": …, then as above}, …]}
[[nodiscard]] std::string identify_all_json(std::span<const procedure::Identification> results);

}  // namespace lowleg::report
