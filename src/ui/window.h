/// \file window.h
/// The window itself: opened, waited for, drawn, and read back as a picture.
#pragma once

#include "core/result.h"
#include "ui/face.h"
#include "ui/theme.h"
#include "ui/toolkit.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lowleg::ui {

struct WindowOptions {
    int width{1280};
    int height{720};
    std::optional<double> content_scale;  ///< None: that of the monitor.
};

/// What a person does, for one frame: in place of mouse and keyboard.
struct Gesture {
    std::optional<Point> mouse;
    bool is_down{false};                  ///< The left button.
    float wheel{0.0F};
    bool is_ctrl{false};
    bool is_shift{false};
    std::vector<int> keys;                ///< That are down, as GLFW counts them.
    std::string text;                     ///< That is typed.
};

/// One window with its widgets. All functions but wake() on the thread that opened it, the program's first.
class Window {
public:
    /// \return failure where there is no display, or it cannot draw (OpenGL 3.0).
    static Result<std::unique_ptr<Window>> open(const WindowOptions& options = {});
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    ~Window();

    [[nodiscard]] Toolkit& toolkit() noexcept;
    /// Draws one frame. \param gesture  in place of what mouse and keyboard do.
    void draw(Face& face, const std::optional<Gesture>& gesture = {});
    /// Waits until something is to be drawn, and draws it; 1 s at the longest. \return false when the window is to be closed.
    bool wait_and_draw(Face& face);
    /// Any thread: there is news to be drawn.
    void wake() noexcept;

    struct Picture { int width{}, height{}; std::vector<std::uint8_t> rgb; };  ///< From the top left.
    [[nodiscard]] Picture picture() const;
    /// PNG. \return failure naming the file.
    Status save_picture(const std::filesystem::path& path) const;
    [[nodiscard]] std::array<int, 2> size() const;

private:
    struct Impl;
    explicit Window(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lowleg::ui
