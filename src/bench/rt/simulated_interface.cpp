#include "bench/rt/simulated_interface.h"

#include <algorithm>

namespace lowleg::bench::rt {
namespace {

using circuit::rt::chunk_frames;

/// An ideal converter that clips at ±`limit`. What is not a number is silence.
double converted(double x, double limit) LOWLEG_REALTIME
{
    if (!(x > -limit)) return x <= -limit ? -limit : 0.0;
    return x < limit ? x : limit;
}

/// The same seed gives other dropouts than noise.
std::uint64_t dropout_seed(std::uint64_t seed) LOWLEG_REALTIME { return seed ^ 0xD1B54A32D192ED03U; }

}  // namespace

SimulatedInterface::SimulatedInterface(const Change& first, const NormalTable& table, const InterfaceTiming& timing) LOWLEG_REALTIME
    : setup_{first.setup}, from_{first.setup.levels}, glide_step_{1.0 / static_cast<double>(timing.glide_frames)},
      glide_frames_{timing.glide_frames}, gear_{*first.circuits, timing.gear}, playing_{first.playing, timing.glide_frames},
      capture_{first.capture, timing.glide_frames}, noise_{table, first.setup.seed}, dropout_words_{dropout_seed(first.setup.seed)}
{
    capture_.set_drift(setup_.drift_per_frame);
    judge_hum();
    // Coupling capacitors have charged long since.
    const auto& start = first.circuits->positions[gear_.position()];
    for (std::size_t leg = 0; leg < 2; ++leg)
        if (setup_.coupling[leg] > 0.0 && start.runs) charge_[leg] = start.rest_volts[leg];
}

Levels SimulatedInterface::levels_now() const LOWLEG_REALTIME
{
    if (glide_left_ == 0) return setup_.levels;
    const double part = static_cast<double>(glide_left_) * glide_step_;  // still to go
    const auto now = [&](double target, double from) LOWLEG_REALTIME { return target - part * (target - from); };
    Levels out;
    const Levels& target = setup_.levels;
    out.volts_per_unit = now(target.volts_per_unit, from_.volts_per_unit);
    for (std::size_t leg = 0; leg < 2; ++leg) out.gains[leg] = now(target.gains[leg], from_.gains[leg]);
    out.drive = now(target.drive, from_.drive);
    for (std::size_t leg = 0; leg < 2; ++leg) out.returned[leg] = now(target.returned[leg], from_.returned[leg]);
    out.clip = now(target.clip, from_.clip);
    out.noise = now(target.noise, from_.noise);
    for (std::size_t k = 0; k < most_hum_harmonics; ++k) out.hum[k] = now(target.hum[k], from_.hum[k]);
    return out;
}

void SimulatedInterface::judge_hum() LOWLEG_REALTIME
{
    has_hum_ = false;
    for (std::size_t k = 0; k < most_hum_harmonics; ++k)
        if (setup_.levels.hum[k] > 0.0 || (glide_left_ > 0 && from_.hum[k] > 0.0)) has_hum_ = true;
}

void SimulatedInterface::take(Change& change) LOWLEG_REALTIME
{
    from_ = levels_now();
    glide_left_ = glide_frames_;
    if (change.setup.seed != setup_.seed) {
        noise_.restart(change.setup.seed);
        dropout_words_ = RandomWords{dropout_seed(change.setup.seed)};
    }
    for (std::size_t leg = 0; leg < 2; ++leg)
        if (setup_.coupling[leg] > 0.0 && change.setup.coupling[leg] == 0.0) charge_release_[leg] = charge_[leg] * glide_step_;
    setup_ = change.setup;
    judge_hum();
    if (change.circuits != nullptr) gear_.exchange(*change.circuits);
    else gear_.start_anew_if_in_trouble();
    if (change.has_playing) playing_.change_to(change.playing);
    if (change.has_capture) capture_.change_to(change.capture);
    capture_.set_drift(setup_.drift_per_frame);
    change.is_spent.store(true, std::memory_order_release);
}

/// First-order high-pass, by the trapezoidal rule (V. Zavalishin, "The Art of VA Filter Design", §3: its state is the charge,
/// which goes on when the corner moves).
void SimulatedInterface::couple(double* x, std::size_t leg, std::size_t frames) LOWLEG_REALTIME
{
    double charge = charge_[leg];
    if (const double share = setup_.coupling[leg]; share > 0.0) {
        for (std::size_t n = 0; n < frames; ++n) {
            const double half_step = (x[n] - charge) * share;
            const double held = charge + half_step;
            charge = held + half_step;
            x[n] -= held;
        }
        if (charge < 1e-40 && charge > -1e-40) charge = 0.0;
    } else {
        const double step = charge_release_[leg];
        for (std::size_t n = 0; n < frames; ++n) {
            charge = (step > 0.0 ? charge > step : charge < step) ? charge - step : 0.0;
            x[n] -= charge;
        }
    }
    charge_[leg] = charge;
}

/// Σ amplitude · sin(kφ) by Clenshaw's recurrence, all frames of the chunk side by side.
void SimulatedInterface::add_hum(double* captured, std::size_t frames) LOWLEG_REALTIME
{
    double twice_cos[chunk_frames]{};
    double sine[chunk_frames]{};
    for (std::size_t n = 0; n < frames; ++n) {
        twice_cos[n] = 2.0 * cos_;
        sine[n] = sin_;
        const double turned = cos_ * setup_.hum_cos - sin_ * setup_.hum_sin;
        sin_ = sin_ * setup_.hum_cos + cos_ * setup_.hum_sin;
        cos_ = turned;
        // Rounding would let its length drift by 1e-16 per frame: one Newton step towards 1.
        const double correction = 1.5 - 0.5 * (cos_ * cos_ + sin_ * sin_);
        cos_ *= correction;
        sin_ *= correction;
    }
    double b1[chunk_frames]{};
    double b2[chunk_frames]{};
    for (std::size_t k = most_hum_harmonics; k-- > 0;) {
        const auto amplitude = glide(setup_.levels.hum[k], from_.hum[k]);
        for (std::size_t n = 0; n < chunk_frames; ++n) {
            const double b0 = amplitude(n) + twice_cos[n] * b1[n] - b2[n];
            b2[n] = b1[n];
            b1[n] = b0;
        }
    }
    for (std::size_t leg = 0; leg < 2; ++leg)
        for (std::size_t n = 0; n < frames; ++n) captured[leg * chunk_frames + n] += b1[n] * sine[n];
}

void SimulatedInterface::add_noise(double* captured, std::size_t frames) LOWLEG_REALTIME
{
    const auto rms = glide(setup_.levels.noise, from_.noise);
    for (std::size_t n = 0; n < frames; ++n) {
        const auto pair = noise_.next();
        captured[n] += rms(n) * static_cast<double>(pair[0]);
        captured[chunk_frames + n] += rms(n) * static_cast<double>(pair[1]);
    }
}

std::uint32_t SimulatedInterface::dropouts(std::size_t frames) LOWLEG_REALTIME
{
    std::uint32_t begins = 0;
    for (std::size_t n = 0; n < frames; ++n)
        if (dropout_words_.next() < setup_.dropout_threshold) begins |= 1U << n;
    return begins;
}

void SimulatedInterface::process(const float* out1, const float* out2, float* in1, float* in2, std::uint32_t frames) LOWLEG_REALTIME
{
    double played[2 * chunk_frames];
    double captured[2 * chunk_frames];
    const Levels& target = setup_.levels;

    for (std::size_t done = 0; done < frames;) {
        auto n_frames = std::min<std::size_t>(frames - done, chunk_frames);
        if (glide_left_ > 0) n_frames = std::min<std::size_t>(n_frames, glide_left_);  // a chunk glides as a whole or not at all

        const auto drive = glide(target.drive, from_.drive);
        const std::array returned{glide(target.returned[0], from_.returned[0]), glide(target.returned[1], from_.returned[1])};
        const auto late = std::max(setup_.return_frames, chunk_frames);
        for (std::size_t n = 0; n < n_frames; ++n) {
            played[n] = drive(n) * converted(static_cast<double>(out1[done + n]) + returned[0](n) * past_.at(0, late - n), 1.0);
            played[chunk_frames + n] = converted(static_cast<double>(out2[done + n]) + returned[1](n) * past_.at(1, late - n), 1.0);
        }
        if (!playing_.is_straight()) playing_.pass(played, played + chunk_frames, n_frames, 0);
        const auto volts = glide(target.volts_per_unit, from_.volts_per_unit);
        for (std::size_t n = 0; n < n_frames; ++n) {
            played[n] *= volts(n);
            played[chunk_frames + n] *= volts(n);
        }

        gear_.step(played, captured, n_frames);

        double units_per_volt[chunk_frames];
        std::fill_n(units_per_volt, n_frames, 1.0 / target.volts_per_unit);
        if (glide_left_ > 0)
            for (std::size_t n = 0; n < n_frames; ++n) units_per_volt[n] = 1.0 / volts(n);
        for (std::size_t leg = 0; leg < 2; ++leg) {
            double* x = captured + leg * chunk_frames;
            if (setup_.coupling[leg] > 0.0 || charge_[leg] != 0.0) couple(x, leg, n_frames);
            const auto gain = glide(target.gains[leg], from_.gains[leg]);
            for (std::size_t n = 0; n < n_frames; ++n) x[n] *= gain(n) * units_per_volt[n];
        }
        if (has_hum_) add_hum(captured, n_frames);
        const auto begins = setup_.dropout_threshold > 0 ? dropouts(n_frames) : 0U;
        if (!capture_.is_straight()) capture_.pass(captured, captured + chunk_frames, n_frames, setup_.slips ? begins : 0U);
        if (target.noise > 0.0 || (glide_left_ > 0 && from_.noise > 0.0)) add_noise(captured, n_frames);

        const auto clip = glide(target.clip, from_.clip);
        for (std::size_t n = 0; n < n_frames; ++n) {
            const double first = converted(captured[n], clip(n));
            const double second = setup_.same_channel ? first : converted(captured[chunk_frames + n], clip(n));
            past_.push(first, second);
            in1[done + n] = static_cast<float>(first);
            in2[done + n] = static_cast<float>(second);
        }
        if (begins != 0 || silent_frames_ > 0) {
            for (std::size_t n = 0; n < n_frames; ++n) {
                if ((begins >> n & 1U) != 0 && !setup_.slips) silent_frames_ = setup_.dropout_frames;
                if (silent_frames_ == 0) continue;
                --silent_frames_;
                in1[done + n] = in2[done + n] = 0.0F;
            }
        }
        if (glide_left_ > 0) {
            glide_left_ -= static_cast<std::uint32_t>(n_frames);
            if (glide_left_ == 0) judge_hum();
        }
        done += n_frames;
    }
}

}  // namespace lowleg::bench::rt
