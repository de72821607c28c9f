#include "circuit/rt/multiply_add.h"
#include "support/realtime_guard.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

using namespace lowleg;
using namespace lowleg::circuit;

namespace {

/// −1 … 1, different in all bits; a generator of its own, the same everywhere (Marsaglia, "Xorshift RNGs", 2003).
std::vector<double> numbers(std::size_t count, std::uint64_t seed)
{
    std::vector<double> out(count);
    for (double& x : out) {
        seed ^= seed << 13U;
        seed ^= seed >> 7U;
        seed ^= seed << 17U;
        x = static_cast<double>(static_cast<std::int64_t>(seed)) * 0x1p-63;
    }
    return out;
}

/// A sum in more digits, and what rounding may do to it in any order: half a unit for each product and each addition.
struct Sum {
    long double value{}, magnitude{};
    std::size_t terms{};

    void add(double a, double b = 1.0)
    {
        const auto product = static_cast<long double>(a) * static_cast<long double>(b);
        value += product;
        magnitude += std::abs(product);
        ++terms;
    }
    [[nodiscard]] bool is(double got) const
    {
        const auto allowed = static_cast<double>(terms + 1) * static_cast<double>(magnitude) * std::numeric_limits<double>::epsilon();
        return std::abs(static_cast<double>(static_cast<long double>(got) - value)) <= allowed;
    }
};

/// Both ways of computing a sum.
struct Way {
    const char* name;
    decltype(&rt::add_product) product;
    decltype(&rt::add_chosen) chosen;
    decltype(&rt::set_forcing) forcing;
    decltype(&rt::add_recursion) recursion;
    decltype(&rt::add_filtered) filtered;
};
constexpr Way as_chosen{"as chosen", rt::add_product, rt::add_chosen, rt::set_forcing, rt::add_recursion, rt::add_filtered};
constexpr Way plain{"plain", rt::plain::add_product, rt::plain::add_chosen, rt::plain::set_forcing, rt::plain::add_recursion, rt::plain::add_filtered};

}  // namespace

TEST_CASE("the sums are what they are called, for any number of rows, columns and frames", "[circuit][multiply-add]")
{
    const auto& way = *GENERATE(&as_chosen, &plain);
    const std::size_t rows = GENERATE(range(std::size_t{0}, std::size_t{22}));
    CAPTURE(way.name, rows);
    for (const std::size_t columns : {0U, 1U, 2U, 3U, 4U, 7U, 13U, 46U}) {
        const auto matrix = numbers(columns * rows, 1 + rows);
        const auto start = numbers(20 * rows, 2 + rows);
        CAPTURE(columns);

        const auto x = numbers(columns, 3);
        auto out = std::vector<double>(start.begin(), start.begin() + static_cast<std::ptrdiff_t>(rows));
        {
            const testing::RealtimeScope scope;
            way.product(matrix.data(), rows, columns, x.data(), out.data());
        }
        for (std::size_t r = 0; r < rows; ++r) {
            Sum sum;
            sum.add(start[r]);
            for (std::size_t c = 0; c < columns; ++c) sum.add(matrix[c * rows + r], x[c]);
            REQUIRE(sum.is(out[r]));
        }

        // Every third column, the last first, over all rows and over the first three fifths of them.
        std::vector<std::uint8_t> chosen;
        for (std::size_t c = columns; c > 0; c -= std::min<std::size_t>(c, 3)) chosen.push_back(static_cast<std::uint8_t>(c - 1));
        for (const std::size_t used : {rows, rows * 3 / 5}) {
            out.assign(start.begin(), start.begin() + static_cast<std::ptrdiff_t>(rows));
            {
                const testing::RealtimeScope scope;
                way.chosen(matrix.data(), rows, used, chosen.data(), chosen.size(), x.data(), out.data());
            }
            for (std::size_t r = 0; r < rows; ++r) {
                Sum sum;
                sum.add(start[r]);
                if (r < used)
                    for (const auto c : chosen) sum.add(matrix[c * rows + r], x[c]);
                REQUIRE(sum.is(out[r]));
            }
        }

        for (const std::size_t inputs : {0U, 1U, 2U, 3U}) {
            if (columns % std::max<std::size_t>(inputs, 1) != 0) continue;
            const std::size_t taps = inputs > 0 ? columns / inputs : 0;
            const std::size_t stride = 1 + columns % 3;
            const std::size_t length = taps + stride * (rt::chunk_frames - 1);  // not one more than is to be read
            const auto moving = numbers(inputs * length, 4);
            out.assign(rt::chunk_frames * rows, std::nan(""));
            {
                const testing::RealtimeScope scope;
                way.forcing(start.data(), matrix.data(), rows, inputs, taps, moving.data(), length, stride, out.data());
            }
            for (std::size_t n = 0; n < rt::chunk_frames; ++n)
                for (std::size_t r = 0; r < rows; ++r) {
                    Sum sum;
                    sum.add(start[r]);
                    for (std::size_t i = 0; i < inputs; ++i)
                        for (std::size_t t = 0; t < taps; ++t) sum.add(matrix[(i * taps + t) * rows + r], moving[i * length + stride * n + t]);
                    REQUIRE(sum.is(out[n * rows + r]));
                }
        }

        if (columns > rows) continue;
        for (const std::size_t frames : {1U, 2U, 7U, 8U, 19U}) {
            out.assign(start.begin(), start.begin() + static_cast<std::ptrdiff_t>((frames + 1) * rows));
            {
                const testing::RealtimeScope scope;
                way.recursion(matrix.data(), rows, columns, out.data(), frames);
            }
            // Each frame against the one before as it came out: errors do not add up in the comparison.
            for (std::size_t n = 0; n < frames; ++n)
                for (std::size_t r = 0; r < rows; ++r) {
                    Sum sum;
                    sum.add(start[(n + 1) * rows + r]);
                    for (std::size_t c = 0; c < columns; ++c) sum.add(matrix[c * rows + r], out[n * rows + c]);
                    REQUIRE(sum.is(out[(n + 1) * rows + r]));
                }
        }
    }
    CHECK(testing::take_caught().first.empty());
}

TEST_CASE("a moving sum is what it is called, for any number of taps", "[circuit][multiply-add]")
{
    const auto& way = *GENERATE(&as_chosen, &plain);
    const std::size_t taps = GENERATE(range(std::size_t{0}, std::size_t{14}), values<std::size_t>({46, 80, 157}));
    CAPTURE(way.name, taps);
    const auto weights = numbers(taps, 5);
    const auto x = numbers(taps + rt::chunk_frames - 1, 6);
    const auto start = numbers(rt::chunk_frames, 7);
    auto out = start;
    {
        const testing::RealtimeScope scope;
        way.filtered(weights.data(), taps, x.data(), out.data());
    }
    for (std::size_t n = 0; n < out.size(); ++n) {
        Sum sum;
        sum.add(start[n]);
        for (std::size_t t = 0; t < taps; ++t) sum.add(weights[t], x[t + n]);
        REQUIRE(sum.is(out[n]));
    }
    CHECK(testing::take_caught().first.empty());
}

TEST_CASE("the fast way is taken where the processor has it", "[circuit][multiply-add]")
{
    // The kernel's list of what the processor has, read independently.
    bool has_avx2 = false;
    bool has_fma = false;
    std::ifstream cpuinfo{"/proc/cpuinfo"};
    REQUIRE(cpuinfo);
    for (std::string word; cpuinfo >> word;) {
        has_avx2 = has_avx2 || word == "avx2";
        has_fma = has_fma || word == "fma";
    }
    CHECK(rt::is_accelerated() == (has_avx2 && has_fma));
}
