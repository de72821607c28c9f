/// \file predict_json.h
/// Levels at another input as JSON, for programs: schema lowleg.predict/1.
#pragma once

#include "procedure/predict.h"

#include <string>

namespace lowleg::report {

/// One object. Levels in dB against the same in `through`; null where there is none. Ends with a line break.
[[nodiscard]] std::string predict_json(const procedure::Prediction& prediction);

}  // namespace lowleg::report
