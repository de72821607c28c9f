#include "circuit/netlist.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace lowleg::circuit {
namespace {

// SPICE is ASCII; the locale has no say.
char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) noexcept { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\f'; }

std::string lowered(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string quoted(std::string_view text)
{
    constexpr std::size_t longest = 40;
    std::string out{"\""};
    out += text.substr(0, longest);
    if (text.size() > longest) out += "…";
    return out + "\"";
}

/// One statement: a line with its continuations.
struct Statement {
    int line;
    std::string text;
};

std::string_view without_comment(std::string_view line)
{
    for (std::size_t i = 0; i < line.size(); ++i)
        if (line[i] == ';' || (line[i] == '$' && (i == 0 || is_blank(line[i - 1])))) return line.substr(0, i);
    return line;
}

/// Words of a statement. Brackets, commas and "=" separate words as blanks do, "=" is a word of its own.
std::vector<std::string_view> words_of(std::string_view text)
{
    std::vector<std::string_view> words;
    std::size_t i = 0;
    const auto separates = [](char c) { return is_blank(c) || c == ',' || c == '(' || c == ')'; };
    while (i < text.size()) {
        if (separates(text[i])) { ++i; continue; }
        if (text[i] == '=') { words.push_back(text.substr(i++, 1)); continue; }
        const auto begin = i;
        while (i < text.size() && !separates(text[i]) && text[i] != '=') ++i;
        words.push_back(text.substr(begin, i - begin));
    }
    return words;
}

// What says only how to analyse or print: a bench that plays signals has no use for it.
constexpr std::array skipped_directives{
    ".ac", ".tran", ".op", ".dc", ".noise", ".tf", ".sens", ".disto", ".pz", ".four", ".print", ".plot", ".probe",
    ".save", ".meas", ".measure", ".option", ".options", ".width", ".temp", ".ic", ".nodeset", ".title",
};

class Parser {
public:
    explicit Parser(std::string_view source) { netlist_.source = source; known_nodes_.emplace("0", 0); known_nodes_.emplace("gnd", 0); }

    Result<Netlist> parse(std::string_view text)
    {
        if (auto status = split(text); !status) return status.error();
        for (const auto& statement : statements_)
            if (auto status = read(statement); !status) return status.error();
        if (auto status = join_couplings(); !status) return status.error();
        if (netlist_.elements.empty())
            return Error{netlist_.source + " holds no circuit: after the title line, write elements such as \"R1 p2 0 10k\""};
        std::sort(netlist_.notes.begin(), netlist_.notes.end(),
                  [](const Note& a, const Note& b) { return std::tie(a.line, a.text) < std::tie(b.line, b.text); });
        return std::move(netlist_);
    }

private:
    Error at(int line, std::string what) const { return Error{netlist_.source + ", line " + std::to_string(line) + ": " + std::move(what)}; }
    void note(int line, std::string text) { netlist_.notes.push_back({line, std::move(text)}); }

    /// Lines into statements; the title apart; comments, .control blocks and what follows .end left out.
    Status split(std::string_view text)
    {
        if (text.size() > max_netlist_bytes)
            return Error{netlist_.source + " is larger than " + std::to_string(max_netlist_bytes >> 20U) +
                         " MiB, which no netlist of an output stage is: give another file"};
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
        const auto is_binary = [](char c) {
            const auto u = static_cast<unsigned char>(c);
            return (u < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || u == 0x7F;
        };
        if (std::any_of(text.begin(), text.end(), is_binary))
            return Error{netlist_.source + " is not a text file: give a SPICE netlist"};

        bool in_control = false;
        bool ended = false;
        for (int line = 1; !text.empty(); ++line) {
            const auto end = text.find_first_of("\r\n");
            const auto raw = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
            if (line == 1) { take_title(raw); continue; }

            const auto content = trimmed(without_comment(raw));
            if (content.empty() || content.front() == '*') continue;
            if (ended) {
                note(line, "what follows .end is skipped");
                break;
            }
            const auto first = lowered(words_of(content).empty() ? content : words_of(content).front());
            if (in_control) { in_control = first != ".endc"; continue; }
            if (first == ".control") { note(line, ".control … .endc is skipped"); in_control = true; continue; }
            if (first == ".end") { ended = true; continue; }
            if (content.front() == '+') {
                if (statements_.empty()) return at(line, "\"+\" continues a line, but none stands before it");
                statements_.back().text += ' ';
                statements_.back().text += content.substr(1);
                continue;
            }
            if (statements_.size() >= max_elements)
                return Error{netlist_.source + " has more than " + std::to_string(max_elements) +
                             " elements: the bench runs output stages, give a smaller circuit"};
            statements_.push_back({line, std::string{content}});
        }
        return Done{};
    }

    void take_title(std::string_view line)
    {
        const auto words = words_of(without_comment(line));
        if (words.size() >= 4 && std::string_view{"rclkve"}.find(lower(words[0].front())) != std::string_view::npos &&
            words[0].size() > 1 && parse_spice_number(words.back()))
            note(1, "the first line is the title, not an element: " + quoted(trimmed(line)));
        while (!line.empty() && (is_blank(line.front()) || line.front() == '*')) line.remove_prefix(1);
        netlist_.title = trimmed(line);
    }

    Status read(const Statement& s)
    {
        const auto words = words_of(s.text);
        if (words.empty()) return at(s.line, "expected an element or a directive");
        if (words[0].front() == '.') return read_directive(s, lowered(words[0]));

        const auto [known, is_new] = names_.emplace(lowered(words[0]), s.line);
        if (!is_new)
            return at(s.line, "there is an element " + quoted(words[0]) + " already, in line " + std::to_string(known->second) +
                                  ": give each a name of its own");
        switch (lower(words[0].front())) {
        case 'r': return read_two_terminal<Resistor>(s, words, "a resistance above 0 ohm");
        case 'c': return read_two_terminal<Capacitor>(s, words, "a capacitance above 0 F");
        case 'l': return read_two_terminal<Inductor>(s, words, "an inductance above 0 H");
        case 'k': return read_coupling(s, words);
        case 'v': return read_source(s, words);
        case 'e': return read_controlled_source(s, words);
        default:
            return at(s.line, quoted(words[0]) + " is no element that the bench knows: expected R, C, L, K, V or E");
        }
    }

    Status read_directive(const Statement& s, const std::string& name)
    {
        if (std::find(skipped_directives.begin(), skipped_directives.end(), name) == skipped_directives.end())
            return at(s.line, "the directive " + quoted(name) + " is not understood, and the circuit may depend on it: "
                              "write its effect out as elements R, C, L, K, V or E");
        note(s.line, name + " is skipped");
        return Done{};
    }

    Node node(std::string_view name)
    {
        const auto key = lowered(name);
        if (const auto found = known_nodes_.find(key); found != known_nodes_.end()) return found->second;
        netlist_.nodes.push_back(key);
        known_nodes_.emplace(key, netlist_.nodes.size() - 1);
        return netlist_.nodes.size() - 1;
    }

    /// Finite; where SPICE reads a suffix differently from most people, that is noted.
    std::optional<double> number(const Statement& s, std::string_view name, std::string_view text)
    {
        const auto value = parse_spice_number(text);
        if (!value || text.empty()) return value;
        const bool is_resistor = lower(name.front()) == 'r';
        if (is_resistor && text.back() == 'M' && *value < 1.0)
            note(s.line, std::string{name} + " is " + std::string{text} + ": M is milli in SPICE, mega is meg");
        if (lower(name.front()) == 'c' && lower(text.back()) == 'f' && text.size() > 1 && !is_letter(text[text.size() - 2]))
            note(s.line, std::string{name} + " is " + std::string{text} + ": F alone is femto in SPICE");
        return value;
    }

    template <class Part>
    Status read_two_terminal(const Statement& s, const std::vector<std::string_view>& words, std::string_view what)
    {
        const auto want = std::string{words[0]} + " needs two nodes and " + std::string{what};
        if (words.size() < 4) return at(s.line, want + ", e.g. \"" + std::string{words[0]} + " p2 0 10k\"");
        const auto value = number(s, words[0], words[3]);
        if (!value || !(*value > 0.0)) return at(s.line, want + ", and " + quoted(words[3]) + " is not one");
        // An initial charge or current means nothing to a bench that has always been on.
        const bool has_ic = words.size() == 7 && lowered(words[4]) == "ic" && words[5] == "=" && !std::is_same_v<Part, Resistor>;
        if (has_ic) note(s.line, std::string{words[0]} + ": ic is skipped");
        else if (words.size() > 4) return at(s.line, want + ", and nothing after it: found " + quoted(words[4]));
        return add(s, words[0], Part{node(words[1]), node(words[2]), *value});
    }

    Status read_coupling(const Statement& s, const std::vector<std::string_view>& words)
    {
        const auto want = std::string{words[0]} + " needs two inductors and a coupling from -1 to 1";
        if (words.size() != 4) return at(s.line, want + ", e.g. \"" + std::string{words[0]} + " L1 L2 0.999\"");
        const auto k = parse_spice_number(words[3]);
        if (!k || std::abs(*k) > 1.0 || *k == 0.0) return at(s.line, want + " other than 0, and " + quoted(words[3]) + " is not one");
        couplings_.push_back({netlist_.elements.size(), lowered(words[1]), lowered(words[2])});
        return add(s, words[0], Coupling{0, 0, *k});
    }

    Status read_source(const Statement& s, const std::vector<std::string_view>& words)
    {
        const auto want = std::string{words[0]} + " needs two nodes, then a voltage, or DC and AC values";
        if (words.size() < 3) return at(s.line, want + ", e.g. \"" + std::string{words[0]} + " a b 0\"");
        VoltageSource source{node(words[1]), node(words[2]), 0.0, {}};
        std::size_t i = 3;
        const auto next_number = [&]() -> std::optional<double> {
            if (i < words.size() && words[i] == "=") ++i;
            if (i >= words.size()) return std::nullopt;
            const auto value = parse_spice_number(words[i]);
            if (value) ++i;
            return value;
        };
        if (i < words.size())
            if (const auto dc = next_number()) source.dc_volts = *dc;
        while (i < words.size()) {
            const auto word = lowered(words[i]);
            if (word != "dc" && word != "ac")
                return at(s.line, want + ", and " + quoted(words[i]) + " is neither: the bench itself supplies the signals");
            ++i;
            if (word == "dc") {
                const auto dc = next_number();
                if (!dc) return at(s.line, want + ": no number stands after DC");
                source.dc_volts = *dc;
            } else {
                const double magnitude = next_number().value_or(1.0);
                const double degrees = next_number().value_or(0.0);
                source.ac_volts = std::polar(std::abs(magnitude), degrees * std::numbers::pi / 180.0) * (magnitude < 0.0 ? -1.0 : 1.0);
            }
        }
        return add(s, words[0], source);
    }

    Status read_controlled_source(const Statement& s, const std::vector<std::string_view>& words)
    {
        const auto want = std::string{words[0]} + " needs two nodes, two controlling nodes and a gain";
        if (words.size() != 6) return at(s.line, want + ", e.g. \"" + std::string{words[0]} + " out 0 in 0 2\"");
        const auto gain = parse_spice_number(words[5]);
        if (!gain) return at(s.line, want + ", and " + quoted(words[5]) + " is not a number");
        return add(s, words[0], ControlledSource{node(words[1]), node(words[2]), node(words[3]), node(words[4]), *gain});
    }

    template <class Part>
    Status add(const Statement& s, std::string_view name, Part part)
    {
        elements_.emplace(lowered(name), netlist_.elements.size());
        netlist_.elements.push_back({std::string{name}, s.line, part});
        return Done{};
    }

    /// A K may stand before its inductors, so their names are looked up last.
    Status join_couplings()
    {
        std::unordered_map<std::string, std::string> pairs;
        for (const auto& c : couplings_) {
            auto& element = netlist_.elements[c.element];
            const auto inductor = [&](const std::string& name) -> std::optional<std::size_t> {
                const auto found = elements_.find(name);
                if (found == elements_.end() || !std::holds_alternative<Inductor>(netlist_.elements[found->second].part)) return std::nullopt;
                return found->second;
            };
            const auto first = inductor(c.first);
            const auto second = inductor(c.second);
            if (!first || !second)
                return at(element.line, element.name + " couples two inductors, and there is no inductor " +
                                            quoted(first ? c.second : c.first) + " in this file");
            if (*first == *second) return at(element.line, element.name + " couples " + quoted(c.first) + " with itself: name two inductors");
            const auto key = std::to_string(std::min(*first, *second)) + ' ' + std::to_string(std::max(*first, *second));
            if (const auto [known, is_new] = pairs.emplace(key, element.name); !is_new)
                return at(element.line, element.name + " couples the inductors that " + known->second + " couples already: keep one of the two");
            auto& coupling = std::get<Coupling>(element.part);
            coupling.first = *first;
            coupling.second = *second;
        }
        return Done{};
    }

    struct NamedCoupling {
        std::size_t element;
        std::string first, second;
    };

    Netlist netlist_;
    std::vector<Statement> statements_;
    std::unordered_map<std::string, Node> known_nodes_;
    std::unordered_map<std::string, int> names_;               ///< Element name, lower case → line.
    std::unordered_map<std::string, std::size_t> elements_;    ///< Element name, lower case → index.
    std::vector<NamedCoupling> couplings_;
};

}  // namespace

std::optional<double> parse_spice_number(std::string_view text)
{
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return std::nullopt;
    }
    if (text.empty() || is_letter(text.front()) || (text.size() > 1 && text.front() == '-' && is_letter(text[1])))
        return std::nullopt;  // from_chars would read "inf" and "nan"
    double value{};
    const auto* end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{}) return std::nullopt;

    const std::string suffix = lowered({after, static_cast<std::size_t>(end - after)});
    if (!std::all_of(suffix.begin(), suffix.end(), is_letter)) return std::nullopt;  // "4k7" would be 4 kΩ to SPICE
    static constexpr std::array<std::pair<std::string_view, double>, 10> scales{{
        {"meg", 1e6}, {"mil", 25.4e-6}, {"t", 1e12}, {"g", 1e9}, {"k", 1e3}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}, {"p", 1e-12}, {"f", 1e-15},
    }};
    for (const auto& [name, scale] : scales)
        if (suffix.starts_with(name)) { value *= scale; break; }
    if (!std::isfinite(value)) return std::nullopt;
    return value;
}

std::optional<Node> Netlist::find_node(std::string_view name) const
{
    const auto key = lowered(name);
    const auto found = std::find(nodes.begin(), nodes.end(), key == "gnd" ? "0" : key);
    if (found == nodes.end()) return std::nullopt;
    return static_cast<Node>(found - nodes.begin());
}

std::optional<std::size_t> Netlist::find_element(std::string_view name) const
{
    const auto key = lowered(name);
    const auto found = std::find_if(elements.begin(), elements.end(), [&](const Element& e) { return lowered(e.name) == key; });
    if (found == elements.end()) return std::nullopt;
    return static_cast<std::size_t>(found - elements.begin());
}

Node Netlist::add_node(std::string name)
{
    if (const auto known = find_node(name)) return *known;
    nodes.push_back(lowered(name));
    return nodes.size() - 1;
}

std::string Netlist::place_of(const Element& element) const
{
    return element.line > 0 ? source + ", line " + std::to_string(element.line) : source;
}

Result<Netlist> parse_netlist(std::string_view text, std::string_view source) { return Parser{source}.parse(text); }

}  // namespace lowleg::circuit
