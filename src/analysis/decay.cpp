#include "analysis/decay.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace lowleg::analysis {
namespace {

constexpr double shortest_s = 0.02;
constexpr double longest_s = 3.0;
constexpr int time_constants = 48;  // a tenth apart: what that leaves of a decay is some percent of it
/// In standard deviations. 48 of them are tried, but neighbours are nearly the same.
constexpr double stands_out = 7.0;

struct Decay {
    double amplitude{};  ///< At the start of the first period.
    double per_frame{};  ///< e^(−1/τ)
};

/// Σ dᵢ·rⁱ (Horner, from the end).
double weighted_sum(const std::vector<double>& d, double ratio)
{
    double sum = 0.0;
    for (std::size_t i = d.size(); i-- > 0;) sum = sum * ratio + d[i];
    return sum;
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
    for (int k = 0; k < time_constants; ++k) {
        const double tau = shortest_s * std::exp(std::log(longest_s / shortest_s) * k / (time_constants - 1));
        const double ratio = std::exp(-1.0 / (tau * sample_rate_hz));
        const double q = std::exp(-static_cast<double>(frames) / (tau * sample_rate_hz));
        const double shape_power = (1.0 - q * q) / (1.0 - ratio * ratio);
        double product = 0.0;
        double norm = 0.0;
        double weight = 1.0 - q;
        for (const auto& d : lost) {
            product += weight * weighted_sum(d, ratio);
            norm += weight * weight * shape_power;
            weight *= q;
        }
        const double explained = norm > 0.0 ? product * product / norm : 0.0;
        if (explained <= most) continue;
        most = explained;
        best = {product / norm, ratio};
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
