// What is listened to and measured on, and the settings of fixture and interface.
#include "core/text.h"
#include "instrument/instrument.h"
#include "report/measurement_text.h"
#include "ui/face_state.h"

#include <imgui.h>

#include <algorithm>

namespace lowleg::ui {
namespace {

using instrument::JobKind;
using instrument::Place;
using instrument::SettingGroup;

const std::vector<std::string>& outputs()
{
    static const auto names = circuits_of("output");
    return names;
}

std::string title_of(const std::string& name)
{
    for (const auto& circuit : instrument::Instrument::list_circuits())
        if (circuit.name == name) return circuit.title;
    return {};
}

void draw_bench(FaceState& face)
{
    auto& kit = face.kit;
    const auto& place = face.now().stream.place;
    kit.text("Virtual bench", Ink::text, Lettering::bold);
    std::size_t chosen = outputs().size();
    if (place.is_bench)
        if (const auto found = std::ranges::find(outputs(), place.name); found != outputs().end()) chosen = static_cast<std::size_t>(found - outputs().begin());
    if (kit.choice("Circuit", outputs(), chosen, "Simulated gear: every topology, with the values of real parts.") && chosen < outputs().size()) choose_place(face, {true, outputs()[chosen]});
    if (place.is_bench) {
        static std::string of, title;
        if (of != place.name) {
            of = place.name;
            title = title_of(place.name);
        }
        if (!title.empty()) kit.text(title, Ink::dim);
    }
}

void draw_devices(FaceState& face)
{
    auto& kit = face.kit;
    const auto& now = face.now();
    ImGui::AlignTextToFramePadding();
    kit.line("Audio devices", Ink::text, Lettering::bold);
    kit.same_line();
    if (kit.button("Look again", {.tooltip = "Lists the audio devices there are now (F5 in this tab)."})) face.session.list_devices();
    if (!now.devices_known) {
        kit.text("Not looked for yet.", Ink::dim);
        return;
    }
    if (!now.devices_trouble.empty()) kit.text(as_sentence(now.devices_trouble), Ink::bad);
    else if (now.devices.empty()) kit.text("There are none: connect an interface, or start its audio system (JACK, ALSA), and look again.", Ink::dim);
    std::vector<std::string> apis{"all audio systems"};
    for (const auto& device : now.devices)
        if (std::ranges::find(apis, device.host_api) == apis.end()) apis.push_back(device.host_api);
    auto& remembered = face.remembered.window["audio system"];
    auto chosen = static_cast<std::size_t>(std::ranges::find(apis, remembered) - apis.begin());
    if (chosen == apis.size()) chosen = 0;
    if (apis.size() > 2 && kit.choice("Audio system", apis, chosen, "Shows the devices of one alone.")) remembered = apis[chosen];
    for (const auto& device : now.devices) {
        if (chosen > 0 && device.host_api != apis[chosen]) continue;
        // By its name, which stays, unless another one has the same.
        const bool is_unique = std::ranges::count(now.devices, device.name, &report::DeviceEntry::name) == 1;
        const auto& name = is_unique ? device.name : device.id;
        const bool is_chosen = !now.stream.place.is_bench && now.stream.place.name == name;
        const bool can_be_used = device.inputs >= 2 && device.outputs >= 1;
        if (kit.button(device.name + "##device" + device.id,
                       {.tooltip = device.host_api + ", " + std::to_string(device.inputs) + " inputs, " + std::to_string(device.outputs) + " outputs, " +
                                   format_number(device.default_rate_hz) + " Hz" + (device.remark.empty() ? "" : "; " + device.remark),
                        .is_enabled = can_be_used,
                        .is_chosen = is_chosen}))
            choose_place(face, {false, name});
        kit.same_line();
        kit.line(device.host_api + ", " + std::to_string(device.inputs) + " in, " + std::to_string(device.outputs) + " out", Ink::dim);
        if (!device.remark.empty()) kit.text(device.remark, Ink::dim);
    }
}

/// A field for each setting of a group: what is typed is applied when it is left.
void draw_settings(FaceState& face, SettingGroup group, std::string_view title, std::string_view help)
{
    auto& kit = face.kit;
    kit.text(title, Ink::text, Lettering::bold, help);
    for (const auto& row : instrument::settings_table()) {
        if (row.group != group) continue;
        const std::string name{row.name};
        auto& typed = face.typed.try_emplace(name, face.remembered.settings.contains(name) ? face.remembered.settings.at(name) : std::string{}).first->second;
        const auto range = row.most != 0 ? " (" + instrument::range_of(row) + ")" : std::string{};
        const auto tooltip = std::string{row.help} + range;
        if (row.is_flag) {
            bool is_on = face.remembered.settings.contains(name);
            if (kit.tick(name, is_on, tooltip)) change_setting(face, name, is_on ? "on" : "");
            kit.same_line();
            kit.text(row.help, Ink::dim);
            continue;
        }
        if (kit.field(name, typed, tooltip, 9.0F, row.fallback.empty() ? "–" : row.fallback)) change_setting(face, name, typed);
        kit.same_line();
        kit.label(name + (row.unit.empty() ? "" : ", " + std::string{row.unit}), tooltip);
    }
}

}  // namespace

std::vector<std::string> circuits_of(std::string_view kind)
{
    std::vector<std::string> out;
    for (const auto& circuit : instrument::Instrument::list_circuits())
        if (circuit.kind == kind) out.push_back(circuit.name);
    return out;
}

void draw_device(FaceState& face)
{
    auto& kit = face.kit;
    draw_bench(face);
    kit.separator();
    draw_devices(face);
    if (!face.now().stream.place.is_bench) {
        kit.separator();
        if (!face.is_running() && kit.button("Test this device", {.tooltip = "Runs it for 10 s, softly: load, losses, round trip, noise of its inputs."})) {
            instrument::Job job;
            job.kind = JobKind::test_device;
            face.session.start(job);
        }
        (void)draw_job(face, JobKind::test_device);
        if (face.is_of(JobKind::test_device) && face.job().measurement) {
            for (const auto& figure : face.job().measurement->figures) kit.text(figure.words + ":  " + report::figure_words(figure), Ink::text, Lettering::text, figure.definition);
            for (const auto& sentence : face.job().measurement->says) kit.text(sentence, Ink::text, Lettering::bold);
        }
        kit.separator();
        draw_settings(face, SettingGroup::device, "Channels", "Which of its channels, counted from 1");
    }
    draw_settings(face, SettingGroup::rate, "Sample rate", "What the device, or the virtual bench, runs at");
    kit.separator();
    draw_settings(face, SettingGroup::fixture, "Fixture", "What stands between the device under test and the interface");
    kit.separator();
    draw_settings(face, SettingGroup::measurement, "Identify", "How an output is named");
    kit.separator();
    draw_settings(face, SettingGroup::averaging, "Averaging", "How long measurements last");
    draw_settings(face, SettingGroup::tone, "Tone", "What measurements play");
    kit.separator();
    draw_settings(face, SettingGroup::calibration, "Gain setting", "Which of the stored calibrations belongs to how the gain controls stand");
    if (face.now().stream.place.is_bench) {
        kit.separator();
        draw_settings(face, SettingGroup::simulation, "Simulated interface", "What disturbs the virtual bench");
    }
}

}  // namespace lowleg::ui
