/// \file gear.h
/// The gear on the audio thread: its circuit in every position of the switch, and what is done when it gives up. Set-up:
/// bench/running_circuits.h.
#pragma once

#include "circuit/rt/circuit_stepper.h"
#include "core/realtime.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lowleg::bench::rt {

/// The circuit with the switch in one position.
struct Position {
    circuit::rt::CircuitMatrices matrices;
    bool runs{false};  ///< False: it does not stay where it rests, so there is nothing to run.
    std::array<double, 2> rest_volts{};
    std::array<std::array<double, 2>, 2> gains{};  ///< [output][input]: of small signals, at 1 kHz.
};
inline constexpr std::size_t max_positions = 5;

/// The circuit in all positions, with the state that it runs in.
struct Circuits {
    std::array<Position, max_positions> positions{};
    circuit::rt::CircuitStepper* stepper{nullptr};  ///< None where no position runs.
    bool is_linear{true};
    bool goes_on{false};                            ///< From the circuits before; else from rest.
    const double* from_before{nullptr};             ///< As of CircuitStepper::go_on_from.
    /// Set by the audio thread when it is done with these: whoever made them may free them.
    std::atomic<bool> is_spent{false};
};

/// Why the gear is silent.
enum class Trouble : std::uint8_t {
    none,
    latched_at_rest,    ///< The circuit does not stay where it rests.
    latched,            ///< It stands at a DC voltage and no longer follows what drives it.
    does_not_converge,  ///< As of circuit::rt::Condition.
    diverged,
};

/// Two outputs of the interface → two voltages. In trouble these go to 0 V within `fade_frames`; moving the switch or changing the
/// surroundings starts it from rest.
class Gear {
public:
    struct Timing {
        std::uint32_t fade_frames{};
        std::uint32_t watch_frames{};  ///< How long a latched circuit is looked at before it counts as such.
    };

    /// \param circuits  outlive this, or their being spent.
    Gear(Circuits& circuits, const Timing& timing) LOWLEG_REALTIME;

    void move_to(std::size_t position) LOWLEG_REALTIME;
    [[nodiscard]] std::size_t position() const LOWLEG_REALTIME { return position_; }
    /// The same gear in other surroundings: charges stay.
    void exchange(Circuits& next) LOWLEG_REALTIME;
    void start_anew_if_in_trouble() LOWLEG_REALTIME;
    [[nodiscard]] Trouble trouble() const LOWLEG_REALTIME { return trouble_; }

    /// One chunk, in volts. Wait-free. What comes out is finite. \param frames  1 … chunk_frames.
    /// \param in, out  [2][circuit::rt::chunk_frames]
    void step(const double* in, double* out, std::size_t frames) LOWLEG_REALTIME;

private:
    /// Where a signal has been.
    struct Range {
        double lowest{0.0}, highest{0.0};
        void begin(double x) LOWLEG_REALTIME { lowest = highest = x; }
        void add(double x) LOWLEG_REALTIME
        {
            if (x < lowest) lowest = x;
            if (x > highest) highest = x;
        }
        [[nodiscard]] double width() const LOWLEG_REALTIME { return highest - lowest; }
    };

    [[nodiscard]] const Position& at() const LOWLEG_REALTIME { return circuits_->positions[position_]; }
    void start_anew() LOWLEG_REALTIME;
    /// \return why what the circuit gave cannot be used.
    [[nodiscard]] Trouble judged(const double* out, std::size_t frames) const LOWLEG_REALTIME;
    void watch(const double* in, const double* out, std::size_t frames) LOWLEG_REALTIME;
    [[nodiscard]] bool has_latched() const LOWLEG_REALTIME;

    Circuits* circuits_;
    std::size_t position_{0};
    Trouble trouble_{Trouble::none};
    double fade_step_;
    double presence_{1.0};             ///< 0: silent, 1: in full.
    std::array<double, 2> held_{};     ///< The last volts, from which it fades to silence.
    std::uint32_t watch_frames_;
    std::uint32_t watched_frames_{0};
    std::array<Range, 2> inputs_{}, outputs_{};
};

}  // namespace lowleg::bench::rt
