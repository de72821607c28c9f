/// \file cmrr_points.h
/// From what was read in the feeds to CMRRs: ratios of gains, what lies between the tones, what is at the floor. Private to measure_cmrr().
#pragma once

#include "analysis/multitone.h"
#include "procedure/cmrr.h"

#include <optional>
#include <vector>

namespace lowleg::procedure {

/// Common-mode gain over normal gain at one frequency: 1/CMRR as a phasor. The loop's delay is in both and gone.
struct RejectionRatio {
    Hertz frequency{};
    Complex value{};
    double half_95{};        ///< Half width of the 95 % interval of |value|, from noise.
    double relative_95{};    ///< What is not noise: loading, outputs that differ, interpolation; relative, 95 %.
};
using RejectionCurve = std::vector<RejectionRatio>;  ///< Ascending frequencies.

/// Level of output 2 over that of output 1, told by what either leg makes of it at the receiver's output.
struct OutputRatio {
    double ratio{1.0};
    double half_95{};        ///< Relative.
};

/// From a plan with drive on output 1 and probe on output 2 beside it, between two frequencies: each probe tone against what lies between the drive tones
/// about it. An input's two legs have the same gain but for its common-mode gain, which with_rejection() takes off.
/// \return nothing where fewer than three tones can be compared.
[[nodiscard]] std::optional<OutputRatio> output_ratio_of(const analysis::MultitoneReading& both, Hertz from, Hertz to);

/// \param rejection  common-mode gain over normal gain, the mean over the same frequencies.
[[nodiscard]] OutputRatio with_rejection(OutputRatio ratio, Complex rejection);

/// \param common  of a feed with drive on both legs. \param normal  of `separate`, output 2 playing the opposite of output 1.
/// \param reference  divide either by what input 2 heard of output 1: what its resistance and load do is then gone.
/// \param outputs  of `normal`. \param relative_95  of what is not noise. \pre both are of plans with the same bins.
[[nodiscard]] RejectionCurve rejection_of(const analysis::MultitoneReading& common, const analysis::MultitoneReading& normal, bool reference,
                                          const OutputRatio& outputs, double relative_95);

/// Two outputs in common mode, and again with the leads exchanged: (V_A + V_B)/(a + b) over (V_normal)/(a + b), so that neither their levels nor what they
/// differ by is in it. What the outputs' own resistances do to unequal legs is.
/// \param source  set to half of what the two differ by: what the outputs alone would have been taken for.
[[nodiscard]] RejectionCurve exchanged_rejection_of(const analysis::MultitoneReading& a, const analysis::MultitoneReading& b, const analysis::MultitoneReading& normal,
                                                    bool reference, double relative_95, RejectionCurve& source);

/// Between tones: a cubic through the two on either side, in the logarithm of frequency, as phasors. What the square through three of them makes
/// of it instead counts as uncertain. \return nothing more than 5 % beyond the outermost tones, or with fewer than four.
[[nodiscard]] std::optional<RejectionRatio> between(const RejectionCurve& curve, Hertz frequency);

/// In dB. At the floor where |value| does not stand twice its interval above nothing.
[[nodiscard]] CmrrValue value_of(const RejectionRatio& ratio);

/// All CMRRs at one frequency. Absent feeds: not measured.
[[nodiscard]] CmrrPoint point_of(const std::optional<RejectionRatio>& common, const std::optional<RejectionRatio>& leg2, const std::optional<RejectionRatio>& leg3);

/// From what 10 Ω in a leg change. An input that takes both legs alike is meant: with less than 40 dB it is 1 % off.
[[nodiscard]] LegImpedance impedance_of(const RejectionRatio& with_imbalance, const RejectionRatio& common);

/// What limits it at 1 kHz. \param source_db  see CmrrLimits. \pre point.common.
[[nodiscard]] CmrrLimits limits_of(const CmrrPoint& point, const std::optional<RejectionRatio>& common, const std::optional<RejectionRatio>& leg2,
                                   const std::optional<RejectionRatio>& leg3, std::optional<double> source_db);

}  // namespace lowleg::procedure
