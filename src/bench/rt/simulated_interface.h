/// \file simulated_interface.h
/// The audio thread's part of the virtual bench: converters, delay, circuit, noise and hum.
#pragma once

#include "circuit/rt/linear_stepper.h"
#include "core/fixture.h"
#include "core/realtime.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lowleg::bench::rt {

/// What the set-up prepares. Everything referred to outlives the interface.
struct InterfaceSetup {
    circuit::rt::StepShape shape;  ///< Two inputs (drive, probe), two outputs (i2, i3).
    std::array<circuit::rt::StepMatrices, all_switch_states.size()> matrices;  ///< By SwitchState.
    std::span<double> state;       ///< circuit::rt::LinearStepper::storage_for(shape)
    std::span<float> delay_line;   ///< [frames of delay][2], zeros
    double volts_per_unit{};               ///< Outputs.
    std::array<double, 2> units_per_volt;  ///< Inputs.
    double noise_rms{};            ///< Of one sample, full scale = 1.
    double hum_peak{};             ///< Of the fundamental.
    int hum_harmonics{};           ///< Orders 1 … this; order k has 1/k of the fundamental's amplitude.
    double hum_cos{1.0}, hum_sin{};  ///< Of the angle by which it turns per frame.
    std::uint64_t seed{};
};

class SimulatedInterface {
public:
    explicit SimulatedInterface(const InterfaceSetup& setup) LOWLEG_REALTIME;

    /// One block, full scale = 1. Wait-free; time in proportion to `frames`.
    void process(SwitchState state, const float* drive, const float* probe, float* i2, float* i3, std::uint32_t frames) LOWLEG_REALTIME;

private:
    double gaussian() LOWLEG_REALTIME;
    double next_hum() LOWLEG_REALTIME;

    InterfaceSetup setup_;
    circuit::rt::LinearStepper circuit_;
    std::size_t delay_at_{0};
    std::uint64_t random_;
    double cos_{1.0}, sin_{0.0};  ///< Of the hum's phase.
};

}  // namespace lowleg::bench::rt
