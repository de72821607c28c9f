/// \file hand_switch.h
/// The fixture's switch, moved by whoever sits at the terminal.
#pragma once

#include "core/fixture.h"
#include "core/result.h"

#include <functional>
#include <iosfwd>
#include <string>

namespace lowleg::cli {

/// How everything is connected, as a drawing of several lines.
[[nodiscard]] std::string fixture_drawing(const Fixture& fixture);
/// "pin 3 also to pin 1 through 1 kΩ".
[[nodiscard]] std::string meaning_of(SwitchState state, const Fixture& fixture);

/// Asks for a state on `err`, and does not wait: whoever follows the signals sees when it is set.
Status announce(std::ostream& err, SwitchState state, const Fixture& fixture);

/// Asks for each state on `err` and waits for Enter on `in`; both outlive the switch. Does not ask for the state that is set.
/// \return a switch that fails when `in` ends, and is interrupted when `should_stop` turns true.
[[nodiscard]] std::function<Status(SwitchState)> hand_switch(std::istream& in, std::ostream& err, Fixture fixture,
                                                             std::function<bool()> should_stop);

/// Asks on `err` whether a line output is connected, and reads the answer from `in`. Anything but a yes is a no.
[[nodiscard]] bool is_line_output(std::istream& in, std::ostream& err);

}  // namespace lowleg::cli
