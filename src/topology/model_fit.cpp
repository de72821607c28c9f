#include "topology/model_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace lowleg::topology {
namespace {

// What a model of a few parts leaves unsaid of real gear, relative to a reading: little amid the band, and more towards its ends, where
// strays, second resonances and coupling capacitors act.
constexpr double unsaid = 3e-4;
double unsaid_at(Hertz f)
{
    const double high = f.value() / 6000.0;
    const double low = 25.0 / f.value();
    return unsaid + 6e-4 * (high * high + low * low);
}

/// What both inputs differ by at one frequency is the same in all states: tolerances of the probe's resistors, the inputs' responses.
constexpr double common_error = 1.5e-3;

/// Crosstalk and leakage of cables and switch, of the loudest that either leg carries in any state.
constexpr double crosstalk = 2e-4;

/// What models leave unsaid is much alike in all readings, so that a few hundred of them count as few.
constexpr double most_independent = 40.0;
constexpr double readings_per_independent = 2.0;
/// And that it is more than so many times what was supposed is as rare as so many standard deviations beyond it.
constexpr double most_unsaid = 2.0;

// Beyond what the fixture says: 1 % resistors, cables, and the output resistance of an interface, which is seldom given better.
constexpr double rin_spread = 0.008;
constexpr double cin_spread = 0.1;
constexpr double rg_spread = 0.006;
constexpr double rs_spread = 0.03;
struct Rig { enum : std::size_t { ln_gain3, ln_rin_ratio, ln_rin, ln_cin, ln_rg, ln_rs, count }; };

/// Of a state that may be late by some frames.
constexpr double slip_spread_us = 150.0;

// Of the starts, those that look best after a few steps are followed to their end.
constexpr std::size_t most_approached = 4;
constexpr std::size_t most_candidates = 3;
constexpr std::size_t most_restarts = 2;
constexpr int first_iterations = 5;
constexpr std::size_t first_stride = 3;  // every third frequency will do
constexpr int approach_iterations = 16;
constexpr int last_iterations = 24;

/// A start that leads to so small a misfit leads to the best there is; after the first stage, one with so large a one leads nowhere.
constexpr double good_misfit = 0.4;
constexpr double hopeless_misfit = 10.0;

double square(double x) { return x * x; }
/// e^{jφ}; most φ are so small that it takes no table.
Complex turned(double phi)
{
    if (std::abs(phi) > 0.03) return std::polar(1.0, phi);
    const double squared = phi * phi;
    return {1.0 - squared / 2.0 * (1.0 - squared / 12.0), phi * (1.0 - squared / 6.0 * (1.0 - squared / 20.0))};
}

/// The residuals of one group. \param gain3  of input 2;
/// \param phases_agree  else states compare in magnitude only.
LOWLEG_INLINE void residuals_inline(const GroupPack& group, const BenchPack& bench, double gain3, bool phases_agree, std::span<double> out)
{
    constexpr std::size_t most_readings = 2 * all_switch_states.size();
    std::array<ComplexPack, most_readings> predicted;
    std::array<ComplexPack, most_readings> errors;
    const std::size_t count = group.readings.size();
    const Pack none{};
    ComplexPack cross;
    Pack power{};
    for (std::size_t first = 0, end = 0; first < count; first = end) {
        const auto state = group.readings[first].state;
        std::array<ComplexPack, 2> pair;
        read(bench.network, bench.output, state, group.probe, pair);
        pair[1] = gain3 * pair[1];
        if (phases_agree && state != SwitchState::through)
            for (auto& v : pair) v = v * bench.turns[static_cast<std::size_t>(state)];
        ComplexPack own;  // of this state alone
        for (end = first; end < count && group.readings[end].state == state; ++end) {
            const auto& r = group.readings[end];
            predicted[end] = r.weight * pair[r.input];
            own = own + along(predicted[end], r.value);
            power += norm(predicted[end]);
        }
        // States of unknown start compare in magnitude only: each is turned to where it fits best. `through` comes first.
        if (!phases_agree && first > 0) {
            for (std::size_t lane = 0; lane < lane_count; ++lane) {
                const Complex here = own.get(lane);
                const Complex others = cross.get(lane);
                if (!(std::abs(here) > 0.0 && std::abs(others) > 0.0)) continue;
                const Complex turn = here / std::abs(here) * std::conj(others) / std::abs(others);
                for (std::size_t i = first; i < end; ++i) predicted[i].set(lane, predicted[i].get(lane) * turn);
                own.set(lane, here * std::conj(turn));
            }
        }
        cross = cross + own;
    }
    const ComplexPack factor{power > none ? cross.re / power : none, power > none ? cross.im / power : none};
    // What all readings of input 2 have in common is worth less: out of the errors goes the part that a relative error of it explains.
    ComplexPack explained;
    Pack length{};
    for (std::size_t i = 0; i < count; ++i) {
        predicted[i] = predicted[i] * factor;
        errors[i] = group.readings[i].value - predicted[i];
        if (group.readings[i].input == 0) continue;
        explained = explained + along(predicted[i], errors[i]);
        length += norm(predicted[i]);
    }
    Pack root = 1.0 + square(common_error) * length;
    for (std::size_t lane = 0; lane < lane_count; ++lane) root[lane] = std::sqrt(root[lane]);
    const ComplexPack share = (length > none ? (1.0 - 1.0 / root) / length : none) * explained;
    for (std::size_t i = 0; i < count; ++i) {
        const ComplexPack e = group.readings[i].input == 0 ? errors[i] : errors[i] - share * predicted[i];
        for (std::size_t lane = 0; lane < lane_count; ++lane) {
            if (group.at[lane] == GroupPack::none) continue;
            out[group.at[lane] + 2 * i] = e.re[lane];
            out[group.at[lane] + 2 * i + 1] = e.im[lane];
        }
    }
}

#if defined(__x86_64__)
LOWLEG_AVX2 void residuals_fast(const GroupPack& group, const BenchPack& bench, double gain3, bool phases_agree, std::span<double> out)
{
    residuals_inline(group, bench, gain3, phases_agree, out);
}
#endif
void residuals_of(const GroupPack& group, const BenchPack& bench, double gain3, bool phases_agree, std::span<double> out)
{
#if defined(__x86_64__)
    if (accelerated) return residuals_fast(group, bench, gain3, phases_agree, out);
#endif
    residuals_inline(group, bench, gain3, phases_agree, out);
}

double tau() { return 2.0 * std::numbers::pi; }

double step_of(const Prior& p) { return std::clamp(0.02 * p.spread, 1e-5, 0.02); }

/// Residual of a prior. A flat one has edges, which hold a part, and no slope.
double strain(const Prior& p, double x) { return p.kind == Prior::Kind::normal ? (x - p.center) / p.spread : 0.0; }

/// ln of the density of a prior at its best, and the curvature that makes a part about which nothing was learnt cost nothing.
double log_density(const Prior& p)
{
    return p.kind == Prior::Kind::normal ? -0.5 * std::log(tau()) - std::log(p.spread) : -std::log(2.0 * p.spread);
}
double curvature(const Prior& p)
{
    return p.kind == Prior::Kind::normal ? 1.0 / (p.spread * p.spread) : tau() / (4.0 * p.spread * p.spread);
}

}  // namespace

FitData::FitData(const Observations& observations) : o_{observations}
{
    rig_ = {normal(0.0, std::max(o_.relative_tolerance, 2e-4)), normal(0.0, rin_spread), normal(0.0, rin_spread), normal(0.0, cin_spread),
            normal(0.0, rg_spread), normal(0.0, rs_spread)};
    for (const auto state : all_switch_states) {
        if (!o_.phases_agree || state == SwitchState::through || !o_.has(state)) continue;
        lag_of_.at(static_cast<std::size_t>(state)) = rig_.size();
        rig_.push_back(normal(0.0, o_.possible_slips.contains(state) ? slip_spread_us : 1e6 * o_.time_tolerance.value()));
    }
    for (const auto& at : o_.at) {
        const std::size_t index = frequencies_.size();
        frequencies_.push_back(at.frequency);
        if (o_.has_drive) add_group(index, false, at.drive);
        if (o_.has_probe) add_group(index, true, at.probe);
    }
    effective_ = std::min(most_independent, freedom_ / readings_per_independent);
    all_ = select(1);
    some_ = select(first_stride);
}

void FitData::add_group(std::size_t frequency, bool probe, const std::map<SwitchState, InputReading>& states)
{
    Group group{frequency, probe, {}};
    const double relative = unsaid_at(frequencies_[frequency]);
    double loudest = 0.0;
    for (const auto& [state, r] : states) loudest = std::max({loudest, std::abs(r.i2.value), std::abs(r.i3.value)});
    for (const auto& [state, r] : states) {
        const auto sigma = [&](const analysis::ComplexEstimate& e) { return std::hypot(e.sigma, relative * std::abs(e.value), crosstalk * loudest) + 1e-12; };
        const auto weighted = [&](std::size_t input, const analysis::ComplexEstimate& e) {
            const double weight = 1.0 / sigma(e);
            group.readings.push_back({state, input, weight * e.value, weight});
        };
        weighted(0, r.i2);
        // In `grounded` input 2 reads the contact.
        if (state != SwitchState::grounded) weighted(1, r.i3);
    }
    if (group.readings.size() < 2) return;
    freedom_ += 2.0 * static_cast<double>(group.readings.size() - 1);
    groups_.push_back(std::move(group));
}

FitData::Selection FitData::select(std::size_t stride) const
{
    Selection out{stride, 0, {}};
    for (const auto& group : groups_) {
        if (group.frequency % stride != 0) continue;
        const std::size_t place = group.frequency / stride / lane_count;
        const std::size_t lane = group.frequency / stride % lane_count;
        auto pack = std::ranges::find_if(out.groups, [&](const GroupPack& p) {
            return p.place == place && p.probe == group.probe &&
                   std::ranges::equal(p.readings, group.readings, [](const auto& a, const auto& b) { return a.state == b.state && a.input == b.input; });
        });
        if (pack == out.groups.end()) {
            pack = out.groups.insert(pack, GroupPack{.place = place, .probe = group.probe});
            for (const auto& r : group.readings) pack->readings.push_back(GroupPack::Reading{.state = r.state, .input = r.input});
        }
        pack->at.at(lane) = out.count;
        for (std::size_t i = 0; i < group.readings.size(); ++i) {
            pack->readings[i].value.set(lane, group.readings[i].value);
            pack->readings[i].weight[lane] = group.readings[i].weight;
        }
        out.count += 2 * group.readings.size();
    }
    return out;
}

double FitData::log_likelihood(double misfit) const
{
    return -0.5 * effective_ * std::log1p(misfit * misfit) - 0.5 * square(std::max(misfit - most_unsaid, 0.0));
}

ModelSearch::ModelSearch(const FitData& data, const PartPriors& priors) : data_{data}, priors_{priors}
{
    for (std::size_t i = 0; i < most_parts; ++i) {
        if (priors.parts.at(i).kind == Prior::Kind::fixed) continue;
        free_.push_back(i);
        prior_.push_back(priors.parts.at(i));
    }
    for (const auto& [part, weight] : priors.together.terms)
        if (const auto at = std::ranges::find(free_, part); at != free_.end()) together_.emplace_back(static_cast<std::size_t>(at - free_.begin()), weight);
    prior_.insert(prior_.end(), data.rig_.begin(), data.rig_.end());
    for (const auto& p : prior_) {
        const double reach = p.kind == Prior::Kind::flat ? p.spread : std::numeric_limits<double>::infinity();
        steps_.push_back(step_of(p));
        lower_.push_back(p.center - reach);
        upper_.push_back(p.center + reach);
    }
    select(data_.all_);
}

std::array<double, most_parts> ModelSearch::parts_of(std::span<const double> x) const
{
    std::array<double, most_parts> parts{};
    for (std::size_t i = 0; i < most_parts; ++i) parts.at(i) = priors_.parts.at(i).center;
    for (std::size_t i = 0; i < free_.size(); ++i) parts.at(free_[i]) = x[i];
    return parts;
}

void ModelSearch::select(const FitData::Selection& frequencies)
{
    selection_ = &frequencies;
    raw_.resize(frequencies.count);
    has_last_ = false;
    const std::size_t count = (data_.frequencies_.size() + frequencies.stride - 1) / frequencies.stride;
    bench_.resize((count + lane_count - 1) / lane_count);
}

void ModelSearch::evaluate(std::span<const double> x, std::span<double> out)
{
    const auto parts = parts_of(x);
    const auto rig = x.subspan(free_.size());
    const std::size_t stride = selection_->stride;
    const auto at_each_frequency = [&](auto&& set) {
        for (std::size_t i = 0, place = 0; i < data_.frequencies_.size(); i += stride, ++place)
            set(data_.frequencies_[i], bench_[place / lane_count], place % lane_count);
    };
    if (!has_last_ || parts != parts_) {
        parts_ = parts;
        const auto values = values_of(priors_.shape, parts);
        at_each_frequency([&](Hertz f, BenchPack& bench, std::size_t lane) { bench.output.set(lane, admittances_of(priors_.shape, values, f)); });
    }
    if (!has_last_ || !std::ranges::equal(rig, rig_)) {
        const FixtureErrors errors{std::exp(rig[Rig::ln_rin_ratio]), std::exp(rig[Rig::ln_rin]), std::exp(rig[Rig::ln_cin]), std::exp(rig[Rig::ln_rg]),
                                   std::exp(rig[Rig::ln_rs])};
        at_each_frequency([&](Hertz f, BenchPack& bench, std::size_t lane) { bench.network.set(lane, FixtureNetwork{data_.o_.fixture, f, errors}); });
        for (std::size_t state = 0; state < all_switch_states.size(); ++state) {
            const auto lag = data_.lag_of_.at(state);
            if (lag == 0 || (has_last_ && rig[lag] == rig_[lag])) continue;
            at_each_frequency(
                [&](Hertz f, BenchPack& bench, std::size_t lane) { bench.turns.at(state).set(lane, turned(-tau() * f.value() * 1e-6 * rig[lag])); });
        }
        rig_.assign(rig.begin(), rig.end());
    }
    has_last_ = true;
    const double gain3 = std::exp(rig[Rig::ln_gain3]);
    for (const auto& group : selection_->groups) residuals_of(group, bench_[group.place], gain3, data_.o_.phases_agree, out);
}

double ModelSearch::mean_square(std::span<const double> x)
{
    evaluate(x, raw_);
    double sum = 0.0;
    for (const double r : raw_) sum += r * r;
    return static_cast<double>(selection_->stride) * sum / std::max(data_.freedom_, 1.0);
}

double ModelSearch::strain_together(std::span<const double> x) const
{
    if (together_.empty()) return 0.0;
    double below = priors_.together.least;
    for (const auto& [i, weight] : together_) below -= weight * x[i];
    return std::max(below, 0.0) / priors_.together.spread;
}

double ModelSearch::strains(std::span<const double> x, std::size_t count) const
{
    double sum = square(strain_together(x));
    for (std::size_t i = 0; i < count; ++i) sum += square(strain(prior_[i], x[i]));
    return sum;
}

std::pair<double, std::vector<double>> ModelSearch::scanned(std::vector<double> x)
{
    const auto cost = [&](std::span<const double> at) { return data_.effective_ * mean_square(at) + strains(at, at.size()); };
    double best = cost(x);
    for (std::size_t i = 0; i < free_.size(); ++i) {
        const double reach = prior_[i].kind == Prior::Kind::normal ? 2.5 : 0.9;
        auto trial = x;
        for (const double at : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
            trial[i] = prior_[i].center + at * reach * prior_[i].spread;
            const double c = cost(trial);
            if (!(c < best)) continue;
            best = c;
            x[i] = trial[i];
        }
    }
    return {best, std::move(x)};
}

std::vector<double> ModelSearch::reopened(std::vector<double> x) const
{
    for (std::size_t i = 0; i < free_.size(); ++i)
        if (prior_[i].kind == Prior::Kind::flat && std::abs(x[i] - prior_[i].center) > 0.85 * prior_[i].spread) x[i] = prior_[i].center;
    for (std::size_t i = free_.size(); i < x.size(); ++i) x[i] = std::clamp(x[i], -0.5 * prior_[i].spread, 0.5 * prior_[i].spread);
    return x;
}

dsp::NonlinearFit ModelSearch::descend(std::span<const double> from, int iterations, bool is_last)
{
    // The likelihood of t-like errors, by weights: far from the readings every one of them counts less. But on the way there the readings
    // lead, or what is known of parts would hold a distant start where it is.
    const double m = mean_square(from);
    if (!std::isfinite(m)) return {};
    const double weight = std::sqrt(static_cast<double>(selection_->stride) * data_.effective_ / std::max(data_.freedom_, 1.0) /
                                    (1.0 + (is_last ? m : std::min(m, 1.0))));
    const std::size_t n = prior_.size();
    const std::size_t count = raw_.size();
    const auto weighted = [&](std::span<const double> at, std::span<double> out) {
        evaluate(at, out.first(count));
        for (auto& r : out.first(count)) r *= weight;
        for (std::size_t i = 0; i < n; ++i) out[count + i] = strain(prior_[i], at[i]);
        out[count + n] = strain_together(at);
    };
    return dsp::fit_nonlinear(weighted, count + n + 1, from, steps_, {iterations, is_last ? 1e-5 : 1e-3, lower_, upper_, is_last});
}

double ModelSearch::approach(std::span<const std::array<double, most_parts>> starts)
{
    select(data_.some_);
    using Point = std::pair<double, std::vector<double>>;
    std::vector<Point> found;
    for (const bool slipped : {false, true}) {
        if (slipped && data_.o_.possible_slips.empty()) break;
        for (const auto& start : starts) {
            std::vector<double> x;
            for (std::size_t i = 0; i < free_.size(); ++i) x.push_back(std::clamp(start.at(free_[i]), lower_[i], upper_[i]));
            x.resize(prior_.size(), 0.0);
            for (const auto& [state, slip] : data_.o_.possible_slips)
                if (const auto lag = data_.lag_of_.at(static_cast<std::size_t>(state)); slipped && lag > 0) x[free_.size() + lag] = 1e6 * slip.value();
            found.push_back(scanned(std::move(x)));
        }
    }
    const auto keep_best = [&](std::size_t most) {
        std::ranges::stable_sort(found, std::ranges::less{}, &Point::first);
        if (found.size() > most) found.resize(most);
    };
    keep_best(most_approached);
    for (auto& [cost, point] : found) {
        auto near = descend(point, first_iterations, false).x;
        cost = near.empty() ? std::numeric_limits<double>::infinity() : mean_square(near);
        point = std::move(near);
    }
    keep_best(most_candidates);
    points_.clear();
    for (auto& f : found)
        if (std::isfinite(f.first)) points_.push_back(std::move(f.second));
    return points_.empty() ? std::numeric_limits<double>::infinity() : std::sqrt(found.front().first);
}

ModelFit ModelSearch::finish()
{
    select(data_.all_);
    ModelFit best;
    best.log_evidence = -std::numeric_limits<double>::infinity();
    std::vector<double> best_x;
    for (std::size_t point = 0, restarts = 0; point < points_.size() || restarts < most_restarts; ++point) {
        if (point >= points_.size()) {
            if (best_x.empty() || best.misfit < good_misfit || best.misfit > hopeless_misfit) break;
            points_.push_back(reopened(best_x));
            ++restarts;
        }
        const auto near = descend(points_[point], approach_iterations, false);
        if (near.x.empty()) continue;
        const auto found = descend(near.x, last_iterations, true);
        const double misfit = std::sqrt(mean_square(found.x));
        const double log_volume = this->log_volume(found);
        const double log_evidence = data_.log_likelihood(misfit) - 0.5 * strains(found.x, found.x.size()) + log_volume;
        if (!(log_evidence > best.log_evidence)) continue;
        best_x = found.x;
        best = {log_evidence, log_volume, std::sqrt(strains(best_x, free_.size())), misfit, parts_of(best_x), {}};
        if (best.misfit < good_misfit) break;
    }
    for (const auto state : all_switch_states)
        if (const auto lag = data_.lag_of_.at(static_cast<std::size_t>(state)); lag > 0 && !best_x.empty()) best.late[state] = Seconds{1e-6 * best_x[free_.size() + lag]};
    return best;
}

double ModelSearch::log_volume(const dsp::NonlinearFit& found) const
{
    const std::size_t n = prior_.size();
    const std::size_t own = free_.size();
    auto hessian = found.normal;
    std::vector<double> rig((n - own) * (n - own));
    double out = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        // A normal prior's curvature is among the residuals already.
        if (prior_[i].kind == Prior::Kind::flat) hessian[i * n + i] += curvature(prior_[i]);
        if (i < own) out += log_density(prior_[i]) + 0.5 * std::log(tau());
        for (std::size_t k = own; i >= own && k < n; ++k) rig[(i - own) * (n - own) + k - own] = hessian[i * n + k];
    }
    // What the rig is off by is the same whatever the output is, and only widens what is known of the parts.
    return out - 0.5 * (dsp::log_determinant(hessian, n) - dsp::log_determinant(rig, n - own));
}

}  // namespace lowleg::topology
