#include "bench/collection.h"

#include "bench/embedded_circuits.h"
#include "circuit/netlist.h"
#include "core/text.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

namespace lowleg::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_shown_name = 60;

/// Of names that ship, the one that a slip of the keyboard makes `name` of; and all of them, for a message.
struct Names {
    std::string all;
    std::string_view nearest;
};

template <class Shipped>
Names names_near(std::string_view name, std::span<const Shipped> shipped)
{
    Names out;
    auto nearest_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const auto& s : shipped) {
        out.all += (out.all.empty() ? "" : ", ") + std::string{s.name};
        const auto distance = name.size() > longest_shown_name ? nearest_distance : edit_distance(name, s.name);
        if (distance < nearest_distance) {
            out.nearest = s.name;
            nearest_distance = distance;
        }
    }
    return out;
}

std::string quoted(std::string_view name) { return "\"" + std::string{name.substr(0, longest_shown_name)} + "\""; }
std::string guess(const Names& names) { return names.nearest.empty() ? "" : " (did you mean " + std::string{names.nearest} + "?)"; }

/// \return nothing when there is no such file; a failure says only why it cannot be read.
Result<std::optional<std::string>> read_text(const fs::path& path)
{
    std::error_code error;
    const auto status = fs::status(path, error);
    if (!fs::exists(status)) return std::optional<std::string>{};
    if (fs::is_directory(status)) return Error{"it is a directory, give a file in it"};
    if (!fs::is_regular_file(status)) return Error{"it is not an ordinary file"};
    const auto size = fs::file_size(path, error);
    if (error || size > circuit::max_netlist_bytes) return Error{"it is far larger than a netlist of an output stage"};

    std::ifstream file{path, std::ios::binary};
    std::optional<std::string> text{std::in_place, std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
    if (!file) return Error{"check its permissions"};
    return text;
}

Result<CircuitText> read_netlist(const std::string& path)
{
    const auto refused = [&](std::string_view why) { return Error{"the netlist " + path + " cannot be read: " + std::string{why}}; };
    auto text = read_text(path);
    if (!text) return refused(text.error().message);
    if (!text.value()) return refused("there is no such file");
    CircuitText circuit{path, {}, std::move(*text.value()), fs::path{path}.parent_path().string()};
    if (circuit.directory.empty()) circuit.directory = ".";
    auto title = std::string_view{circuit.netlist}.substr(0, circuit.netlist.find_first_of("\r\n"));
    while (title.starts_with('*') || title.starts_with(' ')) title.remove_prefix(1);
    circuit.title = title;
    return circuit;
}

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// Calls `take` with each line after the title until it returns false.
template <class Take>
void for_lines_below_title(std::string_view netlist, Take take)
{
    for (bool is_title = true; !netlist.empty(); is_title = false) {
        const auto end = std::min(netlist.find('\n'), netlist.size());
        if (!is_title && !take(netlist.substr(0, end))) return;
        netlist.remove_prefix(std::min(end + 1, netlist.size()));
    }
}

/// What a comment line says, its "*" and one blank taken off; nothing for other lines.
std::optional<std::string_view> comment(std::string_view line)
{
    if (!line.starts_with('*')) return std::nullopt;
    line.remove_prefix(line.starts_with("* ") ? 2 : 1);
    return line.substr(0, line.find_last_not_of(" \t\r") + 1);
}

constexpr std::string_view topology_key = "topology:";
constexpr std::string_view pin3_hot_words = "pin 3 hot";

/// Lines that programs read: the story ends there.
bool is_statement(std::string_view comment)
{
    const auto words = trimmed(comment);
    return words.starts_with(topology_key) || words == pin3_hot_words || words == name_of(CircuitKind::receiver) || words == name_of(CircuitKind::connection);
}

/// Calls `take` with what each line of the story says. \return where the netlist goes on.
template <class Take>
std::size_t for_story_lines(std::string_view netlist, Take take)
{
    std::size_t end = 0;
    bool has_begun = false;
    for_lines_below_title(netlist, [&](std::string_view line) {
        const auto said = comment(line);
        if (!said && (has_begun || !trimmed(line).empty())) return false;
        if (said && is_statement(*said)) return false;
        if (said) take(*said);
        has_begun = has_begun || said;
        end = std::min(static_cast<std::size_t>(line.data() - netlist.data()) + line.size() + 1, netlist.size());
        return true;
    });
    return end;
}

}  // namespace

std::string_view name_of(CircuitKind kind) noexcept
{
    switch (kind) {
    case CircuitKind::output: return "output";
    case CircuitKind::receiver: return "receiver";
    case CircuitKind::connection: return "connection";
    }
    return "?";
}

std::span<const ShippedCircuit> shipped_circuits() noexcept { return embedded_circuits(); }

Result<CircuitText> find_circuit(std::string_view name_or_file)
{
    for (const auto& c : shipped_circuits())
        if (c.name == name_or_file) return CircuitText{std::string{c.name}, std::string{c.title}, std::string{c.netlist}};
    if (name_or_file.ends_with(".cir") || name_or_file.find('/') != std::string_view::npos) return read_netlist(std::string{name_or_file});
    return Error{"no circuit " + quoted(name_or_file) + guess(names_near(name_or_file, shipped_circuits())) +
                 ": give one of \"lowleg bench list\", or a netlist file by its path (FILE.cir)"};
}

Result<std::string> find_include(const CircuitText& circuit, std::string_view name)
{
    if (!circuit.directory.empty() && !name.empty()) {
        auto beside = read_text(fs::path{circuit.directory} / name);  // an absolute name stands for itself
        if (!beside) return beside.error();
        if (beside.value()) return std::move(*beside.value());
    }
    for (const auto& library : embedded_libraries())
        if (library.name == name) return std::string{library.text};
    const auto names = names_near(name, embedded_libraries());
    return Error{(circuit.directory.empty() ? "it is not" : "it is neither in " + circuit.directory + " nor") + " among the libraries that ship" +
                 (names.all.empty() ? "" : ", " + names.all) + guess(names)};
}

std::string story_of(std::string_view netlist)
{
    std::string story;
    bool is_open = false;  // the paragraph's last line may go on
    for_story_lines(netlist, [&](std::string_view said) {
        const auto words = trimmed(said);
        if (words.empty()) {
            is_open = false;
            return;
        }
        // What is drawn or set out in lines of its own stays so.
        const bool stands_alone = said.starts_with(' ');
        if (!story.empty()) story += is_open && !stands_alone ? " " : "\n";
        story += stands_alone ? said : words;
        is_open = !stands_alone;
    });
    return story;
}

std::string without_story(std::string_view netlist)
{
    const auto title_end = netlist.find('\n');
    const auto after_title = title_end == std::string_view::npos ? netlist.size() : title_end + 1;
    const auto after_story = for_story_lines(netlist, [](std::string_view) {});
    return std::string{netlist.substr(0, after_title)} + std::string{netlist.substr(std::max(after_title, after_story))};
}

std::vector<std::string> stated_topologies(std::string_view netlist)
{
    std::vector<std::string> ids;
    for_lines_below_title(netlist, [&](std::string_view line) {
        const auto said = comment(line);
        if (!said || !trimmed(*said).starts_with(topology_key)) return true;
        auto rest = trimmed(*said).substr(topology_key.size());
        for (;;) {
            const auto end = std::min(rest.find('|'), rest.size());
            if (const auto id = trimmed(rest.substr(0, end)); !id.empty()) ids.emplace_back(id);
            if (end == rest.size()) return false;
            rest.remove_prefix(end + 1);
        }
    });
    return ids;
}

bool is_stated_pin3_hot(std::string_view netlist)
{
    bool is_stated = false;
    for_lines_below_title(netlist, [&](std::string_view line) {
        const auto said = comment(line);
        is_stated = said && trimmed(*said) == pin3_hot_words;
        return !is_stated;
    });
    return is_stated;
}

}  // namespace lowleg::bench
