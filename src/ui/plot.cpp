#include "ui/plot.h"

#include "core/text.h"
#include "core/units.h"

#include <imgui.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace lowleg::ui {
namespace {

/// From a value to where it lies between the ends, 0 … 1.
struct Scale {
    Range range;
    bool is_log;
    [[nodiscard]] double part(double value) const
    {
        if (is_log) return std::log(std::max(value, 1e-12) / range.from) / std::log(range.to / range.from);
        return (value - range.from) / (range.to - range.from);
    }
    [[nodiscard]] double value(double part) const
    {
        if (is_log) return range.from * std::exp(part * std::log(range.to / range.from));
        return range.from + part * (range.to - range.from);
    }
};

Range zoomed(Scale scale, double part, double factor)
{
    return {scale.value(part - part * factor), scale.value(part + (1.0 - part) * factor)};
}

/// Nothing is to be found far outside of what there is, or closer than this.
Range within(Range wanted, const Axis& axis)
{
    const Scale whole{axis.whole, axis.is_log};
    double from = whole.part(wanted.from);
    double to = whole.part(wanted.to);
    constexpr double closest = 1e-3;
    if (to - from < closest) {
        const double middle = 0.5 * (from + to);
        from = middle - 0.5 * closest;
        to = middle + 0.5 * closest;
    }
    const double least = axis.is_log ? 0.0 : -0.5;
    const double most = axis.is_log ? 1.0 : axis.reach;
    const double length = std::min(to - from, most - least);
    from = std::clamp(from, least, most - length);
    return {whole.value(from), whole.value(from + length)};
}

/// 1, 2 or 5 times a power of ten, so that about `count` of them fit.
double tick_step(double length, double count)
{
    const double rough = length / std::max(count, 1.0);
    double step = 1e-12;
    while (step < rough) {
        for (const double next : {2.0, 2.5, 2.0}) {
            if (step >= rough) return step;
            step *= next;
        }
    }
    return step;
}

std::vector<double> ticks_of(const Scale& scale, double pixels, double apart)
{
    std::vector<double> out;
    if (scale.is_log && scale.range.to > 4.0 * scale.range.from) {
        double decade = 1e-3;
        while (decade * 10.0 <= scale.range.from) decade *= 10.0;
        const bool is_wide = scale.range.to > 300.0 * scale.range.from;
        for (; decade <= scale.range.to; decade *= 10.0)
            for (const double m : {1.0, 2.0, 5.0})
                if (const double x = m * decade; x >= scale.range.from * 0.999 && x <= scale.range.to * 1.001 && (!is_wide || pixels > 280.0 || m == 1.0)) out.push_back(x);
        return out;
    }
    const double step = tick_step(scale.range.to - scale.range.from, pixels / apart);
    for (double x = std::ceil(scale.range.from / step) * step; x <= scale.range.to + 1e-9 * step; x += step) out.push_back(std::abs(x) < 1e-9 * step ? 0.0 : x);
    return out;
}

std::string tick_text(double value, std::string_view unit)
{
    if (unit == "Hz" && value >= 1000.0) return format_number(std::round(value) / 1000.0) + "k";
    const double rounded = std::abs(value) >= 1.0 ? std::round(value * 1000.0) / 1000.0 : std::round(value * 1e6) / 1e6;
    auto out = format_number(rounded);
    if (out.starts_with('-')) out.replace(0, 1, "−");
    return out;
}

double drawn(const Trace& trace, double y)
{
    if (trace.is_power) return gain_of(std::sqrt(std::max(y, 1e-30))).value() + trace.offset;
    return trace.factor * y + trace.offset;
}

double x_of(const Trace& trace, std::size_t i) { return trace.xs.empty() ? trace.x_begin + trace.x_step * static_cast<double>(i) : trace.xs[i]; }

/// First point whose x is not below.
std::size_t first_from(const Trace& trace, double x)
{
    if (!trace.xs.empty()) return static_cast<std::size_t>(std::ranges::lower_bound(trace.xs, x) - trace.xs.begin());
    const double i = std::ceil((x - trace.x_begin) / trace.x_step);
    return static_cast<std::size_t>(std::clamp(i, 0.0, static_cast<double>(trace.y.size())));
}

/// Between points. None outside of them. \param least, most  about x: of a power the largest in between, so that a peak is read by who aims at its pixel.
std::optional<double> value_at(const Trace& trace, double x, double least, double most)
{
    const auto after = first_from(trace, x);
    if (trace.is_power) {
        const auto begin = first_from(trace, least);
        const auto end = first_from(trace, most);
        if (end > begin) return drawn(trace, static_cast<double>(*std::ranges::max_element(trace.y.subspan(begin, end - begin))));
    }
    if (after >= trace.y.size()) return std::nullopt;
    if (after == 0) return x_of(trace, 0) == x ? std::optional{drawn(trace, static_cast<double>(trace.y[0]))} : std::nullopt;
    if (trace.is_power) {  // the nearest bin: between bins there is nothing
        const auto nearest = x - x_of(trace, after - 1) < x_of(trace, after) - x ? after - 1 : after;
        return drawn(trace, static_cast<double>(trace.y[nearest]));
    }
    const double part = (x - x_of(trace, after - 1)) / (x_of(trace, after) - x_of(trace, after - 1));
    return drawn(trace, (1.0 - part) * static_cast<double>(trace.y[after - 1]) + part * static_cast<double>(trace.y[after]));
}

/// Draws a line of many points, whole or in dashes. Dashes are measured along x, and what is steep has no gaps: a peak is never left out.
void draw_line(ImDrawList& list, const std::vector<ImVec2>& points, const Trace& trace, float scale)
{
    const float width = trace.width * scale;
    if (!trace.is_dashed) {
        list.AddPolyline(points.data(), static_cast<int>(points.size()), trace.colour, ImDrawFlags_None, width);
        return;
    }
    const float dash = 7.0F * scale;
    const float period = 11.0F * scale;
    const float steep = 3.0F * scale;
    std::vector<ImVec2> piece;
    const auto finish = [&] {
        if (piece.size() > 1) list.AddPolyline(piece.data(), static_cast<int>(piece.size()), trace.colour, ImDrawFlags_None, width);
        piece.clear();
    };
    for (std::size_t i = 1; i < points.size(); ++i) {
        auto a = points[i - 1];
        const auto b = points[i];
        const bool is_steep = std::abs(b.y - a.y) > std::max(steep, b.x - a.x);
        while (true) {
            const float phase = std::fmod(std::max(a.x - points.front().x, 0.0F), period);
            const bool is_on = is_steep || phase < dash;
            const float left = is_steep ? b.x - a.x : std::max((phase < dash ? dash : period) - phase, 0.01F);
            if (is_on && piece.empty()) piece.push_back(a);
            if (!is_on) finish();
            if (b.x - a.x <= left) {
                if (is_on) piece.push_back(b);
                break;
            }
            a = {a.x + left, a.y + (b.y - a.y) * left / (b.x - a.x)};
            if (is_on) piece.push_back(a);
        }
    }
    finish();
}

class Drawing {
public:
    Drawing(Toolkit& toolkit, Rect where, const PlotContent& content, PlotView& view)
        : kit_{toolkit}, content_{content}, view_{view}, list_{*ImGui::GetWindowDrawList()}, where_{where}, x_{view.x.value_or(content.x.whole), content.x.is_log},
          y_{view.y.value_or(content.y.whole), content.y.is_log}
    {
        inner_ = {{where.min.x + kit_.px(46.0F), where.min.y + kit_.px(20.0F)}, {where.max.x - kit_.px(8.0F), where.max.y - kit_.px(20.0F)}};
        if (!content.is_square) return;
        const float side = std::min(inner_.width(), inner_.height());
        const auto middle = inner_.centre();
        inner_ = {{middle.x - 0.5F * side, middle.y - 0.5F * side}, {middle.x + 0.5F * side, middle.y + 0.5F * side}};
    }

    void draw()
    {
        handle_mouse();
        draw_frame();
        list_.PushClipRect({inner_.min.x, inner_.min.y}, {inner_.max.x, inner_.max.y}, true);
        for (const auto& trace : content_.traces) draw_trace(trace);
        draw_markers();
        draw_cursor();
        list_.PopClipRect();
        if (content_.has_legend) draw_legend();
        if (content_.traces.empty() && !content_.empty.empty()) {
            const auto size = ImGui::CalcTextSize(content_.empty.data(), content_.empty.data() + content_.empty.size(), false, inner_.width() - kit_.px(20.0F));
            const auto middle = inner_.centre();
            list_.AddText(nullptr, 0.0F, {middle.x - 0.5F * size.x, middle.y - 0.5F * size.y}, kit_.theme().dim, content_.empty.data(), content_.empty.data() + content_.empty.size(),
                          inner_.width() - kit_.px(20.0F));
        }
    }

private:
    [[nodiscard]] float pixel_x(double value) const { return inner_.min.x + static_cast<float>(x_.part(value)) * inner_.width(); }
    [[nodiscard]] float pixel_y(double value) const { return inner_.max.y - static_cast<float>(std::clamp(y_.part(value), -1.0, 2.0)) * inner_.height(); }

    void handle_mouse()
    {
        ImGui::SetCursorScreenPos({where_.min.x, where_.min.y});
        ImGui::InvisibleButton(std::string{content_.label}.c_str(), {std::max(where_.width(), 1.0F), std::max(where_.height(), 1.0F)});
        const auto& io = ImGui::GetIO();
        const Point mouse{io.MousePos.x, io.MousePos.y};
        const auto part_x = static_cast<double>((mouse.x - inner_.min.x) / inner_.width());
        const auto part_y = static_cast<double>((inner_.max.y - mouse.y) / inner_.height());
        const bool is_hovered = ImGui::IsItemHovered();
        if (is_hovered && io.MouseWheel != 0.0F) {
            const double factor = io.MouseWheel > 0.0F ? 0.8 : 1.25;
            if (!io.KeyCtrl || content_.is_square) view_.x = within(zoomed(x_, part_x, factor), content_.x);
            if (io.KeyCtrl || content_.is_square) view_.y = within(zoomed(y_, part_y, factor), content_.y);
        }
        if (is_hovered && ImGui::IsMouseDoubleClicked(0)) {
            view_.x.reset();
            view_.y.reset();
            view_.cursor.reset();
        } else if (ImGui::IsItemActive() && ImGui::IsMouseDragging(0, 3.0F)) {
            const auto dx = static_cast<double>(io.MouseDelta.x / inner_.width());
            const auto dy = static_cast<double>(-io.MouseDelta.y / inner_.height());
            if (io.MouseDelta.x != 0.0F) view_.x = within({x_.value(-dx), x_.value(1.0 - dx)}, content_.x);
            if (io.MouseDelta.y != 0.0F) view_.y = within({y_.value(-dy), y_.value(1.0 - dy)}, content_.y);
        } else if (ImGui::IsItemDeactivated() && io.MouseClickedLastCount[0] < 2 && !ImGui::IsMouseDragging(0, 3.0F) && is_hovered && part_x >= 0.0 && part_x <= 1.0 && !content_.is_square) {
            view_.cursor = x_.value(part_x);
        }
        if (view_.x) x_.range = *view_.x;
        if (view_.y) y_.range = *view_.y;
    }

    void draw_frame()
    {
        const auto& t = kit_.theme();
        list_.AddRectFilled({inner_.min.x, inner_.min.y}, {inner_.max.x, inner_.max.y}, t.background);
        const auto text = [&](float x, float y, const std::string& words, Colour c) { list_.AddText({x, y}, c, words.c_str()); };
        float last_end = -1e9F;
        for (const double tick : ticks_of(x_, static_cast<double>(inner_.width()), static_cast<double>(kit_.px(70.0F)))) {
            const float x = pixel_x(tick);
            list_.AddLine({x, inner_.min.y}, {x, inner_.max.y}, t.grid);
            const auto words = tick_text(tick, content_.x.unit);
            const auto size = ImGui::CalcTextSize(words.c_str());
            const float begin = std::min(x - 0.5F * size.x, where_.max.x - size.x);
            if (begin < last_end + kit_.px(6.0F)) continue;
            text(begin, inner_.max.y + kit_.px(2.0F), words, t.dim);
            last_end = begin + size.x;
        }
        for (const double tick : ticks_of(y_, static_cast<double>(inner_.height()), static_cast<double>(kit_.px(34.0F)))) {
            const float y = pixel_y(tick);
            list_.AddLine({inner_.min.x, y}, {inner_.max.x, y}, tick == 0.0 ? t.line : t.grid);
            const auto words = tick_text(tick, content_.y.unit);
            const auto size = ImGui::CalcTextSize(words.c_str());
            text(inner_.min.x - size.x - kit_.px(5.0F), y - 0.5F * size.y, words, t.dim);
        }
        text(where_.min.x + kit_.px(2.0F), where_.min.y, std::string{content_.y.unit}, t.dim);
        list_.AddRect({inner_.min.x, inner_.min.y}, {inner_.max.x, inner_.max.y}, t.line);
    }

    void draw_trace(const Trace& trace)
    {
        const auto columns = decimated(trace, x_.range, x_.is_log, static_cast<std::size_t>(std::max(inner_.width(), 2.0F)));
        points_.clear();
        float next = 0.0F;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const auto& column = columns[i];
            const float x = pixel_x(column.x);
            const float high = i > 0 && trace.is_power ? next : pixel_y(drawn(trace, static_cast<double>(column.most)));
            if (trace.is_power && i + 1 < columns.size()) {
                next = pixel_y(drawn(trace, static_cast<double>(columns[i + 1].most)));
                // The tip of a needle has no width, and would not be seen: it gets a pixel.
                const float needle = kit_.px(3.0F);
                if (!points_.empty() && points_.back().y > high + needle && next > high + needle) {
                    points_.push_back({x - 0.6F, high});
                    points_.push_back({x + 0.6F, high});
                    continue;
                }
            }
            if (trace.is_power || column.least == column.most) {
                points_.push_back({x, high});
                continue;
            }
            const float low = pixel_y(drawn(trace, static_cast<double>(column.least)));
            // The way that is shorter, so that a fast wave becomes a band.
            const bool up_first = !points_.empty() && std::abs(points_.back().y - high) < std::abs(points_.back().y - low);
            points_.push_back({x, up_first ? high : low});
            points_.push_back({x, up_first ? low : high});
        }
        if (points_.size() > 1) draw_line(list_, points_, trace, kit_.px(1.0F));
        if (trace.has_points || points_.size() == 1)
            for (const auto& p : points_) list_.AddCircleFilled(p, kit_.px(2.6F), trace.colour);
    }

    void draw_markers()
    {
        const auto& t = kit_.theme();
        float last_end = -1e9F;
        for (const auto& marker : content_.markers) {
            const float x = pixel_x(marker.x);
            if (x < inner_.min.x || x > inner_.max.x) continue;
            list_.AddLine({x, inner_.min.y}, {x, inner_.max.y}, faded(t.accent, 0.35F));
            if (x < last_end) continue;
            list_.AddText({x + kit_.px(2.0F), inner_.min.y + kit_.px(2.0F)}, t.dim, marker.text.c_str());
            last_end = x + ImGui::CalcTextSize(marker.text.c_str()).x + kit_.px(4.0F);
        }
    }

    void draw_cursor()
    {
        if (!view_.cursor) return;
        const auto& t = kit_.theme();
        const float x = pixel_x(*view_.cursor);
        if (x < inner_.min.x || x > inner_.max.x) return;
        list_.AddLine({x, inner_.min.y}, {x, inner_.max.y}, t.text, kit_.px(1.0F));
        const double part = x_.part(*view_.cursor);
        const auto pixel = static_cast<double>(kit_.px(2.0F) / inner_.width());
        std::vector<std::pair<std::string, Colour>> lines{{cursor_words(), t.text}};
        for (const auto& trace : content_.traces)
            if (trace.name.empty()) continue;
            else if (const auto y = value_at(trace, *view_.cursor, x_.value(part - pixel), x_.value(part + pixel)))
                lines.emplace_back(std::string{trace.name} + "  " + format_signed(*y, std::abs(*y) < 10.0 ? 3 : 1) + (content_.y.unit.empty() ? "" : " ") + std::string{content_.y.unit}, trace.colour);
        float width = 0.0F;
        std::string together;
        for (const auto& [words, c] : lines) {
            width = std::max(width, ImGui::CalcTextSize(words.c_str()).x);
            together += (together.empty() ? "" : "; ") + words;
        }
        const float height = ImGui::GetTextLineHeight();
        const float pad = kit_.px(5.0F);
        const bool is_left = x + width + 4.0F * pad > inner_.max.x;
        const float left = is_left ? x - width - 3.0F * pad : x + pad;
        float y = inner_.min.y + kit_.px(20.0F);
        list_.AddRectFilled({left, y}, {left + width + 2.0F * pad, y + height * static_cast<float>(lines.size()) + pad}, faded(t.panel, 0.92F), kit_.px(3.0F));
        for (const auto& [words, c] : lines) {
            list_.AddText({left + pad, y + 0.5F * pad}, c, words.c_str());
            y += height;
        }
        kit_.note(Widget::Kind::text, "cursor of " + std::string{content_.label}, inner_, together);
    }

    [[nodiscard]] std::string cursor_words() const
    {
        if (content_.x.unit == "Hz") return format_hertz(Hertz{*view_.cursor});
        return format_signed(*view_.cursor, 3) + " " + std::string{content_.x.unit};
    }

    void draw_legend()
    {
        float x = inner_.min.x + kit_.px(4.0F);
        const float y = where_.min.y + kit_.px(1.0F);
        for (const auto& trace : content_.traces) {
            if (trace.name.empty()) continue;
            const auto size = ImGui::CalcTextSize(trace.name.data(), trace.name.data() + trace.name.size());
            const float sample = kit_.px(18.0F);
            if (x + sample + size.x > inner_.max.x) break;
            const float middle = y + 0.5F * size.y;
            if (trace.is_dashed) {
                list_.AddLine({x, middle}, {x + 0.4F * sample, middle}, trace.colour, kit_.px(2.0F));
                list_.AddLine({x + 0.6F * sample, middle}, {x + sample, middle}, trace.colour, kit_.px(2.0F));
            } else {
                list_.AddLine({x, middle}, {x + sample, middle}, trace.colour, kit_.px(2.0F));
            }
            list_.AddText({x + sample + kit_.px(4.0F), y}, kit_.theme().text, trace.name.data(), trace.name.data() + trace.name.size());
            x += sample + size.x + kit_.px(14.0F);
        }
        const auto size = ImGui::CalcTextSize(content_.x.unit.data(), content_.x.unit.data() + content_.x.unit.size());
        list_.AddText({where_.max.x - size.x - kit_.px(10.0F), y}, kit_.theme().dim, content_.x.unit.data(), content_.x.unit.data() + content_.x.unit.size());
    }

    Toolkit& kit_;
    const PlotContent& content_;
    PlotView& view_;
    ImDrawList& list_;
    Rect where_, inner_;
    Scale x_, y_;
    std::vector<ImVec2> points_;
};

}  // namespace

std::vector<Column> decimated(const Trace& trace, Range x, bool is_log, std::size_t columns)
{
    std::vector<Column> out;
    const Scale scale{x, is_log};
    const auto add = [&](std::size_t from, std::size_t to) {
        const auto [least, most] = std::ranges::minmax(trace.y.subspan(from, to - from));
        out.push_back({x_of(trace, from), least, most});
    };
    auto i = first_from(trace, x.from);
    if (i > 0) add(i - 1, i);  // lines come in from outside
    // Few enough to be drawn as they are.
    if (const auto end = first_from(trace, x.to); end - i <= 2 * columns)
        for (; i < end; ++i) add(i, i + 1);
    for (std::size_t column = 1; column <= columns && i < trace.y.size(); ++column) {
        const auto end = first_from(trace, scale.value(static_cast<double>(column) / static_cast<double>(columns)));
        if (end > i) add(i, end);
        i = std::max(i, end);
    }
    if (i < trace.y.size()) add(i, i + 1);
    return out;
}

void draw_plot(Toolkit& toolkit, Rect where, const PlotContent& content, PlotView& view)
{
    toolkit.note(Widget::Kind::plot, content.label, where, content.traces.empty() ? std::string{content.empty} : std::to_string(content.traces.size()) + " traces");
    if (where.width() < toolkit.px(80.0F) || where.height() < toolkit.px(60.0F)) return;
    Drawing{toolkit, where, content, view}.draw();
}

void move_cursor(PlotView& view, const PlotContent& content, double pixels, double width)
{
    const Scale scale{view.x.value_or(content.x.whole), content.x.is_log};
    const double part = view.cursor ? scale.part(*view.cursor) + pixels / width : 0.5;
    view.cursor = scale.value(std::clamp(part, 0.0, 1.0));
}

void pan(PlotView& view, const Axis& axis, double part)
{
    const Scale scale{view.x.value_or(axis.whole), axis.is_log};
    view.x = within({scale.value(part), scale.value(1.0 + part)}, axis);
}

void zoom(PlotView& view, const Axis& axis, double factor)
{
    const Scale scale{view.x.value_or(axis.whole), axis.is_log};
    const double part = view.cursor ? std::clamp(scale.part(*view.cursor), 0.0, 1.0) : 0.5;
    view.x = within(zoomed(scale, part, factor), axis);
}

}  // namespace lowleg::ui
