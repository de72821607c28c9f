#include "bench/spread.h"

#include "bench/wiring.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace lowleg::bench {
namespace {

using circuit::PartValue;

/// Output `index`, counted from 0, of SplitMix64: its state only ever grows by the same step, so any output can be had at once.
constexpr std::uint64_t splitmix64(std::uint64_t seed, std::uint64_t index) noexcept
{
    std::uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
}

double tolerance_of(const PartValue& part)
{
    if (part.tolerance) return *part.tolerance;
    switch (part.kind) {
    case 'r': return tolerance_of_resistors;
    case 'c': return tolerance_of_capacitors;
    case 'l': return tolerance_of_inductors;
    default: return 0.0;
    }
}

/// Of the nominal value. \param u  in [0, 1)
double drawn_factor(double tolerance, double u)
{
    // A hundredth at least: no tolerance turns a part round, or into nothing.
    return std::max(0.01, 1.0 + tolerance * (2.0 * u - 1.0));
}

/// A path may read like a name: X1.X2.R1 is R1 of X2 of X1, or R1 of an X1.X2.
std::string unused(std::string name, std::set<std::string>& used)
{
    while (!used.insert(name).second) name += "'";
    return name;
}

class Drawing {
public:
    Drawing(const CircuitText& circuit, const Fixture& fixture, const SpreadOptions& options) : circuit_{circuit}, fixture_{fixture}, options_{options} {}

    /// The circuit as it stands: what there is to draw, and where angles belong.
    Result<Spread> start()
    {
        Spread out;
        std::set<std::string> used;
        auto netlist = read_circuit(circuit_, [&](const PartValue& part) {
            const double tolerance = tolerance_of(part);
            const bool is_drawn = tolerance > 0.0 && part.nominal != 0.0;
            values_.push_back(is_drawn ? std::optional{out.parts.size()} : std::nullopt);
            if (is_drawn) out.parts.push_back({unused(std::string{part.name}, used), part.nominal, tolerance, part.tolerance.has_value()});
            return part.nominal;
        });
        if (!netlist) return netlist.error();
        const auto kind = kind_of(netlist.value());
        if (!kind) return kind.error();
        const auto solved = SolvedCircuit::build(netlist.value(), kind.value(), fixture_);
        if (!solved) return solved.error();
        for (std::size_t position = 0; position < positions_of(kind.value()); ++position)
            if (const auto stable = solved.value().check_stable(position); !stable) return stable.error();
        out.kind = kind.value();
        out.options = options_;
        out.figures = solved.value().figures();
        out.notes = notes_of(netlist.value());
        for (const auto frequency : options_.frequencies) {
            const auto figures = solved.value().read(frequency);
            if (!figures) return figures.error();
            out.nominal.insert(out.nominal.end(), figures.value().begin(), figures.value().end());
        }
        return out;
    }

    [[nodiscard]] Draw draw(const Spread& spread, std::size_t index) const
    {
        Draw out;
        const auto failed = [&](Draw::Fate fate, const Error& error) {
            out.fate = fate;
            out.reason = error.message;
            out.figures.clear();
            return out;
        };
        std::vector<double> factors;
        for (std::size_t j = 0; j < spread.parts.size(); ++j) {
            const auto bits = splitmix64(options_.seed, index * spread.parts.size() + j);
            factors.push_back(drawn_factor(spread.parts[j].tolerance, static_cast<double>(bits >> 11U) * 0x1p-53));
            out.parts.push_back(factors[j] * spread.parts[j].nominal);
        }
        // Values come in the same order every time. One that is worked out of others has their scatter on top of its own.
        std::size_t value = 0;
        auto netlist = read_circuit(circuit_, [&](const PartValue& part) {
            const auto j = value < values_.size() ? values_[value++] : std::nullopt;
            return j ? out.parts[*j] = factors[*j] * part.nominal : part.nominal;
        });
        if (!netlist) return failed(Draw::Fate::no_solution, netlist.error());
        const auto solved = SolvedCircuit::build(netlist.value(), spread.kind, fixture_);
        if (!solved) return failed(Draw::Fate::no_solution, solved.error());
        for (std::size_t position = 0; position < positions_of(spread.kind); ++position)
            if (const auto stable = solved.value().check_stable(position); !stable) return failed(Draw::Fate::unstable, stable.error());
        for (const auto frequency : options_.frequencies) {
            const auto figures = solved.value().read(frequency);
            if (!figures) return failed(Draw::Fate::no_solution, figures.error());
            out.figures.insert(out.figures.end(), figures.value().begin(), figures.value().end());
        }
        // An angle scatters about its nominal value, not about where angles are cut.
        for (std::size_t i = 0; i < out.figures.size(); ++i)
            if (spread.figures[i % spread.figures.size()].unit == "°" && std::isfinite(spread.nominal[i]))
                out.figures[i] = spread.nominal[i] + std::remainder(out.figures[i] - spread.nominal[i], 360.0);
        return out;
    }

private:
    const CircuitText& circuit_;
    const Fixture& fixture_;
    const SpreadOptions& options_;
    std::vector<std::optional<std::size_t>> values_;  ///< Index into Spread::parts of each value in turn; none: it is not drawn.
};

}  // namespace

Result<Spread> spread_of(const CircuitText& circuit, const Fixture& fixture, const SpreadOptions& options, const std::function<bool()>& should_stop)
{
    if (options.draws < 1 || options.draws > max_draws)
        return Error{"a spread cannot have " + std::to_string(options.draws) + " draws: give 1 to " + std::to_string(max_draws), ErrorKind::usage};
    Drawing drawing{circuit, fixture, options};
    auto started = drawing.start();
    if (!started) return started;
    auto& spread = started.value();
    spread.draws.resize(options.draws);

    // Each draw is the same whoever makes it.
    std::atomic<std::size_t> next{0};
    std::atomic<bool> is_stopped{false};
    const auto work = [&](const std::function<bool()>& asked) {
        for (std::size_t i = next++; i < options.draws && !is_stopped; i = next++) {
            if (asked && asked()) is_stopped = true;
            else spread.draws[i] = std::as_const(drawing).draw(spread, i);
        }
    };
    std::vector<std::future<void>> helpers;
    const auto threads = std::min<std::size_t>(std::max(1U, std::thread::hardware_concurrency()), options.draws);
    for (std::size_t i = 1; i < threads; ++i) helpers.push_back(std::async(std::launch::async, work, std::function<bool()>{}));
    work(should_stop);
    for (auto& helper : helpers) helper.get();
    if (is_stopped) return Error{"stopped by hand before all draws were solved", ErrorKind::interrupted};
    return started;
}

Distribution distribution_of(const Spread& spread, std::size_t frequency, std::size_t figure)
{
    const auto at = frequency * spread.figures.size() + figure;
    std::vector<double> values;
    for (const auto& draw : spread.draws)
        if (!draw.figures.empty() && std::isfinite(draw.figures[at])) values.push_back(draw.figures[at]);
    constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
    if (values.empty()) return {0, nothing, nothing, nothing, nothing, nothing, nothing, nothing};

    std::ranges::sort(values);
    const auto n = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    const double squares = std::accumulate(values.begin(), values.end(), 0.0, [&](double sum, double x) { return sum + (x - mean) * (x - mean); });
    const auto quantile = [&](double p) {
        const double place = p * (n - 1.0);
        const auto below = static_cast<std::size_t>(place);
        const auto above = std::min(below + 1, values.size() - 1);
        return std::lerp(values[below], values[above], place - std::floor(place));
    };
    return {values.size(),   mean,          values.size() > 1 ? std::sqrt(squares / (n - 1.0)) : nothing,
            values.front(),  quantile(0.05), quantile(0.5), quantile(0.95), values.back()};
}

}  // namespace lowleg::bench
