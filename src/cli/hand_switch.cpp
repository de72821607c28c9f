#include "cli/hand_switch.h"

#include "core/text.h"

#include <cctype>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

namespace lowleg::cli {
namespace {

std::string upper(std::string_view text)
{
    std::string out;
    for (const char c : text) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return out;
}

}  // namespace

std::string fixture_drawing(const Fixture& fixture)
{
    std::string out = "interface out 1 (drive) -----------------> DUT input\n";
    if (fixture.probe) {
        out += "interface out 2 (probe) --+-- Rp2 -- i2\n"
               "                          +-- Rp3 -- i3      Rp2 " + format_ohms(fixture.probe->rp2) + ", Rp3 " +
               format_ohms(fixture.probe->rp3) + "\n";
    }
    out += "DUT output pin 2 ---------------- i2 ------> interface in 1\n"
           "DUT output pin 3 ----[switch]---- i3 ------> interface in 2\n"
           "DUT output pin 1 ---- ground of the fixture and of the interface\n"
           "(jack: tip is pin 2, ring is pin 3, sleeve is pin 1)\n";
    return out;
}

std::string meaning_of(SwitchState state, const Fixture& fixture)
{
    switch (state) {
    case SwitchState::through: return "pin 3 to input 2, and to nothing else";
    case SwitchState::loaded: return "pin 3 also to pin 1 through " + format_ohms(fixture.rg);
    case SwitchState::grounded: return "pin 3 also to pin 1 directly";
    case SwitchState::lifted: return fixture.probe ? "pin 3 to nothing; input 2 keeps its probe resistor" : "pin 3 to nothing";
    }
    return "";
}

bool is_line_output(std::istream& in, std::ostream& err)
{
    err << "Pin 3 is about to be loaded. Is this a line output, and no loudspeaker output of an amplifier? [y/N] " << std::flush;
    std::string answer;
    std::getline(in, answer);
    return answer.starts_with('y') || answer.starts_with('Y');
}

Status announce(std::ostream& err, SwitchState state, const Fixture& fixture)
{
    err << "Now set the switch to " << upper(name_of(state)) << " (" << meaning_of(state, fixture) << ")." << std::endl;
    return Done{};
}

std::function<Status(SwitchState)> hand_switch(std::istream& in, std::ostream& err, Fixture fixture, std::function<bool()> should_stop)
{
    return [&in, &err, fixture, should_stop = std::move(should_stop), set = std::optional<SwitchState>{}](SwitchState state) mutable -> Status {
        if (set == state) return Done{};
        set.reset();
        err << "Set the switch to " << upper(name_of(state)) << " (" << meaning_of(state, fixture) << "), then press Enter: " << std::flush;
        std::string line;
        const bool was_read = static_cast<bool>(std::getline(in, line));
        if (should_stop()) return Error{"stopped by hand before the switch was set to " + std::string{name_of(state)}, ErrorKind::interrupted};
        if (was_read) {
            set = state;
            return Done{};
        }
        err << '\n';
        return Error{"standard input ended before the switch was set to " + std::string{name_of(state)} +
                     ": run lowleg on a terminal, or let a program move the switch with --switch CMD"};
    };
}

}  // namespace lowleg::cli
