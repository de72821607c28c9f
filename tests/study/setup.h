/// \file setup.h
/// Random benches: interface, fixture, states, noise; and what they read of a unit.
#pragma once

#include "unit.h"

#include "analysis/multitone.h"
#include "core/fixture.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "topology/observation.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::study {

/// What stands between the drive and the output: common to both legs and all states.
struct Gear {
    double gain{1.0};
    Hertz high_pass{5.0};
    Hertz low_pass{50e3};
    Seconds delay{};
};

struct Setup {
    Fixture real;   ///< As it is.
    Fixture told;   ///< As the judge is told.
    std::vector<SwitchState> states;
    bool calibrated{};
    std::size_t periods{2};
    std::array<double, 2> noise{};   ///< rms of each input, 20 Hz to 20 kHz, full scale = 1.
    double low_noise_corner_hz{};    ///< Below, noise rises by 3 dB per octave.
    double hum{};                    ///< rms, full scale = 1.
    Hertz mains{50.0};
    Gear gear;
    double loop_gain{1.0};           ///< Interface output 2 to its inputs.
    Seconds round_trip{};
};

/// The fixture depends on `seed`, `number` and `like_reference` alone.
/// \param like_reference  the reference set-up: probe, through, loaded and lifted, 10 kΩ; all else is drawn.
/// \param pin3_hot  then the live procedure stops after `through`, and only captures have more.
[[nodiscard]] Setup draw_setup(std::uint64_t seed, std::uint64_t number, bool like_reference, bool pin3_hot);
/// In one line.
[[nodiscard]] std::string describe(const Setup& setup);

/// What all units are measured with.
struct TestSignal {
    TonePlan plan;
    std::vector<std::int64_t> thirds;  ///< Bins of the drive tones whose third harmonic the analysis reads.
};
[[nodiscard]] Result<TestSignal> design_test_signal();

struct Readings {
    std::map<SwitchState, analysis::MultitoneReading> states;
    std::optional<bool> inverted;  ///< Pin 2 against the drive (pin 3 where it alone carries the signal), at 1 kHz; none: neither.
    bool iron_is_heard{};  ///< A third harmonic that falls with frequency stands out of the noise on at least two tones.
};

/// What the bench reads of the unit, its noise drawn for this number.
/// \return failure of a netlist that has no solution.
[[nodiscard]] Result<Readings> read(const Unit& unit, const Setup& setup, const TestSignal& signal, std::uint64_t seed, std::uint64_t number);

[[nodiscard]] topology::ObserveOptions observe_options(const Setup& setup);

}  // namespace lowleg::study
