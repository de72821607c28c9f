/// \file calibration_text.h
/// What is stored of interfaces, for a technician and for programs.
#pragma once

#include "procedure/calibration.h"
#include "report/layout.h"

#include <chrono>
#include <span>
#include <string>

namespace lowleg::report {

[[nodiscard]] std::string calibrations_text(std::span<const procedure::StoredCalibration> calibrations, std::chrono::sys_days today, const TextStyle& style);
/// Schema lowleg.calibrations/1: each with its file, and what stands in it or why that cannot be used.
[[nodiscard]] std::string calibrations_json(std::span<const procedure::StoredCalibration> calibrations, std::chrono::sys_days today);

}  // namespace lowleg::report
