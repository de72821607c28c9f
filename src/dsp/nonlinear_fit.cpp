#include "dsp/nonlinear_fit.h"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lowleg::dsp {
namespace {

constexpr double longest_step = 100.0;  // in units of the caller's steps

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

    double cost = evaluate(x, r);
    double damping = 1e-2;
    Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(n, n);
    const auto differentiate = [&] {
        for (Eigen::Index j = 0; j < n; ++j) {
            trial = x;
            trial(j) += step(j);
            evaluate(trial, moved);
            jacobian.col(j) = (moved - r) / step(j);
        }
        normal.noalias() = jacobian.transpose() * jacobian;
    };
    for (int i = 0; i < options.iterations && std::isfinite(cost); ++i) {
        differentiate();
        const Eigen::VectorXd gradient = jacobian.transpose() * r;
        bool is_better = false;
        double gain = 0.0;
        for (int attempt = 0; attempt < 6 && !is_better; ++attempt) {
            Eigen::MatrixXd damped = normal;
            for (Eigen::Index j = 0; j < n; ++j) damped(j, j) += damping * std::max(normal(j, j), 1e-9 / (step(j) * step(j)));
            Eigen::VectorXd change = -damped.ldlt().solve(gradient);
            for (Eigen::Index j = 0; j < n; ++j) change(j) = std::clamp(change(j), -longest_step * std::abs(step(j)), longest_step * std::abs(step(j)));
            trial = x + change;
            const double there = evaluate(trial, moved);
            is_better = there < cost;
            if (is_better) {
                gain = cost - there;
                x = trial;
                r = moved;
                cost = there;
                damping = std::max(damping * 0.2, 1e-9);
            } else {
                damping = std::min(damping * 8.0, 1e9);
            }
        }
        if (!is_better || gain < options.enough * cost) break;
    }
    differentiate();

    NonlinearFit fit;
    fit.x.assign(x.data(), x.data() + n);
    fit.cost = cost;
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
