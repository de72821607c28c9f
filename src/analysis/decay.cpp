#include "analysis/decay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace lowleg::analysis {
namespace {

constexpr double shortest_s = 0.02;
constexpr double longest_s = 3.0;
constexpr std::size_t time_constants = 48;  // a tenth apart: what that leaves of a decay is some percent of it
/// In standard deviations. 48 of them are tried, but neighbours are nearly the same.
constexpr double stands_out = 7.0;

struct Decay {
    double amplitude{};  ///< At the start of the first period.
    double per_frame{};  ///< e^(−1/τ)
};

/// So many time constants side by side: the sum of one waits for its own step before, those of several do not wait for each other.
constexpr std::size_t side_by_side = 8;
static_assert(time_constants % side_by_side == 0);
using Several = std::array<double, side_by_side>;

/// Σ dᵢ·rⁱ for several r (Horner, from the end).
Several weighted_sums(const std::vector<double>& d, const Several& ratios)
{
    Several sums{};
    for (std::size_t i = d.size(); i-- > 0;)
        for (std::size_t k = 0; k < side_by_side; ++k) sums[k] = sums[k] * ratios[k] + d[i];
    return sums;
}

/// \return amplitude 0 when nothing stands out.
Decay decay_of(const std::vector<Period>& periods, std::size_t leg, double sample_rate_hz)
{
    const auto frames = periods.front().leg[leg].size();
    // From each period to the next one a decay loses (1 − q) of itself, q = e^(−period/τ).
    std::vector<std::vector<double>> lost;
    double power = 0.0;
    for (std::size_t m = 0; m + 1 < periods.size(); ++m) {
        auto& d = lost.emplace_back(frames);
        for (std::size_t i = 0; i < frames; ++i) {
            d[i] = static_cast<double>(periods[m].leg[leg][i]) - static_cast<double>(periods[m + 1].leg[leg][i]);
            power += d[i] * d[i];
        }
    }
    const auto values = static_cast<double>(frames * lost.size());

    Decay best;
    double most = 0.0;
    for (std::size_t first = 0; first < time_constants; first += side_by_side) {
        Several ratio{}, q{}, weight{}, product{}, norm{};
        for (std::size_t k = 0; k < side_by_side; ++k) {
            const double tau = shortest_s * std::exp(std::log(longest_s / shortest_s) * static_cast<double>(first + k) / static_cast<double>(time_constants - 1));
            ratio[k] = std::exp(-1.0 / (tau * sample_rate_hz));
            q[k] = std::exp(-static_cast<double>(frames) / (tau * sample_rate_hz));
            weight[k] = 1.0 - q[k];
        }
        for (const auto& d : lost) {
            const auto sums = weighted_sums(d, ratio);
            for (std::size_t k = 0; k < side_by_side; ++k) {
                const double shape_power = (1.0 - q[k] * q[k]) / (1.0 - ratio[k] * ratio[k]);
                product[k] += weight[k] * sums[k];
                norm[k] += weight[k] * weight[k] * shape_power;
                weight[k] *= q[k];
            }
        }
        for (std::size_t k = 0; k < side_by_side; ++k) {
            const double explained = norm[k] > 0.0 ? product[k] * product[k] / norm[k] : 0.0;
            if (explained <= most) continue;
            most = explained;
            best = {product[k] / norm[k], ratio[k]};
        }
    }
    const double variance = std::max(power - most, 0.0) / values;
    return most > stands_out * stands_out * variance ? best : Decay{};
}

}  // namespace

bool remove_decay(Record& record)
{
    auto& periods = record.periods;
    if (periods.size() < 2) return false;
    for (std::size_t m = 1; m < periods.size(); ++m)
        if (periods[m].first_frame - periods[m - 1].first_frame != record.period_frames) return false;

    bool any = false;
    for (const std::size_t leg : {0U, 1U}) {
        const auto decay = decay_of(periods, leg, record.sample_rate_hz);
        if (decay.amplitude == 0.0) continue;
        any = true;
        double now = decay.amplitude;
        for (auto& period : periods)
            for (auto& x : period.leg.at(leg)) {
                x = static_cast<float>(static_cast<double>(x) - now);
                now *= decay.per_frame;
            }
    }
    return any;
}

}  // namespace lowleg::analysis
