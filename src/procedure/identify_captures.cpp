#include "procedure/identify_captures.h"

#include "analysis/multitone.h"
#include "core/text.h"
#include "dsp/resample.h"
#include "files/audio_file.h"
#include "procedure/no_drive.h"
#include "procedure/switch_check.h"
#include "procedure/wrong_moves.h"
#include "stimulus/multitone.h"
#include "topology/observation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <system_error>
#include <utility>

namespace lowleg::procedure {
namespace {

using analysis::MultitoneReading;
using analysis::ToneReading;

// A recording that repeats for longer tells nothing new.
constexpr std::size_t most_periods = 120;
constexpr double least_periods = 1.2;
constexpr double periods_for_scatter = 2.2;
// What a clock may be off: crystals stay within 100 ppm of each other; beyond this the player resamples, or the rate is another.
constexpr double largest_offset_ppm = 300.0;
constexpr double search_ppm = 3000.0;
// A tone off its bin by this much reads 0.0014 dB low (sinc 0.01).
constexpr double tolerated_bins = 0.01;
// An exact zero is possible, a row of them on both inputs is a dropout, or the time before the recording began.
constexpr std::size_t most_zeros = 64;
struct Capture {
    std::filesystem::path path;
    SwitchState state{};
    files::Audio audio;
};

/// What one file says, and what it took to read it.
struct CaptureReading {
    MultitoneReading tones{};
    std::size_t voided{};
    Faults void_reasons;
    double clock_ppm{};
};

Error refused(const Capture& capture, const std::string& why) { return Error{capture.path.string() + " " + why}; }

std::span<const float> leg_of(const Capture& capture, std::size_t leg) { return capture.audio.channels[leg]; }

Result<Capture> load(const std::filesystem::path& folder, SwitchState state)
{
    Capture capture{folder / (std::string{name_of(state)} + ".wav"), state, {}};
    auto audio = files::read_audio(capture.path);
    if (!audio) return audio.error();
    capture.audio = std::move(audio).value();
    if (capture.audio.channels.size() < 2)
        return refused(capture, "is mono: record both legs, pin 2 (i2) on channel 1 and pin 3 (i3) on channel 2");

    const auto is_finite = [](float x) { return std::isfinite(x); };
    const auto is_zero = [](float x) { return x == 0.0F; };
    bool all_zero = true;
    for (const std::size_t leg : {0U, 1U}) {
        if (!std::ranges::all_of(leg_of(capture, leg), is_finite))
            return refused(capture, "holds samples that are not numbers: record it again");
        all_zero = all_zero && std::ranges::all_of(leg_of(capture, leg), is_zero);
    }
    if (all_zero)
        return refused(capture, "is digital silence, exactly zero on both channels: nothing was recorded; check the input's routing and record it again");
    return capture;
}

/// Whether one polarity of a stretch stands at a ceiling: at full scale of its format, or flat at its own highest value, as a
/// recording does that was clipped and then turned down.
bool is_flat_topped(std::span<const float> x, double sign, double step)
{
    double highest = 0.0;
    for (const auto sample : x) highest = std::max(highest, sign * static_cast<double>(sample));
    // A few steps of the format look flat in any signal.
    if (highest <= 200.0 * step || highest < 1e-4) return false;

    // Integer formats end one step below +1; a float format has no end, but what comes from a converter stops at exactly 1.
    const bool at_full_scale = step > 0.0 ? highest >= 1.0 - 1.5 * step : std::abs(highest - 1.0) < 1e-6;
    const double near = highest * (1.0 - 1e-6);
    std::size_t touching = 0;
    std::size_t run = 0;
    std::size_t longest_run = 0;
    for (const auto sample : x) {
        run = sign * static_cast<double>(sample) >= near ? run + 1 : 0;
        touching += run > 0 ? 1 : 0;
        longest_run = std::max(longest_run, run);
    }
    // The peak of the test signal is sharp: its highest tones turn within a few samples.
    return at_full_scale || longest_run >= 3 || (longest_run == 2 && touching >= 4);
}

/// What broke in frames [first, first + count) of a file.
Faults faults_in(const Capture& capture, std::size_t first, std::size_t count)
{
    Faults faults;
    const std::array<std::span<const float>, 2> legs{leg_of(capture, 0).subspan(first, count), leg_of(capture, 1).subspan(first, count)};
    for (const auto leg : legs)
        for (const double sign : {1.0, -1.0})
            if (is_flat_topped(leg, sign, capture.audio.step)) faults.add(Fault::clipped);
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < count; ++i) {
        zeros = legs[0][i] == 0.0F && legs[1][i] == 0.0F ? zeros + 1 : 0;
        if (zeros > most_zeros) faults.add(Fault::zeros);
    }
    return faults;
}

using Legs = std::array<std::vector<float>, 2>;

/// One period of a file that is already on the player's clock. \param at  where it begins.
Period period_at(const Legs& legs, std::size_t at, std::size_t frames)
{
    Period period;
    for (const std::size_t leg : {0U, 1U}) {
        const auto cut = std::span{legs.at(leg)}.subspan(at, frames);
        period.leg.at(leg).assign(cut.begin(), cut.end());
    }
    period.first_frame = static_cast<std::int64_t>(at);
    return period;
}

Record record_of(const TonePlan& plan, std::vector<Period> periods)
{
    return {plan.sample_rate_hz, plan.period_frames, std::move(periods)};
}

bool is_heard(const analysis::ComplexEstimate& estimate)
{
    // Noise alone does this to one tone in about 10⁸.
    return std::abs(estimate.value) > 3.0 * estimate.amplitude_interval_95();
}

bool is_heard(const ToneReading& tone) { return is_heard(tone.leg[0]) || is_heard(tone.leg[1]); }

/// Two tones, because one can be a whistle of something else.
bool is_heard(const MultitoneReading& reading, Signal signal)
{
    return std::ranges::count_if(reading.tones, [&](const ToneReading& t) { return t.signal == signal && is_heard(t); }) >= 2;
}

std::int64_t highest_heard_bin(const MultitoneReading& reading)
{
    std::int64_t bin = 0;
    for (const auto& tone : reading.tones)
        if (is_heard(tone)) bin = std::max(bin, tone.bin);
    return bin;
}

/// How the tones advance between two stretches of one file.
struct Advance {
    double offset_ppm{};  ///< As analysis::ClockReading.
    double coherence{};   ///< 0 … 1: how much of the tones' level this offset explains.
};

/// Finds the offset δ for which the phases of all tones, taken `distance` frames apart, advance as 2π·bin·distance/period·(1 − δ).
/// Whatever the offset: a coarse search, finer than a third of a radian at the highest tone, then a fine one.
Advance advance_between(const MultitoneReading& first, const MultitoneReading& second, std::int64_t distance, std::int64_t period_frames)
{
    struct Step { double radians_per_unit; Complex turn; };
    std::vector<Step> steps;
    double weight = 0.0;
    double steepest = 0.0;
    for (std::size_t i = 0; i < first.tones.size(); ++i) {
        const double bin = static_cast<double>(first.tones[i].bin);
        // In whole frames first: the product is exact, its turns are taken off without loss.
        const auto whole = first.tones[i].bin * distance % period_frames;
        const double expected = 2.0 * std::numbers::pi * static_cast<double>(whole) / static_cast<double>(period_frames);
        for (const std::size_t leg : {0U, 1U}) {
            const auto& a = first.tones[i].leg[leg];
            const auto& b = second.tones[i].leg[leg];
            if (!is_heard(a) || !is_heard(b)) continue;
            const Complex turn = b.value * std::conj(a.value) * std::polar(1.0, -expected);
            const double radians = 2.0 * std::numbers::pi * bin * static_cast<double>(distance) / static_cast<double>(period_frames);
            // The square root: one loud tone is not to decide alone.
            steps.push_back({radians, std::polar(std::sqrt(std::abs(turn)), std::arg(turn))});
            weight += std::abs(steps.back().turn);
            steepest = std::max(steepest, radians);
        }
    }
    if (steps.empty()) return {};

    const auto explained = [&](double offset) {
        Complex sum{};
        for (const auto& [radians, turn] : steps) sum += turn * std::polar(1.0, radians * offset);
        return sum.real();
    };
    double width = 0.3 / steepest;
    const double reach = 1e-6 * search_ppm;
    double best = 0.0;
    for (double offset = -reach; offset <= reach; offset += width)
        if (explained(offset) > explained(best)) best = offset;
    for (; width > 1e-13; width *= 0.6)
        for (const double side : {-1.0, 1.0})
            if (explained(best + side * width) > explained(best)) best += side * width;
    return {1e6 * best, explained(best) / weight};
}

Result<MultitoneReading> read_one(const Period& period, const TonePlan& plan)
{
    auto alone = period;
    alone.faults = {};
    return analysis::read_multitone(record_of(plan, {std::move(alone)}), plan);
}

/// From each period to the next. Less than two periods are compared with themselves as far on as they reach.
Result<std::vector<Advance>> advances_over(const Legs& legs, const TonePlan& plan)
{
    const auto period = static_cast<std::size_t>(plan.period_frames);
    const auto length = legs[0].size();
    const auto pairs = length >= 2 * period ? std::min(length / period, most_periods) - 1 : 1;
    const auto distance = std::min(length - period, period);

    std::vector<Advance> found;
    auto before = read_one(period_at(legs, 0, period), plan);
    if (!before) return before.error();
    for (std::size_t i = 1; i <= pairs; ++i) {
        auto after = read_one(period_at(legs, i * distance, period), plan);
        if (!after) return after.error();
        found.push_back(advance_between(before.value(), after.value(), static_cast<std::int64_t>(distance), plan.period_frames));
        before = std::move(after);
    }
    return found;
}

/// The median, which a dropout in one of the periods does not move.
double typical_offset_ppm(std::vector<Advance> advances)
{
    const auto middle = advances.begin() + static_cast<std::ptrdiff_t>((advances.size() - 1) / 2);
    std::ranges::nth_element(advances, middle, {}, &Advance::offset_ppm);
    return middle->offset_ppm;
}

/// Whether nothing was lost, repeated or shifted: one frame in a period is 20 ppm or more at any usual rate. Two clocks that
/// wander against each other by a hundredth of that do continue.
bool is_steady(const std::vector<Advance>& advances)
{
    const double typical = typical_offset_ppm(advances);
    return std::ranges::all_of(advances, [&](const Advance& a) { return std::abs(a.offset_ppm - typical) < 0.2 && a.coherence > 0.99; });
}

/// Whether what was recorded comes again one period later, on the louder leg: their correlation, −1 … 1.
double repetition(const Legs& legs, std::size_t period)
{
    double best = 0.0;
    double loudest = 0.0;
    for (const auto& x : legs) {
        double product = 0.0;
        double power = 0.0;
        for (std::size_t i = 0; i + period < x.size(); ++i) {
            const auto now = static_cast<double>(x[i]);
            const auto later = static_cast<double>(x[i + period]);
            product += now * later;
            power += 0.5 * (now * now + later * later);
        }
        if (power <= loudest) continue;
        loudest = power;
        best = product / power;
    }
    return best;
}

/// Frames at the beginning that were recorded before anything came: exact zeros on both channels.
std::size_t silent_start(const Capture& capture)
{
    std::size_t n = 0;
    while (n < capture.audio.frames() && leg_of(capture, 0)[n] == 0.0F && leg_of(capture, 1)[n] == 0.0F) ++n;
    return n > most_zeros ? n : 0;
}

std::string in_ppm(double ppm) { return (ppm < 0.0 ? "−" : "+") + format_fixed(std::abs(ppm), 1) + " ppm"; }

/// Both legs from frame `begin` on, on the player's clock.
Legs on_players_clock(const Capture& capture, std::size_t begin, double clock_ppm)
{
    Legs legs;
    for (const std::size_t leg : {0U, 1U}) {
        const auto x = leg_of(capture, leg).subspan(begin);
        legs.at(leg) = clock_ppm == 0.0 ? std::vector<float>(x.begin(), x.end()) : dsp::resample(x, 1.0 + 1e-6 * clock_ppm);
    }
    return legs;
}

Result<CaptureReading> read(const Capture& capture, const TonePlan& plan)
{
    const auto period = static_cast<std::size_t>(plan.period_frames);
    const auto begin = silent_start(capture);
    const auto length = capture.audio.frames() - begin;
    const double periods = static_cast<double>(length) / static_cast<double>(period);
    if (periods < least_periods)
        return refused(capture, "is too short: it holds " + format_fixed(periods, 2) + " periods of the test signal (" +
                                    format_number(plan.period().value()) + " s each), and at least 1.2 are needed; record 2 s");
    const bool has_scatter = periods >= periods_for_scatter;

    // Tones that are off their bins leak into each other and falsify the clock a little: correct, look again, until nothing is left.
    CaptureReading out;
    auto legs = on_players_clock(capture, begin, 0.0);
    const double tolerated_ppm = 1e6 * tolerated_bins / static_cast<double>(plan.tones.back().bin);
    double corrected_ppm = 0.0;
    bool is_settled = false;
    bool does_continue = false;
    for (int pass = 0; pass < 8 && !is_settled; ++pass) {
        const auto advances = advances_over(legs, plan);
        if (!advances) return refused(capture, "cannot be read: " + advances.error().message);
        const double rest_ppm = typical_offset_ppm(advances.value());
        does_continue = is_steady(advances.value());
        out.clock_ppm = corrected_ppm + rest_ppm;
        if (std::abs(out.clock_ppm) > largest_offset_ppm)
            return refused(capture, "runs on a clock " + in_ppm(out.clock_ppm) +
                                        " off the player's, more than 300 ppm: play and record at the same rate, without a resampler in between");
        // To a hundredth of what is tolerated where noise allows, and that costs nothing; but one clock for both is left alone.
        is_settled = std::abs(rest_ppm) < (pass == 0 || pass > 3 ? 1.0 : 0.01) * tolerated_ppm;
        if (is_settled) break;
        corrected_ppm = out.clock_ppm;
        legs = on_players_clock(capture, begin, corrected_ppm);
    }

    const auto count = has_scatter ? std::min(legs[0].size() / period, most_periods) : 1;
    const std::size_t needed = has_scatter ? 2 : 1;
    Record record{plan.sample_rate_hz, plan.period_frames, {}};
    for (std::size_t i = 0; i < count; ++i) {
        // What broke is seen in the file itself: a resampled flat top is not flat.
        const auto first = begin + static_cast<std::size_t>(static_cast<double>(i * period) * (1.0 + 1e-6 * corrected_ppm));
        const auto faults = faults_in(capture, first, std::min(period + 2 * dsp::resample_reach, capture.audio.frames() - first));
        out.void_reasons.add(faults);
        if (faults.none()) record.periods.push_back(period_at(legs, i * period, period));
        else ++out.voided;
    }
    if (record.periods.size() < needed && out.void_reasons.has(Fault::clipped))
        return refused(capture, "is clipped in a period that is needed: turn the input or the drive down and record all states again");
    if (record.periods.size() < needed)
        return refused(capture, "is broken in a period that is needed (" + describe(out.void_reasons) + "): record it again");

    auto broken = analysis::find_broken_periods(record, plan);
    // That test is for one clock: it sees two of them drift apart by a thousandth of a frame.
    if (corrected_ppm != 0.0 && does_continue) broken.clear();
    if (!broken.empty()) {
        std::vector<Period> good;
        for (std::size_t i = 0; i < record.periods.size(); ++i)
            if (!std::ranges::binary_search(broken, i)) good.push_back(std::move(record.periods[i]));
        out.voided += broken.size();
        out.void_reasons.add(Fault::phase_jump);
        if (good.size() < needed || good.size() < broken.size())
            return refused(capture, "does not continue from period to period: frames were lost, the clocks wander, or the test signal was not played in a "
                                    "loop; record it again");
        record.periods = std::move(good);
    }
    auto reading = analysis::read_multitone(record, plan);
    if (!reading) return refused(capture, "cannot be read: " + reading.error().message);
    out.tones = std::move(reading).value();

    const auto highest = static_cast<double>(highest_heard_bin(out.tones));
    if (highest == 0.0) return out;  // nothing is heard: nothing can be off
    if (!has_scatter && repetition(legs, period) < 0.5)
        return refused(capture, "does not come again after one period: frames were lost, the test signal was not played in a loop, or noise is louder than "
                                "the signal; record it again, longer than 2.2 periods");
    if (!is_settled)
        return refused(capture, "was recorded on a clock that wanders (about " + in_ppm(out.clock_ppm) +
                                    "): play and record on one device, or on devices that share a clock");
    if (out.voided == 0 && record.periods.size() >= 2) {
        if (const auto rest = analysis::measure_clock(record, plan)) {
            if (1e-6 * highest * rest.value().sigma_ppm > 10.0 * tolerated_bins)
                return refused(capture, "does not show how far its clock is off the player's (" + in_ppm(out.clock_ppm) + " ± " +
                                            format_fixed(2.0 * rest.value().sigma_ppm, 1) + " ppm): record it longer, or at a higher level");
            out.clock_ppm = corrected_ppm + rest.value().offset_ppm;
        }
    }
    return out;
}

}  // namespace

Result<Identification> identify_captures(const std::filesystem::path& folder, const IdentifyOptions& options)
{
    if (const auto checked = options.fixture.check(); !checked) return checked.error();
    if (const auto drivable = check_drive(options); !drivable) return drivable.error();
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        return Error{"there is no folder " + folder.string() + ": give the folder that holds through.wav and its companions"};

    std::vector<Capture> captures;
    for (const auto state : all_switch_states) {
        const bool is_through = state == SwitchState::through;
        if (std::ranges::find(options.states, state) == options.states.end()) {
            if (is_through) return Error{"the state through was left out: every verdict starts from it; add it to --states", ErrorKind::usage};
            continue;
        }
        // A link that leads nowhere is a mistake, not a state left out.
        const auto found = std::filesystem::symlink_status(folder / (std::string{name_of(state)} + ".wav"), ignored);
        if (!is_through && !std::filesystem::exists(found)) continue;
        auto capture = load(folder, state);
        if (!capture) return capture.error();
        captures.push_back(std::move(capture).value());
    }
    const double rate = captures.front().audio.sample_rate_hz;
    for (const auto& capture : captures)
        if (capture.audio.sample_rate_hz != rate)
            return refused(capture, "was recorded at " + format_number(capture.audio.sample_rate_hz) + " Hz, and through.wav at " +
                                        format_number(rate) + " Hz: record all states at one rate");

    // Noise makes every recording another one.
    for (std::size_t i = 0; i < captures.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (captures[i].audio.channels == captures[j].audio.channels)
                return refused(captures[i], "is the same recording as " + captures[j].path.filename().string() + ": record each state by itself");

    auto plan = stimulus::design_multitone(rate);
    if (!plan) return refused(captures.front(), "has a rate that the test signal does not exist for: " + plan.error().message);
    if (!options.fixture.probe) std::erase_if(plan.value().tones, [](const Tone& t) { return t.signal == Signal::probe; });

    Identification out;
    out.device_under_test = options.device_under_test.empty() ? folder.lexically_normal().string() : options.device_under_test;
    out.sample_rate_hz = rate;
    out.period_frames = plan.value().period_frames;
    out.fixture = options.fixture;
    out.quality.source = Source::captures;
    out.quality.drive = options.drive;
    out.quality.periods = most_periods;

    std::map<SwitchState, MultitoneReading> readings;
    bool has_probe = false;
    bool is_on_pin_3_alone = false;
    for (const auto& capture : captures) {
        auto reading = read(capture, plan.value());
        if (!reading) return reading.error();
        auto& [tones, voided, void_reasons, clock_ppm] = reading.value();

        const bool probe = options.fixture.probe && is_heard(tones, Signal::probe);
        has_probe = has_probe || probe;
        if (options.drive == DriveFrom::nothing && is_heard(tones, Signal::drive))
            return refused(capture, "holds the drive, and --no-drive says that nothing drove the output: leave that out");
        // Grounding the only leg that carries the signal silences it; any other file must contain what was played.
        if (!is_heard(tones, Signal::drive) && !probe && !is_on_pin_3_alone)
            return refused(capture, "holds neither drive nor probe: record it while the stimulus file of " + format_number(rate) +
                                        " Hz plays (\"lowleg stimulus\"), and check the connections");
        if (capture.state == SwitchState::through) {
            const auto heard_on = [&](std::size_t leg) {
                return std::ranges::any_of(tones.tones, [&](const ToneReading& t) { return t.signal == Signal::drive && is_heard(t.leg.at(leg)); });
            };
            is_on_pin_3_alone = !heard_on(0) && heard_on(1);
            describe_signal(tones, out.quality);
        }
        out.quality.states.push_back(capture.state);
        out.quality.periods = std::min(out.quality.periods, tones.periods);
        out.quality.voided += voided;
        out.quality.void_reasons.add(void_reasons);
        if (std::abs(clock_ppm) > std::abs(out.quality.clock_ppm)) out.quality.clock_ppm = clock_ppm;
        readings.emplace(capture.state, std::move(tones));
    }
    if (options.fixture.probe && !has_probe)
        return Error{"the probe is in none of the recordings in " + folder.string() +
                     ", though the fixture is said to have probe resistors: connect output 2 to them, or say --rp none for a plain breakout cable"};

    if (std::ranges::all_of(captures, [](const Capture& c) { return c.audio.channels[0] == c.audio.channels[1]; }))
        return Error{"the recordings in " + folder.string() + " hold the same samples on both channels: record pin 2 (i2) on channel 1 and pin 3 (i3) on channel 2, "
                     "from two inputs, in stereo"};
    out.wrong_move = find_wrong_move(options.drive == DriveFrom::nothing ? without_drive(readings) : readings, options.fixture);
    if (out.wrong_move && out.wrong_move->spoils) return Error{"the recordings in " + folder.string() + " are of no use: " + out.wrong_move->says};
    if (out.wrong_move) out.notes.push_back(as_sentence(out.wrong_move->says));
    for (auto& sentence : describe_sameness(readings)) out.notes.push_back(std::move(sentence));
    if (const auto moved = check_switch(readings, options.fixture); !moved)
        return Error{"the recordings in " + folder.string() + " do not fit their names: " + moved.error().message};
    auto observations = topology::observe(readings, options.fixture, {.same_clock_start = false, .has_drive = options.drive != DriveFrom::nothing, .gain_tolerance = topology::uncalibrated_gain_tolerance});
    if (!observations) return observations.error();
    out.verdict = topology::judge(observations.value());
    out.observations = std::move(observations).value();
    if (options.drive == DriveFrom::nothing) say_what_the_probe_cannot_tell(out);
    return out;
}

}  // namespace lowleg::procedure
