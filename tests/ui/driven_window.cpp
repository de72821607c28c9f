#include "ui/driven_window.h"

#include <GLFW/glfw3.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

namespace lowleg::test {

using namespace std::chrono_literals;

Display::Display() : server_{{"Xvfb", "-displayfd", "1", "-screen", "0", "4096x2400x24", "-nolisten", "tcp", "-noreset"}}
{
    if (!server_.wait_for_output("\n", 30s)) throw std::runtime_error{"Xvfb does not come up: " + server_.standard_error()};
    const auto number = lines_of(server_.standard_output()).front();
    setenv("DISPLAY", (":" + number).c_str(), 1);
}

void need_display()
{
    static const Display display;
}

DrivenWindow::DrivenWindow(const Options& options)
{
    ui::WindowOptions window;
    window.width = options.width;
    window.height = options.height;
    window.content_scale = options.scale;
    auto opened = ui::Window::open(window);
    if (!opened) throw std::runtime_error{opened.error().message};
    window_ = std::move(opened).value();
    instrument::Remembered remembered;
    remembered.place = options.place;
    remembered.settings = options.settings;
    remembered.window["theme"] = options.is_dark ? "dark" : "light";
    instrument::Settings settings;
    for (const auto& [name, words] : options.settings)
        if (const auto applied = instrument::apply_setting(settings, name, words); !applied) throw std::runtime_error{applied.error().message};
    session_ = std::make_unique<instrument::Session>(settings, options.place, options.signal);
    face_ = std::make_unique<ui::Face>(*session_, window_->toolkit(), remembered, settings, options.signal);
    draw(2);
}

void DrivenWindow::draw(int frames)
{
    for (int i = 0; i < frames; ++i) {
        ui::Gesture gesture;
        gesture.mouse = mouse_;
        window_->draw(*face_, gesture);
    }
}

const ui::Widget& DrivenWindow::widget(std::string_view label) const
{
    const auto* found = window_->toolkit().find(label);
    if (found == nullptr) throw std::runtime_error{"nothing has the label \"" + std::string{label} + "\"; there is:\n" + text()};
    return *found;
}

void DrivenWindow::click(std::string_view label)
{
    const auto& found = widget(label);
    if (!found.is_enabled) throw std::runtime_error{"\"" + std::string{label} + "\" cannot be used now"};
    click_at(found.rect.centre());
}

void DrivenWindow::click_at(ui::Point where, int times)
{
    mouse_ = where;
    draw(2);
    for (int i = 0; i < times; ++i) {
        ui::Gesture down;
        down.mouse = mouse_;
        down.is_down = true;
        window_->draw(*face_, down);
        draw();
    }
    draw(2);
}

void DrivenWindow::wheel(ui::Point where, float steps, bool ctrl)
{
    mouse_ = where;
    draw(2);
    ui::Gesture turn;
    turn.mouse = mouse_;
    turn.wheel = steps;
    turn.is_ctrl = ctrl;
    window_->draw(*face_, turn);
    draw();
}

void DrivenWindow::drag(ui::Point from, ui::Point to)
{
    mouse_ = from;
    draw(2);
    constexpr int steps = 8;
    for (int i = 0; i <= steps; ++i) {
        ui::Gesture held;
        const float part = static_cast<float>(i) / steps;
        held.mouse = ui::Point{from.x + part * (to.x - from.x), from.y + part * (to.y - from.y)};
        held.is_down = true;
        window_->draw(*face_, held);
    }
    mouse_ = to;
    draw(2);
}

void DrivenWindow::press(int key, bool ctrl, bool shift)
{
    ui::Gesture pressed;
    pressed.mouse = mouse_;
    pressed.keys = {key};
    pressed.is_ctrl = ctrl;
    pressed.is_shift = shift;
    window_->draw(*face_, pressed);
    draw(2);
}

void DrivenWindow::type(std::string_view field, const std::string& text)
{
    click(field);
    press(GLFW_KEY_A, true);
    ui::Gesture typed;
    typed.mouse = mouse_;
    typed.text = text;
    if (text.empty()) press(GLFW_KEY_DELETE);
    else window_->draw(*face_, typed);
    draw();
    press(GLFW_KEY_ENTER);
}

void DrivenWindow::choose(std::string_view list, std::string_view item)
{
    click(list);
    for (const auto& shown : window_->toolkit().widgets())
        if (shown.kind == ui::Widget::Kind::item && shown.label == item) return click_at(ui::Point{shown.rect.centre()});
    throw std::runtime_error{"the list \"" + std::string{list} + "\" has no \"" + std::string{item} + "\"; there is:\n" + text()};
}

bool DrivenWindow::wait_until(const std::function<bool(const instrument::Snapshot&)>& holds, std::chrono::seconds patience)
{
    for (const auto deadline = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(20ms)) {
        draw();
        if (holds(now())) return true;
    }
    return false;
}

bool DrivenWindow::wait_for_text(std::string_view words, std::chrono::seconds patience)
{
    return wait_until([&](const auto&) { return shows(words); }, patience);
}

bool DrivenWindow::wait_for_end()
{
    using Phase = instrument::JobState::Phase;
    const bool has_ended = wait_until([&](const auto& s) { return s.job.number > ended_ && (s.job.phase == Phase::done || s.job.phase == Phase::failed); });
    ended_ = now().job.number;
    draw(2);
    return has_ended;
}

}  // namespace lowleg::test
