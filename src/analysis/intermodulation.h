/// \file intermodulation.h
/// What two tones make of each other in what is not linear.
#pragma once

#include "analysis/harmonics.h"
#include "analysis/multitone.h"
#include "core/record.h"
#include "core/result.h"
#include "core/tone_plan.h"
#include "core/units.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lowleg::analysis {

/// Two ways to measure it.
enum class Intermodulation : std::uint8_t {
    modulation,  ///< SMPTE RP 120, IEC 60268-3 "modulation distortion": a low tone four times as high as a high one, and the sidebands of the high one.
    difference,  ///< CCIF (ITU-R), IEC 60268-3 "difference-frequency distortion": two equal tones near each other.
};

/// One product of the two tones on both legs.
struct IntermodulationProduct {
    int low{}, high{};   ///< Its frequency is |low·f₁ + high·f₂|: "−1, +1" is f₂ − f₁.
    int order{};         ///< 2 or 3.
    Hertz frequency{};
    std::array<ComplexEstimate, 2> leg;   ///< Peak phasor, full scale = 1.
};

struct IntermodulationReading {
    Intermodulation kind{};
    std::array<Hertz, 2> frequencies;                  ///< f₁ < f₂.
    std::array<std::array<ComplexEstimate, 2>, 2> tones;  ///< [tone][leg]
    std::vector<IntermodulationProduct> products;      ///< Ascending in frequency.
    std::array<Ratio, 2> second;                       ///< Per leg. Zero where a tone does not stand out of the noise.
    std::array<Ratio, 2> third;
    std::array<Ratio, 2> total;                        ///< √(second² + third²)
    MultitoneReading record;                           ///< In general: hum, noise, peaks.

    /// Whether both tones stand out of the noise on a leg, by 10 of their standard uncertainties.
    [[nodiscard]] bool is_heard(std::size_t leg) const;
};

/// Reads both tones and their products of second and third order, by the estimator of read_multitone().
///
/// modulation: second order (U(f₂−f₁) + U(f₂+f₁))/U(f₂), third order (U(f₂−2f₁) + U(f₂+2f₁))/U(f₂): amplitudes add, as those of sidebands do in a demodulator.
/// difference: second order U(f₂−f₁)/(U(f₁)+U(f₂)), third order (U(2f₁−f₂) + U(2f₂−f₁))/(U(f₁)+U(f₂)).
/// \param plan  the two tones, all products on bins of their own. \return failure as of read_multitone(), and when the plan has not two tones or two products coincide.
Result<IntermodulationReading> read_intermodulation(std::span<const PeriodView> periods, const TonePlan& plan, Intermodulation kind);
Result<IntermodulationReading> read_intermodulation(const Record& record, const TonePlan& plan, Intermodulation kind);

}  // namespace lowleg::analysis
