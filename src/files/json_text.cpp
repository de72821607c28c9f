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

}  // namespace

void Json::push_back(Json element) { std::get<Array>(value_).push_back(std::move(element)); }
void Json::add(std::string key, Json value) { std::get<Object>(value_).emplace_back(std::move(key), std::move(value)); }

std::string Json::text(int indent) const
{
    return tree_of(*this).dump(indent, ' ', false, Tree::error_handler_t::replace);
}

}  // namespace lowleg::files
