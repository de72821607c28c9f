/// \file running_circuit.h
/// A sampled model with the storage that it runs on.
#pragma once

#include "circuit/sampled_model.h"

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <vector>

namespace lowleg::circuit {

class RunningCircuit {
public:
    /// \param model  outlives this.
    explicit RunningCircuit(const SampledModel& model)
        : model_{&model}, storage_(rt::CircuitStepper::storage_for(model.shape())), stepper_{model.shape(), storage_}
    {
        std::visit([&](const auto& m) { inputs_ = m.shape.inputs; outputs_ = m.shape.outputs; }, model.model);
        stepper_.restart(model.matrices());
    }
    RunningCircuit(const RunningCircuit&) = delete;
    RunningCircuit& operator=(const RunningCircuit&) = delete;

    void chunk(const double* in, double* out, std::size_t frames) { stepper_.step(model_->matrices(), in, out, frames); }

    /// One frame.
    std::vector<double> next(const std::vector<double>& in)
    {
        std::vector<double> x(inputs_ * rt::chunk_frames), y(outputs_ * rt::chunk_frames), out(outputs_);
        for (std::size_t i = 0; i < inputs_; ++i) x[i * rt::chunk_frames] = in[i];
        chunk(x.data(), y.data(), 1);
        for (std::size_t o = 0; o < outputs_; ++o) out[o] = y[o * rt::chunk_frames];
        return out;
    }

    [[nodiscard]] rt::CircuitStepper& stepper() { return stepper_; }

private:
    const SampledModel* model_;
    std::vector<double> storage_;
    rt::CircuitStepper stepper_;
    std::size_t inputs_{}, outputs_{};
};

/// A thousand frames of a sine at the only output, in chunks of these lengths by turns. \pre One input, one output.
inline std::vector<double> run_in_blocks(const SampledModel& m, double amplitude, const std::vector<std::size_t>& lengths)
{
    RunningCircuit running{m};
    std::vector<double> all;
    std::array<double, rt::chunk_frames> in{}, out{};
    for (std::size_t n = 0, block = 0; n < 1000; ++block) {
        const auto now = lengths[block % lengths.size()];
        for (std::size_t i = 0; i < now; ++i) in[i] = amplitude * std::sin(0.1 * static_cast<double>(n + i));
        running.chunk(in.data(), out.data(), now);
        all.insert(all.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(now));
        n += now;
    }
    all.resize(1000);
    return all;
}

/// Frames in which the tones of nearest_tone have whole numbers of cycles, so that no window is needed.
inline std::size_t tone_frames(const SampledModel& m) { return static_cast<std::size_t>(m.sample_rate_hz * 0.25); }

inline double nearest_tone(const SampledModel& m, double hz)
{
    const auto frames = static_cast<double>(tone_frames(m));
    return std::round(hz * frames / m.sample_rate_hz) * m.sample_rate_hz / frames;
}

/// What a tone of nearest_tone, amplitude · cos, brings about at each output: phasors of its harmonics 0 … `harmonics`, the
/// delay taken out. [output][harmonic]
inline std::vector<std::vector<Complex>> run_harmonics(const SampledModel& m, double hz, double amplitude, double settle_seconds, std::size_t harmonics)
{
    const auto frames = tone_frames(m);
    const double w = 2.0 * std::numbers::pi * hz / m.sample_rate_hz;
    const auto settle = static_cast<std::size_t>(settle_seconds * m.sample_rate_hz);
    RunningCircuit running{m};
    std::vector<std::vector<Complex>> sum;
    std::size_t inputs{};
    std::visit([&](const auto& model) { inputs = model.shape.inputs; sum.assign(model.shape.outputs, std::vector<Complex>(harmonics + 1)); }, m.model);
    std::vector<double> in(inputs * rt::chunk_frames), out(sum.size() * rt::chunk_frames);
    for (std::size_t n = 0; n < settle + frames;) {
        const auto now = std::min(rt::chunk_frames, settle + frames - n);
        for (std::size_t i = 0; i < now; ++i) in[i] = amplitude * std::cos(w * static_cast<double>(n + i));
        running.chunk(in.data(), out.data(), now);
        for (std::size_t i = 0; i < now; ++i, ++n) {
            if (n < settle) continue;
            const double phase = w * (static_cast<double>(n) - static_cast<double>(m.delay_frames()));
            for (std::size_t o = 0; o < sum.size(); ++o)
                for (std::size_t h = 0; h <= harmonics; ++h)
                    sum[o][h] += out[o * rt::chunk_frames + i] * std::polar((h == 0 ? 1.0 : 2.0) / static_cast<double>(frames), -phase * static_cast<double>(h));
        }
    }
    return sum;
}

/// The response of a sampled model at one frequency, of each output.
inline std::vector<Complex> run_tone(const SampledModel& m, double hz, double settle_seconds)
{
    std::vector<Complex> out;
    for (const auto& harmonics : run_harmonics(m, hz, 1.0, settle_seconds, 1)) out.push_back(harmonics[1]);
    return out;
}

}  // namespace lowleg::circuit
