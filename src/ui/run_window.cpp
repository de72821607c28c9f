#include "ui/run_window.h"

#include "core/text.h"
#include "instrument/remembered.h"
#include "ui/face.h"
#include "ui/window.h"

#include <iterator>
#include <utility>

namespace lowleg::ui {
namespace {

using instrument::Place;
using instrument::Remembered;
using instrument::TestSignal;

int remembered_size(const Remembered& remembered, const char* name, int fallback)
{
    const auto found = remembered.window.find(name);
    double value{};
    if (found == remembered.window.end() || !parse_engineering(found->second, value) || !(value >= 400.0 && value <= 16'384.0)) return fallback;
    return static_cast<int>(value);
}

}  // namespace

Status run_window(const WindowRequest& request, const std::function<bool()>& should_stop)
{
    const auto path = instrument::remembered_path();
    Remembered remembered;
    if (request.remembers && path)
        if (auto stored = instrument::recall(path.value())) remembered = std::move(stored).value();
    if (request.place) remembered.place = *request.place;
    for (const auto& [name, text] : request.settings) remembered.settings[name] = text;
    instrument::Settings settings;
    for (auto setting = remembered.settings.begin(); setting != remembered.settings.end();) {
        const auto applied = instrument::apply_setting(settings, setting->first, setting->second);
        if (!applied && request.settings.contains(setting->first)) return applied;
        // What an older version knew is forgotten.
        setting = applied ? std::next(setting) : remembered.settings.erase(setting);
    }

    WindowOptions options;
    options.width = remembered_size(remembered, "width", options.width);
    options.height = remembered_size(remembered, "height", options.height);
    auto opened = Window::open(options);
    if (!opened) return opened.error();
    auto& window = *opened.value();

    // The bench may sound at once; of a device nobody knows what hangs on it.
    TestSignal signal{TestSignal::Kind::sine, Dbfs{-20.0}, Hertz{1000.0}};
    auto playing = signal;
    if (!remembered.place.is_bench) playing.kind = TestSignal::Kind::silence;
    instrument::Session session{settings, remembered.place, playing, [&window] { window.wake(); }};
    Face face{session, window.toolkit(), remembered, settings, playing};
    while (window.wait_and_draw(face) && !should_stop()) {
        if (request.first_frame_only && session.latest().live.number > 0) break;
    }
    if (!request.remembers || !path) return Done{};
    remembered = face.remembered();
    remembered.window["width"] = std::to_string(window.size()[0]);
    remembered.window["height"] = std::to_string(window.size()[1]);
    return instrument::remember(path.value(), remembered);
}

}  // namespace lowleg::ui
