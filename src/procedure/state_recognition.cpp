#include "procedure/state_recognition.h"

#include "procedure/fixture_levels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace lowleg::procedure {
namespace {

using analysis::ToneReading;

// Two levels that differ by less are the same: the steadiness of gear and interface over seconds, and what a fit of short stretches costs.
constexpr double same = 0.005;
// An input's resistance may be that many times what the fixture is said to have: lines of sound cards differ, and few owners know.
constexpr double rin_doubt = 10.0;
// What a closed contact leaves of a stiff signal, as a part of it: 1 Ω against 17.
constexpr double contact = 0.06;
// What a good one leaves, whatever it shorts.
constexpr double least_contact = 1e-3;
// Below this an amplitude of the probe at pin 3, over what is played, is that of a wire to ground.
constexpr double wire = 1e-4;

double square(double x) { return x * x; }

/// A ratio of powers, with its bounds.
struct Ratio {
    double at_least{};
    double at_most{};
};

Ratio ratio_of(const Power& now, const Power& before)
{
    return {now.at_least() / std::max(before.at_most(), 1e-300), now.at_most() / std::max(before.at_least(), 1e-300)};
}

/// The resistance that the fixture itself hangs on pin 3: input 2, and the probe's way to ground. \param rin_factor  on input 2.
double fixture_at_pin3(const Fixture& fixture, double rin_factor)
{
    double g = conductance(rin_factor * fixture.rin3);
    if (fixture.probe) g += conductance(fixture.probe->rp3 + fixture.rs);
    return 1.0 / g;
}

/// What is left of pin 3's signal in `loaded` at the least, as a part of its amplitude in `through`.
double least_left(const Fixture& fixture) { return 1.0 / (1.0 + fixture_at_pin3(fixture, rin_doubt) / fixture.rg.value()); }

/// All that is compared, of one reading.
struct Levels {
    std::array<Power, 2> drive;
    std::array<Power, 2> probe;

    explicit Levels(std::span<const ToneReading> tones)
    {
        for (const std::size_t leg : {0U, 1U}) {
            drive.at(leg) = power_of(tones, Signal::drive, leg);
            probe.at(leg) = power_of(tones, Signal::probe, leg);
        }
    }
    [[nodiscard]] bool has_probe() const { return probe[0].is_heard() || probe[1].is_heard(); }
};

/// Decides on one reading.
class Recognizer {
public:
    Recognizer(std::span<const ToneReading> now, const Readings& taken, const Fixture& fixture)
        : tones_{now}, taken_{taken}, fixture_{fixture}, now_{now}, before_{taken.at(SwitchState::through).tones}
    {
    }

    [[nodiscard]] bool can_be(SwitchState state) const
    {
        const auto known = taken_.find(state);
        if (known != taken_.end()) return read_alike(tones_, known->second.tones);
        switch (state) {
        case SwitchState::through: return true;
        case SwitchState::loaded: return can_be_loaded();
        case SwitchState::grounded: return can_be_grounded();
        case SwitchState::lifted: return can_be_lifted();
        }
        return false;
    }

private:
    /// The closed contacts of `loaded` and `grounded` change both signals at pin 3 alike; what was silent there stays silent.
    template <class Fits>
    [[nodiscard]] bool each_at_pin3(Fits fits) const
    {
        for (const auto signal : {&Levels::drive, &Levels::probe}) {
            const auto& before = (before_.*signal)[1];
            const auto& now = (now_.*signal)[1];
            if (!before.is_heard()) {
                if (now.at_least() > 4.0 * before.at_most()) return false;
                continue;
            }
            if (!fits(ratio_of(now, before))) return false;
        }
        return true;
    }

    /// Pin 2 rose at some tone: only an output that floats does that when something is hung on its pin 3.
    [[nodiscard]] bool has_pin2_risen() const
    {
        const auto& before = taken_.at(SwitchState::through).tones;
        for (std::size_t i = 0; i < tones_.size(); ++i) {
            if (tones_[i].signal != Signal::drive || !(tones_[i].frequency < highest_resistive)) continue;
            const auto& was = before[i].leg[0];
            const auto& is = tones_[i].leg[0];
            const bool has_signal = std::abs(was.value) > 0.01 * std::abs(before[i].leg[1].value);
            if (has_signal && std::abs(is.value) - certain_sigmas * is.sigma > 1.05 * (std::abs(was.value) + certain_sigmas * was.sigma)) return true;
        }
        return false;
    }

    /// Below this (of a power) pin 3 is grounded, not loaded.
    [[nodiscard]] double grounded_below() const
    {
        // A stiff pin 3 keeps nearly all of its signal when loaded. Only one that floats can lose more through Rg than a contact leaves of a
        // stiff one.
        return square(has_pin2_risen() ? std::clamp(0.3 * least_left(fixture_), least_contact, contact) : contact);
    }

    /// Whether pin 2 moved the way that `loaded` moved it, or the other way: lifting takes a load off pin 3, grounding is the heaviest.
    /// \return +1 further than `loaded`, −1 the other way, 0 neither, or not known.
    [[nodiscard]] int way_of_pin2() const
    {
        const auto loaded = taken_.find(SwitchState::loaded);
        if (loaded == taken_.end() || before_.drive[0].at_most() < square(0.01) * before_.drive[1].value) return 0;
        const auto loaded_level = power_of(loaded->second.tones, Signal::drive, 0);
        const auto by_load = ratio_of(loaded_level, before_.drive[0]);
        const auto now = ratio_of(now_.drive[0], before_.drive[0]);
        if (by_load.at_least > 1.05) return now.at_most < 0.99 ? -1 : now.at_least > by_load.at_least ? 1 : 0;
        if (by_load.at_most < 0.95) return now.at_least > 1.01 ? -1 : now.at_most < by_load.at_most ? 1 : 0;
        return 0;
    }

    [[nodiscard]] bool can_be_loaded() const
    {
        const double least = std::max(0.5 * square(least_left(fixture_)), grounded_below());
        // So small a load is a short.
        const bool is_short = fixture_.rg < Ohms{100.0};
        return each_at_pin3([&](const Ratio& r) { return r.at_least < square(1.0 + same) && (is_short || r.at_most > least); });
    }

    [[nodiscard]] bool can_be_grounded() const
    {
        const double most = fixture_.rg < Ohms{100.0} ? square(1.0 + same) : grounded_below();
        return way_of_pin2() >= 0 && each_at_pin3([&](const Ratio& r) { return r.at_least < most; });
    }

    [[nodiscard]] bool can_be_lifted() const
    {
        // Pin 3's own signal, well above what comes round.
        const double round = way_round(fixture_);
        const bool has_own = before_.drive[1].is_heard() && before_.drive[1].at_least() > square(0.03 + 8.0 * round) * before_.drive[0].at_most();
        if (has_own && now_.drive[1].at_least() > square(0.1) * before_.drive[1].value + square(3.0 * round) * now_.drive[0].at_most()) return false;
        if (way_of_pin2() > 0) return false;
        if (!fixture_.probe || !(now_.has_probe() || before_.has_probe())) return true;

        if (now_.probe[1].at_most() < square(0.8 * open_ratio(fixture_)) * now_.probe[0].at_least()) return false;
        if (!before_.probe[1].is_heard()) return now_.probe[1].is_heard();
        const auto probe = ratio_of(now_.probe[1], before_.probe[1]);
        if (has_own) return probe.at_most > 0.25;  // the other leg may have brought more of it to pin 3 than comes now
        return probe.at_most > std::max(square(1.0 - same), expected_rise());
    }

    /// How much louder than in `through` (a power) input 2 must hear the probe in `lifted` at the least, where pin 3 has no signal of its
    /// own and stands by itself. 1 where that is not known.
    [[nodiscard]] double expected_rise() const
    {
        const auto loaded = taken_.find(SwitchState::loaded);
        if (loaded == taken_.end()) return 1.0 - same;
        const double left = std::sqrt(ratio_of(power_of(loaded->second.tones, Signal::probe, 1), before_.probe[1]).at_most);
        const double at_pin3 = fixture_.rg.value() * (1.0 / std::min(left, 0.999) - 1.0);
        const double rise = fixture_at_pin3(fixture_, 1.0) / at_pin3;
        // Half way, in decibels, from nothing on pin 3; the power of that.
        return rise > 1.1 ? rise : 1.0 - same;
    }

    std::span<const ToneReading> tones_;
    const Readings& taken_;
    const Fixture& fixture_;
    Levels now_;
    Levels before_;
};

}  // namespace

std::vector<SwitchState> possible_states(std::span<const ToneReading> now, const Readings& taken, const Fixture& fixture)
{
    if (!taken.contains(SwitchState::through)) return {all_switch_states.begin(), all_switch_states.end()};
    const Recognizer recognizer{now, taken, fixture};
    std::vector<SwitchState> out;
    for (const auto state : all_switch_states)
        if (recognizer.can_be(state)) out.push_back(state);
    return out;
}

bool read_alike(std::span<const ToneReading> a, std::span<const ToneReading> b)
{
    if (a.size() != b.size()) return false;
    for (const auto signal : {Signal::drive, Signal::probe})
        for (const std::size_t leg : {0U, 1U}) {
            double difference = 0.0;
            double level = 0.0;
            double noise = 0.0;
            double noise_squared = 0.0;
            for (std::size_t i = 0; i < a.size(); ++i) {
                if (a[i].signal != signal || !(a[i].frequency < highest_resistive)) continue;
                const auto& x = a[i].leg.at(leg);
                const auto& y = b[i].leg.at(leg);
                difference += square(std::abs(x.value) - std::abs(y.value));
                level += std::norm(y.value);
                const double variance = square(x.sigma) + square(y.sigma);
                noise += variance;
                noise_squared += square(variance);
            }
            // |x − y|², which is no less than what is summed, has the mean 2·variance and the deviation 2·variance.
            if (difference > square(same) * level + 2.0 * noise + 1.5 * certain_sigmas * 2.0 * std::sqrt(noise_squared)) return false;
        }
    return true;
}

bool is_told_by_nothing(SwitchState state, const Readings& taken, const Fixture& fixture)
{
    const auto through = taken.find(SwitchState::through);
    if (through == taken.end() || state == SwitchState::through) return false;
    const Levels levels{through->second.tones};
    const auto is_nothing = [](const Power& p) { return !p.is_heard() || p.value < square(wire); };
    const bool is_silent = is_nothing(levels.drive[1]) && is_nothing(levels.probe[1]);
    // Lifted from a pin 3 on ground, input 2 begins to hear the probe.
    return is_silent && !(state == SwitchState::lifted && fixture.probe && levels.has_probe());
}

std::vector<std::string> describe_sameness(const Readings& taken)
{
    std::vector<std::string> out;
    for (auto a = taken.begin(); a != taken.end(); ++a)
        for (auto b = std::next(a); b != taken.end(); ++b)
            if (read_alike(a->second.tones, b->second.tones))
                out.push_back("\"" + std::string{name_of(a->first)} + "\" and \"" + std::string{name_of(b->first)} +
                              "\" read the same at this output, so that no signal could tell one from the other.");
    return out;
}

}  // namespace lowleg::procedure
