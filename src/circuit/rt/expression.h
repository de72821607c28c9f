/// \file expression.h
/// A function of some voltages and currents, compiled: evaluated, and differentiated, on the audio thread. From text it
/// comes by circuit/expression_parser.h.
#pragma once

#include "core/realtime.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace lowleg::circuit::rt {

/// What one instruction does with the results a, b, c of earlier ones. Truth is 1 and 0; anything but 0 counts as true
/// (as in ngspice's B sources). Outside its domain a function gives what its limit or its absolute value gives, so that
/// finite inputs give a finite value, within ±2e300.
enum class Op : std::uint8_t {
    constant,  ///< `value`
    input,     ///< inputs[a]
    add, subtract, multiply, divide, negate,
    scale,     ///< value·a
    offset,    ///< a + value
    power,        ///< ngspice's pow and **: |a|^b
    signed_power, ///< pwr: sign(a)·|a|^b
    square,       ///< a·a
    absolute, sqrt, exp, ln, log10, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, atan2,
    min, max,
    sign,         ///< −1, 0, 1
    step,         ///< u: 0, ½ at 0, 1
    ramp,         ///< uramp: max(a, 0)
    floor, ceil, nearest,  ///< nearest: halves to the even number
    less, less_equal, greater, greater_equal, equal, not_equal, logical_and, logical_or, logical_not,
    select,       ///< a ? b : c
    diode,        ///< exp(a) − 1, continued as a straight line above a = 80: what a junction's current is made of.
};

/// How many of a, b, c an instruction looks at.
[[nodiscard]] constexpr int operands_of(Op op) LOWLEG_REALTIME
{
    switch (op) {
    case Op::constant: case Op::input: return 0;
    case Op::add: case Op::subtract: case Op::multiply: case Op::divide: case Op::power: case Op::signed_power: case Op::atan2:
    case Op::min: case Op::max: case Op::less: case Op::less_equal: case Op::greater: case Op::greater_equal: case Op::equal:
    case Op::not_equal: case Op::logical_and: case Op::logical_or: return 2;
    case Op::select: return 3;
    default: return 1;
    }
}

struct Instruction {
    Op op;
    std::uint16_t a{}, b{}, c{};  ///< Results of earlier instructions by their index; for `input` the input's index.
    double value{};
};

/// More instructions than any part's law needs; indices fit 16 bits.
inline constexpr std::size_t max_instructions = 1000;

/// Results of all instructions: values[i] is that of function[i]; the function's own value is the last one.
/// \param inputs  of the function. \param values  [function.size()] Wait-free, time in proportion to the instructions.
void evaluate(std::span<const Instruction> function, const double* inputs, double* values) LOWLEG_REALTIME;

/// The derivatives of the function's value by its inputs, where evaluate() has left `values` (reverse accumulation; at a
/// kink the derivative of one side).
/// \param gradient  [inputs] is overwritten. \param adjoints  [function.size()] scratch.
void differentiate(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient,
                   double* adjoints) LOWLEG_REALTIME;

/// Independent places at which a function is evaluated in one go: of each double above, and of each value and adjoint, there
/// are this many, one after the other.
inline constexpr std::size_t lanes = 4;
void evaluate_lanes(std::span<const Instruction> function, const double* inputs, double* values) LOWLEG_REALTIME;
void differentiate_lanes(std::span<const Instruction> function, const double* values, std::size_t inputs, double* gradient,
                         double* adjoints) LOWLEG_REALTIME;

}  // namespace lowleg::circuit::rt
