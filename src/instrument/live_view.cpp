#include "instrument/live_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lowleg::instrument {
namespace {

constexpr double scope_s = 0.1;         // shown at most, from the trigger on
constexpr double searched_s = 0.55;     // for a trigger: a period of the test signal
constexpr double levels_s = 0.3;
constexpr double spectrum_s = 0.68;     // of one spectrum, at least half of it
constexpr float full_scale = 0.9999F;

/// The power of two whose duration comes nearest below.
std::size_t spectrum_frames(double sample_rate_hz)
{
    std::size_t frames = 1024;
    while (static_cast<double>(2 * frames) <= 1.01 * spectrum_s * sample_rate_hz) frames *= 2;
    return frames;
}

}  // namespace

std::string_view words_for(Channel channel) noexcept
{
    switch (channel) {
    case Channel::pin2: return "pin 2";
    case Channel::pin3: return "pin 3";
    case Channel::sum: return "sum";
    case Channel::difference: return "difference";
    }
    return "?";
}

Result<LiveView> LiveView::create(double sample_rate_hz)
{
    if (!(sample_rate_hz >= 4'000.0 && sample_rate_hz <= 1e6)) return Error{"what runs at such a sample rate cannot be shown: choose another device or rate"};
    auto spectrum = analysis::LiveSpectrum::create(spectrum_frames(sample_rate_hz));
    if (!spectrum) return spectrum.error();
    return LiveView{sample_rate_hz, std::move(spectrum).value()};
}

LiveView::LiveView(double sample_rate_hz, analysis::LiveSpectrum spectrum) : sample_rate_hz_{sample_rate_hz}, spectrum_{std::move(spectrum)}
{
    const auto kept = static_cast<std::size_t>((scope_s + searched_s) * sample_rate_hz) + 16;
    for (auto& leg : heard_) leg.assign(std::max(kept, spectrum_.frames()), 0.0F);
}

void LiveView::reset_held()
{
    for (auto& powers : highest_) powers.clear();
    has_clipped_ = {};
}

void LiveView::hear(std::span<const float> interleaved)
{
    const std::size_t kept = heard_[0].size();
    if (interleaved.size() / 2 > kept) interleaved = interleaved.last(2 * kept);
    const std::size_t frames = interleaved.size() / 2;
    for (const std::size_t leg : {0U, 1U}) {
        auto& heard = heard_.at(leg);
        std::shift_left(heard.begin(), heard.end(), static_cast<std::ptrdiff_t>(frames));
        auto to = heard.end() - static_cast<std::ptrdiff_t>(frames);
        for (std::size_t i = leg; i < interleaved.size(); i += 2, ++to) {
            *to = interleaved[i];
            has_clipped_.at(leg) = has_clipped_.at(leg) || std::abs(interleaved[i]) >= full_scale;
        }
    }
    fresh_ += frames;
}

void LiveView::draw(LiveFrame& out)
{
    out.number = ++pictures_;
    out.sample_rate_hz = sample_rate_hz_;
    const auto shown = static_cast<std::size_t>(scope_s * sample_rate_hz_);
    const auto& trigger_leg = heard_.at(options_.trigger == Channel::pin3 ? 1 : 0);
    float largest = 0.0F;
    for (const float x : std::span{trigger_leg}.last(shown)) largest = std::max(largest, std::abs(x));
    const auto at = largest > 0.0F ? trigger_.find(trigger_leg, shown, static_cast<std::size_t>(searched_s * sample_rate_hz_), 0.05F * largest) : std::nullopt;
    out.is_triggered = at.has_value();
    const std::size_t begin = at ? static_cast<std::size_t>(*at) : trigger_leg.size() - shown;
    out.scope_offset = at ? static_cast<double>(begin) - *at : 0.0;
    for (const std::size_t leg : {0U, 1U}) {
        const auto from = heard_.at(leg).begin() + static_cast<std::ptrdiff_t>(begin);
        out.scope.at(leg).assign(from, from + static_cast<std::ptrdiff_t>(shown));
    }
    draw_spectrum(out);
    draw_levels(out);
    fresh_ = 0;
}

void LiveView::draw_spectrum(LiveFrame& out)
{
    out.bin = Hertz{sample_rate_hz_ / static_cast<double>(spectrum_.frames())};
    spectrum_.powers(std::span{heard_[0]}.last(spectrum_.frames()), std::span{heard_[1]}.last(spectrum_.frames()), powers_);
    const double elapsed = static_cast<double>(fresh_) / sample_rate_hz_;
    const auto weight = options_.averaging_s > 0.0 ? static_cast<float>(1.0 - std::exp(-elapsed / options_.averaging_s)) : 1.0F;
    for (std::size_t channel = 0; channel < powers_.size(); ++channel) {
        const auto& now = powers_.at(channel);
        auto& average = average_.at(channel);
        auto& highest = highest_.at(channel);
        if (average.size() != now.size()) average = now;
        if (highest.size() != now.size()) highest.assign(now.size(), 0.0F);
        for (std::size_t b = 0; b < now.size(); ++b) {
            average[b] += weight * (now[b] - average[b]);
            highest[b] = std::max(highest[b], now[b]);
        }
        out.spectrum.at(channel) = average;
        out.highest.at(channel) = highest;
    }
}

void LiveView::draw_levels(LiveFrame& out) const
{
    const auto frames = static_cast<std::size_t>(levels_s * sample_rate_hz_);
    const auto pin2 = std::span{heard_[0]}.last(frames);
    const auto pin3 = std::span{heard_[1]}.last(frames);
    std::array<double, 4> power{};
    std::array<float, 4> peak{};
    double product = 0.0;
    for (std::size_t i = 0; i < frames; ++i) {
        const std::array<float, 4> x{pin2[i], pin3[i], pin2[i] + pin3[i], pin2[i] - pin3[i]};
        for (std::size_t c = 0; c < x.size(); ++c) {
            power.at(c) += static_cast<double>(x.at(c)) * static_cast<double>(x.at(c));
            peak.at(c) = std::max(peak.at(c), std::abs(x.at(c)));
        }
        product += static_cast<double>(x[0]) * static_cast<double>(x[1]);
    }
    constexpr double silence = 1e-10;  // −200 dBFS
    for (std::size_t c = 0; c < power.size(); ++c) {
        out.rms.at(c) = dbfs_of_rms(std::max(std::sqrt(power.at(c) / static_cast<double>(frames)), silence));
        out.peak.at(c) = dbfs_of_peak(std::max(static_cast<double>(peak.at(c)), silence));
    }
    out.has_clipped = has_clipped_;
    const double both = std::sqrt(power[0] * power[1]);
    out.correlation = both > 0.0 ? product / both : 0.0;
}

}  // namespace lowleg::instrument
