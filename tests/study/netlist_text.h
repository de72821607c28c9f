/// \file netlist_text.h
/// Writes a SPICE netlist element by element.
#pragma once

#include "core/text.h"

#include <string>
#include <string_view>

namespace lowleg::study {

/// Elements are numbered as they come. A value of zero or less leaves the part out: a capacitor is missing, a resistor or inductor is a wire.
class NetlistText {
public:
    explicit NetlistText(std::string_view title) : text_{"* " + std::string{title} + "\n"} {}

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    void note(std::string_view words) { text_ += "* " + std::string{words} + "\n"; }

    /// A node that nothing else is called.
    std::string node() { return "n" + std::to_string(++nodes_); }

    void resistor(std::string_view a, std::string_view b, double ohms) { two_poles("R", a, b, ohms > wire_ohms ? ohms : wire_ohms); }
    void capacitor(std::string_view a, std::string_view b, double farads)
    {
        if (farads > 0.0) two_poles("C", a, b, farads);
    }
    void inductor(std::string_view a, std::string_view b, double henries)
    {
        if (henries > 0.0) two_poles("L", a, b, henries);
        else resistor(a, b, 0.0);
    }
    /// V(plus, minus) = gain · V(from, to)
    void amplifier(std::string_view plus, std::string_view minus, std::string_view from, std::string_view to, double gain)
    {
        text_ += next("E") + words({plus, minus, from, to}) + " " + format_number(gain) + "\n";
    }
    /// An ideal winding: V(plus, minus) = turns · V(core, foot), its current carried back to core and foot.
    void winding(std::string_view plus, std::string_view minus, std::string_view core, std::string_view foot, double turns)
    {
        const auto inner = node();
        amplifier(inner, minus, core, foot, turns);
        const auto sense = next("V");
        text_ += sense + words({inner, plus}) + " 0\n";
        text_ += next("F") + words({core, foot}) + " " + sense + " " + format_number(turns) + "\n";
    }
    /// One pole, output resistance.
    void op_amp(std::string_view plus, std::string_view minus, std::string_view out, double gain_bandwidth_hz, double ohms)
    {
        constexpr double open_loop = 1e5;
        const auto fast = node();
        const auto slow = node();
        const auto inner = node();
        amplifier(fast, "0", plus, minus, open_loop);
        resistor(fast, slow, 1e3);
        capacitor(slow, "0", open_loop / (6.283185307179586 * 1e3 * gain_bandwidth_hz));
        amplifier(inner, "0", slow, "0", 1.0);
        resistor(inner, out, ohms);
    }

    /// Parts in a row: each returns the node behind it, or `from` where there is nothing to put in.
    std::string through_resistor(const std::string& from, double ohms)
    {
        if (ohms <= 0.0) return from;
        auto to = node();
        resistor(from, to, ohms);
        return to;
    }
    std::string through_inductor(const std::string& from, double henries)
    {
        if (henries <= 0.0) return from;
        auto to = node();
        inductor(from, to, henries);
        return to;
    }
    std::string through_capacitor(const std::string& from, double farads)
    {
        if (farads <= 0.0) return from;
        auto to = node();
        capacitor(from, to, farads);
        return to;
    }

private:
    static constexpr double wire_ohms = 1e-3;

    std::string next(std::string_view letter) { return std::string{letter} + std::to_string(++elements_); }
    static std::string words(std::initializer_list<std::string_view> nodes)
    {
        std::string out;
        for (const auto name : nodes) out += " " + std::string{name};
        return out;
    }
    void two_poles(std::string_view letter, std::string_view a, std::string_view b, double value)
    {
        text_ += next(letter) + words({a, b}) + " " + format_number(value) + "\n";
    }

    std::string text_;
    int nodes_{0};
    int elements_{0};
};

}  // namespace lowleg::study
