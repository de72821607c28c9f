#include "circuit/equations.h"

#include "circuit/linear_solver.h"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>

namespace lowleg::circuit {
namespace {

using Eigen::Index;
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

/// Loops of voltage sources, and nodes that nothing connects with ground: named before any arithmetic.
Status check_connections(const Netlist& netlist)
{
    Sets sources(netlist.nodes.size());
    Sets connected(netlist.nodes.size());
    std::vector<const Element*> seen_in(netlist.nodes.size());
    const auto touch = [&](const Element& e, Node node) { if (seen_in[node] == nullptr) seen_in[node] = &e; };
    for (const auto& e : netlist.elements) {
        const auto closes_loop = std::visit([&](const auto& part) {
            using P = std::decay_t<decltype(part)>;
            if constexpr (std::is_same_v<P, VoltageSource> || std::is_same_v<P, ControlledSource> || std::is_same_v<P, CurrentControlledVoltage>)
                return !sources.join(part.plus, part.minus);
            else if constexpr (std::is_same_v<P, Behavioural>)
                return part.gives == Behavioural::Gives::voltage && !sources.join(part.plus, part.minus);
            else return false;
        }, e.part);
        if (closes_loop)
            return Error{netlist.place_of(e) + ": " + e.name + " closes a loop of voltage sources, whose voltages would contradict each other: "
                                                             "put a resistor into the loop"};
        const auto join = [&](Node a, Node b) { touch(e, a); touch(e, b); connected.join(a, b); };
        std::visit([&](const auto& part) {
            if constexpr (requires { part.a; }) join(part.a, part.b);
            else if constexpr (requires { part.plus; }) join(part.plus, part.minus);
            if constexpr (requires { part.control_plus; }) { touch(e, part.control_plus); touch(e, part.control_minus); }
            if constexpr (std::is_same_v<std::decay_t<decltype(part)>, Behavioural>)
                for (const auto& quantity : part.inputs)
                    if (const auto* v = std::get_if<NodeVoltage>(&quantity)) { touch(e, v->plus); touch(e, v->minus); }
        }, e.part);
    }
    for (Node node = 1; node < netlist.nodes.size(); ++node)
        if (connected.root(node) != 0 && seen_in[node] != nullptr)
            return Error{netlist.place_of(*seen_in[node]) + ": node \"" + netlist.nodes[node] + "\" (at " + seen_in[node]->name +
                         ") has no path to ground, so nothing decides its voltage: connect it to node 0, if only through 1 Gohm"};
    return Done{};
}


/// Fills the matrices, element by element.
class Assembly {
public:
    Assembly(const Netlist& netlist, Equations& equations) : netlist_{netlist}, e_{equations}, current_(netlist.elements.size()) {}

    Status run()
    {
        for (Node node = 1; node < netlist_.nodes.size(); ++node)
            e_.unknowns.push_back("the voltage of node \"" + netlist_.nodes[node] + "\"");
        for (std::size_t i = 0; i < netlist_.elements.size(); ++i) {
            if (!has_current(netlist_.elements[i].part)) continue;
            current_[i] = e_.unknowns.size();
            e_.unknowns.push_back("the current of " + netlist_.elements[i].name);
        }
        const auto n = e_.unknowns.size();
        if (n > max_unknowns)
            return Error{netlist_.source + " has " + std::to_string(n) + " nodes and source or inductor currents, more than the " +
                         std::to_string(max_unknowns) + " that can be run: give a smaller circuit"};
        e_.conductance = e_.storage = Matrix{n, n};
        e_.dc.assign(n, 0.0);

        std::size_t laws = 0;
        for (const auto& element : netlist_.elements) laws += std::holds_alternative<Behavioural>(element.part) ? 1 : 0;
        e_.injection = Matrix{n, laws};
        for (std::size_t i = 0; i < netlist_.elements.size(); ++i)
            std::visit([&](const auto& part) { add(i, part); }, netlist_.elements[i].part);
        e_.sensing = Matrix{quantities_.size(), n};
        for (const auto& [key, row] : quantities_)
            for (const auto& [unknown, sign] : key) e_.sensing(row, unknown) += sign;
        return Done{};
    }

    [[nodiscard]] std::optional<std::size_t> current_of(std::size_t element) const { return current_[element]; }
    [[nodiscard]] static std::optional<std::size_t> row_of(Node node) { return node == 0 ? std::nullopt : std::optional{node - 1}; }

private:
    using Row = std::optional<std::size_t>;  // none: ground

    static bool has_current(const Part& part)
    {
        const auto* law = std::get_if<Behavioural>(&part);
        return std::holds_alternative<Inductor>(part) || std::holds_alternative<VoltageSource>(part) ||
               std::holds_alternative<ControlledSource>(part) || std::holds_alternative<CurrentControlledVoltage>(part) ||
               (law != nullptr && law->gives == Behavioural::Gives::voltage);
    }

    static void put(Matrix& m, Row row, Row column, double value) { if (row && column) m(*row, *column) += value; }
    void put_dc(Row row, double value) { if (row) e_.dc[*row] += value; }

    static void admittance(Matrix& m, Node a, Node b, double value)
    {
        put(m, row_of(a), row_of(a), value);
        put(m, row_of(b), row_of(b), value);
        put(m, row_of(a), row_of(b), -value);
        put(m, row_of(b), row_of(a), -value);
    }
    /// A current from a to b through the element, and its own equation over V(a) − V(b) (sign: keeps C symmetric).
    std::size_t branch(std::size_t element, Node a, Node b, double sign = 1.0)
    {
        const auto i = *current_[element];
        put(e_.conductance, row_of(a), i, 1.0);
        put(e_.conductance, row_of(b), i, -1.0);
        put(e_.conductance, i, row_of(a), sign);
        put(e_.conductance, i, row_of(b), -sign);
        return i;
    }

    void add(std::size_t, const Resistor& r) { admittance(e_.conductance, r.a, r.b, 1.0 / r.ohms); }
    void add(std::size_t, const Capacitor& c) { admittance(e_.storage, c.a, c.b, c.farads); }
    void add(std::size_t element, const Inductor& l)
    {
        const auto i = branch(element, l.a, l.b, -1.0);
        e_.storage(i, i) += l.henries;
    }
    void add(std::size_t, const Coupling& k)
    {
        const double mutual = k.k * std::sqrt(std::get<Inductor>(netlist_.elements[k.first].part).henries) *
                              std::sqrt(std::get<Inductor>(netlist_.elements[k.second].part).henries);
        e_.storage(*current_[k.first], *current_[k.second]) += mutual;
        e_.storage(*current_[k.second], *current_[k.first]) += mutual;
    }
    void add(std::size_t element, const VoltageSource& v) { put_dc(branch(element, v.plus, v.minus), v.dc_volts); }
    void add(std::size_t, const CurrentSource& s)
    {
        put_dc(row_of(s.plus), -s.dc_amperes);
        put_dc(row_of(s.minus), s.dc_amperes);
    }
    void add(std::size_t element, const ControlledSource& s)
    {
        const auto i = branch(element, s.plus, s.minus);
        put(e_.conductance, i, row_of(s.control_plus), -s.gain);
        put(e_.conductance, i, row_of(s.control_minus), s.gain);
    }
    void add(std::size_t, const Transconductance& s)
    {
        put(e_.conductance, row_of(s.plus), row_of(s.control_plus), s.siemens);
        put(e_.conductance, row_of(s.plus), row_of(s.control_minus), -s.siemens);
        put(e_.conductance, row_of(s.minus), row_of(s.control_plus), -s.siemens);
        put(e_.conductance, row_of(s.minus), row_of(s.control_minus), s.siemens);
    }
    void add(std::size_t, const CurrentControlledCurrent& s)
    {
        put(e_.conductance, row_of(s.plus), current_[s.sensed], s.gain);
        put(e_.conductance, row_of(s.minus), current_[s.sensed], -s.gain);
    }
    void add(std::size_t element, const CurrentControlledVoltage& s)
    {
        put(e_.conductance, branch(element, s.plus, s.minus), current_[s.sensed], -s.ohms);
    }
    void add(std::size_t element, const Behavioural& b)
    {
        const auto law = e_.laws.size();
        if (b.gives == Behavioural::Gives::voltage) {
            e_.injection(branch(element, b.plus, b.minus), law) = 1.0;
        } else {
            if (const auto row = row_of(b.plus)) e_.injection(*row, law) -= 1.0;
            if (const auto row = row_of(b.minus)) e_.injection(*row, law) += 1.0;
        }
        const auto& from = netlist_.elements[element];
        Law& made = e_.laws.emplace_back(Law{b.function, {}, netlist_.place_of(from) + ": " + from.name});
        for (const auto& quantity : b.inputs) made.inputs.push_back(row_of(quantity));
    }

    /// Laws that read the same quantity share its row.
    std::size_t row_of(const Quantity& quantity)
    {
        Key key;
        if (const auto* v = std::get_if<NodeVoltage>(&quantity)) {
            if (const auto row = row_of(v->plus)) key[*row] += 1.0;
            if (const auto row = row_of(v->minus)) key[*row] -= 1.0;
        } else {
            key[*current_[std::get<SensedCurrent>(quantity).source]] = 1.0;
        }
        return quantities_.emplace(std::move(key), quantities_.size()).first->second;
    }

    using Key = std::map<std::size_t, double>;  // unknown, and with which sign
    const Netlist& netlist_;
    Equations& e_;
    std::vector<std::optional<std::size_t>> current_;  ///< Unknown that is the current of an element.
    std::map<Key, std::size_t> quantities_;
};

/// P of Equations::spread.
Result<Matrix> state_of(const Netlist& netlist, const Assembly& assembly, const Matrix& storage_matrix)
{
    const auto n = as_index(storage_matrix.rows);
    const Eigen::Map<const MatrixXd> storage{storage_matrix.values.data(), n, n};
    std::vector<VectorXd> columns;

    // Capacitors. Of the nodes that they hang together all but one (ground, where it is among them) have a charge of their
    // own; over these nodes C is positive definite, M·Mᵀ.
    Sets by_capacitors(netlist.nodes.size());
    std::vector<Index> windings;  // unknowns that are currents of inductors
    for (std::size_t e = 0; e < netlist.elements.size(); ++e) {
        const auto& part = netlist.elements[e].part;
        if (const auto* cap = std::get_if<Capacitor>(&part)) by_capacitors.join(cap->a, cap->b);
        if (std::holds_alternative<Inductor>(part)) windings.push_back(as_index(*assembly.current_of(e)));
    }
    std::vector<Index> charged;
    for (Node node = 1; node < netlist.nodes.size(); ++node)
        if (by_capacitors.root(node) != node) charged.push_back(as_index(node) - 1);
    const Eigen::LLT<MatrixXd> of_charges{storage(charged, charged)};
    if (!charged.empty() && of_charges.info() != Eigen::Success)
        return Error{netlist.source + " has capacitors too far apart in value to be computed with: check their suffixes"};
    const MatrixXd factor = of_charges.matrixL();
    for (Index column = 0; column < as_index(charged.size()); ++column) {
        VectorXd p = VectorXd::Zero(n);
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
        VectorXd p = VectorXd::Zero(n);
        for (std::size_t i = 0; i < windings.size(); ++i) p[windings[i]] = column[as_index(i)] * root_of_inductance[as_index(i)];
        columns.push_back(std::move(p));
    }
    if (!windings.empty() && remains.cwiseAbs().maxCoeff() > 1e-9)
        return Error{netlist.source + ": its inductors cannot all be coupled as its K elements say (two windings that follow a third one "
                                      "must follow each other): correct the couplings"};

    Matrix spread{storage_matrix.rows, columns.size()};
    for (std::size_t i = 0; i < columns.size(); ++i)
        std::copy(columns[i].begin(), columns[i].end(), spread.values.begin() + static_cast<std::ptrdiff_t>(i * spread.rows));
    return spread;
}

/// Some circuits have no solution whatever the values: found where tangents of laws cannot hide it, off both axes, where no
/// resonance is. A circuit that has a solution at all has one at almost every s.
Status check_solvable(const Netlist& netlist, const Equations& equations)
{
    if (!equations.laws.empty()) return Done{};  // what the laws decide shows at the operating point
    const auto open = undecided_at(2.0 * std::numbers::pi * Complex{701.0, 997.0}, equations.storage, equations.conductance);
    if (!open) return Done{};
    return Error{netlist.source + ": nothing in the circuit decides " + equations.unknowns[*open] +
                 ": look for a short between sources or ideally coupled windings, or for a controlled source that follows itself"};
}

}  // namespace

Result<Equations> equations_of(const Netlist& netlist, std::span<const std::string_view> sources,
                               std::span<const std::string_view> outputs)
{
    if (auto status = check_connections(netlist); !status) return status.error();
    Equations equations;
    equations.source = netlist.source;
    Assembly assembly{netlist, equations};
    if (auto status = assembly.run(); !status) return status.error();

    equations.input = Matrix{equations.size(), sources.size()};
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto e = netlist.find_element(sources[i]);
        if (!e || !std::holds_alternative<VoltageSource>(netlist.elements[*e].part))
            return Error{netlist.source + " has no voltage source " + std::string{sources[i]} + " to drive: name one of its V elements"};
        equations.input(*assembly.current_of(*e), i) = 1.0;
    }
    for (const auto name : outputs) {
        const auto node = netlist.find_node(name);
        if (!node) return Error{netlist.source + " has no node \"" + std::string{name} + "\" to read: name one of its nodes"};
        equations.outputs.push_back(Assembly::row_of(*node));
    }
    const auto finite = [](const Matrix& m) { return std::all_of(m.values.begin(), m.values.end(), [](double v) { return std::isfinite(v); }); };
    if (!finite(equations.conductance) || !finite(equations.storage))
        return Error{netlist.source + " has values too large or too small to be computed with: check its suffixes"};

    auto spread = state_of(netlist, assembly, equations.storage);
    if (!spread) return spread.error();
    equations.spread = std::move(spread).value();
    if (auto status = check_solvable(netlist, equations); !status) return status.error();
    return equations;
}

}  // namespace lowleg::circuit
