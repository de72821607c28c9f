/// \file switch_follower.h
/// The fixture's switch, followed by the signals: who moves it need not say when it is done.
#pragma once

#include "core/fixture.h"
#include "procedure/fixture_switch.h"

#include <cstdint>
#include <functional>
#include <string>

namespace lowleg::procedure {

/// What the user said since it was asked last.
enum class UserWord : std::uint8_t {
    none,   ///< Nothing.
    given,  ///< The state that was asked for is set.
    never,  ///< And nothing ever will be: nobody can be asked.
};

/// How a state was found to be set.
struct Followed {
    SwitchState state{};
    bool by_signals{};          ///< Otherwise on somebody's word.
    std::int64_t at_frame{};    ///< The frame behind the last one that was looked at.
};

struct FollowOptions {
    Fixture fixture;
    /// Moves the switch and returns when it is set, for all it knows. Empty: a person is asked.
    FixtureSwitch mover;
    /// Asks a person to set a state, and returns; for `through`, which begins everything, when it is set. Needed where there is no mover.
    std::function<Status(SwitchState)> ask;
    std::function<UserWord()> word;                  ///< Never blocks. Needed where there is no mover.
    std::function<void(const std::string&)> say;     ///< What a person should know meanwhile, one sentence. May be empty.
    std::function<void(const Followed&)> followed;   ///< May be empty.
    std::function<bool()> should_stop;               ///< May be empty.
};

/// A switch that returns as soon as the signals show the state that was asked for: two looks at the last 150 ms agree, 25 ms apart, within
/// 300 ms of signal after the contacts have come to rest. While it waits it says which other state it sees, and where the state
/// cannot be told from one that was measured, that a person's word is needed. A word against what is seen counts when it is repeated.
///
/// With a mover, a state that reads as another one is a failure that names both; where nothing can tell, the mover is believed.
/// `through` is believed in any case: nothing is known before it.
/// \return a switch that fails as its mover does, as engine::Engine::next_stretch() does, when both inputs turn exactly zero
///         (interrupted), and when nobody can be asked for the word that is needed.
[[nodiscard]] FixtureSwitch following_switch(FollowOptions options);

}  // namespace lowleg::procedure
