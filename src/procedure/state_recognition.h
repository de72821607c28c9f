/// \file state_recognition.h
/// Which state the fixture's switch is in, from what the inputs read: pure functions on readings.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace lowleg::procedure {

using Readings = std::map<SwitchState, analysis::MultitoneReading>;

/// The states that `now` can be a reading of, whatever the device under test is, after `taken` was measured, `through` among it.
///
/// Levels alone are compared, so that frames lost between two states mean nothing. What is known of input 2:
/// - `through`, and every other state that was measured, reads what it read before;
/// - `loaded` and `grounded` divide drive and probe at pin 3 by the same 1 + Zt/R, where Zt, pin 3's impedance with all that hangs on
///   it, cannot exceed what the fixture itself hangs on it: `loaded` lowers them by so much at the most, `grounded` lowers them
///   almost to nothing;
/// - `lifted` takes pin 3's own signal away, and input 2 hears the probe as loud as it ever does, no less than input 1. Once `loaded`
///   told Zt, it is known by how much louder than in `through`.
///
/// More than one state is left where they are the same by every test (pin 3 on ground: `through`, `loaded`, `grounded`; pin 3 on
/// nothing: `through`, `lifted`; silent legs without the probe: all), or while noise, or a switch on its way, hides what tells them apart.
/// None is left when something else than the switch was moved.
/// \param now  the plan's tones in the plan's order; sigma includes what a switch on its way leaves.
[[nodiscard]] std::vector<SwitchState> possible_states(std::span<const analysis::ToneReading> now, const Readings& taken, const Fixture& fixture);

/// Whether two readings show the same levels of both signals at both inputs, to 0.5 % and their noise.
[[nodiscard]] bool read_alike(std::span<const analysis::ToneReading> a, std::span<const analysis::ToneReading> b);

/// Whether this state of the switch must read as `through` does at this output, so that no signal can tell when it is set: neither
/// signal is heard at pin 3.
[[nodiscard]] bool is_told_by_nothing(SwitchState state, const Readings& taken, const Fixture& fixture);

/// The states that were measured and read the same, one sentence per pair that follows on each other.
[[nodiscard]] std::vector<std::string> describe_sameness(const Readings& taken);

}  // namespace lowleg::procedure
