#include "unit.h"

#include "bench/collection.h"
#include "bench/figures.h"
#include "bench/wiring.h"
#include "families.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::study {
namespace {

/// How often each family is drawn: roughly how often it is met, none so seldom that it would not be tested.
struct Share {
    Family family;
    double share;
    Unit (*draw)(Draw&);
};
constexpr std::array shares{
    Share{Family::transformer, 0.17, draw_transformer},
    Share{Family::transformer_center_tapped, 0.05, draw_center_tapped},
    Share{Family::cross_coupled, 0.15, draw_servo},
    Share{Family::inverter, 0.17, draw_inverter},
    Share{Family::impedance_balanced, 0.11, draw_impedance_balanced},
    Share{Family::unbalanced, 0.12, draw_unbalanced},
    Share{Family::dual_unbalanced, 0.08, draw_dual_unbalanced},
    Share{Family::insert, 0.05, draw_insert},
    Share{Family::ground_sensing, 0.04, draw_ground_sensing},
    Share{Family::no_signal, 0.02, draw_no_signal},
    Share{Family::odd, 0.04, draw_odd},
};

enum : std::uint64_t { purpose_family = 1, purpose_parts = 100 };

const Share& share_of(Draw& draw, std::optional<Family> family)
{
    double left = draw.uniform(0.0, 1.0);
    for (const auto& s : shares) {
        if (family ? s.family == *family : (left -= s.share) < 0.0) return s;
    }
    return shares.front();
}

bool is_stable(const Unit& unit, const Fixture& fixture)
{
    const auto netlist = bench::read_circuit({"unit", unit.kind, unit.netlist});
    if (!netlist) return false;
    const auto solved = bench::SolvedCircuit::build(netlist.value(), bench::CircuitKind::output, fixture);
    if (!solved) return false;
    for (std::size_t position = 0; position < all_switch_states.size(); ++position)
        if (!solved.value().check_stable(position)) return false;
    return true;
}

/// On nothing but high impedances, where a servo latches up first.
Fixture light_fixture()
{
    Fixture light;
    light.rin2 = light.rin3 = Ohms{1e6};
    light.probe.reset();
    return light;
}

bool contains(const std::vector<Topology>& names, Topology name) { return std::find(names.begin(), names.end(), name) != names.end(); }

}  // namespace

std::string_view name_of(Family family) noexcept
{
    switch (family) {
    case Family::transformer: return "transformer";
    case Family::transformer_center_tapped: return "transformer-center-tapped";
    case Family::cross_coupled: return "cross-coupled";
    case Family::inverter: return "inverter";
    case Family::impedance_balanced: return "impedance-balanced";
    case Family::unbalanced: return "unbalanced";
    case Family::dual_unbalanced: return "dual-unbalanced";
    case Family::insert: return "insert";
    case Family::ground_sensing: return "ground-sensing";
    case Family::no_signal: return "no-signal";
    case Family::odd: return "odd";
    }
    return "?";
}

bool Truth::admits(Topology name) const { return contains(names, name); }
bool Truth::admits_single_ended() const { return std::any_of(names.begin(), names.end(), topology::is_single_ended); }

Unit draw_unit(std::uint64_t seed, std::uint64_t number, std::optional<Family> family, const Fixture& fixture)
{
    Draw of_family{seed, number, purpose_family};
    const auto& share = share_of(of_family, family);
    // What latches up or oscillates is not sold: the maker would have trimmed it.
    constexpr std::uint64_t attempts = 200;
    Unit unit;
    for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
        Draw draw{seed, number, purpose_parts + attempt};
        unit = share.draw(draw);
        unit.family = share.family;
        if (is_stable(unit, light_fixture()) && is_stable(unit, fixture)) break;
    }
    return unit;
}

Pins draw_pins(Draw& draw)
{
    if (!draw.chance(0.06)) return {};
    return {"p3", "p2", true};
}

void write_leg(NetlistText& n, const std::string& from, const std::string& pin, const Leg& leg)
{
    auto at = n.through_resistor(from, leg.build_out);
    if (leg.coupling > 0.0) {
        at = n.through_capacitor(at, leg.coupling);
        if (leg.bleed > 0.0) n.resistor(at, "0", leg.bleed);
    }
    if (leg.ferrite_henries > 0.0) {
        const auto behind = n.node();
        n.inductor(at, behind, leg.ferrite_henries);
        n.resistor(at, behind, leg.ferrite_ohms);
        at = behind;
    }
    n.resistor(at, pin, 0.0);
    n.capacitor(pin, "0", leg.radio);
}

double draw_sign(Draw& draw) { return draw.chance(0.08) ? -1.0 : 1.0; }

std::string write_closed_loop_output(NetlistText& n, Draw& draw, const std::string& emf)
{
    const auto resistive = n.through_resistor(emf, draw.log_uniform(1e-3, 0.3));
    return n.through_inductor(resistive, draw.log_uniform(20e-9, 5e-6));
}

Iron draw_iron(Draw& draw)
{
    return {draw.log_uniform(5e-5, 5e-3), draw.uniform(1.0, 1.4), draw.uniform(-std::numbers::pi, std::numbers::pi)};
}

double draw_electronic_third(Draw& draw) { return draw.chance(0.1) ? draw.log_uniform(5e-6, 1e-4) : 0.0; }

}  // namespace lowleg::study
