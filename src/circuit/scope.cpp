#include "circuit/scope.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lowleg::circuit {

Scope::Scope(const Deck& deck, const Definition& definition, std::string path, Scope* around, std::vector<Assignment> given,
             const ParseOptions& options, Effort& effort)
    : deck_{deck}, definition_{definition}, path_{std::move(path)}, around_{around}, given_{std::move(given)}, options_{options}, effort_{effort}
{
    for (const auto& a : definition_.parameters) parameters_.emplace(a.name, Parameter{&a, this});
    for (const auto& a : given_) parameters_.insert_or_assign(a.name, Parameter{&a, around_});
}

Status Scope::work_out()
{
    for (const auto& a : definition_.parameters) {
        const auto value = value_of(parameters_.at(a.name));
        if (!value) return value.error().is_placed ? Error{value.error().message} : deck_.at(a.origin, value.error().message);
    }
    return Done{};
}

Result<double, ExpressionError> Scope::value_of(Parameter& p)
{
    if (p.state == State::known) return p.value;
    const auto& a = *p.assignment;
    const auto refuse = [&](const std::string& what) { return ExpressionError{deck_.at(a.origin, a.name + ": " + what).message, true}; };
    if (p.state == State::under_way) {
        std::string cycle;
        const auto begin = std::find(under_way_.begin(), under_way_.end(), &p);
        for (auto i = begin; i != under_way_.end(); ++i) cycle += (*i)->assignment->name + " → ";
        return refuse("the parameter depends on itself: " + cycle + a.name);
    }
    p.state = State::under_way;
    under_way_.push_back(&p);
    effort_.steps += 8;  // a parameter costs more than its text
    const auto text = within_braces(a.text).value_or(a.text);
    auto value = parse_constant(text, *p.where, effort_);
    under_way_.pop_back();
    p.state = State::waiting;
    if (!value) {
        if (value.error().is_placed) return value.error();
        return refuse(value.error().message);
    }
    p.value = value.value();
    if (a.is_param && options_.vary) {
        const auto name = ".param " + path_ + a.name;
        const double varied = options_.vary({name, 'p', p.value, a.tolerance});
        if (!std::isfinite(varied) || std::signbit(varied) != std::signbit(p.value))
            return refuse("a tolerance may not change the sign of a value");
        p.value = varied;
    }
    p.state = State::known;
    return p.value;
}

Result<std::optional<double>, ExpressionError> Scope::parameter(std::string_view name)
{
    const std::string key{name};
    for (auto* scope = this; scope != nullptr; scope = scope->around_) {
        const auto found = scope->parameters_.find(key);
        if (found == scope->parameters_.end()) continue;
        const auto value = scope->value_of(found->second);
        if (!value) return value.error();
        return std::optional{value.value()};
    }
    return std::optional<double>{};
}

const UserFunction* Scope::function(std::string_view name) const
{
    const std::string key{name};
    for (const auto* d = &definition_; d != nullptr; d = d->outer)
        if (const auto found = d->functions.find(key); found != d->functions.end()) return &found->second;
    return nullptr;
}

std::vector<std::string> Scope::parameter_names() const
{
    std::vector<std::string> names;
    for (const auto* scope = this; scope != nullptr; scope = scope->around_)
        for (const auto& [name, parameter] : scope->parameters_) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

const Definition* Scope::find_definition(std::string_view name) const
{
    const std::string key{name};
    for (const auto* d = &definition_; d != nullptr; d = d->outer)
        if (const auto found = d->definitions.find(key); found != d->definitions.end()) return found->second.get();
    return nullptr;
}

std::optional<Scope::Model> Scope::find_model(std::string_view name)
{
    const std::string key{name};
    for (const auto* d = &definition_; d != nullptr; d = d->outer) {
        const auto found = d->models.find(key);
        if (found == d->models.end()) continue;
        auto* scope = this;
        while (&scope->definition_ != d && scope->around_ != nullptr) scope = scope->around_;
        return Model{&found->second, scope};
    }
    return std::nullopt;
}

}  // namespace lowleg::circuit
