#include "files/json_text.h"

#include <nlohmann/json.hpp>

namespace lowleg::files {
namespace {

using Tree = nlohmann::ordered_json;

Tree tree_of(const Json& json)
{
    struct Visitor {
        Tree operator()(std::monostate) const { return nullptr; }
        Tree operator()(bool value) const { return value; }
        Tree operator()(std::int64_t value) const { return value; }
        Tree operator()(double value) const { return value; }
        Tree operator()(const std::string& text) const { return text; }
        Tree operator()(const Json::Array& elements) const
        {
            auto tree = Tree::array();
            for (const auto& element : elements) tree.push_back(tree_of(element));
            return tree;
        }
        Tree operator()(const Json::Object& members) const
        {
            auto tree = Tree::object();
            for (const auto& [key, value] : members) tree[key] = tree_of(value);
            return tree;
        }
    };
    return std::visit(Visitor{}, json.value());
}

Json json_of(const Tree& tree)
{
    if (tree.is_boolean()) return Json{tree.get<bool>()};
    if (tree.is_number()) return Json{tree.get<double>()};
    if (tree.is_string()) return Json{tree.get_ref<const std::string&>()};
    if (tree.is_array()) {
        auto json = Json::array();
        for (const auto& element : tree) json.push_back(json_of(element));
        return json;
    }
    if (tree.is_object()) {
        auto json = Json::object();
        for (const auto& [key, value] : tree.items()) json.add(key, json_of(value));
        return json;
    }
    return {};
}

}  // namespace

void Json::push_back(Json element) { std::get<Array>(value_).push_back(std::move(element)); }
void Json::add(std::string key, Json value) { std::get<Object>(value_).emplace_back(std::move(key), std::move(value)); }

const Json* Json::find(std::string_view key) const noexcept
{
    if (const auto* members = std::get_if<Object>(&value_))
        for (const auto& [name, value] : *members)
            if (name == key) return &value;
    return nullptr;
}

std::optional<double> Json::number() const noexcept
{
    if (const auto* real = std::get_if<double>(&value_)) return *real;
    if (const auto* whole = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*whole);
    return std::nullopt;
}

std::optional<std::string_view> Json::string() const noexcept
{
    if (const auto* text = std::get_if<std::string>(&value_)) return std::string_view{*text};
    return std::nullopt;
}

std::optional<bool> Json::truth() const noexcept
{
    if (const auto* truth = std::get_if<bool>(&value_)) return *truth;
    return std::nullopt;
}

const Json::Array* Json::elements() const noexcept { return std::get_if<Array>(&value_); }

std::optional<Complex> Json::complex() const noexcept
{
    const auto* parts = elements();
    if (parts == nullptr || parts->size() != 2) return std::nullopt;
    const auto re = (*parts)[0].number();
    const auto im = (*parts)[1].number();
    if (!re || !im) return std::nullopt;
    return Complex{*re, *im};
}

Result<Json> parse_json(std::string_view text)
{
    constexpr int deepest = 64;
    bool too_deep = false;
    const auto watch = [&](int depth, Tree::parse_event_t, const Tree&) {
        too_deep |= depth > deepest;
        return !too_deep;
    };
    try {
        const auto tree = Tree::parse(text.begin(), text.end(), watch);
        if (too_deep) return Error{"the JSON is nested more than " + std::to_string(deepest) + " deep, as no result is"};
        return json_of(tree);
    } catch (const nlohmann::json::parse_error& e) {
        return Error{"it is no JSON: it goes wrong at byte " + std::to_string(e.byte)};
    } catch (const nlohmann::json::exception&) {
        return Error{"it is no JSON that can be read"};
    }
}

std::string Json::text(int indent) const
{
    return tree_of(*this).dump(indent, ' ', false, Tree::error_handler_t::replace);
}

}  // namespace lowleg::files
