#include "analysis/multitone.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::analysis {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;
/// A tone counts when it is this many standard uncertainties tall.
constexpr double least_ratio = 5.0;

/// H(f) of one tone.
struct Point { std::int64_t bin; Complex value; };

/// Σ H·e^{j2π·bin·turn}, the delay as a part of the period.
Complex sum_at(const std::vector<Point>& points, double turn)
{
    Complex sum{};
    for (const auto& p : points) sum += p.value * std::polar(1.0, two_pi * std::remainder(static_cast<double>(p.bin) * turn, 1.0));
    return sum;
}

/// The turn near `turn` where the real part of the sum is extreme: Newton on its derivative.
double climb(const std::vector<Point>& points, double turn)
{
    for (int i = 0; i < 20; ++i) {
        double slope = 0.0;
        double curvature = 0.0;
        for (const auto& p : points) {
            const double omega = two_pi * static_cast<double>(p.bin);
            const auto v = p.value * std::polar(1.0, two_pi * std::remainder(static_cast<double>(p.bin) * turn, 1.0));
            slope -= omega * v.imag();
            curvature -= omega * omega * v.real();
        }
        if (curvature == 0.0) break;
        const double step = slope / curvature;
        // A grid point is at most 1/16 cycle of the highest tone from its peak; a longer step has left it.
        if (!(std::abs(step) < 0.1 / static_cast<double>(points.back().bin))) break;
        turn -= step;
        if (std::abs(step) < 1e-16) break;
    }
    return turn;
}

}  // namespace

Result<DelayReading> measure_delay(const MultitoneReading& reading, Signal signal, std::size_t leg)
{
    if (leg > 1) return Error{"a delay can be measured on leg 0 (pin 2) or leg 1 (pin 3) only: choose one of them", ErrorKind::usage};
    std::vector<Point> points;
    double frames_per_period = 0.0;
    double total = 0.0;
    for (const auto& tone : reading.tones) {
        const auto& estimate = tone.leg[leg];
        const double amplitude = std::abs(estimate.value);
        if (tone.signal != signal || tone.bin < 1 || !(amplitude > 0.0) || !(amplitude > least_ratio * estimate.sigma)) continue;
        points.push_back({tone.bin, estimate.value});
        total += amplitude;
        frames_per_period = static_cast<double>(tone.bin) * reading.sample_rate_hz / tone.frequency.value();
    }
    if (points.empty() || !std::isfinite(total))
        return Error{"no tone of the signal stands out of the noise, so its delay cannot be told: check the cables and the level"};
    std::ranges::sort(points, {}, &Point::bin);

    // Half a period turns every odd bin by half a cycle: a multitone on odd bins cannot tell it from the opposite sign. The
    // smaller delay is meant then.
    const bool all_odd = std::ranges::all_of(points, [](const Point& p) { return p.bin % 2 != 0; });
    const double range = all_odd ? 0.5 : 1.0;

    // The sum, weighted by level, on a grid of eighths of a cycle of the highest tone, by turning each tone step by step.
    const auto steps = static_cast<std::size_t>(8 * points.back().bin);
    auto turned = points;
    std::vector<Complex> turns;
    for (const auto& p : points) turns.push_back(std::polar(1.0, two_pi * static_cast<double>(p.bin) / static_cast<double>(steps)));
    struct Peak { double height; double turn; };
    std::vector<Peak> peaks;
    constexpr std::size_t most_peaks = 16;
    for (std::size_t i = 0; static_cast<double>(i) < range * static_cast<double>(steps); ++i) {
        double sum = 0.0;
        for (std::size_t k = 0; k < turned.size(); ++k) {
            auto& v = turned[k].value;
            sum += v.real();
            v = {v.real() * turns[k].real() - v.imag() * turns[k].imag(), v.real() * turns[k].imag() + v.imag() * turns[k].real()};
        }
        const double height = std::abs(sum);
        if (peaks.size() == most_peaks && height <= peaks.back().height) continue;
        if (peaks.size() == most_peaks) peaks.pop_back();
        const auto place = std::ranges::upper_bound(peaks, height, std::greater{}, &Peak::height);
        peaks.insert(place, {height, static_cast<double>(i) / static_cast<double>(steps)});
    }

    double best_turn = 0.0;
    double best = -1.0;
    for (const auto& peak : peaks) {
        const double turn = climb(points, peak.turn);
        const double height = std::abs(sum_at(points, turn).real());
        if (height > best) {
            best = height;
            best_turn = turn;
        }
    }
    // Just before the range's end stands what leads a little: a DUT's high-pass, or noise on no delay at all.
    constexpr double longest_lead_s = 1e-3;
    double turn = best_turn - range * std::floor(best_turn / range);
    if ((range - turn) * frames_per_period < longest_lead_s * reading.sample_rate_hz) turn = 0.0;
    // Moved by half a period, the sign goes along: 2·(difference) is odd then.
    const bool moved = all_odd && std::remainder(std::round(2.0 * (best_turn - turn)), 2.0) != 0.0;
    return DelayReading{Seconds{turn * frames_per_period / reading.sample_rate_hz},
                        (sum_at(points, best_turn).real() < 0.0) != moved, std::min(1.0, best / total)};
}

}  // namespace lowleg::analysis
