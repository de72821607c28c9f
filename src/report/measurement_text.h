/// \file measurement_text.h
/// A measurement as text, for a technician at the bench.
#pragma once

#include "procedure/measurement.h"
#include "report/layout.h"

#include <string>

namespace lowleg::report {

/// A figure as people read it: "−112.3 ± 0.4 dB", "≥ 98.2 dB", "1.228 ± 0.004 V": as many digits as its uncertainty leaves meaning, and prefixes
/// (kΩ, mV, µV) where they help.
[[nodiscard]] std::string figure_words(const procedure::Figure& figure);

/// \param explain  with the definition of every figure.
[[nodiscard]] std::string measurement_text(const procedure::Measurement& measurement, const TextStyle& style, bool explain);

/// The line that is written over while a measurement goes on: step, signal so far, the figure as it stands.
[[nodiscard]] std::string progress_words(const procedure::MeasurementProgress& progress);

}  // namespace lowleg::report
