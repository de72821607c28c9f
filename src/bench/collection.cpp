#include "bench/collection.h"

#include "bench/embedded_circuits.h"
#include "circuit/netlist.h"
#include "core/text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

namespace lowleg::bench {
namespace {

Error no_such_circuit(std::string_view name)
{
    constexpr std::size_t longest = 60;
    std::string names;
    std::string_view nearest;
    auto nearest_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const auto& c : shipped_circuits()) {
        names += names.empty() ? "" : ", ";
        names += c.name;
        const auto distance = name.size() > longest ? nearest_distance : edit_distance(name, c.name);
        if (distance < nearest_distance) {
            nearest = c.name;
            nearest_distance = distance;
        }
    }
    std::string message = "no circuit \"" + std::string{name.substr(0, longest)} + "\"";
    if (!nearest.empty()) message += " (did you mean " + std::string{nearest} + "?)";
    return Error{message + ": there are " + names + ", and netlist files by their path (FILE.cir)"};
}

Result<CircuitText> read_netlist(const std::string& path)
{
    const auto refuse = [&](std::string_view why) { return Error{"the netlist " + path + " cannot be read: " + std::string{why}}; };
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) return refuse("there is no such file");
    if (std::filesystem::is_directory(status)) return refuse("it is a directory, give a file in it");
    if (!std::filesystem::is_regular_file(status)) return refuse("it is not an ordinary file");
    const auto size = std::filesystem::file_size(path, error);
    if (error || size > circuit::max_netlist_bytes) return refuse("it is far larger than a netlist of an output stage");

    std::ifstream file{path, std::ios::binary};
    CircuitText circuit{path, {}, std::string{std::istreambuf_iterator<char>{file}, {}}};
    if (!file) return refuse("check its permissions");
    auto title = std::string_view{circuit.netlist}.substr(0, circuit.netlist.find_first_of("\r\n"));
    while (title.starts_with('*') || title.starts_with(' ')) title.remove_prefix(1);
    circuit.title = title;
    return circuit;
}

}  // namespace

std::span<const ShippedCircuit> shipped_circuits() noexcept { return embedded_circuits(); }

Result<CircuitText> find_circuit(std::string_view name_or_file)
{
    for (const auto& c : shipped_circuits())
        if (c.name == name_or_file) return CircuitText{std::string{c.name}, std::string{c.title}, std::string{c.netlist}};
    if (name_or_file.ends_with(".cir") || name_or_file.find('/') != std::string_view::npos) return read_netlist(std::string{name_or_file});
    return no_such_circuit(name_or_file);
}

}  // namespace lowleg::bench
