/// The highest level of an output.
#include "core/text.h"
#include "procedure/headroom.h"
#include "procedure/measure_kinds.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowleg::procedure {
namespace {

std::string sentence_of(const HeadroomReading& reading)
{
    switch (reading.end) {
    case HeadroomEnd::distortion: return "The output distorts by 1 % at this level: it is its own maximum.";
    case HeadroomEnd::output_ceiling: return "The interface gives no more, and the output is still clean: its maximum is higher.";
    case HeadroomEnd::input_clipped: return "The interface's input is at full scale, and the output is still clean: lower the input's gain to find its maximum.";
    case HeadroomEnd::no_signal: return "Pin 2 carries none of it.";
    case HeadroomEnd::stopped: return "It was stopped by hand, and the output was still clean: its maximum is higher.";
    case HeadroomEnd::collapse: return "Pin 2 fell by " + format_fixed(-reading.fell_by.value(), 1) + " dB as the drive rose: the drive was stopped for the gear's sake.";
    }
    return "";
}

/// Below full scale, so that files stand in the order of their levels: "sine-06.5-below".
std::string capture_name(Dbfs played)
{
    const double below = -played.value();
    return "sine-" + std::string{below < 9.95 ? "0" : ""} + format_fixed(below, 1) + "-below";
}

Result<Measurement> conclude(Measurement out, const HeadroomReading& r, const Scales& scales)
{
    if (r.end == HeadroomEnd::no_signal)
        return Error{"pin 2 carries none of the test tone: see that output 1 feeds the gear, that the gear is on, and that its output is on the fixture"};
    if (r.end == HeadroomEnd::collapse) return Error{"stopped for the gear's sake: " + sentence_of(r), ErrorKind::interrupted};
    if (r.end == HeadroomEnd::stopped) out.quality.ending = Ending::stopped;
    const double relative = r.resolution.value() / db_per_neper;
    add_level(out.figures, "maximum", "Maximum at pin 2", sine_peak(r.maximum.pin2), relative, r.frequency, scales.input_volts[0],
              "The level of a sine at which harmonics 2 to 9 make 1 % together; found in steps of 0.5 dB and by interpolation (IEC 60268-3, rated distortion-limited output).");
    if (!r.maximum.is_reached)
        for (auto& figure : out.figures) figure.bound = Figure::Bound::at_least;
    out.says.push_back(sentence_of(r));
    out.notes.emplace_back("Pin 2 alone: an output with two legs gives 6 dB more between its pins.");
    return out;
}

}  // namespace

Result<Measurement> measure_headroom(const MeasureRun& run)
{
    auto out = run.begin(MeasureKind::headroom);
    if (auto moved = run.fixture_switch(SwitchState::through); !moved) return moved.error();
    if (run.observer) run.observer({"rising level", 0, {}, {}, {}});
    out.played.push_back({"sine", std::nullopt, std::nullopt});  // of all its levels the highest
    const auto keep = [&](Dbfs played, const Stretch& stretch) {
        auto& highest = out.played.front().drive_peak;
        highest = highest ? std::max(*highest, played) : played;
        Record record{run.sample_rate_hz(), static_cast<std::int64_t>(stretch.leg[0].size()), {}};
        record.periods.push_back({stretch.leg, stretch.first_frame, stretch.faults});
        out.captures.push_back({capture_name(played), std::move(record)});
    };
    const auto reading = sweep_headroom(run.engine, SwitchState::through, run.should_stop, keep);
    if (!reading) return reading.error();
    return conclude(std::move(out), reading.value(), run.options.scales);
}

Result<Measurement> read_headroom_captures(const SourceRun& run, RecordingSource& recordings)
{
    auto out = run.begin(MeasureKind::headroom);
    const std::vector<float> one_period(2 * static_cast<std::size_t>(headroom_period_frames(run.sample_rate_hz())));
    bool is_first = true;
    const auto capture = [&](Dbfs drive) -> Result<std::optional<Stretch>> {
        const auto name = capture_name(drive);
        // Somebody stopped it there. Without the first there is nothing, and play() says what is missing.
        if (!is_first && !recordings.holds(name)) return std::optional<Stretch>{};
        is_first = false;
        if (auto found = recordings.play(name, one_period, Seconds{0.0}); !found) return found.error();
        Stretch all;
        for (std::uint64_t at = 0;; at += one_period.size() / 2) {
            auto period = recordings.next_period(at);
            if (!period) return period.error();
            if (!period.value()) return std::optional{std::move(all)};
            for (const std::size_t leg : {0U, 1U}) all.leg[leg].insert(all.leg[leg].end(), period.value()->leg[leg].begin(), period.value()->leg[leg].end());
            const auto faults = period.value()->faults;
            if (!faults.none() && !faults.has(Fault::clipped)) return Error{"the recording " + name + ".wav is broken (" + describe(faults) + "): record that level again"};
            all.faults.add(faults);
        }
    };
    const auto reading = read_headroom(run.sample_rate_hz(), SwitchState::through, capture);
    if (!reading) return reading.error();
    return conclude(std::move(out), reading.value(), run.options.scales);
}

}  // namespace lowleg::procedure
