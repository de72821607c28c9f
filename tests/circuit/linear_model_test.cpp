// The sampled linear circuit by itself: equations written by hand, against closed forms.
#include "circuit/linear_model.h"
#include "core/units.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <vector>

using namespace lowleg;
using namespace lowleg::circuit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double pi = std::numbers::pi;
constexpr auto chunk = rt::chunk_frames;

/// A source, R and C in series, and the voltage at their junction: C to ground is a low-pass, R to ground a high-pass.
Equations series(double seconds, bool low_pass)
{
    enum : std::size_t { in, out, current, unknowns };
    const double ohms = 10e3;
    const double farads = seconds / ohms;
    Equations e;
    e.source = "by hand";
    e.unknowns = {"the voltage of node \"in\"", "the voltage of node \"out\"", "the current of V1"};
    e.conductance = e.storage = Matrix{unknowns, unknowns};
    e.input = Matrix{unknowns, 1};
    e.spread = Matrix{unknowns, 1};
    e.dc.assign(unknowns, 0.0);
    e.outputs = {std::size_t{out}};
    e.conductance(in, current) = e.conductance(current, in) = 1.0;
    e.input(current, 0) = 1.0;
    e.conductance(out, out) = 1.0 / ohms;
    e.storage(out, out) = farads;
    e.spread(out, 0) = std::sqrt(farads);
    auto& between = low_pass ? e.conductance : e.storage;
    const double value = low_pass ? 1.0 / ohms : farads;
    between(in, in) = value;
    between(in, out) = between(out, in) = -value;
    if (!low_pass) e.spread(in, 0) = -std::sqrt(farads);
    return e;
}

class Running {
public:
    explicit Running(const LinearModel& model) : model_{&model}, storage_(rt::LinearStepper::storage_for(model.shape)), stepper_{model.shape, storage_} {}
    std::vector<double> chunk_of(const std::vector<double>& in)
    {
        std::vector<double> out(chunk);
        stepper_.step(model_->matrices(), in.data(), out.data(), chunk);
        return out;
    }

private:
    const LinearModel* model_;
    std::vector<double> storage_;
    rt::LinearStepper stepper_;
};

/// The response at `turns` per frame, a whole number of them in `frames`.
Complex response(const LinearModel& model, double turns, std::size_t frames, std::size_t settle)
{
    Running running{model};
    std::vector<double> in(chunk);
    Complex sum{};
    const double w = 2.0 * pi * turns;
    for (std::size_t n = 0; n < settle + frames; n += chunk) {
        for (std::size_t i = 0; i < chunk; ++i) in[i] = std::cos(w * static_cast<double>(n + i));
        const auto out = running.chunk_of(in);
        for (std::size_t i = 0; i < chunk && n >= settle; ++i)
            sum += out[i] * std::polar(2.0 / static_cast<double>(frames), -w * (static_cast<double>(n + i) - static_cast<double>(model.delay_frames)));
    }
    return sum;
}

}  // namespace

TEST_CASE("a sampled low-pass and a sampled high-pass are as exact as promised, at any rate", "[circuit][sampled]")
{
    const double rate = GENERATE(8e3, 42e3, 42.001e3, 44.1e3, 48e3, 96e3, 192e3, 768e3);
    // Time constants below and above a frame; the high-pass that is far above the audible differentiates all of it.
    const double frames_long = GENERATE(0.003, 0.5, 30.0);
    const bool low_pass = GENERATE(true, false);
    const double seconds = frames_long / rate;
    const auto made = sample_linear(series(seconds, low_pass), rate);
    REQUIRE(made);
    const auto& model = made.value();
    CAPTURE(rate, frames_long, low_pass, model.delay_frames);
    const double edge_hz = rate > 42e3 ? std::max(20e3, rate * 5.0 / 12.0) : rate * 5.0 / 12.0;
    constexpr std::size_t frames = 6000;
    for (const double part : {0.0005, 0.005, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0}) {
        const double turns = std::floor(edge_hz * part / rate * static_cast<double>(frames)) / static_cast<double>(frames);
        const Complex s{0.0, 2.0 * pi * turns * rate};
        const auto want = (low_pass ? Complex{1.0} : s * seconds) / (1.0 + s * seconds);
        if (turns == 0.0) continue;
        // Settled: after the filters' length, and 40 time constants.
        const auto got = response(model, turns, frames, 2000);
        CAPTURE(turns * rate, want, got);
        CHECK_THAT(gain_of(got / want).value(), WithinAbs(0.0, 0.001));
        CHECK_THAT(std::arg(got / want) * 180.0 / pi, WithinAbs(0.0, 0.01));
    }
}

TEST_CASE("what a resistor passes on comes after the delay that is told, and unchanged", "[circuit][sampled]")
{
    auto e = series(1e-3, true);
    e.storage = Matrix{3, 3};
    e.spread = Matrix{3, 0};
    const auto made = sample_linear(e, 48e3);
    REQUIRE(made);
    Running running{made.value()};
    std::vector<double> all;
    std::vector<double> in(chunk);
    for (int block = 0; block < 10; ++block) {
        in[0] = block == 0 ? 1.0 : 0.0;
        const auto out = running.chunk_of(in);
        all.insert(all.end(), out.begin(), out.end());
    }
    const auto delay = static_cast<std::size_t>(made.value().delay_frames);
    // One resistor without load. At the frames themselves the doubled signal is the input, and there the interpolation is exact.
    for (std::size_t n = 0; n < all.size(); ++n) CHECK_THAT(all[n], WithinAbs(n == delay ? 1.0 : 0.0, 1e-9));
}

TEST_CASE("silence after a signal ends in zeros, not in denormal numbers", "[circuit][sampled]")
{
    const auto made = sample_linear(series(1e-3, true), 48e3);
    REQUIRE(made);
    Running running{made.value()};
    std::vector<double> in(chunk, 1.0);
    for (int block = 0; block < 100; ++block) running.chunk_of(in);
    std::fill(in.begin(), in.end(), 0.0);
    std::size_t zeros = 0;
    // e^(−t / 1 ms) is below the smallest normal number after 0.71 s.
    for (int block = 0; block < 12'000; ++block)
        for (const double v : running.chunk_of(in)) {
            REQUIRE((v == 0.0 || std::isnormal(v)));
            zeros = v == 0.0 ? zeros + 1 : 0;
        }
    CHECK(zeros > 48'000);
}

TEST_CASE("what cannot be solved for is refused", "[circuit][sampled]")
{
    auto e = series(1e-3, true);
    e.conductance(0, 2) = 0.0;  // nothing decides the source's current
    const auto made = sample_linear(e, 48e3);
    REQUIRE_FALSE(made);
    CHECK_THAT(made.error().message, ContainsSubstring("by hand cannot be run at 48000 Hz"));
}
