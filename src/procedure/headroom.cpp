#include "procedure/headroom.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <string>
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

class Sweep {
public:
    Sweep(engine::Engine& engine, SwitchState state, const std::function<bool()>& should_stop, const std::function<void(Dbfs, const Stretch&)>& keep)
        : engine_{engine}, state_{state}, should_stop_{should_stop}, keep_{keep}, rate_{engine.facts().sample_rate_hz}, frames_{std::llround(0.01 * rate_)}
    {
    }

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
            const auto& s = now.value();
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

    /// From where the sine begins in it.
    [[nodiscard]] Stretch from_start(Stretch stretch) const
    {
        const auto skipped = (frames_ - stretch.position % frames_) % frames_;
        for (auto& leg : stretch.leg) leg.erase(leg.begin(), leg.begin() + skipped);
        stretch.first_frame += skipped;
        stretch.position = 0;
        return stretch;
    }

    Result<Step> read(Dbfs drive)
    {
        if (auto played = engine_.play(sine(frames_, drive)); !played) return played.error();
        std::uint64_t not_before = 0;
        auto settled = engine_.next_stretch(0, static_cast<std::int64_t>(settling.value() * rate_));
        if (!settled) return settled.error();
        for (int broken = 0; broken < most_broken; ++broken) {
            if (should_stop_ && should_stop_()) return Error{"stopped by hand while the highest level was looked for", ErrorKind::interrupted};
            const auto captured = engine_.next_stretch(not_before, periods_read * frames_);
            if (!captured) return captured.error();
            const auto& stretch = captured.value();
            not_before = static_cast<std::uint64_t>(stretch.first_frame + periods_read * frames_);
            if (keep_ && (stretch.faults.none() || stretch.faults.has(Fault::clipped))) keep_(drive, from_start(stretch));
            if (stretch.faults.has(Fault::clipped)) return Step{.level = dbfs_of_peak(amplitude_of(stretch.leg[0], cycles, frames_)), .is_clipped = true};
            if (!stretch.faults.none()) continue;
            const double fundamental = amplitude_of(stretch.leg[0], cycles, frames_);
            double harmonics = 0.0;
            for (std::int64_t h = 2; h <= highest_harmonic && static_cast<double>(2 * h * cycles) < 0.9 * static_cast<double>(frames_); ++h) {
                const double a = amplitude_of(stretch.leg[0], h * cycles, frames_);
                harmonics += a * a;
            }
            return Step{dbfs_of_peak(fundamental), fundamental > 0.0 ? std::sqrt(harmonics) / fundamental : 0.0, false};
        }
        return Error{"the audio kept breaking while the highest level was looked for: use a larger buffer in the audio system or a less busy machine"};
    }

    engine::Engine& engine_;
    SwitchState state_;
    const std::function<bool()>& should_stop_;
    const std::function<void(Dbfs, const Stretch&)>& keep_;
    double rate_;
    std::int64_t frames_;
};

}  // namespace

std::string_view id_of(HeadroomEnd end) noexcept
{
    switch (end) {
    case HeadroomEnd::distortion: return "distortion";
    case HeadroomEnd::output_ceiling: return "output-ceiling";
    case HeadroomEnd::input_clipped: return "input-clipped";
    case HeadroomEnd::no_signal: return "no-signal";
    case HeadroomEnd::collapse: return "collapse";
    }
    return "?";
}

Result<HeadroomReading> sweep_headroom(engine::Engine& engine, SwitchState state, const std::function<bool()>& should_stop,
                                       const std::function<void(Dbfs played, const Stretch&)>& keep)
{
    auto reading = Sweep{engine, state, should_stop, keep}.run();
    engine.silence();
    return reading;
}

}  // namespace lowleg::procedure
