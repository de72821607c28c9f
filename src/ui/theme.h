/// \file theme.h
/// Colours of the window: light and dark, and traces that people with colour-blindness tell apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace lowleg::ui {

struct Point { float x{}, y{}; };
struct Rect {
    Point min, max;
    [[nodiscard]] float width() const noexcept { return max.x - min.x; }
    [[nodiscard]] float height() const noexcept { return max.y - min.y; }
    [[nodiscard]] Point centre() const noexcept { return {0.5F * (min.x + max.x), 0.5F * (min.y + max.y)}; }
    [[nodiscard]] bool contains(Point p) const noexcept { return p.x >= min.x && p.x < max.x && p.y >= min.y && p.y < max.y; }
};

/// 8 bits each of alpha, blue, green, red, from the top.
using Colour = std::uint32_t;
/// \param rgb  0xRRGGBB. \param alpha  0 … 1.
[[nodiscard]] Colour colour(std::uint32_t rgb, float alpha = 1.0F) noexcept;
[[nodiscard]] Colour faded(Colour colour, float alpha) noexcept;

/// Contrast of text and traces against what they stand on is 4.5 and more (WCAG 2.1, AA).
struct Theme {
    bool is_dark{};
    Colour background{}, panel{}, frame{}, hovered{}, pressed{}, line{}, grid{};
    Colour text{}, dim{}, accent{}, on_accent{}, good{}, open{}, bad{}, badge{}, on_badge{};
    std::array<Colour, 8> traces{};  ///< After Okabe and Ito; the first four for pin 2, pin 3, sum, difference.
};
[[nodiscard]] const Theme& theme(bool dark) noexcept;

}  // namespace lowleg::ui
