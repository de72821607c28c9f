/// \file bench_report.h
/// The circuits of the virtual bench: which there are, what they read, and how far that scatters, as text and as JSON.
#pragma once

#include "core/fixture.h"
#include "core/units.h"
#include "report/layout.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowleg::report {

struct CircuitEntry {
    std::string name;
    std::string title;
    std::string kind;                     ///< "output", "receiver", "connection"
    std::vector<std::string> topologies;  ///< What it is in truth, as far as any test can tell.
};
/// \param circuits  those of one kind together.
[[nodiscard]] std::string bench_list_text(std::span<const CircuitEntry> circuits, const TextStyle& style);
/// Schema lowleg.bench-list/1.
[[nodiscard]] std::string bench_list_json(std::span<const CircuitEntry> circuits);

/// What the interface reads at one frequency, over the played drive: [0] i2, [1] i3.
struct CircuitReading {
    Hertz frequency{};
    std::map<SwitchState, std::array<Complex, 2>> inputs;  ///< All four states.
};
/// A thing that can be read, and what it reads at the frequencies of its report. NaN: nothing.
struct FigureName {
    std::string id;     ///< "cmrr_iec_db"
    std::string words;  ///< "CMRR (IEC 60268-3)"
    std::string unit;   ///< "dB" or "°"
};
/// Of a receiver's pins, ohms; ∞ where no current flows.
struct ImpedanceReading {
    Hertz frequency{};
    Complex pin2, pin3;        ///< Of one pin, the other on ground.
    Complex common2, common3;  ///< Of each, both driven alike.
};
struct CircuitReport {
    CircuitEntry circuit;
    std::string story;
    std::string netlist;              ///< The whole text.
    std::string netlist_after_story;  ///< The same without the lines of the story.
    std::vector<std::string> notes;   ///< What was skipped when it was read, and what to mind: sentences.
    bool is_linear{true};
    /// Positions of the switch in which direct current stands at the outputs or pins, and its volts.
    std::vector<std::pair<std::string, std::array<double, 2>>> rest_volts;
    std::vector<CircuitReading> readings;  ///< Of an output.
    // Of anything else.
    std::vector<FigureName> figures;
    std::vector<std::pair<Hertz, std::vector<double>>> figure_readings;  ///< [figure]
    std::vector<ImpedanceReading> impedances;                            ///< Of a receiver.
};
[[nodiscard]] std::string bench_show_text(const CircuitReport& report, const TextStyle& style);
/// Schema lowleg.bench-show/1.
[[nodiscard]] std::string bench_show_json(const CircuitReport& report);

struct PartScatter {
    std::string name;
    double nominal{};
    double tolerance{};  ///< As a fraction: uniform within nominal · (1 ± tolerance).
    bool is_stated{};    ///< In the netlist; otherwise a rule's.
};
/// One circuit with parts drawn.
struct DrawEntry {
    std::string_view fate;        ///< "solved", "no-solution", "unstable"
    std::string reason;           ///< Unless solved: a sentence.
    std::vector<double> parts;    ///< [PartScatter]
    std::vector<double> figures;  ///< [frequency · figures + figure]; empty unless solved.
};
/// How a figure is distributed over the draws that have it; NaN where none has.
struct Scatter {
    std::size_t count{};
    double mean{}, deviation{}, lowest{}, q05{}, median{}, q95{}, highest{};
};
struct SpreadReport {
    CircuitEntry circuit;
    std::uint64_t seed{};
    std::vector<std::string> notes;
    std::vector<PartScatter> parts;
    std::vector<FigureName> figures;
    std::vector<Hertz> frequencies;
    std::vector<double> nominal;   ///< As DrawEntry::figures.
    std::vector<Scatter> scatter;  ///< In the same order.
    std::vector<DrawEntry> draws;
};
/// Tables at 20 Hz and 1 kHz, as far as the report has these.
[[nodiscard]] std::string bench_spread_text(const SpreadReport& report, const TextStyle& style);
/// Schema lowleg.bench-spread/1, one line per draw. A piece at a time, because 100,000 draws are some hundred megabytes.
void write_bench_spread_json(std::ostream& out, const SpreadReport& report);

}  // namespace lowleg::report
