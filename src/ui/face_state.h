/// \file face_state.h
/// What the window remembers between frames, beside what the session does. Private to the panels.
#pragma once

#include "instrument/remembered.h"
#include "instrument/session.h"
#include "ui/plot.h"
#include "ui/toolkit.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowleg::ui {

enum class Tab : std::uint8_t { identify, cmrr, measure, calibrate, device };
inline constexpr std::array<std::string_view, 5> tab_names{"Identify", "CMRR", "Measure", "Calibrate", "Device"};

/// A curve that was put by, to compare others with.
struct Overlay {
    std::string name;
    std::vector<float> powers;
    double bin_hz{};
    bool is_shown{true};
};
inline constexpr std::size_t most_overlays = 8;

struct FaceState {
    FaceState(instrument::Session& the_session, Toolkit& toolkit, instrument::Remembered the_remembered, instrument::Settings the_settings)
        : session{the_session}, kit{toolkit}, remembered{std::move(the_remembered)}, settings{std::move(the_settings)}
    {
    }

    instrument::Session& session;
    Toolkit& kit;
    instrument::Remembered remembered;
    instrument::Settings settings;            ///< Of remembered.settings, applied.

    Tab tab{Tab::identify};
    bool is_dark{true};
    double user_scale{1.0};
    bool shows_help{false};
    std::string notice;                       ///< What a click could not do, or did: a sentence.
    bool notice_is_bad{false};
    bool wants_quit{false};

    // Live view.
    bool is_frozen{false};
    instrument::LiveFrame frozen;
    std::array<bool, 4> shows{true, true, false, false};
    bool in_dbu{false};
    bool holds_peaks{false};
    bool has_harmonics{false};
    std::size_t averaging{1};
    instrument::LiveOptions told;             ///< What the session makes pictures by.
    std::size_t focused_plot{1};              ///< That keys zoom and move the cursor of: 0 scope, 1 spectrum.
    PlotView scope, spectrum, xy;
    std::vector<Overlay> overlays;
    std::string overlay_name;
    instrument::TestSignal signal;
    std::string level_text{"-20"}, frequency_text{"1000"};

    // Cards.
    std::size_t measure_kind{0};
    std::size_t cmrr_method{0};
    bool cmrr_own_input{false};
    std::size_t receiver{0};
    std::size_t calibration_step{0};
    std::string meter_text;
    PlotView cmrr_view;
    std::map<std::string, PlotView> measure_views;
    bool shows_all_evidence{false};

    // Device.
    std::map<std::string, std::string> typed;  ///< In the fields of settings.

    [[nodiscard]] const instrument::Snapshot& now() const { return session.latest(); }
    [[nodiscard]] const instrument::JobState& job() const { return session.latest().job; }
    [[nodiscard]] bool is_running() const { return job().phase == instrument::JobState::Phase::running; }
    [[nodiscard]] bool is_of(instrument::JobKind kind) const { return job().phase != instrument::JobState::Phase::none && job().job.kind == kind; }
    void say(std::string sentence, bool is_bad = false)
    {
        notice = std::move(sentence);
        notice_is_bad = is_bad;
    }
};

// Each draws a part of the window.
void draw_live(FaceState& face, Rect where);
void draw_identify(FaceState& face);
void draw_cmrr(FaceState& face);
void draw_measure(FaceState& face);
void draw_calibrate(FaceState& face);
void draw_device(FaceState& face);

/// What every job has in common: the prompt with its answer, what was said, what went wrong. \return whether a person is asked.
bool draw_job(FaceState& face, instrument::JobKind kind);
/// An error's message as a sentence: a capital letter and a point.
[[nodiscard]] std::string as_sentence(std::string message);
/// A button that puts a text onto the clipboard.
void draw_copy(FaceState& face, const std::string& text, std::string_view what);

/// The circuits that ship, of one kind: "output", "receiver".
[[nodiscard]] std::vector<std::string> circuits_of(std::string_view kind);
/// Of the circuits that are inputs, as they stand in the list; empty beyond it.
[[nodiscard]] std::string receiver_name(std::size_t index);
/// What the key of the open tab starts.
[[nodiscard]] instrument::Job job_of(const FaceState& face);
void start_or_stop(FaceState& face);
void toggle_freeze(FaceState& face);
void add_overlay(FaceState& face);
void toggle_signal(FaceState& face);
void choose_place(FaceState& face, instrument::Place place);
void change_setting(FaceState& face, const std::string& name, const std::string& text);
[[nodiscard]] PlotContent spectrum_axes(const FaceState& face);
[[nodiscard]] PlotContent scope_axes(const FaceState& face);

}  // namespace lowleg::ui
