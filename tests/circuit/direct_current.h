/// \file direct_current.h
/// Node voltages of a netlist at rest, by the plainest means: nodal analysis, and Newton's method with short steps. It shares
/// nothing with the solver but the netlist.
#pragma once

#include "circuit/netlist.h"

#include <Eigen/Dense>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <type_traits>
#include <variant>
#include <vector>

namespace lowleg::testing {

/// \return the voltage of every node, [0] = 0. Capacitors are open, inductors short.
inline std::vector<double> direct_current(const circuit::Netlist& netlist)
{
    using namespace circuit;
    const auto nodes = netlist.nodes.size();
    std::vector<Eigen::Index> branch(netlist.elements.size(), -1);  // row of an element whose current is an unknown
    auto size = static_cast<Eigen::Index>(nodes);
    for (std::size_t e = 0; e < branch.size(); ++e)
        std::visit([&](const auto& part) {
            using P = std::decay_t<decltype(part)>;
            bool has_branch = std::is_same_v<P, VoltageSource> || std::is_same_v<P, ControlledSource> || std::is_same_v<P, CurrentControlledVoltage> ||
                              std::is_same_v<P, Inductor>;
            if constexpr (std::is_same_v<P, Behavioural>) has_branch = part.gives == Behavioural::Gives::voltage;
            if (has_branch) branch[e] = size++;
        }, netlist.elements[e].part);

    Eigen::VectorXd x = Eigen::VectorXd::Zero(size);
    for (int iteration = 0; iteration < 5000; ++iteration) {
        Eigen::MatrixXd a = Eigen::MatrixXd::Zero(size, size);
        Eigen::VectorXd b = Eigen::VectorXd::Zero(size);
        const auto at = [](Node n) { return static_cast<Eigen::Index>(n); };
        const auto current = [&](Node plus, Node minus, Eigen::Index unknown, double factor) { a(at(plus), unknown) += factor; a(at(minus), unknown) -= factor; };
        const auto voltage = [&](Eigen::Index row, Node plus, Node minus, double factor) { a(row, at(plus)) += factor; a(row, at(minus)) -= factor; };
        for (std::size_t e = 0; e < branch.size(); ++e) {
            const auto row = branch[e];
            std::visit([&](const auto& p) {
                using P = std::decay_t<decltype(p)>;
                if constexpr (std::is_same_v<P, Resistor>) {
                    voltage(at(p.a), p.a, p.b, 1.0 / p.ohms);
                    voltage(at(p.b), p.a, p.b, -1.0 / p.ohms);
                } else if constexpr (std::is_same_v<P, Inductor>) {
                    current(p.a, p.b, row, 1.0);
                    voltage(row, p.a, p.b, 1.0);
                } else if constexpr (std::is_same_v<P, CurrentSource>) {
                    b(at(p.plus)) -= p.dc_amperes;
                    b(at(p.minus)) += p.dc_amperes;
                } else if constexpr (std::is_same_v<P, Transconductance>) {
                    voltage(at(p.plus), p.control_plus, p.control_minus, p.siemens);
                    voltage(at(p.minus), p.control_plus, p.control_minus, -p.siemens);
                } else if constexpr (std::is_same_v<P, CurrentControlledCurrent>) {
                    current(p.plus, p.minus, branch[p.sensed], p.gain);
                } else if constexpr (!std::is_same_v<P, Capacitor> && !std::is_same_v<P, Coupling>) {
                    if (row >= 0) {
                        current(p.plus, p.minus, row, 1.0);
                        voltage(row, p.plus, p.minus, 1.0);
                    }
                    if constexpr (std::is_same_v<P, VoltageSource>) b(row) += p.dc_volts;
                    if constexpr (std::is_same_v<P, ControlledSource>) voltage(row, p.control_plus, p.control_minus, -p.gain);
                    if constexpr (std::is_same_v<P, CurrentControlledVoltage>) a(row, branch[p.sensed]) -= p.ohms;
                    if constexpr (std::is_same_v<P, Behavioural>) {
                        std::vector<double> inputs, values(p.function.size()), adjoints(values.size()), gradient(p.inputs.size());
                        for (const auto& q : p.inputs) {
                            const auto* v = std::get_if<NodeVoltage>(&q);
                            inputs.push_back(v != nullptr ? x(at(v->plus)) - x(at(v->minus)) : x(branch[std::get<SensedCurrent>(q).source]));
                        }
                        rt::evaluate(p.function, inputs.data(), values.data());
                        rt::differentiate(p.function, values.data(), inputs.size(), gradient.data(), adjoints.data());
                        double rest = values.back();
                        const auto depends = [&](Eigen::Index into, double sign) {
                            for (std::size_t k = 0; k < inputs.size(); ++k) {
                                if (const auto* v = std::get_if<NodeVoltage>(&p.inputs[k])) voltage(into, v->plus, v->minus, sign * gradient[k]);
                                else a(into, branch[std::get<SensedCurrent>(p.inputs[k]).source]) += sign * gradient[k];
                            }
                        };
                        for (std::size_t k = 0; k < inputs.size(); ++k) rest -= gradient[k] * inputs[k];
                        if (row >= 0) {
                            depends(row, -1.0);
                            b(row) += rest;
                        } else {
                            depends(at(p.plus), 1.0);
                            depends(at(p.minus), -1.0);
                            b(at(p.plus)) -= rest;
                            b(at(p.minus)) += rest;
                        }
                    }
                }
            }, netlist.elements[e].part);
        }
        a.row(0).setZero();
        a(0, 0) = 1.0;
        b(0) = 0.0;
        const Eigen::VectorXd next = a.fullPivLu().solve(b);
        const double step = (next - x).cwiseAbs().maxCoeff();
        const bool is_linear = netlist.is_linear();
        x += is_linear || step <= 0.1 ? Eigen::VectorXd{next - x} : Eigen::VectorXd{(next - x) * (0.1 / step)};
        if (is_linear || step <= 1e-12 * (1.0 + x.cwiseAbs().maxCoeff())) return {x.data(), x.data() + nodes};
    }
    FAIL("Newton's method has not come to rest");
    return {};
}

}  // namespace lowleg::testing
