// The same measurements from recordings: exported ones give the same figures, those of another clock the right ones.
#include "files/audio_file.h"
#include "instrument/instrument.h"
#include "stimulus/multitone.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

using namespace lowleg;
using instrument::Instrument;
using instrument::Settings;
using procedure::Figure;
using procedure::MeasureKind;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

Settings settings_with(std::initializer_list<std::pair<const char*, const char*>> given)
{
    Settings settings;
    for (const auto& [name, text] : given) REQUIRE(instrument::apply_setting(settings, name, text));
    settings.keeps_captures = true;
    return settings;
}

template <class T>
T taken(Result<T> result)
{
    if (!result) FAIL(result.error().message);
    return std::move(result).value();
}

std::string refusal(const Settings& settings, MeasureKind kind, const std::filesystem::path& path)
{
    const auto result = Instrument{settings}.measure_captures(kind, path);
    REQUIRE_FALSE(result);
    return result.error().message;
}

/// From this frame on, as a recording of its own.
void write_later(const std::filesystem::path& from, const std::filesystem::path& to, std::size_t frame)
{
    const auto audio = taken(files::read_audio(from));
    std::vector<float> interleaved;
    for (std::size_t i = frame; i < audio.frames(); ++i)
        for (const auto& channel : audio.channels) interleaved.push_back(channel[i]);
    REQUIRE(files::write_wav(to, audio.sample_rate_hz, interleaved, 2));
}

}  // namespace

TEST_CASE("exported captures give the same figures again", "[instrument][measure][captures][numbers]")
{
    using enum MeasureKind;
    const auto kind = GENERATE(level, response, distortion, noise, hum, crosstalk, latency, polarity);
    CAPTURE(name_of(kind));
    const test::TemporaryFolder folder;
    const auto settings = settings_with({{"hum", "-70"}, {"for", "2"}, {"level", "-16"}});
    const auto live = taken(Instrument{settings}.measure_bench(kind, "inverter"));
    REQUIRE(Instrument::export_measurement(live, {}, folder.path / "wav"));
    const auto again = taken(Instrument{settings}.measure_captures(kind, folder.path / "wav"));
    CHECK(again.quality.source == procedure::Source::captures);
    CHECK(again.quality.periods == live.quality.periods);
    CHECK(again.calibration.kind == procedure::CalibrationUse::Kind::none);
    int compared = 0;
    for (const auto& figure : again.figures) {
        CAPTURE(figure.id);
        const auto same = std::ranges::find(live.figures, figure.id, &Figure::id);
        REQUIRE(same != live.figures.end());
        CHECK_THAT(figure.value, WithinAbs(same->value, 1e-9 * (1.0 + std::abs(same->value))));
        CHECK(figure.unit != "V");
        ++compared;
    }
    CHECK(compared > 0);
    CHECK(again.curves.size() == live.curves.size());
}

TEST_CASE("impedances from exported captures are the same within what nobody has told of the inputs", "[instrument][measure][captures]")
{
    const auto kind = GENERATE(MeasureKind::impedance, MeasureKind::balance);
    CAPTURE(name_of(kind));
    const test::TemporaryFolder folder;
    const auto settings = settings_with({});
    const auto live = taken(Instrument{settings}.measure_bench(kind, "inverter"));
    REQUIRE(Instrument::export_measurement(live, {}, folder.path / "wav"));
    const auto again = taken(Instrument{settings}.measure_captures(kind, folder.path / "wav"));
    CHECK(again.quality.source == procedure::Source::captures);
    CHECK(again.quality.signal.value() > 1.0);
    for (const auto* id : {"pin2_ohm", "pin3_ohm"}) {
        CAPTURE(id);
        const auto at = std::ranges::find(again.figures, id, &Figure::id);
        const auto same = std::ranges::find(live.figures, id, &Figure::id);
        REQUIRE(at != again.figures.end());
        REQUIRE(same != live.figures.end());
        // Both intervals of 95 %, and the bench's inputs do not differ, of which the files say nothing.
        CHECK_THAT(at->value, WithinAbs(same->value, at->uncertainty + same->uncertainty));
        CHECK(at->uncertainty > same->uncertainty);
    }
}

TEST_CASE("an input from exported captures is the same within what nobody has told of the interface", "[instrument][measure][captures]")
{
    const test::TemporaryFolder folder;
    const auto settings = settings_with({});
    const auto live = taken(Instrument{settings}.measure_bench(MeasureKind::input, "receiver-ina134"));
    REQUIRE(Instrument::export_measurement(live, {}, folder.path / "wav"));
    const auto again = taken(Instrument{settings}.measure_captures(MeasureKind::input, folder.path / "wav"));
    CHECK(again.finding == live.finding);
    for (const auto* id : {"between_ohm", "pin2_ohm", "pin3_ohm", "common_ohm"}) {
        CAPTURE(id);
        const auto at = std::ranges::find(again.figures, id, &Figure::id);
        const auto same = std::ranges::find(live.figures, id, &Figure::id);
        REQUIRE(at != again.figures.end());
        REQUIRE(same != live.figures.end());
        // The same samples, solved with the same nominal parts; only what they may be off by differs.
        CHECK_THAT(at->value, WithinAbs(same->value, 1e-6 * same->value));
        CHECK(at->uncertainty > same->uncertainty);
    }
}

TEST_CASE("headroom is read from exported captures, and as far as they go", "[instrument][measure][captures]")
{
    const test::TemporaryFolder folder;
    const auto settings = settings_with({{"full-scale", "30"}});
    const auto live = taken(Instrument{settings}.measure_bench(MeasureKind::headroom, "inverter"));
    REQUIRE(live.figures.back().bound == Figure::Bound::value);
    REQUIRE(Instrument::export_measurement(live, {}, folder.path / "wav"));
    const auto again = taken(Instrument{settings}.measure_captures(MeasureKind::headroom, folder.path / "wav"));
    REQUIRE(again.figures.size() == 1);
    CHECK(again.figures.front().id == "maximum_dbfs");
    CHECK(again.figures.front().bound == Figure::Bound::value);
    CHECK_THAT(again.figures.front().value, WithinAbs(live.figures.back().value, 1e-9));
    // Stopped after three levels, it would have left these.
    for (const auto& file : std::filesystem::directory_iterator{folder.path / "wav"})
        if (const auto name = file.path().filename().string(); name.starts_with("sine-") && name < "sine-26") std::filesystem::remove(file);
    const auto part = taken(Instrument{settings}.measure_captures(MeasureKind::headroom, folder.path / "wav"));
    CHECK(part.quality.ending == procedure::Ending::stopped);
    REQUIRE(part.figures.size() == 1);
    CHECK(part.figures.front().bound == Figure::Bound::at_least);
    // −26 dB of the drive.
    CHECK(part.figures.front().value < again.figures.front().value - 15.0);
    std::filesystem::remove(folder.path / "wav" / "sine-30.0-below.wav");
    CHECK_THAT(refusal(settings, MeasureKind::headroom, folder.path / "wav"), ContainsSubstring("holds no sine-30.0-below.wav"));
}

TEST_CASE("headroom that is stopped by hand is told as far as it was looked for", "[instrument][measure]")
{
    auto settings = settings_with({{"full-scale", "30"}});
    int asked = 0;
    const auto stopped = taken(Instrument{settings, [&] { return ++asked > 5; }}.measure_bench(MeasureKind::headroom, "inverter"));
    CHECK(stopped.quality.ending == procedure::Ending::stopped);
    CHECK(stopped.figures.back().bound == Figure::Bound::at_least);
    REQUIRE(stopped.played.size() == 1);
    // Five levels, 2 dB apart, from −30 dBFS on.
    CHECK_THAT(stopped.played.front().drive_peak.value_or(Dbfs{0.0}).value(), WithinAbs(-22.0, 1e-9));
    const auto at_once = Instrument{settings, [] { return true; }}.measure_bench(MeasureKind::headroom, "inverter");
    REQUIRE_FALSE(at_once);
    CHECK(at_once.error().kind == ErrorKind::interrupted);
}

TEST_CASE("what compares captures in phase is refused between two clocks, with how far they are apart", "[instrument][clock]")
{
    const auto settings = settings_with({{"clock", "50"}});
    const Instrument instrument{settings};
    const auto check_told = [](const std::string& message) {
        CHECK_THAT(message, ContainsSubstring("50.0") && ContainsSubstring("ppm off the outputs'") && ContainsSubstring("needs one clock"));
    };
    for (const auto kind : {MeasureKind::impedance, MeasureKind::balance}) {
        const auto result = instrument.measure_bench(kind, "inverter");
        REQUIRE_FALSE(result);
        check_told(result.error().message);
    }
    const auto input = instrument.measure_bench(MeasureKind::input, "receiver-ina134");
    REQUIRE_FALSE(input);
    check_told(input.error().message);
    const auto rejection = instrument.cmrr_bench("receiver-ina134", procedure::CmrrMethod::tied, false);
    REQUIRE_FALSE(rejection);
    check_told(rejection.error().message);
    const auto verdict = instrument.identify_bench("inverter");
    REQUIRE_FALSE(verdict);
    check_told(verdict.error().message);
}

TEST_CASE("a sweep's captures give the same curves again", "[instrument][measure][captures][sweep]")
{
    const test::TemporaryFolder folder;
    const auto settings = settings_with({{"sweep", "on"}});
    const auto live = taken(Instrument{settings}.measure_bench(MeasureKind::response, "inverter"));
    REQUIRE(Instrument::export_measurement(live, {}, folder.path / "wav"));
    const auto again = taken(Instrument{settings}.measure_captures(MeasureKind::response, folder.path / "wav" / "sweep.wav"));
    REQUIRE(again.curves.size() == live.curves.size());
    for (std::size_t c = 0; c < live.curves.size(); ++c) CHECK(again.curves[c].rows == live.curves[c].rows);
}

TEST_CASE("a recording may begin anywhere", "[instrument][measure][captures]")
{
    const test::TemporaryFolder folder;
    const auto settings = settings_with({{"for", "4"}, {"tone", "19500"}, {"level", "-12"}});
    const auto live = taken(Instrument{settings}.measure_bench(MeasureKind::level, "inverter"));
    REQUIRE(Instrument::export_measurement(live, {}, folder.path / "wav"));
    write_later(folder.path / "wav" / "through.wav", folder.path / "later.wav", 12'345);
    const auto again = taken(Instrument{settings}.measure_captures(MeasureKind::level, folder.path / "later.wav"));
    const auto at = [](const procedure::Measurement& m) { return std::ranges::find(m.figures, "pin2_dbfs", &Figure::id)->value; };
    CHECK_THAT(at(again), WithinAbs(at(live), 1e-3));
    CHECK(again.quality.clock_ppm == 0.0);
    // Latency follows from when it was played, which nothing tells.
    CHECK_THAT(refusal(settings, MeasureKind::latency, folder.path / "later.wav"), ContainsSubstring("nothing tells when"));
    CHECK_THAT(refusal(settings_with({{"tone", "1000"}}), MeasureKind::distortion, folder.path / "later.wav"), ContainsSubstring("carries"));
}

TEST_CASE("another clock costs less than 0.01 dB at 20 kHz, or is refused", "[instrument][measure][captures][clock][numbers]")
{
    const test::TemporaryFolder folder;
    const double ppm = GENERATE(100.0, -100.0, 600.0);
    CAPTURE(ppm);
    // By formula, as a recorder hears it whose clock is faster by this; 5 s, from somewhere in the signal on.
    auto plan = stimulus::design_multitone(48e3).value();
    std::erase_if(plan.tones, [](const Tone& tone) { return tone.signal == Signal::probe; });
    std::vector<float> interleaved;
    for (int n = 0; n < 240'000; ++n) {
        const double at = (4'321.7 + n) / (1.0 + 1e-6 * ppm);
        double x = 0.0;
        for (const auto& tone : plan.tones) {
            const double turns = static_cast<double>(tone.bin) * at / static_cast<double>(plan.period_frames);
            x += tone.amplitude * std::cos(2.0 * std::numbers::pi * (turns - std::floor(turns)) + tone.phase_rad);
        }
        interleaved.push_back(static_cast<float>(0.5 * x));
        interleaved.push_back(static_cast<float>(-0.25 * x));
    }
    REQUIRE(files::write_wav(folder.path / "far.wav", 48e3, interleaved, 2));
    const auto settings = settings_with({});
    if (std::abs(ppm) > 300.0) {
        CHECK_THAT(refusal(settings, MeasureKind::response, folder.path / "far.wav"), ContainsSubstring("ppm off"));
        return;
    }
    const auto m = taken(Instrument{settings}.measure_captures(MeasureKind::response, folder.path / "far.wav"));
    CHECK_THAT(m.quality.clock_ppm, WithinAbs(ppm, 0.01));
    CHECK(std::ranges::any_of(m.notes, [](const std::string& note) { return note.find("ppm off the player's; corrected") != std::string::npos; }));
    REQUIRE(m.curves.size() == 2);
    for (const auto& curve : m.curves) {
        REQUIRE(curve.rows.size() == plan.tones.size());
        for (const auto& row : curve.rows) {
            CAPTURE(row[0]);
            CHECK_THAT(row[1], WithinAbs(0.0, 0.002));
        }
    }
    CHECK_THAT(std::ranges::find(m.figures, "pin2_gain_db", &Figure::id)->value, WithinAbs(-6.0206, 0.002));
}

TEST_CASE("recordings of no use are refused with the reason", "[instrument][measure][captures]")
{
    const test::TemporaryFolder folder;
    const auto settings = settings_with({});
    std::vector<float> some(2 * 40'000, 0.1F);
    REQUIRE(files::write_wav(folder.path / "short.wav", 48e3, some, 2));
    CHECK_THAT(refusal(settings, MeasureKind::level, folder.path / "short.wav"), ContainsSubstring("too short"));
    REQUIRE(files::write_wav(folder.path / "mono.wav", 48e3, some, 1));
    CHECK_THAT(refusal(settings, MeasureKind::level, folder.path / "mono.wav"), ContainsSubstring("mono"));
    CHECK_FALSE(Instrument{settings}.measure_captures(MeasureKind::level, folder.path / "none.wav"));
    std::filesystem::create_directory(folder.path / "empty");
    CHECK_THAT(refusal(settings, MeasureKind::level, folder.path / "empty"), ContainsSubstring("no .wav file"));
    const auto input = Instrument{settings}.measure_captures(MeasureKind::input, folder.path / "short.wav");
    REQUIRE_FALSE(input);
    CHECK(input.error().kind == ErrorKind::usage);
    CHECK_THAT(refusal(settings, MeasureKind::headroom, folder.path / "short.wav"), ContainsSubstring("carries none"));
    CHECK_THAT(refusal(settings, MeasureKind::impedance, folder.path / "short.wav"), ContainsSubstring("there is no folder"));
    // A folder of another measurement's.
    std::filesystem::create_directory(folder.path / "level");
    std::vector<float> noise(2 * 100'000, 0.01F);
    REQUIRE(files::write_wav(folder.path / "level" / "through.wav", 48e3, noise, 2));
    CHECK_THAT(refusal(settings, MeasureKind::distortion, folder.path / "level"), ContainsSubstring("holds no sine.wav"));
    // Nothing but clipping: every period is void.
    std::vector<float> loud(2 * 100'000, 1.0F);
    REQUIRE(files::write_wav(folder.path / "loud.wav", 48e3, loud, 2));
    CHECK_THAT(refusal(settings, MeasureKind::level, folder.path / "loud.wav"), ContainsSubstring("full scale"));
}
