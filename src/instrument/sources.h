/// \file sources.h
/// What a job measures on, opened: the virtual bench or a device, each with an engine that runs.
#pragma once

#include "bench/bench_backend.h"
#include "bench/virtual_bench.h"
#include "core/result.h"
#include "engine/devices.h"
#include "engine/engine.h"
#include "instrument/settings.h"
#include "procedure/calibration.h"
#include "procedure/fixture_switch.h"

#include <memory>
#include <string>

namespace lowleg::instrument {

inline constexpr double bench_rate_hz = 48'000.0;

struct OpenBench {
    std::shared_ptr<bench::VirtualBench> bench;
    std::unique_ptr<engine::Engine> engine;
    double sample_rate_hz{};
    std::string name;
};

/// \param wanted  what the circuit must be. \param what_for  "identify names outputs": why. \param own  of gear that plays of itself.
/// \param hooks  somebody who hears what is captured has the bench run in real time.
/// \return usage error for another kind of circuit.
Result<OpenBench> open_bench(const Settings& settings, const std::string& name_or_file, bench::CircuitKind wanted, const std::string& what_for,
                             const engine::EngineHooks& hooks = {}, bench::OwnSignal own = {});

/// A circuit of the instrument's own in the place of the gear. \pre it is an output
Result<OpenBench> open_bench(const Settings& settings, const bench::CircuitText& circuit, const engine::EngineHooks& hooks = {});

/// A receiver in the place of the output: its pins on the fixture, which probes them. \return usage error for another kind of circuit.
Result<OpenBench> open_bench_input(const Settings& settings, const std::string& name_or_file, const engine::EngineHooks& hooks = {});

/// Moved by an audio host, and looked for where it is lost. \param id  of a device that list_devices() tells.
Result<std::unique_ptr<engine::Engine>> open_device(const Settings& settings, const std::string& id, const engine::EngineHooks& hooks);

/// The device with this number or name, of those there are now.
Result<engine::DeviceInfo> find_device(const std::string& id);

/// What is stored of this device at this rate and gain setting.
Result<procedure::FoundCalibration> calibration_of(const Settings& settings, const engine::StreamFacts& facts);

/// Does a job that compares captures with each other, and all of it again where the device was lost meanwhile and came back: delays may be others then.
/// \param job  gives a Result.
template <class Job>
auto measured_in_one_piece(const engine::Engine& engine, const engine::EngineHooks& hooks, Job job) -> decltype(job())
{
    constexpr int most_attempts = 3;
    for (int attempt = 1;; ++attempt) {
        const auto restarts = engine.restarts();
        auto result = job();
        const bool is_interrupted = !result && result.error().kind == ErrorKind::interrupted;
        if (engine.restarts() == restarts || is_interrupted) return result;
        if (attempt == most_attempts)
            return Error{"the audio device was lost in each of " + std::to_string(most_attempts) + " attempts: see what takes it away, and measure again", ErrorKind::interrupted};
        if (hooks.tell) hooks.tell("the device may have other delays than before, so everything is measured again");
    }
}

/// The bench's audio thread takes a new position over between two blocks. Gear that is muted starts anew then, so whether it was is asked before.
[[nodiscard]] procedure::FixtureSwitch switch_of(std::shared_ptr<bench::VirtualBench> bench);
/// The same of how a receiver is fed.
Status feed(bench::VirtualBench& bench, bench::Feed feed);

}  // namespace lowleg::instrument
