/// The highest level of an output.
#include "core/text.h"
#include "procedure/headroom.h"
#include "procedure/measure_kinds.h"

#include <string>
#include <utility>

namespace lowleg::procedure {
namespace {

std::string sentence_of(const HeadroomReading& reading)
{
    switch (reading.end) {
    case HeadroomEnd::distortion: return "The output distorts by 1 % at this level: it is its own maximum.";
    case HeadroomEnd::output_ceiling: return "The interface gives no more, and the output is still clean: its maximum is higher.";
    case HeadroomEnd::input_clipped: return "The interface's input is at full scale, and the output is still clean: lower the input's gain to find its maximum.";
    case HeadroomEnd::no_signal: return "Pin 2 carries none of it.";
    case HeadroomEnd::collapse: return "Pin 2 fell by " + format_fixed(-reading.fell_by.value(), 1) + " dB as the drive rose: the drive was stopped for the gear's sake.";
    }
    return "";
}

}  // namespace

Result<Measurement> measure_headroom(const MeasureRun& run)
{
    auto out = run.begin(MeasureKind::headroom);
    if (auto moved = run.fixture_switch(SwitchState::through); !moved) return moved.error();
    if (run.observer) run.observer({"rising level", 0, {}, {}, {}});
    const auto keep = [&](Dbfs played, const Stretch& stretch) {
        // Below full scale, so that files stand in the order of their levels: "sine-06.5-below".
        const double below = -played.value();
        const auto name = "sine-" + std::string{below < 9.95 ? "0" : ""} + format_fixed(below, 1) + "-below";
        Record record{run.sample_rate_hz(), static_cast<std::int64_t>(stretch.leg[0].size()), {}};
        record.periods.push_back({stretch.leg, stretch.first_frame, stretch.faults});
        out.captures.push_back({name, std::move(record)});
    };
    auto reading = sweep_headroom(run.engine, SwitchState::through, run.should_stop, keep);
    if (!reading) return reading.error();
    const auto& r = reading.value();
    if (r.end == HeadroomEnd::no_signal)
        return Error{"pin 2 carries none of the test tone: see that output 1 feeds the gear, that the gear is on, and that its output is on the fixture"};
    if (r.end == HeadroomEnd::collapse) return Error{"stopped for the gear's sake: " + sentence_of(r), ErrorKind::interrupted};
    const double relative = r.resolution.value() / db_per_neper;
    add_level(out.figures, "maximum", "Maximum at pin 2", sine_peak(r.maximum.pin2), relative, r.frequency, run.options.scales.input_volts[0],
              "The level of a sine at which harmonics 2 to 9 make 1 % together; found in steps of 0.5 dB and by interpolation (IEC 60268-3, rated distortion-limited output).");
    if (!r.maximum.is_reached)
        for (auto& figure : out.figures) figure.bound = Figure::Bound::at_least;
    out.says.push_back(sentence_of(r));
    out.notes.emplace_back("Pin 2 alone: an output with two legs gives 6 dB more between its pins.");
    return out;
}

}  // namespace lowleg::procedure
