#include "circuit/element_reader.h"

#include "circuit/diode.h"
#include "circuit/function_builder.h"
#include "circuit/spice_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::circuit {
namespace {

using rt::Op;

/// What a law reads: the names in it are those of its instance; each quantity becomes one input.
class Quantities final : public ExpressionNames {
public:
    Quantities(NetlistBuilder& builder, Instance& instance, Origin origin) : builder_{builder}, instance_{instance}, origin_{origin} {}

    Result<std::optional<double>, ExpressionError> parameter(std::string_view name) override { return instance_.scope.parameter(name); }
    const UserFunction* function(std::string_view name) const override { return instance_.scope.function(name); }
    std::vector<std::string> parameter_names() const override { return instance_.scope.parameter_names(); }

    Result<Term, ExpressionError> voltage(FunctionBuilder& f, std::string_view plus, std::string_view minus) override
    {
        return voltage_between(f, builder_.read_node(instance_, plus, origin_), builder_.read_node(instance_, minus, origin_));
    }
    Result<Term, ExpressionError> current(FunctionBuilder& f, std::string_view source) override
    {
        return f.input(index_of({true, 0, 0, std::string{source}}));
    }
    Term voltage_between(FunctionBuilder& f, Node plus, Node minus)
    {
        if (plus == minus) return 0.0;
        const auto turned = std::find(known_.begin(), known_.end(), Read{false, minus, plus, {}});
        if (turned != known_.end()) return f.apply(Op::negate, f.input(static_cast<std::size_t>(turned - known_.begin())));
        return f.input(index_of({false, plus, minus, {}}));
    }

    /// The finished law as the builder's next element.
    Behavioural law(FunctionBuilder& f, Term value, Behavioural::Gives gives, Node plus, Node minus)
    {
        auto [instructions, inputs] = f.finish(value);
        Behavioural part{plus, minus, gives, std::move(instructions), {}};
        for (const auto which : inputs) {
            const auto& read = known_[which];
            if (read.is_current) builder_.sense_later(origin_, instance_, builder_.next_element(), part.inputs.size(), read.source);
            part.inputs.emplace_back(read.is_current ? Quantity{SensedCurrent{0}} : Quantity{NodeVoltage{read.plus, read.minus}});
        }
        return part;
    }

private:
    struct Read {
        bool is_current;
        Node plus, minus;
        std::string source;
        bool operator==(const Read&) const = default;
    };
    std::size_t index_of(const Read& read)
    {
        const auto found = std::find(known_.begin(), known_.end(), read);
        if (found != known_.end()) return static_cast<std::size_t>(found - known_.begin());
        known_.push_back(read);
        return known_.size() - 1;
    }

    NetlistBuilder& builder_;
    Instance& instance_;
    Origin origin_;
    std::vector<Read> known_;
};

class ElementReader {
public:
    ElementReader(NetlistBuilder& builder, Instance& instance, const Statement& statement)
        : builder_{builder}, instance_{instance}, s_{statement}, words_{words_of(statement.text)}
    {
    }

    Status read()
    {
        if (words_.empty()) return fail("expected an element");
        name_ = words_[0];
        const char kind = lower(name_.front());
        if (s_.tolerance.is_there && !s_.tolerance.fraction)
            note("the comment's tolerance is not read: write it as \"; tol 1%\", from 0 to below 100 %");
        else if (s_.tolerance.is_there && !name_is_one_of("rclegfh"))
            note(std::string{name_} + ": tolerances are read of R, C, L, E, G, F, H and .param, not here");
        switch (kind) {
        case 'r': return read_two_terminal<Resistor>("a resistance above 0 ohm", 1.0 / instance_.multiplier);
        case 'c': return read_two_terminal<Capacitor>("a capacitance above 0 F", instance_.multiplier);
        case 'l': return read_two_terminal<Inductor>("an inductance above 0 H", 1.0 / instance_.multiplier);
        case 'k': return read_coupling();
        case 'v': return read_source<VoltageSource>("a voltage", 1.0);
        case 'i': return read_source<CurrentSource>("a current", instance_.multiplier);
        case 'e': return read_voltage_controlled<ControlledSource>(Behavioural::Gives::voltage, 1.0);
        case 'g': return read_voltage_controlled<Transconductance>(Behavioural::Gives::current, instance_.multiplier);
        case 'f': return read_current_controlled<CurrentControlledCurrent>(Behavioural::Gives::current, instance_.multiplier);
        case 'h': return read_current_controlled<CurrentControlledVoltage>(Behavioural::Gives::voltage, 1.0);
        case 'd': return read_diode();
        case 'b': return read_behavioural();
        case 'x': return builder_.open(instance_, s_, words_);
        case 'q': case 'j': case 'm': case 'z':
            return fail(quoted(name_) + " is a transistor, and transistors are not read: write the stage's function with E, G, B and D");
        default:
            return fail(quoted(name_) + " is no element that the bench knows: expected R, C, L, K, V, I, E, G, F, H, D, B or X");
        }
    }

private:
    Error fail(std::string what) const { return builder_.deck().at(s_.origin, std::move(what)); }
    void note(std::string text) { builder_.deck().note(s_.origin, std::move(text)); }
    Error refuse(const ExpressionError& e) const { return e.is_placed ? Error{e.message} : fail(std::string{name_} + ": " + e.message); }
    bool name_is_one_of(std::string_view kinds) const { return kinds.find(lower(name_.front())) != std::string_view::npos; }
    Node node(std::size_t word) { return builder_.node(instance_, words_[word]); }
    std::string path_name() const { return instance_.scope.path() + std::string{name_}; }
    Status add(Part part) { return builder_.add(s_.origin, path_name(), std::move(part)); }
    std::string word(std::size_t i) const { return i < words_.size() ? lowered(words_[i]) : std::string{}; }
    bool is_pair(std::size_t i) const { return i + 2 < words_.size() && words_[i + 1] == "="; }
    /// The statement behind a word.
    std::string_view text_after(std::size_t i) const
    {
        return text_behind(words_[i], s_.text);
    }

    /// A number, a parameter's name, or an expression in braces. Where SPICE reads a suffix differently from most people, that is noted.
    Result<double, ExpressionError> number(std::string_view text)
    {
        const auto value = parse_spice_number(text);
        if (!value) {
            if (const auto inner = within_braces(text)) return parse_constant(*inner, instance_.scope, builder_.effort());
            if (is_name(text)) {
                const auto known = instance_.scope.parameter(lowered(text));
                if (!known) return known.error();
                if (known.value()) return *known.value();
                const auto guess = nearest_of(lowered(text), instance_.scope.parameter_names());
                return ExpressionError{quoted(text) + " is neither a number nor a parameter" + guess, false};
            }
            return ExpressionError{quoted(text) + " is not a number", false};
        }
        if (lower(name_.front()) == 'r' && text.back() == 'M' && *value < 1.0)
            note(std::string{name_} + " is " + std::string{text} + ": M is milli in SPICE, mega is meg");
        if (lower(name_.front()) == 'c' && lower(text.back()) == 'f' && text.size() > 1 && !is_letter(text[text.size() - 2]))
            note(std::string{name_} + " is " + std::string{text} + ": F alone is femto in SPICE");
        return *value;
    }

    /// \return a finite number of the sign of the nominal one.
    Result<double> varied(double nominal)
    {
        if (!builder_.options().vary) return nominal;
        const auto name = path_name();
        const double value = builder_.options().vary({name, lower(name_.front()), nominal, s_.tolerance.fraction});
        if (!std::isfinite(value) || (value > 0.0) != (nominal > 0.0) || (value < 0.0) != (nominal < 0.0))
            return fail(std::string{name_} + ": a tolerance may not change the sign of a value");
        return value;
    }

    /// m: how many stand in parallel.
    Result<double> multiplicity(std::string_view text)
    {
        const auto m = number(text);
        if (!m) return refuse(m.error());
        if (!is_multiplicity(m.value())) return fail(std::string{name_} + ": " + std::string{what_multiplicity_is});
        return m.value();
    }

    /// What may stand behind a value: m, which is returned, and what changes nothing here.
    Result<double> trailer(std::size_t i, const std::string& want)
    {
        double in_parallel = 1.0;
        for (; i < words_.size(); i += 3) {
            const auto key = word(i);
            if (is_pair(i) && key == "m") {
                const auto m = multiplicity(words_[i + 2]);
                if (!m) return m.error();
                in_parallel *= m.value();
            } else if (is_pair(i) && key == "ic") {
                note(std::string{name_} + ": ic is skipped");  // means nothing to a bench that has always been on
            } else if (is_pair(i) && (key == "tc1" || key == "tc2" || key == "tc" || key == "temp" || key == "dtemp" || key == "noisy")) {
                note(std::string{name_} + ": " + key + " is skipped: the bench is at 27 °C, and without the noise of parts");
            } else {
                return fail(want + ", and nothing after it: found " + quoted(words_[i]));
            }
        }
        return in_parallel;
    }

    Error too_large() const { return fail(std::string{name_} + " comes to more than a number can hold"); }

    template <class Part>
    Status read_two_terminal(std::string_view what, double multiplier)
    {
        constexpr bool is_capacitor = std::is_same_v<Part, Capacitor>;
        const auto want = std::string{name_} + " needs two nodes and " + std::string{what};
        if (words_.size() < 4) return fail(want + ", e.g. \"" + std::string{name_} + " p2 0 10k\"");
        std::size_t at = 3;
        if (is_pair(at) && word(at) == std::string(1, lower(name_.front()))) at += 2;
        const auto value = number(words_[at]);
        if (!value && value.error().is_placed) return refuse(value.error());
        if (!value) return fail(want + ", and " + value.error().message);
        if (!(value.value() > 0.0)) return fail(want + ", and " + quoted(words_[at]) + " is not one");
        const auto rest = trailer(at + 1, want);
        if (!rest) return rest.error();
        const auto actual = varied(value.value());
        if (!actual) return actual.error();
        const double in_all = actual.value() * multiplier * (is_capacitor ? rest.value() : 1.0 / rest.value());
        if (!(in_all > 0.0) || !std::isfinite(in_all)) return fail(want + ", and with m it is none");
        return add(Part{node(1), node(2), in_all});
    }

    Status read_coupling()
    {
        const auto want = std::string{name_} + " needs two inductors and a coupling from -1 to 1";
        if (words_.size() != 4) return fail(want + ", e.g. \"" + std::string{name_} + " L1 L2 0.999\"");
        const auto k = number(words_[3]);
        if (!k && k.error().is_placed) return refuse(k.error());
        if (!k) return fail(want + " other than 0, and " + k.error().message);
        if (std::abs(k.value()) > 1.0 || k.value() == 0.0) return fail(want + " other than 0, and " + quoted(words_[3]) + " is not one");
        builder_.couple_later(s_.origin, instance_, words_[1], words_[2]);
        return add(Coupling{0, 0, k.value()});
    }

    template <class Source>
    Status read_source(std::string_view what, double multiplier)
    {
        const auto want = std::string{name_} + " needs two nodes, then " + std::string{what} + ", or DC and AC values";
        if (words_.size() < 3) return fail(want + ", e.g. \"" + std::string{name_} + " a b 0\"");
        double dc = 0.0;
        Complex ac{};
        std::size_t i = 3;
        std::optional<ExpressionError> error;
        const auto next_number = [&]() -> std::optional<double> {
            if (i < words_.size() && words_[i] == "=") ++i;
            if (i >= words_.size() || word(i) == "dc" || word(i) == "ac") return std::nullopt;
            const auto value = number(words_[i]);
            if (!value) {
                if (value.error().is_placed || within_braces(words_[i])) error = value.error();
                return std::nullopt;
            }
            ++i;
            return value.value();
        };
        if (i < words_.size()) dc = next_number().value_or(0.0);
        while (i < words_.size() && !error) {
            const auto key = word(i);
            if (key != "dc" && key != "ac")
                return fail(want + ", and " + quoted(words_[i]) + " is neither: the bench itself supplies the signals");
            ++i;
            const auto first = next_number();
            if (key == "dc") {
                if (!first && !error) return fail(want + ": no number stands after DC");
                dc = first.value_or(0.0);
            } else {
                const double magnitude = first.value_or(1.0);
                const double degrees = first ? next_number().value_or(0.0) : 0.0;
                ac = std::polar(std::abs(magnitude), degrees * std::numbers::pi / 180.0) * (magnitude < 0.0 ? -1.0 : 1.0);
            }
        }
        if (error) return refuse(*error);
        if (!std::isfinite(dc * multiplier) || !std::isfinite(std::abs(ac) * multiplier)) return too_large();
        return add(Source{node(1), node(2), dc * multiplier, ac * multiplier});
    }

    /// VALUE={…}, POLY(n) … and what else can stand in the place of controlling nodes. (Which may have such names, too.)
    enum class Form : std::uint8_t { plain, expression, polynomial, table, refused };
    Form form() const
    {
        const auto key = word(3);
        if (words_.size() < 5) return Form::plain;
        if (key == "poly" && trimmed(text_after(3)).starts_with('(')) return Form::polynomial;
        if ((key == "value" || key == "vol" || key == "cur") && words_[4] == "=") return Form::expression;
        if (!within_braces(words_[4])) return Form::plain;
        if (key == "table") return Form::table;
        return key == "laplace" || key == "freq" || key == "chebyshev" ? Form::refused : Form::plain;
    }
    Error refuse_form() const
    {
        return fail(std::string{name_} + ": " + std::string{words_[3]} +
                    " is not read: write a curve as VALUE={pwl(x, x1,y1, x2,y2, …)}, a frequency response with R, C and L");
    }

    template <class Plain>
    Status read_voltage_controlled(Behavioural::Gives gives, double multiplier)
    {
        const bool is_voltage = gives == Behavioural::Gives::voltage;
        const auto want = std::string{name_} + " needs two nodes, two controlling nodes and a gain";
        switch (form()) {
        case Form::polynomial: return read_polynomial(gives, multiplier, false);
        case Form::table: return read_table(gives, multiplier);
        case Form::refused: return refuse_form();
        case Form::expression:
            if (word(3) == (is_voltage ? "cur" : "vol"))
                return fail(std::string{name_} + " takes VALUE or " + (is_voltage ? "VOL" : "CUR") + ", not " + std::string{words_[3]});
            return read_law(text_after(4), gives, multiplier);
        case Form::plain: break;
        }
        if (words_.size() < 6 || words_[5] == "=") return fail(want + ", e.g. \"" + std::string{name_} + " out 0 in 0 2\"");
        const auto gain = number(words_[5]);
        if (!gain && gain.error().is_placed) return refuse(gain.error());
        if (!gain) return fail(want + ", and " + gain.error().message);
        const auto rest = trailer(6, want);
        if (!rest) return rest.error();
        const auto actual = varied(gain.value());
        if (!actual) return actual.error();
        const double in_all = actual.value() * (is_voltage ? 1.0 : multiplier * rest.value());
        if (!std::isfinite(in_all)) return too_large();
        return add(Plain{node(1), node(2), node(3), node(4), in_all});
    }

    template <class Plain>
    Status read_current_controlled(Behavioural::Gives gives, double multiplier)
    {
        const bool is_voltage = gives == Behavioural::Gives::voltage;
        const auto want = std::string{name_} + " needs two nodes, a voltage source and a " + (is_voltage ? "resistance" : "gain");
        if (form() == Form::polynomial) return read_polynomial(gives, multiplier, true);
        if (words_.size() < 5 || words_[4] == "=") return fail(want + ", e.g. \"" + std::string{name_} + " out 0 V1 2\"");
        const auto gain = number(words_[4]);
        if (!gain && gain.error().is_placed) return refuse(gain.error());
        if (!gain) return fail(want + ", and " + gain.error().message);
        const auto rest = trailer(5, want);
        if (!rest) return rest.error();
        const auto actual = varied(gain.value());
        if (!actual) return actual.error();
        const double in_all = actual.value() * (is_voltage ? 1.0 : multiplier * rest.value());
        if (!std::isfinite(in_all)) return too_large();
        builder_.sense_later(s_.origin, instance_, builder_.next_element(), 0, words_[3]);
        return add(Plain{node(1), node(2), 0, in_all});
    }

    /// POLY(n): coefficients of 1, x1 … xn, x1², x1·x2 … xn², and so on by degree. (A lone
    /// coefficient is the constant, as in ngspice; in SPICE2 it was that of x.)
    Status read_polynomial(Behavioural::Gives gives, double multiplier, bool is_of_currents)
    {
        const auto want = std::string{name_} + " needs POLY(n), then n " + (is_of_currents ? "voltage sources" : "pairs of nodes") +
                          ", then coefficients";
        constexpr double most = 20.0;
        const auto count = words_.size() > 4 ? parse_spice_number(words_[4]) : std::nullopt;
        if (!count || *count < 1.0 || *count > most || *count != std::floor(*count)) return fail(want + ", n from 1 to 20");
        const auto n = static_cast<std::size_t>(*count);
        std::size_t at = 5;
        if (words_.size() <= at + n * (is_of_currents ? 1 : 2))
            return fail(want + ", e.g. \"" + std::string{name_} + " out 0 POLY(1) " + (is_of_currents ? "V1" : "in 0") + " 0 1 0.1\"");
        FunctionBuilder f;
        Quantities quantities{builder_, instance_, s_.origin};
        std::vector<Term> x;
        for (std::size_t i = 0; i < n; ++i) {
            if (is_of_currents) {
                x.push_back(quantities.current(f, lowered(words_[at])).value());
                at += 1;
            } else {
                x.push_back(quantities.voltage_between(f, node(at), node(at + 1)));
                at += 2;
            }
        }
        std::vector<double> coefficients;
        for (; at < words_.size(); ++at) {
            const auto c = number(words_[at]);
            if (!c && c.error().is_placed) return refuse(c.error());
            if (!c) return fail(want + ", and " + c.error().message);
            coefficients.push_back(c.value());
        }

        // Each degree's products come from those of the degree below times a variable that does not stand before their last.
        struct Product { Term value; std::size_t last; };
        std::vector<Product> degree{{1.0, 0}};
        Term sum = 0.0;
        for (std::size_t c = 0; c < coefficients.size();) {
            for (std::size_t i = 0; i < degree.size() && c < coefficients.size(); ++i, ++c)
                sum = f.apply(Op::add, sum, f.apply(Op::multiply, degree[i].value, coefficients[c]));
            if (c >= coefficients.size()) break;
            std::vector<Product> next;
            for (const auto& p : degree)
                for (std::size_t v = p.last; v < n && c + next.size() < coefficients.size(); ++v)
                    next.push_back({f.apply(Op::multiply, p.value, x[v]), v});
            degree = std::move(next);
        }
        return add_law(f, quantities, sum, gives, multiplier);
    }

    /// TABLE {x} = (x1, y1) (x2, y2) …: straight lines, level beyond the first and the last point.
    Status read_table(Behavioural::Gives gives, double multiplier)
    {
        const auto want = std::string{name_} + " needs TABLE {expression} = (x1, y1) (x2, y2) …";
        const bool has_equals = words_.size() > 5 && words_[5] == "=";
        const std::size_t first = has_equals ? 6 : 5;
        if (words_.size() < first + 4 || (words_.size() - first) % 2 != 0) return fail(want + " with at least two points");
        FunctionBuilder f;
        Quantities quantities{builder_, instance_, s_.origin};
        const auto parsed = parse_expression(words_[4], Dialect::source, f, quantities, builder_.effort());
        if (!parsed) return refuse(parsed.error());
        std::vector<std::pair<double, double>> points;
        for (auto at = first; at < words_.size(); at += 2) {
            const auto px = number(words_[at]);
            const auto py = number(words_[at + 1]);
            if (!px || !py) return refuse((px ? py : px).error());
            if (!points.empty() && !(px.value() > points.back().first)) return fail(want + ", x rising");
            points.emplace_back(px.value(), py.value());
        }
        const Term x = f.apply(Op::min, f.apply(Op::max, parsed.value(), points.front().first), points.back().first);
        return add_law(f, quantities, piecewise_linear(f, x, points), gives, multiplier);
    }

    Status add_law(FunctionBuilder& f, Quantities& quantities, Term value, Behavioural::Gives gives, double multiplier)
    {
        if (gives == Behavioural::Gives::current && multiplier != 1.0) value = f.apply(Op::multiply, value, multiplier);
        if (f.is_full())
            return fail(std::string{name_} + " takes more than " + std::to_string(rt::max_instructions) +
                        " steps of computing: no part's law needs that many");
        if (value.is_undefined()) return fail(std::string{name_} + " has no finite value");
        if (s_.tolerance.is_there && name_is_one_of("egfh"))
            note(std::string{name_} + ": the tolerance is not used, because an expression has many values: give one to a .param in it");
        const auto plus = node(1);
        const auto minus = node(2);
        return add(quantities.law(f, value, gives, plus, minus));
    }

    Status read_law(std::string_view text, Behavioural::Gives gives, double multiplier)
    {
        text = trimmed(text);
        if (text.empty()) return fail(std::string{name_} + " needs an expression after \"=\"");
        FunctionBuilder f;
        Quantities quantities{builder_, instance_, s_.origin};
        const auto value = parse_expression(text, Dialect::source, f, quantities, builder_.effort());
        if (!value) return refuse(value.error());
        if (text.find('{') != std::string_view::npos && !within_braces(text)) {
            std::string bare{text};
            std::erase_if(bare, [](char c) { return c == '{' || c == '}'; });
            FunctionBuilder other;
            const auto without = parse_expression(bare, Dialect::source, other, quantities, builder_.effort());
            if (!without || !agree(f.finish(value.value()), other.finish(without.value())))
                note(std::string{name_} + ": braces within an expression are read as brackets, but ngspice 39 drops them, which gives another"
                                          " function: write ( ) instead");
        }
        return add_law(f, quantities, value.value(), gives, multiplier);
    }

    Status read_behavioural()
    {
        const auto key = word(3);
        if (words_.size() < 5 || (key != "v" && key != "i") || words_[4] != "=")
            return fail(std::string{name_} + " needs two nodes and I=expression or V=expression, e.g. \"" + std::string{name_} +
                        " out 0 V=2*v(in)\"");
        return read_law(text_after(4), key == "v" ? Behavioural::Gives::voltage : Behavioural::Gives::current, instance_.multiplier);
    }

    Status read_diode()
    {
        const auto want = std::string{name_} + " needs anode, cathode and a model";
        if (words_.size() < 4) return fail(want + ", e.g. \"" + std::string{name_} + " a k dmod\" with \".model dmod D(IS=2.5n N=1.75)\"");
        const auto found = instance_.scope.find_model(lowered(words_[3]));
        if (!found) return fail(want + ", and there is no .model " + quoted(words_[3]));
        const auto* const card = found->card;
        std::vector<std::string> notes;
        const auto card_words = words_of(card->text);
        const auto title = ".model " + std::string{card_words[1]} + ": ";
        const auto model = parse_diode_model(text_behind(card_words[2], card->text), *found->scope, builder_.effort(), notes);
        if (!model) return model.error().is_placed ? Error{model.error().message} : builder_.deck().at(card->origin, title + model.error().message);
        for (const auto& text : notes) builder_.deck().note(card->origin, title + text);

        double area = 1.0;
        double in_parallel = instance_.multiplier;
        for (std::size_t i = 4; i < words_.size();) {
            const auto key = word(i);
            if (key == "off") { ++i; continue; }
            const bool has_key = is_pair(i);
            if (has_key && (key == "ic" || key == "temp" || key == "dtemp" || key == "pj")) {
                note(std::string{name_} + ": " + key + " is skipped");
                i += 3;
                continue;
            }
            if (has_key ? key != "area" && key != "m" : i != 4) return fail(want + ", then an area: found " + quoted(words_[i]));
            if (has_key && key == "m") {
                const auto m = multiplicity(words_[i + 2]);
                if (!m) return m.error();
                in_parallel *= m.value();
            } else {
                const auto value = number(words_[has_key ? i + 2 : i]);
                if (!value) return refuse(value.error());
                if (!(value.value() > 0.0)) return fail(want + ", then an area above 0");
                area *= value.value();
            }
            i += has_key ? 3 : 1;
        }
        return add_diode(model.value(), area, in_parallel);
    }

    Status add_diode(const DiodeModel& model, double area, double in_parallel)
    {
        const auto anode = node(1);
        const auto cathode = node(2);
        const double size = area * in_parallel;
        const double series_ohms = model.series_ohms / size;
        if (!std::isfinite(series_ohms) || !std::isfinite(model.junction_farads * size)) return too_large();
        const bool has_series = series_ohms > 0.0;
        const auto inner = has_series ? builder_.node(instance_, lowered(name_) + ".rs") : anode;
        FunctionBuilder f;
        Quantities quantities{builder_, instance_, s_.origin};
        const Term one = junction_current(f, quantities.voltage_between(f, inner, cathode), model, area);
        const Term current = f.apply(Op::multiply, one, in_parallel);
        if (current.is_undefined()) return fail(std::string{name_} + " has no finite current");
        if (auto status = add(quantities.law(f, current, Behavioural::Gives::current, inner, cathode)); !status) return status;
        const auto add_part = [&](std::string_view what, Part part) { return builder_.add(s_.origin, path_name() + std::string{what}, std::move(part)); };
        if (has_series)
            if (auto status = add_part(".RS", Resistor{anode, inner, series_ohms}); !status) return status;
        if (model.junction_farads * size > 0.0)
            if (auto status = add_part(".CJO", Capacitor{inner, cathode, model.junction_farads * size}); !status) return status;
        return add_part(".GMIN", Resistor{inner, cathode, 1.0 / (junction_siemens * in_parallel)});
    }

    NetlistBuilder& builder_;
    Instance& instance_;
    const Statement& s_;
    std::vector<std::string_view> words_;
    std::string_view name_;
};

}  // namespace

Status read_element(NetlistBuilder& builder, Instance& instance, const Statement& statement)
{
    return ElementReader{builder, instance, statement}.read();
}

}  // namespace lowleg::circuit
