/// \file scope.h
/// The parameters that hold within one instance of a subcircuit, or in the file itself.
#pragma once

#include "circuit/deck.h"
#include "circuit/expression_parser.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lowleg::circuit {

/// As in ngspice, order does not matter, an instance sees the parameters of the instance around it, and what the X line
/// gives takes the place of the definition's own value, be it in the head of the .subckt or in a .param within.
class Scope final : public ExpressionNames {
public:
    /// \param path   "" or "X1.X2.". \param around  the scope of the X line; null for the file itself.
    /// \param given  by the X line; worked out in `around`.
    Scope(const Deck& deck, const Definition& definition, std::string path, Scope* around, std::vector<Assignment> given,
          const ParseOptions& options, Effort& effort);
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    /// All parameters; fails at the first that has no value.
    Status work_out();

    Result<std::optional<double>, ExpressionError> parameter(std::string_view name) override;
    [[nodiscard]] const UserFunction* function(std::string_view name) const override;
    [[nodiscard]] std::vector<std::string> parameter_names() const override;

    [[nodiscard]] const Definition* find_definition(std::string_view name) const;
    /// A .model, and the scope whose parameters it uses: that of the instance in whose definition it stands.
    struct Model {
        const Statement* card;
        Scope* scope;
    };
    [[nodiscard]] std::optional<Model> find_model(std::string_view name);

    [[nodiscard]] const Definition& definition() const noexcept { return definition_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] Effort& effort() noexcept { return effort_; }

private:
    enum class State : std::uint8_t { waiting, under_way, known };
    struct Parameter {
        const Assignment* assignment;
        Scope* where;  ///< Whose names the expression uses.
        State state{State::waiting};
        double value{};
    };
    Result<double, ExpressionError> value_of(Parameter&);

    const Deck& deck_;
    const Definition& definition_;
    std::string path_;
    Scope* around_;
    std::vector<Assignment> given_;
    const ParseOptions& options_;
    Effort& effort_;
    std::unordered_map<std::string, Parameter> parameters_;
    std::vector<const Parameter*> under_way_;
};

}  // namespace lowleg::circuit
