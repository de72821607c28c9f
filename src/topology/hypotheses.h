/// \file hypotheses.h
/// What each kind of output is expected to show, as ranges of the features, and how probable each is given what was seen.
#pragma once

#include "topology/features.h"
#include "topology/verdict.h"

#include <vector>

namespace lowleg::topology {

struct Posterior {
    std::vector<Candidate> topologies;  ///< All of them, most probable first.
    double single_ended_of_some_kind{};   ///< Pin 3 is silent, and what is at it fits none of the family's members.
    double none_of_them{};              ///< Probability that the output is something else; the sum of all is 1.
};

/// Bayes' rule over the topologies and "something else". Each topology expects each feature within a range with soft edges; something
/// else may show anything. A feature that is absent says nothing. Ranges: reference circuits and part data of docs/identification.md.
[[nodiscard]] Posterior weigh(const Features& features);

}  // namespace lowleg::topology
