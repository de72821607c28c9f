/// \file fixture_deck.h
/// An output with the fixture drawn around it for ngspice, as one would by hand.
#pragma once

#include "core/fixture.h"
#include "core/text.h"

#include <string>
#include <string_view>

namespace lowleg::testing {

/// \param netlist  of an output (nodes drv, p2, p3). \param sources  what stands at drv and at the fixture's probe input, "fxp".
/// \return the deck without analyses and without .end; the interface's inputs are p2 and fx3.
inline std::string with_fixture(std::string_view netlist, const Fixture& f, SwitchState state, std::string_view sources)
{
    std::string deck{netlist.substr(0, netlist.find("\n.end") + 1)};
    const auto line = [&](const std::string& text, double value) { deck += text + " " + format_number(value) + "\n"; };
    deck += sources;
    line("Rfxs fxp fxz", f.rs.value());
    if (f.probe) {
        line("Rfxp2 fxz p2", f.probe->rp2.value());
        line("Rfxp3 fxz fx3", f.probe->rp3.value());
    }
    line("Rfxin2 p2 0", f.rin2.value());
    line("Rfxin3 fx3 0", f.rin3.value());
    line("Cfxin2 p2 0", f.cin.value());
    line("Cfxin3 fx3 0", f.cin.value());
    line("Rfxsw p3 fx3", state == SwitchState::lifted ? 1e12 : 0.02);
    line("Rfxg p3 0", state == SwitchState::loaded ? f.rg.value() : state == SwitchState::grounded ? 0.02 : 1e12);
    return deck;
}

}  // namespace lowleg::testing
