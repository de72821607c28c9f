#include "procedure/identify_captures.h"

#include "bench/virtual_bench.h"
#include "files/audio_file.h"
#include "stimulus/multitone.h"
#include "support/temporary_folder.h"

#include <sndfile.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numbers>
#include <random>
#include <span>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

using Folder = test::TemporaryFolder;

/// How a recording came about.
struct Recorder {
    double rate{48'000.0};
    double periods{4.3};
    double gain{0.7};
    double clock_ppm{0.0};
    double noise{1e-5};  ///< rms, full scale = 1.
    int format{SF_FORMAT_WAV | SF_FORMAT_PCM_24};
};

bench::InterfaceModel with(const bench::WrongMoves& wrong)
{
    bench::InterfaceModel model;
    model.wrong_moves = wrong;
    return model;
}

/// Records a circuit on its fixture: every tone through the circuit's own closed form, as the recorder's clock sees it.
class Rig {
public:
    Rig(const std::string& circuit, const Fixture& fixture, double rate, const bench::WrongMoves& wrong = {})
        : plan_{stimulus::design_multitone(rate).value()},
          bench_{bench::VirtualBench::build(bench::find_circuit(circuit).value(), fixture, with(wrong), rate).value()},
          has_probe_{fixture.probe.has_value()}
    {
    }

    [[nodiscard]] std::vector<float> record(SwitchState state, const Recorder& recorder, double start_frames) const
    {
        const auto period = static_cast<double>(plan_.period_frames);
        const auto frames = static_cast<std::size_t>(recorder.periods * period);
        std::vector<double> sum(2 * frames);
        for (const auto& tone : plan_.tones) {
            const bool probe = tone.signal == Signal::probe;
            if (probe && !has_probe_) continue;
            const auto h = bench_->response(state, plan_.frequency_of(tone.bin), probe);
            const double turn = 2.0 * std::numbers::pi * static_cast<double>(tone.bin) / period;
            // One rotation per frame, started afresh every 512 frames: exact to 1e-13.
            const Complex step = std::polar(1.0, turn / (1.0 + 1e-6 * recorder.clock_ppm));
            Complex phasor;
            for (std::size_t n = 0; n < frames; ++n) {
                const double at = static_cast<double>(n) / (1.0 + 1e-6 * recorder.clock_ppm) + start_frames;
                phasor = n % 512 == 0 ? std::polar(tone.amplitude, turn * std::fmod(at, period) + tone.phase_rad) : phasor * step;
                sum[2 * n] += (h[0] * phasor).real();
                sum[2 * n + 1] += (h[1] * phasor).real();
            }
        }
        std::mt19937 random{7U + static_cast<unsigned>(state)};
        std::normal_distribution<double> noise{0.0, recorder.noise};
        std::vector<float> out;
        for (const double x : sum) out.push_back(static_cast<float>(recorder.gain * x + (recorder.noise > 0.0 ? noise(random) : 0.0)));
        return out;
    }

private:
    TonePlan plan_;
    std::unique_ptr<bench::VirtualBench> bench_;
    bool has_probe_;
};

void write(const fs::path& path, std::span<const float> samples, double rate, int format, int channels = 2)
{
    SF_INFO info{};
    info.samplerate = static_cast<int>(rate);
    info.channels = channels;
    info.format = format;
    auto* file = sf_open(path.c_str(), SFM_WRITE, &info);
    REQUIRE(file != nullptr);
    sf_command(file, SFC_SET_CLIPPING, nullptr, SF_TRUE);
    sf_writef_float(file, samples.data(), static_cast<sf_count_t>(samples.size()) / channels);
    sf_close(file);
}

/// All four states, each started somewhere else.
void record_all(const Folder& folder, const std::string& circuit, const Fixture& fixture, const Recorder& recorder, const bench::WrongMoves& wrong = {})
{
    const Rig rig{circuit, fixture, recorder.rate, wrong};
    double start = 1234.5;
    for (const auto state : all_switch_states) {
        write(folder.path / (std::string{name_of(state)} + ".wav"), rig.record(state, recorder, start), recorder.rate, recorder.format);
        start = 3.7 * start + 777.25;
    }
}

Result<procedure::Identification> identify(const Folder& folder, const Fixture& fixture = {})
{
    procedure::IdentifyOptions options;
    options.fixture = fixture;
    return procedure::identify_captures(folder.path, options);
}

std::string why(const Folder& folder, const Fixture& fixture = {})
{
    const auto result = identify(folder, fixture);
    if (result) return "verdict " + std::string{result.value().verdict.id()};
    CHECK(result.error().message.find('\n') == std::string::npos);
    return result.error().message;
}

}  // namespace

TEST_CASE("recordings that start anywhere name the circuit", "[procedure][captures][numbers]")
{
    const std::string circuit = GENERATE("transformer", "cross-coupled", "inverter");
    CAPTURE(circuit);
    const Folder folder;
    record_all(folder, circuit, {}, {});
    const auto result = identify(folder);
    if (!result) UNSCOPED_INFO(result.error().message);
    REQUIRE(result);
    const auto& verdict = result.value().verdict;
    CAPTURE(verdict.probability);
    // Starts that are found by the readings leave a servo close to a bled winding: it is named, or comes first among what is left.
    if (verdict.outcome == topology::Outcome::inconclusive && circuit == "cross-coupled") {
        REQUIRE_FALSE(verdict.alternatives.empty());
        CHECK(topology::id_of(verdict.alternatives.front().topology) == circuit);
        CHECK(verdict.probability > 0.8);
    } else {
        CHECK(verdict.id() == circuit);
    }
    const auto& quality = result.value().quality;
    CHECK(quality.source == procedure::Source::captures);
    CHECK(quality.states == std::vector(all_switch_states.begin(), all_switch_states.end()));
    CHECK(quality.periods == 4);
    CHECK(quality.voided == 0);
    // Noise of 1e-5 against tones of some 0.01: nanoradians per frame; 0.01 ppm is 1e-4 bins at the highest tone.
    CHECK(std::abs(quality.clock_ppm) < 0.01);
    CHECK_FALSE(quality.round_trip);
}

TEST_CASE("a player on another clock is found, said and corrected", "[procedure][captures][numbers]")
{
    const double ppm = GENERATE(-120.0, -3.0, 37.0, 250.0);
    const double periods = GENERATE(1.25, 4.3);
    CAPTURE(ppm, periods);
    const Folder folder;
    record_all(folder, "transformer", {}, {.periods = periods, .clock_ppm = ppm});
    const auto result = identify(folder);
    if (!result) UNSCOPED_INFO(result.error().message);
    REQUIRE(result);
    CHECK(result.value().verdict.id() == "transformer");
    // A quarter of a period shows the clock through a phase of 2π·9700·0.25·1e-6 = 0.015 rad per ppm.
    CHECK(std::abs(result.value().quality.clock_ppm - ppm) < 0.05);
    CHECK(result.value().quality.voided == 0);
}

TEST_CASE("a clock too far off is refused with that reason", "[procedure][captures]")
{
    const double ppm = GENERATE(-1000.0, 400.0);
    const double periods = GENERATE(1.3, 3.3);
    CAPTURE(ppm, periods);
    const Folder folder;
    record_all(folder, "inverter", {}, {.periods = periods, .clock_ppm = ppm});
    CHECK_THAT(why(folder), ContainsSubstring("through.wav") && ContainsSubstring("300 ppm"));
}

TEST_CASE("formats, rates and few states are all the same", "[procedure][captures][numbers]")
{
    struct Case { double rate; double periods; int format; double noise; };
    const auto [rate, periods, format, noise] =
        GENERATE(Case{48e3, 1.2001, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1e-5}, Case{44.1e3, 2.3, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0.0},
                 Case{96e3, 1.3, SF_FORMAT_WAV | SF_FORMAT_PCM_32, 1e-6}, Case{48e3, 3.9, SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 1e-4});
    CAPTURE(rate, periods, format, noise);
    const Folder folder;
    record_all(folder, "inverter", {}, {.rate = rate, .periods = periods, .noise = noise, .format = format});
    fs::remove(folder.path / "grounded.wav");
    const auto result = identify(folder);
    if (!result) UNSCOPED_INFO(result.error().message);
    REQUIRE(result);
    CHECK(result.value().verdict.id() == "inverter");
    CHECK(result.value().quality.states.size() == 3);
    CHECK(result.value().sample_rate_hz == rate);
}

TEST_CASE("without probe resistors the probe is neither wanted nor missed", "[procedure][captures]")
{
    Fixture plain;
    plain.probe.reset();
    const Folder folder;
    record_all(folder, "inverter", plain, {});
    CHECK_THAT(why(folder), ContainsSubstring("--rp none"));
    const auto result = identify(folder, plain);
    REQUIRE(result);
    CHECK_FALSE(result.value().verdict.probe);
}

TEST_CASE("what is no recording of the stimulus is refused by name", "[procedure][captures]")
{
    const Folder folder;
    const Rig rig{"inverter", {}, 48e3};
    const Recorder good{.periods = 2.3};
    const auto through = folder.path / "through.wav";
    const auto loaded = folder.path / "loaded.wav";
    const auto samples = rig.record(SwitchState::through, good, 100.0);
    const auto put = [&](const fs::path& path, std::span<const float> x, double rate = 48e3, int channels = 2) {
        write(path, x, rate, SF_FORMAT_WAV | SF_FORMAT_FLOAT, channels);
    };

    CHECK_THAT(why(folder), ContainsSubstring("through.wav") && ContainsSubstring("no such file"));
    put(loaded, samples);
    CHECK_THAT(why(folder), ContainsSubstring("through.wav"));
    put(through, samples);
    put(loaded, rig.record(SwitchState::loaded, good, 900.0));
    CHECK(why(folder).starts_with("verdict"));

    std::ofstream{loaded} << "not audio";
    CHECK_THAT(why(folder), ContainsSubstring("loaded.wav") && ContainsSubstring("not an audio file"));
    put(loaded, samples, 48e3, 1);
    CHECK_THAT(why(folder), ContainsSubstring("loaded.wav") && ContainsSubstring("mono"));
    put(loaded, samples, 44.1e3);
    CHECK_THAT(why(folder), ContainsSubstring("loaded.wav") && ContainsSubstring("44100"));
    put(loaded, std::span{samples}.first(2 * 24'000));
    CHECK_THAT(why(folder), ContainsSubstring("loaded.wav") && ContainsSubstring("too short"));
    put(loaded, std::vector<float>(samples.size()));
    CHECK_THAT(why(folder), ContainsSubstring("loaded.wav") && ContainsSubstring("exactly zero"));
    auto bad = samples;
    bad[12'345] = std::nanf("");
    put(loaded, bad);
    CHECK_THAT(why(folder), ContainsSubstring("loaded.wav") && ContainsSubstring("not numbers"));

    // Noise alone, in one state and in all.
    std::mt19937 random{5};
    std::normal_distribution<float> normal{0.0F, 0.01F};
    auto noise = samples;
    for (auto& x : noise) x = normal(random);
    put(loaded, noise);
    CHECK_THAT(why(folder), ContainsSubstring("loaded.wav") && ContainsSubstring("neither drive nor probe"));
    std::ranges::reverse(noise);
    put(through, noise);
    CHECK_THAT(why(folder), ContainsSubstring("through.wav") && ContainsSubstring("neither drive nor probe"));
    // A tone of something else.
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = 0.5F * std::sin(0.0571F * static_cast<float>(i / 2));
    put(through, noise);
    CHECK_THAT(why(folder), ContainsSubstring("neither drive nor probe"));

    CHECK_FALSE(procedure::identify_captures(folder.path / "nowhere", {}));
    fs::create_directory(folder.path / "through.wav.d");
    fs::remove(through);
    fs::create_directory(through);
    CHECK_THAT(why(folder), ContainsSubstring("through.wav"));
}

TEST_CASE("a clipped recording is refused where the clip is needed, at any level", "[procedure][captures][numbers]")
{
    const Folder folder;
    const Rig rig{"inverter", {}, 48e3};
    const auto samples = rig.record(SwitchState::through, {.periods = 3.3, .noise = 0.0}, 100.0);
    const auto peak = std::abs(*std::ranges::max_element(samples, {}, [](float x) { return std::abs(x); }));
    const int format = GENERATE(SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_PCM_24, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
    // What the recorder's gain was after the converter that clipped.
    const float after = GENERATE(1.0F, 0.3F);
    CAPTURE(format, after);

    auto clipped = samples;
    for (auto& x : clipped) x = after * std::clamp(1.1F * x / peak, -1.0F, 1.0F);
    write(folder.path / "through.wav", clipped, 48e3, format);
    CHECK_THAT(why(folder), ContainsSubstring("through.wav") && ContainsSubstring("clipped"));

    // Just below full scale nothing is wrong.
    auto loud = samples;
    for (auto& x : loud) x *= 0.98F * after / peak;
    write(folder.path / "through.wav", loud, 48e3, format);
    CHECK(why(folder).starts_with("verdict"));

    // One bad period of three is done without, and counted.
    std::copy_n(clipped.begin() + 2 * 48'000, 2 * 24'000, loud.begin() + 2 * 48'000);
    for (std::size_t i = 2 * 48'000; i < 2 * 72'000; ++i) loud[i] = std::clamp(1.1F * after * samples[i] / peak, -after, after);
    write(folder.path / "through.wav", loud, 48e3, format);
    const auto result = identify(folder);
    REQUIRE(result);
    CHECK(result.value().quality.voided == 1);
    CHECK(result.value().quality.void_reasons.has(Fault::clipped));
    CHECK(result.value().quality.periods == 2);
}

TEST_CASE("frames lost on the way are found", "[procedure][captures]")
{
    const Folder folder;
    const Rig rig{"transformer", {}, 48e3};
    const auto samples = rig.record(SwitchState::through, {.periods = 6.3}, 100.0);
    auto lost = samples;
    // 37 frames in the second period: four good periods remain, all alike.
    lost.erase(lost.begin() + 2 * 30'000, lost.begin() + 2 * 30'037);
    write(folder.path / "through.wav", lost, 48e3, SF_FORMAT_WAV | SF_FORMAT_PCM_24);
    const auto result = identify(folder);
    if (!result) UNSCOPED_INFO(result.error().message);
    REQUIRE(result);
    CHECK(result.value().quality.voided == 2);
    CHECK(result.value().quality.void_reasons.has(Fault::phase_jump));

    // In a file of one period nothing remains to go by.
    lost.assign(samples.begin(), samples.begin() + 2 * 32'000);
    lost.erase(lost.begin() + 2 * 12'000, lost.begin() + 2 * 12'037);
    write(folder.path / "through.wav", lost, 48e3, SF_FORMAT_WAV | SF_FORMAT_PCM_24);
    CHECK_THAT(why(folder), ContainsSubstring("does not come again") || ContainsSubstring("runs on a clock"));
}

TEST_CASE("silence before the signal came is skipped", "[procedure][captures]")
{
    const Folder folder;
    const Rig rig{"inverter", {}, 48e3};
    auto samples = rig.record(SwitchState::through, {.periods = 2.4}, 0.0);
    samples.insert(samples.begin(), 2 * 7'777, 0.0F);
    write(folder.path / "through.wav", samples, 48e3, SF_FORMAT_WAV | SF_FORMAT_PCM_24);
    const auto result = identify(folder);
    REQUIRE(result);
    CHECK(result.value().quality.periods == 2);
    CHECK(result.value().quality.voided == 0);
}

TEST_CASE("recordings that show a switch that stood still are refused", "[procedure][captures]")
{
    const Fixture fixture;
    const Recorder recorder;
    const Rig rig{"cross-coupled", fixture, recorder.rate};
    const auto stuck = GENERATE(SwitchState::through, SwitchState::grounded, SwitchState::lifted);
    const Folder folder;
    double start = 100.0;
    for (const auto state : all_switch_states) {
        write(folder.path / (std::string{name_of(state)} + ".wav"), rig.record(stuck, recorder, start), recorder.rate, recorder.format);
        start += 1111.25;
    }
    CHECK_THAT(why(folder), ContainsSubstring("the switch did not move"));
}

TEST_CASE("wrong moves are named from recordings, too", "[procedure][captures][wrong][numbers]")
{
    const Folder folder;
    bench::WrongMoves wrong;
    SECTION("Rp2 is missing")
    {
        wrong.rp2_open = true;
        record_all(folder, "inverter", {}, {.noise = 1e-6}, wrong);
        CHECK_THAT(why(folder), ContainsSubstring("Rp2 is missing or not connected"));
    }
    SECTION("Rp3 is missing")
    {
        wrong.rp3_open = true;
        record_all(folder, "cross-coupled", {}, {}, wrong);
        CHECK_THAT(why(folder), ContainsSubstring("Rp3 is missing or not connected; connect it"));
    }
    SECTION("one input was recorded twice")
    {
        record_all(folder, "inverter", {}, {});
        for (const auto state : all_switch_states) {
            const auto path = folder.path / (std::string{name_of(state)} + ".wav");
            auto samples = Rig{"inverter", {}, 48e3}.record(state, {}, 77.0 + static_cast<double>(state));
            for (std::size_t n = 0; n < samples.size(); n += 2) samples[n + 1] = samples[n];
            write(path, samples, 48e3, SF_FORMAT_WAV | SF_FORMAT_PCM_24);
        }
        CHECK_THAT(why(folder), ContainsSubstring("the same samples on both channels"));
    }
    SECTION("the gear was muted")
    {
        wrong.muted = true;
        record_all(folder, "inverter", {}, {}, wrong);
        const auto result = identify(folder);
        REQUIRE(result);
        CHECK(result.value().verdict.id() == "no-signal");
        REQUIRE(result.value().wrong_move);
        CHECK(result.value().wrong_move->move == procedure::WrongMove::muted);
        CHECK_THAT(result.value().wrong_move->says, ContainsSubstring("the probe finds 47."));
    }
    SECTION("the lead of pin 2 was broken")
    {
        wrong.pin2_open = true;
        record_all(folder, "inverter", {}, {}, wrong);
        const auto result = identify(folder);
        REQUIRE(result);
        CHECK(result.value().verdict.id() == "inconclusive");
        REQUIRE(result.value().wrong_move);
        CHECK(result.value().wrong_move->move == procedure::WrongMove::pin2_not_connected);
    }
}

TEST_CASE("one recording under two names is refused", "[procedure][captures]")
{
    const Folder folder;
    record_all(folder, "unbalanced", {}, {});
    fs::copy_file(folder.path / "through.wav", folder.path / "lifted.wav", fs::copy_options::overwrite_existing);
    CHECK_THAT(why(folder), ContainsSubstring("lifted.wav is the same recording as through.wav"));
}
