// The card of the other measurements, and that of calibration: both give figures and curves.
#include "core/text.h"
#include "report/measurement_text.h"
#include "ui/drawings.h"
#include "ui/face_state.h"

#include <imgui.h>

#include <algorithm>
#include <cmath>

namespace lowleg::ui {
namespace {

using instrument::JobKind;
using procedure::Figure;
using procedure::Measurement;

std::string capital(std::string_view words)
{
    std::string out{words};
    if (!out.empty() && out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 'a' + 'A');
    return out;
}

bool is_over_frequency(const procedure::Curve& curve) { return !curve.columns.empty() && curve.columns.front().unit == "Hz"; }

/// "gain_db" is "gain".
std::string words_of(const procedure::Curve::Column& column)
{
    auto out = column.id;
    if (const auto unit = out.rfind('_'); unit != std::string::npos && !column.unit.empty()) out.erase(unit);
    std::ranges::replace(out, '_', ' ');
    return out;
}

void draw_curve(FaceState& face, const procedure::Curve& curve)
{
    if (curve.for_programs || curve.rows.size() < 2 || curve.columns.size() < 2) return;
    auto& kit = face.kit;
    // One axis, one unit: that of the first column behind x. What else there is stands in the copied text.
    const auto& unit = curve.columns[1].unit;
    std::vector<double> xs;
    for (const auto& row : curve.rows) xs.push_back(row[0]);
    if (!std::ranges::is_sorted(xs)) return;
    std::vector<std::vector<float>> ys;
    std::vector<std::size_t> columns;
    double least = 1e300;
    double most = -1e300;
    for (std::size_t c = 1; c < curve.columns.size() && columns.size() < 6; ++c) {
        const auto& id = curve.columns[c].id;
        if (curve.columns[c].unit != unit || id.find("uncertainty") != std::string::npos) continue;
        columns.push_back(c);
        ys.emplace_back();
        for (const auto& row : curve.rows) {
            ys.back().push_back(static_cast<float>(row[c]));
            least = std::min(least, row[c]);
            most = std::max(most, row[c]);
        }
    }
    const bool is_log = is_over_frequency(curve) && xs.front() > 0.0;
    // A flat response is drawn flat.
    const double room = std::max(0.1 * (most - least), unit == "dB" ? 0.5 : 1e-6 + 0.05 * std::abs(most));
    PlotContent content;
    content.label = curve.words;
    content.x = {{xs.front(), xs.back()}, is_log, curve.columns[0].unit};
    content.y = {{least - room, most + room}, false, unit};
    std::vector<Trace> traces;
    std::vector<std::string> names;
    for (const auto column : columns) names.push_back(words_of(curve.columns[column]));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        Trace trace;
        trace.name = names[i];
        trace.colour = kit.theme().traces.at(i % kit.theme().traces.size());
        trace.xs = xs;
        trace.y = ys[i];
        trace.is_dashed = i % 2 == 1;
        trace.has_points = xs.size() < 80;
        traces.push_back(trace);
    }
    content.traces = traces;
    kit.line(curve.words, Ink::dim);
    const float width = ImGui::GetContentRegionAvail().x;
    const float height = std::min(0.55F * width, kit.px(260.0F));
    const auto at = ImGui::GetCursorScreenPos();
    draw_plot(kit, {{at.x, at.y}, {at.x + width, at.y + height}}, content, face.measure_views[curve.id]);
    ImGui::SetCursorScreenPos({at.x, at.y + height + kit.px(4.0F)});
}

void draw_measurement(FaceState& face, const Measurement& result)
{
    auto& kit = face.kit;
    if (result.quality.source == procedure::Source::virtual_bench) {
        kit.badge("VIRTUAL BENCH", "Simulated gear and a simulated interface: nothing that stands on a table.");
        kit.same_line();
        kit.line(result.device_under_test, Ink::dim);
    }
    if (!result.figures.empty()) {
        const auto& leading = result.figures.front();
        kit.line(report::figure_words(leading), Ink::good, Lettering::big, leading.definition);
        kit.line(capital(leading.words) + (leading.frequency ? " at " + format_hertz(*leading.frequency) : ""), Ink::dim);
    }
    for (std::size_t i = 1; i < result.figures.size(); ++i) {
        const auto& figure = result.figures[i];
        kit.text(capital(figure.words) + (figure.frequency ? " at " + format_hertz(*figure.frequency) : "") + ":  " + report::figure_words(figure), Ink::text, Lettering::text, figure.definition);
    }
    for (const auto& sentence : result.says) kit.text(sentence, Ink::text, Lettering::bold);
    for (const auto& curve : result.curves) draw_curve(face, curve);
    if (!result.quality.lost_because.empty()) kit.text(result.quality.lost_because, Ink::open);
    // Of the bench it tells where a command line would store it.
    if (!result.calibration.says.empty() && result.quality.source == procedure::Source::device) kit.text(as_sentence(result.calibration.says), Ink::dim);
    for (const auto& note : result.notes) kit.text(note, Ink::dim);
    draw_copy(face, report::measurement_text(result, {}, true), "The measurement");
    kit.separator();
}

/// \param words_of  what the chosen one is, half a sentence.
void draw_card(FaceState& face, JobKind kind)
{
    const bool is_mine = face.is_of(kind);
    const bool is_running = is_mine && face.is_running();
    if (is_mine) (void)draw_job(face, kind);
    if (is_running) return;
    if (is_mine && face.job().measurement) draw_measurement(face, *face.job().measurement);
}

}  // namespace

void draw_measure(FaceState& face)
{
    auto& kit = face.kit;
    const bool is_running = face.is_running() && face.is_of(JobKind::measure);
    if (!is_running) {
        static const std::vector<std::string> kinds = [] {
            std::vector<std::string> out;
            for (const auto kind : procedure::all_measure_kinds) out.push_back(capital(procedure::name_of(kind)));
            return out;
        }();
        kit.choice("Measurement", kinds, face.measure_kind, "What is measured; Page up and Page down choose.", 12.0F);
        const auto kind = procedure::all_measure_kinds.at(face.measure_kind);
        kit.text(capital(procedure::words_for(kind)) + ".", Ink::dim);
        if (kind == procedure::MeasureKind::input && face.now().stream.place.is_bench) {
            static const auto receivers = circuits_of("receiver");
            kit.choice("Receiver", receivers, face.receiver, "A simulated balanced input");
        }
        kit.separator();
    }
    draw_card(face, JobKind::measure);
    if (is_running || face.is_of(JobKind::measure)) return;
    // What is to be wired, before anything sounds.
    const float width = ImGui::GetContentRegionAvail().x;
    const auto& fixture = face.settings.fixture;
    draw_fixture(kit, kit.room(Widget::Kind::area, "fixture drawing", width, std::min(0.50F * width, kit.px(260.0F))), fixture, SwitchState::through, false);
    if (procedure::all_measure_kinds.at(face.measure_kind) == procedure::MeasureKind::input)
        kit.text("For this one the input under test stands in the place of the output.", Ink::dim);
}

void draw_calibrate(FaceState& face)
{
    auto& kit = face.kit;
    const bool is_running = face.is_running() && face.is_of(JobKind::calibrate);
    if (!is_running) {
        std::vector<std::string_view> names;
        for (const auto step : procedure::all_calibration_steps) names.push_back(procedure::name_of(step));
        kit.text("Volts, ohms and dB of an interface, step by step. In this order each finds what it needs.", Ink::text, Lettering::bold);
        kit.segments("Calibration", names, face.calibration_step, "Do not touch the gain controls between and after.");
        const auto step = procedure::all_calibration_steps.at(face.calibration_step);
        kit.text(capital(procedure::words_for(step)) + ".", Ink::dim);
        kit.text(face.now().stream.place.is_bench ? "The virtual bench wires itself and reads a simulated multimeter; nothing is stored."
                                                  : "Each wiring is drawn before anything sounds. What is found is stored for this device, rate and gain setting.",
                 Ink::dim);
        kit.separator();
    }
    draw_card(face, JobKind::calibrate);
}

}  // namespace lowleg::ui
