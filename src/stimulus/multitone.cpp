#include "stimulus/multitone.h"

#include "core/text.h"
#include "dsp/fft.h"
#include "dsp/random.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <optional>
#include <string>
#include <utility>

namespace lowleg::stimulus {
namespace {

constexpr double longest_period_s = 0.5;
constexpr double highest_part_of_rate = 0.45;
constexpr double anchor_hz = 1'000.0;
constexpr double anchor_tolerance = 0.015;
constexpr double bins_from_mains = 4.0;  // "none within three bins", and room for lines that lie between two bins
constexpr int most_drive_tones = 32;
// Where third harmonics tell iron, which distorts at 20 Hz, from what distorts alike at all frequencies.
constexpr double lowest_middle_hz = 150.0;
constexpr double highest_middle_hz = 400.0;
constexpr int least_middle_harmonics = 2;

Error usage(std::string message) { return Error{std::move(message), ErrorKind::usage}; }

std::int64_t longest_period(double sample_rate_hz)
{
    auto n = static_cast<std::int64_t>(std::floor(longest_period_s * sample_rate_hz));
    n -= n % 2;
    while (!dsp::is_smooth(static_cast<std::size_t>(n))) n -= 2;
    return n;
}

/// One drive tone and its probe tone, in bins.
struct Pair { std::int64_t drive; std::int64_t probe; };

/// The tones chosen so far, and whether one more collides with them.
class ToneSet {
public:
    explicit ToneSet(std::int64_t highest)
        : is_tone_(static_cast<std::size_t>(highest) + 1), differences_(is_tone_.size()), sums_(2 * is_tone_.size())
    {
    }

    /// Whether with `bin` still no tone is f₁ + f₂ + f₃ or f₁ + f₂ − f₃ of tones (but for f₁ + f₂ − f₂).
    [[nodiscard]] bool accepts(std::int64_t bin) const
    {
        for (const auto tone : tones_) {
            const auto apart = std::abs(bin - tone);
            // bin = tone ± (f₁ − f₂), or (tone + f₁)/2.
            if (apart == 0 || count(differences_, apart) != 0 || count(is_tone_, 2 * bin - tone) != 0) return false;
            if (count(sums_, bin - tone) != 0 || count(sums_, tone - bin) != 0) return false;  // bin = sum of three; tone = bin + f₁ + f₂
            if (count(is_tone_, tone - 2 * bin) != 0 || tone == 3 * bin) return false;         // tone = 2·bin + f₁, 3·bin
        }
        return true;
    }

    /// Whether the third harmonic of `bin`, which is not in the set, is no product of its tones, nor of them with `bin`.
    [[nodiscard]] bool leaves_free_harmonic(std::int64_t bin) const
    {
        const auto harmonic = 3 * bin;
        return puts_nothing_on(harmonic, bin) && std::ranges::all_of(tones_, [&](std::int64_t tone) {
            const auto apart = std::abs(harmonic - tone);
            return count(differences_, apart) == 0 && count(sums_, apart) == 0 && count(differences_, harmonic + tone) == 0 && count(sums_, harmonic + tone) == 0;
        });
    }
    /// Whether with `bin` still no harmonic that is kept free is a product of tones.
    [[nodiscard]] bool spares_harmonics(std::int64_t bin) const
    {
        return std::ranges::all_of(kept_free_, [&](std::int64_t harmonic) { return puts_nothing_on(harmonic, bin); });
    }
    void keep_harmonic_free(std::int64_t bin) { kept_free_.push_back(3 * bin); }
    void give_harmonic_up() { kept_free_.pop_back(); }

    void push(std::int64_t bin)
    {
        change(bin, 1);
        tones_.push_back(bin);
    }
    void pop()
    {
        const auto bin = tones_.back();
        tones_.pop_back();
        change(bin, -1);
    }

private:
    static int count(const std::vector<int>& table, std::int64_t at)
    {
        return at > 0 && at < static_cast<std::int64_t>(table.size()) ? table[static_cast<std::size_t>(at)] : 0;
    }
    /// Neither a product of `bin` with two tones of the set, nor of it twice with one of them.
    [[nodiscard]] bool puts_nothing_on(std::int64_t product, std::int64_t bin) const
    {
        const auto apart = std::abs(product - bin);
        return count(differences_, apart) == 0 && count(sums_, apart) == 0 && count(differences_, product + bin) == 0 && count(sums_, product + bin) == 0 &&
               count(is_tone_, std::abs(product - 2 * bin)) == 0 && count(is_tone_, product + 2 * bin) == 0;
    }
    void change(std::int64_t bin, int by)
    {
        for (const auto tone : tones_) {
            differences_[static_cast<std::size_t>(std::abs(bin - tone))] += by;
            sums_[static_cast<std::size_t>(bin + tone)] += by;
        }
        sums_[static_cast<std::size_t>(2 * bin)] += by;
        is_tone_[static_cast<std::size_t>(bin)] += by;
    }

    std::vector<std::int64_t> tones_;
    std::vector<std::int64_t> kept_free_;
    std::vector<int> is_tone_;
    std::vector<int> differences_;
    std::vector<int> sums_;
};

/// Chooses the bins of all pairs: a seeded depth-first search, low to high after the pair at 1 kHz, then the best of many.
/// All differences of tones must be distinct (a Golomb ruler), which is hard to meet where a log grid crowds them: at the
/// bottom, where the mains lines leave half of the bins. So the grid gives way there first.
class BinSearch {
public:
    /// \param harmonics  whether third harmonics must be readable, as design_multitone promises.
    BinSearch(double bin_hz, std::int64_t lowest, std::int64_t highest, int pairs, bool harmonics)
        : bin_hz_{bin_hz}, lowest_{lowest}, highest_{highest}, last_{pairs - 1}, anchor_{anchor_hz / bin_hz}, harmonics_{harmonics}, set_{highest}, drives_{highest}
    {
    }

    std::optional<std::vector<Pair>> run()
    {
        const auto low = static_cast<double>(lowest_);
        const auto high = static_cast<double>(highest_);
        if (anchor_ < low || anchor_ > high) return std::nullopt;
        const int rank_of_anchor = static_cast<int>(std::lround(last_ * std::log(anchor_ / low) / std::log(high / low)));

        // With a pair or two fewer below 1 kHz there is more room.
        for (anchor_rank_ = rank_of_anchor; anchor_rank_ >= std::max(0, rank_of_anchor - 2); --anchor_rank_) {
            std::optional<std::vector<Pair>> best;
            double best_penalty = 0.0;
            for (int attempt = 0; attempt < attempts; ++attempt) {
                set_ = ToneSet{highest_};
                drives_ = ToneSet{highest_};
                pairs_.assign(static_cast<std::size_t>(last_) + 1, Pair{});
                nodes_ = 0;
                if (!descend(0)) continue;
                const double penalty = penalty_of(pairs_);
                if (!best || penalty < best_penalty) {
                    best = pairs_;
                    best_penalty = penalty;
                }
            }
            if (best) return best;
        }
        return std::nullopt;
    }

private:
    static constexpr int attempts = 300;
    static constexpr int most_nodes = 200;
    static constexpr std::size_t branches = 6;
    struct Candidate { double cost; Pair pair; };

    [[nodiscard]] Pair& at(int rank) { return pairs_[static_cast<std::size_t>(rank)]; }

    /// The two lowest, and all between 150 and 400 Hz.
    [[nodiscard]] bool keeps_harmonic(int rank, std::int64_t drive) const { return harmonics_ && (rank < 2 || is_middle(drive)); }
    [[nodiscard]] bool is_middle(std::int64_t bin) const
    {
        const double f = static_cast<double>(bin) * bin_hz_;
        return f >= lowest_middle_hz && f <= highest_middle_hz;
    }
    [[nodiscard]] int middle_harmonics() const
    {
        return static_cast<int>(std::ranges::count_if(pairs_, [&](const Pair& pair) { return is_middle(pair.drive); }));
    }

    [[nodiscard]] bool near_mains(std::int64_t bin) const
    {
        const double f = static_cast<double>(bin) * bin_hz_;
        return std::abs(std::remainder(f, 50.0)) < bins_from_mains * bin_hz_ ||
               std::abs(std::remainder(f, 60.0)) < bins_from_mains * bin_hz_;
    }

    /// How far a set is from a log grid (widest step), from the lowest bin, and its probe tones from their drive tones.
    [[nodiscard]] double penalty_of(const std::vector<Pair>& pairs) const
    {
        double widest = 0.0;
        double apart = 0.0;
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const auto drive = static_cast<double>(pairs[i].drive);
            if (i > 0) widest = std::max(widest, std::log(drive / static_cast<double>(pairs[i - 1].drive)));
            apart += std::abs(static_cast<double>(pairs[i].probe) / drive - 1.0);
        }
        return 2.0 * widest + apart + 2.0 * std::log(static_cast<double>(pairs.front().drive) / static_cast<double>(lowest_));
    }

    bool descend(int step)
    {
        if (step > last_) return true;
        if (++nodes_ > most_nodes) return false;
        const int rank = step == 0 ? anchor_rank_ : step <= anchor_rank_ ? step - 1 : step;
        if (harmonics_ && step == anchor_rank_ + 1 && middle_harmonics() < least_middle_harmonics) return false;
        auto candidates = candidates_of(rank);
        std::ranges::sort(candidates, {}, &Candidate::cost);
        if (candidates.size() > branches) candidates.resize(branches);
        for (const auto& candidate : candidates) {
            set_.push(candidate.pair.drive);
            set_.push(candidate.pair.probe);
            const bool keep = keeps_harmonic(rank, candidate.pair.drive);
            drives_.push(candidate.pair.drive);
            if (keep) drives_.keep_harmonic_free(candidate.pair.drive);
            at(rank) = candidate.pair;
            if (descend(step + 1)) return true;
            if (keep) drives_.give_harmonic_up();
            drives_.pop();
            set_.pop();
            set_.pop();
            if (nodes_ > most_nodes) return false;
        }
        return false;
    }

    std::vector<Candidate> candidates_of(int rank)
    {
        // The window: log-spaced from the pair below to the next fixed end.
        std::int64_t floor = lowest_;
        std::int64_t ceiling = highest_;
        double target = anchor_;
        double from = anchor_ * (1.0 - anchor_tolerance);
        double to = anchor_ * (1.0 + anchor_tolerance);
        if (rank != anchor_rank_) {
            const bool below = rank < anchor_rank_;
            if (below) ceiling = std::min(at(anchor_rank_).drive, at(anchor_rank_).probe) - 1;
            if (rank == 0) {
                target = from = static_cast<double>(lowest_);
                to = 1.6 * from;
            } else {
                const auto previous = static_cast<double>(at(rank - 1).drive);
                floor = std::max(at(rank - 1).drive, at(rank - 1).probe) + 1;
                const int steps = (below ? anchor_rank_ : last_) - rank + 1;
                const double log_step = std::log((below ? anchor_ : static_cast<double>(highest_)) / previous) / steps;
                target = previous * std::exp(log_step);
                from = target * std::exp(-0.5 * log_step);
                to = rank == last_ ? target : target * std::exp(0.75 * log_step);
            }
        }
        const auto first = std::max(floor, static_cast<std::int64_t>(std::ceil(from)));
        const auto end = std::min(ceiling, static_cast<std::int64_t>(std::floor(to)));
        const std::int64_t stride = 2 * std::max<std::int64_t>(1, (end - first) / 160);

        std::vector<Candidate> candidates;
        for (auto drive = first | 1; drive <= end; drive += stride) {
            if (near_mains(drive) || !set_.accepts(drive) || !drives_.spares_harmonics(drive)) continue;
            if (keeps_harmonic(rank, drive) && (near_mains(3 * drive) || !drives_.leaves_free_harmonic(drive))) continue;
            set_.push(drive);
            if (const auto probe = probe_beside(drive, floor, ceiling)) {
                const double off = std::abs(std::log(static_cast<double>(drive) / target));
                candidates.push_back({off + 0.2 * random_.uniform(), Pair{drive, *probe}});
            }
            set_.pop();
        }
        return candidates;
    }

    std::optional<std::int64_t> probe_beside(std::int64_t drive, std::int64_t floor, std::int64_t ceiling)
    {
        // A few bins: within 30 % at the bottom, 2 to 60 bins further up. Random, since all must differ.
        const auto most = static_cast<std::uint64_t>(std::clamp<std::int64_t>(drive * 3 / 20, 2, 30));
        for (int attempt = 0; attempt < 6; ++attempt) {
            const auto distance = 2 * (1 + static_cast<std::int64_t>(random_.below(most)));
            const auto probe = random_.below(2) == 0 ? drive + distance : drive - distance;
            if (probe >= floor && probe <= ceiling && !near_mains(probe) && set_.accepts(probe)) return probe;
        }
        return std::nullopt;
    }

    double bin_hz_;
    std::int64_t lowest_;
    std::int64_t highest_;
    int last_;
    double anchor_;
    bool harmonics_;
    int anchor_rank_{};
    int nodes_{};
    ToneSet set_;
    ToneSet drives_;  ///< Of set_. The probe reaches what distorts far below the drive, so its products do not count beside harmonics.
    std::vector<Pair> pairs_;
    dsp::Random random_{1};
};

/// Looks for phases with a low peak. In whole numbers, so that every machine finds the same: phases are steps of a cosine
/// table over the period, values are multiples of 2⁻²⁰.
class CrestSearch {
public:
    CrestSearch(const std::vector<std::int64_t>& bins, std::int64_t points, std::uint64_t seed)
        : points_{static_cast<std::uint32_t>(points)}, random_{seed}, table_(points_), sum_(points_), trial_(points_)
    {
        for (const auto bin : bins) bins_.push_back(static_cast<std::uint32_t>(bin));
        for (std::uint32_t i = 0; i < points_; ++i)
            table_[i] = static_cast<std::int32_t>(std::lround(0x1p20 * std::cos(2.0 * std::numbers::pi * i / points_)));
    }

    /// \return phases in radians.
    std::vector<double> run(int starts, int trials)
    {
        std::vector<std::uint32_t> phases(bins_.size());
        for (int start = 0; start < starts; ++start) {
            std::vector<std::uint32_t> candidate(bins_.size());
            for (auto& phase : candidate) phase = random_step();
            std::ranges::fill(trial_, 0);
            for (std::size_t t = 0; t < bins_.size(); ++t) add(trial_, bins_[t], candidate[t], 1);
            if (const auto peak = peak_of(trial_); start == 0 || peak < peak_) {
                phases = candidate;
                keep(peak);
            }
        }
        for (int i = 0; i < trials; ++i) {
            const auto tone = static_cast<std::size_t>(random_.below(bins_.size()));
            const auto phase = random_step();
            if (!lowers_the_peaks(bins_[tone], phases[tone], phase)) continue;
            trial_ = sum_;
            add(trial_, bins_[tone], phases[tone], -1);
            add(trial_, bins_[tone], phase, 1);
            if (const auto peak = peak_of(trial_); peak < peak_) {
                phases[tone] = phase;
                keep(peak);
            }
        }
        std::vector<double> result;
        for (const auto phase : phases) result.push_back(2.0 * std::numbers::pi * phase / points_);
        return result;
    }

private:
    std::uint32_t random_step() { return static_cast<std::uint32_t>(random_.below(points_)); }

    void add(std::vector<std::int32_t>& to, std::uint32_t bin, std::uint32_t phase, std::int32_t sign) const
    {
        std::uint32_t at = phase;
        for (auto& value : to) {
            value += sign * table_[at];
            at += bin;
            if (at >= points_) at -= points_;
        }
    }

    static std::int32_t peak_of(const std::vector<std::int32_t>& x)
    {
        std::int32_t peak = 0;
        for (const auto value : x) peak = std::max(peak, std::abs(value));
        return peak;
    }

    void keep(std::int32_t peak)
    {
        peak_ = peak;
        sum_ = trial_;
        peaks_.clear();
        for (std::uint32_t i = 0; i < points_; ++i)
            if (std::abs(sum_[i]) > peak - peak / 8) peaks_.push_back(i);
    }

    /// A quick test at the places where the signal peaks now: most trials fail here.
    [[nodiscard]] bool lowers_the_peaks(std::uint32_t bin, std::uint32_t from, std::uint32_t to) const
    {
        return std::ranges::all_of(peaks_, [&](std::uint32_t i) {
            const std::uint64_t turn = std::uint64_t{bin} * i;
            const auto value = sum_[i] - table_[(turn + from) % points_] + table_[(turn + to) % points_];
            return std::abs(value) < peak_;
        });
    }

    std::uint32_t points_;
    dsp::Random random_;
    std::vector<std::uint32_t> bins_;
    std::vector<std::int32_t> table_;
    std::vector<std::int32_t> sum_;
    std::vector<std::int32_t> trial_;
    std::vector<std::uint32_t> peaks_;
    std::int32_t peak_{};
};

/// Σ amplitude·cos(2π·bin·n/N + phase) of one signal, in double.
std::vector<double> render_signal(const TonePlan& plan, Signal signal)
{
    const auto n = plan.period_frames;
    std::vector<double> x(static_cast<std::size_t>(n), 0.0);
    std::vector<double> cosine(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
        cosine[i] = std::cos(2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n));
    for (const auto& tone : plan.tones) {
        if (tone.signal != signal) continue;
        // cos(2πkn/N + φ) = cos φ·cos(2πkn/N) − sin φ·sin(2πkn/N), each from the table: the turn is reduced in whole numbers.
        const double along = tone.amplitude * std::cos(tone.phase_rad);
        const double across = tone.amplitude * std::sin(tone.phase_rad);
        std::int64_t at = 0;
        std::int64_t quarter_back = n - n / 4;
        // A period that four does not divide has no entry a quarter turn back: its sine is taken directly.
        const bool has_quarter = n % 4 == 0;
        for (auto& value : x) {
            const auto a = static_cast<std::size_t>(at);
            const double sine = has_quarter ? cosine[static_cast<std::size_t>(quarter_back)]
                                            : std::sin(2.0 * std::numbers::pi * static_cast<double>(at) / static_cast<double>(n));
            value += along * cosine[a] - across * sine;
            at += tone.bin;
            if (at >= n) at -= n;
            quarter_back += tone.bin;
            if (quarter_back >= n) quarter_back -= n;
        }
    }
    return x;
}

double peak_of(const std::vector<double>& x)
{
    double peak = 0.0;
    for (const double value : x) peak = std::max(peak, std::abs(value));
    return peak;
}

Status check(double sample_rate_hz, const MultitoneOptions& o)
{
    if (!(sample_rate_hz >= 8'000.0) || !(sample_rate_hz <= 768'000.0))
        return usage("No test signal exists for a sample rate of " + format_number(sample_rate_hz) +
                     " Hz: choose one from 8,000 to 768,000 Hz.");
    if (o.drive_tones < 1 || o.drive_tones > most_drive_tones)
        return usage("A multitone cannot have " + std::to_string(o.drive_tones) + " drive tones: choose 1 to " +
                     std::to_string(most_drive_tones) + ".");
    if (!(o.lowest.value() > 0.0) || !(o.highest > o.lowest) || !std::isfinite(o.highest.value()))
        return usage("The tones cannot lie between " + format_number(o.lowest.value()) + " Hz and " +
                     format_number(o.highest.value()) + " Hz: give a lowest frequency above 0 and a higher highest one.");
    for (const auto peak : {o.drive_peak, o.probe_peak})
        if (!(peak.value() <= 0.0) || !(peak.value() >= -160.0))
            return usage("A signal cannot peak at " + format_number(peak.value()) + " dBFS: choose −160 to 0 dBFS.");
    return Done{};
}

}  // namespace

Result<TonePlan> design_multitone(double sample_rate_hz, const MultitoneOptions& options)
{
    if (auto status = check(sample_rate_hz, options); !status) return status.error();

    TonePlan plan{sample_rate_hz, longest_period(sample_rate_hz), {}};
    const double bin_hz = sample_rate_hz / static_cast<double>(plan.period_frames);
    const double top_hz = std::min(options.highest.value(), highest_part_of_rate * sample_rate_hz);
    const auto lowest = static_cast<std::int64_t>(std::ceil(options.lowest.value() / bin_hz));
    const auto highest = static_cast<std::int64_t>(std::floor(top_hz / bin_hz));

    std::optional<std::vector<Pair>> pairs;
    for (const bool harmonics : {true, false})
        for (int count = options.drive_tones; lowest < highest && !pairs && 2 * count >= options.drive_tones; --count)
            pairs = BinSearch{bin_hz, lowest, highest, count, harmonics}.run();
    if (!pairs)
        return usage("Not even half of " + std::to_string(options.drive_tones) + " drive tones fit between " +
                     format_hertz(options.lowest) + " and " + format_hertz(Hertz{top_hz}) +
                     " clear of the mains and of each other's products: widen the range beyond 1 kHz or take fewer tones.");

    for (const auto signal : {Signal::drive, Signal::probe}) {
        std::vector<std::int64_t> bins;
        for (const auto& pair : *pairs) bins.push_back(signal == Signal::drive ? pair.drive : pair.probe);

        // 2.4 points per cycle of the highest tone find the peak well enough to choose phases by.
        constexpr std::int64_t enough_points = 24'000;
        const auto points = std::min(plan.period_frames, std::max(enough_points, 12 * bins.back() / 5));
        const auto phases = CrestSearch{bins, points, 1 + static_cast<std::uint64_t>(signal)}.run(16, 4'000);

        for (std::size_t i = 0; i < bins.size(); ++i) plan.tones.push_back(Tone{signal, bins[i], 1.0, phases[i]});
        const auto wanted = sine_peak(signal == Signal::drive ? options.drive_peak : options.probe_peak);
        const double amplitude = wanted / peak_of(render_signal(plan, signal));
        for (auto& tone : plan.tones)
            if (tone.signal == signal) tone.amplitude = amplitude;
    }
    std::ranges::sort(plan.tones, {}, &Tone::bin);
    return plan;
}

std::vector<float> render(const TonePlan& plan)
{
    const auto frames = static_cast<std::size_t>(plan.period_frames);
    std::vector<float> interleaved(2 * frames);
    for (const auto signal : {Signal::drive, Signal::probe}) {
        const auto x = render_signal(plan, signal);
        const std::size_t channel = signal == Signal::drive ? 0 : 1;
        for (std::size_t i = 0; i < frames; ++i) interleaved[2 * i + channel] = static_cast<float>(x[i]);
    }
    return interleaved;
}

GainDb crest_factor(const std::vector<float>& interleaved, Signal channel)
{
    double peak = 0.0;
    double power = 0.0;
    for (std::size_t i = channel == Signal::drive ? 0 : 1; i < interleaved.size(); i += 2) {
        const auto x = static_cast<double>(interleaved[i]);
        peak = std::max(peak, std::abs(x));
        power += x * x;
    }
    return gain_of(peak / std::sqrt(power / (0.5 * static_cast<double>(interleaved.size()))));
}

}  // namespace lowleg::stimulus
