/// \file identify_text.h
/// What an output is, for a technician to read.
#pragma once

#include "procedure/identify.h"
#include "report/layout.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace lowleg::report {

/// "cross-coupled output (servo), 99.7 %", "inconclusive: perhaps a transformer output, 62.0 %", …
[[nodiscard]] std::string verdict_words(const topology::Verdict& verdict);

enum class Detail : std::uint8_t {
    usual,  ///< What a technician needs at the rack.
    all,    ///< Also every cable, plug and caveat, and what headphones would let hear.
};

/// The whole report: verdict, ground step, why, leg impedances, wiring with the cable's drawing, what would settle it, quality.
/// Ends with a line break. A result of the virtual bench carries the badge VIRTUAL BENCH.
[[nodiscard]] std::string identify_text(const procedure::Identification& result, const TextStyle& style, Detail detail = Detail::usual);

/// The same in one paragraph, for a list of several: verdict, ground step, wiring.
[[nodiscard]] std::string identify_paragraph(const procedure::Identification& result, const TextStyle& style);

}  // namespace lowleg::report
