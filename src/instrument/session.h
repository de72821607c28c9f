/// \file session.h
/// The whole instrument at work: a thread of its own listens, plays and does the jobs; a face gives commands and looks at snapshots.
#pragma once

#include "core/error.h"
#include "core/fixture.h"
#include "core/result.h"
#include "core/units.h"
#include "engine/engine.h"
#include "instrument/calibrate.h"
#include "instrument/live_view.h"
#include "instrument/settings.h"
#include "procedure/cmrr.h"
#include "procedure/identify.h"
#include "procedure/measure.h"
#include "report/listings.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowleg::instrument {

/// What is listened to and measured on.
struct Place {
    bool is_bench{true};
    std::string name{"cross-coupled"};  ///< Of a circuit that ships, a netlist file, or a device.
    friend bool operator==(const Place&, const Place&) = default;
};

/// What is played while nothing is measured.
struct TestSignal {
    enum class Kind : std::uint8_t { silence, sine, multitone };
    Kind kind{Kind::silence};
    Dbfs level{-20.0};       ///< Of its peaks; a device never begins louder than it is told.
    Hertz frequency{1000.0}; ///< Of the sine; a multiple of 5 Hz is played.
    friend bool operator==(const TestSignal&, const TestSignal&) = default;
};
[[nodiscard]] std::string_view words_for(TestSignal::Kind) noexcept;  ///< "silence", "sine", "multitone"

enum class JobKind : std::uint8_t { identify, cmrr, measure, calibrate, test_device };

struct Job {
    JobKind kind{JobKind::identify};
    procedure::MeasureKind measure{procedure::MeasureKind::level};
    procedure::CmrrMethod method{procedure::CmrrMethod::tied};
    bool own_input{false};                  ///< CMRR: input 1 of the interface itself.
    std::string receiver{"receiver-ina134"};  ///< CMRR and MeasureKind::input on the virtual bench: the circuit under test.
    CalibrationRequest calibration;
};

/// Something that only a person can do or know. While there is one the job waits.
struct Prompt {
    enum class Kind : std::uint8_t {
        none,
        set_switch,    ///< Move the fixture's switch; seen by itself, a word is only needed where nothing tells.
        connect,       ///< Wire something, then say so.
        line_output,   ///< Yes or no: no power amplifier is connected.
        meter,         ///< Type what a multimeter shows.
    };
    Kind kind{Kind::none};
    std::string title;                  ///< "Set the switch to grounded"
    std::string text;                   ///< What it means, or a drawing of several lines.
    std::optional<SwitchState> state;
    std::optional<procedure::CmrrFeed> feed;
    std::string complaint;              ///< Why the last answer would not do.
};

/// What became of the newest job.
struct JobState {
    enum class Phase : std::uint8_t { none, running, done, failed };
    Phase phase{Phase::none};
    std::uint64_t number{};             ///< Counts jobs.
    Job job;
    Place place;
    std::string activity;               ///< "loaded: 1 of 2 periods"
    std::optional<SwitchState> state;   ///< That is being taken.
    std::vector<SwitchState> taken;
    std::vector<std::string> said;      ///< What a person should know, newest last.
    Prompt prompt;
    std::optional<Error> error;
    std::shared_ptr<const topology::Verdict> so_far;
    std::shared_ptr<const procedure::Identification> identification;
    std::shared_ptr<const std::vector<procedure::CmrrPoint>> cmrr_so_far;
    std::shared_ptr<const procedure::Cmrr> cmrr;
    std::shared_ptr<const procedure::Measurement> measurement;
    std::vector<procedure::Figure> leading;  ///< The leading figure as it became better known.
};

/// What audio runs on, and how well.
struct StreamState {
    bool is_open{false};
    bool rests{false};                           ///< The virtual bench stands still, because its picture does.
    Place place;
    std::string device;
    std::string host_api;
    double sample_rate_hz{};
    engine::EngineCounters counters;
    engine::CallbackLoad load;
    std::uint64_t xruns{};                       ///< Blocks that the audio system flagged, or that came late, since the session began.
    std::uint64_t voided{};                      ///< Periods that were measured again because something broke in them, since the session began.
    std::optional<Seconds> round_trip;           ///< As measured last on this place.
    std::array<std::optional<Dbu>, 2> full_scale;  ///< Of a full-scale sine at inputs 1 and 2, where that is calibrated.
    SwitchState bench_switch{};                  ///< Of the virtual bench, while nothing is measured.
    TestSignal signal;
    std::string trouble;                         ///< Why it is not open, or what the simulated gear does: a sentence. Empty: nothing.
};

/// Everything that a face shows.
struct Snapshot {
    LiveFrame live;
    StreamState stream;
    JobState job;
    std::vector<report::DeviceEntry> devices;
    bool devices_known{false};
    std::string devices_trouble;                 ///< Why they could not be listed.
};

/// Commands come from one thread, which also looks; none of them waits for audio. What a command did shows in a later snapshot.
class Session {
public:
    /// \param settings  names and what a user wrote, as of apply_setting(). \param on_news  called on the session's thread after each snapshot; may be empty.
    Session(Settings settings, Place place, TestSignal signal, std::function<void()> on_news = {});
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();  ///< Stops everything, silent first.

    /// Takes the newest snapshot. \return whether it is news.
    bool update();
    [[nodiscard]] const Snapshot& latest() const;

    void choose(Place place);                    ///< A job that runs is stopped.
    void use(Settings settings);                 ///< From now on. A job that runs is stopped.
    void play(TestSignal signal);
    void set_bench_switch(SwitchState state);    ///< Of the virtual bench, while nothing is measured.
    void set_live(const LiveOptions& options);
    void reset_held();                           ///< Peak hold and clip hold.
    void list_devices();

    void start(Job job);                         ///< One that runs is stopped.
    /// Output silent at once, the job ended with what there is. What was played in between jobs is silence afterwards.
    void stop();
    void answer(bool yes);                       ///< To set_switch and connect: done. To line_output: yes or no.
    void answer(std::string text);               ///< To meter.

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::instrument
