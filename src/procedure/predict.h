/// \file predict.h
/// Levels at another input, from the result of an earlier identification.
#pragma once

#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"
#include "topology/loading.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::procedure {

/// The input that levels are predicted for.
struct PredictedInput {
    Ohms resistance{10e3};    ///< From each leg to ground; unbalanced: from pin 2 to ground.
    Farads capacitance{0.0};  ///< Beside it: the input's and its cable's.
    bool unbalanced{false};   ///< Pin 3 as advised for this output: on ground, or on nothing.
};

/// "600", "10k", "10k,1n", "10k,470": ohms, and a capacitance in farads with a suffix or in pF without.
/// \return usage error unless both are what a real input can have.
[[nodiscard]] Result<PredictedInput> predicted_input_of(std::string_view text);

struct Prediction {
    std::string verdict;               ///< Id, as it was identified.
    double probability{};
    bool is_virtual_bench{};
    PredictedInput input;
    topology::FarEnd::Pin3 pin3{};     ///< What the far end does with it.
    Fixture fixture;                   ///< At which the reference was taken.
    std::vector<topology::PredictedLevels> levels;  ///< Against the same in `through`; ascending.
    topology::PredictedLevels at_1khz;  ///< Between the tones beside 1 kHz.
    std::vector<std::string> costs;    ///< What rests on an assumption and how much it may be off, what cannot be said at all: sentences.
};

/// \param result_json  what `lowleg identify --json` printed.
/// \return failure when it is something else, when it holds no two-port, or when nothing follows from what it holds.
[[nodiscard]] Result<Prediction> predict(std::string_view result_json, const PredictedInput& input);

}  // namespace lowleg::procedure
