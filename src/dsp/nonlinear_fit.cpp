#include "dsp/nonlinear_fit.h"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lowleg::dsp {
namespace {

constexpr double longest_step = 100.0;  // in units of the caller's steps
// From the least damping, so many attempts reach one under which any descent is found.
constexpr double least_damping = 1e-6;
constexpr int most_attempts = 10;

}  // namespace

NonlinearFit fit_nonlinear(const Residuals& residuals, std::size_t count, std::span<const double> start, std::span<const double> steps,
                           const NonlinearFitOptions& options)
{
    const auto n = static_cast<Eigen::Index>(start.size());
    const auto rows = static_cast<Eigen::Index>(count);
    Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXd>(start.data(), n);
    const Eigen::Map<const Eigen::VectorXd> step{steps.data(), n};
    Eigen::VectorXd r(rows);
    Eigen::VectorXd moved(rows);
    Eigen::MatrixXd jacobian(rows, n);
    Eigen::VectorXd trial(n);
    const auto evaluate = [&](const Eigen::VectorXd& at, Eigen::VectorXd& out) {
        residuals({at.data(), static_cast<std::size_t>(n)}, {out.data(), count});
        const double cost = out.squaredNorm();
        return std::isfinite(cost) ? cost : std::numeric_limits<double>::infinity();
    };

    const auto lower = [&](Eigen::Index j) { return options.lower.empty() ? -std::numeric_limits<double>::infinity() : options.lower[static_cast<std::size_t>(j)]; };
    const auto upper = [&](Eigen::Index j) { return options.upper.empty() ? std::numeric_limits<double>::infinity() : options.upper[static_cast<std::size_t>(j)]; };

    double cost = evaluate(x, r);
    double damping = 1e-2;
    Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(n, n);
    bool is_differentiated = false;  // at x
    const auto differentiate = [&] {
        for (Eigen::Index j = 0; j < n; ++j) {
            const double h = x(j) + step(j) > upper(j) || x(j) + step(j) < lower(j) ? -step(j) : step(j);
            trial = x;
            trial(j) += h;
            evaluate(trial, moved);
            jacobian.col(j) = (moved - r) / h;
        }
        // Half of it, as it is symmetric.
        normal.setZero();
        normal.selfadjointView<Eigen::Lower>().rankUpdate(jacobian.transpose());
        normal = Eigen::MatrixXd{normal.selfadjointView<Eigen::Lower>()};
        is_differentiated = true;
    };
    for (int i = 0; i < options.iterations && std::isfinite(cost); ++i) {
        differentiate();
        Eigen::VectorXd gradient = jacobian.transpose() * r;
        Eigen::MatrixXd free = normal;
        for (Eigen::Index j = 0; j < n; ++j) {
            const bool is_held = (x(j) <= lower(j) && gradient(j) > 0.0) || (x(j) >= upper(j) && gradient(j) < 0.0);
            if (!is_held) continue;
            gradient(j) = 0.0;
            free.row(j).setZero();
            free.col(j).setZero();
            free(j, j) = 1.0;
        }
        bool is_better = false;
        double gain = 0.0;
        for (int attempt = 0; attempt < most_attempts && !is_better; ++attempt) {
            Eigen::MatrixXd damped = free;
            for (Eigen::Index j = 0; j < n; ++j) damped(j, j) += damping * std::max(free(j, j), 1e-9 / (step(j) * step(j)));
            const Eigen::VectorXd change = -damped.ldlt().solve(gradient);
            for (Eigen::Index j = 0; j < n; ++j) {
                const double longest = longest_step * std::abs(step(j));
                trial(j) = std::clamp(x(j) + std::clamp(change(j), -longest, longest), lower(j), upper(j));
            }
            const double there = evaluate(trial, moved);
            is_better = there < cost;
            if (is_better) {
                gain = cost - there;
                x = trial;
                r = moved;
                cost = there;
                is_differentiated = false;
                damping = std::max(damping * 0.2, least_damping);
            } else {
                damping = std::min(damping * 8.0, 1e9);
            }
        }
        if (!is_better || gain < options.enough * cost) break;
    }

    NonlinearFit fit;
    fit.x.assign(x.data(), x.data() + n);
    fit.cost = cost;
    if (!options.wants_normal) return fit;
    if (!is_differentiated) differentiate();
    fit.normal.assign(normal.data(), normal.data() + n * n);
    return fit;
}

double log_determinant(std::span<const double> matrix, std::size_t n)
{
    const auto size = static_cast<Eigen::Index>(n);
    const Eigen::LLT<Eigen::MatrixXd> factors{Eigen::Map<const Eigen::MatrixXd>(matrix.data(), size, size)};
    if (factors.info() != Eigen::Success) return std::numeric_limits<double>::quiet_NaN();
    return 2.0 * factors.matrixLLT().diagonal().array().log().sum();
}

}  // namespace lowleg::dsp
