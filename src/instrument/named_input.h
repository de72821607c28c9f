/// \file named_input.h
/// An input that a user names: a receiver of the virtual bench, or a file with what was measured of one.
#pragma once

#include "core/result.h"
#include "instrument/settings.h"
#include "procedure/input_facts.h"

#include <string>

namespace lowleg::instrument {

/// \param name  a circuit that ships, a netlist file (".cir"), what "lowleg measure input --json" printed, or ohms per leg ("10k", "10k,1n").
/// \return failure when it is none of these; usage error for a circuit that is no receiver.
[[nodiscard]] Result<procedure::InputFacts> named_input(const Settings& settings, const std::string& name);

}  // namespace lowleg::instrument
