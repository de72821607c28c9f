/// \file virtual_bench.h
/// Gear, fixture and interface in one: what the interface's inputs record while its outputs play.
#pragma once

#include "bench/collection.h"
#include "core/fixture.h"
#include "core/realtime.h"
#include "core/result.h"
#include "core/units.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::bench {

/// The simulated interface: its levels and its imperfections.
struct InterfaceModel {
    Dbu full_scale{24.0};             ///< Of a full-scale sine, outputs and inputs.
    Dbfs noise{-110.0};               ///< Of each input's converter: rms, 20 Hz to 20 kHz, white, independent.
    std::optional<Dbfs> hum;          ///< Of the hum on each input: fundamental, in phase on both; order k ≤ 10 has 1/k of it.
    Hertz hum_frequency{50.02};
    std::int64_t delay_frames{0};     ///< Round trip of the converters, on top of the blocks'.
    std::uint64_t seed{1};            ///< Of the noise: the same seed gives the same noise.
};

/// One DUT on one fixture at one interface. Built on a control thread, run on an audio thread.
class VirtualBench {
public:
    /// Reads the netlist (nodes drv, p2, p3, 0), adds fixture and interface, prepares all four states of the switch.
    /// \param fixture  its gain_ratio is the gain of input 2 over input 1. \return what is wrong with the netlist, with its line.
    static Result<std::unique_ptr<VirtualBench>> build(const CircuitText& circuit, const Fixture& fixture,
                                                       const InterfaceModel& interface, double sample_rate_hz);
    VirtualBench(const VirtualBench&) = delete;
    VirtualBench& operator=(const VirtualBench&) = delete;
    ~VirtualBench();

    /// What of the netlist was skipped, or reads differently in SPICE than it looks: one sentence each, with its line.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept;
    /// Frames from played to captured: InterfaceModel::delay_frames and the constant delay of the circuit's simulation
    /// (22 frames at 48 kHz; circuit::SampledModel::delay_frames). Any thread.
    [[nodiscard]] Frames delay() const noexcept;

    /// Any thread, wait-free. The switch moves at the start of the next block.
    void request_state(SwitchState state) noexcept;
    /// Any thread: the state that the audio thread has taken over.
    [[nodiscard]] SwitchState state() const noexcept;

    /// The drive output has no resistance of its own; the probe output has Rs. Converters clip at ±1, nothing else does.
    /// Audio thread: one block. drive, probe → i2, i3, `frames` samples each, full scale = 1. Inputs and outputs may not overlap.
    void process(const float* drive, const float* probe, float* i2, float* i3, std::uint32_t frames) LOWLEG_REALTIME;

    /// What the interface reads at one frequency, over the played phasor, without noise, hum and delay: closed form, from the
    /// circuit's own equations at this frequency. [0] i2, [1] i3. Any thread. NaN where the circuit has no response (a frequency
    /// below 0 or not finite, a lossless resonance).
    [[nodiscard]] std::array<Complex, 2> response(SwitchState state, Hertz frequency, bool to_probe) const;

private:
    struct Impl;
    explicit VirtualBench(std::unique_ptr<Impl>) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::bench
