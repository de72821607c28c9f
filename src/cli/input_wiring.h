/// \file input_wiring.h
/// What is said to whoever wires: an input in the place of an output, leads to be exchanged.
#pragma once

#include "core/fixture.h"
#include "core/result.h"

#include <functional>
#include <iosfwd>
#include <string>

namespace lowleg::cli {

/// The fixture with the input under test in the place of the output, several lines.
[[nodiscard]] std::string input_drawing(const Fixture& fixture);

/// Asks for both leads to be exchanged at the interface's inputs, and waits for Enter. \return interrupted when it was stopped; failure when nobody can answer.
Status ask_for_exchange(std::istream& in, std::ostream& err, const std::function<bool()>& should_stop);

}  // namespace lowleg::cli
