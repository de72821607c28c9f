#include "circuit/rt/nonlinear_stepper.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lowleg::circuit::rt {
namespace {

// What is left of a misfit after the last look is smaller still: 140 dB below what the quantity has been.
constexpr double small_enough = 1e-7;
constexpr double least_scale = 1e-6;
// How fast the largest value that a quantity has had is forgotten, per step: seconds.
constexpr double forgetting = 1.0 - 1e-6;
constexpr std::size_t no_factors = 0;
// Slopes as near as this to those of the factors, as a part of the largest: a look with these factors brings a digit or more.
constexpr double same_slopes = 0.03;

constexpr int most_whole_steps = 20;
constexpr int most_nearer_steps = 25;
constexpr int most_halvings = 12;
constexpr int most_parts = 60;

// No output stage reaches it, and no circuit that computes as it should.
constexpr double beyond_all_bounds = 1e9;

/// See LinearStepper.
double flushed(double charge) LOWLEG_REALTIME { return charge < 1e-40 && charge > -1e-40 ? 0.0 : charge; }

std::size_t high_frames(const NonlinearShape& s) LOWLEG_REALTIME { return chunk_frames << s.doublings; }
std::size_t input_length(const NonlinearShape& s) LOWLEG_REALTIME { return s.delay_steps + input_taps - 1 + high_frames(s); }

std::size_t filter_storage(const NonlinearShape& s) LOWLEG_REALTIME
{
    std::size_t sum = 0;
    for (std::size_t level = 0; level < s.doublings; ++level)
        sum += s.inputs * Doubler::storage_for(s.taps[level], chunk_frames << level) +
               s.outputs * Halver::storage_for(s.taps[level], chunk_frames << level);
    return sum;
}

}  // namespace

std::size_t NonlinearStepper::storage_for(const NonlinearShape& s) LOWLEG_REALTIME
{
    const auto laws = stages * s.laws;
    return s.states + s.inputs * input_length(s) + s.outputs * high_frames(s) + 2 * high_frames(s) + filter_storage(s) + s.rows() +
           2 * padded(s.searched()) + 2 * s.searched() + (stages - 1) * s.quantities + 2 * s.quantities + (stages - 1) * s.laws + 7 * laws +
           2 * laws * max_law_inputs + s.inputs * stages + 2 * lanes * s.instructions + laws * laws;
}

NonlinearStepper::NonlinearStepper(const NonlinearShape& s, std::span<double> storage) LOWLEG_REALTIME : shape_{s}
{
    const auto take = [&](std::size_t count) LOWLEG_REALTIME {
        const auto part = storage.first(count);
        storage = storage.subspan(count);
        return part;
    };
    state_ = take(s.states);
    input_ = take(s.inputs * input_length(s));
    high_ = take(s.outputs * high_frames(s));
    scratch_ = take(2 * high_frames(s));
    filters_ = take(filter_storage(s));
    linear_ = take(s.rows());
    searched_ = take(padded(s.searched()));
    misfit_ = take(padded(s.searched()));
    before_ = take(s.searched());
    asked_ = take(s.searched());
    least_ = take(s.quantities);
    scale_ = take(s.quantities);
    law_ = take(stages * s.laws);
    found_ = take(stages * s.laws);
    missing_ = take(stages * s.laws);
    kept_ = take(stages * s.laws);
    searched_ends_ = take((stages - 1) * s.quantities);
    last_ = take(stages * s.laws);
    start_ = take(stages * s.laws);
    ends_ = take((stages - 1) * s.laws);
    change_ = take(stages * s.laws);
    gradients_ = take(stages * s.laws * max_law_inputs);
    factorized_gradients_ = take(stages * s.laws * max_law_inputs);
    drive_ = take(s.inputs * stages);
    values_ = take(lanes * s.instructions);
    adjoints_ = take(lanes * s.instructions);
    triangles_ = take(stages * s.laws * stages * s.laws);
}

void NonlinearStepper::restart(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    std::copy_n(m.rest, shape_.states, state_.data());
    std::fill(input_.begin(), input_.end(), 0.0);
    std::fill(filters_.begin(), filters_.end(), 0.0);
    std::fill(scale_.begin(), scale_.end(), 0.0);
    forget();
    condition_ = Condition::runs;
    // Until the filters of the outputs hold what the circuit rests at.
    double in[max_channels * chunk_frames]{};
    double out[max_channels * chunk_frames];
    std::size_t longest = 0;
    for (std::size_t level = 0; level < shape_.doublings; ++level) longest += shape_.taps[level] >> level;
    for (std::size_t done = 0; done <= longest; done += chunk_frames) step(m, in, out, chunk_frames);
}

void NonlinearStepper::forget() LOWLEG_REALTIME
{
    std::fill(law_.begin(), law_.end(), 0.0);
    std::fill(ends_.begin(), ends_.end(), 0.0);
    std::fill(searched_ends_.begin(), searched_ends_.end(), 0.0);
    bends_ = false;
    was_active_count_ = 0;
    steps_since_corner_ = 0;
    std::fill(before_.begin(), before_.end(), 0.0);
    factorized_count_ = no_factors;
}

double NonlinearStepper::look(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    const auto used = padded(shape_.searched());
    std::array<std::uint8_t, stages * max_laws> chosen;
    // Most limiters do not limit: their columns are left out.
    const auto choose = [&](std::span<const double> values) LOWLEG_REALTIME {
        std::size_t count = 0;
        for (std::size_t k = 0; k < values.size(); ++k)
            if (values[k] != 0.0) chosen[count++] = static_cast<std::uint8_t>(k);
        return count;
    };
    std::copy_n(linear_.data(), used, searched_.data());
    add_chosen(m.from_law, shape_.rows(), used, chosen.data(), choose(law_), law_.data(), searched_.data());
    evaluate_laws(m);
    for (std::size_t k = 0; k < law_.size(); ++k) missing_[k] = found_[k] - law_[k];
    const auto differ = choose(missing_);
    if (differ == 0) return 0.0;
    std::fill(misfit_.begin(), misfit_.end(), 0.0);
    add_chosen(m.from_law, shape_.rows(), used, chosen.data(), differ, missing_.data(), misfit_.data());
    double largest = 0.0;
    for (std::size_t stage = 0; stage < stages; ++stage)
        for (std::size_t i = 0; i < shape_.quantities; ++i) {
            const double in_units = std::abs(misfit_[stage * shape_.quantities + i]) * least_[i];
            if (!(in_units <= largest)) largest = in_units;  // not a number stays
        }
    return largest;
}

void NonlinearStepper::evaluate_laws(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    ++evaluations_;
    const auto laws = shape_.laws;
    double* values = values_.data();
    active_count_ = 0;
    for (std::size_t k = 0; k < laws; ++k) {
        const LawView& law = m.laws[k];
        double inputs[max_law_inputs * lanes];
        bool is_idle = true;
        for (std::size_t i = 0; i < law.input_count; ++i)
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                const double q = searched_[std::min(lane, stages - 1) * shape_.quantities + law.inputs[i]];
                inputs[i * lanes + lane] = q;
                is_idle = is_idle && q > law.lowest[i] && q < law.highest[i];
            }
        idle_[k] = is_idle;
        if (!is_idle) evaluate_lanes(law.function, inputs, values);
        const double* results = values + (law.function.size() - 1) * lanes;
        for (std::size_t stage = 0; stage < stages; ++stage) {
            const auto at = stage * laws + k;
            found_[at] = 0.0;
            if (is_idle) continue;
            active_[active_count_++] = static_cast<std::uint8_t>(at);
            double g = results[stage] - law.offset;
            for (std::size_t i = 0; i < law.input_count; ++i) g -= law.slopes[i] * inputs[i * lanes + stage];
            found_[at] = g;
        }
        values += law.function.size() * lanes;
    }
}

void NonlinearStepper::differentiate_laws(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    const double* values = values_.data();
    for (std::size_t k = 0; k < shape_.laws; ++k) {
        const LawView& law = m.laws[k];
        if (!idle_[k]) {
            double gradient[max_law_inputs * lanes];
            differentiate_lanes(law.function, values, law.input_count, gradient, adjoints_.data());
            for (std::size_t stage = 0; stage < stages; ++stage) {
                double* to = gradients_.data() + (stage * shape_.laws + k) * max_law_inputs;
                for (std::size_t i = 0; i < law.input_count; ++i) to[i] = gradient[i * lanes + stage] - law.slopes[i];
            }
        }
        values += law.function.size() * lanes;
    }
}

bool NonlinearStepper::is_factorized(const NonlinearMatrices& m) const LOWLEG_REALTIME
{
    if (factorized_count_ == no_factors || factorized_count_ != active_count_ ||
        !std::equal(active_.begin(), active_.begin() + active_count_, factorized_.begin()))
        return false;
    for (std::size_t r = 0; r < active_count_; ++r) {
        const auto inputs = m.laws[active_[r] % shape_.laws].input_count;
        const double* now = gradients_.data() + active_[r] * max_law_inputs;
        const double* then = factorized_gradients_.data() + active_[r] * max_law_inputs;
        for (std::size_t i = 0; i < inputs; ++i)
            if (!(std::abs(now[i] - then[i]) <= same_slopes * std::abs(then[i]))) return false;
    }
    return true;
}

// With g what is looked for, q = linear + K·g, and f(q) the laws: f(q) = g. From any q₀, Newton's step solves
// g = f(q₀) + f′·(linear + K·g − q₀). Of an idle law f and f′ are 0. With the f′ of a place nearby, it comes nearer all the same.
bool NonlinearStepper::factorize(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    differentiate_laws(m);
    if (is_factorized(m)) return true;
    const auto rows = shape_.rows();
    std::copy(gradients_.begin(), gradients_.end(), factorized_gradients_.begin());
    const auto n = active_count_;
    double* a = triangles_.data();
    for (std::size_t c = 0; c < n; ++c) {
        const double* column = m.from_law + active_[c] * rows;
        for (std::size_t r = 0; r < n; ++r) a[c * n + r] = (r == c ? 1.0 : 0.0) - sensed(m, active_[r], column);
    }
    std::copy_n(active_.begin(), n, factorized_.begin());
    factorized_count_ = no_factors;
    // Gaussian elimination with partial pivoting, in place.
    for (std::size_t c = 0; c < n; ++c) {
        std::size_t best = c;
        for (std::size_t r = c + 1; r < n; ++r)
            if (std::abs(a[c * n + r]) > std::abs(a[c * n + best])) best = r;
        pivot_[c] = static_cast<std::uint8_t>(best);
        if (!(std::abs(a[c * n + best]) > 1e-300)) return false;
        if (best != c)
            for (std::size_t j = 0; j < n; ++j) std::swap(a[j * n + c], a[j * n + best]);
        a[c * n + c] = 1.0 / a[c * n + c];
        for (std::size_t r = c + 1; r < n; ++r) a[c * n + r] *= a[c * n + c];
        for (std::size_t j = c + 1; j < n; ++j) {
            const double factor = a[j * n + c];
            if (factor == 0.0) continue;
            for (std::size_t r = c + 1; r < n; ++r) a[j * n + r] -= a[c * n + r] * factor;
        }
    }
    factorized_count_ = n;
    return true;
}

double NonlinearStepper::sensed(const NonlinearMatrices& m, std::size_t at, const double* quantities) const LOWLEG_REALTIME
{
    const auto stage = at / shape_.laws;
    const LawView& law = m.laws[at % shape_.laws];
    const double* slopes = factorized_gradients_.data() + at * max_law_inputs;
    double sum = 0.0;
    for (std::size_t i = 0; i < law.input_count; ++i) sum += slopes[i] * quantities[stage * shape_.quantities + law.inputs[i]];
    return sum;
}

void NonlinearStepper::find_change(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    const auto n = active_count_;
    const auto searched = shape_.searched();
    for (std::size_t r = 0; r < searched; ++r) misfit_[r] = linear_[r] - searched_[r];
    double right[stages * max_laws];
    for (std::size_t r = 0; r < n; ++r) right[r] = found_[active_[r]] + sensed(m, active_[r], misfit_.data());
    const double* a = triangles_.data();
    for (std::size_t c = 0; c < n; ++c) std::swap(right[c], right[pivot_[c]]);
    for (std::size_t c = 0; c < n; ++c)
        for (std::size_t r = c + 1; r < n; ++r) right[r] -= a[c * n + r] * right[c];
    for (std::size_t c = n; c-- > 0;) {
        right[c] *= a[c * n + c];
        for (std::size_t r = 0; r < c; ++r) right[r] -= a[c * n + r] * right[c];
    }
    for (std::size_t k = 0; k < change_.size(); ++k) change_[k] = -law_[k];
    for (std::size_t r = 0; r < n; ++r) change_[active_[r]] += right[r];
}

bool NonlinearStepper::solve(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    const auto laws = shape_.laws;
    const auto quantities = shape_.quantities;
    // What the last step came to, this one will about come to.
    for (std::size_t i = 0; i < quantities; ++i) {
        scale_[i] = std::max({scale_[i] * forgetting, std::abs(searched_[(stages - 1) * quantities + i]), least_scale});
        least_[i] = 1.0 / (small_enough * scale_[i]);
    }
    std::copy(law_.begin(), law_.end(), last_.begin());
    // A parabola through the ends of the last three steps; a corner in between is not seen through, so after it a line, at
    // first the last value. Of the quantities, it is looked at only where laws bend hard.
    const double known = static_cast<double>(std::min(steps_since_corner_, 2));
    const auto foresee = [&](std::span<double> values, std::span<double> ends, std::size_t count) LOWLEG_REALTIME {
        for (std::size_t k = 0; k < count; ++k) {
            const double last = values[(stages - 1) * count + k];
            const double slope = known > 0.0 ? last - ends[k] : 0.0;
            const double bend = known > 1.0 ? slope - (ends[k] - ends[count + k]) : 0.0;
            for (std::size_t stage = 0; stage < stages; ++stage) {
                const double t = m.stage_at[stage];
                values[stage * count + k] = last + t * (slope + 0.5 * (t + 1.0) * bend);
            }
            ends[count + k] = ends[k];
            ends[k] = last;
        }
    };
    foresee(law_, ends_, laws);
    foresee(searched_, searched_ends_, quantities);

    const auto takes_found = [&]() LOWLEG_REALTIME {
        std::copy(found_.begin(), found_.end(), law_.begin());
        const bool is_same = active_count_ == was_active_count_ && std::equal(active_.begin(), active_.begin() + active_count_, was_active_.begin());
        std::copy_n(active_.begin(), active_count_, was_active_.begin());
        was_active_count_ = active_count_;
        bends_ = bends_ && active_count_ > 0;
        steps_since_corner_ = is_same ? std::min(steps_since_corner_ + 1, 2) : 0;
        return true;
    };
    double misfit = std::numeric_limits<double>::max();
    if (bends_) {
        // Where a limiter holds, its current is far less certain than its voltage.
        evaluate_laws(m);
    } else {
        misfit = look(m);
        if (misfit <= 1.0) return takes_found();
    }
    bends_ = true;
    return (newton(m, misfit) || follow(m)) && takes_found();
}

bool NonlinearStepper::newton(const NonlinearMatrices& m, double misfit) LOWLEG_REALTIME
{
    std::copy(law_.begin(), law_.end(), start_.begin());
    // Whole steps bring laws home that bend by powers, even from afar and where a misfit first grows. Exponentials they
    // overshoot: these want steps that only come nearer.
    for (const bool comes_nearer : {false, true}) {
        if (comes_nearer) {
            std::copy(start_.begin(), start_.end(), law_.begin());
            misfit = look(m);
        }
        const int most = comes_nearer ? most_nearer_steps : most_whole_steps;
        for (int i = 0; i < most && std::isfinite(misfit); ++i) {
            if (misfit <= 1.0) {
                std::copy(found_.begin(), found_.end(), law_.begin());
                return true;
            }
            if (!factorize(m)) break;
            find_change(m);
            std::copy(law_.begin(), law_.end(), kept_.begin());
            const double before = misfit;
            double part = 1.0;
            for (int halving = 0; halving <= most_halvings; ++halving, part *= 0.5) {
                for (std::size_t k = 0; k < law_.size(); ++k) law_[k] = kept_[k] + part * change_[k];
                misfit = look(m);
                if (!comes_nearer || misfit <= 1.0 || misfit < before * (1.0 - 0.25 * part)) break;
            }
        }
        if (misfit <= 1.0) {
            std::copy(found_.begin(), found_.end(), law_.begin());
            return true;
        }
    }
    return false;
}

// From what the last step came to, in parts of the way to what this one asks for.
bool NonlinearStepper::follow(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    const auto searched = shape_.searched();
    std::copy_n(linear_.data(), searched, asked_.data());
    std::copy(last_.begin(), last_.end(), law_.begin());
    double done = 0.0;
    double part = 0.5;
    for (int tries = 0; tries < most_parts && done < 1.0; ++tries) {
        const double next = std::min(1.0, done + part);
        for (std::size_t r = 0; r < searched; ++r) linear_[r] = before_[r] + next * (asked_[r] - before_[r]);
        if (newton(m, look(m))) {
            std::copy(law_.begin(), law_.end(), last_.begin());
            done = next;
            part *= 2.0;
        } else {
            std::copy(last_.begin(), last_.end(), law_.begin());
            part *= 0.25;
        }
    }
    std::copy_n(asked_.data(), searched, linear_.data());
    return done >= 1.0;
}

void NonlinearStepper::one_step(const NonlinearMatrices& m, const double* input) LOWLEG_REALTIME
{
    const auto rows = shape_.rows();
    const auto searched = shape_.searched();
    const auto length = input_length(shape_);
    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        // The step goes from the sample at input_taps/2 − 1 to the next.
        const double* x = input + i * length;
        for (std::size_t stage = 0; stage + 1 < stages; ++stage) {
            double between = 0.0;
            for (std::size_t t = 0; t < input_taps; ++t) between += m.input_weights[stage][t] * x[t];
            drive_[i * stages + stage] = between;
        }
        drive_[(i + 1) * stages - 1] = x[input_taps / 2];
    }
    std::copy_n(m.constant, rows, linear_.data());
    add_product(m.from_state, rows, shape_.states, state_.data(), linear_.data());
    add_product(m.from_input, rows, shape_.inputs * stages, drive_.data(), linear_.data());
    if (!solve(m)) {
        condition_ = Condition::does_not_converge;
        return;
    }
    std::copy_n(linear_.data(), searched, before_.data());
    for (std::size_t k = 0; k < stages * shape_.laws; ++k) {
        const double g = law_[k];
        if (g == 0.0) continue;
        const double* column = m.from_law + k * rows;
        for (std::size_t r = searched; r < rows; ++r) linear_[r] += column[r] * g;
    }
    for (std::size_t s = 0; s < shape_.states; ++s) state_[s] = flushed(linear_[searched + s]);
}

void NonlinearStepper::step(const NonlinearMatrices& m, const double* in, double* out, std::size_t frames) LOWLEG_REALTIME
{
    const auto length = input_length(shape_);
    const auto high = frames << shape_.doublings;
    const auto most = high_frames(shape_);
    double* filter = filters_.data();
    double* scratch[2] = {scratch_.data(), scratch_.data() + most};

    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        std::copy_n(in + i * chunk_frames, frames, scratch[0]);
        for (std::size_t level = 0; level < shape_.doublings; ++level) {
            const auto size = Doubler::storage_for(shape_.taps[level], chunk_frames << level);
            Doubler{{m.half_bands[level], shape_.taps[level]}, {filter, size}}.process(scratch[0], scratch[1], frames << level);
            filter += size;
            std::swap(scratch[0], scratch[1]);
        }
        double* history = input_.data() + i * length;
        std::copy_n(scratch[0], high, history + shape_.delay_steps + input_taps - 1);
    }
    for (std::size_t n = 0; n < high && condition_ == Condition::runs; ++n) {
        one_step(m, input_.data() + n);
        for (std::size_t o = 0; o < shape_.outputs; ++o) {
            const double volts = linear_[shape_.searched() + shape_.states + o];
            if (!(std::abs(volts) < beyond_all_bounds)) condition_ = Condition::diverged;
            high_[o * most + n] = volts;
        }
    }
    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        double* history = input_.data() + i * length;
        std::copy(history + high, history + high + shape_.delay_steps + input_taps - 1, history);
    }
    if (condition_ != Condition::runs) {
        for (std::size_t o = 0; o < shape_.outputs; ++o) std::fill_n(out + o * chunk_frames, frames, 0.0);
        return;
    }
    for (std::size_t o = 0; o < shape_.outputs; ++o) {
        const double* from = high_.data() + o * most;
        for (std::size_t level = shape_.doublings; level-- > 0;) {
            const auto size = Halver::storage_for(shape_.taps[level], chunk_frames << level);
            Halver{{m.half_bands[level], shape_.taps[level]}, chunk_frames << level, {filter, size}}.process(from, scratch[0], frames << level);
            filter += size;
            from = scratch[0];
            std::swap(scratch[0], scratch[1]);
        }
        std::copy_n(from, frames, out + o * chunk_frames);
    }
}

}  // namespace lowleg::circuit::rt
