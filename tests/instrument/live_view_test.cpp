// Pictures of signals that are known in closed form.
#include "instrument/live_view.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

using namespace lowleg;
using namespace lowleg::instrument;
using Catch::Matchers::WithinAbs;

namespace {

constexpr double rate = 48'000.0;

/// Frames of sines on both legs, beginning at a frame of the stream.
std::vector<float> sines(double hz, double pin2, double pin3, std::size_t begin, std::size_t frames)
{
    std::vector<float> out(2 * frames);
    for (std::size_t i = 0; i < frames; ++i) {
        const double s = std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(begin + i) / rate);
        out[2 * i] = static_cast<float>(pin2 * s);
        out[2 * i + 1] = static_cast<float>(pin3 * s);
    }
    return out;
}

LiveView heard(double hz, double pin2, double pin3)
{
    auto made = LiveView::create(rate);
    REQUIRE(made);
    auto view = std::move(made).value();
    for (std::size_t at = 0; at < 96'000; at += 480) view.hear(sines(hz, pin2, pin3, at, 480));
    return view;
}

}  // namespace

TEST_CASE("levels, sum, difference and correlation of two legs", "[live-view]")
{
    auto view = heard(1000.0, 0.5, -0.25);
    LiveFrame frame;
    view.draw(frame);
    // Peaks 0.5, 0.25, 0.25, 0.75, of sines whose whole periods fill the 0.3 s: exact but for single precision.
    constexpr std::array expected{-6.0206, -12.0412, -12.0412, -2.4988};
    for (std::size_t c = 0; c < 4; ++c) {
        CAPTURE(c);
        CHECK_THAT(frame.rms.at(c).value(), WithinAbs(expected.at(c), 0.001));
        CHECK_THAT(frame.peak.at(c).value(), WithinAbs(expected.at(c), 0.001));  // 48 samples a period: one lies on the peak
        CHECK_THAT(gain_of(std::sqrt(static_cast<double>(*std::ranges::max_element(frame.spectrum.at(c))))).value(), WithinAbs(expected.at(c), 0.01));
    }
    CHECK_THAT(frame.correlation, WithinAbs(-1.0, 1e-6));
    CHECK(frame.is_triggered);
    // From a rising zero crossing on: the first sample lies less than one before it.
    CHECK(frame.scope_offset <= 0.0);
    CHECK(frame.scope_offset > -1.0);
    CHECK(std::abs(static_cast<double>(frame.scope[0].front())) < 0.5 * 2.0 * std::numbers::pi * 1000.0 / rate);
    CHECK(frame.scope[0][12] > 0.49F);
    CHECK_FALSE(frame.has_clipped[0]);
}

TEST_CASE("clipping and peaks are held until they are reset", "[live-view]")
{
    auto view = heard(1000.0, 1.0, 0.1);
    LiveFrame frame;
    view.draw(frame);
    CHECK(frame.has_clipped[0]);
    CHECK_FALSE(frame.has_clipped[1]);
    for (std::size_t at = 0; at < 96'000; at += 480) view.hear(sines(1000.0, 0.001, 0.001, at, 480));
    view.draw(frame);
    CHECK(frame.has_clipped[0]);
    CHECK(*std::ranges::max_element(frame.highest[0]) > 0.99F);
    view.reset_held();
    view.draw(frame);
    CHECK_FALSE(frame.has_clipped[0]);
    CHECK(*std::ranges::max_element(frame.highest[0]) < 1e-4F);
}

TEST_CASE("an averaged spectrum follows with its time constant", "[live-view]")
{
    auto view = heard(1000.0, 0.5, 0.5);
    LiveOptions averaging;
    averaging.averaging_s = 1.0;
    view.set_options(averaging);
    LiveFrame frame;
    view.draw(frame);
    const float before = *std::ranges::max_element(frame.spectrum[0]);
    for (std::size_t at = 0; at < 48'000; at += 480) view.hear(std::vector<float>(960, 0.0F));
    view.draw(frame);
    // One second of silence: the power fell to 1/e, but for what stands in the window's beginning.
    CHECK_THAT(static_cast<double>(*std::ranges::max_element(frame.spectrum[0]) / before), WithinAbs(std::exp(-1.0), 0.01));
}

TEST_CASE("silence is silence, and no rate of no interface", "[live-view]")
{
    auto view = LiveView::create(rate);
    REQUIRE(view);
    LiveFrame frame;
    view.value().draw(frame);
    CHECK_FALSE(frame.is_triggered);
    CHECK(frame.rms[0].value() < -190.0);
    CHECK(frame.correlation == 0.0);
    for (const double wrong : {0.0, -1.0, 1e9, std::nan("")}) CHECK_FALSE(LiveView::create(wrong));
}
