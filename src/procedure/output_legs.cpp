#include "procedure/output_legs.h"

#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace lowleg::procedure {
namespace {

using topology::EntryStatus;
using topology::TwoPort;

constexpr double normal_95 = 1.96;
/// Contacts of plugs and of the switch, Ω.
constexpr double contacts = 0.05;

/// What is derived from a two-port, whether or not it can be told, in this order; the conversions last.
enum : std::size_t { d_pin2, d_pin3, d_imbalance, d_between, d_node, d_conversion };

/// Volts at the pins for EMFs behind the output's impedances into a load's admittances: V = (1 + Z·Y)⁻¹·E.
std::array<Complex, 2> loaded(const TwoPort& t, double y_own, double y_other, Complex e2, Complex e3)
{
    const auto z22 = t.z22.value, z23 = t.z23.value, z32 = t.z32.value, z33 = t.z33.value;
    const Complex m22 = 1.0 + z22 * y_own + z23 * y_other, m23 = z22 * y_other + z23 * y_own;
    const Complex m32 = z32 * y_own + z33 * y_other, m33 = 1.0 + z32 * y_other + z33 * y_own;
    const Complex det = m22 * m33 - m23 * m32;
    return {(m33 * e2 - m23 * e3) / det, (m22 * e3 - m32 * e2) / det};
}

/// V = E − Z·I as I = J − Y·V.
topology::OutputAdmittances inverted(const TwoPort& t)
{
    const auto z22 = t.z22.value, z23 = t.z23.value, z32 = t.z32.value, z33 = t.z33.value, e2 = t.e2.value, e3 = t.e3.value;
    const Complex det = z22 * z33 - z23 * z32;
    return {z33 / det, -z23 / det, -z32 / det, z22 / det, (z33 * e2 - z23 * e3) / det, (z22 * e3 - z32 * e2) / det};
}

bool is_finite(const topology::OutputAdmittances& y)
{
    return std::ranges::all_of(std::array{y.y22, y.y23, y.y32, y.y33, y.j2, y.j3}, [](Complex c) { return std::isfinite(c.real()) && std::isfinite(c.imag()); });
}

std::vector<Complex> derive(const TwoPort& t, const InputFacts* into)
{
    const auto pin2 = t.z22.value + t.z23.value;
    const auto pin3 = t.z33.value + t.z32.value;
    // The node is at 0.4·(V2 + V3) and so loads the legs together.
    constexpr double g = 1.0 / 300.0;
    const auto at_node = loaded(t, 0.6 * g, -0.4 * g, t.e2.value, t.e3.value);
    std::vector<Complex> out{pin2, pin3, pin2 - pin3, t.z22.value + t.z33.value - t.z23.value - t.z32.value, 0.4 * (at_node[0] + at_node[1]) / (0.5 * (t.e2.value - t.e3.value))};
    for (const auto each_leg : told_inputs) {
        const auto v = loaded(t, 1.0 / each_leg.value(), 0.0, 1.0, 1.0);
        out.push_back(v[0] - v[1]);
    }
    if (into != nullptr) {
        const auto conversion = conversion_into(inverted(t), into->at_frequency(t.frequency));
        constexpr double none = std::numeric_limits<double>::quiet_NaN();
        out.push_back(conversion.value_or(Complex{none, none}));
    }
    return out;
}

bool is_finite(const Measured& m) { return std::isfinite(m.value.real()) && std::isfinite(m.value.imag()) && std::isfinite(m.uncertainty); }

/// An impedance that may as well be none of all is not told.
bool is_told(const Measured& m) { return is_finite(m) && m.uncertainty < std::max(0.5 * std::abs(m.value), 20.0); }

std::optional<Measured> asymmetry_of(const topology::FrequencyObservation& at, double gain_95)
{
    const auto r = at.drive.find(SwitchState::through);
    if (r == at.drive.end()) return std::nullopt;
    const auto& [i2, i3] = r->second;
    const auto difference = i2.value - i3.value;
    const auto sum = i2.value + i3.value;
    const double sigma = std::hypot(i2.sigma, i3.sigma);
    // Two legs of one direction have no difference to speak of.
    if (std::abs(difference) < 10.0 * sigma || std::abs(sum) > 2.0 * std::abs(difference)) return std::nullopt;
    return Measured{sum / difference, (normal_95 * sigma + gain_95 * std::abs(i3.value)) / std::abs(difference)};
}

std::vector<OutputLegs> legs_of(const topology::Observations& observations, const Tolerances& tolerances, double gain_95, const InputFacts* into, bool pin3_is_open)
{
    const auto [solved, derived] = spread_of(observations, tolerances, gain_95, [into](const TwoPort& t) { return derive(t, into); });
    std::vector<OutputLegs> out;
    for (std::size_t i = 0; i < solved.size(); ++i) {
        const auto& t = solved[i];
        const auto told = [&row = derived[i]](std::size_t k, double beside = 0.0) { return Measured{row[k].value, std::hypot(row[k].uncertainty, beside)}; };
        OutputLegs legs;
        legs.frequency = t.frequency;
        const bool knows2 = t.z22.status != EntryStatus::unknown;
        const bool knows3 = t.z33.status != EntryStatus::unknown;
        const auto pin2 = told(d_pin2, contacts);
        const auto pin3 = told(d_pin3, contacts);
        if (knows2 && is_told(pin2)) legs.pin2 = pin2;
        if (knows3 && is_told(pin3)) legs.pin3 = pin3;
        if (legs.pin2 && legs.pin3) legs.imbalance = told(d_imbalance, contacts);
        // What floats has impedances that nothing tells, and all else that follows from its two-port is told nevertheless.
        const auto between = told(d_between, contacts);
        const bool has_two_port = (knows2 && knows3) || (t.z22.value != Complex{} && t.z33.value != Complex{} && t.z23.value != Complex{});
        if (has_two_port && is_told(between)) legs.between = between;
        for (std::size_t k = 0; k < told_inputs.size() && has_two_port; ++k) {
            const auto conversion = told(d_conversion + k, contacts / told_inputs.at(k).value());
            if (is_finite(conversion) && std::abs(conversion.value) + conversion.uncertainty < 1.0) legs.conversion.at(k) = conversion;
        }
        if (has_two_port) {
            if (const auto y = inverted(t); is_finite(y)) legs.admittances = y;
        } else if (pin3_is_open && legs.pin2 && t.z22.value != Complex{}) {
            legs.admittances = topology::OutputAdmittances{1.0 / t.z22.value, 0.0, 0.0, 0.0, t.e2.value / t.z22.value, 0.0};
        }
        if (into != nullptr && legs.admittances) {
            // An open pin 3 has no impedance that could be moved: there what is left is read once.
            const auto here = into->at_frequency(t.frequency);
            const auto conversion = has_two_port ? told(d_conversion + told_inputs.size(), contacts * std::max(std::abs(here.y.common2()), std::abs(here.y.common3())))
                                                 : Measured{conversion_into(*legs.admittances, here).value_or(1.0), 0.0};
            if (is_finite(conversion)) legs.into = conversion;
        }
        const auto node = told(d_node);
        if (has_two_port && std::abs(t.e2.value - t.e3.value) > 0.0 && is_finite(node) && std::abs(node.value) + node.uncertainty < 2.0) legs.node = node;
        legs.asymmetry = asymmetry_of(observations.at[i], gain_95);
        legs.legs_are_apart = t.z23.status == EntryStatus::assumed || t.z32.status == EntryStatus::assumed;
        out.push_back(legs);
    }
    return out;
}

std::size_t periods_of(const MeasureOptions& options, std::size_t states)
{
    if (!options.averaging.at_most) return std::max<std::size_t>(2, options.periods);
    constexpr double longest_period_s = 0.5;
    constexpr double most = 240.0;
    return static_cast<std::size_t>(std::clamp(std::floor(options.averaging.at_most->value() / (longest_period_s * static_cast<double>(states))), 2.0, most));
}

std::string step_of(const IdentifyProgress& progress)
{
    const auto state = "\"" + std::string{name_of(progress.state)} + "\"";
    switch (progress.step) {
    case IdentifyProgress::Step::switching: return state + ", switching";
    case IdentifyProgress::Step::settling: return state + ", settling";
    case IdentifyProgress::Step::measuring:
    case IdentifyProgress::Step::voided:
    case IdentifyProgress::Step::taken: break;
    }
    return state;
}

}  // namespace

const OutputLegs* OutputReading::nearest(Hertz frequency, std::optional<Measured> OutputLegs::*what) const
{
    const OutputLegs* best = nullptr;
    for (const auto& legs : at) {
        if (!(legs.*what)) continue;
        if (best == nullptr || std::abs(std::log(legs.frequency / frequency)) < std::abs(std::log(best->frequency / frequency))) best = &legs;
    }
    return best;
}

Result<OutputReading> read_output(const StatesRun& run)
{
    const auto& options = run.options;
    if (!options.fixture.probe)
        return Error{"without the probe resistors levels alone tell no impedance: fit Rp2 and Rp3 (docs/fixture.md) and leave out --rp none", ErrorKind::usage};
    OutputReading out;
    out.gain_tolerance_95 = gain_tolerance_of(options);
    IdentifyOptions identify_options;
    identify_options.fixture = options.fixture;
    identify_options.states = {SwitchState::through, SwitchState::loaded, SwitchState::lifted};
    identify_options.periods = periods_of(options, identify_options.states.size());
    identify_options.line_output = options.line_output;
    identify_options.confirm_line_output = options.confirm_line_output;
    identify_options.device_under_test = options.device_under_test;
    identify_options.source = options.source;
    identify_options.gain_tolerance = out.gain_tolerance_95 / normal_95;
    if (options.keeps_captures)
        identify_options.keep_capture = [&](SwitchState state, const Record& record) { out.captures.push_back({std::string{name_of(state)}, record}); };
    const auto progress = [&](const IdentifyProgress& p) {
        if (run.observer) run.observer({step_of(p), p.periods_taken, Seconds{}, {}, p.faults});
    };
    auto identified = run.identify(identify_options, progress);
    if (!identified) return identified.error();
    out.identification = std::move(identified).value();
    if (const auto& o = out.identification.observations)
        out.at = legs_of(*o, tolerances_of(options.source), out.gain_tolerance_95, options.into ? &*options.into : nullptr,
                         out.identification.verdict.variant == topology::Variant::pin3_not_connected);
    if (!out.nearest(Hertz{1000.0}, &OutputLegs::pin2) && !out.nearest(Hertz{1000.0}, &OutputLegs::pin3)) {
        const auto& i = out.identification;
        if (i.stopped_early) return Error{*i.stopped_early, i.stopped_for_safety ? ErrorKind::interrupted : ErrorKind::failure};
        return Error{"the states taken tell no impedance of either leg: see that the probe resistors are fitted and that the switch reaches \"loaded\" and \"lifted\""};
    }
    return out;
}

Measurement begin_with(const StatesRun& run, MeasureKind kind, OutputReading& reading)
{
    auto out = run.begin(kind);
    const auto& i = reading.identification;
    const auto& q = i.quality;
    out.quality.periods = q.periods * q.states.size();
    out.quality.voided = q.voided;
    out.quality.void_reasons = q.void_reasons;
    out.quality.signal = q.signal.value() > 0.0 ? q.signal : Seconds{static_cast<double>(out.quality.periods * static_cast<std::size_t>(i.period_frames)) / i.sample_rate_hz};
    out.quality.hum = q.hum;
    out.quality.hum_frequency = q.hum_frequency;
    out.quality.noise = q.noise;
    out.quality.clock_ppm = q.clock_ppm;
    out.played = i.played;
    out.notes = i.notes;
    if (i.stopped_early) out.notes.push_back(*i.stopped_early);
    if (run.options.averaging.until) out.notes.emplace_back("--until asks for decibels, and impedances are told in ohms: give --for to average longer.");
    out.captures = std::move(reading.captures);
    return out;
}

Figure figure_of(std::string id, std::string words, const Measured& z, Hertz frequency, std::string definition)
{
    const double size = std::abs(z.value);
    Figure out{std::move(id), std::move(words), size, "Ω", z.uncertainty, Figure::Bound::value, frequency, std::move(definition)};
    if (size < z.uncertainty) {
        out.value = size + z.uncertainty;
        out.uncertainty = 0.0;
        out.bound = Figure::Bound::at_most;
    }
    return out;
}

std::vector<std::string> what_stays_open(const OutputReading& reading)
{
    std::vector<std::string> out;
    const auto& verdict = reading.identification.verdict;
    for (const auto& [what, words] : {std::pair{&OutputLegs::pin2, "Pin 2"}, std::pair{&OutputLegs::pin3, "Pin 3"}}) {
        const auto unknown = static_cast<std::size_t>(std::ranges::count_if(reading.at, [&, member = what](const OutputLegs& legs) { return !(legs.*member); }));
        if (unknown == 0) continue;
        const auto where = unknown == reading.at.size() ? std::string{} : " at " + std::to_string(unknown) + " of " + std::to_string(reading.at.size()) + " frequencies";
        if (what == &OutputLegs::pin3 && verdict.variant == topology::Variant::pin3_not_connected)
            out.emplace_back("Pin 3 is on nothing: it has no impedance to tell.");
        else
            out.push_back(std::string{words} + " cannot be told" + where + ": it is on nothing, or on so much that the fixture's own load hides it.");
    }
    const auto at = reading.nearest(Hertz{1000.0}, &OutputLegs::pin2);
    if (at != nullptr && reading.gain_tolerance_95 > 0.0) {
        const double ohms = reading.gain_tolerance_95 * std::abs(at->pin2->value);
        constexpr double little = 0.5;
        if (ohms > little)
            out.push_back("The two inputs may differ by " + format_fixed(db_per_neper * reading.gain_tolerance_95, 2) + " dB, which is " + format_fixed(ohms, 1) +
                          " Ω of pin 2 and of its imbalance (0.3 dB is 1.8 Ω in 50). \"lowleg calibrate\" removes it; so does measuring again with the leads exchanged at the "
                          "interface's inputs and --in exchanged with them: half the sum of both imbalances is free of it.");
    }
    const bool rests_on_assumption = std::ranges::any_of(reading.at, [](const OutputLegs& legs) {
        return legs.between && legs.legs_are_apart;
    });
    if (rests_on_assumption) out.emplace_back("What is told between the legs takes it that neither leg moves the other; legs to ground need not.");
    return out;
}

double phase_of(const Measured& z) { return std::arg(z.value) * 180.0 / std::numbers::pi; }

}  // namespace lowleg::procedure
