/// \file multiply_add.h
/// The sums that a running circuit consists of. Fast where the processor has AVX2 and FMA, which is asked once; elsewhere the
/// same code in the processor's plain instructions. The two may differ by rounding.
#pragma once

#include "core/realtime.h"

#include <cstddef>
#include <cstdint>

namespace lowleg::circuit::rt {

/// Frames that are computed together: the forcing of this many is one pass over the matrices. Whoever needs fewer computes
/// all the same, so that a frame has the same result, to the last bit, whatever else is in its block.
inline constexpr std::size_t chunk_frames = 8;

/// Rows of a matrix that are computed together: a number of rows that this divides is fast, any other works.
inline constexpr std::size_t row_width = 4;

/// `rows`, filled up with rows of zeros to what is fast.
[[nodiscard]] constexpr std::size_t padded(std::size_t rows) noexcept { return (rows + row_width - 1) / row_width * row_width; }

/// out[r] += Σ_c columns[c · rows + r] · x[c]
void add_product(const double* columns, std::size_t rows, std::size_t column_count, const double* x, double* out) LOWLEG_REALTIME;

/// The same over the first `used` rows of some columns only: out[r] += Σ_i columns[chosen[i] · rows + r] · x[chosen[i]]
void add_chosen(const double* columns, std::size_t rows, std::size_t used, const std::uint8_t* chosen, std::size_t count, const double* x,
                double* out) LOWLEG_REALTIME;

/// out[n · rows + r] = start[r] + Σ_i Σ_t columns[(i · taps + t) · rows + r] · x[i · distance + stride · n + t], n = 0 … chunk_frames − 1:
/// what a moving stretch of every input brings about in every row.
void set_forcing(const double* start, const double* columns, std::size_t rows, std::size_t inputs, std::size_t taps, const double* x,
                 std::size_t distance, std::size_t stride, double* out) LOWLEG_REALTIME;

/// out[(n + 1) · rows + r] += Σ_c columns[c · rows + r] · out[n · rows + c], n = 0 … frames − 1: each frame from the one before.
/// \param column_count  ≤ rows.
void add_recursion(const double* columns, std::size_t rows, std::size_t column_count, double* out, std::size_t frames) LOWLEG_REALTIME;

/// out[n] += Σ_t weights[t] · x[t + n], n = 0 … chunk_frames − 1.
void add_filtered(const double* weights, std::size_t taps, const double* x, double* out) LOWLEG_REALTIME;

/// Whether the sums run on AVX2 and FMA.
[[nodiscard]] bool is_accelerated() LOWLEG_REALTIME;

/// The same sums by the plain instructions, for comparison.
namespace plain {
void add_product(const double* columns, std::size_t rows, std::size_t column_count, const double* x, double* out) LOWLEG_REALTIME;
void add_chosen(const double* columns, std::size_t rows, std::size_t used, const std::uint8_t* chosen, std::size_t count, const double* x,
                double* out) LOWLEG_REALTIME;
void set_forcing(const double* start, const double* columns, std::size_t rows, std::size_t inputs, std::size_t taps, const double* x,
                 std::size_t distance, std::size_t stride, double* out) LOWLEG_REALTIME;
void add_recursion(const double* columns, std::size_t rows, std::size_t column_count, double* out, std::size_t frames) LOWLEG_REALTIME;
void add_filtered(const double* weights, std::size_t taps, const double* x, double* out) LOWLEG_REALTIME;
}  // namespace plain

}  // namespace lowleg::circuit::rt
