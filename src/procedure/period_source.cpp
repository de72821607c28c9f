#include "procedure/period_source.h"

#include "core/text.h"
#include "files/audio_file.h"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>

namespace lowleg::procedure {
namespace {

/// A zero is possible, a row of them on both inputs is a dropout, or the time before the recording began.
constexpr std::size_t most_zeros = 64;
constexpr float full_scale = 0.9999F;
constexpr std::size_t clipped_in_a_row = 3;

/// The first of its .wav files, by name.
Result<std::filesystem::path> first_recording(const std::filesystem::path& folder)
{
    std::error_code failed;
    std::vector<std::filesystem::path> found;
    for (std::filesystem::directory_iterator at{folder, failed}, end; !failed && at != end; at.increment(failed))
        if (at->path().extension() == ".wav") found.push_back(at->path());
    if (failed || found.empty()) return Error{"there is no .wav file in " + folder.string() + ": give --captures the folder that \"--wav\" wrote, or a recording"};
    return *std::ranges::min_element(found);
}

Faults faults_in(Period& period)
{
    Faults faults;
    std::size_t zeros = 0;
    std::array<std::size_t, 2> at_full_scale{};
    for (std::size_t i = 0; i < period.leg[0].size(); ++i) {
        zeros = period.leg[0][i] == 0.0F && period.leg[1][i] == 0.0F ? zeros + 1 : 0;
        if (zeros > most_zeros) faults.add(Fault::zeros);
        for (std::size_t leg = 0; leg < 2; ++leg) {
            auto& x = period.leg[leg][i];
            if (!std::isfinite(x)) {
                faults.add(Fault::not_finite);
                x = 0.0F;
            }
            at_full_scale[leg] = std::abs(x) >= full_scale ? at_full_scale[leg] + 1 : 0;
            if (at_full_scale[leg] >= clipped_in_a_row) faults.add(Fault::clipped);
        }
    }
    return faults;
}

}  // namespace

Result<std::uint64_t> EngineSource::begin(const std::string&, std::span<const float> samples, Seconds settling)
{
    if (auto played = engine_.play(samples); !played) return played.error();
    auto settled = engine_.next_stretch(0, std::max<std::int64_t>(1, std::llround(settling.value() * sample_rate_hz())));
    if (!settled) return settled.error();
    return static_cast<std::uint64_t>(settled.value().first_frame) + settled.value().leg[0].size();
}

Result<std::optional<Period>> EngineSource::next_period(std::uint64_t not_before)
{
    auto period = engine_.next_period(not_before);
    if (!period) return period.error();
    return std::optional{std::move(period).value()};
}

Result<std::unique_ptr<RecordingSource>> RecordingSource::open(const std::filesystem::path& path)
{
    std::unique_ptr<RecordingSource> out{new RecordingSource};
    std::error_code failed;
    out->path_ = path;
    out->is_folder_ = std::filesystem::is_directory(path, failed);
    auto any = out->is_folder_ ? first_recording(path) : Result<std::filesystem::path>{path};
    if (!any) return any.error();
    const auto audio = files::read_audio(any.value());
    if (!audio) return audio.error();
    out->sample_rate_hz_ = audio.value().sample_rate_hz;
    out->begins_with_signal_ = out->is_folder_ && std::filesystem::exists(path / captures_note, failed);
    return out;
}

bool RecordingSource::holds(const std::string& name) const
{
    std::error_code failed;
    return !is_folder_ || std::filesystem::exists(path_ / (name + ".wav"), failed);
}

Result<std::uint64_t> RecordingSource::begin(const std::string& name, std::span<const float> samples, Seconds)
{
    if (!is_folder_ && !playing_.empty() && playing_ != name)
        return Error{"this measurement plays several signals, and " + path_.string() + " is one recording: give --captures a folder with " + playing_ + ".wav and " + name + ".wav",
                     ErrorKind::usage};
    playing_ = name;
    const auto file = is_folder_ ? path_ / (name + ".wav") : path_;
    if (!holds(name))
        return Error{path_.string() + " holds no " + name + ".wav, which is what this measurement plays: give the folder that the same measurement wrote with --wav"};
    auto audio = files::read_audio(file);
    if (!audio) return audio.error();
    auto& channels = audio.value().channels;
    if (channels.size() < 2) return Error{file.string() + " is mono: record both legs, pin 2 on channel 1 and pin 3 on channel 2"};
    if (audio.value().sample_rate_hz != sample_rate_hz_)
        return Error{file.string() + " was recorded at " + format_number(audio.value().sample_rate_hz) + " Hz, and others at " + format_number(sample_rate_hz_) +
                     " Hz: record all at one rate"};
    std::size_t begin = 0;
    while (begin < channels[0].size() && channels[0][begin] == 0.0F && channels[1][begin] == 0.0F) ++begin;
    if (begin <= most_zeros) begin = 0;
    for (std::size_t leg = 0; leg < 2; ++leg) legs_[leg].assign(channels[leg].begin() + static_cast<std::ptrdiff_t>(begin), channels[leg].end());
    period_frames_ = samples.size() / 2;
    if (legs_[0].size() < 2 * period_frames_)
        return Error{file.string() + " is too short: it holds " + format_fixed(static_cast<double>(legs_[0].size()) / static_cast<double>(period_frames_), 2) +
                     " periods of the test signal (" + format_fixed(static_cast<double>(period_frames_) / sample_rate_hz_, 2) + " s each), and two are needed; record 4 s or more"};
    return std::uint64_t{0};
}

Result<std::optional<Period>> RecordingSource::next_period(std::uint64_t not_before)
{
    const auto at = static_cast<std::size_t>(not_before);
    if (at + period_frames_ > legs_[0].size()) return std::optional<Period>{};
    Period period;
    for (std::size_t leg = 0; leg < 2; ++leg) {
        const auto from = legs_[leg].begin() + static_cast<std::ptrdiff_t>(at);
        period.leg[leg].assign(from, from + static_cast<std::ptrdiff_t>(period_frames_));
    }
    period.first_frame = static_cast<std::int64_t>(at);
    period.faults = faults_in(period);
    return std::optional{std::move(period)};
}

}  // namespace lowleg::procedure
