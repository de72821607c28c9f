#include "bench/lines.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lowleg::bench {
namespace {

constexpr double most_drift_s = 0.25;
constexpr double attenuation_db = 110.0;

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

}  // namespace

Interpolation::Interpolation(double sample_rate_hz)
{
    double passband = 5.0 / 12.0;
    if (sample_rate_hz > 42e3) passband = std::max(passband, 20e3 / sample_rate_hz);
    // J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", ISCAS 1974: β and length. The
    // first image lies at 1 − passband.
    const double beta = 0.1102 * (attenuation_db - 8.7);
    const double length = (attenuation_db - 7.95) / (14.36 * (1.0 - 2.0 * passband));
    taps_ = 4 * static_cast<std::size_t>(std::ceil(length / 4.0));
    weights_.resize((phases + 1) * taps_);
    const double half = static_cast<double>(taps_) / 2.0;
    for (std::size_t p = 0; p <= phases; ++p) {
        double* row = weights_.data() + p * taps_;
        double sum = 0.0;
        for (std::size_t t = 0; t < taps_; ++t) {
            const double x = static_cast<double>(t) - (half - 1.0) - static_cast<double>(p) / static_cast<double>(phases);
            row[t] = sinc(x) * std::cyl_bessel_i(0.0, beta * std::sqrt(std::max(0.0, 1.0 - x * x / (half * half))));
            sum += row[t];
        }
        for (std::size_t t = 0; t < taps_; ++t) row[t] /= sum;  // a constant stays what it is
    }
}

std::unique_ptr<StoredLine> make_line(const LineSpec& spec, bool runs_ahead, double sample_rate_hz)
{
    auto stored = std::make_unique<StoredLine>();
    rt::LineSetup setup;
    setup.delay = static_cast<std::size_t>(spec.delay_frames);
    setup.slip = static_cast<std::size_t>(spec.slip_frames);
    double most_drift = 0.0;
    if (spec.resamples) {
        stored->interpolation = std::make_unique<Interpolation>(sample_rate_hz);
        setup.table = stored->interpolation->table();
        most_drift = std::floor(most_drift_s * sample_rate_hz);
        setup.most_drift_frames = most_drift;
        setup.drift_frames = runs_ahead ? most_drift - 1.0 : 0.0;
    }
    setup.length = setup.delay + setup.slip + setup.table.taps + static_cast<std::size_t>(most_drift) + 1;
    for (std::size_t c = 0; c < 2; ++c) {
        stored->samples[c].assign(rt::Line::storage_for(setup.length, setup.table.taps), 0.0F);
        setup.samples[c] = stored->samples[c];
    }
    stored->line = std::make_unique<rt::Line>(setup);
    return stored;
}

}  // namespace lowleg::bench
