#include "dsp/two_clock_fit.h"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

namespace lowleg::dsp {
namespace {

constexpr double tau = 2.0 * std::numbers::pi;
constexpr int newton_steps = 4;

double middle_of(std::size_t frames) { return 0.5 * (static_cast<double>(frames) - 1.0); }

/// e^{jω(n − middle)} for n = 0, 1, …, by a recurrence that is set right again every so often.
template <class Use>
void turn(double omega, std::size_t frames, const Use& use)
{
    constexpr std::size_t chunk = 512;
    const Complex step = std::polar(1.0, omega);
    const double middle = middle_of(frames);
    for (std::size_t begin = 0; begin < frames; begin += chunk) {
        Complex at = std::polar(1.0, std::remainder(omega * (static_cast<double>(begin) - middle), tau));
        const std::size_t end = std::min(frames, begin + chunk);
        for (std::size_t n = begin; n < end; ++n) {
            use(n, at);
            at = {at.real() * step.real() - at.imag() * step.imag(), at.real() * step.imag() + at.imag() * step.real()};
        }
    }
}

/// Σ cos(ω(n − middle)) over the stretch.
double dirichlet(double omega, double frames)
{
    const double half = std::sin(0.5 * omega);
    return std::abs(half) < 1e-12 ? frames : std::sin(0.5 * frames * omega) / half;
}

/// Tones of known frequencies. About the middle of the stretch cosines and sines are orthogonal, so they are solved for one after the other.
class Tones {
public:
    static std::optional<Tones> create(std::vector<double> omegas, std::size_t frames)
    {
        Tones out{std::move(omegas)};
        const auto n = static_cast<Eigen::Index>(out.omegas_.size());
        Eigen::MatrixXd cosines(n + 1, n + 1);
        Eigen::MatrixXd sines(n, n);
        const auto length = static_cast<double>(frames);
        for (Eigen::Index i = 0; i < n; ++i) {
            const double a = out.omegas_[static_cast<std::size_t>(i)];
            for (Eigen::Index j = 0; j < n; ++j) {
                const double b = out.omegas_[static_cast<std::size_t>(j)];
                const double difference = dirichlet(a - b, length);
                const double sum = dirichlet(a + b, length);
                cosines(i, j) = 0.5 * (difference + sum);
                sines(i, j) = 0.5 * (difference - sum);
            }
            cosines(i, n) = cosines(n, i) = dirichlet(a, length);
        }
        cosines(n, n) = length;
        out.cosines_.compute(cosines);
        out.sines_.compute(sines);
        for (const auto* matrix : {&out.cosines_, &out.sines_})
            if (matrix->info() != Eigen::Success || matrix->rcond() < 1e-9) return std::nullopt;
        const Eigen::MatrixXd c = out.cosines_.solve(Eigen::MatrixXd::Identity(n + 1, n + 1));
        const Eigen::MatrixXd s = out.sines_.solve(Eigen::MatrixXd::Identity(n, n));
        for (Eigen::Index i = 0; i < n; ++i) out.unit_sigma_.push_back(std::sqrt(0.5 * (c(i, i) + s(i, i))));
        return out;
    }

    struct Solution {
        std::vector<Complex> phasors;
        double constant{};
    };
    [[nodiscard]] Solution solve(std::span<const double> x) const
    {
        const auto n = static_cast<Eigen::Index>(omegas_.size());
        Eigen::VectorXd along(n + 1);
        Eigen::VectorXd across(n);
        for (Eigen::Index i = 0; i < n; ++i) {
            double c = 0.0;
            double s = 0.0;
            turn(omegas_[static_cast<std::size_t>(i)], x.size(), [&](std::size_t k, Complex e) {
                c += x[k] * e.real();
                s += x[k] * e.imag();
            });
            along(i) = c;
            across(i) = s;
        }
        along(n) = 0.0;
        for (const double v : x) along(n) += v;
        const Eigen::VectorXd a = cosines_.solve(along);
        const Eigen::VectorXd b = sines_.solve(across);
        Solution out;
        // a·cos + b·sin is the real part of (a − jb)·e^{jω(n − middle)}.
        for (Eigen::Index i = 0; i < n; ++i) out.phasors.emplace_back(a(i), -b(i));
        out.constant = a(n);
        return out;
    }

    /// x less what the tones explain of it.
    [[nodiscard]] std::vector<double> rest(std::span<const double> x, const Solution& solution) const
    {
        std::vector<double> out(x.begin(), x.end());
        for (auto& v : out) v -= solution.constant;
        for (std::size_t i = 0; i < omegas_.size(); ++i) {
            const Complex p = solution.phasors[i];
            turn(omegas_[i], x.size(), [&](std::size_t k, Complex e) { out[k] -= p.real() * e.real() - p.imag() * e.imag(); });
        }
        return out;
    }

    [[nodiscard]] const std::vector<double>& unit_sigma() const { return unit_sigma_; }

private:
    explicit Tones(std::vector<double> omegas) : omegas_{std::move(omegas)} {}

    std::vector<double> omegas_;
    Eigen::LLT<Eigen::MatrixXd> cosines_;
    Eigen::LLT<Eigen::MatrixXd> sines_;
    std::vector<double> unit_sigma_;
};

/// Each channel times e^{−jωn} for each tone, summed over short blocks: what any small offset of ω is looked for in.
class Baseband {
public:
    void add(std::span<const double> x, double omega)
    {
        std::vector<Complex> blocks((x.size() + block - 1) / block);
        turn(omega, x.size(), [&](std::size_t k, Complex e) { blocks[k / block] += x[k] * std::conj(e); });
        tones_.push_back({omega, std::move(blocks)});
    }
    /// Power of all tones at this offset.
    [[nodiscard]] double power(double offset) const
    {
        double sum = 0.0;
        for (const auto& tone : tones_) {
            const Complex step = std::polar(1.0, -tone.omega * offset * static_cast<double>(block));
            Complex at{1.0};
            Complex total{};
            for (const auto& b : tone.blocks) {
                total += b * at;
                at *= step;
            }
            sum += std::norm(total);
        }
        return sum;
    }

private:
    static constexpr std::size_t block = 400;  // at 0.001 off, 20 kHz turns by 0.17 of a cycle in it at 48 kHz
    struct Tone {
        double omega;
        std::vector<Complex> blocks;
    };
    std::vector<Tone> tones_;
};

std::vector<double> omegas_at(const TwoClockTones& tones, double offset)
{
    std::vector<double> out;
    for (const double f : tones.ours) out.push_back(tau * f);
    for (const double f : tones.theirs) out.push_back(tau * f * (1.0 + offset));
    return out;
}

double coarse_offset(const std::array<std::span<const double>, 2>& x, const TwoClockTones& tones, const Tones& ours)
{
    Baseband baseband;
    double highest = 0.0;
    for (const auto channel : x) {
        const auto rest = ours.rest(channel, ours.solve(channel));
        for (const double f : tones.theirs) {
            baseband.add(rest, tau * f);
            highest = std::max(highest, f);
        }
    }
    // A twentieth of a cycle of the highest tone over the stretch.
    const double step = 0.05 / (highest * static_cast<double>(x[0].size()));
    double best = 0.0;
    double most = baseband.power(0.0);
    const auto steps = static_cast<long>(tones.largest_offset / step);
    for (long i = -steps; i <= steps; ++i)
        if (const double power = baseband.power(static_cast<double>(i) * step); power > most) {
            most = power;
            best = static_cast<double>(i) * step;
        }
    return best;
}

}  // namespace

std::vector<double> render_tones(std::span<const double> cycles_per_frame, std::span<const Complex> phasors, double offset, std::size_t frames)
{
    std::vector<double> out(frames, 0.0);
    for (std::size_t i = 0; i < cycles_per_frame.size(); ++i) {
        const Complex p = phasors[i];
        turn(tau * cycles_per_frame[i] * (1.0 + offset), frames, [&](std::size_t k, Complex e) { out[k] += p.real() * e.real() - p.imag() * e.imag(); });
    }
    return out;
}

Result<TwoClockFit> fit_two_clocks(const std::array<std::span<const double>, 2>& x, const TwoClockTones& tones)
{
    const auto frames = x[0].size();
    const auto first = tones.ours.size();
    if (frames <= 2 * (first + tones.theirs.size()) + 1 || x[1].size() != frames)
        return Error{"a stretch of " + std::to_string(frames) + " frames is too short for its tones: take a longer one"};
    const auto too_close = [&] {
        return Error{"two tones are too close to be told apart in " + std::to_string(frames) + " frames: take a longer stretch"};
    };
    const auto alone = Tones::create(omegas_at({tones.ours, {}, 0.0}, 0.0), frames);
    if (!alone) return too_close();

    TwoClockFit out;
    out.offset = coarse_offset(x, tones, *alone);
    for (int steps_left = newton_steps;; --steps_left) {
        const auto all = Tones::create(omegas_at(tones, out.offset), frames);
        if (!all) return too_close();
        std::array<Tones::Solution, 2> solutions;
        double along = 0.0;
        double length = 0.0;
        for (const std::size_t channel : {0U, 1U}) {
            auto& solution = solutions.at(channel);
            solution = all->solve(x.at(channel));
            const auto rest = all->rest(x.at(channel), solution);
            double power = 0.0;
            for (const double v : rest) power += v * v;
            out.residual_rms.at(channel) = std::sqrt(power / static_cast<double>(frames));
            if (steps_left == 0) continue;
            // How their tones change with the offset, less what a change of the phasors can make of it.
            std::vector<Complex> slopes;
            for (std::size_t i = 0; i < tones.theirs.size(); ++i) slopes.push_back(Complex{0.0, tau * tones.theirs[i]} * solution.phasors[first + i]);
            auto slope = render_tones(tones.theirs, slopes, out.offset, frames);
            for (std::size_t n = 0; n < frames; ++n) slope[n] *= static_cast<double>(n) - middle_of(frames);
            slope = all->rest(slope, all->solve(slope));
            for (std::size_t n = 0; n < frames; ++n) {
                along += slope[n] * rest[n];
                length += slope[n] * slope[n];
            }
        }
        if (steps_left > 0 && length > 0.0) {
            out.offset = std::clamp(out.offset + along / length, -tones.largest_offset, tones.largest_offset);
            continue;
        }
        for (const std::size_t channel : {0U, 1U}) {
            const auto& phasors = solutions.at(channel).phasors;
            const auto split = phasors.begin() + static_cast<std::ptrdiff_t>(first);
            out.ours.at(channel).assign(phasors.begin(), split);
            out.theirs.at(channel).assign(split, phasors.end());
        }
        const auto& sigma = all->unit_sigma();
        out.ours_unit_sigma.assign(sigma.begin(), sigma.begin() + static_cast<std::ptrdiff_t>(first));
        out.theirs_unit_sigma.assign(sigma.begin() + static_cast<std::ptrdiff_t>(first), sigma.end());
        return out;
    }
}

}  // namespace lowleg::dsp
