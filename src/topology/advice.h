/// \file advice.h
/// How to wire an output, once it is known what it is.
#pragma once

#include "topology/features.h"
#include "topology/verdict.h"

namespace lowleg::topology {

/// For a named topology, for the family of the single-ended (topology none), or for one that stays open.
[[nodiscard]] Advice advise(Outcome outcome, std::optional<Topology> topology, std::optional<Variant> variant, bool pin3_hot,
                            const Features& features);

/// The one step that would tell most about what is still open; none when nothing is.
[[nodiscard]] std::optional<NextStep> next_step(Outcome outcome, const std::vector<Candidate>& candidates, bool pin3_hot,
                                                const Observations& observations);

}  // namespace lowleg::topology
