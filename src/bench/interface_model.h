/// \file interface_model.h
/// The simulated interface of the virtual bench: its levels and its imperfections.
#pragma once

#include "core/result.h"
#include "core/units.h"

#include <array>
#include <cstdint>
#include <optional>

namespace lowleg::bench {

/// Captured samples that get lost on the way, at random.
struct Dropouts {
    enum class Kind : std::uint8_t {
        silence,  ///< Zeros in their place, as after an xrun.
        slip,     ///< The capture falls behind by as many frames, and makes up for it at the next one: no zeros, no flag.
    };
    double per_minute{};   ///< ≥ 0, on average.
    std::int64_t frames{64};  ///< 1 … 48000, of each.
    Kind kind{Kind::silence};
};

/// What whoever connected everything did wrong, to see what is made of it.
struct WrongMoves {
    // Of an output on its fixture:
    bool rp2_open{false};             ///< A probe resistor is missing.
    bool rp3_open{false};
    bool pin2_open{false};            ///< The lead from pin 2 to i2 (input 1 and Rp2) is broken.
    // Of the interface:
    bool muted{false};                ///< Output 1 reaches nothing.
    bool same_channel{false};         ///< Input 2 delivers what input 1 does, sample by sample.
    bool feedback{false};             ///< What input 1 records comes out of output 1, too: a mixer, its own or the gear.
    bool monitoring{false};           ///< What each input records comes out of the output of the same number, too.
    GainDb return_gain{-6.0};         ///< Of feedback and monitoring, full scale to full scale, −100 … 20 dB; both are 2 ms late.

    friend bool operator==(const WrongMoves&, const WrongMoves&) = default;
    [[nodiscard]] bool is_same_wiring(const WrongMoves& other) const noexcept
    {
        return rp2_open == other.rp2_open && rp3_open == other.rp3_open && pin2_open == other.pin2_open;
    }
};

struct InterfaceModel {
    Dbu full_scale{24.0};             ///< Of a full-scale sine, outputs and inputs.
    Dbfs noise{-110.0};               ///< Of each input's converter: rms, 20 Hz to 20 kHz, white, independent.
    std::optional<Dbfs> hum;          ///< Of the hum on each input: fundamental, in phase on both; order k ≤ 10 has 1/k of it.
    Hertz hum_frequency{50.02};
    std::array<Hertz, 2> ac_coupling{Hertz{0.0}, Hertz{0.0}};  ///< −3 dB of each input's first-order high-pass; 0: DC-coupled.
    Dbfs clipping{0.0};               ///< Where the inputs' converters clip, ≤ 0.
    /// How much faster the inputs' clock runs than the outputs', −1000 … 1000. The capture drifts by as much; once it has drifted by a
    /// quarter of a second it jumps back to where it was: a slip, as in gear whose clocks nobody holds together.
    double clock_ppm{0.0};
    Dropouts dropouts;
    std::int64_t delay_frames{0};     ///< Round trip of the converters, on top of the blocks'. 0 … 10 s.
    WrongMoves wrong_moves;
    std::uint64_t seed{1};            ///< Of noise and dropouts: the same seed gives the same.

    /// \return usage error naming what no interface can have, and what it may have.
    [[nodiscard]] Status check(double sample_rate_hz) const;
};

}  // namespace lowleg::bench
