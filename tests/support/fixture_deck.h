/// \file fixture_deck.h
/// Gear with fixture and interface drawn around it for ngspice, as one would by hand. All decks come without analyses and
/// without .end.
#pragma once

#include "bench/virtual_bench.h"
#include "core/fixture.h"
#include "core/text.h"

#include <string>
#include <string_view>

namespace lowleg::testing {

inline std::string without_end(std::string_view netlist) { return std::string{netlist.substr(0, netlist.find("\n.end") + 1)}; }
inline std::string element(std::string_view text, double value) { return std::string{text} + " " + format_number(value) + "\n"; }

/// \param netlist  of an output (nodes drv, p2, p3). \param sources  what stands at drv and at the fixture's probe input, "fxp".
/// \return a deck in which the interface's inputs are p2 and fx3.
inline std::string with_fixture(std::string_view netlist, const Fixture& f, SwitchState state, std::string_view sources)
{
    auto deck = without_end(netlist).append(sources) + element("Rfxs fxp fxz", f.rs.value());
    if (f.probe) deck += element("Rfxp2 fxz p2", f.probe->rp2.value()) + element("Rfxp3 fxz fx3", f.probe->rp3.value());
    return deck + element("Rfxin2 p2 0", f.rin2.value()) + element("Rfxin3 fx3 0", f.rin3.value()) + element("Cfxin2 p2 0", f.cin.value()) +
           element("Cfxin3 fx3 0", f.cin.value()) + element("Rfxsw p3 fx3", state == SwitchState::lifted ? 1e12 : 0.02) +
           element("Rfxg p3 0", state == SwitchState::loaded ? f.rg.value() : state == SwitchState::grounded ? 0.02 : 1e12);
}

/// \param netlist  of a receiver (p2, p3, out). \param sources  the interface's outputs before their resistance, "fxe1" and "fxe2".
/// \return a deck in which the interface's inputs are out and fx1.
inline std::string with_feed(std::string_view netlist, const Fixture& f, bench::Feed feed, std::string_view sources)
{
    using bench::Feed;
    return without_end(netlist).append(sources) + element("Rfxs1 fxe1 fx1", f.rs.value()) + element("Rfxs2 fxe2 fx2", f.rs.value()) +
           (feed == Feed::exchanged ? element("Rfxa fx2 p2", 0.02) : element("Rfxa fx1 p2", feed == Feed::common_leg2 ? 10.02 : 0.02)) +
           (feed == Feed::separate ? element("Rfxb fx2 p3", 0.02) : element("Rfxb fx1 p3", feed == Feed::common_leg3 ? 10.02 : 0.02)) +
           element("Rfxin2 out 0", f.rin2.value()) + element("Cfxin2 out 0", f.cin.value()) + element("Rfxin3 fx1 0", f.rin3.value()) +
           element("Cfxin3 fx1 0", f.cin.value());
}

/// \param netlist  of a whole connection (drv, p2, p3, out, noise). \param sources  what stands at drv and noise.
/// \return a deck in which the interface's inputs are out and p2.
inline std::string with_listener(std::string_view netlist, const Fixture& f, std::string_view sources)
{
    return without_end(netlist).append(sources) + element("Rfxin2 out 0", f.rin2.value()) + element("Cfxin2 out 0", f.cin.value());
}

}  // namespace lowleg::testing
