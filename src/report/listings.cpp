#include "report/listings.h"

#include "core/text.h"
#include "files/json_text.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::report {
namespace {

using files::Json;

constexpr std::string_view badge = "[VIRTUAL BENCH]";

/// A name with the digits that `format_hertz` would drop: "44.1 kHz", "96 kHz".
std::string rate_text(double hz) { return format_number(std::round(hz) / 1000.0) + " kHz"; }

/// How much louder pin 2 gets from `through` to `state`.
GainDb step_to(const CircuitReading& at, SwitchState state)
{
    return gain_of(at.inputs.at(state)[0]) - gain_of(at.inputs.at(SwitchState::through)[0]);
}

/// "−6.06 dB", or "silent" below anything that an interface resolves.
std::string level_text(Complex transfer)
{
    const auto level = gain_of(transfer);
    return level < GainDb{-140.0} ? "silent" : format_db(level);
}

std::string angle_text(const std::array<Complex, 2>& inputs)
{
    if (gain_of(inputs[0]) < GainDb{-140.0} || gain_of(inputs[1]) < GainDb{-140.0}) return "–";
    const auto degrees = std::abs(std::arg(inputs[1] / inputs[0])) * 180.0 / std::numbers::pi;
    return format_fixed(degrees, 0) + "°";
}

}  // namespace

std::string devices_text(std::span<const DeviceEntry> devices, const TextStyle& style)
{
    if (devices.empty())
        return wrapped("No audio device was found: connect one, or start its audio system, and ask again. Without one, \"lowleg identify\" "
                       "runs on the virtual bench.", style.width);
    std::string out;
    std::string host;
    std::size_t id_width = 2;
    for (const auto& device : devices) id_width = std::max(id_width, columns(device.id));
    for (const auto& device : devices) {
        if (device.host_api != host) {
            host = device.host_api;
            out += (out.empty() ? "" : "\n") + inked(host, Ink::heading, style) + "\n";
        }
        auto text = device.name + " (" + std::to_string(device.inputs) + " in, " + std::to_string(device.outputs) + " out";
        if (device.default_rate_hz > 0.0) text += ", " + rate_text(device.default_rate_hz);
        text += ")";
        if (!device.rates_hz.empty()) {
            std::string rates;
            for (const auto rate : device.rates_hz) rates += (rates.empty() ? "" : ", ") + rate_text(rate);
            text += "; takes " + rates;
        }
        if (!device.remark.empty()) text += "; " + device.remark;
        out += wrapped(text, style.width, "  " + padded(device.id, id_width) + "  ");
    }
    return out;
}

std::string devices_json(std::span<const DeviceEntry> devices)
{
    auto list = Json::array();
    for (const auto& device : devices) {
        auto rates = Json::array();
        for (const auto rate : device.rates_hz) rates.push_back(rate);
        list.push_back(Json::object({{"id", device.id},
                                     {"name", device.name},
                                     {"host_api", device.host_api},
                                     {"inputs", device.inputs},
                                     {"outputs", device.outputs},
                                     {"default_rate_hz", device.default_rate_hz > 0.0 ? Json{device.default_rate_hz} : Json{}},
                                     {"rates_hz", std::move(rates)},
                                     {"remark", device.remark.empty() ? Json{} : Json{device.remark}}}));
    }
    return Json::object({{"schema", "lowleg.devices/1"}, {"devices", std::move(list)}}).text() + "\n";
}

std::string stimulus_text(const TonePlan& plan, const std::string& path, int periods, const TextStyle& style)
{
    const auto tones = [&](Signal signal) { return std::ranges::count(plan.tones, signal, &Tone::signal); };
    auto text = std::to_string(periods) + (periods == 1 ? " period of " : " periods of ") + format_number(std::round(1e4 * plan.period().value()) / 1e4) + " s (" +
                std::to_string(plan.period_frames) + " frames) at " + format_number(plan.sample_rate_hz) + " Hz: channel 1 drive, " +
                std::to_string(tones(Signal::drive)) + " tones; channel 2 probe, " + std::to_string(tones(Signal::probe)) + " tones.";
    if (!plan.tones.empty())
        text += " Tones from " + format_hertz(plan.frequency_of(plan.tones.front().bin)) + " to " +
                format_hertz(plan.frequency_of(plan.tones.back().bin)) + ".";
    text += " Play it in a loop, without gaps, resampling or effects, and record both legs meanwhile: at least 1.2 periods per state.";
    return inked(path, Ink::heading, style) + "\n" + wrapped(text, style.width, "  ");
}

std::string stimulus_json(const TonePlan& plan)
{
    auto drive = Json::array();
    auto probe = Json::array();
    for (const auto& tone : plan.tones) (tone.signal == Signal::drive ? drive : probe).push_back(plan.frequency_of(tone.bin).value());
    return Json::object({{"schema", "lowleg.stimulus/1"},
                         {"sample_rate", plan.sample_rate_hz},
                         {"period_frames", plan.period_frames},
                         {"drive_hz", std::move(drive)},
                         {"probe_hz", std::move(probe)}})
               .text() +
           "\n";
}

std::string bench_list_text(std::span<const CircuitEntry> circuits, const TextStyle& style)
{
    std::size_t width = 0;
    for (const auto& circuit : circuits) width = std::max(width, columns(circuit.name));
    auto out = inked("Circuits of the virtual bench", Ink::heading, style) + "\n";
    for (const auto& circuit : circuits) out += wrapped(circuit.title, style.width, "  " + padded(circuit.name, width) + "  ");
    return out;
}

std::string bench_list_json(std::span<const CircuitEntry> circuits)
{
    auto list = Json::array();
    for (const auto& circuit : circuits) list.push_back(Json::object({{"name", circuit.name}, {"title", circuit.title}}));
    return Json::object({{"schema", "lowleg.bench-list/1"}, {"circuits", std::move(list)}}).text() + "\n";
}

std::string bench_show_text(const CircuitReport& circuit, const TextStyle& style)
{
    auto out = inked(circuit.name, Ink::heading, style) + "  " + inked(badge, Ink::badge, style) + "\n";
    out += wrapped(circuit.title, style.width, "  ") + "\n" + indented(circuit.netlist, 4);
    for (const auto& note : circuit.notes) out += "\n" + wrapped(note, style.width, "  Note: ");
    out += "\n" + inked("What the fixture reads, over the drive played", Ink::heading, style) + "\n";
    const auto row = [](std::initializer_list<std::string> cells) {
        std::string line = "  ";
        for (const auto& cell : cells) line += padded(cell, 12);
        line.erase(line.find_last_not_of(' ') + 1);
        return line + "\n";
    };
    out += row({"", "through i2", "through i3", "angle", "loaded", "grounded", "lifted"});
    for (const auto& at : circuit.readings) {
        const auto& through = at.inputs.at(SwitchState::through);
        const auto step = [&](SwitchState state) {
            return gain_of(through[0]) < GainDb{-140.0} ? std::string{"–"} : format_db(step_to(at, state));
        };
        out += row({format_hertz(at.frequency), level_text(through[0]), level_text(through[1]), angle_text(through), step(SwitchState::loaded),
                    step(SwitchState::grounded), step(SwitchState::lifted)});
    }
    out += wrapped("The last three columns are steps of pin 2 against through: grounded is the ground step, lifted the lift step.", style.width, "  ");
    return out;
}

std::string bench_show_json(const CircuitReport& circuit)
{
    auto notes = Json::array();
    for (const auto& note : circuit.notes) notes.push_back(note);
    auto readings = Json::array();
    for (const auto& at : circuit.readings) {
        auto states = Json::object();
        for (const auto& [state, inputs] : at.inputs)
            states.add(std::string{name_of(state)}, Json::object({{"i2", inputs[0]}, {"i3", inputs[1]}}));
        readings.push_back(Json::object({{"frequency_hz", at.frequency.value()},
                                         {"states", std::move(states)},
                                         {"ground_step_db", step_to(at, SwitchState::grounded).value()},
                                         {"lift_step_db", step_to(at, SwitchState::lifted).value()}}));
    }
    return Json::object({{"schema", "lowleg.bench-show/1"},
                         {"name", circuit.name},
                         {"title", circuit.title},
                         {"netlist", circuit.netlist},
                         {"notes", std::move(notes)},
                         {"readings", std::move(readings)}})
               .text() +
           "\n";
}

}  // namespace lowleg::report
