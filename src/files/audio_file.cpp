#include "files/audio_file.h"

#include "files/pending_file.h"

#include <sndfile.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <memory>
#include <string>
#include <system_error>

namespace lowleg::files {
namespace {

struct Closer {
    void operator()(SNDFILE* file) const noexcept { sf_close(file); }
};
using SoundFile = std::unique_ptr<SNDFILE, Closer>;

Error cannot_read(const std::filesystem::path& path, const std::string& why)
{
    return Error{"cannot read " + path.string() + ": " + why};
}

double step_of(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE:
    case SF_FORMAT_VORBIS:
    case SF_FORMAT_OPUS: return 0.0;
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8: return std::ldexp(1.0, -7);
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_ALAC_24: return std::ldexp(1.0, -23);
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_ALAC_32: return std::ldexp(1.0, -31);
    default: return std::ldexp(1.0, -15);
    }
}

}  // namespace

Result<Audio> read_audio(const std::filesystem::path& path)
{
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    // In a folder that may not be entered, nothing is known of its files.
    if (status.type() == std::filesystem::file_type::none) return cannot_read(path, error.message() + "; check the name and the permissions");
    if (!std::filesystem::exists(status)) return cannot_read(path, "there is no such file; check the name");
    // A pipe would wait for ever, and a folder gives a riddle of a message.
    if (!std::filesystem::is_regular_file(status)) return cannot_read(path, "it is not a file; give an audio file");

    if (::access(path.c_str(), R_OK) != 0) return cannot_read(path, std::generic_category().message(errno) + "; check its permissions");

    SF_INFO info{};
    const SoundFile file{sf_open(path.c_str(), SFM_READ, &info)};
    if (!file) {
        std::string why{sf_strerror(nullptr)};
        while (!why.empty() && (why.back() == '.' || why.back() == '\n' || why.back() == ' ')) why.pop_back();
        return cannot_read(path, "it is not an audio file of a known format (" + why + "); give a WAV file");
    }
    if (info.channels < 1 || info.samplerate < 1) return cannot_read(path, "its header makes no sense; record it again");

    Audio audio;
    audio.sample_rate_hz = info.samplerate;
    audio.step = step_of(info.format);
    const auto channels = static_cast<std::size_t>(info.channels);
    audio.channels.resize(channels);

    // In pieces, because the length that a header claims can be anything.
    std::vector<float> piece(channels * 8'192);
    for (;;) {
        const auto frames = sf_readf_float(file.get(), piece.data(), static_cast<sf_count_t>(piece.size() / channels));
        if (frames <= 0) break;
        const auto count = static_cast<std::size_t>(frames);
        if ((audio.frames() + count) * channels > max_samples)
            return cannot_read(path, "it holds more than " + std::to_string(max_samples / channels) +
                                         " frames; cut it to a few seconds of the test signal");
        for (std::size_t c = 0; c < channels; ++c) {
            auto& samples = audio.channels[c];
            for (std::size_t i = 0; i < count; ++i) samples.push_back(piece[i * channels + c]);
        }
    }
    if (audio.frames() == 0) return cannot_read(path, "it holds no samples; record it again");
    return audio;
}

Status write_wav(const std::filesystem::path& path, double sample_rate_hz, std::span<const float> interleaved, int channels, WavFormat format)
{
    if (channels < 1 || channels > 64 || !(sample_rate_hz >= 1.0 && sample_rate_hz < 1e9))
        return Error{"cannot write " + path.string() + ": no WAV file has " + std::to_string(channels) +
                     " channels at this rate; use 1 to 64 channels and a rate of at least 1 Hz"};
    auto pending = PendingFile::create(path);
    if (!pending) return pending.error();

    SF_INFO info{};
    info.samplerate = static_cast<int>(std::lround(sample_rate_hz));
    info.channels = channels;
    info.format = SF_FORMAT_WAV | (format == WavFormat::pcm16 ? SF_FORMAT_PCM_16 : SF_FORMAT_FLOAT);
    const auto failed = [&](const char* why) {
        return Error{"cannot write " + path.string() + ": " + why + "; make room or choose another place"};
    };
    SoundFile file{sf_open_fd(pending.value().descriptor(), SFM_WRITE, &info, SF_FALSE)};
    if (!file) return failed(sf_strerror(nullptr));
    // The chunk of peaks holds the time of day: the same signal would never give the same file twice.
    sf_command(file.get(), SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);
    const auto frames = static_cast<sf_count_t>(interleaved.size() / static_cast<std::size_t>(channels));
    if (sf_writef_float(file.get(), interleaved.data(), frames) != frames) return failed(sf_strerror(file.get()));
    if (sf_close(file.release()) != 0) return failed("the end of the file could not be written");
    return pending.value().commit();
}

}  // namespace lowleg::files
