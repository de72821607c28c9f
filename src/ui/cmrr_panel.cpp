// The card that measures what an input rejects.
#include "core/text.h"
#include "report/cmrr_text.h"
#include "ui/drawings.h"
#include "ui/face_state.h"

#include <imgui.h>

#include <algorithm>

namespace lowleg::ui {
namespace {

using instrument::JobKind;
using procedure::Cmrr;
using procedure::CmrrFeed;
using procedure::CmrrPoint;
using procedure::CmrrValue;

/// What a combo offers: circuits that are inputs.
const std::vector<std::string>& receivers()
{
    static const auto names = circuits_of("receiver");
    return names;
}

std::string words_for(const CmrrValue& value)
{
    if (value.at_floor) return "≥ " + format_fixed(value.db, 1) + " dB";
    return format_fixed(value.db, 1) + " ± " + format_fixed(std::max(value.uncertainty_db, 0.1), 1) + " dB";
}

void draw_curve(FaceState& face, const std::vector<CmrrPoint>& points, float height)
{
    auto& kit = face.kit;
    const auto& t = kit.theme();
    struct Line { std::string_view name; std::optional<CmrrValue> CmrrPoint::* value; Colour colour; bool is_dashed; };
    const std::array lines{Line{"tied", &CmrrPoint::common, t.traces[2], false}, Line{"10 Ω in 2", &CmrrPoint::leg2, t.traces[0], false},
                           Line{"10 Ω in 3", &CmrrPoint::leg3, t.traces[1], true}};
    std::array<std::vector<double>, 4> xs;
    std::array<std::vector<float>, 4> ys;
    std::vector<Trace> traces;
    double lowest = 60.0;
    double highest = 100.0;
    const auto add = [&](std::size_t i, double x, double y) {
        xs.at(i).push_back(x);
        ys.at(i).push_back(static_cast<float>(y));
        lowest = std::min(lowest, y);
        highest = std::max(highest, y);
    };
    for (const auto& point : points) {
        for (std::size_t i = 0; i < lines.size(); ++i)
            if (const auto& value = point.*lines.at(i).value) add(i, point.frequency.value(), value->db);
        add(3, point.frequency.value(), point.floor_db);
    }
    const auto trace = [&](std::size_t i, std::string_view name, Colour c, bool is_dashed) {
        if (xs.at(i).empty()) return;
        Trace out;
        out.name = name;
        out.colour = c;
        out.xs = xs.at(i);
        out.y = ys.at(i);
        out.is_dashed = is_dashed;
        out.has_points = i < 3;
        traces.push_back(out);
    };
    trace(3, "floor", t.dim, true);
    for (std::size_t i = 0; i < lines.size(); ++i) trace(i, lines.at(i).name, lines.at(i).colour, lines.at(i).is_dashed);
    PlotContent content;
    content.label = "CMRR curve";
    content.x = {{20.0, 20e3}, true, "Hz"};
    content.y = {{lowest - 5.0, highest + 10.0}, false, "dB"};
    content.traces = traces;
    content.empty = "the curve grows here";
    const float width = ImGui::GetContentRegionAvail().x;
    const auto at = ImGui::GetCursorScreenPos();
    draw_plot(kit, {{at.x, at.y}, {at.x + width, at.y + height}}, content, face.cmrr_view);
    ImGui::SetCursorScreenPos({at.x, at.y + height + kit.px(4.0F)});
}

void draw_number(FaceState& face, const Cmrr& result)
{
    auto& kit = face.kit;
    const auto& point = result.at_1khz();
    const auto& leading = procedure::leading_of(point);
    if (!leading) return;
    if (result.quality.source == procedure::Source::virtual_bench) {
        kit.badge("VIRTUAL BENCH", "Simulated gear and a simulated interface: nothing that stands on a table.");
        kit.same_line();
        kit.line(result.device_under_test, Ink::dim);
    }
    kit.line(words_for(*leading), leading->at_floor ? Ink::open : Ink::good, Lettering::big,
             "Common-mode rejection ratio: the gain for a voltage between the legs, over the gain for the same voltage on both. IEC 60268-3 puts 10 Ω into either leg and takes the worse.");
    kit.line(std::string{point.iec ? "at 1 kHz with 10 Ω in the worse leg (IEC 60268-3)" : "at 1 kHz, legs tied"} +
                 (result.grade ? ": " + std::string{procedure::words_for(*result.grade)} : ""),
             Ink::dim);
    const auto row = [&](const char* name, const std::optional<CmrrValue>& value) {
        if (value) kit.line(std::string{name} + "  " + words_for(*value));
    };
    row("legs tied", point.common);
    row("10 Ω in leg 2", point.leg2);
    row("10 Ω in leg 3", point.leg3);
    if (result.limits) kit.text(result.limits->says);
}

}  // namespace

std::string receiver_name(std::size_t index) { return index < receivers().size() ? receivers()[index] : std::string{}; }

void draw_cmrr(FaceState& face)
{
    auto& kit = face.kit;
    const auto& job = face.job();
    const bool is_mine = face.is_of(JobKind::cmrr);
    const bool is_running = is_mine && face.is_running();
    const float width = ImGui::GetContentRegionAvail().x;
    if (is_running) {
        (void)draw_job(face, JobKind::cmrr);
        draw_curve(face, job.cmrr_so_far ? *job.cmrr_so_far : std::vector<CmrrPoint>{}, std::min(0.6F * width, kit.px(300.0F)));
        return;
    }
    if (is_mine && job.cmrr) {
        draw_number(face, *job.cmrr);
        draw_curve(face, job.cmrr->curve, std::min(0.6F * width, kit.px(300.0F)));
        for (const auto& note : job.cmrr->notes) kit.text(note, Ink::dim);
        draw_copy(face, report::cmrr_text(*job.cmrr, {}, true), "The rejection");
        kit.separator();
    } else {
        kit.text("How much of a voltage on both legs does a balanced input let through?", Ink::text, Lettering::bold);
        if (is_mine) (void)draw_job(face, JobKind::cmrr);
    }
    if (face.now().stream.place.is_bench) {
        kit.line("Input under test", Ink::dim);
        kit.choice("Receiver", receivers(), face.receiver, "A simulated balanced input");
    }
    constexpr std::array<std::string_view, 2> methods{"Legs tied", "Leads exchanged"};
    kit.segments("Method", methods, face.cmrr_method, "Legs tied: bare, then with 10 Ω in either leg (IEC 60268-3). Leads exchanged: two outputs, whose difference drops out.");
    kit.tick("Input 1 itself is under test", face.cmrr_own_input, "The interface's own input 1; input 2 records nothing.");
    draw_feed(kit, kit.room(Widget::Kind::area, "wiring drawing", width, std::min(0.42F * width, kit.px(210.0F))), face.cmrr_method == 0 ? CmrrFeed::common : CmrrFeed::separate,
              face.cmrr_own_input);
    kit.text(face.now().stream.place.is_bench ? "The virtual bench wires itself." : "Each wiring is shown before anything sounds.", Ink::dim);
}

}  // namespace lowleg::ui
