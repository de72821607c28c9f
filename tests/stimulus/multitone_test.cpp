#include "stimulus/multitone.h"

#include "dsp/fft.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

using namespace lowleg;
using namespace lowleg::stimulus;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

std::vector<Tone> tones_of(const TonePlan& plan, Signal signal)
{
    std::vector<Tone> tones;
    std::ranges::copy_if(plan.tones, std::back_inserter(tones), [&](const Tone& t) { return t.signal == signal; });
    return tones;
}

}  // namespace

TEST_CASE("a multitone keeps clear of the mains and of its own products", "[stimulus]")
{
    const auto rate = GENERATE(8'000.0, 11'025.0, 22'050.0, 44'100.0, 48'000.0, 47'999.0, 50'001.0, 64'000.5, 88'200.0,
                               96'000.0, 176'400.0, 192'000.0, 768'000.0);
    CAPTURE(rate);
    const auto designed = design_multitone(rate);
    REQUIRE(designed);
    const auto& plan = designed.value();
    const auto n = plan.period_frames;

    CHECK(plan.period().value() <= 0.5);
    CHECK(plan.period().value() > 0.48);  // smooth even numbers lie that close together from 4,000 up
    CHECK(n % 2 == 0);
    CHECK(dsp::is_smooth(static_cast<std::size_t>(n)));
    if (std::set{8'000.0, 44'100.0, 48'000.0, 88'200.0, 96'000.0, 176'400.0, 192'000.0, 768'000.0}.contains(rate))
        CHECK(static_cast<double>(n) == 0.5 * rate);

    if (rate >= 22'050.0) REQUIRE(plan.tones.size() == 24);
    REQUIRE(plan.tones.size() >= 12);
    std::set<std::int64_t> bins;
    for (const auto& tone : plan.tones) {
        const double f = plan.frequency_of(tone.bin).value();
        CAPTURE(f);
        bins.insert(tone.bin);
        CHECK(tone.bin % 2 == 1);
        CHECK(f >= 21.0);
        CHECK(f <= std::min(19'500.0, 0.45 * rate));
        const double bin_hz = plan.frequency_of(1).value();
        // Three bins are kept free for whoever fits a line there, and the line may lie half a bin off its own.
        CHECK(std::abs(f - 50.0 * std::round(f / 50.0)) > 3.5 * bin_hz);
        CHECK(std::abs(f - 60.0 * std::round(f / 60.0)) > 3.5 * bin_hz);
    }
    REQUIRE(bins.size() == plan.tones.size());
    CHECK(std::ranges::is_sorted(plan.tones, {}, &Tone::bin));
    CHECK(static_cast<double>(bins.size()) < 0.9 * static_cast<double>(n / 2));  // at least 10 % free

    // Third-order products, by brute force over signed triples: a product that names the tone itself and a pair that
    // cancels is the tone, everything else is a collision.
    int collisions = 0;
    for (const auto a : bins)
        for (const auto b : bins)
            for (const auto c : bins)
                for (const std::int64_t sb : {-1, 1})
                    for (const std::int64_t sc : {-1, 1}) {
                        const bool trivial = (sb < 0 && (a == b)) || (sc < 0 && a == c) || (sb * sc < 0 && b == c);
                        if (!trivial && bins.contains(std::abs(a + sb * b + sc * c))) ++collisions;
                    }
    CHECK(collisions == 0);

    const auto drive = tones_of(plan, Signal::drive);
    const auto probe = tones_of(plan, Signal::probe);
    REQUIRE(drive.size() == probe.size());
    std::set<std::int64_t> distances;
    for (std::size_t i = 0; i < drive.size(); ++i) {
        distances.insert(std::abs(drive[i].bin - probe[i].bin));
        CHECK(std::abs(drive[i].bin - probe[i].bin) <= 60);
    }
    CHECK(distances.size() == drive.size());
    CHECK(std::abs(drive[0].bin - probe[0].bin) <= 4);

    CHECK(std::ranges::any_of(drive, [&](const Tone& t) {
        return std::abs(plan.frequency_of(t.bin).value() - 1'000.0) <= 15.0;
    }));
    // Log-spaced as far as the mains and the products allow: no hole wider than two steps (three where the band is short).
    const double step = std::pow(std::min(19'500.0, 0.45 * rate) / 21.0, 1.0 / static_cast<double>(drive.size() - 1));
    for (std::size_t i = 1; i < drive.size(); ++i)
        CHECK(static_cast<double>(drive[i].bin) / static_cast<double>(drive[i - 1].bin) < std::pow(step, rate < 22'050.0 ? 3.0 : 2.0));
}

TEST_CASE("third harmonics of low drive tones can be read", "[stimulus]")
{
    const auto rate = GENERATE(16'000.0, 22'050.0, 44'100.0, 47'999.0, 48'000.0, 96'000.0, 192'000.0, 768'000.0);
    CAPTURE(rate);
    const auto plan = design_multitone(rate).value();
    const double bin_hz = plan.frequency_of(1).value();
    const auto drive = tones_of(plan, Signal::drive);
    std::size_t middle = 0;
    for (std::size_t i = 0; i < drive.size(); ++i) {
        const double f = plan.frequency_of(drive[i].bin).value();
        if (f >= 150.0 && f <= 400.0) ++middle;
        else if (i >= 2) continue;
        CAPTURE(f);
        CHECK(std::abs(3.0 * f - 50.0 * std::round(3.0 * f / 50.0)) > 3.5 * bin_hz);
        CHECK(std::abs(3.0 * f - 60.0 * std::round(3.0 * f / 60.0)) > 3.5 * bin_hz);
        CHECK(std::ranges::none_of(plan.tones, [&](const Tone& t) { return t.bin == 3 * drive[i].bin; }));
        int others = 0;
        for (const auto& a : drive)
            for (const auto& b : drive)
                for (const auto& c : drive)
                    for (const std::int64_t sb : {-1, 1})
                        for (const std::int64_t sc : {-1, 1}) {
                            const bool is_itself = a.bin == drive[i].bin && b.bin == a.bin && c.bin == a.bin;
                            if (!is_itself && std::abs(a.bin + sb * b.bin + sc * c.bin) == 3 * drive[i].bin) ++others;
                        }
        CHECK(others == 0);
    }
    CHECK(middle >= 2);
    CHECK(plan.frequency_of(drive[0].bin).value() < 32.0);
    CHECK(plan.frequency_of(drive[1].bin).value() < 100.0);
}

TEST_CASE("a multitone peaks where it was asked to, and no higher than a log grid must", "[stimulus]")
{
    const auto rate = GENERATE(8'000.0, 44'100.0, 47'999.0, 48'000.0, 192'000.0);
    CAPTURE(rate);
    MultitoneOptions options;
    options.probe_peak = Dbfs{-20.0};
    const auto plan = design_multitone(rate, options).value();
    const auto signal = render(plan);
    REQUIRE(signal.size() == 2 * static_cast<std::size_t>(plan.period_frames));

    for (const auto channel : {Signal::drive, Signal::probe}) {
        double peak = 0.0;
        for (std::size_t i = channel == Signal::drive ? 0 : 1; i < signal.size(); i += 2)
            peak = std::max(peak, std::abs(static_cast<double>(signal[i])));
        // Rounding to float: half a unit in the last place, 2⁻²⁵ relative.
        CHECK_THAT(peak, WithinRel(channel == Signal::drive ? std::pow(10.0, -0.7) : 0.1, 0x1p-24));
        // Twelve tones that all meet would make 20·lg(√24) = 13.8 dB; random phases make about 11.5.
        CHECK(crest_factor(signal, channel).value() < 11.0);
    }
}

TEST_CASE("what is rendered is what the plan says", "[stimulus]")
{
    const auto rate = GENERATE(48'000.0, 44'100.0);  // 22,050 frames: four does not divide them
    const auto plan = design_multitone(rate).value();
    const auto signal = render(plan);
    const auto frames = static_cast<std::size_t>(plan.period_frames);
    const auto fft = dsp::RealFft::create(frames).value();

    for (const auto channel : {Signal::drive, Signal::probe}) {
        std::vector<double> x(frames);
        for (std::size_t i = 0; i < frames; ++i)
            x[i] = static_cast<double>(signal[2 * i + (channel == Signal::drive ? 0 : 1)]);
        std::vector<Complex> spectrum(fft.bins());
        fft.transform(x, spectrum);
        for (const auto& tone : plan.tones) {
            const auto expected = tone.signal == channel ? std::polar(tone.amplitude, tone.phase_rad) : Complex{};
            // Rounding to float: an error of up to 2⁻²⁷ a sample (|x| < 0.2), random over 22,050 samples; 6 σ of
            // 2⁻²⁷/√3·√(2/22,050) is 2.5e-10.
            const auto bin = 2.0 / static_cast<double>(frames) * spectrum[static_cast<std::size_t>(tone.bin)];
            CHECK_THAT(std::abs(bin - expected), WithinAbs(0.0, 2.5e-10));
        }
    }
}

TEST_CASE("a design is the same every time", "[stimulus]")
{
    const auto a = design_multitone(48'000.0).value();
    const auto b = design_multitone(48'000.0).value();
    REQUIRE(a.tones.size() == b.tones.size());
    for (std::size_t i = 0; i < a.tones.size(); ++i) {
        CHECK(a.tones[i].bin == b.tones[i].bin);
        CHECK(a.tones[i].phase_rad == b.tones[i].phase_rad);
    }
}

TEST_CASE("a multitone of other sizes keeps its promises or says why not", "[stimulus]")
{
    MultitoneOptions one;
    one.drive_tones = 1;
    const auto single = design_multitone(48'000.0, one);
    REQUIRE(single);
    CHECK(single.value().tones.size() == 2);
    CHECK_THAT(single.value().frequency_of(tones_of(single.value(), Signal::drive)[0].bin).value(), WithinAbs(1'000.0, 15.0));

    MultitoneOptions wide;
    wide.highest = Hertz{80'000.0};
    REQUIRE(design_multitone(192'000.0, wide));
    CHECK(design_multitone(192'000.0, wide).value().frequency_of(1).value() == 2.0);

    const auto refused = [](double rate, auto&& change) {
        MultitoneOptions o;
        change(o);
        const auto result = design_multitone(rate, o);
        return !result && result.error().kind == ErrorKind::usage && !result.error().message.empty();
    };
    CHECK(refused(7'999.0, [](auto&) {}));
    CHECK(refused(768'001.0, [](auto&) {}));
    CHECK(refused(std::nan(""), [](auto&) {}));
    CHECK(refused(48'000.0, [](auto& o) { o.drive_tones = 0; }));
    CHECK(refused(48'000.0, [](auto& o) { o.drive_tones = 1'000; }));
    CHECK(refused(48'000.0, [](auto& o) { o.lowest = Hertz{-1.0}; }));
    CHECK(refused(48'000.0, [](auto& o) { o.highest = Hertz{20.0}; }));
    CHECK(refused(48'000.0, [](auto& o) { o.highest = Hertz{std::nan("")}; }));
    CHECK(refused(48'000.0, [](auto& o) { o.highest = Hertz{500.0}; }));  // no tone near 1 kHz
    CHECK(refused(48'000.0, [](auto& o) { o.lowest = Hertz{990.0}; o.highest = Hertz{1'010.0}; }));
    CHECK(refused(48'000.0, [](auto& o) { o.drive_peak = Dbfs{0.1}; }));
    CHECK(refused(48'000.0, [](auto& o) { o.probe_peak = Dbfs{std::nan("")}; }));
}
