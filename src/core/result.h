/// \file result.h
/// A value or the reason why there is none: the names of std::expected, for C++20.
#pragma once

#include "core/error.h"

#include <utility>
#include <variant>

namespace lowleg {

template <class T, class E = Error>
class [[nodiscard]] Result {
public:
    Result(T value) : v_{std::in_place_index<0>, std::move(value)} {}  // NOLINT(google-explicit-constructor)
    Result(E error) : v_{std::in_place_index<1>, std::move(error)} {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const noexcept { return v_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// \throws std::bad_variant_access when there is no value.
    [[nodiscard]] const T& value() const& { return std::get<0>(v_); }
    [[nodiscard]] T& value() & { return std::get<0>(v_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(v_)); }
    [[nodiscard]] const E& error() const { return std::get<1>(v_); }

private:
    std::variant<T, E> v_;
};

/// The result of something that is done or not done.
struct Done {};
using Status = Result<Done>;

}  // namespace lowleg
