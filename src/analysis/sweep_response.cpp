#include "analysis/sweep_response.h"

#include "dsp/fft.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

namespace lowleg::analysis {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;
constexpr double highest_part_of_rate = 0.45;
constexpr double highest_part_for_clock = 0.35;
/// Harmonics beyond those that are told lie before them: so many leave room for the end of the linear response.
constexpr int highest_kept_clear = 12;

using Spectrum = std::vector<Complex>;

/// Transforms of real periods of one length, both ways.
class Transform {
public:
    explicit Transform(dsp::RealFft fft) : fft_{std::move(fft)}, x_(fft_.size()), out_(fft_.bins()) {}

    [[nodiscard]] Spectrum forward(std::span<const double> x) const
    {
        Spectrum out(fft_.bins());
        fft_.transform(x, out);
        return out;
    }

    /// By the transform of Re − Im, which holds the same as a Hartley transform does: x[n] = (Re A − Im A)/N.
    [[nodiscard]] std::vector<double> inverse(std::span<const Complex> spectrum)
    {
        const std::size_t n = fft_.size();
        for (std::size_t k = 0; k < spectrum.size(); ++k) {
            x_[k] = spectrum[k].real() - spectrum[k].imag();
            if (k > 0 && k < n / 2) x_[n - k] = spectrum[k].real() + spectrum[k].imag();
        }
        fft_.transform(x_, out_);
        std::vector<double> x(n);
        for (std::size_t k = 0; k < out_.size(); ++k) {
            x[k] = (out_[k].real() - out_[k].imag()) / static_cast<double>(n);
            if (k > 0 && k < n / 2) x[n - k] = (out_[k].real() + out_[k].imag()) / static_cast<double>(n);
        }
        return x;
    }

private:
    dsp::RealFft fft_;
    std::vector<double> x_;
    Spectrum out_;
};

/// Frames about which a response lies: 1 between begin and end, falling to 0 over `rise` before and `fall` after. Of a circle of N frames.
struct Window {
    double begin{}, end{}, rise{}, fall{};

    [[nodiscard]] double at(double t) const noexcept
    {
        const auto part = [](double x) { return x <= 0.0 ? 1.0 : x >= 1.0 ? 0.0 : 0.5 + 0.5 * std::cos(std::numbers::pi * x); };
        return t < begin ? part((begin - t) / rise) : part((t - end) / fall);
    }
    [[nodiscard]] double energy() const noexcept { return end - begin + 0.375 * (rise + fall); }

    /// \param zero  the frame that the window's 0 lies at.
    void apply(std::vector<double>& x, double zero) const
    {
        const auto n = static_cast<double>(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            double t = std::remainder(static_cast<double>(i) - zero, n);  // −N/2 … N/2
            if (t < begin - rise) t += n;
            else if (t >= begin - rise + n) t -= n;
            x[i] *= at(t);
        }
    }
};

Window linear_window(const SweepPlan& plan)
{
    const double rate = plan.sample_rate_hz;
    const auto n = static_cast<double>(plan.period_frames);
    const double second = plan.lead_of(2).value() * rate;
    const double end = std::max(0.3 * n, n - 1.05 * plan.lead_of(highest_kept_clear).value() * rate);
    const double before = std::min(0.1 * second, 0.01 * rate);
    return {-before, 0.85 * end, 0.25 * second - before, 0.15 * end};
}

Window harmonic_window(const SweepPlan& plan, int order)
{
    const double rate = plan.sample_rate_hz;
    const double after = (plan.lead_of(order) - plan.lead_of(order - 1)).value() * rate;
    const double before = (plan.lead_of(order + 1) - plan.lead_of(order)).value() * rate;
    return {-0.15 * before, 0.5 * after, 0.15 * before, 0.2 * after};
}

/// Spectrum of a sweep from no frequency to all: Novák's with the next term of Stirling's series for the Γ function that it is.
Complex endless_sweep(const SweepPlan& plan, Hertz f)
{
    const double cycles = f.value() * plan.growth.value();
    const double turns = cycles * (1.0 - std::log(f / plan.lowest)) - 0.125;
    const double level = 0.5 * plan.amplitude * plan.sample_rate_hz * std::sqrt(plan.growth.value() / f.value());
    return std::polar(level, two_pi * (turns - std::floor(turns))) * Complex{1.0, 1.0 / (12.0 * two_pi * cycles)};
}

Error refused(std::string why) { return Error{std::move(why)}; }

/// Spectra of all periods: [leg][period].
Result<std::array<std::vector<Spectrum>, 2>> spectra_of(std::span<const PeriodView> periods, const SweepPlan& plan, const Transform& transform)
{
    const auto n = static_cast<std::size_t>(plan.period_frames);
    std::array<std::vector<Spectrum>, 2> out;
    for (const auto& period : periods)
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto x = period.leg[leg];
            if (x.size() != n) return refused("a period does not have the sweep's length");
            if (!std::ranges::all_of(x, [](double v) { return std::isfinite(v); })) return refused("a sample is not finite");
            out[leg].push_back(transform.forward(x));
        }
    return out;
}

Spectrum mean_of(const std::vector<Spectrum>& spectra)
{
    Spectrum mean = spectra.front();
    for (std::size_t m = 1; m < spectra.size(); ++m)
        for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += spectra[m][k];
    for (auto& y : mean) y /= static_cast<double>(spectra.size());
    return mean;
}

class SweepReader {
public:
    SweepReader(const SweepPlan& plan, Transform transform, std::span<const double> played)
        : plan_{plan}, transform_{std::move(transform)}, played_{transform_.forward(played)}, window_{linear_window(plan)}
    {
    }

    [[nodiscard]] Transform& transform() noexcept { return transform_; }
    [[nodiscard]] double bin_hz() const noexcept { return plan_.sample_rate_hz / static_cast<double>(plan_.period_frames); }

    /// Captured over played. Above the sweep, where little was played and harmonics lie, it goes on as it ends but for the delay; a direct voltage is no answer, and what is answered there
    /// follows from the bins beside it, an even function with the delay taken off.
    [[nodiscard]] Spectrum quotient(const Spectrum& captured, double delay) const
    {
        Spectrum h(captured.size());
        const auto turned = [&](std::size_t k) { return std::polar(1.0, two_pi * std::remainder(static_cast<double>(k) * delay / static_cast<double>(plan_.period_frames), 1.0)); };
        const auto last = std::min(h.size() - 1, static_cast<std::size_t>(plan_.highest_full().value() / bin_hz()));
        for (std::size_t k = 1; k <= last; ++k)
            if (std::abs(played_[k]) > 0.0) h[k] = captured[k] / played_[k];
        const std::size_t some = last / 500 + 1;
        Complex end{};
        for (std::size_t k = last + 1 - some; k <= last; ++k) end += h[k] * turned(k) / static_cast<double>(some);
        for (std::size_t k = last + 1; k < h.size(); ++k) h[k] = end * std::conj(turned(k));
        h.front() = 1.5 * (h[1] * turned(1)).real() - 0.6 * (h[2] * turned(2)).real() + 0.1 * (h[3] * turned(3)).real();
        return h;
    }

    /// The linear part of a quotient.
    [[nodiscard]] Spectrum linear(const Spectrum& quotient, double delay)
    {
        auto h = transform_.inverse(quotient);
        window_.apply(h, delay);
        return transform_.forward(h);
    }

    /// Impulse responses of all harmonics, of what the linear response leaves.
    [[nodiscard]] std::vector<double> row_of_harmonics(const Spectrum& captured, const Spectrum& linear)
    {
        Spectrum rest(captured.size());
        for (std::size_t k = 1; k < rest.size(); ++k) rest[k] = (captured[k] - linear[k] * played_[k]) / endless_sweep(plan_, Hertz{static_cast<double>(k) * bin_hz()});
        rest.back() = 0.0;
        return transform_.inverse(rest);
    }

    [[nodiscard]] Spectrum harmonic(std::vector<double> row, int order, double delay)
    {
        const double lead = plan_.lead_of(order).value() * plan_.sample_rate_hz;
        harmonic_window(plan_, order).apply(row, delay - lead);
        auto out = transform_.forward(row);
        for (std::size_t k = 0; k < out.size(); ++k) {
            const double turns = static_cast<double>(k) * bin_hz() * plan_.lead_of(order).value();
            out[k] *= std::polar(1.0, -two_pi * (turns - std::floor(turns)));
        }
        return out;
    }

    /// Of either part of noise in a harmonic over that of the linear response at the same bin.
    [[nodiscard]] double noise_ratio(int order, std::size_t bin) const
    {
        const double windows = std::sqrt(harmonic_window(plan_, order).energy() / window_.energy());
        return windows * std::abs(played_[bin]) / std::abs(endless_sweep(plan_, Hertz{static_cast<double>(bin) * bin_hz()}));
    }

    /// Of two bins a part that tells something of its own.
    [[nodiscard]] double independence() const noexcept { return std::min(1.0, window_.energy() / static_cast<double>(plan_.period_frames)); }

private:
    SweepPlan plan_;
    Transform transform_;
    Spectrum played_;
    Window window_;
};

/// Mean of |x|² over the bins around one.
class LocalPower {
public:
    explicit LocalPower(std::size_t bins) : sum_(bins + 1, 0.0), power_(bins, 0.0) {}
    void add(const Spectrum& x)
    {
        for (std::size_t k = 0; k < power_.size(); ++k) power_[k] += std::norm(x[k]);
    }
    void close()
    {
        for (std::size_t k = 0; k < power_.size(); ++k) sum_[k + 1] = sum_[k] + power_[k];
    }
    struct Mean { double power; double bins; };
    [[nodiscard]] Mean around(std::size_t bin) const
    {
        constexpr std::size_t least = 6;
        const std::size_t reach = std::max(least, bin / 20);
        const std::size_t from = bin > reach ? bin - reach : 1;
        const std::size_t to = std::min(bin + reach + 1, power_.size());
        return {(sum_[to] - sum_[from]) / static_cast<double>(to - from), static_cast<double>(to - from)};
    }

private:
    std::vector<double> sum_, power_;
};

}  // namespace

Result<SweepReading> read_sweep(std::span<const PeriodView> periods, const SweepPlan& plan, std::span<const double> played, std::span<const Hertz> wanted, int orders)
{
    if (periods.size() < 2) return refused("a sweep is read from two periods at least");
    if (played.size() != static_cast<std::size_t>(plan.period_frames)) return refused("what was played does not have the sweep's length");
    orders = std::clamp(orders, 1, 9);
    auto fft = dsp::RealFft::create(static_cast<std::size_t>(plan.period_frames));
    if (!fft) return fft.error();
    SweepReader reader{plan, Transform{std::move(fft).value()}, played};
    const auto spectra = spectra_of(periods, plan, reader.transform());
    if (!spectra) return spectra.error();
    const auto n = static_cast<double>(plan.period_frames);
    const auto count = static_cast<double>(periods.size());

    SweepReading out;
    out.sample_rate_hz = plan.sample_rate_hz;
    out.periods = periods.size();
    std::array<Spectrum, 2> mean;
    double loudest = 0.0;
    double delay = 0.0;
    for (std::size_t leg = 0; leg < 2; ++leg) {
        for (const auto& p : periods)
            for (const double v : p.leg[leg]) out.peak[leg] = std::max(out.peak[leg], std::abs(v));
        mean[leg] = mean_of(spectra.value()[leg]);
        auto heard = reader.quotient(mean[leg], 0.0);
        for (std::size_t k = 0; k < heard.size(); ++k)
            if (static_cast<double>(k) * reader.bin_hz() > plan.highest.value() || static_cast<double>(k) * reader.bin_hz() < plan.lowest.value()) heard[k] = 0.0;
        const auto h = reader.transform().inverse(heard);
        const auto peak = std::ranges::max_element(h, {}, [](double v) { return std::abs(v); });
        if (std::abs(*peak) > loudest) {
            loudest = std::abs(*peak);
            delay = static_cast<double>(peak - h.begin());
            out.crest = loudest / std::sqrt(std::transform_reduce(h.begin(), h.end(), 0.0, std::plus{}, [n](double v) { return v * v / n; }));
        }
    }
    out.delay = Seconds{delay / plan.sample_rate_hz};

    std::vector<std::size_t> bins;
    for (const auto f : wanted) {
        const auto bin = static_cast<std::size_t>(std::max(1LL, std::llround(f.value() / reader.bin_hz())));
        const Hertz at{static_cast<double>(bin) * reader.bin_hz()};
        if (at < plan.lowest || at > plan.highest_full() || (!bins.empty() && bins.back() >= bin)) continue;
        bins.push_back(bin);
    }
    out.orders.resize(static_cast<std::size_t>(orders));
    for (int order = 1; order <= orders; ++order) out.orders[static_cast<std::size_t>(order - 1)].order = order;
    const auto is_within = [&](std::size_t bin) { return static_cast<double>(bin) < highest_part_of_rate * n; };
    for (auto& response : out.orders)
        for (const auto bin : bins)
            if (is_within(static_cast<std::size_t>(response.order) * bin)) response.points.push_back({Hertz{static_cast<double>(bin) * reader.bin_hz()}, {}});

    for (std::size_t leg = 0; leg < 2; ++leg) {
        LocalPower scatter{mean[leg].size()};
        double change = 0.0;
        for (const auto& period : spectra.value()[leg]) {
            Spectrum difference(period.size());
            for (std::size_t k = 1; k < difference.size(); ++k) {
                difference[k] = period[k] - mean[leg][k];
                change += 2.0 * std::norm(difference[k]);
            }
            scatter.add(reader.linear(reader.quotient(difference, delay), delay));
        }
        scatter.close();
        out.noise_rms[leg] = std::sqrt(change / (n * n * (count - 1.0)));
        // Of the mean, each part; as if every bin told something of its own.
        const auto known_to = [&](std::size_t bin) {
            const auto [power, around] = scatter.around(bin);
            return std::pair{std::sqrt(power / (2.0 * (count - 1.0) * count)), std::max(1.0, 2.0 * (count - 1.0) * around * reader.independence())};
        };
        const auto linear = reader.linear(reader.quotient(mean[leg], delay), delay);
        const auto row = orders > 1 ? reader.row_of_harmonics(mean[leg], linear) : std::vector<double>{};
        for (auto& response : out.orders) {
            const auto spectrum = response.order == 1 ? linear : reader.harmonic(row, response.order, delay);
            for (std::size_t i = 0; i < response.points.size(); ++i) {
                const auto bin = static_cast<std::size_t>(response.order) * bins[i];
                const auto [sigma, freedom] = known_to(bin);
                response.points[i].leg[leg] = {spectrum[bin], sigma * (response.order == 1 ? 1.0 : reader.noise_ratio(response.order, bin)), freedom};
            }
        }
    }
    return out;
}

Result<std::vector<double>> sweep_advances(std::span<const PeriodView> periods, const SweepPlan& plan)
{
    auto fft = dsp::RealFft::create(static_cast<std::size_t>(plan.period_frames));
    if (!fft) return fft.error();
    const Transform transform{std::move(fft).value()};
    const auto spectra = spectra_of(periods, plan, transform);
    if (!spectra) return spectra.error();
    const auto n = static_cast<double>(plan.period_frames);
    const double bin_hz = plan.sample_rate_hz / n;
    const auto first = static_cast<std::size_t>(std::ceil(plan.lowest.value() / bin_hz));
    // Close to half the rate what converters and resamplers do changes with the instant, where clocks differ.
    const auto last = static_cast<std::size_t>(std::floor(std::min(plan.highest.value(), highest_part_for_clock * plan.sample_rate_hz) / bin_hz));
    std::vector<double> out;
    for (std::size_t m = 1; m < periods.size(); ++m) {
        Spectrum turn(last + 1);
        for (std::size_t leg = 0; leg < 2; ++leg)
            for (std::size_t k = first; k <= last; ++k) turn[k] += static_cast<double>(k) * spectra.value()[leg][m][k] * std::conj(spectra.value()[leg][m - 1][k]);
        double frames = 0.0;
        // From neighbours, which no delay turns by half a turn, to bins far apart, which tell it finely.
        for (std::size_t apart = 1; apart <= (last - first) / 3; apart *= 4) {
            Complex sum{};
            for (std::size_t k = first; k + apart <= last; ++k) sum += turn[k + apart] * std::conj(turn[k]);
            const double per_frame = two_pi * static_cast<double>(apart) / n;
            frames -= std::remainder(std::arg(sum) + per_frame * frames, two_pi) / per_frame;
        }
        out.push_back(frames);
    }
    return out;
}

}  // namespace lowleg::analysis
