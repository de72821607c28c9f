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
#include "procedure/played_signal.h"
#include "procedure/wrong_moves.h"
#include "topology/observation.h"
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

/// Who plays the drive.
enum class DriveFrom : std::uint8_t {
    interface,  ///< Output 1, into the DUT's input.
    player,     ///< The DUT itself, from a file, on its own clock; output 1 stays silent.
    nothing,    ///< Nobody: the DUT has no input and can play no file. The probe alone tells.
};
/// "interface", "player", "nothing".
[[nodiscard]] std::string_view id_of(DriveFrom) noexcept;

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
    DriveFrom drive{DriveFrom::interface};
};

/// Fills in what `through` tells of hum and noise.
void describe_signal(const analysis::MultitoneReading& through, Quality& quality);

struct Identification {
    std::string device_under_test;      ///< Circuit name, device name or folder: for the heading.
    double sample_rate_hz{};
    std::int64_t period_frames{};
    Fixture fixture;
    topology::Verdict verdict;
    std::optional<topology::Observations> observations;  ///< What the verdict rests on.
    Quality quality;
    /// Why the procedure stopped before all states were taken, if it did: a sentence.
    std::optional<std::string> stopped_early;
    bool stopped_for_safety{false};     ///< It was stopped because going on could have harmed the gear.
    std::optional<FoundMove> wrong_move;  ///< What is connected or set wrongly, or may be; one that spoils the result is an error instead.
    std::vector<HeadroomReading> headroom;  ///< Empty unless it was asked for.
    std::vector<PlayedSignal> played;   ///< One for each state taken; empty for captures.
    std::vector<std::string> notes;     ///< What else a user should know of the run: sentences.
};

struct IdentifyOptions {
    Fixture fixture;
    std::vector<SwitchState> states{all_switch_states.begin(), all_switch_states.end()};  ///< Wanted; taken in the safe order.
    std::size_t periods{2};            ///< Per state, ≥ 2.
    std::size_t max_voided{240};       ///< Per state, before it is given up.
    bool headroom{false};              ///< Look for the highest levels, too.
    bool line_output{false};           ///< The user has said that this is a line output, no power amplifier's.
    /// Relative standard uncertainty of the gain of input 2 over that of input 1; none: exact on the bench, else as of inputs that nobody has compared.
    std::optional<double> gain_tolerance;
    bool judges_each{false};           ///< A verdict after each state, for who watches.
    /// Given what was captured of each state, for who keeps it; may be empty.
    std::function<void(SwitchState, const Record&)> keep_capture;
    /// Asked, where the source is a device and no probe tells, before anything is loaded; may be empty: then nothing is, unless line_output.
    std::function<bool()> confirm_line_output;
    std::string device_under_test;
    Source source{Source::device};
    /// With a player the first sounds and `grounded` are no softer than the rest: who plays sets the level. Where nothing drives, `grounded` is left
    /// out, because nothing tells what a short would strain. Both need the probe, and go without headroom.
    DriveFrom drive{DriveFrom::interface};
};

/// Told while the procedure goes on. Called on the thread that runs it.
struct IdentifyProgress {
    enum class Step : std::uint8_t { switching, settling, measuring, voided, taken };
    Step step{};
    SwitchState state{};
    std::size_t periods_taken{};
    std::size_t periods_wanted{};
    Faults faults;  ///< Of the period that was voided.
    /// At `taken`, where IdentifyOptions::judges_each: what the states so far tell. Valid during the call.
    const topology::Verdict* so_far{nullptr};
};

/// Plays the multitone, moves the switch through the wanted states in the safe order (`through`, `loaded`, `grounded`, `lifted`),
/// measures each, and judges. The first period of `through` is played 20 dB lower, and at full level only what it allows.
///
/// Nothing is loaded where `through` shows the signal on pin 3 alone or none, a direct voltage, or, with the probe, legs of a power
/// amplifier; `grounded` is played at reduced level, and only where `loaded` showed nothing at pin 3 that a short would strain. A level
/// that collapses, an input at full scale or distortion that jumps stops the drive: with what was measured until then there is a
/// result with stopped_for_safety, or, where that is too little, an error (interrupted).
/// \param should_stop  asked between periods; true ends the procedure as interrupted.
/// A wrong move that no verdict may rest on (find_wrong_move) ends it as soon as it shows; where `through` lets hear no drive, or drive on pin
/// 3 alone, `lifted` is taken to tell why.
/// \return usage error for a set of states without `through`; interrupted when the device went away or it was stopped, or as above;
///         failure when the switch failed, or periods kept breaking, or an input is digitally silent, or of a wrong move, named; with a player when it
///         is not heard, or plays something else.
Result<Identification> identify(engine::Engine& engine, FixtureSwitch& fixture_switch, const IdentifyOptions& options,
                                const std::function<void(const IdentifyProgress&)>& progress,
                                const std::function<bool()>& should_stop);

}  // namespace lowleg::procedure
