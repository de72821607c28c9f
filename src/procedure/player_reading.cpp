#include "procedure/player_reading.h"

#include "dsp/two_clock_fit.h"
#include "topology/two_port.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <utility>

namespace lowleg::procedure {
namespace {

constexpr double tau = 2.0 * std::numbers::pi;
// Noise alone does this to one tone in about 10⁸.
constexpr double heard_sigmas = 6.0;

/// The turns of the drive at pin 2, or at pin 3 where pin 2 is silent, from one state to another.
class Turns {
public:
    Turns(const analysis::MultitoneReading& state, const analysis::MultitoneReading& reference)
    {
        std::array<double, 2> power{};
        for (const auto& tone : reference.tones)
            for (const std::size_t leg : {0U, 1U})
                if (tone.signal == Signal::drive) power.at(leg) += std::norm(tone.leg.at(leg).value);
        const std::size_t leg = power[1] > 16.0 * power[0] ? 1 : 0;
        for (std::size_t i = 0; i < state.tones.size(); ++i) {
            const auto& a = state.tones[i].leg.at(leg);
            const auto& b = reference.tones[i].leg.at(leg);
            if (state.tones[i].signal != Signal::drive || std::abs(a.value) < heard_sigmas * a.sigma || std::abs(b.value) < heard_sigmas * b.sigma) continue;
            const Complex turn = a.value / b.value;
            turns_.emplace_back(tau * state.tones[i].frequency.value(), turn / std::abs(turn));
        }
    }

    /// The mean of the turns when this lag is taken off. A circuit turns all by up to 90°, a delay in proportion to frequency.
    [[nodiscard]] Complex mean(double lag) const
    {
        Complex sum{};
        for (const auto& [omega, unit] : turns_) sum += unit * std::polar(1.0, omega * lag);
        return turns_.empty() ? Complex{1.0} : sum / static_cast<double>(turns_.size());
    }

    /// Of all lags within half a period the one at which they agree best.
    [[nodiscard]] double best_lag(double period) const
    {
        if (turns_.empty()) return 0.0;
        const double step = std::numbers::pi / 4.0 / turns_.back().first;
        double best = 0.0;
        const auto better = [&](double lag) {
            if (std::abs(mean(lag)) > std::abs(mean(best))) best = lag;
        };
        for (double lag = -0.25 * period; lag <= 0.25 * period; lag += step) better(lag);
        for (double width = 0.5 * step; width > 1e-9; width *= 0.5)
            for (const double side : {-1.0, 1.0}) better(best + side * width);
        // Tones on odd bins all turn by 180° in half a period, and no circuit does that to a signal between two states.
        return mean(best).real() < 0.0 ? best + 0.5 * period : best;
    }

private:
    std::vector<std::pair<double, Complex>> turns_;  ///< ω, e^{jφ}
};

void delay_drive(analysis::MultitoneReading& reading, double by)
{
    for (auto& tone : reading.tones)
        if (tone.signal == Signal::drive)
            for (auto& leg : tone.leg) leg.value *= std::polar(1.0, -tau * tone.frequency.value() * by);
}

void delay_drive(topology::Observations& o, SwitchState state, double by)
{
    for (auto& at : o.at) {
        const auto found = at.drive.find(state);
        if (found == at.drive.end()) continue;
        const Complex turn = std::polar(1.0, -tau * at.frequency.value() * by);
        found->second.i2.value *= turn;
        found->second.i3.value *= turn;
    }
}

/// Takes off the delay of the drive with which the states in step contradict each other least as one two-port. \param reach  s.
void align_drive(topology::Observations& observations, SwitchState state, const std::vector<SwitchState>& in_step, double reach)
{
    auto subset = observations;
    for (auto& at : subset.at)
        for (auto* readings : {&at.drive, &at.probe})
            std::erase_if(*readings, [&](const auto& entry) { return std::ranges::find(in_step, entry.first) == in_step.end(); });
    const auto misfit = [&](double by) {
        auto moved = subset;
        delay_drive(moved, state, by);
        return topology::two_port_misfit(moved);
    };
    const double before = misfit(0.0);
    double best = 0.0;
    double least = before;
    for (double width = reach; width > 1e-9; width *= 0.7)
        for (const double side : {-1.0, 1.0}) {
            const double by = best + side * width;
            if (const double m = misfit(by); m < least) {
                least = m;
                best = by;
            }
        }
    // Noise alone moves it, too; only what the states clearly contradict is put right.
    if (least < before - 10.0) delay_drive(observations, state, best);
}

}  // namespace

Result<OneClock> onto_one_clock(const Record& record, const TonePlan& plan)
{
    const auto& periods = record.periods;
    for (std::size_t i = 1; i < periods.size(); ++i)
        if (periods[i].first_frame != periods[i - 1].first_frame + plan.period_frames)
            return Error{"the capture has gaps, and the player's clock cannot be told across them: measure again"};
    if (periods.size() < 2) return Error{"a player's clock shows in no less than two periods: measure more"};

    std::array<std::vector<double>, 2> x;
    for (const std::size_t leg : {0U, 1U})
        for (const auto& period : periods) x.at(leg).insert(x.at(leg).end(), period.leg.at(leg).begin(), period.leg.at(leg).end());
    const auto frames = x[0].size();

    dsp::TwoClockTones tones;
    tones.largest_offset = 1e-6 * largest_player_ppm;
    const auto cycles = [&](const Tone& tone) { return static_cast<double>(tone.bin) / static_cast<double>(plan.period_frames); };
    for (const auto& tone : plan.tones) (tone.signal == Signal::drive ? tones.theirs : tones.ours).push_back(cycles(tone));
    const auto fitted = dsp::fit_two_clocks({x[0], x[1]}, tones);
    if (!fitted) return fitted.error();
    const auto& fit = fitted.value();

    OneClock out;
    out.clock_ppm = 1e6 * (1.0 / (1.0 + fit.offset) - 1.0);
    out.middle_frame = static_cast<double>(periods.front().first_frame) + 0.5 * (static_cast<double>(frames) - 1.0);
    out.record = {record.sample_rate_hz, record.period_frames, periods};
    for (const std::size_t leg : {0U, 1U}) {
        const auto played = dsp::render_tones(tones.theirs, fit.theirs.at(leg), fit.offset, frames);
        const auto on_bins = dsp::render_tones(tones.theirs, fit.theirs.at(leg), 0.0, frames);
        for (std::size_t n = 0; n < frames; ++n) {
            auto& period = out.record.periods[n / static_cast<std::size_t>(plan.period_frames)];
            period.leg.at(leg)[n % static_cast<std::size_t>(plan.period_frames)] = static_cast<float>(x.at(leg)[n] - played[n] + on_bins[n]);
        }
        double power = 0.0;
        for (const auto phasor : fit.theirs.at(leg)) power += 0.5 * std::norm(phasor);
        out.drive_rms = std::max(out.drive_rms, std::sqrt(power));
        out.other_rms = std::max(out.other_rms, fit.residual_rms.at(leg));
    }
    for (std::size_t i = 0; i < tones.theirs.size(); ++i) {
        bool is_heard = false;
        for (const std::size_t leg : {0U, 1U})
            is_heard = is_heard || std::abs(fit.theirs.at(leg)[i]) > heard_sigmas * fit.theirs_unit_sigma[i] * fit.residual_rms.at(leg);
        out.heard += is_heard ? 1 : 0;
    }
    // A tone by itself has √(2/frames). Near to another it has more, and the periods, which all had the same taken off, do not show it.
    const double by_itself = std::sqrt(2.0 / static_cast<double>(frames));
    std::size_t ours = 0;
    std::size_t theirs = 0;
    for (const auto& tone : plan.tones) {
        const double unit = tone.signal == Signal::drive ? fit.theirs_unit_sigma[theirs++] : fit.ours_unit_sigma[ours++];
        auto& least = out.least_sigma.emplace_back();
        if (unit > 1.2 * by_itself)
            for (const std::size_t leg : {0U, 1U}) least.at(leg) = unit * fit.residual_rms.at(leg) / tone.amplitude;
    }
    return out;
}

void widen(analysis::MultitoneReading& reading, const OneClock& from)
{
    for (std::size_t i = 0; i < reading.tones.size(); ++i)
        for (const std::size_t leg : {0U, 1U}) {
            auto& sigma = reading.tones[i].leg.at(leg).sigma;
            sigma = std::max(sigma, from.least_sigma[i].at(leg));
        }
}

Status check_player(const OneClock& capture, SwitchState state, bool has_begun)
{
    // As loud as a passage of music, and no converter's noise.
    constexpr double something = 2e-3;
    // Hum and noise may be as loud as this beside the drive, or its clock cannot be trusted.
    constexpr double most_beside = 0.3;
    const auto in_state = "\"" + std::string{name_of(state)} + "\"";
    const bool fits = capture.hears_drive() && (has_begun || capture.other_rms < most_beside * capture.drive_rms);
    if (!fits && capture.other_rms > something)
        return Error{"what plays in the state " + in_state + " is not the test signal, or not at its speed: let the device under test play the file of \"lowleg stimulus "
                         "--player\" in a loop, without equaliser or change of pitch",
                     has_begun ? ErrorKind::interrupted : ErrorKind::failure};
    if (fits) return Done{};
    if (has_begun)
        return Error{"the test signal is no longer heard in the state " + in_state + ": the player has stopped or paused; let it play the file in a loop, and measure again",
                     ErrorKind::interrupted};
    return Error{"the test signal is not heard at either leg: see that the device under test plays the file of \"lowleg stimulus --player\", turned up to a moderate level, "
                 "and that its pins 2 and 3 are connected; gear that can play nothing is measured with --no-drive"};
}

Result<topology::Observations> observe_played(std::map<SwitchState, analysis::MultitoneReading> readings, const std::map<SwitchState, PlayedAt>& when,
                                              const Fixture& fixture, const topology::ObserveOptions& options)
{
    // Two clocks wander against each other by a hundredth of a ppm from second to second.
    constexpr double wander = 0.1e-6;
    // What the phases of a circuit can imitate of a delay, where the player began its file anew.
    constexpr double natural = 20e-6;
    std::map<SwitchState, double> left;
    const auto through = readings.find(SwitchState::through);
    for (auto& [state, reading] : readings) {
        if (state == SwitchState::through || through == readings.end()) continue;
        const auto& start = when.at(SwitchState::through);
        const auto& now = when.at(state);
        const double passed = (now.middle_frame - start.middle_frame) / reading.sample_rate_hz;
        // A recorder that is fast hears the player fall behind all the time; and what begins later meets it farther on in its file.
        const double later = static_cast<double>(now.play_began - start.play_began) / reading.sample_rate_hz;
        const double clock = 0.5e-6 * (start.clock_ppm + now.clock_ppm);
        delay_drive(reading, later - clock / (1.0 + clock) * passed);
        left[state] = wander * std::abs(passed);
        const Turns turns{reading, through->second};
        const auto& tone = reading.tones.front();
        const double lag = turns.best_lag(static_cast<double>(tone.bin) / tone.frequency.value());
        const double in_step = std::abs(turns.mean(0.0));
        if (in_step > 0.65 || std::abs(turns.mean(lag)) < std::max(0.85, in_step + 0.2)) continue;
        delay_drive(reading, -lag);
        left[state] = natural;
    }
    auto observations = topology::observe(readings, fixture, options);
    if (!observations) return observations;
    auto& o = observations.value();
    // Where in the file the player is nobody knows, and so not its polarity.
    o.delay.reset();
    // `lifted` first: it tells the probe's level, on which all else rests.
    std::vector<SwitchState> in_step{SwitchState::through};
    for (const auto state : {SwitchState::lifted, SwitchState::loaded, SwitchState::grounded}) {
        if (!left.contains(state)) continue;
        in_step.push_back(state);
        align_drive(o, state, in_step, left.at(state));
    }
    return observations;
}

}  // namespace lowleg::procedure
