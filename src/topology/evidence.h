/// \file evidence.h
/// What the verdict rests on, in sentences, each with its number.
#pragma once

#include "topology/features.h"
#include "topology/verdict.h"

#include <vector>

namespace lowleg::topology {

[[nodiscard]] std::vector<Evidence> gather_evidence(const Features& features, const LegImpedances& legs);

/// What is strange about an output that fits no topology.
[[nodiscard]] std::string describe_oddity(const Features& features);

}  // namespace lowleg::topology
