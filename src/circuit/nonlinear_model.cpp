#include "circuit/nonlinear_model.h"

#include "circuit/half_band_design.h"
#include "circuit/linear_solver.h"
#include "circuit/radau.h"
#include "core/text.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

namespace lowleg::circuit {
namespace {

using rt::input_taps;
using rt::stages;

constexpr double least_step_rate_hz = 150e3;

/// Lagrange's weights at `t` of the samples at −2 … 3.
std::array<double, input_taps> interpolation_at(double t)
{
    std::array<double, input_taps> w{};
    for (std::size_t i = 0; i < input_taps; ++i) {
        w[i] = 1.0;
        for (std::size_t j = 0; j < input_taps; ++j)
            if (j != i) w[i] *= (t - (static_cast<double>(j) - 2.0)) / (static_cast<double>(i) - static_cast<double>(j));
    }
    return w;
}

/// Places `block` at (row, column) of `into`.
void put(Matrix& into, std::size_t row, std::size_t column, const Matrix& block, double factor = 1.0)
{
    for (std::size_t c = 0; c < block.columns; ++c)
        for (std::size_t r = 0; r < block.rows; ++r) into(row + r, column + c) += factor * block(r, c);
}

Matrix rows_of(const Matrix& m, std::size_t first, std::size_t count)
{
    Matrix out{count, m.columns};
    for (std::size_t c = 0; c < m.columns; ++c)
        for (std::size_t r = 0; r < count; ++r) out(r, c) = m(first + r, c);
    return out;
}

std::vector<double> columns_of(const Matrix& m, std::size_t first, std::size_t count)
{
    const auto begin = m.values.begin() + static_cast<std::ptrdiff_t>(first * m.rows);
    return {begin, begin + static_cast<std::ptrdiff_t>(count * m.rows)};
}

Status check_size(const Equations& e)
{
    const auto too_many = [&](std::size_t count, const char* what, std::size_t most) {
        return Error{e.source + " has " + std::to_string(count) + " " + what + ", more than the " + std::to_string(most) +
                     " that can be run: give a smaller circuit"};
    };
    if (e.laws.size() > rt::max_laws) return too_many(e.laws.size(), "nonlinear parts", rt::max_laws);
    if (e.sensing.rows > rt::max_quantities) return too_many(e.sensing.rows, "voltages and currents that nonlinear parts depend on", rt::max_quantities);
    if (e.inputs() > rt::max_channels) return too_many(e.inputs(), "inputs", rt::max_channels);
    if (e.outputs.size() > rt::max_channels) return too_many(e.outputs.size(), "outputs", rt::max_channels);
    for (const auto& law : e.laws)
        if (law.inputs.size() > rt::max_law_inputs)
            return Error{law.place + " depends on " + std::to_string(law.inputs.size()) + " voltages and currents, more than the " +
                         std::to_string(rt::max_law_inputs) + " that can be run: split it"};
    return Done{};
}

/// The laws, their tangents at the operating point, and where they are no more than these.
void add_laws(NonlinearModel& model, const Equations& equations, const OperatingPoint& point)
{
    model.laws = equations.laws;
    for (std::size_t k = 0; k < model.laws.size(); ++k) {
        const auto& inputs = model.laws[k].inputs;
        auto& slopes = model.slopes.emplace_back();
        std::vector<double> place;
        for (const auto input : inputs) {
            slopes.push_back(point.slopes(k, input));
            double q = 0.0;
            for (std::size_t c = 0; c < equations.size(); ++c) q += equations.sensing(input, c) * point.x[c];
            place.push_back(q);
        }
        const auto nowhere = [&] { return Box{std::vector<double>(inputs.size(), 1.0), std::vector<double>(inputs.size(), -1.0)}; };
        model.tangent_in.push_back(affine_range(model.laws[k].function, place).value_or(nowhere()));
    }
    for (std::size_t k = 0; k < model.laws.size(); ++k) {
        const auto& law = model.laws[k];
        model.views.push_back({law.function, law.inputs.data(), law.inputs.size(), model.slopes[k].data(), model.tangent_in[k].lowest.data(),
                               model.tangent_in[k].highest.data(), point.offsets[k]});
        model.shape.instructions += law.function.size();
    }
}

}  // namespace

rt::NonlinearMatrices NonlinearModel::matrices(const double* rest) const noexcept
{
    rt::NonlinearMatrices m;
    m.from_state = from_state.data();
    m.from_input = from_input.data();
    m.from_law = from_law.data();
    m.constant = constant.data();
    m.rest = rest;
    m.input_weights = input_weights;
    for (std::size_t i = 0; i < half_bands.size(); ++i) m.half_bands[i] = half_bands[i].data();
    m.laws = views;
    m.stage_at = Radau::at;
    return m;
}

Result<NonlinearModel> sample_nonlinear(const Equations& equations, const OperatingPoint& point, double sample_rate_hz)
{
    if (auto status = check_size(equations); !status) return status.error();
    NonlinearModel model;
    auto& shape = model.shape;
    const auto n = equations.size();
    shape.states = equations.states();
    shape.inputs = equations.inputs();
    shape.outputs = equations.outputs.size();
    shape.quantities = equations.sensing.rows;
    shape.laws = equations.laws.size();
    while (shape.doublings < rt::max_doublings && sample_rate_hz * static_cast<double>(shape.steps()) < least_step_rate_hz) ++shape.doublings;

    // The half bands, and how late they are, in steps of the high rate.
    const double passband = passband_at(sample_rate_hz);
    std::size_t late = input_taps / 2 - 1;
    for (std::size_t level = 0; level < shape.doublings; ++level) {
        model.half_bands[level] = design_half_band(passband / static_cast<double>(1U << level), image_attenuation_db);
        shape.taps[level] = model.half_bands[level].size();
        late += (shape.taps[level] - 1) << (shape.doublings - level);  // taps/2 of the doubler, taps/2 − 1 of the halver
    }
    shape.delay_steps = (shape.steps() - late % shape.steps()) % shape.steps();
    model.delay_frames = static_cast<std::int64_t>((late + shape.delay_steps) / shape.steps());
    for (std::size_t i = 0; i + 1 < stages; ++i) model.input_weights[i] = interpolation_at(Radau::at[i]);

    // All stages X₁, X₂, X₃ together: (A⁻¹/h ⊗ C + 1 ⊗ G)·X = A⁻¹·1/h ⊗ P·w + B·u(tᵢ) + dc + N·g.
    const double h = 1.0 / (sample_rate_hz * static_cast<double>(shape.steps()));
    const Radau radau;
    const auto small_signal = linearized(equations, point);
    const auto from_state = std::size_t{0};
    const auto from_input = shape.states;
    const auto from_law = from_input + shape.inputs * stages;
    const auto constant = from_law + shape.laws * stages;
    Matrix a{stages * n, stages * n};
    Matrix from{stages * n, constant + 1};
    for (std::size_t i = 0; i < stages; ++i) {
        for (std::size_t j = 0; j < stages; ++j) put(a, i * n, j * n, equations.storage, radau.inverse(i, j) / h);
        put(a, i * n, i * n, small_signal.conductance);
        put(from, i * n, from_state, equations.spread, (radau.inverse(i, 0) + radau.inverse(i, 1) + radau.inverse(i, 2)) / h);
        for (std::size_t u = 0; u < shape.inputs; ++u)
            for (std::size_t r = 0; r < n; ++r) from(i * n + r, from_input + u * stages + i) = equations.input(r, u);
        put(from, i * n, from_law + i * shape.laws, equations.injection);
        for (std::size_t r = 0; r < n; ++r) from(i * n + r, constant) = small_signal.dc[r];
    }
    const auto solved = solve(a, from);
    if (!solved)
        return Error{equations.source + " cannot be run at " + format_number(sample_rate_hz) + " Hz: check the suffixes of its values"};

    Matrix all{shape.rows(), from.columns};
    for (std::size_t i = 0; i < stages; ++i) put(all, i * shape.quantities, 0, product(equations.sensing, rows_of(*solved, i * n, n)));
    const Matrix end = rows_of(*solved, (stages - 1) * n, n);
    put(all, shape.searched(), 0, transposed_product(equations.spread, end));
    for (std::size_t o = 0; o < shape.outputs; ++o)
        if (equations.outputs[o])
            for (std::size_t c = 0; c < all.columns; ++c) all(shape.searched() + shape.states + o, c) = end(*equations.outputs[o], c);
    model.from_state = columns_of(all, from_state, shape.states);
    model.from_input = columns_of(all, from_input, shape.inputs * stages);
    model.from_law = columns_of(all, from_law, shape.laws * stages);
    model.constant = columns_of(all, constant, 1);

    add_laws(model, equations, point);
    return model;
}

}  // namespace lowleg::circuit
