#include "circuit/affine_range.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace lowleg::circuit {
namespace {

using rt::Op;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Interval {
    double low{}, high{};
    [[nodiscard]] bool is_point() const { return low == high; }
};
constexpr Interval anything{-infinity, infinity};

Interval operator+(Interval a, Interval b) { return {a.low + b.low, a.high + b.high}; }
Interval operator-(Interval a) { return {-a.high, -a.low}; }
Interval operator-(Interval a, Interval b) { return a + -b; }
Interval operator*(Interval a, Interval b)
{
    const auto times = [](double x, double y) { return x == 0.0 || y == 0.0 ? 0.0 : x * y; };
    const auto [low, high] = std::minmax({times(a.low, b.low), times(a.low, b.high), times(a.high, b.low), times(a.high, b.high)});
    return {low, high};
}

/// A result over a box: where it lies, and where its derivatives lie.
struct Range {
    Interval value;
    std::vector<Interval> slopes;
};

/// Laws that limit are made of these; anything else counts as bent everywhere.
Range range_of(const rt::Instruction& n, const std::vector<Interval>& box, const std::vector<Range>& ranges)
{
    const std::vector<Interval> flat(box.size());
    const auto constant = [&](Interval value) { return Range{value, flat}; };
    const auto combined = [&](Interval value, const Range& a, Interval by_a, const Range& b, Interval by_b) {
        Range out = constant(value);
        for (std::size_t i = 0; i < box.size(); ++i) out.slopes[i] = a.slopes[i] * by_a + b.slopes[i] * by_b;
        return out;
    };
    if (n.op == Op::constant) return constant({n.value, n.value});
    if (n.op == Op::input) {
        Range out = constant(box[n.a]);
        out.slopes[n.a] = {1.0, 1.0};
        return out;
    }
    const Range& a = ranges[n.a];
    const Range& b = ranges[n.b];
    constexpr Interval one{1.0, 1.0};
    constexpr Interval none{0.0, 0.0};
    const auto chosen = [&](bool takes_first) { return takes_first ? a : b; };
    switch (n.op) {
    case Op::add: return combined(a.value + b.value, a, one, b, one);
    case Op::subtract: return combined(a.value - b.value, a, one, b, -one);
    case Op::multiply: return combined(a.value * b.value, a, b.value, b, a.value);
    case Op::divide:
        if (b.value.is_point() && b.value.low != 0.0) {
            const Interval inverse{1.0 / b.value.low, 1.0 / b.value.low};
            return combined(a.value * inverse, a, inverse, b, anything);
        }
        break;
    case Op::negate: return combined(-a.value, a, -one, a, none);
    case Op::scale: return combined(a.value * Interval{n.value, n.value}, a, {n.value, n.value}, a, none);
    case Op::offset: return combined(a.value + Interval{n.value, n.value}, a, one, a, none);
    case Op::square: return combined(a.value * a.value, a, a.value + a.value, a, none);
    case Op::ramp:
        if (a.value.high <= 0.0) return constant(none);
        if (a.value.low >= 0.0) return a;
        return combined({0.0, a.value.high}, a, {0.0, 1.0}, a, none);
    case Op::absolute:
        if (a.value.low >= 0.0) return a;
        if (a.value.high <= 0.0) return combined(-a.value, a, -one, a, none);
        return combined({0.0, std::max(-a.value.low, a.value.high)}, a, {-1.0, 1.0}, a, none);
    case Op::sign:
    case Op::step:
        if (a.value.low > 0.0) return constant(one);
        if (a.value.high < 0.0) return constant(n.op == Op::sign ? -one : none);
        break;
    case Op::min:
        if (a.value.high <= b.value.low || b.value.high <= a.value.low) return chosen(a.value.high <= b.value.low);
        return combined({std::min(a.value.low, b.value.low), std::min(a.value.high, b.value.high)}, a, {0.0, 1.0}, b, {0.0, 1.0});
    case Op::max:
        if (a.value.high <= b.value.low || b.value.high <= a.value.low) return chosen(b.value.high <= a.value.low);
        return combined({std::max(a.value.low, b.value.low), std::max(a.value.high, b.value.high)}, a, {0.0, 1.0}, b, {0.0, 1.0});
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal: {
        const bool asks_less = n.op == Op::less || n.op == Op::less_equal;
        if (a.value.high < b.value.low) return constant(asks_less ? one : none);
        if (b.value.high < a.value.low) return constant(asks_less ? none : one);
        break;
    }
    case Op::select: {
        if (a.value.low > 0.0 || a.value.high < 0.0) return b;
        if (a.value.is_point()) return ranges[n.c];
        break;
    }
    default: break;
    }
    Range bent = constant(anything);
    const auto moves = [](const Range& r) { return std::any_of(r.slopes.begin(), r.slopes.end(), [](Interval s) { return s.low != 0.0 || s.high != 0.0; }); };
    const auto operands = rt::operands_of(n.op);
    const bool is_still = !moves(a) && (operands < 2 || !moves(b)) && (operands < 3 || !moves(ranges[n.c]));
    if (!is_still) bent.slopes.assign(box.size(), anything);
    return bent;
}

bool is_affine(std::span<const rt::Instruction> function, const std::vector<Interval>& box)
{
    std::vector<Range> ranges;
    ranges.reserve(function.size());
    for (const auto& instruction : function) ranges.push_back(range_of(instruction, box, ranges));
    return std::all_of(ranges.back().slopes.begin(), ranges.back().slopes.end(), [](Interval s) { return s.is_point() && std::isfinite(s.low); });
}

}  // namespace

std::optional<Box> affine_range(std::span<const rt::Instruction> function, const std::vector<double>& place)
{
    // Each input alone, each side alone, then all together, smaller until it holds.
    constexpr double narrowest = 1e-12;
    constexpr double widest = 1e12;
    std::vector<Interval> reach(place.size());
    const auto around = [&](double part) {
        std::vector<Interval> box(place.size());
        for (std::size_t i = 0; i < place.size(); ++i) box[i] = {place[i] + part * reach[i].low, place[i] + part * reach[i].high};
        return box;
    };
    for (auto& r : reach) r = {-narrowest, narrowest};
    if (!is_affine(function, around(1.0))) return std::nullopt;
    const auto tiny = reach;
    std::vector<Interval> found = tiny;
    for (std::size_t i = 0; i < place.size(); ++i) {
        for (double Interval::*side : {&Interval::low, &Interval::high}) {
            reach = tiny;
            const double sign = side == &Interval::low ? -1.0 : 1.0;
            double holds = narrowest;
            double fails = widest;
            for (int step = 0; step < 120 && fails / holds > 1.0 + 1e-6; ++step) {
                const double tried = std::sqrt(holds) * std::sqrt(fails);
                reach[i].*side = sign * tried;
                (is_affine(function, around(1.0)) ? holds : fails) = tried;
            }
            found[i].*side = sign * holds;
        }
    }
    reach = found;
    for (double part = 1.0 - 1e-9; part > 1e-3; part *= 0.7) {
        const auto box = around(part);
        if (!is_affine(function, box)) continue;
        Box out;
        for (const auto& side : box) {
            out.lowest.push_back(side.low);
            out.highest.push_back(side.high);
        }
        return out;
    }
    return std::nullopt;
}

}  // namespace lowleg::circuit
