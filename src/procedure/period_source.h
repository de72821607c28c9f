/// \file period_source.h
/// Where captured periods come from: an engine that plays and records, or a recording that was made elsewhere.
#pragma once

#include "core/record.h"
#include "core/result.h"
#include "core/units.h"
#include "engine/engine.h"
#include "procedure/played_signal.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lowleg::procedure {

class PeriodSource {
public:
    PeriodSource() = default;
    PeriodSource(const PeriodSource&) = delete;
    PeriodSource& operator=(const PeriodSource&) = delete;
    virtual ~PeriodSource() = default;

    [[nodiscard]] virtual double sample_rate_hz() const noexcept = 0;
    /// What next_period() gives from here on is this signal. \param name  of its capture: "through", "sine". \param samples  one period, interleaved (drive, probe).
    /// \param settling  of signal, that does not count. \return the frame from which on it counts.
    Result<std::uint64_t> play(const std::string& name, std::span<const float> samples, Seconds settling)
    {
        auto begun = begin(name, samples, settling);
        if (begun) played_.push_back(played_signal(name, samples));
        return begun;
    }
    /// The next period that begins at or after this frame, good or bad. \return nothing where a recording ends.
    virtual Result<std::optional<Period>> next_period(std::uint64_t not_before) = 0;
    /// All signals that were played so far.
    [[nodiscard]] const std::vector<PlayedSignal>& played() const noexcept { return played_; }

private:
    virtual Result<std::uint64_t> begin(const std::string& name, std::span<const float> samples, Seconds settling) = 0;
    std::vector<PlayedSignal> played_;
};

class EngineSource final : public PeriodSource {
public:
    /// \param engine  outlives it.
    explicit EngineSource(engine::Engine& engine) noexcept : engine_{engine} {}
    [[nodiscard]] double sample_rate_hz() const noexcept override { return engine_.facts().sample_rate_hz; }
    Result<std::optional<Period>> next_period(std::uint64_t not_before) override;

private:
    Result<std::uint64_t> begin(const std::string& name, std::span<const float> samples, Seconds settling) override;
    engine::Engine& engine_;
};

/// Recordings of what a measurement plays: channel 1 pin 2, channel 2 pin 3, each beginning anywhere in the signal while it repeats.
class RecordingSource final : public PeriodSource {
public:
    /// \param path  a file, for what needs one signal only; or a folder with one file for each signal, "<name>.wav".
    /// \return failure when there is none, or it cannot be read.
    static Result<std::unique_ptr<RecordingSource>> open(const std::filesystem::path& path);

    [[nodiscard]] double sample_rate_hz() const noexcept override { return sample_rate_hz_; }
    /// Whether the files begin where the signal does: those that a measurement exported, which say so beside them.
    [[nodiscard]] bool begins_with_signal() const noexcept { return begins_with_signal_; }
    /// Whether there is a recording of the signal of this name.
    [[nodiscard]] bool holds(const std::string& name) const;
    Result<std::optional<Period>> next_period(std::uint64_t not_before) override;

private:
    RecordingSource() = default;
    /// \return failure naming the file: missing, mono, of another rate, or too short for two periods.
    Result<std::uint64_t> begin(const std::string& name, std::span<const float> samples, Seconds settling) override;
    std::filesystem::path path_;
    bool is_folder_{false};
    bool begins_with_signal_{false};
    double sample_rate_hz_{};
    std::string playing_;
    std::array<std::vector<float>, 2> legs_;
    std::size_t period_frames_{};
};

/// Stands beside exported captures and says that they begin where the signal does.
inline constexpr const char* captures_note = "captures.json";

}  // namespace lowleg::procedure
