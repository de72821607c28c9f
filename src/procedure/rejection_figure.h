/// \file rejection_figure.h
/// Small ratios as figures. Private to measure().
#pragma once

#include "core/units.h"
#include "procedure/measurement.h"

#include <string>

namespace lowleg::procedure {

/// A ratio that is wanted small, as decibels of rejection: with a bound where it does not stand out. \pre ratio + uncertainty > 0
[[nodiscard]] Figure rejection_figure(std::string id, std::string words, double ratio, double uncertainty, Hertz frequency, std::string definition);

}  // namespace lowleg::procedure
