#include "dsp/linear_fit.h"

#include <Eigen/Dense>

#include <cmath>

namespace lowleg::dsp {

LinearFit fit_linear(std::span<const LinearEquation> equations, std::span<const double> prior_sigma)
{
    const auto unknowns = static_cast<Eigen::Index>(prior_sigma.size());
    const auto data_rows = static_cast<Eigen::Index>(equations.size());

    // Unknowns in units of their prior, equations in units of their sigma: every row and the prior then count alike, and the
    // condition of the matrix is that of the question, not of the units.
    Eigen::MatrixXcd a = Eigen::MatrixXcd::Zero(data_rows + unknowns, unknowns);
    Eigen::VectorXcd b = Eigen::VectorXcd::Zero(data_rows + unknowns);
    for (Eigen::Index row = 0; row < data_rows; ++row) {
        const auto& equation = equations[static_cast<std::size_t>(row)];
        for (Eigen::Index j = 0; j < unknowns; ++j)
            a(row, j) = equation.a[static_cast<std::size_t>(j)] * prior_sigma[static_cast<std::size_t>(j)] / equation.sigma;
        b(row) = equation.b / equation.sigma;
    }
    for (Eigen::Index j = 0; j < unknowns; ++j) a(data_rows + j, j) = 1.0;

    const Eigen::HouseholderQR<Eigen::MatrixXcd> qr{a};
    const Eigen::VectorXcd scaled = qr.solve(b);
    // Covariance of the scaled unknowns: (AᴴA)⁻¹ = R⁻¹R⁻ᴴ, whose diagonal is the squared norm of the rows of R⁻¹.
    const Eigen::MatrixXcd r = qr.matrixQR().topRows(unknowns).triangularView<Eigen::Upper>();
    const Eigen::MatrixXcd r_inverse =
        r.triangularView<Eigen::Upper>().solve(Eigen::MatrixXcd::Identity(unknowns, unknowns));

    LinearFit fit;
    for (Eigen::Index j = 0; j < unknowns; ++j) {
        const double prior = prior_sigma[static_cast<std::size_t>(j)];
        fit.x.push_back(scaled(j) * prior);
        fit.sigma.push_back(r_inverse.row(j).norm() * prior);
    }
    fit.chi_square = (a.topRows(data_rows) * scaled - b.head(data_rows)).squaredNorm();
    return fit;
}

}  // namespace lowleg::dsp
