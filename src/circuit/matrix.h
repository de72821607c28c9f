/// \file matrix.h
/// A dense matrix as plain storage, for headers that stay free of the library which computes with it.
#pragma once

#include <cstddef>
#include <vector>

namespace lowleg::circuit {

/// Column by column; all zeros when made.
struct Matrix {
    std::size_t rows{};
    std::size_t columns{};
    std::vector<double> values;  ///< [column · rows + row]

    Matrix() = default;
    Matrix(std::size_t row_count, std::size_t column_count) : rows{row_count}, columns{column_count}, values(row_count * column_count) {}

    [[nodiscard]] double& operator()(std::size_t row, std::size_t column) { return values[column * rows + row]; }
    [[nodiscard]] double operator()(std::size_t row, std::size_t column) const { return values[column * rows + row]; }
};

}  // namespace lowleg::circuit
