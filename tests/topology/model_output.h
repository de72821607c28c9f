/// \file model_output.h
/// Outputs as closed-form networks, and what the fixture reads from them: a nodal solution that shares nothing with the solver
/// under test.
#pragma once

#include "analysis/multitone.h"
#include "core/fixture.h"

#include <Eigen/Dense>

#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <random>
#include <vector>

namespace lowleg::test {

/// An output as seen from its pins: I = J − Y·V, per volt of drive.
struct OutputNetwork {
    std::array<std::array<Complex, 2>, 2> y;
    std::array<Complex, 2> j;
};
using OutputModel = std::function<OutputNetwork(Hertz)>;

inline Complex jw(Hertz f) { return {0.0, 2.0 * std::numbers::pi * f.value()}; }

/// A floating winding: `zd` in series with the EMF, capacitances (and conductances) of each leg to ground.
inline OutputModel floating(double zd, double c2, double c3, double g = 0.0, double c_from_drive = 0.0)
{
    return [=](Hertz f) {
        const Complex yd = 1.0 / zd;
        return OutputNetwork{{{{yd + jw(f) * c2 + g, -yd}, {-yd, yd + jw(f) * c3 + g}}}, {yd + jw(f) * c_from_drive, -yd}};
    };
}
inline OutputModel servo(double c, double rb = 50.0, double gain_error = 0.0)
{
    return [=](Hertz) {
        return OutputNetwork{{{{1.0 / rb, -c / rb}, {-c / rb, 1.0 / rb}}}, {(1.0 + c + gain_error) / rb, -(1.0 + c) / rb}};
    };
}
inline OutputModel two_sources(double e2, double r2, double e3, double r3)
{
    return [=](Hertz) { return OutputNetwork{{{{1.0 / r2, 0.0}, {0.0, 1.0 / r3}}}, {e2 / r2, e3 / r3}}; };
}
/// Each leg through half the winding from a grounded centre tap; zp is what the driving side reflects.
inline OutputModel center_tapped(double zp, double rs)
{
    return [=](Hertz) {
        Eigen::Matrix2cd z;
        z << rs / 2 + zp / 4, -zp / 4, -zp / 4, rs / 2 + zp / 4;
        const Eigen::Matrix2cd y = z.inverse();
        const Eigen::Vector2cd j = y * Eigen::Vector2cd{0.5, -0.5};
        return OutputNetwork{{{{y(0, 0), y(0, 1)}, {y(1, 0), y(1, 1)}}}, {j(0), j(1)}};
    };
}
inline OutputModel ground_sensing(double r2, double r3)
{
    return [=](Hertz) { return OutputNetwork{{{{1.0 / r2, -1.0 / r2}, {0.0, 1.0 / r3}}}, {1.0 / r2, 0.0}}; };
}
inline OutputModel pin3_open(double r2)
{
    return [=](Hertz) { return OutputNetwork{{{{1.0 / r2, 0.0}, {0.0, 1e-12}}}, {1.0 / r2, 0.0}}; };
}

/// Both inputs, per played volt: [0] i2, [1] i3.
inline std::array<Complex, 2> read_by_nodes(const OutputModel& model, const Fixture& fx, SwitchState state, Hertz f, bool probe)
{
    // Nodes: 0 pin 2 = i2, 1 pin 3, 2 i3 (the input's side of the switch), 3 z (where the probe resistors meet).
    Eigen::Matrix4cd a = Eigen::Matrix4cd::Zero();
    Eigen::Vector4cd b = Eigen::Vector4cd::Zero();
    const auto net = model(f);
    for (int r = 0; r < 2; ++r) {
        for (int c = 0; c < 2; ++c) a(r, c) += net.y.at(static_cast<std::size_t>(r)).at(static_cast<std::size_t>(c));
        if (!probe) b(r) += net.j.at(static_cast<std::size_t>(r));
    }
    const auto admit = [&](int n, Complex y) { a(n, n) += y; };
    const auto join = [&](int m, int n, Complex y) { a(m, m) += y; a(n, n) += y; a(m, n) -= y; a(n, m) -= y; };
    admit(0, fx.input_admittance_2(f));
    admit(2, fx.input_admittance_3(f));
    if (fx.probe) {
        join(0, 3, 1.0 / fx.probe->rp2.value());
        join(2, 3, 1.0 / fx.probe->rp3.value());
        const double gs = 1.0 / std::max(fx.rs.value(), 1e-3);
        admit(3, gs);
        if (probe) b(3) += gs;
    } else {
        admit(3, 1.0);
    }
    join(1, 2, state == SwitchState::lifted ? 1e-13 : 1e4);
    if (state == SwitchState::loaded) admit(1, 1.0 / fx.rg.value());
    if (state == SwitchState::grounded) admit(1, 1e4);
    const Eigen::Vector4cd v = a.partialPivLu().solve(b);
    return {v(0), fx.gain_ratio * v(2)};
}

struct ReadingOptions {
    double noise_sigma{1e-7};       ///< Of each tone, per played full scale.
    Seconds delay{0.0213};          ///< Of the loop.
    std::map<SwitchState, Seconds> later{};  ///< What a state's own delay is longer by.
    double loop_gain{1.0};
    double iron{0.0};               ///< Third harmonic of iron at 20 Hz, of the fundamental; it falls as f^-1.2.
    unsigned seed{1};
};

/// What the analysis would report of a 24-tone multitone.
inline std::map<SwitchState, analysis::MultitoneReading> read_all(const OutputModel& model, const Fixture& fx,
                                                                  const std::vector<SwitchState>& states, const ReadingOptions& o = {})
{
    static constexpr std::array drive_hz{22.0, 38.0, 70.0, 130.0, 246.0, 466.0, 1010.0, 1622.0, 3034.0, 5686.0, 10646.0, 19430.0};
    static constexpr std::array probe_hz{26.0, 44.0, 78.0, 142.0, 262.0, 486.0, 1034.0, 1654.0, 3074.0, 5734.0, 10702.0, 19478.0};
    std::mt19937 generator{o.seed};
    std::normal_distribution<double> normal{0.0, o.noise_sigma};
    std::map<SwitchState, analysis::MultitoneReading> out;
    for (const auto state : states) {
        const auto own = o.later.find(state);
        const double delay_s = o.delay.value() + (own == o.later.end() ? 0.0 : own->second.value());
        analysis::MultitoneReading r;
        r.sample_rate_hz = 48e3;
        r.periods = 4;
        for (std::size_t i = 0; i < drive_hz.size(); ++i) {
            for (const bool probe : {false, true}) {
                const Hertz f{probe ? probe_hz.at(i) : drive_hz.at(i)};
                analysis::ToneReading tone;
                tone.signal = probe ? Signal::probe : Signal::drive;
                tone.bin = static_cast<std::int64_t>(f.value() / 2.0);
                tone.frequency = f;
                const auto v = read_by_nodes(model, fx, state, f, probe);
                for (const std::size_t leg : {0U, 1U}) {
                    const Complex late = v.at(leg) * o.loop_gain * std::exp(-jw(f) * delay_s);
                    tone.leg.at(leg) = {late + Complex{normal(generator), normal(generator)}, o.noise_sigma, 30.0};
                }
                r.tones.push_back(tone);
            }
        }
        std::sort(r.tones.begin(), r.tones.end(), [](const auto& a, const auto& b) { return a.bin < b.bin; });
        for (const double hz : {22.0, 38.0, 246.0}) {
            const Complex iron = o.iron * std::pow(20.0 / hz, 1.2) + Complex{normal(generator), normal(generator)} * 10.0;
            r.third_harmonics.push_back({Hertz{hz}, {analysis::ComplexEstimate{iron, 10.0 * o.noise_sigma, 30.0}, {iron, 10.0 * o.noise_sigma, 30.0}}});
        }
        out[state] = r;
    }
    return out;
}

}  // namespace lowleg::test
