/// \file identify.h
/// The main job: play, switch, capture, judge.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"
#include "core/record.h"
#include "core/result.h"
#include "engine/engine.h"
#include "procedure/fixture_switch.h"
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
    std::vector<std::string> notes;     ///< What else a user should know of the run: sentences.
};

struct IdentifyOptions {
    Fixture fixture;
    std::vector<SwitchState> states{all_switch_states.begin(), all_switch_states.end()};  ///< Wanted; taken in the safe order.
    std::size_t periods{4};            ///< Per state, ≥ 2.
    std::size_t max_voided{240};       ///< Per state, before it is given up.
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
/// measures each, and judges. Signal on pin 3 alone ends it after `through`; `grounded` is played at reduced level.
/// \param should_stop  asked between periods; true ends the procedure as interrupted.
/// \return usage error for a set of states without `through`; interrupted when the device went away or it was stopped;
///         failure when the switch failed, or periods kept breaking, or an input is clipped or digitally silent.
Result<Identification> identify(engine::Engine& engine, FixtureSwitch& fixture_switch, const IdentifyOptions& options,
                                const std::function<void(const IdentifyProgress&)>& progress,
                                const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
