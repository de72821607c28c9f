#include "circuit/rt/nonlinear_stepper.h"

#include <algorithm>
#include <cmath>

namespace lowleg::circuit::rt {
namespace {

// A misfit this far below what the quantity has been is 180 dB below it.
constexpr double small_enough = 1e-9;
constexpr double least_scale = 1e-6;
// How fast the largest value that a quantity has had is forgotten, per step: seconds.
constexpr double forgetting = 1.0 - 1e-6;

constexpr int most_chords = 6;        // with triangles of an earlier place
constexpr int most_newton_steps = 40;
constexpr int most_halvings = 12;

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

std::size_t NonlinearStepper::storage_for(const NonlinearShape& s) noexcept
{
    return s.states + s.inputs * input_length(s) + s.outputs * high_frames(s) + 2 * high_frames(s) + filter_storage(s) + s.rows() +
           4 * s.searched() + s.quantities + stages * s.laws + s.inputs * stages + 2 * lanes * s.instructions +
           s.searched() * s.searched();
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
    searched_ = take(s.searched());
    kept_ = take(s.searched());
    change_ = take(s.searched());
    misfit_ = take(s.searched());
    scale_ = take(s.quantities);
    law_ = take(stages * s.laws);
    drive_ = take(s.inputs * stages);
    values_ = take(lanes * s.instructions);
    adjoints_ = take(lanes * s.instructions);
    triangles_ = take(s.searched() * s.searched());
}

void NonlinearStepper::restart(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    std::copy_n(m.rest, shape_.states, state_.data());
    std::fill(input_.begin(), input_.end(), 0.0);
    std::fill(filters_.begin(), filters_.end(), 0.0);
    std::fill(scale_.begin(), scale_.end(), 0.0);
    forget();
    condition_ = Condition::runs;
}

void NonlinearStepper::forget() LOWLEG_REALTIME
{
    std::fill(law_.begin(), law_.end(), 0.0);
    factorized_ = false;
}

double NonlinearStepper::look(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    ++evaluations_;
    const auto laws = shape_.laws;
    const auto searched = shape_.searched();
    const auto quantity = [&](std::size_t stage, std::size_t index) LOWLEG_REALTIME { return searched_[stage * shape_.quantities + index]; };
    double* values = values_.data();
    for (std::size_t index = 0; index < m.groups.size(); ++index) {
        const LawGroup& group = m.groups[index];
        double inputs[max_law_inputs * lanes];
        bool is_idle = true;
        for (std::size_t k = 0; k < laws_in_group; ++k) {
            const LawView& law = m.laws[group.laws[k]];
            for (std::size_t i = 0; i < group.input_count; ++i)
                for (std::size_t stage = 0; stage < stages; ++stage) {
                    const double q = quantity(stage, law.inputs[i]);
                    inputs[i * lanes + k * stages + stage] = q;
                    is_idle = is_idle && q > law.lowest[i] && q < law.highest[i];
                }
        }
        idle_[index] = is_idle;
        if (!is_idle) evaluate_lanes(group.function, inputs, values);
        const double* results = values + (group.function.size() - 1) * lanes;
        for (std::size_t k = 0; k < group.law_count; ++k) {
            const LawView& law = m.laws[group.laws[k]];
            for (std::size_t stage = 0; stage < stages; ++stage) {
                double& g = law_[stage * laws + group.laws[k]];
                g = 0.0;
                if (is_idle) continue;
                const auto lane = k * stages + stage;
                g = results[lane] - law.offset;
                for (std::size_t i = 0; i < group.input_count; ++i) g -= law.slopes[i] * inputs[i * lanes + lane];
            }
        }
        values += group.function.size() * lanes;
    }
    for (std::size_t r = 0; r < searched; ++r) misfit_[r] = linear_[r] - searched_[r];
    for (std::size_t k = 0; k < stages * laws; ++k) {
        const double* column = m.from_law + k * shape_.rows();
        const double g = law_[k];
        if (g == 0.0) continue;  // within the range where a limiter does nothing
        for (std::size_t r = 0; r < searched; ++r) misfit_[r] += column[r] * g;
    }
    double largest = 0.0;
    for (std::size_t stage = 0; stage < stages; ++stage)
        for (std::size_t i = 0; i < shape_.quantities; ++i) {
            const double in_units = std::abs(misfit_[stage * shape_.quantities + i]) / (small_enough * scale_[i]);
            if (!(in_units <= largest)) largest = in_units;  // not a number stays
        }
    return largest;
}

bool NonlinearStepper::factorize(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    const auto n = shape_.searched();
    double* a = triangles_.data();
    std::fill(triangles_.begin(), triangles_.end(), 0.0);
    for (std::size_t i = 0; i < n; ++i) a[i * n + i] = 1.0;
    const double* values = values_.data();
    for (std::size_t index = 0; index < m.groups.size(); ++index) {
        const LawGroup& group = m.groups[index];
        double gradient[max_law_inputs * lanes];
        if (!idle_[index]) differentiate_lanes(group.function, values, group.input_count, gradient, adjoints_.data());
        values += group.function.size() * lanes;
        if (idle_[index]) continue;
        for (std::size_t k = 0; k < group.law_count; ++k)
            for (std::size_t stage = 0; stage < stages; ++stage) {
                const LawView& law = m.laws[group.laws[k]];
                const double* column = m.from_law + (stage * shape_.laws + group.laws[k]) * shape_.rows();
                for (std::size_t i = 0; i < group.input_count; ++i) {
                    const double slope = gradient[i * lanes + k * stages + stage] - law.slopes[i];
                    if (slope == 0.0) continue;
                    double* into = a + (stage * shape_.quantities + law.inputs[i]) * n;
                    for (std::size_t r = 0; r < n; ++r) into[r] -= column[r] * slope;
                }
            }
    }
    // Gaussian elimination with partial pivoting, in place.
    for (std::size_t c = 0; c < n; ++c) {
        std::size_t best = c;
        for (std::size_t r = c + 1; r < n; ++r)
            if (std::abs(a[c * n + r]) > std::abs(a[c * n + best])) best = r;
        pivot_[c] = static_cast<std::uint8_t>(best);
        if (!(std::abs(a[c * n + best]) > 1e-300)) return false;
        if (best != c)
            for (std::size_t j = 0; j < n; ++j) std::swap(a[j * n + c], a[j * n + best]);
        const double inverse = 1.0 / a[c * n + c];
        for (std::size_t r = c + 1; r < n; ++r) a[c * n + r] *= inverse;
        for (std::size_t j = c + 1; j < n; ++j) {
            const double factor = a[j * n + c];
            if (factor == 0.0) continue;
            for (std::size_t r = c + 1; r < n; ++r) a[j * n + r] -= a[c * n + r] * factor;
        }
    }
    return true;
}

void NonlinearStepper::find_change() LOWLEG_REALTIME
{
    const auto n = shape_.searched();
    const double* a = triangles_.data();
    std::copy(misfit_.begin(), misfit_.end(), change_.begin());
    for (std::size_t c = 0; c < n; ++c) {
        std::swap(change_[c], change_[pivot_[c]]);
        for (std::size_t r = c + 1; r < n; ++r) change_[r] -= a[c * n + r] * change_[c];
    }
    for (std::size_t c = n; c-- > 0;) {
        change_[c] /= a[c * n + c];
        for (std::size_t r = 0; r < c; ++r) change_[r] -= a[c * n + r] * change_[c];
    }
}

bool NonlinearStepper::solve(const NonlinearMatrices& m) LOWLEG_REALTIME
{
    const auto searched = shape_.searched();
    const auto laws = shape_.laws;
    // The laws as a straight line through the last step's stages, at 1/3 and 1 of it.
    for (std::size_t k = 0; k < laws; ++k) {
        const double first = law_[k];
        const double last = law_[laws + k];
        law_[k] = last + 0.5 * (last - first);
        law_[laws + k] = last + 1.5 * (last - first);
    }
    std::copy_n(linear_.data(), searched, searched_.data());
    for (std::size_t k = 0; k < stages * laws; ++k) {
        const double g = law_[k];
        if (g == 0.0) continue;
        const double* column = m.from_law + k * shape_.rows();
        for (std::size_t r = 0; r < searched; ++r) searched_[r] += column[r] * g;
    }
    for (std::size_t i = 0; i < shape_.quantities; ++i)
        scale_[i] = std::max({scale_[i] * forgetting, std::abs(searched_[i]), least_scale});

    double misfit = look(m);
    if (misfit <= 1.0) return true;

    // Chords with the slopes that held last time, as long as they help.
    if (factorized_) {
        for (int i = 0; i < most_chords; ++i) {
            find_change();
            for (std::size_t r = 0; r < searched; ++r) {
                kept_[r] = searched_[r];
                searched_[r] += change_[r];
            }
            const double before = misfit;
            misfit = look(m);
            if (misfit <= 1.0) return true;
            if (misfit < 0.25 * before) continue;
            if (!(misfit < before)) {
                std::copy(kept_.begin(), kept_.end(), searched_.begin());
                misfit = look(m);
            }
            break;
        }
    }
    for (int i = 0; i < most_newton_steps; ++i) {
        factorized_ = factorize(m);
        if (!factorized_) return false;
        find_change();
        std::copy(searched_.begin(), searched_.end(), kept_.begin());
        const double before = misfit;
        double fraction = 1.0;
        for (int halving = 0; halving <= most_halvings; ++halving, fraction *= 0.5) {
            for (std::size_t r = 0; r < searched; ++r) searched_[r] = kept_[r] + fraction * change_[r];
            misfit = look(m);
            if (misfit <= 1.0) return true;
            if (misfit < before * (1.0 - 0.25 * fraction)) break;
        }
        if (!std::isfinite(misfit)) return false;
    }
    // Rounding may keep large circuits from the last digits; a thousand times more is still far below −100 dB.
    return misfit <= 1e3;
}

void NonlinearStepper::one_step(const NonlinearMatrices& m, const double* input) LOWLEG_REALTIME
{
    const auto rows = shape_.rows();
    const auto searched = shape_.searched();
    const auto length = input_length(shape_);
    for (std::size_t i = 0; i < shape_.inputs; ++i) {
        // The step goes from input_taps/2 − 1 to the next of these samples; its first stage is at a third of it.
        const double* x = input + i * length;
        double between = 0.0;
        for (std::size_t t = 0; t < input_taps; ++t) between += m.input_weights[t] * x[t];
        drive_[i * stages] = between;
        drive_[i * stages + 1] = x[input_taps / 2];
    }
    std::copy_n(m.constant, rows, linear_.data());
    add_product(m.from_state, rows, shape_.states, state_.data(), linear_.data());
    add_product(m.from_input, rows, shape_.inputs * stages, drive_.data(), linear_.data());
    if (!solve(m)) {
        condition_ = Condition::does_not_converge;
        return;
    }
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
