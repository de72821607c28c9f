/// \file spice_text.h
/// SPICE's letters, words, comments and numbers, before they mean anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::circuit {

// SPICE is ASCII; the locale has no say.
[[nodiscard]] constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
[[nodiscard]] constexpr bool is_letter(char c) noexcept { return lower(c) >= 'a' && lower(c) <= 'z'; }
[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\f'; }
[[nodiscard]] constexpr bool is_name_letter(char c) noexcept { return is_letter(c) || is_digit(c) || c == '_'; }

[[nodiscard]] bool is_name(std::string_view text) noexcept;  ///< Of a parameter or function.
[[nodiscard]] std::string lowered(std::string_view text);
[[nodiscard]] std::string_view trimmed(std::string_view text);
/// For messages: in quotes, cut to a length that leaves the message readable.
[[nodiscard]] std::string quoted(std::string_view text);
/// The like-named one of `names`, for "did you mean …": " (did you mean amp?)", or nothing.
[[nodiscard]] std::string nearest_of(std::string_view wrong, const std::vector<std::string>& names);

/// A line and the comment at its end, which begins at ";", at "//", or at "$" after a blank.
struct CommentedLine {
    std::string_view content;
    std::string_view comment;
};
[[nodiscard]] CommentedLine split_comment(std::string_view line);

/// A word that promises a tolerance in a comment: "tol 1%", "tol 0.1 %", "tol=5%".
struct ToleranceRemark {
    bool is_there{};                 ///< The word "tol" with a number after it.
    std::optional<double> fraction;  ///< 0 … below 1; nothing where the number is no such percentage.
};
[[nodiscard]] ToleranceRemark tolerance_in(std::string_view comment);

/// Words of a statement. Brackets, commas and "=" separate words as blanks do, "=" is a word of its own. What stands in
/// braces or single quotes is one word, with them.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view text);

/// What follows a word of `text` in it.
[[nodiscard]] std::string_view text_behind(std::string_view word, std::string_view text);

/// What stands within braces or single quotes; nothing where `word` is not wholly in a pair of them.
[[nodiscard]] std::optional<std::string_view> within_braces(std::string_view word);

/// "name = value" pairs to the end of `text`: a value ends at a blank or comma outside of brackets, braces and quotes.
/// \return nothing, and in `wrong` what was found, where `text` is no list of such pairs.
struct NamedText {
    std::string_view name;
    std::string_view value;
};
[[nodiscard]] std::optional<std::vector<NamedText>> named_texts_of(std::string_view text, std::string_view& wrong);

}  // namespace lowleg::circuit
