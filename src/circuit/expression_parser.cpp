#include "circuit/expression_parser.h"

#include "circuit/netlist.h"
#include "circuit/spice_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::circuit {
namespace {

using rt::Op;

struct PlainFunction { std::string_view name; Op op; std::size_t arguments; };
constexpr std::array plain_functions{
    PlainFunction{"abs", Op::absolute, 1}, PlainFunction{"sqrt", Op::sqrt, 1}, PlainFunction{"exp", Op::exp, 1}, PlainFunction{"ln", Op::ln, 1},
    PlainFunction{"log", Op::ln, 1}, PlainFunction{"log10", Op::log10, 1}, PlainFunction{"sin", Op::sin, 1}, PlainFunction{"cos", Op::cos, 1},
    PlainFunction{"tan", Op::tan, 1}, PlainFunction{"asin", Op::asin, 1}, PlainFunction{"acos", Op::acos, 1}, PlainFunction{"atan", Op::atan, 1},
    PlainFunction{"arctan", Op::atan, 1}, PlainFunction{"sinh", Op::sinh, 1}, PlainFunction{"cosh", Op::cosh, 1}, PlainFunction{"tanh", Op::tanh, 1},
    PlainFunction{"asinh", Op::asinh, 1}, PlainFunction{"acosh", Op::acosh, 1}, PlainFunction{"atanh", Op::atanh, 1},
    PlainFunction{"atan2", Op::atan2, 2}, PlainFunction{"min", Op::min, 2}, PlainFunction{"max", Op::max, 2}, PlainFunction{"sgn", Op::sign, 1},
    PlainFunction{"u", Op::step, 1}, PlainFunction{"uramp", Op::ramp, 1}, PlainFunction{"floor", Op::floor, 1}, PlainFunction{"ceil", Op::ceil, 1},
    PlainFunction{"nint", Op::nearest, 1}, PlainFunction{"sqr", Op::square, 1}, PlainFunction{"ternary_fcn", Op::select, 3},
};
constexpr std::array other_functions{"pow", "pwr", "u2", "int", "pwl", "v", "i"};

/// Names that ngspice knows and the bench does not, with the reason.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> refused_names{{
    {"time", "depends on the time of a run, and the bench runs without end: it supplies the signals itself"},
    {"hertz", "depends on the frequency, and the bench runs sample by sample: build the response from R, C and L"},
    {"temper", "is the temperature: the bench is at 27 °C, write 27"},
    {"ddt", "is a derivative in time: use a C or an L for it"}, {"idt", "is an integral in time: use a G into a C for it"},
    {"sdt", "is an integral in time: use a G into a C for it"},
    {"agauss", "is random: give the nominal value, and the tolerance in a comment (\"; tol 1%\")"},
    {"gauss", "is random: give the nominal value, and the tolerance in a comment (\"; tol 1%\")"},
    {"aunif", "is random: give the nominal value, and the tolerance in a comment (\"; tol 1%\")"},
    {"unif", "is random: give the nominal value, and the tolerance in a comment (\"; tol 1%\")"},
    {"limit", "is random in ngspice: to clamp, write min(max(x, low), high)"},
    {"rnd", "is random: a circuit gives the same every time"}, {"random", "is random: a circuit gives the same every time"},
    {"white", "is random: a circuit gives the same every time"}, {"table", "is not ngspice's: use pwl(x, x1,y1, x2,y2, …)"},
    {"if", "is not ngspice's: write condition ? a : b"}, {"delay", "needs a memory: build it from C and L"},
}};

const std::string too_long = "takes more than " + std::to_string(rt::max_instructions) + " steps of computing: no part's law needs that many";

class Parser {
public:
    using Arguments = std::vector<std::pair<std::string_view, Term>>;

    /// \param within  the function whose body this is.
    Parser(std::string_view text, Dialect dialect, FunctionBuilder& builder, ExpressionNames& names, Effort& effort, const Arguments& arguments,
           const UserFunction* within = nullptr)
        : text_{text}, dialect_{dialect}, builder_{builder}, names_{names}, effort_{effort}, arguments_{arguments}, within_{within}
    {
        effort_.read(text);
    }

    Result<Term, ExpressionError> parse()
    {
        const Term value = ternary();
        if (!error_ && !rest().empty()) fail("an operator", "");
        if (error_) return std::move(*error_);
        return value;
    }

private:
    static constexpr std::string_view an_operand = "a number, a name, v(…), i(…) or \"(\"";

    // Counts how deep the text nests; the call stack grows with it.
    class Nesting {
    public:
        explicit Nesting(Parser& parser) : effort_{parser.effort_}
        {
            if (++effort_.depth > Effort::max_depth)
                parser.stop("is nested deeper than " + std::to_string(Effort::max_depth) + " levels: split it into parameters");
        }
        Nesting(const Nesting&) = delete;
        Nesting& operator=(const Nesting&) = delete;
        ~Nesting() { --effort_.depth; }

    private:
        Effort& effort_;
    };

    // The first error stays; after it everything reads to its end at once.
    void stop(ExpressionError error)
    {
        if (!error_) error_ = std::move(error);
        at_ = text_.size();
    }
    void stop(const std::string& message)
    {
        const auto where = within_ != nullptr ? "in the function " + quoted(within_->name) + ", " : std::string{};
        stop(ExpressionError{where + quoted(trimmed(text_)) + ' ' + message, false});
    }
    void fail(std::string_view expected, std::string_view after)
    {
        const auto found = rest();
        stop("needs " + std::string{expected} + (after.empty() ? "" : " after " + quoted(after)) +
             (found.empty() ? ", and ends there" : ", and goes on with " + quoted(found.substr(0, 12))));
    }
    Term pass(Result<Term, ExpressionError> result)
    {
        if (result) return result.value();
        stop_for(result.error());
        return {};
    }
    /// What a name stands for could not be had.
    void stop_for(const ExpressionError& error)
    {
        if (error.is_placed) stop(error);
        else stop(error.message);
    }

    std::string_view rest()
    {
        while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
        return text_.substr(at_);
    }
    bool accept(std::string_view token)
    {
        if (!rest().starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    void expect(std::string_view token, std::string_view after)
    {
        if (!error_ && !accept(token)) fail(quoted(token), after);
    }

    Term ternary()
    {
        const Nesting nesting{*this};
        const Term condition = binary(0);
        if (!accept("?")) return condition;
        const Term yes = ternary();
        expect(":", "condition ? a");
        const Term no = ternary();
        return builder_.apply(Op::select, condition, yes, no);
    }

    struct Operator { std::string_view token; Op op; int level; };

    std::optional<Operator> operator_at(std::size_t at) const
    {
        static constexpr std::array operators{  // longer ones first
            Operator{"||", Op::logical_or, 0}, Operator{"&&", Op::logical_and, 1}, Operator{"==", Op::equal, 2}, Operator{"!=", Op::not_equal, 2},
            Operator{"<>", Op::not_equal, 2}, Operator{"<=", Op::less_equal, 3}, Operator{">=", Op::greater_equal, 3}, Operator{"<", Op::less, 3},
            Operator{">", Op::greater, 3}, Operator{"+", Op::add, 4}, Operator{"-", Op::subtract, 4}, Operator{"*", Op::multiply, 5},
            Operator{"/", Op::divide, 5},
        };
        const auto ahead = text_.substr(at);
        if (ahead.starts_with("**")) return std::nullopt;
        for (const auto& o : operators)
            if (ahead.starts_with(o.token)) return o;
        return std::nullopt;
    }

    Term binary(int lowest_level)
    {
        Term left = unary();
        while (!rest().empty()) {
            const auto next = operator_at(at_);
            if (!next || next->level < lowest_level) break;
            at_ += next->token.size();
            const Term right = binary(next->level + 1);
            left = builder_.apply(next->op, left, right);
        }
        return left;
    }

    Term unary()
    {
        const Nesting nesting{*this};
        if (accept("-")) return builder_.apply(Op::negate, unary());
        if (accept("+")) return unary();
        if (!rest().starts_with("!=") && accept("!")) return builder_.apply(Op::logical_not, unary());
        Term base = primary();
        while (accept("**") || accept("^")) {
            const auto ahead = rest();
            const bool is_signed = ahead.starts_with('-') || ahead.starts_with('+') || ahead.starts_with('!');
            base = builder_.apply(Op::power, base, is_signed ? unary() : primary());
        }
        return base;
    }

    Term primary()
    {
        ++effort_.steps;
        if (effort_.is_exhausted()) {
            stop("asks for more computing than a circuit of " + std::to_string(max_elements) + " elements needs");
            return {};
        }
        if (builder_.is_full()) {
            stop(too_long);
            return {};
        }
        const auto ahead = rest();
        if (ahead.empty()) {
            fail(an_operand, text_.substr(0, at_).empty() ? std::string_view{} : last_token());
            return {};
        }
        if (is_digit(ahead.front()) || ahead.front() == '.') return number();
        if (is_letter(ahead.front()) || ahead.front() == '_') return name();
        // Braces mark an expression for ngspice; within one they are brackets.
        for (const auto& [opening, closing] : {std::pair{"(", ")"}, std::pair{"{", "}"}, std::pair{"'", "'"}}) {
            if (!accept(opening)) continue;
            const Term inner = ternary();
            expect(closing, "");
            return inner;
        }
        fail(an_operand, last_token());
        return {};
    }

    /// For messages: what stands before the place that was reached.
    std::string_view last_token() const
    {
        const auto before = trimmed(text_.substr(0, at_));
        return before.substr(before.size() - std::min<std::size_t>(before.size(), 8));
    }

    Term number()
    {
        const auto begin = at_;
        const auto digits = [&] { while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) ++at_; };
        digits();
        if (at_ < text_.size() && lower(text_[at_]) == 'e') {
            auto exponent = at_ + 1;
            if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
            if (exponent < text_.size() && is_digit(text_[exponent])) {
                at_ = exponent;
                while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
            }
        }
        while (at_ < text_.size() && (is_name_letter(text_[at_]) || text_[at_] == '.')) ++at_;
        const auto word = text_.substr(begin, at_ - begin);
        if (const auto value = parse_spice_number(word)) return *value;
        stop("holds " + quoted(word) + ", which is not a finite number");
        return {};
    }

    Term name()
    {
        const auto begin = at_;
        while (at_ < text_.size() && is_name_letter(text_[at_])) ++at_;
        const auto word = lowered(text_.substr(begin, at_ - begin));
        if (rest().starts_with('(')) {
            ++at_;
            if (word == "v") return voltage();
            if (word == "i") return current();
            return call(word);
        }
        for (const auto& [argument, value] : arguments_)
            if (argument == word) return value;
        // In a source ngspice's constants come before parameters; in parameters it has none.
        const bool is_constant = word == "pi" || word == "e";
        const double constant = word == "pi" ? std::numbers::pi : std::numbers::e;
        if (is_constant && dialect_ == Dialect::source) return constant;
        auto known = names_.parameter(word);
        if (!known) {
            stop_for(known.error());
            return {};
        }
        if (known.value()) return *known.value();
        if (is_constant) return constant;
        if (const auto reason = refusal_of(word)) stop("holds " + quoted(word) + ", which " + std::string{*reason});
        else stop("holds " + quoted(word) + ", and there is no parameter of that name" + nearest_of(word, names_.parameter_names()));
        return {};
    }

    static std::optional<std::string_view> refusal_of(std::string_view word)
    {
        const auto* found = std::find_if(refused_names.begin(), refused_names.end(), [&](const auto& r) { return r.first == word; });
        if (found == refused_names.end()) return std::nullopt;
        return found->second;
    }

    /// A node's or source's name: what stands up to "," or ")".
    std::string_view reference()
    {
        const auto end = std::min(text_.find_first_of(",)(", at_), text_.size());
        const auto found = trimmed(text_.substr(at_, end - at_));
        at_ = end;
        return found;
    }

    Term voltage()
    {
        const auto plus = reference();
        const auto minus = accept(",") ? reference() : std::string_view{"0"};
        expect(")", "v(node, node");
        if (error_) return {};
        if (plus.empty() || minus.empty()) {
            stop("needs one node or two within v(…)");
            return {};
        }
        return pass(names_.voltage(builder_, lowered(plus), lowered(minus)));
    }

    Term current()
    {
        const auto source = reference();
        expect(")", "i(source");
        if (error_) return {};
        if (source.empty()) {
            stop("needs the name of a voltage source within i(…)");
            return {};
        }
        return pass(names_.current(builder_, lowered(source)));
    }

    Term call(const std::string& word)
    {
        const auto* const user = names_.function(word);
        if (user == nullptr)
            if (const auto reason = refusal_of(word)) {
                stop("holds " + quoted(word) + ", which " + std::string{*reason});
                return {};
            }
        std::vector<Term> arguments;
        if (!accept(")")) {
            do arguments.push_back(ternary());
            while (!error_ && accept(","));
            expect(")", word + "(…");
        }
        if (error_) return {};
        const auto takes = [&](std::size_t wanted) {
            if (arguments.size() == wanted) return true;
            stop("gives " + word + " " + std::to_string(arguments.size()) + " arguments, and it takes " + std::to_string(wanted));
            return false;
        };

        if (user != nullptr) return takes(user->arguments.size()) ? open(*user, arguments) : Term{};
        for (const auto& f : plain_functions) {
            if (f.name != word) continue;
            if (!takes(f.arguments)) return {};
            arguments.resize(3);
            return builder_.apply(f.op, arguments[0], arguments[1], arguments[2]);
        }
        if (word == "pow" || word == "pwr") return takes(2) ? power(word == "pwr", arguments[0], arguments[1]) : Term{};
        if (word == "u2") return takes(1) ? builder_.apply(Op::min, builder_.apply(Op::ramp, arguments[0]), 1.0) : Term{};
        if (word == "int") {
            if (!takes(1)) return {};
            const auto is_negative = builder_.apply(Op::less, arguments[0], 0.0);
            return builder_.apply(Op::select, is_negative, builder_.apply(Op::ceil, arguments[0]), builder_.apply(Op::floor, arguments[0]));
        }
        if (word == "pwl") return piecewise(arguments);

        std::vector<std::string> known{other_functions.begin(), other_functions.end()};
        for (const auto& f : plain_functions) known.emplace_back(f.name);
        stop("calls " + quoted(word) + ", and there is no such function" + nearest_of(word, known));
        return {};
    }

    Term power(bool is_pwr, Term base, Term exponent)
    {
        if (dialect_ == Dialect::source) return builder_.apply(is_pwr ? Op::signed_power : Op::power, base, exponent);
        if (is_pwr || !base.is_number() || !exponent.is_number() || base.number() >= 0.0) return builder_.apply(Op::power, base, exponent);
        const double n = exponent.number();
        if (n != std::floor(n)) return std::nan("");
        const Term size = builder_.apply(Op::power, base, exponent);
        return std::fmod(n, 2.0) == 0.0 ? size : builder_.apply(Op::negate, size);
    }

    Term piecewise(const std::vector<Term>& arguments)
    {
        std::vector<std::pair<double, double>> points;
        bool is_rising = arguments.size() >= 5 && arguments.size() % 2 == 1;
        for (std::size_t i = 1; is_rising && i < arguments.size(); i += 2) {
            is_rising = arguments[i].is_number() && arguments[i + 1].is_number() &&
                        (points.empty() || arguments[i].number() > points.back().first);
            points.emplace_back(arguments[i].number(), arguments[i + 1].number());
        }
        if (!is_rising) {
            stop("needs pwl(x, x1,y1, x2,y2, …) with numbers for at least two points, their x rising");
            return {};
        }
        return piecewise_linear(builder_, arguments[0], points);
    }

    Term open(const UserFunction& function, const std::vector<Term>& values)
    {
        if (std::find(effort_.functions.begin(), effort_.functions.end(), &function) != effort_.functions.end()) {
            stop("calls the function " + quoted(function.name) + ", which calls itself");
            return {};
        }
        Arguments arguments;
        for (std::size_t i = 0; i < values.size(); ++i) arguments.emplace_back(function.arguments[i], values[i]);
        effort_.functions.push_back(&function);
        const auto result = Parser{function.body, dialect_, builder_, names_, effort_, arguments, &function}.parse();
        effort_.functions.pop_back();
        if (result) return result.value();
        stop(result.error());
        return {};
    }

    std::string_view text_;
    std::size_t at_{};
    Dialect dialect_;
    FunctionBuilder& builder_;
    ExpressionNames& names_;
    Effort& effort_;
    const Arguments& arguments_;
    const UserFunction* within_;
    std::optional<ExpressionError> error_;
};

ExpressionError must_be_constant(std::string_view what)
{
    return {"holds " + std::string{what} + ", and must be a constant here: only B, E and G can depend on the circuit", false};
}

}  // namespace

Result<Term, ExpressionError> ExpressionNames::voltage(FunctionBuilder&, std::string_view, std::string_view)
{
    return must_be_constant("v(…)");
}
Result<Term, ExpressionError> ExpressionNames::current(FunctionBuilder&, std::string_view) { return must_be_constant("i(…)"); }

Result<Term, ExpressionError> parse_expression(std::string_view text, Dialect dialect, FunctionBuilder& builder, ExpressionNames& names,
                                               Effort& effort)
{
    const Parser::Arguments no_arguments;
    auto value = Parser{text, dialect, builder, names, effort, no_arguments}.parse();
    if (!value) return value;
    const auto refuse = [&](std::string what) { return ExpressionError{quoted(trimmed(text)) + ' ' + std::move(what), false}; };
    if (builder.is_full()) return refuse(too_long);
    if (value.value().is_undefined()) return refuse("has no finite value: it divides by zero, or takes a function where it is not defined");
    return value;
}

Result<double, ExpressionError> parse_constant(std::string_view text, ExpressionNames& names, Effort& effort)
{
    FunctionBuilder builder;
    const auto value = parse_expression(text, Dialect::parameter, builder, names, effort);
    if (!value) return value.error();
    return value.value().number();
}

}  // namespace lowleg::circuit
