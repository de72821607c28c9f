/// \file player_reading.h
/// What is captured while the device under test plays the drive itself: the drive is on its clock, the probe on the interface's.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"
#include "core/record.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "core/units.h"
#include "topology/observation.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace lowleg::procedure {

/// A player's clock and the interface's are crystals, within 100 ppm of what they should be each; beyond this the player resamples, or plays a file
/// of another rate.
inline constexpr double largest_player_ppm = 300.0;

/// A capture as it would have been on one clock.
struct OneClock {
    Record record;              ///< The drive's tones put on their bins, as they were in the middle of the capture; all else as captured.
    double clock_ppm{};         ///< How much faster the recorder's clock runs than the player's.
    double middle_frame{};      ///< In the stream's count.
    std::size_t heard{};        ///< Drive tones that stand out on either leg.
    double other_rms{};         ///< The louder leg's, of all that is neither drive nor probe, full scale = 1.
    double drive_rms{};         ///< The same of the drive.
    /// What telling the two clocks apart costs where a drive tone has drifted towards a probe tone: least standard uncertainty of each tone,
    /// captured over played, per leg, in the plan's order.
    std::vector<std::array<double, 2>> least_sigma;

    /// Enough of the drive to say that it is what plays.
    [[nodiscard]] bool hears_drive() const noexcept { return heard >= 4; }
};

/// Finds the player's clock, and takes drive and probe apart.
/// \param record  periods that follow on each other without a gap, at least two. \param plan  with the phases that the record begins at.
/// \return failure when the record has gaps, or is too short.
[[nodiscard]] Result<OneClock> onto_one_clock(const Record& record, const TonePlan& plan);

/// Widens each tone's uncertainty to what taking the clocks apart left.
void widen(analysis::MultitoneReading& reading, const OneClock& from);

/// When a state was captured, by the player's clock and the interface's.
struct PlayedAt {
    double middle_frame{};      ///< Of what was captured, in the stream's count.
    std::int64_t play_began{};  ///< The frame at which the probe's period began that the plan's phases refer to; the player goes on meanwhile.
    double clock_ppm{};
};

/// \param has_begun  a state was measured before, and so the player was heard.
/// \return why what is captured is not the test signal: nothing plays, something else does, or it stopped (interrupted).
[[nodiscard]] Status check_player(const OneClock& capture, SwitchState state, bool has_begun);

/// As topology::observe(), of readings whose drive is on a clock of its own. The drive of each state is turned back to where it would stand had the
/// player's clock been the interface's, as far as the clocks that were found tell; what is left, or where the player began its file anew,
/// by the delay with which the states contradict each other least as one two-port. The start of the drive is unknown.
[[nodiscard]] Result<topology::Observations> observe_played(std::map<SwitchState, analysis::MultitoneReading> readings,
                                                            const std::map<SwitchState, PlayedAt>& when, const Fixture& fixture,
                                                            const topology::ObserveOptions& options);

}  // namespace lowleg::procedure
