#include "circuit/spice_text.h"

#include "circuit/netlist.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace lowleg::circuit {
namespace {

/// Where what opens at `begin` (a bracket, brace or quote) closes: the index behind it, or the end of the text.
std::size_t end_of_group(std::string_view text, std::size_t begin)
{
    const char opening = text[begin];
    if (opening == '\'' || opening == '"') {
        const auto end = text.find(opening, begin + 1);
        return end == std::string_view::npos ? text.size() : end + 1;
    }
    const char closing = opening == '{' ? '}' : ')';
    std::size_t depth = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
        if (text[i] == opening) ++depth;
        if (text[i] == closing && --depth == 0) return i + 1;
    }
    return text.size();
}

}  // namespace

bool is_name(std::string_view text) noexcept
{
    return !text.empty() && !is_digit(text.front()) && std::all_of(text.begin(), text.end(), is_name_letter);
}

std::string lowered(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string quoted(std::string_view text)
{
    constexpr std::size_t longest = 40;
    if (text.size() <= longest) return '"' + std::string{text} + '"';
    auto end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not within a letter of UTF-8
    return '"' + std::string{text.substr(0, end)} + "…\"";
}

std::string nearest_of(std::string_view wrong, const std::vector<std::string>& names)
{
    constexpr std::size_t longest = 60;
    if (wrong.size() > longest) return {};
    const std::string* nearest = nullptr;
    auto nearest_distance = (wrong.size() < 4 ? 1 : std::max<std::size_t>(2, wrong.size() / 3)) + 1;
    for (const auto& name : names) {
        if (name.size() > longest) continue;
        const auto distance = edit_distance(wrong, name);
        if (distance >= nearest_distance) continue;
        nearest = &name;
        nearest_distance = distance;
    }
    return nearest != nullptr ? " (did you mean " + quoted(*nearest) + "?)" : std::string{};
}

CommentedLine split_comment(std::string_view line)
{
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == quote) quote = 0;
            continue;
        }
        if (c == '"') quote = c;
        const bool is_double = c == '/' && i + 1 < line.size() && line[i + 1] == '/';
        if (c == ';' || is_double || (c == '$' && (i == 0 || is_blank(line[i - 1]))))
            return {line.substr(0, i), line.substr(i + (is_double ? 2 : 1))};
    }
    return {line, {}};
}

ToleranceRemark tolerance_in(std::string_view comment)
{
    const auto text = lowered(comment);
    for (auto at = text.find("tol"); at != std::string::npos; at = text.find("tol", at + 1)) {
        if (at > 0 && is_name_letter(text[at - 1])) continue;
        auto rest = std::string_view{text}.substr(at + 3);
        while (!rest.empty() && (is_blank(rest.front()) || rest.front() == '=' || rest.front() == ':')) rest.remove_prefix(1);
        if (rest.empty() || !(is_digit(rest.front()) || rest.front() == '.' || rest.front() == '-' || rest.front() == '+')) continue;
        double percent{};
        const auto [after, error] = std::from_chars(rest.data(), rest.data() + rest.size(), percent);
        rest.remove_prefix(static_cast<std::size_t>(after - rest.data()));
        rest = trimmed(rest);
        if (error != std::errc{} || !rest.starts_with('%') || !(percent >= 0.0 && percent < 100.0)) return {true, std::nullopt};
        return {true, percent / 100.0};
    }
    return {};
}

std::vector<std::string_view> words_of(std::string_view text)
{
    std::vector<std::string_view> words;
    const auto separates = [](char c) { return is_blank(c) || c == ',' || c == '(' || c == ')'; };
    for (std::size_t i = 0; i < text.size();) {
        if (separates(text[i])) { ++i; continue; }
        const auto begin = i;
        if (text[i] == '=') ++i;
        else if (text[i] == '{' || text[i] == '\'' || text[i] == '"') i = end_of_group(text, i);
        else
            while (i < text.size() && !separates(text[i]) && text[i] != '=' && text[i] != '{' && text[i] != '\'' && text[i] != '"') ++i;
        words.push_back(text.substr(begin, i - begin));
    }
    return words;
}

std::string_view text_behind(std::string_view word, std::string_view text)
{
    return text.substr(static_cast<std::size_t>(word.data() + word.size() - text.data()));
}

std::optional<std::string_view> within_braces(std::string_view word)
{
    if (word.size() < 2 || (word.front() != '{' && word.front() != '\'') || end_of_group(word, 0) != word.size()) return std::nullopt;
    if (word.back() != (word.front() == '{' ? '}' : '\'')) return std::nullopt;
    return word.substr(1, word.size() - 2);
}

std::optional<std::vector<NamedText>> named_texts_of(std::string_view text, std::string_view& wrong)
{
    std::vector<NamedText> pairs;
    const auto skip = [&](auto is_skipped) { while (!text.empty() && is_skipped(text.front())) text.remove_prefix(1); };
    const auto is_between = [](char c) { return is_blank(c) || c == ','; };
    for (skip(is_between); !text.empty(); skip(is_between)) {
        wrong = text.substr(0, text.find_first_of(" \t"));
        std::size_t end = 0;
        while (end < text.size() && is_name_letter(text[end])) ++end;
        if (end == 0 || is_digit(text.front())) return std::nullopt;
        const auto name = text.substr(0, end);
        text.remove_prefix(end);
        skip(is_blank);
        if (!text.starts_with('=')) return std::nullopt;
        text.remove_prefix(1);
        skip(is_blank);
        end = 0;
        while (end < text.size() && !is_between(text[end])) {
            const char c = text[end];
            end = c == '{' || c == '(' || c == '\'' ? end_of_group(text, end) : end + 1;
        }
        if (end == 0) return std::nullopt;
        pairs.push_back({name, text.substr(0, end)});
        text.remove_prefix(end);
    }
    return pairs;
}

std::optional<double> parse_spice_number(std::string_view text)
{
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return std::nullopt;
    }
    if (text.empty() || is_letter(text.front()) || (text.size() > 1 && text.front() == '-' && is_letter(text[1])))
        return std::nullopt;  // from_chars would read "inf" and "nan"
    double value{};
    const auto* end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{}) return std::nullopt;

    const std::string suffix = lowered({after, static_cast<std::size_t>(end - after)});
    if (!std::all_of(suffix.begin(), suffix.end(), is_letter)) return std::nullopt;  // "4k7" would be 4 kΩ to SPICE
    static constexpr std::array<std::pair<std::string_view, double>, 10> scales{{
        {"meg", 1e6}, {"mil", 25.4e-6}, {"t", 1e12}, {"g", 1e9}, {"k", 1e3}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}, {"p", 1e-12}, {"f", 1e-15},
    }};
    for (const auto& [name, scale] : scales)
        if (suffix.starts_with(name)) { value *= scale; break; }
    if (!std::isfinite(value)) return std::nullopt;
    return value;
}

}  // namespace lowleg::circuit
