#include "procedure/switch_follower.h"

#include "procedure/tone_watch.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace lowleg::procedure {
namespace {

using analysis::ToneReading;

// In looks, one every 25 ms of signal.
constexpr int second = 40;
constexpr int agreeing_looks = 2;
constexpr int looks_after_word = 10;             // what is seen is newer than the word, and the contacts are at rest
constexpr int looks_at_mover = second / 2;       // of one answer, before a mover's word stands or falls
constexpr int patience_with_mover = 4 * second;
constexpr int patience_with_person = 4 * second; // unchanged for so long: perhaps it cannot change
constexpr int patience_without_word = 15 * second;
constexpr int hopeless_zeros = 2 * second;

std::string quoted(SwitchState state) { return "\"" + std::string{name_of(state)} + "\""; }

std::string listed(const std::vector<SwitchState>& states)
{
    std::string out;
    for (const auto state : states) out += (out.empty() ? "" : " or ") + quoted(state);
    return out;
}

bool has(const std::vector<SwitchState>& states, SwitchState state) { return std::ranges::find(states, state) != states.end(); }

/// What the last looks say of one state that was asked for.
class Looks {
public:
    Looks(SwitchState asked, const Readings& taken, const Fixture& fixture) : asked_{asked}, taken_{taken}, fixture_{fixture} {}

    void add(std::vector<ToneReading> now)
    {
        auto possible = possible_states(now, taken_, fixture_);
        const bool agrees = !before_.empty() && possible == possible_ && read_alike(now, before_);
        steady_ = agrees ? steady_ + 1 : 1;
        possible_ = std::move(possible);
        before_ = std::move(now);
    }

    [[nodiscard]] bool can_be_asked() const { return has(possible_, asked_); }
    /// It reads as a state that was measured before; the switch may not have moved at all.
    [[nodiscard]] bool can_be_taken() const
    {
        return std::ranges::any_of(possible_, [&](SwitchState state) { return taken_.contains(state); });
    }
    [[nodiscard]] bool is_asked() const { return steady_ >= agreeing_looks && can_be_asked() && !can_be_taken(); }
    /// Another state than what was asked for, or nothing that a switch does.
    [[nodiscard]] bool is_other() const { return steady_ >= agreeing_looks && !can_be_asked(); }
    [[nodiscard]] const std::vector<SwitchState>& possible() const { return possible_; }
    [[nodiscard]] int steady() const { return steady_; }

private:
    SwitchState asked_;
    const Readings& taken_;
    const Fixture& fixture_;
    std::vector<SwitchState> possible_;
    std::vector<ToneReading> before_;
    int steady_{0};
};

class Follower {
public:
    explicit Follower(FollowOptions options) : options_{std::move(options)} {}

    Status set(SwitchState state, const MoveContext* context)
    {
        if (set_ == state) return Done{};
        set_.reset();
        const bool by_mover = static_cast<bool>(options_.mover);
        const bool can_follow = context != nullptr && !context->taken.empty();
        if (can_follow)
            if (auto ok = prepare(*context); !ok) return ok;
        // Whoever is fast may have moved it before this goes on.
        const auto asked_at = context != nullptr ? context->engine.frames_handled() : 0;
        if (auto ok = by_mover ? options_.mover(state) : options_.ask(state); !ok) return ok;
        if (can_follow)
            if (auto ok = follow(state, *context, by_mover ? context->engine.frames_handled() : asked_at); !ok) return ok;
        set_ = state;
        return Done{};
    }

private:
    Status prepare(const MoveContext& context)
    {
        if (watch_ && watch_->restart(context.playing)) return Done{};
        const auto& hum = context.taken.at(SwitchState::through).hum;
        auto created = ToneWatch::create(context.playing, hum ? std::optional{hum->fundamental} : std::nullopt);
        if (!created) return created.error();
        watch_.emplace(std::move(created).value());
        return Done{};
    }

    Status follow(SwitchState state, const MoveContext& context, std::uint64_t not_before)
    {
        const bool by_mover = static_cast<bool>(options_.mover);
        auto& watch = *watch_;
        auto& engine = context.engine;
        const auto frames = ToneWatch::stretch_frames(context.playing.sample_rate_hz);

        Looks looks{state, context.taken, options_.fixture};
        Conversation talk{*this, state, by_mover};
        if (!by_mover && is_told_by_nothing(state, context.taken, options_.fixture)) talk.ask_for_word();
        int zeros = 0;
        for (int look = 1;; ++look) {
            if (options_.should_stop && options_.should_stop())
                return Error{"stopped by hand before the switch was set to " + std::string{name_of(state)}, ErrorKind::interrupted};
            auto stretch = engine.next_stretch(not_before, frames);
            if (!stretch) return stretch.error();
            not_before = static_cast<std::uint64_t>(stretch.value().first_frame + frames);
            zeros = stretch.value().faults.has(Fault::zeros) ? zeros + 1 : 0;
            if (zeros > hopeless_zeros)
                return Error{"both inputs turned exactly zero while the switch was moved to " + quoted(state) +
                                 ": the device or what it is connected to went away; reconnect it and measure again",
                             ErrorKind::interrupted};
            watch.push(stretch.value());
            if (auto now = watch.read()) looks.add(std::move(*now));

            auto answer = by_mover ? after_mover(state, looks, look) : talk.after_look(looks);
            if (!answer) continue;
            if (!*answer) return answer->error();
            if (options_.followed) options_.followed({state, looks.is_asked(), static_cast<std::int64_t>(not_before)});
            return Done{};
        }
    }

    /// \return nothing while it is open.
    static std::optional<Status> after_mover(SwitchState state, const Looks& looks, int look)
    {
        if (looks.is_asked()) return Done{};
        if (looks.steady() >= looks_at_mover) {
            if (looks.can_be_asked()) return Done{};  // the same by all that can be seen
            if (!looks.possible().empty())
                return Error{"the switch was to be set to " + quoted(state) + ", but what the inputs read is " + listed(looks.possible()) +
                             ": check the switch, what moves it, and the lead of input 2" + (state == SwitchState::lifted ? ", and whether Rp3 is connected" : "")};
        }
        if (look >= patience_with_mover) return Done{};  // nothing can be told; what is measured is checked later
        return std::nullopt;
    }

    /// What is said to a person, and heard from it, while one state is awaited.
    class Conversation {
    public:
        Conversation(Follower& follower, SwitchState state, bool by_mover)
            : options_{follower.options_}, state_{state}, is_open_{!by_mover}
        {
        }

        void ask_for_word()
        {
            if (std::exchange(has_asked_, true)) return;
            say("Here " + quoted(state_) + " may read the same as what was measured before: press Enter when the switch is set.");
        }

        std::optional<Status> after_look(const Looks& looks)
        {
            if (!is_open_) return std::nullopt;
            if (looks.is_asked()) return Done{};
            ++looks_;
            const auto word = options_.word ? options_.word() : UserWord::never;
            if (is_weighed_) ++since_word_;
            if (word == UserWord::given && !is_weighed_) {
                is_weighed_ = true;
                since_word_ = 0;
                ++words_;
            }
            if (is_weighed_ && since_word_ == looks_after_word) {
                is_weighed_ = false;
                if (!looks.is_other() || words_ > 1) return Done{};
                say("That is not " + quoted(state_) + " by what the inputs read" +
                    (looks.possible().empty() ? ": look at the leads" : ", but " + listed(looks.possible())) + "; set it, or press Enter again to insist.");
            }
            if (looks.can_be_asked() && looks.can_be_taken() && looks_ >= patience_with_person) ask_for_word();
            if (word == UserWord::never && looks_ >= patience_without_word && looks.can_be_asked() && looks.steady() >= patience_with_person)
                return Error{"the switch cannot be followed to " + quoted(state_) +
                             " by the signals, and nobody can be asked: run lowleg on a terminal, or let a program move the switch with --switch CMD"};
            name_other(looks);
            return std::nullopt;
        }

    private:
        /// Another state, once, when it has stood for long enough to be meant.
        void name_other(const Looks& looks)
        {
            if (!looks.is_other() || looks.steady() < second || looks.possible() == named_) return;
            named_ = looks.possible();
            if (named_.empty()) {
                say("What the inputs read is none of the switch's states: look at the leads, and set the switch to " + quoted(state_) + ".");
                return;
            }
            // Where it stood before it was asked to move, it may still stand.
            const bool has_moved = !looks.can_be_taken();
            // Without Rp3 input 2 hears as little in "lifted" as on ground.
            const bool may_lack_rp3 = state_ == SwitchState::lifted && options_.fixture.probe && has(named_, SwitchState::grounded);
            if (has_moved) say("The switch is on " + listed(named_) + ": set it to " + quoted(state_) + (may_lack_rp3 ? ", or, if it is, connect Rp3." : "."));
        }

        void say(const std::string& sentence) const
        {
            if (options_.say) options_.say(sentence);
        }

        const FollowOptions& options_;
        SwitchState state_;
        bool is_open_;
        bool has_asked_{false};
        int looks_{0};
        int words_{0};
        int since_word_{0};
        bool is_weighed_{false};  // a word was given, and what is seen since then is looked at
        std::vector<SwitchState> named_;
    };

    FollowOptions options_;
    std::optional<ToneWatch> watch_;
    std::optional<SwitchState> set_;
};

}  // namespace

FixtureSwitch following_switch(FollowOptions options)
{
    return FixtureSwitch{[follower = std::make_shared<Follower>(std::move(options))](SwitchState state, const MoveContext* context) {
        return follower->set(state, context);
    }};
}

}  // namespace lowleg::procedure
