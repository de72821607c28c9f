#include "procedure/tone_watch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::procedure {
namespace {

constexpr Seconds hop{0.025};
constexpr std::int64_t stretches_in_window = 6;
// Nearer than this two lines cannot be told apart in so short a time; the tone has the place.
constexpr double least_distance_hz = 3.5;

void add_line(std::vector<double>& hertz, double f)
{
    if (std::ranges::all_of(hertz, [&](double other) { return std::abs(other - f) >= least_distance_hz; })) hertz.push_back(f);
}

/// What sounds beside the tones and would otherwise be read into them.
std::vector<double> lines_of(const TonePlan& plan, std::optional<Hertz> mains)
{
    std::vector<double> hertz;
    for (const auto& tone : plan.tones) hertz.push_back(plan.frequency_of(tone.bin).value());
    const auto fundamentals = mains ? std::vector{mains->value()} : std::vector{50.0, 60.0};
    for (const double fundamental : fundamentals)
        for (int order = 1; order <= 12; ++order) add_line(hertz, order * fundamental);
    const auto tones = plan.tones.size();
    for (std::size_t i = 0; i < tones; ++i)
        if (plan.tones[i].signal == Signal::drive && hertz[i] < 400.0)
            for (const double order : {2.0, 3.0}) add_line(hertz, order * hertz[i]);
    return hertz;
}

}  // namespace

std::int64_t ToneWatch::stretch_frames(double sample_rate_hz) { return std::llround(hop.value() * sample_rate_hz); }

Result<ToneWatch> ToneWatch::create(const TonePlan& plan, std::optional<Hertz> mains)
{
    auto lines = lines_of(plan, mains);
    for (auto& f : lines) f /= plan.sample_rate_hz;
    auto fit = dsp::ToneFit::create(std::move(lines), static_cast<std::size_t>(stretches_in_window * stretch_frames(plan.sample_rate_hz)));
    if (!fit) return fit.error();
    return ToneWatch{plan, std::move(fit).value()};
}

bool ToneWatch::restart(const TonePlan& plan)
{
    const bool is_same = plan.sample_rate_hz == plan_.sample_rate_hz && plan.period_frames == plan_.period_frames &&
                         std::ranges::equal(plan.tones, plan_.tones, {}, &Tone::bin, &Tone::bin);
    if (!is_same) return false;
    plan_ = plan;
    stretches_.clear();
    return true;
}

void ToneWatch::push(const Stretch& stretch)
{
    auto faults = stretch.faults;
    faults.bits &= ~static_cast<std::uint32_t>(Fault::clipped);
    const auto follows = [&](const Stretch& before) { return stretch.first_frame == before.first_frame + std::ssize(before.leg[0]); };
    if (!stretches_.empty() && !follows(stretches_.back())) stretches_.clear();
    if (!faults.none()) {
        stretches_.clear();
        return;
    }
    stretches_.push_back(stretch);
    if (std::ssize(stretches_) > stretches_in_window) stretches_.pop_front();
}

std::optional<std::vector<analysis::ToneReading>> ToneWatch::read() const
{
    if (std::ssize(stretches_) < stretches_in_window) return std::nullopt;
    std::array<dsp::ToneFit::Reading, 2> legs;
    std::vector<float> window;
    for (const std::size_t leg : {0U, 1U}) {
        window.clear();
        for (const auto& stretch : stretches_) window.insert(window.end(), stretch.leg.at(leg).begin(), stretch.leg.at(leg).end());
        legs.at(leg) = fit_.read(window);
    }
    std::vector<analysis::ToneReading> out;
    const auto position = stretches_.front().position;
    for (std::size_t i = 0; i < plan_.tones.size(); ++i) {
        const auto& tone = plan_.tones[i];
        const double turns = static_cast<double>(tone.bin * position % plan_.period_frames) / static_cast<double>(plan_.period_frames);
        const Complex played = std::polar(tone.amplitude, tone.phase_rad + 2.0 * std::numbers::pi * turns);
        analysis::ToneReading reading{tone.signal, tone.bin, plan_.frequency_of(tone.bin), {}};
        for (const std::size_t leg : {0U, 1U}) {
            const double sigma = legs.at(leg).residual_rms * fit_.unit_sigma(i) / tone.amplitude;
            reading.leg.at(leg) = {legs.at(leg).phasor[i] / played, std::max(sigma, 1e-12), static_cast<double>(window.size())};
        }
        out.push_back(reading);
    }
    return out;
}

}  // namespace lowleg::procedure
