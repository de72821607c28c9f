#include "analysis/spectra.h"

#include "core/text.h"
#include "dsp/fft.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace lowleg::analysis {

DoublePeriods::DoublePeriods(const Record& record) : samples_(record.periods.size())
{
    for (std::size_t m = 0; m < record.periods.size(); ++m) {
        PeriodView view{{}, record.periods[m].first_frame};
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto& from = record.periods[m].leg[leg];
            samples_[m][leg].assign(from.begin(), from.end());
            view.leg[leg] = samples_[m][leg];
        }
        views_.push_back(view);
    }
}

Status check_plan(const TonePlan& plan)
{
    if (!(plan.sample_rate_hz > 0.0) || !std::isfinite(plan.sample_rate_hz))
        return Error{"the test signal has no sample rate: design it for the rate of the device"};
    const auto n = plan.period_frames;
    if (n < 2 || n > std::numeric_limits<std::int32_t>::max() || n % 2 != 0 || !dsp::is_smooth(static_cast<std::size_t>(n)))
        return Error{"a test signal with a period of " + std::to_string(n) +
                     " frames cannot be analysed: choose an even number of frames without prime factors above 7"};
    std::int64_t previous = 0;
    for (const auto& tone : plan.tones) {
        if (tone.bin <= previous || 2 * tone.bin >= n)
            return Error{"the test signal is not well described, its tone on bin " + std::to_string(tone.bin) +
                         " is out of order or out of range: give ascending bins below half the period"};
        if (!(tone.amplitude > 0.0) || !std::isfinite(tone.amplitude) || !std::isfinite(tone.phase_rad))
            return Error{"the test signal is not well described, its tone on bin " + std::to_string(tone.bin) +
                         " has no amplitude: leave out the tones that are not played"};
        previous = tone.bin;
    }
    return Done{};
}

Result<Spectra> transform(std::span<const PeriodView> periods, const TonePlan& plan)
{
    if (auto status = check_plan(plan); !status) return status.error();
    const auto n = static_cast<std::size_t>(plan.period_frames);
    auto fft = dsp::RealFft::create(n);
    if (!fft) return fft.error();

    Spectra spectra;
    spectra.period_frames = plan.period_frames;
    const double scale = 2.0 / static_cast<double>(n);
    for (const auto& period : periods) {
        const auto begin = period.first_frame - periods.front().first_frame;
        if (begin % plan.period_frames != 0 ||
            (!spectra.whole_periods.empty() && begin / plan.period_frames <= spectra.whole_periods.back()))
            return Error{"the captured periods are not in order, or not whole periods apart: cut the capture into periods of the "
                         "test signal"};
        spectra.whole_periods.push_back(begin / plan.period_frames);
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto x = period.leg[leg];
            if (x.size() != n)
                return Error{"a captured period has " + std::to_string(x.size()) + " frames and the test signal " +
                             std::to_string(n) + ": capture with the signal that is played"};
            if (!std::ranges::all_of(x, [](double v) { return std::isfinite(v); }))
                return Error{"the capture holds samples that are not numbers: measure again, and if it persists, try another "
                             "audio driver"};
            auto& bins = spectra.bins[leg].emplace_back(fft.value().bins());
            fft.value().transform(x, bins);
            for (auto& bin : bins) bin *= scale;
        }
    }
    return spectra;
}

BinMap::BinMap(const TonePlan& plan) : use_(static_cast<std::size_t>(plan.period_frames / 2 + 1), Use::none)
{
    const auto mark = [&](std::int64_t bin) {
        bin = std::abs(bin);
        if (bin < size()) use_[static_cast<std::size_t>(bin)] = Use::product;
    };
    // Third order grows with the cube: past a hundred tones nearly every bin would be marked anyway.
    const bool third_order = plan.tones.size() <= 100;
    for (std::size_t i = 0; i < plan.tones.size(); ++i)
        for (std::size_t k = i; k < plan.tones.size(); ++k) {
            const auto sum = plan.tones[i].bin + plan.tones[k].bin;
            const auto difference = plan.tones[k].bin - plan.tones[i].bin;
            mark(sum);
            mark(difference);
            if (!third_order) continue;
            for (const auto& third : plan.tones) {
                mark(sum + third.bin);
                mark(sum - third.bin);
                mark(difference + third.bin);
                mark(difference - third.bin);
            }
        }
    use_.front() = Use::excluded;  // neither DC nor Nyquist is a bin like the others
    use_.back() = Use::excluded;
    for (const auto& tone : plan.tones) use_[static_cast<std::size_t>(tone.bin)] = Use::tone;
}

void BinMap::exclude(std::int64_t bin)
{
    if (bin >= 0 && bin < size() && !is_tone(bin)) use_[static_cast<std::size_t>(bin)] = Use::excluded;
}

std::vector<std::int64_t> BinMap::clean_bins_beside(std::int64_t bin, std::size_t count) const
{
    constexpr std::int64_t farthest = 300;
    std::vector<std::int64_t> found;
    for (std::int64_t away = 1; away <= farthest; ++away)
        for (const auto candidate : {bin - away, bin + away}) {
            if (candidate < 1 || candidate >= size() - 1 || !is_clean(candidate)) continue;
            found.push_back(candidate);
            if (found.size() == count) return found;
        }
    return found;
}

}  // namespace lowleg::analysis
