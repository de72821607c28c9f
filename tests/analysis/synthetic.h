/// \file synthetic.h
/// Captures whose content is known exactly: the plan's tones through a known transfer, mains lines, noise.
#pragma once

#include "analysis/spectra.h"
#include "core/record.h"
#include "core/tone_plan.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <random>
#include <vector>

namespace lowleg::synthetic {

struct Line { double frequency_hz; double amplitude; double phase_rad; };

/// What a leg hears. All in double; nothing is shared with the analysis.
struct Leg {
    std::function<Complex(const Tone&)> transfer = [](const Tone&) { return Complex{1.0}; };
    std::vector<Line> lines;   ///< Not coherent: their phase runs on from the stream's frame 0.
    double noise_sigma{};      ///< White, Gaussian, per sample.
};

/// x[i] += the line from frame `first` on, by turning a phasor that is set anew every 64 frames: rounding stays below 1e-14.
inline void add_line(std::vector<double>& x, const Line& line, double first, double rate)
{
    const auto step = std::polar(1.0, 2.0 * std::numbers::pi * line.frequency_hz / rate);
    double re = 0.0;
    double im = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (i % 64 == 0) {
            const double turn = std::remainder(line.frequency_hz * (first + static_cast<double>(i)) / rate, 1.0);
            re = line.amplitude * std::cos(2.0 * std::numbers::pi * turn + line.phase_rad);
            im = line.amplitude * std::sin(2.0 * std::numbers::pi * turn + line.phase_rad);
        }
        x[i] += re;
        const double next = re * step.real() - im * step.imag();
        im = re * step.imag() + im * step.real();
        re = next;
    }
}

/// Σ |H|·A·cos(2π·bin·n/N + φ + arg H), one period.
inline std::vector<double> tones_of(const TonePlan& plan, const Leg& leg)
{
    std::vector<double> x(static_cast<std::size_t>(plan.period_frames), 0.0);
    for (const auto& tone : plan.tones)
        if (const auto h = leg.transfer(tone); h != Complex{})
            add_line(x, {static_cast<double>(tone.bin), std::abs(h) * tone.amplitude, tone.phase_rad + std::arg(h)}, 0.0,
                     static_cast<double>(plan.period_frames));
    return x;
}

/// Periods of both legs in double, their views, and the same as a record of floats.
class Capture {
public:
    /// \param starts  in whole periods since frame 0 of the stream.
    Capture(const TonePlan& plan, const std::array<Leg, 2>& legs, const std::vector<std::int64_t>& starts, std::uint64_t seed)
        : plan_{plan}, starts_{starts}, samples_(starts.size())
    {
        std::mt19937_64 random{seed};
        for (std::size_t leg = 0; leg < 2; ++leg) {
            const auto tones = tones_of(plan, legs[leg]);
            for (std::size_t m = 0; m < starts.size(); ++m) {
                auto x = tones;
                const auto first = static_cast<double>(starts[m] * plan.period_frames);
                for (const auto& line : legs[leg].lines) add_line(x, line, first, plan.sample_rate_hz);
                if (legs[leg].noise_sigma > 0.0) {
                    std::normal_distribution<double> noise{0.0, legs[leg].noise_sigma};
                    for (auto& v : x) v += noise(random);
                }
                samples_[m][leg] = std::move(x);
            }
        }
    }

    [[nodiscard]] std::vector<analysis::PeriodView> views() const
    {
        std::vector<analysis::PeriodView> views;
        for (std::size_t m = 0; m < samples_.size(); ++m)
            views.push_back({{samples_[m][0], samples_[m][1]}, starts_[m] * plan_.period_frames});
        return views;
    }

    [[nodiscard]] Record record() const
    {
        Record record{plan_.sample_rate_hz, plan_.period_frames, {}};
        for (std::size_t m = 0; m < samples_.size(); ++m) {
            Period period;
            for (std::size_t leg = 0; leg < 2; ++leg)
                for (const double v : samples_[m][leg]) period.leg[leg].push_back(static_cast<float>(v));
            period.first_frame = starts_[m] * plan_.period_frames;
            record.periods.push_back(std::move(period));
        }
        return record;
    }

    std::vector<std::array<std::vector<double>, 2>>& samples() { return samples_; }

private:
    TonePlan plan_;
    std::vector<std::int64_t> starts_;
    std::vector<std::array<std::vector<double>, 2>> samples_;
};

/// A light plan for many trials: 2,400 frames at 48 kHz would have 20 Hz bins, too wide beside the mains, so the rate is 4.8 kHz
/// and the bins stay 2 Hz wide. `pairs` pairs of tones on odd bins clear of all mains lines.
inline TonePlan light_plan()
{
    TonePlan plan{4'800.0, 2'400, {}};
    const std::array<std::int64_t, 12> bins{11, 13, 41, 45, 69, 81, 111, 137, 217, 231, 341, 495};
    for (std::size_t i = 0; i < bins.size(); ++i)
        plan.tones.push_back({i % 2 == 0 ? Signal::drive : Signal::probe, bins[i], 0.05, 0.7 * static_cast<double>(i * i)});
    return plan;
}

/// The mains at f: −60 dBFS, harmonics falling slowly, odd ones stronger.
inline std::vector<Line> mains(double fundamental_hz, double highest_hz, double amplitude = 1e-3, double phase_rad = 0.3)
{
    std::vector<Line> lines;
    for (int h = 1; h <= 20 && h * fundamental_hz < highest_hz; ++h)
        lines.push_back({h * fundamental_hz, amplitude / (h % 2 == 1 ? h : 3 * h), phase_rad + 1.3 * h * h});
    return lines;
}

}  // namespace lowleg::synthetic
