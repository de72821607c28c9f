#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace lowleg {
namespace {

/// Three significant digits with an SI prefix, trailing zeros of a fraction removed.
std::string three_digits(double value, std::string_view unit)
{
    struct Prefix { double scale; std::string_view text; };
    static constexpr std::array<Prefix, 5> prefixes{{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1.0, ""}, {1e-3, "m"}}};
    const double magnitude = std::abs(value);
    if (!std::isfinite(value)) return fmt::format("∞ {}", unit);
    if (magnitude < 0.5e-3) return fmt::format("0 {}", unit);
    auto prefix = prefixes.back();
    for (const auto& p : prefixes) {
        if (magnitude >= 0.9995 * p.scale) { prefix = p; break; }
    }
    const double scaled = value / prefix.scale;
    const int digits = std::abs(scaled) < 9.995 ? 2 : std::abs(scaled) < 99.95 ? 1 : 0;
    auto number = fmt::format("{:.{}f}", scaled, digits);
    if (number.find('.') != std::string::npos) {
        while (number.back() == '0') number.pop_back();
        if (number.back() == '.') number.pop_back();
    }
    return fmt::format("{} {}{}", number, prefix.text, unit);
}

}  // namespace

std::string format_number(double value) { return fmt::format("{}", value); }
std::string format_fixed(double value, int digits) { return fmt::format("{:.{}f}", value, digits); }

std::string format_signed(double value, int digits)
{
    auto text = format_fixed(value, digits);
    if (!text.starts_with('-')) return text;
    const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
    return text.replace(0, 1, is_zero ? "" : "−");
}

std::string format_dbfs(Dbfs level, int digits) { return format_signed(level.value(), digits) + " dBFS"; }

std::string format_db(GainDb gain, int digits)
{
    if (std::isinf(gain.value())) return gain.value() < 0.0 ? "−∞ dB" : "+∞ dB";
    const auto magnitude = fmt::format("{:.{}f}", std::abs(gain.value()), digits);
    const bool is_zero = magnitude.find_first_of("123456789") == std::string::npos;
    return fmt::format("{}{} dB", is_zero ? "" : gain.value() < 0.0 ? "−" : "+", magnitude);
}

std::string format_ohms(Ohms r) { return three_digits(r.value(), "Ω"); }
std::string format_hertz(Hertz f) { return three_digits(f.value(), "Hz"); }

bool parse_engineering(std::string_view text, double& out)
{
    double value{};
    const auto* end = text.data() + text.size();
    const auto* begin = text.data();
    if (begin != end && *begin == '+') ++begin;
    const auto [after, error] = std::from_chars(begin, end, value);
    if (error != std::errc{} || !std::isfinite(value)) return false;

    std::string suffix;
    for (const auto* p = after; p != end; ++p) {
        const auto c = static_cast<unsigned char>(*p);
        if (std::isalpha(c) == 0) return false;
        suffix += static_cast<char>(c == 'M' ? 'M' : std::tolower(c));
    }
    static constexpr std::array<std::pair<std::string_view, double>, 9> scales{{
        {"Meg", 1e6}, {"meg", 1e6}, {"t", 1e12}, {"g", 1e9}, {"k", 1e3}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}, {"p", 1e-12},
    }};
    double scale = 1.0;
    std::string_view rest{suffix};
    for (const auto& [name, factor] : scales) {
        if (rest.substr(0, name.size()) != name) continue;
        scale = factor;
        rest.remove_prefix(name.size());
        break;
    }
    for (const auto unit : {"", "ohm", "ohms", "hz", "f", "h", "v"})
        if (rest == unit) { out = value * scale; return true; }
    return false;
}

std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace lowleg
