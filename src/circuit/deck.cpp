#include "circuit/deck.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lowleg::circuit {
namespace {

// What says only how to analyse or print: a bench that plays signals has no use for it.
constexpr std::array skipped_directives{
    ".ac", ".tran", ".op", ".dc", ".noise", ".tf", ".sens", ".disto", ".pz", ".four", ".print", ".plot", ".probe",
    ".save", ".meas", ".measure", ".option", ".options", ".width", ".temp", ".ic", ".nodeset", ".title", ".csparam",
};

constexpr std::size_t max_include_depth = 16;
constexpr std::size_t max_includes = 1000;
constexpr std::size_t max_arguments = 50;
constexpr std::size_t max_definition_depth = 30;

class DeckReader {
public:
    DeckReader(std::string_view source, const ParseOptions& options) : options_{options}, deck_{std::make_unique<Deck>()}
    {
        deck_->files.emplace_back(source);
        open_.push_back(&deck_->top);
    }

    Result<std::unique_ptr<Deck>> read(std::string_view text)
    {
        if (auto status = read_file(text, 0); !status) return status.error();
        return std::move(deck_);
    }

private:
    /// Lines into statements; comments, .control blocks and what follows .end left out.
    Status read_file(std::string_view text, std::size_t file)
    {
        const auto& name = deck_->files[file];
        bytes_ += text.size();
        if (bytes_ > max_netlist_bytes)
            return Error{name + " is larger than " + std::to_string(max_netlist_bytes >> 20U) +
                         " MiB, which no netlist of an output stage is: give another file"};
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
        const auto is_binary = [](char c) {
            const auto u = static_cast<unsigned char>(c);
            return (u < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || u == 0x7F;
        };
        if (std::any_of(text.begin(), text.end(), is_binary)) return Error{name + " is not a text file: give a SPICE netlist"};

        const auto depth = open_.size();
        std::optional<Statement> statement;  // until it is known that no continuation follows
        const auto finish = [&]() -> Status {
            if (!statement) return Done{};
            const auto finished = std::move(*statement);
            statement.reset();
            return take(finished);
        };
        bool in_control = false;
        bool ended = false;
        for (int line = 1; !text.empty(); ++line) {
            const auto end = text.find_first_of("\r\n");
            const auto raw = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
            const Origin origin{file, line};
            if (file == 0 && line == 1) { take_title(raw); continue; }

            const auto [with_blanks, comment] = split_comment(raw);
            const auto content = trimmed(with_blanks);
            if (content.empty() || content.front() == '*') continue;
            if (ended) {
                deck_->note(origin, "what follows .end is skipped");
                break;
            }
            const auto first = lowered(content.substr(0, content.find_first_of(" \t\f")));
            if (in_control) { in_control = first != ".endc"; continue; }
            if (first == ".control") { deck_->note(origin, ".control … .endc is skipped"); in_control = true; continue; }
            if (first == ".end") { ended = true; continue; }
            const auto tolerance = tolerance_in(comment);
            if (content.front() == '+') {
                if (!statement) return deck_->at(origin, "\"+\" continues a line, but none stands before it");
                statement->text += ' ';
                statement->text += content.substr(1);
                if (tolerance.is_there) statement->tolerance = tolerance;
                continue;
            }
            if (auto status = finish(); !status) return status;
            statement = Statement{origin, std::string{content}, tolerance};
        }
        if (auto status = finish(); !status) return status;
        if (open_.size() > depth)
            return deck_->at(open_.back()->origin, ".subckt " + open_.back()->name + " has no .ends: end it before the file ends");
        return Done{};
    }

    void take_title(std::string_view line)
    {
        const auto words = words_of(split_comment(line).content);
        if (words.size() >= 4 && std::string_view{"rclkvieg"}.find(lower(words[0].front())) != std::string_view::npos &&
            words[0].size() > 1 && parse_spice_number(words.back()))
            deck_->note({0, 1}, "the first line is the title, not an element: " + quoted(trimmed(line)));
        while (!line.empty() && (is_blank(line.front()) || line.front() == '*')) line.remove_prefix(1);
        deck_->title = trimmed(line);
    }

    Status take(const Statement& s)
    {
        const auto words = words_of(s.text);
        if (words.empty()) return deck_->at(s.origin, "expected an element or a directive");
        auto& inside = *open_.back();
        if (words[0].front() != '.') {
            inside.elements.push_back(s);
            return Done{};
        }
        const auto name = lowered(words[0]);
        if (name == ".param" || name == ".params" || name == ".parameter") return take_parameters(s, words);
        if (name == ".subckt" || name == ".macro") return begin_definition(s, words);
        if (name == ".ends" || name == ".eom") return end_definition(s, words);
        if (name == ".model") return take_model(s, words);
        if (name == ".func" || name == ".function") return take_function(s, text_behind(words[0], s.text));
        if (name == ".include" || name == ".inc" || name == ".incl") return include(s, words);
        if (name == ".global") {
            for (std::size_t i = 1; i < words.size(); ++i) deck_->globals.insert(lowered(words[i]));
            return Done{};
        }
        if (name == ".lib")
            return deck_->at(s.origin, ".lib is not read: use .include \"file\", and copy the section that you need into a file of its own");
        if (name == ".if" || name == ".elseif" || name == ".else" || name == ".endif")
            return deck_->at(s.origin, name + " is not read: keep the lines that apply, and remove the others");
        if (std::find(skipped_directives.begin(), skipped_directives.end(), name) == skipped_directives.end())
            return deck_->at(s.origin, "the directive " + quoted(name) + " is not understood, and the circuit may depend on it: "
                                       "write its effect out as elements, .param or .subckt");
        deck_->note(s.origin, name + " is skipped");
        return Done{};
    }

    std::optional<double> tolerance_of(const Statement& s)
    {
        if (s.tolerance.is_there && !s.tolerance.fraction)
            deck_->note(s.origin, "the comment's tolerance is not read: write it as \"; tol 1%\", from 0 to below 100 %");
        return s.tolerance.fraction;
    }

    Status assign(Definition& inside, const Statement& s, std::string_view text, bool is_param, std::string_view want)
    {
        std::string_view wrong;
        const auto pairs = named_texts_of(text, wrong);
        if (!pairs)
            return deck_->at(s.origin, std::string{want} + ", and " + quoted(wrong) + " is not one; an expression with blanks stands in braces");
        const auto tolerance = is_param ? tolerance_of(s) : std::nullopt;
        for (const auto& [name, value] : *pairs) {
            Assignment assignment{s.origin, lowered(name), std::string{value}, tolerance, is_param};
            const auto [known, is_new] = inside.parameter_index.emplace(assignment.name, inside.parameters.size());
            if (is_new) {
                inside.parameters.push_back(std::move(assignment));
                continue;
            }
            // As in ngspice the last one counts.
            deck_->note(s.origin, "the parameter " + assignment.name + " is given again, and the last value counts");
            inside.parameters[known->second] = std::move(assignment);
        }
        return Done{};
    }

    Status take_parameters(const Statement& s, const std::vector<std::string_view>& words)
    {
        const auto text = text_behind(words[0], s.text);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos && text.substr(0, equals).find('(') != std::string_view::npos) return take_function(s, text);
        if (trimmed(text).empty()) return deck_->at(s.origin, ".param needs name=value");
        return assign(*open_.back(), s, text, true, ".param needs name=value");
    }

    Status take_function(const Statement& s, std::string_view text)
    {
        const auto refuse = [&] { return deck_->at(s.origin, ".func needs a name, arguments and an expression, e.g. \".func half(x) {x/2}\""); };
        const auto opening = text.find('(');
        const auto closing = text.find(')');
        if (opening == std::string_view::npos || closing == std::string_view::npos || closing < opening) return refuse();
        UserFunction function;
        function.name = lowered(trimmed(text.substr(0, opening)));
        for (const auto argument : words_of(text.substr(opening, closing - opening))) function.arguments.push_back(lowered(argument));
        if (function.arguments.size() > max_arguments)
            return deck_->at(s.origin, ".func " + function.name + " has more than " + std::to_string(max_arguments) + " arguments");
        if (!is_name(function.name) || !std::all_of(function.arguments.begin(), function.arguments.end(), is_name)) return refuse();
        auto body = trimmed(text.substr(closing + 1));
        if (body.starts_with('=')) body = trimmed(body.substr(1));
        function.body = within_braces(body).value_or(body);
        if (trimmed(function.body).empty()) return refuse();
        auto& known = open_.back()->functions[function.name];
        if (!known.name.empty()) deck_->note(s.origin, ".func " + function.name + " is defined again, and the last definition counts");
        known = std::move(function);
        return Done{};
    }

    Status take_model(const Statement& s, const std::vector<std::string_view>& words)
    {
        if (words.size() < 3)
            return deck_->at(s.origin, ".model needs a name, a type and its parameters, e.g. \".model d1n4148 D(IS=2.5n N=1.75)\"");
        const auto type = lowered(words[2]);
        if (type != "d") {
            constexpr std::array transistors{"npn", "pnp", "njf", "pjf", "nmos", "pmos", "nmf", "pmf", "vdmos", "nhfet", "phfet"};
            const bool is_transistor = std::find(transistors.begin(), transistors.end(), type) != transistors.end();
            return deck_->at(s.origin, ".model " + std::string{words[1]} + " is of the type " + quoted(words[2]) +
                                           (is_transistor ? ", and transistors are not read: write the stage's function with E, G, B and D"
                                                          : ", and only models of diodes (D) are read: write its effect out as elements"));
        }
        const auto [known, is_new] = open_.back()->models.emplace(lowered(words[1]), s);
        if (!is_new) deck_->note(s.origin, ".model " + known->first + " is defined again, and the first definition counts");
        return Done{};
    }

    Status begin_definition(const Statement& s, const std::vector<std::string_view>& words)
    {
        if (words.size() < 2 || (words.size() > 2 && words[2] == "="))
            return deck_->at(s.origin, ".subckt needs a name and its nodes, e.g. \".subckt amp in out gain=2\"");
        if (open_.size() > max_definition_depth)
            return deck_->at(s.origin, ".subckt is nested deeper than " + std::to_string(max_definition_depth) + " levels: is a .ends missing?");
        auto definition = std::make_unique<Definition>();
        definition->origin = s.origin;
        definition->name = lowered(words[1]);
        definition->outer = open_.back();
        std::size_t i = 2;
        std::string_view parameters;
        std::set<std::string> ports;
        for (; i < words.size(); ++i) {
            const bool is_mark = lowered(words[i]) == "params:";
            if (!is_mark && !(i + 1 < words.size() && words[i + 1] == "=")) {
                const auto port = lowered(words[i]);
                if (port == "0" || port == "gnd")
                    return deck_->at(s.origin, ".subckt " + definition->name + " has ground among its nodes, which is the same everywhere:"
                                               " leave it out");
                if (!ports.insert(port).second)
                    return deck_->at(s.origin, ".subckt " + definition->name + " names the node " + quoted(port) + " twice");
                definition->ports.push_back(port);
                continue;
            }
            parameters = text_behind(is_mark ? words[i] : words[i - 1], s.text);
            break;
        }
        if (auto status = assign(*definition, s, parameters, false, ".subckt " + definition->name + " takes nodes, then name=value"); !status)
            return status;
        auto& known = open_.back()->definitions[definition->name];
        if (!known) {
            known = std::move(definition);
            open_.push_back(known.get());
            return Done{};
        }
        // As in ngspice the first one counts; a library that is included twice does no harm.
        deck_->note(s.origin, ".subckt " + definition->name + " is defined again, and the first definition counts");
        unused_.push_back(std::move(definition));
        open_.push_back(unused_.back().get());
        return Done{};
    }

    Status end_definition(const Statement& s, const std::vector<std::string_view>& words)
    {
        if (open_.size() == 1 || open_.back()->origin.file != s.origin.file)
            return deck_->at(s.origin, std::string{words[0]} + " ends no .subckt");
        if (words.size() > 1 && lowered(words[1]) != open_.back()->name)
            return deck_->at(s.origin, std::string{words[0]} + " names " + quoted(words[1]) + ", and the .subckt that is open is " +
                                           quoted(open_.back()->name) + " of line " + std::to_string(open_.back()->origin.line));
        open_.pop_back();
        return Done{};
    }

    Status include(const Statement& s, const std::vector<std::string_view>& words)
    {
        auto name = trimmed(text_behind(words[0], s.text));
        const bool is_quoted = name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front();
        if (is_quoted) name = name.substr(1, name.size() - 2);
        if (name.empty()) return deck_->at(s.origin, ".include needs the name of a file, e.g. \".include opamp.lib\"");
        // A file's own includes stand beside it.
        std::string path{name};
        const auto& from = deck_->files[s.origin.file];
        if (const auto slash = from.rfind('/'); s.origin.file != 0 && slash != std::string::npos && !name.starts_with('/'))
            path = from.substr(0, slash + 1) + path;

        if (const auto open = std::find(including_.begin(), including_.end(), path); open != including_.end()) {
            std::string cycle;
            for (auto f = open; f != including_.end(); ++f) cycle += *f + " → ";
            return deck_->at(s.origin, "the file " + quoted(path) + " includes itself: " + cycle + path);
        }
        if (including_.size() >= max_include_depth)
            return deck_->at(s.origin, "files include each other more than " + std::to_string(max_include_depth) + " deep: put them into fewer");
        if (deck_->files.size() > max_includes)
            return deck_->at(s.origin, "more than " + std::to_string(max_includes) + " files are included: put them into fewer");
        if (!options_.include) return deck_->at(s.origin, ".include is not possible here: put the lines of " + quoted(path) + " in its place");
        auto text = options_.include(path);
        if (!text && path != name) {
            // Or it is one that is known everywhere.
            if (auto elsewhere = options_.include(name)) {
                text = std::move(elsewhere);
                path = name;
            }
        }
        if (!text) {
            auto error = deck_->at(s.origin, "the file " + quoted(path) + " cannot be included: " + text.error().message);
            error.kind = text.error().kind;
            return error;
        }
        including_.push_back(path);
        deck_->files.push_back(path);
        auto status = read_file(text.value(), deck_->files.size() - 1);
        including_.pop_back();
        return status;
    }

    const ParseOptions& options_;
    std::unique_ptr<Deck> deck_;
    std::vector<Definition*> open_;         ///< The definition that is being read, and those around it.
    std::vector<std::unique_ptr<Definition>> unused_;
    std::vector<std::string> including_;
    std::size_t bytes_{};
};

}  // namespace

Error Deck::at(Origin origin, std::string what) const
{
    return Error{files[origin.file] + ", line " + std::to_string(origin.line) + ": " + std::move(what)};
}

void Deck::note(Origin origin, std::string text)
{
    notes.push_back({origin.line, std::move(text), file_of(origin)});
}

std::string Deck::file_of(Origin origin) const { return origin.file == 0 ? std::string{} : files[origin.file]; }

Result<std::unique_ptr<Deck>> read_deck(std::string_view text, std::string_view source, const ParseOptions& options)
{
    return DeckReader{source, options}.read(text);
}

}  // namespace lowleg::circuit
