/// \file audio_file.h
/// Audio files: read in any common PCM or float format, written as WAV.
#pragma once

#include "core/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace lowleg::files {

struct Audio {
    double sample_rate_hz{};
    std::vector<std::vector<float>> channels;  ///< ≥ 1, all of the same length ≥ 1; full scale = ±1.
    /// One step of the format around full scale: 2⁻¹⁵ for 16-bit PCM; 0 for float formats, which go on above full scale.
    double step{};

    [[nodiscard]] std::size_t frames() const noexcept { return channels.empty() ? 0 : channels.front().size(); }
};

/// The most samples that are read from one file, all channels together: more is no recording of a test signal.
inline constexpr std::size_t max_samples = std::size_t{1} << 27U;

/// Samples are handed on as the file has them: they may be NaN or beyond full scale in a float file.
/// \return failure naming the file: missing, not audio, damaged, without samples, longer than max_samples.
Result<Audio> read_audio(const std::filesystem::path& path);

/// float32 keeps every sample as it is; pcm16, which every player plays, rounds to 2⁻¹⁵.
enum class WavFormat : std::uint8_t { float32, pcm16 };

/// Writes a WAV file, whole or not at all. The same samples give the same bytes.
/// \param interleaved  frames × channels, full scale = ±1. \param channels  1 to 64.
/// \param sample_rate_hz  rounded to whole hertz, > 0.
/// \return failure naming the file and why it cannot be written.
Status write_wav(const std::filesystem::path& path, double sample_rate_hz, std::span<const float> interleaved, int channels,
                 WavFormat format = WavFormat::float32);

}  // namespace lowleg::files
