#include "bench/interface_model.h"

#include "core/text.h"

#include <cmath>
#include <string>
#include <utility>

namespace lowleg::bench {

Status InterfaceModel::check(double sample_rate_hz) const
{
    const auto usage = [](std::string message) { return Error{std::move(message), ErrorKind::usage}; };
    if (!(std::abs(full_scale.value()) <= 100.0))
        return usage("the simulated interface's full scale cannot be " + format_number(full_scale.value()) + " dBu: give −100 to 100 dBu");
    if (!(noise.value() <= 0.0))
        return usage("the simulated noise cannot be " + format_number(noise.value()) + " dBFS: give 0 dBFS or less");
    if (hum && !(hum->value() <= 0.0))
        return usage("the simulated hum cannot be " + format_number(hum->value()) + " dBFS: give 0 dBFS or less");
    if (hum && !(hum_frequency.value() > 0.0 && hum_frequency.value() < sample_rate_hz / 2.0))
        return usage("the simulated hum cannot have " + format_number(hum_frequency.value()) + " Hz: give a mains frequency such as 50 or 60 Hz");
    for (const auto corner : ac_coupling)
        if (!(corner.value() >= 0.0 && corner.value() <= 1000.0))
            return usage("the simulated inputs cannot be AC-coupled at " + format_number(corner.value()) + " Hz: give 0 to 1000 Hz, 0 for none");
    if (!(clipping.value() <= 0.0 && clipping.value() >= -100.0))
        return usage("the simulated inputs cannot clip at " + format_number(clipping.value()) + " dBFS: give −100 to 0 dBFS");
    if (!(std::abs(clock_ppm) <= 1000.0))
        return usage("the simulated inputs' clock cannot run " + format_number(clock_ppm) + " ppm faster than the outputs': give −1000 to 1000 ppm");
    if (!(dropouts.per_minute >= 0.0 && dropouts.per_minute <= 6000.0))
        return usage("the simulated interface cannot lose samples " + format_number(dropouts.per_minute) + " times a minute: give 0 to 6000");
    if (dropouts.frames < 1 || dropouts.frames > 48'000)
        return usage("the simulated interface cannot lose " + std::to_string(dropouts.frames) + " frames at a time: give 1 to 48000");
    if (!(wrong_moves.return_gain.value() >= -100.0 && wrong_moves.return_gain.value() <= 20.0))
        return usage("the simulated feedback cannot have a gain of " + format_number(wrong_moves.return_gain.value()) + " dB: give −100 to 20 dB");
    if (delay_frames < 0 || static_cast<double>(delay_frames) > 10.0 * sample_rate_hz)
        return usage("the simulated converters cannot be " + std::to_string(delay_frames) + " frames late: give 0 frames to 10 s of them");
    return Done{};
}

}  // namespace lowleg::bench
