#include "procedure/calibrate.h"

#include "analysis/multitone.h"
#include "core/text.h"
#include "core/tone_plan.h"
#include "procedure/averaging.h"
#include "procedure/fixture_switch.h"
#include "procedure/measure_kinds.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace lowleg::procedure {
namespace {

using analysis::ComplexEstimate;
using analysis::MultitoneReading;
using analysis::ToneReading;
using Kind = CalibrationWiring::Kind;

constexpr Dbfs usual_meter_level{-6.0};
constexpr Dbfs usual_level{-12.0};
constexpr GainDb step_down{-20.0};
constexpr Ohms usual_series{10e3};
constexpr Ohms usual_load{1e3};

/// Two readings of one meter at two levels agree this well, beside what their last digits leave open.
constexpr double meter_linearity = 0.03;
constexpr double digits_of_doubt = 3.0;
/// The second reading proves nothing where its last digit is a larger part of it.
constexpr double coarsest_digit = 0.1;
/// Of a meter of 1 MΩ or more on an output of some hundred ohms.
constexpr double meter_loading = 2e-4;
/// What an output may have less at the mains' frequency than at 1 kHz.
constexpr double mains_flatness = 0.005;

/// Full scale of an output and of an input are within 0.2 to 14 V, so a direct lead loses no more than this.
constexpr GainDb least_arrival{-40.0};
/// What the other input may have of a tone that is not meant for it.
constexpr GainDb most_elsewhere{-20.0};
/// Distortion against the tones, both rms: ten times what line inputs make near full scale.
constexpr double most_distortion = 0.03;
/// Through the known resistor, against without it.
constexpr GainDb least_through_resistor{-40.0};
/// So far above what nothing but noise has, a line of the mains is hum.
constexpr Dbfs audible_hum{-70.0};

/// A lead taken off and put back brings the level back this well, relative.
constexpr double reconnection = 1e-4;
/// What is assumed may be anything from nothing to twice it; what its user gave is good to this.
constexpr double given_95 = 0.05;
constexpr double least_difference = 2e-3;
constexpr double worst_resistance_95 = 0.5;
constexpr Ohms least_rin{100.0};
constexpr Ohms most_rs{10e3};
constexpr double least_loaded_level = 0.05;
constexpr GainDb most_of_leads{1.0};
constexpr Hertz pair_tone{1000.0};
constexpr int loop_tones = 48;
constexpr Hertz lowest_loop{20.0};
constexpr Hertz highest_loop{40e3};

Error refused(const std::string& what, const std::string& do_this) { return Error{what + ", so nothing was stored: " + do_this}; }

std::string text_db(double ratio) { return format_db(gain_of(ratio), 1); }
std::string volts_words(double volts) { return volts < 1.0 ? format_fixed(1e3 * volts, volts < 0.1 ? 2 : 1) + " mV" : format_fixed(volts, 3) + " V"; }

double relative_95(const ComplexEstimate& e) { return e.amplitude_interval_95() / std::abs(e.value); }

/// A value that is assumed as long as nobody measured it, with its 95 % half width.
struct Known {
    double value{};
    double uncertainty{};
};

/// What a function of several uncertain numbers is uncertain by, to first order: each is moved by its half width.
/// \param inputs  values and 95 % half widths, independent.
template <std::size_t N, class F>
double spread_of_function(const std::array<Known, N>& inputs, F f)
{
    std::array<double, N> at{};
    for (std::size_t i = 0; i < N; ++i) at[i] = inputs[i].value;
    const double middle = f(at);
    double square = 0.0;
    for (std::size_t i = 0; i < N; ++i) {
        auto moved = at;
        moved[i] += inputs[i].uncertainty;
        const double difference = f(moved) - middle;
        square += difference * difference;
    }
    return std::sqrt(square);
}

/// As it was typed.
std::string typed_words(const MeterReading& r)
{
    int digits = 0;
    for (double step = r.last_digit; step < 0.99 && digits < 9; step *= 10.0) ++digits;
    return format_fixed(r.volts, digits) + " V";
}

class Calibrator {
public:
    Calibrator(const CalibrationRig& rig, CalibrationStep step, const CalibrateOptions& options, const MeasurementObserver& observer, const std::function<bool()>& should_stop)
        : rig_{rig}, step_{step}, options_{options}, observer_{observer}, should_stop_{should_stop}, out_{options.before, {}}
    {
        auto& m = out_.measurement;
        m.kind = "calibrate " + std::string{name_of(step)};
        m.device_under_test = options.before.device;
        m.sample_rate_hz = options.before.sample_rate_hz;
        m.fixture = options.fixture;
        m.quality.source = options.source;
    }

    Result<Calibrated> run()
    {
        const auto done = [&]() -> Status {
            switch (step_) {
            case CalibrationStep::output: return each(true, [&](std::size_t o) { return output(o); });
            case CalibrationStep::rs: return each(false, [&](std::size_t o) { return source_resistance(o); });
            case CalibrationStep::rin: return each(false, [&](std::size_t i) { return input_resistance(i); });
            case CalibrationStep::inputs: return each(false, [&](std::size_t i) { return input(i); });
            case CalibrationStep::pair: return pair();
            case CalibrationStep::loop: return each(false, [&](std::size_t i) { return loop(i); });
            }
            return Error{"there is no such step", ErrorKind::usage};
        }();
        if (engine_ != nullptr) engine_->silence();
        if (!done) return done.error();
        return std::move(out_);
    }

private:
    // ---- what all steps do

    template <class F>
    Status each(bool first_alone, F one)
    {
        if (options_.only) return one(*options_.only);
        if (auto done = one(0); !done || first_alone) return done;
        return one(1);
    }

    [[nodiscard]] std::string output_name(std::size_t o) const { return "output " + std::to_string(options_.outputs[o]); }
    [[nodiscard]] std::string input_name(std::size_t i) const { return "input " + std::to_string(options_.inputs[i]); }
    [[nodiscard]] std::string output_id(std::size_t o) const { return "output_" + std::to_string(options_.outputs[o]); }
    [[nodiscard]] std::string input_id(std::size_t i) const { return "input_" + std::to_string(options_.inputs[i]); }
    [[nodiscard]] double rate() const { return options_.before.sample_rate_hz; }

    Status connect(Kind kind, std::size_t output, std::size_t input, Ohms resistor = Ohms{})
    {
        if (engine_ != nullptr) engine_->silence();
        CalibrationWiring wiring{kind, output, input, options_.outputs, options_.inputs, resistor};
        auto engine = rig_.connect(wiring);
        if (!engine) return engine.error();
        engine_ = engine.value();
        return Done{};
    }

    /// Plays and reads. \param by  the output that the tones are for.
    Result<MultitoneReading> read(const TonePlan& plan, const std::string& step)
    {
        const auto samples = stimulus::render(plan);
        const AveragedSignal signal{samples, Seconds{0.3}, step, &plan};
        const auto leading = [&](const Record& record) -> std::optional<Figure> {
            const auto now = analysis::read_multitone(record, plan);
            if (!now) return std::nullopt;
            const auto& tone = now.value().tones[now.value().tones.size() / 2];
            const auto& e = std::abs(tone.leg[1].value) > std::abs(tone.leg[0].value) ? tone.leg[1] : tone.leg[0];
            if (!(std::abs(e.value) > 5.0 * e.sigma)) return std::nullopt;
            return Figure{"level_db", "level", gain_of(std::abs(e.value)).value(), "dB", uncertainty_db(relative_95(e)), Figure::Bound::value, tone.frequency, ""};
        };
        auto averaged = average(*engine_, signal, options_.averaging, leading, observer_, should_stop_);
        engine_->silence();
        if (!averaged) {
            auto error = averaged.error();
            if (error.kind == ErrorKind::failure) error.message += " (nothing was stored)";
            return error;
        }
        if (averaged.value().ending == Ending::lost) return Error{averaged.value().lost_because + "; nothing was stored", ErrorKind::interrupted};
        if (averaged.value().ending == Ending::stopped) return Error{"stopped by hand (" + step + "), so nothing was stored", ErrorKind::interrupted};
        auto reading = analysis::read_multitone(averaged.value().record, plan);
        if (!reading) return reading.error();
        has_one_clock_ = averaged.value().clock_ppm == 0.0;
        describe(averaged.value(), reading.value(), out_.measurement.quality);
        out_.measurement.captures.push_back({step, std::move(averaged.value().record)});
        if (auto ok = check_distortion(reading.value(), plan); !ok) return ok.error();
        return reading;
    }

    /// What clips before the converter does never reads full scale.
    [[nodiscard]] Status check_distortion(const MultitoneReading& reading, const TonePlan& plan) const
    {
        for (const auto i : {0U, 1U}) {
            double power = 0.0;
            double heard = 0.0;
            for (std::size_t k = 0; k < plan.tones.size(); ++k) {
                const double gain = std::abs(reading.tones[k].leg[i].value);
                heard = std::max(heard, gain);
                power += 0.5 * plan.tones[k].amplitude * plan.tones[k].amplitude * gain * gain;
            }
            const double distortion = reading.residue[i].distortion_rms / std::sqrt(power);
            if (heard >= amplitude_ratio(least_arrival) && distortion > most_distortion)
                return refused(input_name(i) + " distorts (" + format_fixed(100.0 * distortion, 0) + " %): it, or what is before it, is driven to its full scale",
                               "turn its gain down, or give a lower --level");
        }
        return Done{};
    }

    /// The tones reach the inputs that are meant, and no other.
    [[nodiscard]] Status check_arrival(const MultitoneReading& reading, std::size_t at_tone, const std::string& from, std::array<bool, 2> wanted, GainDb least = least_arrival) const
    {
        const auto& tone = reading.tones[at_tone];
        const double floor = amplitude_ratio(least);
        const std::array heard{std::abs(tone.leg[0].value), std::abs(tone.leg[1].value)};
        for (const auto i : {0U, 1U}) {
            if (!wanted[i] || heard[i] >= floor) continue;
            const auto connected = "connect " + from + " to " + input_name(i);
            if (!wanted[1 - i] && heard[1 - i] >= floor)
                return refused("the tone arrives at " + input_name(1 - i) + " and not at " + input_name(i), connected + ", or say with --in and --out which channels are meant");
            if (reading.hum && dbfs_of_rms(reading.hum->rms[i]) > audible_hum)
                return refused(input_name(i) + " carries only hum (" + format_dbfs(dbfs_of_rms(reading.hum->rms[i]), 0) + " at " + format_fixed(reading.hum->fundamental.value(), 1) +
                                   " Hz), and not the tone",
                               connected + ": its lead is open, or its ground is");
            return refused("nothing arrives at " + input_name(i) + " (" + (heard[i] > 5.0 * tone.leg[i].sigma ? "the tone is at " + text_db(heard[i]) + " of what is played" : "it is in the noise") + ")",
                           connected + ", and see that nothing is muted or turned down");
        }
        for (const auto i : {0U, 1U})
            if (!wanted[i] && heard[i] > amplitude_ratio(most_elsewhere) * heard[1 - i])
                return refused(input_name(i) + " carries the tone, too (" + text_db(heard[i] / heard[1 - i]) + " against " + input_name(1 - i) + ")",
                               "take its lead off, and switch off monitoring that feeds one input into the other");
        return Done{};
    }

    /// What was before over what is now. Where nothing tells the time from one capture to the next, its size alone.
    [[nodiscard]] Complex change(const ComplexEstimate& before, const ComplexEstimate& now)
    {
        const auto ratio = before.value / now.value;
        if (has_one_clock_) return ratio;
        assume("Inputs and outputs run on two clocks: phases are not compared, and a resistance that comes with much capacitance reads low.");
        return std::abs(ratio);
    }

    /// One tone from an output to one input, over what was played.
    Result<ComplexEstimate> through(std::size_t output, std::size_t input, const std::string& words, GainDb least = least_arrival)
    {
        const auto plan = plan_tone(rate(), pair_tone, options_.level.value_or(usual_level), output == 0 ? Signal::drive : Signal::probe);
        if (!plan) return plan.error();
        tone_ = plan.value().frequency_of(plan.value().tones.front().bin);
        const auto reading = read(plan.value(), words);
        if (!reading) return reading.error();
        if (auto ok = check_arrival(reading.value(), 0, output_name(output), {input == 0, input == 1}, least); !ok) return ok.error();
        return reading.value().tones.front().leg[input];
    }

    [[nodiscard]] CalibratedValue value_of(double value, double uncertainty) const { return {value, uncertainty, options_.date}; }

    void figure(std::string id, std::string words, double value, std::string unit, double uncertainty, std::string definition, std::optional<Hertz> at = {})
    {
        out_.measurement.figures.push_back({std::move(id), std::move(words), value, std::move(unit), uncertainty, Figure::Bound::value, at, std::move(definition)});
    }

    /// A line for each part, in place of the one that it had.
    void condition(const std::string& part, const std::string& how)
    {
        auto& lines = out_.calibration.conditions;
        std::erase_if(lines, [&](const std::string& line) { return line.starts_with(part + ": "); });
        lines.push_back(part + ": " + how + ", " + options_.date);
    }

    void assume(const std::string& what)
    {
        auto& notes = out_.measurement.notes;
        if (std::ranges::find(notes, what) == notes.end()) notes.push_back(what);
    }

    Known rs_of(std::size_t o)
    {
        if (const auto at = out_.calibration.outputs.find(options_.outputs[o]); at != out_.calibration.outputs.end() && at->second.resistance_ohm)
            return {at->second.resistance_ohm->value, at->second.resistance_ohm->uncertainty};
        const double rs = options_.fixture.rs.value();
        if (!options_.knows_rs)
            assume("The resistance of " + output_name(o) + " is not calibrated: " + format_ohms(options_.fixture.rs) + " ± as much is assumed; \"lowleg calibrate rs\" first makes this better.");
        return {rs, options_.knows_rs ? given_95 * rs : std::max(rs, 50.0)};
    }

    /// Conductance of an input, S: what is assumed of it may be anything from none to twice as much.
    Known conductance_of(std::size_t i)
    {
        if (const auto at = out_.calibration.inputs.find(options_.inputs[i]); at != out_.calibration.inputs.end() && at->second.resistance_ohm)
            return {1.0 / at->second.resistance_ohm->value, at->second.resistance_ohm->uncertainty / (at->second.resistance_ohm->value * at->second.resistance_ohm->value)};
        const double rin = (i == 0 ? options_.fixture.rin2 : options_.fixture.rin3).value();
        if (!options_.knows_rin)
            assume("The resistance of " + input_name(i) + " is not calibrated: about " + format_ohms(Ohms{rin}) + " is assumed; \"lowleg calibrate rin\" first makes this better.");
        return {1.0 / rin, (options_.knows_rin ? given_95 : 1.0) / rin};
    }

    [[nodiscard]] Complex admittance(double conductance) const { return {conductance, 2.0 * std::numbers::pi * tone_.value() * options_.fixture.cin.value()}; }

    // ---- output: volts by multimeter

    Result<MeterReading> metered(const TonePlan& plan, bool is_lower)
    {
        const auto samples = stimulus::render(plan);
        if (auto played = engine_->play(samples); !played) return played.error();
        // It does sound before anybody is asked, and did until the answer.
        if (auto period = engine_->next_period(0); !period) return period.error();
        auto reading = rig_.read_meter(dbfs_of_peak(plan.tones.front().amplitude), plan.frequency_of(plan.tones.front().bin), is_lower);
        if (!reading) return reading.error();
        if (auto period = engine_->next_period(engine_->frames_handled()); !period) return period.error();
        return reading;
    }

    Status output(std::size_t o)
    {
        const auto level = options_.level.value_or(usual_meter_level);
        auto grid = plan_tone(rate(), pair_tone, level, o == 0 ? Signal::drive : Signal::probe);
        if (!grid) return grid.error();
        auto plan = std::move(grid).value();
        plan.tones.front().bin = std::max<std::int64_t>(1, std::llround(options_.meter_frequency.value() * plan.period().value()));
        const auto frequency = plan.frequency_of(plan.tones.front().bin);
        if (auto connected = connect(Kind::meter, o, 0); !connected) return connected.error();
        const auto high = metered(plan, false);
        if (!high) return high.error();
        plan.tones.front().amplitude = sine_peak(level + step_down);
        const auto low = metered(plan, true);
        engine_->silence();
        if (!low) return low.error();
        if (auto ok = check_meter(o, level, high.value(), low.value()); !ok) return ok;

        const double volts = high.value().volts / sine_peak(level);
        const bool is_mains = frequency < Hertz{200.0};
        const double relative = std::hypot(std::hypot(options_.meter_95, 0.5 * high.value().last_digit / high.value().volts), std::hypot(meter_loading, is_mains ? mains_flatness : 0.0));
        out_.calibration.outputs[options_.outputs[o]].full_scale_volts = value_of(volts, relative * volts);
        const auto words = output_name(o) + ", full scale";
        const std::string definition = "Volts rms of a full-scale sine at the open output: the multimeter's reading at " + format_dbfs(level, 1) + ", over that level.";
        figure(output_id(o) + "_full_scale_v", words, volts, "V", relative * volts, definition, frequency);
        figure(output_id(o) + "_full_scale_dbu", words, Dbu::of(VoltsRms{volts}).value(), "dBu", db_per_neper * relative, definition, frequency);
        figure(output_id(o) + "_meter_step_db", "the meter's step of 20 dB", gain_of(high.value().volts / low.value().volts).value(), "dB",
               db_per_neper * std::hypot(0.5 * high.value().last_digit / high.value().volts, 0.5 * low.value().last_digit / low.value().volts),
               "First reading over second: 20 dB where both are volts.");
        condition(output_name(o), "multimeter (" + format_number(100.0 * options_.meter_95) + " %) at " + format_hertz(frequency) + ": " + typed_words(high.value()) + " at " +
                                      format_dbfs(level, 1) + ", " + typed_words(low.value()) + " 20 dB lower");
        return Done{};
    }

    [[nodiscard]] Status check_meter(std::size_t o, Dbfs level, const MeterReading& high, const MeterReading& low) const
    {
        const auto both = volts_words(high.volts) + ", then " + volts_words(low.volts) + " for a tone 20 dB lower";
        const double peak = sine_peak(level);
        const auto on_output = "put it on " + output_name(o) + ", tip and sleeve (XLR: pins 2 and 1), on its AC volts range";
        if (!(high.volts > 0.0)) return refused("the multimeter shows nothing", on_output + ", and see that the output is turned up");
        if (!(low.volts > 0.0)) return refused("the multimeter shows nothing for the tone that is 20 dB lower", "switch it to a lower range, or let it range by itself");
        // 20 more or less than each other, and not ten times: the display shows decibels.
        if (std::abs(high.volts - low.volts - 20.0) < 0.5 && std::abs(high.volts / low.volts - 10.0) > 1.0)
            return refused("the readings differ by 20 (" + both + "), so they are decibels", "switch the multimeter to volts");
        if (std::abs(gain_of(high.volts / low.volts).value()) < 2.0)
            return refused("the multimeter's reading does not follow the tone (" + both + "): it shows hum, direct voltage or nothing", on_output);
        if (low.last_digit > coarsest_digit * low.volts)
            return refused("the reading of the lower tone is too coarse (" + volts_words(low.volts) + " in steps of " + volts_words(low.last_digit) + ") to prove that both are volts",
                           "switch the multimeter to a lower range for it, or give a higher --level");
        const double allowed = meter_linearity + digits_of_doubt * (low.last_digit / low.volts + high.last_digit / high.volts);
        if (std::abs(high.volts / low.volts / 10.0 - 1.0) > allowed)
            return refused("the two readings do not belong together (" + both + "): they are " + format_db(gain_of(high.volts / low.volts), 1) + " apart",
                           "read again, let the meter range by itself, and use --meter-hz 60 with a meter that is made for the mains");
        const double volts = high.volts / peak;
        if (volts < lowest_full_scale.value() || volts > highest_full_scale.value())
            return refused("a reading of " + volts_words(high.volts) + " makes " + (volts < 1e-3 || volts > 1e5 ? format_number(volts) : format_fixed(volts, 3)) +
                               " V at full scale, and interfaces have 0.2 to 14 V",
                           volts < lowest_full_scale.value() ? "turn the output up, see that the meter is on " + output_name(o) + " and shows AC volts"
                                                             : "type volts and no millivolts, and see that no amplifier is between");
        return Done{};
    }

    // ---- inputs: volts by loopback

    Status input(std::size_t i)
    {
        const auto at = out_.calibration.outputs.find(options_.outputs[0]);
        if (at == out_.calibration.outputs.end() || !at->second.full_scale_volts)
            return Error{output_name(0) + " has no volts yet, so it cannot give any to " + input_name(i) + ": run \"lowleg calibrate output\" first"};
        const auto source = *at->second.full_scale_volts;
        if (auto connected = connect(Kind::direct, 0, i); !connected) return connected;
        const auto h = through(0, i, input_name(i) + " from " + output_name(0));
        if (!h) return h.error();
        const auto rs = rs_of(0);
        const auto conductance = conductance_of(i);
        const auto volts_for = [&](const std::array<double, 4>& x) { return x[0] * std::abs(1.0 / (1.0 + x[1] * admittance(x[2]))) / x[3]; };
        const double heard = std::abs(h.value().value);
        const std::array<Known, 4> from{{{source.value, source.uncertainty}, rs, conductance, {heard, heard * std::hypot(relative_95(h.value()), reconnection)}}};
        const double volts = volts_for({source.value, rs.value, conductance.value, heard});
        // What is assumed is a bound and no draw: resistance and load may both be at their ends, and their product counts.
        const double loading = std::abs(volts_for({source.value, rs.value + rs.uncertainty, conductance.value + conductance.uncertainty, heard}) - volts);
        const double uncertainty = std::max(spread_of_function(from, volts_for), loading);
        if (volts < lowest_full_scale.value() || volts > highest_full_scale.value())
            return refused(input_name(i) + " would be at full scale with " + volts_words(volts) + ", and line inputs are with 0.2 to 14 V",
                           volts < lowest_full_scale.value() ? "turn its gain down, and use a line input" : "turn its gain up, and take out what attenuates");
        out_.calibration.inputs[options_.inputs[i]].full_scale_volts = value_of(volts, uncertainty);
        const std::string definition = "Volts rms of a sine at the input's terminals that is captured at full scale: what the output has, behind its own resistance and into the input's, over "
                                       "what of it was captured.";
        figure(input_id(i) + "_full_scale_v", input_name(i) + ", full scale", volts, "V", uncertainty, definition, tone_);
        figure(input_id(i) + "_full_scale_dbu", input_name(i) + ", full scale", Dbu::of(VoltsRms{volts}).value(), "dBu", db_per_neper * uncertainty / volts, definition, tone_);
        condition(input_name(i), "by loopback from " + output_name(0) + " (of " + source.date + ") at " + format_hertz(tone_) + ", Rs " + format_ohms(Ohms{rs.value}) + " ± " +
                                     format_ohms(Ohms{rs.uncertainty}) + ", Rin " + format_ohms(Ohms{1.0 / conductance.value}));
        return Done{};
    }

    // ---- rin: by a series resistor

    Status input_resistance(std::size_t i)
    {
        const auto resistor = options_.resistor.value_or(usual_series);
        if (auto connected = connect(Kind::direct, 0, i); !connected) return connected;
        const auto bare = through(0, i, input_name(i) + " directly");
        if (!bare) return bare.error();
        if (auto connected = connect(Kind::series, 0, i, resistor); !connected) return connected;
        const auto in_series = through(0, i, input_name(i) + " through the resistor",
                                       GainDb{gain_of(std::abs(bare.value().value)).value() + least_through_resistor.value()});
        if (!in_series) return in_series.error();
        const double reading_95 = std::hypot(std::hypot(relative_95(bare.value()), relative_95(in_series.value())), reconnection);
        const auto ratio = change(bare.value(), in_series.value());
        if (std::abs(ratio - 1.0) < std::max(3.0 * reading_95, least_difference))
            return refused("the resistor makes no difference at " + input_name(i) + " (" + format_db(gain_of(ratio), 3) + ")",
                           "put it between " + output_name(0) + " and the input, or use a larger one: near the input's own resistance is best");
        const auto rs = rs_of(0);
        const auto admittance_for = [&](const std::array<double, 3>& x) {
            const auto rho = x[0] * ratio;
            return (rho - 1.0) / (x[1] + x[2] - rho * x[2]);
        };
        const std::array<double, 3> middle{1.0, resistor.value(), rs.value};
        const std::array<Known, 3> from{{{1.0, reading_95}, {resistor.value(), options_.resistor_95 * resistor.value()}, rs}};
        const double omega = 2.0 * std::numbers::pi * tone_.value();
        const auto rin_for = [&](const std::array<double, 3>& x) { return 1.0 / admittance_for(x).real(); };
        const double rin = rin_for(middle);
        // What the phase is uncertain by moves a conductance by as much of the whole admittance.
        const auto y = admittance_for(middle);
        const double by_phase = rin * reading_95 * std::abs(y.imag()) * rin;
        const double uncertainty = std::hypot(spread_of_function(from, rin_for), by_phase);
        if (!std::isfinite(rin) || rin < least_rin.value() || uncertainty > worst_resistance_95 * rin)
            return refused("the resistance of " + input_name(i) + " cannot be told from this (" + format_db(gain_of(ratio), 2) + " by " + format_ohms(resistor) + ")",
                           "see that the resistor is in series, give its value with --resistor, and take one near the input's own resistance");
        out_.calibration.inputs[options_.inputs[i]].resistance_ohm = value_of(rin, uncertainty);
        figure(input_id(i) + "_resistance_ohm", input_name(i) + ", resistance", rin, "Ω", uncertainty,
               "Parallel resistance of the input with its lead, from what a known resistor before it takes away, as a phasor: Y = (ρ − 1)/(R + Rs − ρ·Rs).", tone_);
        const auto capacitance_for = [&](const std::array<double, 3>& x) { return admittance_for(x).imag() / omega; };
        const double c = capacitance_for(middle);
        const double of_c = std::hypot(spread_of_function(from, capacitance_for), reading_95 * std::abs(y) / omega);
        if (c > of_c) figure(input_id(i) + "_capacitance_f", input_name(i) + ", capacitance", c, "F", of_c, "The imaginary part of the same admittance: the input and its lead.", tone_);
        condition(input_name(i) + ", resistance", "by " + format_ohms(resistor) + " (" + format_number(100.0 * options_.resistor_95) + " %) in series, at " + format_hertz(tone_));
        return Done{};
    }

    // ---- rs: by a load

    Status source_resistance(std::size_t o)
    {
        constexpr std::size_t i = 0;
        const auto resistor = options_.resistor.value_or(usual_load);
        if (auto connected = connect(Kind::direct, o, i); !connected) return connected;
        const auto bare = through(o, i, output_name(o) + " unloaded");
        if (!bare) return bare.error();
        if (auto connected = connect(Kind::loaded, o, i, resistor); !connected) return connected;
        const auto loaded = through(o, i, output_name(o) + " loaded", GainDb{gain_of(std::abs(bare.value().value)).value() + least_through_resistor.value()});
        if (!loaded) return loaded.error();
        const double reading_95 = std::hypot(std::hypot(relative_95(bare.value()), relative_95(loaded.value())), reconnection);
        const auto ratio = change(bare.value(), loaded.value());
        if (std::abs(ratio - 1.0) < std::max(3.0 * reading_95, least_difference))
            return refused("the load makes no difference at " + output_name(o) + " (" + format_db(gain_of(ratio), 3) + ")",
                           "connect the resistor from the output to ground, or use a smaller one; an output below " + format_ohms(Ohms{least_difference * resistor.value()}) + " needs no --rs but 0");
        if (1.0 / std::abs(ratio) < least_loaded_level)
            return refused("the load takes " + format_db(gain_of(1.0 / std::abs(ratio)), 1) + " away at " + output_name(o) + ", which is a short", "see the resistor and its wiring");
        const auto conductance = conductance_of(i);
        const auto rs_for = [&](const std::array<double, 3>& x) {
            const auto rho = x[0] * ratio;
            return ((rho - 1.0) / (1.0 / x[1] - (rho - 1.0) * admittance(x[2]))).real();
        };
        const double rs = rs_for({1.0, resistor.value(), conductance.value});
        const double uncertainty = spread_of_function(std::array<Known, 3>{{{1.0, reading_95}, {resistor.value(), options_.resistor_95 * resistor.value()}, conductance}}, rs_for);
        if (!std::isfinite(rs) || rs < 0.0 || rs > most_rs.value() || uncertainty > worst_resistance_95 * rs)
            return refused("the resistance of " + output_name(o) + " cannot be told from this (" + format_db(gain_of(ratio), 2) + " by " + format_ohms(resistor) + ")",
                           "see that the resistor is from the output to ground, and give its value with --resistor");
        auto& calibrated = out_.calibration.outputs[options_.outputs[o]];
        calibrated.resistance_ohm = value_of(rs, uncertainty);
        figure(output_id(o) + "_resistance_ohm", output_name(o) + ", resistance", rs, "Ω", uncertainty,
               "Real part of the output's impedance, from what a known load takes away, as a phasor: Rs = (ρ − 1)/(1/R − (ρ − 1)·Yin).", tone_);
        condition(output_name(o) + ", resistance", "by a load of " + format_ohms(resistor) + " (" + format_number(100.0 * options_.resistor_95) + " %), at " + format_hertz(tone_));
        volts_from_input(o, i, bare.value(), {rs, uncertainty}, conductance);
        return Done{};
    }

    /// An output that no multimeter has read gets its volts from an input that has some.
    void volts_from_input(std::size_t o, std::size_t i, const ComplexEstimate& h, Known rs, Known conductance)
    {
        auto& calibrated = out_.calibration.outputs[options_.outputs[o]];
        const auto at = out_.calibration.inputs.find(options_.inputs[i]);
        if (calibrated.full_scale_volts || at == out_.calibration.inputs.end() || !at->second.full_scale_volts) return;
        const auto& input = *at->second.full_scale_volts;
        const auto volts_for = [&](const std::array<double, 4>& x) { return x[0] * x[3] * std::abs(1.0 + x[1] * admittance(x[2])); };
        const double heard = std::abs(h.value);
        const double volts = volts_for({input.value, rs.value, conductance.value, heard});
        if (volts < lowest_full_scale.value() || volts > highest_full_scale.value()) return;
        const double uncertainty = spread_of_function(std::array<Known, 4>{{{input.value, input.uncertainty}, rs, conductance, {heard, heard * std::hypot(relative_95(h), reconnection)}}}, volts_for);
        calibrated.full_scale_volts = value_of(volts, uncertainty);
        figure(output_id(o) + "_full_scale_v", output_name(o) + ", full scale", volts, "V", uncertainty, "What " + input_name(i) + " reads of it, with what the output's own resistance takes away.",
               tone_);
        condition(output_name(o), "from " + input_name(i) + " (of " + input.date + ") at " + format_hertz(tone_));
    }

    // ---- pair: what the inputs differ by

    /// Input 2 over input 1 at every tone.
    struct Ratio {
        Hertz frequency;
        Complex value;
        double relative_95;
    };

    Result<std::vector<Ratio>> ratios(Kind kind, const TonePlan& plan, const std::string& words)
    {
        if (auto connected = connect(kind, 0, 0); !connected) return connected.error();
        const auto reading = read(plan, words);
        if (!reading) return reading.error();
        if (auto ok = check_arrival(reading.value(), near_1khz(reading.value()), output_name(0), {true, true}); !ok) return ok.error();
        std::vector<Ratio> out;
        for (const auto& tone : reading.value().tones)
            out.push_back({tone.frequency, tone.leg[1].value / tone.leg[0].value, std::hypot(relative_95(tone.leg[0]), relative_95(tone.leg[1]))});
        return out;
    }

    [[nodiscard]] static std::size_t near_1khz(const MultitoneReading& reading)
    {
        const auto at = std::ranges::min_element(reading.tones, {}, [](const ToneReading& t) { return std::abs(std::log(t.frequency / pair_tone)); });
        return static_cast<std::size_t>(at - reading.tones.begin());
    }

    [[nodiscard]] Result<TonePlan> multitone() const
    {
        stimulus::MultitoneOptions options;
        options.drive_peak = options_.level.value_or(usual_level);
        auto plan = stimulus::design_multitone(rate(), options);
        if (plan) std::erase_if(plan.value().tones, [](const Tone& t) { return t.signal == Signal::probe; });
        return plan;
    }

    Status pair()
    {
        const auto plan = multitone();
        if (!plan) return plan.error();
        const auto first = ratios(Kind::both, plan.value(), "both inputs");
        if (!first) return first.error();
        const auto second = ratios(Kind::both_exchanged, plan.value(), "both inputs, leads exchanged");
        if (!second) return second.error();
        std::vector<Ratio> inputs;  // free of what the leads differ by
        Ratio at{};
        double leads = 1.0;
        for (std::size_t k = 0; k < first.value().size(); ++k) {
            const auto& a = first.value()[k];
            const auto& b = second.value()[k];
            auto root = std::sqrt(a.value * b.value);
            if ((root * std::conj(a.value)).real() < 0.0) root = -root;
            inputs.push_back({a.frequency, root, 0.5 * std::hypot(a.relative_95, b.relative_95)});
            if (k == 0 || std::abs(std::log(a.frequency / pair_tone)) < std::abs(std::log(at.frequency / pair_tone))) {
                at = inputs.back();
                leads = std::sqrt(std::abs(a.value / b.value));
            }
        }
        if (at.value.real() < 0.0)
            return refused("the two inputs have opposite polarity", "look for a lead or an input with its pins exchanged, or a polarity switch");
        if (std::abs(gain_of(leads).value()) > most_of_leads.value())
            return refused("the leads differ by " + format_db(gain_of(leads), 2) + ": exchanging them changed the readings too much", "look for a bad contact, and use leads and adapters of one kind");
        const auto delay = delay_of(inputs);
        const double gain_db = gain_of(at.value).value();
        const double gain_95 = db_per_neper * std::hypot(at.relative_95, reconnection);
        auto& pairs = out_.calibration.pairs;
        const auto is_same = [&](const CalibratedPair& p) {
            return (p.first == options_.inputs[0] && p.second == options_.inputs[1]) || (p.first == options_.inputs[1] && p.second == options_.inputs[0]);
        };
        std::erase_if(pairs, is_same);
        pairs.push_back({options_.inputs[0], options_.inputs[1], value_of(gain_db, gain_95), value_of(delay.value, delay.uncertainty)});
        const auto id = input_id(1) + "_over_" + std::to_string(options_.inputs[0]);
        const auto words = input_name(1) + " over " + input_name(0);
        figure(id + "_gain_db", words + ", gain", gain_db, "dB", gain_95,
               "Geometric mean of the ratios before and after the leads were exchanged: what leads and adapters differ by drops out.", at.frequency);
        figure(id + "_delay_us", words + ", delay", 1e6 * delay.value, "µs", 1e6 * delay.uncertainty, "Slope of the phase between the inputs, over all tones from 1 kHz up.");
        figure("leads_db", "the leads, one over the other", gain_of(leads).value(), "dB", gain_95, "Root of the quotient of the two ratios.", at.frequency);
        condition(words, "both inputs fed by " + output_name(0) + ", leads exchanged, at " + format_hertz(at.frequency));
        return Done{};
    }

    /// Positive: input 2 is later.
    static Known delay_of(const std::vector<Ratio>& ratios)
    {
        double weights = 0.0, sum = 0.0, delay = 0.0;
        std::vector<std::pair<double, double>> each;  // delay, weight
        for (const auto& r : ratios) {
            if (r.frequency < Hertz{900.0}) continue;
            const double omega = 2.0 * std::numbers::pi * r.frequency.value();
            // From tone to tone the phase goes on where the tones before foretell it.
            const double rest = std::arg(r.value * std::polar(1.0, omega * delay));
            const double here = delay - rest / omega;
            const double weight = omega * omega / (r.relative_95 * r.relative_95 + 1e-14);
            weights += weight;
            sum += weight * here;
            delay = sum / weights;
            each.emplace_back(here, weight);
        }
        double scatter = 0.0;
        for (const auto& [here, weight] : each) scatter += weight * (here - delay) * (here - delay);
        // Of the readings themselves, and of what no pure delay explains.
        const double of_fit = each.size() > 1 ? 2.0 * std::sqrt(scatter / weights / static_cast<double>(each.size() - 1)) : 0.0;
        return {delay, std::hypot(1.0 / std::sqrt(weights), of_fit)};
    }

    // ---- loop: the response

    /// Closer tones than those of the usual multitone, and further up where the rate allows: nothing here distorts, so products do no harm.
    [[nodiscard]] Result<TonePlan> dense_multitone() const
    {
        auto usual = multitone();
        if (!usual) return usual;
        auto& plan = usual.value();
        const double bin_hz = plan.frequency_of(1).value();
        const auto is_clear = [&](std::int64_t bin) {
            const double f = plan.frequency_of(bin).value();
            return std::ranges::none_of(std::array{50.0, 60.0}, [&](double mains) { return std::abs(f - mains * std::max(1.0, std::round(f / mains))) < 4.0 * bin_hz; });
        };
        const Hertz highest{std::min(highest_loop.value(), 0.44 * rate())};
        for (int k = 0; k < loop_tones; ++k) {
            const auto wanted = std::llround(log_spaced(lowest_loop, highest, k, loop_tones).value() / bin_hz) | 1;
            for (std::int64_t away = 0; away < 32; away += 2) {
                const std::array bins{wanted - away, wanted + away};
                const auto free = std::ranges::find_if(bins, [&](std::int64_t b) {
                    return b > 0 && is_clear(b) && std::ranges::none_of(plan.tones, [&](const Tone& t) { return std::abs(t.bin - b) < 4; });
                });
                if (free == bins.end()) continue;
                plan.tones.push_back({Signal::drive, *free, plan.tones.front().amplitude, 0.0});
                break;
            }
        }
        std::ranges::sort(plan.tones, {}, &Tone::bin);
        // Quadratic phases keep the crest factor low; then the peak is what was asked for.
        for (std::size_t k = 0; k < plan.tones.size(); ++k)
            plan.tones[k].phase_rad = std::numbers::pi * std::fmod(static_cast<double>(k * k) / static_cast<double>(plan.tones.size()) + 0.37 * static_cast<double>(k), 2.0);
        double peak = 0.0;
        for (const float x : stimulus::render(plan)) peak = std::max(peak, std::abs(static_cast<double>(x)));
        const double wanted_peak = sine_peak(options_.level.value_or(usual_level));
        for (auto& tone : plan.tones) tone.amplitude *= wanted_peak / peak;
        return usual;
    }

    Status loop(std::size_t i)
    {
        const auto plan = dense_multitone();
        if (!plan) return plan.error();
        if (auto connected = connect(Kind::direct, 0, i); !connected) return connected;
        const auto reading = read(plan.value(), output_name(0) + " into " + input_name(i));
        if (!reading) return reading.error();
        const auto& r = reading.value();
        const auto middle = near_1khz(r);
        if (auto ok = check_arrival(r, middle, output_name(0), {i == 0, i == 1}); !ok) return ok;
        const auto delay = analysis::measure_delay(r, Signal::drive, i);
        if (!delay) return delay.error();
        constexpr double least_coherence = 0.8;
        if (delay.value().coherence < least_coherence)
            return refused("what arrives at " + input_name(i) + " is no plain loop (its phases fit no delay)", "connect the output directly to the input, and switch off effects");
        CalibratedLoop loop{options_.outputs[0], options_.inputs[i], {}, value_of(0.0, 0.0)};
        const double reference = std::abs(r.tones[middle].leg[i].value);
        double worst = 0.0;
        Curve curve{"loop_" + std::to_string(loop.output) + "_" + std::to_string(loop.input), output_name(0) + " into " + input_name(i) + ", against 1 kHz",
                    {{"frequency_hz", "Hz"}, {"gain_db", "dB"}, {"phase_deg", "°"}, {"uncertainty_db", "dB"}}, {}};
        for (const auto& tone : r.tones) {
            const auto& e = tone.leg[i];
            if (!(std::abs(e.value) > 10.0 * e.sigma)) continue;
            const double turns = delay.value().delay.value() * tone.frequency.value();
            const auto h = e.value / reference * std::polar(1.0, 2.0 * std::numbers::pi * (turns - std::floor(turns)));
            loop.points.push_back({tone.frequency, h});
            worst = std::max(worst, relative_95(e));
            curve.rows.push_back({tone.frequency.value(), gain_of(h).value(), 180.0 / std::numbers::pi * std::arg(h), uncertainty_db(relative_95(e))});
        }
        if (loop.points.size() < 3)
            return refused("too few tones are heard at " + input_name(i), "turn up what is turned down, or give a higher --level");
        // A line over two steps is off four times as far as over one.
        double bent = 0.0;
        for (std::size_t k = 1; k + 1 < loop.points.size(); ++k) {
            CalibratedLoop without{0, 0, {loop.points[k - 1], loop.points[k + 1]}, {}};
            bent = std::max(bent, 0.25 * std::abs(std::abs(response_at(without, loop.points[k].frequency)) / std::abs(loop.points[k].response) - 1.0));
        }
        loop.uncertainty_db.uncertainty = uncertainty_db(std::hypot(worst, bent));
        const auto short_words = "loop " + std::to_string(loop.output) + " to " + std::to_string(loop.input);
        const auto [lowest, highest] = std::ranges::minmax_element(loop.points, {}, [](const CalibratedLoop::Point& p) { return std::abs(p.response); });
        figure(curve.id + "_lowest_db", short_words + ", lowest", gain_of(lowest->response).value(), "dB", loop.uncertainty_db.uncertainty, "The loop's least gain, over that at 1 kHz.",
               lowest->frequency);
        figure(curve.id + "_highest_db", short_words + ", highest", gain_of(highest->response).value(), "dB", loop.uncertainty_db.uncertainty, "The loop's largest gain, over that at 1 kHz.",
               highest->frequency);
        figure(curve.id + "_delay_ms", short_words + ", delay", 1e3 * delay.value().delay.value(), "ms", 0.05 * 1e3 / rate(),
               "Taken off before the phase is told; not stored, because it changes with every start of the audio.");
        out_.measurement.curves.push_back(std::move(curve));
        condition(output_name(0) + " into " + input_name(i), std::to_string(loop.points.size()) + " tones from " + format_hertz(loop.points.front().frequency) + " to " +
                                                                 format_hertz(loop.points.back().frequency));
        auto& loops = out_.calibration.loops;
        std::erase_if(loops, [&](const CalibratedLoop& l) { return l.output == loop.output && l.input == loop.input; });
        loops.push_back(std::move(loop));
        return Done{};
    }

    const CalibrationRig& rig_;
    CalibrationStep step_;
    const CalibrateOptions& options_;
    const MeasurementObserver& observer_;
    const std::function<bool()>& should_stop_;
    Calibrated out_;
    engine::Engine* engine_{nullptr};
    Hertz tone_{pair_tone};
    bool has_one_clock_{true};
};

}  // namespace

std::string_view name_of(CalibrationStep step) noexcept
{
    switch (step) {
    case CalibrationStep::output: return "output";
    case CalibrationStep::rs: return "rs";
    case CalibrationStep::rin: return "rin";
    case CalibrationStep::inputs: return "inputs";
    case CalibrationStep::pair: return "pair";
    case CalibrationStep::loop: return "loop";
    }
    return "?";
}

std::string_view words_for(CalibrationStep step) noexcept
{
    switch (step) {
    case CalibrationStep::output: return "volts of an output, by a multimeter";
    case CalibrationStep::rs: return "resistance of the outputs, by a known load";
    case CalibrationStep::rin: return "resistance of the inputs, by a known series resistor";
    case CalibrationStep::inputs: return "volts of the inputs, by a lead from the calibrated output";
    case CalibrationStep::pair: return "gain and delay of one input against the other, by exchanging leads";
    case CalibrationStep::loop: return "frequency response from output to inputs";
    }
    return "?";
}

std::string name_of(const CalibrationWiring& w)
{
    const auto output = "output-" + std::to_string(w.outputs[w.output]);
    const auto lead = output + "-input-" + std::to_string(w.inputs[w.input]);
    switch (w.kind) {
    case Kind::meter: return output;
    case Kind::direct: return lead;
    case Kind::series: return lead + "-series";
    case Kind::loaded: return lead + "-loaded";
    case Kind::both: return output + "-both";
    case Kind::both_exchanged: return output + "-both-exchanged";
    }
    return "?";
}

std::string drawing_of(const CalibrationWiring& w)
{
    const auto output = "output " + std::to_string(w.outputs[w.output]);
    const auto input = "input " + std::to_string(w.inputs[w.input]);
    const auto first = "input " + std::to_string(w.inputs[0]);
    const auto second = "input " + std::to_string(w.inputs[1]);
    const std::string ground = "  (sleeve or pin 1 on ground; the input's ring or pin 3 on ground, too)\n";
    const std::string pad(output.size() + 1, ' ');
    switch (w.kind) {
    case Kind::meter:
        return "  " + output + " ------> multimeter on AC volts, and nothing else\n"
               "  (tip and sleeve, or XLR pins 2 and 1; no loudspeaker may hear this output)\n";
    case Kind::direct: return "  " + output + " ------> " + input + ", and nothing else\n" + ground;
    case Kind::series: return "  " + output + " --[" + format_ohms(w.resistor) + "]--> " + input + ", the resistor at the input's end of the lead\n" + ground;
    case Kind::loaded:
        return "  " + output + " --+---> " + input + "\n"
               "  " + pad + "  +--[" + format_ohms(w.resistor) + "]-- ground\n" + ground;
    case Kind::both:
        return "  " + output + " --+-- lead A ---> " + first + "\n"
               "  " + pad + "  +-- lead B ---> " + second + "\n" + ground;
    case Kind::both_exchanged:
        return "  " + output + " --+-- lead B ---> " + first + "\n"
               "  " + pad + "  +-- lead A ---> " + second + "   (the same leads, exchanged at the inputs)\n";
    }
    return "";
}

Status run_wiring_command(const std::string& command, const CalibrationWiring& wiring) { return run_hook(command, "{wiring}", name_of(wiring), "wiring"); }

Result<MeterReading> parse_meter_reading(std::string_view text)
{
    const auto refuse = [&](const std::string& why) { return Error{"\"" + std::string{text} + "\" is no reading of a multimeter: " + why, ErrorKind::usage}; };
    std::string plain;
    for (const char c : text)
        if (c != ' ' && c != '\t' && c != '\r') plain += c;
    if (plain.find("dB") != std::string::npos || plain.starts_with('-') || plain.starts_with("−")) return refuse("switch it from decibels to AC volts, and type those");
    // One comma and no point: a decimal comma.
    if (const auto comma = plain.find(','); comma != std::string::npos && plain.find('.') == std::string::npos) plain[comma] = '.';
    auto number = plain.substr(0, plain.find_first_not_of("0123456789."));
    const auto unit = plain.substr(number.size());
    double scale = 1.0;
    if (unit == "mV" || unit == "mv" || unit == "m") scale = 1e-3;
    else if (!unit.empty() && unit != "V" && unit != "v" && unit != "Vrms" && unit != "VAC") return refuse("type volts, like 1.234, or millivolts, like 123.4 mV");
    double value{};
    if (number.empty() || !parse_engineering(number, value)) return refuse("type volts, like 1.234");
    double step = 1.0;
    if (const auto point = number.find('.'); point != std::string::npos)
        for (std::size_t i = point + 1; i < number.size(); ++i) step /= 10.0;
    return MeterReading{scale * value, scale * step};
}

Result<Calibrated> calibrate(const CalibrationRig& rig, CalibrationStep step, const CalibrateOptions& options, const MeasurementObserver& observer,
                             const std::function<bool()>& should_stop)
{
    if (auto ok = options.fixture.check(); !ok) return ok.error();
    return Calibrator{rig, step, options, observer, should_stop}.run();
}

}  // namespace lowleg::procedure
