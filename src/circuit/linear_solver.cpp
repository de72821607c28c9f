#include "circuit/linear_solver.h"

#include <Eigen/Dense>

#include <cmath>

namespace lowleg::circuit {
namespace {

using Eigen::Index;
using Eigen::MatrixXcd;
using Eigen::MatrixXd;
using Eigen::VectorXd;

Eigen::Map<const MatrixXd> view(const Matrix& m) { return {m.values.data(), static_cast<Index>(m.rows), static_cast<Index>(m.columns)}; }

Matrix matrix_of(const MatrixXd& m)
{
    Matrix out{static_cast<std::size_t>(m.rows()), static_cast<std::size_t>(m.cols())};
    Eigen::Map<MatrixXd>{out.values.data(), m.rows(), m.cols()} = m;
    return out;
}

/// Brings rows and columns to a largest entry near 1.
struct Scaling {
    VectorXd row, column;

    explicit Scaling(const MatrixXd& magnitudes) : row{VectorXd::Ones(magnitudes.rows())}, column{VectorXd::Ones(magnitudes.cols())}
    {
        const auto root = [](double largest) { return largest > 0.0 ? std::scalbn(1.0, -std::ilogb(largest) / 2) : 1.0; };
        for (int pass = 0; pass < 6; ++pass) {
            const MatrixXd scaled = row.asDiagonal() * magnitudes * column.asDiagonal();
            for (Index i = 0; i < row.size(); ++i) row[i] *= root(scaled.row(i).maxCoeff());
            for (Index i = 0; i < column.size(); ++i) column[i] *= root(scaled.col(i).maxCoeff());
        }
    }
};

MatrixXcd pencil(Complex s, const Matrix& c, const Matrix& g) { return s * view(c).cast<Complex>() + view(g).cast<Complex>(); }

}  // namespace

std::optional<Matrix> solve(const Matrix& a, const Matrix& b)
{
    if (a.rows == 0) return Matrix{0, b.columns};
    if (!view(a).allFinite()) return std::nullopt;
    const Scaling scaling{view(a).cwiseAbs()};
    const Eigen::PartialPivLU<MatrixXd> lu{scaling.row.asDiagonal() * view(a) * scaling.column.asDiagonal()};
    if (!(lu.rcond() > 1e-15)) return std::nullopt;
    const MatrixXd x = scaling.column.asDiagonal() * lu.solve(scaling.row.asDiagonal() * view(b));
    if (!x.allFinite()) return std::nullopt;
    return matrix_of(x);
}

std::optional<std::vector<Complex>> solve_at(Complex s, const Matrix& c, const Matrix& g, const Matrix& b)
{
    const MatrixXcd a = pencil(s, c, g);
    const Scaling scaling{a.cwiseAbs()};
    const Eigen::PartialPivLU<MatrixXcd> lu{scaling.row.asDiagonal() * a * scaling.column.asDiagonal()};
    if (!(lu.rcond() > 1e-15)) return std::nullopt;
    const MatrixXcd x = scaling.column.asDiagonal() * lu.solve(scaling.row.asDiagonal() * view(b).cast<Complex>());
    if (!x.allFinite()) return std::nullopt;
    return std::vector<Complex>{x.data(), x.data() + x.size()};
}

std::optional<std::size_t> undecided_at(Complex s, const Matrix& c, const Matrix& g)
{
    const MatrixXcd a = pencil(s, c, g);
    const Scaling scaling{a.cwiseAbs()};
    const Eigen::FullPivLU<MatrixXcd> lu{scaling.row.asDiagonal() * a * scaling.column.asDiagonal()};
    if (lu.isInvertible()) return std::nullopt;
    Index open{};
    const MatrixXcd kernel = lu.kernel();
    (scaling.column.asDiagonal() * kernel.col(0)).cwiseAbs().maxCoeff(&open);
    return static_cast<std::size_t>(open);
}

Matrix product(const Matrix& a, const Matrix& b) { return matrix_of(view(a) * view(b)); }
Matrix transposed_product(const Matrix& a, const Matrix& b) { return matrix_of(view(a).transpose() * view(b)); }

Matrix least_squares_of_transposed(const Matrix& a, const Matrix& b)
{
    if (a.columns == 0 || b.columns == 0) return Matrix{a.rows, b.columns};
    return matrix_of(MatrixXd{view(a).transpose()}.completeOrthogonalDecomposition().solve(MatrixXd{view(b)}));
}

std::vector<Complex> eigenvalues(const Matrix& a)
{
    if (a.rows == 0) return {};
    const Eigen::VectorXcd values = MatrixXd{view(a)}.eigenvalues();
    return {values.begin(), values.end()};
}

}  // namespace lowleg::circuit
