#include "circuit/linear_circuit.h"

#include "core/text.h"

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

namespace lowleg::circuit {
namespace {

using Eigen::Index;
using Eigen::MatrixXcd;
using Eigen::MatrixXd;
using Eigen::VectorXd;

Index as_index(std::size_t i) noexcept { return static_cast<Index>(i); }

/// Which things hang together. (Disjoint sets with path halving.)
class Sets {
public:
    explicit Sets(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }

    std::size_t root(std::size_t i)
    {
        while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
        return i;
    }
    /// The smaller root stays, so that ground is the root of its own set. \return false when they were joined already.
    bool join(std::size_t a, std::size_t b)
    {
        a = root(a);
        b = root(b);
        if (a == b) return false;
        parent_[std::max(a, b)] = std::min(a, b);
        return true;
    }

private:
    std::vector<std::size_t> parent_;
};

/// A·x = B where the entries of A span 1e-12 S to 1e12 Ω: rows and columns are brought to a largest entry near 1, by powers
/// of two (D. Ruiz, "A scaling algorithm to equilibrate both rows and columns norms in matrices", RAL-TR-2001-034).
struct Scaling {
    VectorXd row, column;

    explicit Scaling(const MatrixXd& magnitudes) : row{VectorXd::Ones(magnitudes.rows())}, column{VectorXd::Ones(magnitudes.cols())}
    {
        const auto root = [](double largest) { return largest > 0.0 ? std::scalbn(1.0, -std::ilogb(largest) / 2) : 1.0; };
        for (int pass = 0; pass < 6; ++pass) {
            const MatrixXd scaled = row.asDiagonal() * magnitudes * column.asDiagonal();
            for (Index i = 0; i < row.size(); ++i) row[i] *= root(scaled.row(i).maxCoeff());
            for (Index i = 0; i < column.size(); ++i) column[i] *= root(scaled.col(i).maxCoeff());
        }
    }
};

/// Radau IIA, three stages.
struct Radau {
    Eigen::Matrix3d inverse;   ///< A⁻¹
    std::array<double, 3> at;  ///< c

    Radau()
    {
        const double s = std::sqrt(6.0);
        Eigen::Matrix3d a;
        a << (88.0 - 7.0 * s) / 360.0, (296.0 - 169.0 * s) / 1800.0, (-2.0 + 3.0 * s) / 225.0,
            (296.0 + 169.0 * s) / 1800.0, (88.0 + 7.0 * s) / 360.0, (-2.0 - 3.0 * s) / 225.0,
            (16.0 - s) / 36.0, (16.0 + s) / 36.0, 1.0 / 9.0;
        inverse = a.inverse();
        at = {(4.0 - s) / 10.0, (4.0 + s) / 10.0, 1.0};
    }
};

/// The continuous signal between samples: a sinc with its edge at half the rate, under a Kaiser window.
class Interpolator {
public:
    explicit Interpolator(double rate_hz)
    {
        // What lies above the passband folds back onto it when the output is sampled, so the images of the passband's end
        // must be gone: the transition is twice the distance from there to half the rate. Length and β: J. F. Kaiser, 1974.
        constexpr double attenuation_db = 112.0;
        constexpr double lowest_image_hz = 42e3;
        const double passband_hz = rate_hz > lowest_image_hz ? std::max(20e3, rate_hz * 5.0 / 12.0) : rate_hz * 5.0 / 12.0;
        const double transition = 1.0 - 2.0 * passband_hz / rate_hz;
        half_ = static_cast<std::size_t>(std::ceil((attenuation_db - 7.95) / (14.36 * transition) / 2.0)) + 1;
        beta_ = 0.1102 * (attenuation_db - 8.7);
    }

    [[nodiscard]] std::size_t taps() const noexcept { return 2 * half_; }
    [[nodiscard]] std::int64_t delay() const noexcept { return static_cast<std::int64_t>(half_) - 1; }

    /// Weights of the samples at −half+1 … half for the signal at `t`, 0 < t ≤ 1. Constants and slopes up to the third order
    /// are exact, by a last touch on the weights: a circuit that differentiates would show their error in full.
    [[nodiscard]] Eigen::RowVectorXd weights(double t) const
    {
        Eigen::RowVectorXd w(as_index(taps()));
        VectorXd shape(as_index(taps()));
        Eigen::Matrix<double, 4, Eigen::Dynamic> powers(4, as_index(taps()));
        for (std::size_t i = 0; i < taps(); ++i) {
            const double x = t + static_cast<double>(half_) - 1.0 - static_cast<double>(i);
            const double u = x / static_cast<double>(half_);
            const double window = std::abs(u) < 1.0 ? std::cyl_bessel_i(0.0, beta_ * std::sqrt(1.0 - u * u)) : 1.0;
            const double phase = std::numbers::pi * x;
            w[as_index(i)] = window * (std::abs(phase) < 1e-12 ? 1.0 : std::sin(phase) / phase);
            powers.col(as_index(i)) << 1.0, u, u * u, u * u * u;
            shape[as_index(i)] = window;
        }
        // Least change, weighted with the window, so that Σ w·u^k is 1 for k = 0 and 0 for k = 1, 2, 3.
        const Eigen::Vector4d missing = Eigen::Vector4d::UnitX() - powers * w.transpose() / w.sum();
        const Eigen::Matrix4d moments = powers * shape.asDiagonal() * powers.transpose();
        return w / w.sum() + (shape.asDiagonal() * powers.transpose() * moments.ldlt().solve(missing)).transpose();
    }

private:
    std::size_t half_;
    double beta_;
};

constexpr int steps_per_sample = 16;

}  // namespace

struct LinearCircuit::Impl {
    std::string source;
    std::vector<std::string> unknowns;  ///< For messages: "the voltage of node \"p2\"".
    MatrixXd conductance, storage;      ///< G and C, [unknowns][unknowns]
    MatrixXd input;                     ///< B, [unknowns][inputs]
    VectorXd dc;                        ///< What the netlist's own DC sources add to B·u.
    std::vector<Index> outputs;         ///< Unknown of each output; −1 is ground.
    /// P, with C = P·Pᵀ of full rank: the state is w = Pᵀ·x, the charges and fluxes that are independent of each other, scaled
    /// so that |w|² is twice the stored energy. It depends on capacitors and inductors alone.
    MatrixXd spread;  ///< [unknowns][states]

    [[nodiscard]] Status find_state(const Netlist& netlist);
    [[nodiscard]] Status check_solvable() const;
    [[nodiscard]] Status check_stable() const;

    [[nodiscard]] MatrixXcd pencil(Complex s) const { return s * storage.cast<Complex>() + conductance.cast<Complex>(); }
    [[nodiscard]] MatrixXd outputs_of(const MatrixXd& x) const
    {
        MatrixXd y = MatrixXd::Zero(as_index(outputs.size()), x.cols());
        for (std::size_t o = 0; o < outputs.size(); ++o)
            if (outputs[o] >= 0) y.row(as_index(o)) = x.row(outputs[o]);
        return y;
    }
};

namespace {

/// Loops of voltage sources, and nodes that nothing connects with ground: named before any arithmetic.
Status check_connections(const Netlist& netlist)
{
    Sets sources(netlist.nodes.size());
    Sets connected(netlist.nodes.size());
    std::vector<const Element*> seen_in(netlist.nodes.size());
    const auto touch = [&](const Element& e, Node node) { if (seen_in[node] == nullptr) seen_in[node] = &e; };
    for (const auto& e : netlist.elements) {
        if (const auto* v = std::get_if<VoltageSource>(&e.part); v != nullptr && !sources.join(v->plus, v->minus))
            return Error{netlist.place_of(e) + ": " + e.name + " closes a loop of voltage sources, whose voltages would contradict each other: "
                                                             "put a resistor into the loop"};
        if (const auto* s = std::get_if<ControlledSource>(&e.part); s != nullptr && !sources.join(s->plus, s->minus))
            return Error{netlist.place_of(e) + ": " + e.name + " closes a loop of voltage sources, whose voltages would contradict each other: "
                                                             "put a resistor into the loop"};
        const auto join = [&](Node a, Node b) { touch(e, a); touch(e, b); connected.join(a, b); };
        std::visit([&](const auto& part) {
            if constexpr (requires { part.a; }) join(part.a, part.b);
            else if constexpr (requires { part.plus; }) join(part.plus, part.minus);
            if constexpr (requires { part.control_plus; }) { touch(e, part.control_plus); touch(e, part.control_minus); }
        }, e.part);
    }
    for (Node node = 1; node < netlist.nodes.size(); ++node)
        if (connected.root(node) != 0 && seen_in[node] != nullptr)
            return Error{netlist.place_of(*seen_in[node]) + ": node \"" + netlist.nodes[node] + "\" (at " + seen_in[node]->name +
                         ") has no path to ground, so nothing decides its voltage: connect it to node 0, if only through 1 Gohm"};
    return Done{};
}

}  // namespace

LinearCircuit::LinearCircuit(std::shared_ptr<const Impl> impl) noexcept : impl_{std::move(impl)} {}

std::size_t LinearCircuit::inputs() const noexcept { return static_cast<std::size_t>(impl_->input.cols()); }
std::size_t LinearCircuit::outputs() const noexcept { return impl_->outputs.size(); }

Result<LinearCircuit> LinearCircuit::build(const Netlist& netlist, std::span<const std::string_view> sources,
                                           std::span<const std::string_view> outputs)
{
    if (auto status = check_connections(netlist); !status) return status.error();

    auto impl = std::make_shared<Impl>();
    impl->source = netlist.source;
    for (Node node = 1; node < netlist.nodes.size(); ++node)
        impl->unknowns.push_back("the voltage of node \"" + netlist.nodes[node] + "\"");

    // Unknown of a node (−1: ground) and of the current of an element.
    const auto row_of = [](Node node) { return as_index(node) - 1; };
    std::vector<Index> current(netlist.elements.size(), -1);
    for (std::size_t e = 0; e < netlist.elements.size(); ++e) {
        const auto& part = netlist.elements[e].part;
        if (!std::holds_alternative<Inductor>(part) && !std::holds_alternative<VoltageSource>(part) &&
            !std::holds_alternative<ControlledSource>(part))
            continue;
        current[e] = as_index(impl->unknowns.size());
        impl->unknowns.push_back("the current of " + netlist.elements[e].name);
    }
    if (impl->unknowns.size() > max_unknowns)
        return Error{netlist.source + " has " + std::to_string(impl->unknowns.size()) + " nodes and source or inductor currents, more than the " +
                     std::to_string(max_unknowns) + " that can be run: give a smaller circuit"};

    const auto n = as_index(impl->unknowns.size());
    auto& g = impl->conductance = MatrixXd::Zero(n, n);
    auto& c = impl->storage = MatrixXd::Zero(n, n);
    impl->dc = VectorXd::Zero(n);
    impl->input = MatrixXd::Zero(n, as_index(sources.size()));

    const auto add = [](MatrixXd& m, Index row, Index column, double value) { if (row >= 0 && column >= 0) m(row, column) += value; };
    const auto admittance = [&](MatrixXd& m, Node a, Node b, double value) {
        add(m, row_of(a), row_of(a), value);
        add(m, row_of(b), row_of(b), value);
        add(m, row_of(a), row_of(b), -value);
        add(m, row_of(b), row_of(a), -value);
    };
    // A current from a to b through the element, and its own equation over V(a) − V(b) (sign: keeps C symmetric).
    const auto branch = [&](Node a, Node b, Index i, double sign) {
        add(g, row_of(a), i, 1.0);
        add(g, row_of(b), i, -1.0);
        add(g, i, row_of(a), sign);
        add(g, i, row_of(b), -sign);
    };
    for (std::size_t e = 0; e < netlist.elements.size(); ++e) {
        const auto& part = netlist.elements[e].part;
        if (const auto* r = std::get_if<Resistor>(&part)) {
            admittance(g, r->a, r->b, 1.0 / r->ohms);
        } else if (const auto* cap = std::get_if<Capacitor>(&part)) {
            admittance(c, cap->a, cap->b, cap->farads);
        } else if (const auto* l = std::get_if<Inductor>(&part)) {
            branch(l->a, l->b, current[e], -1.0);
            c(current[e], current[e]) += l->henries;
        } else if (const auto* k = std::get_if<Coupling>(&part)) {
            const double mutual = k->k * std::sqrt(std::get<Inductor>(netlist.elements[k->first].part).henries) *
                                  std::sqrt(std::get<Inductor>(netlist.elements[k->second].part).henries);
            c(current[k->first], current[k->second]) += mutual;
            c(current[k->second], current[k->first]) += mutual;
        } else if (const auto* v = std::get_if<VoltageSource>(&part)) {
            branch(v->plus, v->minus, current[e], 1.0);
            impl->dc[current[e]] = v->dc_volts;
        } else if (const auto* s = std::get_if<ControlledSource>(&part)) {
            branch(s->plus, s->minus, current[e], 1.0);
            add(g, current[e], row_of(s->control_plus), -s->gain);
            add(g, current[e], row_of(s->control_minus), s->gain);
        }
    }
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto e = netlist.find_element(sources[i]);
        if (!e || !std::holds_alternative<VoltageSource>(netlist.elements[*e].part))
            return Error{netlist.source + " has no voltage source " + std::string{sources[i]} + " to drive: name one of its V elements"};
        impl->input(current[*e], as_index(i)) = 1.0;
    }
    for (const auto name : outputs) {
        const auto node = netlist.find_node(name);
        if (!node) return Error{netlist.source + " has no node \"" + std::string{name} + "\" to read: name one of its nodes"};
        impl->outputs.push_back(row_of(*node));
    }
    if (!g.allFinite() || !c.allFinite())
        return Error{netlist.source + " has values too large or too small to be computed with: check its suffixes"};

    if (auto status = impl->find_state(netlist); !status) return status.error();
    if (auto status = impl->check_solvable(); !status) return status.error();
    return LinearCircuit{std::move(impl)};
}

Status LinearCircuit::Impl::find_state(const Netlist& netlist)
{
    std::vector<VectorXd> columns;

    // Capacitors. Of the nodes that they hang together all but one (ground, where it is among them) have a charge of their
    // own; over these nodes C is positive definite, M·Mᵀ.
    Sets by_capacitors(netlist.nodes.size());
    std::vector<Index> windings;  // unknowns that are currents of inductors
    auto unknown = as_index(netlist.nodes.size()) - 1;
    for (const auto& e : netlist.elements) {
        if (const auto* cap = std::get_if<Capacitor>(&e.part)) by_capacitors.join(cap->a, cap->b);
        if (std::holds_alternative<Inductor>(e.part)) windings.push_back(unknown);
        if (!std::holds_alternative<Resistor>(e.part) && !std::holds_alternative<Capacitor>(e.part) && !std::holds_alternative<Coupling>(e.part)) ++unknown;
    }
    std::vector<Index> charged;
    for (Node node = 1; node < netlist.nodes.size(); ++node)
        if (by_capacitors.root(node) != node) charged.push_back(as_index(node) - 1);
    const Eigen::LLT<MatrixXd> of_charges{storage(charged, charged)};
    if (!charged.empty() && of_charges.info() != Eigen::Success)
        return Error{source + " has capacitors too far apart in value to be computed with: check their suffixes"};
    const MatrixXd factor = of_charges.matrixL();
    for (Index column = 0; column < as_index(charged.size()); ++column) {
        VectorXd p = VectorXd::Zero(storage.rows());
        for (std::size_t i = 0; i < charged.size(); ++i) {
            const double value = factor(as_index(i), column);
            const auto root = as_index(by_capacitors.root(static_cast<Node>(charged[i]) + 1)) - 1;
            p[charged[i]] += value;
            if (root >= 0) p[root] -= value;
        }
        columns.push_back(std::move(p));
    }

    // Inductors: as many fluxes as the matrix of inductances has rank; fewer than windings where a coupling is 1. Pivoted
    // Cholesky of the couplings (1 on the diagonal); what remains below 0 would be an energy below 0.
    const VectorXd root_of_inductance = MatrixXd{storage(windings, windings)}.diagonal().cwiseSqrt();
    MatrixXd remains = root_of_inductance.cwiseInverse().asDiagonal() * storage(windings, windings) * root_of_inductance.cwiseInverse().asDiagonal();
    constexpr double rounding = 1e-11;
    for (std::size_t step = 0; step < windings.size(); ++step) {
        Index pivot{};
        if (remains.diagonal().maxCoeff(&pivot) <= rounding) break;
        const VectorXd column = remains.col(pivot) / std::sqrt(remains(pivot, pivot));
        remains -= column * column.transpose();
        VectorXd p = VectorXd::Zero(storage.rows());
        for (std::size_t i = 0; i < windings.size(); ++i) p[windings[i]] = column[as_index(i)] * root_of_inductance[as_index(i)];
        columns.push_back(std::move(p));
    }
    if (!windings.empty() && remains.cwiseAbs().maxCoeff() > 1e-9)
        return Error{source + ": its inductors cannot all be coupled as its K elements say (two windings that follow a third one must "
                              "follow each other): correct the couplings"};

    spread.resize(storage.rows(), as_index(columns.size()));
    for (std::size_t i = 0; i < columns.size(); ++i) spread.col(as_index(i)) = columns[i];
    return Done{};
}

Status LinearCircuit::Impl::check_solvable() const
{
    // A circuit that has a solution at all has one at almost every s; this one lies off both axes, where no resonance is.
    const Complex s = 2.0 * std::numbers::pi * Complex{701.0, 997.0};
    const MatrixXcd a = pencil(s);
    const Scaling scaling{a.cwiseAbs()};
    const Eigen::FullPivLU<MatrixXcd> lu{scaling.row.asDiagonal() * a * scaling.column.asDiagonal()};
    if (lu.isInvertible()) return Done{};
    Index open{};
    const MatrixXcd kernel = lu.kernel();
    (scaling.column.asDiagonal() * kernel.col(0)).cwiseAbs().maxCoeff(&open);
    return Error{source + ": nothing in the circuit decides " + unknowns[static_cast<std::size_t>(open)] +
                 ": look for a short between sources or ideally coupled windings, or for a controlled source that follows itself"};
}

Status LinearCircuit::Impl::check_stable() const
{
    if (spread.cols() == 0) return Done{};
    // The natural frequencies p solve det(p·C + G) = 0; with any σ, 1/(σ − p) are the eigenvalues of Pᵀ·(σ·C + G)⁻¹·P.
    constexpr double sigma = 2.0 * std::numbers::pi * 1000.0;
    const MatrixXd a = sigma * storage + conductance;
    const Scaling scaling{a.cwiseAbs()};
    const Eigen::PartialPivLU<MatrixXd> lu{scaling.row.asDiagonal() * a * scaling.column.asDiagonal()};
    const MatrixXd x = scaling.column.asDiagonal() * lu.solve(scaling.row.asDiagonal() * spread);
    const MatrixXd to_solve = spread.transpose() * x;
    if (!to_solve.allFinite()) return Error{source + " has values too far apart to be run sample by sample: check its suffixes"};
    const Eigen::VectorXcd eigenvalues = to_solve.eigenvalues();
    for (const Complex e : eigenvalues) {
        if (std::abs(e) < 1e-11 * to_solve.norm()) continue;  // so fast that its sign is rounding
        const Complex p = sigma - 1.0 / e;
        // A charge that nothing drains stays at p = 0, to rounding.
        if (p.real() > 0.01 + 1e-9 * std::abs(p))
            return Error{source + " is unstable: a voltage grows by e every " + format_number(1.0 / p.real()) +
                         " s, as in gear that latches up; look for positive feedback of 1 or more"};
    }
    return Done{};
}

Result<std::vector<Complex>> LinearCircuit::response(Hertz frequency) const
{
    const auto no_solution = [&] {
        return Error{impl_->source + " has no response at " + format_number(frequency.value()) + " Hz: choose another frequency"};
    };
    if (!std::isfinite(frequency.value()) || frequency.value() < 0.0) return no_solution();
    const MatrixXcd a = impl_->pencil({0.0, 2.0 * std::numbers::pi * frequency.value()});
    const Scaling scaling{a.cwiseAbs()};
    const Eigen::PartialPivLU<MatrixXcd> lu{scaling.row.asDiagonal() * a * scaling.column.asDiagonal()};
    if (!(lu.rcond() > 1e-15)) return no_solution();
    const MatrixXcd x = scaling.column.asDiagonal() * lu.solve(scaling.row.asDiagonal() * impl_->input.cast<Complex>());
    if (!x.allFinite()) return no_solution();

    std::vector<Complex> result;
    result.reserve(outputs() * inputs());
    for (const auto output : impl_->outputs)
        for (Index i = 0; i < x.cols(); ++i) result.push_back(output < 0 ? Complex{} : x(output, i));
    return result;
}

Result<SampledModel> LinearCircuit::sampled(double sample_rate_hz) const
{
    if (!(sample_rate_hz >= 8e3 && sample_rate_hz <= 768e3))
        return Error{"a sample rate of " + format_number(sample_rate_hz) + " Hz cannot be simulated: give 8000 to 768000", ErrorKind::usage};
    if (auto status = impl_->check_stable(); !status) return status.error();

    const auto& c = impl_->storage;
    const auto n = c.rows();
    const auto states = impl_->spread.cols();
    const auto inputs = impl_->input.cols();
    const double h = 1.0 / (sample_rate_hz * steps_per_sample);
    static const Radau radau;

    // One step: the three stages X_i together, (A⁻¹/h ⊗ C + 1 ⊗ G)·X = A⁻¹·1/h ⊗ P·w + B·u(t_i). For a passive circuit
    // |w| never grows on its own: the method is algebraically stable, and |w|² is energy.
    MatrixXd a(3 * n, 3 * n);
    const Scaling scaling{MatrixXd{c.cwiseAbs() / h + impl_->conductance.cwiseAbs()}};
    for (Index i = 0; i < 3; ++i)
        for (Index j = 0; j < 3; ++j) {
            MatrixXd block = radau.inverse(i, j) / h * c;
            if (i == j) block += impl_->conductance;
            a.block(i * n, j * n, n, n) = scaling.row.asDiagonal() * block * scaling.column.asDiagonal();
        }
    MatrixXd from = MatrixXd::Zero(3 * n, states + 3 * inputs + 1);  // columns: w, then u at each stage, then the DC sources
    for (Index i = 0; i < 3; ++i) {
        from.block(i * n, 0, n, states) = scaling.row.asDiagonal() * (radau.inverse.row(i).sum() / h * impl_->spread);
        from.block(i * n, states + i * inputs, n, inputs) = scaling.row.asDiagonal() * impl_->input;
        from.block(i * n, states + 3 * inputs, n, 1) = scaling.row.asDiagonal() * impl_->dc;
    }
    // Stiffly accurate: the last stage is the step's end.
    const MatrixXd end = scaling.column.asDiagonal() * a.partialPivLu().solve(from).bottomRows(n);
    if (!end.allFinite())
        return Error{impl_->source + " cannot be run at " + format_number(sample_rate_hz) + " Hz: check the suffixes of its values"};
    const MatrixXd next_state = impl_->spread.transpose() * end;
    const MatrixXd next_output = impl_->outputs_of(end);

    // All steps of one sample. Columns: w at the start, then the taps of each input, then the DC sources.
    const Interpolator interpolator{sample_rate_hz};
    const auto taps = as_index(interpolator.taps());
    const auto columns = states + inputs * taps + 1;
    MatrixXd w = MatrixXd::Zero(states, columns);
    w.leftCols(states).setIdentity();
    MatrixXd y;
    for (int step = 0; step < steps_per_sample; ++step) {
        MatrixXd forcing = MatrixXd::Zero(3 * inputs + 1, columns);
        for (Index i = 0; i < 3; ++i) {
            const auto weights = interpolator.weights((step + radau.at[static_cast<std::size_t>(i)]) / steps_per_sample);
            for (Index u = 0; u < inputs; ++u) forcing.block(i * inputs + u, states + u * taps, 1, taps) = weights;
        }
        forcing(3 * inputs, columns - 1) = 1.0;
        if (step + 1 == steps_per_sample)
            y = next_output.leftCols(states) * w + next_output.rightCols(3 * inputs + 1) * forcing;
        w = next_state.leftCols(states) * w + next_state.rightCols(3 * inputs + 1) * forcing;
    }
    MatrixXd all(states + y.rows(), columns);
    all << w, y;

    SampledModel model;
    model.shape = {static_cast<std::size_t>(states), static_cast<std::size_t>(inputs), outputs(), interpolator.taps()};
    model.sample_rate_hz = sample_rate_hz;
    model.delay_frames = interpolator.delay();
    model.from_state.reserve(static_cast<std::size_t>(all.rows() * states));
    for (Index s = 0; s < states; ++s)
        for (Index r = 0; r < all.rows(); ++r) model.from_state.push_back(all(r, s));
    model.from_input.reserve(static_cast<std::size_t>(all.rows() * inputs * taps));
    for (Index r = 0; r < all.rows(); ++r)
        for (Index i = 0; i < inputs * taps; ++i) model.from_input.push_back(all(r, states + i));
    for (Index r = 0; r < all.rows(); ++r) model.constant.push_back(all(r, columns - 1));

    VectorXd rest = VectorXd::Zero(states);
    if (!impl_->dc.isZero(0.0) && states > 0)
        rest = (MatrixXd::Identity(states, states) - w.leftCols(states)).completeOrthogonalDecomposition().solve(w.col(columns - 1));
    model.rest.assign(rest.begin(), rest.end());
    return model;
}

}  // namespace lowleg::circuit
