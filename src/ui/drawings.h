/// \file drawings.h
/// What is to be wired, as drawings: the fixture with its switch, cables, and how an input is fed.
#pragma once

#include "core/fixture.h"
#include "instrument/session.h"
#include "ui/theme.h"
#include "ui/toolkit.h"

#include <optional>

namespace lowleg::ui {

/// DUT, fixture and interface. \param shown  where the switch stands, or shall stand; none: through, faint.
/// \param blinks  it shall be moved there, and is not yet.
void draw_fixture(Toolkit& toolkit, Rect where, const Fixture& fixture, std::optional<SwitchState> shown, bool blinks);

/// The cable to an unbalanced input.
void draw_cable(Toolkit& toolkit, Rect where, topology::UnbalancedWiring wiring);

/// How the interface's outputs feed the input under test.
void draw_feed(Toolkit& toolkit, Rect where, procedure::CmrrFeed feed, bool own_input);

}  // namespace lowleg::ui
