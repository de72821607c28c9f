#include "topology/loading.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace lowleg::topology {
namespace {

using Pin3 = FarEnd::Pin3;

/// The answer to load as impedances or as admittances, whichever is known.
struct Response {
    bool is_admittance{};
    Complex a22, a23, a32, a33;
};

struct Voltages { Complex v2, v3; };

/// Solves [[a, b], [c, d]]·x = (p, q).
std::optional<Voltages> solve(Complex a, Complex b, Complex c, Complex d, Complex p, Complex q)
{
    const Complex det = a * d - b * c;
    const Voltages x{(p * d - b * q) / det, (a * q - p * c) / det};
    const bool is_finite = std::isfinite(x.v2.real()) && std::isfinite(x.v2.imag()) && std::isfinite(x.v3.real()) && std::isfinite(x.v3.imag());
    if (!is_finite) return std::nullopt;
    return x;
}

/// Voltages with admittances to ground at the pins; grounded: V3 = 0 whatever the current.
std::optional<Voltages> loaded(const LoadPoint& at, const Response& r, Complex load2, Complex load3, bool grounded)
{
    if (r.is_admittance) {
        const Complex p = at.i2 + r.a22 * at.v2 + r.a23 * at.v3;
        const Complex q = at.i3 + r.a32 * at.v2 + r.a33 * at.v3;
        if (grounded) return solve(load2 + r.a22, 0.0, 0.0, 1.0, p, 0.0);
        return solve(load2 + r.a22, r.a23, r.a32, load3 + r.a33, p, q);
    }
    const Complex e2 = at.v2 + r.a22 * at.i2 + r.a23 * at.i3;
    const Complex e3 = at.v3 + r.a32 * at.i2 + r.a33 * at.i3;
    if (!grounded) return solve(1.0 + r.a22 * load2, r.a23 * load3, r.a32 * load2, 1.0 + r.a33 * load3, e2, e3);
    if (r.a23 == 0.0) return solve(1.0 + r.a22 * load2, 0.0, 0.0, 1.0, e2, 0.0);
    auto x = solve(1.0 + r.a22 * load2, r.a23, r.a32 * load2, r.a33, e2, e3);  // the second unknown is the current of the short
    if (x) x->v3 = 0.0;
    return x;
}

Complex admittance_of(const FarEnd& far_end, Hertz f)
{
    return {1.0 / far_end.resistance.value(), 2.0 * std::numbers::pi * f.value() * far_end.capacitance.value()};
}

std::optional<Voltages> loaded(const LoadPoint& at, const Response& r, const FarEnd& far_end)
{
    const Complex load = admittance_of(far_end, at.frequency);
    return loaded(at, r, load, far_end.pin3 == Pin3::loaded ? load : Complex{}, far_end.pin3 == Pin3::grounded);
}

/// What the input takes: the difference of the legs, or pin 2 against ground.
Complex taken(const Voltages& v, Pin3 pin3) { return pin3 == Pin3::loaded ? v.v2 - v.v3 : v.v2; }

bool is_measured(const Entry& e) { return e.status == EntryStatus::measured; }

bool all_measured(const TwoPort& t) { return is_measured(t.z22) && is_measured(t.z23) && is_measured(t.z32) && is_measured(t.z33); }

/// Below this a leg's signal is not its own, against the other's.
constexpr double silent = 3e-4;

bool pin3_is_silent(const LoadPoint& at) { return std::abs(at.v3) < silent * std::abs(at.v2); }

/// Impedances as a whole; a silent pin 3 draws no current, so that its column has no effect on what the drive gives.
bool row2_suffices(const LoadPoint& at, const TwoPort& t) { return pin3_is_silent(at) && is_measured(t.z22); }

Response impedances(const TwoPort& t) { return {false, t.z22.value, t.z23.value, t.z32.value, t.z33.value}; }

std::optional<Response> measured_response(const LoadPoint& at, const TwoPort* t)
{
    if (t != nullptr && all_measured(*t)) return impedances(*t);
    if (at.y) return Response{true, at.y->y22, at.y->y23, at.y->y32, at.y->y33};
    if (t != nullptr && row2_suffices(at, *t)) return Response{false, t->z22.value, 0.0, 0.0, 0.0};
    return std::nullopt;
}

std::optional<LoadPoint::Admittances> inverse(const TwoPort& t)
{
    for (const auto* e : {&t.z22, &t.z23, &t.z32, &t.z33})
        if (e->value == 0.0 || !std::isfinite(std::abs(e->value))) return std::nullopt;
    const Complex det = t.z22.value * t.z33.value - t.z23.value * t.z32.value;
    if (std::abs(det) < 1e-9 * std::abs(t.z22.value * t.z33.value) || !std::isfinite(std::abs(det))) return std::nullopt;
    return LoadPoint::Admittances{t.z33.value / det, -t.z23.value / det, -t.z32.value / det, t.z22.value / det};
}

/// Currents out of the pins into the fixture in `through`; the probe's output is silent but connected.
void flow_through(const Fixture& fixture, LoadPoint& at)
{
    at.i2 = at.v2 * fixture.input_admittance_2(at.frequency);
    at.i3 = at.v3 * fixture.input_admittance_3(at.frequency);
    if (!fixture.probe) return;
    const double gp2 = 1.0 / fixture.probe->rp2.value();
    const double gp3 = 1.0 / fixture.probe->rp3.value();
    const double rs = fixture.rs.value();
    const Complex node = (at.v2 * gp2 + at.v3 * gp3) * rs / (1.0 + rs * (gp2 + gp3));
    at.i2 += (at.v2 - node) * gp2;
    at.i3 += (at.v3 - node) * gp3;
}

/// The admittances must give what pin 2 showed in the other states; two that come of large impedances need not.
bool reproduces(const LoadPoint& at, const FrequencyObservation& seen, const Fixture& fixture)
{
    constexpr double agreement = 0.01;
    const Response r{true, at.y->y22, at.y->y23, at.y->y32, at.y->y33};
    for (const auto& [state, reading] : seen.drive) {
        if (state != SwitchState::loaded && state != SwitchState::grounded) continue;
        // The probe's node moves a little with pin 3; without it, each pin has its own load.
        const Complex load2 = at.i2 / at.v2;
        const Complex load3 = at.i3 / at.v3 + 1.0 / fixture.rg.value();
        const auto v = loaded(at, r, load2, load3, state == SwitchState::grounded);
        if (!v || std::abs(v->v2 - reading.i2.value) > agreement * std::abs(at.v2) + 5.0 * reading.i2.sigma) return false;
    }
    return true;
}

template <class List>
auto nearest_1k(const List& list)
{
    return std::min_element(list.begin(), list.end(), [](const auto& a, const auto& b) {
        const auto distance = [](Hertz f) { return std::abs(std::log(f.value() / 1000.0)); };
        return distance(a.frequency) < distance(b.frequency);
    });
}

const TwoPort* at_frequency(std::span<const TwoPort> two_ports, Hertz f)
{
    const auto found = std::find_if(two_ports.begin(), two_ports.end(), [&](const TwoPort& t) { return t.frequency == f; });
    return found == two_ports.end() ? nullptr : &*found;
}

struct Bounds {
    double value{}, least{}, most{};
    void include(double x)
    {
        least = std::min(least, x);
        most = std::max(most, x);
    }
};

/// Plausible values for what was not measured; the first is the most usual.
std::vector<Response> plausible(const TwoPort* t, OutputBuild build)
{
    std::vector<Response> out;
    const bool is_known_build = build == OutputBuild::amplifiers || build == OutputBuild::center_tapped;
    const auto values = [&](const Entry* e, std::initializer_list<double> usual) {
        if (e != nullptr && is_measured(*e)) return std::vector{e->value};
        // Solved as if the other pin had no influence, which amplifiers hardly have.
        if (e != nullptr && is_known_build && e->status == EntryStatus::assumed && std::abs(e->value) > 0.0)
            return std::vector{e->value, 0.8 * e->value, 1.25 * e->value};
        return std::vector<Complex>(usual.begin(), usual.end());
    };
    if (is_known_build || build == OutputBuild::unknown) {
        // Build-out resistors: none to 600 Ω; what one pin does to the other is known or nothing.
        for (const auto z22 : values(t != nullptr ? &t->z22 : nullptr, {75.0, 0.0, 600.0}))
            for (const auto z33 : values(t != nullptr ? &t->z33 : nullptr, {75.0, 0.0, 600.0})) {
                const Complex z23 = t != nullptr && is_measured(t->z23) ? t->z23.value : Complex{};
                const Complex z32 = t != nullptr && is_measured(t->z32) ? t->z32.value : Complex{};
                out.push_back({false, z22, z23, z32, z33});
                if (build == OutputBuild::center_tapped && z23 == 0.0) out.push_back({false, z22, -0.5 * z22, -0.5 * z33, z33});
            }
    }
    if (build == OutputBuild::floating || build == OutputBuild::unknown) {
        // Tens of ohms to a kilohm between the legs; from a servo's 300 Ω to nothing at all to ground, resistive or capacitive.
        for (const double between : {100.0, 20.0, 1000.0})
            for (const Complex ground : {Complex{5e3, 0.0}, Complex{300.0, 0.0}, Complex{5e6, 0.0}, Complex{0.0, -5e3}})
                out.push_back({false, ground + 0.25 * between, ground - 0.25 * between, ground - 0.25 * between, ground + 0.25 * between});
    }
    return out;
}

/// Share of a change that its impedances, read to a few per cent of a small difference, leave open; and what a level is read to, dB.
constexpr double share_uncertain = 0.02;
constexpr double reading_uncertain = 0.01;

}  // namespace

std::vector<LoadPoint> load_points(const Observations& observations, const std::vector<TwoPort>& two_ports)
{
    std::vector<LoadPoint> out;
    for (const auto& seen : observations.at) {
        const auto through = seen.drive.find(SwitchState::through);
        if (through == seen.drive.end()) continue;
        LoadPoint at{seen.frequency, through->second.i2.value, through->second.i3.value, {}, {}, {}};
        flow_through(observations.fixture, at);
        if (const auto* t = at_frequency(two_ports, seen.frequency); t != nullptr && !pin3_is_silent(at)) {
            at.y = inverse(*t);
            if (at.y && !all_measured(*t) && !reproduces(at, seen, observations.fixture)) at.y.reset();
        }
        out.push_back(at);
    }
    return out;
}

std::optional<LoadPoint> load_point(const TwoPort& t, const Fixture& fixture)
{
    for (const auto* e : {&t.e2, &t.e3, &t.z22, &t.z23, &t.z32, &t.z33})
        if (e->status == EntryStatus::unknown || !std::isfinite(std::abs(e->value))) return std::nullopt;
    // The fixture as a load, its currents from a voltage at one pin at a time: they are linear in both.
    LoadPoint on2{t.frequency, 1.0, 0.0, {}, {}, {}};
    LoadPoint on3{t.frequency, 0.0, 1.0, {}, {}, {}};
    flow_through(fixture, on2);
    flow_through(fixture, on3);
    const auto v = solve(1.0 + t.z22.value * on2.i2 + t.z23.value * on2.i3, t.z22.value * on3.i2 + t.z23.value * on3.i3,
                         t.z32.value * on2.i2 + t.z33.value * on2.i3, 1.0 + t.z32.value * on3.i2 + t.z33.value * on3.i3, t.e2.value, t.e3.value);
    if (!v) return std::nullopt;
    LoadPoint at{t.frequency, v->v2, v->v3, {}, {}, {}};
    flow_through(fixture, at);
    return at;
}

PredictedLevels predict_levels(const LoadPoint& at, const TwoPort* two_port, OutputBuild build, const FarEnd& far_end)
{
    PredictedLevels out{at.frequency, {}, {}, {}, EntryStatus::unknown};
    const Complex before = at.v2 - at.v3;
    const bool has_pin3 = far_end.pin3 == Pin3::loaded && !pin3_is_silent(at);
    struct Decibels { double differential, pin2, pin3; };
    const auto levels = [&](const Response& r) -> std::optional<Decibels> {
        const auto v = loaded(at, r, far_end);
        if (!v) return std::nullopt;
        return Decibels{gain_of(taken(*v, far_end.pin3) / before).value(), gain_of(v->v2 / at.v2).value(), has_pin3 ? gain_of(v->v3 / at.v3).value() : 0.0};
    };
    Bounds differential;
    Bounds pin2;
    Bounds pin3;
    bool begun = false;
    const auto include = [&](const Decibels& d) {
        if (!begun) {
            differential = {d.differential, d.differential, d.differential};
            pin2 = {d.pin2, d.pin2, d.pin2};
            pin3 = {d.pin3, d.pin3, d.pin3};
        }
        begun = true;
        differential.include(d.differential);
        pin2.include(d.pin2);
        pin3.include(d.pin3);
    };

    if (const auto response = measured_response(at, two_port)) {
        const auto d = levels(*response);
        if (!d) return out;
        include(*d);
        out.status = EntryStatus::measured;
        // That one leg is less than two, or gains what the other loses, is no matter of impedances.
        const double half_width = reading_uncertain + share_uncertain * std::min(std::abs(differential.value), std::abs(pin2.value));
        for (auto* bounds : {&differential, &pin2, &pin3}) {
            bounds->least -= half_width;
            bounds->most += half_width;
        }
        // Entries err one by one where they are no differences of large numbers.
        if (!response->is_admittance && two_port != nullptr && std::abs(response->a23) < 0.5 * std::abs(response->a22)) {
            for (auto [member, entry] : {std::pair{&Response::a22, &two_port->z22}, std::pair{&Response::a23, &two_port->z23},
                                         std::pair{&Response::a32, &two_port->z32}, std::pair{&Response::a33, &two_port->z33}}) {
                for (const double side : {-1.96, 1.96}) {
                    auto moved = *response;
                    if (moved.*member == 0.0) continue;
                    moved.*member += side * entry->sigma;
                    if (const auto other = levels(moved)) include(*other);
                }
            }
        }
    } else {
        for (const auto& r : plausible(two_port, build))
            if (const auto d = levels(r)) include(*d);
        if (!begun) return out;
        out.status = EntryStatus::assumed;
    }
    const auto level = [](const Bounds& b) { return PredictedLevel{GainDb{b.value}, GainDb{b.least}, GainDb{b.most}}; };
    out.differential = level(differential);
    out.pin2 = level(pin2);
    if (has_pin3) out.pin3 = level(pin3);
    return out;
}

std::optional<GainDb> measured_change(std::span<const LoadPoint> points, std::span<const TwoPort> two_ports, const FarEnd& from, const FarEnd& to)
{
    const auto at = nearest_1k(points);
    if (at == points.end()) return std::nullopt;
    const auto response = measured_response(*at, at_frequency(two_ports, at->frequency));
    if (!response) return std::nullopt;
    const auto before = loaded(*at, *response, from);
    const auto after = loaded(*at, *response, to);
    if (!before || !after) return std::nullopt;
    return gain_of(taken(*after, to.pin3) / taken(*before, from.pin3));
}

std::optional<PinLevels> measured_levels(std::span<const LoadPoint> points, std::span<const TwoPort> two_ports, Complex load2_siemens, Complex load3_siemens)
{
    const auto at = nearest_1k(points);
    if (at == points.end()) return std::nullopt;
    const auto response = measured_response(*at, at_frequency(two_ports, at->frequency));
    if (!response) return std::nullopt;
    const auto v = loaded(*at, *response, load2_siemens, load3_siemens, false);
    if (!v) return std::nullopt;
    return PinLevels{std::abs(v->v2 / at->v2), std::abs(v->v3 / at->v2)};
}

}  // namespace lowleg::topology
