// How long a verdict takes, what the estimator gets out of a capture; how many times faster than real time the virtual bench runs, and what
// else could run it as exactly.
#include "drive.h"
#include "efficiency.h"
#include "rivals.h"
#include "callback_time.h"
#include "verdict_time.h"
#include "window_time.h"

#include "bench/collection.h"
#include "bench/running_circuits.h"
#include "bench/virtual_bench.h"
#include "bench/wiring.h"
#include "circuit/rt/multiply_add.h"
#include "core/parallel.h"
#include "core/text.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <numbers>
#include <string>
#include <string_view>
#include <vector>

using namespace lowleg;
using namespace lowleg::benchmarks;

namespace {

constexpr const char* times_real_time = "times_real_time";
constexpr Dbu clipping_level{28.0};  // the hottest output of any interface that is sold

constexpr std::array clipping_hz{1e3, 15e3};
std::string clipping_name(const std::string& circuit, double hz) { return "clipping/" + circuit + "/" + format_number(hz); }

void count(benchmark::State& state, std::size_t frames)
{
    // A rate is per second of this thread's processor time.
    state.counters[times_real_time] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(frames) / rate_hz, benchmark::Counter::kIsRate);
}

/// All of it: converters, noise, the switch, the circuit.
void run_bench(benchmark::State& state, const bench::CircuitText& circuit)
{
    auto built = bench::VirtualBench::build(circuit, Fixture{}, bench::InterfaceModel{}, rate_hz);
    if (!built) return state.SkipWithError(built.error().message.c_str());
    const auto& drive = multitones()[0];
    const auto& probe = multitones()[1];
    std::array<float, block_frames> i2{}, i3{};
    const auto period = [&] {
        for (std::size_t at = 0; at < drive.size(); at += block_frames)
            built.value()->process(drive.data() + at, probe.data() + at, i2.data(), i3.data(), block_frames);
        benchmark::DoNotOptimize(i2);
        benchmark::DoNotOptimize(i3);
    };
    period();
    for ([[maybe_unused]] const auto& iteration : state) period();
    count(state, drive.size());
    if (const auto trouble = built.value()->trouble()) state.SkipWithError(trouble->c_str());
}

/// What a sine of this level costs that drives the gear beyond its limits: all of the bench.
void run_clipping(benchmark::State& state, const bench::CircuitText& circuit, double hz)
{
    bench::InterfaceModel interface;
    interface.full_scale = clipping_level;
    auto built = bench::VirtualBench::build(circuit, Fixture{}, interface, rate_hz);
    if (!built) return state.SkipWithError(built.error().message.c_str());
    constexpr std::size_t frames = 4800;  // whole periods of 1 and 15 kHz
    std::vector<float> drive(frames);
    for (std::size_t n = 0; n < frames; ++n) drive[n] = static_cast<float>(std::sin(2.0 * std::numbers::pi * hz / rate_hz * static_cast<double>(n)));
    std::array<float, block_frames> silence{}, i2{}, i3{};
    const auto period = [&] {
        for (std::size_t at = 0; at < frames; at += block_frames)
            built.value()->process(drive.data() + at, silence.data(), i2.data(), i3.data(), block_frames);
        benchmark::DoNotOptimize(i2);
        benchmark::DoNotOptimize(i3);
    };
    period();
    for ([[maybe_unused]] const auto& iteration : state) period();
    count(state, frames);
    if (const auto trouble = built.value()->trouble()) state.SkipWithError(trouble->c_str());
}

/// The circuit alone.
void run_solver(benchmark::State& state, const bench::CircuitText& circuit)
{
    const auto netlist = bench::read_circuit(circuit);
    if (!netlist) return state.SkipWithError(netlist.error().message.c_str());
    const auto kind = bench::kind_of(netlist.value());
    if (!kind) return state.SkipWithError(kind.error().message.c_str());
    auto built = bench::RunningCircuits::build(netlist.value(), kind.value(), Fixture{}, rate_hz);
    if (!built) return state.SkipWithError(built.error().message.c_str());
    auto& running = built.value()->running();
    const auto& position = running.positions[0];
    if (!position.runs) return state.SkipWithError("it does not stay where it rests");

    constexpr auto chunk = circuit::rt::chunk_frames;
    const double volts_per_unit = std::numbers::sqrt2 * bench::InterfaceModel{}.full_scale.volts().value();
    const auto& played = multitones();
    std::vector<std::array<double, 2 * chunk>> in(played[0].size() / chunk);
    for (std::size_t c = 0; c < in.size(); ++c)
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t n = 0; n < chunk; ++n) in[c][i * chunk + n] = volts_per_unit * static_cast<double>(played[i][c * chunk + n]);
    std::array<double, 2 * chunk> out{};
    running.stepper->restart(position.matrices);
    const auto period = [&] {
        for (const auto& x : in) running.stepper->step(position.matrices, x.data(), out.data(), chunk);
        benchmark::DoNotOptimize(out);
    };
    period();
    for ([[maybe_unused]] const auto& iteration : state) period();
    count(state, in.size() * chunk);
    if (running.stepper->condition() != circuit::rt::Condition::runs) state.SkipWithError("it does not converge");
}

/// Keeps what a run of Google Benchmark found, for a table.
class Keeper : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override
    {
        for (const auto& run : runs) {
            if (run.error_occurred) errors_[run.run_name.function_name] = run.error_message;
            else if (const auto found = run.counters.find(times_real_time); found != run.counters.end()) {
                if (run.run_type == Run::RT_Iteration) all_[run.run_name.function_name].push_back(found->second);
            }
        }
    }
    /// Median of the repetitions; NaN when there is none.
    [[nodiscard]] double median(const std::string& name)
    {
        auto& values = all_[name];
        if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
        std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
        return values[values.size() / 2];
    }
    [[nodiscard]] const std::map<std::string, std::string>& errors() const { return errors_; }

private:
    std::map<std::string, std::vector<double>> all_;
    std::map<std::string, std::string> errors_;
};

/// \return whether all is well.
bool print_verdict_times(const std::vector<bench::CircuitText>& circuits)
{
    constexpr double limit_ms = 150.0;
    std::printf("From the last sample to the verdict: four states with the probe, 2 periods each at 48 kHz, hum of -80 dBFS. Milliseconds\n"
                "on the wall, with %zu processors, of 7 trials. reading: the capture of the last state; judging: from four readings to the verdict. Both together should\n"
                "take no longer than %.0f ms. From files all four states are read, too.\n\n"
                "%-34s %8s %8s | %8s %8s | %8s %8s   verdict\n%-34s %8s %8s | %8s %8s | %8s %8s\n",
                Threads{}.count, limit_ms, "circuit", "reading", "judging", "both", "longest", "files", "longest", "", "median", "median", "median", "", "median", "");
    bool is_well = true;
    double longest = 0.0;
    for (const auto& circuit : circuits) {
        const auto netlist = bench::read_circuit(circuit);
        if (!netlist) continue;
        if (const auto kind = bench::kind_of(netlist.value()); !kind || kind.value() != bench::CircuitKind::output) continue;
        const auto time = time_verdict(circuit);
        if (!time) {
            std::printf("%-34s %s\n", circuit.name.c_str(), time.error().message.c_str());
            is_well = false;
            continue;
        }
        const auto& t = time.value();
        std::printf("%-34s %8.1f %8.1f | %8.1f %8.1f | %8.1f %8.1f   %s%s\n", circuit.name.c_str(), t.reading, t.judging, t.from_last_sample.median,
                    t.from_last_sample.longest, t.from_captures.median, t.from_captures.longest, t.verdict.c_str(),
                    t.from_last_sample.median > limit_ms ? "   TOO LONG" : "");
        std::fflush(stdout);
        longest = std::max(longest, t.from_last_sample.median);
        is_well = is_well && t.from_last_sample.median <= limit_ms;
    }
    std::printf("%-34s %8s %8s | %8.1f of %.0f ms\n\n", "longest median", "", "", longest, limit_ms);
    return is_well;
}

bool print_efficiency()
{
    constexpr std::size_t trials = 2'500;
    constexpr double required = 0.95;
    const auto found = measure_efficiency(trials);
    if (!found) {
        std::printf("%s\n", found.error().message.c_str());
        return false;
    }
    std::printf("The estimator's efficiency: Cramer-Rao bound over the mean square of the errors, 24 tones at both legs in white noise of -100 dBFS at\n"
                "48 kHz, %zu trials; +-: one standard error. It should be %.2f or more.\n\n%-28s %8s %18s %18s %24s\n",
                trials, required, "", "periods", "amplitude", "phase", "worst of the tones");
    bool is_well = true;
    for (const auto& e : found.value()) {
        const bool is_low = e.is_required && std::fmin(e.amplitude, e.phase) < required;
        std::printf("%-28s %8zu %9.4f +- %.4f %9.4f +- %.4f %15.4f +- %.4f%s\n", std::string{e.what}.c_str(), e.periods, e.amplitude, e.amplitude_error,
                    e.phase, e.phase_error, e.worst_tone, e.worst_tone_error, is_low ? "   TOO LOW" : "");
        is_well = is_well && !is_low;
    }
    std::printf("\n");
    std::fflush(stdout);
    return is_well;
}

bool print_callback_time()
{
    constexpr double limit = 0.05;
    std::printf("The audio callback: processor time of a block of 64 frames over the block's own, in a loop of 200,000 while a period plays. 99.9 %% of all blocks should\n"
                "take no more than %.0f %%.\n\n%10s %9s %9s %9s %9s\n",
                100.0 * limit, "rate, Hz", "channels", "median", "99.9 %", "worst");
    bool is_well = true;
    for (const auto& t : time_callback()) {
        std::printf("%10.0f %9u %7.2f %% %7.2f %% %7.2f %%%s\n", t.sample_rate_hz, t.channels, 100.0 * t.median, 100.0 * t.p999, 100.0 * t.worst, t.p999 > limit ? "   TOO LONG" : "");
        is_well = is_well && t.p999 <= limit;
    }
    std::printf("\n");
    std::fflush(stdout);
    return is_well;
}

bool print_window_time()
{
    constexpr double limit_s = 0.5;
    const auto times = time_first_frames();
    if (times.empty()) {
        std::printf("The window could not be timed: no Xvfb, or it did not open.\n\n");
        return false;
    }
    const double median = times[times.size() / 2];
    std::printf("The window: from the start of the program to the first frame that shows the virtual bench playing, %zu starts, software rendering: median %.2f s, worst %.2f s;\n"
                "it should be no more than %.1f s%s.\n\n",
                times.size(), median, times.back(), limit_s, median > limit_s ? "   TOO LONG" : "");
    std::fflush(stdout);
    return median <= limit_s;
}

/// Speed of the virtual bench, and its rivals'.
/// \param compared  names of outputs.
bool print_bench_speed(const std::vector<bench::CircuitText>& circuits, const std::vector<std::string>& compared)
{
    for (const auto& c : circuits) {
        benchmark::RegisterBenchmark(("bench/" + c.name).c_str(), [&c](benchmark::State& s) { run_bench(s, c); })->MinTime(0.05)->Repetitions(5);
        benchmark::RegisterBenchmark(("solver/" + c.name).c_str(), [&c](benchmark::State& s) { run_solver(s, c); })->MinTime(0.05)->Repetitions(5);
    }
    std::vector<std::string> clipped;
    for (const auto& c : circuits) {
        const auto built = bench::VirtualBench::build(c, Fixture{}, bench::InterfaceModel{}, rate_hz);
        if (!built || built.value()->is_linear() || built.value()->kind() != bench::CircuitKind::output) continue;
        clipped.push_back(c.name);
        for (const auto hz : clipping_hz)
            benchmark::RegisterBenchmark(clipping_name(c.name, hz).c_str(), [&c, hz](benchmark::State& s) { run_clipping(s, c, hz); })
                ->MinTime(0.05)
                ->Repetitions(5);
    }
    Keeper keeper;
    benchmark::RunSpecifiedBenchmarks(&keeper);

    std::printf("Times real time on one core: 48 kHz, blocks of 64 frames, 24 tones each of drive and probe at -12 dBFS, %s;\n"
                "medians of 5. bench: all of it; solver: the circuit alone.\n\n%-36s %8s %8s\n",
                circuit::rt::is_accelerated() ? "AVX2 and FMA" : "no AVX2 and FMA", "circuit", "bench", "solver");
    double slowest = std::numeric_limits<double>::infinity();
    for (const auto& c : circuits) {
        const double whole = keeper.median("bench/" + c.name);
        const double alone = keeper.median("solver/" + c.name);
        if (std::isnan(whole) && std::isnan(alone)) continue;  // filtered out, or failed: below
        slowest = std::fmin(slowest, whole);
        std::printf("%-36s %8.0f %8.0f\n", c.name.c_str(), whole, alone);
    }
    std::printf("%-36s %8.0f\n", "slowest", slowest);
    for (const auto& [name, message] : keeper.errors()) std::printf("%s: %s\n", name.c_str(), message.c_str());
    std::fflush(stdout);

    std::printf("\nThe same while a sine of %+.0f dBu drives the outputs beyond their limits: bench.\n\n%-36s %8s %8s\n", clipping_level.value(), "circuit",
                "1 kHz", "15 kHz");
    for (const auto& name : clipped) {
        const double low = keeper.median(clipping_name(name, clipping_hz[0]));
        const double high = keeper.median(clipping_name(name, clipping_hz[1]));
        if (!std::isnan(low) || !std::isnan(high)) std::printf("%-36s %8.0f %8.0f\n", name.c_str(), low, high);
    }
    std::printf("\nThe same circuit as exactly by other means: 1 kHz and 10 kHz at -18 dBFS each, with the fixture, pin 3 through.\n"
                "Error: of the phasors at pin 2, the larger one, over ngspice with steps of 50 and 25 ns extrapolated to none.\n"
                "ngspice: its fastest run with no larger error. trapezoidal: steps per frame, its matrix products alone.\n\n"
                "%-24s %9s %9s | %8s %8s %9s %9s %9s | %6s %9s %9s\n", "circuit", "our error", "x real", "ngspice:", "reltol", "error", "x real", "we are",
                "trap.:", "x real", "we are");
    bool failed = !keeper.errors().empty();
    for (const auto& name : compared) {
        const double ours = keeper.median("bench/" + name);
        if (std::isnan(ours)) continue;  // filtered out, or failed: above
        const auto circuit = bench::find_circuit(name);
        const auto found = circuit ? compare(circuit.value()) : Result<Comparison>{circuit.error()};
        if (!found) {
            std::printf("%-24s %s\n", name.c_str(), found.error().message.c_str());
            failed = true;
            continue;
        }
        const auto& f = found.value();
        std::printf("%-24s %9.1e %9.0f | ", name.c_str(), f.our_error, ours);
        if (f.ngspice)
            std::printf("%5.0f ns %8.0e %9.1e %9.4f %7.0f x | ", f.ngspice->step_seconds * 1e9, f.ngspice->reltol, f.ngspice->error,
                        f.ngspice->times_real_time, ours / f.ngspice->times_real_time);
        else std::printf("%-46s  | ", "no step of 25 ns or more is as exact");
        if (f.trapezoidal)
            std::printf("%6lld %9.1f %7.1f x", static_cast<long long>(f.trapezoidal->oversampling), f.trapezoidal->times_real_time,
                        ours / f.trapezoidal->times_real_time);
        std::printf("   (the reference was extrapolated by %.0e)\n", f.reference_change);
        std::fflush(stdout);
    }
    return !failed;
}

}  // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    std::vector<std::string> arguments(argv + 1, argv + argc);
    std::string_view only;
    if (arguments.size() >= 2 && arguments[0] == "--only") only = arguments[1];
    if (!arguments.empty() && arguments[0] == "--only" && only != "verdict" && only != "estimator" && only != "callback" && only != "window" && only != "bench") {
        std::fprintf(stderr, "--only takes one of verdict, estimator, callback, window, bench\n");
        return 2;
    }
    // What is compared with ngspice: linear ones, and one of each way in which outputs are not. Some ten seconds each.
    std::vector<std::string> compared{"impedance-balanced", "inverter-100", "inverter", "cross-coupled", "transformer"};
    const std::size_t names_from = only.empty() ? 0 : 2;
    if (arguments.size() > names_from) compared.assign(arguments.begin() + static_cast<std::ptrdiff_t>(names_from), arguments.end());

    std::vector<bench::CircuitText> circuits;
    for (const auto& shipped : bench::shipped_circuits()) circuits.push_back(bench::find_circuit(shipped.name).value());
    bool is_well = true;
    if (only.empty() || only == "verdict") is_well = print_verdict_times(circuits) && is_well;
    if (only.empty() || only == "estimator") is_well = print_efficiency() && is_well;
    if (only.empty() || only == "callback") is_well = print_callback_time() && is_well;
    if (only.empty() || only == "window") is_well = print_window_time() && is_well;
    if (only.empty() || only == "bench") is_well = print_bench_speed(circuits, compared) && is_well;
    return is_well ? 0 : 1;
}
