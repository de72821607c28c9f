#include "topology/output_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::topology {
namespace {

// Without the checks for infinities of std::complex's own product, which nothing here needs and which take most of the time.
Complex times(Complex a, Complex b) noexcept { return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()}; }
Complex inverse(Complex a) noexcept
{
    const double n = 1.0 / (a.real() * a.real() + a.imag() * a.imag());
    return {a.real() * n, -a.imag() * n};
}

/// The same output behind an impedance in each leg.
OutputAdmittances behind(const OutputAdmittances& o, Complex z2, Complex z3) noexcept
{
    // I = J − Y·(V + z·I)
    const Complex m22 = 1.0 + times(o.y22, z2);
    const Complex m23 = times(o.y23, z3);
    const Complex m32 = times(o.y32, z2);
    const Complex m33 = 1.0 + times(o.y33, z3);
    const Complex by = inverse(times(m22, m33) - times(m23, m32));
    const auto pin2 = [&](Complex a, Complex b) { return times(times(m33, a) - times(m23, b), by); };
    const auto pin3 = [&](Complex a, Complex b) { return times(times(m22, b) - times(m32, a), by); };
    return {pin2(o.y22, o.y32), pin2(o.y23, o.y33), pin3(o.y22, o.y32), pin3(o.y23, o.y33), pin2(o.j2, o.j3), pin3(o.j2, o.j3)};
}

/// The same output with a resistance in its ground, Ω.
OutputAdmittances above(const OutputAdmittances& o, double ohms) noexcept
{
    // I = J − Y·(V + r·(I2 + I3)): of all currents their sum is fed back through what Y makes of equal voltages.
    const Complex sum2 = o.y22 + o.y23;
    const Complex sum3 = o.y32 + o.y33;
    const Complex share = ohms * inverse(1.0 + ohms * (sum2 + sum3));
    const auto less = [&](Complex a, Complex b) { return std::array{a - times(times(sum2, share), a + b), b - times(times(sum3, share), a + b)}; };
    const auto y2 = less(o.y22, o.y32);
    const auto y3 = less(o.y23, o.y33);
    const auto j = less(o.j2, o.j3);
    return {y2[0], y3[0], y2[1], y3[1], j[0], j[1]};
}

/// Of one low pass more, ωτ; below 0 it is the reference that has it.
Complex pole(double omega_tau) noexcept { return omega_tau >= 0.0 ? inverse({1.0, omega_tau}) : Complex{1.0, -omega_tau}; }

OutputAdmittances amplifiers(const ModelShape& shape, const PartValues& p, double omega) noexcept
{
    using P = AmplifierParts;
    const double r3 = p[P::ln_r3] * (shape.r3_is_ratio ? p[P::ln_r2] : 1.0);
    const double c3 = p[P::ln_c2] * p[P::ln_c3_over_c2];
    const double shunt3 = p[P::ln_shunt2] * p[P::ln_shunt3_over_shunt2];
    const Complex y2 = inverse({p[P::ln_r2], -1.0 / (omega * p[P::ln_c2])});
    const Complex y3 = inverse({r3, -1.0 / (omega * c3)});
    const double gain = shape.sign * p[P::ln_gain];
    OutputAdmittances out;
    const Complex across{p[P::ln_pad], omega * p[P::ln_across]};
    out.y22 = y2 + across + Complex{p[P::ln_bleed], omega * p[P::ln_shunt2]};
    out.y33 = y3 + across + Complex{shape.r3_is_ratio ? p[P::ln_bleed] : 0.0, omega * shunt3};
    const Complex late = pole(omega * p[P::lag] * 1e-6);
    const Complex follows = times({0.0, omega}, inverse({p[P::ln_bass], omega}));
    out.y23 = -p[P::sense] * times(times(y2, late), follows) - across;
    out.y32 = -p[P::follow] * times(y3, follows) - across;
    out.j2 = y2;
    out.j3 = gain == 0.0 ? Complex{} : times(y3, gain * late);
    if (shape.is_mirrored) out = {out.y33, out.y32, out.y23, out.y22, out.j3, out.j2};
    return above(out, p[P::ln_shared]);
}

/// The current of an admittance between points whose voltages are `weight`·(V2, V3, Vtap, U), and what it adds to the matrix.
struct Node { enum : std::size_t { pin2, pin3, tap, driven, count }; };
using Weight = std::array<double, Node::count>;
class Network {
public:
    void add(Complex y, const Weight& w) noexcept
    {
        for (std::size_t i = 0; i < Node::count; ++i)
            for (std::size_t k = i; k < Node::count; ++k) y_[i][k] += w.at(i) * w.at(k) * y;
    }
    /// A node that nothing leads out of is expressed by the others.
    void eliminate(std::size_t node) noexcept
    {
        const Complex by = inverse(at(node, node));
        for (std::size_t i = 0; i < Node::count; ++i)
            for (std::size_t k = i; k < Node::count; ++k)
                if (i != node && k != node) y_[i][k] -= times(times(at(i, node), at(node, k)), by);
    }
    /// With E behind `z` at the driven winding.
    [[nodiscard]] OutputAdmittances driven_through(Complex z) const noexcept
    {
        const Complex share = inverse(1.0 + times(z, at(Node::driven, Node::driven)));
        const Complex by = times(z, share);
        const Complex b2 = at(Node::pin2, Node::driven);
        const Complex b3 = at(Node::pin3, Node::driven);
        OutputAdmittances out;
        out.y22 = at(Node::pin2, Node::pin2) - times(times(b2, b2), by);
        out.y33 = at(Node::pin3, Node::pin3) - times(times(b3, b3), by);
        out.y23 = out.y32 = at(Node::pin2, Node::pin3) - times(times(b2, b3), by);
        out.j2 = -times(b2, share);
        out.j3 = -times(b3, share);
        return out;
    }

private:
    [[nodiscard]] Complex at(std::size_t i, std::size_t k) const noexcept { return i <= k ? y_[i][k] : y_[k][i]; }
    std::array<std::array<Complex, Node::count>, Node::count> y_{};
};

OutputAdmittances servo(const ModelShape& shape, const PartValues& p, double omega) noexcept
{
    using P = ServoParts;
    const Complex between = inverse({p[P::ln_rd], omega * p[P::ln_ld]});
    const double g2 = p[P::ln_g2];
    const double g3 = g2 * p[P::ln_g3_over_g2];
    const double c2 = p[P::ln_c2];
    const double c3 = c2 * p[P::ln_c3_over_c2];
    const Complex across{0.0, omega * p[P::ln_across]};
    const Complex back = (1.0 + p[P::skew]) * between;
    const Complex fades2{p[P::ln_bass], omega};
    const Complex fades3{p[P::ln_bass] * p[P::ln_bass3_over_bass2], omega};
    // What pin 2's amplifier, and pin 3's, makes of the difference of the legs; and of the other leg.
    Complex own2 = between, own3 = back;
    Complex other2, other3;
    if (shape.follows_middle) {
        const Complex both = 2.0 * inverse(fades2 + fades3);
        own2 = other2 = times(between, times(fades2, both));
        own3 = other3 = times(back, times(fades3, both));
    } else {
        other2 = times(between, times({0.0, omega}, inverse(fades2)));
        other3 = times(back, times({0.0, omega}, inverse(fades3)));
    }
    OutputAdmittances out;
    out.y22 = own2 + across + Complex{g2, omega * c2};
    out.y33 = own3 + across + Complex{g3, omega * c3};
    out.y23 = -other2 - across;
    out.y32 = -other3 - across;
    out.j2 = (1.0 + p[P::surplus]) * between + Complex{0.0, omega * c2 * p[P::coupled2]};
    out.j3 = times(-back, pole(omega * p[P::lag] * 1e-6)) + Complex{0.0, omega * c3 * p[P::coupled3]};
    const double series = p[P::ln_series];
    const double outer = p[P::ln_outer];
    return behind(out, {outer, -1.0 / (omega * series)}, {outer, -1.0 / (omega * series * p[P::ln_series3_over_series2])});
}

OutputAdmittances winding(const PartValues& p, double omega) noexcept
{
    using P = WindingParts;
    const double driving = p[P::ln_rd] * p[P::driving_share];
    const double c2 = p[P::ln_c2];
    const double c3 = c2 * p[P::ln_c3_over_c2];
    Network n;
    n.add(inverse({p[P::ln_rd] - driving, omega * p[P::ln_ld]}), {1.0, -1.0, 0.0, -1.0});
    n.add({0.0, -p[P::ln_magnetizing] / (driving * omega)}, {0.0, 0.0, 0.0, 1.0});
    n.add({p[P::ln_g2], 0.0}, {1.0, 0.0, 0.0, 0.0});
    n.add({p[P::ln_g2] * p[P::ln_g3_over_g2], 0.0}, {0.0, 1.0, 0.0, 0.0});
    n.add({0.0, omega * c2}, {1.0, 0.0, 0.0, -p[P::coupled2]});
    n.add({0.0, omega * c3}, {0.0, 1.0, 0.0, -p[P::coupled3]});
    // Capacitance C spread evenly along a winding is C/2 at each end, and −C/6 between them: the integral of the square of a voltage that
    // falls evenly from V2 to V3 is (V2² + V2·V3 + V3²)/3.
    n.add({0.0, -omega * p[P::distributed] * (c2 + c3) / 6.0}, {1.0, -1.0, 0.0, 0.0});
    n.add(inverse({p[P::ln_zobel], -1.0 / (omega * p[P::ln_across])}), {1.0, -1.0, 0.0, 0.0});
    return behind(n.driven_through({driving, -1.0 / (omega * p[P::ln_blocking])}), p[P::ln_outer], p[P::ln_outer]);
}

OutputAdmittances center_tapped(const PartValues& p, double omega) noexcept
{
    using P = CenterTappedParts;
    const double driving = 4.0 * p[P::ln_mutual];
    const double c2 = p[P::ln_c2];
    const double c3 = c2 * p[P::ln_c3_over_c2];
    Network n;
    n.add(inverse({p[P::ln_r2], omega * p[P::ln_l]}), {1.0, 0.0, -1.0, -0.5});
    n.add(inverse({p[P::ln_r2] * p[P::ln_r3_over_r2], omega * p[P::ln_l]}), {0.0, 1.0, -1.0, 0.5 * (1.0 + p[P::unbalance])});
    n.add(inverse({p[P::ln_tap], -1.0 / (omega * p[P::ln_tap_series])}), {0.0, 0.0, 1.0, 0.0});
    n.add({0.0, -p[P::ln_magnetizing] / (driving * omega)}, {0.0, 0.0, 0.0, 1.0});
    n.add({0.0, omega * c2}, {1.0, 0.0, 0.0, -p[P::coupled2]});
    n.add({0.0, omega * c3}, {0.0, 1.0, 0.0, -p[P::coupled3]});
    n.add(inverse({p[P::ln_zobel], -1.0 / (omega * p[P::ln_across])}), {1.0, -1.0, 0.0, 0.0});
    n.eliminate(Node::tap);
    return n.driven_through({driving, -1.0 / (omega * p[P::ln_blocking])});
}

/// Which parts are linear; all others are logarithms.
constexpr unsigned bit(std::size_t part) { return 1U << part; }
constexpr unsigned linear_parts(OutputModel model)
{
    switch (model) {
    case OutputModel::amplifiers: return bit(AmplifierParts::lag) | bit(AmplifierParts::sense) | bit(AmplifierParts::follow);
    case OutputModel::servo:
        return bit(ServoParts::coupled2) | bit(ServoParts::coupled3) | bit(ServoParts::surplus) | bit(ServoParts::skew) |
               bit(ServoParts::lag);
    case OutputModel::winding:
        return bit(WindingParts::driving_share) | bit(WindingParts::coupled2) | bit(WindingParts::coupled3) | bit(WindingParts::distributed);
    case OutputModel::center_tapped:
        return bit(CenterTappedParts::unbalance) | bit(CenterTappedParts::coupled2) | bit(CenterTappedParts::coupled3);
    }
    return 0;
}

}  // namespace

PartValues values_of(const ModelShape& shape, std::span<const double> parts) noexcept
{
    const unsigned linear = linear_parts(shape.model);
    PartValues out{};
    for (std::size_t i = 0; i < most_parts; ++i) out.at(i) = (linear & bit(i)) != 0 ? parts[i] : std::exp(parts[i]);
    return out;
}

OutputAdmittances admittances_of(const ModelShape& shape, const PartValues& values, Hertz f) noexcept
{
    const double omega = 2.0 * std::numbers::pi * f.value();
    switch (shape.model) {
    case OutputModel::amplifiers: return amplifiers(shape, values, omega);
    case OutputModel::servo: return servo(shape, values, omega);
    case OutputModel::winding: return winding(values, omega);
    case OutputModel::center_tapped: return center_tapped(values, omega);
    }
    return {};
}

FixtureNetwork::FixtureNetwork(const Fixture& fixture, Hertz f, const FixtureErrors& errors) : load{1.0 / (errors.rg * fixture.rg.value())}
{
    const Complex in2 = fixture.input_admittance_2(f);
    const Complex in3 = fixture.input_admittance_3(f);
    const double half = std::sqrt(errors.rin3_over_rin2);
    y22 = {in2.real() * half / errors.rin, in2.imag() * errors.cin};
    y33 = {in3.real() / (half * errors.rin), in3.imag() * errors.cin};
    if (!fixture.probe) return;
    // The star of Rs and both probe resistors, as a triangle.
    const double g2 = 1.0 / fixture.probe->rp2.value();
    const double g3 = 1.0 / fixture.probe->rp3.value();
    const double gs = 1.0 / std::max(errors.rs * fixture.rs.value(), 1e-6);
    const double sum = g2 + g3 + gs;
    y22 += g2 - g2 * g2 / sum;
    y33 += g3 - g3 * g3 / sum;
    y23 = -g2 * g3 / sum;
    probe2 = g2 * gs / sum;
    probe3 = g3 * gs / sum;
}

}  // namespace lowleg::topology
