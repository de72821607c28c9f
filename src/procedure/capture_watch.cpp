#include "procedure/capture_watch.h"

#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

namespace lowleg::procedure {
namespace {

constexpr std::size_t pieces_per_half = CaptureWatch::pieces_per_period / 2;
/// A level that falls by more than this …
constexpr GainDb collapse{-3.0};
/// … for so many pieces on end, 50 ms, has collapsed. A piece that a break of the audio spoilt does not count.
constexpr std::size_t pieces_of_collapse = 2;
/// Full scale once is a glitch, or two where a piece ends; a level that is too high meets it again and again.
constexpr std::size_t pieces_of_clipping = 3;
/// Rms of the difference from sample to sample, full scale = 1, below which a leg has no level that could collapse.
constexpr double least_level = 1e-3;
constexpr float full_scale = 0.999F;

double level_of(std::span<const float> x)
{
    double power = 0.0;
    for (std::size_t i = 1; i < x.size(); ++i) {
        const double step = static_cast<double>(x[i]) - static_cast<double>(x[i - 1]);
        power += step * step;
    }
    return x.size() > 1 ? std::sqrt(power / static_cast<double>(x.size() - 1)) : 0.0;
}

std::string pin(std::size_t leg) { return "pin " + std::to_string(leg + 2); }

}  // namespace

std::optional<std::string> CaptureWatch::look_at(const std::array<std::span<const float>, 2>& leg, Faults faults)
{
    if (faults.has(Fault::clipped))
        for (const std::size_t k : {0U, 1U}) {
            const bool is_full = std::ranges::any_of(leg.at(k), [](float x) { return std::abs(x) >= full_scale; });
            if (is_full && ++clipped_.at(k) >= pieces_of_clipping)
                return "input " + std::to_string(k + 1) + " (" + pin(k) + ") is at full scale";
        }
    if (!faults.none()) {
        levels_.emplace_back();
        low_in_a_row_ = {};
        return std::nullopt;
    }
    const std::array now{level_of(leg[0]), level_of(leg[1])};
    levels_.emplace_back(now);
    if (levels_.size() <= pieces_per_half) return std::nullopt;
    const auto& before = levels_[levels_.size() - 1 - pieces_per_half];
    if (!before) {
        low_in_a_row_ = {};
        return std::nullopt;
    }
    for (const std::size_t k : {0U, 1U}) {
        const double was = before->at(k);
        const bool is_low = was > least_level && now.at(k) < was * amplitude_ratio(collapse);
        low_in_a_row_.at(k) = is_low ? low_in_a_row_.at(k) + 1 : 0;
        if (low_in_a_row_.at(k) < pieces_of_collapse) continue;
        if (now.at(k) < 1e-3 * was) return "the level at " + pin(k) + " collapsed to nothing";
        return "the level at " + pin(k) + " fell by " + format_fixed(-gain_of(now.at(k) / was).value(), 1) + " dB";
    }
    return std::nullopt;
}

void CaptureWatch::forget()
{
    levels_.clear();
    low_in_a_row_ = {};
}

PeriodCapture::PeriodCapture(engine::Engine& engine, std::int64_t period_frames, std::uint64_t not_before, std::int64_t settle_frames)
    : engine_{engine}, period_frames_{period_frames}, not_before_{not_before}, settle_frames_{settle_frames}
{
}

Status PeriodCapture::settle()
{
    is_settled_ = true;
    auto stretch = engine_.next_stretch(not_before_, std::max<std::int64_t>(settle_frames_, 1));
    if (!stretch) return stretch.error();
    begin_ = not_before_ > 0 ? static_cast<std::int64_t>(not_before_) : stretch.value().first_frame;
    next_ = stretch.value().first_frame + std::max<std::int64_t>(settle_frames_, 1);
    return Done{};
}

Result<Period> PeriodCapture::capture(std::int64_t from, std::int64_t to, const std::function<bool()>& should_stop)
{
    Period out;
    for (auto piece = from; piece < to; ++piece) {
        if (should_stop && should_stop()) {
            out.faults.add(Fault::lost);
            return out;
        }
        const auto frames = begin_of(piece + 1) - begin_of(piece);
        auto captured = engine_.next_stretch(static_cast<std::uint64_t>(next_), frames);
        if (!captured) return captured.error();
        const auto& stretch = captured.value();
        if (first_ < 0) {
            first_ = stretch.first_frame;
            position_ = stretch.position;
        } else if (stretch.first_frame != next_) {
            out.faults.add(Fault::lost);  // what was asked for is gone
        }
        if (piece == from) out.first_frame = stretch.first_frame;
        out.faults.add(stretch.faults);
        for (const std::size_t leg : {0U, 1U}) out.leg.at(leg).insert(out.leg.at(leg).end(), stretch.leg.at(leg).begin(), stretch.leg.at(leg).end());
        next_ = stretch.first_frame + frames;

        unsafe_ = watch_.look_at({stretch.leg[0], stretch.leg[1]}, stretch.faults);
        if (unsafe_) return Error{*unsafe_, ErrorKind::interrupted};
        if (out.faults.has(Fault::lost)) break;
    }
    return out;
}

Result<Period> PeriodCapture::next(const std::function<bool()>& should_stop)
{
    if (!is_settled_)
        if (auto settled = settle(); !settled) return settled.error();
    auto captured = capture(0, CaptureWatch::pieces_per_period, should_stop);
    if (captured && captured.value().faults.has(Fault::lost)) {
        // The period is void, and the next one begins whole periods after the first.
        for (auto& leg : captured.value().leg) leg.resize(static_cast<std::size_t>(period_frames_), 0.0F);
        next_ = first_ + (next_ - first_ + period_frames_ - 1) / period_frames_ * period_frames_;
        watch_.forget();
    }
    return captured;
}

Result<bool> PeriodCapture::slide(Record& record, const std::function<bool()>& should_stop)
{
    auto& periods = record.periods;
    for (std::size_t i = 0; i < periods.size(); ++i)
        if (periods[i].first_frame + static_cast<std::int64_t>(periods.size() - i) * period_frames_ != next_) return false;

    auto captured = capture(0, CaptureWatch::pieces_per_period / 4, should_stop);
    if (!captured) return captured.error();
    const auto& more = captured.value();
    const auto shift = begin_of(CaptureWatch::pieces_per_period / 4);
    if (!more.faults.none()) {
        next_ = first_ + (next_ - first_ + period_frames_ - 1) / period_frames_ * period_frames_;
        watch_.forget();
        return false;
    }
    for (std::size_t i = 0; i < periods.size(); ++i) {
        const auto& after = i + 1 < periods.size() ? periods[i + 1] : more;
        for (const std::size_t leg : {0U, 1U}) {
            auto& x = periods[i].leg.at(leg);
            x.erase(x.begin(), x.begin() + shift);
            x.insert(x.end(), after.leg.at(leg).begin(), after.leg.at(leg).begin() + shift);
        }
        periods[i].first_frame += shift;
    }
    first_ += shift;
    position_ += shift;
    return true;
}

TonePlan plan_from(const TonePlan& plan, std::int64_t position)
{
    auto out = plan;
    for (auto& tone : out.tones) {
        const auto turn = tone.bin * position % plan.period_frames;  // in whole frames, so that nothing is lost to rounding
        tone.phase_rad += 2.0 * std::numbers::pi * static_cast<double>(turn) / static_cast<double>(plan.period_frames);
    }
    return out;
}

}  // namespace lowleg::procedure
