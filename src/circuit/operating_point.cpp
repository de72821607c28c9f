#include "circuit/equations.h"
#include "circuit/linear_solver.h"
#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace lowleg::circuit {
namespace {

std::vector<double> times(const Matrix& m, const std::vector<double>& x)
{
    std::vector<double> out(m.rows);
    for (std::size_t c = 0; c < m.columns; ++c)
        for (std::size_t r = 0; r < m.rows; ++r) out[r] += m(r, c) * x[c];
    return out;
}

/// Every law at one place: its value and its slopes.
struct Tangents {
    std::vector<double> values;
    Matrix slopes;  ///< [laws][quantities]

    Tangents(const Equations& e, const std::vector<double>& quantities) : values(e.laws.size()), slopes{e.laws.size(), e.sensing.rows}
    {
        for (std::size_t law = 0; law < e.laws.size(); ++law) {
            const auto& [function, inputs, place] = e.laws[law];
            std::vector<double> q(inputs.size()), gradient(inputs.size()), results(function.size()), adjoints(function.size());
            for (std::size_t i = 0; i < inputs.size(); ++i) q[i] = quantities[inputs[i]];
            rt::evaluate(function, q.data(), results.data());
            rt::differentiate(function, results.data(), inputs.size(), gradient.data(), adjoints.data());
            values[law] = results.back();
            for (std::size_t i = 0; i < inputs.size(); ++i) slopes(law, inputs[i]) = gradient[i];
        }
    }
};

/// One implicit Euler step of `seconds` from the charges that `before` holds: (C/h + G)·x = C/h·before + dc + N·f(M·x), by
/// Newton's method with halved steps where a whole one leads away.
class EulerStep {
public:
    EulerStep(const Equations& e, double seconds, const std::vector<double>& before) : e_{e}, a_{e.conductance}, b_{times(e.storage, before)}
    {
        for (std::size_t i = 0; i < a_.values.size(); ++i) a_.values[i] += e.storage.values[i] / seconds;
        for (std::size_t i = 0; i < b_.size(); ++i) b_[i] = b_[i] / seconds + e.dc[i];
    }

    /// \return whether it was found; `x` then holds it.
    bool solve(std::vector<double>& x) const
    {
        constexpr int most_iterations = 60;
        for (int i = 0; i < most_iterations; ++i) {
            const Tangents t{e_, times(e_.sensing, x)};
            auto next = towards(t, times(e_.sensing, x));
            if (!next) return false;
            double change = 0.0;
            double size = 1e-9;
            for (std::size_t k = 0; k < x.size(); ++k) {
                change = std::max(change, std::abs((*next)[k] - x[k]));
                size = std::max(size, std::abs((*next)[k]));
            }
            if (change <= 1e-10 * size) {
                x = std::move(*next);
                return true;
            }
            // How far the laws bend between here and there decides how far to go: their values at both ends must agree
            // with their tangents better after the step than before it.
            double fraction = 1.0;
            const double here = misfit(x);
            std::vector<double> tried;
            for (;; fraction /= 2.0) {
                tried = x;
                for (std::size_t k = 0; k < x.size(); ++k) tried[k] += fraction * ((*next)[k] - x[k]);
                const double there = misfit(tried);
                if (std::isfinite(there) && (there <= here * (1.0 - 0.1 * fraction) || there < 1e-14)) break;
                if (fraction < 1e-6) return false;
            }
            x = std::move(tried);
        }
        return false;
    }

private:
    /// The solution where every law is its tangent.
    [[nodiscard]] std::optional<std::vector<double>> towards(const Tangents& t, const std::vector<double>& q) const
    {
        Matrix a = a_;
        Matrix b{b_.size(), 1};
        b.values = b_;
        const Matrix slope_of_x = product(t.slopes, e_.sensing);
        const Matrix added = product(e_.injection, slope_of_x);
        for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] -= added.values[i];
        const auto linear = times(t.slopes, q);
        for (std::size_t law = 0; law < e_.laws.size(); ++law)
            for (std::size_t r = 0; r < b.rows; ++r) b(r, 0) += e_.injection(r, law) * (t.values[law] - linear[law]);
        auto x = circuit::solve(a, b);
        if (!x) return std::nullopt;
        return std::move(x->values);
    }

    /// How far `x` is from the solution, each row relative to what stands in it; where that is nothing but rounding, to what could.
    [[nodiscard]] double misfit(const std::vector<double>& x) const
    {
        const Tangents t{e_, times(e_.sensing, x)};
        auto rest = b_;
        std::vector<double> size(b_.size());
        for (std::size_t r = 0; r < rest.size(); ++r) size[r] = std::abs(rest[r]);
        const auto add = [&](std::size_t r, double v) { rest[r] += v; size[r] += std::abs(v); };
        for (std::size_t law = 0; law < e_.laws.size(); ++law)
            for (std::size_t r = 0; r < rest.size(); ++r) add(r, e_.injection(r, law) * t.values[law]);
        for (std::size_t c = 0; c < a_.columns; ++c)
            for (std::size_t r = 0; r < rest.size(); ++r) add(r, -a_(r, c) * x[c]);
        double largest = 0.0;
        for (const double v : x) largest = std::max(largest, std::abs(v));
        for (std::size_t c = 0; c < a_.columns; ++c)
            for (std::size_t r = 0; r < rest.size(); ++r) size[r] += 1e-12 * largest * std::abs(a_(r, c));
        double sum = 0.0;
        for (std::size_t r = 0; r < rest.size(); ++r) sum += size[r] > 0.0 ? std::pow(rest[r] / size[r], 2.0) : 0.0;
        return std::sqrt(sum);
    }

    const Equations& e_;
    Matrix a_;
    std::vector<double> b_;
};

// Long enough for every capacitor of an output stage to have charged, short enough for a charge that nothing drains to stay.
constexpr double long_since_s = 1e9;

/// What the circuit does after it is switched on, in steps that grow as it settles.
bool power_up(const Equations& e, std::vector<double>& x)
{
    std::fill(x.begin(), x.end(), 0.0);
    double step_s = 1e-9;
    for (int steps = 0; steps < 2000; ++steps) {
        auto next = x;
        if (EulerStep{e, step_s, x}.solve(next)) {
            x = std::move(next);
            if (step_s > long_since_s) return true;
            step_s *= 3.0;
        } else {
            step_s /= 8.0;
            if (step_s < 1e-15) return false;
        }
    }
    return false;
}

}  // namespace

Result<OperatingPoint> find_operating_point(const Equations& equations)
{
    std::vector<double> x(equations.size());
    const bool is_silent = equations.laws.empty() && std::all_of(equations.dc.begin(), equations.dc.end(), [](double v) { return v == 0.0; });
    if (!is_silent && !EulerStep{equations, long_since_s, x}.solve(x) && !power_up(equations, x))
        return Error{equations.source + " does not converge: no operating point was found at which " +
                     (equations.laws.empty() ? std::string{"its sources agree"} : "the law of " + equations.laws.front().place + " and the rest agree") +
                     "; look for laws that jump, or for a current that nothing takes up"};
    const auto q = times(equations.sensing, x);
    const Tangents t{equations, q};
    OperatingPoint point{std::move(x), t.slopes, t.values};
    const auto linear = times(t.slopes, q);
    for (std::size_t law = 0; law < equations.laws.size(); ++law) point.offsets[law] -= linear[law];
    return point;
}

Equations linearized(const Equations& equations, const OperatingPoint& point)
{
    auto out = equations;
    if (equations.laws.empty()) return out;
    const Matrix slopes = product(equations.injection, product(point.slopes, equations.sensing));
    for (std::size_t i = 0; i < slopes.values.size(); ++i) out.conductance.values[i] -= slopes.values[i];
    for (std::size_t law = 0; law < equations.laws.size(); ++law)
        for (std::size_t r = 0; r < out.size(); ++r) out.dc[r] += equations.injection(r, law) * point.offsets[law];
    out.laws.clear();
    out.injection = Matrix{out.size(), 0};
    out.sensing = Matrix{0, out.size()};
    return out;
}

Status check_stable(const Equations& equations)
{
    if (equations.states() == 0) return Done{};
    // The natural frequencies p solve det(p·C + G) = 0; with any σ, 1/(σ − p) are the eigenvalues of Pᵀ·(σ·C + G)⁻¹·P.
    constexpr double sigma = 2.0 * std::numbers::pi * 1000.0;
    Matrix a = equations.conductance;
    for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] += sigma * equations.storage.values[i];
    const auto x = solve(a, equations.spread);
    if (!x) return Error{equations.source + " has values too far apart to be run sample by sample: check its suffixes"};
    const Matrix to_solve = transposed_product(equations.spread, *x);
    double norm = 0.0;
    for (const double v : to_solve.values) norm = std::hypot(norm, v);
    for (const Complex e : eigenvalues(to_solve)) {
        if (std::abs(e) < 1e-11 * norm) continue;  // so fast that its sign is rounding
        const Complex p = sigma - 1.0 / e;
        // A charge that nothing drains stays at p = 0, to rounding.
        if (p.real() > 0.01 + 1e-9 * std::abs(p))
            return Error{equations.source + " is unstable: a voltage doubles every " + format_fixed(1e6 * std::numbers::ln2 / p.real(), 1) +
                         " µs, as in gear that latches up; look for positive feedback of 1 or more"};
    }
    return Done{};
}

}  // namespace lowleg::circuit
