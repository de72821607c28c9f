/// \file evidence.h
/// What the verdict rests on, in sentences, each with its number.
#pragma once

#include "topology/features.h"
#include "topology/verdict.h"

#include <vector>

namespace lowleg::topology {

/// Of a verdict whose outcome, legs and two-port stand.
[[nodiscard]] std::vector<Evidence> gather_evidence(const Verdict& verdict, const Features& features, const Observations& observations);

/// What decided, in one sentence: "Pin 2 rose 5.94 ± 0.01 dB when pin 3 was grounded, and lost …: a floating winding."
[[nodiscard]] std::string summarize(const Verdict& verdict, const Features& features, const Observations& observations);

/// What is strange about an output that fits no topology.
[[nodiscard]] std::string describe_oddity(const Features& features);

}  // namespace lowleg::topology
