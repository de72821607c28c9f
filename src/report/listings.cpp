#include "report/listings.h"

#include "core/text.h"
#include "files/json_text.h"

#include <algorithm>
#include <cmath>

namespace lowleg::report {
namespace {

using files::Json;

/// A name with the digits that `format_hertz` would drop: "44.1 kHz", "96 kHz".
std::string rate_text(double hz) { return format_number(std::round(hz) / 1000.0) + " kHz"; }

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

std::string player_stimulus_text(const TonePlan& plan, const std::string& path, int periods, const TextStyle& style)
{
    auto text = format_number(std::round(10.0 * periods * plan.period().value()) / 10.0) + " s at " + format_number(plan.sample_rate_hz) + " Hz, 16 bits: the drive on both channels, " +
                std::to_string(plan.tones.size()) + " tones.";
    text += " Let the gear play it in a loop, at a moderate level, without equaliser or effects, and measure with \"lowleg identify --player\".";
    return inked(path, Ink::heading, style) + "\n" + wrapped(text, style.width, "  ");
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

}  // namespace lowleg::report
