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

TEST_CASE("exported captures give the same figures again", "[instrument][measure][captures]")
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

TEST_CASE("another clock costs less than 0.01 dB at 20 kHz, or is refused", "[instrument][measure][captures][clock]")
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
    for (const auto kind : {MeasureKind::headroom, MeasureKind::input}) {
        const auto result = Instrument{settings}.measure_captures(kind, folder.path / "short.wav");
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::usage);
    }
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
