// Responses read from a sweep, against filters and memoryless curves of closed form.
#include "analysis/sweep_response.h"

#include "stimulus/sweep.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

using namespace lowleg;
using namespace lowleg::analysis;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double rate = 48e3;
constexpr std::int64_t period = 97'200;
using Samples = std::vector<double>;

SweepPlan plan_at(Dbfs level) { return stimulus::design_sweep(rate, period, {Hertz{20.0}, Hertz{20e3}, level}).value(); }

Samples played(const SweepPlan& plan)
{
    const auto interleaved = stimulus::render(plan);
    Samples out;
    for (std::size_t i = 0; i < interleaved.size(); i += 2) out.push_back(static_cast<double>(interleaved[i]));
    return out;
}

std::vector<Hertz> wanted()
{
    std::vector<Hertz> out;
    for (int i = 0; i < 31; ++i) out.push_back(log_spaced(Hertz{20.0}, Hertz{20e3}, i, 31));
    return out;
}

double dB(double ratio) { return 20.0 * std::log10(ratio); }

/// Two legs, some periods; each with noise of its own.
struct Capture {
    std::vector<std::array<Samples, 2>> samples;

    Capture(const std::array<Samples, 2>& legs, std::size_t periods, double sigma = 0.0, std::uint64_t seed = 1)
    {
        std::mt19937_64 random{seed};
        std::normal_distribution<double> noise{0.0, 1.0};
        for (std::size_t m = 0; m < periods; ++m) {
            samples.push_back(legs);
            if (sigma > 0.0)
                for (auto& leg : samples.back())
                    for (auto& v : leg) v += sigma * noise(random);
        }
    }
    [[nodiscard]] std::vector<PeriodView> views() const
    {
        std::vector<PeriodView> out;
        for (std::size_t m = 0; m < samples.size(); ++m) out.push_back({{samples[m][0], samples[m][1]}, static_cast<std::int64_t>(m) * period});
        return out;
    }
};

struct Biquad { double b0, b1, b2, a1, a2; };

/// What comes out once the filter has heard the signal repeat: run twice, the second pass is kept.
Samples filtered(const Biquad& f, const Samples& x)
{
    Samples y(x.size());
    double s1 = 0.0;
    double s2 = 0.0;
    for (int pass = 0; pass < 2; ++pass)
        for (std::size_t i = 0; i < x.size(); ++i) {
            y[i] = f.b0 * x[i] + s1;
            s1 = f.b1 * x[i] - f.a1 * y[i] + s2;
            s2 = f.b2 * x[i] - f.a2 * y[i];
        }
    return y;
}

Complex response(const Biquad& f, Hertz at)
{
    const auto z = std::polar(1.0, -2.0 * std::numbers::pi * at.value() / rate);
    return (f.b0 + z * (f.b1 + z * f.b2)) / (1.0 + z * (f.a1 + z * f.a2));
}

Samples mapped(const Samples& x, const std::function<double(double)>& curve)
{
    Samples y;
    for (const double v : x) y.push_back(curve(v));
    return y;
}

Samples rotated(const Samples& x, std::size_t frames)
{
    Samples y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[(i + frames) % x.size()] = x[i];
    return y;
}

Complex delayed(Hertz f, double frames) { return std::polar(1.0, -2.0 * std::numbers::pi * std::remainder(f.value() * frames / rate, 1.0)); }

}  // namespace

TEST_CASE("the sweep's analysis adds nothing of its own: below −200 dB in double, the noise of rounding in float", "[analysis][sweep]")
{
    const auto plan = plan_at(Dbfs{-1.0});
    const auto x = played(plan);
    const auto scaled = mapped(x, [](double v) { return 0.7 * v; });
    const auto rounded = mapped(scaled, [](double v) { return static_cast<double>(static_cast<float>(v)); });
    const Capture capture{{rotated(scaled, 313), rotated(rounded, 313)}, 2};
    const auto reading = read_sweep(capture.views(), plan, x, wanted(), 9).value();
    CHECK_THAT(reading.delay.value() * rate, WithinAbs(313.0, 0.0));
    for (const auto& response : reading.orders)
        for (const auto& point : response.points) {
            CAPTURE(response.order, point.frequency.value());
            const auto truth = response.order == 1 ? 0.7 * delayed(point.frequency, 313.0) : Complex{};
            CHECK(dB(std::abs(point.leg[0].value - truth) / 0.7) < -200.0);
            // Rounding to steps of 2⁻²⁴ is noise of 1.7e-8, √N of it in a bin of N = 97,200; of the sweep there are ½·0.89·fs·√(L/f) in a bin, 79 at 20 kHz:
            // −141 dB there, less below; the window of the linear response takes 2 dB off, that of harmonic 2 (0.13 s of 2.03) 12 dB. 6 dB for chance: one in
            // e⁴ is higher, of the few points near 20 kHz that come near it.
            CHECK(dB(std::abs(point.leg[1].value - truth) / 0.7) < (response.order == 1 ? -137.0 : -147.0));
        }
    CHECK(reading.noise_rms[0] < 1e-12);
}

TEST_CASE("a filter's response and phase are those of its equation, and scipy's", "[analysis][sweep]")
{
    // scipy: signal.butter(2, 100, 'highpass', fs=48000) and signal.butter(2, 8000, fs=48000).
    const Biquad high{0.9907866979404267, -1.9815733958808535, 0.9907866979404267, -1.9814885091445735, 0.9816582826171344};
    const Biquad low{0.15505102572168217, 0.31010205144336433, 0.15505102572168217, -0.6202041028867288, 0.24040820577345742};
    const auto plan = plan_at(Dbfs{-14.0});
    const auto x = played(plan);
    const Capture capture{{filtered(high, x), rotated(filtered(low, x), 1'000)}, 2};
    const auto reading = read_sweep(capture.views(), plan, x, wanted(), 2).value();
    for (const auto& point : reading.orders.front().points) {
        CAPTURE(point.frequency.value());
        // What a window leaves of the response of a filter that ends within it: rounding. A low-pass rings before itself where the sweep ends, above 21.6 kHz it is divided by little:
        // 1e-8 is −160 dB.
        CHECK(std::abs(point.leg[0].value - response(high, point.frequency)) < 1e-8);
        CHECK(std::abs(point.leg[1].value - response(low, point.frequency) * delayed(point.frequency, 1'000.0)) < 1e-8);
    }
    // scipy: signal.freqz(b, a, worN=[f], fs=48000), scipy 1.10, at the bins next to 100 Hz and 8 kHz.
    const std::array<std::pair<double, Complex>, 2> scipy{{{99.75308641975307, Complex{-0.0024661274202831688, 0.7053521665029081}},
                                                               {8000.0, Complex{1.0962036119896928e-16, -0.7071067811865474}}}};
    CHECK(std::abs(response(high, Hertz{scipy[0].first}) - scipy[0].second) < 1e-9);
    CHECK(std::abs(response(low, Hertz{scipy[1].first}) - scipy[1].second) < 1e-9);
    for (const auto& point : reading.orders[1].points) CHECK(dB(std::abs(point.leg[0].value)) < -100.0);
}

TEST_CASE("harmonics of a memoryless curve are those of its polynomial, at every frequency", "[analysis][sweep]")
{
    // What squares, cubes and fifth powers make of sin φ: 1 − cos 2φ, −sin 3φ, sin 5φ.
    const auto plan = plan_at(Dbfs{-14.0});
    const double a = plan.amplitude;
    const double h2 = 1e-2;
    const double h3 = 3e-3;
    const double h5 = 1e-4;
    const auto x = played(plan);
    // By formula: a curve on samples would fold back what is above half the rate.
    const double growth = plan.growth.value();
    Samples y(x.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double t = static_cast<double>(i) / rate;
        if (t > plan.length().value()) break;
        const double f = plan.lowest.value() * std::exp(t / growth);
        const double phase = 2.0 * std::numbers::pi * std::remainder(plan.lowest.value() * growth * std::exp(t / growth), 1.0);
        const auto part = [&](int order) {  // fades out from 0.47 to 0.5 of the rate: converters do
            const double above = (order * f / rate - 0.47) / 0.03;
            return above <= 0.0 ? 1.0 : above >= 1.0 ? 0.0 : 0.5 + 0.5 * std::cos(std::numbers::pi * above);
        };
        const double e = plan.envelope(Seconds{t});
        y[i] = a * (e * std::sin(phase) + e * e * h2 * (1.0 - part(2) * std::cos(2.0 * phase)) - e * e * e * h3 * part(3) * std::sin(3.0 * phase) + std::pow(e, 5) * h5 * part(5) * std::sin(5.0 * phase));
    }
    const Capture capture{{rotated(y, 500), rotated(mapped(y, [](double v) { return -0.5 * v; }), 500)}, 2};
    const auto reading = read_sweep(capture.views(), plan, x, wanted(), 9).value();
    REQUIRE(reading.orders.size() == 9);
    const std::array<Complex, 9> truth{Complex{1.0}, Complex{0.0, -h2}, Complex{-h3}, Complex{}, Complex{h5}, Complex{}, Complex{}, Complex{}, Complex{}};
    for (const auto& response : reading.orders)
        for (const auto& point : response.points) {
            const Hertz at{response.order * point.frequency.value()};
            CAPTURE(response.order, point.frequency.value());
            const auto value = point.leg[0].value * std::conj(delayed(at, 500.0));
            const auto expected = truth[static_cast<std::size_t>(response.order - 1)];
            // The curve's direct voltage, h2, begins with the sweep as a step: a·h2·fs/(2πF) in the spectrum at F, over the sweep's ½·a·fs·√(L/F) that is h2/(π·√(F·L)),
            // 0.14·h2 at 20 Hz and 0.10·h2 at 40 Hz, where harmonic 2 of it lies. Windows take off what lies early enough, L·ln(F/f₁): of the row of harmonics no more than
            // that whole step is left, at 20 Hz half of it. In the linear response harmonic 2 begins, too, at 2·f₁ = 27 Hz, as a tone would do with 1/(1 − (F/2f₁)²) of the
            // step, 2.4 times at 20 Hz, less as F leaves it; three are allowed. From 45 Hz on it lies 0.32 s before the response, and nothing is left.
            const double step = h2 / (std::numbers::pi * std::sqrt(at.value() * growth));
            const double leak = point.frequency > Hertz{45.0} ? 0.0 : response.order == 1 ? 3.0 * step : step;
            CHECK(std::abs(value - expected) < leak + (response.order == 1 ? 1e-4 : 0.01 * std::abs(expected) + 2e-6));
            CHECK(std::abs(-0.5 * point.leg[0].value - point.leg[1].value) < 1e-12);
        }
}

TEST_CASE("a sweep's intervals hold the truth", "[analysis][sweep]")
{
    const auto plan = plan_at(Dbfs{-14.0});
    const auto x = played(plan);
    const Capture capture{{x, mapped(x, [](double v) { return -0.5 * v; })}, 3, 1e-3, 7};
    const auto reading = read_sweep(capture.views(), plan, x, wanted(), 3).value();
    int inside = 0;
    int all = 0;
    double power = 0.0;
    for (const auto& response : reading.orders)
        for (const auto& point : response.points)
            for (const std::size_t leg : {0U, 1U}) {
                const double truth = response.order > 1 ? 0.0 : leg == 0 ? 1.0 : -0.5;
                const auto off = point.leg[leg].value - truth;
                power += std::norm(off) / (2.0 * point.leg[leg].sigma * point.leg[leg].sigma);
                inside += std::abs(off.real()) < 1.96 * point.leg[leg].sigma ? 1 : 0;
                ++all;
            }
    CAPTURE(inside, all);
    // 150 of them or more: 95 ± 1.8 %, four of that; their mean square is 1 ± 0.06 and what sigma scatters by.
    CHECK(static_cast<double>(inside) / all > 0.88);
    CHECK_THAT(power / all, WithinAbs(1.0, 0.3));
    for (const double noise : reading.noise_rms) CHECK_THAT(noise, WithinAbs(1e-3, 1e-5));
}

TEST_CASE("periods that come late are told by how much", "[analysis][sweep]")
{
    const auto plan = plan_at(Dbfs{-14.0});
    const auto x = played(plan);
    Capture capture{{x, x}, 3, 1e-4, 3};
    for (auto& leg : capture.samples[1]) leg = rotated(leg, 7);
    const auto advances = sweep_advances(capture.views(), plan).value();
    REQUIRE(advances.size() == 2);
    CHECK_THAT(advances[0], WithinAbs(7.0, 2e-3));
    CHECK_THAT(advances[1], WithinAbs(-7.0, 2e-3));
    const Capture steady{{x, x}, 2, 1e-4, 4};
    CHECK_THAT(sweep_advances(steady.views(), plan).value().front(), WithinAbs(0.0, 2e-3));
}

TEST_CASE("a sweep that cannot be read is refused", "[analysis][sweep]")
{
    const auto plan = plan_at(Dbfs{-14.0});
    const auto x = played(plan);
    CHECK_FALSE(read_sweep(Capture{{x, x}, 1}.views(), plan, x, wanted(), 1));
    auto broken = x;
    broken[100] = std::nan("");
    CHECK_FALSE(read_sweep(Capture{{x, broken}, 2}.views(), plan, x, wanted(), 1));
    const Samples other(1'000, 0.0);
    CHECK_FALSE(read_sweep(Capture{{other, other}, 2}.views(), plan, x, wanted(), 1));
    CHECK_FALSE(read_sweep(Capture{{x, x}, 2}.views(), plan, other, wanted(), 1));
}
