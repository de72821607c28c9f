#include "report/layout.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lowleg::report {
namespace {

/// A unit stays on the line of its number.
bool is_unit(std::string_view word)
{
    while (!word.empty() && std::string_view{".,;:)"}.find(word.back()) != std::string_view::npos) word.remove_suffix(1);
    static constexpr std::array<std::string_view, 15> units{"%", "dB", "dBFS", "dBu", "Ω", "kΩ", "MΩ", "mΩ", "Hz", "kHz", "ppm", "ms", "s", "±", "°"};
    return std::ranges::find(units, word) != units.end();
}

}  // namespace

std::string inked(std::string_view text, Ink ink, const TextStyle& style)
{
    if (!style.colour || ink == Ink::plain || text.empty()) return std::string{text};
    const auto code = [ink]() -> std::string_view {
        switch (ink) {
        case Ink::plain: return "0";
        case Ink::heading: return "1";
        case Ink::good: return "1;32";
        case Ink::open: return "1;33";
        case Ink::bad: return "1;31";
        case Ink::badge: return "7";
        }
        return "0";
    }();
    return "\x1b[" + std::string{code} + "m" + std::string{text} + "\x1b[0m";
}

std::size_t columns(std::string_view text) noexcept
{
    // Every byte but the continuations (10xxxxxx) begins a code point.
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(std::string_view text, std::size_t width)
{
    const auto taken = columns(text);
    return std::string{text} + std::string(width > taken ? width - taken : 0, ' ');
}

std::string wrapped(std::string_view text, std::size_t width, std::string_view first)
{
    const std::string hang(columns(first), ' ');
    std::string out;
    std::string line{first};
    bool has_word = false;
    const auto finish = [&] {
        out += line + '\n';
        line = hang;
        has_word = false;
    };
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(" \n"), text.size());
        const auto word = text.substr(0, end);
        if (!word.empty()) {
            // Room for what must not stand at the beginning of the next line.
            auto needed = columns(word);
            const auto rest = text.substr(end);
            const auto next = rest.starts_with(' ') ? rest.substr(1, rest.find_first_of(" \n", 1) - 1) : std::string_view{};
            if (is_unit(next)) needed += 1 + columns(next);
            if (has_word && !is_unit(word) && columns(line) + 1 + needed > width) finish();
            if (has_word) line += ' ';
            line += word;
            has_word = true;
        }
        if (end < text.size() && text[end] == '\n') finish();
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (has_word) finish();
    return out;
}

std::string indented(std::string_view text, std::size_t indent)
{
    std::string out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (end > 0) out += std::string(indent, ' ');
        out += text.substr(0, end);
        out += '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string percent(double probability)
{
    if (std::isnan(probability)) return "unknown";
    // What would round to 100.0 or 0.0.
    if (probability >= 0.9995) return "> 99.9 %";
    if (probability < 0.0005) return "< 0.1 %";
    return format_fixed(100.0 * probability, 1) + " %";
}

}  // namespace lowleg::report
