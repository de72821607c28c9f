/// \file face.h
/// What stands in the window, and what its keys do.
#pragma once

#include "instrument/remembered.h"
#include "instrument/session.h"
#include "ui/toolkit.h"

#include <cstdint>
#include <memory>
#include <string>

namespace lowleg::ui {

/// Draws one instrument into one window. All functions on the window's thread.
class Face {
public:
    Face(instrument::Session& session, Toolkit& toolkit, instrument::Remembered remembered, instrument::Settings settings, instrument::TestSignal signal);
    Face(const Face&) = delete;
    Face& operator=(const Face&) = delete;
    ~Face();

    /// Takes keys, draws everything. \param width, height  pixels.
    void draw(float width, float height);

    /// Whether news of the session would change what is drawn.
    [[nodiscard]] bool follows_news() const;
    /// So often at most is it worth while to draw, in s.
    [[nodiscard]] double least_interval() const;
    [[nodiscard]] bool is_dark() const;
    [[nodiscard]] double user_scale() const;
    [[nodiscard]] bool wants_quit() const;
    /// What is to be taken up the next time.
    [[nodiscard]] const instrument::Remembered& remembered() const;
    /// The window as text: what stands in it, and what can be done.
    [[nodiscard]] std::string as_text() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::ui
