#include "core/record.h"

#include <array>
#include <string_view>
#include <utility>

namespace lowleg {

std::string describe(Faults faults)
{
    static constexpr std::array<std::pair<Fault, std::string_view>, 10> texts{{
        {Fault::flagged, "the audio system reported a dropout"},
        {Fault::lost, "captured frames were dropped"},
        {Fault::late, "the frame count fell behind the clock"},
        {Fault::block_size, "the size of the audio blocks changed"},
        {Fault::repeated, "a block came twice"},
        {Fault::zeros, "both inputs were exactly zero"},
        {Fault::not_finite, "samples were not numbers"},
        {Fault::clipped, "an input was at full scale"},
        {Fault::phase_jump, "the tones jumped in phase"},
        {Fault::restarted, "the audio was lost and started anew"},
    }};
    std::string out;
    for (const auto& [fault, text] : texts) {
        if (!faults.has(fault)) continue;
        if (!out.empty()) out += ", ";
        out += text;
    }
    return out.empty() ? "nothing" : out;
}

}  // namespace lowleg
