// What the fixture reads of an output, at four frequencies at a time, against a nodal solution of fixture and output.
#include "topology/output_pack.h"

#include "topology/model_output.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <array>
#include <complex>

using namespace lowleg;
using namespace lowleg::topology;

TEST_CASE("each frequency of a pack reads what it reads by nodal analysis", "[topology][pack]")
{
    const double r2 = 100.0, r3 = 150.0, shunt2 = 10e-9, shunt3 = 20e-9, gain3 = -0.7, across = 2e-9;
    const test::OutputModel by_hand = [&](Hertz f) {
        const Complex between = test::jw(f) * across;
        return test::OutputNetwork{{{{1.0 / r2 + test::jw(f) * shunt2 + between, -between}, {-between, 1.0 / r3 + test::jw(f) * shunt3 + between}}},
                                   {1.0 / r2, gain3 / r3}};
    };
    using P = AmplifierParts;
    PartValues parts{};
    parts[P::ln_r2] = r2;
    parts[P::ln_r3] = r3;
    parts[P::ln_gain] = -gain3;
    parts[P::ln_c2] = 1e6;  // next to nothing in series
    parts[P::ln_c3_over_c2] = 1.0;
    parts[P::ln_shunt2] = shunt2;
    parts[P::ln_shunt3_over_shunt2] = shunt3 / shunt2;
    parts[P::ln_across] = across;
    parts[P::ln_bass] = 1e-6;
    const ModelShape shape{OutputModel::amplifiers, -1.0, false};

    Fixture fixture;
    if (GENERATE(false, true)) fixture.probe.reset();
    const bool probe = fixture.probe && GENERATE(false, true);
    const auto state = GENERATE(from_range(all_switch_states));

    const std::array frequencies{Hertz{22.0}, Hertz{466.0}, Hertz{5686.0}, Hertz{19430.0}};
    OutputPack output;
    NetworkPack network;
    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        output.set(lane, admittances_of(shape, parts, frequencies[lane]));
        network.set(lane, FixtureNetwork{fixture, frequencies[lane]});
    }
    std::array<ComplexPack, 2> out;
    read(network, output, state, probe, out);

    for (std::size_t lane = 0; lane < lane_count; ++lane) {
        const auto expected = test::read_by_nodes(by_hand, fixture, state, frequencies[lane], probe);
        CAPTURE(name_of(state), probe, frequencies[lane].value());
        // The contact of `grounded`, 1/20 Ω against next to nothing, leaves 1/20 Ω · 0.7/150 Ω = 2.3e-4 on pin 3, of which `across` (4.1 kΩ at
        // the least) brings 100/4100 to pin 2: 6e-6. All other states: the switch's 1e-4 Ω against 100 Ω, 1e-6.
        const double tolerance = state == SwitchState::grounded ? 1e-5 : 2e-6;
        CHECK(std::abs(out[0].get(lane) - expected[0]) < tolerance);
        // In `grounded` input 2 reads the contact.
        if (state != SwitchState::grounded) CHECK(std::abs(out[1].get(lane) - expected[1]) < tolerance);
    }
}
