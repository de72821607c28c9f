#include "procedure/device_check.h"

#include "analysis/multitone.h"
#include "analysis/noise_level.h"
#include "core/text.h"
#include "procedure/averaging.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lowleg::procedure {
namespace {

constexpr Seconds settling{0.3};
/// More than this of the periods lost, and measuring takes much longer than it should.
constexpr double most_voided = 0.1;
/// Beyond this part of its time a callback is late as soon as anything else happens.
constexpr double most_load = 0.5;
constexpr double least_coherence = 0.8;
constexpr double normal_95 = 1.96;
constexpr std::array<const char*, 2> input_ids{"input1", "input2"};

struct Listened {
    Record record;
    std::size_t asked{}, voided{};
    Faults reasons;
};

class Check {
public:
    Check(engine::Engine& engine, const DeviceCheckOptions& options, const MeasurementObserver& observer, const std::function<bool()>& should_stop)
        : engine_{engine}, options_{options}, observer_{observer}, should_stop_{should_stop}, rate_{engine.facts().sample_rate_hz}
    {
    }

    Result<Measurement> run()
    {
        stimulus::MultitoneOptions soft;
        soft.drive_peak = options_.level;
        soft.probe_peak = options_.level;
        const auto plan = stimulus::design_multitone(rate_, soft);
        if (!plan) return plan.error();
        const auto before = engine_.counters();
        const std::vector<float> nothing(2 * static_cast<std::size_t>(plan.value().period_frames), 0.0F);
        const auto silence = listen("silence", nothing, Seconds{options_.time.value() / 3.0});
        if (!silence) return silence.error();
        const auto tones = listen("tones", stimulus::render(plan.value()), Seconds{options_.time.value() * 2.0 / 3.0});
        if (!tones) return tones.error();
        const auto after = engine_.counters();

        out_.kind = "device-test";
        out_.device_under_test = options_.device;
        out_.sample_rate_hz = rate_;
        out_.quality.source = Source::device;
        out_.calibration.says = "none is needed: these are levels of the converters";
        for (const auto* part : {&silence.value(), &tones.value()}) {
            out_.quality.periods += part->record.periods.size();
            out_.quality.voided += part->voided;
            out_.quality.void_reasons.add(part->reasons);
        }
        out_.quality.signal = Seconds{static_cast<double>(out_.quality.periods) * static_cast<double>(plan.value().period_frames) / rate_};
        tell_load();
        tell_losses(silence.value().asked + tones.value().asked, after.flagged - before.flagged);
        tell_noise(silence.value().record);
        tell_round_trip(tones.value().record, plan.value());
        conclude();
        return std::move(out_);
    }

private:
    Result<Listened> listen(const std::string& step, const std::vector<float>& samples, Seconds time)
    {
        Listened out;
        const auto frames = static_cast<std::int64_t>(samples.size() / 2);
        out.record = {rate_, frames, {}};
        if (auto played = engine_.play(samples); !played) return played.error();
        const auto wanted = static_cast<std::size_t>(std::max(2.0, std::ceil(time.value() * rate_ / static_cast<double>(frames))));
        auto not_before = engine_.frames_handled() + static_cast<std::uint64_t>(settling.value() * rate_);
        for (out.asked = 0; out.asked < wanted; ++out.asked) {
            if (should_stop_ && should_stop_()) return Error{"stopped by hand before the device was known", ErrorKind::interrupted};
            auto period = engine_.next_period(not_before);
            if (!period) return period.error();
            auto& p = period.value();
            // Periods that were lost altogether are not even given.
            const auto end = static_cast<std::uint64_t>(p.first_frame + frames);
            if (out.asked > 0 && end > not_before + static_cast<std::uint64_t>(frames)) out.voided += (end - not_before) / static_cast<std::uint64_t>(frames) - 1;
            not_before = end;
            const Faults reasons = p.faults;
            if (reasons.none()) out.record.periods.push_back(std::move(p));
            else ++out.voided;
            out.reasons.add(reasons);
            if (observer_) observer_({step, out.record.periods.size(), Seconds{static_cast<double>(out.asked + 1) * static_cast<double>(frames) / rate_}, {}, reasons});
        }
        return out;
    }

    void add(std::string id, std::string words, double value, std::string unit, double uncertainty, std::string definition)
    {
        out_.figures.push_back({std::move(id), std::move(words), value, std::move(unit), uncertainty, Figure::Bound::value, {}, std::move(definition)});
    }

    void tell_load()
    {
        load_ = engine_.callback_load();
        if (load_.blocks == 0) return;
        const char* definition = "Time that the audio callback takes over the time of its block, of all blocks of the run.";
        add("callback_load_median_percent", "Callback load, median", 100.0 * load_.median, "%", 0.0, definition);
        add("callback_load_p999_percent", "  99.9 % of blocks below", 100.0 * load_.p999, "%", 0.0, definition);
        add("callback_load_worst_percent", "  worst", 100.0 * load_.worst, "%", 0.0, definition);
    }

    void tell_losses(std::size_t asked, std::uint64_t flagged)
    {
        add("xruns", "Dropouts told by the system", static_cast<double>(flagged), "", 0.0, "Blocks that the audio system flagged with an overflow or an underflow. Not each costs samples, and not each loss is flagged.");
        add("voided", "Periods voided", static_cast<double>(out_.quality.voided), "", 0.0,
            "Periods of half a second in which something broke, by the frame count, the clock and the samples themselves: these are measured again.");
        voided_part_ = static_cast<double>(out_.quality.voided) / static_cast<double>(std::max<std::size_t>(asked, 1));
    }

    void tell_noise(const Record& silence)
    {
        if (silence.periods.size() < 2) return;
        const std::array bands{analysis::NoiseBand{}};
        const auto reading = analysis::read_noise(silence, bands);
        if (!reading) return;
        for (const std::size_t leg : {0U, 1U}) {
            const auto& power = reading.value().with_hum.front().at(leg);
            if (!(power.rms() > 0.0)) continue;
            add(std::string{input_ids.at(leg)} + "_noise_dbfs", "Noise of input " + std::to_string(leg + 1), dbfs_of_rms(power.rms()).value(), "dBFS",
                db_per_neper * power.relative_interval_95(), "Root mean square from 20 Hz to 20 kHz, hum included, while both outputs are silent.");
        }
    }

    void tell_round_trip(const Record& heard, const TonePlan& plan)
    {
        if (heard.periods.size() < 2) return;
        const auto reading = analysis::read_multitone(heard, plan);
        if (!reading) return;
        std::optional<analysis::DelayReading> best;
        for (const std::size_t leg : {0U, 1U})
            if (const auto delay = analysis::measure_delay(reading.value(), Signal::drive, leg); delay && (!best || delay.value().coherence > best->coherence)) best = delay.value();
        hears_itself_ = best && best->coherence > least_coherence;
        if (!hears_itself_) {
            out_.notes.emplace_back("Output 1 is not heard at the inputs: wire it to input 1 to have the round trip and the clocks measured.");
            return;
        }
        add("round_trip_ms", "Round trip", 1e3 * best->delay.value(), "ms", 0.05e3 / rate_, "Delay from output 1 to the inputs, by the phases of all tones; less than half a period can be told.");
        Record in_a_row{heard.sample_rate_hz, heard.period_frames, {}};
        for (const auto& p : heard.periods) {
            if (!in_a_row.periods.empty() && in_a_row.periods.back().first_frame + heard.period_frames != p.first_frame) in_a_row.periods.clear();
            in_a_row.periods.push_back(p);
        }
        if (in_a_row.periods.size() < 3) return;
        const auto clock = analysis::measure_clock(in_a_row, plan);
        if (clock) {
            out_.quality.clock_ppm = clock.value().offset_ppm;
            add("clock_ppm", "Clock, inputs off outputs", clock.value().offset_ppm, "ppm", normal_95 * clock.value().sigma_ppm, "From the advance of the tones' phases. One device has one clock: 0.");
        }
    }

    void conclude()
    {
        std::string against;
        const auto object = [&](const std::string& why) { against += (against.empty() ? "" : "; ") + why; };
        if (out_.quality.void_reasons.has(Fault::zeros) && out_.quality.periods == 0) object("both inputs give exact zeros: nothing is connected to them in the audio system");
        else if (voided_part_ > most_voided)
            object(format_fixed(100.0 * voided_part_, 0) + " % of the periods were void (" + describe(out_.quality.void_reasons) + "): use a larger buffer in the audio system, or a less busy machine");
        if (load_.blocks > 0 && load_.p999 > most_load) object("the callback takes " + format_fixed(100.0 * load_.p999, 0) + " % of its time: use a larger buffer or a lower rate");
        if (out_.quality.void_reasons.has(Fault::clipped)) object("an input was at full scale: turn its gain down");
        if (hears_itself_ && std::abs(out_.quality.clock_ppm) > 0.1) object("inputs and outputs run on two clocks: use one device for both, or lock them");
        out_.finding = against.empty() ? "fit" : "unfit";
        out_.says.push_back(against.empty() ? "It is fit to measure with." : "It is not fit to measure with: " + against + ".");
    }

    engine::Engine& engine_;
    const DeviceCheckOptions& options_;
    const MeasurementObserver& observer_;
    const std::function<bool()>& should_stop_;
    double rate_;
    Measurement out_;
    engine::CallbackLoad load_;
    double voided_part_{0.0};
    bool hears_itself_{false};
};

}  // namespace

Result<Measurement> check_device(engine::Engine& engine, const DeviceCheckOptions& options, const MeasurementObserver& observer, const std::function<bool()>& should_stop)
{
    auto checked = Check{engine, options, observer, should_stop}.run();
    engine.silence();
    return checked;
}

}  // namespace lowleg::procedure
