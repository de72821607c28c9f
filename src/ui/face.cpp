#include "ui/face.h"

#include "core/text.h"
#include "report/cmrr_text.h"
#include "report/identify_text.h"
#include "report/measurement_text.h"
#include "ui/face_state.h"

#include <GLFW/glfw3.h>
#include <imgui.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace lowleg::ui {

using instrument::Job;
using instrument::JobKind;
using instrument::JobState;
using instrument::Place;
using instrument::Prompt;
using instrument::TestSignal;

struct Face::Impl {
    FaceState state;
};

namespace {

struct KeyHelp { std::string_view key, what; };
constexpr std::array<KeyHelp, 21> key_helps{{
    {"F5, I", "start what the open tab does (I: identify, from anywhere)"},
    {"Esc", "stop, and silence the output at once"},
    {"Enter", "done: it is connected, it is set, yes"},
    {"1 … 5", "Identify, CMRR, Measure, Calibrate, Device"},
    {"Page up, down", "the measurement before, the next one"},
    {"P", "test signal on and off"},
    {"F", "freeze the picture, and go on"},
    {"arrows, Tab, space", "go through buttons and fields, press them; Ctrl+Tab: the next part"},
    {"S", "keys act on the scope or on the spectrum"},
    {", .", "move the cursor (with Shift: further); C takes it away"},
    {"+ − [ ]", "zoom, move; 0 shows everything again"},
    {"wheel, drag", "zoom in x (with Ctrl: in y), move; double click: everything"},
    {"H", "peak hold"},
    {"M", "harmonic markers"},
    {"R", "forget held peaks and clipping"},
    {"O", "keep the spectrum as an overlay"},
    {"Ctrl+C", "copy the result as text"},
    {"B", "back to the virtual bench"},
    {"T", "light or dark"},
    {"Ctrl + / −", "larger or smaller"},
    {"F1, Ctrl+Q", "this list; quit"},
}};

std::string result_text(const FaceState& face)
{
    const auto& job = face.job();
    if (job.identification) return report::identify_text(*job.identification, {}, report::Detail::all);
    if (job.cmrr) return report::cmrr_text(*job.cmrr, {}, true);
    if (job.measurement) return report::measurement_text(*job.measurement, {}, true);
    return {};
}

void copy_result(FaceState& face)
{
    const auto text = result_text(face);
    if (text.empty()) return face.say("There is no result to copy yet: start a measurement with F5.", true);
    ImGui::SetClipboardText(text.c_str());
    face.say("The result is on the clipboard.");
}

void set_tab(FaceState& face, Tab tab)
{
    face.tab = tab;
    face.notice.clear();
    if (tab == Tab::device && !face.now().devices_known) face.session.list_devices();
}

void set_look(FaceState& face, bool is_dark, double scale)
{
    face.is_dark = is_dark;
    face.user_scale = std::clamp(scale, 0.6, 3.0);
    face.remembered.window["theme"] = is_dark ? "dark" : "light";
    face.remembered.window["scale"] = format_fixed(face.user_scale, 2);
}

bool is_pressed(int key) { return ImGui::IsKeyPressed(key, false); }

void take_cursor_keys(FaceState& face, float width)
{
    auto& view = face.focused_plot == 0 ? face.scope : face.spectrum;
    const auto content = face.focused_plot == 0 ? scope_axes(face) : spectrum_axes(face);
    const double step = ImGui::GetIO().KeyShift ? 20.0 : 2.0;
    const double plot_width = 0.45 * static_cast<double>(width);
    if (ImGui::IsKeyPressed(GLFW_KEY_COMMA)) move_cursor(view, content, -step, plot_width);
    if (ImGui::IsKeyPressed(GLFW_KEY_PERIOD)) move_cursor(view, content, step, plot_width);
    if (is_pressed(GLFW_KEY_C)) view.cursor.reset();
    if (ImGui::IsKeyPressed(GLFW_KEY_LEFT_BRACKET)) pan(view, content.x, -0.1);
    if (ImGui::IsKeyPressed(GLFW_KEY_RIGHT_BRACKET)) pan(view, content.x, 0.1);
    if (is_pressed(GLFW_KEY_EQUAL) || is_pressed(GLFW_KEY_KP_ADD)) zoom(view, content.x, 0.7);
    if (is_pressed(GLFW_KEY_MINUS) || is_pressed(GLFW_KEY_KP_SUBTRACT)) zoom(view, content.x, 1.0 / 0.7);
    if (is_pressed(GLFW_KEY_0)) view = {};
    if (is_pressed(GLFW_KEY_S)) {
        face.focused_plot = 1 - face.focused_plot;
        face.say(face.focused_plot == 0 ? "Keys act on the scope." : "Keys act on the spectrum.");
    }
}

void take_keys(FaceState& face, float width)
{
    const auto& io = ImGui::GetIO();
    // Esc stops whatever else is going on, also while something is typed.
    if (is_pressed(GLFW_KEY_ESCAPE)) {
        if (face.shows_help) face.shows_help = false;
        face.session.stop();
        face.signal.kind = TestSignal::Kind::silence;
        face.say(face.is_running() ? "Stopped; the output is silent." : "The output is silent.");
    }
    const auto& prompt = face.job().prompt;
    const bool is_asked = face.is_running() && prompt.kind != Prompt::Kind::none && prompt.kind != Prompt::Kind::meter;  // whose field takes it
    if (is_asked && (is_pressed(GLFW_KEY_ENTER) || is_pressed(GLFW_KEY_KP_ENTER)) && !io.NavVisible && !io.WantTextInput)
        face.session.answer(true);
    if (io.KeyCtrl) {
        if (is_pressed(GLFW_KEY_EQUAL) || is_pressed(GLFW_KEY_KP_ADD)) set_look(face, face.is_dark, face.user_scale * 1.1);
        if (is_pressed(GLFW_KEY_MINUS) || is_pressed(GLFW_KEY_KP_SUBTRACT)) set_look(face, face.is_dark, face.user_scale / 1.1);
        if (is_pressed(GLFW_KEY_0)) set_look(face, face.is_dark, 1.0);
        if (is_pressed(GLFW_KEY_C) && !io.WantTextInput) copy_result(face);
        if (is_pressed(GLFW_KEY_Q)) face.wants_quit = true;
        return;
    }
    if (is_pressed(GLFW_KEY_F1)) face.shows_help = !face.shows_help;
    if (is_pressed(GLFW_KEY_F5)) {
        if (face.tab == Tab::device) face.session.list_devices();
        else start_or_stop(face);
    }
    if (io.WantTextInput) return;
    for (int i = 0; i < 5; ++i)
        if (is_pressed(GLFW_KEY_1 + i)) set_tab(face, static_cast<Tab>(i));
    if (is_pressed(GLFW_KEY_I)) {
        set_tab(face, Tab::identify);
        if (!face.is_running()) start_or_stop(face);
    }
    if (is_pressed(GLFW_KEY_P)) toggle_signal(face);
    if (is_pressed(GLFW_KEY_F)) toggle_freeze(face);
    if (is_pressed(GLFW_KEY_H)) face.holds_peaks = !face.holds_peaks;
    if (is_pressed(GLFW_KEY_M)) face.has_harmonics = !face.has_harmonics;
    if (is_pressed(GLFW_KEY_R)) face.session.reset_held();
    if (is_pressed(GLFW_KEY_O)) add_overlay(face);
    if (is_pressed(GLFW_KEY_T)) set_look(face, !face.is_dark, face.user_scale);
    if (is_pressed(GLFW_KEY_B)) choose_place(face, Place{});
    if (face.tab == Tab::measure && !face.is_running()) {
        if (is_pressed(GLFW_KEY_PAGE_UP) && face.measure_kind > 0) --face.measure_kind;
        if (is_pressed(GLFW_KEY_PAGE_DOWN) && face.measure_kind + 1 < procedure::all_measure_kinds.size()) ++face.measure_kind;
    }
    take_cursor_keys(face, width);
}

void draw_top(FaceState& face, Rect where)
{
    auto& kit = face.kit;
    kit.begin_area("Top", where);
    const auto& stream = face.now().stream;
    kit.line("Lowleg", Ink::text, Lettering::heading);
    kit.same_line(14.0F);
    if (stream.place.is_bench) {
        kit.badge("VIRTUAL BENCH", "Simulated gear and a simulated interface: nothing that stands on a table. Choose a device under Device.");
        kit.same_line();
    }
    ImGui::AlignTextToFramePadding();
    kit.line(stream.place.name, stream.trouble.empty() ? Ink::text : Ink::bad, Lettering::bold);
    kit.same_line(22.0F);
    for (std::size_t i = 0; i < tab_names.size(); ++i) {
        if (kit.button(tab_names.at(i), {.is_chosen = static_cast<std::size_t>(face.tab) == i})) set_tab(face, static_cast<Tab>(i));
        kit.same_line(3.0F);
    }
    kit.same_line(18.0F);
    const bool is_running = face.is_running();
    if (is_running) {
        if (kit.button("Stop  Esc##stop", {.tooltip = "Ends the measurement and silences the output at once.", .is_primary = true})) {
            face.session.stop();
            face.signal.kind = TestSignal::Kind::silence;
        }
    } else if (face.tab != Tab::device) {
        if (kit.button("Start  F5##start", {.tooltip = "Starts what the open tab does.", .is_primary = true})) start_or_stop(face);
    }
    float right = ImGui::GetStyle().WindowPadding.x + kit.px(9.0F);
    for (const char* label : {face.is_dark ? "Light" : "Dark", "−", "+", "Keys"}) right += ImGui::CalcTextSize(label).x + 2.0F * ImGui::GetStyle().FramePadding.x;
    ImGui::SameLine(std::max(ImGui::GetCursorPosX(), ImGui::GetWindowWidth() - right));
    if (kit.button(face.is_dark ? "Light" : "Dark", {.tooltip = "Light or dark (T)."})) set_look(face, !face.is_dark, face.user_scale);
    kit.same_line(3.0F);
    if (kit.button("−", {.tooltip = "Smaller (Ctrl −)."})) set_look(face, face.is_dark, face.user_scale / 1.1);
    kit.same_line(3.0F);
    if (kit.button("+", {.tooltip = "Larger (Ctrl +)."})) set_look(face, face.is_dark, face.user_scale * 1.1);
    kit.same_line(3.0F);
    if (kit.button("Keys", {.tooltip = "All keys (F1).", .is_chosen = face.shows_help})) face.shows_help = !face.shows_help;
    kit.end_area();
}

/// "0.7 %", or what stands for nothing known.
std::string load_words(const engine::CallbackLoad& load)
{
    if (load.blocks == 0) return "–";
    return format_fixed(100.0 * load.median, 1) + " % (p99.9 " + format_fixed(100.0 * load.p999, 1) + " %)";
}

void draw_status(FaceState& face, Rect where)
{
    auto& kit = face.kit;
    kit.begin_area("Status", where);
    const auto& stream = face.now().stream;
    const auto item = [&](std::string_view name, const std::string& value, Ink ink, std::string_view tooltip) {
        kit.line(name, Ink::dim, Lettering::text, tooltip);
        kit.same_line(5.0F);
        kit.line(value, ink, Lettering::text, tooltip);
        kit.same_line(18.0F);
    };
    item("Audio", stream.rests ? "resting" : stream.is_open ? stream.host_api : "closed", stream.is_open || stream.rests ? Ink::text : Ink::bad, "The audio system that moves the samples");
    item("Rate", stream.sample_rate_hz > 0.0 ? format_number(stream.sample_rate_hz) + " Hz" : "–", Ink::text, "What the device really runs at");
    item("Round trip", stream.round_trip ? format_fixed(1e3 * stream.round_trip->value(), 2) + " ms" : "not measured", Ink::text,
         "From the output through what is connected back to the inputs, as identify measured it last");
    item("Xruns", std::to_string(stream.xruns), stream.xruns == 0 ? Ink::good : Ink::open, "Blocks that the audio system flagged, or that came late. Not a loss by themselves: what they may have broken is measured again.");
    item("Voided", std::to_string(stream.voided), stream.voided == 0 ? Ink::good : Ink::open, "Periods that were measured again because something broke in them");
    item("Callback", load_words(stream.load), stream.load.p999 < 0.5 ? Ink::text : Ink::open, "Share of a block's time that the audio callback takes: median, and what 99.9 % stay below");
    const bool is_silent = stream.signal.kind == TestSignal::Kind::silence || stream.rests;
    if (face.is_running()) item("Output", "measuring", Ink::accent, "What the measurement plays");
    else item("Output", is_silent ? "silent" : std::string{instrument::words_for(stream.signal.kind)}, is_silent ? Ink::dim : Ink::accent, "What is played while nothing is measured");
    if (!face.notice.empty()) kit.line(face.notice, face.notice_is_bad ? Ink::bad : Ink::accent);
    kit.end_area();
}

/// A device that is gone, or a bench that had to be muted: said above everything, with ways on.
void draw_trouble(FaceState& face, Rect where)
{
    auto& kit = face.kit;
    const auto& stream = face.now().stream;
    kit.begin_area("Trouble", where);
    kit.text(as_sentence(stream.trouble), Ink::bad);
    if (!stream.place.is_bench) {
        if (kit.button("Use the virtual bench", {.tooltip = "B", .is_primary = true})) choose_place(face, Place{});
        kit.same_line();
        kit.line("The device is looked for, and taken again when it is back.", Ink::dim);
    }
    kit.end_area();
}

void draw_help(FaceState& face, Rect window)
{
    auto& kit = face.kit;
    const float width = std::min(window.width() - kit.px(40.0F), kit.px(680.0F));
    const float height = std::min(window.height() - kit.px(40.0F), kit.px(560.0F));
    const auto middle = window.centre();
    ImGui::SetNextWindowFocus();
    kit.begin_area("Keys and mouse", {{middle.x - 0.5F * width, middle.y - 0.5F * height}, {middle.x + 0.5F * width, middle.y + 0.5F * height}}, true, true);
    kit.text("Keys and mouse", Ink::text, Lettering::heading);
    for (const auto& help : key_helps) {
        kit.line(help.key, Ink::accent, Lettering::bold);
        ImGui::SameLine(kit.px(170.0F));
        kit.text(help.what);
    }
    kit.gap();
    if (kit.button("Close##help", {.is_primary = true})) face.shows_help = false;
    kit.end_area();
}

void draw_card(FaceState& face, Rect where)
{
    face.kit.begin_area(std::string{tab_names.at(static_cast<std::size_t>(face.tab))} + " card", where, true);
    switch (face.tab) {
    case Tab::identify: draw_identify(face); break;
    case Tab::cmrr: draw_cmrr(face); break;
    case Tab::measure: draw_measure(face); break;
    case Tab::calibrate: draw_calibrate(face); break;
    case Tab::device: draw_device(face); break;
    }
    face.kit.end_area();
}

}  // namespace

Job job_of(const FaceState& face)
{
    Job job;
    switch (face.tab) {
    case Tab::identify:
    case Tab::device: job.kind = JobKind::identify; break;
    case Tab::cmrr:
        job.kind = JobKind::cmrr;
        job.method = face.cmrr_method == 0 ? procedure::CmrrMethod::tied : procedure::CmrrMethod::exchanged;
        job.own_input = face.cmrr_own_input;
        break;
    case Tab::measure:
        job.kind = JobKind::measure;
        job.measure = procedure::all_measure_kinds.at(face.measure_kind);
        break;
    case Tab::calibrate:
        job.kind = JobKind::calibrate;
        job.calibration.step = procedure::all_calibration_steps.at(face.calibration_step);
        break;
    }
    if (const auto name = receiver_name(face.receiver); !name.empty()) job.receiver = name;
    return job;
}

void start_or_stop(FaceState& face)
{
    face.notice.clear();
    if (face.is_running()) return face.session.stop();
    face.is_frozen = false;
    face.session.start(job_of(face));
}

void toggle_freeze(FaceState& face)
{
    face.is_frozen = !face.is_frozen;
    if (face.is_frozen) face.frozen = face.now().live;
}

void toggle_signal(FaceState& face)
{
    if (face.is_running()) return face.say("While something is measured, that decides what is played: Esc stops it.", true);
    const bool is_on = face.now().stream.signal.kind != TestSignal::Kind::silence;
    auto signal = face.signal;
    if (is_on) signal.kind = TestSignal::Kind::silence;
    else if (signal.kind == TestSignal::Kind::silence) signal.kind = TestSignal::Kind::sine;
    face.session.play(signal);
    face.say(is_on ? "The output is silent." : "The test signal plays at " + format_dbfs(signal.level, 0) + ".");
}

void add_overlay(FaceState& face)
{
    const auto& frame = face.is_frozen ? face.frozen : face.now().live;
    if (frame.spectrum[0].empty()) return face.say("There is no spectrum to keep yet.", true);
    if (face.overlays.size() >= most_overlays) return face.say("8 overlays are kept already: Ctrl and a click on one removes it.", true);
    std::size_t channel = 0;
    while (channel + 1 < 4 && !face.shows.at(channel)) ++channel;
    auto name = face.overlay_name.empty() ? "overlay " + std::to_string(face.overlays.size() + 1) : face.overlay_name;
    face.overlay_name.clear();
    face.overlays.push_back({std::move(name), frame.spectrum.at(channel), frame.bin.value(), true});
}

void choose_place(FaceState& face, Place place)
{
    face.is_frozen = false;
    face.notice.clear();
    if (!place.is_bench) face.signal.kind = TestSignal::Kind::silence;
    face.remembered.place = place;
    face.session.choose(std::move(place));
}

void change_setting(FaceState& face, const std::string& name, const std::string& text)
{
    auto texts = face.remembered.settings;
    if (text.empty()) texts.erase(name);
    else texts[name] = text;
    instrument::Settings settings;
    for (const auto& [each, words] : texts)
        if (const auto applied = instrument::apply_setting(settings, each, words); !applied) {
            face.say(as_sentence(applied.error().message), true);
            return;
        }
    face.notice.clear();
    face.remembered.settings = std::move(texts);
    face.settings = settings;
    face.session.use(std::move(settings));
}

Face::Face(instrument::Session& session, Toolkit& toolkit, instrument::Remembered remembered, instrument::Settings settings, TestSignal signal)
    : impl_{new Impl{FaceState{session, toolkit, std::move(remembered), std::move(settings)}}}
{
    auto& state = impl_->state;
    state.signal = signal;
    state.level_text = format_number(signal.level.value());
    state.frequency_text = format_number(signal.frequency.value());
    if (const auto theme = state.remembered.window.find("theme"); theme != state.remembered.window.end()) state.is_dark = theme->second != "light";
    double scale{};
    if (const auto stored = state.remembered.window.find("scale"); stored != state.remembered.window.end() && parse_engineering(stored->second, scale) && scale >= 0.6 && scale <= 3.0)
        state.user_scale = scale;
}

Face::~Face() = default;

void Face::draw(float width, float height)
{
    auto& face = impl_->state;
    auto& kit = face.kit;
    (void)face.session.update();
    kit.begin_frame();
    take_keys(face, width);
    const float gap = kit.px(4.0F);
    const auto divide = [&](float x0, float y0, float x1, float y1) { ImGui::GetBackgroundDrawList()->AddRectFilled({x0, y0}, {x1, y1}, kit.theme().background); };
    const float top = ImGui::GetFrameHeight() + kit.px(16.0F);
    const float bottom = ImGui::GetTextLineHeight() + kit.px(18.0F);
    const float card = std::clamp(0.34F * width, kit.px(400.0F), kit.px(620.0F));
    draw_top(face, {{0.0F, 0.0F}, {width, top}});
    float begin = top + gap;
    if (const auto& stream = face.now().stream; !stream.trouble.empty()) {
        const float text = ImGui::CalcTextSize(as_sentence(stream.trouble).c_str(), nullptr, false, width - kit.px(20.0F)).y;
        const float trouble = text + (stream.place.is_bench ? 0.0F : ImGui::GetFrameHeightWithSpacing()) + kit.px(18.0F);
        draw_trouble(face, {{0.0F, begin}, {width, begin + trouble}});
        divide(0.0F, begin + trouble, width, begin + trouble + gap);
        begin += trouble + gap;
    }
    const float end = height - bottom - gap;
    divide(0.0F, top, width, top + gap);
    divide(0.0F, end, width, end + gap);
    divide(width - card - gap, begin, width - card, end);
    draw_live(face, {{0.0F, begin}, {width - card - gap, end}});
    draw_card(face, {{width - card, begin}, {width, end}});
    draw_status(face, {{0.0F, height - bottom}, {width, height}});
    if (face.shows_help) draw_help(face, {{0.0F, 0.0F}, {width, height}});
    kit.end_frame();
}

bool Face::follows_news() const { return !impl_->state.is_frozen || impl_->state.is_running(); }

double Face::least_interval() const { return 1.0 / 20.0; }

bool Face::is_dark() const { return impl_->state.is_dark; }

double Face::user_scale() const { return impl_->state.user_scale; }

bool Face::wants_quit() const { return impl_->state.wants_quit; }

const instrument::Remembered& Face::remembered() const { return impl_->state.remembered; }

std::string Face::as_text() const { return impl_->state.kit.as_text(); }

}  // namespace lowleg::ui
