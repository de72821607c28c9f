/// \file hypotheses.h
/// What an output may be: physical models with the spread of their parts, and how probable each is given what was read.
#pragma once

#include "core/parallel.h"
#include "topology/observation.h"
#include "topology/output_model.h"
#include "topology/verdict.h"

#include <array>
#include <map>
#include <string_view>
#include <vector>

namespace lowleg::topology {

/// One way in which an output may be built, weighed.
struct WeighedHypothesis {
    std::string_view name;              ///< "servo", "winding with bleeders", …
    std::optional<Topology> topology;   ///< None: no known kind.
    std::optional<Variant> variant;     ///< Of an unbalanced output.
    double probability{};
    double strain{};                    ///< See ModelFit.
    double misfit{};                    ///< rms of what it leaves unexplained, see ModelFit.
    double log_evidence{};              ///< Of the fit alone.
    OutputModel model{};
    std::array<double, most_parts> parts{};  ///< The most probable values, as the model has them.
};

struct Posterior {
    std::vector<Candidate> topologies;     ///< All of them, most probable first.
    double single_ended_of_some_kind{};    ///< Pin 3 is silent, and what is at it fits none of the family's members.
    double none_of_them{};                 ///< Probability that the output is something else; the sum of all is 1.
    std::map<SwitchState, Seconds> late;   ///< By which each state is late against `through`, as the most probable of them has it.
    std::vector<WeighedHypothesis> hypotheses;  ///< Those that were tried, most probable first.
};

/// Bayes' rule over physical models: each is fitted to all states and frequencies at once, with the spread of real parts as prior
/// knowledge and the uncertainty of every reading, and its evidence is what remains when its parts are integrated out.
/// Something else explains everything, a little. The result does not depend on the number of threads.
[[nodiscard]] Posterior weigh(const Observations& observations, Threads threads = {});

}  // namespace lowleg::topology
