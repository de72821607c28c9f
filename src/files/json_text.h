/// \file json_text.h
/// JSON as a value that is built in order and written as text, or read from one.
#pragma once

#include "core/result.h"
#include "core/units.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace lowleg::files {

/// null, truth, number, text, array or object. Objects keep the order in which their members were added.
///
/// Numbers are written so that they read back as the same double, whatever the locale; what JSON cannot say (NaN, ±∞) is null.
/// Text that is not UTF-8 gets replacement characters.
class Json {
public:
    using Array = std::vector<Json>;
    using Object = std::vector<std::pair<std::string, Json>>;

    Json() noexcept = default;  ///< null
    Json(std::nullptr_t) noexcept {}                                        // NOLINT(google-explicit-constructor)
    Json(bool value) : value_{value} {}                                     // NOLINT(google-explicit-constructor)
    Json(double value) : value_{value} {}                                   // NOLINT(google-explicit-constructor)
    template <class I>
        requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
    Json(I value) : value_{static_cast<std::int64_t>(value)} {}             // NOLINT(google-explicit-constructor)
    Json(std::string_view text) : value_{std::string{text}} {}              // NOLINT(google-explicit-constructor)
    Json(const std::string& text) : value_{text} {}                         // NOLINT(google-explicit-constructor)
    Json(const char* text) : value_{std::string{text}} {}                   // NOLINT(google-explicit-constructor)
    Json(Complex z) : value_{Array{z.real(), z.imag()}} {}                  // NOLINT(google-explicit-constructor)
    template <class T>
    Json(const std::optional<T>& maybe) { if (maybe) *this = Json{*maybe}; }  // NOLINT(google-explicit-constructor)

    [[nodiscard]] static Json array() { return Json{Array{}}; }
    [[nodiscard]] static Json object(std::initializer_list<std::pair<std::string, Json>> members = {}) { return Json{Object{members}}; }

    /// Appends to an array. \pre *this is an array.
    void push_back(Json element);
    /// Appends a member to an object. \pre *this is an object without this key.
    void add(std::string key, Json value);

    /// The text, without a line break at its end. \param indent  spaces per level; below 0: all on one line.
    [[nodiscard]] std::string text(int indent = 2) const;

    using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object>;
    [[nodiscard]] const Value& value() const noexcept { return value_; }

    // What was read may be anything: each gives nothing where the value is of another kind.
    [[nodiscard]] const Json* find(std::string_view key) const noexcept;  ///< Member of an object; null is a member, too.
    [[nodiscard]] std::optional<double> number() const noexcept;
    [[nodiscard]] std::optional<std::string_view> string() const noexcept;
    [[nodiscard]] std::optional<bool> truth() const noexcept;
    [[nodiscard]] const Array* elements() const noexcept;
    [[nodiscard]] std::optional<Complex> complex() const noexcept;  ///< [re, im]

private:
    explicit Json(Array elements) : value_{std::move(elements)} {}
    explicit Json(Object members) : value_{std::move(members)} {}

    Value value_;
};

/// Reads one JSON value. Numbers become doubles. \return failure saying at which byte the text stops being JSON, or that it is nested deeper
/// than any result.
[[nodiscard]] Result<Json> parse_json(std::string_view text);

}  // namespace lowleg::files
