// Scope, spectrum, X-Y and meters of what is to be heard.
#include "core/text.h"
#include "ui/face_state.h"

#include <imgui.h>

#include <algorithm>
#include <cmath>

namespace lowleg::ui {
namespace {

using instrument::all_channels;
using instrument::Channel;
using instrument::LiveFrame;
using instrument::TestSignal;

constexpr std::array<double, 4> averagings_s{0.0, 0.5, 2.0, 10.0};
constexpr std::array<std::string_view, 4> averaging_names{"none", "0.5 s", "2 s", "10 s"};
constexpr double lowest_db = -150.0;

const LiveFrame& shown_frame(const FaceState& face) { return face.is_frozen ? face.frozen : face.now().live; }

/// What 0 dBFS of a channel is in what is shown; nothing is added to dBFS.
double offset_of(const FaceState& face, Channel channel)
{
    if (!face.in_dbu) return 0.0;
    const auto& scales = face.now().stream.full_scale;
    const auto& scale = channel == Channel::pin3 ? scales[1] : scales[0];
    return scale ? scale->value() : 0.0;
}

bool can_be_dbu(const FaceState& face) { return face.now().stream.full_scale[0] && face.now().stream.full_scale[1]; }

std::string_view level_unit(const FaceState& face) { return face.in_dbu ? "dBu" : "dBFS"; }

void draw_controls(FaceState& face)
{
    auto& kit = face.kit;
    using Kind = TestSignal::Kind;
    constexpr std::array<std::string_view, 3> kinds{"Silence", "Sine", "Multitone"};
    const bool is_measuring = face.is_running();
    kit.label("Output");
    kit.same_line();
    auto chosen = static_cast<std::size_t>(face.now().stream.signal.kind);
    if (kit.segments("Output", kinds, chosen, "What output 1 plays while nothing is measured. P switches it on and off, Esc silences it at once.") && !is_measuring) {
        face.signal.kind = static_cast<Kind>(chosen);
        face.session.play(face.signal);
    }
    kit.same_line();
    const auto change = [&](std::string& text, double least, double most, const char* what, double& to) {
        double value{};
        if (parse_engineering(text, value) && value >= least && value <= most) {
            to = value;
            return true;
        }
        face.say(std::string{what} + " cannot be \"" + text + "\": give " + format_number(least) + " to " + format_number(most), true);
        return false;
    };
    if (kit.field("Level", face.level_text, "Peak level of the test signal, dBFS: −80 to −0.5. Begin softly with gear that you do not know.", 3.5F)) {
        double level = face.signal.level.value();
        if (change(face.level_text, -80.0, -0.5, "The level", level)) {
            face.signal.level = Dbfs{level};
            face.session.play({face.now().stream.signal.kind, face.signal.level, face.signal.frequency});
        }
    }
    kit.same_line(3.0F);
    kit.label("dBFS");
    kit.same_line();
    if (kit.field("Frequency", face.frequency_text, "Of the sine, Hz: 20 to 20,000, in steps of 5 Hz.", 4.0F)) {
        double frequency = face.signal.frequency.value();
        if (change(face.frequency_text, 20.0, 20e3, "The frequency", frequency)) {
            face.signal.frequency = Hertz{frequency};
            face.session.play({face.now().stream.signal.kind, face.signal.level, face.signal.frequency});
        }
    }
    kit.same_line(3.0F);
    kit.label("Hz");
    kit.same_line(18.0F);
    for (const auto channel : all_channels) {
        auto& shows = face.shows.at(static_cast<std::size_t>(channel));
        const bool was = shows;
        if (kit.button(std::string{instrument::words_for(channel)} + "##show",
                       {.tooltip = channel == Channel::difference ? "Pin 2 − pin 3: what a balanced input takes" : channel == Channel::sum ? "Pin 2 + pin 3: twice the common mode" : "", .is_chosen = shows}))
            shows = !was;
        kit.same_line(3.0F);
    }
    kit.same_line(14.0F);
    if (kit.button(face.is_frozen ? "Go on" : "Freeze", {.tooltip = "Holds the picture (F). Measuring goes on.", .is_chosen = face.is_frozen})) toggle_freeze(face);
}

/// The x of the strongest tone, and its multiples.
std::vector<Marker> harmonics(const FaceState& face, const LiveFrame& frame)
{
    std::vector<Marker> out;
    const auto& powers = frame.spectrum[face.shows[0] || !face.shows[1] ? 0 : 1];
    if (!face.has_harmonics || powers.size() < 16) return out;
    const auto begin = static_cast<std::size_t>(15.0 / frame.bin.value()) + 6;
    if (begin >= powers.size()) return out;
    const auto strongest = std::max_element(powers.begin() + static_cast<std::ptrdiff_t>(begin), powers.end());
    // The middle of the peak: its bins weighed by their power.
    double sum = 0.0;
    double weight = 0.0;
    for (std::ptrdiff_t i = -3; i <= 3; ++i) {
        const auto at = strongest + i;
        if (at < powers.begin() || at >= powers.end()) continue;
        sum += static_cast<double>(*at) * static_cast<double>(at - powers.begin());
        weight += static_cast<double>(*at);
    }
    if (!(weight > 0.0)) return out;
    const double fundamental = sum / weight * frame.bin.value();
    for (int n = 1; n <= 9 && n * fundamental < 20e3; ++n) out.push_back({n * fundamental, n == 1 ? format_hertz(Hertz{fundamental}) : "H" + std::to_string(n)});
    return out;
}

void draw_scope(FaceState& face, const LiveFrame& frame, Rect where)
{
    auto content = scope_axes(face);
    std::vector<Trace> traces;
    std::array<std::vector<float>, 2> derived;
    const double step_ms = 1e3 / std::max(frame.sample_rate_hz, 1.0);
    for (const auto channel : all_channels) {
        const auto c = static_cast<std::size_t>(channel);
        if (!face.shows.at(c) || frame.scope[0].empty()) continue;
        std::span<const float> samples;
        if (c < 2) samples = frame.scope.at(c);
        else {
            auto& values = derived.at(c - 2);
            values.resize(frame.scope[0].size());
            const float sign = channel == Channel::sum ? 1.0F : -1.0F;
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = frame.scope[0][i] + sign * frame.scope[1][i];
            samples = values;
        }
        Trace trace;
        trace.name = instrument::words_for(channel);
        trace.colour = face.kit.theme().traces.at(c);
        trace.y = samples;
        trace.x_begin = frame.scope_offset * step_ms;
        trace.x_step = step_ms;
        trace.factor = 100.0;
        trace.is_dashed = channel == Channel::pin3;
        traces.push_back(trace);
    }
    content.traces = traces;
    draw_plot(face.kit, where, content, face.scope);
}

void draw_spectrum(FaceState& face, const LiveFrame& frame, Rect where)
{
    auto content = spectrum_axes(face);
    std::vector<Trace> traces;
    const auto add = [&](std::string_view name, Colour colour, std::span<const float> powers, double bin, double offset, bool is_dashed) {
        Trace trace;
        trace.name = name;
        trace.colour = colour;
        trace.y = powers;
        trace.x_step = bin;
        trace.is_power = true;
        trace.offset = offset;
        trace.is_dashed = is_dashed;
        traces.push_back(trace);
    };
    const auto& t = face.kit.theme();
    for (std::size_t i = 0; i < face.overlays.size(); ++i) {
        const auto& overlay = face.overlays[i];
        if (overlay.is_shown) add(overlay.name, faded(t.traces.at((i + 4) % t.traces.size()), 0.8F), overlay.powers, overlay.bin_hz, offset_of(face, Channel::pin2), false);
    }
    for (const auto channel : all_channels) {
        const auto c = static_cast<std::size_t>(channel);
        if (!face.shows.at(c) || frame.spectrum.at(c).empty()) continue;
        if (face.holds_peaks) add({}, faded(t.traces.at(c), 0.45F), frame.highest.at(c), frame.bin.value(), offset_of(face, channel), false);
        add(instrument::words_for(channel), t.traces.at(c), frame.spectrum.at(c), frame.bin.value(), offset_of(face, channel), channel == Channel::pin3);
    }
    const auto markers = harmonics(face, frame);
    content.traces = traces;
    content.markers = markers;
    draw_plot(face.kit, where, content, face.spectrum);
}

void draw_xy(FaceState& face, const LiveFrame& frame, Rect where)
{
    auto& kit = face.kit;
    double largest = 1e-4;
    for (const auto& leg : frame.scope)
        for (const float x : leg) largest = std::max(largest, std::abs(static_cast<double>(x)));
    // 1, 2, 5 …: the picture keeps its size while the level does.
    double full = 1e-4;
    for (double step = 2.0; full < 1.05 * largest; step = step == 2.0 ? 2.5 : 2.0) full *= step;
    PlotContent content;
    content.label = "X-Y";
    content.x = {{-100.0 * full, 100.0 * full}, false, "% pin 2"};
    content.y = {{-100.0 * full, 100.0 * full}, false, "% pin 3"};
    content.is_square = true;
    if (frame.scope[0].empty()) content.empty = "no signal yet";
    draw_plot(kit, where, content, face.xy);
    if (frame.scope[0].empty()) return;
    const auto x_range = face.xy.x.value_or(content.x.whole);
    const auto y_range = face.xy.y.value_or(content.y.whole);
    const float side = std::min(where.width() - kit.px(54.0F), where.height() - kit.px(40.0F));
    const Rect inner_all{{where.min.x + kit.px(46.0F), where.min.y + kit.px(20.0F)}, {where.max.x - kit.px(8.0F), where.max.y - kit.px(20.0F)}};
    const auto middle = inner_all.centre();
    auto& list = *ImGui::GetWindowDrawList();
    list.PushClipRect({middle.x - 0.5F * side, middle.y - 0.5F * side}, {middle.x + 0.5F * side, middle.y + 0.5F * side}, true);
    constexpr std::size_t most_points = 1500;
    const std::size_t count = std::min(frame.scope[0].size(), most_points);
    std::vector<ImVec2> points(count);
    for (std::size_t i = 0; i < count; ++i) {
        const double x = (100.0 * static_cast<double>(frame.scope[0][i]) - x_range.from) / (x_range.to - x_range.from) - 0.5;
        const double y = (100.0 * static_cast<double>(frame.scope[1][i]) - y_range.from) / (y_range.to - y_range.from) - 0.5;
        points[i] = {middle.x + static_cast<float>(x) * side, middle.y - static_cast<float>(y) * side};
    }
    list.AddPolyline(points.data(), static_cast<int>(count), kit.theme().traces[2], 0, kit.px(1.6F));
    list.PopClipRect();
}

void draw_meter(FaceState& face, const LiveFrame& frame, Channel channel, Rect where)
{
    const auto& t = face.kit.theme();
    auto& kit = face.kit;
    auto& list = *ImGui::GetWindowDrawList();
    const auto c = static_cast<std::size_t>(channel);
    const double peak = frame.peak.at(c).value();
    const double rms = frame.rms.at(c).value();
    const auto part = [](double dbfs) { return static_cast<float>(std::clamp((dbfs + 100.0) / 106.0, 0.0, 1.0)); };
    const float label_width = kit.px(78.0F);
    const float value_width = kit.px(96.0F);
    const Rect bar{{where.min.x + label_width, where.min.y + kit.px(3.0F)}, {where.max.x - value_width, where.max.y - kit.px(3.0F)}};
    const std::string name{instrument::words_for(channel)};
    list.AddText({where.min.x, where.min.y + kit.px(1.0F)}, t.traces.at(c), name.c_str());
    list.AddRectFilled({bar.min.x, bar.min.y}, {bar.max.x, bar.max.y}, t.frame, kit.px(2.0F));
    list.AddRectFilled({bar.min.x, bar.min.y}, {bar.min.x + part(rms) * bar.width(), bar.max.y}, t.traces.at(c), kit.px(2.0F));
    const float at = bar.min.x + part(peak) * bar.width();
    list.AddRectFilled({at - kit.px(1.0F), bar.min.y - kit.px(1.0F)}, {at + kit.px(1.0F), bar.max.y + kit.px(1.0F)}, t.text);
    const bool is_silent = rms < -190.0;
    auto words = is_silent ? std::string{"silent"} : format_signed(rms + offset_of(face, channel), 1) + " " + std::string{level_unit(face)};
    const bool has_clipped = c < 2 && frame.has_clipped.at(c);
    if (has_clipped) words = "CLIP " + words;
    const auto size = ImGui::CalcTextSize(words.c_str());
    list.AddText({where.max.x - size.x, where.min.y + kit.px(1.0F)}, has_clipped ? t.bad : t.text, words.c_str());
    kit.note(Widget::Kind::bar, "level of " + name, where, words);
}

/// What the phase between the legs tells at a glance.
std::string words_for_correlation(const LiveFrame& frame)
{
    if (frame.rms[0].value() < -95.0 && frame.rms[1].value() < -95.0) return "no signal on either leg";
    const double weaker = std::min(frame.rms[0].value(), frame.rms[1].value());
    const double stronger = std::max(frame.rms[0].value(), frame.rms[1].value());
    const auto number = "correlation " + format_signed(frame.correlation, 2);
    if (stronger - weaker > 40.0) return number + ": one leg is silent";
    if (frame.correlation < -0.9) return number + ": in antiphase";
    if (frame.correlation > 0.9) return number + ": in phase";
    return number;
}

void draw_meters(FaceState& face, const LiveFrame& frame, Rect where)
{
    auto& kit = face.kit;
    ImGui::SetCursorScreenPos({where.min.x, where.min.y});
    const float height = ImGui::GetTextLineHeight() + kit.px(6.0F);
    float y = where.min.y;
    for (const auto channel : all_channels) {
        draw_meter(face, frame, channel, {{where.min.x, y}, {where.max.x, y + height}});
        y += height;
    }
    ImGui::SetCursorScreenPos({where.min.x, y + kit.px(2.0F)});
    kit.line(words_for_correlation(frame), Ink::dim);
    const bool has_dbu = can_be_dbu(face);
    if (!has_dbu) face.in_dbu = false;
    bool in_dbu = face.in_dbu;
    ImGui::SetCursorScreenPos({where.min.x, y + kit.px(24.0F)});
    if (kit.tick("dBu", in_dbu, has_dbu ? "0 dBu = 0.7746 V rms" : "Volts are only shown where the inputs are calibrated (Calibrate: output, then inputs).") && has_dbu) face.in_dbu = in_dbu;
    kit.same_line();
    if (kit.button("Reset holds", {.tooltip = "Forget the highest spectrum and that an input has clipped (R)."})) face.session.reset_held();
}

void draw_spectrum_controls(FaceState& face)
{
    auto& kit = face.kit;
    kit.label("Average");
    kit.same_line();
    (void)kit.segments("Average", averaging_names, face.averaging, "Time constant of the spectrum, over powers.");
    kit.same_line();
    kit.tick("Peak hold", face.holds_peaks, "The highest that each bin has seen since R was pressed (H).");
    kit.same_line();
    kit.tick("Harmonics", face.has_harmonics, "Marks the strongest tone and its multiples (M).");
    kit.same_line();
    kit.field("Overlay name", face.overlay_name, "A name for the spectrum as it is now; up to 8 are kept.", 6.0F, "name");
    kit.same_line(3.0F);
    if (kit.button("Keep", {.tooltip = "Keeps the spectrum of pin 2 as an overlay (O).", .is_enabled = face.overlays.size() < most_overlays})) add_overlay(face);
    for (std::size_t i = 0; i < face.overlays.size(); ++i) {
        kit.same_line(4.0F);
        auto& overlay = face.overlays[i];
        if (kit.button(overlay.name + "##overlay" + std::to_string(i), {.tooltip = "Click: show or hide. With Ctrl: remove.", .is_chosen = overlay.is_shown})) {
            if (ImGui::GetIO().KeyCtrl) {
                face.overlays.erase(face.overlays.begin() + static_cast<std::ptrdiff_t>(i));
                break;
            }
            overlay.is_shown = !overlay.is_shown;
        }
    }
}

}  // namespace

PlotContent scope_axes(const FaceState& face)
{
    const auto& frame = shown_frame(face);
    PlotContent content;
    content.label = "scope";
    double full = 1.0;
    if (!frame.scope[0].empty()) {
        double largest = 1e-5;
        for (std::size_t c = 0; c < 4; ++c)
            if (face.shows.at(c)) largest = std::max(largest, amplitude_ratio(GainDb{frame.peak.at(c).value()}));
        full = 1e-5;
        for (int step = 0; full < 1.05 * largest; ++step) full *= step % 3 == 1 ? 2.5 : 2.0;
    }
    content.x = {{0.0, 10.0}, false, "ms", 10.0};
    content.y = {{-100.0 * full, 100.0 * full}, false, "% FS"};
    content.empty = "no signal yet";
    return content;
}

PlotContent spectrum_axes(const FaceState& face)
{
    PlotContent content;
    content.label = "spectrum";
    content.x = {{20.0, std::min(24e3, 0.5 * std::max(shown_frame(face).sample_rate_hz, 44.1e3))}, true, "Hz"};
    const double offset = offset_of(face, Channel::pin2);
    content.y = {{lowest_db + offset, 5.0 + offset}, false, level_unit(face)};
    content.empty = "no signal yet";
    return content;
}

void draw_live(FaceState& face, Rect where)
{
    auto& kit = face.kit;
    const auto& frame = shown_frame(face);
    // A leg that is silent triggers nothing.
    const auto& rms = frame.rms;
    auto wanted = face.told;
    wanted.averaging_s = averagings_s.at(face.averaging);
    wanted.is_paused = face.is_frozen;
    if (rms[0] + GainDb{20.0} < rms[1]) wanted.trigger = Channel::pin3;
    else if (rms[1] + GainDb{14.0} < rms[0]) wanted.trigger = Channel::pin2;
    if (wanted != face.told) face.session.set_live(face.told = wanted);
    kit.begin_area("Live", where);
    draw_controls(face);
    const auto top = ImGui::GetCursorScreenPos().y;
    const auto area = kit.area();
    const float controls = ImGui::GetFrameHeightWithSpacing();
    const float right = std::clamp(0.34F * area.width(), kit.px(250.0F), kit.px(520.0F));
    const float height = area.max.y - top - controls;
    const float upper = 0.46F * height;
    const float split = area.max.x - right - kit.px(8.0F);
    draw_scope(face, frame, {{area.min.x, top}, {split, top + upper}});
    const float meters = 4.0F * (ImGui::GetTextLineHeight() + kit.px(6.0F)) + kit.px(56.0F);
    draw_xy(face, frame, {{split + kit.px(8.0F), top}, {area.max.x, top + upper}});
    draw_spectrum(face, frame, {{area.min.x, top + upper + kit.px(4.0F)}, {split, top + height}});
    draw_meters(face, frame, {{split + kit.px(16.0F), top + upper + kit.px(24.0F)}, {area.max.x, top + upper + kit.px(24.0F) + meters}});
    if (face.is_frozen) {
        ImGui::SetCursorScreenPos({split + kit.px(16.0F), area.max.y - controls - kit.px(30.0F)});
        kit.badge("FROZEN", "The picture is held: F goes on.");
    }
    ImGui::SetCursorScreenPos({area.min.x, top + height + kit.px(2.0F)});
    draw_spectrum_controls(face);
    kit.end_area();
}

}  // namespace lowleg::ui
