#include "analysis/noise_level.h"

#include "analysis/synthetic.h"
#include "core/units.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

using namespace lowleg;
using namespace lowleg::analysis;
using namespace lowleg::synthetic;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

std::vector<std::int64_t> starts(std::int64_t count)
{
    std::vector<std::int64_t> s;
    for (std::int64_t m = 0; m < count; ++m) s.push_back(3 + m);
    return s;
}

TonePlan silence(double rate) { return {rate, std::llround(0.5 * rate), {}}; }

double db(double mean_square_ratio) { return gain_of(std::sqrt(mean_square_ratio)).value(); }

constexpr NoiseBand audio{};
constexpr NoiseBand audio_a{Hertz{20.0}, Hertz{20'000.0}, Weighting::a};

/// Mean square of white noise of `sigma` per sample between two frequencies.
double white_in(const NoiseBand& band, double sigma, double rate) { return sigma * sigma * (band.highest - band.lowest).value() / (0.5 * rate); }

/// Of white noise, 20 Hz to 20 kHz, against flat: ∫A²df/19980 Hz.
/// scipy 1.10: z,p = [0]*4, -2*pi*array([f1,f1,f4,f4,f2,f3]); W2 = lambda f: abs(signal.freqs_zpk(z,p,k,worN=[2*pi*f])[1][0])**2; integrate.quad(W2,20,20000,limit=2000)
constexpr double a_of_white_db = -2.0482712127158873;

}  // namespace

TEST_CASE("A-weighting is that of the standard", "[analysis][noise]")
{
    // IEC 61672-1:2013 table 3: nominal frequencies stand for 10^(n/10) Hz; the table is rounded to 0.1 dB.
    constexpr std::array<std::pair<int, double>, 16> table{{{13, -50.5}, {15, -39.4}, {17, -30.2}, {18, -26.2}, {20, -19.1}, {23, -10.9}, {27, -3.2}, {30, 0.0}, {33, 1.2},
                                                            {34, 1.3}, {36, 1.0}, {39, -1.1}, {40, -2.5}, {41, -4.3}, {42, -6.6}, {43, -9.3}}};
    for (const auto& [n, value] : table) {
        CAPTURE(n);
        CHECK_THAT(gain_of(weight_at(Weighting::a, Hertz{std::pow(10.0, 0.1 * n)})).value(), WithinAbs(value, 0.0501));
    }
    // Poles computed from annex E (f_R, f_L, f_H, f_A), in scipy 1.10: 20*log10(abs(signal.freqs_zpk(z, p, k, worN=[2*pi*f])[1][0])), k for 0 dB at 1 kHz.
    constexpr std::array<std::pair<double, double>, 10> computed{{{20.0, -50.390429404238255}, {31.5, -39.524994247939276}, {50.0, -30.27161659607227}, {100.0, -19.142776895373064},
                                                                  {440.0, -4.094900674964124}, {1000.0, 0.0}, {2500.0, 1.2706687004393213}, {6300.0, -0.11582462604000188},
                                                                  {12500.0, -4.254181851452021}, {20000.0, -9.346911991498246}}};
    for (const auto& [hz, value] : computed) CHECK_THAT(gain_of(weight_at(Weighting::a, Hertz{hz})).value(), WithinAbs(value, 1e-9));
    CHECK(weight_at(Weighting::a, Hertz{0.0}) == 0.0);
    CHECK(weight_at(Weighting::flat, Hertz{0.0}) == 1.0);
}

TEST_CASE("a band is counted to its edges, and never the direct voltage", "[analysis][noise]")
{
    // Bins of 2 Hz: 19.3 to 25.2 Hz is 0.85 of bin 10 (19 to 21), bins 11 and 12 whole, 0.1 of bin 13.
    const auto weights = weights_of({Hertz{19.3}, Hertz{25.2}}, 48e3, 24'000);
    REQUIRE(weights.size() == 12'001);
    CHECK_THAT(weights[10], WithinAbs(0.85, 1e-12));
    CHECK(weights[11] == 1.0);
    CHECK_THAT(weights[13], WithinAbs(0.1, 1e-12));
    double sum = 0.0;
    for (const double w : weights) sum += w;
    CHECK_THAT(sum, WithinAbs(5.9 / 2.0, 1e-12));
    // From zero on: the bin of zero frequency stays out, half a bin is lost with it.
    CHECK(weights_of({Hertz{0.0}, Hertz{20e3}}, 48e3, 24'000).front() == 0.0);
    // Within one bin.
    CHECK_THAT(weights_of({Hertz{99.6}, Hertz{100.2}}, 48e3, 24'000)[50], WithinAbs(0.3, 1e-12));
    CHECK(fitting(audio, 32e3).highest == Hertz{14'400.0});
}

TEST_CASE("white noise is told to 0.02 dB in any band, flat and weighted", "[analysis][noise]")
{
    constexpr double rate = 48e3;
    constexpr double sigma = 3e-6;
    constexpr double offset = 0.3;  // 100 dB above the noise
    const auto plan = silence(rate);
    const Leg leg{[](const Tone&) { return Complex{}; }, {}, sigma};
    Capture capture{plan, {leg, leg}, starts(120), 11};
    for (auto& period : capture.samples())
        for (auto& x : period[1]) x += offset;
    // Edges on bins' middles, between them, near both ends.
    const std::array bands{audio, NoiseBand{Hertz{10.0}, Hertz{21'599.3}}, NoiseBand{Hertz{301.3}, Hertz{12'345.6}}, audio_a};
    const auto reading = read_noise(capture.views(), rate, bands).value();
    CHECK_FALSE(reading.hum);
    CHECK_THAT(reading.dc[1], WithinAbs(offset, 1e-6));
    for (std::size_t b = 0; b < bands.size(); ++b)
        for (const std::size_t which : {0U, 1U}) {
            CAPTURE(b, which);
            const double truth = white_in(bands[b], sigma, rate) * (b == 3 ? std::pow(10.0, 0.1 * a_of_white_db) : 1.0);
            // 60 s of a band of B Hz: the power scatters by 1/√(60·B), 0.004 dB for 20 kHz, 0.0052 dB for 12 kHz, and A-weighted, which hears some 13 kHz of it: 0.02 dB is at least 3.8 of these,
            // missed once in 7,000 bands. The seed is fixed.
            CHECK_THAT(db(reading.with_hum[b][which].mean_square / truth), WithinAbs(0.0, 0.02));
            CHECK(reading.with_hum[b][which].relative_interval_95() * 8.686 < 0.012);
        }
    // The direct voltage changes nothing: the same noise on both legs but for it. (Rounding of 0.3 is 1e-11 of the noise's power.)
    auto same = capture.samples();
    std::vector<PeriodView> views;
    for (auto& period : same) {
        for (std::size_t i = 0; i < period[0].size(); ++i) period[1][i] = period[0][i] + offset;
        views.push_back({{period[0], period[1]}, static_cast<std::int64_t>(views.size()) * plan.period_frames});
    }
    const auto twice = read_noise(views, rate, bands).value();
    for (std::size_t b = 0; b < bands.size(); ++b) CHECK_THAT(twice.with_hum[b][1].mean_square / twice.with_hum[b][0].mean_square, WithinAbs(1.0, 1e-6));
}

TEST_CASE("noise is read beside what is louder out of the band", "[analysis][noise]")
{
    constexpr double rate = 96e3;
    constexpr double sigma = 3e-6;
    // −20 dBFS at 31.4 kHz, where a converter's noise shaping or a switching supply would be, on no bin; and a drift of 3 Hz.
    const Leg leg{[](const Tone&) { return Complex{}; }, {{31'415.93, 0.1, 0.4}, {3.1, 1e-4, 0.2}}, sigma};
    const Capture capture{silence(rate), {leg, leg}, starts(60), 5};
    const auto reading = read_noise(capture.views(), rate, std::array{audio, audio_a}).value();
    // 30 s: 0.0058 dB; the drift's window skirts at 20 Hz, 8 bins away, are 1e-4 of its power each way, −70 dB of −80 dBFS. 0.025 dB is 4.3 sigma.
    CHECK_THAT(db(reading.with_hum[0][0].mean_square / white_in(audio, sigma, rate)), WithinAbs(0.0, 0.025));
    CHECK_THAT(db(reading.with_hum[1][0].mean_square / white_in(audio, sigma, rate)), WithinAbs(a_of_white_db, 0.03));
}

TEST_CASE("hum is told apart from noise and added exactly", "[analysis][noise]")
{
    constexpr double rate = 48e3;
    constexpr double sigma = 2.449e-6;  // −110 dBFS, 20 Hz to 20 kHz
    const auto hz = GENERATE(50.02, 59.96);
    const auto lines = mains(hz, 1'500.0);
    const Leg humming{[](const Tone&) { return Complex{}; }, lines, sigma};
    const Leg quiet{[](const Tone&) { return Complex{}; }, {}, sigma};
    const Capture capture{silence(rate), {humming, quiet}, starts(16), 21};
    const auto reading = read_noise(capture.views(), rate, std::array{audio, audio_a}).value();
    REQUIRE(reading.hum);
    CHECK_THAT(reading.hum->fundamental.value(), WithinAbs(hz, 1e-3));
    double flat = 0.0;
    double weighted = 0.0;
    for (const auto& line : lines) {
        flat += 0.5 * line.amplitude * line.amplitude;
        weighted += 0.5 * std::pow(line.amplitude * weight_at(Weighting::a, Hertz{line.frequency_hz}), 2);
    }
    const double noise = white_in(audio, sigma, rate);
    // Lines of −60 dBFS above noise of −110 dBFS in 20 kHz, 8 s: each is known to 1e-5.
    CHECK_THAT(db(reading.with_hum[0][0].mean_square / (flat + noise)), WithinAbs(0.0, 1e-3));
    CHECK_THAT(db(reading.with_hum[1][0].mean_square / (weighted + noise * std::pow(10.0, 0.1 * a_of_white_db))), WithinAbs(0.0, 1e-3));
    // Without it the noise alone is left: 8 s scatter by 0.011 dB; 4.5 of that.
    CHECK_THAT(db(reading.without_hum[0][0].mean_square / noise), WithinAbs(0.0, 0.05));
    CHECK_THAT(db(reading.without_hum[1][0].mean_square / noise), WithinAbs(a_of_white_db, 0.06));
    for (const auto& line : reading.hum->lines) {
        const auto& truth = lines[static_cast<std::size_t>(line.harmonic - 1)];
        CAPTURE(line.harmonic);
        // Five of its own standard uncertainties.
        CHECK_THAT(std::sqrt(2.0 * line.mean_square[0]), WithinRel(truth.amplitude, 5.0 * line.relative_sigma[0] + 1e-7));
        CHECK(line.mean_square[1] == 0.0);
    }
    // The other leg has none, and is told a limit: the noise in 5 bins around each of ten lines, 100 Hz of 20 kHz, is 23 dB below the noise.
    CHECK(reading.hum->mean_square(1, audio) == 0.0);
    CHECK(reading.hum_limit[0] == 0.0);
    CHECK_THAT(db(reading.hum_limit[1] * reading.hum_limit[1] / noise), WithinAbs(-23.0, 1.0));
}

TEST_CASE("the interval of noise holds the truth 95 times of 100", "[analysis][noise][numbers]")
{
    const auto plan = light_plan();
    constexpr double sigma = 1e-3;
    const NoiseBand band{Hertz{100.0}, Hertz{400.0}};
    const auto begins = GENERATE(std::vector<std::int64_t>{0}, std::vector<std::int64_t>{0, 1, 2, 3}, std::vector<std::int64_t>{0, 2, 4, 5});
    int inside = 0;
    int trials = 0;
    double error = 0.0;
    for (std::uint64_t seed = 0; trials < 1'600; ++seed) {
        const Leg leg{[](const Tone&) { return Complex{}; }, {}, sigma};
        const Capture capture{plan, {leg, leg}, begins, 1'000 + seed};
        const std::vector<std::vector<double>> weights{weights_of(band, plan.sample_rate_hz, plan.period_frames)};
        const auto views = capture.views();
        const auto powers = mean_squares(views, weights).value();
        for (const auto& power : powers.front()) {
            const double ratio = power.rms() / std::sqrt(white_in(band, sigma, plan.sample_rate_hz));
            error += (ratio * ratio - 1.0) / 1'600.0;
            ++trials;
            if (std::abs(ratio - 1.0) <= power.relative_interval_95()) ++inside;
        }
    }
    // Binomial: 1,600 trials at 0.95 scatter by 0.0054; four of that, and 0.01 for the interval being symmetric where the distribution is not.
    CAPTURE(begins.size(), inside, trials);
    CHECK_THAT(static_cast<double>(inside) / trials, WithinAbs(0.95, 0.032));
    // Powers are unbiased: one record scatters by √(1.944/150) at most, 1,600 of them by 0.0029; four of that.
    CHECK_THAT(error, WithinAbs(0.0, 0.012));
}

TEST_CASE("noise that comes and goes is known less well", "[analysis][noise]")
{
    const auto plan = light_plan();
    const Leg leg{[](const Tone&) { return Complex{}; }, {}, 1e-3};
    Capture capture{plan, {leg, leg}, starts(20), 77};
    for (std::size_t m = 0; m < 20; m += 5)  // bursts, on leg 0 alone
        for (auto& x : capture.samples()[m][0]) x *= 4.0;
    const std::vector<std::vector<double>> weights{weights_of({Hertz{100.0}, Hertz{2'000.0}}, plan.sample_rate_hz, plan.period_frames)};
    const auto powers = mean_squares(capture.views(), weights).value().front();
    // Steady: √(1.06/(1900 Hz·10 s)) = 0.0075. Of bursts of 16 times the power in a fifth of the record: the stretches scatter by more than their mean, over √39.
    CHECK_THAT(powers[1].relative_sigma, WithinAbs(0.0075, 0.0015));
    CHECK(powers[0].relative_sigma > 0.1);
}

TEST_CASE("what is no record of silence is refused", "[analysis][noise]")
{
    const std::array bands{audio};
    CHECK_FALSE(read_noise(Record{48e3, 24'000, {}}, bands));
    const auto plan = silence(48e3);
    const Leg leg{[](const Tone&) { return Complex{}; }, {}, 1e-5};
    auto record = Capture{plan, {leg, leg}, starts(2), 1}.record();
    CHECK(read_noise(record, bands));
    CHECK_FALSE(read_noise(record, std::array{NoiseBand{Hertz{30e3}, Hertz{40e3}}}));
    auto broken = record;
    broken.periods[1].faults.add(Fault::clipped);
    CHECK_FALSE(read_noise(broken, bands));
    record.periods[0].leg[1][5] = std::numeric_limits<float>::quiet_NaN();
    CHECK_FALSE(read_noise(record, bands));
}
