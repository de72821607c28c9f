#include "bench/running_circuits.h"

#include <cmath>
#include <string>
#include <utility>

namespace lowleg::bench {
namespace {

using circuit::Circuit;

/// How far a small signal at 1 kHz comes, where it comes through.
std::array<std::array<double, 2>, 2> gains_of(const Circuit& circuit)
{
    std::array<std::array<double, 2>, 2> gains{};
    if (const auto response = circuit.response(Hertz{1e3}))
        for (std::size_t o = 0; o < 2; ++o)
            for (std::size_t i = 0; i < 2; ++i) gains[o][i] = std::abs(response.value()[2 * o + i]);
    return gains;
}

}  // namespace

Result<std::unique_ptr<RunningCircuits>> RunningCircuits::build(const circuit::Netlist& netlist, CircuitKind kind, const Fixture& fixture,
                                                                double sample_rate_hz, const WrongMoves& wrong)
{
    std::unique_ptr<RunningCircuits> out{new RunningCircuits};
    for (std::size_t p = 0; p < positions_of(kind); ++p) {
        const auto because = [&](Error error) {
            if (error.kind == ErrorKind::failure) error.message += " (" + words_for(kind, p) + ")";
            return error;
        };
        const auto wiring = wired(netlist, kind, fixture, p, wrong);
        auto circuit = Circuit::build(wiring.netlist, wiring.sources, wiring.nodes);
        if (!circuit) return circuit.error();
        out->circuits_.push_back(std::move(circuit).value());
        const auto& made = out->circuits_.back();
        out->running_.is_linear = made.is_linear();
        const auto stable = made.check_stable();
        if (!stable && made.is_linear()) return because(stable.error());

        auto model = made.sampled(sample_rate_hz);
        if (!stable && model.error().kind != ErrorKind::usage) continue;
        if (!model) return because(model.error());
        out->models_.push_back(std::move(model).value());
        const auto& m = out->models_.back();
        auto& position = out->running_.positions[p];
        position.matrices = m.matrices();
        position.runs = true;
        const auto rest = made.rest_volts();
        position.rest_volts = {rest[0], rest[1]};
        position.gains = gains_of(made);
        if (out->stepper_) continue;
        out->delay_frames_ = m.delay_frames();
        out->storage_.assign(circuit::rt::CircuitStepper::storage_for(m.shape()), 0.0);
        out->stepper_ = std::make_unique<circuit::rt::CircuitStepper>(m.shape(), out->storage_);
    }
    out->running_.stepper = out->stepper_.get();
    return out;
}

void RunningCircuits::go_on_from(const RunningCircuits& before)
{
    if (!stepper_ || !before.stepper_) return;
    // Which position does not matter: only resistances differ, and the state is charges and fluxes.
    from_before_ = circuits_.front().state_from(before.circuits_.front());
    running_.goes_on = true;
    running_.from_before = from_before_.values.data();
}

}  // namespace lowleg::bench
