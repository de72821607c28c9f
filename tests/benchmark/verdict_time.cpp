#include "verdict_time.h"

#include "drive.h"

#include "analysis/decay.h"
#include "analysis/multitone.h"
#include "bench/virtual_bench.h"
#include "core/record.h"
#include "core/text.h"
#include "stimulus/multitone.h"
#include "topology/observation.h"
#include "topology/verdict.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace lowleg::benchmarks {
namespace {

constexpr std::size_t periods_per_state = 2;
constexpr int settling_periods = 1;
constexpr int trials = 7;
constexpr Dbfs hum{-80.0};
/// As `identify` plays it while pin 3 is grounded.
constexpr GainDb grounded_reduction{-12.0};

struct StateCapture {
    TonePlan plan;
    Record record;
};

Result<std::map<SwitchState, StateCapture>> captures_of(const bench::CircuitText& circuit, const TonePlan& full)
{
    bench::InterfaceModel interface;
    interface.hum = hum;
    auto built = bench::VirtualBench::build(circuit, Fixture{}, interface, rate_hz);
    if (!built) return built.error();
    auto& gear = *built.value();
    std::map<SwitchState, StateCapture> out;
    std::int64_t frame = 0;
    for (const auto state : all_switch_states) {
        auto& capture = out[state];
        capture.plan = full;
        if (state == SwitchState::grounded)
            for (auto& tone : capture.plan.tones) tone.amplitude *= amplitude_ratio(grounded_reduction);
        const auto samples = stimulus::render(capture.plan);
        const auto frames = static_cast<std::size_t>(full.period_frames);
        std::array<std::vector<float>, 2> played{std::vector<float>(frames), std::vector<float>(frames)};
        for (std::size_t n = 0; n < frames; ++n)
            for (std::size_t channel = 0; channel < 2; ++channel) played[channel][n] = samples[2 * n + channel];

        gear.request_state(state);
        capture.record = {rate_hz, full.period_frames, {}};
        for (std::size_t m = 0; m < settling_periods + periods_per_state; ++m) {
            Period period{{std::vector<float>(frames), std::vector<float>(frames)}, frame, {}};
            for (std::size_t at = 0; at < frames; at += block_frames)
                gear.process(played[0].data() + at, played[1].data() + at, period.leg[0].data() + at, period.leg[1].data() + at,
                             static_cast<std::uint32_t>(std::min(block_frames, frames - at)));
            frame += full.period_frames;
            if (m >= settling_periods) capture.record.periods.push_back(std::move(period));
        }
    }
    if (const auto trouble = gear.trouble()) return Error{*trouble};
    return out;
}

Spent summary(std::vector<double> all)
{
    std::ranges::sort(all);
    return {all[all.size() / 2], all.back()};
}

std::string words_for(const topology::Verdict& v)
{
    std::string kind{"inconclusive"};
    if (v.outcome == topology::Outcome::named) kind = topology::id_of(v.topology.value());
    if (v.outcome == topology::Outcome::single_ended) kind = "single-ended";
    if (v.outcome == topology::Outcome::no_signal) return "no-signal";
    return kind + " " + format_fixed(100.0 * v.probability, 1) + " %";
}

// Time by the clock on the wall: hypotheses are fitted by several processors at once.
using Clock = std::chrono::steady_clock;
double milliseconds(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double, std::milli>{to - from}.count(); }

}  // namespace

Result<VerdictTime> time_verdict(const bench::CircuitText& circuit)
{
    const auto plan = stimulus::design_multitone(rate_hz);
    if (!plan) return plan.error();
    const auto captures = captures_of(circuit, plan.value());
    if (!captures) return captures.error();

    VerdictTime out;
    std::vector<double> reading, judging, from_last_sample, from_captures;
    for (int trial = 0; trial <= trials; ++trial) {
        const auto before = Clock::now();
        auto before_last = before;
        std::map<SwitchState, analysis::MultitoneReading> readings;
        for (const auto& [state, capture] : captures.value()) {
            before_last = Clock::now();
            auto record = capture.record;
            analysis::remove_decay(record);
            auto read = analysis::read_multitone(record, capture.plan);
            if (!read) return read.error();
            readings.emplace(state, std::move(read).value());
        }
        const auto before_judging = Clock::now();
        const auto observed = topology::observe(readings, Fixture{}, {});
        if (!observed) return observed.error();
        const auto verdict = topology::judge(observed.value());
        const auto after = Clock::now();
        if (trial == 0) continue;  // what is only done once in a run of the program
        reading.push_back(milliseconds(before_last, before_judging));
        judging.push_back(milliseconds(before_judging, after));
        from_last_sample.push_back(milliseconds(before_last, after));
        from_captures.push_back(milliseconds(before, after));
        out.verdict = words_for(verdict);
    }
    out.reading = summary(std::move(reading)).median;
    out.judging = summary(std::move(judging)).median;
    out.from_last_sample = summary(std::move(from_last_sample));
    out.from_captures = summary(std::move(from_captures));
    return out;
}

}  // namespace lowleg::benchmarks
