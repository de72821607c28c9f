/// \file interface_setup.h
/// From what the simulated interface is, in people's units, to what its audio thread computes with.
#pragma once

#include "bench/interface_model.h"
#include "bench/lines.h"
#include "bench/rt/simulated_interface.h"

namespace lowleg::bench {

/// \param gain_ratio  of input 2 over input 1. \pre model.check(sample_rate_hz)
[[nodiscard]] rt::InterfaceSetup setup_of(const InterfaceModel& model, double gain_ratio, double sample_rate_hz);

/// Levels and delays glide within 10 ms; gear in trouble falls silent within 5 ms; 0.2 s of standing still are latching.
[[nodiscard]] rt::InterfaceTiming timing_at(double sample_rate_hz);

/// How late what is played reaches the gear, and what is captured the computer.
[[nodiscard]] LineSpec playing_line(const InterfaceModel& model);
[[nodiscard]] LineSpec capture_line(const InterfaceModel& model);
/// Whether the inputs' clock is slower, so that the capture is read faster than it comes about.
[[nodiscard]] bool capture_runs_ahead(const InterfaceModel& model);

/// Gain of an input's coupling, first order: jf/(jf + corner). The simulated filter has it within 0.2° and 0.001 dB up to 20 kHz
/// at 48 kHz for corners up to 100 Hz; the error goes with the corner.
[[nodiscard]] Complex coupling_gain(Hertz corner, Hertz frequency);

}  // namespace lowleg::bench
