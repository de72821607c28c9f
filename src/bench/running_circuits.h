/// \file running_circuits.h
/// Gear in its surroundings, prepared to run: its circuit in every position of the switch, at a sample rate.
#pragma once

#include "bench/rt/gear.h"
#include "bench/wiring.h"
#include "circuit/circuit.h"
#include "circuit/sampled_model.h"
#include "core/result.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace lowleg::bench {

class RunningCircuits {
public:
    /// Of a nonlinear circuit a position may be without a model: it does not stay where it rests, and is latched from the
    /// start. \pre the netlist is of this kind; fixture.check().
    /// \return failure when a position has no solution, and of a linear circuit when one is unstable.
    static Result<std::unique_ptr<RunningCircuits>> build(const circuit::Netlist& netlist, CircuitKind kind, const Fixture& fixture,
                                                          double sample_rate_hz, const WrongMoves& wrong = {});

    /// These are to take over from `before`, with its voltages and currents.
    void go_on_from(const RunningCircuits& before);

    [[nodiscard]] const circuit::Circuit& circuit(std::size_t position) const { return circuits_[position]; }
    /// circuit::SampledModel::delay_frames; 0 where no position runs.
    [[nodiscard]] std::int64_t delay_frames() const noexcept { return delay_frames_; }
    /// What the audio thread runs; its state belongs to that thread.
    [[nodiscard]] rt::Circuits& running() noexcept { return running_; }

private:
    RunningCircuits() = default;

    std::vector<circuit::Circuit> circuits_;       // by position, as are those of `running_`
    std::deque<circuit::SampledModel> models_;     // of the positions that run; never moves them
    std::vector<double> storage_;
    std::unique_ptr<circuit::rt::CircuitStepper> stepper_;
    circuit::Matrix from_before_;
    std::int64_t delay_frames_{};
    rt::Circuits running_;
};

}  // namespace lowleg::bench
