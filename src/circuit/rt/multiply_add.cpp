#include "circuit/rt/multiply_add.h"

#include "core/pack.h"

namespace lowleg::circuit::rt {
namespace {

static_assert(row_width == numbers_in<Pack>);

/// `count` Numbers of rows. Even and odd columns have sums of their own: half as long a wait for the last one.
template <class Number, std::size_t count>
LOWLEG_INLINE void product_of_rows(const double* columns, std::size_t rows, std::size_t column_count, const double* x, double* out) LOWLEG_REALTIME
{
    Number even[count], odd[count];
    for (std::size_t i = 0; i < count; ++i) {
        load(even[i], out + i * numbers_in<Number>);
        odd[i] = Number{};
    }
    std::size_t c = 0;
    for (; c + 1 < column_count; c += 2, columns += 2 * rows)
        for (std::size_t i = 0; i < count; ++i) {
            Number first, second;
            load(first, columns + i * numbers_in<Number>);
            load(second, columns + rows + i * numbers_in<Number>);
            even[i] += first * x[c];
            odd[i] += second * x[c + 1];
        }
    if (c < column_count)
        for (std::size_t i = 0; i < count; ++i) {
            Number last;
            load(last, columns + i * numbers_in<Number>);
            even[i] += last * x[c];
        }
    for (std::size_t i = 0; i < count; ++i) store(out + i * numbers_in<Number>, even[i] + odd[i]);
}

LOWLEG_INLINE void product(const double* columns, std::size_t rows, std::size_t column_count, const double* x, double* out) LOWLEG_REALTIME
{
    if (column_count == 0) return;
    std::size_t r = 0;
    for (; r + 4 * row_width <= rows; r += 4 * row_width) product_of_rows<Pack, 4>(columns + r, rows, column_count, x, out + r);
    switch ((rows - r) / row_width) {
        case 3: product_of_rows<Pack, 3>(columns + r, rows, column_count, x, out + r); break;
        case 2: product_of_rows<Pack, 2>(columns + r, rows, column_count, x, out + r); break;
        case 1: product_of_rows<Pack, 1>(columns + r, rows, column_count, x, out + r); break;
        default: break;
    }
    for (r = rows / row_width * row_width; r < rows; ++r) product_of_rows<double, 1>(columns + r, rows, column_count, x, out + r);
}

template <class Number, std::size_t width>
LOWLEG_INLINE void chosen_of_rows(const double* columns, std::size_t rows, const std::uint8_t* chosen, std::size_t count, const double* x,
                                  double* out) LOWLEG_REALTIME
{
    Number sum[width];
    for (std::size_t i = 0; i < width; ++i) load(sum[i], out + i * numbers_in<Number>);
    for (std::size_t k = 0; k < count; ++k) {
        const double* column = columns + chosen[k] * rows;
        for (std::size_t i = 0; i < width; ++i) {
            Number part;
            load(part, column + i * numbers_in<Number>);
            sum[i] += part * x[chosen[k]];
        }
    }
    for (std::size_t i = 0; i < width; ++i) store(out + i * numbers_in<Number>, sum[i]);
}

LOWLEG_INLINE void chosen_product(const double* columns, std::size_t rows, std::size_t used, const std::uint8_t* chosen, std::size_t count,
                                  const double* x, double* out) LOWLEG_REALTIME
{
    if (count == 0) return;  // nothing to add; and where there are no laws there are no columns either
    std::size_t r = 0;
    for (; r + 4 * row_width <= used; r += 4 * row_width) chosen_of_rows<Pack, 4>(columns + r, rows, chosen, count, x, out + r);
    for (; r + row_width <= used; r += row_width) chosen_of_rows<Pack, 1>(columns + r, rows, chosen, count, x, out + r);
    for (; r < used; ++r) chosen_of_rows<double, 1>(columns + r, rows, chosen, count, x, out + r);
}

LOWLEG_INLINE void recursion(const double* columns, std::size_t rows, std::size_t column_count, double* out, std::size_t frames) LOWLEG_REALTIME
{
    for (std::size_t n = 0; n < frames; ++n) product(columns, rows, column_count, out + n * rows, out + (n + 1) * rows);
}

/// One Number of rows, from `row` on, all frames of a chunk: each piece of a column is used for all of them.
template <class Number>
LOWLEG_INLINE void forcing_of_rows(const double* start, const double* columns, std::size_t rows, std::size_t row, std::size_t inputs, std::size_t taps,
                                   const double* x, std::size_t distance, std::size_t stride, double* out) LOWLEG_REALTIME
{
    Number first;
    load(first, start + row);
    Number sum[chunk_frames];
    for (std::size_t n = 0; n < chunk_frames; ++n) sum[n] = first;
    std::size_t at = row;
    for (std::size_t i = 0; i < inputs; ++i, x += distance)
        for (std::size_t t = 0; t < taps; ++t, at += rows) {
            Number column;
            load(column, columns + at);
            for (std::size_t n = 0; n < chunk_frames; ++n) sum[n] += column * x[stride * n + t];
        }
    for (std::size_t n = 0; n < chunk_frames; ++n) store(out + n * rows + row, sum[n]);
}

LOWLEG_INLINE void forcing(const double* start, const double* columns, std::size_t rows, std::size_t inputs, std::size_t taps, const double* x,
                           std::size_t distance, std::size_t stride, double* out) LOWLEG_REALTIME
{
    std::size_t r = 0;
    for (; r + row_width <= rows; r += row_width) forcing_of_rows<Pack>(start, columns, rows, r, inputs, taps, x, distance, stride, out);
    for (; r < rows; ++r) forcing_of_rows<double>(start, columns, rows, r, inputs, taps, x, distance, stride, out);
}

/// Four sums, of every fourth tap each: the next need not wait for the last.
LOWLEG_INLINE void filtered(const double* weights, std::size_t taps, const double* x, double* out) LOWLEG_REALTIME
{
    constexpr std::size_t sums = 4;
    constexpr std::size_t packs = chunk_frames / row_width;
    Pack sum[sums][packs];
    for (std::size_t i = 0; i < packs; ++i) {
        load(sum[0][i], out + i * row_width);
        for (std::size_t s = 1; s < sums; ++s) sum[s][i] = Pack{};
    }
    std::size_t t = 0;
    for (; t + sums <= taps; t += sums)
        for (std::size_t s = 0; s < sums; ++s)
            for (std::size_t i = 0; i < packs; ++i) {
                Pack moved;
                load(moved, x + t + s + i * row_width);
                sum[s][i] += moved * weights[t + s];
            }
    for (; t < taps; ++t)
        for (std::size_t i = 0; i < packs; ++i) {
            Pack moved;
            load(moved, x + t + i * row_width);
            sum[0][i] += moved * weights[t];
        }
    for (std::size_t i = 0; i < packs; ++i) store(out + i * row_width, (sum[0][i] + sum[1][i]) + (sum[2][i] + sum[3][i]));
}

}  // namespace

namespace plain {

void add_product(const double* columns, std::size_t rows, std::size_t column_count, const double* x, double* out) LOWLEG_REALTIME
{
    product(columns, rows, column_count, x, out);
}
void add_chosen(const double* columns, std::size_t rows, std::size_t used, const std::uint8_t* chosen, std::size_t count, const double* x,
                double* out) LOWLEG_REALTIME
{
    chosen_product(columns, rows, used, chosen, count, x, out);
}
void set_forcing(const double* start, const double* columns, std::size_t rows, std::size_t inputs, std::size_t taps, const double* x,
                 std::size_t distance, std::size_t stride, double* out) LOWLEG_REALTIME
{
    forcing(start, columns, rows, inputs, taps, x, distance, stride, out);
}
void add_recursion(const double* columns, std::size_t rows, std::size_t column_count, double* out, std::size_t frames) LOWLEG_REALTIME
{
    recursion(columns, rows, column_count, out, frames);
}
void add_filtered(const double* weights, std::size_t taps, const double* x, double* out) LOWLEG_REALTIME
{
    filtered(weights, taps, x, out);
}

}  // namespace plain

namespace {

namespace avx2 {

LOWLEG_AVX2 void add_product(const double* columns, std::size_t rows, std::size_t column_count, const double* x, double* out) LOWLEG_REALTIME
{
    product(columns, rows, column_count, x, out);
}
LOWLEG_AVX2 void add_chosen(const double* columns, std::size_t rows, std::size_t used, const std::uint8_t* chosen, std::size_t count, const double* x,
                            double* out) LOWLEG_REALTIME
{
    chosen_product(columns, rows, used, chosen, count, x, out);
}
LOWLEG_AVX2 void set_forcing(const double* start, const double* columns, std::size_t rows, std::size_t inputs, std::size_t taps, const double* x,
                             std::size_t distance, std::size_t stride, double* out) LOWLEG_REALTIME
{
    forcing(start, columns, rows, inputs, taps, x, distance, stride, out);
}
LOWLEG_AVX2 void add_recursion(const double* columns, std::size_t rows, std::size_t column_count, double* out, std::size_t frames) LOWLEG_REALTIME
{
    recursion(columns, rows, column_count, out, frames);
}
LOWLEG_AVX2 void add_filtered(const double* weights, std::size_t taps, const double* x, double* out) LOWLEG_REALTIME
{
    filtered(weights, taps, x, out);
}

}  // namespace avx2
}  // namespace

bool is_accelerated() LOWLEG_REALTIME { return accelerated; }

void add_product(const double* columns, std::size_t rows, std::size_t column_count, const double* x, double* out) LOWLEG_REALTIME
{
    if (accelerated) avx2::add_product(columns, rows, column_count, x, out);
    else plain::add_product(columns, rows, column_count, x, out);
}
void add_chosen(const double* columns, std::size_t rows, std::size_t used, const std::uint8_t* chosen, std::size_t count, const double* x,
                double* out) LOWLEG_REALTIME
{
    if (accelerated) avx2::add_chosen(columns, rows, used, chosen, count, x, out);
    else plain::add_chosen(columns, rows, used, chosen, count, x, out);
}
void set_forcing(const double* start, const double* columns, std::size_t rows, std::size_t inputs, std::size_t taps, const double* x,
                 std::size_t distance, std::size_t stride, double* out) LOWLEG_REALTIME
{
    if (accelerated) avx2::set_forcing(start, columns, rows, inputs, taps, x, distance, stride, out);
    else plain::set_forcing(start, columns, rows, inputs, taps, x, distance, stride, out);
}
void add_recursion(const double* columns, std::size_t rows, std::size_t column_count, double* out, std::size_t frames) LOWLEG_REALTIME
{
    if (accelerated) avx2::add_recursion(columns, rows, column_count, out, frames);
    else plain::add_recursion(columns, rows, column_count, out, frames);
}
void add_filtered(const double* weights, std::size_t taps, const double* x, double* out) LOWLEG_REALTIME
{
    if (accelerated) avx2::add_filtered(weights, taps, x, out);
    else plain::add_filtered(weights, taps, x, out);
}

}  // namespace lowleg::circuit::rt
