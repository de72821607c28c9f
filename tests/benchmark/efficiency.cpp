#include "efficiency.h"

#include "drive.h"

#include "analysis/decay.h"
#include "analysis/estimator.h"
#include "analysis/multitone.h"
#include "core/record.h"
#include "stimulus/multitone.h"

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace lowleg::benchmarks {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double noise_sigma = 1e-5 / std::numbers::sqrt2;  // −100 dBFS
constexpr double hum_hz = 50.02;
constexpr int hum_lines = 10;
/// −60 dBFS at pin 2, half of it at pin 3; order k has 1/k of it.
constexpr std::array hum_amplitude{1e-3, 0.5e-3};
double hum_phase(int order, std::size_t leg) { return 1.3 * order * order + 0.4 * static_cast<double>(leg); }

enum class Hum : bool { none, present };

/// What the tones become on their way: of the size of real ones, and no tone like another.
Complex transfer_of(const Tone& tone, std::size_t leg)
{
    const auto bin = static_cast<double>(tone.bin);
    return std::polar(leg == 0 ? 0.7 : 0.2, 0.01 * bin + (leg == 0 ? 0.3 : 2.0));
}

/// ω·n in turns, without the rounding of a long sum.
double angle(double cycles_per_frame, std::size_t n) { return 2.0 * pi * std::remainder(cycles_per_frame * static_cast<double>(n), 1.0); }

/// One leg without noise.
std::vector<double> clean_samples(const TonePlan& plan, std::size_t periods, std::size_t leg, Hum hum)
{
    const auto frames = static_cast<std::size_t>(plan.period_frames);
    std::vector<double> x(frames * periods, 0.0);
    for (const auto& tone : plan.tones) {
        const auto h = transfer_of(tone, leg);
        for (std::size_t n = 0; n < x.size(); ++n)
            x[n] += tone.amplitude * std::abs(h) * std::cos(angle(static_cast<double>(tone.bin) / static_cast<double>(frames), n % frames) + tone.phase_rad + std::arg(h));
    }
    if (hum == Hum::present)
        for (int k = 1; k <= hum_lines; ++k)
            for (std::size_t n = 0; n < x.size(); ++n) x[n] += hum_amplitude[leg] / k * std::cos(angle(k * hum_hz / rate_hz, n) + hum_phase(k, leg));
    return x;
}

/// Bounds of the variance of amplitude and, relative to that amplitude, of phase.
struct Bound {
    double amplitude{};
    double across{};  ///< rad² · amplitude²
};
using Bounds = std::array<std::vector<Bound>, 2>;  // [leg][tone], of played amplitude times transfer

/// Columns of a leg: cosine and sine of each tone, of each line of hum; the last: what the fundamental changes.
Eigen::MatrixXd derivatives_of(const TonePlan& plan, std::size_t periods, std::size_t leg)
{
    const auto frames = static_cast<std::size_t>(plan.period_frames) * periods;
    const auto tones = static_cast<Eigen::Index>(plan.tones.size());
    Eigen::MatrixXd j(static_cast<Eigen::Index>(frames), 2 * tones + 2 * hum_lines + 1);
    for (std::size_t n = 0; n < frames; ++n) {
        const auto row = static_cast<Eigen::Index>(n);
        for (Eigen::Index k = 0; k < tones; ++k) {
            const double a = angle(static_cast<double>(plan.tones[static_cast<std::size_t>(k)].bin) / static_cast<double>(plan.period_frames), n);
            j(row, 2 * k) = std::cos(a);
            j(row, 2 * k + 1) = -std::sin(a);
        }
        double by_fundamental = 0.0;
        for (int k = 1; k <= hum_lines; ++k) {
            const double a = angle(k * hum_hz / rate_hz, n);
            j(row, 2 * tones + 2 * (k - 1)) = std::cos(a);
            j(row, 2 * tones + 2 * (k - 1) + 1) = -std::sin(a);
            by_fundamental -= hum_amplitude[leg] * static_cast<double>(n) / static_cast<double>(frames) * std::sin(a + hum_phase(k, leg));
        }
        j(row, 2 * tones + 2 * hum_lines) = by_fundamental;
    }
    return j;
}

Bounds bounds_of(const TonePlan& plan, std::size_t periods, Hum hum)
{
    const auto tones = plan.tones.size();
    const double orthogonal = 2.0 * noise_sigma * noise_sigma / static_cast<double>(plan.period_frames * static_cast<std::int64_t>(periods));
    Bounds out{std::vector<Bound>(tones, {orthogonal, orthogonal}), std::vector<Bound>(tones, {orthogonal, orthogonal})};
    if (hum == Hum::none) return out;

    // Both legs share the last column.
    const auto own = static_cast<Eigen::Index>(2 * tones + 2 * hum_lines);
    Eigen::MatrixXd fisher = Eigen::MatrixXd::Zero(2 * own + 1, 2 * own + 1);
    for (std::size_t leg = 0; leg < 2; ++leg) {
        const auto j = derivatives_of(plan, periods, leg);
        const Eigen::MatrixXd product = j.transpose() * j;
        const auto at = static_cast<Eigen::Index>(leg) * own;
        fisher.block(at, at, own, own) = product.topLeftCorner(own, own);
        fisher.block(at, 2 * own, own, 1) = product.topRightCorner(own, 1);
        fisher.block(2 * own, at, 1, own) = product.bottomLeftCorner(1, own);
        fisher(2 * own, 2 * own) += product(own, own);
    }
    // Scaled to a diagonal of ones: the fundamental's units are others.
    const Eigen::VectorXd scale = fisher.diagonal().cwiseSqrt().cwiseInverse();
    const Eigen::MatrixXd inverse = (scale.asDiagonal() * fisher * scale.asDiagonal()).inverse();
    const Eigen::MatrixXd covariance = noise_sigma * noise_sigma * (scale.asDiagonal() * inverse * scale.asDiagonal());
    for (std::size_t leg = 0; leg < 2; ++leg)
        for (std::size_t k = 0; k < tones; ++k) {
            const auto at = static_cast<Eigen::Index>(leg) * own + 2 * static_cast<Eigen::Index>(k);
            const double phase = plan.tones[k].phase_rad + std::arg(transfer_of(plan.tones[k], leg));
            const Eigen::Vector2d along{std::cos(phase), std::sin(phase)};
            const Eigen::Vector2d across{-std::sin(phase), std::cos(phase)};
            const Eigen::Matrix2d c = covariance.block(at, at, 2, 2);
            out.at(leg)[k] = {along.dot(c * along), across.dot(c * across)};
        }
    return out;
}

/// Mean, over the trials, of squares over their bounds, and its standard error.
struct Mean {
    double sum{};
    double squares{};
    double count{};
    void add(double x) { sum += x; squares += x * x; count += 1.0; }
    [[nodiscard]] double efficiency() const { return count / sum; }
    [[nodiscard]] double error() const
    {
        const double mean = sum / count;
        return std::sqrt(std::max(0.0, squares / count - mean * mean) / count) / (mean * mean);
    }
};

Result<Efficiency> measure(const TonePlan& plan, std::string_view what, std::size_t periods, Hum hum, analysis::HumRemoval removal, std::size_t trials)
{
    const auto frames = static_cast<std::size_t>(plan.period_frames);
    const auto tones = plan.tones.size();
    const auto bounds = bounds_of(plan, periods, hum);
    const std::array clean{clean_samples(plan, periods, 0, hum), clean_samples(plan, periods, 1, hum)};
    std::mt19937_64 random{20'000 + periods + (hum == Hum::present ? 100 : 0)};
    std::normal_distribution<double> noise{0.0, noise_sigma};

    Mean amplitude, phase;
    std::vector<Mean> of_tone(tones);
    for (std::size_t trial = 0; trial < trials; ++trial) {
        Record record{plan.sample_rate_hz, plan.period_frames, {}};
        for (std::size_t m = 0; m < periods; ++m) {
            Period period{{std::vector<float>(frames), std::vector<float>(frames)}, static_cast<std::int64_t>(m * frames), {}};
            for (std::size_t leg = 0; leg < 2; ++leg)
                for (std::size_t n = 0; n < frames; ++n) period.leg.at(leg)[n] = static_cast<float>(clean.at(leg)[m * frames + n] + noise(random));
            record.periods.push_back(std::move(period));
        }
        analysis::remove_decay(record);
        const analysis::DoublePeriods samples{record};
        const auto reading = analysis::read_multitone(samples.views(), plan, removal);
        if (!reading) return reading.error();

        double amplitudes = 0.0;
        double phases = 0.0;
        for (std::size_t k = 0; k < tones; ++k) {
            double both = 0.0;
            for (std::size_t leg = 0; leg < 2; ++leg) {
                const auto truth = transfer_of(plan.tones[k], leg);
                const auto got = reading.value().tones[k].leg.at(leg).value;
                const double level = plan.tones[k].amplitude * std::abs(truth);
                const double along = plan.tones[k].amplitude * (std::abs(got) - std::abs(truth));
                const double across = level * std::arg(got / truth);
                const auto& bound = bounds.at(leg)[k];
                amplitudes += along * along / bound.amplitude;
                phases += across * across / bound.across;
                both += along * along / bound.amplitude + across * across / bound.across;
            }
            of_tone[k].add(both / 4.0);
        }
        amplitude.add(amplitudes / static_cast<double>(2 * tones));
        phase.add(phases / static_cast<double>(2 * tones));
    }
    const auto& worst = *std::ranges::min_element(of_tone, {}, &Mean::efficiency);
    return Efficiency{what, periods, amplitude.efficiency(), amplitude.error(), phase.efficiency(), phase.error(), worst.efficiency(), worst.error()};
}

}  // namespace

Result<std::vector<Efficiency>> measure_efficiency(std::size_t trials)
{
    const auto plan = stimulus::design_multitone(rate_hz);
    if (!plan) return plan.error();
    using analysis::HumRemoval;
    struct Case { std::string_view what; std::size_t periods; Hum hum; HumRemoval removal; std::size_t trials; bool is_required; };
    std::vector<Efficiency> out;
    for (const auto& c : {Case{"no hum, none looked for", 2, Hum::none, HumRemoval::off, trials, true},
                          Case{"no hum, looked for", 2, Hum::none, HumRemoval::on, trials, true},
                          Case{"hum of -60 dBFS, fitted", 2, Hum::present, HumRemoval::on, trials, true},
                          Case{"hum of -60 dBFS, left in", 2, Hum::present, HumRemoval::off, 20, false}}) {
        auto row = measure(plan.value(), c.what, c.periods, c.hum, c.removal, c.trials);
        if (!row) return row.error();
        row.value().is_required = c.is_required;
        out.push_back(row.value());
    }
    return out;
}

}  // namespace lowleg::benchmarks
