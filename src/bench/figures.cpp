#include "bench/figures.h"

#include "bench/virtual_bench.h"
#include "bench/wiring.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>
#include <utility>

namespace lowleg::bench {
namespace {

using circuit::Circuit;
using circuit::Netlist;

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

double db(Complex transfer)
{
    const auto gain = gain_of(transfer).value();
    return std::isfinite(gain) ? gain : nothing;
}

bool is_silent(Complex transfer) { return !(gain_of(transfer) >= silent_below); }

double db_between(Complex a, Complex b) { return is_silent(a) || is_silent(b) ? nothing : db(a / b); }

/// Half the turn lies in the middle, where balanced outputs are: there angles do not jump.
double degrees_between(Complex a, Complex b)
{
    if (is_silent(a) || is_silent(b)) return nothing;
    const double degrees = std::arg(a / b) * 180.0 / std::numbers::pi;
    return degrees < -90.0 ? degrees + 360.0 : degrees;
}

Figure in_db(std::string id, std::string words) { return {std::move(id) + "_db", std::move(words), "dB"}; }

std::vector<Figure> figures_of(CircuitKind kind, bool has_probe)
{
    std::vector<Figure> out;
    switch (kind) {
    case CircuitKind::output:
        for (const auto state : all_switch_states)
            for (const std::string input : {"i2", "i3"})
                out.push_back(in_db(input + "_" + std::string{name_of(state)}, input + " " + std::string{name_of(state)}));
        out.push_back(in_db("leg_ratio", "leg ratio i3/i2"));
        out.push_back({"leg_angle_deg", "leg angle i3/i2", "°"});
        out.push_back(in_db("load_step", "load step"));
        out.push_back(in_db("ground_step", "ground step"));
        out.push_back(in_db("lift_step", "lift step"));
        if (!has_probe) break;
        for (const auto state : all_switch_states)
            for (const std::string input : {"i2", "i3"})
                out.push_back(in_db("probe_" + input + "_" + std::string{name_of(state)}, "probe at " + input + " " + std::string{name_of(state)}));
        break;
    case CircuitKind::receiver:
        out.push_back(in_db("gain", "gain"));
        for (const std::string feed : {"common", "leg2", "leg3"})
            out.push_back(in_db(feed + "_gain", (feed == "common" ? "common-mode gain" : "with 10 Ω in leg " + feed.substr(3))));
        out.push_back(in_db("cmrr_common", "CMRR"));
        out.push_back(in_db("cmrr_leg2", "CMRR, 10 Ω in leg 2"));
        out.push_back(in_db("cmrr_leg3", "CMRR, 10 Ω in leg 3"));
        out.push_back(in_db("cmrr_iec", "CMRR (IEC 60268-3)"));
        break;
    case CircuitKind::connection:
        out.push_back(in_db("gain", "gain from drv"));
        out.push_back(in_db("noise_out", "noise at out"));
        out.push_back(in_db("noise_differential", "noise between pins"));
        out.push_back(in_db("noise_common", "noise on both pins"));
        out.push_back(in_db("rejection", "rejection"));
        break;
    }
    return out;
}

// Transfers of one position, as Circuit::response orders them: [recorded node][output played].
Complex from_drive(const std::vector<Complex>& r, std::size_t node) { return r[2 * node]; }
Complex from_probe(const std::vector<Complex>& r, std::size_t node) { return r[2 * node + 1]; }

using AllPositions = std::vector<std::vector<Complex>>;

std::vector<double> read_output(const AllPositions& at, bool has_probe)
{
    std::vector<double> out;
    for (const auto& r : at)
        for (const std::size_t node : {0U, 1U}) out.push_back(db(from_drive(r, node)));
    const auto& through = at[static_cast<std::size_t>(SwitchState::through)];
    out.push_back(db_between(from_drive(through, 1), from_drive(through, 0)));
    out.push_back(degrees_between(from_drive(through, 1), from_drive(through, 0)));
    for (const auto state : {SwitchState::loaded, SwitchState::grounded, SwitchState::lifted})
        out.push_back(db_between(from_drive(at[static_cast<std::size_t>(state)], 0), from_drive(through, 0)));
    if (has_probe)
        for (const auto& r : at)
            for (const std::size_t node : {0U, 1U}) out.push_back(db(from_probe(r, node)));
    return out;
}

std::vector<double> read_receiver(const AllPositions& at)
{
    const auto& apart = at[static_cast<std::size_t>(Feed::separate)];
    const auto normal = 0.5 * (apart[0] - apart[1]);  // +½ V on pin 2, −½ V on pin 3
    const auto common = at[static_cast<std::size_t>(Feed::common)][0];
    const auto leg2 = at[static_cast<std::size_t>(Feed::common_leg2)][0];
    const auto leg3 = at[static_cast<std::size_t>(Feed::common_leg3)][0];
    return {db(normal),
            db(common),
            db(leg2),
            db(leg3),
            db_between(normal, common),
            db_between(normal, leg2),
            db_between(normal, leg3),
            db_between(normal, std::abs(leg2) > std::abs(leg3) ? leg2 : leg3)};
}

std::vector<double> read_connection(const std::vector<Complex>& r)
{
    enum : std::size_t { at_out, at_p2, at_p3 };
    const auto differential = from_probe(r, at_p2) - from_probe(r, at_p3);
    const auto common = 0.5 * (from_probe(r, at_p2) + from_probe(r, at_p3));
    const auto wanted = from_drive(r, at_p2) - from_drive(r, at_p3);
    return {db(from_drive(r, at_out)), db(from_probe(r, at_out)), db(differential), db(common),
            db_between(from_drive(r, at_out), wanted) - db_between(from_probe(r, at_out), common)};
}

Error with_position(Error error, CircuitKind kind, std::size_t position)
{
    error.message += " (" + words_for(kind, position) + ")";
    return error;
}

}  // namespace

SolvedCircuit::SolvedCircuit(CircuitKind kind, const Fixture& fixture)
    : kind_{kind}, gain_ratio_{fixture.gain_ratio}, has_probe_{fixture.probe.has_value()}, figures_{figures_of(kind, has_probe_)}
{
}

Result<SolvedCircuit> SolvedCircuit::build(const Netlist& netlist, CircuitKind kind, const Fixture& fixture)
{
    if (auto status = fixture.check(); !status) return status.error();
    SolvedCircuit out{kind, fixture};
    for (std::size_t position = 0; position < positions_of(kind); ++position) {
        const auto wiring = wired(netlist, kind, fixture, position);
        std::vector<std::string_view> nodes{wiring.nodes.begin(), wiring.nodes.end()};
        if (kind == CircuitKind::connection) nodes.push_back("p3");
        auto circuit = Circuit::build(wiring.netlist, wiring.sources, nodes);
        if (!circuit) return circuit.error();  // what is wrong with it is so in every position
        out.positions_.push_back(std::move(circuit).value());
    }
    return out;
}

Result<std::vector<double>> SolvedCircuit::read(Hertz frequency) const
{
    AllPositions at;
    for (std::size_t position = 0; position < positions_.size(); ++position) {
        auto response = positions_[position].response(frequency);
        if (!response) return with_position(response.error(), kind_, position);
        at.push_back(std::move(response).value());
    }
    switch (kind_) {
    case CircuitKind::output:
        for (auto& r : at)
            for (const std::size_t played : {0U, 1U}) r[2 + played] *= gain_ratio_;
        return read_output(at, has_probe_);
    case CircuitKind::receiver: return read_receiver(at);
    case CircuitKind::connection: break;
    }
    return read_connection(at.front());
}

Result<std::array<Complex, 2>> SolvedCircuit::response(std::size_t position, Hertz frequency) const
{
    const auto response = positions_[position].response(frequency);
    if (!response) return with_position(response.error(), kind_, position);
    return std::array{from_drive(response.value(), 0), gain_ratio_ * from_drive(response.value(), 1)};
}

Result<std::array<Complex, 2>> SolvedCircuit::probe_response(std::size_t position, Hertz frequency) const
{
    const auto response = positions_[position].response(frequency);
    if (!response) return with_position(response.error(), kind_, position);
    return std::array{from_probe(response.value(), 0), gain_ratio_ * from_probe(response.value(), 1)};
}

std::array<double, 2> SolvedCircuit::rest_volts(std::size_t position) const
{
    const auto volts = positions_[position].rest_volts();
    return {volts[0], volts[1]};
}

Status SolvedCircuit::check_stable(std::size_t position) const
{
    auto status = positions_[position].check_stable();
    if (!status) return with_position(status.error(), kind_, position);
    return status;
}

Result<InputImpedance> input_impedance(const Netlist& netlist, const Fixture& fixture, Hertz frequency)
{
    using circuit::CurrentControlledVoltage;
    using circuit::VoltageSource;
    // A source at each pin whose current becomes a voltage: the admittances between the pins.
    auto driven = netlist;
    constexpr std::array<std::string_view, 2> sources{"bench at p2", "bench at p3"};
    constexpr std::array<std::string_view, 2> currents{"bench current 2", "bench current 3"};
    for (const std::size_t pin : {0U, 1U}) {
        const auto at = *driven.find_node(pin == 0 ? "p2" : "p3");
        const auto current = driven.add_node(std::string{currents[pin]});
        const auto source = driven.elements.size();
        driven.elements.push_back({std::string{sources[pin]}, 0, VoltageSource{at, 0, 0.0, {}}});
        driven.elements.push_back({std::string{currents[pin]}, 0, CurrentControlledVoltage{current, 0, source, -1.0}});
    }
    const auto out = *driven.find_node("out");
    driven.elements.push_back({"bench Rin2", 0, circuit::Resistor{out, 0, fixture.rin2.value()}});
    const auto circuit = Circuit::build(driven, sources, currents);
    if (!circuit) return circuit.error();
    const auto y = circuit.value().response(frequency);
    if (!y) return y.error();
    const auto& v = y.value();  // [current][pin driven]
    const auto ohms = [](Complex siemens) { return siemens == Complex{} ? Complex{std::numeric_limits<double>::infinity()} : 1.0 / siemens; };
    return InputImpedance{ohms(v[0]), ohms(v[3]), ohms(v[0] + v[1]), ohms(v[2] + v[3])};
}

}  // namespace lowleg::bench
