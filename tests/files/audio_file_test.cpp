#include "files/audio_file.h"
#include "files/pending_file.h"
#include "files/text_file.h"

#include <sndfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

using namespace lowleg;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

struct TemporaryFolder {
    fs::path path;
    TemporaryFolder()
    {
        std::string name = (fs::temp_directory_path() / "lowleg-files-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~TemporaryFolder()
    {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};

std::string content(const fs::path& path)
{
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::size_t entries(const fs::path& folder)
{
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

}  // namespace

TEST_CASE("a float WAV comes back bit for bit", "[files][audio]")
{
    const TemporaryFolder folder;
    const auto path = folder.path / "a b ü.wav";
    const std::vector<float> samples{0.0F, 1.0F, -1.0F, 1.0e-30F, 0.1F, 1.5F};
    REQUIRE(files::write_wav(path, 48'000.0, samples, 2));
    const auto audio = files::read_audio(path);
    REQUIRE(audio);
    CHECK(audio.value().sample_rate_hz == 48'000.0);
    CHECK(audio.value().step == 0.0);
    REQUIRE(audio.value().channels.size() == 2);
    CHECK(audio.value().channels[0] == std::vector<float>{0.0F, -1.0F, 0.1F});
    CHECK(audio.value().channels[1] == std::vector<float>{1.0F, 1.0e-30F, 1.5F});

    const auto first = content(path);
    REQUIRE(files::write_wav(path, 48'000.0, samples, 2));
    CHECK(content(path) == first);
    CHECK(entries(folder.path) == 1);
}

TEST_CASE("every common format is read", "[files][audio]")
{
    struct Format { int format; double step; };
    const auto [format, step] = GENERATE(
        Format{SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0x1p-15}, Format{SF_FORMAT_WAV | SF_FORMAT_PCM_24, 0x1p-23},
        Format{SF_FORMAT_WAV | SF_FORMAT_PCM_32, 0x1p-31}, Format{SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 0x1p-7},
        Format{SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 0.0}, Format{SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 0x1p-15},
        Format{SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 0x1p-23}, Format{SF_FORMAT_W64 | SF_FORMAT_FLOAT, 0.0},
        Format{SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 0x1p-23});
    CAPTURE(format);
    const TemporaryFolder folder;
    const auto path = folder.path / "x.wav";
    SF_INFO info{};
    info.samplerate = 44'100;
    info.channels = 2;
    info.format = format;
    std::vector<float> samples;
    for (int i = 0; i < 20'000; ++i) {
        samples.push_back(static_cast<float>(0.9 * std::sin(0.01 * i)));
        samples.push_back(static_cast<float>(-0.5 * std::cos(0.02 * i)));
    }
    auto* file = sf_open(path.c_str(), SFM_WRITE, &info);
    REQUIRE(file != nullptr);
    REQUIRE(sf_writef_float(file, samples.data(), 20'000) == 20'000);
    sf_close(file);

    const auto audio = files::read_audio(path);
    REQUIRE(audio);
    CHECK(audio.value().step == step);
    REQUIRE(audio.value().frames() == 20'000);
    for (std::size_t i = 0; i < 20'000; i += 777)
        for (std::size_t c = 0; c < 2; ++c) {
            // libsndfile scales by 2ⁿ − 1 when it writes and by 2⁻ⁿ when it reads, up to one step at full scale, and rounds by
            // half a step; float carries 24 bits.
            const double difference = static_cast<double>(audio.value().channels[c][i]) - static_cast<double>(samples[2 * i + c]);
            CHECK(std::abs(difference) <= 1.5 * step + 0x1p-24);
        }
}

TEST_CASE("what is no recording is refused in one sentence", "[files][audio]")
{
    const TemporaryFolder folder;
    const auto why = [&](const std::string& name) {
        const auto audio = files::read_audio(folder.path / name);
        return audio ? std::string{"read"} : audio.error().message;
    };
    CHECK_THAT(why("missing.wav"), ContainsSubstring("missing.wav") && ContainsSubstring("no such file"));
    CHECK_THAT(why("."), ContainsSubstring("not a file"));
    std::filesystem::create_symlink("loop.wav", folder.path / "loop.wav");
    CHECK_THAT(why("loop.wav"), ContainsSubstring("loop.wav: Too many levels of symbolic links"));
    if (::geteuid() != 0) {  // root may read anything
        std::ofstream{folder.path / "secret.wav"} << "x";
        std::filesystem::permissions(folder.path / "secret.wav", std::filesystem::perms::none);
        CHECK_THAT(why("secret.wav"), ContainsSubstring("secret.wav: Permission denied"));
    }
    REQUIRE(::mkfifo((folder.path / "pipe.wav").c_str(), 0600) == 0);
    CHECK_THAT(why("pipe.wav"), ContainsSubstring("not a file"));
    std::ofstream{folder.path / "text.wav"} << "This is no audio at all, only a line of text in a file.";
    CHECK_THAT(why("text.wav"), ContainsSubstring("not an audio file"));
    std::ofstream{folder.path / "empty.wav"};
    CHECK_THAT(why("empty.wav"), ContainsSubstring("empty.wav"));
    REQUIRE(files::write_wav(folder.path / "none.wav", 48'000.0, {}, 2));
    CHECK_THAT(why("none.wav"), ContainsSubstring("no samples"));

    // Cut off within the header, and with a header that claims more than there is.
    REQUIRE(files::write_wav(folder.path / "whole.wav", 48'000.0, std::vector<float>(2000, 0.25F), 2));
    const auto whole = content(folder.path / "whole.wav");
    std::ofstream{folder.path / "header.wav", std::ios::binary} << whole.substr(0, 20);
    CHECK_THAT(why("header.wav"), ContainsSubstring("header.wav"));
    std::ofstream{folder.path / "cut.wav", std::ios::binary} << whole.substr(0, whole.size() - 400);
    const auto cut = files::read_audio(folder.path / "cut.wav");
    REQUIRE(cut);
    CHECK(cut.value().frames() == 950);
}

TEST_CASE("a file longer than any recording of a test signal is refused", "[files][audio]")
{
    // A sparse file: the header of a short one, the sizes in it raised, and a hole behind it.
    const TemporaryFolder folder;
    const auto path = folder.path / "huge.wav";
    SF_INFO info{};
    info.samplerate = 48'000;
    info.channels = 2;
    info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_U8;
    const std::vector<float> samples(2 * 1000, 0.25F);
    auto* file = sf_open(path.c_str(), SFM_WRITE, &info);
    REQUIRE(file != nullptr);
    sf_writef_float(file, samples.data(), 1000);
    sf_close(file);
    const auto bytes = static_cast<std::uint32_t>(files::max_samples + 44 + 4096);
    fs::resize_file(path, bytes);
    std::fstream patch{path, std::ios::binary | std::ios::in | std::ios::out};
    const auto put = [&](std::streamoff at, std::uint32_t value) {
        const std::array<char, 4> raw{static_cast<char>(value), static_cast<char>(value >> 8U),
                                      static_cast<char>(value >> 16U), static_cast<char>(value >> 24U)};
        patch.seekp(at);
        patch.write(raw.data(), 4);
    };
    put(4, bytes - 8);
    put(40, bytes - 44);
    patch.close();
    const auto audio = files::read_audio(path);
    REQUIRE_FALSE(audio);
    CHECK_THAT(audio.error().message, ContainsSubstring("holds more than"));
}

TEST_CASE("a file is replaced whole or left alone", "[files]")
{
    const TemporaryFolder folder;
    const auto path = folder.path / "result.txt";
    REQUIRE(files::write_text(path, "first"));
    REQUIRE(files::write_text(path, "second, longer"));
    CHECK(content(path) == "second, longer");
    CHECK(entries(folder.path) == 1);
    struct stat facts{};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    const auto mask = ::umask(0);
    ::umask(mask);
    CHECK((facts.st_mode & 0777U) == (0666U & ~mask));

    fs::create_symlink(path, folder.path / "link.txt");
    REQUIRE(files::write_text(folder.path / "link.txt", "through a link"));
    CHECK(fs::is_symlink(folder.path / "link.txt"));
    CHECK(content(path) == "through a link");

    const auto missing = files::write_text(folder.path / "no" / "x.txt", "x");
    REQUIRE_FALSE(missing);
    CHECK_THAT(missing.error().message, ContainsSubstring("x.txt") && ContainsSubstring("No such file"));
    CHECK_THAT(files::write_text(folder.path, "x").error().message, ContainsSubstring("folder"));
    REQUIRE(::mkfifo((folder.path / "pipe").c_str(), 0600) == 0);
    CHECK_THAT(files::write_text(folder.path / "pipe", "x").error().message, ContainsSubstring("not a regular file"));
    // A device that is always full stands for a full disk: what is no regular file is not touched.
    CHECK_FALSE(files::write_text("/dev/full", "x"));
    CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("a program that is killed while it writes leaves the old file or the new one, and nothing else for long", "[files][kill]")
{
    const TemporaryFolder folder;
    const auto path = folder.path / "result.json";
    const std::string one(3'000'000, '1'), two(3'000'000, '2');
    REQUIRE(files::write_text(path, one));
    std::mt19937 random{1};
    for (int i = 0; i < 40; ++i) {
        const auto child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            for (;;)
                for (const auto* text : {&two, &one}) (void)files::write_text(path, *text);
        }
        ::usleep(std::uniform_int_distribution<useconds_t>{0, 12'000}(random));
        ::kill(child, SIGKILL);
        REQUIRE(::waitpid(child, nullptr, 0) == child);
        const auto now = content(path);
        REQUIRE((now == one || now == two));
        // At most what was being written just then; what was left before is gone.
        CHECK(entries(folder.path) <= 2);
    }
    REQUIRE(files::write_text(path, one));
    CHECK(entries(folder.path) == 1);
}

TEST_CASE("what another program is writing just now is left alone", "[files]")
{
    const TemporaryFolder folder;
    const auto path = folder.path / "result.json";
    auto other = files::PendingFile::create(path);
    REQUIRE(other);
    REQUIRE(::write(other.value().descriptor(), "other", 5) == 5);
    REQUIRE(files::write_text(path, "mine"));
    REQUIRE(other.value().commit());
    CHECK(content(path) == "other");
    CHECK(entries(folder.path) == 1);
}
