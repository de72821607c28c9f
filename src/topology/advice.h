/// \file advice.h
/// How to wire an output, once it is known what it is.
#pragma once

#include "topology/features.h"
#include "topology/verdict.h"

namespace lowleg::topology {

/// For a named topology, for the family of the single-ended, or for one that stays open. Levels come from the verdict's own load points
/// where they tell them, else from what the kind does.
[[nodiscard]] Advice advise(const Verdict& verdict, const Features& features, const Observations& observations);

/// The one step that is expected to tell most about what is still open; none when nothing is.
[[nodiscard]] std::optional<NextStep> next_step(const Verdict& verdict, const Features& features, const Observations& observations);

}  // namespace lowleg::topology
