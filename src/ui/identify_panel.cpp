// The card that names an output: wiring first, then states as they are taken, then the verdict.
#include "core/text.h"
#include "report/identify_text.h"
#include "report/layout.h"
#include "ui/drawings.h"
#include "ui/face_state.h"

#include <imgui.h>

#include <algorithm>
#include <cmath>

namespace lowleg::ui {
namespace {

using instrument::JobKind;
using instrument::JobState;
using procedure::Identification;
using topology::Outcome;
using topology::Verdict;

Ink ink_of(const Verdict& verdict)
{
    switch (verdict.outcome) {
    case Outcome::named:
    case Outcome::single_ended: return Ink::good;
    case Outcome::no_signal: return Ink::bad;
    case Outcome::inconclusive: return Ink::open;
    }
    return Ink::text;
}

/// "+24 dBu"
std::string dbu_words(Dbu level) { return (level.value() > 0.0 ? "+" : "") + format_signed(level.value(), 0) + " dBu"; }

void draw_states(FaceState& face)
{
    auto& kit = face.kit;
    const auto& job = face.job();
    const bool is_mine = face.is_of(JobKind::identify);
    for (const auto state : all_switch_states) {
        const bool is_wanted = std::ranges::find(face.settings.states, state) != face.settings.states.end();
        const bool is_taken = is_mine && std::ranges::find(job.taken, state) != job.taken.end();
        const bool is_now = is_mine && job.state == state && !is_taken;
        const std::string name{name_of(state)};
        kit.line((is_taken ? "✓ " : is_now ? "▶ " : is_wanted ? "○ " : "– ") + name, is_taken ? Ink::good : is_now ? Ink::open : Ink::dim, is_now ? Lettering::bold : Lettering::text);
        kit.same_line(14.0F);
    }
    ImGui::NewLine();
}

void draw_fixture_here(FaceState& face)
{
    auto& kit = face.kit;
    const auto& job = face.job();
    const float width = ImGui::GetContentRegionAvail().x;
    const auto room = kit.room(Widget::Kind::area, "fixture drawing", width, std::min(0.50F * width, kit.px(260.0F)));
    const bool is_running = face.is_running() && face.is_of(JobKind::identify);
    std::optional<SwitchState> shown;
    if (is_running) shown = job.prompt.state ? job.prompt.state : job.state;
    else if (face.now().stream.place.is_bench) shown = face.now().stream.bench_switch;
    draw_fixture(kit, room, face.settings.fixture, shown, is_running && job.prompt.state.has_value());
    const auto after = ImGui::GetCursorScreenPos();
    ImGui::SetCursorScreenPos(after);
    if (is_running || !face.now().stream.place.is_bench) return;
    constexpr std::array<std::string_view, 4> names{"through", "loaded", "grounded", "lifted"};
    auto chosen = static_cast<std::size_t>(face.now().stream.bench_switch);
    kit.label("Switch");
    kit.same_line();
    if (kit.segments("Switch", names, chosen, "Moves the switch of the virtual bench, to see what it does to the legs.")) face.session.set_bench_switch(static_cast<SwitchState>(chosen));
}

void draw_alternatives(FaceState& face, const Verdict& verdict)
{
    auto& kit = face.kit;
    kit.line("Probability", Ink::dim);
    std::vector<topology::Candidate> all;
    if (verdict.topology) all.push_back({*verdict.topology, verdict.probability});
    for (const auto& other : verdict.alternatives)
        if (!verdict.topology || other.topology != *verdict.topology) all.push_back(other);
    const std::size_t most = 5;
    for (std::size_t i = 0; i < std::min(all.size(), most); ++i) {
        const bool is_it = verdict.topology && i == 0;
        kit.bar(topology::name_of(all[i].topology), all[i].probability, report::percent(all[i].probability), is_it ? kit.theme().good : kit.theme().dim);
    }
}

void draw_evidence(FaceState& face, const Verdict& verdict, bool shows_all)
{
    auto& kit = face.kit;
    kit.line("Why", Ink::dim);
    if (!verdict.why.empty()) kit.text(verdict.why);
    const std::size_t most = shows_all ? verdict.evidence.size() : std::min<std::size_t>(verdict.evidence.size(), 4);
    for (std::size_t i = 0; i < most; ++i) {
        const auto& e = verdict.evidence[i];
        kit.text("• " + e.says, e.measured ? Ink::text : Ink::dim, Lettering::text,
                 e.measured ? "Measured." : "Not measured in this state: computed from others, or resting on what was assumed.");
    }
}

void draw_advice(FaceState& face, const Identification& result)
{
    auto& kit = face.kit;
    const auto& advice = result.verdict.advice;
    kit.line("Wiring", Ink::dim);
    kit.text(advice.summary);
    if (advice.unbalanced_input) {
        const float width = ImGui::GetContentRegionAvail().x;
        draw_cable(kit, kit.room(Widget::Kind::area, "cable drawing", width, std::min(0.36F * width, kit.px(190.0F))), *advice.unbalanced_input);
    }
    if (advice.level_change)
        kit.text("Level: " + format_db(*advice.level_change) + " against a balanced input" + (advice.level_is_measured ? "." : " (what this kind does)."), Ink::text, Lettering::bold,
                 advice.level_reason);
    if (advice.unbalanced_maximum && advice.balanced_maximum)
        kit.text("Maximum: " + dbu_words(*advice.balanced_maximum) + " becomes " + dbu_words(*advice.unbalanced_maximum) + ".", Ink::text, Lettering::text,
                 advice.maximum_reason);
    if (advice.meter) kit.text("A meter at 0 VU (+4 dBu) then sends " + dbu_words(*advice.meter) + ".");
    if (!advice.balanced_input.empty()) kit.text("Balanced input: " + advice.balanced_input);
    for (const auto& loss : advice.loses) kit.text("It loses " + loss, Ink::dim);
}

void draw_result(FaceState& face, const Identification& result)
{
    auto& kit = face.kit;
    const auto& verdict = result.verdict;
    kit.text(report::verdict_words(verdict), ink_of(verdict), Lettering::heading);
    if (verdict.odd) kit.text(*verdict.odd, Ink::open);
    if (result.stopped_early) kit.text(*result.stopped_early, Ink::open);
    if (verdict.next_step) kit.text("What would settle it: " + verdict.next_step->text, Ink::open);
    kit.separator();
    draw_advice(face, result);
    kit.separator();
    draw_alternatives(face, verdict);
    kit.separator();
    draw_evidence(face, verdict, face.shows_all_evidence);
    for (const auto& note : result.notes) kit.text(note, Ink::dim);
    kit.tick("All evidence", face.shows_all_evidence);
    kit.same_line();
    draw_copy(face, report::identify_text(result, {}, report::Detail::all), "The verdict");
}

}  // namespace

void draw_identify(FaceState& face)
{
    auto& kit = face.kit;
    const auto& job = face.job();
    const bool is_mine = face.is_of(JobKind::identify);
    const bool is_running = is_mine && face.is_running();
    if (is_mine && !is_running && job.identification && job.identification->quality.source == procedure::Source::virtual_bench) {
        kit.badge("VIRTUAL BENCH", "Simulated gear and a simulated interface: nothing that stands on a table.");
        kit.same_line();
        kit.line(job.identification->device_under_test, Ink::dim);
    }
    if (is_mine && !is_running && job.identification) {
        draw_result(face, *job.identification);
        kit.separator();
        draw_states(face);
        draw_fixture_here(face);
        return;
    }
    if (is_running) {
        draw_states(face);
        (void)draw_job(face, JobKind::identify);
        draw_fixture_here(face);
        if (job.so_far) {
            kit.separator();
            kit.text("So far: " + report::verdict_words(*job.so_far), ink_of(*job.so_far), Lettering::bold);
            draw_alternatives(face, *job.so_far);
            draw_evidence(face, *job.so_far, false);
        }
        return;
    }
    kit.text("What kind of output is it, how sure is that, and how is it to be wired?", Ink::text, Lettering::bold);
    if (is_mine) (void)draw_job(face, JobKind::identify);
    draw_fixture_here(face);
    kit.gap();
    if (face.now().stream.place.is_bench)
        kit.text("The virtual bench moves its switch by itself. Choose another circuit, or an audio device, under Device.", Ink::dim);
    else
        kit.text("Connect it like this: output 1 drives the device under test, its output goes through the fixture to inputs 1 and 2. Loudspeaker outputs of amplifiers must not be connected, "
                 "and phantom power must be off.",
                 Ink::dim);
    draw_states(face);
}

}  // namespace lowleg::ui
