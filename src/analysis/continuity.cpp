#include "analysis/multitone.h"
#include "analysis/spectra.h"
#include "dsp/statistics.h"

#include <algorithm>
#include <cmath>

namespace lowleg::analysis {
namespace {

/// How often a record of undisturbed noise may be accused.
constexpr double false_rate = 1e-4;
/// Margin for the choice of the reference period and for noise levels that were themselves picked by rank.
constexpr double margin = 10.0;
/// A change of a tone that is no lost block: gear that warms up moves by less (0.0026 dB).
constexpr double benign_change = 3e-4;
constexpr std::size_t bins_for_noise = 16;

/// One tone on one leg: its phasor in each period, and the noise on it.
struct Track {
    std::vector<Complex> phasor;
    double variance{};  ///< E|noise|² of one phasor.
};

/// A middle one of the levels, so that broken periods, which fill all bins, do not hide themselves.
double typical(std::vector<double> levels)
{
    std::ranges::sort(levels);
    return levels[(levels.size() - 1) / 2];
}

std::vector<Track> tracks_of(const Spectra& spectra, const TonePlan& plan)
{
    const BinMap map{plan};
    std::vector<Track> tracks;
    for (const auto& tone : plan.tones) {
        const auto beside = map.clean_bins_beside(tone.bin, bins_for_noise);
        if (beside.size() < bins_for_noise / 2) continue;
        for (std::size_t leg = 0; leg < 2; ++leg) {
            Track track;
            std::vector<double> levels;
            double strongest = 0.0;
            for (const auto& bins : spectra.bins[leg]) {
                track.phasor.push_back(bins[static_cast<std::size_t>(tone.bin)]);
                strongest = std::max(strongest, std::abs(track.phasor.back()));
                double power = 0.0;
                // The level, not the scatter: hum that was not removed moves both the tone and the bins beside it.
                for (const auto b : beside) power += std::norm(bins[static_cast<std::size_t>(b)]);
                levels.push_back(power / static_cast<double>(beside.size()));
            }
            const double rounding = 1e-12 * strongest;
            track.variance = typical(levels) + rounding * rounding;
            tracks.push_back(std::move(track));
        }
    }
    return tracks;
}

}  // namespace

std::vector<std::size_t> find_broken_periods(const Record& record, const TonePlan& plan)
{
    const DoublePeriods samples{record};
    const auto views = samples.views();
    // A period that cannot be compared at all does not continue the others.
    std::vector<std::size_t> broken;
    std::vector<std::size_t> usable;
    std::vector<PeriodView> periods;
    const auto n = static_cast<std::size_t>(std::max<std::int64_t>(plan.period_frames, 0));
    for (std::size_t m = 0; m < views.size(); ++m) {
        const bool fits = std::ranges::all_of(views[m].leg, [&](std::span<const double> x) {
            return x.size() == n && std::ranges::all_of(x, [](double v) { return std::isfinite(v); });
        });
        if (!fits) {
            broken.push_back(m);
            continue;
        }
        usable.push_back(m);
        // The tones are the same in every period, wherever it stands: only their order matters here.
        periods.push_back({views[m].leg, static_cast<std::int64_t>(usable.size()) * plan.period_frames});
    }
    if (views.size() < 2 || !check_plan(plan)) return {};
    if (usable.size() < 2) return broken;

    const auto spectra = transform(periods, plan);
    if (!spectra) return {};
    const auto tracks = tracks_of(spectra.value(), plan);
    if (tracks.empty()) return broken;

    // |difference|²/(2·variance) of two phasors follows F(2, ν) where ν belongs to the noise level.
    const auto comparisons = static_cast<double>(usable.size() * tracks.size());
    const double limit =
        dsp::f_quantile_of_power(false_rate / (margin * comparisons), 2.0 * static_cast<double>(bins_for_noise));
    const auto agree = [&](std::size_t a, std::size_t b) {
        return std::ranges::all_of(tracks, [&](const Track& track) {
            const double level = std::max(std::norm(track.phasor[a]), std::norm(track.phasor[b]));
            return std::norm(track.phasor[a] - track.phasor[b]) <=
                   2.0 * limit * track.variance + benign_change * benign_change * level;
        });
    };

    // The good ones are the period that most others agree with, and those others; the later when equal.
    std::vector<std::vector<bool>> agrees(usable.size(), std::vector<bool>(usable.size(), true));
    for (std::size_t a = 0; a < usable.size(); ++a)
        for (std::size_t b = a + 1; b < usable.size(); ++b) agrees[a][b] = agrees[b][a] = agree(a, b);
    std::size_t reference = 0;
    for (std::size_t a = 1; a < usable.size(); ++a)
        if (std::ranges::count(agrees[a], true) >= std::ranges::count(agrees[reference], true)) reference = a;
    for (std::size_t a = 0; a < usable.size(); ++a)
        if (!agrees[reference][a]) broken.push_back(usable[a]);
    std::ranges::sort(broken);
    return broken;
}

}  // namespace lowleg::analysis
