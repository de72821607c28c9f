#include "core/units.h"

#include <cmath>
#include <numbers>

namespace lowleg {

GainDb gain_of(double amplitude_ratio) noexcept { return GainDb{20.0 * std::log10(amplitude_ratio)}; }
GainDb gain_of(Complex amplitude_ratio) noexcept { return gain_of(std::abs(amplitude_ratio)); }
double amplitude_ratio(GainDb gain) noexcept { return std::pow(10.0, gain.value() / 20.0); }

Dbfs dbfs_of_peak(double sine_peak) noexcept { return Dbfs{gain_of(sine_peak).value()}; }
Dbfs dbfs_of_rms(double rms) noexcept { return dbfs_of_peak(rms * std::numbers::sqrt2); }
double sine_peak(Dbfs level) noexcept { return amplitude_ratio(GainDb{level.value()}); }

Hertz log_spaced(Hertz lo, Hertz hi, int i, int count) noexcept
{
    if (count < 2) return lo;
    return std::pow(hi / lo, static_cast<double>(i) / (count - 1)) * lo;
}

}  // namespace lowleg
