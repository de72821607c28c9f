/// \file toolkit.h
/// The widgets of the window. Each is remembered by its label with where it stood, so that whoever drives the window clicks by name, and the window can be
/// had as text.
#pragma once

#include "ui/theme.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct ImFont;

namespace lowleg::ui {

/// Something that stood in the last frame.
struct Widget {
    enum class Kind : std::uint8_t { area, text, button, tick, choice, item, field, plot, bar };
    Kind kind{};
    std::string label;
    std::string value;       ///< What it shows or holds beside its label.
    Rect rect;
    bool is_enabled{true};
};

enum class Ink : std::uint8_t { text, dim, accent, good, open, bad };
enum class Lettering : std::uint8_t { text, bold, heading, big, mono };

struct ButtonLook {
    std::string_view tooltip{};
    bool is_enabled{true};
    bool is_primary{false};  ///< The one that is meant to be pressed.
    bool is_chosen{false};   ///< Of several, the one that holds.
    float width{0.0F};       ///< In units of the text size; 0: as wide as its label, −1: all there is.
};

/// One per window. Labels are unique within a frame; what follows "##" is not shown.
class Toolkit {
public:
    struct Fonts { ImFont* text{}; ImFont* bold{}; ImFont* heading{}; ImFont* big{}; ImFont* mono{}; };

    void set_fonts(const Fonts& fonts) noexcept { fonts_ = fonts; }
    void set_look(bool dark, float scale);
    [[nodiscard]] const Theme& theme() const noexcept { return *theme_; }
    /// Pixels of a length that is one at normal size: scale follows the monitor and the user.
    [[nodiscard]] float px(float length) const noexcept { return length * scale_; }
    [[nodiscard]] Colour colour_of(Ink ink) const noexcept;
    [[nodiscard]] ImFont* font_of(Lettering lettering) const noexcept;

    void begin_frame();
    void end_frame();

    /// A rectangle of the window with things below each other. \pre ended by end_area(). \param scrolls  by wheel where it is too small.
    /// \param is_above  it covers what is there; else what was cleared shows through, because filling is what drawing in software takes long for.
    void begin_area(std::string_view name, Rect rect, bool scrolls = false, bool is_above = false);
    void end_area();
    [[nodiscard]] Rect area() const noexcept { return area_; }  ///< Inside, where the open one begins and ends.

    bool button(std::string_view label, const ButtonLook& look = {});
    bool tick(std::string_view label, bool& value, std::string_view tooltip = {});
    /// One of several, in a list that opens.
    bool choice(std::string_view label, std::span<const std::string> options, std::size_t& chosen, std::string_view tooltip = {}, float width = 0.0F);
    /// One of several, side by side.
    bool segments(std::string_view label, std::span<const std::string_view> options, std::size_t& chosen, std::string_view tooltip = {});
    /// A line of text. \return whether it was finished: by Enter, or by leaving it.
    bool field(std::string_view label, std::string& value, std::string_view tooltip = {}, float width = 8.0F, std::string_view hint = {});
    void text(std::string_view words, Ink ink = Ink::text, Lettering lettering = Lettering::text, std::string_view tooltip = {});  ///< Wrapped.
    void line(std::string_view words, Ink ink = Ink::text, Lettering lettering = Lettering::text, std::string_view tooltip = {});  ///< Not wrapped.
    void label(std::string_view words, std::string_view tooltip = {});  ///< A line beside buttons and fields, dim.
    void badge(std::string_view words, std::string_view tooltip = {});
    /// A row "label  ▇▇▇▇  value", of which a part is filled. \param part  0 … 1.
    void bar(std::string_view label, double part, std::string_view value, Colour fill, std::string_view tooltip = {});
    void separator();
    void same_line(float gap = 8.0F);
    void gap(float height = 6.0F);

    /// For what is drawn by hand: takes room and remembers it. \return where.
    Rect room(Widget::Kind kind, std::string_view label, float width, float height, std::string_view value = {});
    void note(Widget::Kind kind, std::string_view label, Rect rect, std::string_view value = {}, bool is_enabled = true);
    void tooltip(std::string_view words);  ///< Of what was drawn last.

    /// Of the last whole frame, in the order drawn.
    [[nodiscard]] std::span<const Widget> widgets() const noexcept { return shown_; }
    [[nodiscard]] const Widget* find(std::string_view label) const noexcept;
    [[nodiscard]] std::string as_text() const;

private:
    const Theme* theme_{&ui::theme(true)};
    float scale_{1.0F};
    Fonts fonts_;
    Rect area_;
    std::vector<Widget> drawing_, shown_;
};

}  // namespace lowleg::ui
