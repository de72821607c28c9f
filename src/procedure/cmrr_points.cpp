#include "procedure/cmrr_points.h"

#include "core/text.h"
#include "dsp/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <string>

namespace lowleg::procedure {
namespace {

using analysis::ComplexEstimate;

/// Below so many half widths of its interval a common mode is not told from noise well enough to be a number: 95 % of it lie within ±4 dB there.
constexpr double least_half_widths = 2.0;
constexpr double beyond_outermost = 1.05;

/// Lagrange's polynomial through the points of `curve`, over ln f.
Complex polynomial(std::span<const RejectionRatio> curve, double at, std::array<double, 4>& weights)
{
    Complex sum{};
    for (std::size_t i = 0; i < curve.size(); ++i) {
        const double x = std::log(curve[i].frequency.value());
        double weight = 1.0;
        for (std::size_t k = 0; k < curve.size(); ++k)
            if (const double other = std::log(curve[k].frequency.value()); k != i) weight *= (at - other) / (x - other);
        weights.at(i) = weight;
        sum += weight * curve[i].value;
    }
    return sum;
}

/// Nobody reads leg 3, which a differential amplifier loads the more the more leg 2 has of the opposite. Four equal resistors make exactly so much of
/// the normal gain wrong as leg 2 is loaded differently in the two feeds; a quarter is added for other amplifiers. Relative, 95 %.
double unequal_loading(Complex normal_over_common) { return 1.25 * std::abs(normal_over_common - 1.0); }

double in_db(double ratio) { return -gain_of(ratio).value(); }

/// The value, or what it exceeds.
std::string words_of(const CmrrValue& value) { return (value.at_floor ? "at least " : "") + format_fixed(value.db, value.db < 99.95 ? 1 : 0) + " dB"; }

std::string words_of(const LegImpedance& z) { return (z.at_least ? "more than " : "") + format_ohms(z.magnitude); }

}  // namespace

std::optional<OutputRatio> output_ratio_of(const analysis::MultitoneReading& both, Hertz from, Hertz to)
{
    std::vector<double> differences;
    for (const auto& tone : both.tones) {
        if (tone.signal != Signal::probe || tone.frequency < from || tone.frequency > to) continue;
        const analysis::ToneReading* below = nullptr;
        const analysis::ToneReading* above = nullptr;
        for (const auto& other : both.tones) {
            if (other.signal != Signal::drive) continue;
            if (other.frequency <= tone.frequency && (below == nullptr || other.frequency > below->frequency)) below = &other;
            if (other.frequency > tone.frequency && (above == nullptr || other.frequency < above->frequency)) above = &other;
        }
        if (below == nullptr || above == nullptr) continue;
        const double part = std::log(tone.frequency / below->frequency) / std::log(above->frequency / below->frequency);
        const double of_leg2 = (1.0 - part) * std::log(std::abs(below->leg[0].value)) + part * std::log(std::abs(above->leg[0].value));
        differences.push_back(std::log(std::abs(tone.leg[0].value)) - of_leg2);
    }
    constexpr std::size_t fewest = 3;
    if (differences.size() < fewest) return std::nullopt;
    const auto count = static_cast<double>(differences.size());
    const double mean = std::accumulate(differences.begin(), differences.end(), 0.0) / count;
    double squares = 0.0;
    for (const double d : differences) squares += (d - mean) * (d - mean);
    return OutputRatio{std::exp(mean), dsp::student_t_quantile(0.975, count - 1.0) * std::sqrt(squares / (count - 1.0) / count)};
}

OutputRatio with_rejection(OutputRatio ratio, Complex rejection)
{
    // With gains G₂ and −G₃ of the legs the normal gain is (G₂ + G₃)/2, the common-mode gain G₂ − G₃.
    ratio.ratio *= std::abs((1.0 + 0.5 * rejection) / (1.0 - 0.5 * rejection));
    return ratio;
}

RejectionCurve rejection_of(const analysis::MultitoneReading& common, const analysis::MultitoneReading& normal, bool reference, const OutputRatio& outputs,
                            double relative_95)
{
    RejectionCurve out;
    for (std::size_t i = 0; i < common.tones.size(); ++i) {
        const auto& c = common.tones[i].leg;
        const auto& n = normal.tones[i].leg;
        // 1 on one leg and −ratio on the other are 1 + ratio between them.
        Complex gain = n[0].value / (1.0 + outputs.ratio);
        double relative = n[0].amplitude_interval_95() / std::abs(n[0].value);
        Complex fed = 1.0;
        double of_legs = std::hypot(relative_95, 0.5 * outputs.half_95);
        if (reference) {
            gain /= n[1].value;
            fed = c[1].value;
            relative = std::hypot(relative, n[1].amplitude_interval_95() / std::abs(n[1].value), c[1].amplitude_interval_95() / std::abs(c[1].value));
            of_legs = std::hypot(of_legs, unequal_loading(n[1].value / c[1].value));
        }
        RejectionRatio ratio{common.tones[i].frequency, c[0].value / (fed * gain), 0.0, of_legs};
        ratio.half_95 = std::hypot(c[0].amplitude_interval_95() / std::abs(fed * gain), std::abs(ratio.value) * relative);
        out.push_back(ratio);
    }
    return out;
}

RejectionCurve exchanged_rejection_of(const analysis::MultitoneReading& a, const analysis::MultitoneReading& b, const analysis::MultitoneReading& normal,
                                      bool reference, double relative_95, RejectionCurve& source)
{
    RejectionCurve out;
    source.clear();
    for (std::size_t i = 0; i < a.tones.size(); ++i) {
        const auto& at_a = a.tones[i].leg;
        const auto& at_b = b.tones[i].leg;
        const auto& n = normal.tones[i].leg;
        // Not each by its own reference: what loads output 1 differs between the two by more than is to be seen of the sum.
        Complex scale = 1.0 / n[0].value;
        double relative = n[0].amplitude_interval_95() / std::abs(n[0].value);
        double of_legs = relative_95;
        if (reference) {
            const auto fed = 0.5 * (at_a[1].value + at_b[1].value);
            scale *= n[1].value / fed;
            relative = std::hypot(relative, n[1].amplitude_interval_95() / std::abs(n[1].value),
                                  0.5 * std::hypot(at_a[1].amplitude_interval_95(), at_b[1].amplitude_interval_95()) / std::abs(fed));
            of_legs = std::hypot(of_legs, unequal_loading(n[1].value / fed));
        }
        RejectionRatio ratio{a.tones[i].frequency, (at_a[0].value + at_b[0].value) * scale, 0.0, of_legs};
        const double noise = std::hypot(at_a[0].amplitude_interval_95(), at_b[0].amplitude_interval_95()) * std::abs(scale);
        ratio.half_95 = std::hypot(noise, std::abs(ratio.value) * relative);
        out.push_back(ratio);
        ratio.value = (at_a[0].value - at_b[0].value) * scale;
        ratio.half_95 = std::hypot(noise, std::abs(ratio.value) * relative);
        source.push_back(ratio);
    }
    return out;
}

std::optional<RejectionRatio> between(const RejectionCurve& curve, Hertz frequency)
{
    constexpr std::size_t points = 4;
    if (curve.size() < points || frequency.value() * beyond_outermost < curve.front().frequency.value() ||
        frequency.value() > beyond_outermost * curve.back().frequency.value())
        return std::nullopt;
    const auto above = static_cast<std::size_t>(std::ranges::lower_bound(curve, frequency, {}, &RejectionRatio::frequency) - curve.begin());
    const auto first = std::min(above > 2 ? above - 2 : 0, curve.size() - points);
    const auto four = std::span{curve}.subspan(first, points);
    const double at = std::log(frequency.value());
    std::array<double, points> weights{};
    std::array<double, points> unused{};
    RejectionRatio out{frequency, polynomial(four, at, weights), 0.0, 0.0};
    // The farther of the outermost points is left out.
    const bool drop_first = at - std::log(four.front().frequency.value()) > std::log(four.back().frequency.value()) - at;
    const auto square = polynomial(drop_first ? four.subspan(1) : four.first(points - 1), at, unused);
    for (std::size_t i = 0; i < points; ++i) {
        out.half_95 = std::hypot(out.half_95, weights[i] * four[i].half_95);
        if (std::abs(weights[i]) > 0.1) out.relative_95 = std::max(out.relative_95, four[i].relative_95);
    }
    out.half_95 = std::hypot(out.half_95, std::abs(out.value - square));
    return out;
}

CmrrValue value_of(const RejectionRatio& ratio)
{
    const double size = std::abs(ratio.value);
    if (!(size > least_half_widths * ratio.half_95)) return {in_db((size + ratio.half_95) * (1.0 + ratio.relative_95)), 0.0, true};
    // Noise lengthens a phasor on average: by σ²/2|value|; the interval is 2σ.
    const double sigma = 0.5 * ratio.half_95;
    const double unbiased = std::sqrt(size * size - sigma * sigma);
    // The wider side, towards better CMRR, for both.
    const double relative = std::min(0.9, std::hypot(ratio.half_95 / unbiased, ratio.relative_95));
    return {in_db(unbiased), in_db(1.0 - relative), false};
}

CmrrPoint point_of(const std::optional<RejectionRatio>& common, const std::optional<RejectionRatio>& leg2, const std::optional<RejectionRatio>& leg3)
{
    CmrrPoint out;
    double noise = 0.0;
    const auto take = [&](const std::optional<RejectionRatio>& ratio, std::optional<CmrrValue>& to) {
        if (!ratio) return;
        out.frequency = ratio->frequency;
        noise = std::max(noise, ratio->half_95);
        to = value_of(*ratio);
    };
    take(common, out.common);
    take(leg2, out.leg2);
    take(leg3, out.leg3);
    out.floor_db = in_db(std::max(noise, 1e-15));
    if (!out.leg2 || !out.leg3) return out;
    const bool third_is_worse = out.leg3->db < out.leg2->db;
    out.worse_leg = third_is_worse ? 3 : 2;
    out.iec = third_is_worse ? out.leg3 : out.leg2;
    const auto& better = third_is_worse ? *out.leg2 : *out.leg3;
    // Of the one at its floor nothing is known but that it lies above its bound: where that is lower than the other, so may be the worse.
    if (out.iec->at_floor && !better.at_floor) out.iec->db = std::min(out.iec->db, better.db - better.uncertainty_db);
    return out;
}

LegImpedance impedance_of(const RejectionRatio& with_imbalance, const RejectionRatio& common)
{
    const double change = std::abs(with_imbalance.value - common.value);
    const double half_95 = std::hypot(with_imbalance.half_95, common.half_95);
    const double ohms = iec_imbalance.value();
    if (change <= least_half_widths * half_95) return {Ohms{ohms / (change + half_95)}, Ohms{0.0}, true};
    return {Ohms{ohms / change}, Ohms{ohms / change * std::hypot(half_95 / change, with_imbalance.relative_95)}, false};
}

CmrrLimits limits_of(const CmrrPoint& point, const std::optional<RejectionRatio>& common, const std::optional<RejectionRatio>& leg2,
                     const std::optional<RejectionRatio>& leg3, std::optional<double> source_db)
{
    CmrrLimits out;
    out.source_db = source_db;
    out.match_db = point.common->db;
    if (leg2) out.leg2 = impedance_of(*leg2, *common);
    if (leg3) out.leg3 = impedance_of(*leg3, *common);
    const LegImpedance* lower = nullptr;
    for (const auto* z : {&out.leg2, &out.leg3})
        if (*z && (lower == nullptr || (**z).magnitude < lower->magnitude)) lower = &**z;
    if (lower != nullptr) out.impedance_db = gain_of(lower->magnitude / iec_imbalance).value();

    const auto match = words_of(*point.common);
    if (lower == nullptr) {
        if (point.common->at_floor) {
            out.limit = CmrrLimit::rig;
            out.says = "What limits it is this run: its noise hides everything beyond " + format_fixed(point.floor_db, 0) + " dB; measure longer, or louder.";
        } else {
            out.limit = CmrrLimit::resistor_match;
            out.says = "With equal sources the match of the input's own parts limits it, to " + match + ".";
        }
        return out;
    }
    if (point.common->at_floor && point.iec && point.iec->at_floor) {
        out.limit = CmrrLimit::rig;
        out.says = "What limits it is this run: its noise hides everything beyond " + format_fixed(point.floor_db, 0) + " dB; measure longer, or louder.";
        return out;
    }
    const auto impedances = out.leg2 && out.leg3 ? words_of(*out.leg2) + " of leg 2 and " + words_of(*out.leg3) + " of leg 3" : words_of(*lower);
    const auto alone = (lower->at_least ? "at least " : "") + format_fixed(*out.impedance_db, 1) + " dB";
    if (!lower->at_least && *out.impedance_db < point.common->db) {
        out.limit = CmrrLimit::common_mode_impedance;
        out.says = "What limits it is the input's common-mode impedance (" + impedances + ") against 10 Ω of imbalance in the source: " + alone +
                   " by itself, where the match of its parts allows " + match + ".";
    } else {
        out.limit = CmrrLimit::resistor_match;
        out.says = "What limits it is the match of the input's own parts: " + match + " with the legs tied, where its common-mode impedance (" + impedances + ") allows " + alone +
                   " behind 10 Ω.";
    }
    return out;
}

}  // namespace lowleg::procedure
