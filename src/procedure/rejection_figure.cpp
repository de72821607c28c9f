#include "procedure/rejection_figure.h"

#include <utility>

namespace lowleg::procedure {

Figure rejection_figure(std::string id, std::string words, double ratio, double uncertainty, Hertz frequency, std::string definition)
{
    Figure out{std::move(id), std::move(words), 0.0, "dB", 0.0, Figure::Bound::value, frequency, std::move(definition)};
    if (ratio > uncertainty) {
        out.value = gain_of(1.0 / ratio).value();
        // A rejection is less certain upwards than downwards: the wider side is told.
        out.uncertainty = gain_of(ratio / (ratio - uncertainty)).value();
        constexpr double too_wide = 6.0;
        if (out.uncertainty <= too_wide) return out;
    }
    out.value = gain_of(1.0 / (ratio + uncertainty)).value();
    out.uncertainty = 0.0;
    out.bound = Figure::Bound::at_least;
    return out;
}

}  // namespace lowleg::procedure
