#include "bench/noise_table.h"

#include <cmath>
#include <numbers>
#include <vector>

namespace lowleg::bench {
namespace {

using rt::NormalTable;

/// x with P(|X| > x) = p for a normal X of unit variance, by Newton's method from where the tail is steep enough for it.
double outside_of(double p)
{
    if (p >= 1.0) return 0.0;
    double x = 0.0;  // below the solution, where erfc is convex: no step overshoots
    for (int i = 0; i < 100; ++i) {
        const double slope = std::sqrt(2.0 / std::numbers::pi) * std::exp(-0.5 * x * x);
        const double step = (std::erfc(x / std::numbers::sqrt2) - p) / slope;
        x += step;
        if (std::abs(step) < 1e-15 * x) break;
    }
    return x;
}

NormalTable made()
{
    struct Ends {
        double outer, inner, probability;
    };
    std::vector<Ends> ends;
    double variance = 0.0;
    for (std::size_t octave = 0; octave < NormalTable::octaves; ++octave) {
        const double most = std::ldexp(1.0, -static_cast<int>(octave));
        for (std::size_t part = 0; part < NormalTable::parts; ++part) {
            const double width = 0.5 * most / static_cast<double>(NormalTable::parts);
            const double least = 0.5 * most + static_cast<double>(part) * width;
            const Ends e{outside_of(least), outside_of(least + width), width};
            variance += e.probability * (e.outer * e.outer + e.outer * e.inner + e.inner * e.inner) / 3.0;
            ends.push_back(e);
        }
    }
    NormalTable table;
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const double scale = 1.0 / std::sqrt(variance);
        table.pieces[i].outermost = static_cast<float>(scale * ends[i].outer);
        table.pieces[i].slope = static_cast<float>(std::ldexp(scale * (ends[i].inner - ends[i].outer), -static_cast<int>(NormalTable::fraction_bits)));
    }
    return table;
}

}  // namespace

const NormalTable& normal_table()
{
    static const NormalTable table = made();
    return table;
}

}  // namespace lowleg::bench
