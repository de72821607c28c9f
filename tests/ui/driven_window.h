/// \file driven_window.h
/// A real window on a display of its own, driven as a person would: by what stands on the buttons, and by keys.
#pragma once

#include "instrument/session.h"
#include "support/process.h"
#include "ui/face.h"
#include "ui/window.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lowleg::test {

/// An X server without a screen. Sets DISPLAY for the whole program. One after the other, not two at a time.
class Display {
public:
    /// \throws std::runtime_error when Xvfb does not come up.
    Display();

private:
    Process server_;
};

/// One display for all tests of a program: it is started with the first.
void need_display();

class DrivenWindow {
public:
    struct Options {
        instrument::Place place;
        instrument::TestSignal signal{instrument::TestSignal::Kind::sine, Dbfs{-20.0}, Hertz{1000.0}};
        int width{1280};
        int height{720};
        double scale{1.0};
        bool is_dark{true};
        std::map<std::string, std::string> settings;
    };
    /// \throws std::runtime_error when no window can be opened.
    explicit DrivenWindow(const Options& options);
    DrivenWindow() : DrivenWindow{Options{}} {}

    void draw(int frames = 1);
    /// \throws std::runtime_error naming what there is instead, when nothing that can be used has this label.
    void click(std::string_view label);
    void click_at(ui::Point where, int times = 1);
    void move_to(ui::Point where) { mouse_ = where; draw(); }
    void wheel(ui::Point where, float steps, bool ctrl = false);
    void drag(ui::Point from, ui::Point to);
    void press(int key, bool ctrl = false, bool shift = false);
    /// Into the field of this label, in place of what stands there; ends with Enter.
    void type(std::string_view field, const std::string& text);
    /// Opens the list and chooses.
    void choose(std::string_view list, std::string_view item);

    /// Draws until this holds. The limit is of patience, not of speed. \return whether it came to hold.
    bool wait_until(const std::function<bool(const instrument::Snapshot&)>& holds, std::chrono::seconds patience = std::chrono::seconds{120});
    bool wait_for_text(std::string_view words, std::chrono::seconds patience = std::chrono::seconds{120});
    bool wait_for_end();  ///< Of a job that was not awaited yet.

    [[nodiscard]] bool shows(std::string_view words) const { return text().find(words) != std::string::npos; }
    [[nodiscard]] std::string text() const { return face_->as_text(); }
    [[nodiscard]] const ui::Widget& widget(std::string_view label) const;
    [[nodiscard]] const instrument::Snapshot& now() const { return session_->latest(); }
    [[nodiscard]] instrument::Session& session() { return *session_; }
    [[nodiscard]] ui::Window& window() { return *window_; }
    [[nodiscard]] ui::Face& face() { return *face_; }

private:
    std::unique_ptr<ui::Window> window_;
    std::unique_ptr<instrument::Session> session_;
    std::unique_ptr<ui::Face> face_;
    std::optional<ui::Point> mouse_;
    std::uint64_t ended_{0};
};

}  // namespace lowleg::test
