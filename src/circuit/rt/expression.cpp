#include "circuit/rt/expression.h"

#include <algorithm>
#include <cmath>

namespace lowleg::circuit::rt {
namespace {

constexpr double largest = 1e300;
// Nearer to a singular point than this, the slope is that at this distance.
constexpr double nearest_to_singular = 1e-30;
constexpr double straight_above = 80.0;  // of Op::diode
constexpr double slope_above = 5.5406223843935098e34;  // e^80

double bounded(double x) LOWLEG_REALTIME
{
    if (x > largest) return largest;
    if (x < -largest) return -largest;
    return x == x ? x : 0.0;
}

bool is_within(double x) LOWLEG_REALTIME { return std::abs(x) <= largest; }  // false for NaN

double truth(bool is_true) LOWLEG_REALTIME { return is_true ? 1.0 : 0.0; }
double sign_of(double x) LOWLEG_REALTIME { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0; }

double diode(double x) LOWLEG_REALTIME
{
    return x <= straight_above ? std::exp(x) - 1.0 : slope_above * (x - (straight_above - 1.0)) - 1.0;
}

/// May be infinite or undefined where the contract wants a number: evaluate() looks after that.
double result_of(const Instruction& n, const double* inputs, const double* v) LOWLEG_REALTIME
{
    switch (n.op) {
    case Op::constant: return n.value;
    case Op::input: return inputs[n.a];
    case Op::add: return v[n.a] + v[n.b];
    case Op::subtract: return v[n.a] - v[n.b];
    case Op::multiply: return v[n.a] * v[n.b];
    case Op::divide: return v[n.a] / (v[n.b] == 0.0 ? 0.0 : v[n.b]);  // 1/−0 is what 1/0 is
    case Op::negate: return -v[n.a];
    case Op::scale: return n.value * v[n.a];
    case Op::offset: return v[n.a] + n.value;
    case Op::power: return std::pow(std::abs(v[n.a]), v[n.b]);
    case Op::signed_power: return std::copysign(std::pow(std::abs(v[n.a]), v[n.b]), v[n.a]);
    case Op::square: return v[n.a] * v[n.a];
    case Op::absolute: return std::abs(v[n.a]);
    case Op::sqrt: return std::sqrt(std::abs(v[n.a]));
    case Op::exp: return std::exp(v[n.a]);
    case Op::ln: return std::log(std::abs(v[n.a]));
    case Op::log10: return std::log2(std::abs(v[n.a])) * 0.30102999566398119521;
    case Op::sin: return std::sin(v[n.a]);
    case Op::cos: return std::cos(v[n.a]);
    case Op::tan: return std::tan(v[n.a]);
    case Op::asin: return std::asin(std::clamp(v[n.a], -1.0, 1.0));
    case Op::acos: return std::acos(std::clamp(v[n.a], -1.0, 1.0));
    case Op::atan: return std::atan(v[n.a]);
    case Op::sinh: return std::sinh(v[n.a]);
    case Op::cosh: return std::cosh(v[n.a]);
    case Op::tanh: return std::tanh(v[n.a]);
    case Op::asinh: return std::asinh(v[n.a]);
    case Op::acosh: return std::acosh(std::max(v[n.a], 1.0));
    case Op::atanh: return std::atanh(std::clamp(v[n.a], -1.0, 1.0));
    case Op::atan2: return std::atan2(v[n.a], v[n.b]);
    case Op::min: return std::min(v[n.a], v[n.b]);
    case Op::max: return std::max(v[n.a], v[n.b]);
    case Op::sign: return sign_of(v[n.a]);
    case Op::step: return 0.5 + 0.5 * sign_of(v[n.a]);
    case Op::ramp: return std::max(v[n.a], 0.0);
    case Op::floor: return std::floor(v[n.a]);
    case Op::ceil: return std::ceil(v[n.a]);
    case Op::nearest: return std::nearbyint(v[n.a]);
    case Op::less: return truth(v[n.a] < v[n.b]);
    case Op::less_equal: return truth(v[n.a] <= v[n.b]);
    case Op::greater: return truth(v[n.a] > v[n.b]);
    case Op::greater_equal: return truth(v[n.a] >= v[n.b]);
    case Op::equal: return truth(v[n.a] == v[n.b]);
    case Op::not_equal: return truth(v[n.a] != v[n.b]);
    case Op::logical_and: return truth(v[n.a] != 0.0 && v[n.b] != 0.0);
    case Op::logical_or: return truth(v[n.a] != 0.0 || v[n.b] != 0.0);
    case Op::logical_not: return truth(v[n.a] == 0.0);
    case Op::select: return v[n.a] != 0.0 ? v[n.b] : v[n.c];
    case Op::diode: return diode(v[n.a]);
    }
    return 0.0;
}

/// How a result moves with those of a, b, c.
struct Slopes {
    double a{}, b{}, c{};
};

Slopes slopes_of(const Instruction& n, double result, const double* v) LOWLEG_REALTIME
{
    const double a = v[n.a];  // of constants and inputs, without meaning and not used
    const double b = v[n.b];
    switch (n.op) {
    case Op::add: return {1.0, 1.0};
    case Op::subtract: return {1.0, -1.0};
    case Op::multiply: return {b, a};
    case Op::divide: return {1.0 / b, -result / b};
    case Op::negate: return {-1.0};
    case Op::scale: return {n.value};
    case Op::offset: return {1.0};
    case Op::power:
    case Op::signed_power: {
        const double size = std::max(std::abs(a), nearest_to_singular);
        const double slope = b * std::pow(size, b - 1.0);
        return {n.op == Op::power && a < 0.0 ? -slope : slope, result * std::log(size)};
    }
    case Op::square: return {2.0 * a};
    case Op::absolute: return {a < 0.0 ? -1.0 : 1.0};
    case Op::sqrt: return {std::copysign(0.5 / std::sqrt(std::max(std::abs(a), nearest_to_singular)), a)};
    case Op::exp: return {result};
    case Op::ln: return {1.0 / std::copysign(std::max(std::abs(a), nearest_to_singular), a)};
    case Op::log10: return {0.43429448190325182765 / std::copysign(std::max(std::abs(a), nearest_to_singular), a)};
    case Op::sin: return {std::cos(a)};
    case Op::cos: return {-std::sin(a)};
    case Op::tan: return {1.0 + result * result};
    case Op::asin: return {std::abs(a) > 1.0 ? 0.0 : 1.0 / std::sqrt(std::max(1.0 - a * a, nearest_to_singular))};
    case Op::acos: return {std::abs(a) > 1.0 ? 0.0 : -1.0 / std::sqrt(std::max(1.0 - a * a, nearest_to_singular))};
    case Op::atan: return {1.0 / (1.0 + a * a)};
    case Op::sinh: return {std::cosh(a)};
    case Op::cosh: return {std::sinh(a)};
    case Op::tanh: return {1.0 - result * result};
    case Op::asinh: return {1.0 / std::sqrt(1.0 + a * a)};
    case Op::acosh: return {a < 1.0 ? 0.0 : 1.0 / std::sqrt(std::max(a * a - 1.0, nearest_to_singular))};
    case Op::atanh: return {std::abs(a) > 1.0 ? 0.0 : 1.0 / std::max(1.0 - a * a, nearest_to_singular)};
    case Op::atan2: {
        const double d = std::max(a * a + b * b, nearest_to_singular);
        return {b / d, -a / d};
    }
    case Op::min: return b < a ? Slopes{0.0, 1.0} : Slopes{1.0, 0.0};
    case Op::max: return a < b ? Slopes{0.0, 1.0} : Slopes{1.0, 0.0};
    case Op::ramp: return {truth(a > 0.0)};
    case Op::select: return a != 0.0 ? Slopes{0.0, 1.0, 0.0} : Slopes{0.0, 0.0, 1.0};
    case Op::diode: return {a <= straight_above ? result + 1.0 : slope_above};
    case Op::constant: case Op::input: case Op::sign: case Op::step: case Op::floor: case Op::ceil: case Op::nearest:
    case Op::less: case Op::less_equal: case Op::greater: case Op::greater_equal: case Op::equal: case Op::not_equal:
    case Op::logical_and: case Op::logical_or: case Op::logical_not: break;
    }
    return {};
}

}  // namespace

void evaluate(std::span<const Instruction> function, const double* inputs, double* values) LOWLEG_REALTIME
{
    // Bounding every result costs more than computing most of them; so it is done when something went out of bounds.
    bool is_wild = false;
    for (std::size_t i = 0; i < function.size(); ++i) {
        values[i] = result_of(function[i], inputs, values);
        is_wild = is_wild || !is_within(values[i]);
    }
    if (!is_wild) return;
    for (std::size_t i = 0; i < function.size(); ++i) values[i] = bounded(result_of(function[i], inputs, values));
}

void differentiate(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient,
                   double* adjoints) LOWLEG_REALTIME
{
    const auto accumulate = [&](auto&& keep) LOWLEG_REALTIME {
        for (std::size_t k = 0; k < inputs; ++k) gradient[k] = 0.0;
        for (std::size_t i = 0; i < function.size(); ++i) adjoints[i] = 0.0;
        adjoints[function.size() - 1] = 1.0;
        for (std::size_t i = function.size(); i-- > 0;) {
            const auto& n = function[i];
            const double weight = adjoints[i];
            if (weight == 0.0 || n.op == Op::constant) continue;
            if (n.op == Op::input) {
                gradient[n.a] = keep(gradient[n.a] + weight);
                continue;
            }
            const auto slopes = slopes_of(n, values[i], values);
            adjoints[n.a] = keep(adjoints[n.a] + keep(weight * keep(slopes.a)));
            adjoints[n.b] = keep(adjoints[n.b] + keep(weight * keep(slopes.b)));
            adjoints[n.c] = keep(adjoints[n.c] + keep(weight * keep(slopes.c)));
        }
    };
    accumulate([](double x) LOWLEG_REALTIME { return x; });
    bool is_wild = false;
    for (std::size_t k = 0; k < inputs; ++k) is_wild = is_wild || !is_within(gradient[k]);
    if (is_wild) accumulate([](double x) LOWLEG_REALTIME { return bounded(x); });
}

}  // namespace lowleg::circuit::rt
