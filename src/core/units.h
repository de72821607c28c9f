/// \file units.h
/// Strong types for the quantities that a measurement can confuse.
///
/// Constructors are explicit, and there is no way back to a bare number except value(). This file and units.cpp are
/// the only places in src/ that may call log10 or pow(10, …) (checked by scripts/check_layers.py).
#pragma once

#include <complex>
#include <compare>
#include <cstdint>

namespace lowleg {

using Complex = std::complex<double>;

/// A number of one unit. `Unit` is a tag; two tags never mix. Adding and scaling stay inside the unit.
template <class Unit, class Rep = double>
class Quantity {
public:
    constexpr Quantity() noexcept = default;
    constexpr explicit Quantity(Rep value) noexcept : value_{value} {}
    [[nodiscard]] constexpr Rep value() const noexcept { return value_; }

    friend constexpr auto operator<=>(Quantity, Quantity) = default;
    friend constexpr Quantity operator+(Quantity a, Quantity b) noexcept { return Quantity{a.value_ + b.value_}; }
    friend constexpr Quantity operator-(Quantity a, Quantity b) noexcept { return Quantity{a.value_ - b.value_}; }
    friend constexpr Quantity operator*(Rep k, Quantity a) noexcept { return Quantity{k * a.value_}; }
    friend constexpr Rep operator/(Quantity a, Quantity b) noexcept { return a.value_ / b.value_; }

private:
    Rep value_{};
};

using Hertz = Quantity<struct HertzUnit>;
using Seconds = Quantity<struct SecondsUnit>;
using Ohms = Quantity<struct OhmsUnit>;
using Farads = Quantity<struct FaradsUnit>;
using VoltsRms = Quantity<struct VoltsRmsUnit>;
using VoltsPeak = Quantity<struct VoltsPeakUnit>;          ///< Of a sine: VoltsPeak = √2 · VoltsRms. Never implicit.
using Frames = Quantity<struct FramesUnit, std::int64_t>;  ///< One frame = one sample on every channel.

/// A ratio of two amplitudes (root-power quantities), 20·lg. A *difference* of levels: it has no reference.
using GainDb = Quantity<struct AmplitudeDbUnit>;

/// \param amplitude_ratio  ≥ 0; 0 gives −∞ dB.
[[nodiscard]] GainDb gain_of(double amplitude_ratio) noexcept;
[[nodiscard]] GainDb gain_of(Complex amplitude_ratio) noexcept;
/// The amplitude ratio of a gain, > 0.
[[nodiscard]] double amplitude_ratio(GainDb gain) noexcept;

/// dB per relative amplitude error: 20/ln 10. An amplitude known to ±ε (ε ≪ 1) is known to ±db_per_neper·ε dB.
inline constexpr double db_per_neper = 8.685889638065037;

/// A level above a fixed reference: a *point* on the dB axis. Level − level is a gain, level + gain is a level,
/// level + level does not compile.
template <class Reference>
class Level {
public:
    constexpr explicit Level(double db) noexcept : db_{db} {}
    [[nodiscard]] static Level of(VoltsRms v) noexcept
        requires requires { Reference::volts_rms; }
    {
        return Level{gain_of(v.value() / Reference::volts_rms).value()};
    }

    [[nodiscard]] constexpr double value() const noexcept { return db_; }
    [[nodiscard]] VoltsRms volts() const noexcept
        requires requires { Reference::volts_rms; }
    {
        return VoltsRms{Reference::volts_rms * amplitude_ratio(GainDb{db_})};
    }

    friend constexpr auto operator<=>(Level, Level) = default;
    friend constexpr Level operator+(Level l, GainDb g) noexcept { return Level{l.db_ + g.value()}; }
    friend constexpr GainDb operator-(Level a, Level b) noexcept { return GainDb{a.db_ - b.db_}; }

private:
    double db_;
};

struct OneVolt { static constexpr double volts_rms = 1.0; };
struct OneMilliwattIn600Ohm { static constexpr double volts_rms = 0.774596669241483377; };  // √0.6
struct FullScaleSine {};  ///< A sine whose peaks are ±1.0: rms 1/√2.

using Dbv = Level<OneVolt>;
using Dbu = Level<OneMilliwattIn600Ohm>;
using Dbfs = Level<FullScaleSine>;

/// The level of a sine of this peak amplitude (1.0 is 0 dBFS).
[[nodiscard]] Dbfs dbfs_of_peak(double sine_peak) noexcept;
/// The level of any signal of this rms value (1/√2 is 0 dBFS).
[[nodiscard]] Dbfs dbfs_of_rms(double rms) noexcept;
/// The peak amplitude of a sine at this level.
[[nodiscard]] double sine_peak(Dbfs level) noexcept;

/// The same voltage above another reference. Explicit, because a dBu that is read as dBV is 2.2 dB wrong.
template <class To, class Reference>
[[nodiscard]] To level_cast(Level<Reference> from) noexcept { return To::of(from.volts()); }

/// `count` values from `lo` to `hi` in equal ratios; lo, hi > 0.
/// \return the i-th of them, i = 0 … count−1; `lo` when count < 2.
[[nodiscard]] Hertz log_spaced(Hertz lo, Hertz hi, int i, int count) noexcept;

}  // namespace lowleg
