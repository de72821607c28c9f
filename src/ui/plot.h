/// \file plot.h
/// Curves on axes: drawn with as many points as there are pixels, however many there are; zoomed, moved and read off by mouse and keys.
#pragma once

#include "ui/theme.h"
#include "ui/toolkit.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lowleg::ui {

struct Range { double from{}, to{}; };

struct Axis {
    Range whole;              ///< What is shown unless somebody zooms.
    bool is_log{false};
    std::string_view unit;    ///< "Hz", "dBFS", "ms"; prefixes are put before Hz.
    double reach{1.5};        ///< How far one can go to the right, where `whole` is 1; only where it is not logarithmic.
};

/// y over evenly spaced x, or over xs where these are given.
struct Trace {
    std::string_view name;
    Colour colour{};
    std::span<const float> y;
    double x_begin{};
    double x_step{1.0};
    std::span<const double> xs{};
    bool is_power{false};     ///< y is a power: drawn in dB, the largest of each pixel.
    double offset{0.0};       ///< Added to what is drawn.
    double factor{1.0};       ///< Multiplied before that.
    bool is_dashed{false};
    float width{1.4F};
    bool has_points{false};   ///< Each value is marked.
};

struct Marker { double x{}; std::string text; };

/// What somebody made of a plot: kept from frame to frame.
struct PlotView {
    std::optional<Range> x, y;      ///< Zoomed.
    std::optional<double> cursor;   ///< x that is read off; kept until it is taken away.
};

struct PlotContent {
    std::string_view label;         ///< Its name as a widget.
    Axis x, y;
    std::span<const Trace> traces;
    std::span<const Marker> markers{};
    std::string_view empty{};       ///< What stands in it while it has no traces.
    bool is_square{false};          ///< Both axes have the same scale.
    bool has_legend{true};
};

/// Draws into a rectangle. Wheel: zoom in x about the mouse, with Ctrl in y; drag: move; click: the cursor; double click: everything again.
void draw_plot(Toolkit& toolkit, Rect where, const PlotContent& content, PlotView& view);

/// Moves the cursor by pixels, from the middle where there is none. \param pixels  negative: to the left.
void move_cursor(PlotView& view, const PlotContent& content, double pixels, double width);
/// \param factor  below 1: closer, about the cursor, or the middle.
void zoom(PlotView& view, const Axis& axis, double factor);

/// Least and most y of the points of a trace that fall on one column of pixels.
struct Column { double x{}; float least{}, most{}; };
/// \param part  of what is shown; negative: to the left.
void pan(PlotView& view, const Axis& axis, double part);

/// As much of a trace as pixels can show. \param columns  of pixels. Shape of the result: ≤ 2·columns, and one more on either side, ascending x.
[[nodiscard]] std::vector<Column> decimated(const Trace& trace, Range x, bool is_log, std::size_t columns);

}  // namespace lowleg::ui
