// What all cards have in common: what is asked of a person, what is going on, what went wrong.
#include "core/text.h"
#include "report/measurement_text.h"
#include "ui/drawings.h"
#include "ui/face_state.h"

#include <GLFW/glfw3.h>
#include <imgui.h>

#include <algorithm>

namespace lowleg::ui {
namespace {

using instrument::JobKind;
using instrument::JobState;
using instrument::Prompt;

void draw_prompt(FaceState& face, const Prompt& prompt)
{
    auto& kit = face.kit;
    kit.gap();
    kit.text(prompt.title, Ink::open, Lettering::heading);
    if (prompt.feed) {
        const float width = ImGui::GetContentRegionAvail().x;
        const auto room = kit.room(Widget::Kind::area, "wiring drawing", width, 0.42F * width);
        draw_feed(kit, room, *prompt.feed, face.job().job.own_input);
    } else if (prompt.kind == Prompt::Kind::connect) {
        kit.text(prompt.text, Ink::text, Lettering::mono);
    } else {
        kit.text(prompt.text);
    }
    if (!prompt.complaint.empty()) kit.text(as_sentence(prompt.complaint), Ink::bad);
    switch (prompt.kind) {
    case Prompt::Kind::none: break;
    case Prompt::Kind::set_switch:
    case Prompt::Kind::connect:
        if (kit.button(prompt.kind == Prompt::Kind::connect ? "It is connected" : "It is set", {.tooltip = "Enter", .is_primary = true})) face.session.answer(true);
        if (prompt.kind == Prompt::Kind::set_switch && prompt.state != SwitchState::through) {
            kit.same_line();
            kit.line("or just set it: it is seen by itself", Ink::dim);
        }
        break;
    case Prompt::Kind::line_output:
        if (kit.button("Yes, a line output", {.is_primary = true})) face.session.answer(true);
        kit.same_line();
        if (kit.button("No, or not sure")) face.session.answer(false);
        break;
    case Prompt::Kind::meter: {
        const bool is_entered = kit.field("Volts", face.meter_text, "What the multimeter shows, as 1.234 or 123.4 mV", 8.0F, "volts") &&
                                (ImGui::IsKeyPressed(GLFW_KEY_ENTER) || ImGui::IsKeyPressed(GLFW_KEY_KP_ENTER));
        kit.same_line();
        if (kit.button("Read##meter", {.tooltip = "Enter", .is_primary = true}) || is_entered) {
            face.session.answer(face.meter_text);
            face.meter_text.clear();
        }
        break;
    }
    }
    kit.gap();
}

}  // namespace

bool draw_job(FaceState& face, JobKind kind)
{
    auto& kit = face.kit;
    const auto& job = face.job();
    if (!face.is_of(kind)) return false;
    const bool is_asked = job.phase == JobState::Phase::running && job.prompt.kind != Prompt::Kind::none;
    if (is_asked) draw_prompt(face, job.prompt);
    else if (job.phase == JobState::Phase::running) kit.text(job.activity.empty() ? "Beginning …" : job.activity, Ink::accent);
    if (job.phase == JobState::Phase::running && !job.leading.empty()) {
        const auto& figure = job.leading.back();
        kit.text(figure.words + ": " + report::figure_words(figure), Ink::text, Lettering::bold);
    }
    // The newest are what matters.
    const std::size_t first = job.said.size() > 3 ? job.said.size() - 3 : 0;
    for (std::size_t i = first; i < job.said.size(); ++i) kit.text(as_sentence(job.said[i]), Ink::open);
    if (job.error) {
        kit.gap();
        const bool is_stopped = job.error->kind == ErrorKind::interrupted;
        kit.text(is_stopped ? "Ended before there was a result" : "This did not work", is_stopped ? Ink::open : Ink::bad, Lettering::bold);
        kit.text(as_sentence(job.error->message));
    }
    return is_asked;
}

std::string as_sentence(std::string message)
{
    if (message.empty()) return message;
    if (message.front() >= 'a' && message.front() <= 'z') message.front() = static_cast<char>(message.front() - 'a' + 'A');
    if (message.back() != '.' && message.back() != '?') message += '.';
    return message;
}

void draw_copy(FaceState& face, const std::string& text, std::string_view what)
{
    if (!face.kit.button("Copy as text", {.tooltip = "Puts the whole report onto the clipboard (Ctrl+C)."})) return;
    ImGui::SetClipboardText(text.c_str());
    face.say(std::string{what} + " is on the clipboard.");
}

}  // namespace lowleg::ui
