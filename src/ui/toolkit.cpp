#include "ui/toolkit.h"

#include <imgui.h>
#include <imgui_internal.h>
#include <imgui_stdlib.h>

#include <algorithm>

namespace lowleg::ui {
namespace {

/// The label without what follows "##".
std::string_view shown_part(std::string_view label) { return label.substr(0, label.find("##")); }

Rect last_item()
{
    const auto min = ImGui::GetItemRectMin();
    const auto max = ImGui::GetItemRectMax();
    return {{min.x, min.y}, {max.x, max.y}};
}

ImVec4 vec(Colour c) { return ImGui::ColorConvertU32ToFloat4(c); }

class ColourGuard {
public:
    ColourGuard(std::initializer_list<std::pair<ImGuiCol, Colour>> colours)
    {
        for (const auto& [index, c] : colours) ImGui::PushStyleColor(index, c);
        count_ = static_cast<int>(colours.size());
    }
    ColourGuard(const ColourGuard&) = delete;
    ColourGuard& operator=(const ColourGuard&) = delete;
    ~ColourGuard() { ImGui::PopStyleColor(count_); }

private:
    int count_;
};

std::string kind_words(Widget::Kind kind)
{
    switch (kind) {
    case Widget::Kind::area: return "== ";
    case Widget::Kind::text: return "";
    case Widget::Kind::button: return "[button] ";
    case Widget::Kind::tick: return "[tick] ";
    case Widget::Kind::choice: return "[choice] ";
    case Widget::Kind::item: return "[item] ";
    case Widget::Kind::field: return "[field] ";
    case Widget::Kind::plot: return "[plot] ";
    case Widget::Kind::bar: return "[bar] ";
    }
    return "";
}

}  // namespace

void Toolkit::set_look(bool dark, float scale)
{
    theme_ = &ui::theme(dark);
    scale_ = scale;
    auto& style = ImGui::GetStyle();
    style = ImGuiStyle{};
    style.WindowPadding = {10.0F, 8.0F};
    style.FramePadding = {9.0F, 4.0F};
    style.ItemSpacing = {8.0F, 5.0F};
    style.FrameRounding = 4.0F;
    style.WindowRounding = 4.0F;
    style.PopupRounding = 4.0F;
    style.GrabRounding = 4.0F;
    style.ScrollbarSize = 11.0F;
    style.WindowBorderSize = 0.0F;
    style.ScaleAllSizes(scale);
    const auto set = [&](ImGuiCol index, Colour c) { style.Colors[index] = vec(c); };
    const auto& t = *theme_;
    set(ImGuiCol_Text, t.text);
    set(ImGuiCol_TextDisabled, t.dim);
    set(ImGuiCol_WindowBg, t.panel);
    set(ImGuiCol_ChildBg, t.panel);
    set(ImGuiCol_PopupBg, t.panel);
    set(ImGuiCol_Border, t.line);
    set(ImGuiCol_FrameBg, t.frame);
    set(ImGuiCol_FrameBgHovered, t.hovered);
    set(ImGuiCol_FrameBgActive, t.pressed);
    set(ImGuiCol_Button, t.frame);
    set(ImGuiCol_ButtonHovered, t.hovered);
    set(ImGuiCol_ButtonActive, t.pressed);
    set(ImGuiCol_Header, t.frame);
    set(ImGuiCol_HeaderHovered, t.hovered);
    set(ImGuiCol_HeaderActive, t.pressed);
    set(ImGuiCol_CheckMark, t.accent);
    set(ImGuiCol_Separator, t.line);
    set(ImGuiCol_ScrollbarBg, t.panel);
    set(ImGuiCol_ScrollbarGrab, t.hovered);
    set(ImGuiCol_ScrollbarGrabHovered, t.pressed);
    set(ImGuiCol_ScrollbarGrabActive, t.pressed);
    set(ImGuiCol_NavHighlight, t.accent);
    set(ImGuiCol_TextSelectedBg, faded(t.accent, 0.4F));
}

Colour Toolkit::colour_of(Ink ink) const noexcept
{
    switch (ink) {
    case Ink::text: return theme_->text;
    case Ink::dim: return theme_->dim;
    case Ink::accent: return theme_->accent;
    case Ink::good: return theme_->good;
    case Ink::open: return theme_->open;
    case Ink::bad: return theme_->bad;
    }
    return theme_->text;
}

ImFont* Toolkit::font_of(Lettering lettering) const noexcept
{
    switch (lettering) {
    case Lettering::text: return fonts_.text;
    case Lettering::bold: return fonts_.bold;
    case Lettering::heading: return fonts_.heading;
    case Lettering::big: return fonts_.big;
    case Lettering::mono: return fonts_.mono;
    }
    return fonts_.text;
}

void Toolkit::begin_frame() { drawing_.clear(); }

void Toolkit::end_frame() { shown_.swap(drawing_); }

void Toolkit::note(Widget::Kind kind, std::string_view label, Rect rect, std::string_view value, bool is_enabled)
{
    drawing_.push_back({kind, std::string{label}, std::string{value}, rect, is_enabled});
}

void Toolkit::begin_area(std::string_view name, Rect rect, bool scrolls, bool is_above)
{
    ImGui::SetNextWindowPos({rect.min.x, rect.min.y});
    ImGui::SetNextWindowSize({rect.width(), rect.height()});
    ImGuiWindowFlags flags = ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoCollapse |
                             ImGuiWindowFlags_NoSavedSettings;
    if (!is_above) flags |= ImGuiWindowFlags_NoBringToFrontOnFocus;
    if (!scrolls) flags |= ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse;
    if (!is_above) flags |= ImGuiWindowFlags_NoBackground;
    note(Widget::Kind::area, name, rect);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowBorderSize, is_above ? px(1.0F) : 0.0F);
    ImGui::Begin(std::string{name}.c_str(), nullptr, flags);
    ImGui::PopStyleVar();
    const auto at = ImGui::GetCursorScreenPos();
    const auto room = ImGui::GetContentRegionAvail();
    area_ = {{at.x, at.y}, {at.x + room.x, at.y + room.y}};
}

void Toolkit::end_area() { ImGui::End(); }

bool Toolkit::button(std::string_view label, const ButtonLook& look)
{
    const auto& t = *theme_;
    ImGui::BeginDisabled(!look.is_enabled);
    bool is_pressed = false;
    {
        const bool stands_out = look.is_primary || look.is_chosen;
        const ColourGuard colours{{ImGuiCol_Button, stands_out ? t.accent : t.frame},
                                  {ImGuiCol_ButtonHovered, stands_out ? faded(t.accent, 0.85F) : t.hovered},
                                  {ImGuiCol_ButtonActive, stands_out ? faded(t.accent, 0.7F) : t.pressed},
                                  {ImGuiCol_Text, stands_out ? t.on_accent : t.text}};
        const float width = look.width < 0.0F ? -1.0F : look.width * ImGui::GetFontSize();
        is_pressed = ImGui::Button(std::string{label}.c_str(), {width, 0.0F});
    }
    ImGui::EndDisabled();
    note(Widget::Kind::button, label, last_item(), look.is_chosen ? "chosen" : "", look.is_enabled);
    tooltip(look.tooltip);
    return is_pressed;
}

bool Toolkit::tick(std::string_view label, bool& value, std::string_view help)
{
    const bool is_changed = ImGui::Checkbox(std::string{label}.c_str(), &value);
    note(Widget::Kind::tick, label, last_item(), value ? "on" : "off");
    tooltip(help);
    return is_changed;
}

bool Toolkit::choice(std::string_view label, std::span<const std::string> options, std::size_t& chosen, std::string_view help, float width)
{
    bool is_changed = false;
    const std::string current = chosen < options.size() ? options[chosen] : std::string{};
    ImGui::SetNextItemWidth(width > 0.0F ? width * ImGui::GetFontSize() : -1.0F);
    const bool is_open = ImGui::BeginCombo(("##" + std::string{label}).c_str(), current.c_str(), ImGuiComboFlags_HeightLarge);
    if (!is_open) {
        note(Widget::Kind::choice, label, last_item(), current);
        tooltip(help);
        return false;
    }
    const auto here = ImGui::GetItemRectMin();
    note(Widget::Kind::choice, label, {{here.x, here.y}, {here.x, here.y}}, current);
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (ImGui::Selectable((options[i] + "##" + std::to_string(i)).c_str(), i == chosen)) {
            is_changed = i != chosen;
            chosen = i;
        }
        if (i == chosen && ImGui::IsWindowAppearing()) ImGui::SetItemDefaultFocus();
        if (ImGui::IsItemVisible()) note(Widget::Kind::item, options[i], last_item(), i == chosen ? "chosen" : "");
    }
    ImGui::EndCombo();
    return is_changed;
}

bool Toolkit::segments(std::string_view label, std::span<const std::string_view> options, std::size_t& chosen, std::string_view help)
{
    bool is_changed = false;
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {px(2.0F), px(5.0F)});
    ImGui::PushID(std::string{label}.c_str());
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (i > 0) ImGui::SameLine();
        if (button(options[i], {.tooltip = help, .is_chosen = i == chosen}) && i != chosen) {
            chosen = i;
            is_changed = true;
        }
    }
    ImGui::PopID();
    ImGui::PopStyleVar();
    return is_changed;
}

bool Toolkit::field(std::string_view label, std::string& value, std::string_view help, float width, std::string_view hint)
{
    ImGui::SetNextItemWidth(width > 0.0F ? width * ImGui::GetFontSize() : -1.0F);
    ImGui::InputTextWithHint(("##" + std::string{label}).c_str(), std::string{hint}.c_str(), &value);
    const bool is_finished = ImGui::IsItemDeactivatedAfterEdit();
    note(Widget::Kind::field, label, last_item(), value);
    tooltip(help);
    return is_finished;
}

void Toolkit::text(std::string_view words, Ink ink, Lettering lettering, std::string_view help)
{
    ImGui::PushFont(font_of(lettering));
    ImGui::PushStyleColor(ImGuiCol_Text, colour_of(ink));
    ImGui::PushTextWrapPos(0.0F);
    ImGui::TextUnformatted(words.data(), words.data() + words.size());
    ImGui::PopTextWrapPos();
    ImGui::PopStyleColor();
    ImGui::PopFont();
    note(Widget::Kind::text, words, last_item());
    tooltip(help);
}

void Toolkit::line(std::string_view words, Ink ink, Lettering lettering, std::string_view help)
{
    ImGui::PushFont(font_of(lettering));
    ImGui::PushStyleColor(ImGuiCol_Text, colour_of(ink));
    ImGui::TextUnformatted(words.data(), words.data() + words.size());
    ImGui::PopStyleColor();
    ImGui::PopFont();
    note(Widget::Kind::text, words, last_item());
    tooltip(help);
}

void Toolkit::label(std::string_view words, std::string_view help)
{
    ImGui::AlignTextToFramePadding();
    line(words, Ink::dim, Lettering::text, help);
}

void Toolkit::badge(std::string_view words, std::string_view help)
{
    ImGui::PushFont(fonts_.bold);
    const auto size = ImGui::CalcTextSize(words.data(), words.data() + words.size());
    const auto at = ImGui::GetCursorScreenPos();
    const ImVec2 padding{px(8.0F), px(3.0F)};
    auto& list = *ImGui::GetWindowDrawList();
    const ImVec2 to{at.x + size.x + 2.0F * padding.x, at.y + size.y + 2.0F * padding.y};
    list.AddRectFilled(at, to, theme_->badge, px(4.0F));
    list.AddText({at.x + padding.x, at.y + padding.y}, theme_->on_badge, words.data(), words.data() + words.size());
    ImGui::Dummy({to.x - at.x, to.y - at.y});
    ImGui::PopFont();
    note(Widget::Kind::text, words, last_item());
    tooltip(help);
}

void Toolkit::bar(std::string_view label, double part, std::string_view value, Colour fill, std::string_view help)
{
    const auto at = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x;
    const float height = ImGui::GetFontSize() + px(4.0F);
    auto& list = *ImGui::GetWindowDrawList();
    const float label_width = std::max(0.42F * width, px(100.0F));
    const float value_width = px(58.0F);
    const float begin = at.x + label_width;
    const float end = at.x + width - value_width - px(6.0F);
    const float middle = at.y + 0.5F * height;
    list.PushClipRect(at, {begin - px(4.0F), at.y + height}, true);
    list.AddText({at.x, at.y + px(2.0F)}, theme_->text, label.data(), label.data() + label.size());
    list.PopClipRect();
    list.AddRectFilled({begin, middle - px(5.0F)}, {end, middle + px(5.0F)}, theme_->frame, px(3.0F));
    const auto filled = static_cast<float>(std::clamp(part, 0.0, 1.0));
    if (filled > 0.0F) list.AddRectFilled({begin, middle - px(5.0F)}, {begin + std::max(filled * (end - begin), px(2.0F)), middle + px(5.0F)}, fill, px(3.0F));
    const auto size = ImGui::CalcTextSize(value.data(), value.data() + value.size());
    list.AddText({at.x + width - size.x, at.y + px(2.0F)}, theme_->text, value.data(), value.data() + value.size());
    ImGui::Dummy({width, height});
    note(Widget::Kind::bar, label, last_item(), value);
    tooltip(help);
}

void Toolkit::separator() { ImGui::Separator(); }

void Toolkit::same_line(float distance) { ImGui::SameLine(0.0F, px(distance)); }

void Toolkit::gap(float height) { ImGui::Dummy({0.0F, px(height)}); }

Rect Toolkit::room(Widget::Kind kind, std::string_view label, float width, float height, std::string_view value)
{
    const auto at = ImGui::GetCursorScreenPos();
    ImGui::Dummy({width, height});
    const Rect rect{{at.x, at.y}, {at.x + width, at.y + height}};
    note(kind, label, rect, value);
    return rect;
}

void Toolkit::tooltip(std::string_view words)
{
    if (words.empty() || !ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled) || ImGui::GetIO().MouseDown[0]) return;
    ImGui::BeginTooltip();
    ImGui::PushTextWrapPos(ImGui::GetFontSize() * 26.0F);
    ImGui::TextUnformatted(words.data(), words.data() + words.size());
    ImGui::PopTextWrapPos();
    ImGui::EndTooltip();
}

const Widget* Toolkit::find(std::string_view label) const noexcept
{
    // What can be used before what can only be read.
    for (const bool is_text : {false, true})
        for (const auto& widget : shown_)
            if ((widget.kind == Widget::Kind::text || widget.kind == Widget::Kind::area) == is_text && shown_part(widget.label) == label) return &widget;
    return nullptr;
}

std::string Toolkit::as_text() const
{
    std::string out;
    for (const auto& widget : shown_) {
        out += kind_words(widget.kind) + std::string{shown_part(widget.label)};
        if (!widget.value.empty()) out += ": " + widget.value;
        if (!widget.is_enabled) out += " (not now)";
        out += '\n';
    }
    return out;
}

}  // namespace lowleg::ui
