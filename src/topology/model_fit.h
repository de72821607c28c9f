/// \file model_fit.h
/// How well a physical model with plausible parts explains what was read, at all frequencies and in all states together.
#pragma once

#include "topology/observation.h"
#include "topology/output_model.h"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace lowleg::topology {

/// What is known of a part before anything is measured.
struct Prior {
    enum class Kind : std::uint8_t { fixed, normal, flat };
    Kind kind{Kind::fixed};
    double center{};
    double spread{};  ///< Normal: standard deviation. Flat: half the width.
};
[[nodiscard]] constexpr Prior fixed(double value) { return {Prior::Kind::fixed, value, 0.0}; }
[[nodiscard]] constexpr Prior normal(double center, double deviation) { return {Prior::Kind::normal, center, deviation}; }
[[nodiscard]] constexpr Prior flat(double from, double to) { return {Prior::Kind::flat, 0.5 * (from + to), 0.5 * (to - from)}; }

/// A model with what is known of its parts.
struct PartPriors {
    ModelShape shape;
    std::array<Prior, most_parts> parts;
};

struct ModelFit {
    double log_evidence{};       ///< ln of the probability of the readings under the model, its parts integrated over their priors (Laplace's
                                 ///< approximation: D. MacKay, Information Theory, Inference, and Learning Algorithms, ch. 27). Up to a constant of the data.
    double misfit{};             ///< rms of the residuals, in units of noise and what models of real gear leave unsaid; about 1 or less is good.
    std::array<double, most_parts> parts{};  ///< The most probable ones.
    std::map<SwitchState, Seconds> late;     ///< By which each state is late against `through`.
};

/// Readings prepared for fitting. Holds a reference to the observations.
class FitData {
public:
    explicit FitData(const Observations& observations);

    /// Tries each start in turn and keeps the best. \param starts  full sets of parts; at least one.
    [[nodiscard]] ModelFit fit(const PartPriors& priors, std::span<const std::array<double, most_parts>> starts) const;

    /// What a model that explains nothing but passes everywhere within `misfit` would have as evidence.
    [[nodiscard]] double log_likelihood(double misfit) const;


private:
    struct Reading {
        SwitchState state;
        std::size_t input;  ///< 0 or 1.
        Complex value;
        double sigma;
    };
    /// All readings of one signal at one frequency; they have one unknown factor in common: the gear's response, or the probe's level.
    struct Group {
        std::size_t frequency;
        bool probe;
        std::vector<Reading> readings;
    };
    void add_group(std::size_t frequency, bool probe, const std::map<SwitchState, InputReading>& states);
    void residuals(const PartPriors& priors, std::span<const double> parts, std::span<const double> rig, std::span<double> out) const;

    const Observations& o_;
    std::vector<Hertz> frequencies_;
    std::vector<Group> groups_;
    std::size_t count_{};     ///< Residuals: real and imaginary part of each reading.
    double freedom_{};        ///< Of them, what the groups' own factors leave.
    double effective_{};      ///< Of these, how many count as independent.
    /// What the rig may be off by: ln of the gain ratio, of Rin3/Rin2, of Rs, and µs by which each state but `through` is late.
    std::vector<Prior> rig_;
    std::array<std::size_t, all_switch_states.size()> lag_of_{};  ///< Index into the rig's; 0: none.
};

}  // namespace lowleg::topology
