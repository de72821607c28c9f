#include "procedure/cmrr_plan.h"

#include "dsp/random.h"
#include "stimulus/multitone.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <optional>
#include <vector>

namespace lowleg::procedure {
namespace {

constexpr double bins_from_mains = 4.0;
constexpr double highest_part_of_rate = 0.45;
constexpr double wide_rate_hz = 88'200.0;

// What the figures rest on, nearest first to what was hardest to place: between 50 and 60 Hz there is no room four bins from both.
constexpr std::array deep_hz{42.0, 70.0, 1010.0, 10'010.0};
constexpr std::array others_hz{22.0, 32.0, 86.0, 130.0, 190.0, 280.0, 420.0, 660.0, 1450.0, 2100.0, 3100.0, 4500.0, 6700.0, 14'000.0, 19'900.0, 28'300.0, 39'800.0};

bool is_clear_of_mains(double hz, double bin_hz)
{
    return std::abs(std::remainder(hz, 50.0)) > (bins_from_mains - 0.01) * bin_hz && std::abs(std::remainder(hz, 60.0)) > (bins_from_mains - 0.01) * bin_hz;
}

/// Whether no tone of `bins` is f₁ + f₂ + f₃, f₁ + f₂ − f₃ or f₁ − f₂ − f₃ of the others (but for f₁ + f₂ − f₂), once `bin` is among them.
bool stays_free(std::vector<std::int64_t> bins, std::int64_t bin)
{
    if (std::ranges::find(bins, bin) != bins.end()) return false;
    bins.push_back(bin);
    const auto is_tone = [&](std::int64_t b) { return std::ranges::find(bins, std::abs(b)) != bins.end(); };
    for (std::size_t i = 0; i < bins.size(); ++i)
        for (std::size_t k = i; k < bins.size(); ++k)
            for (const auto third : bins) {
                if (is_tone(bins[i] + bins[k] + third)) return false;
                if (third == bins[i] || third == bins[k]) continue;
                if (is_tone(bins[i] + bins[k] - third)) return false;
            }
    return true;
}

std::optional<std::int64_t> place(double hz, double bin_hz, double highest_hz, const std::vector<std::int64_t>& taken)
{
    const auto wanted = static_cast<std::int64_t>(std::llround(hz / bin_hz));
    const auto widest = std::max<std::int64_t>(12, wanted / 6);
    for (std::int64_t away = 0; away <= widest; ++away)
        for (const auto bin : {wanted - away, wanted + away}) {
            const double at = static_cast<double>(bin) * bin_hz;
            if (bin < 1 || bin % 2 == 0 || at < 20.0 || at > highest_hz || !is_clear_of_mains(at, bin_hz)) continue;
            if (stays_free(taken, bin)) return bin;
        }
    return std::nullopt;
}

/// Phases with a low peak: a seeded random walk that keeps what lowers it.
class PeakSearch {
public:
    explicit PeakSearch(TonePlan& plan) : plan_{plan}, points_{static_cast<std::size_t>(plan.period_frames)}, table_(points_), sum_(points_, 0.0)
    {
        for (std::size_t i = 0; i < points_; ++i) table_[i] = std::cos(2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(points_));
    }

    /// \return the peak of the signal.
    double run()
    {
        // Phases are steps of the table, so that a tone is looked up and never computed.
        std::vector<std::size_t> phases;
        for (std::size_t t = 0; t < plan_.tones.size(); ++t) {
            phases.push_back(random_.below(points_));
            add(t, phases[t], 1.0);
        }
        double peak = peak_of();
        constexpr double most_work = 6e7;
        const auto trials = static_cast<int>(most_work / (3.0 * static_cast<double>(points_)));
        for (int i = 0; i < trials; ++i) {
            const auto t = static_cast<std::size_t>(random_.below(plan_.tones.size()));
            const auto before = phases[t];
            phases[t] = random_.below(points_);
            add(t, before, -1.0);
            add(t, phases[t], 1.0);
            if (const double now = peak_of(); now < peak) {
                peak = now;
                continue;
            }
            add(t, phases[t], -1.0);
            add(t, before, 1.0);
            phases[t] = before;
        }
        for (std::size_t t = 0; t < plan_.tones.size(); ++t)
            plan_.tones[t].phase_rad = 2.0 * std::numbers::pi * static_cast<double>(phases[t]) / static_cast<double>(points_);
        return peak;
    }

private:
    void add(std::size_t tone, std::size_t phase, double sign)
    {
        const double amplitude = sign * plan_.tones[tone].amplitude;
        const auto step = static_cast<std::size_t>(plan_.tones[tone].bin);
        std::size_t at = phase;
        for (auto& x : sum_) {
            x += amplitude * table_[at];
            at += step;
            if (at >= points_) at -= points_;
        }
    }
    [[nodiscard]] double peak_of() const
    {
        double peak = 0.0;
        for (const double x : sum_) peak = std::max(peak, std::abs(x));
        return peak;
    }

    TonePlan& plan_;
    std::size_t points_;
    std::vector<double> table_;
    std::vector<double> sum_;
    dsp::Random random_{20};
};

}  // namespace

Result<TonePlan> design_cmrr_signal(double sample_rate_hz, Dbfs peak)
{
    // The period of the other test signals: as long as the engine takes, and smooth.
    const auto usual = stimulus::design_multitone(sample_rate_hz);
    if (!usual) return usual.error();
    TonePlan plan{sample_rate_hz, usual.value().period_frames, {}};
    const double bin_hz = plan.frequency_of(1).value();
    const double highest_hz = std::min(highest_part_of_rate * sample_rate_hz, sample_rate_hz >= wide_rate_hz ? 40e3 : 20e3);

    std::vector<std::int64_t> bins;
    const double deep = amplitude_ratio(deep_tone_gain);
    const auto add = [&](double hz, double amplitude) {
        // The highest moves down by a little where the rate asks for it.
        constexpr double nearly = 1.02;
        const auto bin = hz > nearly * highest_hz ? std::nullopt : place(std::min(hz, highest_hz), bin_hz, highest_hz, bins);
        if (!bin) return;
        bins.push_back(*bin);
        plan.tones.push_back({Signal::drive, *bin, amplitude, 0.0});
    };
    for (const double hz : deep_hz) add(hz, deep);
    for (const double hz : others_hz) add(hz, 1.0);
    std::ranges::sort(plan.tones, {}, &Tone::bin);
    const double found = PeakSearch{plan}.run();
    for (auto& tone : plan.tones) tone.amplitude *= sine_peak(peak) / found;
    return plan;
}

TonePlan at_level(TonePlan plan, Dbfs from, Dbfs to)
{
    const double scale = amplitude_ratio(to - from);
    for (auto& tone : plan.tones) tone.amplitude *= scale;
    return plan;
}

}  // namespace lowleg::procedure
