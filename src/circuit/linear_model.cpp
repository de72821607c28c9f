#include "circuit/linear_model.h"

#include "circuit/half_band_design.h"
#include "circuit/linear_solver.h"
#include "circuit/radau.h"
#include "core/text.h"

#include <Eigen/Dense>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>

namespace lowleg::circuit {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr int steps_per_sample = 16;

constexpr Index as_index(std::size_t i) noexcept { return static_cast<Index>(i); }
Eigen::Map<const MatrixXd> view(const Matrix& m) { return {m.values.data(), as_index(m.rows), as_index(m.columns)}; }
Eigen::Map<MatrixXd> view(Matrix& m) { return {m.values.data(), as_index(m.rows), as_index(m.columns)}; }

/// The continuous signal between the samples of the doubled input, which holds nothing above the passband: weights of the
/// neighbouring samples whose error, over all tones of the passband, has the least sum of squares (Laakso, Välimäki, Karjalainen,
/// Laine, "Splitting the unit delay", IEEE Signal Processing Magazine 13(1), 1996, §3.3), and no error at all for constants and
/// slopes up to the third order: a circuit that differentiates would show it in full.
class Interpolator {
public:
    /// Even, so that the delay is a whole number of frames. Six on each side leave images 116 dB below any tone of the passband.
    static constexpr std::size_t half = 6;
    static constexpr std::size_t taps = 2 * half;

    /// \param passband  over the rate of the samples.
    explicit Interpolator(double passband) : band_{2.0 * passband}
    {
        System normal = System::Zero();
        for (Index i = 0; i < as_index(taps); ++i) {
            for (Index j = 0; j < as_index(taps); ++j) normal(i, j) = sinc(band_ * static_cast<double>(i - j));
            for (Index k = 0; k < exact; ++k) normal(i, as_index(taps) + k) = normal(as_index(taps) + k, i) = std::pow(place(i), k);
        }
        solver_.compute(normal);
    }

    /// Weights of the samples at −half + 1 … half for the signal at `t`, 0 < t ≤ 1.
    [[nodiscard]] Eigen::Matrix<double, 1, taps> weights(double t) const
    {
        Eigen::Vector<double, size> wanted;
        for (Index i = 0; i < as_index(taps); ++i) wanted[i] = sinc(band_ * (t - 0.5 - place(i)));
        for (Index k = 0; k < exact; ++k) wanted[as_index(taps) + k] = std::pow(t - 0.5, k);
        return solver_.solve(wanted).head<static_cast<Index>(taps)>().transpose();
    }

private:
    static constexpr Index exact = 4;  // powers of t
    static constexpr Index size = static_cast<Index>(taps) + exact;
    using System = Eigen::Matrix<double, size, size>;

    /// Of a sample, from the middle of the interval.
    static double place(Index i) { return static_cast<double>(i) - static_cast<double>(half) + 0.5; }
    static double sinc(double x) { return std::abs(x) < 1e-12 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

    double band_;
    Eigen::FullPivLU<System> solver_;
};

/// One step of the method, `seconds` long: the end's x from the state at its start, the inputs at each stage, and the DC sources.
/// \return [unknowns][states + 3 · inputs + 1]; nothing where that cannot be computed.
std::optional<MatrixXd> end_of_step(const Equations& e, double seconds)
{
    const Radau radau;
    const auto inverse = view(radau.inverse);
    const auto n = as_index(e.size());
    const auto states = as_index(e.states());
    const auto inputs = as_index(e.inputs());

    // The three stages X_i together: (A⁻¹/h ⊗ C + 1 ⊗ G)·X = A⁻¹·1/h ⊗ P·w + B·u(t_i) + dc. For a passive circuit |w| never grows on
    // its own: the method is algebraically stable, and |w|² is energy.
    Matrix stages{3 * e.size(), 3 * e.size()};
    Matrix known{3 * e.size(), e.states() + 3 * e.inputs() + 1};
    auto a = view(stages);
    auto from = view(known);
    for (Index i = 0; i < 3; ++i) {
        for (Index j = 0; j < 3; ++j) {
            a.block(i * n, j * n, n, n) = inverse(i, j) / seconds * view(e.storage);
            if (i == j) a.block(i * n, j * n, n, n) += view(e.conductance);
        }
        from.block(i * n, 0, n, states) = inverse.row(i).sum() / seconds * view(e.spread);
        from.block(i * n, states + i * inputs, n, inputs) = view(e.input);
        from.block(i * n, states + 3 * inputs, n, 1) = Eigen::Map<const VectorXd>{e.dc.data(), n};
    }
    const auto x = solve(stages, known);
    if (!x) return std::nullopt;
    return view(*x).bottomRows(n);  // stiffly accurate: the last stage is the step's end
}

}  // namespace

Result<LinearModel> sample_linear(const Equations& e, double sample_rate_hz)
{
    const auto states = as_index(e.states());
    const auto inputs = as_index(e.inputs());
    const auto end = end_of_step(e, 1.0 / (sample_rate_hz * steps_per_sample));
    if (!end) return Error{e.source + " cannot be run at " + format_number(sample_rate_hz) + " Hz: check the suffixes of its values"};

    const MatrixXd next_state = view(e.spread).transpose() * *end;
    MatrixXd next_output = MatrixXd::Zero(as_index(e.outputs.size()), end->cols());
    for (std::size_t o = 0; o < e.outputs.size(); ++o)
        if (e.outputs[o]) next_output.row(as_index(o)) = end->row(as_index(*e.outputs[o]));

    // All steps of one sample, from one sample of the doubled input to the next but one. Columns: w at the start, then the
    // taps of each input, then the DC sources.
    constexpr auto interpolated = as_index(Interpolator::taps);
    constexpr auto taps = interpolated + 1;
    constexpr int steps_per_doubled_sample = steps_per_sample / 2;
    const double passband = passband_at(sample_rate_hz);
    const Interpolator interpolator{passband / 2.0};
    const auto columns = states + inputs * taps + 1;
    MatrixXd w = MatrixXd::Zero(states, columns);
    w.leftCols(states).setIdentity();
    MatrixXd y;
    for (int step = 0; step < steps_per_sample; ++step) {
        MatrixXd forcing = MatrixXd::Zero(3 * inputs + 1, columns);
        const Index first_tap = step / steps_per_doubled_sample;
        for (Index i = 0; i < 3; ++i) {
            const double at = step % steps_per_doubled_sample + Radau::at[static_cast<std::size_t>(i)];
            const auto weights = interpolator.weights(at / steps_per_doubled_sample);
            for (Index u = 0; u < inputs; ++u) forcing.block(i * inputs + u, states + u * taps + first_tap, 1, interpolated) = weights;
        }
        forcing(3 * inputs, columns - 1) = 1.0;
        if (step + 1 == steps_per_sample) y = next_output.leftCols(states) * w + next_output.rightCols(3 * inputs + 1) * forcing;
        w = next_state.leftCols(states) * w + next_state.rightCols(3 * inputs + 1) * forcing;
    }

    LinearModel model;
    model.half_band = design_half_band(passband, image_attenuation_db);
    model.shape = {e.states(), e.inputs(), e.outputs.size(), static_cast<std::size_t>(taps), model.half_band.size()};
    // The doubler is half of its taps late. The newest sample of the doubled input that a frame looks at is half a frame after the
    // frame's own time, and Interpolator::half − 1 samples after the end of the last step.
    model.delay_frames = static_cast<std::int64_t>(model.half_band.size() / 2 + Interpolator::half / 2 - 1);

    MatrixXd all = MatrixXd::Zero(as_index(model.shape.rows()), columns);
    all.topRows(states) = w;
    all.middleRows(states, y.rows()) = y;
    all = (all.array().abs() < 1e-60).select(0.0, all);  // else its products are denormal numbers, which are slow
    const auto part = [&](Index first, Index count) { return std::vector<double>(all.col(first).data(), all.col(first).data() + count * all.rows()); };
    model.from_state = part(0, states);
    model.from_input = part(states, inputs * taps);
    model.constant = part(columns - 1, 1);
    return model;
}

}  // namespace lowleg::circuit
