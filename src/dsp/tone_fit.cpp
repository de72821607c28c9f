#include "dsp/tone_fit.h"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace lowleg::dsp {

struct ToneFit::Setup {
    std::size_t tones{};
    Eigen::MatrixXd inverse;  ///< Columns of the basis → rows: coefficients from samples.
    Eigen::MatrixXd gram;
    std::vector<double> unit_sigma;
};

Result<ToneFit> ToneFit::create(std::vector<double> cycles_per_frame, std::size_t frames)
{
    const auto tones = cycles_per_frame.size();
    const auto unknowns = static_cast<Eigen::Index>(2 * tones + 2);
    const auto n = static_cast<Eigen::Index>(frames);
    if (n <= unknowns)
        return Error{"a stretch of " + std::to_string(frames) + " frames is too short for " + std::to_string(tones) + " tones: take a longer one"};
    for (const double f : cycles_per_frame)
        if (!(f > 0.0 && f < 0.5)) return Error{"a tone lies outside the band of its sample rate: choose others"};

    Eigen::MatrixXd basis(n, unknowns);
    const double middle = 0.5 * static_cast<double>(n - 1);
    for (std::size_t t = 0; t < tones; ++t) {
        const auto column = static_cast<Eigen::Index>(2 * t);
        for (Eigen::Index i = 0; i < n; ++i) {
            const double turns = cycles_per_frame[t] * static_cast<double>(i);
            const double angle = 2.0 * std::numbers::pi * (turns - std::floor(turns));
            basis(i, column) = std::cos(angle);
            basis(i, column + 1) = -std::sin(angle);
        }
    }
    for (Eigen::Index i = 0; i < n; ++i) {
        basis(i, unknowns - 2) = 1.0;
        basis(i, unknowns - 1) = (static_cast<double>(i) - middle) / middle;
    }

    auto setup = std::make_shared<Setup>();
    setup->tones = tones;
    setup->gram = basis.transpose() * basis;
    const Eigen::LLT<Eigen::MatrixXd> cholesky{setup->gram};
    // Tones that are the same leave no digit of the difference.
    if (cholesky.info() != Eigen::Success || cholesky.rcond() < 1e-10)
        return Error{"two tones are too close to be told apart in " + std::to_string(frames) + " frames: take a longer stretch"};
    setup->inverse = cholesky.solve(basis.transpose());
    const Eigen::MatrixXd covariance = cholesky.solve(Eigen::MatrixXd::Identity(unknowns, unknowns));
    for (std::size_t t = 0; t < tones; ++t) {
        const auto i = static_cast<Eigen::Index>(2 * t);
        setup->unit_sigma.push_back(std::sqrt(0.5 * (covariance(i, i) + covariance(i + 1, i + 1))));
    }
    return ToneFit{std::move(setup)};
}

ToneFit::Reading ToneFit::read(std::span<const float> x) const
{
    const Eigen::VectorXd samples =
        Eigen::Map<const Eigen::VectorXf>(x.data(), static_cast<Eigen::Index>(std::min(x.size(), frames()))).cast<double>();
    const Eigen::VectorXd a = setup_->inverse * samples;
    Reading out;
    for (std::size_t t = 0; t < setup_->tones; ++t) {
        const auto i = static_cast<Eigen::Index>(2 * t);
        out.phasor.emplace_back(a(i), a(i + 1));
    }
    // Rounding leaves about 10⁻⁸ of the signal where nothing is left.
    const double rest = samples.squaredNorm() - a.dot(setup_->gram * a);
    out.residual_rms = std::sqrt(std::max(rest, 0.0) / static_cast<double>(samples.size() - a.size()));
    return out;
}

double ToneFit::unit_sigma(std::size_t tone) const { return setup_->unit_sigma[tone]; }

std::size_t ToneFit::frames() const noexcept { return static_cast<std::size_t>(setup_->inverse.cols()); }

}  // namespace lowleg::dsp
