/// \file headroom.h
/// How high an output goes before it distorts.
#pragma once

#include "core/fixture.h"
#include "core/result.h"
#include "engine/engine.h"
#include "topology/observation.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace lowleg::procedure {

/// What ended the sweep.
enum class HeadroomEnd : std::uint8_t {
    distortion,      ///< 1 % at pin 2: the output's own maximum.
    output_ceiling,  ///< The interface gives no more.
    input_clipped,   ///< The interface takes no more.
    no_signal,       ///< Pin 2 carries nothing of it.
    collapse,        ///< Pin 2 fell as the drive rose: the drive was stopped for the gear's sake.
    stopped,         ///< By hand, after one level at least was read; or where recordings end.
};
/// "distortion", "output-ceiling", "input-clipped", "no-signal", "collapse", "stopped".
[[nodiscard]] std::string_view id_of(HeadroomEnd) noexcept;

struct HeadroomReading {
    SwitchState state{};
    topology::MaximumLevel maximum;
    HeadroomEnd end{};
    Hertz frequency{};
    GainDb resolution{};  ///< Half width of what the steps leave open.
    GainDb fell_by{};     ///< Of a collapse.
};

/// What pin 2 gave at one level of the drive: whole periods of the sine, from where it begins. Nothing: that level was never played.
using HeadroomCapture = std::function<Result<std::optional<Stretch>>(Dbfs drive)>;

/// Plays a sine near 1 kHz, 2 dB higher from step to step, 0.5 dB where it begins to distort, until total harmonic distortion at pin 2
/// (harmonics 2 to 9) passes 1 %, the interface ends, or somebody stops it. Leaves the output silent. The switch stands in `state` and is not moved.
/// \return interrupted when the device goes away, or should_stop turns true before anything was read; failure when the audio keeps breaking.
/// \param keep  is given what was read at each level that was played; may be empty.
Result<HeadroomReading> sweep_headroom(engine::Engine& engine, SwitchState state, const std::function<bool()>& should_stop,
                                       const std::function<void(Dbfs played, const Stretch&)>& keep = {});
/// The same of what was captured before. \param capture  asked for one level after another, as they would be played; the first must be there.
Result<HeadroomReading> read_headroom(double sample_rate_hz, SwitchState state, const HeadroomCapture& capture);

/// Of the sine's period, which repeats ten of its cycles.
[[nodiscard]] std::int64_t headroom_period_frames(double sample_rate_hz) noexcept;

}  // namespace lowleg::procedure
