#include "circuit/rt/expression.h"

#include "core/pack.h"

#include <algorithm>
#include <cmath>

namespace lowleg::circuit::rt {
namespace {

constexpr double largest = 1e300;
// Nearer to a singular point than this, the slope is that at this distance.
constexpr double nearest_to_singular = 1e-30;
constexpr double straight_above = 80.0;  // of Op::diode
constexpr double slope_above = 5.5406223843935098e34;  // e^80

static_assert(lanes == numbers_in<Pack>);

// A Number is a double, or a Pack of four of them, one per lane. Arithmetic is written once for both; what the processor has
// no vectors for is done lane by lane.
template <class F>
LOWLEG_INLINE double each(F f, double a) LOWLEG_REALTIME { return f(a); }
template <class F>
LOWLEG_INLINE double each(F f, double a, double b) LOWLEG_REALTIME { return f(a, b); }
template <class F>
LOWLEG_INLINE Pack each(F f, const Pack& a) LOWLEG_REALTIME
{
    Pack out;
    for (std::size_t i = 0; i < lanes; ++i) out[i] = f(a[i]);
    return out;
}
template <class F>
LOWLEG_INLINE Pack each(F f, const Pack& a, const Pack& b) LOWLEG_REALTIME
{
    Pack out;
    for (std::size_t i = 0; i < lanes; ++i) out[i] = f(a[i], b[i]);
    return out;
}
template <class Number>
LOWLEG_INLINE Number same(double x) LOWLEG_REALTIME { return Number{} + x; }
template <class Number>
LOWLEG_INLINE Number larger(const Number& a, double b) LOWLEG_REALTIME { return a < same<Number>(b) ? same<Number>(b) : a; }

double bounded(double x) LOWLEG_REALTIME
{
    if (x > largest) return largest;
    if (x < -largest) return -largest;
    return x == x ? x : 0.0;
}
LOWLEG_INLINE Pack bounded(const Pack& x) LOWLEG_REALTIME { return each([](double one) LOWLEG_REALTIME { return bounded(one); }, x); }

bool is_finite(double x) LOWLEG_REALTIME { return x * 0.0 == 0.0; }
LOWLEG_INLINE bool is_finite(const Pack& x) LOWLEG_REALTIME { return is_finite((x[0] + x[1]) * 0.0 + (x[2] + x[3]) * 0.0); }

double diode(double x) LOWLEG_REALTIME
{
    return x <= straight_above ? std::exp(x) - 1.0 : slope_above * (x - (straight_above - 1.0)) - 1.0;
}

/// May be infinite or undefined where the contract wants a number: evaluate() looks after that.
template <class Number>
LOWLEG_INLINE Number result_of(const Instruction& n, const double* inputs, const double* values) LOWLEG_REALTIME
{
    Number a, b, c;
    const auto one = same<Number>(1.0);
    const Number none{};
    const auto truth = [&](auto is_true) LOWLEG_REALTIME { return is_true ? one : none; };
    switch (n.op) {
    case Op::constant: return same<Number>(n.value);
    case Op::input: load(a, inputs + n.a * numbers_in<Number>); return a;
    default: break;
    }
    load(a, values + n.a * numbers_in<Number>);
    load(b, values + n.b * numbers_in<Number>);
    switch (n.op) {
    case Op::constant:
    case Op::input: break;
    case Op::add: return a + b;
    case Op::subtract: return a - b;
    case Op::multiply: return a * b;
    case Op::divide: return a / (b == none ? none : b);  // 1/−0 is what 1/0 is
    case Op::negate: return -a;
    case Op::scale: return n.value * a;
    case Op::offset: return a + n.value;
    case Op::power: return each([](double x, double y) LOWLEG_REALTIME { return std::pow(std::abs(x), y); }, a, b);
    case Op::signed_power: return each([](double x, double y) LOWLEG_REALTIME { return std::copysign(std::pow(std::abs(x), y), x); }, a, b);
    case Op::square: return a * a;
    case Op::absolute: return a < none ? -a : a;
    case Op::sqrt: return each([](double x) LOWLEG_REALTIME { return std::sqrt(std::abs(x)); }, a);
    case Op::exp: return each([](double x) LOWLEG_REALTIME { return std::exp(x); }, a);
    case Op::ln: return each([](double x) LOWLEG_REALTIME { return std::log(std::abs(x)); }, a);
    case Op::log10: return each([](double x) LOWLEG_REALTIME { return std::log2(std::abs(x)) * 0.30102999566398119521; }, a);
    case Op::sin: return each([](double x) LOWLEG_REALTIME { return std::sin(x); }, a);
    case Op::cos: return each([](double x) LOWLEG_REALTIME { return std::cos(x); }, a);
    case Op::tan: return each([](double x) LOWLEG_REALTIME { return std::tan(x); }, a);
    case Op::asin: return each([](double x) LOWLEG_REALTIME { return std::asin(std::clamp(x, -1.0, 1.0)); }, a);
    case Op::acos: return each([](double x) LOWLEG_REALTIME { return std::acos(std::clamp(x, -1.0, 1.0)); }, a);
    case Op::atan: return each([](double x) LOWLEG_REALTIME { return std::atan(x); }, a);
    case Op::sinh: return each([](double x) LOWLEG_REALTIME { return std::sinh(x); }, a);
    case Op::cosh: return each([](double x) LOWLEG_REALTIME { return std::cosh(x); }, a);
    case Op::tanh: return each([](double x) LOWLEG_REALTIME { return std::tanh(x); }, a);
    case Op::asinh: return each([](double x) LOWLEG_REALTIME { return std::asinh(x); }, a);
    case Op::acosh: return each([](double x) LOWLEG_REALTIME { return std::acosh(std::max(x, 1.0)); }, a);
    case Op::atanh: return each([](double x) LOWLEG_REALTIME { return std::atanh(std::clamp(x, -1.0, 1.0)); }, a);
    case Op::atan2: return each([](double x, double y) LOWLEG_REALTIME { return std::atan2(x, y); }, a, b);
    case Op::min: return b < a ? b : a;
    case Op::max: return a < b ? b : a;
    case Op::sign: return truth(a > none) - truth(a < none);
    case Op::step: return 0.5 + 0.5 * (truth(a > none) - truth(a < none));
    case Op::ramp: return a > none ? a : none;
    case Op::floor: return each([](double x) LOWLEG_REALTIME { return std::floor(x); }, a);
    case Op::ceil: return each([](double x) LOWLEG_REALTIME { return std::ceil(x); }, a);
    case Op::nearest: return each([](double x) LOWLEG_REALTIME { return std::nearbyint(x); }, a);
    case Op::less: return truth(a < b);
    case Op::less_equal: return truth(a <= b);
    case Op::greater: return truth(a > b);
    case Op::greater_equal: return truth(a >= b);
    case Op::equal: return truth(a == b);
    case Op::not_equal: return truth(a != b);
    case Op::logical_and: return truth(a != none) * truth(b != none);
    case Op::logical_or: return truth(a != none) + truth(a == none) * truth(b != none);
    case Op::logical_not: return truth(a == none);
    case Op::select: load(c, values + n.c * numbers_in<Number>); return a != none ? b : c;
    case Op::diode: return each([](double x) LOWLEG_REALTIME { return diode(x); }, a);
    }
    return none;
}

/// How a result moves with those of a, b, c.
template <class Number>
struct Slopes {
    Number a{}, b{}, c{};
};

template <class Number>
LOWLEG_INLINE Slopes<Number> slopes_of(const Instruction& n, const Number& result, const double* values) LOWLEG_REALTIME
{
    using S = Slopes<Number>;
    Number a, b;
    const auto one = same<Number>(1.0);
    const Number none{};
    load(a, values + n.a * numbers_in<Number>);  // of constants and inputs, without meaning and not used
    load(b, values + n.b * numbers_in<Number>);
    const Number size = larger(a < none ? -a : a, nearest_to_singular);
    const auto root = [](const Number& x) LOWLEG_REALTIME { return each([](double y) LOWLEG_REALTIME { return std::sqrt(y); }, x); };
    const auto safe = [](const Number& x) LOWLEG_REALTIME { return larger(x, nearest_to_singular); };
    switch (n.op) {
    case Op::add: return S{one, one};
    case Op::subtract: return S{one, -one};
    case Op::multiply: return S{b, a};
    case Op::divide: return S{1.0 / b, -result / b};
    case Op::negate: return S{-one};
    case Op::scale: return S{same<Number>(n.value)};
    case Op::offset: return S{one};
    case Op::power:
    case Op::signed_power: {
        const Number slope = b * each([](double x, double y) LOWLEG_REALTIME { return std::pow(x, y - 1.0); }, size, b);
        const Number log = each([](double x) LOWLEG_REALTIME { return std::log(x); }, size);
        return S{n.op == Op::power ? (a < none ? -slope : slope) : slope, result * log};
    }
    case Op::square: return S{2.0 * a};
    case Op::absolute: return S{a < none ? -one : one};
    case Op::sqrt: return S{(a < none ? -one : one) * 0.5 / root(size)};
    case Op::exp: return S{result};
    case Op::ln: return S{(a < none ? -one : one) / size};
    case Op::log10: return S{(a < none ? -one : one) * 0.43429448190325182765 / size};
    case Op::sin: return S{each([](double x) LOWLEG_REALTIME { return std::cos(x); }, a)};
    case Op::cos: return S{-each([](double x) LOWLEG_REALTIME { return std::sin(x); }, a)};
    case Op::tan: return S{1.0 + result * result};
    case Op::asin: return S{size > one ? none : one / root(safe(1.0 - a * a))};
    case Op::acos: return S{size > one ? none : -one / root(safe(1.0 - a * a))};
    case Op::atan: return S{1.0 / (1.0 + a * a)};
    case Op::sinh: return S{each([](double x) LOWLEG_REALTIME { return std::cosh(x); }, a)};
    case Op::cosh: return S{each([](double x) LOWLEG_REALTIME { return std::sinh(x); }, a)};
    case Op::tanh: return S{1.0 - result * result};
    case Op::asinh: return S{1.0 / root(1.0 + a * a)};
    case Op::acosh: return S{a < one ? none : one / root(safe(a * a - 1.0))};
    case Op::atanh: return S{size > one ? none : one / safe(1.0 - a * a)};
    case Op::atan2: {
        const Number d = safe(a * a + b * b);
        return S{b / d, -a / d};
    }
    case Op::min: return S{b < a ? none : one, b < a ? one : none};
    case Op::max: return S{a < b ? none : one, a < b ? one : none};
    case Op::ramp: return S{a > none ? one : none};
    case Op::select: return S{none, a != none ? one : none, a != none ? none : one};
    case Op::diode: return S{a > same<Number>(straight_above) ? same<Number>(slope_above) : result + 1.0};
    case Op::constant: case Op::input: case Op::sign: case Op::step: case Op::floor: case Op::ceil: case Op::nearest:
    case Op::less: case Op::less_equal: case Op::greater: case Op::greater_equal: case Op::equal: case Op::not_equal:
    case Op::logical_and: case Op::logical_or: case Op::logical_not: break;
    }
    return {};
}

template <class Number>
LOWLEG_INLINE void evaluate_all(std::span<const Instruction> function, const double* inputs, double* values) LOWLEG_REALTIME
{
    // Bounding every result costs more than computing most of them; so it is done when something went out of bounds.
    Number wild{};
    for (std::size_t i = 0; i < function.size(); ++i) {
        const auto result = result_of<Number>(function[i], inputs, values);
        store(values + i * numbers_in<Number>, result);
        wild += result * 0.0;
    }
    Number last;
    load(last, values + (function.size() - 1) * numbers_in<Number>);
    if (is_finite(wild) && is_finite(last * 1e8)) return;
    for (std::size_t i = 0; i < function.size(); ++i)
        store(values + i * numbers_in<Number>, bounded(result_of<Number>(function[i], inputs, values)));
}

template <class Number, class Keep>
LOWLEG_INLINE void accumulate(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient, double* adjoints,
                              Keep keep) LOWLEG_REALTIME
{
    constexpr auto width = numbers_in<Number>;
    const auto add = [&](double* to, const Number& x) LOWLEG_REALTIME {
        Number sum;
        load(sum, to);
        store(to, keep(sum + x));
    };
    std::fill_n(gradient, inputs * width, 0.0);
    std::fill_n(adjoints, function.size() * width, 0.0);
    store(adjoints + (function.size() - 1) * width, same<Number>(1.0));
    for (std::size_t i = function.size(); i-- > 0;) {
        const auto& n = function[i];
        if (n.op == Op::constant) continue;
        Number weight, result;
        load(weight, adjoints + i * width);
        if (n.op == Op::input) {
            add(gradient + n.a * width, weight);
            continue;
        }
        load(result, values + i * width);
        const auto slopes = slopes_of<Number>(n, result, values);
        add(adjoints + n.a * width, keep(weight * keep(slopes.a)));
        const auto operands = operands_of(n.op);
        if (operands > 1) add(adjoints + n.b * width, keep(weight * keep(slopes.b)));
        if (operands > 2) add(adjoints + n.c * width, keep(weight * keep(slopes.c)));
    }
}

template <class Number>
LOWLEG_INLINE void differentiate_all(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient,
                                     double* adjoints) LOWLEG_REALTIME
{
    accumulate<Number>(function, values, inputs, gradient, adjoints, [](const Number& x) LOWLEG_REALTIME { return x; });
    Number wild{};
    for (std::size_t k = 0; k < inputs; ++k) {
        Number slope;
        load(slope, gradient + k * numbers_in<Number>);
        wild += slope * 1e8 * 0.0;
    }
    if (is_finite(wild)) return;
    accumulate<Number>(function, values, inputs, gradient, adjoints, [](const Number& x) LOWLEG_REALTIME { return bounded(x); });
}

#if defined(__x86_64__)
LOWLEG_AVX2 void evaluate_fast(std::span<const Instruction> function, const double* inputs, double* values) LOWLEG_REALTIME
{
    evaluate_all<Pack>(function, inputs, values);
}
LOWLEG_AVX2 void differentiate_fast(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient,
                                    double* adjoints) LOWLEG_REALTIME
{
    differentiate_all<Pack>(function, values, inputs, gradient, adjoints);
}
#endif

}  // namespace

void evaluate(std::span<const Instruction> function, const double* inputs, double* values) LOWLEG_REALTIME
{
    evaluate_all<double>(function, inputs, values);
}

void differentiate(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient,
                   double* adjoints) LOWLEG_REALTIME
{
    differentiate_all<double>(function, values, inputs, gradient, adjoints);
}

void evaluate_lanes(std::span<const Instruction> function, const double* inputs, double* values) LOWLEG_REALTIME
{
#if defined(__x86_64__)
    if (accelerated) return evaluate_fast(function, inputs, values);
#endif
    evaluate_all<Pack>(function, inputs, values);
}

void differentiate_lanes(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient,
                         double* adjoints) LOWLEG_REALTIME
{
#if defined(__x86_64__)
    if (accelerated) return differentiate_fast(function, values, inputs, gradient, adjoints);
#endif
    differentiate_all<Pack>(function, values, inputs, gradient, adjoints);
}

}  // namespace lowleg::circuit::rt
