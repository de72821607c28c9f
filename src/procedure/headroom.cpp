#include "procedure/headroom.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lowleg::procedure {
namespace {

constexpr double distortion_limit = 0.01;
constexpr Dbfs first_level{-30.0};
constexpr Dbfs ceiling{-0.02};  // a little below the engine's
constexpr GainDb collapse{-3.0};
constexpr GainDb step{2.0};
constexpr GainDb fine_step{0.5};
constexpr int cycles = 10;       // in a period of 10 ms
constexpr int periods_read = 10;
constexpr int highest_harmonic = 9;
constexpr Seconds settling{0.06};
constexpr int most_broken = 10;
/// Below this pin 2 carries no signal that could distort.
constexpr Dbfs least_level{-80.0};

struct Step {
    Dbfs level{-200.0};   ///< Of the fundamental at pin 2.
    double distortion{};
    bool is_clipped{};    ///< By the interface.
};

std::vector<float> sine(std::int64_t frames, Dbfs level)
{
    std::vector<float> out(2 * static_cast<std::size_t>(frames), 0.0F);
    const double amplitude = sine_peak(level);
    for (std::int64_t i = 0; i < frames; ++i)
        out[2 * static_cast<std::size_t>(i)] =
            static_cast<float>(amplitude * std::sin(2.0 * std::numbers::pi * static_cast<double>(cycles * i % frames) / static_cast<double>(frames)));
    return out;
}

/// Peak of the sine with so many cycles in `period` frames. \param x  whole periods.
double amplitude_of(std::span<const float> x, std::int64_t cycles_per_period, std::int64_t period)
{
    Complex sum{};
    std::int64_t at = 0;
    for (const auto sample : x) {
        sum += static_cast<double>(sample) * std::polar(1.0, -2.0 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(period));
        at = (at + cycles_per_period) % period;
    }
    return 2.0 * std::abs(sum) / static_cast<double>(x.size());
}

/// Climbs from level to level over captures, wherever they come from.
class Sweep {
public:
    Sweep(double rate_hz, SwitchState state, const HeadroomCapture& capture) : state_{state}, capture_{capture}, rate_{rate_hz}, frames_{headroom_period_frames(rate_hz)} {}

    Result<HeadroomReading> run()
    {
        HeadroomReading out;
        out.state = state_;
        out.frequency = Hertz{cycles * rate_ / static_cast<double>(frames_)};
        std::optional<Step> before;
        Dbfs drive = first_level;
        bool is_fine = false;
        while (true) {
            auto now = read(drive);
            if (!now) return now.error();
            if (!now.value()) {
                if (!before) return Error{"stopped by hand before one level was read", ErrorKind::interrupted};
                return ended(out, before->level, HeadroomEnd::stopped, is_fine);
            }
            const auto& s = *now.value();
            if (s.is_clipped) return ended(out, before ? before->level : s.level, HeadroomEnd::input_clipped, is_fine);
            if (s.level < least_level) return ended(out, s.level, HeadroomEnd::no_signal, is_fine);
            if (before && s.level < before->level + collapse) {
                out.fell_by = before->level - s.level;
                return ended(out, before->level, HeadroomEnd::collapse, is_fine);
            }
            if (s.distortion >= distortion_limit) {
                if (before && !is_fine) {
                    // Back to where it was clean, and up again in small steps.
                    is_fine = true;
                    drive = drive + GainDb{fine_step.value() - step.value()};
                    continue;
                }
                out.maximum.is_reached = true;
                return ended(out, before ? crossing(*before, s) : s.level, HeadroomEnd::distortion, is_fine);
            }
            before = s;
            if (drive >= ceiling) return ended(out, s.level, HeadroomEnd::output_ceiling, is_fine);
            drive = std::min(drive + (is_fine ? fine_step : step), ceiling);
        }
    }

private:
    static HeadroomReading ended(HeadroomReading out, Dbfs level, HeadroomEnd end, bool is_fine)
    {
        out.maximum.pin2 = level;
        out.end = end;
        out.resolution = GainDb{0.5 * (is_fine ? fine_step : step).value()};
        if (end != HeadroomEnd::distortion) out.maximum.is_reached = false;
        return out;
    }

    /// The level at which ln(distortion), taken as straight in between, passes the limit.
    static Dbfs crossing(const Step& below, const Step& above)
    {
        const double from = std::log(std::max(below.distortion, 1e-6));
        const double to = std::log(above.distortion);
        const double part = to > from ? std::clamp((std::log(distortion_limit) - from) / (to - from), 0.0, 1.0) : 1.0;
        return below.level + part * (above.level - below.level);
    }

    /// Nothing: that level was never played.
    Result<std::optional<Step>> read(Dbfs drive)
    {
        const auto captured = capture_(drive);
        if (!captured) return captured.error();
        if (!captured.value()) return std::optional<Step>{};
        const auto& pin2 = captured.value()->leg[0];
        const double fundamental = amplitude_of(pin2, cycles, frames_);
        if (captured.value()->faults.has(Fault::clipped)) return std::optional{Step{.level = dbfs_of_peak(fundamental), .is_clipped = true}};
        double harmonics = 0.0;
        for (std::int64_t h = 2; h <= highest_harmonic && static_cast<double>(2 * h * cycles) < 0.9 * static_cast<double>(frames_); ++h) {
            const double a = amplitude_of(pin2, h * cycles, frames_);
            harmonics += a * a;
        }
        return std::optional{Step{dbfs_of_peak(fundamental), fundamental > 0.0 ? std::sqrt(harmonics) / fundamental : 0.0, false}};
    }

    SwitchState state_;
    const HeadroomCapture& capture_;
    double rate_;
    std::int64_t frames_;
};

/// From where the sine begins in it, whole periods.
Stretch from_start(Stretch stretch, std::int64_t frames)
{
    const auto skipped = (frames - stretch.position % frames) % frames;
    const auto kept = (static_cast<std::int64_t>(stretch.leg[0].size()) - skipped) / frames * frames;
    for (auto& leg : stretch.leg) {
        leg.erase(leg.begin(), leg.begin() + skipped);
        leg.resize(static_cast<std::size_t>(kept));
    }
    stretch.first_frame += skipped;
    stretch.position = 0;
    return stretch;
}

}  // namespace

std::string_view id_of(HeadroomEnd end) noexcept
{
    switch (end) {
    case HeadroomEnd::distortion: return "distortion";
    case HeadroomEnd::output_ceiling: return "output-ceiling";
    case HeadroomEnd::input_clipped: return "input-clipped";
    case HeadroomEnd::no_signal: return "no-signal";
    case HeadroomEnd::collapse: return "collapse";
    case HeadroomEnd::stopped: return "stopped";
    }
    return "?";
}

std::int64_t headroom_period_frames(double sample_rate_hz) noexcept { return std::llround(0.01 * sample_rate_hz); }

Result<HeadroomReading> read_headroom(double sample_rate_hz, SwitchState state, const HeadroomCapture& capture) { return Sweep{sample_rate_hz, state, capture}.run(); }

Result<HeadroomReading> sweep_headroom(engine::Engine& engine, SwitchState state, const std::function<bool()>& should_stop,
                                       const std::function<void(Dbfs played, const Stretch&)>& keep)
{
    const double rate = engine.facts().sample_rate_hz;
    const auto frames = headroom_period_frames(rate);
    const auto capture = [&](Dbfs drive) -> Result<std::optional<Stretch>> {
        if (auto played = engine.play(sine(frames, drive)); !played) return played.error();
        auto settled = engine.next_stretch(0, static_cast<std::int64_t>(settling.value() * rate));
        if (!settled) return settled.error();
        std::uint64_t not_before = 0;
        for (int broken = 0; broken < most_broken; ++broken) {
            if (should_stop && should_stop()) return std::optional<Stretch>{};
            // One more than is read: it may begin anywhere in a period.
            auto captured = engine.next_stretch(not_before, (periods_read + 1) * frames);
            if (!captured) return captured.error();
            auto& stretch = captured.value();
            not_before = static_cast<std::uint64_t>(stretch.first_frame) + stretch.leg[0].size();
            if (!stretch.faults.none() && !stretch.faults.has(Fault::clipped)) continue;
            auto whole = from_start(std::move(stretch), frames);
            if (keep) keep(drive, whole);
            return std::optional{std::move(whole)};
        }
        return Error{"the audio kept breaking while the highest level was looked for: use a larger buffer in the audio system or a less busy machine"};
    };
    auto reading = read_headroom(rate, state, capture);
    engine.silence();
    return reading;
}

}  // namespace lowleg::procedure
