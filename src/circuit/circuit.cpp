#include "circuit/circuit.h"

#include "circuit/equations.h"
#include "circuit/linear_model.h"
#include "circuit/linear_solver.h"
#include "circuit/nonlinear_model.h"
#include "core/text.h"

#include <cmath>
#include <numbers>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lowleg::circuit {

struct Circuit::Impl {
    Equations equations;
    OperatingPoint point;
    Equations small_signal;  ///< About the point.
};

Circuit::Circuit(std::shared_ptr<const Impl> impl) noexcept : impl_{std::move(impl)} {}

std::size_t Circuit::inputs() const noexcept { return impl_->equations.inputs(); }
std::size_t Circuit::outputs() const noexcept { return impl_->equations.outputs.size(); }
bool Circuit::is_linear() const noexcept { return impl_->equations.laws.empty(); }

Result<Circuit> Circuit::build(const Netlist& netlist, std::span<const std::string_view> sources, std::span<const std::string_view> outputs)
{
    auto equations = equations_of(netlist, sources, outputs);
    if (!equations) return equations.error();
    auto point = find_operating_point(equations.value());
    if (!point) return point.error();
    auto impl = std::make_shared<Impl>();
    impl->equations = std::move(equations).value();
    impl->point = std::move(point).value();
    impl->small_signal = linearized(impl->equations, impl->point);
    return Circuit{std::move(impl)};
}

std::vector<double> Circuit::rest_volts() const
{
    std::vector<double> volts;
    for (const auto& output : impl_->equations.outputs) volts.push_back(output ? impl_->point.x[*output] : 0.0);
    return volts;
}

Result<std::vector<Complex>> Circuit::response(Hertz frequency) const
{
    const auto no_solution = [&] {
        return Error{impl_->equations.source + " has no response at " + format_number(frequency.value()) + " Hz: choose another frequency"};
    };
    if (!std::isfinite(frequency.value()) || frequency.value() < 0.0) return no_solution();
    const auto& e = impl_->small_signal;
    const auto x = solve_at({0.0, 2.0 * std::numbers::pi * frequency.value()}, e.storage, e.conductance, e.input);
    if (!x) return no_solution();
    std::vector<Complex> result;
    result.reserve(outputs() * inputs());
    for (const auto& output : e.outputs)
        for (std::size_t i = 0; i < inputs(); ++i) result.push_back(output ? (*x)[i * e.size() + *output] : Complex{});
    return result;
}

Status Circuit::check_stable() const { return circuit::check_stable(impl_->small_signal); }

Result<SampledModel> Circuit::sampled(double sample_rate_hz) const
{
    if (!(sample_rate_hz >= 8e3 && sample_rate_hz <= 768e3))
        return Error{"a sample rate of " + format_number(sample_rate_hz) + " Hz cannot be simulated: give 8000 to 768000", ErrorKind::usage};
    if (auto status = check_stable(); !status) return status.error();
    SampledModel model;
    model.sample_rate_hz = sample_rate_hz;
    Matrix x{impl_->point.x.size(), 1};
    x.values = impl_->point.x;
    model.rest = transposed_product(impl_->equations.spread, x).values;
    if (is_linear()) {
        auto linear = sample_linear(impl_->equations, sample_rate_hz);
        if (!linear) return linear.error();
        model.model = std::move(linear).value();
    } else {
        auto nonlinear = sample_nonlinear(impl_->equations, impl_->point, sample_rate_hz);
        if (!nonlinear) return nonlinear.error();
        model.model = std::move(nonlinear).value();
    }
    return model;
}

Matrix Circuit::state_from(const Circuit& other) const
{
    const auto& from = other.impl_->equations.spread;
    const auto& to = impl_->equations.spread;
    Matrix identity{from.columns, from.columns};
    for (std::size_t i = 0; i < from.columns; ++i) identity(i, i) = 1.0;
    const Matrix x = least_squares_of_transposed(from, identity);
    // Unknowns correspond by their names; what the other has not is 0.
    std::unordered_map<std::string_view, std::size_t> there;
    for (std::size_t r = 0; r < from.rows; ++r) there.emplace(other.impl_->equations.unknowns[r], r);
    Matrix here{to.rows, from.columns};
    for (std::size_t r = 0; r < to.rows; ++r)
        if (const auto same = there.find(impl_->equations.unknowns[r]); same != there.end())
            for (std::size_t c = 0; c < here.columns; ++c) here(r, c) = x(same->second, c);
    return transposed_product(to, here);
}

}  // namespace lowleg::circuit
