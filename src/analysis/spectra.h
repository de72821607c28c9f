/// \file spectra.h
/// Periods as spectra, and what each bin of a plan is there for. The common ground of the readings of a multitone.
#pragma once

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

/// One period of both legs in double precision; both spans have the plan's length.
struct PeriodView {
    std::array<std::span<const double>, 2> leg;
    std::int64_t first_frame{};  ///< Differs from that of any other period by whole periods.
};

/// The samples of a record in double, and views of them.
class DoublePeriods {
public:
    explicit DoublePeriods(const Record& record);
    [[nodiscard]] std::span<const PeriodView> views() const noexcept { return views_; }

private:
    std::vector<std::array<std::vector<double>, 2>> samples_;
    std::vector<PeriodView> views_;
};

/// \return failure when no reading can be made with this plan: no even smooth period, a rate that is no number, tones out of
///         order, out of range or without amplitude.
Status check_plan(const TonePlan& plan);

/// Amplitude spectra: bins[leg][period][b] = (2/N)·X[b], the peak phasor of a cosine on bin b. b = 0 … N/2.
struct Spectra {
    std::int64_t period_frames{};
    std::vector<std::int64_t> whole_periods;  ///< How many whole periods each begins after the first.
    std::array<std::vector<std::vector<Complex>>, 2> bins;

    [[nodiscard]] std::size_t periods() const noexcept { return whole_periods.size(); }
};

/// \return failure when a period does not fit the plan (length, order, gaps that are no whole periods) or has a sample that is
///         not finite.
Result<Spectra> transform(std::span<const PeriodView> periods, const TonePlan& plan);

/// What each bin is there for.
class BinMap {
public:
    explicit BinMap(const TonePlan& plan);

    [[nodiscard]] bool is_tone(std::int64_t bin) const { return at(bin) == Use::tone; }
    /// Neither a tone nor a second- or third-order product of tones (f₁ ± f₂, f₁ ± f₂ ± f₃, harmonics included).
    [[nodiscard]] bool is_clean(std::int64_t bin) const { return at(bin) == Use::none; }
    /// Bins where hum was fitted count as neither clean nor free from then on.
    void exclude(std::int64_t bin);
    [[nodiscard]] bool is_excluded(std::int64_t bin) const { return at(bin) == Use::excluded; }

    /// The `count` clean bins nearest to `bin`, fewer when there are no more within 300 bins.
    [[nodiscard]] std::vector<std::int64_t> clean_bins_beside(std::int64_t bin, std::size_t count) const;

    [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(use_.size()); }

private:
    enum class Use : std::uint8_t { none, product, tone, excluded };
    [[nodiscard]] Use at(std::int64_t bin) const { return use_[static_cast<std::size_t>(bin)]; }
    std::vector<Use> use_;  // 0 … N/2
};

}  // namespace lowleg::analysis
