/// \file simulated_interface.h
/// The audio thread's part of the virtual bench: converters and their imperfections around the gear. Set-up:
/// bench/interface_setup.h.
#pragma once

#include "bench/rt/gear.h"
#include "bench/rt/line.h"
#include "bench/rt/noise.h"
#include "core/realtime.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lowleg::bench::rt {

inline constexpr std::size_t most_hum_harmonics = 10;

/// What glides to its new value when it is changed.
struct Levels {
    double volts_per_unit{1.0};            ///< Outputs and inputs.
    std::array<double, 2> gains{1.0, 1.0};  ///< Inputs.
    double drive{1.0};                     ///< How much of output 1 reaches the gear.
    std::array<double, 2> returned{};      ///< What outputs 1 and 2 give back of inputs 1 and 2.
    double clip{1.0};                                ///< Where the inputs' converters clip, full scale = 1.
    double noise{};                                  ///< rms of one sample.
    std::array<double, most_hum_harmonics> hum{};    ///< Amplitude of order k + 1.
};

struct InterfaceSetup {
    Levels levels;
    double hum_cos{1.0}, hum_sin{};     ///< Of the angle by which the hum's fundamental turns per frame.
    /// Of each input's high-pass: t/(1 + t), t = tan(π · corner / rate); 0: DC-coupled.
    std::array<double, 2> coupling{};
    double drift_per_frame{};           ///< Of the capture: 1 − rate of the outputs over that of the inputs.
    std::uint64_t dropout_threshold{};  ///< Probability of a dropout at each frame, times 2⁶⁴.
    std::int64_t dropout_frames{};      ///< Of silence.
    bool slips{};                       ///< Instead of silence.
    std::uint64_t seed{};
    std::size_t return_frames{};        ///< How late that is; at least a chunk passes in any case.
    bool same_channel{};                ///< Input 2 delivers what input 1 does.
};

/// What the inputs recorded a while ago.
class ReturnPath {
public:
    static constexpr std::size_t longest = 2048;  // frames; a power of 2

    [[nodiscard]] double at(std::size_t input, std::size_t frames_ago) const LOWLEG_REALTIME { return past_[input * longest + ((next_ - frames_ago) & (longest - 1))]; }
    void push(double in1, double in2) LOWLEG_REALTIME
    {
        past_[next_] = in1;
        past_[longest + next_] = in2;
        next_ = (next_ + 1) & (longest - 1);
    }

private:
    std::array<double, 2 * longest> past_{};
    std::size_t next_{0};
};

struct InterfaceTiming {
    std::uint32_t glide_frames{};  ///< Of levels, and of a change of the delay.
    Gear::Timing gear;
};

/// A change under way from the control thread to the audio thread.
struct Change {
    InterfaceSetup setup;
    Circuits* circuits{nullptr};  ///< None: those that there are.
    bool has_playing{false};      ///< Whether `playing` replaces what there is; the same of `capture`.
    Line* playing{nullptr};
    bool has_capture{false};
    Line* capture{nullptr};
    /// Set by the audio thread when it has taken the change over: whoever made it may free it.
    std::atomic<bool> is_spent{false};
};

/// Outputs, and what is returned of the inputs → delay → gear → AC coupling → gain → hum → clocks and slips → noise → clipping → lost
/// samples → inputs.
class SimulatedInterface {
public:
    /// \param first  its circuits and, where there are any, lines are what it begins with. All outlive this, or their being spent.
    SimulatedInterface(const Change& first, const NormalTable& table, const InterfaceTiming& timing) LOWLEG_REALTIME;

    /// Whether take() may be called: not within the 10 ms that a delay takes to fade to another.
    [[nodiscard]] bool can_take() const LOWLEG_REALTIME { return playing_.can_change() && capture_.can_change(); }
    void take(Change& change) LOWLEG_REALTIME;

    [[nodiscard]] Gear& gear() LOWLEG_REALTIME { return gear_; }

    /// One block, full scale = 1. Wait-free; time in proportion to `frames`.
    void process(const float* out1, const float* out2, float* in1, float* in2, std::uint32_t frames) LOWLEG_REALTIME;

private:
    /// A level within a chunk: at + per_frame · n.
    struct Glide {
        double at;
        double per_frame;
        [[nodiscard]] double operator()(std::size_t n) const LOWLEG_REALTIME { return at + per_frame * static_cast<double>(n); }
    };
    /// Of the level in the chunk that begins now.
    [[nodiscard]] Glide glide(const double& target, const double& from) const LOWLEG_REALTIME
    {
        if (glide_left_ == 0) return {target, 0.0};
        const double per_frame = (target - from) * glide_step_;
        return {target - per_frame * static_cast<double>(glide_left_ - 1), per_frame};
    }
    [[nodiscard]] Levels levels_now() const LOWLEG_REALTIME;
    void judge_hum() LOWLEG_REALTIME;

    void couple(double* x, std::size_t leg, std::size_t frames) LOWLEG_REALTIME;
    void add_hum(double* captured, std::size_t frames) LOWLEG_REALTIME;
    void add_noise(double* captured, std::size_t frames) LOWLEG_REALTIME;
    /// Bit n: samples begin to get lost at frame n.
    [[nodiscard]] std::uint32_t dropouts(std::size_t frames) LOWLEG_REALTIME;

    InterfaceSetup setup_;
    Levels from_;                   ///< Where the levels glide from.
    double glide_step_;             ///< One over the frames that it takes.
    std::uint32_t glide_frames_;
    std::uint32_t glide_left_{0};
    Gear gear_;
    Path playing_, capture_;
    Noise noise_;
    RandomWords dropout_words_;
    std::int64_t silent_frames_{0};
    ReturnPath past_;
    double cos_{1.0}, sin_{0.0};    ///< Of the hum's phase.
    bool has_hum_{false};
    std::array<double, 2> charge_{};          ///< Volts that each input's coupling capacitor holds off.
    std::array<double, 2> charge_release_{};  ///< By which they go, per frame, where there is no coupling capacitor any more.
};

}  // namespace lowleg::bench::rt
