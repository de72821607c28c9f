// Pictures of the window in the states that people see it in, written as PNGs: for whoever looks at them, and for the README.
#include "instrument/audio_host.h"
#include "ui/driven_window.h"

#include <GLFW/glfw3.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

using namespace lowleg;
using test::DrivenWindow;

namespace {

std::filesystem::path folder;

void save(DrivenWindow& window, const std::string& name)
{
    window.draw(2);
    const auto path = folder / (name + ".png");
    if (const auto saved = window.window().save_picture(path); !saved) throw std::runtime_error{saved.error().message};
    std::printf("%s\n", path.c_str());
}

void settle(DrivenWindow& window)
{
    const auto begin = window.now().live.number;
    window.wait_until([&](const auto& s) { return s.live.number > begin + 25; });
}

DrivenWindow::Options options_for(const char* circuit)
{
    DrivenWindow::Options options;
    options.place = {true, circuit};
    return options;
}

void take_live()
{
    DrivenWindow window{options_for("cross-coupled")};
    save(window, "empty");
    settle(window);
    save(window, "live");
    window.press(GLFW_KEY_M);
    window.press(GLFW_KEY_H);
    window.type("Overlay name", "through");
    window.click("Keep");
    window.click("grounded");
    settle(window);
    const auto plot = window.widget("spectrum").rect;
    window.click_at(plot.centre());
    save(window, "live-cursor");
    window.press(GLFW_KEY_F1);
    save(window, "keys");
}

void take_identify()
{
    DrivenWindow window{options_for("transformer")};
    settle(window);
    window.press(GLFW_KEY_I);
    window.wait_until([](const auto& s) { return s.job.taken.size() == 2; });
    save(window, "identify-running");
    window.wait_for_end();
    settle(window);
    save(window, "identify");
}

void take_cmrr()
{
    auto options = options_for("inverter");
    options.settings = {{"noise", "-110"}};
    DrivenWindow window{options};
    window.press(GLFW_KEY_2);
    settle(window);
    save(window, "cmrr-before");
    window.press(GLFW_KEY_F5);
    window.wait_until([](const auto& s) { return s.job.cmrr_so_far && !s.job.cmrr_so_far->empty() && s.job.cmrr_so_far->front().leg2; });
    save(window, "cmrr-running");
    window.wait_for_end();
    settle(window);
    save(window, "cmrr");
}

void take_measure()
{
    DrivenWindow window{options_for("transformer")};
    window.press(GLFW_KEY_3);
    window.choose("Measurement", "Response");
    window.press(GLFW_KEY_F5);
    window.wait_for_end();
    settle(window);
    save(window, "measure");
    window.press(GLFW_KEY_4);
    window.press(GLFW_KEY_F5);
    window.wait_for_end();
    settle(window);
    save(window, "calibrate");
    window.press(GLFW_KEY_5);
    window.wait_until([](const auto& s) { return s.devices_known; });
    save(window, "device");
}

void take_sizes()
{
    auto light = options_for("impedance-balanced");
    light.is_dark = false;
    {
        DrivenWindow window{light};
        settle(window);
        window.press(GLFW_KEY_I);
        window.wait_for_end();
        settle(window);
        save(window, "light");
    }
    light.width = 3840;
    light.height = 2160;
    light.scale = 2.0;
    light.is_dark = true;
    DrivenWindow window{light};
    settle(window);
    save(window, "4k");
}

void take_trouble()
{
    auto options = options_for("x");
    options.place = {false, "a device that is not there"};
    DrivenWindow window{options};
    window.wait_until([](const auto& s) { return !s.stream.trouble.empty(); });
    save(window, "trouble");
}

}  // namespace

int main(int argc, char** argv)
{
    // The process that moves audio is this program, started again.
    if (argc == 3 && std::string{argv[1]} == "audio-host") return instrument::run_audio_host(argv[2]) ? 0 : 1;
    if (argc < 2) {
        std::fputs("usage: take_screenshots FOLDER [live|identify|cmrr|measure|sizes|trouble]…\n", stderr);
        return 2;
    }
    folder = argv[1];
    const auto is_wanted = [&](const std::string& what) {
        for (int i = 2; i < argc; ++i)
            if (argv[i] == what) return true;
        return argc == 2;
    };
    try {
        std::filesystem::create_directories(folder);
        const test::Display display;
        if (is_wanted("live")) take_live();
        if (is_wanted("identify")) take_identify();
        if (is_wanted("cmrr")) take_cmrr();
        if (is_wanted("measure")) take_measure();
        if (is_wanted("sizes")) take_sizes();
        if (is_wanted("trouble")) take_trouble();
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "take_screenshots: %s\n", failed.what());
        return 1;
    }
    return 0;
}
