#include "cli/input_wiring.h"

#include "core/text.h"

#include <istream>
#include <ostream>

namespace lowleg::cli {

std::string input_drawing(const Fixture& fixture)
{
    std::string out = "interface out 1 ------------------------ nothing: an input needs no drive\n";
    if (fixture.probe)
        out += "interface out 2 (probe) --+-- Rp2 -- i2\n"
               "                          +-- Rp3 -- i3      Rp2 " + format_ohms(fixture.probe->rp2) + ", Rp3 " + format_ohms(fixture.probe->rp3) + "\n";
    return out + "DUT INPUT pin 2 ----------------- i2 ------> interface in 1\n"
                 "DUT INPUT pin 3 -----[switch]---- i3 ------> interface in 2\n"
                 "DUT INPUT pin 1 ----- ground of the fixture and of the interface\n"
                 "The input under test stands in the place of the output; switch its gear on, and its phantom power off.\n"
                 "(jack: tip is pin 2, ring is pin 3, sleeve is pin 1)\n";
}

Status ask_for_exchange(std::istream& in, std::ostream& err, const std::function<bool()>& should_stop)
{
    err << "Exchange the two leads at the interface's inputs: that of i2 into input 2, that of i3 into input 1; leave everything else. Then press Enter: " << std::flush;
    std::string line;
    const bool was_read = static_cast<bool>(std::getline(in, line));
    if (should_stop && should_stop()) return Error{"stopped by hand before the leads were exchanged", ErrorKind::interrupted};
    if (was_read) return Done{};
    err << '\n';
    return Error{"standard input ended before the leads were exchanged: run lowleg on a terminal"};
}

}  // namespace lowleg::cli
