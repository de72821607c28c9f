/// \file layout.h
/// Text on a terminal: columns, wrapped paragraphs, and colours that are never needed to understand it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowleg::report {

struct TextStyle {
    bool colour{false};      ///< ANSI colours; only where a terminal shows them.
    std::size_t width{80};   ///< Columns, ≥ 40.
};

enum class Ink : std::uint8_t { plain, heading, good, open, bad, badge };

/// `text` in this ink, or as it is where the style has no colours.
[[nodiscard]] std::string inked(std::string_view text, Ink ink, const TextStyle& style);

/// Columns that a UTF-8 text without control characters takes (a code point takes one).
[[nodiscard]] std::size_t columns(std::string_view text) noexcept;
/// Filled up with spaces to `width` columns.
[[nodiscard]] std::string padded(std::string_view text, std::size_t width);

/// Breaks `text` at spaces into lines of at most `width` columns, each ended by a line break. The first begins with `first`,
/// the others with as many spaces. A word longer than a line stands alone; a unit stays with its number. Line breaks in `text` stay.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t width, std::string_view first = "");

/// Every line of `text` behind `indent` spaces, as it is: for drawings. Ends with a line break unless empty.
[[nodiscard]] std::string indented(std::string_view text, std::size_t indent);

/// A share of 1 as people trust it: "99.7 %", never "100 %" and never "0 %" ("> 99.9 %", "< 0.1 %").
[[nodiscard]] std::string percent(double probability);

}  // namespace lowleg::report
