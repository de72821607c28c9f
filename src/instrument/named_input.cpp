#include "instrument/named_input.h"

#include "bench/collection.h"
#include "bench/figures.h"
#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "core/text.h"
#include "files/text_file.h"
#include "procedure/predict.h"

#include <cmath>
#include <filesystem>
#include <utility>

namespace lowleg::instrument {
namespace {

using procedure::InputFacts;

/// From the circuit's equations: its legs, and what it makes of a volt on each.
Result<InputFacts> of_receiver(const Settings& settings, const bench::CircuitText& circuit)
{
    const auto netlist = bench::read_circuit(circuit);
    if (!netlist) return netlist.error();
    const auto kind = bench::kind_of(netlist.value());
    if (!kind) return kind.error();
    if (kind.value() != bench::CircuitKind::receiver)
        return Error{circuit.name + " is " + (kind.value() == bench::CircuitKind::output ? "an output" : "a whole connection") + ", and an input is asked for: \"lowleg bench list\" tells the receivers",
                     ErrorKind::usage};
    auto fixture = settings.bench_fixture();
    fixture.rs = Ohms{0.0};  // so that the feeds are the pins' own voltages
    const auto solved = bench::SolvedCircuit::build(netlist.value(), bench::CircuitKind::receiver, fixture);
    if (!solved) return solved.error();
    InputFacts out;
    out.name = circuit.name;
    out.knows_gains = true;
    constexpr int count = 40;
    for (int i = 0; i < count; ++i) {
        const auto f = log_spaced(Hertz{15.0}, Hertz{25e3}, i, count);
        const auto z = bench::input_impedance(netlist.value(), fixture, f);
        if (!z) return z.error();
        const auto separate = static_cast<std::size_t>(bench::Feed::separate);
        const auto of2 = solved.value().response(separate, f);
        const auto of3 = solved.value().probe_response(separate, f);
        if (!of2) return of2.error();
        if (!of3) return of3.error();
        const auto siemens = [](Complex ohms) { return std::isfinite(std::abs(ohms)) ? 1.0 / ohms : Complex{}; };
        procedure::InputFactsAt at;
        at.frequency = f;
        at.y.y22 = siemens(z.value().pin2);
        at.y.y33 = siemens(z.value().pin3);
        at.y.y23 = siemens(z.value().common2) - at.y.y22;
        at.y.y32 = siemens(z.value().common3) - at.y.y33;
        at.gain2 = of2.value()[0];
        at.gain3 = of3.value()[0];
        out.at.push_back(at);
    }
    return out;
}

}  // namespace

Result<InputFacts> named_input(const Settings& settings, const std::string& name)
{
    const std::filesystem::path path{name};
    if (path.extension() == ".json") {
        const auto text = files::read_text(path);
        if (!text) return text.error();
        auto facts = procedure::input_facts_of(text.value());
        if (!facts) return Error{name + ": " + facts.error().message, facts.error().kind};
        return facts;
    }
    if (const auto plain = procedure::predicted_input_of(name)) return procedure::plain_input_facts(plain.value().resistance, plain.value().capacitance);
    const auto circuit = bench::find_circuit(name);
    if (!circuit) return circuit.error();
    return of_receiver(settings, circuit.value());
}

}  // namespace lowleg::instrument
