#include "circuit/function_builder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace lowleg::circuit {
namespace {

using rt::Op;

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr double largest = 1e300;  // as rt::evaluate bounds its results

/// rt::evaluate gives a number wherever it is asked; a constant that is none is a slip of the pen.
bool is_defined(Op op, double a, double b)
{
    switch (op) {
    case Op::divide: return b != 0.0;
    case Op::power: case Op::signed_power: return a != 0.0 || b >= 0.0;
    case Op::sqrt: return a >= 0.0;
    case Op::ln: case Op::log10: return a > 0.0;
    case Op::asin: case Op::acos: return std::abs(a) <= 1.0;
    case Op::acosh: return a >= 1.0;
    case Op::atanh: return std::abs(a) < 1.0;
    default: return true;
    }
}

double worked_out(Op op, double a, double b, double c)
{
    if (!is_defined(op, a, b)) return undefined;
    const std::array<rt::Instruction, 4> function{
        {{Op::constant, 0, 0, 0, a}, {Op::constant, 0, 0, 0, b}, {Op::constant, 0, 0, 0, c}, {op, 0, 1, 2, 0.0}}};
    std::array<double, 4> values{};
    rt::evaluate(function, nullptr, values.data());
    return std::abs(values[3]) < largest ? values[3] : undefined;
}

bool is_commutative(Op op)
{
    return op == Op::add || op == Op::multiply || op == Op::equal || op == Op::not_equal || op == Op::logical_and || op == Op::logical_or;
}

}  // namespace

Term FunctionBuilder::add(rt::Instruction instruction)
{
    if (is_commutative(instruction.op) && instruction.b < instruction.a) std::swap(instruction.a, instruction.b);
    const Key key{instruction.op, instruction.a, instruction.b, instruction.c, std::bit_cast<std::uint64_t>(instruction.value)};
    if (const auto found = known_.find(key); found != known_.end()) return Term::result_of(found->second);
    if (instructions_.size() >= rt::max_instructions) {
        is_full_ = true;
        return undefined;
    }
    const auto index = static_cast<std::uint16_t>(instructions_.size());
    instructions_.push_back(instruction);
    known_.emplace(key, index);
    return Term::result_of(index);
}

std::uint16_t FunctionBuilder::operand(Term term)
{
    if (!term.is_number()) return term.instruction();
    return add({Op::constant, 0, 0, 0, term.number()}).instruction();  // when full, any: nothing of it is used
}

Term FunctionBuilder::input(std::size_t which) { return add({Op::input, static_cast<std::uint16_t>(which), 0, 0, 0.0}); }

Term FunctionBuilder::whole_power(Term base, int exponent)
{
    Term power = base;
    for (int bit = static_cast<int>(std::bit_width(static_cast<unsigned>(exponent))) - 2; bit >= 0; --bit) {
        power = apply(Op::square, power);
        if (((exponent >> bit) & 1) != 0) power = apply(Op::multiply, power, base);
    }
    return power;
}

Term FunctionBuilder::apply(Op op, Term a, Term b, Term c)
{
    const auto operands = rt::operands_of(op);
    if (op == Op::select && a.is_number() && !a.is_undefined()) return a.is(0.0) ? c : b;
    if (a.is_undefined() || (operands > 1 && b.is_undefined()) || (operands > 2 && c.is_undefined())) return undefined;
    if (a.is_number() && (operands < 2 || b.is_number()) && (operands < 3 || c.is_number()))
        return worked_out(op, a.number(), b.number(), c.number());

    const auto scaled = [&](Term term, double factor) -> Term {
        if (factor == 0.0) return 0.0;
        if (factor == 1.0) return term;
        const auto& inner = instructions_[term.instruction()];
        const double both = inner.value * factor;
        if (inner.op == Op::scale && both != 0.0 && std::abs(both) < largest) return add({Op::scale, inner.a, 0, 0, both});
        return add({Op::scale, term.instruction(), 0, 0, factor});
    };
    const auto shifted = [&](Term term, double by) -> Term {
        return by == 0.0 ? term : add({Op::offset, term.instruction(), 0, 0, by});
    };
    const auto is_same = [&] { return !a.is_number() && !b.is_number() && a.instruction() == b.instruction(); };

    switch (op) {
    case Op::add:
        if (a.is_number()) return shifted(b, a.number());
        if (b.is_number()) return shifted(a, b.number());
        break;
    case Op::subtract:
        if (b.is_number()) return shifted(a, -b.number());
        if (a.is(0.0)) return scaled(b, -1.0);
        if (is_same()) return 0.0;
        break;
    case Op::multiply:
        if (a.is_number()) return scaled(b, a.number());
        if (b.is_number()) return scaled(a, b.number());
        if (is_same()) return add({Op::square, a.instruction(), 0, 0, 0.0});
        break;
    case Op::divide:
        if (b.is(0.0)) return undefined;
        if (b.is_number() && std::abs(1.0 / b.number()) < largest) return scaled(a, 1.0 / b.number());
        break;
    case Op::negate: return scaled(a, -1.0);
    case Op::power:
    case Op::signed_power: {
        constexpr double longest_product = 16.0;  // up to here products are faster than std::pow
        if (!b.is_number() || b.number() != std::floor(b.number()) || b.number() < 1.0 || b.number() > longest_product) break;
        const auto n = static_cast<int>(b.number());
        const bool is_even = n % 2 == 0;
        const bool is_signed = op == Op::signed_power;
        if (is_even != is_signed) return whole_power(a, n);                  // |a|² is a², and sign(a)·|a|³ is a³
        if (!is_even) return whole_power(apply(Op::absolute, a), n);
        return apply(Op::multiply, whole_power(a, n - 1), apply(Op::absolute, a));
    }
    default: break;
    }

    rt::Instruction instruction{op, 0, 0, 0, 0.0};
    instruction.a = operand(a);
    if (operands > 1) instruction.b = operand(b);
    if (operands > 2) instruction.c = operand(c);
    if (is_full_) return undefined;
    return add(instruction);
}

FunctionBuilder::Function FunctionBuilder::finish(Term value) const
{
    Function function;
    if (value.is_number()) {
        function.instructions.push_back({Op::constant, 0, 0, 0, value.number()});
        return function;
    }
    // Operands stand before what uses them, so one pass backwards marks all that is needed; the value is then the last.
    std::vector<bool> is_needed(instructions_.size());
    is_needed[value.instruction()] = true;
    for (std::size_t i = instructions_.size(); i-- > 0;) {
        if (!is_needed[i]) continue;
        const auto& n = instructions_[i];
        const auto operands = operands_of(n.op);
        if (operands > 0) is_needed[n.a] = true;
        if (operands > 1) is_needed[n.b] = true;
        if (operands > 2) is_needed[n.c] = true;
    }
    std::vector<std::uint16_t> moved_to(instructions_.size());
    for (std::size_t i = 0; i < instructions_.size(); ++i) {
        if (!is_needed[i]) continue;
        auto n = instructions_[i];
        const auto operands = operands_of(n.op);
        if (n.op == Op::input) {
            function.inputs.push_back(n.a);
            n.a = static_cast<std::uint16_t>(function.inputs.size() - 1);
        }
        if (operands > 0) n.a = moved_to[n.a];
        if (operands > 1) n.b = moved_to[n.b];
        if (operands > 2) n.c = moved_to[n.c];
        moved_to[i] = static_cast<std::uint16_t>(function.instructions.size());
        function.instructions.push_back(n);
    }
    return function;
}

bool agree(const FunctionBuilder::Function& a, const FunctionBuilder::Function& b)
{
    const auto value_at = [](const FunctionBuilder::Function& f, double place) {
        std::vector<double> inputs, values(f.instructions.size());
        for (const auto which : f.inputs) inputs.push_back(place * std::sin(1.0 + 3.7 * static_cast<double>(which)));
        rt::evaluate(f.instructions, inputs.data(), values.data());
        return values.back();
    };
    return std::ranges::all_of(std::array{0.0, 0.3, -1.7, 13.0}, [&](double place) {
        const double x = value_at(a, place);
        const double y = value_at(b, place);
        return std::abs(x - y) <= 1e-9 * std::max(std::abs(x), std::abs(y));
    });
}

Term piecewise_linear(FunctionBuilder& f, Term x, const std::vector<std::pair<double, double>>& points)
{
    double slope = 0.0;
    Term y = points.front().second;
    for (std::size_t i = 0; i + 1 < points.size(); ++i) {
        const auto [x0, y0] = points[i];
        const auto [x1, y1] = points[i + 1];
        const double next = (y1 - y0) / (x1 - x0);
        const Term beyond = f.apply(Op::subtract, x, x0);
        y = f.apply(Op::add, y, f.apply(Op::multiply, i == 0 ? beyond : f.apply(Op::ramp, beyond), next - slope));
        slope = next;
    }
    return y;
}

}  // namespace lowleg::circuit
