#include "analysis/weighting.h"

#include <cmath>

namespace lowleg::analysis {
namespace {

/// Not normalised. Annex E derives the poles from 10^1.5 Hz, 10^3.9 Hz, 1000 Hz and a loss of √½ at the outer ones: E.2 to E.5 give these digits.
double a_shape(double f) noexcept
{
    constexpr double f1 = 20.598997057618316;
    constexpr double f2 = 107.65264864304629;
    constexpr double f3 = 737.8622307362901;
    constexpr double f4 = 12194.217147998012;
    const double s = f * f;
    return f4 * f4 * s * s / ((s + f1 * f1) * std::sqrt((s + f2 * f2) * (s + f3 * f3)) * (s + f4 * f4));
}

}  // namespace

double weight_at(Weighting weighting, Hertz frequency) noexcept
{
    switch (weighting) {
    case Weighting::flat: return 1.0;
    case Weighting::a: {
        static const double at_1khz = a_shape(1000.0);
        return a_shape(frequency.value()) / at_1khz;
    }
    }
    return 1.0;
}

std::string_view words_for(Weighting weighting) noexcept { return weighting == Weighting::a ? "A-weighted" : "flat"; }

}  // namespace lowleg::analysis
