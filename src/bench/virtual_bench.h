/// \file virtual_bench.h
/// Gear, wiring and interface in one: what the interface's inputs record while its outputs play.
#pragma once

#include "bench/collection.h"
#include "bench/interface_model.h"
#include "core/fixture.h"
#include "core/realtime.h"
#include "core/result.h"
#include "core/units.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::bench {

/// How a receiver is fed (design of a CMRR measurement, IEC 60268-3).
enum class Feed : std::uint8_t {
    separate,     ///< Output 1 on pin 2, output 2 on pin 3, each through Rs.
    common,       ///< Output 1 on both, through one Rs.
    common_leg2,  ///< The same with 10 Ω more in pin 2.
    common_leg3,  ///< The same with 10 Ω more in pin 3.
    exchanged,    ///< As separate, with the leads exchanged: output 1 on pin 3, output 2 on pin 2.
};
inline constexpr std::array all_feeds{Feed::separate, Feed::common, Feed::common_leg2, Feed::common_leg3, Feed::exchanged};
[[nodiscard]] std::string_view name_of(Feed) noexcept;  ///< "separate", "common", "common-leg-2", "common-leg-3", "exchanged"
[[nodiscard]] Result<Feed> feed_of(std::string_view name);

/// One piece of gear, or a whole connection, at one interface. Built on a control thread, run on an audio thread.
///
/// - An output (nodes drv, p2, p3) stands on the fixture: output 1 plays drive, output 2 the probe, the inputs record i2 and i3.
/// - A receiver (p2, p3, out) is fed as Feed says; input 1 (Rin2, Cin) records out, input 2 (Rin3, Cin) what output 1 has
///   after its Rs.
/// - A connection (drv, p2, p3, out, noise): output 1 plays drv, output 2 plays noise; input 1 (Rin2, Cin) records out,
///   input 2, which loads nothing, p2.
class VirtualBench {
public:
    /// Reads the netlist, adds what it is connected to, prepares all positions of the switch.
    /// \param fixture  its gain_ratio is the gain of input 2 over input 1. \return what is wrong with the netlist, with its line.
    static Result<std::unique_ptr<VirtualBench>> build(const CircuitText& circuit, const Fixture& fixture,
                                                       const InterfaceModel& interface, double sample_rate_hz);
    VirtualBench(const VirtualBench&) = delete;
    VirtualBench& operator=(const VirtualBench&) = delete;
    ~VirtualBench();

    [[nodiscard]] CircuitKind kind() const noexcept;
    [[nodiscard]] bool is_linear() const noexcept;
    /// What of the netlist was skipped, or reads differently in SPICE than it looks: one sentence each, with its line.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept;
    /// Frames from played to captured: InterfaceModel::delay_frames and the constant delay of the circuit's simulation
    /// (circuit::SampledModel::delay_frames); not what clocks that differ and slips add. Any thread.
    [[nodiscard]] Frames delay() const noexcept;

    /// Any thread, wait-free. The switch moves at the start of the next block. A feed for a receiver, a state for an output;
    /// on anything else it does nothing.
    void request_state(SwitchState state) noexcept;
    void request_feed(Feed feed) noexcept;
    /// Any thread: what the audio thread has taken over.
    [[nodiscard]] SwitchState state() const noexcept;
    [[nodiscard]] Feed feed() const noexcept;

    /// Changes what surrounds the gear while it runs: voltages of capacitors and currents of inductors go on from where they
    /// are, levels glide within 10 ms; nothing clicks but what would click in truth. Another delay, clock or slip fades in within
    /// 10 ms once it has been filled, which takes as long as it delays, and of a clock a quarter of a second. One control thread;
    /// does not wait for the audio thread, which takes it over at the start of its next block, or when such a fade is over.
    /// \return usage error or failure as of build(); everything is then as before.
    Status set_fixture(const Fixture& fixture);
    Status set_interface(const InterfaceModel& interface);
    Status set_surroundings(const Fixture& fixture, const InterfaceModel& interface);  ///< Both at the same time.
    [[nodiscard]] Fixture fixture() const;
    [[nodiscard]] InterfaceModel interface() const;

    /// Why the gear's outputs are muted, if they are: a sentence (the circuit does not converge, diverges or has latched, in which
    /// position of the switch, and what to do). Any thread. Moving the switch or changing the surroundings starts the gear anew.
    [[nodiscard]] std::optional<std::string> trouble() const;

    /// The outputs' converters clip at ±1, those of the inputs where InterfaceModel::clipping says. What is not a number is played
    /// as silence, and none comes back.
    /// Audio thread: one block. Outputs 1 and 2 → inputs 1 and 2, `frames` samples each, full scale = 1. Inputs and outputs
    /// may not overlap.
    void process(const float* drive, const float* probe, float* i2, float* i3, std::uint32_t frames) LOWLEG_REALTIME;

    /// What the interface reads at one frequency, over the played phasor, without noise, hum, delay and what is returned: closed form, from the
    /// circuit's own equations at this frequency, for small signals. [0] input 1, [1] input 2. Any thread. NaN where the
    /// circuit has no response (a frequency below 0 or not finite, a lossless resonance).
    [[nodiscard]] std::array<Complex, 2> response(SwitchState state, Hertz frequency, bool to_probe) const;
    [[nodiscard]] std::array<Complex, 2> response(Feed feed, Hertz frequency, bool to_output_2) const;
    /// The same for whatever this is, as it is switched now.
    [[nodiscard]] std::array<Complex, 2> response(Hertz frequency, bool to_output_2) const;

private:
    struct Impl;
    explicit VirtualBench(std::unique_ptr<Impl>) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::bench
