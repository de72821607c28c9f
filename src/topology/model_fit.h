/// \file model_fit.h
/// How well a physical model with plausible parts explains what was read, at all frequencies and in all states together.
#pragma once

#include "dsp/nonlinear_fit.h"
#include "topology/observation.h"
#include "topology/output_model.h"
#include "topology/output_pack.h"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
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

/// What is known of several parts together: of a sum of them (of a product, where they are logarithms) that it is hardly less than so much.
/// Parts that are fixed do not count.
struct LeastSum {
    std::vector<std::pair<std::size_t, double>> terms;  ///< Index and weight of each part.
    double least{};
    double spread{1.0};  ///< Standard deviation of what is below.
};

/// A model with what is known of its parts.
struct PartPriors {
    ModelShape shape;
    std::array<Prior, most_parts> parts;
    LeastSum together{};
};

struct ModelFit {
    double log_evidence{};       ///< ln of the probability of the readings under the model, its parts integrated over their priors (Laplace's
                                 ///< approximation: D. MacKay, Information Theory, Inference, and Learning Algorithms, ch. 27). Up to a constant of the data.
    double log_volume{};         ///< Its part that is due to how much narrower the parts are known than before: ≤ 0 or near it.
    double strain{};             ///< By how many standard deviations its parts are off what is known of them: root of the sum of squares.
    double misfit{};             ///< rms of the residuals, in units of noise and what models of real gear leave unsaid; about 1 or less is good.
    std::array<double, most_parts> parts{};  ///< The most probable ones.
    std::map<SwitchState, Seconds> late;     ///< By which each state is late against `through`.
};

/// All readings of one signal at up to four frequencies, at each of which they have a factor in common of their own.
struct GroupPack {
    struct Reading {
        SwitchState state;
        std::size_t input;
        ComplexPack value{};
        Pack weight{};  ///< 0 at frequencies that are not there.
    };
    static constexpr std::size_t none = ~std::size_t{0};

    std::size_t place;  ///< Which four frequencies.
    bool probe;
    std::array<std::size_t, lane_count> at{none, none, none, none};  ///< Where the residuals of each begin.
    std::vector<Reading> readings{};
};

inline const ComplexPack no_turn{Pack{} + 1.0};

/// Output, fixture and lateness at four frequencies.
struct BenchPack {
    OutputPack output;
    NetworkPack network;
    std::array<ComplexPack, all_switch_states.size()> turns{no_turn, no_turn, no_turn, no_turn};  ///< Of each state, by how late it is.
};

/// Readings prepared for fitting. Holds a reference to the observations.
class FitData {
public:
    explicit FitData(const Observations& observations);

    /// What a model that explains nothing but passes everywhere within `misfit` would have as evidence.
    [[nodiscard]] double log_likelihood(double misfit) const;

private:
    friend class ModelSearch;
    struct Reading {
        SwitchState state;
        std::size_t input;  ///< 0 or 1.
        Complex value;  ///< Over its standard uncertainty.
        double weight;  ///< 1 over it.
    };
    /// All readings of one signal at one frequency; they have one unknown factor in common: the gear's response, or the probe's level.
    struct Group {
        std::size_t frequency;
        bool probe;
        std::vector<Reading> readings;
    };
    /// Every so manieth frequency (stride): four of them are computed at a time.
    struct Selection {
        std::size_t stride;
        std::size_t count;  ///< Residuals: real and imaginary part of each reading.
        std::vector<GroupPack> groups;
    };
    [[nodiscard]] Selection select(std::size_t stride) const;
    void add_group(std::size_t frequency, bool probe, const std::map<SwitchState, InputReading>& states);

    const Observations& o_;
    std::vector<Hertz> frequencies_;
    std::vector<Group> groups_;
    Selection all_, some_;
    double freedom_{};        ///< Of them, what the groups' own factors leave.
    double effective_{};      ///< Of these, how many count as independent.
    /// What the rig may be off by: ln of the gain ratio and of the fixture's errors, and µs by which each state but `through` is late.
    std::vector<Prior> rig_;
    std::array<std::size_t, all_switch_states.size()> lag_of_{};  ///< Index into the rig's; 0: none.
};

/// The fit of one model. Holds references to both arguments.
class ModelSearch {
public:
    ModelSearch(const FitData& data, const PartPriors& priors);

    /// A few steps from each start: where they lead shows already. \param starts  full sets of parts; at least one.
    /// \return the least misfit; infinite where none led anywhere.
    double approach(std::span<const std::array<double, most_parts>> starts);

    /// Follows the best to their end. An evidence of −infinity where there are none.
    [[nodiscard]] ModelFit finish();

private:
    // A point x: the parts that are not fixed, then what the rig may be off by.
    [[nodiscard]] std::array<double, most_parts> parts_of(std::span<const double> x) const;
    /// Only these frequencies count.
    void select(const FitData::Selection& frequencies);
    void evaluate(std::span<const double> x, std::span<double> out);
    [[nodiscard]] double mean_square(std::span<const double> x);
    /// By how many standard deviations the parts' sum is below its least.
    [[nodiscard]] double strain_together(std::span<const double> x) const;
    /// Sum of the squares, of the first so many and of that.
    [[nodiscard]] double strains(std::span<const double> x, std::size_t count) const;
    /// Each part in turn where it serves best, of a few values all over what is known of it. \return its cost, too.
    [[nodiscard]] std::pair<double, std::vector<double>> scanned(std::vector<double> x);
    /// A part that was pushed to where it does nothing has no slope to come back by: with such parts in the middle of what is known of
    /// them, and the rig as described.
    [[nodiscard]] std::vector<double> reopened(std::vector<double> x) const;
    /// Without x where the point means nothing.
    [[nodiscard]] dsp::NonlinearFit descend(std::span<const double> from, int iterations, bool is_last);
    [[nodiscard]] double log_volume(const dsp::NonlinearFit& found) const;

    const FitData& data_;
    const PartPriors& priors_;
    std::vector<std::size_t> free_;  ///< Indices of the parts that are not fixed.
    std::vector<Prior> prior_;
    std::vector<std::pair<std::size_t, double>> together_;  ///< Index into x and weight.
    std::vector<double> steps_;
    std::vector<double> lower_, upper_;
    std::vector<double> raw_;
    const FitData::Selection* selection_{};
    // Of the last point. Most differ from it in a part alone, or in the rig alone.
    bool has_last_{};
    std::array<double, most_parts> parts_{};
    std::vector<double> rig_;
    std::vector<BenchPack> bench_;
    std::vector<std::vector<double>> points_;
};

}  // namespace lowleg::topology
