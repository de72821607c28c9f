/// \file function_builder.h
/// Puts a function of circuit quantities together, instruction by instruction: constants are worked out, what is computed
/// twice is computed once, cheap instructions take the place of dear ones.
#pragma once

#include "circuit/rt/expression.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace lowleg::circuit {

/// What a part of a function comes to: a number, or the result of an instruction.
class Term {
public:
    Term() = default;
    Term(double number) : number_{number} {}  // NOLINT(google-explicit-constructor)
    [[nodiscard]] static Term result_of(std::uint16_t instruction) { Term t; t.instruction_ = instruction; t.is_number_ = false; return t; }

    [[nodiscard]] bool is_number() const noexcept { return is_number_; }
    [[nodiscard]] bool is(double number) const noexcept { return is_number_ && number_ == number; }
    [[nodiscard]] double number() const noexcept { return number_; }
    [[nodiscard]] std::uint16_t instruction() const noexcept { return instruction_; }
    /// 1/0, ln(−1), a number beyond 1e300, or what contains such a thing.
    [[nodiscard]] bool is_undefined() const noexcept { return is_number_ && !(number_ >= -1e300 && number_ <= 1e300); }

private:
    double number_{};
    std::uint16_t instruction_{};
    bool is_number_{true};
};

class FunctionBuilder {
public:
    [[nodiscard]] Term input(std::size_t which);
    /// A number where all operands are numbers; an undefined one where a function of numbers has no finite value.
    [[nodiscard]] Term apply(rt::Op op, Term a, Term b = {}, Term c = {});
    /// More than rt::max_instructions were wanted; everything since then is undefined.
    [[nodiscard]] bool is_full() const noexcept { return is_full_; }

    struct Function {
        std::vector<rt::Instruction> instructions;  ///< The last one is the value.
        std::vector<std::size_t> inputs;            ///< Which input() each of the function's inputs is.
    };
    /// \param value  defined. What it does not need is left out.
    [[nodiscard]] Function finish(Term value) const;

private:
    using Key = std::tuple<rt::Op, std::uint16_t, std::uint16_t, std::uint16_t, std::uint64_t>;
    Term add(rt::Instruction instruction);
    [[nodiscard]] std::uint16_t operand(Term term);
    [[nodiscard]] Term whole_power(Term base, int exponent);

    std::vector<rt::Instruction> instructions_;
    std::map<Key, std::uint16_t> known_;
    bool is_full_{};
};

/// Whether two functions of the same inputs are the same but for rounding, as far as a few places tell.
[[nodiscard]] bool agree(const FunctionBuilder::Function& a, const FunctionBuilder::Function& b);

/// Straight lines through the points, the outer ones continued.
/// \param points  at least two, their x rising.
[[nodiscard]] Term piecewise_linear(FunctionBuilder&, Term x, const std::vector<std::pair<double, double>>& points);

}  // namespace lowleg::circuit
