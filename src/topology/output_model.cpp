#include "topology/output_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::topology {
namespace {

/// Of a plug in `grounded`, S.
constexpr double contact = 20.0;

// Without the checks for infinities of std::complex's own product, which nothing here needs and which take most of the time.
Complex times(Complex a, Complex b) noexcept { return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()}; }
Complex inverse(Complex a) noexcept
{
    const double n = 1.0 / (a.real() * a.real() + a.imag() * a.imag());
    return {a.real() * n, -a.imag() * n};
}

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
    out.y22 = y2 + across + Complex{0.0, omega * p[P::ln_shunt2]};
    out.y33 = y3 + across + Complex{0.0, omega * shunt3};
    const Complex late = std::polar(1.0, -omega * p[P::lag] * 1e-6);
    out.y23 = -p[P::sense] * times(y2, late) - across;
    out.y32 = -p[P::follow] * y3 - across;
    out.j2 = y2;
    out.j3 = gain == 0.0 ? Complex{} : times(y3, gain * late);
    return out;
}

OutputAdmittances floating(const PartValues& p, double omega) noexcept
{
    using P = FloatingParts;
    const Complex not_passed = p[P::driving_share] * times(p[P::ln_magnetizing], inverse({p[P::ln_magnetizing], omega}));
    const Complex between = inverse(p[P::ln_rd] * (1.0 - not_passed) + Complex{0.0, omega * p[P::ln_ld] - 1.0 / (omega * p[P::ln_series])});
    const double g3 = p[P::ln_g2] * p[P::ln_g3_over_g2];
    const double c2 = p[P::ln_c2];
    const double c3 = c2 * p[P::ln_c3_over_c2];
    const Complex across{0.0, omega * p[P::ln_across]};
    const Complex back = (1.0 + p[P::skew]) * between;
    OutputAdmittances out;
    out.y22 = between + across + Complex{p[P::ln_g2], omega * c2};
    out.y33 = back + across + Complex{g3, omega * c3};
    const Complex follows = times({0.0, omega}, inverse({p[P::ln_bass], omega}));
    out.y23 = -times(between, follows) - across;
    out.y32 = -times(back, follows) - across;
    out.j2 = (1.0 + p[P::surplus]) * between + Complex{0.0, omega * c2 * p[P::coupled2]};
    out.j3 = -back + Complex{0.0, omega * c3 * p[P::coupled3]};
    return out;
}

OutputAdmittances center_tapped(const PartValues& p, double omega) noexcept
{
    using P = CenterTappedParts;
    const double r3 = p[P::ln_r2] * p[P::ln_r3_over_r2];
    const double shared = p[P::ln_mutual] + p[P::ln_tap];
    const Complex leakage{0.0, omega * p[P::ln_l]};
    const Complex z22 = p[P::ln_r2] + shared + leakage;
    const Complex z33 = r3 + shared + leakage;
    const double z23 = p[P::ln_tap] - p[P::ln_mutual];
    const Complex scale = inverse(times(z22, z33) - z23 * z23);
    OutputAdmittances out{times(z33, scale), -z23 * scale, -z23 * scale, times(z22, scale), {}, {}};
    const double e2 = 0.5;
    const double e3 = -0.5 * (1.0 + p[P::unbalance]);
    out.j2 = out.y22 * e2 + out.y23 * e3;
    out.j3 = out.y32 * e2 + out.y33 * e3;
    const Complex shunt{0.0, omega * p[P::ln_shunt]};
    out.y22 += shunt;
    out.y33 += shunt;
    return out;
}

/// Which parts are linear; all others are logarithms.
constexpr unsigned bit(std::size_t part) { return 1U << part; }
constexpr unsigned linear_parts(OutputModel model)
{
    switch (model) {
    case OutputModel::amplifiers: return bit(AmplifierParts::lag) | bit(AmplifierParts::sense) | bit(AmplifierParts::follow);
    case OutputModel::floating:
        return bit(FloatingParts::coupled2) | bit(FloatingParts::coupled3) | bit(FloatingParts::surplus) | bit(FloatingParts::skew) |
               bit(FloatingParts::driving_share);
    case OutputModel::center_tapped: return bit(CenterTappedParts::unbalance);
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
    case OutputModel::floating: return floating(values, omega);
    case OutputModel::center_tapped: return center_tapped(values, omega);
    }
    return {};
}

FixtureNetwork::FixtureNetwork(const Fixture& fixture, Hertz f, double rin_ratio, double rs_ratio) : load_{1.0 / fixture.rg.value()}
{
    const Complex in2 = fixture.input_admittance_2(f);
    const Complex in3 = fixture.input_admittance_3(f);
    const double half = std::sqrt(rin_ratio);
    y22_ = {in2.real() * half, in2.imag()};
    y33_ = {in3.real() / half, in3.imag()};
    if (!fixture.probe) return;
    // The star of Rs and both probe resistors, as a triangle.
    const double g2 = 1.0 / fixture.probe->rp2.value();
    const double g3 = 1.0 / fixture.probe->rp3.value();
    const double gs = 1.0 / std::max(rs_ratio * fixture.rs.value(), 1e-6);
    const double sum = g2 + g3 + gs;
    y22_ += g2 - g2 * g2 / sum;
    y33_ += g3 - g3 * g3 / sum;
    y23_ = -g2 * g3 / sum;
    probe2_ = g2 * gs / sum;
    probe3_ = g3 * gs / sum;
}

std::array<Complex, 2> FixtureNetwork::read(const OutputAdmittances& o, SwitchState state, bool probe) const noexcept
{
    const Complex j2 = probe ? Complex{} : o.j2;
    const Complex j3 = probe ? Complex{} : o.j3;
    const Complex k2 = probe ? probe2_ : Complex{};
    const Complex k3 = probe ? probe3_ : Complex{};
    Complex a22 = y22_ + o.y22;
    Complex a23 = y23_;
    Complex a32 = y23_;
    Complex a33 = y33_;
    Complex b2 = j2 + k2;
    Complex b3 = k3;
    if (state == SwitchState::lifted) {
        // Pin 3 on nothing, so that no current flows out of it, and its voltage follows from that.
        const Complex by = inverse(o.y33);
        const Complex transfer = times(o.y23, by);
        a22 -= times(transfer, o.y32);
        b2 -= times(transfer, j3);
    } else {
        a23 += o.y23;
        a32 += o.y32;
        a33 += o.y33;
        b3 += j3;
        if (state == SwitchState::loaded) a33 += load_;
        if (state == SwitchState::grounded) a33 += contact;
    }
    const Complex scale = inverse(times(a22, a33) - times(a23, a32));
    return {times(times(a33, b2) - times(a23, b3), scale), times(times(a22, b3) - times(a32, b2), scale)};
}

}  // namespace lowleg::topology
