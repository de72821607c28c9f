/// \file switch_check.h
/// Whether the switch moved: a switch that stands still makes any output look like another kind.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"
#include "core/result.h"

#include <map>

namespace lowleg::procedure {

/// Holds what input 2 reads against what it must read in these states, whatever the device under test is:
/// - `lifted` and `grounded` take pin 3's signal away from it;
/// - where there is a probe, `loaded` and `grounded` take more of it away than `lifted` does. A leg in parallel only adds to that;
/// - `loaded` lowers it against `through` by as much as what `lifted` and `through` tell of pin 3 asks for.
///
/// Nothing can be said, and nothing is refused, where pin 3 is silent and there is no probe, or input 2 hears nothing.
/// \return failure naming the states between which the switch stood still.
[[nodiscard]] Status check_switch(const std::map<SwitchState, analysis::MultitoneReading>& readings, const Fixture& fixture);

}  // namespace lowleg::procedure
