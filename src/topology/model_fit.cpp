#include "topology/model_fit.h"

#include "dsp/nonlinear_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

namespace lowleg::topology {
namespace {

// What a model of a few parts leaves unsaid of real gear, relative to a reading: part of a per cent, and more towards both ends of the
// band, where strays, second resonances and coupling capacitors act.
constexpr double unsaid = 2e-3;
double unsaid_at(Hertz f)
{
    const double high = f.value() / 6000.0;
    const double low = 25.0 / f.value();
    return unsaid * (1.0 + high * high + low * low);
}

/// Crosstalk and leakage of cables and switch, of the loudest that either leg carries in any state.
constexpr double crosstalk = 2e-4;

/// What models leave unsaid is much alike in all readings, so that a few hundred of them count as few.
constexpr double most_independent = 30.0;
constexpr double readings_per_independent = 4.0;

// Beyond what the fixture says. Rin3/Rin2: 1 % resistors.
constexpr double rin_spread = 0.008;
constexpr double rs_spread = 0.03;  // the output resistance of an interface is seldom given better

/// Of one state against another: a frame that was lost, or a start that was found by its phases.
constexpr double lag_spread_us = 20.0;
constexpr double slip_spread_us = 150.0;

constexpr double soft_edge = 0.1;

/// A start that leads to so small a misfit leads to the best there is; after the first stage, one with so large a one leads nowhere.
constexpr double good_misfit = 0.25;
constexpr double hopeless_misfit = 25.0;

double tau() { return 2.0 * std::numbers::pi; }

double step_of(const Prior& p) { return std::clamp(0.02 * p.spread, 1e-5, 0.02); }

/// Residual of a prior: of a flat one only beyond its edges.
double strain(const Prior& p, double x)
{
    if (p.kind == Prior::Kind::normal) return (x - p.center) / p.spread;
    const double beyond = std::abs(x - p.center) - p.spread;
    return beyond > 0.0 ? std::copysign(beyond, x - p.center) / soft_edge : 0.0;
}

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
    rig_ = {normal(0.0, std::max(o_.relative_tolerance, 2e-4)), normal(0.0, rin_spread), normal(0.0, rs_spread)};
    for (const auto state : all_switch_states) {
        if (!o_.phases_agree || state == SwitchState::through || !o_.has(state)) continue;
        lag_of_.at(static_cast<std::size_t>(state)) = rig_.size();
        rig_.push_back(normal(0.0, o_.possible_slips.contains(state) ? slip_spread_us : lag_spread_us));
    }
    for (const auto& at : o_.at) {
        const std::size_t index = frequencies_.size();
        frequencies_.push_back(at.frequency);
        if (o_.has_drive) add_group(index, false, at.drive);
        if (o_.has_probe) add_group(index, true, at.probe);
    }
    effective_ = std::min(most_independent, freedom_ / readings_per_independent);
}

void FitData::add_group(std::size_t frequency, bool probe, const std::map<SwitchState, InputReading>& states)
{
    Group group{frequency, probe, {}};
    const double relative = unsaid_at(frequencies_[frequency]);
    double loudest = 0.0;
    for (const auto& [state, r] : states) loudest = std::max({loudest, std::abs(r.i2.value), std::abs(r.i3.value)});
    for (const auto& [state, r] : states) {
        const auto sigma = [&](const analysis::ComplexEstimate& e) { return std::hypot(e.sigma, relative * std::abs(e.value), crosstalk * loudest) + 1e-12; };
        group.readings.push_back({state, 0, r.i2.value, sigma(r.i2)});
        // In `grounded` input 2 reads the contact.
        if (state != SwitchState::grounded) group.readings.push_back({state, 1, r.i3.value, sigma(r.i3)});
    }
    if (group.readings.size() < 2) return;
    count_ += 2 * group.readings.size();
    freedom_ += 2.0 * static_cast<double>(group.readings.size() - 1);
    groups_.push_back(std::move(group));
}

void FitData::residuals(const PartPriors& priors, std::span<const double> parts, std::span<const double> rig, std::span<double> out) const
{
    const double gain3 = std::exp(rig[0]);
    const double rin_ratio = std::exp(rig[1]);
    const double rs_ratio = std::exp(rig[2]);
    std::size_t at = 0;
    std::size_t frequency = frequencies_.size();
    OutputAdmittances output;
    const auto values = values_of(priors.shape, parts);
    std::optional<FixtureNetwork> network;
    std::array<Complex, 2 * all_switch_states.size()> predicted;
    for (const auto& group : groups_) {
        if (group.frequency != frequency) {
            frequency = group.frequency;
            output = admittances_of(priors.shape, values, frequencies_[frequency]);
            network.emplace(o_.fixture, frequencies_[frequency], rin_ratio, rs_ratio);
        }
        Complex cross{};
        double power = 0.0;
        std::array<Complex, 2> pair{};
        for (std::size_t i = 0; i < group.readings.size(); ++i) {
            const auto& r = group.readings[i];
            if (i == 0 || group.readings[i - 1].state != r.state) {
                pair = network->read(output, r.state, group.probe);
                pair[1] *= gain3;
                if (const auto lag = lag_of_.at(static_cast<std::size_t>(r.state)); lag > 0) {
                    const Complex turn = std::polar(1.0, -tau() * frequencies_[frequency].value() * 1e-6 * rig[lag]);
                    for (auto& v : pair) v *= turn;
                }
            }
            predicted.at(i) = pair.at(r.input);
        }
        for (std::size_t first = 0, end = 0; first < group.readings.size(); first = end) {
            const auto state = group.readings[first].state;
            Complex own{};  // of this state alone
            for (end = first; end < group.readings.size() && group.readings[end].state == state; ++end) {
                const double w = 1.0 / (group.readings[end].sigma * group.readings[end].sigma);
                own += w * std::conj(predicted.at(end)) * group.readings[end].value;
                power += w * std::norm(predicted.at(end));
            }
            // States of unknown start compare in magnitude only: each is turned to where it fits best. `through` comes first.
            if (!o_.phases_agree && first > 0 && std::abs(own) > 0.0 && std::abs(cross) > 0.0) {
                const Complex turn = own / std::abs(own) * std::conj(cross) / std::abs(cross);
                for (std::size_t i = first; i < end; ++i) predicted.at(i) *= turn;
                own *= std::conj(turn);
            }
            cross += own;
        }
        const Complex factor = power > 0.0 ? cross / power : Complex{};
        for (std::size_t i = 0; i < group.readings.size(); ++i) {
            const Complex e = (group.readings[i].value - factor * predicted.at(i)) / group.readings[i].sigma;
            out[at++] = e.real();
            out[at++] = e.imag();
        }
    }
}

double FitData::log_likelihood(double misfit) const { return -0.5 * effective_ * std::log1p(misfit * misfit); }

ModelFit FitData::fit(const PartPriors& priors, std::span<const std::array<double, most_parts>> starts) const
{
    // Unknowns: the parts that are not fixed, then what the fixture may be off by.
    std::vector<std::size_t> free;
    std::vector<Prior> prior;
    for (std::size_t i = 0; i < most_parts; ++i) {
        if (priors.parts.at(i).kind == Prior::Kind::fixed) continue;
        free.push_back(i);
        prior.push_back(priors.parts.at(i));
    }
    const std::size_t own = free.size();
    prior.insert(prior.end(), rig_.begin(), rig_.end());
    const std::size_t n = prior.size();
    std::vector<double> steps;
    for (const auto& p : prior) steps.push_back(step_of(p));

    std::vector<double> raw(count_);
    const auto unpack = [&](std::span<const double> x) {
        std::array<double, most_parts> parts{};
        for (std::size_t i = 0; i < most_parts; ++i) parts.at(i) = priors.parts.at(i).center;
        for (std::size_t i = 0; i < own; ++i) parts.at(free[i]) = x[i];
        return parts;
    };
    const auto evaluate = [&](std::span<const double> x, std::span<double> out) { residuals(priors, unpack(x), x.subspan(own), out); };
    const auto mean_square = [&](std::span<const double> x) {
        evaluate(x, raw);
        double sum = 0.0;
        for (const double r : raw) sum += r * r;
        return sum / std::max(freedom_, 1.0);
    };

    ModelFit best;
    best.log_evidence = -std::numeric_limits<double>::infinity();
    std::vector<std::vector<double>> points;
    for (const bool slipped : {false, true}) {
        if (slipped && o_.possible_slips.empty()) break;
        for (const auto& start : starts) {
            auto& x = points.emplace_back();
            for (const std::size_t i : free) x.push_back(start.at(i));
            x.resize(n, 0.0);
            for (const auto& [state, slip] : o_.possible_slips)
                if (const auto lag = lag_of_.at(static_cast<std::size_t>(state)); slipped && lag > 0) x[own + lag] = 1e6 * slip.value();
        }
    }
    // A part that was pushed to where it does nothing has no slope to come back by: the best point is tried once more with such parts in
    // the middle of what is known of them, and the rig as described.
    const auto reopened = [&](const std::vector<double>& from) {
        auto x = from;
        for (std::size_t i = 0; i < own; ++i)
            if (prior[i].kind == Prior::Kind::flat && std::abs(x[i] - prior[i].center) > 0.85 * prior[i].spread) x[i] = prior[i].center;
        for (std::size_t i = own; i < n; ++i) x[i] = std::clamp(x[i], -0.5 * prior[i].spread, 0.5 * prior[i].spread);
        return x;
    };
    constexpr std::size_t most_restarts = 2;
    std::vector<double> best_x;
    for (std::size_t point = 0, restarts = 0; point < points.size() || restarts < most_restarts; ++point) {
        if (point >= points.size()) {
            if (best_x.empty() || best.misfit < good_misfit || best.misfit > hopeless_misfit) break;
            points.push_back(reopened(best_x));
            ++restarts;
        }
        auto x = points[point];
        dsp::NonlinearFit found;
        double scale = 1.0;
        // The likelihood of t-like errors, by weights: far from the readings every one of them counts less. But on the way there the
        // readings lead, or what is known of parts would hold a distant start where it is.
        for (const bool is_last : {false, true}) {
            const int iterations = is_last ? 12 : 16;
            const double m = mean_square(x);
            if (!std::isfinite(m) || (is_last && m > hopeless_misfit * hopeless_misfit)) break;
            scale = effective_ / std::max(freedom_, 1.0) / (1.0 + (is_last ? m : std::min(m, 1.0)));
            const double weight = std::sqrt(scale);
            const auto weighted = [&](std::span<const double> at, std::span<double> out) {
                evaluate(at, out.first(count_));
                for (auto& r : out.first(count_)) r *= weight;
                for (std::size_t i = 0; i < n; ++i) out[count_ + i] = strain(prior[i], at[i]);
            };
            found = dsp::fit_nonlinear(weighted, count_ + n, x, steps, {iterations, is_last ? 1e-4 : 1e-3});
            x = found.x;
        }
        if (found.x.empty()) continue;
        const double m = mean_square(x);
        double log_evidence = log_likelihood(std::sqrt(m));
        auto hessian = found.normal;
        std::vector<double> rig((n - own) * (n - own));
        for (std::size_t i = 0; i < n; ++i) {
            const double s = strain(prior[i], x[i]);
            log_evidence -= 0.5 * s * s;
            // A normal prior's curvature is among the residuals already.
            if (prior[i].kind == Prior::Kind::flat) hessian[i * n + i] += curvature(prior[i]);
            if (i < own) log_evidence += log_density(prior[i]) + 0.5 * std::log(tau());
            for (std::size_t k = own; i >= own && k < n; ++k) rig[(i - own) * (n - own) + k - own] = hessian[i * n + k];
        }
        // What the rig is off by is the same whatever the output is, and only widens what is known of the parts.
        log_evidence -= 0.5 * (dsp::log_determinant(hessian, n) - dsp::log_determinant(rig, n - own));
        if (!(log_evidence > best.log_evidence)) continue;
        best.log_evidence = log_evidence;
        best_x = x;
        best.misfit = std::sqrt(m);
        best.parts = unpack(x);
        for (const auto state : all_switch_states)
            if (const auto lag = lag_of_.at(static_cast<std::size_t>(state)); lag > 0) best.late[state] = Seconds{1e-6 * x[own + lag]};
        if (best.misfit < good_misfit) break;
    }
    return best;
}

}  // namespace lowleg::topology
