#include "engine/devices.h"

#include "core/text.h"

#include <algorithm>
#include <charconv>

namespace lowleg::engine {
namespace {

[[nodiscard]] std::string folded(std::string_view text)
{
    std::string out{text};
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');  // not tolower: no locale
    }
    return out;
}

[[nodiscard]] std::string named(const DeviceInfo& d)
{
    return std::to_string(d.number) + " “" + d.name + "” (" + d.host_api + ")";
}

[[nodiscard]] std::string listed(const std::vector<const DeviceInfo*>& devices)
{
    constexpr std::size_t most = 12;
    std::string out;
    for (std::size_t i = 0; i < std::min(devices.size(), most); ++i) {
        if (i > 0) out += ", ";
        out += named(*devices[i]);
    }
    if (devices.size() > most) out += " and " + std::to_string(devices.size() - most) + " more";
    return out;
}

template <class Fits>
[[nodiscard]] std::vector<const DeviceInfo*> those(std::span<const DeviceInfo> devices, Fits fits)
{
    std::vector<const DeviceInfo*> out;
    for (const DeviceInfo& d : devices) {
        if (fits(d)) out.push_back(&d);
    }
    return out;
}

}  // namespace

Result<DeviceInfo> find_device(std::span<const DeviceInfo> devices, std::string_view number_or_name)
{
    if (devices.empty()) {
        return Error{"there is no audio device on this computer: connect an interface or start the JACK server, or measure on "
                     "the virtual bench"};
    }
    const auto all = those(devices, [](const DeviceInfo&) { return true; });
    if (number_or_name.empty()) {
        const auto duplex = those(devices, [](const DeviceInfo& d) { return d.inputs > 0 && d.outputs > 0; });
        if (duplex.size() == 1) return *duplex.front();
        return duplex.empty() ? Error{"no audio device here has both inputs and outputs: there are " + listed(all)}
                              : Error{"several audio devices have inputs and outputs, and none was chosen: name one of " + listed(duplex)};
    }

    std::int32_t number = 0;
    const char* const end = number_or_name.data() + number_or_name.size();
    if (const auto [rest, error] = std::from_chars(number_or_name.data(), end, number); error == std::errc{} && rest == end) {
        const auto fit = those(devices, [&](const DeviceInfo& d) { return d.number == number; });
        if (!fit.empty()) return *fit.front();
    }

    const std::string wanted = folded(number_or_name);
    auto fit = those(devices, [&](const DeviceInfo& d) { return folded(d.name) == wanted; });
    if (fit.empty()) fit = those(devices, [&](const DeviceInfo& d) { return folded(d.name).find(wanted) != std::string::npos; });
    if (fit.size() == 1) return *fit.front();
    const std::string quoted = "“" + std::string{number_or_name} + "”";
    if (fit.size() > 1) return Error{quoted + " fits several audio devices: choose by number, one of " + listed(fit)};

    const auto nearest = std::ranges::min_element(all, {}, [&](const DeviceInfo* d) { return edit_distance(folded(d->name), wanted); });
    const bool is_near = edit_distance(folded((*nearest)->name), wanted) <= std::max<std::size_t>(2, wanted.size() / 3);
    return Error{"there is no audio device " + quoted + (is_near ? " (did you mean " + named(**nearest) + "?)" : "") + ": there are " +
                 listed(all)};
}

}  // namespace lowleg::engine
