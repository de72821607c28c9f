#include "topology/connection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace lowleg::topology {
namespace {

constexpr std::size_t most_nodes = 6;
constexpr std::size_t excitations = 3;  // drive, ground, field

/// Node equations Y·V = I, each row with its right-hand sides behind it.
class Network {
public:
    explicit Network(std::size_t nodes) : nodes_{nodes} {}

    void add(std::size_t row, std::size_t column, Complex siemens) { a_[row][column] += siemens; }
    void add_to_ground(std::size_t node, Complex siemens) { add(node, node, siemens); }
    void add_between(std::size_t p, std::size_t q, Complex siemens)
    {
        add(p, p, siemens);
        add(q, q, siemens);
        add(p, q, -siemens);
        add(q, p, -siemens);
    }
    void feed(std::size_t node, std::size_t excitation, Complex ampere) { a_[node][most_nodes + excitation] += ampere; }

    /// Gauss with partial pivoting. \return volts[node][excitation]; none where the matrix is singular.
    [[nodiscard]] std::optional<std::array<std::array<Complex, excitations>, most_nodes>> solve()
    {
        for (std::size_t k = 0; k < nodes_; ++k) {
            std::size_t pivot = k;
            for (std::size_t r = k + 1; r < nodes_; ++r)
                if (std::abs(a_[r][k]) > std::abs(a_[pivot][k])) pivot = r;
            if (!(std::abs(a_[pivot][k]) > 1e-18)) return std::nullopt;
            std::swap(a_[k], a_[pivot]);
            for (std::size_t r = 0; r < nodes_; ++r) {
                if (r == k || a_[r][k] == 0.0) continue;
                const Complex factor = a_[r][k] / a_[k][k];
                for (std::size_t c = k; c < most_nodes + excitations; ++c) a_[r][c] -= factor * a_[k][c];
            }
        }
        std::array<std::array<Complex, excitations>, most_nodes> out{};
        for (std::size_t k = 0; k < nodes_; ++k)
            for (std::size_t e = 0; e < excitations; ++e) out[k][e] = a_[k][most_nodes + e] / a_[k][k];
        return out;
    }

private:
    std::size_t nodes_;
    std::array<std::array<Complex, most_nodes + excitations>, most_nodes> a_{};
};

/// What is at pins 2 and 3 as impedances: V = E − Z·I.
OutputAdmittances of_impedances(double z22, double z23, double z33, double e2, double e3)
{
    const double det = z22 * z33 - z23 * z23;
    const double y22 = z33 / det, y23 = -z23 / det, y33 = z22 / det;
    return {y22, y23, y23, y33, y22 * e2 + y23 * e3, y23 * e2 + y33 * e3};
}

constexpr double typical_frequency = 1000.0;

OutputAdmittances typical_servo()
{
    // Build-outs of 50 Ω; each amplifier follows the other leg by 63/64 (DRV134: 50 Ω between the legs, 1.6 kΩ to ground).
    constexpr double g = 1.0 / 50.0, c = 63.0 / 64.0;
    return {g, -c * g, -c * g, g, 0.5 * (1.0 + c) * g, -0.5 * (1.0 + c) * g};
}

OutputAdmittances typical_transformer()
{
    // 100 Ω of copper, 355 pF from each end to the shield.
    constexpr double g = 1.0 / 100.0;
    const Complex to_shield{0.0, 2.0 * std::numbers::pi * typical_frequency * 355e-12};
    return {g + to_shield, -g, -g, g + to_shield, g, -g};
}

OutputAdmittances typical_ground_sensing()
{
    constexpr double g = 1.0 / 75.0;
    return {g, -g, 0.0, 1e-4, g, 0.0};
}

}  // namespace

InputAdmittances plain_input(Ohms each_leg, Farads beside, Hertz f) noexcept
{
    const Complex y{1.0 / each_leg.value(), 2.0 * std::numbers::pi * f.value() * beside.value()};
    return {y, 0.0, 0.0, y};
}

std::optional<ConnectionAnswer> solve_connection(const OutputAdmittances& o, const Cable& cable, const InputAdmittances& in, Hertz f)
{
    enum : std::size_t { drive, ground, field };
    const bool has_cable = cable.metres > 0.0;
    Network network{has_cable ? 6U : 2U};
    // Pins of the output first, those of the input last.
    const std::size_t near = 0, middle = has_cable ? 2 : 0, far = has_cable ? 4 : 0;
    network.add(near, near, o.y22);
    network.add(near, near + 1, o.y23);
    network.add(near + 1, near, o.y32);
    network.add(near + 1, near + 1, o.y33);
    network.feed(near, drive, o.j2);
    network.feed(near + 1, drive, o.j3);
    // Its ground lifted by a volt, the output drives what it would take from pins at a volt.
    network.feed(near, ground, o.y22 + o.y23);
    network.feed(near + 1, ground, o.y33 + o.y32);
    network.add(far, far, in.y22);
    network.add(far, far + 1, in.y23);
    network.add(far + 1, far, in.y32);
    network.add(far + 1, far + 1, in.y33);
    if (has_cable) {
        const double half_wire = 2.0 / (cable.metres * cable.wire_per_metre.value());
        const double omega = 2.0 * std::numbers::pi * f.value();
        for (const std::size_t leg : {0U, 1U}) {
            network.add_between(near + leg, middle + leg, half_wire);
            network.add_between(middle + leg, far + leg, half_wire);
            const double more = leg == 0 ? 1.0 : 1.0 + cable.mismatch;
            const Complex to_shield{0.0, omega * cable.metres * cable.shield_per_metre.value() * more};
            network.add_to_ground(middle + leg, to_shield);
            network.feed(middle + leg, ground, 0.5 * to_shield);
        }
        network.add_between(middle, middle + 1, Complex{0.0, omega * cable.metres * cable.pair_per_metre.value()});
    }
    for (const std::size_t leg : {0U, 1U}) network.feed(middle + leg, field, 1.0);
    const auto v = network.solve();
    if (!v) return std::nullopt;
    const auto arrival = [&](std::size_t excitation) { return Arrival{(*v)[far][excitation], (*v)[far + 1][excitation]}; };
    return ConnectionAnswer{arrival(drive), arrival(ground), arrival(field)};
}

std::span<const TypicalOutput> typical_outputs()
{
    static const std::array outputs{
        TypicalOutput{Topology::transformer, {}, typical_transformer()},
        TypicalOutput{Topology::transformer_center_tapped, {}, of_impedances(37.5, -12.5, 37.5, 0.5, -0.5)},
        TypicalOutput{Topology::cross_coupled, {}, typical_servo()},
        TypicalOutput{Topology::inverter, {}, of_impedances(47.0, 0.0, 47.0, 0.5, -0.5)},
        TypicalOutput{Topology::impedance_balanced, {}, of_impedances(100.0, 0.0, 100.0, 1.0, 0.0)},
        TypicalOutput{Topology::unbalanced, Variant::pin3_grounded, of_impedances(100.0, 0.0, 0.02, 1.0, 0.0)},
        TypicalOutput{Topology::unbalanced, Variant::pin3_not_connected, {1.0 / 100.0, 0.0, 0.0, 0.0, 1.0 / 100.0, 0.0}},
        TypicalOutput{Topology::dual_unbalanced, {}, of_impedances(50.0, 0.0, 50.0, 1.0, 1.0)},
        TypicalOutput{Topology::insert, {}, of_impedances(100.0, 0.0, 10e3, 1.0, 0.0)},
        TypicalOutput{Topology::ground_sensing, {}, typical_ground_sensing()},
    };
    return outputs;
}

}  // namespace lowleg::topology
