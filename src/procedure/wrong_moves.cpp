#include "procedure/wrong_moves.h"

#include "core/text.h"
#include "procedure/fixture_levels.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <complex>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

namespace lowleg::procedure {
namespace {

using analysis::MultitoneReading;
using analysis::ToneReading;

// Of what is played, no interface takes less back, whatever its knobs: −40 dB.
constexpr double least_loop = 0.01;
// What comes from one channel to another inside an interface.
constexpr double crosstalk = 1e-4;
// Nothing is on an input that shows no less than this, whichever channel of the two has the 0.3 dB more.
constexpr Ohms open{30e3};
constexpr GainDb between_channels{0.3};
// No line output has less at pin 2.
constexpr Ohms least_build_out{0.5};

constexpr double square(double x) { return x * x; }

/// A drive or probe tone as a ripple sees it.
struct Point {
    double radians_per_second;
    double log_frequency;
    double log_level;
    std::size_t curve;
};

/// Levels over frequency, each curve as a cubic of ln f in ln |H|; and what that leaves.
class Curves {
public:
    /// Above this, coupling capacitors and inputs are at their ends.
    static constexpr Hertz lowest{150.0};

    /// \return false when too few tones stand out of the noise.
    bool add(std::span<const ToneReading> tones, Signal signal, std::size_t leg)
    {
        const auto first = points_.size();
        for (const auto& tone : tones) {
            const auto& e = tone.leg.at(leg);
            if (tone.signal != signal || tone.frequency < lowest) continue;
            if (std::abs(e.value) < 100.0 * e.sigma || std::abs(e.value) < crosstalk) continue;  // a hundredth: a tenth of a decibel
            points_.push_back({2.0 * std::numbers::pi * tone.frequency.value(), std::log(tone.frequency / Hertz{1000.0}), std::log(std::abs(e.value)), curves_});
        }
        // Four of the cubic's, and four that can say something.
        if (points_.size() - first < 8) return false;
        ++curves_;
        return true;
    }

    /// rms of ln |H| that one curve has beside its cubic.
    [[nodiscard]] double ripple(std::size_t curve) const
    {
        const auto rest = beside_cubics(levels());
        double sum = 0.0;
        double count = 0.0;
        for (std::size_t i = 0; i < points_.size(); ++i)
            if (points_[i].curve == curve) {
                sum += square(rest[i]);
                count += 1.0;
            }
        return std::sqrt(sum / count);
    }

    /// How much of the power of all curves' ripple one echo explains, 0 … 1: |H| divided by |1 − a·e^{−jωτ}|, a and τ common to all. (Which τ that is,
    /// so few tones don't tell.)
    [[nodiscard]] double common_echo() const
    {
        const auto rest = beside_cubics(levels());
        const double before = power(rest);
        // To begin with as a small echo does: a·cos ωτ. Steps of a tenth of a turn at 20 kHz.
        struct Candidate { double delay; double left; };
        std::vector<Candidate> candidates;
        for (double delay = shortest_echo; delay < longest_echo; delay += 5e-6) {
            std::vector<double> shape;
            for (const auto& p : points_) shape.push_back(std::cos(p.radians_per_second * delay));
            shape = beside_cubics(shape);
            double product = 0.0;
            for (std::size_t i = 0; i < shape.size(); ++i) product += shape[i] * rest[i];
            candidates.push_back({delay, before - square(product) / std::max(power(shape), 1e-12)});
        }
        const auto kept = std::min<std::size_t>(candidates.size(), 40);
        std::ranges::partial_sort(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(kept), {}, &Candidate::left);
        candidates.resize(kept);

        double left_of_best = before;
        for (const auto& candidate : candidates)
            for (double delay = candidate.delay - 4e-6; delay < candidate.delay + 4.5e-6; delay += 1e-6)
                for (double a = -0.95; a < 0.96; a += 0.05) {
                    auto left = levels();
                    for (std::size_t i = 0; i < left.size(); ++i) left[i] += std::log(std::abs(1.0 - std::polar(a, -points_[i].radians_per_second * delay)));
                    left_of_best = std::min(left_of_best, power(beside_cubics(left)));
                }
        return 1.0 - left_of_best / before;
    }

private:
    static constexpr double shortest_echo = 0.2e-3;
    static constexpr double longest_echo = 50e-3;
    static constexpr std::size_t terms = 4;

    [[nodiscard]] std::vector<double> levels() const
    {
        std::vector<double> out;
        for (const auto& p : points_) out.push_back(p.log_level);
        return out;
    }
    static double power(std::span<const double> x)
    {
        double sum = 0.0;
        for (const double v : x) sum += square(v);
        return sum;
    }

    /// What the cubics leave, by the Gram-Schmidt process over each curve's frequencies.
    [[nodiscard]] std::vector<double> beside_cubics(std::vector<double> x) const
    {
        for (std::size_t curve = 0; curve < curves_; ++curve) {
            std::array<std::vector<double>, terms> basis;
            for (std::size_t k = 0; k < terms; ++k) {
                auto& b = basis.at(k);
                for (const auto& p : points_) b.push_back(p.curve == curve ? std::pow(p.log_frequency, static_cast<double>(k)) : 0.0);
                for (std::size_t j = 0; j < k; ++j) take_away(b, basis.at(j));
                take_away(x, b);
            }
        }
        return x;
    }
    static void take_away(std::vector<double>& x, std::span<const double> direction)
    {
        double product = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) product += x[i] * direction[i];
        const double part = product / std::max(power(direction), 1e-300);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] -= part * direction[i];
    }

    std::vector<Point> points_;
    std::size_t curves_{0};
};

class Finder {
public:
    Finder(const Readings& readings, const Fixture& fixture, Ohms contacts)
        : readings_{readings}, fixture_{fixture}, contacts_{contacts}, through_{readings.at(SwitchState::through)},
          lifted_{readings.contains(SwitchState::lifted) ? &readings.at(SwitchState::lifted) : nullptr}
    {
        for (const auto& tone : through_.tones)
            if (tone.frequency < highest_resistive) ++(tone.signal == Signal::drive ? drives_ : probes_);
        has_probe_ = fixture.probe && probes_ > 0.0;
    }

    [[nodiscard]] std::optional<FoundMove> find() const
    {
        if (auto found = same_channel()) return found;
        if (auto found = loopback()) return found;
        if (has_probe_ && lifted_ != nullptr)
            if (auto found = missing_probe()) return found;
        if (auto found = feedback()) return found;
        if (has_probe_ && lifted_ != nullptr) {
            if (auto found = missing_drive()) return found;
            return suspected();
        }
        return std::nullopt;
    }

private:
    static Power drive(const MultitoneReading& reading, std::size_t leg) { return power_of(reading.tones, Signal::drive, leg); }
    static Power probe(const MultitoneReading& reading, std::size_t leg) { return power_of(reading.tones, Signal::probe, leg); }

    /// An amplitude over what is played, of the mean of the tones, as a power over all of them.
    [[nodiscard]] double probe_power(double amplitude) const { return square(amplitude) * probes_; }

    /// What i3 gets of the voltage behind Rs while pin 3 is lifted, as input 2 reads it.
    [[nodiscard]] double divider3() const { return fixture_.gain_ratio * (fixture_.rin3 / (fixture_.rin3 + fixture_.probe->rp3)); }

    /// The most that pin 2 can have in `lifted`, by the probe that is heard there: what it takes to leave so little of it.
    [[nodiscard]] Ohms most_at_pin2() const
    {
        const double behind_rs = std::sqrt(probe(*lifted_, 1).at_least()) / divider3();
        return Ohms{std::sqrt(probe(*lifted_, 0).at_most()) / std::max(behind_rs, 1e-12) * fixture_.probe->rp2.value()};
    }

    [[nodiscard]] std::optional<FoundMove> missing_probe() const
    {
        const auto at2 = probe(*lifted_, 0);
        const auto at3 = probe(*lifted_, 1);
        const bool lacks_rp3 = at3.at_most() < probe_power(least_loop * divider3()) || at3.at_most() < square(0.1 * open_ratio(fixture_)) * at2.at_least();
        if (lacks_rp3) return at2.at_most() < probe_power(crosstalk) ? no_probe() : missing_rp3();
        return missing_rp2();
    }

    [[nodiscard]] FoundMove no_probe() const
    {
        const bool is_dead = drives_ > 0.0 && !drive(through_, 0).is_heard() && !drive(through_, 1).is_heard();
        if (is_dead)
            return {WrongMove::no_probe,
                    "neither input hears anything of what is played, not even in \"lifted\", where Rp3 alone feeds input 2: check which outputs and inputs are chosen "
                    "(--out, --in), their levels, and that outputs 1 and 2 are connected",
                    true};
        return {WrongMove::no_probe,
                "neither input hears the probe, not even in \"lifted\", where Rp3 alone feeds input 2: output 2 is not connected to the probe resistors, is turned "
                "down, or there are none; connect it, or say --rp none for a plain breakout cable",
                true};
    }

    [[nodiscard]] FoundMove missing_rp3() const
    {
        // Whatever was heard on input 2 before shows that its lead is connected.
        const bool is_connected = std::ranges::any_of(readings_, [&](const auto& reading) {
            if (reading.first == SwitchState::lifted) return false;
            const auto loud = [&](Signal signal) {
                const auto was = power_of(reading.second.tones, signal, 1);
                return was.is_heard() && was.at_least() > 16.0 * power_of(lifted_->tones, signal, 1).at_most();
            };
            return loud(Signal::drive) || loud(Signal::probe);
        });
        const auto grounded = readings_.find(SwitchState::grounded);
        const bool is_grounded = grounded == readings_.end() || read_alike(lifted_->tones, grounded->second.tones);
        std::string says = "input 2 hears nothing of the probe in \"lifted\", where Rp3 alone feeds it: ";
        if (!is_connected) says += "Rp3 or the lead of input 2 is not connected, or the switch did not move to \"lifted\"; check them in this order";
        else if (is_grounded) says += "Rp3 is missing or not connected, or the switch is on \"grounded\"; check both, or leave out Rp2, too, and say --rp none";
        else says += "Rp3 is missing or not connected; connect it, or leave out Rp2, too, and say --rp none";
        return {WrongMove::rp3_missing, says, true};
    }

    /// Both legs carry the drive, and pin 3 has next to nothing, either: a power amplifier's, or headphones'.
    [[nodiscard]] bool has_two_stiff_legs() const
    {
        constexpr Ohms stiff{1.0};
        const auto at3 = drive(through_, 1);
        const double of_open3 = std::sqrt(probe(through_, 1).at_most() / probe(*lifted_, 1).at_least());
        return at3.is_heard() && at3.at_least() > square(0.1) * drive(through_, 0).value && impedance(of_open3, fixture_.rin3, fixture_.probe->rp3) < stiff;
    }

    [[nodiscard]] std::optional<FoundMove> missing_rp2() const
    {
        const std::string rp2 = "Rp2 is missing or not connected; connect it, or leave out Rp3, too, and say --rp none";
        const auto most = most_at_pin2();
        // With pin 3 connected it came that way; with pin 3 lifted nothing but Rp2 brings it.
        const bool came_by_pin3 = probe(through_, 0).is_heard() && probe(*lifted_, 0).at_most() < square(3e-4) * probe(through_, 0).at_least();
        const bool has_own = drives_ > 0.0 && drive(*lifted_, 0).is_heard() && !has_two_stiff_legs();
        if (came_by_pin3 || (has_own && most < contacts_))
            return FoundMove{WrongMove::rp2_missing, "input 1 hears nothing of the probe in \"lifted\", as if pin 2 had less than " + format_ohms(most) + ", which no output has: " + rp2, true};
        return std::nullopt;
    }

    [[nodiscard]] std::optional<FoundMove> suspected() const
    {
        const auto most = most_at_pin2();
        const double of_open3 = std::sqrt(probe(through_, 1).value / probe(*lifted_, 1).value);
        // Headphones' outputs have less, both alike; of one resistor that is missing, crosstalk may be heard.
        const bool is_uneven = drive(through_, 1).at_least() > square(0.3) * drive(through_, 0).at_most() &&
                               impedance(of_open3, fixture_.rin3, fixture_.probe->rp3) > 20.0 * most;
        const bool is_suspected = !probe(*lifted_, 0).is_heard() || is_uneven;
        if (drives_ > 0.0 && drive(*lifted_, 0).is_heard() && !has_two_stiff_legs() && most < least_build_out && is_suspected)
            return FoundMove{WrongMove::rp2_missing,
                             "the probe is next to silent at pin 2, which then has no more than " + format_ohms(most) +
                                 ": if it has a build-out resistor, as line outputs do, Rp2 is not connected; check it"};
        const auto at2 = probe(*lifted_, 0);
        const auto at3 = probe(*lifted_, 1);
        if (at2.at_least() * square(open_ratio(fixture_)) > 2.0 * at3.at_most())
            return FoundMove{WrongMove::feedback,
                             "the probe is " + format_fixed(gain_of(std::sqrt(at2.value / at3.value) * open_ratio(fixture_)).value(), 1) +
                                 " dB louder at pin 2 than an open pin would read it: input 1 has more gain than input 2, or the output is fed back into the device under "
                                 "test, or near to oscillating; check the gains, the mixer's returns and direct monitoring"};
        return std::nullopt;
    }

    [[nodiscard]] std::optional<FoundMove> feedback() const
    {
        const auto found = [](const std::string& why) {
            return FoundMove{WrongMove::feedback,
                             why + ": what the output gives comes back into the device under test or out of the interface; turn off direct monitoring, whatever mixes the "
                                   "interface's inputs into its outputs, and the mixer's return",
                             true};
        };
        constexpr double least_ripple = 0.05;  // half a decibel
        // In `lifted` there is nothing but a resistor before input 2.
        if (has_probe_ && lifted_ != nullptr) {
            Curves curve;
            if (curve.add(lifted_->tones, Signal::probe, 1) && curve.ripple(0) > least_ripple)
                return found("input 2 hears the probe with a ripple over frequency in \"lifted\", where Rp3 alone feeds it");
            if (is_turned()) return found("the probe at pin 2 is turned by more than any impedance turns it");
        }
        if (has_probe_ && drives_ > 0.0) {
            Curves curves;
            if (!curves.add(through_.tones, Signal::drive, 0) || !curves.add(through_.tones, Signal::probe, 0)) return std::nullopt;
            if (curves.ripple(0) < least_ripple || curves.ripple(1) < least_ripple) return std::nullopt;
            // 19 tones, less what two cubics and an echo take: another ripple is explained so far by one of 10³ echoes once in 10³ times.
            if (curves.common_echo() > 0.96) return found("drive and probe carry the same echo at pin 2");
        }
        return std::nullopt;
    }

    /// In `lifted`, pin 2 against input 2: what an impedance makes of one resistor's current stays within 90°, and a wire with the wrong sign
    /// turns all tones alike.
    [[nodiscard]] bool is_turned() const
    {
        std::size_t backward = 0;
        std::size_t forward = 0;
        for (const auto& tone : lifted_->tones) {
            if (tone.signal != Signal::probe || !(tone.frequency < highest_resistive)) continue;
            const auto& [at2, at3] = tone.leg;
            if (std::abs(at2.value) < 20.0 * at2.sigma || std::abs(at2.value) < 2e-3 * std::abs(at3.value)) continue;
            const double along = (at2.value * std::conj(at3.value)).real() / (std::abs(at2.value) * std::abs(at3.value));
            backward += along < -0.5 ? 1 : 0;
            forward += along > 0.5 ? 1 : 0;
        }
        return backward >= 2 && forward >= 2;
    }

    [[nodiscard]] std::optional<FoundMove> same_channel() const
    {
        if (lifted_ == nullptr || way_round(fixture_) > 0.25) return std::nullopt;
        constexpr double same = 0.01;
        Complex sum{};
        double count = 0.0;
        const auto ratios = [&](const auto& use) {
            for (const auto* reading : {&through_, lifted_})
                for (const auto& tone : reading->tones) {
                    const auto& [at2, at3] = tone.leg;
                    if (std::abs(at2.value) > 100.0 * at2.sigma && std::abs(at2.value) > crosstalk) use(at3.value / at2.value);
                }
        };
        ratios([&](Complex ratio) {
            sum += ratio;
            count += 1.0;
        });
        if (count == 0.0 || !drive(*lifted_, 0).is_heard() || !drive(*lifted_, 1).is_heard()) return std::nullopt;
        const Complex mean = sum / count;
        bool is_same = std::abs(mean) > 0.5 && std::abs(mean) < 2.0;
        ratios([&](Complex ratio) { is_same = is_same && std::abs(ratio - mean) < same * std::abs(mean); });
        if (!is_same) return std::nullopt;
        return FoundMove{WrongMove::same_channel,
                         "both inputs read the same, even in \"lifted\", where input 2 is off pin 3: both get one channel (--in, the audio system's routing) or their leads are "
                         "joined, or the switch did not move; check them in this order",
                         true};
    }

    [[nodiscard]] std::optional<FoundMove> loopback() const
    {
        if (!has_probe_ || drives_ == 0.0 || lifted_ == nullptr || readings_.size() < 3) return std::nullopt;
        const bool is_rigid = std::ranges::all_of(readings_, [&](const auto& reading) {
            const auto& tones = reading.second.tones;
            const auto is_alone = [&](Signal own, Signal other, std::size_t leg) {
                return power_of(tones, other, leg).at_most() < square(crosstalk) * power_of(tones, own, leg).at_least();
            };
            return read_alike(tones, through_.tones) && is_alone(Signal::drive, Signal::probe, 0) && is_alone(Signal::probe, Signal::drive, 1);
        });
        if (!is_rigid) return std::nullopt;
        return FoundMove{WrongMove::loopback,
                         "input 1 hears the drive alone and input 2 the probe alone, whatever the switch does: the chosen inputs get the interface's own outputs (loopback), "
                         "not the fixture; choose others with --in, or turn the loopback off",
                         true};
    }

    /// Why neither leg carries the drive, or pin 3 alone.
    [[nodiscard]] std::optional<FoundMove> missing_drive() const
    {
        if (drives_ == 0.0 || !probe(*lifted_, 1).is_heard()) return std::nullopt;
        const auto at2 = drive(through_, 0);
        const auto at3 = drive(through_, 1);
        // What comes by way of the probe resistors is not pin 2's own.
        auto exchanged = fixture_;
        std::swap(exchanged.rin2, exchanged.rin3);
        std::swap(exchanged.probe->rp2, exchanged.probe->rp3);
        const bool has_pin2 = at2.is_heard() && at2.value > square(0.003 + 1.1 * way_round(exchanged)) * at3.value;
        if (has_pin2) return std::nullopt;

        const double of_open2 = std::sqrt(probe(*lifted_, 0).value / probe(*lifted_, 1).value) * open_ratio(fixture_);
        const double of_open3 = std::sqrt(probe(through_, 1).value / probe(*lifted_, 1).value);
        const bool is_open2 = impedance(of_open2 / amplitude_ratio(between_channels), fixture_.rin2, fixture_.probe->rp2) > open;
        const bool is_open3 = impedance(of_open3, fixture_.rin3, fixture_.probe->rp3) > open;
        const auto shown = [](Ohms z, bool is_open) { return is_open ? std::string{"nothing"} : format_ohms(z); };
        const auto z2 = impedance(of_open2, fixture_.rin2, fixture_.probe->rp2);
        const auto z3 = impedance(of_open3, fixture_.rin3, fixture_.probe->rp3);
        if (at3.is_heard()) {
            if (!is_open2) return std::nullopt;
            return FoundMove{WrongMove::pin2_not_connected,
                             "pin 3 alone carries the signal, and the probe finds nothing on input 1 (more than 30 kΩ): check the lead from pin 2 to input 1; if the device under test has "
                             "nothing on its pin 2, exchange the leads"};
        }
        if (is_open2 && is_open3)
            return FoundMove{WrongMove::not_connected,
                             "neither leg carries the drive, and the probe finds nothing on either input: connect the output's pins 2 and 3 to the fixture (a transformer "
                             "that gets no signal reads the same)"};
        if (is_open2)
            return FoundMove{WrongMove::pin2_not_connected, "neither leg carries the drive, and the probe finds nothing on input 1, but " + shown(z3, false) +
                                                                " at pin 3: check the lead from pin 2 to input 1"};
        return FoundMove{WrongMove::muted, "neither leg carries the drive, though an output is connected (the probe finds " + shown(z2, false) + " at pin 2 and " +
                                               shown(z3, is_open3) +
                                               " at pin 3): the device under test is muted, turned down or off, or its input does not get output 1; check them in this order"};
    }

    /// What leaves such a part of the probe's open level.
    [[nodiscard]] Ohms impedance(double of_open, Ohms rin, Ohms rp) const
    {
        const double source = 1.0 / (conductance(rin) + conductance(rp + fixture_.rs));
        return Ohms{source * of_open / std::max(1.0 - of_open, 1e-3)};
    }

    const Readings& readings_;
    const Fixture& fixture_;
    Ohms contacts_;
    const MultitoneReading& through_;
    const MultitoneReading* lifted_;
    double drives_{0.0};  // tones, up to highest_resistive
    double probes_{0.0};
    bool has_probe_{false};
};

}  // namespace

std::string_view id_of(WrongMove move) noexcept
{
    switch (move) {
    case WrongMove::no_probe: return "no-probe";
    case WrongMove::rp2_missing: return "rp2-missing";
    case WrongMove::rp3_missing: return "rp3-missing";
    case WrongMove::pin2_not_connected: return "pin-2-not-connected";
    case WrongMove::not_connected: return "not-connected";
    case WrongMove::muted: return "muted";
    case WrongMove::feedback: return "feedback";
    case WrongMove::same_channel: return "same-channel";
    case WrongMove::loopback: return "loopback";
    }
    return "?";
}

std::string as_sentence(std::string says)
{
    says.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(says.front())));
    return says + ".";
}

std::optional<FoundMove> find_wrong_move(const Readings& readings, const Fixture& fixture, Ohms contacts)
{
    if (!readings.contains(SwitchState::through)) return std::nullopt;
    return Finder{readings, fixture, contacts}.find();
}

}  // namespace lowleg::procedure
