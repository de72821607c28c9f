/// \file cmrr_text.h
/// A measured common-mode rejection for people.
#pragma once

#include "procedure/cmrr.h"
#include "report/layout.h"

#include <string>

namespace lowleg::report {

/// Verdict, the four figures, the curve, what limits it, what it rests on. \param explain  how everything is defined, too.
[[nodiscard]] std::string cmrr_text(const procedure::Cmrr& cmrr, const TextStyle& style, bool explain);

}  // namespace lowleg::report
