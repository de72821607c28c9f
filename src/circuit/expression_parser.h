/// \file expression_parser.h
/// Expressions as ngspice writes them: from text to instructions (circuit/rt/expression.h). Operators and their order are
/// those of ngspice 39, as observed on it: ^ and ** go from left to right, bind tighter than a minus before them and take
/// the absolute value of their base; log is the natural logarithm.
#pragma once

#include "circuit/function_builder.h"
#include "core/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::circuit {

/// ngspice reads pow and pwr differently in parameters and in sources.
enum class Dialect : std::uint8_t {
    parameter,  ///< pow(a, b) is a^b, pwr(a, b) is |a|^b
    source,     ///< pow(a, b) is |a|^b, pwr(a, b) is sign(a)·|a|^b
};

struct ExpressionError {
    std::string message;
    bool is_placed{};  ///< Names file and line already: it arose where a name that was used is defined.
};

/// .func
struct UserFunction {
    std::string name;
    std::vector<std::string> arguments;  ///< Lower case.
    std::string body;
};

/// What the names in an expression stand for. All names come in lower case.
class ExpressionNames {
public:
    virtual ~ExpressionNames() = default;
    /// \return nothing when there is none of that name.
    virtual Result<std::optional<double>, ExpressionError> parameter(std::string_view name) = 0;
    [[nodiscard]] virtual const UserFunction* function(std::string_view name) const = 0;
    [[nodiscard]] virtual std::vector<std::string> parameter_names() const = 0;
    /// v(plus, minus) and i(source): refused where there is no circuit to read.
    virtual Result<Term, ExpressionError> voltage(FunctionBuilder&, std::string_view plus, std::string_view minus);
    virtual Result<Term, ExpressionError> current(FunctionBuilder&, std::string_view source);
};

/// What one file may make the parser do: expressions use each other through parameters and functions, and a short text can
/// ask for a very long computation.
struct Effort {
    int depth{};          ///< Nesting at present, over all expressions under way.
    std::size_t steps{};  ///< Names, numbers and statements read so far; long texts count for more.
    std::vector<const UserFunction*> functions{};  ///< Being opened at present.

    static constexpr int max_depth = 200;
    static constexpr std::size_t max_steps = 2'000'000;
    void read(std::string_view text) noexcept { steps += 1 + text.size() / 16; }
    [[nodiscard]] bool is_exhausted() const noexcept { return steps > max_steps; }
};

/// \return a defined term.
Result<Term, ExpressionError> parse_expression(std::string_view text, Dialect, FunctionBuilder&, ExpressionNames&, Effort&);

/// An expression of numbers and parameters. \return a finite number.
Result<double, ExpressionError> parse_constant(std::string_view text, ExpressionNames&, Effort&);

}  // namespace lowleg::circuit
