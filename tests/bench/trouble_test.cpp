// Gear that gives up: muted, said, and started anew.
#include "bench/bench_run.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

using namespace lowleg;
using namespace lowleg::bench;
using namespace lowleg::testing;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

const double volts = std::numbers::sqrt2 * InterfaceModel{}.full_scale.volts().value();  // of full scale

auto tone(double amplitude_volts, double hz = 997.0)
{
    return [=](std::int64_t n) { return amplitude_volts / volts * std::sin(2.0 * pi * std::fmod(hz * static_cast<double>(n), 48e3) / 48e3); };
}

double largest(const std::vector<float>& x, std::size_t first = 0)
{
    double out = 0.0;
    for (std::size_t n = first; n < x.size(); ++n) out = std::max(out, std::abs(static_cast<double>(x[n])));
    return out;
}

double steepest(const std::vector<float>& x)
{
    double out = 0.0;
    for (std::size_t n = 1; n < x.size(); ++n) out = std::max(out, std::abs(static_cast<double>(x[n]) - static_cast<double>(x[n - 1])));
    return out;
}

std::string trouble_of(const VirtualBench& bench) { return bench.trouble().value_or("none"); }

/// Follows small signals with a gain of 4, and holds on to 10 V once it has been beyond some volts: q = 10·tanh(0.08·v + (v/4)³),
/// v = q + drv, whose loop gain is 0.8 at rest, more than 1 beyond, and 0 where it latches.
const CircuitText latching{"latching.cir", "",
                           "title\nRdrv drv 0 10k\nBq a 0 V=10*tanh(0.08*(v(q)+v(drv)) + ((v(q)+v(drv))/4)^3)\nRq a q 1k\nCq q 0 1n\n"
                           "E2 b 0 q 0 1\nR2 b p2 47\nR3 p3 0 47\n"};

}  // namespace

TEST_CASE("gear that latches while it runs is muted, said, and starts from rest when the switch moves", "[bench][trouble]")
{
    const auto bench = build(latching);
    CHECK_FALSE(bench->is_linear());
    const double at_rest = std::abs(bench->response(SwitchState::through, Hertz{997.0}, false)[0]);
    const auto works = [&] {
        run(*bench, -4800, 4800, tone(0.02), silence);
        const auto c = run(*bench, 0, 48'000, tone(0.02), silence);
        CHECK(trouble_of(*bench) == "none");
        // At v = 0.1 V the cubic term is 0.2 % of the linear one, and 1/(1 − 0.8) of 3/4 of that is in the fundamental.
        CHECK_THAT(std::abs(tone_in(c.i2, 997.0)) * volts / 0.02, WithinAbs(at_rest, 0.01 * at_rest));
    };
    CHECK_THAT(at_rest, WithinAbs(4.0 * 5e3 / 5.047e3, 0.01));  // 10 kΩ and a probe resistor of 10 kΩ on 47 Ω
    works();

    auto all = run(*bench, 0, 480, tone(3.0), silence);  // a burst, then the small signal again
    all.append(run(*bench, 480, 24'000, tone(0.02), silence));
    CHECK_THAT(trouble_of(*bench), ContainsSubstring("latching.cir is muted (pin 3 through)") && ContainsSubstring("latched"));
    CHECK_THAT(static_cast<double>(all.i2[5000]) * volts, WithinAbs(std::copysign(10.0 * 5e3 / 5.047e3, all.i2[5000]), 0.01));
    CHECK(largest(all.i2, 20'000) == 0.0);
    // It latches as steeply as it likes; from 10 V to 0 V it takes 5 ms, 240 frames.
    const std::vector<float> late{all.i2.begin() + 4800, all.i2.end()};
    CHECK(steepest(late) * volts <= 10.3 / 240.0 * 1.01);

    bench->request_state(SwitchState::loaded);
    works();
    // Latched again; a change of the surroundings starts it anew, too.
    run(*bench, 0, 480, tone(3.0), silence);
    run(*bench, 480, 24'000, tone(0.02), silence);
    CHECK_THAT(trouble_of(*bench), ContainsSubstring("(pin 3 loaded)"));
    auto interface = noiseless();
    interface.delay_frames = 5;
    REQUIRE(bench->set_interface(interface));
    works();
    run(*bench, 0, 480, tone(3.0), silence);
    run(*bench, 480, 24'000, tone(0.02), silence);
    CHECK_THAT(trouble_of(*bench), ContainsSubstring("latched"));
    Fixture heavier;
    heavier.rin2 = Ohms{1e3};
    REQUIRE(bench->set_fixture(heavier));
    run(*bench, 0, 4800, tone(0.02), silence);
    CHECK(trouble_of(*bench) == "none");
}

TEST_CASE("nothing is driven hard enough, or held by its drive, to be called latched", "[bench][trouble]")
{
    // A soft limiter at 10 V, with a DC path and a slow one of 2 s.
    const CircuitText limiter{"limiter.cir", "", "title\nRdrv drv 0 10k\nB1 a 0 V=10*tanh(v(drv)/5)\nR1 a p2 47\nC3 a p3 47u\nR3 p3 0 47k\n"};
    const auto bench = build(limiter);
    struct Case {
        const char* name;
        double level, hz, dc;
    };
    for (const auto& c : {Case{"far over the limit", 17.0, 20.0, 0.0}, Case{"slow", 17.0, 3.0, 0.0}, Case{"held by DC", 1.0, 997.0, 15.0},
                          Case{"a little over DC", 0.01, 997.0, 15.0}, Case{"silence", 0.0, 1.0, 0.0}, Case{"DC alone", 0.0, 1.0, -12.0}}) {
        CAPTURE(c.name);
        const auto ac = tone(c.level, c.hz);
        run(*bench, 0, 96'000, [&](std::int64_t n) { return ac(n) + c.dc / volts; }, silence);
        CHECK(trouble_of(*bench) == "none");
    }
    // After DC the slow pin goes back through 47 kΩ, far from rest for long, under a signal far smaller.
    run(*bench, 0, 48'000, tone(0.02), silence);
    CHECK(trouble_of(*bench) == "none");
}

TEST_CASE("gear that does not stay where it rests is muted in that state of the switch alone", "[bench][trouble]")
{
    // The loop over pin 3 has a gain of 1.2 open, 0.5 with 10 kΩ on it: lifted it latches up.
    const CircuitText loose{"loose.cir", "", "title\nR2 drv p2 47\nB3 a 0 V=8*tanh(0.15*v(p3))\nR3 a p3 10k\nC3 p3 0 1n\n"};
    auto model = InterfaceModel{};
    model.noise = Dbfs{-100.0};
    const auto bench = build(loose, {}, model);
    run(*bench, -4800, 4800, tone(1.0), silence);
    const auto quiet = run(*bench, 0, 48'000, tone(1.0), silence);
    CHECK(trouble_of(*bench) == "none");
    CHECK_THAT(std::abs(tone_in(quiet.i2, 997.0)) * volts, WithinAbs(std::abs(bench->response(SwitchState::through, Hertz{997.0}, false)[0]), 1e-3));

    bench->request_state(SwitchState::lifted);
    const auto fading = run(*bench, 48'000, 240, tone(1.0), silence);
    CHECK(steepest(fading.i2) * volts < 2.0 * pi * 997.0 / 48e3 + 1.0 / 240.0);
    const auto muted = run(*bench, 0, 48'000, tone(1.0), silence);
    CHECK_THAT(trouble_of(*bench), ContainsSubstring("loose.cir is muted (pin 3 lifted)") && ContainsSubstring("latches up"));
    CHECK(std::abs(tone_in(muted.i2, 997.0)) < 1e-6);
    // The interface's own noise remains: 1 % is four standard deviations of an rms of 48,000 samples.
    CHECK_THAT(dbfs_of_rms(rms(muted.i2) * std::sqrt(19'980.0 / 24'000.0)).value(), WithinAbs(-100.0, 0.1));

    bench->request_state(SwitchState::grounded);
    run(*bench, -4800, 4800, tone(1.0), silence);
    CHECK(trouble_of(*bench) == "none");
    const auto back = run(*bench, 0, 48'000, tone(1.0), silence);
    CHECK_THAT(std::abs(tone_in(back.i2, 997.0)) * volts, WithinAbs(std::abs(bench->response(SwitchState::grounded, Hertz{997.0}, false)[0]), 1e-3));

    // With heavier loads it does not latch; without any it latches in every state: then it is silent from the first block, and said
    // to be before one has run. What heals it heals it.
    const CircuitText worse{"worse.cir", "", "title\nRdrv drv 0 1k\nB2 a 0 V=8*tanh(0.15*v(p2))\nR2 a p2 10k\nC2 p2 0 1n\nR3 p3 0 47\n"};
    Fixture light;
    light.rin2 = Ohms{1e6};
    light.probe.reset();
    const auto dead = build(worse, light);
    CHECK_THAT(trouble_of(*dead), ContainsSubstring("worse.cir is muted (pin 3 through)"));
    const auto nothing = run(*dead, 0, 4800, tone(5.0), tone(5.0));
    CHECK(largest(nothing.i2) == 0.0);
    CHECK(largest(nothing.i3) == 0.0);
    dead->request_state(SwitchState::lifted);
    run(*dead, 0, 100, tone(5.0), tone(5.0));
    CHECK_THAT(trouble_of(*dead), ContainsSubstring("(pin 3 lifted)"));
    REQUIRE(dead->set_fixture({}));
    run(*dead, 0, 100, tone(5.0), tone(5.0));
    CHECK(trouble_of(*dead) == "none");
    REQUIRE(dead->set_fixture(light));
    run(*dead, 0, 100, tone(5.0), tone(5.0));
    CHECK_THAT(trouble_of(*dead), ContainsSubstring("(pin 3 lifted)"));
    CHECK_FALSE(try_build(worse, light, noiseless(), 1.0));  // a rate that cannot be simulated is an error even so
}

TEST_CASE("gear whose laws cannot be met, or that runs away, is muted and said; no bad number comes out", "[bench][trouble]")
{
    struct Case {
        const char* netlist;
        const char* says;
    };
    const auto c = GENERATE(Case{"title\nRdrv drv 0 1k\n* no solution above 1 V: each value of V(p2) asks for the other\n"
                                 "B2 a 0 V=v(drv) > 1 ? (v(p2) > 0.1 ? -5 : 5) : 0\nR2 a p2 1k\nR3 p3 0 47\n", "does not converge"},
                            Case{"title\nRdrv drv 0 1k\n* runs away beyond 1 V\nB2 0 a I=1e-3*v(a)^3\nR2 a p2 47\nRa a 0 1k\nCa a 0 1u\n"
                                 "G2 0 a drv 0 2m\nR3 p3 0 47\n", "is muted"});
    const CircuitText text{"wild.cir", "", c.netlist};
    Fixture f;
    f.cin = Farads{0.0};
    const auto bench = build(text, f);
    run(*bench, 0, 9600, tone(0.2), silence);
    CHECK(trouble_of(*bench) == "none");
    auto wild = run(*bench, 9600, 48'000, tone(8.0), tone(8.0));
    CHECK_THAT(trouble_of(*bench), ContainsSubstring(c.says));
    CHECK(largest(wild.i2, 24'000) == 0.0);
    for (const auto* leg : {&wild.i2, &wild.i3})
        for (const float x : *leg) REQUIRE(std::abs(x) <= 1.0F);
    bench->request_state(SwitchState::grounded);
    run(*bench, 0, 9600, tone(0.2), silence);
    CHECK(trouble_of(*bench) == "none");
}

TEST_CASE("what is no number is silence to nonlinear gear, too", "[bench][trouble]")
{
    const auto bench = build(latching);
    for (const double bad : {std::nan(""), inf, -inf}) {
        const auto now_and_then = [&](std::int64_t n) { return n % 1000 == 0 ? bad : 0.0; };
        const auto c = run(*bench, 0, 4800, now_and_then, now_and_then);
        for (const auto* leg : {&c.i2, &c.i3})
            for (const float x : *leg) REQUIRE(std::abs(x) <= 1.0F);
    }
}
