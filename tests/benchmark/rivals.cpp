#include "rivals.h"

#include "drive.h"

#include "bench/running_circuits.h"
#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "circuit/circuit.h"
#include "circuit/rt/multiply_add.h"
#include "core/text.h"
#include "support/fixture_deck.h"
#include "support/ngspice_process.h"

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <ctime>
#include <limits>
#include <string>
#include <utility>
#include <variant>

namespace lowleg::benchmarks {
namespace {

constexpr double pi = std::numbers::pi;
constexpr std::array tones_hz{1e3, 10e3};
using Phasors = std::array<Complex, tones_hz.size()>;

/// Peak voltage of each tone: −18 dBFS where full scale is a sine of +24 dBu.
double tone_volts() { return sine_peak(Dbfs{-18.0}) * std::numbers::sqrt2 * Dbu{24.0}.volts().value(); }

struct Waveform {
    std::vector<double> seconds, volts;
};

/// Least squares over uneven steps, each counted by its length: both tones, and what drifts while a circuit settles.
Phasors phasors_of(const Waveform& w, double from_seconds)
{
    constexpr int drift = 3;
    constexpr int size = drift + 2 * static_cast<int>(tones_hz.size());
    Eigen::Matrix<double, size, size> normal = Eigen::Matrix<double, size, size>::Zero();
    Eigen::Vector<double, size> right = Eigen::Vector<double, size>::Zero();
    const double end = w.seconds.back();
    for (std::size_t n = 1; n + 1 < w.seconds.size(); ++n) {
        const double t = w.seconds[n];
        if (t < from_seconds) continue;
        const double u = (t - from_seconds) / (end - from_seconds) - 0.5;
        Eigen::Vector<double, size> basis;
        basis << 1.0, u, u * u, std::cos(2.0 * pi * tones_hz[0] * t), std::sin(2.0 * pi * tones_hz[0] * t),
            std::cos(2.0 * pi * tones_hz[1] * t), std::sin(2.0 * pi * tones_hz[1] * t);
        const double weight = (w.seconds[n + 1] - w.seconds[n - 1]) / 2.0;
        normal += weight * basis * basis.transpose();
        right += weight * w.volts[n] * basis;
    }
    const Eigen::Vector<double, size> x = normal.ldlt().solve(right);
    Phasors out;
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = {x[drift + 2 * static_cast<int>(k)], -x[drift + 2 * static_cast<int>(k) + 1]};
    return out;
}

double error_of(const Phasors& got, const Phasors& want)
{
    double largest = 0.0;
    for (std::size_t k = 0; k < got.size(); ++k) largest = std::max(largest, std::abs(got[k] / want[k] - 1.0));
    return largest;
}

// ------------------------------------------------------------------------------------------------------------------ ngspice

constexpr double settle_seconds = 3e-3;
constexpr double run_seconds = 8e-3;

struct NgspiceRun {
    Phasors phasors;
    double processor_seconds{};
};

/// Cosines from rest: their flux and charge are sines, which begin at 0, so that nothing slow has to settle.
Result<NgspiceRun> run_ngspice(const bench::CircuitText& circuit, double step_seconds, double reltol, double seconds = run_seconds)
{
    std::string sources;
    std::string from = "drv";
    for (std::size_t k = 0; k < tones_hz.size(); ++k) {
        const std::string to = k + 1 < tones_hz.size() ? "fxd" + std::to_string(k) : "0";
        sources += "Vfxd" + std::to_string(k) + " " + from + " " + to + " sin(0 " + format_number(tone_volts()) + " " + format_number(tones_hz[k]) + " 0 0 90)\n";
        from = to;
    }
    sources += "Vfxp fxp 0 0\n";
    const auto step = format_number(step_seconds);
    const auto deck = testing::with_fixture(circuit.netlist, Fixture{}, SwitchState::through, sources) + ".options reltol=" + format_number(reltol) +
                      "\n.control\nsave v(p2)\ntran " + step + " " + format_number(seconds) + " 0 " + step + " uic\nwrite out.raw v(p2)\n.endc\n.end\n";
    const testing::NgspiceProcess ngspice{deck, std::string{LOWLEG_SOURCE_DIR} + "/src/bench/circuits"};
    const auto raw = testing::read_all(ngspice.file("out.raw"));
    constexpr std::string_view mark = "Binary:\n";
    const auto at = raw.find(mark);
    if (at == std::string::npos) return Error{"ngspice has not run " + circuit.name + ": see its words: " + ngspice.log()};
    Waveform w;
    for (auto i = at + mark.size(); i + 2 * sizeof(double) <= raw.size(); i += 2 * sizeof(double)) {
        std::array<double, 2> row{};
        std::memcpy(row.data(), raw.data() + i, sizeof row);
        w.seconds.push_back(row[0]);
        w.volts.push_back(row[1]);
    }
    if (w.seconds.empty() || w.seconds.back() < 0.999 * seconds) return Error{"ngspice gave up on " + circuit.name + ": " + ngspice.log()};
    return NgspiceRun{phasors_of(w, std::min(settle_seconds, seconds / 2.0)), ngspice.seconds()};
}

Result<std::optional<Comparison::Ngspice>> ngspice_as_exact(const bench::CircuitText& circuit, const Phasors& reference, double error)
{
    // What starting the program takes is not counted.
    const auto start = run_ngspice(circuit, 1e-6, 1e-3, 1e-5);
    if (!start) return start.error();
    std::optional<Comparison::Ngspice> best;
    for (const double reltol : {1e-3, 1e-6})
        for (double step = 3.2e-6; step > 24e-9; step /= std::numbers::sqrt2) {
            const auto run = run_ngspice(circuit, step, reltol);
            if (!run) return run.error();
            const double its_error = error_of(run.value().phasors, reference);
            if (its_error > error) continue;
            const double times = run_seconds / std::max(1e-4, run.value().processor_seconds - start.value().processor_seconds);
            if (!best || times > best->times_real_time) best = Comparison::Ngspice{step, reltol, its_error, times};
            break;
        }
    return best;
}

// ------------------------------------------------------------------------------------------------------- the virtual bench

Result<Phasors> our_phasors(const bench::CircuitText& circuit)
{
    bench::InterfaceModel ideal;
    ideal.noise = Dbfs{-std::numeric_limits<double>::infinity()};
    auto built = bench::VirtualBench::build(circuit, Fixture{}, ideal, rate_hz);
    if (!built) return built.error();
    auto& running = *built.value();
    const auto delay = static_cast<double>(running.delay().value());
    const double settled_seconds = 1.0;
    const double full_scale_volts = std::numbers::sqrt2 * ideal.full_scale.volts().value();
    std::array<float, block_frames> drive{}, probe{}, i2{}, i3{};
    Waveform w;
    for (std::size_t n = 0; static_cast<double>(n) < (settled_seconds + 0.1) * rate_hz; n += block_frames) {
        for (std::size_t i = 0; i < block_frames; ++i) {
            double sum = 0.0;
            for (const double hz : tones_hz) sum += std::cos(2.0 * pi * hz / rate_hz * static_cast<double>(n + i));
            drive[i] = static_cast<float>(tone_volts() / full_scale_volts * sum);
        }
        running.process(drive.data(), probe.data(), i2.data(), i3.data(), block_frames);
        for (std::size_t i = 0; i < block_frames; ++i) {
            w.seconds.push_back((static_cast<double>(n + i) - delay) / rate_hz);
            w.volts.push_back(full_scale_volts * static_cast<double>(i2[i]));
        }
    }
    if (const auto trouble = running.trouble()) return Error{*trouble};
    return phasors_of(w, settled_seconds);
}

// ------------------------------------------------------------------------------------------------------- trapezoidal rule

Result<std::optional<Comparison::Trapezoidal>> trapezoidal_as_exact(const bench::CircuitText& text, double error)
{
    const auto netlist = bench::read_circuit(text);
    if (!netlist) return netlist.error();
    const auto wired = bench::wired(netlist.value(), bench::CircuitKind::output, Fixture{}, 0);
    const auto circuit = circuit::Circuit::build(wired.netlist, wired.sources, wired.nodes);
    if (!circuit) return circuit.error();
    if (!circuit.value().is_linear()) return std::optional<Comparison::Trapezoidal>{};
    const auto model = circuit.value().sampled(rate_hz);
    if (!model) return model.error();

    Comparison::Trapezoidal rule;
    const auto at = [&](double hz) { return circuit.value().response(Hertz{hz}).value()[0]; };
    for (rule.oversampling = 1;; ++rule.oversampling) {
        const double h = 1.0 / (rate_hz * static_cast<double>(rule.oversampling));
        Phasors got, want;
        for (std::size_t k = 0; k < tones_hz.size(); ++k) {
            got[k] = at(std::tan(pi * tones_hz[k] * h) / (pi * h));
            want[k] = at(tones_hz[k]);
        }
        rule.error = error_of(got, want);
        if (rule.error <= error) break;
        if (rule.oversampling >= 100'000) return std::optional<Comparison::Trapezoidal>{};
    }

    // A step: next = A·state + B·(u + u before), both by the sums that our own steps are made of.
    const auto& shape = std::get<circuit::LinearModel>(model.value().model).shape;
    const auto rows = shape.rows();
    const std::vector<double> a(shape.states * rows, 0.1 / static_cast<double>(rows)), b(shape.inputs * rows, 0.1), u(shape.inputs, 0.5);
    std::vector<double> frames((1 + circuit::rt::chunk_frames) * rows);
    const auto chunks = static_cast<std::size_t>(200'000);
    double best = std::numeric_limits<double>::infinity();
    for (int trial = 0; trial < 5; ++trial) {
        const auto before = std::clock();
        for (std::size_t c = 0; c < chunks; ++c) {
            std::fill(frames.begin() + static_cast<std::ptrdiff_t>(rows), frames.end(), 0.0);
            for (std::size_t n = 1; n <= circuit::rt::chunk_frames; ++n) circuit::rt::add_product(b.data(), rows, shape.inputs, u.data(), frames.data() + n * rows);
            circuit::rt::add_recursion(a.data(), rows, shape.states, frames.data(), circuit::rt::chunk_frames);
        }
        best = std::min(best, static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
    }
    const double seconds_per_step = best / static_cast<double>(chunks * circuit::rt::chunk_frames);
    rule.times_real_time = 1.0 / (seconds_per_step * rate_hz * static_cast<double>(rule.oversampling));
    return std::optional{rule};
}

}  // namespace

Result<Comparison> compare(const bench::CircuitText& circuit)
{
    const auto coarse = run_ngspice(circuit, 50e-9, 1e-6);
    if (!coarse) return coarse.error();
    const auto fine = run_ngspice(circuit, 25e-9, 1e-6);
    if (!fine) return fine.error();
    Phasors reference;
    for (std::size_t k = 0; k < reference.size(); ++k)
        reference[k] = fine.value().phasors[k] + (fine.value().phasors[k] - coarse.value().phasors[k]) / 3.0;

    Comparison out;
    out.reference_change = error_of(fine.value().phasors, reference);
    const auto ours = our_phasors(circuit);
    if (!ours) return ours.error();
    out.our_error = error_of(ours.value(), reference);
    auto ngspice = ngspice_as_exact(circuit, reference, out.our_error);
    if (!ngspice) return ngspice.error();
    out.ngspice = ngspice.value();
    auto trapezoidal = trapezoidal_as_exact(circuit, out.our_error);
    if (!trapezoidal) return trapezoidal.error();
    out.trapezoidal = trapezoidal.value();
    return out;
}

}  // namespace lowleg::benchmarks
