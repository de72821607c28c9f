#include "ui/theme.h"

#include <cmath>

namespace lowleg::ui {
namespace {

Theme make_dark()
{
    Theme t;
    t.is_dark = true;
    t.background = colour(0x14171A);
    t.panel = colour(0x1C2024);
    t.frame = colour(0x2B3138);
    t.hovered = colour(0x39424C);
    t.pressed = colour(0x465260);
    t.line = colour(0x3A424B);
    t.grid = colour(0x2C333A);
    t.text = colour(0xE8EBEE);
    t.dim = colour(0xA3ADB8);
    t.accent = colour(0x4FA8E8);
    t.on_accent = colour(0x0B1620);
    t.good = colour(0x35C79A);
    t.open = colour(0xF0B429);
    t.bad = colour(0xFF7A59);
    t.badge = colour(0xF0B429);
    t.on_badge = colour(0x1A1400);
    t.traces = {colour(0x56B4E9), colour(0xE69F00), colour(0x2CC59B), colour(0xE38FBB), colour(0xF0E442), colour(0xFF7A59), colour(0x9AA7FF), colour(0xC8CED4)};
    return t;
}

Theme make_light()
{
    Theme t;
    t.background = colour(0xEEF0F2);
    t.panel = colour(0xFFFFFF);
    t.frame = colour(0xE1E6EA);
    t.hovered = colour(0xCFD8E0);
    t.pressed = colour(0xBBC8D3);
    t.line = colour(0xC3CBD2);
    t.grid = colour(0xE2E6EA);
    t.text = colour(0x16191C);
    t.dim = colour(0x55606B);
    t.accent = colour(0x0067A6);
    t.on_accent = colour(0xFFFFFF);
    t.good = colour(0x006B4D);
    t.open = colour(0x8A5A00);
    t.bad = colour(0xB3360B);
    t.badge = colour(0xF0B429);
    t.on_badge = colour(0x1A1400);
    t.traces = {colour(0x0067A6), colour(0xA65E00), colour(0x007A59), colour(0xA33D77), colour(0x6B6400), colour(0xB3360B), colour(0x4A52C8), colour(0x55606B)};
    return t;
}

}  // namespace

Colour colour(std::uint32_t rgb, float alpha) noexcept
{
    const auto a = static_cast<std::uint32_t>(std::lround(255.0F * alpha));
    return (a << 24U) | ((rgb & 0xFFU) << 16U) | (rgb & 0xFF00U) | ((rgb >> 16U) & 0xFFU);
}

Colour faded(Colour from, float alpha) noexcept
{
    const auto a = static_cast<std::uint32_t>(std::lround(static_cast<float>(from >> 24U) * alpha));
    return (from & 0x00FFFFFFU) | (a << 24U);
}

const Theme& theme(bool dark) noexcept
{
    static const Theme dark_theme = make_dark();
    static const Theme light_theme = make_light();
    return dark ? dark_theme : light_theme;
}

}  // namespace lowleg::ui
