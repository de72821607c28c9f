/// \file window_time.h
/// How soon the window shows something useful.
#pragma once

#include <vector>

namespace lowleg::benchmarks {

/// From the start of the program to the frame that shows the virtual bench playing, in s: several starts on an X server of its own, software rendering.
/// Empty where there is no Xvfb.
std::vector<double> time_first_frames();

}  // namespace lowleg::benchmarks
