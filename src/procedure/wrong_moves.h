/// \file wrong_moves.h
/// What whoever connected everything did wrong, as far as the inputs tell: pure functions on readings.
#pragma once

#include "core/fixture.h"
#include "core/units.h"
#include "procedure/state_recognition.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lowleg::procedure {

enum class WrongMove : std::uint8_t {
    no_probe,            ///< Output 2 is not on the probe resistors, or there are none.
    rp2_missing,
    rp3_missing,
    pin2_not_connected,  ///< Input 1 is on nothing, pin 3 on something.
    not_connected,       ///< Both inputs are on nothing.
    muted,               ///< An output is connected, and gives nothing.
    feedback,            ///< What the output gives comes back into the device under test, or out of the interface.
    same_channel,        ///< Both inputs get the same signal.
    loopback,            ///< The inputs get the interface's own outputs.
};
/// "no-probe", "rp2-missing", "rp3-missing", "pin-2-not-connected", "not-connected", "muted", "feedback", "same-channel",
/// "loopback".
[[nodiscard]] std::string_view id_of(WrongMove) noexcept;

struct FoundMove {
    WrongMove move{};
    std::string says;    ///< What, why, what to do: a sentence without its capital and full stop.
    bool spoils{false};  ///< It is certain, and no verdict may rest on what was read.
};

/// With its capital and full stop.
[[nodiscard]] std::string as_sentence(std::string says);

/// A pin with a signal on it has no less than this of its own at the fixture: two contacts and a lead.
inline constexpr Ohms least_of_contacts{0.05};

/// Looks for a wrong move in the states measured so far, `through` among them; it has to be seen in what no output does:
/// - In `lifted` nothing but Rp3 feeds input 2, so that it hears the probe whatever the device under test is. Hearing none, Rp3 is missing, or,
///   where input 1 hears none either, the whole probe. Where it does, pin 2 has no less than `contacts`, or Rp2 is missing.
/// - In `lifted` input 1 hears the probe as loud as input 2 does only if nothing is on it (more than 30 kΩ), at an angle of less than 90° to it.
/// - An impedance does not ripple over frequency as the drive does: what has an echo in both comes back.
/// - In `lifted` both inputs read the same only if they get the same, and no switch leaves input 2 with the same probe in all its states.
///
/// Why neither leg carries the drive, or pin 3 alone does, can be told with the probe, once `lifted` is known.
/// \param contacts  0 for gear that is simulated without them. \return none where everything is as it should be, or nothing can be said.
[[nodiscard]] std::optional<FoundMove> find_wrong_move(const Readings& readings, const Fixture& fixture, Ohms contacts = least_of_contacts);

}  // namespace lowleg::procedure
