#include "topology/two_port.h"

#include "dsp/linear_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace lowleg::topology {
namespace {

// Priors: far beyond any output. E is relative to the drive, Z in Ω.
constexpr double widest_emf = 1e3;
constexpr double widest_impedance = 1e9;
constexpr double held_at_zero = 1e-9;

/// Interpolation of the probe to the drive's frequencies, and what else is not noise: relative to the level.
constexpr double model_error = 3e-4;

/// The same where all that counts was interpolated alike, so that the error cancels but for a tenth.
constexpr double common_model_error = 0.1 * model_error;

/// Voltages at the pins and the currents out of them, one signal in one state.
struct Flow {
    Complex v2, v3;  ///< v3 is pin 3's own voltage where the state shows it.
    Complex i2, i3;
    double sigma2, sigma3;  ///< Of the voltages.
    bool probe;
};

class FixtureAt {
public:
    FixtureAt(const FrequencyObservation& at, const Fixture& fixture) : at_{at}, fixture_{fixture}
    {
        y2_ = fixture.input_admittance_2(at.frequency);
        y3_ = fixture.input_admittance_3(at.frequency);
        if (fixture.probe) {
            gp2_ = 1.0 / fixture.probe->rp2.value();
            gp3_ = 1.0 / fixture.probe->rp3.value();
        }
        // In `lifted`, input 2 hangs on its probe resistor alone, and shows what the probe node carries.
        if (const auto lifted = at.probe.find(SwitchState::lifted); lifted != at.probe.end() && fixture.probe) {
            const auto& r = lifted->second;
            const Complex vz = r.i3.value * (1.0 + y3_ / gp3_);
            probe_level_ = vz + fixture.rs.value() * ((vz - r.i2.value) * gp2_ + (vz - r.i3.value) * gp3_);
        }
    }

    /// Flow in a state other than `grounded`, where i3 is not known.
    [[nodiscard]] Flow flow(SwitchState state, bool probe) const
    {
        const auto& r = (probe ? at_.probe : at_.drive).at(state);
        const Complex vz = probe_node(r, probe);
        Flow f{r.i2.value, r.i3.value, r.i2.value * y2_ + (r.i2.value - vz) * gp2_, {}, r.i2.sigma, r.i3.sigma, probe};
        if (state != SwitchState::lifted) f.i3 = r.i3.value * y3_ + (r.i3.value - vz) * gp3_;
        if (state == SwitchState::loaded) f.i3 += r.i3.value / fixture_.rg.value();
        return f;
    }

    [[nodiscard]] double load_admittance_2() const { return std::abs(y2_) + gp2_; }
    [[nodiscard]] double load_admittance_3(SwitchState state) const
    {
        return std::abs(y3_) + gp3_ + (state == SwitchState::loaded ? 1.0 / fixture_.rg.value() : 0.0);
    }

private:
    [[nodiscard]] Complex probe_node(const InputReading& r, bool probe) const
    {
        if (!fixture_.probe) return {};
        const Complex source = probe ? probe_level_ : Complex{};
        if (fixture_.rs.value() == 0.0) return source;
        const double gs = 1.0 / fixture_.rs.value();
        return (source * gs + r.i2.value * gp2_ + r.i3.value * gp3_) / (gs + gp2_ + gp3_);
    }

    const FrequencyObservation& at_;
    const Fixture& fixture_;
    Complex y2_, y3_;
    double gp2_{}, gp3_{};
    Complex probe_level_{};
};

/// The probe's equations need its level, which `lifted` alone tells.
std::vector<bool> signals_of(const FrequencyObservation& at)
{
    return at.probe.contains(SwitchState::lifted) ? std::vector{false, true} : std::vector{false};
}

/// Uncertainty of a voltage: noise, and what is not noise.
double spread(double sigma, Complex v, bool probe, double tolerance = 0.0)
{
    return std::hypot(sigma, (probe ? model_error : common_model_error) * std::abs(v), tolerance * std::abs(v)) + 1e-12;
}

struct RowFit {
    Entry e, z_own, z_transfer;  // row 2: e2, z22, z23; row 3: e3, z33, z32
    double chi_square{};
};

bool well_known(Complex z, double sigma) { return sigma < std::max(0.15 * std::abs(z), 5.0); }

/// Equation: v + Z_own·i_own + Z_transfer·i_transfer − E = 0. Unknowns in the order E, Z_own, Z_transfer.
dsp::LinearEquation equation(bool probe, Complex v, Complex i_own, Complex i_transfer, double sigma)
{
    return {{probe ? 0.0 : 1.0, -i_own, -i_transfer}, v, sigma};
}

/// Solves a row; what the states do not determine is assumed: first that the other pin has no influence, then nothing more.
RowFit solve_row(const std::function<std::vector<dsp::LinearEquation>(Complex z_own, Complex z_transfer)>& equations)
{
    const auto fit = [&](double transfer_prior) {
        const std::array prior{widest_emf, widest_impedance, transfer_prior};
        // The noise of a current counts by the impedance that it flows in, which the first pass finds.
        auto f = dsp::fit_linear(equations({}, {}), prior);
        const auto usable = [&](std::size_t i) { return well_known(f.x[i], f.sigma[i]) ? f.x[i] : Complex{}; };
        return dsp::fit_linear(equations(usable(1), usable(2)), prior);
    };
    auto f = fit(widest_impedance);
    const bool transfer_known = well_known(f.x[2], f.sigma[2]);
    if (!transfer_known) f = fit(held_at_zero);

    RowFit row;
    row.chi_square = f.chi_square;
    // The assumption itself may be what is wrong (a floating winding without the probe): then nothing of the row is known.
    const auto count = static_cast<double>(equations({}, {}).size());
    constexpr double blatant = 20.0;
    if (!transfer_known && f.chi_square > blatant * 2.0 * count) return row;
    // Nor where the fit takes refuge in an output that cancels its load (E = 0, Z = −1/Y), which levels that fall in `lifted` suggest.
    if (!transfer_known && f.x[1].real() < -3.0 * f.sigma[1] - 1.0) return row;
    const bool own_known = well_known(f.x[1], f.sigma[1]);
    // What rests on an assumed transfer is no measurement, however small its noise.
    const auto own_status = !own_known ? EntryStatus::unknown : transfer_known ? EntryStatus::measured : EntryStatus::assumed;
    const auto emf_status = f.sigma[0] < std::max(0.05 * std::abs(f.x[0]), 1e-3) ? EntryStatus::measured
                            : own_known                                           ? EntryStatus::unknown
                                                                                  : EntryStatus::assumed;
    row.e = {f.x[0], f.sigma[0], emf_status};
    row.z_own = {f.x[1], f.sigma[1], own_status};
    row.z_transfer = {transfer_known ? f.x[2] : Complex{}, transfer_known ? f.sigma[2] : 0.0,
                      transfer_known ? EntryStatus::measured : EntryStatus::assumed};
    return row;
}

struct Solved {
    TwoPort two_port;
    double chi_square{};
};

/// Above this impedance to ground, in units of the fixture's own load, an output counts as floating: what flows to ground is then
/// small against what flows between the legs, and impedances, being differences of large currents, say nothing.
constexpr double floating_ratio = 2.0;

bool floats(const FrequencyObservation& at, const Fixture& fixture)
{
    const auto y = common_mode_admittance(at, fixture, 0.0);
    if (!y) return false;
    const double load = FixtureAt{at, fixture}.load_admittance_2();
    return std::abs(y->siemens) < 2.0 * load / floating_ratio;
}

/// A floating output, as admittances: I2 = J2 − Y22·V2 − Y23·V3, and for what goes to ground I2 + I3 = J − a2·V2 − a3·V3, from which the
/// current between the legs has dropped out. Z = Y⁻¹ then needs no difference of large numbers.
Solved solve_floating(const FrequencyObservation& at, const Fixture& fixture, double tolerance)
{
    const FixtureAt here{at, fixture};
    const auto has = [&](SwitchState s) { return at.drive.contains(s); };
    const std::array prior{widest_emf, 1e3, 1e3};  // A per full scale, S, S

    const auto between_legs = [&](double y_between) {
        std::vector<dsp::LinearEquation> rows;
        for (const auto state : {SwitchState::through, SwitchState::loaded, SwitchState::grounded}) {
            if (!has(state)) continue;
            for (const bool probe : signals_of(at)) {
                auto f = here.flow(state, probe);
                if (state == SwitchState::grounded) { f.v3 = 0.0; f.sigma3 = 0.0; }
                const double sigma = std::hypot(spread(f.sigma2, f.v2, false, tolerance) * here.load_admittance_2(),
                                                y_between * std::hypot(f.sigma2, f.sigma3, tolerance * std::abs(f.v3))) + 1e-15;
                rows.push_back({{probe ? 0.0 : 1.0, -f.v2, -f.v3}, f.i2, sigma});
            }
        }
        return dsp::fit_linear(rows, prior);
    };
    const auto rough = between_legs(0.0);
    const auto legs = between_legs(std::abs(rough.x[1]));

    std::vector<dsp::LinearEquation> to_ground;
    for (const auto state : {SwitchState::through, SwitchState::loaded}) {
        if (!has(state)) continue;
        for (const bool probe : signals_of(at)) {
            const auto f = here.flow(state, probe);
            const double sigma = std::hypot(spread(f.sigma2, f.v2, false) * here.load_admittance_2(),
                                            spread(f.sigma3, f.v3, false, tolerance) * here.load_admittance_3(state)) + 1e-15;
            to_ground.push_back({{probe ? 0.0 : 1.0, -f.v2, -f.v3}, f.i2 + f.i3, sigma});
        }
    }
    const auto ground = dsp::fit_linear(to_ground, prior);

    using Entries = std::array<Complex, 6>;  // e2, e3, z22, z23, z32, z33
    const auto entries = [](const std::array<Complex, 6>& p) -> Entries {
        const auto& [j2, y22, y23, j, a2, a3] = p;
        const Complex det = y22 * a3 - y23 * a2;
        return {(a3 * j2 - y23 * j) / det, (y22 * j - a2 * j2) / det, (a3 - y23) / det, -y23 / det, (y22 - a2) / det, y22 / det};
    };
    const std::array<Complex, 6> p{legs.x[0], legs.x[1], legs.x[2], ground.x[0], ground.x[1], ground.x[2]};
    const std::array<double, 6> sigma{legs.sigma[0], legs.sigma[1], legs.sigma[2], ground.sigma[0], ground.sigma[1], ground.sigma[2]};
    const auto value = entries(p);
    std::array<double, 6> variance{};
    for (std::size_t i = 0; i < p.size(); ++i) {
        auto moved = p;
        moved.at(i) += sigma.at(i);
        const auto e = entries(moved);
        for (std::size_t k = 0; k < e.size(); ++k) variance.at(k) += std::norm(e.at(k) - value.at(k));
    }
    const auto entry = [&](std::size_t k, bool is_impedance) {
        const double s = std::sqrt(variance.at(k));
        const bool known = std::isfinite(s) && (is_impedance ? well_known(value.at(k), s) : s < std::max(0.1 * std::abs(value.at(k)), 1e-3));
        return Entry{value.at(k), s, known ? EntryStatus::measured : EntryStatus::unknown};
    };
    Solved solved;
    solved.two_port = {at.frequency, entry(0, false), entry(1, false), entry(2, true), entry(3, true), entry(4, true), entry(5, true)};
    solved.chi_square = legs.chi_square + ground.chi_square;
    return solved;
}

Solved solve_at(const FrequencyObservation& at, const Fixture& fixture, double tolerance)
{
    if (floats(at, fixture)) return solve_floating(at, fixture, tolerance);
    const FixtureAt here{at, fixture};
    const auto has = [&](SwitchState s) { return at.drive.contains(s); };

    const auto row2_equations = [&](Complex z22, Complex z23) {
        std::vector<dsp::LinearEquation> rows;
        for (const auto state : {SwitchState::through, SwitchState::loaded, SwitchState::lifted}) {
            if (!has(state)) continue;
            for (const bool probe : signals_of(at)) {
                const auto f = here.flow(state, probe);
                const double sigma3 = state == SwitchState::lifted ? 0.0 : spread(f.sigma3, f.v3, probe);
                const double sigma = std::hypot(spread(f.sigma2, f.v2, probe) * (1.0 + std::abs(z22) * here.load_admittance_2()),
                                                sigma3 * std::abs(z23) * here.load_admittance_3(state));
                rows.push_back(equation(probe, f.v2, f.i2, f.i3, sigma));
            }
        }
        return rows;
    };
    const auto row2 = solve_row(row2_equations);

    const auto row3_equations = [&](Complex z33, Complex z32) {
        std::vector<dsp::LinearEquation> rows;
        for (const auto state : {SwitchState::through, SwitchState::loaded}) {
            if (!has(state)) continue;
            for (const bool probe : signals_of(at)) {
                const auto f = here.flow(state, probe);
                const double sigma = std::hypot(spread(f.sigma3, f.v3, probe, tolerance) * (1.0 + std::abs(z33) * here.load_admittance_3(state)),
                                                spread(f.sigma2, f.v2, probe) * std::abs(z32) * here.load_admittance_2());
                rows.push_back(equation(probe, f.v3, f.i3, f.i2, sigma));
            }
        }
        const auto& z23 = row2.z_transfer;
        if (has(SwitchState::grounded) && z23.status == EntryStatus::measured && row2.e.status == EntryStatus::measured &&
            row2.z_own.status == EntryStatus::measured && std::abs(z23.value) > std::max(10.0 * z23.sigma, 5.0)) {
            for (const bool probe : signals_of(at)) {
                // Pin 3 is at 0 V here, and row 2, already solved, tells what flows out of it.
                const auto f = here.flow(SwitchState::grounded, probe);
                const Complex emf = probe ? Complex{} : row2.e.value;
                const Complex i3 = (emf - row2.z_own.value * f.i2 - f.v2) / z23.value;
                const double sigma_i3 = std::hypot(spread(f.sigma2, f.v2, probe), std::abs(i3) * z23.sigma) / std::abs(z23.value);
                rows.push_back(equation(probe, {}, i3, f.i2, sigma_i3 * std::max(std::abs(z33), 1.0) + 1e-12));
            }
        }
        return rows;
    };
    const auto row3 = solve_row(row3_equations);

    Solved s;
    s.two_port = {at.frequency, row2.e, row3.e, row2.z_own, row2.z_transfer, row3.z_transfer, row3.z_own};
    s.chi_square = row2.chi_square + row3.chi_square;
    return s;
}

}  // namespace

const char* name_of(EntryStatus status) noexcept
{
    switch (status) {
    case EntryStatus::measured: return "measured";
    case EntryStatus::assumed: return "assumed";
    case EntryStatus::unknown: return "unknown";
    }
    return "unknown";
}

std::vector<TwoPort> solve_two_ports(const Observations& observations)
{
    std::vector<TwoPort> out;
    if (!observations.phases_agree) return out;
    for (const auto& at : observations.at)
        out.push_back(solve_at(at, observations.fixture, observations.relative_tolerance).two_port);
    return out;
}

double two_port_misfit(const Observations& observations)
{
    double sum = 0.0;
    for (const auto& at : observations.at) sum += solve_at(at, observations.fixture, observations.relative_tolerance).chi_square;
    return sum;
}

std::optional<PinAdmittance> pin3_admittance(const FrequencyObservation& at, const Fixture& fixture)
{
    if (!fixture.probe || !at.probe.contains(SwitchState::through) || !at.probe.contains(SwitchState::lifted)) return std::nullopt;
    const auto f = FixtureAt{at, fixture}.flow(SwitchState::through, true);
    const double level = std::abs(f.v3);
    if (level < 3.0 * f.sigma3) return PinAdmittance{std::abs(f.i3) / std::max(3.0 * f.sigma3, 1e-15), 0.0, true};
    const double load = FixtureAt{at, fixture}.load_admittance_3(SwitchState::through);
    return PinAdmittance{-f.i3 / f.v3, (f.sigma3 / level + common_model_error) * load + model_error * std::abs(f.i3) / level, false};
}

std::optional<PinAdmittance> common_mode_admittance(const FrequencyObservation& at, const Fixture& fixture, double tolerance)
{
    if (!fixture.probe || !at.probe.contains(SwitchState::through) || !at.probe.contains(SwitchState::lifted)) return std::nullopt;
    const FixtureAt here{at, fixture};
    const auto f = here.flow(SwitchState::through, true);
    const Complex both = 0.5 * (f.v2 + f.v3);
    const double sigma = 0.5 * std::hypot(f.sigma2, f.sigma3);
    const double level = std::abs(both);
    if (level < 3.0 * sigma) return std::nullopt;
    const double load = here.load_admittance_2() + here.load_admittance_3(SwitchState::through);
    const Complex y = -(f.i2 + f.i3) / both;
    return PinAdmittance{y, std::hypot((sigma / level + common_model_error) * load, tolerance * load, model_error * std::abs(y)), false};
}

Complex pin3_current(const FrequencyObservation& at, const Fixture& fixture)
{
    return FixtureAt{at, fixture}.flow(SwitchState::through, false).i3;
}

LegImpedances leg_impedances(const std::vector<TwoPort>& two_ports)
{
    LegImpedances legs;
    const auto nearest = std::min_element(two_ports.begin(), two_ports.end(), [](const TwoPort& a, const TwoPort& b) {
        const auto distance = [](const TwoPort& t) { return std::abs(std::log(t.frequency.value() / 1000.0)); };
        return distance(a) < distance(b);
    });
    if (nearest == two_ports.end()) return legs;
    const auto& t = *nearest;
    legs.frequency = t.frequency;
    if (t.z22.status == EntryStatus::unknown || t.z33.status == EntryStatus::unknown) return legs;
    legs.pin2 = t.z22.value + t.z23.value;
    legs.pin3 = t.z33.value + t.z32.value;
    legs.imbalance = legs.pin2 - legs.pin3;
    const bool all_measured = t.z23.status == EntryStatus::measured && t.z32.status == EntryStatus::measured;
    legs.status = all_measured ? EntryStatus::measured : EntryStatus::assumed;
    // 0.1 % resistors: the scale of each leg is known no better than that.
    constexpr double resistor_tolerance = 1e-3;
    legs.uncertainty_ohm = 1.96 * std::hypot(std::hypot(t.z22.sigma, t.z23.sigma), std::hypot(t.z33.sigma, t.z32.sigma)) +
                           resistor_tolerance * (std::abs(legs.pin2) + std::abs(legs.pin3));
    return legs;
}

}  // namespace lowleg::topology
