/// \file identify.h
/// The main job: play, switch, capture, judge.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"
#include "core/record.h"
#include "core/result.h"
#include "engine/engine.h"
#include "procedure/fixture_switch.h"
#include "procedure/headroom.h"
#include "topology/verdict.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::procedure {

enum class Source : std::uint8_t { virtual_bench, device, captures };
/// "virtual-bench", "device", "captures".
[[nodiscard]] std::string_view id_of(Source) noexcept;

/// What a result rests on.
struct Quality {
    std::vector<SwitchState> states;    ///< Measured, in the order taken.
    std::size_t periods{};              ///< That entered the result, of each state (the least of them).
    std::size_t voided{};               ///< Measured again because something broke in them.
    Faults void_reasons;
    std::optional<Dbfs> hum;            ///< The louder leg's, in `through`; none: no hum stood out of the noise.
    std::optional<Hertz> hum_frequency;
    Dbfs noise{-200.0};                 ///< The noisier leg's, in `through`, 20 Hz to 20 kHz.
    double clock_ppm{0.0};              ///< Recorder against player; 0 where one clock does both.
    std::optional<Seconds> round_trip;  ///< Measured delay of the loop, modulo one period; none: unknown start.
    Seconds signal{};                   ///< Played and captured for the verdict, beyond the moves of the switch; 0 for captures.
    Source source{Source::device};
};

/// Fills in what `through` tells of hum and noise.
void describe_signal(const analysis::MultitoneReading& through, Quality& quality);

struct Identification {
    std::string device_under_test;      ///< Circuit name, device name or folder: for the heading.
    double sample_rate_hz{};
    std::int64_t period_frames{};
    Fixture fixture;
    topology::Verdict verdict;
    Quality quality;
    /// Why the procedure stopped before all states were taken, if it did: a sentence.
    std::optional<std::string> stopped_early;
    bool stopped_for_safety{false};     ///< It was stopped because going on could have harmed the gear.
    std::vector<HeadroomReading> headroom;  ///< Empty unless it was asked for.
    std::vector<std::string> notes;     ///< What else a user should know of the run: sentences.
};

struct IdentifyOptions {
    Fixture fixture;
    std::vector<SwitchState> states{all_switch_states.begin(), all_switch_states.end()};  ///< Wanted; taken in the safe order.
    std::size_t periods{2};            ///< Per state, ≥ 2.
    std::size_t max_voided{240};       ///< Per state, before it is given up.
    bool headroom{false};              ///< Look for the highest levels, too.
    bool line_output{false};           ///< The user has said that this is a line output, no power amplifier's.
    /// Asked, where the source is a device and no probe tells, before anything is loaded; may be empty: then nothing is, unless line_output.
    std::function<bool()> confirm_line_output;
    std::string device_under_test;
    Source source{Source::device};
};

/// Told while the procedure goes on. Called on the thread that runs it.
struct IdentifyProgress {
    enum class Step : std::uint8_t { switching, settling, measuring, voided, taken };
    Step step{};
    SwitchState state{};
    std::size_t periods_taken{};
    std::size_t periods_wanted{};
    Faults faults;  ///< Of the period that was voided.
};

/// Plays the multitone, moves the switch through the wanted states in the safe order (`through`, `loaded`, `grounded`, `lifted`),
/// measures each, and judges. The first period of `through` is played 20 dB lower, and at full level only what it allows.
///
/// Nothing is loaded where `through` shows the signal on pin 3 alone or none, a direct voltage, or, with the probe, legs of a power
/// amplifier; `grounded` is played at reduced level, and only where `loaded` showed nothing at pin 3 that a short would strain. A level
/// that collapses, an input at full scale or distortion that jumps stops the drive: with what was measured until then there is a
/// result with stopped_for_safety, or, where that is too little, an error (interrupted).
/// \param should_stop  asked between periods; true ends the procedure as interrupted.
/// \return usage error for a set of states without `through`; interrupted when the device went away or it was stopped, or as above;
///         failure when the switch failed, or periods kept breaking, or an input is digitally silent.
Result<Identification> identify(engine::Engine& engine, FixtureSwitch& fixture_switch, const IdentifyOptions& options,
                                const std::function<void(const IdentifyProgress&)>& progress,
                                const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
