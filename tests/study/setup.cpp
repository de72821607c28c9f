#include "setup.h"

#include "draw.h"

#include "bench/collection.h"
#include "bench/figures.h"
#include "bench/wiring.h"
#include "core/record.h"
#include "core/text.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

namespace lowleg::study {
namespace {

using analysis::ComplexEstimate;
using analysis::MultitoneReading;
using bench::SolvedCircuit;

enum : std::uint64_t { purpose_setup = 2, purpose_noise = 3 };

constexpr double pi = std::numbers::pi;
// The estimator pools a tone's own bin with eight beside it.
constexpr double bins_in_pool = 9.0;
// What `grounded` is measured at, against the other states.
constexpr GainDb grounded_level{-12.0};
constexpr double lowest_noise_hz = 20.0;
constexpr double highest_noise_hz = 20e3;

double rms_of(Dbfs level) { return sine_peak(level) / std::numbers::sqrt2; }

std::vector<SwitchState> draw_states(Draw& draw)
{
    using enum SwitchState;
    const double choice = draw.uniform(0.0, 1.0);
    if (choice < 0.06) return {through};
    if (choice < 0.28) return {through, loaded, lifted};
    if (choice < 0.45) return {through, loaded, grounded, lifted};
    std::vector<SwitchState> states{through};
    while (states.size() == 1)
        for (const auto state : {loaded, grounded, lifted})
            if (draw.chance(0.5)) states.push_back(state);
    return states;
}

/// What is told of a part that is truly of this value: off by up to `tolerance`.
double told(Draw& draw, double real, double tolerance) { return real / (1.0 + draw.uniform(-tolerance, tolerance)); }

Complex response_of(const Gear& gear, Hertz f)
{
    const Complex high_pass = Complex{0.0, f / gear.high_pass} / Complex{1.0, f / gear.high_pass};
    const Complex low_pass = 1.0 / Complex{1.0, f / gear.low_pass};
    return gear.gain * high_pass * low_pass;
}

Complex delayed(Seconds delay, Hertz f) { return std::polar(1.0, -2.0 * pi * f.value() * delay.value()); }

/// E|noise|² of a phasor's bin over so many periods of that length: white noise of this rms, rising below the corner.
double noise_power(const Setup& setup, std::size_t leg, Hertz f, Seconds period)
{
    const double bins = (highest_noise_hz - lowest_noise_hz) * period.value();
    const double per_bin = 2.0 * setup.noise[leg] * setup.noise[leg] / bins;
    return per_bin * (1.0 + setup.low_noise_corner_hz / f.value()) / static_cast<double>(setup.periods);
}

/// What removing the mains leaves in a tone, each part, full scale = 1: some 80 dB below the line beside it, less farther up. Of steady
/// mains the analysis leaves a hundredth of that; real ones wander.
double hum_sigma(const Setup& setup, Hertz f)
{
    constexpr double left = 1e-4;
    return setup.hum * std::numbers::sqrt2 * left * std::min(1.0, setup.mains / f);
}

/// The estimator knows its noise from so many values only: its sigma scatters as χ does.
double estimated(Draw& draw, double sigma, double degrees_of_freedom)
{
    double sum = 0.0;
    for (int i = 0; i < static_cast<int>(degrees_of_freedom); ++i) {
        const double x = draw.normal();
        sum += x * x;
    }
    return sigma * std::sqrt(sum / degrees_of_freedom);
}

class Reader {
public:
    Reader(const Unit& unit, const Setup& setup, const TestSignal& signal, SolvedCircuit circuit, Draw draw)
        : unit_{unit}, setup_{setup}, signal_{signal}, plan_{signal.plan}, circuit_{std::move(circuit)}, draw_{draw}
    {
        for (auto& phase : own_phase_) phase = draw_.uniform(-pi, pi);
        for (auto& level : own_third_) level = draw_.log_uniform(5e-7, 3e-6);
        electronic_phase_ = draw_.uniform(-pi, pi);
    }

    Result<MultitoneReading> read(SwitchState state)
    {
        const double level = state == SwitchState::grounded ? amplitude_ratio(grounded_level) : 1.0;
        MultitoneReading reading;
        reading.sample_rate_hz = plan_.sample_rate_hz;
        reading.periods = setup_.periods;
        std::array<double, 2> peak{};
        for (const auto& tone : plan_.tones) {
            if (tone.signal == Signal::probe && !setup_.real.probe) continue;
            const auto f = plan_.frequency_of(tone.bin);
            auto exact = transfer(state, tone.signal, f);
            if (!exact) return exact.error();
            analysis::ToneReading out{tone.signal, tone.bin, f, {}};
            for (const std::size_t leg : {0U, 1U}) {
                out.leg.at(leg) = measured(exact.value().at(leg), leg, f, level * tone.amplitude);
                peak.at(leg) += std::abs(exact.value().at(leg)) * level * tone.amplitude;
            }
            reading.tones.push_back(out);
        }
        if (auto ok = read_thirds(state, level, reading); !ok) return ok.error();
        for (const std::size_t leg : {0U, 1U}) {
            reading.residue[leg].noise_rms = setup_.noise[leg] * (1.0 + 0.01 * draw_.normal());
            reading.peak[leg] = 0.8 * peak[leg] + 4.0 * setup_.noise[leg];  // tones do not quite meet at their peaks
        }
        if (setup_.hum > 0.3 * *std::max_element(setup_.noise.begin(), setup_.noise.end()))
            reading.hum = analysis::HumReading{setup_.mains, {setup_.hum, setup_.hum}};
        return reading;
    }

    [[nodiscard]] bool iron_is_heard() const noexcept { return tones_with_iron_ >= 2; }

private:
    Result<std::array<Complex, 2>> transfer(SwitchState state, Signal signal, Hertz f)
    {
        const auto position = static_cast<std::size_t>(state);
        auto response = signal == Signal::drive ? circuit_.response(position, f) : circuit_.probe_response(position, f);
        if (!response) return response.error();
        auto out = response.value();
        const Complex around = delayed(setup_.round_trip, f);
        const Complex before = signal == Signal::probe ? Complex{setup_.loop_gain} : drive_at_output(f);
        for (auto& value : out) value *= before * around;
        return out;
    }

    ComplexEstimate measured(Complex exact, std::size_t leg, Hertz f, double amplitude)
    {
        const double noise = std::sqrt(0.5 * noise_power(setup_, leg, f, plan_.period())) / amplitude;
        const double hum = hum_sigma(setup_, f) / amplitude;
        const double degrees_of_freedom = 2.0 * bins_in_pool * static_cast<double>(setup_.periods - 1);
        // What the fit of the mains states of itself is right by a factor or so.
        const double error = std::hypot(noise, hum * draw_.uniform(0.5, 1.5));
        return {exact + Complex{error * draw_.normal(), error * draw_.normal()},
                std::hypot(estimated(draw_, noise, degrees_of_freedom), hum), degrees_of_freedom};
    }

    /// Third harmonics of the low drive tones: of iron (a part of the driving voltage, so that it comes out as any signal at that
    /// frequency does), of the electronics, of each input's own.
    Status read_thirds(SwitchState state, double level, MultitoneReading& reading)
    {
        std::size_t heard = 0;
        for (const auto& tone : plan_.tones) {
            if (std::find(signal_.thirds.begin(), signal_.thirds.end(), tone.bin) == signal_.thirds.end()) continue;
            const auto f = plan_.frequency_of(tone.bin);
            const Hertz third = 3.0 * f;
            const auto fundamental = transfer(state, Signal::drive, f);
            const auto behind = circuit_.response(static_cast<std::size_t>(state), third);
            if (!fundamental) return fundamental.error();
            if (!behind) return behind.error();
            Complex iron{};
            if (unit_.iron) iron = std::polar(unit_.iron->at_20_hz * std::pow(f.value() / 20.0, -unit_.iron->slope), unit_.iron->phase_rad);
            const Complex driving = drive_at_output(f);
            analysis::ThirdHarmonic out{f, {}};
            bool is_heard = true;
            for (const std::size_t leg : {0U, 1U}) {
                const double amplitude = level * tone.amplitude;
                const Complex carried = behind.value().at(leg) * std::abs(driving) * cubed(driving) * delayed(setup_.round_trip, third);
                const Complex own = std::polar(own_third_.at(leg), own_phase_.at(leg)) * std::abs(fundamental.value().at(leg)) * cubed(fundamental.value().at(leg));
                const auto harmonic = measured((iron + std::polar(unit_.electronic_third, electronic_phase_)) * carried + own, leg, third, amplitude);
                const auto base = measured(fundamental.value().at(leg), leg, f, amplitude);
                const double size = std::abs(base.value);
                if (size <= 6.0 * base.sigma) {
                    out.ratio.at(leg) = {{}, 1.0, harmonic.degrees_of_freedom};
                    is_heard = false;
                    continue;
                }
                const Complex ratio = harmonic.value * std::conj(cubed(base.value)) / size;
                out.ratio.at(leg) = {ratio, std::hypot(harmonic.sigma, 3.0 * std::abs(ratio) * base.sigma) / size, harmonic.degrees_of_freedom};
                is_heard = is_heard && std::abs(iron * carried) > 6.0 * harmonic.sigma && std::abs(iron) > 4.0 * (unit_.electronic_third + own_third_.at(leg));
            }
            heard += is_heard ? 1 : 0;
            reading.third_harmonics.push_back(out);
        }
        tones_with_iron_ = std::max(tones_with_iron_, heard);
        return Done{};
    }

    /// Of size 1, at three times the angle.
    static Complex cubed(Complex x)
    {
        const double size = std::abs(x);
        return size > 0.0 ? (x / size) * (x / size) * (x / size) : Complex{};
    }

    [[nodiscard]] Complex drive_at_output(Hertz f) const
    {
        return unit_.truth.is_silent ? Complex{} : response_of(setup_.gear, f) * delayed(setup_.gear.delay, f);
    }

    const Unit& unit_;
    const Setup& setup_;
    const TestSignal& signal_;
    const TonePlan& plan_;
    SolvedCircuit circuit_;
    Draw draw_;
    std::array<double, 2> own_phase_{};
    std::array<double, 2> own_third_{};
    double electronic_phase_{};
    std::size_t tones_with_iron_{0};
};

/// The user turns the input down before it clips.
Setup turned_down(Setup setup, const SolvedCircuit& circuit, const TonePlan& plan)
{
    double largest = 0.0;
    for (const auto state : setup.states)
        for (const auto& tone : plan.tones) {
            if (tone.signal != Signal::drive) continue;
            const auto f = plan.frequency_of(tone.bin);
            const auto r = circuit.response(static_cast<std::size_t>(state), f);
            if (!r) continue;
            const double level = state == SwitchState::grounded ? amplitude_ratio(grounded_level) : 1.0;
            for (const auto& value : r.value()) largest = std::max(largest, std::abs(value * response_of(setup.gear, f)) * level);
        }
    // The stimulus peaks at −14 dBFS.
    const double peak = largest * sine_peak(Dbfs{-14.0});
    constexpr double highest = 0.8;
    if (peak > highest) setup.gear.gain *= highest / peak;
    return setup;
}

}  // namespace

Result<TestSignal> design_test_signal()
{
    auto plan = stimulus::design_multitone(48e3);
    if (!plan) return plan.error();
    TestSignal out{std::move(plan).value(), {}};
    // Which third harmonics are read is for the analysis to say: what it reads of the signal itself.
    const auto samples = stimulus::render(out.plan);
    Record record{out.plan.sample_rate_hz, out.plan.period_frames, {}};
    for (std::int64_t period = 0; period < 2; ++period) {
        Period p{{}, period * out.plan.period_frames, {}};
        for (std::size_t i = 0; i < samples.size(); i += 2)
            for (auto& leg : p.leg) leg.push_back(samples[i]);
        record.periods.push_back(std::move(p));
    }
    const auto reading = analysis::read_multitone(record, out.plan);
    if (!reading) return reading.error();
    for (const auto& third : reading.value().third_harmonics)
        out.thirds.push_back(std::llround(third.fundamental.value() * out.plan.period().value()));
    return out;
}

namespace {

std::optional<bool> is_inverted(const SolvedCircuit& circuit)
{
    const auto r = circuit.response(static_cast<std::size_t>(SwitchState::through), Hertz{1e3});
    if (!r) return std::nullopt;
    const double pin3_to_pin2 = std::abs(r.value()[1]) / std::max(std::abs(r.value()[0]), 1e-30);
    if (pin3_to_pin2 > 2.0 && pin3_to_pin2 < 20.0) return std::nullopt;  // which pin alone carries the signal is a matter of taste
    const auto telling = r.value()[pin3_to_pin2 > 4.0 ? 1 : 0];
    // Within 60° of either.
    if (std::abs(telling.real()) <= 0.5 * std::abs(telling)) return std::nullopt;
    return telling.real() < 0.0;
}

}  // namespace

Setup draw_setup(std::uint64_t seed, std::uint64_t number, bool like_reference, bool pin3_hot)
{
    Draw draw{seed, number, purpose_setup};
    Setup s;
    s.states = draw_states(draw);
    if (like_reference) s.states = {SwitchState::through, SwitchState::loaded, SwitchState::lifted};
    s.calibrated = draw.chance(0.3);

    // What the judge is told, and what it is in truth.
    const double unknown = s.calibrated ? 0.0 : draw.uniform(0.0, 0.02);
    double rin = draw.chance(0.35) ? 10e3 : draw.log_uniform(2e3, 1e6);
    if (like_reference) rin = 10e3;
    const double unequal = draw.chance(0.3) ? draw.uniform(-0.1, 0.1) : 0.0;
    s.told.rin2 = Ohms{rin};
    s.told.rin3 = Ohms{rin * (1.0 + unequal)};
    s.real.rin2 = Ohms{draw.part(s.told.rin2.value(), unknown)};
    s.real.rin3 = Ohms{draw.part(s.told.rin3.value(), unknown)};
    s.real.cin = Farads{draw.log_uniform(50e-12, 500e-12)};
    s.told.cin = Farads{told(draw, s.real.cin.value(), s.calibrated ? 0.02 : 0.2)};
    s.told.rg = Ohms{draw.chance(0.5) || like_reference ? 1e3 : draw.one_of({470.0, 680.0, 1e3, 1.5e3, 2.2e3})};
    s.real.rg = Ohms{draw.part(s.told.rg.value(), 0.01)};
    const bool has_probe = draw.chance(0.6) || like_reference;
    const double rp = draw.chance(0.3) || like_reference ? 10e3 : draw.log_uniform(1e3, 100e3);
    const double rp2 = draw.part(rp, 0.001);
    const double rp3 = draw.part(rp, 0.001);
    s.told.probe.reset();
    s.real.probe.reset();
    if (has_probe) {
        s.told.probe = ProbeResistors{Ohms{rp}, Ohms{rp}};
        s.real.probe = ProbeResistors{Ohms{rp2}, Ohms{rp3}};
    }
    s.real.rs = Ohms{draw.log_uniform(20.0, 430.0)};
    s.told.rs = Ohms{told(draw, s.real.rs.value(), 0.05)};
    const double mismatch = draw.uniform(-0.3, 0.3);
    s.real.gain_ratio = s.calibrated ? 1.0 : amplitude_ratio(GainDb{mismatch});

    s.periods = 2 + static_cast<std::size_t>(draw.uniform(0.0, 3.0));
    const Dbfs noise{draw.uniform(-120.0, -90.0)};
    for (auto& rms : s.noise) rms = rms_of(noise + GainDb{draw.uniform(-2.0, 2.0)});
    s.low_noise_corner_hz = draw.log_uniform(5.0, 200.0);
    s.hum = rms_of(Dbfs{draw.uniform(-100.0, -50.0)});
    s.mains = Hertz{draw.one_of({50.0, 60.0})};

    s.gear.gain = amplitude_ratio(GainDb{draw.uniform(-12.0, 12.0)});
    s.gear.high_pass = Hertz{draw.log_uniform(1.0, 20.0)};
    s.gear.low_pass = Hertz{draw.log_uniform(25e3, 100e3)};
    if (draw.chance(0.3)) s.gear.delay = Seconds{draw.log_uniform(20e-6, 1e-3)};
    s.loop_gain = amplitude_ratio(GainDb{draw.uniform(-10.0, 3.0)});
    s.round_trip = Seconds{std::floor(draw.log_uniform(64.0, 4800.0)) / 48e3};

    // The live procedure goes no further where pin 3 alone carries the signal. A folder of captures may.
    if (pin3_hot && draw.chance(0.7)) s.states = {SwitchState::through};
    return s;
}

std::string describe(const Setup& s)
{
    std::string out;
    for (const auto state : s.states) out += (out.empty() ? "" : "+") + std::string{name_of(state)};
    out += s.told.probe ? ", probe " + format_ohms(s.told.probe->rp2) : std::string{", no probe"};
    out += ", Rin " + format_ohms(s.told.rin2);
    if (s.told.rin3 != s.told.rin2) out += "/" + format_ohms(s.told.rin3);
    const auto error = [](Ohms real, Ohms told) { return format_fixed(100.0 * (real / told - 1.0), 1); };
    if (!s.calibrated) out += " (off by " + error(s.real.rin2, s.told.rin2) + " and " + error(s.real.rin3, s.told.rin3) + " %)";
    out += ", Cin " + format_fixed(s.real.cin.value() * 1e12, 0) + " pF, Rg " + format_ohms(s.told.rg) + ", Rs " + format_ohms(s.real.rs);
    out += s.calibrated ? ", calibrated" : ", channels " + format_db(gain_of(s.real.gain_ratio)) + " apart";
    const auto level = [](double rms) { return format_db(dbfs_of_rms(rms) - Dbfs{0.0}, 0) + "FS"; };
    out += ", noise " + level(s.noise[0]) + ", hum " + level(s.hum);
    out += ", gear " + format_db(gain_of(s.gear.gain), 1) + " from " + format_hertz(s.gear.high_pass) + " to " + format_hertz(s.gear.low_pass);
    if (s.gear.delay > Seconds{}) out += " and " + format_fixed(s.gear.delay.value() * 1e6, 0) + " µs late";
    return out + ", " + std::to_string(s.periods) + " periods";
}

Result<Readings> read(const Unit& unit, const Setup& setup, const TestSignal& signal, std::uint64_t seed, std::uint64_t number)
{
    const auto netlist = bench::read_circuit({"unit", unit.kind, unit.netlist});
    if (!netlist) return netlist.error();
    auto circuit = SolvedCircuit::build(netlist.value(), bench::CircuitKind::output, setup.real);
    if (!circuit) return circuit.error();
    for (const auto state : setup.states)
        if (auto stable = circuit.value().check_stable(static_cast<std::size_t>(state)); !stable) return stable.error();
    Readings out;
    if (!unit.truth.is_silent) out.inverted = is_inverted(circuit.value());
    const auto turned = turned_down(setup, circuit.value(), signal.plan);
    Reader reader{unit, turned, signal, std::move(circuit).value(), Draw{seed, number, purpose_noise}};
    for (const auto state : setup.states) {
        auto reading = reader.read(state);
        if (!reading) return reading.error();
        out.states.emplace(state, std::move(reading).value());
    }
    out.iron_is_heard = reader.iron_is_heard();
    return out;
}

topology::ObserveOptions observe_options(const Setup& setup)
{
    topology::ObserveOptions options;
    options.gain_tolerance = setup.calibrated ? 0.0 : topology::uncalibrated_gain_tolerance;
    return options;
}

}  // namespace lowleg::study
