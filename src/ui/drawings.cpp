#include "ui/drawings.h"

#include "core/text.h"

#include <imgui.h>

#include <array>
#include <string>

namespace lowleg::ui {
namespace {

/// Draws on a grid of 100 × `rows` units that fills a rectangle.
class Pen {
public:
    Pen(Toolkit& toolkit, Rect where, float rows)
        : kit_{toolkit}, list_{*ImGui::GetWindowDrawList()}, where_{where}, rows_{rows}
    {
        list_.AddRectFilled({where.min.x, where.min.y}, {where.max.x, where.max.y}, toolkit.theme().background, toolkit.px(4.0F));
    }
    [[nodiscard]] ImVec2 at(float x, float y) const { return {where_.min.x + x / 100.0F * where_.width(), where_.min.y + y / rows_ * where_.height()}; }
    void line(float x0, float y0, float x1, float y1, Colour c, float width = 1.6F) { list_.AddLine(at(x0, y0), at(x1, y1), c, kit_.px(width)); }
    void dot(float x, float y, Colour c, float radius = 3.2F) { list_.AddCircleFilled(at(x, y), kit_.px(radius), c); }
    void ring(float x, float y, Colour c, float radius = 4.0F) { list_.AddCircle(at(x, y), kit_.px(radius), c, 0, kit_.px(1.6F)); }
    void box(float x0, float y0, float x1, float y1, const std::string& words, Colour c)
    {
        list_.AddRect(at(x0, y0), at(x1, y1), c, kit_.px(4.0F), 0, kit_.px(1.4F));
        if (words.empty()) return;
        const auto size = ImGui::CalcTextSize(words.c_str());
        const auto to = at(0.5F * (x0 + x1), y0);
        list_.AddText({to.x - 0.5F * size.x, to.y + kit_.px(3.0F)}, kit_.theme().text, words.c_str());
    }
    /// A resistor along x or y between two points.
    void resistor(float x0, float y0, float x1, float y1, const std::string& words, Colour c)
    {
        const bool is_flat = y0 == y1;
        const auto a = at(x0, y0);
        const auto b = at(x1, y1);
        const ImVec2 middle{0.5F * (a.x + b.x), 0.5F * (a.y + b.y)};
        const float half = kit_.px(13.0F);
        const float thick = kit_.px(4.5F);
        const ImVec2 from = is_flat ? ImVec2{middle.x - half, middle.y} : ImVec2{middle.x, middle.y - half};
        const ImVec2 to = is_flat ? ImVec2{middle.x + half, middle.y} : ImVec2{middle.x, middle.y + half};
        list_.AddLine(a, from, c, kit_.px(1.6F));
        list_.AddLine(to, b, c, kit_.px(1.6F));
        const ImVec2 low = is_flat ? ImVec2{from.x, from.y - thick} : ImVec2{from.x - thick, from.y};
        const ImVec2 high = is_flat ? ImVec2{to.x, to.y + thick} : ImVec2{to.x + thick, to.y};
        list_.AddRectFilled(low, high, kit_.theme().background);
        list_.AddRect(low, high, c, 0.0F, 0, kit_.px(1.6F));
        const auto size = ImGui::CalcTextSize(words.c_str());
        if (is_flat) list_.AddText({middle.x - 0.5F * size.x, low.y - size.y - kit_.px(1.0F)}, kit_.theme().dim, words.c_str());
        else list_.AddText({high.x + kit_.px(4.0F), middle.y - 0.5F * size.y}, kit_.theme().dim, words.c_str());
    }
    enum class Align : std::uint8_t { left, centre, right };
    void words(float x, float y, const std::string& text, Colour c, Align align = Align::left)
    {
        const auto size = ImGui::CalcTextSize(text.c_str());
        auto p = at(x, y);
        p.y -= 0.5F * size.y;
        if (align == Align::centre) p.x -= 0.5F * size.x;
        if (align == Align::right) p.x -= size.x;
        list_.AddText(p, c, text.c_str());
    }
    void ground(float x, float y, Colour c)
    {
        const auto p = at(x, y);
        for (const auto& [half, down] : {std::pair{8.0F, 0.0F}, {5.0F, 3.5F}, {2.0F, 7.0F}})
            list_.AddLine({p.x - kit_.px(half), p.y + kit_.px(down)}, {p.x + kit_.px(half), p.y + kit_.px(down)}, c, kit_.px(1.6F));
    }

private:
    Toolkit& kit_;
    ImDrawList& list_;
    Rect where_;
    float rows_;
};

}  // namespace

void draw_fixture(Toolkit& toolkit, Rect where, const Fixture& fixture, std::optional<SwitchState> shown, bool blinks)
{
    const auto& t = toolkit.theme();
    Pen pen{toolkit, where, 60.0F};
    const Colour wire = t.dim;
    const Colour pin2 = t.traces[0];
    const Colour pin3 = t.traces[1];
    const auto state = shown.value_or(SwitchState::through);
    pen.box(3.0F, 5.0F, 20.0F, 55.0F, "DUT", t.line);
    pen.box(27.0F, 5.0F, 76.0F, 55.0F, "", t.line);
    pen.words(51.0F, 8.5F, "fixture", t.dim, Pen::Align::centre);
    pen.box(82.0F, 5.0F, 98.0F, 55.0F, "interface", t.line);
    // Drive.
    pen.line(82.0F, 14.0F, 20.0F, 14.0F, wire);
    pen.words(83.5F, 14.0F, "out 1", t.text);
    pen.words(18.5F, 14.0F, "in", t.text, Pen::Align::right);
    // Pin 2.
    pen.line(20.0F, 27.0F, 82.0F, 27.0F, pin2, 2.0F);
    pen.words(18.5F, 27.0F, "2", pin2, Pen::Align::right);
    pen.words(83.5F, 27.0F, "in 1", t.text);
    // Pin 3 and the switch.
    pen.words(18.5F, 38.0F, "3", pin3, Pen::Align::right);
    pen.line(20.0F, 38.0F, 36.0F, 38.0F, pin3, 2.0F);
    pen.ring(36.0F, 38.0F, pin3);
    pen.ring(47.0F, 38.0F, pin3);
    pen.line(47.0F, 38.0F, 82.0F, 38.0F, pin3, 2.0F);
    pen.words(83.5F, 38.0F, "in 2", t.text);
    const Colour arm = blinks ? t.open : pin3;
    if (state == SwitchState::lifted) pen.line(36.0F, 38.0F, 45.0F, 32.0F, arm, 3.0F);
    else pen.line(36.0F, 38.0F, 47.0F, 38.0F, arm, 3.0F);
    // Pin 1.
    pen.words(18.5F, 50.0F, "1", t.dim, Pen::Align::right);
    pen.line(20.0F, 50.0F, 82.0F, 50.0F, wire);
    pen.words(83.5F, 50.0F, "ground", t.dim);
    const auto strength = [&](SwitchState of) { return shown && state == of ? (blinks ? t.open : pin3) : faded(t.dim, 0.4F); };
    pen.resistor(30.0F, 38.0F, 30.0F, 50.0F, format_ohms(fixture.rg), strength(SwitchState::loaded));
    pen.line(24.0F, 38.0F, 24.0F, 50.0F, strength(SwitchState::grounded), state == SwitchState::grounded && shown ? 3.0F : 1.2F);
    if (fixture.probe) {
        pen.line(82.0F, 20.5F, 66.0F, 20.5F, wire);
        pen.words(83.5F, 20.5F, "out 2", t.text);
        pen.resistor(66.0F, 20.5F, 54.0F, 20.5F, format_ohms(fixture.probe->rp2), wire);
        pen.line(54.0F, 20.5F, 54.0F, 27.0F, wire);
        pen.dot(54.0F, 27.0F, pin2);
        pen.dot(66.0F, 20.5F, wire);
        pen.line(66.0F, 20.5F, 66.0F, 32.5F, wire);
        pen.resistor(66.0F, 32.5F, 54.0F, 32.5F, "", wire);
        pen.line(54.0F, 32.5F, 54.0F, 38.0F, wire);
        pen.dot(54.0F, 38.0F, pin3);
    }
    toolkit.note(Widget::Kind::plot, "fixture", where, shown ? std::string{name_of(state)} : "nothing set");
}

void draw_cable(Toolkit& toolkit, Rect where, topology::UnbalancedWiring wiring)
{
    using topology::UnbalancedWiring;
    const auto& t = toolkit.theme();
    Pen pen{toolkit, where, 46.0F};
    pen.box(4.0F, 4.0F, 26.0F, 40.0F, "output", t.line);
    pen.box(66.0F, 4.0F, 97.0F, 40.0F, "unbalanced input", t.line);
    const bool is_jack = wiring == UnbalancedWiring::left_channel_only || wiring == UnbalancedWiring::send_only;
    const std::array<std::string, 3> left = is_jack ? std::array<std::string, 3>{"tip", "ring", "sleeve"} : std::array<std::string, 3>{"pin 2", "pin 3", "pin 1"};
    for (std::size_t i = 0; i < 3; ++i) pen.words(24.0F, 17.0F + 9.5F * static_cast<float>(i), left.at(i), t.text, Pen::Align::right);
    pen.words(68.0F, 17.0F, "tip", t.text);
    pen.words(68.0F, 36.0F, "sleeve", t.text);
    pen.dot(26.0F, 17.0F, t.traces[0]);
    pen.dot(26.0F, 26.5F, t.traces[1]);
    pen.dot(26.0F, 36.0F, t.dim);
    pen.dot(66.0F, 17.0F, t.traces[0]);
    pen.dot(66.0F, 36.0F, t.dim);
    pen.line(26.0F, 17.0F, 66.0F, 17.0F, t.traces[0], 2.4F);
    const auto third = t.traces[1];
    switch (wiring) {
    case UnbalancedWiring::ground_pin3:
        pen.line(26.0F, 36.0F, 66.0F, 36.0F, t.dim, 2.0F);
        pen.line(26.0F, 26.5F, 58.0F, 26.5F, third, 2.4F);
        pen.line(58.0F, 26.5F, 58.0F, 36.0F, third, 2.4F);
        pen.dot(58.0F, 36.0F, third);
        pen.words(46.0F, 43.5F, "join 3 to the sleeve at the far end", t.dim, Pen::Align::centre);
        break;
    case UnbalancedWiring::pin3_to_far_ground:
        pen.line(26.0F, 26.5F, 58.0F, 26.5F, third, 2.4F);
        pen.line(58.0F, 26.5F, 58.0F, 36.0F, third, 2.4F);
        pen.line(58.0F, 36.0F, 66.0F, 36.0F, third, 2.4F);
        for (float x = 26.0F; x < 54.0F; x += 4.0F) pen.line(x, 36.0F, x + 2.0F, 36.0F, t.dim, 2.0F);
        pen.words(44.0F, 43.5F, "pin 3 senses the far ground; shield open there", t.dim, Pen::Align::centre);
        break;
    case UnbalancedWiring::leave_pin3_unconnected:
    case UnbalancedWiring::left_channel_only:
    case UnbalancedWiring::send_only:
        pen.line(26.0F, 36.0F, 66.0F, 36.0F, t.dim, 2.0F);
        pen.line(26.0F, 26.5F, 38.0F, 26.5F, third, 2.0F);
        pen.line(36.6F, 24.5F, 39.4F, 28.5F, t.bad, 2.4F);
        pen.line(36.6F, 28.5F, 39.4F, 24.5F, t.bad, 2.4F);
        pen.words(41.0F, 26.5F, left[1] + " on nothing", t.dim);
        break;
    }
    toolkit.note(Widget::Kind::plot, "cable", where, topology::id_of(wiring));
}

void draw_feed(Toolkit& toolkit, Rect where, procedure::CmrrFeed feed, bool own_input)
{
    using procedure::CmrrFeed;
    const auto& t = toolkit.theme();
    Pen pen{toolkit, where, 50.0F};
    pen.box(3.0F, 5.0F, 22.0F, 45.0F, "interface", t.line);
    pen.box(72.0F, 5.0F, 97.0F, 45.0F, own_input ? "interface in 1" : "input under test", t.line);
    pen.words(20.5F, 17.0F, "out 1", t.text, Pen::Align::right);
    pen.words(20.5F, 27.0F, "out 2", t.text, Pen::Align::right);
    pen.words(74.0F, 17.0F, "pin 2", t.traces[0]);
    pen.words(74.0F, 27.0F, "pin 3", t.traces[1]);
    pen.words(74.0F, 39.0F, "pin 1", t.dim);
    pen.words(20.5F, 39.0F, "ground", t.dim, Pen::Align::right);
    pen.line(22.0F, 39.0F, 72.0F, 39.0F, t.dim);
    const bool is_tied = feed == CmrrFeed::common || feed == CmrrFeed::common_leg2 || feed == CmrrFeed::common_leg3;
    if (is_tied) {
        pen.line(22.0F, 17.0F, 40.0F, 17.0F, t.accent, 2.2F);
        pen.line(40.0F, 17.0F, 40.0F, 27.0F, t.accent, 2.2F);
        pen.dot(40.0F, 17.0F, t.accent);
        if (feed == CmrrFeed::common_leg2) pen.resistor(46.0F, 17.0F, 66.0F, 17.0F, "10 Ω", t.open);
        else pen.line(46.0F, 17.0F, 66.0F, 17.0F, t.traces[0], 2.2F);
        if (feed == CmrrFeed::common_leg3) pen.resistor(46.0F, 27.0F, 66.0F, 27.0F, "10 Ω", t.open);
        else pen.line(46.0F, 27.0F, 66.0F, 27.0F, t.traces[1], 2.2F);
        pen.line(40.0F, 17.0F, 46.0F, 17.0F, t.traces[0], 2.2F);
        pen.line(40.0F, 27.0F, 46.0F, 27.0F, t.traces[1], 2.2F);
        pen.line(66.0F, 17.0F, 72.0F, 17.0F, t.traces[0], 2.2F);
        pen.line(66.0F, 27.0F, 72.0F, 27.0F, t.traces[1], 2.2F);
        pen.line(22.0F, 27.0F, 25.0F, 27.0F, t.dim);
        pen.line(24.2F, 25.2F, 25.8F, 28.8F, t.bad, 2.0F);
        pen.line(24.2F, 28.8F, 25.8F, 25.2F, t.bad, 2.0F);
    } else {
        const bool crossed = feed == CmrrFeed::exchanged;
        pen.line(22.0F, 17.0F, 40.0F, 17.0F, t.traces[crossed ? 1 : 0], 2.2F);
        pen.line(22.0F, 27.0F, 40.0F, 27.0F, t.traces[crossed ? 0 : 1], 2.2F);
        pen.line(40.0F, 17.0F, 60.0F, crossed ? 27.0F : 17.0F, t.traces[crossed ? 1 : 0], 2.2F);
        pen.line(40.0F, 27.0F, 60.0F, crossed ? 17.0F : 27.0F, t.traces[crossed ? 0 : 1], 2.2F);
        pen.line(60.0F, 17.0F, 72.0F, 17.0F, t.traces[0], 2.2F);
        pen.line(60.0F, 27.0F, 72.0F, 27.0F, t.traces[1], 2.2F);
    }
    if (!own_input) {
        pen.line(31.0F, 17.0F, 31.0F, 33.0F, t.dim);
        pen.line(31.0F, 33.0F, 22.0F, 33.0F, t.dim);
        pen.dot(31.0F, 17.0F, t.dim);
        pen.words(20.5F, 33.0F, "in 2", t.text, Pen::Align::right);
        pen.words(84.5F, 33.0F, "its output to in 1", t.dim, Pen::Align::centre);
    }
    toolkit.note(Widget::Kind::plot, "wiring", where, procedure::name_of(feed));
}

}  // namespace lowleg::ui
