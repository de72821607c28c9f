/// \file predict_text.h
/// Levels at another input, for a technician to read.
#pragma once

#include "procedure/predict.h"
#include "report/layout.h"

#include <string>

namespace lowleg::report {

/// What the input takes at 1 kHz and over frequency, against `through`, with what it rests on. Ends with a line break.
[[nodiscard]] std::string predict_text(const procedure::Prediction& prediction, const TextStyle& style);

}  // namespace lowleg::report
