#include "bench/rt/gear.h"

#include <cmath>

namespace lowleg::bench::rt {
namespace {

using circuit::rt::chunk_frames;
using circuit::rt::Condition;

// What has latched stands further than this from where it rests, and moves less than so much of that,
constexpr double latched_volts = 1.0;
constexpr double latched_share = 0.01;
// while its inputs, by their gain at 1 kHz, would have it move ten times as far as it does.
constexpr double follows_share = 0.1;

}  // namespace

Gear::Gear(Circuits& circuits, const Timing& timing) LOWLEG_REALTIME
    : circuits_{&circuits}, fade_step_{1.0 / static_cast<double>(timing.fade_frames)}, watch_frames_{timing.watch_frames}
{
    start_anew();
    presence_ = trouble_ == Trouble::none ? 1.0 : 0.0;
}

void Gear::start_anew() LOWLEG_REALTIME
{
    watched_frames_ = 0;
    trouble_ = at().runs ? Trouble::none : Trouble::latched_at_rest;
    if (at().runs) circuits_->stepper->restart(at().matrices);
}

void Gear::start_anew_if_in_trouble() LOWLEG_REALTIME
{
    if (trouble_ != Trouble::none) start_anew();
}

void Gear::move_to(std::size_t position) LOWLEG_REALTIME
{
    if (position == position_) return;
    position_ = position;
    watched_frames_ = 0;
    if (trouble_ != Trouble::none || !at().runs) start_anew();
    else circuits_->stepper->forget();
}

void Gear::exchange(Circuits& next) LOWLEG_REALTIME
{
    Circuits* before = circuits_;
    circuits_ = &next;
    watched_frames_ = 0;
    if (trouble_ == Trouble::none && at().runs && next.goes_on) next.stepper->go_on_from(*before->stepper, next.from_before);
    else start_anew();
    before->is_spent.store(true, std::memory_order_release);
}

Trouble Gear::judged(const double* out, std::size_t frames) const LOWLEG_REALTIME
{
    switch (circuits_->stepper->condition()) {
    case Condition::runs: break;
    case Condition::does_not_converge: return Trouble::does_not_converge;
    case Condition::diverged: return Trouble::diverged;
    }
    double sum = 0.0;  // 0 unless one of them is no number, or infinite
    for (std::size_t o = 0; o < 2; ++o)
        for (std::size_t n = 0; n < frames; ++n) sum += 0.0 * out[o * chunk_frames + n];
    return sum == 0.0 ? Trouble::none : Trouble::diverged;
}

void Gear::step(const double* in, double* out, std::size_t frames) LOWLEG_REALTIME
{
    if (trouble_ == Trouble::none) {
        circuits_->stepper->step(at().matrices, in, out, frames);
        trouble_ = judged(out, frames);
    }
    if (trouble_ == Trouble::none) {
        for (std::size_t o = 0; o < 2; ++o) held_[o] = out[o * chunk_frames + frames - 1];
        if (!circuits_->is_linear) watch(in, out, frames);
        for (std::size_t n = 0; n < frames && presence_ < 1.0; ++n) {
            presence_ = presence_ + fade_step_ < 1.0 ? presence_ + fade_step_ : 1.0;
            for (std::size_t o = 0; o < 2; ++o) out[o * chunk_frames + n] *= presence_;
        }
        return;
    }
    for (std::size_t n = 0; n < frames; ++n) {
        presence_ = presence_ > fade_step_ ? presence_ - fade_step_ : 0.0;
        for (std::size_t o = 0; o < 2; ++o) out[o * chunk_frames + n] = held_[o] * presence_;
    }
}

void Gear::watch(const double* in, const double* out, std::size_t frames) LOWLEG_REALTIME
{
    for (std::size_t n = 0; n < frames; ++n) {
        for (std::size_t c = 0; c < 2; ++c) {
            if (watched_frames_ == 0) {
                inputs_[c].begin(in[c * chunk_frames + n]);
                outputs_[c].begin(out[c * chunk_frames + n]);
            }
            inputs_[c].add(in[c * chunk_frames + n]);
            outputs_[c].add(out[c * chunk_frames + n]);
        }
        if (++watched_frames_ < watch_frames_) continue;
        if (has_latched()) trouble_ = Trouble::latched;
        watched_frames_ = 0;
    }
}

bool Gear::has_latched() const LOWLEG_REALTIME
{
    // What drives it to one side only may well hold it there.
    for (const auto& input : inputs_)
        if (input.width() > 0.0 && !(input.lowest < 0.0 && input.highest > 0.0)) return false;
    for (std::size_t o = 0; o < 2; ++o) {
        const double above = outputs_[o].lowest - at().rest_volts[o];
        const double below = at().rest_volts[o] - outputs_[o].highest;
        const double away = above > below ? above : below;
        const double asked = at().gains[o][0] * inputs_[0].width() + at().gains[o][1] * inputs_[1].width();
        const double moved = outputs_[o].width();
        if (away > latched_volts && moved < latched_share * away && moved < follows_share * asked) return true;
    }
    return false;
}

}  // namespace lowleg::bench::rt
