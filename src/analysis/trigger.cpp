#include "analysis/trigger.h"

#include <algorithm>
#include <cmath>

namespace lowleg::analysis {
namespace {

constexpr std::size_t compared_points = 128;
constexpr float indistinguishable = 0.01F;
constexpr float unlike = 0.5F;

/// Points of the picture that begins between samples `at` and at + 1, evenly spread over `shown` frames.
void sample(std::span<const float> x, double at, std::size_t shown, std::vector<float>& out)
{
    out.resize(compared_points);
    const double step = static_cast<double>(shown - 2) / compared_points;
    for (std::size_t i = 0; i < compared_points; ++i) {
        const double position = at + step * static_cast<double>(i);
        const auto whole = static_cast<std::size_t>(position);
        const auto part = static_cast<float>(position - static_cast<double>(whole));
        out[i] = x[whole] + part * (x[whole + 1] - x[whole]);
    }
}

/// 1 where one is a multiple of the other: a signal that grows is still the same.
float likeness(std::span<const float> a, std::span<const float> b)
{
    float product = 0.0F;
    float power_a = 1e-30F;
    float power_b = 1e-30F;
    for (std::size_t i = 0; i < a.size(); ++i) {
        product += a[i] * b[i];
        power_a += a[i] * a[i];
        power_b += b[i] * b[i];
    }
    return product / std::sqrt(power_a * power_b);
}

}  // namespace

std::optional<double> Trigger::find(std::span<const float> x, std::size_t shown, std::size_t searched, float hysteresis)
{
    if (shown < 4 || x.size() < shown + 2) return std::nullopt;
    const std::size_t last = x.size() - shown - 1;
    const std::size_t first = last > searched ? last - searched : 0;
    std::optional<double> best;
    std::optional<double> newest;
    float most = -1.0F;
    std::vector<float> best_picture;
    std::vector<float> picture;
    bool is_armed = false;  // was below −hysteresis since the last crossing
    for (std::size_t i = first; i < last; ++i) {
        is_armed = is_armed || x[i] < -hysteresis;
        if (!is_armed || !(x[i] < 0.0F && x[i + 1] >= 0.0F)) continue;
        is_armed = false;
        const double at = static_cast<double>(i) + static_cast<double>(x[i] / (x[i] - x[i + 1]));
        sample(x, at, shown, picture);
        newest = at;
        const float like = before_.empty() ? 1.0F : likeness(picture, before_);
        // Of pictures that are as good as each other the newest.
        if (like + indistinguishable < most) continue;
        most = std::max(most, like);
        best = at;
        best_picture.swap(picture);
    }
    // Another signal than before.
    if (newest && most < unlike) {
        best = newest;
        sample(x, *best, shown, best_picture);
    }
    if (best) before_.swap(best_picture);
    return best;
}

}  // namespace lowleg::analysis
