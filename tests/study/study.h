/// \file study.h
/// Judges many random units, and counts how often the verdicts are right.
#pragma once

#include "setup.h"
#include "unit.h"

#include "topology/verdict.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::study {

/// Units from this number on meet the reference set-up.
inline constexpr std::uint64_t first_reference_unit = 1'000'000;

struct StudyOptions {
    std::uint64_t seed{1};
    std::optional<Family> family;  ///< None: drawn.
};

/// What was said of one unit.
struct Judged {
    std::uint64_t number{};
    Unit unit;
    Setup setup;
    std::vector<Topology> right;     ///< Names that are not wrong, what was heard of iron considered.
    std::optional<std::string> trouble;  ///< Why the unit could not be read or observed; then there is no verdict.
    std::string said;                ///< Id of the verdict.
    topology::Outcome outcome{};
    double probability{};            ///< Of the verdict.
    std::optional<topology::Topology> best;  ///< The name, or the most probable alternative.
    double best_probability{};
    bool says_pin3_hot{};
    topology::Polarity polarity{};
    std::optional<bool> inverted;    ///< What it is in truth.
    std::optional<Variant> variant;
    double observe_ms{}, judge_ms{};

    [[nodiscard]] bool is_decided() const noexcept { return outcome != topology::Outcome::inconclusive; }
    /// Of a decided verdict.
    [[nodiscard]] bool is_right() const;
    /// At 0.9 or more: another name than its own, or its own with pin 3 said to be what it is not.
    [[nodiscard]] bool is_confidently_wrong() const;
};

[[nodiscard]] Judged judge_unit(const StudyOptions& options, std::uint64_t number, const TestSignal& signal);

/// All units from `first` on, in order; on so many threads. \param progress  lines on standard error.
[[nodiscard]] std::vector<Judged> judge_units(const StudyOptions& options, std::uint64_t first, std::size_t count, std::size_t jobs, bool progress);

/// The signal that all units are measured with.
[[nodiscard]] TestSignal study_signal();

/// Tables in Markdown. \param reference  units of the reference set-up; may be empty.
[[nodiscard]] std::string tables(const std::vector<Judged>& units, const std::vector<Judged>& reference);

/// One unit in a line, fields separated by tabs: number, family, right, WRONG or open, what was said, its probability, what would be right, what it is, set-up.
[[nodiscard]] std::string line(const Judged& unit);

/// One unit in full: netlist, set-up, verdict with its evidence, fits.
[[nodiscard]] std::string report(const StudyOptions& options, std::uint64_t number, const TestSignal& signal);

}  // namespace lowleg::study
